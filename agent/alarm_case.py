"""One alarm that is not normal: what its records say, and how it is shown to people and to the health code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from agent import wording
from agent.lifecycle import NORMAL, By, Definition, Life, Status, Word, ladder_due

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.alarm_state import CaseKept
    from config.site import Priority

Draft = dict[str, Any]

_PRIORITIES: Final = ("critical", "high", "medium", "low")
_STATUSES: Final = tuple(Status)


@dataclass(frozen=True, slots=True)
class Case:
    """An alarm: its life, what its records say of the condition (`facts`), and the text it was raised with."""

    definition: Definition
    life: Life = NORMAL
    facts: Draft = field(default_factory=lambda: {"since": None})
    said: dict[str, str] | None = None

    def about(self) -> Draft:
        """Return the members of its records, but those of what happened."""
        definition = self.definition
        head = {"kind": "alarm", "alarm": definition.id, "priority": definition.priority}
        return {**head, **definition.members, **self.facts}


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm whose condition holds, for those who judge the plant by its alarms."""

    alarm: str
    priority: Priority
    status: Status
    escalated: bool
    is_discounted: bool
    """Suppressed by design or out of service: it does not count."""
    group: str | None
    members: Mapping[str, Any]


def record(
    case: Case,
    word: Word,
    before: Life,
    *,
    said: dict[str, str] | None = None,
    by: By | None = None,
    reason: str | None = None,
    first_out: bool = False,
    chattering: bool = False,
) -> Draft:
    """Return the draft that tells what happened to an alarm; `before` is its life until then."""
    life, definition = case.life, case.definition
    shelf_s = life.shelf.for_ns / 1e9 if life.shelf is not None and word is Word.SHELVED else None
    text = said or wording.happened(definition.text, word, by, shelf_s)
    draft = {**case.about(), "state": word.value, "status": life.status.value, "text": text}
    more = {
        "by": None if by is None else by.members(),
        "reason": reason,
        "reasons": list(life.muted) if word is Word.SUPPRESSED else None,
        "for_s": shelf_s,
        "once": (shelf_s is not None and life.shelf is not None and life.shelf.once) or None,
        "escalated": before.escalated or life.escalated or None,
        "first_out": first_out or None,
        "chattering": chattering or None,
    }
    return draft | {name: value for name, value in more.items() if value is not None}


def removed(kept: CaseKept, life: Life) -> list[Draft]:
    """Return the last records of an alarm whose limit or rule is gone: whatever was open is closed, with the reason."""
    reason = "limit removed" if "limit" in kept.about else "rule removed"
    ends = (
        (life.is_suppressed, Word.UNSUPPRESSED),
        (life.shelf is not None, Word.UNSHELVED),
        (life.out is not None, Word.IN_SERVICE),
        (life.announced, Word.CLEARED),
    )
    words = [word for is_open, word in ends if is_open]
    if not words and life.is_standing:
        words = [Word.RESET]
    gone = {"state": "", "status": Status.NORMAL.value, "reason": reason, "text": wording.ended(kept.text, reason)}
    about = kept.about | ({"value": None} if "value" in kept.about else {})
    escalated = {"escalated": True} if life.escalated else {}
    return [{**about, **gone, **escalated, "state": word.value} for word in words]


def standing(case: Case) -> Standing:
    """Return an active alarm as those see it who judge the plant by its alarms."""
    life, definition = case.life, case.definition
    return Standing(
        alarm=definition.id,
        priority=definition.priority,
        status=life.status,
        escalated=life.escalated,
        is_discounted=life.is_suppressed or life.out is not None,
        group=definition.group,
        members=definition.members,
    )


def urgency(case: Case) -> tuple[int, int, str]:
    """Return what orders a list of alarms, the most urgent first."""
    status, priority = case.life.status, case.definition.priority
    return _STATUSES.index(status), _PRIORITIES.index(priority), case.definition.id


def row(case: Case, mono_ns: int, *, first_out: bool, chattering: bool) -> dict[str, Any]:
    """Return an alarm for a list: what it is, how it stands, since when, and who said what of it."""
    life, definition = case.life, case.definition
    text = {"zh": definition.text.zh, "en": definition.text.en}
    shelf, at = life.shelf, life.raised_at
    return case.about() | {
        "status": life.status.value,
        "group": definition.group,
        "text": (case.said if life.active else None) or text,
        "active": life.active,
        "acknowledged": life.acknowledged,
        "latched": life.latched,
        "escalated": life.escalated,
        "first_out": first_out,
        "chattering": chattering,
        "active_s": None if at is None else round(at.elapsed_ns(mono_ns) / 1e9),
        **_ladder(case, mono_ns),
        "longest_shelf_s": round(definition.longest_shelf_ns / 1e9),
        "suppressed_by": list(life.muted) if life.is_suppressed else [],
        "out_by": None if life.out is None else life.out.members(),
        "shelved_by": None if shelf is None else shelf.by.members(),
        "shelf_left_s": None
        if shelf is None
        else max(0, round((shelf.for_ns - shelf.since.elapsed_ns(mono_ns)) / 1e9)),
    }


def _ladder(case: Case, mono_ns: int) -> dict[str, Any]:
    """Return in how many seconds the alarm will be escalated (``None``: not at all), and for how long it has been."""
    due_ns = ladder_due(case.definition, case.life)
    return {
        "escalates_in_s": None if due_ns is None else max(0, round((due_ns - mono_ns) / 1e9)),
        "escalated_s": _escalated_s(case, mono_ns),
    }


def _escalated_s(case: Case, mono_ns: int) -> int | None:
    at, after_ns = case.life.raised_at, case.definition.escalate_after_ns
    if not case.life.escalated or at is None or after_ns is None:
        return None
    return max(0, round((at.elapsed_ns(mono_ns) - after_ns) / 1e9))
