"""Derived points: at each scan of the visit that sets the pace, their formulas over the latest values of their inputs.

What comes of it is a `Scan` like any other, at the moment of the scan that brought it about. Pure; a visit that no
formula names costs two looks into dictionaries.

The flag of a result is the worst of its inputs' (`drivers.status`), whether they decide the result or not:

- all inputs have values: the result, and that flag. T keeps its number here as everywhere;
- an input has no value: none, and that flag;
- an input was read more than `POLLS` polls of its device ago, or never: it is not known, flag B;
- the formula cannot be computed (division by zero, oxygen of 21 % and more …): none, flag D or a worse one;
- a result outside the point's range keeps its number, flag T or a worse one; from 2**53 on it has none, as any reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.visits import places
from drivers.reading import Quality, Scan
from drivers.status import WORST_FIRST, worse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from config.formula import Formula
    from config.site import Derived, Device
    from drivers.reading import Value

POLLS: Final = 3
"""After so many polls of its device without a new one, a value is not known any more (as in `agent.plant`)."""
LARGEST: Final = 2.0**53
"""From here on a number is no reading: JSON readers keep 53 bits (RFC 8259 section 6)."""

_FAULT: Final = Quality.FAULT.value
_NORMAL: Final = Quality.NORMAL.value
_OUT_OF_RANGE: Final = Quality.OUT_OF_RANGE.value
_NO_COMMUNICATION: Final = Quality.NO_COMMUNICATION.value

Read = tuple["Value", str]
"""A value and its flag."""
_UNKNOWN: Final[Read] = (None, _NO_COMMUNICATION)


class Derivation:
    """The derived points of a site: takes scans, gives those of derived devices. Belongs to the pipeline's thread."""

    def __init__(self, derived: Sequence[Derived], devices: Iterable[Device]) -> None:
        """Begin without any value known. `devices` are the site's instruments."""
        where = _Places(derived, devices)
        self._paced: dict[str, list[_Computed]] = {}
        for one in derived:
            self._paced.setdefault(one.paced_by, []).append(_Computed(one, where))
        self._inputs = where.visits_used
        self._latest: dict[str, Scan] = {}

    def scans(self, scan: Scan) -> list[Scan]:
        """Return the scans of the derived devices that this one sets the pace of, those that others need first."""
        name = scan.device
        if name in self._inputs:
            self._latest[name] = scan
        found = []
        for computed in self._paced.get(name, ()):
            one = computed.scan(scan, self._latest)
            self._latest[one.device] = one
            found.append(one)
        return found


class _Places:
    """Where the inputs of formulas are: key of the visit, place in it, and the age in ns beyond which it is too old."""

    def __init__(self, derived: Iterable[Derived], devices: Iterable[Device]) -> None:
        self._at = places([*devices, *(one.device for one in derived)])
        self.visits_used: set[str] = set()

    def __getitem__(self, point: str) -> tuple[str, int, int]:
        visit, place = self._at[point]
        self.visits_used.add(visit.spec.name)
        return visit.spec.name, place, round(POLLS * visit.poll_s * 1e9)


class _Computed:
    """One derived device."""

    __slots__ = ("_name", "_points")

    def __init__(self, derived: Derived, where: _Places) -> None:
        self._name = derived.device.spec.name
        own = {f"{self._name}.{info.name}": place for place, info in enumerate(derived.device.info)}
        ranges = derived.ranges or (None,) * len(derived.formulas)
        self._points = [
            _Point(
                formula,
                [own[one] if one in own else where[one] for one in formula.inputs],
                info.decimals,
                believed,
            )
            for formula, info, believed in zip(derived.formulas, derived.device.info, ranges, strict=True)
        ]

    def scan(self, trigger: Scan, latest: dict[str, Scan]) -> Scan:
        """Return the values of the moment of `trigger`, from the `latest` scans of all inputs."""
        reads: list[Read] = []
        for point in self._points:
            reads.append(point.read(trigger.mono_ns, latest, reads))
        values, flags = zip(*reads, strict=True)
        return Scan(self._name, trigger.wall_ms, trigger.mono_ns, values, "".join(flags))


class _Point:
    """One derived point. An input is a place in the device's own points before it, or in a scan of another."""

    __slots__ = ("_believed", "_decimals", "_formula", "_inputs")

    def __init__(
        self,
        formula: Formula,
        inputs: Sequence[int | tuple[str, int, int]],
        decimals: int | None,
        believed: tuple[float, float] | None,
    ) -> None:
        self._formula = formula
        self._inputs = inputs
        self._decimals = decimals
        self._believed = believed

    def read(self, now_ns: int, latest: dict[str, Scan], own: Sequence[Read]) -> Read:
        """Return the value and its flag."""
        reads = [own[one] if isinstance(one, int) else _latest(one, now_ns, latest) for one in self._inputs]
        flag = min((flag for _, flag in reads), key=WORST_FIRST.index)
        values = [value for value, _ in reads]
        if None in values:
            return None, _FAULT if flag == _NORMAL else flag
        number = self._formula.evaluate(values)
        if number is None:
            return None, worse(_FAULT, flag)
        if abs(number) >= LARGEST:
            return None, worse(_OUT_OF_RANGE, flag)
        if self._decimals is not None:
            number = round(number, self._decimals) + 0.0
        if self._believed is not None and not self._believed[0] <= number <= self._believed[1]:
            flag = worse(_OUT_OF_RANGE, flag)
        return number, flag


def _latest(place: tuple[str, int, int], now_ns: int, latest: dict[str, Scan]) -> Read:
    """Return what was last read at a place, as long as it is not too old to say anything."""
    visit, index, most_ns = place
    scan = latest.get(visit)
    if scan is None or now_ns - scan.mono_ns > most_ns:
        return _UNKNOWN
    return scan.values[index], scan.flags[index]
