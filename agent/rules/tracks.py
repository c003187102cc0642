"""What rules know of the devices: their last scan, and their statistics of the minute, hour and day last closed.

A `Shelf` per visit of a device holds the scan and the rows as they are. Taking a scan is one assignment, however many
points are looked at; what rules read of it is found by index when they read it.

- A value is ``None`` when its flag is not N, when it is no number, and when the scan is older than three polls (of an
  instrument that sends by itself: older than the silence it is allowed). Numbers of 2^53 and more are none, as in
  records (`agent.record.reading`): no sum or square over a window of the others can leave what a float holds.
- A row counts only for the period it belongs to: the one that has been closed last (`Present.closed`). But what is read
  every few minutes (`STANDS_S`) stands, as a minute's value, until it is read again. Of what is read still less often
  only hours, days and the reading itself are known: a minute value of an hour ago would look like a constant.
- Values come in the unit of the `Quantity` where both units are known (`conversion`), else as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agent.desk import is_answered
from agent.record import LARGEST
from buffer.history_row import Level
from config.visits import name_of, visits
from drivers.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from agent.rules.rule import Given, Number
    from buffer.history_row import Row
    from config.site import Device, PointInfo
    from drivers.reading import Scan

POLLS: Final = 3
"""A value is too old after so many poll periods (facts/rules.md section 2)."""
_GOOD: Final = Quality.NORMAL.value
_SILENT: Final = Quality.NO_COMMUNICATION.value
_NUMBERS: Final[frozenset[Any]] = frozenset((float, int, bool))

MINUTE, HOUR, DAY = range(3)
"""Places of the levels in `Shelf.rows` and `Present.closed`."""


STANDS_S: Final = 300.0
"""The longest poll whose reading stands for the minutes after it [P]: twelve readings an hour still tell a constant."""
_MINUTE_MS: Final = 60_000


class Linear(NamedTuple):
    """``x * factor + offset``."""

    factor: float
    offset: float = 0.0


_SCALES: Final = (
    {"W": 1.0, "kW": 1e3, "MW": 1e6},
    {"VA": 1.0, "kVA": 1e3, "MVA": 1e6},
    {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    {"mV": 1e-3, "V": 1.0, "kV": 1e3},
    {"mA": 1e-3, "A": 1.0, "kA": 1e3},
    {"Pa": 1.0, "hPa": 1e2, "mbar": 1e2, "kPa": 1e3, "bar": 1e5, "MPa": 1e6},
    {"ug/m3": 1e-3, "mg/m3": 1.0, "g/m3": 1e3},
    {"ug/L": 1e-3, "mg/L": 1.0, "g/L": 1e3},
    {"L/s": 3.6, "m3/h": 1.0, "m3/min": 60.0, "m3/s": 3600.0},
    {"L": 1e-3, "m3": 1.0},
    {"mg": 1e-6, "g": 1e-3, "kg": 1.0, "t": 1e3},
    {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0},
    {"%": 1.0, "1": 100.0},
)
_TEMPERATURES: Final[Mapping[tuple[str, str], Linear]] = {
    ("K", "Cel"): Linear(1.0, -273.15),
    ("degF", "Cel"): Linear(5 / 9, -160 / 9),
}
_STANDING: Final = ("avg", "least", "most")
_SAME: Final = {
    "°C": "Cel",
    "℃": "Cel",
    "C": "Cel",
    "mg/Nm3": "mg/m3",
    "mg/m³": "mg/m3",
    "m³/h": "m3/h",
    "Nm3/h": "m3/h",
}


def conversion(given: str, wanted: str) -> Linear | None:
    """Return how to make a number in `given` one in `wanted`; ``None`` when it is taken as it is."""
    given, wanted = _SAME.get(given, given), _SAME.get(wanted, wanted)
    if given == wanted:
        return None
    for scale in _SCALES:
        if given in scale and wanted in scale:
            return Linear(scale[given] / scale[wanted])
    return _TEMPERATURES.get((given, wanted))


@dataclass(slots=True)
class Present:
    """The moment that rules are evaluated at: now, and the periods that have been closed last (`Row.key`)."""

    mono_ns: int = 0
    wall_ms: int | None = None
    closed: list[Hashable] = field(default_factory=lambda: [None, None, None])


class Kept(NamedTuple):
    """What a closed period says of one visit, in columns aligned with the visit's numbers.

    `key` tells the period from all others (`key_of`). A mean is ``None`` where the period is not valid, and so is the
    amount of a rate; a counter tells what it rose also over a gap.
    """

    key: Hashable
    avg: Sequence[Number]
    least: Sequence[Number]
    most: Sequence[Number]
    total: Sequence[Number]
    n: Sequence[int]
    expected: int
    flags: str
    """The worst letter of each column."""


def key_of(start_ms: int | None, start_mono_ms: int) -> Hashable:
    """Return what tells a period from all others: its start, or while time is not known, that since boot."""
    return start_ms if start_ms is not None else ("boot", start_mono_ms)


def _stands(row: Kept, closed: Hashable, stands_ms: int) -> bool:
    """Whether the value of an earlier minute stands for the one that has been closed last."""
    if not stands_ms:
        return False
    match row.key, closed:
        case int(then), int(now):
            return 0 < now - then <= stands_ms
        case (str(), int(then)), (str(), int(now)):
            return 0 < now - then <= stands_ms
    return False


def kept(row: Row, counters: Sequence[bool]) -> Kept:
    """Return what rules may know of a row; `counters` says which columns are counters."""
    avg, total = row.avg, row.total
    if not all(row.valid):
        avg = tuple(value if valid else None for value, valid in zip(avg, row.valid, strict=True))
        columns = zip(total, row.valid, counters, strict=True)
        total = tuple(value if valid or counter else None for value, valid, counter in columns)
    key = key_of(row.start_ms, row.start_mono_ms)
    return Kept(key, avg, row.least, row.most, total, row.n, row.expected, row.flag)


class Shelf:
    """What the visit of one device said last."""

    __slots__ = (
        "answered_ns", "answers", "bits", "counters", "rows", "scan", "since_ns", "stale_ns", "stands_ms", "visit",
    )  # fmt: skip

    def __init__(self, visit: Device) -> None:
        """Begin with nothing."""
        silence_s = visit.poll_s if visit.spec.sends else POLLS * visit.poll_s
        self.visit = visit
        self.stale_ns = round(silence_s * 1e9)
        poll_ms = round(visit.poll_s * 1000)
        self.stands_ms = poll_ms if _MINUTE_MS < poll_ms <= 1000 * STANDS_S else 0
        self.scan: Scan | None = None
        self.answered_ns: int | None = None
        self.counters = tuple(info.total == "counter" for info in visit.info if info.is_number)
        self.since_ns: int | None = None
        """When it was first looked for; 0 when that was before this process."""
        self.answers = 0
        self.rows: list[Kept | None] = [None, None, None]
        self.bits: dict[int, object] = {}
        """Points, by index, of which a change is to be judged at once, and what they said last."""

    def put(self, scan: Scan) -> list[int]:
        """Take a scan; return which of `bits` are not what they were."""
        self.scan = scan
        if self.since_ns is None:
            self.since_ns = scan.mono_ns
        if is_answered(scan):
            self.answered_ns = scan.mono_ns
            self.answers += 1
        values, bits = scan.values, self.bits
        moved = [index for index, before in bits.items() if values[index] != before]
        for index in moved:
            bits[index] = values[index]
        return moved


@dataclass(frozen=True, slots=True)
class Point:
    """One point of one visit, and where its values are found. `column` is its place in rows, if it is a number."""

    shelf: Shelf
    index: int
    column: int | None
    info: PointInfo
    present: Present

    @property
    def device(self) -> str:
        """The name of its device."""
        return name_of(self.shelf.visit.spec.name)

    @property
    def ref(self) -> str:
        """The point as in the site file."""
        return f"{self.device}.{self.info.name}"

    def live(self) -> Any:
        """Return the last reading, text or number, unless it is bad or too old."""
        scan = self.shelf.scan
        if scan is None or scan.flags[self.index] != _GOOD:
            return None
        return None if self.present.mono_ns - scan.mono_ns > self.shelf.stale_ns else scan.values[self.index]

    def number(self) -> Number:
        """Return the last reading, if it is a number to believe."""
        value = self.live()
        return value if value.__class__ in _NUMBERS and -LARGEST <= value <= LARGEST else None

    def flag(self) -> float:
        """Return the quality letter of the last reading as a code point; B when there was none or it is too old."""
        scan = self.shelf.scan
        if scan is None or self.present.mono_ns - scan.mono_ns > self.shelf.stale_ns:
            return ord(_SILENT)
        return ord(scan.flags[self.index])

    def age_s(self) -> Number:
        """Return how long ago the device gave anything, in seconds; ``None`` when it never did."""
        answered_ns = self.shelf.answered_ns
        return None if answered_ns is None else (self.present.mono_ns - answered_ns) / 1e9

    def row(self, level: int) -> Kept | None:
        """Return what the period of `level` that was closed last says."""
        row = self.shelf.rows[level]
        return row if row is not None and row.key == self.present.closed[level] else None

    def closed(self, level: int, member: str) -> Callable[[], Number]:
        """Return a source of one member of its rows: avg, least, most, total, n."""
        at, shelf, column, closed = Kept._fields.index(member), self.shelf, self.column, self.present.closed
        stands_ms = shelf.stands_ms if level == MINUTE and member in _STANDING else 0

        def read() -> Number:
            row, now = shelf.rows[level], closed[level]
            if row is None or column is None or (row.key != now and not _stands(row, now, stands_ms)):
                return None
            columns: Any = row[at]
            value: Number = columns[column]
            return value if value is None or -LARGEST <= value <= LARGEST else None

        return read

    def expected(self, level: int) -> Number:
        """Return how many readings the closed period should have had."""
        row = self.row(level)
        return None if row is None else row.expected


_PLACES: Final = {Level.MINUTE: MINUTE, Level.HOUR: HOUR, Level.DAY: DAY}


class Tracks:
    """All points of a site by "device.point", and the shelves of its visits."""

    def __init__(self, devices: Iterable[Device]) -> None:
        """Begin with empty shelves."""
        self.present = Present()
        self.shelves = {visit.spec.name: Shelf(visit) for device in devices for visit in visits(device)}
        self._points: dict[str, Point] = {}
        self._devices: dict[str, list[Point]] = {}
        for shelf in self.shelves.values():
            numbers = [index for index, info in enumerate(shelf.visit.info) if info.is_number]
            for index, info in enumerate(shelf.visit.info):
                column = numbers.index(index) if info.is_number else None
                point = Point(shelf, index, column, info, self.present)
                if self._points.setdefault(point.ref, point) is point:
                    self._devices.setdefault(point.device, []).append(point)

    def point(self, ref: str) -> Point | None:
        """Return a point by "device.point"."""
        return self._points.get(ref)

    def known(self, visits: Iterable[str]) -> None:
        """Note which visits were looked for before this process."""
        for name in visits:
            if name in self.shelves:
                self.shelves[name].since_ns = 0

    def put(self, row: Row) -> None:
        """Take a closed period; ten minutes are nothing to rules."""
        level, shelf = _PLACES.get(row.level), self.shelves.get(row.visit)
        if level is not None and shelf is not None and len(row.names) == len(shelf.counters):
            shelf.rows[level] = kept(row, shelf.counters)

    def of(self, device: str) -> list[Point]:
        """Return the points of a device, by its name in the site file."""
        return self._devices.get(device, [])


def scaled(read: Callable[[], Any], how: Linear | None) -> Callable[[], Any]:
    """Return a source of what `read` gives, converted."""
    if how is None:
        return read
    factor, offset = how

    def converted() -> Given:
        value = read()
        return None if value is None else value * factor + offset

    return converted
