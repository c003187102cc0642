"""Looking back: which records are wanted, and what is no question."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from agent.caller import Answer, Request
from agent.clock import SystemClock
from agent.control import Unwilling
from agent.look_back import Wanted, journal
from agent.queries import Queries
from buffer.journal import Journal
from tests.buffer.chain import filled, sealed

if TYPE_CHECKING:
    from pathlib import Path

NOON_MS = 1_782_907_200_000
"""2026-07-01T12:00:00Z."""


def record(kind: str = "alarm", ts: str | None = "2026-07-01T12:00:00.000Z", **members: Any) -> dict[str, Any]:
    """Return a record of noon."""
    return {"kind": kind, "ts": ts, **members}


EARLIER = "2026-07-01T11:59:59.999Z"
WANTED: dict[str, tuple[Wanted, Any, bool | None]] = {
    "an alarm": (Wanted(), record(alarm="a"), True),
    "a count of health": (Wanted(), record("health"), False),
    "health, when asked for": (Wanted(kinds=("health",)), record("health"), True),
    "of one alarm": (Wanted(alarm="a"), record(alarm="a"), True),
    "of another alarm": (Wanted(alarm="a"), record(alarm="b"), False),
    "an event, of one alarm": (Wanted(alarm="a"), record("event", event="start"), False),
    "an event by name": (Wanted(events=("login",)), record("event", event="login"), True),
    "another event": (Wanted(events=("login",)), record("event", event="start"), False),
    "no event at all is asked for": (Wanted(events=()), record("event", event="start"), False),
    "an alarm beside events": (Wanted(events=("login",)), record(alarm="a"), True),
    "at the moment since when": (Wanted(since_ms=NOON_MS), record(alarm="a"), True),
    "before it": (Wanted(since_ms=NOON_MS), record(alarm="a", ts=EARLIER), None),
    "of another kind before it": (Wanted(since_ms=NOON_MS), record("health", ts=EARLIER), None),
    "without a date": (Wanted(since_ms=NOON_MS), record(alarm="a", ts=None), True),
    "with a date that is none": (Wanted(since_ms=NOON_MS), record(alarm="a", ts="noon"), False),
    "no record": (Wanted(), [1], False),
}


@pytest.mark.parametrize(("wanted", "one", "answer"), WANTED.values(), ids=WANTED)
def test_records_are_chosen_by_what_they_are_about(wanted: Wanted, one: Any, answer: bool | None) -> None:
    """``None`` ends the search: what is older is not looked at."""
    assert wanted(orjson.dumps(one)) is answer


def test_what_is_not_json_is_not_wanted() -> None:
    """It is not what was once written."""
    assert Wanted()(b'{"kind":"alarm"') is False


def asked(path: Path, **words: Any) -> Answer:
    """Ask, let the thread of the queries work, and return the answer as it goes out."""
    queries = Queries(SystemClock())
    later = journal(Request({"do": "journal", **words}, 0), Journal(path), queries)
    queries.stop()
    queries.run()
    answer: Answer = orjson.loads(orjson.dumps(later.answer()))
    return answer


def test_records_come_whole_and_in_pages(tmp_path: Path) -> None:
    """As they were signed, the newest first."""
    with closing(filled(tmp_path, 1)) as outbox:
        for number in range(5):
            entry, _ = sealed(outbox.position, urgent=True, **record("event", event="login", number=number))
            outbox.write([entry])
        first = asked(tmp_path, kinds=["event"], event=["login"], limit=3)
        second = asked(tmp_path, kinds=["event"], event=["login"], limit=3, before=first["next"])

    assert [one["number"] for page in (first, second) for one in page["records"]] == [4, 3, 2, 1, 0]
    assert second["next"] is None
    assert first["records"][0]["prev"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "readings": ({"kinds": ["readings"]}, "kinds: there is no 'readings'; known: alarm, event"),
    "a text for kinds": ({"kinds": "alarm"}, "kinds must be a list"),
    "numbers for kinds": ({"kinds": [1]}, "kinds must be a list"),
    "too many events": ({"event": ["x"] * 33}, "event must be a list of at most 32"),
    "a list of alarms": ({"alarm": ["a"]}, "alarm must be a text"),
    "too many at once": ({"limit": 201}, "limit must be a whole number from 1 to 200"),
    "none at once": ({"limit": 0}, "limit must be"),
    "a truth for a limit": ({"limit": True}, "limit must be"),
    "a number with a point": ({"before": 1.5}, "before must be a whole number"),
    "a date in words": ({"since_ms": "noon"}, "since_ms must be a whole number"),
}


@pytest.mark.parametrize(("words", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_question_is_refused_in_words(tmp_path: Path, words: dict[str, Any], why: str) -> None:
    """Before the store is opened."""
    with pytest.raises(Unwilling, match=why):
        asked(tmp_path, **words)


def test_a_store_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """As a refusal in words, like everything else."""
    (tmp_path / "outbox.db").write_bytes(b"no database" * 999)

    with pytest.raises(Unwilling, match=r"outbox\.db"):
        asked(tmp_path)
