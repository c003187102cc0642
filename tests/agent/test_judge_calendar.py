"""agent.judge_calendar: when a minute, an hour and a day are over."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.judge_calendar import Calendar, Over

ZONE = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NS = 1_000_000_000
BOOT = ("boot", 60_000)


def ms(at: datetime) -> int:
    """Return a moment as ms since 1970."""
    return round(at.timestamp() * 1000)


def watch(calendar: Calendar, mono_s: int, wall: datetime | None, seconds: int) -> list[tuple[int, Over]]:
    """Look once a second; return what was over and when, seconds from the first look."""
    found = []
    for second in range(seconds + 1):
        wall_ms = None if wall is None else ms(wall) + 1000 * second
        found += [(second, over) for over in calendar.over((mono_s + second) * NS, wall_ms)]
    return found


def test_a_period_is_over_a_moment_after_its_end_and_the_shorter_first() -> None:
    """At midnight minute, hour and day are over together, each with its own start and end."""
    midnight = datetime(2026, 3, 3, tzinfo=ZONE)
    found = watch(Calendar(ZONE), 1000, midnight - timedelta(seconds=90), 100)

    assert [(second, over.level) for second, over in found] == [(31, 0), (91, 0), (91, 1), (91, 2)]
    spans = [timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)]
    for (_, over), span in zip(found[1:], spans, strict=True):
        assert (over.key, over.start_ms, over.end_ms) == (ms(midnight - span), ms(midnight - span), ms(midnight))
        assert over.missed == 0


@pytest.mark.parametrize(
    ("day", "hours"),
    [(datetime(2026, 3, 29, tzinfo=BERLIN), 23), (datetime(2026, 10, 25, tzinfo=BERLIN), 25)],
    ids=["spring", "autumn"],
)
def test_a_day_on_which_the_clocks_change_is_one_day(day: datetime, hours: int) -> None:
    """It has 23 or 25 hours, and each of them is over once."""
    calendar = Calendar(BERLIN)
    overs = [
        over for minute in range(26 * 60) for over in calendar.over(minute * 60 * NS, ms(day) + minute * 60_000 + 1500)
    ]

    assert [over.start_ms for over in overs if over.level == 2] == [ms(day)]
    assert (
        len([over for over in overs if over.level == 1 and (over.end_ms or 0) <= ms(day) + hours * 3_600_000]) == hours
    )
    assert {over.missed for over in overs} == {0}


def test_a_minute_ends_where_time_becomes_known() -> None:
    """The one of the boot has no date; the next is that of the wall clock, and begins at once."""
    calendar = Calendar(ZONE)
    assert watch(calendar, 65, None, 10) == []

    found = watch(calendar, 76, datetime(2026, 3, 2, 10, 0, 30, tzinfo=ZONE), 31)
    assert [(second, over.level, over.key, over.start_ms) for second, over in found if over.level == 0] == [
        (0, 0, BOOT, None),
        (31, 0, ms(datetime(2026, 3, 2, 10, 0, tzinfo=ZONE)), ms(datetime(2026, 3, 2, 10, 0, tzinfo=ZONE))),
    ]


def test_a_clock_that_steps_back_ends_the_minute_and_begins_another() -> None:
    """Which may have been judged before: statistics have a row for each."""
    calendar = Calendar(ZONE)
    watch(calendar, 100, datetime(2026, 3, 2, 10, 5, 30, tzinfo=ZONE), 10)
    found = watch(calendar, 111, datetime(2026, 3, 2, 10, 2, 40, tzinfo=ZONE), 22)

    assert [(second, over.start_ms) for second, over in found] == [
        (0, ms(datetime(2026, 3, 2, 10, 5, tzinfo=ZONE))),
        (21, ms(datetime(2026, 3, 2, 10, 2, tzinfo=ZONE))),
    ]


@pytest.mark.parametrize(
    ("rest_ns", "missed"),
    [(3 * 3600 * NS, [180, 3]), (0, [0, 0]), (None, [1440, 24])],
    ids=["hours", "none", "unknown"],
)
def test_time_off_is_counted_once(rest_ns: int | None, missed: list[int]) -> None:
    """With the first period that is over, and not again."""
    calendar = Calendar(ZONE)
    calendar.rested(rest_ns)
    found = watch(calendar, 100, datetime(2026, 3, 2, 10, 58, tzinfo=ZONE), 200)

    assert [over.missed for _, over in found if over.level == 0] == [missed[0], 0, 0]
    assert [over.missed for _, over in found if over.level == 1] == [missed[1]]
