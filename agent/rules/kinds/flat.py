"""FLAT: too constant to be true."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from agent.rules.kinds.part import MIN_COV, Part, brief, samples
from agent.rules.kinds.window import Extremes, Spread

if TYPE_CHECKING:
    from agent.rules.rule import Moment


class Flat(Part):
    """Whether a value hardly moved in the last `window_s` seconds.

    `update(at, x)`. With `eps`: most - least <= eps (eps 0: all the same). With `cv`: standard deviation < cv *
    abs(mean), so a constant zero is not flat by cv: its own rule sees that. Exactly one of the two. At least `n_min`
    samples of the window must be known (default 75 % of them, rounded up), with ``gaps=False`` all; else ``None``.
    Memory: one window.
    """

    __slots__ = ("_cv", "_eps", "_extremes", "_n_min", "_spread", "_step_s", "_window_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_extremes", "_spread")

    def __init__(
        self,
        *,
        window_s: float,
        step_s: float,
        eps: float | None = None,
        cv: float | None = None,
        n_min: int | None = None,
        gaps: bool = True,
    ) -> None:
        if (eps is None) == (cv is None):
            raise ValueError("flat is by eps or by cv, one of them")
        size = samples(window_s, step_s)
        self._eps, self._cv = eps or 0.0, cv or 0.0
        self._extremes = Extremes(size) if cv is None else None
        self._spread = None if cv is None else Spread(size)
        self._window_s, self._step_s = window_s, step_s
        self._n_min = size if not gaps else math.ceil(MIN_COV * size) if n_min is None else n_min
        if not 0 < self._n_min <= size:
            raise ValueError(f"{self._n_min} samples of a window of {size}")

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take a value."""
        extremes = self._extremes
        if extremes is not None:
            extremes.push(x)
            span = extremes.span(self._n_min)
            return None if span is None else span <= self._eps
        assert self._spread is not None
        self._spread.push(x)
        moments = self._spread.moments() if self._spread.known >= self._n_min else None
        return None if moments is None else moments[1] < self._cv * abs(moments[0])

    def skip(self, count: int) -> None:
        """Missing samples."""
        self._window.skip(count)

    @property
    def _window(self) -> Extremes | Spread:
        """The window, whichever it is."""
        found = self._spread if self._extremes is None else self._extremes
        assert found is not None
        return found

    def evidence(self) -> dict[str, Any]:
        """Return the window, how much of it was known, and its extremes or its mean and deviation."""
        told: dict[str, Any] = {"window_s": self._window_s, "known": self._window.known}
        if self._extremes is not None and self._extremes.known:
            told |= {"least": brief(self._extremes.least), "most": brief(self._extremes.most), "limit": self._eps}
        if self._spread is not None and (moments := self._spread.moments()):
            told |= {"mean": brief(moments[0]), "sd": brief(moments[1]), "limit": self._cv}
        return told

    def ready_in_s(self) -> float:
        """Until the window has enough samples, if nothing is missing from now on."""
        return max(0, self._n_min - self._window.held) * self._step_s
