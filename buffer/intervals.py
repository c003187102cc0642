"""A set of sequence numbers kept as intervals, because what is delivered is nearly always one long stretch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Interval = tuple[int, int]
"""First and last, both included."""


def runs_of(numbers: Iterable[int]) -> list[Interval]:
    """Return the numbers as the fewest intervals, ascending."""
    runs: list[Interval] = []
    for number in sorted(numbers):
        if runs and number <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], max(number, runs[-1][1]))
        else:
            runs.append((number, number))
    return runs


class IntervalSet:
    """Disjoint, never adjacent, ascending intervals. Adding costs a binary search; `total` is kept up to date."""

    __slots__ = ("_firsts", "_lasts", "total")

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self.total = 0
        for first, last in intervals:
            self.add(first, last)

    def add(self, first: int, last: int) -> tuple[Interval, list[int]]:
        """Add ``first..last``. Return the interval that now holds it, and the starts of the intervals it swallowed."""
        left = bisect_left(self._lasts, first - 1)
        right = bisect_right(self._firsts, last + 1)
        swallowed = self._firsts[left:right]
        if swallowed:
            self.total -= sum(self._lasts[left:right]) - sum(swallowed) + len(swallowed)
            first = min(first, swallowed[0])
            last = max(last, self._lasts[right - 1])
        self._firsts[left:right] = [first]
        self._lasts[left:right] = [last]
        self.total += last - first + 1
        return (first, last), [start for start in swallowed if start != first]

    def gaps(self, low: int, high: int) -> Iterator[Interval]:
        """Yield the intervals of ``low..high`` that are not in the set, ascending."""
        index = bisect_left(self._lasts, low)
        while low <= high and index < len(self._firsts):
            if self._firsts[index] > low:
                yield low, min(high, self._firsts[index] - 1)
            low = self._lasts[index] + 1
            index += 1
        if low <= high:
            yield low, high

    def __contains__(self, number: int) -> bool:
        index = bisect_left(self._lasts, number)
        return index < len(self._firsts) and self._firsts[index] <= number

    def __iter__(self) -> Iterator[Interval]:
        return iter(list(zip(self._firsts, self._lasts, strict=True)))

    def __len__(self) -> int:
        """Return the number of intervals, not of members."""
        return len(self._firsts)
