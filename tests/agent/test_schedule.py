"""Who is due next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.schedule import Schedule

S = 1_000_000_000


def test_everybody_is_due_at_once_and_in_order() -> None:
    """A fresh schedule starts with the first device."""
    schedule = Schedule([S, S], origin_ns=7)

    assert schedule.next() == (7, 0)

    schedule.visited(0, 7)

    assert schedule.next() == (7, 1)


def test_deadlines_do_not_drift() -> None:
    """However late each visit ends within its period, the grid stays where it was."""
    schedule = Schedule([S], origin_ns=0)
    for second in range(1, 1000):
        due, index = schedule.next()
        schedule.visited(index, due + S * 9 // 10)

        assert schedule.next() == (second * S, 0)

    assert schedule.overruns == 0


def test_missed_deadlines_are_counted_and_not_queued_up() -> None:
    """After a stall of two minutes a device is visited once, not 120 times."""
    schedule = Schedule([S], origin_ns=0)
    schedule.visited(0, 0)

    schedule.visited(0, 120 * S + 1)

    assert schedule.next() == (121 * S, 0)
    assert schedule.overruns == 119


def test_a_postponed_device_comes_at_its_own_time_and_then_returns_to_its_grid() -> None:
    """Probing a dead device does not shift its deadlines."""
    schedule = Schedule([S, S], origin_ns=0)
    schedule.postpone(0, 2 * S + 5)

    assert schedule.next() == (0, 1)

    schedule.visited(0, 2 * S + 6)
    schedule.visited(1, 2 * S + 7)

    assert schedule.next() == (3 * S, 0)


@given(
    periods=st.lists(st.integers(1, 50), min_size=1, max_size=8),
    stalls=st.lists(st.integers(0, 200), min_size=1, max_size=60),
)
def test_the_heap_agrees_with_looking_at_everybody(periods: list[int], stalls: list[int]) -> None:
    """The next device is always one with the smallest deadline, whatever happened before."""
    schedule = Schedule(periods, origin_ns=0)
    due = [0] * len(periods)
    now = 0
    for stall in stalls:
        at, index = schedule.next()

        assert (at, index) == min((when, place) for place, when in enumerate(due))

        now = max(now, at) + stall
        schedule.visited(index, now)
        due[index] = (now // periods[index] + 1) * periods[index]


def test_spread_devices_take_turns_and_keep_them() -> None:
    """Four devices over a second: a quarter apart, at the start and ever after."""
    schedule = Schedule([S] * 4, origin_ns=0, spread_ns=S)
    turns = []
    for _ in range(12):
        due, index = schedule.next()
        turns.append((due, index))
        schedule.visited(index, due + 1000)

    assert turns == [(S * turn // 4, turn % 4) for turn in range(12)]
    assert schedule.overruns == 0
