"""Time over restarts: of the agent, of the box, with and without wall time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds.elapsed import Elapsed
from agent.rules.rule import Moment

S = 1_000_000_000


def restarted(before: Moment, after: Moment) -> float:
    """Return the seconds from one moment to another with a restart in between."""
    clock, fresh = Elapsed(), Elapsed()
    clock.advance(before)
    fresh.restore(clock.snapshot())
    return fresh.advance(after)


@pytest.mark.parametrize(
    ("name", "before", "after", "expected"),
    [
        ("same boot, no wall time", (100, None), (160, None), 60.0),
        ("same boot, wall time agrees", (100, 1000), (160, 1060), 60.0),
        ("same boot, wall time corrected a little", (100, 1000), (160, 1063), 60.0),
        ("another boot, wall time known", (100, 1000), (5, 1600), 600.0),
        ("another boot up longer than the first", (100, 1000), (160, 4600), 3600.0),
        ("another boot, wall time unknown", (100, 1000), (5, None), 0.0),
        ("another boot, wall time ran backwards", (100, 1000), (5, 400), 0.0),
    ],
)
def test_over_a_restart(
    name: str, before: tuple[int, int | None], after: tuple[int, int | None], expected: float
) -> None:
    """The time passed over a restart, as named; seconds of monotonic and wall time."""
    one, two = (
        Moment(mono_ns=mono_s * S, wall_ms=None if wall_s is None else wall_s * 1000)
        for mono_s, wall_s in (before, after)
    )
    assert restarted(one, two) == expected


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), min_size=1, max_size=20))
def test_within_a_run_only_monotonic_time_counts(times: list[tuple[int, int]]) -> None:
    """Steps of wall time change nothing, and the clock never runs backwards."""
    clock, expected, last = Elapsed(), 0, times[0][0]
    for mono_ns, wall_ms in times:
        expected += max(0, mono_ns - last)
        last = mono_ns
        assert clock.advance(Moment(mono_ns=mono_ns, wall_ms=wall_ms)) == expected / S
