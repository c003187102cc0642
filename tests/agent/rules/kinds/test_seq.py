"""SEQ: counters, starts, time stamps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import Counter, Starts, TimeOrder
from tests.agent.rules.kinds.naive import Feed


@pytest.mark.parametrize(
    ("name", "given_", "values", "expected"),
    [
        ("falls", {}, (100, 99, 99, 99), "fTTf"),
        ("stands", {}, (100, 100), "ff"),
        ("rises as fast as it can", {"rate_per_h": 60}, (100, 101, 102), "fff"),
        ("rises faster", {"rate_per_h": 60}, (100, 101.1, 102), "fTT"),
        ("its smallest step is allowed", {"rate_per_h": 60, "resolution": 1}, (100, 102, 104.1), "ffT"),
        ("over a gap it may rise more", {"rate_per_h": 60}, (100, None, None, 103), "f..f"),
        ("falls over a gap", {}, (100, None, 99), "f.T"),
        ("wraps", {"wraps_at": 1000}, (995, 5), "ff"),
        ("falls in the middle of its range", {"wraps_at": 1000}, (800, 5), "fT"),
    ],
)
def test_counter(name: str, given_: dict[str, Any], values: tuple[float | None, ...], expected: str) -> None:
    """A counter breaks as named, one reading a minute, shown for two."""
    assert Feed(Counter(shown_s=120, **given_)).each(*values) == expected


def test_a_counter_goes_on_over_a_restart() -> None:
    """What was lost while the agent was off is seen, and told."""
    feed = Feed(Counter(shown_s=120))
    feed(100.0)
    feed.restart(Counter(shown_s=120))
    feed.minute += 600
    assert feed(7.0) is True
    assert feed.evaluator.evidence() == {"from": 100.0, "to": 7.0, "rate_per_h": None}


@given(st.lists(st.sampled_from([None, 0, 1, 2]), max_size=60), st.integers(0, 2))
def test_starts_agree_with_a_count(states: list[int | None], more_than: int) -> None:
    """RUN after OFF, whatever was between, in the last ten minutes."""
    feed = Feed(Starts(more_than=more_than, within_s=600))
    begun: list[int] = []
    is_off = False
    for minute, state in enumerate(states):
        if state == 2 and is_off:
            begun.append(minute)
        is_off = state == 0 or (is_off and state != 2)
        count = sum(minute - when < 10 for when in begun)
        assert feed(state) is (True if count > more_than else None if state is None else False)


@pytest.mark.parametrize(
    ("name", "given_", "stamps", "expected"),
    [
        ("forward", {"gap_s": 120}, (0, 60, 180), "fff"),
        ("backward", {"gap_s": 120}, (60, 59, 119, 179), "fTTf"),
        ("a gap", {"gap_s": 120}, (0, 121), "fT"),
        ("the same stamp is no news", {"gap_s": 120}, (0, 0, 0), "fff"),
        ("but not for ever", {"gap_s": 120}, (0, 0, 0, 0), "fffT"),
        ("the same stamp of two readings", {"repeats": False}, (0, 0), "fT"),
        ("unknown", {"gap_s": 120}, (0, None, 100), "f.f"),
    ],
)
def test_time_order(name: str, given_: dict[str, Any], stamps: tuple[float | None, ...], expected: str) -> None:
    """Time stamps run as named, looked at once a minute, shown for two."""
    assert Feed(TimeOrder(shown_s=120, **given_)).each(*stamps) == expected


@pytest.mark.parametrize(("stamps", "expected"), [((0, 600, 660), "fff"), ((600, 0, 60), "fTT")])
def test_what_the_box_did_not_look_at_is_no_gap(stamps: tuple[float, ...], expected: str) -> None:
    """Time goes on while the box is off; that it has gone back meanwhile is seen."""
    feed = Feed(TimeOrder(gap_s=120, shown_s=120))
    answers = feed.each(stamps[0])
    feed.evaluator.skip(10)
    assert answers + feed.each(*stamps[1:]) == expected
