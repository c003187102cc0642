"""The history of alarms: what a search takes, and how a record reads."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.panel.history import Wanted, line, period
from tests.agent.panel.believable import NOW_MS, ROWS, TS

ZONE = ZoneInfo("Asia/Shanghai")
RECORD: dict[str, Any] = {**ROWS[0], "seq": 7, "ts": TS, "state": "raised", "object": "paint"}


@pytest.mark.parametrize(
    ("name", "wanted", "expected"),
    [
        ("everything", Wanted(), True),
        ("words of its text, in any order", Wanted(text="oxidiser PAINT"), True),
        ("Chinese words", Wanted(text="蓄热焚烧炉"), True),
        ("words it does not have", Wanted(text="boiler"), False),
        ("its rule", Wanted(rule="t1"), True),
        ("another rule", Wanted(rule="T11"), False),
        ("its object", Wanted(thing="PAINT"), True),
        ("another object", Wanted(thing="press"), False),
        ("what happened", Wanted(happened="raised"), True),
        ("what did not", Wanted(happened="cleared"), False),
        ("a period it is in", Wanted(from_ms=NOW_MS, to_ms=NOW_MS + 1), True),
        ("one that has ended before", Wanted(to_ms=NOW_MS), False),
        ("one that begins later", Wanted(from_ms=NOW_MS + 1), False),
    ],
)
def test_what_a_search_takes(name: str, wanted: Wanted, expected: bool) -> None:
    """Each row of the table is a search, and whether the record is one of its finds."""
    assert wanted.takes(RECORD) is expected, name


def test_a_record_without_time_is_in_every_period() -> None:
    """Nobody can say that it was not, so it is not hidden."""
    assert Wanted(from_ms=1, to_ms=2).takes(RECORD | {"ts": None})
    assert not Wanted(from_ms=1).is_over(RECORD | {"ts": None})


def test_a_search_ends_well_before_its_period() -> None:
    """A day of grace, because the clock may have stepped; then nothing older is asked for."""
    assert Wanted(from_ms=NOW_MS + 86_400_001).is_over(RECORD)
    assert not Wanted(from_ms=NOW_MS + 86_400_000).is_over(RECORD)


def test_two_dates_are_both_included() -> None:
    """Dates are days of the site's clock, the last one whole; what is no date bounds nothing."""
    assert period({"from": "2026-07-01", "to": "2026-07-01"}, ZONE) == (1_782_835_200_000, 1_782_921_600_000)
    assert period({"from": "soon"}, ZONE) == (None, None)


def test_a_line_says_who_and_why() -> None:
    """Who did it, what they noted, and the reasons of the agent; words nobody knows are not invented."""
    by = {"who": "wang", "uid": 991, "note": "fan tripped"}
    told = line(RECORD | {"state": "acknowledged", "by": by, "reason": "time over", "reasons": ["M1"]}, "en", ZONE)
    assert (told.who, told.note, told.reason) == ("wang", "fan tripped", "M1, time over")
    assert told.when == "2026-07-01 14:30:00"
    strange = line(RECORD | {"state": "sang", "priority": "utmost", "ts": None}, "en", ZONE)
    assert (strange.happened, strange.priority, strange.when) == ("", "", "")
