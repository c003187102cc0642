"""What the book demands and tells, arranged for people: orders and marks by time, tasks by urgency. Pure.

Whether an order is complied with is the agent's word, line by line: yes, no, or not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from agent.panel.moments import of_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

When = Literal["now", "coming", "past"]
WHENS: Final[tuple[When, ...]] = ("now", "coming", "past")
MARK_KINDS: Final = {
    "stopped": "mark.stopped",
    "starting": "mark.starting",
    "stopping": "mark.stopping",
    "drying": "mark.drying",
    "fault": "mark.fault",
    "maintenance": "mark.maintenance",
    "calibration": "mark.calibration",
    "communication": "mark.communication",
    "producing": "mark.producing",
    "night-permit": "mark.night-permit",
    "work-order": "mark.work-order",
    "exempt": "mark.exempt",
    "renewed": "mark.renewed",
}
"""The kinds of marks the agent takes, and their words."""
MOMENTARY: Final = "renewed"
"""The kind that tells of a moment and lasts for no time."""
ORDER_KINDS: Final = {"emergency": "orders.kind.emergency", "staggered": "orders.kind.staggered"}
MOST_PAST: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An order or a mark: what the agent tells of it (`told`), when that is, and for orders how it goes by line."""

    told: Mapping[str, Any]
    when: When
    start_ms: int | None
    end_ms: int | None
    complies: Mapping[str, bool | None]

    @property
    def verdict(self) -> Literal["yes", "no", "unknown"]:
        """Whether it is complied with on all of its lines."""
        answers = list(self.complies.values())
        if False in answers:
            return "no"
        return "yes" if answers and all(answers) else "unknown"


def orders(book: Mapping[str, Any], board: Mapping[str, Any] | None, now_ms: int) -> dict[When, list[Entry]]:
    """Return the orders in force, the one that ends first before; those to come, the next before; the past, last."""
    known = {(one["id"], one["line"]): one.get("complies") for one in (board or {}).get("orders", ())}
    return _arranged(
        (
            _entry(one, now_ms, {line: known.get((one["id"], line)) for line in one.get("lines", ())})
            for one in book["orders"]
        ),
    )


def marks(book: Mapping[str, Any], now_ms: int) -> dict[When, list[Entry]]:
    """Return the marks in the same order."""
    return _arranged(_entry(one, now_ms, {}) for one in book["marks"])


def _entry(told: Mapping[str, Any], now_ms: int, complies: Mapping[str, bool | None]) -> Entry:
    start_ms, end_ms = of_record(told["start"]), of_record(told.get("end"))
    when: When = "now"
    if told.get("kind") == MOMENTARY or (end_ms is not None and end_ms <= max(now_ms, start_ms or 0)):
        when = "past"
    elif start_ms is not None and start_ms > now_ms:
        when = "coming"
    return Entry(told=told, when=when, start_ms=start_ms, end_ms=end_ms, complies=complies)


def _arranged(entries: Iterable[Entry]) -> dict[When, list[Entry]]:
    found: dict[When, list[Entry]] = {when: [] for when in WHENS}
    for entry in entries:
        found[entry.when].append(entry)
    never = float("inf")
    found["now"].sort(key=lambda one: never if one.end_ms is None else one.end_ms)
    found["coming"].sort(key=lambda one: one.start_ms or 0)
    found["past"] = sorted(found["past"], key=lambda one: one.end_ms or one.start_ms or 0, reverse=True)[:MOST_PAST]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSeen:
    """A task and how it stands: ``overdue``, ``today``, ``later``, ``done`` or ``withdrawn``."""

    told: Mapping[str, Any]
    how: str
    due_ms: int | None
    answered_ms: int | None

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.how in ("overdue", "today", "later")

    @property
    def findings(self) -> frozenset[str]:
        """The items whose answers are not what the task calls normal."""
        return frozenset(self.told.get("findings", ()))


HOWS: Final = ("overdue", "today", "later", "done", "withdrawn")


def tasks(book: Mapping[str, Any], now_ms: int, midnight_ms: int) -> dict[str, list[TaskSeen]]:
    """Return the tasks by how they stand, the first due first, what is over last first. `midnight_ms` ends today."""
    found: dict[str, list[TaskSeen]] = {how: [] for how in HOWS}
    for told in book["tasks"]:
        seen = task(told, now_ms, midnight_ms)
        found[seen.how].append(seen)
    for how in ("overdue", "today", "later"):
        found[how].sort(key=lambda one: one.due_ms or 0)
    for how in ("done", "withdrawn"):
        found[how] = sorted(found[how], key=lambda one: one.answered_ms or one.due_ms or 0, reverse=True)[:MOST_PAST]
    return found


def task(told: Mapping[str, Any], now_ms: int, midnight_ms: int) -> TaskSeen:
    """Return how one task stands."""
    due_ms, answered_ms = of_record(told["due"]), of_record(told.get("answered"))
    if told.get("withdrawn"):
        how = "withdrawn"
    elif told.get("answers") is not None:
        how = "done"
    elif due_ms is not None and due_ms <= now_ms:
        how = "overdue"
    else:
        how = "today" if due_ms is not None and due_ms < midnight_ms else "later"
    return TaskSeen(told=told, how=how, due_ms=due_ms, answered_ms=answered_ms)
