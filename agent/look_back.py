"""``{"do": "journal", …}``: records that are kept, the newest first, in pages.

    {"do":"journal","kinds":["alarm","event"],"limit":50,"before":null,"alarm":null,"event":null,"since_ms":null}
    {"records":[whole records as they were signed],"next":4708}

`kinds`: any but readings. `alarm`: only records of that alarm. `event`: of events only those of these names.
`since_ms`: nothing from before the first record that is dated earlier. The next page is asked for with `before` =
`next`; a page may be short, even empty, and yet have a `next`: so much is looked through at a time, and no more
(`buffer.journal`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from agent.control import Unwilling
from agent.queries import looked_up
from agent.record import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.caller import Answer, Later, Request
    from agent.queries import Queries
    from buffer.journal import Journal

KEPT: Final = tuple(kind for kind in KINDS if kind != "readings")
USUAL: Final = ("alarm", "event", "config", "clock", "gap")
WORDS: Final = ("kinds", "before", "limit", "alarm", "event", "since_ms")
MOST: Final = 200
MOST_LISTED: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records are wanted. Called with a record's bytes."""

    kinds: tuple[str, ...] = USUAL
    alarm: str | None = None
    events: tuple[str, ...] | None = None
    since_ms: int | None = None

    def __call__(self, wire: bytes) -> bool | None:
        """Whether a record is wanted; ``None``: neither it nor any before it."""
        try:
            record = orjson.loads(wire)
            if self.since_ms is not None and _is_before(record["ts"], self.since_ms):
                return None
            return self._wants(record)
        except (ValueError, TypeError, KeyError):  # not what was once written
            return False

    def _wants(self, record: Mapping[str, Any]) -> bool:
        kind = record["kind"]
        if kind not in self.kinds or (self.alarm is not None and record.get("alarm") != self.alarm):
            return False
        return self.events is None or kind != "event" or record["event"] in self.events


def journal(request: Request, kept: Journal, queries: Queries) -> Later:
    """Ask for a page of records. Raises Unwilling."""
    words = request.words
    wanted = Wanted(
        kinds=_listed(words, "kinds", KEPT) or USUAL,
        alarm=_text(words, "alarm"),
        events=_listed(words, "event"),
        since_ms=_whole(words, "since_ms", 2**53),
    )
    limit, before = _whole(words, "limit", MOST) or MOST, _whole(words, "before", 2**53)

    def work() -> Answer:
        page = kept.newest(wanted, limit=limit, before=before)
        return {"records": [orjson.Fragment(wire) for wire in page.wires], "next": page.next}

    return looked_up(queries, work)


def _is_before(ts: str | None, since_ms: int) -> bool:
    return ts is not None and datetime.fromisoformat(ts).timestamp() * 1000 < since_ms


def _listed(words: Mapping[str, Any], name: str, known: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """Return a list of texts, of `known` ones where these are closed; ``None`` when it is not given."""
    value = words.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MOST_LISTED or not all(isinstance(one, str) for one in value):
        raise Unwilling(f"{name} must be a list of at most {MOST_LISTED} texts")
    strange = [one for one in value if known and one not in known]
    if strange:
        raise Unwilling(f"{name}: there is no {strange[0]!r}; known: {', '.join(known)}")
    return tuple(value)


def _text(words: Mapping[str, Any], name: str) -> str | None:
    value = words.get(name)
    if value is not None and not isinstance(value, str):
        raise Unwilling(f"{name} must be a text")
    return value


def _whole(words: Mapping[str, Any], name: str, most: int) -> int | None:
    """Return a whole number from 1 to `most`, ``None`` when it is not given."""
    value = words.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise Unwilling(f"{name} must be a whole number from 1 to {most}")
    return value
