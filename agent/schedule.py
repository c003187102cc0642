"""Who is due next, on monotonic deadlines without drift.

Each device has a grid of deadlines, ``origin + k * period``. A deadline that was missed is counted as an overrun and
never queued up: after a stall (a slow device, SIGSTOP, a debugger) every device is visited once, not once per missed
deadline. Pure: the time is an argument, nanoseconds of a clock that never steps.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Schedule:
    """The deadlines of the devices of one bus, by index."""

    def __init__(self, periods_ns: Sequence[int], origin_ns: int) -> None:
        """Start every grid at `origin_ns`: everything is due at once, in order."""
        self._periods = tuple(periods_ns)
        self._origin = origin_ns
        self._due = [origin_ns] * len(self._periods)
        self._heap = [(origin_ns, index) for index in range(len(self._periods))]
        self.overruns = 0

    def next(self) -> tuple[int, int]:
        """Return the earliest deadline and whose it is: (nanoseconds, index)."""
        while self._heap[0][0] != self._due[self._heap[0][1]]:
            heapq.heappop(self._heap)  # moved since it was pushed
        return self._heap[0]

    def visited(self, index: int, now_ns: int) -> None:
        """Move `index` to the first deadline of its grid after `now_ns`, counting those that went by unserved."""
        period = self._periods[index]
        following = self._origin + ((now_ns - self._origin) // period + 1) * period
        self.overruns += max(0, (following - self._due[index]) // period - 1)
        self._move(index, following)

    def postpone(self, index: int, until_ns: int) -> None:
        """Make `index` due at `until_ns`, off its grid: a probe of a device that does not answer, or at once."""
        self._move(index, until_ns)

    def _move(self, index: int, due_ns: int) -> None:
        self._due[index] = due_ns
        heapq.heappush(self._heap, (due_ns, index))
