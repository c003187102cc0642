"""DIFF: two sources of one thing, and two things that should move together."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from agent.rules.kinds import Apart, Trend
from tests.agent.rules.kinds.naive import SMALL, Feed, agree, known, steps

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("name", "given_", "rows", "expected"),
    [
        ("abs is strict", {"abs": 2}, [(10, 12), (10, 12.1), (12.1, 10)], "fTT"),
        ("rel of the larger is strict", {"rel": 0.5}, [(10, 20), (10, 20.1), (-10, 10)], "fTT"),
        ("both", {"abs": 2, "rel": 0.5}, [(10, 13), (1, 2.9), (1, 9), (1, 3)], "ffTf"),
        ("either", {"abs": 2, "rel": 0.5, "either": True}, [(10, 13), (1, 2.9), (10, 11)], "TTf"),
        ("unknown", {"abs": 2}, [(None, 5), (5, None)], ".."),
        ("both zero", {"rel": 0.5}, [(0, 0)], "f"),
    ],
)
def test_apart(name: str, given_: dict[str, Any], rows: list[tuple[Any, ...]], expected: str) -> None:
    """Two values are apart as named."""
    assert Feed(Apart(**given_)).each(*rows) == expected


def test_apart_by_nothing_is_refused() -> None:
    """One bound at least."""
    with pytest.raises(ValueError, match="abs or rel"):
        Apart()


@pytest.mark.parametrize(
    ("name", "a", "b", "expected"),
    [
        ("goes along", (10, 20), (5, 9), False),
        ("stays", (10, 20), (5, 5), True),
        ("goes the other way", (10, 20), (9, 5), True),
        ("both fall", (20, 10), (9, 5), False),
        ("falls alone", (20, 10), (5, 5), True),
        ("neither moves", (10, 11), (5, 5), False),
        ("a fifth exactly is no move", (8, 10), (5, 5), False),
        ("from nothing", (0, 10), (0, 0), True),
    ],
)
def test_trend(name: str, a: tuple[float, float], b: tuple[float, float], expected: bool) -> None:
    """One quantity moves and the other does as named, over a window of twelve with means of three."""
    feed = Feed(Trend(window_s=720, step_s=60, settle=3))
    feed.each(*[(a[0], b[0])] * 6, *[(a[1], b[1])] * 6)
    assert feed.answers[-1] is expected


@given(history=steps(SMALL, SMALL))
def test_trend_agrees_with_the_ends_of_the_window(history: list[Any]) -> None:
    """The means of the first and the last two of six samples, 75 % of each known, that is both."""

    def change(seen: Sequence[tuple[Any, ...]], at: int) -> float | None:
        early, late = known(seen[:-4], 2, at), known(seen, 2, at)
        if len(early) < 2 or len(late) < 2 or len(seen) < 6:
            return None
        one, two = statistics.fmean(early), statistics.fmean(late)
        return (two - one) / max(abs(one), abs(two)) if one or two else 0.0

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        a, b = change(seen, 0), change(seen, 1)
        return None if a is None or b is None else abs(a) > 0.21 and (b if a > 0 else -b) < 0.031

    agree(lambda: Trend(window_s=360, step_s=60, moves=0.21, still=0.031, settle=2), judge, history, 2)


def test_a_window_without_two_ends_is_refused() -> None:
    """Two means need room."""
    with pytest.raises(ValueError, match="two means"):
        Trend(window_s=300, step_s=60, settle=3)
