"""Inspection tasks for staff: where to go, what to check, by when; and what was found.

A task is answered once, as a whole: every item gets an answer of its sort. Overdue is what is not answered when it is
due; a late answer is taken, and says that it is late.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from agent.book.entries import LONGEST_TEXT, EntryRefused, Words
from agent.clock import ts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

Sort = Literal["text", "choice", "number", "photo"]
SORTS: Final[tuple[Sort, ...]] = ("text", "choice", "number", "photo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to check. A photo is answered by a reference to it: a file name or an address."""

    id: str
    text: str
    sort: Sort
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task at `place` (a code, as on the sign there). Moments are wall time in ms."""

    id: str
    place: str
    title: str
    items: tuple[Item, ...]
    due_ms: int
    answers: dict[str, str | float] | None = None
    answered_ms: int | None = None
    who: str | None = None
    withdrawn: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it still waits for an answer."""
        return self.answers is None and not self.withdrawn

    def is_overdue(self, wall_ms: int) -> bool:
        """Whether it should have been answered by `wall_ms`."""
        return self.is_open and wall_ms >= self.due_ms


def read_task(words: Words, number: str, zone: ZoneInfo) -> Task:
    """Return the task that a request means. Raises EntryRefused."""
    words.known("place", "title", "items", "due")
    raw = words.listed("items")
    if not raw:
        raise EntryRefused('items: a task has something to check; {"text": "...", "kind": "text|choice|number|photo"}')
    items = tuple(_item(one, str(place + 1), zone) for place, one in enumerate(raw))
    if len({item.id for item in items}) < len(items):
        raise EntryRefused("items: two have the same id")
    return Task(
        id=number,
        place=words.needed("place"),
        title=words.text("title", default=""),
        items=items,
        due_ms=words.moment("due"),
    )


def _item(raw: Any, number: str, zone: ZoneInfo) -> Item:
    """Return one item; a plain text is an item to answer with a text."""
    words = Words(raw if isinstance(raw, dict) else {"text": raw}, zone, None)
    words.known("id", "text", "kind", "choices", "low", "high", "unit")
    sort = words.choice("kind", SORTS, default="choice" if words.has("choices") else "text")
    item = Item(
        id=words.needed("id") if words.has("id") else number,
        text=words.needed("text"),
        sort=next(one for one in SORTS if one == sort),
        choices=words.texts("choices"),
        low=words.number("low", -1e15, 1e15),
        high=words.number("high", -1e15, 1e15),
        unit=words.text("unit", default=""),
    )
    if (item.sort == "choice") != bool(item.choices) or len(item.choices) == 1:
        raise EntryRefused(f"items: {item.text!r}: choices belong to kind choice, and there are at least two")
    if item.sort != "number" and (words.has("low") or words.has("high")):
        raise EntryRefused(f"items: {item.text!r}: low and high belong to kind number")
    if item.low is not None and item.high is not None and item.low > item.high:
        raise EntryRefused(f"items: {item.text!r}: low {item.low:g} is above high {item.high:g}")
    return item


def answered(task: Task, answers: Mapping[str, Any], who: str, at_ms: int) -> Task:
    """Return the task with its answers, by item. Raises EntryRefused."""
    if not task.is_open:
        how = "withdrawn" if task.withdrawn else f"answered already ({ts(task.answered_ms)})"
        raise EntryRefused(f"task {task.id} is {how}")
    known = {item.id: item for item in task.items}
    for name in answers:
        if name not in known:
            raise EntryRefused(f"task {task.id} has no item {name!r}; it has: {', '.join(known)}")
    missing = [item.id for item in task.items if answers.get(item.id) is None]
    if missing:
        raise EntryRefused(f"task {task.id}: no answer to {', '.join(missing)}; a task is answered as a whole")
    given = {name: _answer(known[name], value) for name, value in answers.items()}
    return replace(task, answers=given, answered_ms=at_ms, who=who)


def _answer(item: Item, value: Any) -> str | float:
    """Return an answer of the item's sort. Raises EntryRefused."""
    if item.sort == "number":
        return _number(item, value)
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT or not value.isprintable():
        raise EntryRefused(f"{item.text!r} is answered with a text of at most {LONGEST_TEXT} characters on one line")
    if item.sort == "choice" and value not in item.choices:
        raise EntryRefused(f"{item.text!r} is answered with one of: {', '.join(item.choices)}")
    return value.strip()


def _number(item: Item, value: Any) -> float:
    """Return a number; one outside `low` to `high` is a finding, not a mistake, and is taken."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise EntryRefused(f"{item.text!r} is answered with a number") from None
    if isinstance(value, bool) or not abs(number) <= 1e15:  # noqa: PLR2004 -- neither NaN nor beyond a reading
        raise EntryRefused(f"{item.text!r} is answered with a number")
    return number


def findings(task: Task) -> tuple[str, ...]:
    """Return the items whose answer lies outside what the task says is normal."""
    answers = task.answers or {}
    return tuple(
        item.id
        for item in task.items
        if item.sort == "number"
        and isinstance(answer := answers.get(item.id), float)
        and ((item.low is not None and answer < item.low) or (item.high is not None and answer > item.high))
    )
