"""SEQ: what should go one way does not, or starts too often."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from agent.rules.kinds.elapsed import Elapsed
from agent.rules.kinds.lag import is_on
from agent.rules.kinds.part import Part, brief

if TYPE_CHECKING:
    from agent.rules.rule import Moment


class Counter(Part):
    """Whether a counter fell, or rose faster than it can.

    `update(at, counter)`: its reading. Falls, or rises by more than `rate_per_h` * hours since the last known reading
    + `resolution` (its smallest step: a counter of whole kWh rises by one in a second now and then): ``True`` for
    `shown_s`. A fall from above 90 % of `wraps_at` to below 10 % of it is its wrap and none. ``None`` while the
    reading is unknown. Memory: a few numbers.
    """

    __slots__ = (
        "_broken_s", "_clock", "_from", "_last", "_last_s", "_rate_per_h", "_resolution", "_shown_s", "_to",
        "_wraps_at",
    )  # fmt: skip
    KEPT: ClassVar[tuple[str, ...]] = ("_clock", "_last", "_last_s", "_broken_s", "_from", "_to")

    def __init__(
        self,
        *,
        rate_per_h: float | None = None,
        resolution: float = 0.0,
        wraps_at: float | None = None,
        shown_s: float = 600.0,
    ) -> None:
        self._rate_per_h, self._resolution, self._wraps_at, self._shown_s = rate_per_h, resolution, wraps_at, shown_s
        self._clock = Elapsed()
        self._last: float | None = None
        self._last_s = 0.0
        self._broken_s: float | None = None
        self._from: float | None = None
        self._to: float | None = None

    def update(self, at: Moment, counter: float | None) -> bool | None:
        """Take a reading."""
        now_s = self._clock.advance(at)
        if counter is None:
            return None
        if self._last is not None and self._is_broken(self._last, counter, now_s - self._last_s):
            self._broken_s, self._from, self._to = now_s, self._last, counter
        self._last, self._last_s = counter, now_s
        return self._broken_s is not None and now_s - self._broken_s < self._shown_s

    def _is_broken(self, last: float, counter: float, passed_s: float) -> bool:
        if counter < last:
            wraps_at = self._wraps_at
            return wraps_at is None or not (last > 0.9 * wraps_at and counter < 0.1 * wraps_at)
        if self._rate_per_h is None:
            return False
        return counter - last > self._rate_per_h * passed_s / 3600 + self._resolution

    def evidence(self) -> dict[str, Any]:
        """Return the readings before and after the break."""
        return {"from": brief(self._from), "to": brief(self._to), "rate_per_h": self._rate_per_h}


class Starts(Part):
    """Whether a facility started more than `more_than` times in the last `within_s` seconds.

    `update(at, state)`: a start is RUN after OFF, whatever was between. ``None`` while the state is unknown and the
    count does not decide. Memory: `more_than` + 1 times.
    """

    __slots__ = ("_clock", "_is_on", "_more_than", "_when", "_within_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_clock", "_is_on", "_when")

    def __init__(self, *, more_than: int, within_s: float) -> None:
        self._more_than, self._within_s = more_than, within_s
        self._clock = Elapsed()
        self._is_on: bool | None = None
        self._when: deque[float] = deque(maxlen=more_than + 1)

    def update(self, at: Moment, state: float | None) -> bool | None:
        """Take a state."""
        now_s = self._clock.advance(at)
        was, self._is_on = self._is_on, is_on(self._is_on, state)
        if was is False and self._is_on:
            self._when.append(now_s)
        while self._when and self._when[0] <= now_s - self._within_s:
            self._when.popleft()
        return True if len(self._when) > self._more_than else None if state is None else False

    def evidence(self) -> dict[str, Any]:
        """Return the count and its bound."""
        return {"count": len(self._when), "more_than": self._more_than, "within_s": self._within_s}


class TimeOrder(Part):
    """Whether time stamps run backwards or leave a gap.

    `update(at, stamp)`: seconds. A stamp before the last one, or more than `gap_s` after it: ``True`` for `shown_s`.
    The same stamp again is no news (rules may look more often than devices answer) until it has stood still for
    longer than `gap_s`; with ``repeats=False``, for one call per reading, the same stamp again is wrong as well.
    ``None`` while unknown. After a skip no gap counts until the next stamp: the box was off, not what it reads; but a
    stamp before the last one is wrong all the same. Memory: a few numbers.
    """

    __slots__ = (
        "_clock", "_found_s", "_from", "_gap_s", "_is_excused", "_last", "_moved_s", "_repeats", "_shown_s", "_to",
    )  # fmt: skip
    KEPT: ClassVar[tuple[str, ...]] = ("_clock", "_last", "_moved_s", "_found_s", "_from", "_to", "_is_excused")

    def __init__(self, *, gap_s: float | None = None, shown_s: float = 600.0, repeats: bool = True) -> None:
        self._gap_s, self._shown_s, self._repeats = gap_s, shown_s, repeats
        self._clock = Elapsed()
        self._last: float | None = None
        self._moved_s = 0.0
        self._found_s: float | None = None
        self._from: float | None = None
        self._to: float | None = None
        self._is_excused = False

    def update(self, at: Moment, stamp: float | None) -> bool | None:
        """Take a stamp."""
        now_s = self._clock.advance(at)
        if stamp is None:
            return None
        if self._last is not None and self._is_wrong(self._last, stamp, now_s):
            self._found_s, self._from, self._to = now_s, self._last, stamp
        if stamp != self._last:
            self._last, self._moved_s, self._is_excused = stamp, now_s, False
        return self._found_s is not None and now_s - self._found_s < self._shown_s

    def skip(self, count: int) -> None:  # noqa: ARG002  one is as much as many
        """Excuse the gap that is there now."""
        self._is_excused = True

    def _is_wrong(self, last: float, stamp: float, now_s: float) -> bool:
        gap_s = None if self._is_excused else self._gap_s
        if stamp == last:
            return not self._repeats or (gap_s is not None and now_s - self._moved_s > gap_s)
        return stamp < last or (gap_s is not None and stamp - last > gap_s)

    def evidence(self) -> dict[str, Any]:
        """Return the stamps on both sides of the break."""
        return {"from": self._from, "to": self._to, "gap_s": self._gap_s}
