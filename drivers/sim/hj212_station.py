"""A station that speaks HJ 212 by itself: real-time data, minute data, and patience for the acknowledgement.

::

    ## LLLL QN=…;ST=…;CN=…;PW=…;MN=…;Flag=…;CP=&&…&& CCCC CR LF         HJ 212-2017

LLLL is the length of the segment in decimal, CCCC its checksum: a CRC-16 of its own kind (appendix A), high byte first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from drivers.sim.faults import Address, Fault, mangle
from drivers.sim.uart import COMMON, Uart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivers.reading import Clock

REAL_TIME, MINUTE, ACKNOWLEDGED = 2011, 2051, 9014
ANSWER_WANTED = 1
"""Bit of Flag: the receiver is to answer with CN 9014 and the same QN."""
_BEIJING = timedelta(hours=8)
_RESENDS = 3
_WAIT_NS = 5_000_000_000
_MIN_MS = 60_000


@dataclass(frozen=True, slots=True)
class Factor:
    """One measured factor. `value` is as it is written; `flag` one of N F M S D C T B; `converted` to reference O2."""

    code: str
    value: float
    flag: str = "N"
    decimals: int = 2
    converted: float | None = None


def checksum(segment: bytes) -> bytes:
    """Return the checksum of a data segment as four digits (HJ 212-2017, appendix A)."""
    crc = 0xFFFF
    for byte in segment:
        crc = (crc >> 8) ^ byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return b"%04X" % crc


def packet(segment: str) -> bytes:
    """Return the packet that carries `segment`."""
    data = segment.encode("utf-8")
    return b"##%04d%s%s\r\n" % (len(data), data, checksum(data))


def beijing(wall_ms: int, form: str = "%Y%m%d%H%M%S") -> str:
    """Return a moment as stations write it."""
    return (datetime.fromtimestamp(wall_ms / 1000, UTC) + _BEIJING).strftime(form)


@dataclass(slots=True)
class _Period:
    """What one minute has seen of each factor."""

    start_ms: int
    seen: dict[str, list[Factor]] = field(default_factory=dict)

    def take(self, factors: Sequence[Factor]) -> None:
        for factor in factors:
            self.seen.setdefault(factor.code, []).append(factor)

    def fields(self) -> list[str]:
        return [_statistics(code, factors) for code, factors in self.seen.items()]


def _statistics(code: str, factors: Sequence[Factor]) -> str:
    """Return Min, Avg and Max; D unless three quarters of the values were normal (2017, appendix D)."""
    values, places = [factor.value for factor in factors], factors[0].decimals
    mean = sum(values) / len(values)
    normal = sum(factor.flag == "N" for factor in factors)
    flag = "N" if 4 * normal >= 3 * len(factors) else "D"
    return (
        f"{code}-Min={min(values):.{places}f},{code}-Avg={mean:.{places}f},"
        f"{code}-Max={max(values):.{places}f},{code}-Flag={flag}"
    )


def _real_time(factor: Factor) -> str:
    places = factor.decimals
    converted = "" if factor.converted is None else f",{factor.code}-ZsRtd={factor.converted:.{places}f}"
    return f"{factor.code}-Rtd={factor.value:.{places}f}{converted},{factor.code}-Flag={factor.flag}"


class Station:
    """A station: sends CN 2011 every `interval_s`, and CN 2051 when a minute is over.

    `flag` is the Flag of its packets: 4 and 5 in the edition of 2017, 8 and 9 in that of 2025. Where it wants an
    answer it sends a packet again, three times at most, until it gets one.
    """

    def __init__(
        self,
        mn: str,
        measure: Callable[[Clock], Sequence[Factor]],
        uart: Uart = COMMON,
        *,
        interval_s: float = 5.0,
        flag: int = 4,
        st: int = 31,
        minutes: bool = True,
    ) -> None:
        self.address: Address = mn
        self.uart = uart
        self.delay_s = 0.0
        self.requests = self.writes_seen = 0
        self.acknowledged = 0
        self._measure = measure
        self._interval_ns = round(interval_s * 1e9)
        self._flag = flag
        self._st = st
        self._minutes = minutes
        self._next_ns: int | None = None
        self._period: _Period | None = None
        self._unheard: tuple[str, bytes, int, int] | None = None
        self._frozen: Sequence[Factor] | None = None

    def answer(self, heard: bytes, clock: Clock, fault: Fault | None) -> bytes:  # noqa: ARG002 - see LineUnit
        """See `LineUnit.answer`: takes note of an acknowledgement, says nothing."""
        if b"CN=%d;" % ACKNOWLEDGED in heard:
            self.requests += 1
            if self._unheard and f"QN={self._unheard[0]};".encode() in heard:
                self.acknowledged += 1
                self._unheard = None
        elif heard.startswith(b"##"):
            self.writes_seen += 1
        return b""

    def due_ns(self, clock: Clock) -> int | None:
        """See `LineUnit.due_ns`."""
        if self._next_ns is None:
            self._next_ns = clock.mono_ns() + min(self._interval_ns, 500_000_000)
        return min(self._next_ns, self._unheard[2]) if self._unheard else self._next_ns

    def speak(self, clock: Clock, fault: Fault | None) -> bytes:
        """See `LineUnit.speak`."""
        now = clock.mono_ns()
        if self._unheard and self._unheard[2] <= now:
            said = self._again(self._unheard, now)
            if said:
                return self._spoilt(said, fault)
        if self._next_ns is None or self._next_ns > now:
            return b""
        while self._next_ns <= now:
            self._next_ns += self._interval_ns
        return self._spoilt(self._news(clock, fault), fault)

    def _again(self, unheard: tuple[str, bytes, int, int], now: int) -> bytes:
        qn, said, _, left = unheard
        self._unheard = (qn, said, now + _WAIT_NS, left - 1) if left > 0 else None
        return said if left > 0 else b""

    def _news(self, clock: Clock, fault: Fault | None) -> bytes:
        """Return the real-time packet, behind that of the minute which it begins, if it does."""
        wall_ms, factors = clock.wall_ms(), self._factors(clock, fault)
        start_ms = wall_ms // _MIN_MS * _MIN_MS
        over = self._period if self._period and self._period.start_ms != start_ms else None
        if self._period is None or over:
            self._period = _Period(start_ms)
        self._period.take(factors)
        said = b""
        if over and self._minutes:
            said = self._packet(MINUTE, wall_ms, over.start_ms, over.fields(), clock.mono_ns())
        fields = [_real_time(factor) for factor in factors]
        return said + self._packet(REAL_TIME, wall_ms + bool(said), wall_ms, fields, clock.mono_ns())

    def _packet(self, cn: int, wall_ms: int, data_ms: int, fields: Sequence[str], now_ns: int) -> bytes:
        qn = f"{beijing(wall_ms)}{wall_ms % 1000:03d}"
        cp = ";".join((f"DataTime={beijing(data_ms)}", *fields))
        said = packet(f"QN={qn};ST={self._st};CN={cn};PW=123456;MN={self.address};Flag={self._flag};CP=&&{cp}&&")
        if self._flag & ANSWER_WANTED:
            self._unheard = (qn, said, now_ns + _WAIT_NS, _RESENDS)
        return said

    def _factors(self, clock: Clock, fault: Fault | None) -> Sequence[Factor]:
        kind = fault.kind if fault else None
        factors = self._frozen if kind == "frozen" and self._frozen else self._measure(clock)
        self._frozen = factors if kind == "frozen" else None
        return [Factor(factor.code, 0.0, "D", factor.decimals) for factor in factors] if kind == "nan" else factors

    @staticmethod
    def _spoilt(said: bytes, fault: Fault | None) -> bytes:
        broken = said[:-3] + (b"0" if said[-3:-2] != b"0" else b"1") + said[-2:]
        return mangle(fault, said, broken)
