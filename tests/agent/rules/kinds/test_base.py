"""BASE: medians and MAD of days gone by, per hour and load bin; what is learnt, what is not, what is forgotten."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import Away, Fall, Lost
from agent.rules.kinds.baseline import Baseline, bin_of, median
from tests.agent.rules.kinds.naive import DAY, Feed, moment

if TYPE_CHECKING:
    from agent.rules.rule import Moment


def at(day: int, hour: int = 0, minute: int = 0) -> Moment:
    """Return a moment so many days after the first."""
    return moment((day * 24 + hour) * 60 + minute)


def learnt(evaluator: Away | Lost, days: int, value: float = 10.0, *load: float | None, start: int = 0) -> None:
    """Let hours of so many days pass, all of the same value."""
    for hour in range(start * 24, (start + days) * 24):
        evaluator.update(moment(hour * 60), value, *load)


def hourly(**bounds: Any) -> Away:
    """Return a judge of hourly values."""
    return Away(step_s=3600, **bounds)


@given(
    values=st.lists(st.one_of(st.none(), st.integers(-20, 20)), min_size=1, max_size=50),
    hour=st.integers(0, 23),
    bounds=st.sampled_from([{"low": 0.7}, {"mad": 2.03}, {"points": 3}, {"mad": 1.01, "points": 2, "side": "above"}]),
)
def test_away_agrees_with_the_thirty_days_before(values: list[int | None], hour: int, bounds: dict[str, Any]) -> None:
    """One value a day at one hour: median and MAD of those of the last 30 days, from 14 known ones on."""
    evaluator = hourly(**bounds)
    for today, value in enumerate(values):
        before = [one for one in values[max(0, today - 30) : today] if one is not None]
        expected: bool | None = None
        if value is not None and len(before) >= 14:
            middle = statistics.median(before)
            mad = statistics.median(abs(one - middle) for one in before)
            apart = value - middle if "side" in bounds else abs(value - middle)
            expected = value < 0.7 * middle if "low" in bounds else True
            expected = expected and ("mad" not in bounds or apart > bounds["mad"] * mad)
            expected = expected and ("points" not in bounds or apart > bounds["points"])
        assert evaluator.update(at(today, hour), value) is expected


@pytest.mark.parametrize(
    ("name", "bounds", "value", "expected"),
    [
        ("at low", {"low": 0.6}, 6.0, False),
        ("below low", {"low": 0.6}, 5.99, True),
        ("at high", {"high": 1.3}, 13.0, False),
        ("above high", {"low": 0.7, "high": 1.3}, 13.1, True),
        ("at points", {"points": 3.0}, 13.0, False),
        ("beyond points below", {"points": 3.0}, 6.9, True),
        ("below, looked at from above only", {"points": 3.0, "side": "above"}, 6.9, False),
        ("above, looked at from below only", {"points": 3.0, "side": "below"}, 13.1, False),
        ("below, from below", {"points": 3.0, "side": "below"}, 6.9, True),
        ("no MAD at all: any change is beyond it", {"mad": 3.0}, 10.1, True),
        ("beyond MAD, not beyond points", {"mad": 3.0, "points": 0.2}, 10.1, False),
        ("next to nothing is no measure", {"low": 0.6, "least": 10.1}, 0.0, False),
        ("just enough of it is", {"low": 0.6, "least": 10.0}, 0.0, True),
    ],
)
def test_away(name: str, bounds: dict[str, Any], value: float, expected: bool) -> None:
    """After 14 days of 10 at every hour."""
    evaluator = hourly(**bounds)
    learnt(evaluator, 14)
    assert evaluator.update(at(14), value) is expected


def test_not_ready_before_fourteen_days() -> None:
    """How long still is told in days, and nothing is known until then."""
    evaluator = hourly(low=0.6)
    assert evaluator.ready_in_s() == 14 * 86400
    learnt(evaluator, 13)
    assert evaluator.ready_in_s() == 86400
    assert evaluator.update(at(13), 1.0) is None
    learnt(evaluator, 1, start=13)
    assert evaluator.update(at(14), 1.0) is True
    assert evaluator.ready_in_s() == 0


def test_without_a_calendar_nothing_is_learnt_or_known() -> None:
    """A value of an unknown hour is no value of any."""
    evaluator = hourly(low=0.6)
    learnt(evaluator, 14)
    before = evaluator.snapshot()
    assert evaluator.update(moment(14 * 1440, calendar=False), 1.0) is None
    assert evaluator.snapshot() == before


def test_hours_and_load_bins_are_apart() -> None:
    """Low at this hour and load is judged by this hour and load only; a bin never seen is not known."""
    evaluator = Away(low=0.6, step_s=900)
    for quarter in range(14 * 96):
        hour = quarter // 4 % 24
        evaluator.update(moment(quarter * 15), 100.0 if hour < 12 else 10.0, 90.0 if hour < 12 else 30.0)
    assert evaluator.update(at(14, 11), 50.0, 85.0) is True
    assert evaluator.update(at(14, 11), 50.0, 79.9) is None
    assert evaluator.update(at(14, 13), 9.0, 25.0) is False
    assert evaluator.update(at(14, 13), 9.0, None) is None


def test_by_day_the_hours_are_together() -> None:
    """By load bin only, the mean of the day in the bin is its value."""
    evaluator = Away(low=0.6, step_s=3600, by_hour=False)
    learnt(evaluator, 14, 10.0, 50.0)
    assert evaluator.update(at(14, 3), 5.0, 41.0) is True
    assert evaluator.update(at(14, 3), 5.0, 61.0) is None


def test_a_load_never_known_is_left_out() -> None:
    """A site without a load has one bin."""
    evaluator = hourly(low=0.6)
    learnt(evaluator, 14, 10.0, None)
    assert evaluator.update(at(14), 5.0, None) is True


def test_a_minute_at_a_load_is_no_value_of_a_day() -> None:
    """An hour's value rests on a quarter of an hour at least."""
    for minutes, expected in ((14, None), (15, True)):
        evaluator = Away(low=0.6)
        for day in range(14):
            for minute in range(minutes):
                evaluator.update(at(day, 8, minute), 10.0)
            evaluator.update(at(day, 9), 10.0)
        assert evaluator.update(at(14, 8), 5.0) is expected


def test_a_cheat_of_fourteen_days_is_not_usual() -> None:
    """After 30 good days, 14 days at half are still away from the usual; after 16 they are the usual."""
    evaluator = hourly(low=0.6)
    learnt(evaluator, 30)
    learnt(evaluator, 14, 5.0, start=30)
    assert evaluator.update(at(44), 5.0) is True
    learnt(evaluator, 2, 5.0, start=44)
    assert evaluator.update(at(46), 5.0) is False


@pytest.mark.parametrize(("day", "expected"), [(46, True), (47, None)])
def test_what_is_older_than_thirty_days_is_forgotten(day: int, expected: bool | None) -> None:
    """After a stop of 16 days 14 of the last 30 are left, after one more day too few."""
    evaluator = hourly(low=0.6)
    learnt(evaluator, 30)
    assert evaluator.update(at(day), 5.0) is expected


def test_days_of_a_wrong_clock_go() -> None:
    """Values of days yet to come are thrown away when the clock is right again; a day counts once."""
    baseline = Baseline(days=30, ready_days=1, step_s=3600)
    for day, value in ((5, 1.0), (900, 2.0), (6, 3.0), (6, 4.0)):
        baseline.turn(DAY + day, 0)
        baseline.add(0, value)
        baseline.turn(DAY + day, 60)
    baseline.turn(DAY + 7, 0)
    assert baseline.usual(0) == (3.0, 0.0)


def test_bins_and_medians() -> None:
    """Bin borders belong to the bin above; overload and negative load to the nearest; medians are exact."""
    assert [bin_of(load) for load in (-5.0, 0.0, 19.9, 20.0, 79.9, 80.0, 130.0, None)] == [0, 0, 0, 1, 3, 4, 4, 5]
    assert (median([3.0, 1.0, 2.0]), median([4.0, 1.0, 2.0, 3.0])) == (2.0, 2.5)


def test_memory_is_bounded() -> None:
    """A year of every load leaves 30 values in each of 24 x 5 cells."""
    evaluator = Away(low=0.6, step_s=3600)
    for hour in range(200 * 24):
        evaluator.update(moment(hour * 60), 10.0, float(hour * 7 % 100))
    cells = evaluator.snapshot()["baseline"]["cells"]
    assert len(cells) <= 24 * 5
    assert max(len(days) for _, days, _ in cells) <= 30


@pytest.mark.parametrize("wrong", [{}, {"low": 0.5, "ready_days": 31}, {"low": 0.5, "ready_days": 0}])
def test_a_baseline_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    """Away by something, ready within the days kept."""
    with pytest.raises(ValueError, match=r"away|ready"):
        Away(**wrong)


@pytest.mark.parametrize(
    ("usual", "now", "expected"),
    [(0.8, 0.1, True), (-0.8, 0.1, True), (0.8, 0.2, False), (0.8, -0.19, True), (0.6, 0.1, False), (0.8, None, None)],
)
def test_lost(usual: float, now: float | None, expected: bool | None) -> None:
    """A correlation usually above 0.6, either way, and now within 0.2."""
    evaluator = Lost(step_s=3600)
    learnt(evaluator, 14, usual)
    assert evaluator.update(at(14), now) is expected
    assert Lost(step_s=3600).ready_in_s() == 14 * 86400


def fall(before: list[Any], after: list[Any], **changed: Any) -> str:
    """Return the answers from the end of a spell of two samples on: windows of four, shown for two."""
    feed = Feed(Fall(window_s=240, step_s=60, shown_s=120, **changed))
    feed.each(*[(0, *row) for row in before])
    feed.each((1, None), (1, None))
    return feed.each(*[(0, *row) for row in after])


@pytest.mark.parametrize(
    ("name", "before", "after", "expected"),
    [
        ("fell", [(10,)] * 4, [(4.9,)] * 6, "fffTTf"),
        ("exactly half", [(10,)] * 4, [(5,)] * 6, "ffffff"),
        ("a window with a gap", [(10,)] * 4, [(4,), (None,), (4,), (4,), (4,), (4,)], "fffTTf"),
        ("too little before", [(10,)] * 2, [(4,)] * 6, "ffffff"),
        ("too little after", [(10,)] * 4, [(4,), (None,), (None,), (4,), (4,), (4,)], "ffffff"),
        ("the load fell too", [(10, 100)] * 4, [(4, 79)] * 6, "ffffff"),
        ("the load fell a little", [(10, 100)] * 4, [(4, 80)] * 6, "fffTTf"),
        ("the load is lost", [(10, 100)] * 4, [(4, None)] * 6, "ffffff"),
    ],
)
def test_fall(name: str, before: list[Any], after: list[Any], expected: str) -> None:
    """After a spell values fell as named."""
    assert fall(before, after) == expected


def test_a_second_spell_is_judged_by_what_was_before_the_first() -> None:
    """Calibrating again within the window does not make the low values the measure."""
    feed = Feed(Fall(window_s=240, step_s=60, shown_s=60))
    feed.each(*[(0, 10)] * 4, (1, None), (0, 4), (0, 4), (1, None))
    assert feed.each(*[(0, 4)] * 5, (None, 4)) == "fffTf."


def test_a_window_missed_after_a_spell_is_not_judged() -> None:
    """When nobody saw the time after it, nothing is said of it."""
    feed = Feed(Fall(window_s=240, step_s=60, shown_s=60))
    feed.each(*[(0, 10)] * 4, (1, None), (0, 4))
    feed.skip(4)
    assert feed.each(*[(0, 4)] * 6) == "ffffff"
