"""The book: every order, mark and task, who entered it, and what is in force at a moment.

Each entry changes the book and is told as an `event` record; both belong into one commit. Numbers are never used twice.
What ended longer ago than `KEEP_MS` leaves the book: its evidence is in the chain. Time is passed in; the book belongs
to the pipeline's thread.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from agent.book import marks, orders, tasks
from agent.book.entries import MOST_LISTED, EntryRefused, Words
from agent.book.marks import Mark
from agent.book.orders import Order
from agent.book.tasks import Item, Task
from agent.clock import ts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from config.site import Plant

Draft = dict[str, Any]

KEEP_MS: Final = 400 * 86_400_000
"""What ended before is no longer looked up; 400 days as records are kept."""
MOST: Final = 2000
"""Entries of one sort: more than any plant has in force. Beyond that, what ended first leaves the book early."""
_VERSION: Final = 1


class Book:
    """Orders, marks and tasks of one site."""

    def __init__(self, plant: Plant, zone: ZoneInfo, devices: Iterable[str] = ()) -> None:
        """Start with an empty book. `devices` are the names of the instruments: they may be marked, too."""
        self._zone = zone
        self._grades: dict[str, str | None] = {line.name: line.facts.get("grade") for line in plant.lines}
        facilities, lines, outlets = plant.facilities, plant.lines, plant.outlets
        self._objects = [
            *(one.name for one in facilities),
            *(one.name for one in lines),
            *(one.name for one in outlets),
            *devices,
        ]
        self._next = 1
        self._written: tuple[int, bytes] = (-1, b"")
        self.changes = 0
        """How often anything in the book has changed."""
        self.orders: dict[str, Order] = {}
        self.marks: dict[str, Mark] = {}
        self.tasks: dict[str, Task] = {}

    # --- entering ------------------------------------------------------------------------------------------------

    def enter(self, do: str, request: Mapping[str, Any], by: Mapping[str, Any], now_ms: int | None) -> Draft:
        """Do what a request asks; return the `event` draft that tells it.

        `do` is one of `VERBS`; `by` says who did it; `now_ms` is believed wall time. Raises EntryRefused.
        """
        self._forget(now_ms)
        draft = _VERBS[do](self, Words(request, self._zone, now_ms), by, now_ms)
        self.changes += 1
        return {"kind": "event", **draft, "by": dict(by)}

    def _order(self, words: Words, _: Mapping[str, Any], __: int | None) -> Draft:
        order = orders.read_order(words, self._number("o", self.orders), self._grades, self.orders.values())
        self.orders[order.id] = order
        self._next += 1
        return {"event": "order-entered", "order": told_order(order)}

    def _end_order(self, words: Words, _: Mapping[str, Any], now_ms: int | None) -> Draft:
        words.known("id", "reason")
        order = orders.ended(self._found(self.orders, words, "order"), _known(now_ms))
        self.orders[order.id] = order
        return {"event": "order-ended", "order": told_order(order), "reason": words.text("reason", default="")}

    def _mark(self, words: Words, _: Mapping[str, Any], __: int | None) -> Draft:
        mark = marks.read_mark(words, self._number("m", self.marks), self._objects, self.marks.values())
        self.marks[mark.id] = mark
        self._next += 1
        return {"event": "mark-entered", "mark": told_mark(mark)}

    def _end_mark(self, words: Words, _: Mapping[str, Any], now_ms: int | None) -> Draft:
        words.known("id", "end", "reason")
        at_ms = words.moment("end") if words.has("end") else _known(now_ms)
        mark = self._found(self.marks, words, "mark")
        if words.has("end") and at_ms < mark.start_ms:
            raise EntryRefused(f"the mark would end ({ts(at_ms)}) before it starts ({ts(mark.start_ms)})")
        mark = marks.ended(mark, at_ms)
        self.marks[mark.id] = mark
        return {"event": "mark-ended", "mark": told_mark(mark), "reason": words.text("reason", default="")}

    def _task(self, words: Words, _: Mapping[str, Any], __: int | None) -> Draft:
        task = tasks.read_task(words, self._number("t", self.tasks), self._zone)
        self.tasks[task.id] = task
        self._next += 1
        return {"event": "task-entered", "task": told_task(task)}

    def _answer(self, words: Words, by: Mapping[str, Any], now_ms: int | None) -> Draft:
        words.known("id", "answers")
        task = self._found(self.tasks, words, "task")
        at_ms = _known(now_ms)
        task = tasks.answered(task, words.table("answers"), str(by.get("who", "")), at_ms)
        self.tasks[task.id] = task
        return {"event": "task-answered", "task": told_task(task), "late": at_ms > task.due_ms}

    def _withdraw(self, words: Words, _: Mapping[str, Any], __: int | None) -> Draft:
        words.known("id", "reason")
        task = self._found(self.tasks, words, "task")
        if not task.is_open:
            raise EntryRefused(f"task {task.id} is not open any more")
        self.tasks[task.id] = replace(task, withdrawn=True)
        return {"event": "task-withdrawn", "task": told_task(self.tasks[task.id]), "reason": words.needed("reason")}

    def _number(self, letter: str, among: Mapping[str, object]) -> str:
        if len(among) >= MOST:
            raise EntryRefused(f"{MOST} entries of this sort are open already; end some first")
        return f"{letter}{self._next}"

    @staticmethod
    def _found(among: Mapping[str, Any], words: Words, spoken: str) -> Any:
        number = words.needed("id")
        if number not in among:
            newest = ", ".join(list(among)[-MOST_LISTED:])
            raise EntryRefused(f"there is no {spoken} {number!r}; there are: {newest or 'none'}")
        return among[number]

    def _forget(self, now_ms: int | None) -> None:
        """Let go of what ended long ago, and of what ended first where there is no room for one more."""
        if now_ms is None:
            return
        ends = {one.id: one.end_ms for one in self.orders.values() if one.is_over(now_ms)}
        self.orders = _kept(self.orders, ends, now_ms)
        marked = {one.id: one.end_ms or 0 for one in self.marks.values() if one.is_over(now_ms)}
        self.marks = _kept(self.marks, marked, now_ms)
        done = {one.id: one.due_ms for one in self.tasks.values() if not one.is_open}
        self.tasks = _kept(self.tasks, done, now_ms)

    # --- asking --------------------------------------------------------------------------------------------------

    def orders_for(self, line: str) -> list[Order]:
        """Return the orders that concern a line, past and future ones too."""
        return orders.concerning(self.orders.values(), line, self._grades.get(line))

    def overdue(self, wall_ms: int) -> list[Task]:
        """Return the tasks that should have been answered by now, the oldest first."""
        late = (task for task in self.tasks.values() if task.is_overdue(wall_ms))
        return sorted(late, key=lambda task: task.due_ms)

    def listing(self, now_ms: int | None, *, everything: bool) -> dict[str, Any]:
        """Return what is in force, to come or open; with `everything` also what has ended."""
        now = now_ms if now_ms is not None else 0
        listed_orders = (one for one in self.orders.values() if everything or one.end_ms > now)
        listed_marks = (one for one in self.marks.values() if everything or one.end_ms is None or one.end_ms > now)
        listed_tasks = (one for one in self.tasks.values() if everything or one.is_open)
        return {
            "orders": [told_order(one) | {"in_force": one.is_in_force(now)} for one in listed_orders],
            "marks": [told_mark(one) | {"in_force": one.is_in_force(now)} for one in listed_marks],
            "tasks": [told_task(one) | {"overdue": one.is_overdue(now)} for one in listed_tasks],
        }

    # --- keeping -------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Return the whole book, for `restore`. It is asked for with every alarm, and seldom anything else."""
        if self._written[0] != self.changes:
            self._written = (self.changes, self._as_bytes())
        return self._written[1]

    def _as_bytes(self) -> bytes:
        book = {
            "v": _VERSION,
            "next": self._next,
            "orders": [asdict(one) for one in self.orders.values()],
            "marks": [asdict(one) for one in self.marks.values()],
            "tasks": [asdict(one) for one in self.tasks.values()],
        }
        return json.dumps(book, separators=(",", ":")).encode()

    def restore(self, state: bytes | None) -> Draft | None:
        """Continue where `snapshot` was taken. A state that cannot be read is told: return the `event`."""
        if state is None:
            return None
        try:
            self._take_back(json.loads(state))
        except (ValueError, KeyError, TypeError) as error:
            return {"kind": "event", "event": "book-lost", "reason": repr(error)}
        return None

    def _take_back(self, document: dict[str, Any]) -> None:
        if document["v"] != _VERSION:
            raise ValueError(f"version {document['v']} of the book is not known")
        orders_kept = {one["id"]: _order(one) for one in document["orders"]}
        marks_kept = {one["id"]: Mark(**one) for one in document["marks"]}
        tasks_kept = {one["id"]: _task(one) for one in document["tasks"]}
        self._next = int(document["next"])
        self.orders, self.marks, self.tasks = orders_kept, marks_kept, tasks_kept
        self.changes += 1


_VERBS: Final[Mapping[str, Callable[[Book, Words, Mapping[str, Any], int | None], Draft]]] = {
    "order": Book._order,  # noqa: SLF001 -- the table of the class's own verbs
    "end-order": Book._end_order,  # noqa: SLF001
    "mark": Book._mark,  # noqa: SLF001
    "end-mark": Book._end_mark,  # noqa: SLF001
    "task": Book._task,  # noqa: SLF001
    "answer-task": Book._answer,  # noqa: SLF001
    "withdraw-task": Book._withdraw,  # noqa: SLF001
}
VERBS: Final = tuple(_VERBS)


def _kept(entries: dict[str, Any], ends: Mapping[str, int], now_ms: int) -> dict[str, Any]:
    """Return the entries but those that are over (`ends` has the moments) since `KEEP_MS`, or are too many."""
    surplus = len(entries) + 1 - MOST
    over = sorted(ends.items(), key=lambda one: one[1])
    gone = {key for place, (key, end_ms) in enumerate(over) if end_ms <= now_ms - KEEP_MS or place < surplus}
    return {key: one for key, one in entries.items() if key not in gone} if gone else entries


def _known(now_ms: int | None) -> int:
    if now_ms is None:
        raise EntryRefused("the box does not know the time yet; try again when its clock is set")
    return now_ms


def _order(said: dict[str, Any]) -> Order:
    hours = said["hours"]
    texts = {name: tuple(said[name]) for name in ("lines", "exempt")}
    return Order(**{**said, **texts, "hours": None if hours is None else (hours[0], hours[1])})


def _task(said: dict[str, Any]) -> Task:
    items = tuple(Item(**{**item, "choices": tuple(item["choices"])}) for item in said["items"])
    return Task(**{**said, "items": items})


# --- what is told ------------------------------------------------------------------------------------------------


def told_order(order: Order) -> dict[str, Any]:
    """Return an order as records and listings tell it."""
    said: dict[str, Any] = {
        "id": order.id,
        "kind": order.sort,
        "lines": list(order.lines),
        "start": ts(order.start_ms),
        "end": ts(order.end_ms),
        "reduce": None if order.reduce is None else round(order.reduce * 100, 6),
        "stop": order.is_stop,
    }
    if order.hours is not None:
        said["hours"] = "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in order.hours)
    optional = {"minimum": order.minimum_kw, "exempt": list(order.exempt), "reason": order.reason}
    return said | {name: value for name, value in optional.items() if value not in (None, [], "")}


def told_mark(mark: Mark) -> dict[str, Any]:
    """Return a mark as records and listings tell it."""
    said = {"id": mark.id, "kind": mark.kind, "object": mark.object, "start": ts(mark.start_ms), "reason": mark.reason}
    return said | {"end": None if mark.end_ms is None else ts(mark.end_ms)}


def told_task(task: Task) -> dict[str, Any]:
    """Return a task as records and listings tell it."""
    said: dict[str, Any] = {
        "id": task.id,
        "place": task.place,
        "title": task.title,
        "due": ts(task.due_ms),
        "items": [_told_item(item) for item in task.items],
    }
    if task.answers is not None:
        said |= {"answers": task.answers, "answered": ts(task.answered_ms), "who": task.who}
        said |= {"findings": list(tasks.findings(task))}
    return said | ({"withdrawn": True} if task.withdrawn else {})


def _told_item(item: Item) -> dict[str, Any]:
    said: dict[str, Any] = {"id": item.id, "text": item.text, "kind": item.sort}
    optional = {"choices": list(item.choices), "low": item.low, "high": item.high, "unit": item.unit}
    return said | {name: value for name, value in optional.items() if value not in (None, [], "")}
