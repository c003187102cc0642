"""What is asked of the pipeline at a door: alarms, what to do about them, the book, the rules, events to be recorded.

One table of verbs. Each is done whole between two scans, by the pipeline's thread; what it changes is told as signed
records with who did it, committed together with the state it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from agent import notices
from agent.book.book import VERBS as BOOK_VERBS
from agent.book.entries import EntryRefused, Words
from agent.lifecycle import AlarmRefused, By

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.clock import Stamp
    from agent.intake import Ask
    from agent.judgement import Judgement

Draft = dict[str, Any]

_SHORTEST_SHELF_S: Final = 1.0
_LONGEST_SHELF_S: Final = 7 * 86400.0
"""More than any alarm may be shelved; how long it may be is the alarm's own word."""


class Refused(Exception):
    """Why somebody does not get what they ask for: ``str`` says it in words."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: the answer, and the drafts that tell it.

    With `is_proof`, the answer is the record of the last draft as it was signed: `seq`, `id`, `wire`.
    """

    answer: dict[str, Any]
    drafts: Sequence[Draft] = field(default=())
    is_proof: bool = False


def attend(ask: Ask, judgement: Judgement, stamp: Stamp, mono_ns: int) -> Done:
    """Do what is asked. Raises Refused."""
    try:
        return _VERBS[ask.do](_Visit(ask, judgement, stamp, mono_ns))
    except (AlarmRefused, EntryRefused) as reason:
        raise Refused(str(reason)) from None


class _Visit:
    """One request, and what it is about."""

    def __init__(self, ask: Ask, judgement: Judgement, stamp: Stamp, mono_ns: int) -> None:
        self.ask = ask
        self.house = judgement
        self.wall_ms = stamp.wall_ms
        self.mono_ns = mono_ns
        self.words = Words(ask.words, judgement.zone, stamp.wall_ms)

    @property
    def by(self) -> By:
        """Who asks, with the note of the request."""
        note = self.words.text("note", default="") or None
        return By(str(self.ask.by["who"]), self.ask.by["uid"], note, self.ask.by.get("door"))

    @property
    def alarm(self) -> str:
        """The alarm that is meant, or ``all``."""
        return self.words.needed("alarm")


def _alarms(visit: _Visit) -> Done:
    visit.words.known("all")
    rows = visit.house.listing(everything=visit.words.flag("all"))
    return Done({"alarms": rows, "figures": visit.house.alarms.figures(), "code": visit.house.code()})


def _people(do: Callable[[_Visit], list[Draft]], *words: str) -> Callable[[_Visit], Done]:
    """Return the verb of something that people do to an alarm; `words` are those of its request."""

    def verb(visit: _Visit) -> Done:
        visit.words.known("alarm", "note", *words)
        drafts = do(visit)
        return Done({"done": [draft["alarm"] for draft in drafts if draft["kind"] == "alarm"]}, drafts)

    return verb


def _shelve(visit: _Visit) -> list[Draft]:
    for_s = visit.words.number("for_s", _SHORTEST_SHELF_S, _LONGEST_SHELF_S)
    if for_s is None:
        raise Refused("for how long? for_s is missing")
    once = visit.words.flag("once")
    return visit.house.alarms.shelve(visit.alarm, visit.by, for_s, visit.mono_ns, once=once)


def _enter(visit: _Visit) -> Done:
    """Enter something into the book; the answer is what the record tells of it."""
    draft = visit.house.enter(visit.ask, visit.wall_ms)
    answer = {name: value for name, value in draft.items() if name not in ("kind", "event", "by")}
    return Done(answer, [draft])


def _book(visit: _Visit) -> Done:
    visit.words.known("all")
    return Done(visit.house.book.listing(visit.wall_ms, everything=visit.words.flag("all")))


def _rules(visit: _Visit) -> Done:
    visit.words.known()
    return Done({"rules": visit.house.rules()})


def _audit(visit: _Visit) -> Done:
    return Done({}, [notices.audited(visit.ask.words, visit.ask.by)])


def _commissioned(visit: _Visit) -> Done:
    return Done({}, [notices.commissioned(visit.words, visit.ask.words, visit.ask.by)], is_proof=True)


def _exported(visit: _Visit) -> Done:
    return Done({}, [notices.exported(visit.words, visit.ask.words, visit.ask.by)], is_proof=True)


_VERBS: Final[Mapping[str, Callable[[_Visit], Done]]] = {
    "alarms": _alarms,
    "acknowledge": _people(lambda visit: visit.house.alarms.acknowledge(visit.alarm, visit.by, visit.mono_ns)),
    "shelve": _people(_shelve, "for_s", "once"),
    "unshelve": _people(lambda visit: visit.house.alarms.unshelve(visit.alarm, visit.by, visit.mono_ns)),
    "reset": _people(lambda visit: visit.house.alarms.reset(visit.alarm, visit.by, visit.mono_ns)),
    "take-out": _people(lambda visit: visit.house.alarms.take_out(visit.alarm, visit.by, visit.mono_ns)),
    "put-back": _people(lambda visit: visit.house.alarms.put_back(visit.alarm, visit.by, visit.mono_ns)),
    "book": _book,
    **dict.fromkeys(BOOK_VERBS, _enter),
    "rules": _rules,
    "audit": _audit,
    "commissioned": _commissioned,
    "exported": _exported,
}
VERBS: Final = tuple(_VERBS)
ASKING: Final = ("alarms", "book", "rules")
"""Verbs that change nothing."""
RECORDING: Final = ("audit", "commissioned", "exported")
"""Verbs that only have something recorded."""
ACTING: Final = tuple(do for do in VERBS if do not in (*ASKING, *RECORDING))
"""What people do: each says who it was."""
