"""How much of a line's time is used, by a clock that only moves when the line waits: what is lost is lost by design.

What a real machine adds (waking up late, computing) is measured by ``python -m tests.bench serial``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import pytest

from drivers.cost import Read
from drivers.dlt645 import question as dlt645
from drivers.dlt645.frame import Edition
from drivers.line_wire import LineWire
from drivers.rtu_frames import rtu_question
from drivers.sim.wire import crc16
from drivers.spec import LineSettings, Table
from drivers.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.wire import Question

BAUDS = (2400, 9600, 19200, 115200)
UNITS = range(1, 11)
EXCHANGES = 50


@dataclass
class Clock:
    """Time that passes only where somebody waits for it."""

    now_ns: int = 0

    def mono_ns(self) -> int:
        """See `drivers.reading.Clock`."""
        return self.now_ns

    def wall_ms(self) -> int:
        """See `drivers.reading.Clock`."""
        return self.now_ns // 1_000_000

    def sleep_until(self, moment_ns: int) -> None:
        """Be there."""
        self.now_ns = max(self.now_ns, moment_ns)


@dataclass
class PacedStream:
    """A line whose devices answer after exactly the standard's silence; every character is handed over when it ends."""

    clock: Clock
    settings: LineSettings
    answers: dict[bytes, bytes]
    where: str = "line"
    connects: int = 1
    is_open: bool = True
    coming: list[tuple[int, bytes]] = field(default_factory=list)
    waits: int = 0

    def open(self) -> None:
        """See `Stream.open`."""

    def close(self) -> None:
        """See `Stream.close`."""

    def hang_up(self) -> None:
        """See `Stream.hang_up`."""

    def send(self, data: bytes) -> None:
        """Have the answer come."""
        char_ns, silence_ns = self.settings.char_s * 1e9, self.settings.silence_s * 1e9
        start_ns = self.clock.now_ns + len(data) * char_ns + silence_ns
        answer = self.answers[data]
        self.coming = [(int(start_ns + (n + 1) * char_ns), answer[n : n + 1]) for n in range(len(answer))]

    def waiting(self) -> bytes:
        """See `Stream.waiting`."""
        come = [data for at_ns, data in self.coming if at_ns <= self.clock.now_ns]
        del self.coming[: len(come)]
        return b"".join(come)

    def receive(self, deadline_ns: int) -> bytes:
        """Move on to the next character, or to the deadline."""
        self.waits += 1
        at_ns = self.coming[0][0] if self.coming else deadline_ns
        self.clock.sleep_until(min(at_ns, deadline_ns))
        if at_ns > deadline_ns or not self.coming:
            raise TimeoutError
        return self.waiting()


def rtu(unit: int) -> tuple[Question[Any], bytes]:
    """Return the question for sixteen floats, and its answer."""
    asked = bytes((unit, 4, 0, 0, 0, 32))
    answer = bytes((unit, 4, 64, *range(64)))
    return rtu_question(unit, Read(Table.INPUT, 0, 32), asked + crc16(asked)), answer + crc16(answer)


def meter(unit: int) -> tuple[Question[Any], bytes]:
    """Return the question for a block of three voltages, and its answer behind four wake-up bytes."""
    question = dlt645.read(Edition.OF_2007, f"{unit:012d}", "0201FF00", 6)
    data = bytes((byte + 0x33) & 0xFF for byte in bytes.fromhex("00FF0102") + b"\x05\x22" * 3)
    frame = b"\x68" + bytes.fromhex(f"{unit:012d}")[::-1] + b"\x68\x91" + bytes((len(data),)) + data
    return question, b"\xfe" * 4 + frame + bytes((sum(frame) & 0xFF, 0x16))


@pytest.mark.parametrize("baud", BAUDS)
@pytest.mark.parametrize(("ask", "parity"), [(rtu, "N"), (meter, "E")], ids=["rtu", "dlt645"])
def test_a_line_asked_without_a_pause_is_used_all_the_time(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[int], tuple[Question[Any], bytes]], parity: str, baud: int
) -> None:
    """Ten meters by turns: all of the time goes into characters and two silences an exchange, as the standard asks."""
    clock, settings = Clock(), LineSettings(baud, 8, parity, 1)
    both = [ask(unit) for unit in UNITS]
    stream = PacedStream(clock, settings, {question.frame: answer for question, answer in both})
    wire = LineWire(stream, clock)
    monkeypatch.setattr(wire, "_sleep_until", clock.sleep_until)
    wire.turn_to(settings, 0.0)
    tally = Tally()

    for question, _ in islice(cycle(both), EXCHANGES):
        wire.turn_to(settings, 0.0)
        wire.ask(question, 0.5, tally)
    assert tally.answers == EXCHANGES
    assert wire.char_ns_total / clock.now_ns > 0.99, "the first silence is one too many"


def test_nobody_wakes_up_for_every_character(monkeypatch: pytest.MonkeyPatch) -> None:
    """One exchange of 69 characters takes some two dozen wake-ups, most for the first and the last few: no ticking."""
    clock, settings = Clock(), LineSettings()
    question, answer = rtu(1)
    stream = PacedStream(clock, settings, {question.frame: answer})
    wire = LineWire(stream, clock)
    slept: list[int] = []

    def sleep_until(moment_ns: int) -> None:
        slept.extend([moment_ns] * (moment_ns > clock.now_ns))
        clock.sleep_until(moment_ns)

    monkeypatch.setattr(wire, "_sleep_until", sleep_until)
    wire.turn_to(settings, 0.0)
    for _ in range(EXCHANGES):
        wire.ask(question, 0.5, Tally())

    assert len(slept) + stream.waits <= EXCHANGES * 30 < EXCHANGES * len(answer)
