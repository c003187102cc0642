"""SHAPE: shares in a band, at a maximum, of a state; flags used too much."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import FlagShare, ShareAt, ShareInside
from tests.agent.rules.kinds.naive import SMALL, Feed, agree, known, moment, steps

if TYPE_CHECKING:
    from collections.abc import Sequence


@given(history=steps(SMALL))
def test_share_inside_agrees_with_the_whole_window(history: list[Any]) -> None:
    """Half of the known samples in [2, 6], and none above 6."""

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        held = known(seen, 5)
        if len(held) < 3.75:
            return None
        return bool(max(held) <= 6) and sum(2 <= value <= 6 for value in held) >= 0.5 * len(held)

    agree(lambda: ShareInside(low=2, high=6, share=0.5, window_s=300, step_s=60), judge, history)


@pytest.mark.parametrize(
    ("name", "hours", "expected"),
    [
        ("exactly 70 %", [95] * 7 + [50] * 3, True),
        ("less", [95] * 6 + [50] * 4, False),
        ("at both ends of the band", [90] * 5 + [100] * 5, True),
        ("one above", [95] * 9 + [100.1], False),
        ("three of ten unknown", [95] * 7 + [None] * 3, None),
    ],
)
def test_hugging_the_limit(name: str, hours: list[float | None], expected: bool | None) -> None:
    """70 % of ten hours within 90 and 100, none above."""
    feed = Feed(ShareInside(low=90, high=100, share=0.7, window_s=36000, step_s=3600), step_s=3600)
    feed.each(*hours)
    assert feed.answers[-1] is expected


@given(history=steps(st.one_of(st.none(), st.integers(0, 4))))
def test_share_at_agrees_with_the_whole_window(history: list[Any]) -> None:
    """A third at the maximum, above 1, at least twice as many as of each other value."""

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        held = known(seen, 6)
        if len(held) < 4.5:
            return None
        counts = Counter(held)
        most = max(counts)
        at_most = counts.pop(most)
        if not counts or most <= 1 or at_most < 0.333 * len(held):
            return False
        return at_most >= 2 * sum(counts.values()) / len(counts)

    agree(lambda: ShareAt(share=0.333, window_s=360, step_s=60, above=1, dominance=2), judge, history)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("a tenth at the top", [100.0] * 6 + [50 + at / 10 for at in range(54)], True),
        ("less than a tenth", [100.0] * 5 + [50 + at / 10 for at in range(55)], False),
        ("coarse steps", [at % 5 for at in range(60)], False),
        (
            "a lively hour in tenths, whose top is there by chance",
            [19.8] * 6 + [17 + at % 27 / 10 for at in range(54)],
            False,
        ),
        ("the same hour, cut off", [19.8] * 9 + [17 + at % 25 / 10 for at in range(51)], True),
        ("constant", [100.0] * 60, False),
    ],
)
def test_clipped_values(name: str, values: list[float], expected: bool) -> None:
    """Values of an hour pile up at their maximum, as named."""
    feed = Feed(ShareAt())
    feed.each(*values)
    assert feed.answers[-1] is expected


N, C = ord("N"), ord("C")


def flags(*spells: tuple[int, int, float | None, float | None], **given_: Any) -> bool | None:
    """Feed spells of (minutes, flag, mark, value); return the last answer."""
    feed = Feed(FlagShare(level=80, **given_))
    for minutes, flag, marked, value in spells:
        feed.each(*[(flag, marked, value)] * minutes)
    return feed.answers[-1]


@pytest.mark.parametrize(
    ("name", "spells", "expected"),
    [
        ("a tenth", [(1296, N, 0, 50), (144, C, 0, None)], False),
        ("more than a tenth", [(1295, N, 0, 50), (145, C, 0, None)], True),
        ("marks count like flags", [(1295, N, 0, 50), (145, N, 1, None)], True),
        ("other flags do not", [(1295, N, 0, 50), (145, ord("B"), 0, None)], False),
        ("too little seen", [(900, N, 0, 50), (179, C, 0, None)], None),
        ("begun when high", [(1380, N, 0, 81), (60, C, 0, None)], True),
        ("begun at the level", [(1380, N, 0, 80), (60, C, 0, None)], False),
        ("begun when high, but few", [(1381, N, 0, 81), (59, C, 0, None)], False),
        ("60 % begun when high", [(1000, N, 0, 81), (36, C, 0, None), (300, N, 0, 1), (24, C, 0, None)], False),
        ("more than 60 %", [(1000, N, 0, 81), (37, C, 0, None), (300, N, 0, 1), (23, C, 0, None)], True),
        ("the value of the spell itself is none", [(1300, N, 0, 50), (80, C, 0, 99)], False),
        ("mark unknown, flag decides", [(1295, N, 0, 50), (145, C, None, None)], True),
        ("mark unknown", [(1440, N, None, 50)], None),
    ],
)
def test_flag_share(
    name: str, spells: list[tuple[int, int, float | None, float | None]], expected: bool | None
) -> None:
    """Flags of a day, as named."""
    assert flags(*spells) is expected


def test_flags_are_of_the_last_days() -> None:
    """What was flagged more than two days ago counts no more."""
    evaluator = FlagShare(level=80, days=2)
    answers = [
        evaluator.update(moment(day * 1440 + minute), C if day == 0 and minute < 720 else N, 0, 50)
        for day in range(3)
        for minute in range(1440)
    ]
    assert (answers[1439], answers[2879], answers[2880], answers[-1]) == (True, True, False, False)


def test_flags_without_a_calendar_are_unknown() -> None:
    """A minute of an unknown day belongs to no month."""
    evaluator = FlagShare(level=80)
    assert {evaluator.update(moment(at, calendar=False), C, 0, 50) for at in range(2000)} == {None}
