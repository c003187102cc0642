"""The last n samples and what they come to, in constant time per sample, whatever n; missing samples are ``None``.

No running sum is ever subtracted from, so nothing drifts and nothing cancels. The samples stand in two blocks::

    ... | old: s s s s s s s s | new: s s s . . . . .        n = 8, three samples into the new block
                    ^---- the window ----^

For every place in the old block, what it and all after it come to is worked out once, backwards, when the block is
full (n steps every n samples); the new block is added up as it grows. The window is one of those tails joined with the
new block: a sum of two sums, the lesser of two minima, two means pooled (Chan, Golub and LeVeque 1979).

Memory: 2n samples, and for each place at most three numbers of eight bytes.
"""

from __future__ import annotations

import math
from array import array
from itertools import accumulate
from operator import add
from typing import TYPE_CHECKING, Any

from agent.rules.kinds.part import MIN_COV, Part

if TYPE_CHECKING:
    from collections.abc import Callable

Sample = float | None


class Window(Part):
    """The last `size` samples. `known` of them are numbers. By itself only counts; see `Sums`, `Extremes`, `Spread`."""

    __slots__ = ("_known", "_known_tails", "_new", "_old", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._begin([])

    @property
    def known(self) -> int:
        """How many samples of the window are known."""
        return self._known + self._known_tails[len(self._new)]

    @property
    def held(self) -> int:
        """How many samples the window has, known or missing; `size` when it is full."""
        return self.size if self._old else len(self._new)

    def is_covered(self, share: float = MIN_COV) -> bool:
        """Whether at least `share` of a full window is known."""
        return self._known + self._known_tails[len(self._new)] >= share * self.size

    def push(self, value: Sample) -> None:
        """Take one more sample; the oldest leaves when the window is full."""
        if len(self._new) == self.size:
            self._begin(self._new)
        self._new.append(value)
        if value is not None:
            self._known += 1

    def skip(self, count: int) -> None:
        """Take `count` missing samples; costs at most one window."""
        if count >= self.size:
            self._begin([])
            return
        for _ in range(count):
            self.push(None)

    def values(self) -> list[Sample]:
        """Return the samples, oldest first. Costs a window: for what is worked out now and then."""
        return self._old[len(self._new) :] + self._new

    def first(self) -> Sample:
        """Return the oldest sample of a full window, ``None`` when it is missing or the window is not full."""
        at = len(self._new)
        if at == self.size:
            return self._new[0]
        return self._old[at] if self._old else None

    def snapshot(self) -> dict[str, Any]:
        """Return the samples, by block."""
        return {"old": self._old[len(self._new) :], "new": list(self._new), "full": bool(self._old)}

    def restore(self, state: Any) -> None:
        """Continue with the samples of a snapshot. Raises ValueError when it was a window of another size."""
        old, new, is_full = state["old"], state["new"], state["full"]
        if len(old) + len(new) > self.size or (is_full and len(old) + len(new) != self.size):
            raise ValueError(f"a window of {self.size} samples cannot hold {len(old)} and {len(new)}")
        self._begin([None] * (self.size - len(old)) + old if is_full else [])
        for value in new:
            self.push(value)

    def _begin(self, old: list[Sample]) -> None:
        """Begin a new block after the block `old`, a full one, or empty: there is none."""
        self._old: list[Sample] = old
        self._new: list[Sample] = []
        self._known = 0
        known = accumulate((value is not None for value in reversed(old)), initial=0)
        self._known_tails = array("q", known if old else [0] * (self.size + 1))
        self._known_tails.reverse()


class Sums(Window):
    """The last samples and their sum."""

    __slots__ = ("_total", "_total_tails")

    @property
    def total(self) -> float:
        """The sum of the known samples, 0 when there is none."""
        return self._total + self._total_tails[len(self._new)]

    def mean(self, share: float = MIN_COV) -> float | None:
        """Return the mean of the known samples, ``None`` when too few are."""
        at = len(self._new)
        known = self._known + self._known_tails[at]
        return (self._total + self._total_tails[at]) / known if known and known >= share * self.size else None

    def push(self, value: Sample) -> None:
        """Take one more sample."""
        if len(self._new) == self.size:
            self._begin(self._new)
        self._new.append(value)
        if value is not None:
            self._known += 1
            self._total += value

    def _begin(self, old: list[Sample]) -> None:
        super()._begin(old)
        self._total = 0.0
        self._total_tails = _tails([value or 0.0 for value in old], 0.0, add, self.size)


class Extremes(Window):
    """The last samples, the least and the most of them."""

    __slots__ = ("_least", "_least_tails", "_most", "_most_tails")
    _least: float
    _most: float

    @property
    def least(self) -> float:
        """The smallest known sample, infinite when there is none."""
        return min(self._least, self._least_tails[len(self._new)])

    @property
    def most(self) -> float:
        """The largest known sample, minus infinity when there is none."""
        return max(self._most, self._most_tails[len(self._new)])

    def span(self, least_known: int) -> float | None:
        """Return by how much the extremes are apart, ``None`` with fewer than `least_known` samples known."""
        at = len(self._new)
        if self._known + self._known_tails[at] < least_known:
            return None
        least, most = self._least_tails[at], self._most_tails[at]
        return (most if most > self._most else self._most) - (least if least < self._least else self._least)  # noqa: FURB136 - a third of the time of max() and min()

    def push(self, value: Sample) -> None:
        """Take one more sample."""
        if len(self._new) == self.size:
            self._begin(self._new)
        self._new.append(value)
        if value is not None:
            self._known += 1
            if value < self._least:  # noqa: PLR1730 - a third of the time of min()
                self._least = value
            if value > self._most:  # noqa: PLR1730
                self._most = value

    def _begin(self, old: list[Sample]) -> None:
        super()._begin(old)
        self._least, self._most = math.inf, -math.inf
        lows = [math.inf if value is None else value for value in old]
        highs = [-math.inf if value is None else value for value in old]
        self._least_tails = _tails(lows, math.inf, min, self.size)
        self._most_tails = _tails(highs, -math.inf, max, self.size)


def _tails(values: list[float], nothing: float, join: Callable[[Any, Any], Any], size: int) -> array[float]:
    """Return what the values from each place on come to, and `nothing` after the last one, or for all without any."""
    if not values:
        return array("d", [nothing]) * (size + 1)
    found = list(accumulate(reversed(values), join, initial=nothing))
    found.reverse()
    return array("d", found)


class Spread(Window):
    """The last samples, their mean and (population) standard deviation, by the method of Welford."""

    __slots__ = ("_mean", "_mean_tails", "_square", "_square_tails")

    def moments(self) -> tuple[float, float] | None:
        """Return mean and standard deviation of the known samples, ``None`` when there is none."""
        at = len(self._new)
        ours, theirs = self._known, self._known_tails[at]
        count = ours + theirs
        if not count:
            return None
        apart = self._mean_tails[at] - self._mean
        mean = self._mean + apart * theirs / count
        square = self._square + self._square_tails[at] + apart * apart * ours * theirs / count
        return mean, math.sqrt(square / count)

    def push(self, value: Sample) -> None:
        """Take one more sample."""
        if len(self._new) == self.size:
            self._begin(self._new)
        self._new.append(value)
        if value is not None:
            self._known += 1
            apart = value - self._mean
            self._mean += apart / self._known
            self._square += apart * (value - self._mean)

    def _begin(self, old: list[Sample]) -> None:
        super()._begin(old)
        self._mean = self._square = 0.0
        means, squares = array("d", [0.0]) * (self.size + 1), array("d", [0.0]) * (self.size + 1)
        for at in range(len(old) - 1, -1, -1):
            mean, square, value = means[at + 1], squares[at + 1], old[at]
            if value is not None:
                apart = value - mean
                mean += apart / self._known_tails[at]
                square += apart * (value - mean)
            means[at], squares[at] = mean, square
        self._mean_tails, self._square_tails = means, squares
