"""Measures against a recomputation of the whole window."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import Correlation, Deviation, Mean, Quotient, Reckoned, Split, Total
from tests.agent.rules.kinds.naive import SMALL, known, moment, steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.rules.kinds.measure import Measure


def agree(measure: Measure, judge: Callable[[list[tuple[Any, ...]]], float | None], history: list[Any], w: int) -> None:
    """Compare a measure with a naive one at every step."""
    seen: list[tuple[Any, ...]] = []
    for step in history:
        if isinstance(step, int):
            measure.skip(step)
            seen += [(None,) * w] * step
        else:
            seen.append(step)
            expected = judge(seen)
            found = measure.take(moment(len(seen) - 1), *step)
            assert found == (expected if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9))


@given(history=steps(SMALL), size=st.integers(1, 6))
def test_mean_total_and_deviation(history: list[Any], size: int) -> None:
    """Of the known samples of the window, with 75 % of them; the total is made up to the full window."""
    window_s, enough = size * 60.0, 0.75 * size

    def of(reckon: Callable[[list[float]], float]) -> Callable[[list[tuple[Any, ...]]], float | None]:
        return lambda seen: reckon(held) if len(held := known(seen, size)) >= enough else None

    agree(Mean(window_s=window_s, step_s=60), of(statistics.fmean), history, 1)
    agree(Total(window_s=window_s, step_s=60), of(lambda held: statistics.fmean(held) * size), history, 1)
    agree(Deviation(window_s=window_s, step_s=60), of(statistics.pstdev), history, 1)


def pairs(seen: list[tuple[Any, ...]], size: int) -> list[tuple[float, float]]:
    """Return the rows of the window where both are known."""
    return [row for row in seen[-size:] if None not in row]


@given(history=steps(SMALL, SMALL), size=st.integers(1, 6))
def test_quotient(history: list[Any], size: int) -> None:
    """Sums of the samples where both are known; nothing when the lower one is not above its floor."""

    def judge(seen: list[tuple[Any, ...]]) -> float | None:
        held = pairs(seen, size)
        lower = sum(b for _, b in held)
        return None if len(held) < 0.75 * size or lower <= 2 else sum(a for a, _ in held) / lower

    agree(Quotient(window_s=size * 60, step_s=60, floor=2), judge, history, 2)


@given(history=steps(SMALL, SMALL), size=st.integers(2, 6))
def test_correlation(history: list[Any], size: int) -> None:
    """Pearson's, of the samples where both are known; nothing when either does not vary."""

    def judge(seen: list[tuple[Any, ...]]) -> float | None:
        held = pairs(seen, size)
        if len(held) < 0.75 * size or any(len({row[at] for row in held}) < 2 for at in (0, 1)):
            return None
        return statistics.correlation([a for a, _ in held], [b for _, b in held])

    agree(Correlation(window_s=size * 60, step_s=60), judge, history, 2)


def test_correlation_of_very_unlike_sizes() -> None:
    """A thousandth of one and a million of the other correlate as well as equals."""
    measure = Correlation(window_s=600, step_s=60)
    found = [measure.take(moment(at), 1e6 + 1e3 * (at % 4), 0.001 * (at % 4)) for at in range(30)]
    assert found[-1] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("reckon", "given_", "expected"),
    [
        (lambda a, b: a / b, (6.0, 4.0), 1.5),
        (lambda a, b: a / b, (6.0, 0.0), None),
        (lambda a, b: a / b, (6.0, None), None),
        (lambda whole, parts: whole - sum(parts), (6.0, (1.0, 2.0)), 3.0),
        (lambda whole, parts: whole - sum(parts), (6.0, (1.0, None)), None),
        (math.sqrt, (-1.0,), None),
        (math.exp, (1000.0,), None),
        (lambda a: a * 1e300 * 1e300, (6.0,), None),
        (lambda a: None, (6.0,), None),
    ],
)
def test_reckoned(reckon: Callable[..., float | None], given_: tuple[Any, ...], expected: float | None) -> None:
    """A pure function of known values, or nothing: never an error, NaN or infinity."""
    assert Reckoned(reckon).take(moment(0), *given_) == expected


def test_split_of_a_day() -> None:
    """Night over day of the last 24 hours, known from three quarters of a day on, whatever hour it is."""
    measure = Split(hours="22:00-06:00", step_s=3600)
    found = [measure.take(moment(hour * 60), 2.0 if hour % 24 >= 22 or hour % 24 < 6 else 4.0) for hour in range(72)]
    assert found[:17] == [None] * 17
    assert found[23:] == [0.25] * 49


def test_split_needs_something_inside_and_outside() -> None:
    """Below the floor, or with nothing by day, there is no ratio."""
    for night, day, floor in ((2.0, 4.0, 16.0), (2.0, 0.0, 0.0)):
        measure = Split(hours="22:00-06:00", step_s=3600, floor=floor)
        amounts = [night if hour % 24 >= 22 or hour % 24 < 6 else day for hour in range(48)]
        assert {measure.take(moment(hour * 60), amount) for hour, amount in enumerate(amounts)} == {None}


def test_split_without_a_calendar_is_unknown() -> None:
    """An amount of an unknown hour is a missing one."""
    measure = Split(hours="22:00-06:00", step_s=3600)
    assert {measure.take(moment(hour * 60, calendar=False), 1.0) for hour in range(30)} == {None}


@pytest.mark.parametrize(("window_s", "step_s"), [(0.0, 60.0), (60.0, 0.0), (-1.0, 60.0)])
def test_a_window_that_is_none_is_refused(window_s: float, step_s: float) -> None:
    """A window and its steps are above zero."""
    with pytest.raises(ValueError, match="window"):
        Mean(window_s=window_s, step_s=step_s)


@pytest.mark.parametrize("measure", [Mean, Total, Deviation])
def test_a_measure_is_ready_when_it_has_what_it_was_told_to_need(measure: type[Mean]) -> None:
    """Not at the usual three quarters, where it needs more of its window."""
    assert measure(window_s=600, step_s=60, min_cov=0.9).ready_in_s() == 540
