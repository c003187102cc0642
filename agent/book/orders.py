"""Orders for lines: stop, reduce by so much, keep to these hours; emergency response or staggered production.

An order is in force from its start up to, but not including, its end, on the lines it names, except those whose grade
it exempts. On one line, orders of one kind never overlap; an emergency order may fall into a season of staggered
production, and then the stricter of the two is judged. Ending an order early keeps what was asked, with who ended it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from agent.book.entries import EntryRefused, hours_of
from agent.clock import ts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.book.entries import Words

Sort = Literal["emergency", "staggered"]
SORTS: Final = ("emergency", "staggered")
MOST_FRACTION: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order. Moments are wall time in ms; `reduce` is the fraction of the baseline that must go, 1 is a stop.

    `hours` are the minutes of the day between which production is allowed; `minimum_kw` is the load that may stay on
    for safety. `exempt` are the grades it does not concern.
    """

    id: str
    sort: Sort
    lines: tuple[str, ...]
    start_ms: int
    end_ms: int
    reduce: float | None
    hours: tuple[int, int] | None
    minimum_kw: float | None
    exempt: tuple[str, ...]
    reason: str

    @property
    def is_stop(self) -> bool:
        """Whether production must stop altogether."""
        return self.reduce == 1.0

    def is_in_force(self, wall_ms: int) -> bool:
        """Whether `wall_ms` falls into the order."""
        return self.start_ms <= wall_ms < self.end_ms

    def is_over(self, wall_ms: int) -> bool:
        """Whether it will not be in force from `wall_ms` on; also one that was ended before it began."""
        return self.end_ms <= max(wall_ms, self.start_ms)

    def allows(self, minute: int) -> bool | None:
        """Whether production is allowed at this minute of the day; ``None`` when the order says nothing of hours."""
        if self.hours is None:
            return None
        first, last = self.hours
        return first <= minute < last if first < last else minute >= first or minute < last


def read_order(words: Words, number: str, grades: Mapping[str, str | None], existing: Iterable[Order]) -> Order:
    """Return the order that a request means. `grades` are the site's lines with their grades. Raises EntryRefused."""
    words.known("kind", "lines", "start", "end", "stop", "reduce", "hours", "minimum", "exempt", "reason")
    order = Order(
        id=number,
        sort="staggered" if words.choice("kind", SORTS, default="emergency") == "staggered" else "emergency",
        lines=_lines(words, grades),
        start_ms=words.moment("start", default="now"),
        end_ms=words.moment("end"),
        reduce=_reduction(words),
        hours=hours_of(words.text("hours")) if words.has("hours") else None,
        minimum_kw=words.number("minimum", 0.0, 1e9),
        exempt=words.texts("exempt"),
        reason=words.text("reason", default=""),
    )
    _check(order, grades, existing)
    return order


def _lines(words: Words, grades: Mapping[str, str | None]) -> tuple[str, ...]:
    named = words.texts("lines") or tuple(grades)
    if not named:
        raise EntryRefused("the site describes no line, so nothing can be ordered; describe it: [[line]]")
    for line in named:
        if line not in grades:
            raise EntryRefused(f"lines: there is no line {line!r}; one of: {', '.join(grades)}")
    return named


def _reduction(words: Words) -> float | None:
    """Return the fraction that must go: 1 for a stop, ``None`` where only hours are ordered."""
    percent, stop = words.number("reduce", 0.0, MOST_FRACTION), words.flag("stop")
    if stop and percent is not None:
        raise EntryRefused("an order is to stop or to reduce, not both; leave one out")
    if percent is not None and percent <= 0:
        raise EntryRefused("reduce must be more than 0 percent")
    if not stop and percent is None and not words.has("hours"):
        raise EntryRefused("an order says what to do: stop, reduce by so many percent, or hours")
    return 1.0 if stop else None if percent is None else percent / MOST_FRACTION


def _check(order: Order, grades: Mapping[str, str | None], existing: Iterable[Order]) -> None:
    if order.end_ms <= order.start_ms:
        raise EntryRefused(f"the order ends ({ts(order.end_ms)}) before it starts ({ts(order.start_ms)})")
    if all(grades[line] in order.exempt for line in order.lines):
        raise EntryRefused("every line it names has a grade that it exempts, so it would order nothing")
    for other in existing:
        shared = [line for line in order.lines if _both_concern(line, grades[line], order, other)]
        if shared and other.sort == order.sort and _meet(order, other):
            raise EntryRefused(
                f"line {shared[0]!r} has order {other.id} from {ts(other.start_ms)} to {ts(other.end_ms)} already; "
                f"end that one first (order end {other.id}), or choose another time"
            )


def _both_concern(line: str, grade: str | None, *orders: Order) -> bool:
    return all(concerning([order], line, grade) for order in orders)


def _meet(one: Order, other: Order) -> bool:
    """Whether two orders have a moment in common. One that was ended before it began has none."""
    return max(one.start_ms, other.start_ms) < min(one.end_ms, other.end_ms)


def ended(order: Order, at_ms: int) -> Order:
    """Return the order with its end at `at_ms`; one that has not begun comes to nothing. Raises EntryRefused."""
    if at_ms >= order.end_ms:
        raise EntryRefused(f"order {order.id} has ended already ({ts(order.end_ms)})")
    return replace(order, end_ms=max(at_ms, order.start_ms))


def concerning(orders: Iterable[Order], line: str, grade: str | None) -> list[Order]:
    """Return the orders that concern a line."""
    return [order for order in orders if line in order.lines and (grade is None or grade not in order.exempt)]
