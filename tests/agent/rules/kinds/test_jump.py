"""JUMP: one jump, trains of spikes, all together."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import AllJump, Jump, Spikes
from tests.agent.rules.kinds.naive import SMALL, Feed, agree, known, steps

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("name", "given_", "rows", "expected"),
    [
        ("exactly half is no jump", {"rel": 0.5}, (10, 15, 15, 7.5), ".fff"),
        ("more than half", {"rel": 0.5}, (10, 15.1, 7), ".TT"),
        ("the sample before is missing", {"rel": 0.5}, (10, None, 30, 30), "...f"),
        ("the larger bound counts", {"rel": 0.5, "abs": 6}, (10, 15.5, 5), ".fT"),
        ("stays for the time shown", {"rel": 0.5, "shown_s": 180}, (10, 20, 20, 20, 20), ".TTTf"),
        ("the load moved", {"rel": 0.5}, ((10, 50), (20, 60)), ".f"),
        ("the load moved four samples ago", {"rel": 0.5}, ((10, 50), (10, 60), (10, 60), (10, 60), (20, 60)), ".ffff"),
        ("the load kept still", {"rel": 0.5}, ((10, 55),) * 5 + ((20, 60),), ".ffffT"),
        ("the load is unknown now", {"rel": 0.5}, ((10, 50),) * 5 + ((20, None),), ".ffff."),
        ("no load at all", {"rel": 0.5}, ((10, None), (20, None)), ".T"),
    ],
)
def test_jump(name: str, given_: dict[str, Any], rows: tuple[Any, ...], expected: str) -> None:
    """A value jumps as named."""
    assert Feed(Jump(**given_)).each(*rows) == expected


@given(history=steps(SMALL))
def test_a_jump_is_beyond_the_noise_of_the_window_before(history: list[Any]) -> None:
    """Against half of the value before and 2.02 deviations of the window before, at every sample."""

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        if len(seen) < 2 or seen[-1][0] is None or seen[-2][0] is None:
            return None
        (before,), (now,), held = seen[-2], seen[-1], known(seen[:-1], 5)
        if abs(now - before) <= abs(before) * 0.5:
            return False
        return None if len(held) < 3.75 else abs(now - before) > 2.02 * statistics.pstdev(held)

    agree(lambda: Jump(rel=0.5, sd_factor=2.02, window_s=300, step_s=60), judge, history)


def test_jump_tells_before_after_and_bound() -> None:
    """The evidence is the last jump."""
    feed = Feed(Jump(rel=0.5))
    feed.each(10.0, 20.0, 20.0)
    assert feed.evaluator.evidence() == {"from": 10.0, "to": 20.0, "limit": 5.0}


def test_a_jump_needs_a_bound() -> None:
    """Without any bound every change would be one."""
    with pytest.raises(ValueError, match="jump"):
        Jump()


UP_DOWN = (10, 20)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("four pairs are more than three", UP_DOWN * 4 + (10, 10), True),
        ("three pairs are not", UP_DOWN * 3 + (10, 10), False),
        ("a slow rise and fall is one pair all the same", (10, 12, 14, 16, 14, 12, 10) + (10,) * 5, False),
        ("half exactly is no spike", (10, 15) * 4 + (10, 10), False),
    ],
)
def test_spikes(name: str, values: tuple[float, ...], expected: bool) -> None:
    """Spikes are counted as named."""
    feed = Feed(Spikes(pairs=3, rel=0.5, window_s=600, step_s=60))
    feed.each(*values)
    assert feed.answers[-1] is expected


def test_spikes_leave_with_the_window() -> None:
    """The count falls again when the spikes are older than the window."""
    feed = Feed(Spikes(pairs=1, rel=0.5, window_s=600, step_s=60))
    feed.each(*(10, 20) * 4)
    assert feed.each(*[10] * 12) == "TTTTTTTTffff"


def test_an_excused_sample_is_no_spike_and_known() -> None:
    """Blow back makes its samples count as quiet ones."""
    feed = Feed(Spikes(pairs=0, rel=0.5, window_s=600, step_s=60))
    assert feed.each(*[(10, 0), (20, 1)] * 5, (10, 0)) == ".......ffff"


def test_unknown_samples_are_not_covered() -> None:
    """With more than a quarter unknown nothing is said of spikes."""
    feed = Feed(Spikes(window_s=240, step_s=60))
    assert feed.each(10, None, 10, 10, None, 10) == "...f.f"


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("all", (20, 20, 20, 20, 20), True),
        ("four of five", (20, 20, 20, 20, 10), True),
        ("three of five", (20, 20, 20, 10, 10), False),
        ("all judged", (20, 20, 20, 20, None), True),
        ("too few judged", (20, 20, 20, None, None), None),
        ("nobody", None, None),
    ],
)
def test_all_jump(name: str, row: tuple[float | None, ...] | None, expected: bool | None) -> None:
    """All factors jump as named, after ten quiet samples."""
    feed = Feed(AllJump(window_s=600, step_s=60))
    feed.each(*[((10, 10, 10, 10, 10),)] * 10)
    assert feed(row) is expected


@given(st.lists(st.tuples(SMALL, SMALL, SMALL), max_size=30))
def test_all_jump_is_the_share_of_jumps(history: list[tuple[float | None, ...]]) -> None:
    """Agrees with one Jump for each member."""
    feed = Feed(AllJump(share=0.6, rel=0.5, sd_factor=1.5, window_s=300, step_s=60))
    each = [Feed(Jump(rel=0.5, sd_factor=1.5, window_s=300, step_s=60)) for _ in range(3)]
    for row in history:
        answers = [one(value) for one, value in zip(each, row, strict=True)]
        judged = [answer for answer in answers if answer is not None]
        assert feed(row) is (sum(judged) >= 0.6 * len(judged) if len(judged) == 3 else None)
