"""FLAT: by extremes and by the coefficient of variation, against the whole window."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import Flat
from tests.agent.rules.kinds.naive import SMALL, Feed, agree, known, steps

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("name", "given_", "values", "expected"),
    [
        ("window just full", {"eps": 0, "gaps": False}, (7, 7, 7, 7, 7, 8), "...TTf"),
        ("without gaps a missing one is unknown", {"eps": 0, "gaps": False}, (7, 7, None, 7, 7, 7, 7), "......T"),
        ("three quarters will do", {"eps": 0}, (7, 7, None, 7, 7), "...TT"),
        ("at eps is flat", {"eps": 1}, (7, 8, 7, 8, 7, 9), "..TTTf"),
        ("exactly n_min", {"eps": 0, "n_min": 2}, (7, 7, None, None, None), ".TTT."),
        ("by cv, strict", {"cv": 0.5}, (5, 15, 5, 15, 6, 15), "..ffTT"),
        ("constant by cv", {"cv": 0.002}, (7, 7, 7, 7), "..TT"),
        ("constant zero is not flat by cv", {"cv": 0.002}, (0, 0, 0, 0), "..ff"),
        ("negative means count by size", {"cv": 0.1}, (-100, -101, -100, -101), "..TT"),
    ],
)
def test_flat(name: str, given_: dict[str, Any], values: tuple[float | None, ...], expected: str) -> None:
    """Flat over four samples answers as named."""
    assert Feed(Flat(window_s=240, step_s=60, **given_)).each(*values) == expected


@given(history=steps(SMALL), size=st.integers(1, 7), eps=st.integers(0, 4))
def test_flat_by_eps_agrees_with_the_whole_window(history: list[Any], size: int, eps: int) -> None:
    """Most less least of the known samples of the window, at every sample."""

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        held = known(seen, size)
        return None if len(held) < math.ceil(0.75 * size) else bool(max(held) - min(held) <= eps)

    agree(lambda: Flat(window_s=size * 60, step_s=60, eps=eps), judge, history)


@given(history=steps(SMALL), size=st.integers(2, 7))
def test_flat_by_cv_agrees_with_the_whole_window(history: list[Any], size: int) -> None:
    """Standard deviation over mean of the known samples of the window, at every sample."""

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        held = known(seen, size)
        if len(held) < math.ceil(0.75 * size):
            return None
        return bool(statistics.pstdev(held) < 0.3141 * abs(statistics.fmean(held)))

    agree(lambda: Flat(window_s=size * 60, step_s=60, cv=0.3141), judge, history)


def test_readiness_and_evidence() -> None:
    """Until n_min samples it says how long still; then extremes and limit are told."""
    feed = Feed(Flat(window_s=3600, step_s=60, eps=0, gaps=False))
    assert feed.evaluator.ready_in_s() == 3600
    feed.each(*[7.5] * 60)
    assert feed.evaluator.ready_in_s() == 0
    assert feed.evaluator.evidence() == {"window_s": 3600, "known": 60, "least": 7.5, "most": 7.5, "limit": 0}


@pytest.mark.parametrize("wrong", [{}, {"eps": 0, "cv": 0.1}, {"eps": 0, "n_min": 5}, {"eps": 0, "n_min": 0}])
def test_a_flatness_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    """One of eps and cv; and as many samples as the window can have."""
    with pytest.raises(ValueError, match=r"flat is by|samples"):
        Flat(window_s=240, step_s=60, **wrong)
