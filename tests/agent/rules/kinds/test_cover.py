"""COV: shares received and ages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import Coverage, Stale
from tests.agent.rules.kinds.naive import Feed, agree, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNT = st.one_of(st.none(), st.integers(0, 4))


@given(history=steps(COUNT, COUNT))
def test_coverage_agrees_with_the_whole_window(history: list[Any]) -> None:
    """Received over expected of the last four samples, of which three are seen."""

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        held = [row for row in seen[-4:] if None not in row]
        received, expected = sum(one for one, _ in held), sum(two for _, two in held)
        return None if len(held) < 3 else expected > 0 and received < 0.75 * expected

    agree(lambda: Coverage(window_s=14400, step_s=3600, least=0.75), judge, history, 2)


def test_coverage_at_the_border() -> None:
    """Exactly three quarters are enough; nothing expected is nothing missing."""
    assert Feed(Coverage(window_s=60, step_s=60, least=0.75)).each((45, 60), (44, 60), (0, 0), (None, 60)) == "fTf."


def test_stale() -> None:
    """Older than fifteen minutes, strictly."""
    assert Feed(Stale(age_s=900)).each(900, 901, 0) == "fTf"


def test_what_never_came_is_as_old_as_its_judge() -> None:
    """Unknown until that is too long, then stale; counted anew when nobody listened for a while."""
    feed = Feed(Stale(age_s=120))
    assert feed.each(None, None, None, None, None) == "...TT"
    feed.skip(600)
    assert feed.each(None, 5) == ".f"
