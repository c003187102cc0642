"""What the book demands and excuses at a moment, as rules ask it (`agent.rules.outside.Plan`).

Where an emergency order and staggered production meet on a line, each is judged by its own rules; of what both say
(hours, reduction, load that may stay) the stricter holds. While time is not known, an answer is known only where
nothing in the book could change it.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from typing import TYPE_CHECKING, Final

from agent.book.marks import EDGES, WHOLE_PLANT
from agent.rules.outside import NOTHING, InForce

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from agent.book.book import Book
    from agent.book.marks import Mark
    from agent.book.orders import Order

DAY_S: Final = 86400.0


class BookPlan:
    """The book through the eyes of rules. Asked often: what it looks through is arranged when the book changes."""

    def __init__(self, book: Book, zone: ZoneInfo) -> None:
        """Look at a book; hours of the day are those of `zone`."""
        self._book = book
        self._zone = zone
        self._arranged_for = -1
        self._by_object: dict[str, list[Mark]] = {}
        self._by_kind: dict[tuple[str, str], list[Mark]] = {}
        self._by_line: dict[str, list[Order]] = {}

    def order(self, line: str, wall_ms: int | None) -> InForce | None:
        """Return what is demanded of a line; ``None`` while that cannot be known."""
        orders = self._orders_for(line)
        if not orders:
            return NOTHING
        if wall_ms is None:
            return None
        now = [order for order in orders if order.is_in_force(wall_ms)]
        return self._joined(now, wall_ms) if now else NOTHING

    def _joined(self, orders: Sequence[Order], wall_ms: int) -> InForce:
        local = datetime.fromtimestamp(wall_ms / 1000, self._zone)
        emergency = [order for order in orders if order.sort == "emergency"]
        leading = emergency or orders
        allowed = [answer for order in orders if (answer := order.allows(local.hour * 60 + local.minute)) is not None]
        minima = [order.minimum_kw for order in orders if order.minimum_kw is not None]
        return InForce(
            is_any=True,
            is_stop=any(order.is_stop for order in emergency),
            is_staggered=any(order.is_stop for order in orders if order.sort == "staggered"),
            reduction=max((order.reduce or 0.0 for order in orders), default=0.0),
            elapsed_s=max((wall_ms - order.start_ms) / 1000 for order in leading),
            remaining_s=max((order.end_ms - wall_ms) / 1000 for order in leading),
            minimum_kw=min(minima, default=None),
            is_allowed=all(allowed) if allowed else None,
        )

    def is_marked(self, kind: str, names: Sequence[str], wall_ms: int | None) -> bool | None:
        """Whether a mark of this kind is in force on one of the objects, or on the whole plant."""
        self._arrange()
        each = [mine for name in (*names, WHOLE_PLANT) if (mine := self._by_kind.get((kind, name)))]
        if wall_ms is None:
            return None if each else False
        return any(_holds(mine, wall_ms) for mine in each)

    def declared_s(self, names: Sequence[str], wall_ms: int | None) -> float | None:
        """Return seconds since (negative: until) the nearest declared start or stop; ``None``: none within a day."""
        if wall_ms is None:
            return None
        edges = (edge for mark in self._on(names) if mark.kind in EDGES for edge in (mark.start_ms, mark.end_ms))
        ages = [(wall_ms - edge) / 1000 for edge in edges if edge is not None]
        nearest = min(ages, key=abs, default=None)
        return None if nearest is None or abs(nearest) > DAY_S else nearest

    def is_declaring(self, names: Sequence[str], wall_ms: int | None) -> bool | None:  # noqa: ARG002
        """Whether a declaration, mark or order was ever entered for one of the objects."""
        return bool(self._on(names)) or any(self._orders_for(name) for name in names)

    def renewed_ms(self, facility: str) -> int | None:
        """Return when consumables of a facility were last declared as changed."""
        renewed = (mark for mark in self._on([facility]) if mark.kind == "renewed")
        return max((mark.start_ms for mark in renewed), default=None)

    def overdue(self, wall_ms: int | None) -> int | None:
        """Return how many inspection tasks are overdue."""
        if wall_ms is None:
            return None if any(task.is_open for task in self._book.tasks.values()) else 0
        return len(self._book.overdue(wall_ms))

    def _orders_for(self, line: str) -> list[Order]:
        """Return the orders that concern a line, past and future ones too."""
        self._arrange()
        if line not in self._by_line:
            self._by_line[line] = self._book.orders_for(line)
        return self._by_line[line]

    def _on(self, names: Sequence[str]) -> list[Mark]:
        """Return the marks on any of the objects, and on the whole plant."""
        self._arrange()
        if not self._by_object:
            return []
        return [mark for name in (*names, WHOLE_PLANT) for mark in self._by_object.get(name, ())]

    def _arrange(self) -> None:
        """Look through the book, if it is not what it was."""
        if self._arranged_for == self._book.changes:
            return
        self._arranged_for = self._book.changes
        self._by_object, self._by_kind, self._by_line = {}, {}, {}
        for mark in sorted(self._book.marks.values(), key=lambda mark: mark.start_ms):
            self._by_object.setdefault(mark.object, []).append(mark)
            if not mark.is_over(mark.start_ms):
                self._by_kind.setdefault((mark.kind, mark.object), []).append(mark)


def _holds(marks: Sequence[Mark], wall_ms: int) -> bool:
    """Whether one of these is in force: the last that began, as they are sorted by their starts and never overlap."""
    begun = bisect_right(marks, wall_ms, key=lambda mark: mark.start_ms)
    return begun > 0 and marks[begun - 1].is_in_force(wall_ms)
