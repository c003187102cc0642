"""PROJ: the running hour, day and year."""

from __future__ import annotations

import statistics
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import Pace, Projected
from agent.rules.rule import Moment
from tests.agent.rules.kinds.naive import SMALL, Feed, agree, known, steps

if TYPE_CHECKING:
    from collections.abc import Sequence


@given(history=steps(SMALL, most=100))
def test_an_hour_ahead_agrees_with_all_of_its_minutes(history: list[Any]) -> None:
    """(Sum so far + remaining * last five) / 60 > 5.03, from minute 15 on; missing minutes as the mean of the known."""

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        passed = (len(seen) - 1) % 60 + 1
        if passed < 15:
            return False
        held, last = known(seen, passed), known(seen, 5)
        if len(held) < 0.75 * passed or (passed < 60 and len(last) < 3.75):
            return None
        mean = statistics.fmean(held)
        ahead = (60 - passed) * statistics.fmean(last) if passed < 60 else 0
        return (mean * passed + ahead) / 60 > 5.03

    agree(lambda: Projected(period="hour", limit=5.03, step_s=60, from_minute=15), judge, history)


@given(history=steps(SMALL, most=40))
def test_a_day_so_far_agrees_with_all_of_its_hours(history: list[Any]) -> None:
    """Mean and amount of the hours so far, begun anew at midnight."""
    for of in ("mean", "total"):
        feed = Feed(Projected(period="day", limit=30.1, step_s=3600, of="total", ahead=False), step_s=3600)
        mean = Feed(Projected(period="day", limit=3.01, step_s=3600, ahead=False), step_s=3600)
        seen: list[tuple[Any, ...]] = []
        for step in history:
            if isinstance(step, int):
                feed.skip(step)
                mean.skip(step)
                seen += [(None,)] * step
                continue
            seen.append(step)
            passed = (len(seen) - 1) % 24 + 1
            held = known(seen, passed)
            enough = len(held) >= 0.75 * passed
            assert mean(*step) is (statistics.fmean(held) > 3.01 if enough else None)
            assert feed(*step) is (statistics.fmean(held) * passed > 30.1 if enough else None), of


@pytest.mark.parametrize(
    ("name", "limit", "expected"),
    [("exactly at the limit", 24.0, False), ("above it", 23.9, True)],
)
def test_a_day_ahead_of_amounts(name: str, limit: float, expected: bool) -> None:
    """1 a hour for twelve hours comes to 24 a day; before twelve o'clock nothing is said."""
    feed = Feed(Projected(period="day", limit=limit, step_s=3600, of="total", from_minute=720), step_s=3600)
    feed.each(*[1.0] * 12)
    assert set(feed.answers[:11]) == {False}
    assert feed.answers[11] is expected


def test_without_a_calendar_nothing_is_projected() -> None:
    """The hour is not known."""
    feed = Feed(Projected(period="hour", limit=1, step_s=60), calendar=False)
    assert feed.each(5, 5, 5, 5, 5, 5) == "......"


def test_the_evidence_of_a_projection() -> None:
    """What comes out, the limit, the mean so far, how much is known."""
    feed = Feed(Projected(period="hour", limit=5, step_s=60))
    feed.each(*[6.0] * 10)
    expected = {"projected": 6.0, "limit": 5.0, "mean_so_far": 6.0, "known": 10, "of_samples": 60}
    assert feed.evaluator.evidence() == expected


def day(year: int, of_year: int) -> Moment:
    """Return the moment of a day of a year, from 1."""
    return Moment(mono_ns=0, wall_ms=0, day=date(year, 1, 1).toordinal() + of_year - 1, minute=0, weekday=0)


@given(st.lists(st.one_of(st.none(), st.integers(0, 3)), min_size=1, max_size=60), st.integers(1, 330))
def test_pace_agrees_with_the_sum_of_the_year(amounts: list[int | None], first: int) -> None:
    """Sum so far against a limit of 365 and a tenth more, day by day, from day 30; unknown days count as nothing."""
    evaluator = Pace(limit=365.0, tolerance=0.1003, from_day=30)
    for at, amount in enumerate(amounts):
        if first + at > 365:
            break
        held = [one for one in amounts[: at + 1] if one is not None]
        over = sum(held) > (first + at) * 1.1003
        expected = False if first + at <= 30 else True if over else None if len(held) < 0.75 * (at + 1) else False
        assert evaluator.update(day(2023, first + at), amount) is expected


def test_pace_begins_anew_with_the_year() -> None:
    """What was too much last year is none this year; an unknown day is no new year."""
    evaluator = Pace(limit=365.0, from_day=0)
    assert evaluator.update(day(2023, 365), 1000.0) is True
    assert evaluator.update(day(2024, 1), 0.5) is False
    assert evaluator.update(Moment(mono_ns=0), 0.5) is None
