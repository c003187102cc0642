"""SHAPE: values that lie as real ones do not. Of flags see `flags`, of series that repeat `repeats`."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from agent.rules.kinds.part import MIN_COV, Part, brief, samples
from agent.rules.kinds.window import Extremes, Sums

if TYPE_CHECKING:
    from agent.rules.rule import Moment


class ShareInside(Part):
    """Whether at least `share` of the known samples of the last `window_s` seconds lie in [low, high].

    `update(at, x)`. With `none_above`, ``False`` when any is above `high`. ``None`` when fewer than 75 % of the samples
    are known. Memory: two windows.
    """

    __slots__ = ("_above", "_high", "_inside", "_low", "_none_above", "_share", "_step_s", "_window_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_inside", "_above")

    def __init__(
        self, *, low: float, high: float, share: float, window_s: float, step_s: float, none_above: bool = True
    ) -> None:
        size = samples(window_s, step_s)
        self._inside, self._above = Sums(size), Sums(size)
        self._low, self._high, self._share, self._none_above = low, high, share, none_above
        self._window_s, self._step_s = window_s, step_s

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take a value."""
        self._inside.push(None if x is None else float(self._low <= x <= self._high))
        self._above.push(None if x is None else float(x > self._high))
        if not self._inside.is_covered():
            return None
        if self._none_above and self._above.total:
            return False
        return self._inside.total >= self._share * self._inside.known

    def skip(self, count: int) -> None:
        """Missing samples."""
        self._inside.skip(count)
        self._above.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return how many samples were inside, of how many known, the band, the window."""
        counts = {"inside": round(self._inside.total), "above": round(self._above.total), "known": self._inside.known}
        return {**counts, "low": brief(self._low), "high": brief(self._high), "window_s": self._window_s}

    def ready_in_s(self) -> float:
        """Until the window is covered, if nothing is missing from now on."""
        return max(0.0, (MIN_COV * self._inside.size - self._inside.held) * self._step_s)


class ShareAt(Part):
    """Whether values pile up at their maximum, as when they are clipped.

    `update(at, x)`: at least `share` of the known samples of the last `window_s` seconds equal the largest of them,
    that is above `above` (nothing is clipped at next to nothing), and they are at least `dominance` times as many as
    each of the other values has on average: an instrument of coarse steps has many equal values everywhere. All the
    same: ``False``, that is another rule's. ``None`` when fewer than 75 % are known. Memory: one window and a count
    of each distinct value in it.
    """

    __slots__ = ("_above", "_counts", "_dominance", "_share", "_step_s", "_window", "_window_s")

    def __init__(
        self,
        *,
        share: float = 0.1,
        window_s: float = 3600.0,
        step_s: float = 60.0,
        above: float = 0.0,
        dominance: float = 4.0,
    ) -> None:
        self._share, self._above, self._dominance = share, above, dominance
        self._window_s, self._step_s = window_s, step_s
        self._window = Extremes(samples(window_s, step_s))
        self._counts: dict[float, int] = {}

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take a value."""
        self._push(x)
        if not self._window.is_covered():
            return None
        most, known = self._window.most, self._window.known
        at_most, others = self._counts[most], len(self._counts) - 1
        if not others or most <= self._above or at_most < self._share * known:
            return False
        return at_most * others >= self._dominance * (known - at_most)

    def _push(self, x: float | None) -> None:
        leaving = self._window.first()
        self._window.push(x)
        if leaving is not None:
            self._counts[leaving] -= 1
            if not self._counts[leaving]:
                del self._counts[leaving]
        if x is not None:
            self._counts[x] = self._counts.get(x, 0) + 1

    def skip(self, count: int) -> None:
        """Missing samples."""
        for _ in range(min(count, self._window.size)):
            self._push(None)

    def evidence(self) -> dict[str, Any]:
        """Return the largest value, how many samples have it, of how many known, the share, the window."""
        most = self._window.most if math.isfinite(self._window.most) else None
        counts = {"count": 0 if most is None else self._counts[most], "known": self._window.known}
        return {"most": brief(most), **counts, "share": self._share, "window_s": self._window_s}

    def ready_in_s(self) -> float:
        """Until the window is covered, if nothing is missing from now on."""
        return max(0.0, (MIN_COV * self._window.size - self._window.held) * self._step_s)

    def snapshot(self) -> dict[str, Any]:
        """Return the window; the counts follow from it."""
        return {"window": self._window.snapshot()}

    def restore(self, state: Any) -> None:
        """Continue with the window of a snapshot."""
        self._window.restore(state["window"])
        self._counts = {}
        for value in self._window.values():
            if value is not None:
                self._counts[value] = self._counts.get(value, 0) + 1
