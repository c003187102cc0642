"""Pieces of the day: every moment in exactly one, marked in local time, on the odd days too."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.periods import piece_of_boot, piece_of_day

MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000


def ms(text: str) -> int:
    """Return an ISO date with offset as ms since 1970."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("name", "zone", "period", "moment", "start", "end"),
    [
        (
            "a minute",
            "Asia/Shanghai",
            MINUTE,
            "2026-11-22T09:30:01+08:00",
            "2026-11-22T09:30:00+08:00",
            "2026-11-22T09:31:00+08:00",
        ),
        (
            "its first millisecond belongs to it",
            "Asia/Shanghai",
            MINUTE,
            "2026-11-22T09:31:00+08:00",
            "2026-11-22T09:31:00+08:00",
            "2026-11-22T09:32:00+08:00",
        ),
        (
            "an hour where the offset is not whole",
            "Asia/Kolkata",
            HOUR,
            "2026-11-22T09:45:00+05:30",
            "2026-11-22T09:00:00+05:30",
            "2026-11-22T10:00:00+05:30",
        ),
        (
            "a day",
            "Asia/Shanghai",
            DAY,
            "2026-11-22T00:00:00+08:00",
            "2026-11-22T00:00:00+08:00",
            "2026-11-23T00:00:00+08:00",
        ),
        (
            "the day of 23 hours",
            "Europe/Berlin",
            DAY,
            "2026-03-29T12:00:00+02:00",
            "2026-03-29T00:00:00+01:00",
            "2026-03-30T00:00:00+02:00",
        ),
        (
            "the day of 25 hours",
            "Europe/Berlin",
            DAY,
            "2026-10-25T12:00:00+01:00",
            "2026-10-25T00:00:00+02:00",
            "2026-10-26T00:00:00+01:00",
        ),
        (
            "the repeated hour, first time",
            "Europe/Berlin",
            HOUR,
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:00:00+01:00",
        ),
        (
            "the repeated hour, second time",
            "Europe/Berlin",
            HOUR,
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T03:00:00+01:00",
        ),
        (
            "the skipped hour",
            "Europe/Berlin",
            HOUR,
            "2026-03-29T03:10:00+02:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T04:00:00+02:00",
        ),
        (
            "four hours over the change",
            "Europe/Berlin",
            4 * HOUR,
            "2026-10-25T03:30:00+01:00",
            "2026-10-25T00:00:00+02:00",
            "2026-10-25T04:00:00+01:00",
        ),
        (
            "a change of half an hour cuts the hour",
            "Australia/Lord_Howe",
            HOUR,
            "2026-04-05T01:40:00+10:30",
            "2026-04-05T01:30:00+10:30",
            "2026-04-05T02:00:00+10:30",
        ),
        (
            "and ends the piece before it",
            "Australia/Lord_Howe",
            HOUR,
            "2026-04-05T01:40:00+11:00",
            "2026-04-05T01:00:00+11:00",
            "2026-04-05T01:30:00+10:30",
        ),
        (
            "midnight is skipped",
            "Asia/Beirut",
            DAY,
            "2026-03-29T12:00:00+03:00",
            "2026-03-29T01:00:00+03:00",
            "2026-03-30T00:00:00+03:00",
        ),
        (
            "what does not divide the day ends at midnight",
            "Asia/Shanghai",
            7 * MINUTE,
            "2026-11-22T23:59:00+08:00",
            "2026-11-22T23:55:00+08:00",
            "2026-11-23T00:00:00+08:00",
        ),
        (
            "seven hours likewise",
            "Asia/Shanghai",
            7 * HOUR,
            "2026-11-22T22:00:00+08:00",
            "2026-11-22T21:00:00+08:00",
            "2026-11-23T00:00:00+08:00",
        ),
        (
            "two days",
            "Asia/Shanghai",
            2 * DAY,
            "2026-11-22T22:00:00+08:00",
            "2026-11-22T00:00:00+08:00",
            "2026-11-24T00:00:00+08:00",
        ),
    ],
)
def test_pieces(name: str, zone: str, period: int, moment: str, start: str, end: str) -> None:
    """A piece begins and ends where the clock on the wall of the site says."""
    assert piece_of_day(ms(moment), period, ZoneInfo(zone)) == (ms(start), ms(end)), name


ZONES = ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu", "Asia/Beirut")
YEAR_START = round(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
CHANGES = [  # of 2026, in the zones above
    ms(text) - YEAR_START
    for text in (
        "2026-03-29T01:00:00+00:00",
        "2026-10-25T01:00:00+00:00",
        "2026-04-04T15:00:00+00:00",
        "2026-10-03T15:30:00+00:00",
        "2026-03-08T07:00:00+00:00",
        "2026-11-01T06:00:00+00:00",
        "2026-03-28T22:00:00+00:00",
        "2026-10-24T21:00:00+00:00",
    )
]


@settings(max_examples=1000)
@given(
    zone=st.sampled_from(ZONES),
    period=st.sampled_from([1000, MINUTE, 7 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 5 * HOUR, 12 * HOUR, DAY]),
    moment=st.one_of(
        st.integers(0, 365 * DAY),
        st.builds(int.__add__, st.sampled_from(CHANGES), st.integers(-3 * HOUR, 3 * HOUR)),
    ),
)
def test_every_moment_belongs_to_exactly_one_piece(zone: str, period: int, moment: int) -> None:
    """Pieces hold their moment, are no longer than a period (on odd days and an hour), and meet without a gap."""
    wall, place = YEAR_START + moment, ZoneInfo(zone)
    found = piece_of_day(wall, period, place)

    assert found.start_ms <= wall < found.end_ms
    assert found.end_ms - found.start_ms <= period + (HOUR if period > HOUR else 0)
    assert piece_of_day(found.start_ms, period, place) == found
    assert piece_of_day(found.end_ms - 1, period, place) == found
    assert piece_of_day(found.end_ms, period, place).start_ms == found.end_ms


@pytest.mark.parametrize(("mono", "start"), [(0, 0), (59_999, 0), (60_000, 60_000), (2**33, 2**33 // MINUTE * MINUTE)])
def test_without_time_the_pieces_are_of_the_boot(mono: int, start: int) -> None:
    """While wall time is not known, periods are multiples of uptime."""
    assert piece_of_boot(mono, MINUTE) == (start, start + MINUTE)
