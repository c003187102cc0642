"""The temperature of an incinerator: how often in a day its five-minute mean was too low.

Rules for waste-to-energy count five-minute means by the clock (00:00, 00:05, …), so they are counted here as they are
there: a mean over a sliding window would find other numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from agent.rules.kinds.part import MIN_COV, Part, brief

if TYPE_CHECKING:
    from agent.rules.rule import Moment, Number

BLOCK: Final = 5
"""Minutes of one mean, by the clock."""


class LowBlocks(Part):
    """Whether more than `more_than` five-minute means of this local day were below `low`.

    `update(at, x)`: the mean of one minute, dated by its start; given only the minutes that count (see `While`). A
    block counts when at least four of its five minutes are known. ``None`` while the calendar is not known. Memory: one
    block and a count.
    """

    __slots__ = ("_block", "_count", "_day", "_low", "_more_than", "_values")
    KEPT: ClassVar[tuple[str, ...]] = ("_day", "_block", "_values", "_count")

    def __init__(self, *, low: float, more_than: int) -> None:
        self._low, self._more_than = low, more_than
        self._day: int | None = None
        self._block: int | None = None
        self._values: list[float] = []
        self._count = 0

    def update(self, at: Moment, x: Number) -> bool | None:
        """Take the mean of a minute."""
        if at.day is None or at.minute is None:
            return None
        self._turn_to(at.day, at.minute // BLOCK)
        if x is not None:
            self._values.append(x)
        if at.minute % BLOCK == BLOCK - 1:
            self._count += self._is_low()
            self._values = []
        return self._count > self._more_than

    def _turn_to(self, day: int, block: int) -> None:
        """Begin a new block, and a new count at midnight. A block whose last minute never came is not counted."""
        if (day, block) != (self._day, self._block):
            self._values = []
        if day != self._day:
            self._count = 0
        self._day, self._block = day, block

    def _is_low(self) -> bool:
        known = len(self._values)
        return known >= MIN_COV * BLOCK and sum(self._values) / known < self._low

    def evidence(self) -> dict[str, Any]:
        """Return the count of the day, its bound and the limit."""
        return {"count": self._count, "more_than": self._more_than, "low": brief(self._low), "minutes": BLOCK}
