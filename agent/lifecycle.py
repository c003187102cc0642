"""The life of one alarm: the states of ISA-18.2 / IEC 62682, and what takes it from one to another.

    A normal  B unacknowledged  C acknowledged  D returned (gone, never acknowledged)  - latched (gone, waits for reset)
    E shelved (by people, for a time)   F suppressed by design (by a mark, a stronger alarm)   G out of service

Pure: a `Definition`, a `Life` and an event in; a `Turn` out, with the new life and the words that must be told, in
order. What begins and ends here is the condition *after* its delays (`agent.delay`). docs/alarms.md has the table.

Invariants:
- E, F and G lie over A to D and change nothing below: the condition is followed and told, acknowledgements are kept.
  Where several lie there, the most exclusive is the status: G, then F, then E.
- ``raised`` and ``cleared`` alternate, so do ``suppressed`` and ``unsuppressed``, ``shelved`` (which may be renewed)
  and ``unshelved``, ``out-of-service`` and ``in-service``.
- What came and went while nobody was meant to see it (E, G) needs no acknowledgement. Nor does what was suppressed.
- Time is passed in, and is only ever compared as "how long ago" (`agent.elapsed`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.elapsed import Since
    from config.site import Priority, Text

HOUR_NS: Final = 3_600_000_000_000
LONGEST_SHELF_NS: Final = 8 * HOUR_NS
"""How long an alarm may be shelved at a time, unless its definition says otherwise: a shift [P]."""


class AlarmRefused(Exception):
    """Why people cannot have what they want of an alarm: ``str`` says it in words."""


class Word(StrEnum):
    """What happened: the `state` of a record."""

    RAISED = "raised"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    OUT_OF_SERVICE = "out-of-service"
    IN_SERVICE = "in-service"
    ESCALATED = "escalated"
    REALARMED = "realarmed"
    RESET = "reset"


class Status(StrEnum):
    """The state after it: the `status` of a record. The more urgent first."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    LATCHED = "latched"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out-of-service"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One alarm: what it is called, and how it behaves. `text` says the condition in words.

    `group` is where it may be the first one out (a line, a device). With `latch` it stays until it is reset; with
    `auto_reset` nobody has to acknowledge it once it is gone. `members` are further members of its records.
    """

    id: str
    priority: Priority
    text: Text
    group: str | None = None
    on_delay_ns: int = 0
    off_delay_ns: int = 0
    latch: bool = False
    auto_reset: bool = False
    escalate_after_ns: int | None = None
    remind_ns: int | None = None
    longest_shelf_ns: int = LONGEST_SHELF_NS
    members: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class By:
    """Who wants it: the name and number of a user of the box, and what they had to say.

    With a `door`, `who` is an account of whoever asks there, and `uid` the user as which that process runs.
    """

    who: str
    uid: int | None = None
    note: str | None = None
    door: str | None = None

    def members(self) -> dict[str, Any]:
        """Return the record's `by`."""
        members = {"who": self.who, "uid": self.uid, "door": self.door, "note": self.note}
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Shelf:
    """Who shelved it, since when, for how long; `once` ends it early, with the condition."""

    by: By
    since: Since
    for_ns: int
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What an alarm has come through.

    `active`: the condition holds. `announced`: that has been told (``raised``); what is suppressed may not have been.
    `latched`: it is gone, and waits for its reset. `unseen`: it was raised while shelved or out of service.
    `raised_at` begins the ladder, `acknowledged_at` the reminder. `muted` are the reasons of suppression by design.
    """

    active: bool = False
    announced: bool = False
    acknowledged: bool = True
    latched: bool = False
    unseen: bool = False
    escalated: bool = False
    raised_at: Since | None = None
    acknowledged_at: Since | None = None
    shelf: Shelf | None = None
    out: By | None = None
    muted: tuple[str, ...] = ()

    @property
    def is_standing(self) -> bool:
        """Whether it is anything but normal below E, F and G: active, or waiting for acknowledgement or reset."""
        return self.announced or not self.acknowledged or self.latched

    @property
    def is_suppressed(self) -> bool:
        """Whether its condition holds and is kept still by design."""
        return self.active and bool(self.muted)

    @property
    def is_hidden(self) -> bool:
        """Whether people do not see it: E, F or G."""
        return self.shelf is not None or self.out is not None or self.is_suppressed

    @property
    def status(self) -> Status:
        """The state it is in."""
        if self.out is not None:
            return Status.OUT_OF_SERVICE
        if self.is_suppressed:
            return Status.SUPPRESSED
        if self.shelf is not None:
            return Status.SHELVED
        if self.active:
            return Status.ACKNOWLEDGED if self.acknowledged else Status.UNACKNOWLEDGED
        if not self.acknowledged:
            return Status.RETURNED
        return Status.LATCHED if self.latched else Status.NORMAL


NORMAL: Final = Life()


@dataclass(frozen=True, slots=True)
class Turn:
    """What an event made of an alarm. Every word is told with the status of the new life."""

    life: Life
    told: tuple[Word, ...] = ()


# --- the condition ---------------------------------------------------------------------------------------------------


def begins(life: Life, at: Since) -> Turn:
    """Take the condition coming, after its on-delay: A or D to B, unless it is suppressed."""
    if life.muted:
        return Turn(replace(life, active=True), (Word.SUPPRESSED,))
    return Turn(_raised(life, at), (Word.RAISED,))


def ends(definition: Definition, life: Life) -> Turn:
    """Take the condition going, after its off-delay: B to D, C to A (or latched). It ends a suppression, too."""
    told = [Word.UNSUPPRESSED] if life.muted else []
    after = replace(life, active=False)
    if life.announced:
        told.append(Word.CLEARED)
        acknowledged = life.acknowledged or definition.auto_reset or life.unseen
        after = replace(after, announced=False, acknowledged=acknowledged, latched=definition.latch)
    if life.shelf is not None and life.shelf.once:
        told.append(Word.UNSHELVED)
        after = replace(after, shelf=None)
    return Turn(_settled(after), tuple(told))


def mute(life: Life, reasons: tuple[str, ...], at: Since) -> Turn:
    """Suppress by design for `reasons`; none: no longer. Told once while the condition holds."""
    after = replace(life, muted=reasons)
    if not life.active or bool(reasons) == bool(life.muted):
        return Turn(after)
    if reasons:
        return Turn(after, (Word.SUPPRESSED,))
    if life.announced:
        return Turn(_seen_again(after, at), (Word.UNSUPPRESSED,))
    return Turn(_raised(after, at), (Word.UNSUPPRESSED, Word.RAISED))


def _raised(life: Life, at: Since) -> Life:
    return replace(
        life,
        active=True,
        announced=True,
        acknowledged=False,
        latched=False,
        unseen=life.is_hidden and life.acknowledged,
        escalated=False,
        raised_at=at,
        acknowledged_at=None,
    )


def _settled(life: Life) -> Life:
    """Forget what only matters while the condition holds."""
    return replace(life, unseen=False, escalated=False, raised_at=None, acknowledged_at=None)


# --- people ----------------------------------------------------------------------------------------------------------


def acknowledge(life: Life, at: Since) -> Turn:
    """B to C, D to A (or latched), also below E, F and G. Raises AlarmRefused."""
    if life.acknowledged:
        words = "it is acknowledged already" if life.announced else "there is nothing to acknowledge"
        raise AlarmRefused(words)
    after = replace(life, acknowledged=True, unseen=False, acknowledged_at=at if life.announced else None)
    return Turn(after, (Word.ACKNOWLEDGED,))


def reset(life: Life) -> Turn:
    """End a latched alarm, once its condition is gone and it is acknowledged. Raises AlarmRefused."""
    if life.active:
        raise AlarmRefused("its condition still holds")
    if not life.latched:
        raise AlarmRefused("it does not wait for a reset")
    if not life.acknowledged:
        raise AlarmRefused("acknowledge it first")
    return Turn(replace(life, latched=False), (Word.RESET,))


def shelve(definition: Definition, life: Life, shelf: Shelf) -> Turn:
    """Put it on the shelf for a time; again, and the time begins anew. Raises AlarmRefused."""
    if life.out is not None:
        raise AlarmRefused("it is out of service")
    if shelf.for_ns <= 0:
        raise AlarmRefused("shelve it for some time")
    if shelf.for_ns > definition.longest_shelf_ns:
        raise AlarmRefused(f"it can be shelved for {definition.longest_shelf_ns / HOUR_NS:g} h at most")
    if shelf.once and not life.active:
        raise AlarmRefused("it is not active: there is no once to shelve it for")
    return Turn(replace(life, shelf=shelf), (Word.SHELVED,))


def unshelve(life: Life, at: Since) -> Turn:
    """Take it off the shelf, as acknowledged as it was. Raises AlarmRefused."""
    if life.shelf is None:
        raise AlarmRefused("it is not shelved")
    return Turn(_seen_again(replace(life, shelf=None), at), (Word.UNSHELVED,))


def take_out(life: Life, by: By) -> Turn:
    """Take it out of service, until people put it back. Raises AlarmRefused."""
    if life.out is not None:
        raise AlarmRefused(f"it is out of service already, by {life.out.who}")
    return Turn(replace(life, out=by), (Word.OUT_OF_SERVICE,))


def put_back(life: Life, at: Since) -> Turn:
    """Put it back into service, as acknowledged as it was. Raises AlarmRefused."""
    if life.out is None:
        raise AlarmRefused("it is in service")
    return Turn(_seen_again(replace(life, out=None), at), (Word.IN_SERVICE,))


def _seen_again(life: Life, at: Since) -> Life:
    """Return a life that has come out from under E, F or G: what is active is seen now, reminders begin anew."""
    if life.is_hidden:
        return life
    return replace(life, unseen=False, acknowledged_at=at if life.acknowledged_at is not None else None)


# --- time ------------------------------------------------------------------------------------------------------------


def passes(definition: Definition, life: Life, mono_ns: int, at: Since) -> Turn:
    """Do what time alone makes due at `mono_ns`: the end of a shelf, the ladder, the reminder."""
    told: list[Word] = []
    if _is_past(_shelf_due(life), mono_ns):
        life, told = _seen_again(replace(life, shelf=None), at), [Word.UNSHELVED]
    if _is_past(ladder_due(definition, life), mono_ns):
        life, told = replace(life, escalated=True), [*told, Word.ESCALATED]
    if _is_past(_reminder_due(definition, life), mono_ns):
        life, told = replace(life, acknowledged=False, acknowledged_at=None), [*told, Word.REALARMED]
    return Turn(life, tuple(told))


def due_ns(definition: Definition, life: Life) -> int | None:
    """Return the monotonic moment at which time alone makes something due; ``None``: never."""
    dues = (_shelf_due(life), ladder_due(definition, life), _reminder_due(definition, life))
    return min((due for due in dues if due is not None), default=None)


def _is_past(due: int | None, mono_ns: int) -> bool:
    return due is not None and mono_ns >= due


def _shelf_due(life: Life) -> int | None:
    return None if life.shelf is None else life.shelf.since.due_ns(life.shelf.for_ns)


def ladder_due(definition: Definition, life: Life) -> int | None:
    """Return the monotonic moment of escalation, ``None``: never, or it is past.

    Neither acknowledging nor shelving nor taking out of service stops the ladder; suppression by design holds it.
    """
    after, at = definition.escalate_after_ns, life.raised_at
    if after is None or at is None or life.escalated or not life.announced or life.is_suppressed:
        return None
    return at.due_ns(after)


def _reminder_due(definition: Definition, life: Life) -> int | None:
    after, at = definition.remind_ns, life.acknowledged_at
    return None if after is None or at is None or not life.announced or life.is_hidden else at.due_ns(after)


def dated(life: Life, date: Callable[[Since], Since]) -> Life:
    """Return the life with every moment in it passed through `date`."""
    shelf = life.shelf and replace(life.shelf, since=date(life.shelf.since))
    raised_at = life.raised_at and date(life.raised_at)
    return replace(
        life, shelf=shelf, raised_at=raised_at, acknowledged_at=life.acknowledged_at and date(life.acknowledged_at)
    )
