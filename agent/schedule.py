"""Who is due next, on monotonic deadlines without drift.

Each device has a grid of deadlines, ``origin + k * period``. The origins may be spread, so that devices are not visited
in one burst. A deadline that was missed is counted as an overrun and never queued up: after a stall (a slow device,
SIGSTOP, a debugger) every device is visited once, not once per missed deadline. Pure: the time is an argument,
nanoseconds of a clock that never steps.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Schedule:
    """The deadlines of the devices of one bus, by index."""

    def __init__(self, periods_ns: Sequence[int], origin_ns: int, spread_ns: int = 0) -> None:
        """Start the grids at `origin_ns`, in order, evenly over `spread_ns` (0: everything is due at once)."""
        self._periods = tuple(periods_ns)
        count = len(self._periods)
        self._origins = [origin_ns + spread_ns * index // count for index in range(count)]
        self._due = list(self._origins)
        self._heap = [(due, index) for index, due in enumerate(self._due)]
        self.overruns = 0

    def next(self) -> tuple[int, int]:
        """Return the earliest deadline and whose it is: (nanoseconds, index)."""
        while self._heap[0][0] != self._due[self._heap[0][1]]:
            heapq.heappop(self._heap)  # moved since it was pushed
        return self._heap[0]

    def visited(self, index: int, now_ns: int) -> None:
        """Move `index` to the first deadline of its grid after `now_ns`, counting those that went by unserved."""
        period, origin = self._periods[index], self._origins[index]
        following = origin + ((now_ns - origin) // period + 1) * period
        self.overruns += max(0, (following - self._due[index]) // period - 1)
        self._move(index, following)

    def shift(self, index: int, by_ns: int) -> None:
        """Move the grid of `index`; what is due already stays so."""
        self._origins[index] += by_ns

    def due(self, index: int) -> int:
        """Return when `index` is due, nanoseconds."""
        return self._due[index]

    def postpone(self, index: int, until_ns: int) -> None:
        """Make `index` due at `until_ns`, off its grid: a probe of a device that does not answer, or at once."""
        self._move(index, until_ns)

    def _move(self, index: int, due_ns: int) -> None:
        self._due[index] = due_ns
        heapq.heappush(self._heap, (due_ns, index))
