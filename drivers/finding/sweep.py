"""Trying everything that is likely on a line, and telling what happens: a stream of events, in the order they happen.

A sweep can be stopped between any two events; what was found until then is known. It decides:

- A device is found once. A meter's number is its own; a unit id that answered is not asked for again at the same baud
  rate (parity and stop bits are not looked at by every adapter).
- A device that refuses the register it is asked for has answered: it is there.
- An address where something answers that is never a sound frame is asked again (`AGAIN` times): if it stays so, two
  devices share it, for their answers collide.
- An answer that comes while another unit is asked is of a slow device: the last `LATE` are asked again, patiently.
- Where bytes come that nobody asked for, and nobody has answered, it listens longer, at each setting until what comes
  is garbage. An instrument that sends by itself has the line to itself, so there the sweep ends.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from drivers.errors import BadFrame, BadRequest, NoAnswer, Refused
from drivers.finding.likely import AGAIN, ANY_UNIT, DLT645_TIMEOUT_S, PAUSE_S, Wanted, stage_s, units_s
from drivers.finding.overheard import is_garbage, is_promising, stations, text_line
from drivers.spec import DeviceSpec, LineSettings, PointSpec, Table

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from drivers.reading import Scan

LATE: Final = 8
LATE_TIMEOUT_S: Final = 1.0
SETTLED_S: Final = 0.3
ATTENTION_S: Final = 2.0
"""Long listening is told of this often."""
LEAST_UNASKED: Final = 8
"""Fewer bytes that nobody asked for are noise."""
MOST_PAUSES: Final = 3
"""Where more is garbled, the line is not silent anyway."""
PROBE: Final = PointSpec(name="probe", table=Table.HOLDING, at=0, type="uint16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A device that answered. `settings` is None behind a TCP host; `heard` is what one said that sends by itself."""

    protocol: str
    address: int | str
    settings: LineSettings | None
    heard: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is tried now, and how many seconds are left if nobody answers any more."""

    settings: LineSettings | None
    what: str
    left_s: float


@dataclass(slots=True)
class Stage:
    """What has come of one setting so far: how many questions were put, and what was heard in place of a sound answer.

    `garbled` is by address, the reason in words; `shared` are addresses where two devices answer at once; `unasked` is
    what came by itself while nobody was asked. `skipped`: why the setting was not tried. `has_sender`: an instrument
    here sends by itself, so nobody was asked. `any_unit`: the host answers for every unit id.
    """

    settings: LineSettings | None
    questions: int = 0
    answers: int = 0
    garbled: dict[int | str, str] = field(default_factory=dict)
    shared: list[int | str] = field(default_factory=list)
    unasked: bytes = b""
    skipped: str = ""
    has_sender: bool = False
    any_unit: bool = False


Event = Found | Step | Stage


class Tap(Protocol):
    """A line or host as a sweep uses it.

    `noise` counts bytes that belonged to no answer, `strangers` sound answers of a unit that was not asked just then.
    """

    strangers: int

    @property
    def noise(self) -> int:
        """See above."""

    def turn_to(self, settings: LineSettings | None) -> None:
        """Set the line up. Raises BadRequest for what the adapter cannot do, LinkDown."""

    def look(self, spec: DeviceSpec) -> Scan:
        """Visit a device that no site describes. Raises DriverError."""

    def overhear(self, settings: LineSettings | None, seconds: float) -> bytes:
        """Return what comes by itself within `seconds`, at most a few thousand bytes. Raises LinkDown."""

    def meters(self, settings: LineSettings | None) -> Iterator[tuple[str, str] | None]:
        """Search DL/T 645 meters: protocol and address of each, or None after a question that found none."""


def sweep(tap: Tap, wanted: Wanted, *, protocol: str = "modbus") -> Iterator[Event]:
    """Try everything in `wanted`; a `Stage` begins each setting and fills. Raises LinkDown when the line is gone."""
    known: set[object] = set()
    stages: list[LineSettings | None] = list(wanted.settings) or [None]
    has_listened = False
    for number, settings in enumerate(stages):
        later_s = sum(stage_s(one, wanted) for one in stages[number + 1 :])
        sweeping = _Sweep(tap, wanted, settings, later_s, protocol, known)
        yield from sweeping.events()
        if sweeping.has_sender:
            return
        if sweeping.came_unasked and not known and not has_listened:
            has_listened = True
            if (yield from _somebody_sends(tap, wanted, stages)):
                return


def _somebody_sends(tap: Tap, wanted: Wanted, stages: Sequence[LineSettings | None]) -> Generator[Event, None, bool]:
    """Listen at one setting after the other until what comes makes sense; return whether it did."""
    for settings in stages:
        sweeping = _Sweep(tap, wanted, settings, 0.0, "", set())
        yield from sweeping.listens_on()
        if sweeping.has_sender or not sweeping.has_heard:
            return sweeping.has_sender
    return False


class _Sweep:
    """One stage."""

    def __init__(
        self, tap: Tap, wanted: Wanted, settings: LineSettings | None, later_s: float, protocol: str, known: set[object]
    ) -> None:
        self._tap = tap
        self._wanted = wanted
        self._settings = settings
        self._later_s = later_s
        self._protocol = protocol
        self._known = known
        self._stage = Stage(settings)
        self._noise = 0

    @property
    def has_sender(self) -> bool:
        """Whether an instrument here sends by itself."""
        return self._stage.has_sender

    @property
    def has_heard(self) -> bool:
        """Whether anything came unasked."""
        return bool(self._stage.unasked)

    @property
    def came_unasked(self) -> bool:
        """Whether bytes came that nobody asked for and that no answer explains."""
        is_explained = self._stage.answers or self._stage.shared
        return self._noise + len(self._stage.unasked) >= LEAST_UNASKED and not is_explained

    def events(self) -> Iterator[Event]:
        """Listen, search meters, ask every unit."""
        yield self._stage
        noise = self._tap.noise
        try:
            self._tap.turn_to(self._settings)
        except BadRequest as error:
            self._stage.skipped = str(error)
        else:
            yield from self._try()
        self._noise = self._tap.noise - noise

    def listens_on(self) -> Iterator[Event]:
        """Only listen, for as long as it takes an instrument that sends by itself to be heard."""
        with suppress(BadRequest):
            self._tap.overhear(self._settings, SETTLED_S)  # what is just being sent began at other settings
            yield from self._listen_on(b"")
        if self.has_sender:
            yield self._stage

    def _try(self) -> Iterator[Event]:
        yield from self._listen()
        if self._wanted.dlt645 and not self.has_sender:
            yield from self._meters()
        if self._wanted.modbus and not self.has_sender:
            yield from self._units()

    # --- what sends by itself --------------------------------------------------------------------

    def _listen(self) -> Iterator[Event]:
        """Hear what comes by itself, and go on for as long as it looks like something."""
        if not self._wanted.listen_s:
            return
        yield self._step("listening", units=len(self._wanted.units))
        heard = self._tap.overhear(self._settings, self._wanted.listen_s)
        yield from self._recognised(heard)
        if not self.has_sender and is_promising(heard):
            yield from self._listen_on(heard)

    def _listen_on(self, heard: bytes) -> Iterator[Event]:
        """Wait for an instrument to send all it has to say; at the wrong baud rate its first words tell that."""
        waited_s = 0.0
        while waited_s < self._wanted.patience_s and not self.has_sender and not is_garbage(heard):
            yield self._step("bytes come unasked, listening longer", units=0)
            heard += self._tap.overhear(self._settings, ATTENTION_S)
            waited_s += ATTENTION_S
            yield from self._recognised(heard)

    def _recognised(self, heard: bytes) -> Iterator[Event]:
        """Tell of the instruments that `heard` names."""
        self._stage.unasked = heard
        settings = self._settings and replace(self._settings, stopbits=1)  # whoever listens needs no second one
        names = stations(heard)
        self._stage.has_sender = bool(names or text_line(heard))
        for name in filter(self._is_news, names):
            yield Found(protocol="hj212", address=name, settings=settings, heard=heard)
        if self.has_sender and not names:
            yield Found(protocol="ascii", address=1, settings=settings, heard=heard)

    # --- what answers ----------------------------------------------------------------------------

    def _meters(self) -> Iterator[Event]:
        units = len(self._wanted.units)
        yield self._step("DL/T 645", units=units, more_s=DLT645_TIMEOUT_S)
        for meter in self._tap.meters(self._settings):
            self._stage.questions += 1
            if meter is not None:
                self._stage.answers += 1
            if meter is not None and self._is_news(meter[1]):
                yield Found(protocol=meter[0], address=meter[1], settings=self._settings)
            yield self._step("DL/T 645", units=units)

    def _units(self) -> Iterator[Event]:
        if self._settings is None and set(ANY_UNIT) <= set(self._wanted.units):
            yield self._step("Modbus", units=len(self._wanted.units))
            if all(map(self._is_there, ANY_UNIT)):
                self._stage.any_unit = True
                yield Found(protocol=self._protocol, address=min(ANY_UNIT), settings=None)
                return
        for done, unit in enumerate(self._wanted.units):
            yield self._step(f"Modbus {unit}", units=len(self._wanted.units) - done)
            strangers = self._tap.strangers
            yield from self._unit(unit, self._wanted.timeout_s)
            if self._tap.strangers > strangers:
                for late in self._wanted.units[max(0, done - LATE) : done + 1]:
                    yield from self._unit(late, LATE_TIMEOUT_S)

    def _unit(self, unit: int, timeout_s: float) -> Iterator[Event]:
        place = (unit, self._settings and self._settings.baudrate)
        if place not in self._known and self._is_there(unit, timeout_s) and self._is_news(place):
            yield Found(protocol=self._protocol, address=unit, settings=self._settings)

    def _is_news(self, place: object) -> bool:
        """Whether nothing was found there before; from now on it was."""
        is_news = place not in self._known
        self._known.add(place)
        return is_news

    def _is_there(self, unit: int, timeout_s: float | None = None) -> bool:
        """Ask one unit; where something answers that is no frame, ask again: noise passes, a collision stays."""
        probe = self._probe(unit, self._wanted.timeout_s if timeout_s is None else timeout_s)
        for _ in range(1 + AGAIN):
            self._stage.questions += 1
            try:
                self._tap.look(probe)
            except NoAnswer:
                return False
            except BadFrame as error:
                self._stage.garbled[unit] = str(error)
                if len(self._stage.garbled) <= MOST_PAUSES:
                    self._tap.overhear(self._settings, PAUSE_S)
                continue
            except Refused:  # an exception is an answer, too
                pass
            self._stage.answers += 1
            return True
        self._stage.shared.append(unit)
        return False

    def _probe(self, unit: int, timeout_s: float) -> DeviceSpec:
        return DeviceSpec(
            name=f"unit-{unit}",
            bus="",
            protocol=self._protocol,
            address=unit,
            timeout_s=timeout_s,
            points=(PROBE,),
            settings=self._settings,
        )

    def _step(self, what: str, *, units: int, more_s: float = 0.0) -> Step:
        left_s = self._later_s + units_s(self._settings, self._wanted, units) + more_s
        return Step(settings=self._settings, what=what, left_s=left_s)
