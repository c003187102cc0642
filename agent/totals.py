"""How much a counter has counted, although counters wrap, are reset, run backwards, are misread and exchanged. Pure.

The amount of a period is the sum of what the counter rose from one good reading to the next. It is never negative, and
never more than believable. What a counter does beside rising is told apart, counted, and marked on the period (`Turn`):

- **Gap**: readings are missing in between (more than three polls, or a restart). The whole increase belongs to the
  period in which the counter is seen again; nothing is spread over time that nobody saw.
- **Wrap**: the counter passed the end of its register: a power of ten (from four digits on), 2^16, 2^31 or 2^32, times
  its scale. Only where the rise through that end is believable; the rise counts.
- **Reset**: it fell to no more than a hundredth. What it shows since counts if that is believable, else nothing.
- **Backwards**: any other fall. A fall of no more than it could rise in an hour may be reverse running or jitter: it
  counts again once it has passed its highest reading. A larger one is a new beginning at the new reading.
- **Leap**: a rise a hundred times faster than ever before. It waits for the next reading; till then its amount is not
  known. If that falls back, it was misread; if it goes on at such a pace, the load has changed, and all of it counts;
  if it goes on as slowly as before, the counter was set forward or exchanged, and the leap does not count.

Believable is what follows from the fastest rise so far. As long as there was none, a first rise counts once the next
reading has not fallen back. The hundreds and the hour are ours [P]; no standard says them.
"""

from __future__ import annotations

from collections import Counter as Census
from enum import StrEnum
from typing import Any, Final

_FACTOR: Final = 100.0
_HOUR_NS: Final = 3_600_000_000_000
_LONG_NS: Final = 7 * 24 * _HOUR_NS
"""How long a counter may have run unseen when nobody knows: over a boot."""
_POLLS: Final = 3
_NEAR_ZERO: Final = 0.01
_MOST_OF_REGISTER: Final = 0.1
_UNLEARNED_SHARE: Final = 0.01


class Turn(StrEnum):
    """What a counter did beside rising."""

    NOTHING = " "
    GAP = "G"
    WRAP = "W"
    LEAP = "J"
    BACKWARDS = "K"
    RESET = "R"


_WORST_FIRST: Final = "RKJWG "


def worse_turn(a: str, b: str) -> str:
    """Return the one of two turns that says more against an amount."""
    return a if _WORST_FIRST.index(a) <= _WORST_FIRST.index(b) else b


def register_ends(scale: float) -> tuple[float, ...]:
    """Return the readings at which registers end, the smallest first."""
    digits = [float(10**power) for power in range(4, 13)]
    ends = {end * unit for end in (*digits, 2.0**16, 2.0**31, 2.0**32) for unit in (1.0, abs(scale) or 1.0)}
    return tuple(sorted(ends))


class Counter:
    """One counter: takes its good readings one after the other, and tells how much they rose since last asked."""

    __slots__ = ("_amount", "_base", "_ends", "_last", "_last_ns", "_pace", "_patience_ns", "_top", "_turn", "turns")

    def __init__(self, poll_s: float, scale: float = 1.0) -> None:
        """Know nothing yet. `scale` is what one step of the instrument's register is worth."""
        self._ends = register_ends(scale)
        self._patience_ns = int(_POLLS * poll_s * 1e9)
        self._last: float | None = None
        self._last_ns: int | None = None
        self._base: tuple[float, int | None] | None = None
        self._top: float | None = None
        self._pace: float | None = None
        self._amount: float | None = None
        self._turn: str = Turn.NOTHING
        self.turns: Census[str] = Census()

    def take(self) -> tuple[float | None, str]:
        """Return the amount since the last call, ``None`` when no two readings tell it, and the worst turn in it."""
        found = self._amount, self._turn
        self._amount, self._turn = None, Turn.NOTHING
        return found

    def add(self, reading: float, mono_ns: int) -> None:
        """Take a good reading."""
        last, before_ns = self._last, self._last_ns
        self._last, self._last_ns = reading, mono_ns
        if last is None:
            return
        if before_ns is None or mono_ns - before_ns > self._patience_ns:
            self._note(Turn.GAP)
        if self._base is not None:
            last, before_ns = self._decide(self._base, last, before_ns, reading, mono_ns)
        if reading >= last:
            self._rise(last, reading, before_ns, mono_ns)
        else:
            self._fall(last, reading, before_ns, mono_ns)

    def snapshot(self) -> list[Any]:
        """Return what a later process needs to go on, as plain data. A leap that waits is forgotten."""
        last, last_ns = self._base or (self._last, self._last_ns)
        return [last, last_ns, self._top, self._pace]

    def restore(self, state: list[Any], *, same_boot: bool) -> None:
        """Go on from a snapshot; monotonic time only compares within one boot. Raises ValueError or TypeError."""
        last, last_ns, top, pace = state
        self._last, self._top, self._pace = (None if x is None else float(x) for x in (last, top, pace))
        self._last_ns = int(last_ns) if same_boot and last_ns is not None else None

    # --- what a reading means --------------------------------------------------------------------------------------

    def _rise(self, last: float, reading: float, before_ns: int | None, now_ns: int) -> None:
        gain = reading - last
        if not gain:
            self._credit(0.0)
        elif self._pace is None or gain > self._believable(before_ns, now_ns):
            self._base = (last, before_ns)  # nothing is credited: how much it rose is not known yet
        else:
            self._count(last, reading)
            self._learn(gain, before_ns, now_ns)

    def _count(self, last: float, reading: float) -> None:
        """Credit a rise; after running backwards only what lies above the highest reading before that."""
        top = last if self._top is None else self._top
        self._credit(max(0.0, reading - top))
        if reading > top:
            self._top = None

    def _fall(self, last: float, reading: float, before_ns: int | None, now_ns: int) -> None:
        believable = self._believable(before_ns, now_ns)
        gain = self._through_the_end(last, reading, believable)
        if gain is not None:
            self._note(Turn.WRAP)
            self._top = None
            self._credit(gain)
        elif 0 <= reading <= last * _NEAR_ZERO:
            self._note(Turn.RESET)
            self._top = None
            self._credit(reading if self._pace is not None and reading <= believable else 0.0)
        else:
            self._note(Turn.BACKWARDS)
            top = last if self._top is None else max(last, self._top)
            self._top = top if top - reading <= (self._pace or 0.0) * _HOUR_NS else None
            self._credit(0.0)

    def _through_the_end(self, last: float, reading: float, believable: float) -> float | None:
        """Return what it rose by if it passed the end of its register in between, ``None`` if that is not likely."""
        if reading < 0:
            return None
        for end in self._ends:
            gain = end - last + reading
            most = end * _UNLEARNED_SHARE if self._pace is None else min(believable, end * _MOST_OF_REGISTER)
            if last <= end and gain <= most:
                return gain
        return None

    def _decide(
        self, base: tuple[float, int | None], leapt: float, leapt_ns: int | None, reading: float, now_ns: int
    ) -> tuple[float, int | None]:
        """Decide about the leap that waits, now that the next reading is there; return from where to go on."""
        self._base = None
        if reading < leapt:
            self._note(Turn.LEAP)
            return base
        leap = leapt - base[0]
        goes_on = reading - leapt > self._believable(leapt_ns, now_ns)
        if self._pace is None or goes_on:
            self._count(base[0], leapt)
            self._learn(leap, base[1], leapt_ns)
        else:
            self._note(Turn.LEAP)
        return leapt, leapt_ns

    def _believable(self, before_ns: int | None, now_ns: int) -> float:
        """Return the largest rise to believe at once; nothing as long as no pace is known."""
        elapsed = _LONG_NS if before_ns is None else max(1, now_ns - before_ns)
        return _FACTOR * (self._pace or 0.0) * elapsed

    def _learn(self, gain: float, before_ns: int | None, now_ns: int | None) -> None:
        if before_ns is not None and now_ns is not None and now_ns > before_ns:
            self._pace = max(self._pace or 0.0, gain / (now_ns - before_ns))

    def _credit(self, gain: float) -> None:
        self._amount = (self._amount or 0.0) + gain

    def _note(self, turn: Turn) -> None:
        self.turns[turn.value] += 1
        self._turn = worse_turn(turn, self._turn)
