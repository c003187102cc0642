"""LAG: what comes too late, leaves too early, or was not declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import Early, Late, Undeclared
from tests.agent.rules.kinds.naive import Feed

if TYPE_CHECKING:
    from collections.abc import Sequence

STATE = st.sampled_from([None, 0, 1, 2])


def rows(leader: str, follower: str) -> list[tuple[int | None, int | None]]:
    """Return pairs of states from two lines of letters: 0, 1, 2, and a dot for unknown."""
    return [
        (None if one == "." else int(one), None if two == "." else int(two))
        for one, two in zip(leader, follower, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "leader", "follower", "expected"),
    [
        # lag 3 min, shown 2 min, one letter a minute
        ("in time", "02222222", "00022222", "ffffffff"),
        ("at the bound", "02222222", "00000222", "ffffffff"),
        ("late", "0222222222", "0000002222", "fffffTTfff"),
        ("late and seen for as long as it lasts", "0222222222", "0000000000", "fffffTTTTT"),
        ("already on at the first sight has no edge", "22222222", "00000000", "ffffffff"),
        ("idle is no edge", "01111111", "00000000", "ffffffff"),
        ("a flicker through idle is one start", "0212121222", "0000000000", "fffffTTTTT"),
        ("the leader stops first", "0220000000", "0000000000", "ffffffffff"),
        ("an idle follower has come", "0222222222", "0111111111", "ffffffffff"),
        ("unknown while it came: no delay was seen", "0222222222", "0......222", "f......fff"),
        ("unknown, then still off", "0222222222", "0......000", "f......TTT"),
    ],
)
def test_late(name: str, leader: str, follower: str, expected: str) -> None:
    """A follower is late as named."""
    assert Feed(Late(lag_s=180, shown_s=120)).each(*rows(leader, follower)) == expected


def test_late_off() -> None:
    """With the other edge: a follower still not off more than the lag after its leader."""
    feed = Feed(Late(lag_s=180, edge="off", shown_s=120))
    assert feed.each(*rows("2000000000", "2222222000")) == "fffffTTTff"


@pytest.mark.parametrize(
    ("name", "leader", "follower", "expected"),
    [
        # tail 3 min, shown 2 min
        ("runs on long enough", "2200000000", "2222200000", "ffffffffff"),
        ("runs on too shortly", "2200000000", "2222000000", "ffffTTffff"),
        ("goes off first", "2222222222", "2220000000", "fffTTfffff"),
        ("goes off first while the leader idles", "2221111111", "2222200000", "fffffTTfff"),
        ("both at once", "2200000000", "2200000000", "ffTTffffff"),
        ("was never on", "2200000000", "0000000000", "ffffffffff"),
        ("leader off from the beginning", "0000000000", "2222200000", "ffffffffff"),
        ("leader unknown at the edge", "222..00000", "2220000000", "fff..fffff"),
    ],
)
def test_early(name: str, leader: str, follower: str, expected: str) -> None:
    """A follower leaves as named."""
    assert Feed(Early(tail_s=180, shown_s=120)).each(*rows(leader, follower)) == expected


@pytest.mark.parametrize(
    ("name", "states", "declared", "expected"),
    [
        # within 3 min, shown 2 min; `declared` is when the declared start or stop is due, None: there is none
        ("a start without", "0022222222", None, "ffffffTTff"),
        ("a stop without", "2200000000", None, "ffffffTTff"),
        ("declared before, at the bound", "0022222222", -2, "ffffffffff"),
        ("declared too long before", "0022222222", -3, "ffffffTTff"),
        ("declared after, at the bound", "0022222222", 5, "ffffffffff"),
        ("declared too long after", "0022222222", 6, "ffffffTTff"),
        ("idle is no edge", "0011112222", None, "ffffffffff"),
        ("an edge in a gap may have been anywhere in it", "00....2222", -2, "ff....ffff"),
        ("unknown is told as such", "0022222..2", None, "ffffffT..f"),
    ],
)
def test_undeclared(name: str, states: str, declared: int | None, expected: str) -> None:
    """An edge without a declaration within the time is told as named."""
    feed = Feed(Undeclared(within_s=180, shown_s=120))
    given_ = [
        (None if state == "." else int(state), None if declared is None else (minute - declared) * 60.0)
        for minute, state in enumerate(states)
    ]
    assert feed.each(*given_) == expected


@given(st.lists(st.tuples(STATE, STATE), max_size=50))
def test_early_agrees_with_the_times_of_the_edges(history: Sequence[tuple[int | None, int | None]]) -> None:
    """True exactly for the time shown after a follower was seen off while its leader was on, or too soon after it."""
    feed = Feed(Early(tail_s=240, shown_s=180))
    leader_on = follower_on = False
    went_off: int | None = None
    early: list[int] = []
    for minute, (leader, follower) in enumerate(history):
        if leader == 2:
            leader_on, went_off = True, None
        elif leader == 0 and leader_on:
            leader_on, went_off = False, minute
        too_soon = leader_on or (went_off is not None and minute - went_off < 4)
        if follower == 0 and follower_on and leader is not None and too_soon:
            early.append(minute)
        follower_on = follower == 2 or (follower_on and follower != 0)
        shown = any(minute - when < 3 for when in early)
        assert feed(leader, follower) is (None if leader is None or follower is None else shown)
