"""One RS-485 line at its real pace: who speaks when, who hears it, and what happens when two speak at once.

Everything said is a `Talk` with a beginning and a length in time. What the box sends is on the line from its arrival,
one character after the other; after 3.5 characters of silence every unit is given what it heard, each by its own
settings; what a unit answers is on the line after its delay, and is handed to the box character by character. Talks
that overlap spoil each other. Noise hits whatever is on the line, or makes a character where there is none.

A line has no thread: `drivers.sim.serial_server` calls `take` when the box has sent something, and `step` at `due_ns`.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from drivers.sim.talk import Talk, collide
from drivers.sim.uart import Uart, heard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.reading import Clock
    from drivers.sim.faults import Fault, FaultBoard
    from drivers.sim.ports import Port
    from drivers.sim.serial_units import LineUnit

_NUL = 0
_PAST_NS = 20_000_000
"""Talks are remembered this long: we may be told late what began while they lasted."""


class PacedLine:
    """A line with its units, held by the box at `port`."""

    def __init__(
        self, name: str, units: Sequence[LineUnit], port: Port, clock: Clock, faults: FaultBoard, seed: int = 1
    ) -> None:
        self.name = name
        self.units = tuple(units)
        self._speakers = [unit for unit in units if unit.due_ns(clock) is not None]
        self.port = port
        self.last: dict[object, tuple[bytes, bytes]] = {}
        self._clock = clock
        self._faults = faults
        self._dice = Random(seed)  # noqa: S311 - mischief, not secrets
        self._talks: list[Talk] = []
        self._burst: list[Talk] = []
        """What the box has been sending without a silence."""
        self._silence_ns = 0
        self._noise_ns: int | None = None

    def due_ns(self) -> int | None:
        """Return when `step` has something to do next (monotonic)."""
        dues = [talk.due_ns for talk in self._talks if not talk.is_told]
        if self._burst:
            dues.append(self._burst[-1].end_ns + self._silence_ns)
        spontaneous = (unit.due_ns(self._clock) for unit in self._speakers)
        dues.extend(due for due in spontaneous if due is not None)
        if self._noise_ns is not None:
            dues.append(self._noise_ns)
        return min(dues, default=None)

    def ends_ns(self) -> int | None:
        """Return when the next talk is over: the moment whose exactness decides how busy the box can keep the line."""
        return min((talk.end_ns for talk in self._talks if not talk.is_told), default=None)

    def take(self) -> None:
        """Put on the line what the box has sent: behind what it is still sending, or now."""
        data = self.port.receive()
        if not data:
            return
        now = self._clock.mono_ns()
        box = self._box()
        self._cut(now)
        start = max(now, self._burst[-1].end_ns) if self._burst else now
        has_echo = self._faults.of_line(self.name, "echo") is not None
        talk = Talk(start, box.char_ns, [*data], has_echo)
        for other in self._talks:
            collide(talk, other, self._dice)
        self._talks.append(talk)
        self._burst.append(talk)
        self._silence_ns = box.silence_ns

    def step(self) -> None:
        """Do what is due: hand over characters, let units hear and speak, make noise."""
        now = self._clock.mono_ns()
        self._make_noise(now)
        self._cut(now)
        for unit in self._speakers:
            due = unit.due_ns(self._clock)
            if due is not None and due <= now:
                self._say(unit, unit.speak(self._clock, self._fault(unit)), now)
        for talk in self._talks:
            if not talk.is_told:
                self._hand_over(talk.tell(now))
        self._talks = [talk for talk in self._talks if not talk.is_told or talk.end_ns > now - _PAST_NS]

    def unplug(self) -> None:
        """Take the adapter out: what is on the line is lost."""
        self.port.unplug()
        self._talks.clear()
        self._burst.clear()

    def _box(self) -> Uart:
        """Return the settings of the box's end, as the unit sees them that it is set for, if there is one."""
        seen = Uart()
        for own in {unit.uart: None for unit in self.units}:
            seen = self.port.settings(own)
            if own.hears_all_of(seen):
                break
        return seen

    def _cut(self, now: int) -> None:
        """Let the units hear the box's burst once there has been silence behind it."""
        burst = self._burst
        if not burst or now < burst[-1].end_ns + self._silence_ns:
            return
        self._burst = []
        sent = bytes(self._kept([value for talk in burst for value in talk.characters]))
        understood: dict[Uart, bytes] = {}
        for unit in self.units:
            own = self._uart(unit)
            if own not in understood:
                understood[own] = self._understood(sent, own)
            data = understood[own]
            said = unit.answer(data, self._clock, self._fault(unit)) if data else b""
            if said:
                self.last[unit.address] = (data, said)
                self._answer(unit, said, burst[-1].end_ns)

    def _understood(self, data: bytes, own: Uart) -> bytes:
        """Return what a unit with the settings `own` makes of what the box sent; it drops characters with errors."""
        return bytes(char.value for char in heard(data, self.port.settings(own), own) if char.is_sound)

    def _kept(self, characters: Sequence[int | None]) -> list[int]:
        dropped = self._faults.of_line(self.name, "dropped")
        rate = dropped.rate if dropped else 0.0
        return [value for value in characters if value is not None and (not rate or self._dice.random() >= rate)]

    def _answer(self, unit: LineUnit, data: bytes, asked_ns: int) -> None:
        fault = self._fault(unit)
        late_s = fault.seconds if fault and fault.kind == "late" else 0.0
        uart = self._uart(unit)
        start = asked_ns + max(uart.silence_ns, round(unit.delay_s * 1e9)) + round(late_s * 1e9)
        self._say(unit, data, start)
        if fault and fault.kind == "collision":
            self._say(unit, data, start + uart.char_ns // 3)

    def _say(self, unit: LineUnit, data: bytes, start_ns: int) -> None:
        """Put what a unit says on the line, as the box will hear it: where others speak too it hears one of them."""
        uart = self._uart(unit)
        box = self.port.settings(uart)
        characters: list[int | None] = [
            char.value if char.is_sound or box.parity == "N" else _NUL for char in heard(data, uart, box)
        ]
        if not characters:
            return
        talk = Talk(start_ns, len(data) * uart.char_ns // len(characters), characters)
        for other in self._talks:
            places = collide(talk, other, self._dice)
            if not other.is_told:
                for place in places:
                    talk.characters[place] = None
        self._talks.append(talk)

    def _make_noise(self, now: int) -> None:
        fault = self._faults.of_line(self.name, "noise")
        if fault is None or fault.rate <= 0:
            self._noise_ns = None
            return
        if self._noise_ns is None:
            self._noise_ns = now
        while self._noise_ns <= now:
            self._one_noise(self._noise_ns)
            self._noise_ns += round(self._dice.expovariate(fault.rate) * 1e9)

    def _one_noise(self, at_ns: int) -> None:
        busy = [talk for talk in self._talks if talk.start_ns <= at_ns < talk.end_ns]
        for talk in busy:
            talk.spoil(talk.during(at_ns, at_ns + 1), self._dice)
        if not busy:
            self._hand_over(bytes((self._dice.randrange(256),)))

    def _hand_over(self, data: bytes) -> None:
        if data:
            self.port.deliver(bytes(self._kept([*data])))

    def _fault(self, unit: LineUnit) -> Fault | None:
        return self._faults.of(self.name, unit.address)

    def _uart(self, unit: LineUnit) -> Uart:
        fault = self._fault(unit)
        return Uart.parse(fault.settings) if fault and fault.kind == "settings" else unit.uart
