"""RATIO: proportions of sums over a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import Ratio, SumOver
from tests.agent.rules.kinds.naive import SMALL, Feed, agree, steps

if TYPE_CHECKING:
    from collections.abc import Sequence


@given(history=steps(SMALL, SMALL), size=st.integers(1, 6))
def test_ratio_agrees_with_the_whole_window(history: list[Any], size: int) -> None:
    """Sum over sum of the samples where both are known, strictly outside its bounds."""

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        held = [row for row in seen[-size:] if None not in row]
        if len(held) < 0.75 * size:
            return None
        upper, lower = sum(a for a, _ in held), sum(b for _, b in held)
        return bool(lower > 2 and (upper / lower < 0.5 or upper / lower > 2))

    agree(lambda: Ratio(window_s=size * 60, step_s=60, low=0.5, high=2, floor=2), judge, history, 2)


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("at the bound", (105.0, 100.0), False),
        ("above it", (106.0, 100.0), True),
        ("next to nothing", (50.0, 10.0), False),
        ("either unknown", (None, 100.0), None),
    ],
)
def test_ratio(name: str, row: tuple[float | None, float | None], expected: bool | None) -> None:
    """One sample against 1.05, above a floor of 10."""
    assert Feed(Ratio(window_s=60, step_s=60, high=1.05, floor=10))(*row) is expected


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("at the bound", [(100.0, (60.0, 45.0))], "f"),
        ("above it", [(100.0, (60.0, 46.0))], "T"),
        ("one part unknown", [(100.0, (60.0, None))], "."),
        ("no parts", [(100.0, ()), (100.0, None)], ".."),
        ("nothing in whole", [(0.0, (60.0,))], "f"),
    ],
)
def test_sum_over(name: str, rows: list[tuple[Any, ...]], expected: str) -> None:
    """Parts over their whole, one sample, as named."""
    assert Feed(SumOver(window_s=60, step_s=60, high=1.05)).each(*rows) == expected


def test_the_evidence_has_both_sums() -> None:
    """Value, bound, sums, window."""
    feed = Feed(Ratio(window_s=120, step_s=60, low=0.5))
    feed.each((1.0, 3.0), (1.0, 3.0))
    expected = {"value": 0.333333, "low": 0.5, "upper": 2.0, "lower": 6.0, "window_s": 120}
    assert feed.evaluator.evidence() == expected
    with pytest.raises(ValueError, match="low or high"):
        Ratio(window_s=120, step_s=60)
