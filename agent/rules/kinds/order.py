"""ORDER: a declared or ordered measure against what is done."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from agent.plant import State
from agent.rules.kinds.baseline import NO_LOAD, Baseline, place
from agent.rules.kinds.elapsed import Elapsed
from agent.rules.kinds.lag import is_on
from agent.rules.kinds.part import Part, brief

if TYPE_CHECKING:
    from agent.rules.rule import Moment


class StopIgnored(Part):
    """Whether something runs although a stop was ordered more than `grace_s` ago.

    `update(at, order, elapsed, state)`: order 1 while it is in force, seconds since it began, state. RUN counts, IDLE
    does not. ``None`` when the order, or during one anything else that decides, is unknown. No memory.
    """

    __slots__ = ("_elapsed_s", "_grace_s", "_state")

    def __init__(self, *, grace_s: float) -> None:
        self._grace_s = grace_s
        self._elapsed_s: float | None = None
        self._state: float | None = None

    def update(self, at: Moment, order: float | None, elapsed: float | None, state: float | None) -> bool | None:
        """Take the order, its age, and the state."""
        self._elapsed_s, self._state = elapsed, state
        if order == 0 or (elapsed is not None and elapsed <= self._grace_s) or state in (State.OFF, State.IDLE):
            return False
        return None if order is None or elapsed is None or state is None else True

    def evidence(self) -> dict[str, Any]:
        """Return the age of the order, the grace, the state."""
        return {"elapsed_s": brief(self._elapsed_s), "grace_s": self._grace_s, "state": self._state}


class LateStop(Part):
    """Whether something stopped, but later than `grace_s` and not later than `most_s` after the order.

    `update(at, order, elapsed, state)`: as `StopIgnored`. When a facility that was on goes OFF under the order:
    ``True`` for `shown_s`. ``None`` while the order, or during one the state, is unknown. Memory: a few numbers.
    """

    __slots__ = ("_after_s", "_clock", "_grace_s", "_is_on", "_late_s", "_most_s", "_shown_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_clock", "_is_on", "_late_s", "_after_s")

    def __init__(self, *, grace_s: float, most_s: float = 14400.0, shown_s: float = 600.0) -> None:
        self._grace_s, self._most_s, self._shown_s = grace_s, most_s, shown_s
        self._clock = Elapsed()
        self._is_on: bool | None = None
        self._late_s: float | None = None
        self._after_s: float | None = None

    def update(self, at: Moment, order: float | None, elapsed: float | None, state: float | None) -> bool | None:
        """Take the order, its age, and the state."""
        now_s = self._clock.advance(at)
        was, self._is_on = self._is_on, is_on(self._is_on, state)
        went_off = was is True and self._is_on is False
        if order == 1 and went_off and elapsed is not None and self._grace_s < elapsed <= self._most_s:
            self._late_s, self._after_s = now_s, elapsed
        if order is None or (order == 1 and state is None):
            return None
        return self._late_s is not None and now_s - self._late_s < self._shown_s

    def evidence(self) -> dict[str, Any]:
        """Return after how long it stopped, and the bounds."""
        return {"after_s": brief(self._after_s), "grace_s": self._grace_s, "most_s": self._most_s}


class Restarted(Part):
    """Whether something that had stopped under an order runs again before the order ends.

    `update(at, order, state)`: order 1 while it is in force. ``True`` while it is on (RUN, and IDLE after it) having
    been OFF under the same order. ``None`` while the order, or during one the state, is unknown. Memory: a few
    numbers.
    """

    __slots__ = ("_is_on", "_stopped")
    KEPT: ClassVar[tuple[str, ...]] = ("_is_on", "_stopped")

    def __init__(self) -> None:
        self._is_on: bool | None = None
        self._stopped = False

    def update(self, at: Moment, order: float | None, state: float | None) -> bool | None:
        """Take the order and the state."""
        self._is_on = is_on(self._is_on, state)
        if order is None:
            return None
        if order == 0:
            self._stopped = False
            return False
        if state is None:
            return None
        self._stopped = self._stopped or state == State.OFF
        return self._stopped and self._is_on is True

    def evidence(self) -> dict[str, Any]:
        """Return what it does."""
        return {"now": None if self._is_on is None else ("off", "on")[self._is_on], "stopped_before": self._stopped}


class Reduction(Part):
    """Whether something is above what an order leaves of its baseline.

    `update(at, order, x)`: order is the fraction to be cut, 0 when there is none; x a mean or an amount of one period
    (`step_s`) dated by its start. ``True`` when x > (1 - order) * baseline, or > `keep` * baseline where that is
    given (R10: 0.9; P4: 0.05 with a mark 1/0 as the order). ``False`` under orders below `least_order`, and where the
    baseline is not above `floor`. The baseline is the median of the same hours of the day (by "day": of whole days)
    of the last `days` days without an order, of which there must be `ready_days`. It learns nothing under an order,
    nor from an hour or day in which one began or ended; the first sample under an order, which may have begun in the
    middle of it, is not judged: ``False``; unless `is_whole` says that orders are told only of periods they cover.
    ``None`` when the order is unknown, or was so just before, or during one x, the calendar or the baseline. Memory:
    `days` values for each hour.
    """

    __slots__ = ("_baseline", "_bound", "_floor", "_is_whole", "_keep", "_least_order", "_order", "_usual", "_x")
    KEPT: ClassVar[tuple[str, ...]] = ("_baseline", "_order")

    def __init__(
        self,
        *,
        step_s: float,
        keep: float | None = None,
        least_order: float = 0.0,
        days: int = 14,
        ready_days: int = 7,
        by: Literal["hour", "day"] = "hour",
        floor: float = 0.0,
        is_whole: bool = False,
    ) -> None:
        self._keep, self._least_order, self._floor, self._is_whole = keep, least_order, floor, is_whole
        self._baseline = Baseline(
            days=days, ready_days=min(ready_days, days), step_s=step_s, by_hour=by == "hour", expires=False
        )
        self._order: float | None = None
        self._x: float | None = None
        self._usual: float | None = None
        self._bound: float | None = None

    def update(self, at: Moment, order: float | None, x: float | None) -> bool | None:
        """Take the order and a mean or an amount."""
        before, self._order, self._x = self._order, order, x
        self._usual = self._bound = None
        where = place(at)
        if where is not None:
            self._baseline.turn(*where)
            if order != 0 or before != 0:
                self._baseline.spoil()
            elif x is not None:
                self._baseline.add(NO_LOAD, x)
        if not order:
            return None if order is None else False
        if (before == 0 and not self._is_whole) or order < self._least_order:
            return False
        return None if before is None or where is None or x is None else self._judged(order, x)

    def _judged(self, order: float, x: float) -> bool | None:
        usual = self._baseline.usual(NO_LOAD)
        if usual is None:
            return None
        self._usual = usual[0]
        self._bound = self._usual * (1 - order if self._keep is None else self._keep)
        return self._usual > self._floor and x > self._bound

    def skip(self, count: int) -> None:
        """Note a gap: what was ordered in it is not known, nothing is learnt from that hour or day."""
        self._order = None if count > 0 else self._order

    def evidence(self) -> dict[str, Any]:
        """Return the value, the order, the baseline, and what the order leaves of it."""
        bound = {"limit": brief(self._bound), "order": brief(self._order)}
        return {"value": brief(self._x), "usual": brief(self._usual), **bound}

    def ready_in_s(self) -> float:
        """Until the baseline has its days."""
        return self._baseline.ready_in_s()
