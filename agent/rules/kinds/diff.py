"""DIFF: two sources of one quantity, or two quantities that move together, do not agree."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from agent.rules.kinds.part import Part, brief, samples
from agent.rules.kinds.window import Sums, Window

if TYPE_CHECKING:
    from agent.rules.rule import Moment


class Apart(Part):
    """Whether two values of one thing differ by more than `abs` and by more than `rel` of the larger.

    `update(at, a, b)`. Strict. A bound not given (``None``) is no condition; with `either` one bound exceeded is
    enough. ``None`` when either value is unknown. No memory.
    """

    __slots__ = ("_a", "_abs", "_b", "_either", "_rel")

    def __init__(
        self,
        *,
        abs: float | None = None,  # noqa: A002 - the catalogue's word
        rel: float | None = None,
        either: bool = False,
    ) -> None:
        if abs is None and rel is None:
            raise ValueError("a difference needs abs or rel")
        self._abs, self._rel, self._either = abs, rel, either
        self._a: float | None = None
        self._b: float | None = None

    def update(self, at: Moment, a: float | None, b: float | None) -> bool | None:
        """Take both values."""
        self._a, self._b = a, b
        if a is None or b is None:
            return None
        apart = a - b if a > b else b - a
        beyond = self._abs is not None and apart > self._abs
        if self._rel is None or (beyond and self._either):
            return beyond
        if not beyond and self._abs is not None and not self._either:
            return False
        return apart > self._rel * max(a, -a, b, -b)

    def evidence(self) -> dict[str, Any]:
        """Return both values and the bounds."""
        return {"a": brief(self._a), "b": brief(self._b), "abs": self._abs, "rel": self._rel}


class Trend(Part):
    """Whether one quantity moved and the other did not go with it.

    `update(at, a, b)`: compared are the means of the last `settle` samples with those at the beginning of `window_s`.
    ``True`` when a changed by more than `moves` (of the larger of its two means) and b by less than `still` of its own
    in the same direction, or the other way. ``None`` when fewer than 75 % of the samples of any mean are known.
    Memory: one window and two means for each.
    """

    __slots__ = ("_a", "_b", "_found", "_moves", "_still", "_window_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_a", "_b")

    def __init__(
        self, *, window_s: float, step_s: float, moves: float = 0.2, still: float = 0.03, settle: int = 5
    ) -> None:
        size = samples(window_s, step_s)
        if size < 2 * settle:
            raise ValueError(f"a window of {size} samples has no two means of {settle}")
        self._moves, self._still, self._window_s = moves, still, window_s
        self._a, self._b = _Course(size, settle), _Course(size, settle)
        self._found: tuple[float | None, float | None] = (None, None)

    def update(self, at: Moment, a: float | None, b: float | None) -> bool | None:
        """Take both values."""
        self._found = moved, went = self._a.change(a), self._b.change(b)
        if moved is None or went is None:
            return None
        return abs(moved) > self._moves and (went if moved > 0 else -went) < self._still

    def skip(self, count: int) -> None:
        """Missing samples."""
        self._a.skip(count)
        self._b.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return both changes, as fractions, the bounds and the window."""
        changes = {"a_change": brief(self._found[0]), "b_change": brief(self._found[1])}
        return {**changes, "moves": self._moves, "still": self._still, "window_s": self._window_s}


class _Course(Part):
    """The means at both ends of a window. Memory: the window and two short ones."""

    __slots__ = ("_early", "_late", "_waiting")
    KEPT: ClassVar[tuple[str, ...]] = ("_waiting", "_early", "_late")

    def __init__(self, size: int, settle: int) -> None:
        self._waiting, self._early, self._late = Window(size - settle), Sums(settle), Sums(settle)

    def change(self, x: float | None) -> float | None:
        """Take a value; return the change over the window, as a fraction of the larger mean."""
        self._early.push(self._waiting.first())
        self._waiting.push(x)
        self._late.push(x)
        early, late = self._early.mean(), self._late.mean()
        if early is None or late is None:
            return None
        larger = max(abs(early), abs(late))
        return (late - early) / larger if larger else 0.0

    def skip(self, count: int) -> None:
        """Missing samples, which come to the early end when they are old enough."""
        for _ in range(min(count, self._waiting.size + self._early.size)):
            self.change(None)
