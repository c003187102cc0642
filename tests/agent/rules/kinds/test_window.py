"""Windows: sums, extremes and spreads as recomputed over the whole window, at every sample, without drift."""

from __future__ import annotations

import json
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds.window import Extremes, Spread, Sums, Window

VALUES = st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-5, 5).map(float))
HISTORY = st.lists(st.one_of(VALUES, VALUES, st.integers(0, 12).map(lambda count: (count,))), max_size=70)


@given(size=st.integers(1, 9), history=HISTORY)
def test_a_window_is_what_a_list_of_the_last_samples_is(size: int, history: list[float | tuple[int] | None]) -> None:
    """Count, sum, least, most, mean and deviation agree with the last `size` samples, skipped ones being missing."""
    sums, extremes, spread = Sums(size), Extremes(size), Spread(size)
    naive: list[float | None] = []
    for step in history:
        if isinstance(step, tuple):
            naive += [None] * step[0]
            for window in (sums, extremes, spread):
                window.skip(step[0])
        else:
            naive.append(step)
            for window in (sums, extremes, spread):
                window.push(step)
        held = [value for value in naive[-size:] if value is not None]
        assert sums.known == extremes.known == spread.known == len(held)
        assert sums.total == pytest.approx(math.fsum(held), rel=1e-9, abs=1e-6)
        assert (extremes.least, extremes.most) == (min(held, default=math.inf), max(held, default=-math.inf))
        moments = spread.moments()
        assert (moments is None) is (not held)
        if moments is not None:
            assert moments[0] == pytest.approx(statistics.fmean(held), rel=1e-9, abs=1e-6)
            assert moments[1] == pytest.approx(statistics.pstdev(held), rel=1e-6, abs=1e-6)


def test_a_sum_does_not_remember_what_has_left() -> None:
    """After a value of 1e17 has left, the sum of small ones is exact: nothing is ever subtracted."""
    window = Sums(5)
    window.push(1e17)
    for _ in range(5):
        window.push(0.25)
    assert window.total == 1.25


def test_a_spread_of_large_values_is_exact() -> None:
    """Deviations of values around 1e9 are those of the values less 1e9."""
    window = Spread(4)
    for value in (7.0, 1.0, 3.0, 5.0, 7.0, 9.0):
        window.push(1e9 + value)
    moments = window.moments()
    assert moments is not None
    assert moments[1] == pytest.approx(statistics.pstdev([3.0, 5.0, 7.0, 9.0]), rel=1e-9)


def test_a_million_samples_do_not_drift() -> None:
    """After 100000 samples of 0.1 the mean of a window of 60 is as good as after the first 60."""
    window = Sums(60)
    for _ in range(100_000):
        window.push(0.1)
    assert window.mean() == pytest.approx(0.1, rel=1e-15)


@given(size=st.integers(1, 6), history=st.lists(VALUES, max_size=30), later=st.lists(VALUES, max_size=30))
def test_a_window_goes_on_from_its_snapshot(size: int, history: list[float | None], later: list[float | None]) -> None:
    """Restored from JSON, a window has exactly the same moments at every later sample."""
    window, restored = Spread(size), Spread(size)
    for value in history:
        window.push(value)
    restored.restore(json.loads(json.dumps(window.snapshot())))
    for value in later:
        window.push(value)
        restored.push(value)
        assert restored.moments() == window.moments()
        assert restored.values() == window.values()
        assert restored.first() == window.first()


def test_first_is_the_oldest_of_a_full_window() -> None:
    """The oldest sample is told only when the window is full."""
    window = Window(3)
    told = []
    for value in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0):
        window.push(value)
        told.append(window.first())
    assert told == [None, None, 1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize(
    "state",
    [
        {"old": [], "new": [1.0] * 4, "full": False},
        {"old": [1.0], "new": [1.0], "full": True},
        {"old": [1.0] * 5, "new": [], "full": True},
    ],
)
def test_the_state_of_another_size_is_refused(state: object) -> None:
    """A window refuses more samples than it holds, and a full one with fewer."""
    with pytest.raises(ValueError, match="3 samples"):
        Window(3).restore(state)
