"""LIM: a value beyond a limit, n times of m if need be, with a dead band."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

import math
from collections import deque
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar

from agent.rules.kinds.part import Part, brief
from agent.rules.kinds.window import Sums

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.rules.rule import Moment


class Outside(Part):
    """Whether a value is below `low` or above `high`.

    `update(at, x)`: x in the unit of the limits. Strict: at the limit is inside; with `inclusive` at the limit is
    outside. With `back`, once outside it stays so until it is inside by that much: at ``high - back`` (included) it has
    returned, as in `agent.limits`. With `of` = (n, m), ``True`` when at least n of the last m *known* values were
    outside; before there are m, ``True`` as soon as n were, ``False`` as soon as n cannot be reached any more. With
    `mean` = k, the mean of the last k samples is judged, 75 % of which must be known. ``None`` when x is unknown
    (without `mean`). Memory: m truth values, or k samples.
    """

    __slots__ = ("_answer", "_back", "_high", "_inclusive", "_low", "_of", "_recent", "_was", "_window", "_x")
    KEPT: ClassVar[tuple[str, ...]] = ("_was", "_recent", "_window")

    def __init__(
        self,
        *,
        low: float | None = None,
        high: float | None = None,
        back: float = 0.0,
        of: tuple[int, int] | None = None,
        mean: int | None = None,
        inclusive: bool = False,
    ) -> None:
        if low is None and high is None:
            raise ValueError("a limit needs low or high")
        if of is not None and not 0 < of[0] <= of[1]:
            raise ValueError(f"{of[0]} of {of[1]} is no count")
        self._low = -math.inf if low is None else low
        self._high = math.inf if high is None else high
        self._back, self._inclusive, self._of = back, inclusive, of
        self._recent: deque[bool] | None = None if of is None else deque(maxlen=of[1])
        self._window = None if mean is None else Sums(mean)
        self._was = False
        self._x: float | None = None

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take a value."""
        if self._window is not None:
            self._window.push(x)
            x = self._window.mean()
        self._x = x
        if x is None:
            return None
        self._was = self._is_outside(x)
        return self._was if self._recent is None else self._counted()

    def _is_outside(self, x: float) -> bool:
        low, high = self._low, self._high
        if self._was and self._back:
            return x < low + self._back or x > high - self._back
        if self._inclusive:
            return x <= low or x >= high
        return x < low or x > high

    def _counted(self) -> bool | None:
        """Return whether n of the last m known values were outside."""
        assert self._recent is not None
        assert self._of is not None
        self._recent.append(self._was)
        wanted, of = self._of
        outside = sum(self._recent)
        if outside >= wanted:
            return True
        return False if outside + of - len(self._recent) < wanted else None

    def skip(self, count: int) -> None:
        """Missing values: unknown to a mean; n of m counts known ones only."""
        if self._window is not None:
            self._window.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the value and the limits; of n of m also how many were outside."""
        told: dict[str, Any] = {"value": brief(self._x)}
        if self._low > -math.inf:
            told["low"] = brief(self._low)
        if self._high < math.inf:
            told["high"] = brief(self._high)
        if self._recent is not None and self._of is not None:
            told["outside"], told["of"] = sum(self._recent), self._of[1]
        if self._window is not None:
            told["mean_of"] = self._window.size
        return told


class Inside(Part):
    """Whether a value is between `low` and `high`, neither included. `update(at, x)`. No memory."""

    __slots__ = ("_high", "_low", "_x")

    def __init__(self, *, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._x: float | None = None

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take a value."""
        self._x = x
        return None if x is None else self._low < x < self._high

    def evidence(self) -> dict[str, Any]:
        """Return the value and the bounds."""
        return {"value": brief(self._x), "low": brief(self._low), "high": brief(self._high)}


class Is(Part):
    """Whether a state, bit or number is one of `states`. `update(at, x)`. No memory."""

    __slots__ = ("_states", "_x")

    def __init__(self, *states: float) -> None:
        self._states = frozenset(states)
        self._x: float | None = None

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take a state."""
        self._x = x
        return None if x is None else x in self._states

    def evidence(self) -> dict[str, Any]:
        """Return the state."""
        return {"value": brief(self._x)}


Bound = float | tuple[float | None, ...] | None


class Members(Part):
    """Whether more than `more_than` members of a group are outside their limits.

    `update(at, first, second, …)`: one tuple or several in step, value i of each belonging to member i, which is
    outside when any of its values is below `low` or above `high` (one bound for all tuples, or a tuple of bounds, one
    for each). Strict. A member with nothing known outside and something unknown could be either: ``None`` when those
    decide. No memory.
    """

    __slots__ = ("_high", "_low", "_more_than", "_outside", "_rows")

    def __init__(self, *, low: Bound = None, high: Bound = None, more_than: int = 0) -> None:
        if low is None and high is None:
            raise ValueError("a limit needs low or high")
        self._low, self._high, self._more_than = low, high, more_than
        self._outside: list[int] = []
        self._rows: tuple[tuple[float | None, ...] | None, ...] = ()

    def update(self, at: Moment, *rows: tuple[float | None, ...] | None) -> bool | None:
        """Take the values of all members."""
        self._rows = rows
        self._outside = []
        if not rows or None in rows:
            return None
        outside, unknown = self._judged(rows)
        self._outside = sorted(outside)
        if len(outside) > self._more_than:
            return True
        return None if len(outside | unknown) > self._more_than or not any(rows) else False

    def _judged(self, rows: tuple[tuple[float | None, ...] | None, ...]) -> tuple[set[int], set[int]]:
        """Return the members that are outside, and those of which something is unknown."""
        outside, unknown = set(), set()
        for row, low, high in zip(rows, _bounds(self._low, -math.inf), _bounds(self._high, math.inf), strict=False):
            for member, value in enumerate(row or ()):
                if value is None:
                    unknown.add(member)
                elif value < low or value > high:
                    outside.add(member)
        return outside, unknown

    def evidence(self) -> dict[str, Any]:
        """Return the members outside (from 0, at most ten) with their values, how many, and the bounds."""
        first = self._outside[:10]
        return {
            "members": first,
            "values": [[brief(row[member]) for row in self._rows if row] for member in first],
            "outside": len(self._outside),
            "more_than": self._more_than,
            "low": brief(self._low),
            "high": brief(self._high),
        }


def _bounds(bound: Bound, none: float) -> Iterable[float]:
    """Return the bound of each row."""
    if isinstance(bound, tuple):
        return [none if one is None else one for one in bound]
    return repeat(none if bound is None else bound)
