"""RATIO: the proportion of two amounts."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from agent.rules.kinds.measure import Quotient
from agent.rules.kinds.part import MIN_COV, Part, brief

if TYPE_CHECKING:
    from agent.rules.rule import Moment


class Ratio(Part):
    """Whether sum(a) / sum(b) of the last `window_s` seconds is below `low` or above `high`.

    `update(at, a, b)`: amounts of one period, or means of like quantities; only samples where both are known count.
    Strict. ``False`` when sum(b) is not above `floor` (nothing worth comparing). ``None`` when fewer than `min_cov` of
    the samples are known. Away from its own median: ``Of(Quotient(…), Away(…))``. Memory: two windows.
    """

    __slots__ = ("_floor", "_high", "_low", "_quotient", "_ratio")
    KEPT: ClassVar[tuple[str, ...]] = ("_quotient",)

    def __init__(
        self,
        *,
        window_s: float,
        step_s: float,
        low: float | None = None,
        high: float | None = None,
        floor: float = 0.0,
        min_cov: float = MIN_COV,
    ) -> None:
        if low is None and high is None:
            raise ValueError("a ratio needs low or high")
        self._quotient = Quotient(window_s=window_s, step_s=step_s, min_cov=min_cov)
        self._low, self._high, self._floor = low, high, floor
        self._ratio: float | None = None

    def update(self, at: Moment, a: float | None, b: float | None) -> bool | None:
        """Take two amounts."""
        sums = self._quotient.sums(a, b)
        self._ratio = None
        if sums is None:
            return None
        upper, lower = sums
        if lower <= self._floor or lower == 0:
            return False
        self._ratio = ratio = upper / lower
        return (self._low is not None and ratio < self._low) or (self._high is not None and ratio > self._high)

    def skip(self, count: int) -> None:
        """Missing samples."""
        self._quotient.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the ratio, the sums, the bounds."""
        bounds = {name: value for name, value in (("low", self._low), ("high", self._high)) if value is not None}
        return {"value": brief(self._ratio), **bounds, **self._quotient.evidence()}

    def ready_in_s(self) -> float:
        """Until the window is covered."""
        return self._quotient.ready_in_s()


class SumOver(Ratio):
    """Whether the parts of a whole come to more than it: sum(parts) > high * whole over the last `window_s` seconds.

    `update(at, whole, parts)`: amounts of one period; a sample with any part unknown is missing. ``None`` when fewer
    than 75 % are known, ``False`` when the whole is not above `floor`. Memory: two windows.
    """

    __slots__ = ()

    def __init__(self, *, window_s: float, step_s: float, high: float, floor: float = 0.0) -> None:
        super().__init__(window_s=window_s, step_s=step_s, high=high, floor=floor)

    def update(self, at: Moment, whole: float | None, parts: tuple[float | None, ...] | None) -> bool | None:  # type: ignore[override]
        """Take a whole and its parts."""
        known = None if not parts or None in parts else sum(part for part in parts if part is not None)
        return super().update(at, known, whole)
