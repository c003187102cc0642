"""EVENT: something changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from agent.plant import State
from agent.rules.kinds.elapsed import Elapsed
from agent.rules.kinds.part import Part, brief

if TYPE_CHECKING:
    from agent.rules.rule import Given, Moment


class Changed(Part):
    """Whether a known value changed: ``True`` for `shown_s` after it.

    `update(at, x)`: a number or a tuple of them; with `excused`, `update(at, x, excuse)`: changes while excuse is 1
    are taken over silently. Compared is with the last *known* value of each, also over restarts; the first one is no
    change. ``None`` while x (all of a tuple) is unknown. Memory: the values.
    """

    __slots__ = ("_changed_s", "_clock", "_excused", "_from", "_last", "_shown_s", "_to")
    KEPT: ClassVar[tuple[str, ...]] = ("_clock", "_last", "_changed_s", "_from", "_to")

    def __init__(self, *, shown_s: float = 600.0, excused: bool = False) -> None:
        self._shown_s, self._excused = shown_s, excused
        self._clock = Elapsed()
        self._last: list[float | None] = []
        self._changed_s: float | None = None
        self._from: float | None = None
        self._to: float | None = None

    def update(self, at: Moment, x: Given, excuse: float | None = None) -> bool | None:
        """Take a value or several, and the excuse."""
        now_s = self._clock.advance(at)
        row = x if isinstance(x, tuple) else (x,)
        is_excused = self._excused and excuse == 1
        if len(row) != len(self._last):
            self._last = [None] * len(row)
        for index, value in enumerate(row):
            if value is not None:
                last, self._last[index] = self._last[index], value
                if last is not None and not is_excused and self._is_change(last, value):
                    self._changed_s, self._from, self._to = now_s, last, value
        if all(value is None for value in row):
            return None
        return self._changed_s is not None and now_s - self._changed_s < self._shown_s

    @staticmethod
    def _is_change(last: float, value: float) -> bool:
        return value != last

    def evidence(self) -> dict[str, Any]:
        """Return the value before and after."""
        return {"from": brief(self._from), "to": brief(self._to)}


class Rises(Changed):
    """Whether a known count rose: ``True`` for `shown_s` after it. As `Changed`; a fall is no event."""

    __slots__ = ()

    @staticmethod
    def _is_change(last: float, value: float) -> bool:
        return value > last


class StartAfterRest(Part):
    """Whether something starts (RUN) after having been off for more than `rest_s`: ``True`` for `shown_s`.

    `update(at, state)`. Off is from the first OFF seen until RUN; unknown in between does not end it. ``None`` while
    the state is unknown. Memory: a few numbers.
    """

    __slots__ = ("_clock", "_off_s", "_rest_s", "_rested_s", "_shown_s", "_started_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_clock", "_off_s", "_started_s", "_rested_s")

    def __init__(self, *, rest_s: float, shown_s: float = 3600.0) -> None:
        self._rest_s, self._shown_s = rest_s, shown_s
        self._clock = Elapsed()
        self._off_s: float | None = None
        self._started_s: float | None = None
        self._rested_s: float | None = None

    def update(self, at: Moment, state: float | None) -> bool | None:
        """Take a state."""
        now_s = self._clock.advance(at)
        if state == State.OFF and self._off_s is None:
            self._off_s = now_s
        elif state == State.RUN and self._off_s is not None:
            if now_s - self._off_s > self._rest_s:
                self._started_s, self._rested_s = now_s, now_s - self._off_s
            self._off_s = None
        if state is None:
            return None
        return self._started_s is not None and now_s - self._started_s < self._shown_s

    def evidence(self) -> dict[str, Any]:
        """Return how long it had been off, and the bound."""
        return {"rested_s": brief(self._rested_s), "limit_s": self._rest_s}
