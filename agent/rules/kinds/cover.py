"""COV: how much of what should come does come."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from agent.rules.kinds.elapsed import Elapsed
from agent.rules.kinds.measure import Quotient
from agent.rules.kinds.part import Part, brief

if TYPE_CHECKING:
    from agent.rules.rule import Moment


class Coverage(Part):
    """Whether less than `least` of what was expected in the last `window_s` seconds was received.

    `update(at, received, expected)`: counts of one period. Strict. ``False`` when nothing was expected. ``None``
    until 75 % of the window has been seen. Memory: two windows.
    """

    __slots__ = ("_least", "_quotient", "_share")
    KEPT: ClassVar[tuple[str, ...]] = ("_quotient",)

    def __init__(self, *, window_s: float, step_s: float, least: float) -> None:
        self._quotient = Quotient(window_s=window_s, step_s=step_s)
        self._least = least
        self._share: float | None = None

    def update(self, at: Moment, received: float | None, expected: float | None) -> bool | None:
        """Take two counts."""
        sums = self._quotient.sums(received, expected)
        self._share = sums[0] / sums[1] if sums is not None and sums[1] > 0 else None
        return None if sums is None else self._share is not None and self._share < self._least

    def skip(self, count: int) -> None:
        """Missing samples: what happened then is for others to judge."""
        self._quotient.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the share, both counts, the bound."""
        told = self._quotient.evidence()
        counts = {"received": told["upper"], "expected": told["lower"], "window_s": told["window_s"]}
        return {"value": brief(self._share), "low": self._least, **counts}

    def ready_in_s(self) -> float:
        """Until the window is covered."""
        return self._quotient.ready_in_s()


class Stale(Part):
    """Whether something last came longer ago than `age_s`.

    `update(at, age)`: its age in seconds, ``None`` when it has not come since the start of the agent. It is then as old
    as was last known, or as this evaluator is; after a `skip` counted anew, for that the box was off is no fault of the
    device. ``None`` until that is more than `age_s`, so that what was stale before a restart is neither cleared nor
    raised by it. Strict. Memory: two numbers.
    """

    __slots__ = ("_age_s", "_clock", "_from_s", "_limit_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_clock", "_from_s")

    def __init__(self, *, age_s: float) -> None:
        self._limit_s = age_s
        self._clock = Elapsed()
        self._from_s: float | None = None
        self._age_s: float | None = None

    def update(self, at: Moment, age: float | None) -> bool | None:
        """Take an age."""
        now_s = self._clock.advance(at)
        if age is not None:
            self._from_s = now_s - age
        elif self._from_s is None:
            self._from_s = now_s
        self._age_s = now_s - self._from_s if age is None else age
        return True if self._age_s > self._limit_s else None if age is None else False

    def skip(self, count: int) -> None:
        """Count anew: nobody listened meanwhile."""
        self._from_s = None if count else self._from_s

    def evidence(self) -> dict[str, Any]:
        """Return the age and its bound."""
        return {"age_s": brief(self._age_s), "limit_s": self._limit_s}
