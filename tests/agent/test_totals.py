"""Amounts of counters: what rose counts, whatever else the counter does."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.totals import Counter, Turn, register_ends, worse_turn

SECOND = 1_000_000_000
POLL_S = 10.0


def fed(*readings: float | None, counter: Counter | None = None, step_s: float = POLL_S) -> tuple[float | None, str]:
    """Return amount and turn after readings at every poll; ``None`` is a missing one."""
    found = counter or Counter(POLL_S)
    for number, reading in enumerate(readings):
        if reading is not None:
            found.add(reading, round(number * step_s * SECOND))
    return found.take()


RISING = (100.0, 101.0, 102.0, 103.0)
"""A counter that rises by one a poll, long enough to be believed."""


@pytest.mark.parametrize(
    ("name", "readings", "amount", "turn"),
    [
        ("one reading tells no amount", (100.0,), None, Turn.NOTHING),
        ("standing still is an amount of nothing", (100.0, 100.0), 0, Turn.NOTHING),
        ("what rises counts", RISING, 3, Turn.NOTHING),
        ("missing readings: all of the increase, marked", (*RISING, None, None, None, 107.0), 7, Turn.GAP),
        ("one missing reading is no gap", (*RISING, None, 105.0), 5, Turn.NOTHING),
        ("six digits wrap", (999_996.0, 999_997.0, 999_998.0, 999_999.0, 1.0), 5, Turn.WRAP),
        ("16 bits wrap", (65_532.0, 65_533.0, 65_534.0, 2.0), 6, Turn.WRAP),
        ("32 bits wrap", (2.0**32 - 4, 2.0**32 - 3, 2.0**32 - 2, 1.0), 5, Turn.WRAP),
        ("31 bits wrap", (2.0**31 - 4, 2.0**31 - 3, 2.0**31 - 2, 1.0), 5, Turn.WRAP),
        ("a reset counts what it shows since", (*RISING, 1.0, 2.0), 5, Turn.RESET),
        ("a reset to zero loses nothing more", (*RISING, 0.0, 1.0), 4, Turn.RESET),
        ("jitter backwards counts once", (*RISING, 102.5, 103.0, 102.5, 104.0), 4, Turn.BACKWARDS),
        ("reverse running counts beyond the highest", (*RISING, 98.0, 97.0, 100.0, 105.0), 5, Turn.BACKWARDS),
        ("put back far: a new beginning", (5000.0, 5001.0, 5002.0, 3000.0, 3001.0), 3, Turn.BACKWARDS),
        ("a misread number is dropped", (*RISING, 90_000.0, 104.0, 105.0), 5, Turn.LEAP),
        ("a counter set forward", (*RISING, 90_000.0, 90_001.0, 90_002.0), 5, Turn.LEAP),
        ("a load a thousand times larger is real", (*RISING, 1103.0, 2103.0, 3103.0), 3003, Turn.NOTHING),
        ("the first rise is misread", (100.0, 90_000.0, 101.0, 102.0), 2, Turn.LEAP),
        ("a negative counter is no reset", (-10.0, -9.0, -8.0, -7.5), 2.5, Turn.NOTHING),
    ],
)
def test_what_a_counter_does_is_told_apart(
    name: str, readings: tuple[float | None, ...], amount: float | None, turn: str
) -> None:
    """Amount and mark of one period, by name."""
    found, mark = fed(*readings)

    assert found == pytest.approx(amount), name
    assert mark == turn, name


def test_a_wrap_of_a_scaled_register_ends_at_its_scale() -> None:
    """A register of 16 bits with 0.25 a step passes at 16384."""
    counter = Counter(POLL_S, 0.25)

    assert fed(16_381.0, 16_382.0, 16_383.0, 1.0, counter=counter) == (4.0, Turn.WRAP)
    assert 16_384.0 in register_ends(0.25)


def test_what_is_asked_for_is_told_once_and_the_marks_stay_counted() -> None:
    """Each period has its own amount and mark; how often things happened is counted for good."""
    counter = Counter(POLL_S)

    assert fed(*RISING, 0.0, counter=counter) == (3.0, Turn.RESET)
    assert counter.take() == (None, Turn.NOTHING)
    assert dict(counter.turns) == {Turn.RESET: 1}


def test_a_leap_that_waits_counts_in_the_period_that_decides_it() -> None:
    """The period in which it came has nothing of it; no amount is lost at the border."""
    counter = Counter(POLL_S)
    before = fed(*RISING, 1103.0, counter=counter)
    counter.add(2103.0, 50 * SECOND)

    assert before == (3.0, Turn.NOTHING)
    assert counter.take() == (2000.0, Turn.NOTHING)


@pytest.mark.parametrize("same_boot", [True, False])
def test_a_restart_is_a_gap_that_loses_nothing(*, same_boot: bool) -> None:
    """What the counter rose while nobody looked belongs to the period in which it is seen again."""
    counter, later = Counter(POLL_S), Counter(POLL_S)
    fed(*RISING, counter=counter)
    later.restore(counter.snapshot(), same_boot=same_boot)
    later.add(150.0, (630 if same_boot else 5) * SECOND)

    assert later.take() == (47.0, Turn.GAP)


def test_a_leap_that_waited_at_a_restart_is_judged_anew() -> None:
    """A snapshot never takes over a reading that is not believed yet."""
    counter, later = Counter(POLL_S), Counter(POLL_S)
    fed(*RISING, 90_000.0, counter=counter)
    later.restore(counter.snapshot(), same_boot=True)
    later.add(104.0, 50 * SECOND)

    assert later.take()[0] == pytest.approx(1.0)


@pytest.mark.parametrize("state", [[1.0], ["x", None, None, None], None])
def test_a_snapshot_of_something_else_is_refused(state: object) -> None:
    """Whoever restores hears of it."""
    with pytest.raises((TypeError, ValueError)):
        Counter(POLL_S).restore(state, same_boot=True)  # type: ignore[arg-type]


def test_the_worse_of_two_turns() -> None:
    """What says more against an amount wins, in whatever order they come."""
    assert worse_turn(" ", "G") == worse_turn("G", " ") == "G"
    assert worse_turn("W", "R") == "R"


steps = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([True] * 5 + [False])), max_size=80)


@settings(deadline=None)
@given(steps, st.sampled_from([10_000, 65_536, 1_000_000]), st.integers(0, 60), st.sets(st.integers(0, 80)))
def test_amounts_add_up_to_what_was_used(
    rises: list[tuple[int, bool]], end: int, before_end: int, borders: set[int]
) -> None:
    """A naive model: whatever is read or missed, wherever the register wraps, the periods add up to the use."""
    counter, used, total = Counter(1.0), 0, 0.0
    for number, (rise, is_read) in enumerate([(1, True)] * 3 + rises + [(1, True)]):
        used += rise
        if is_read:
            counter.add(float((end - before_end - 4 + used) % end), number * SECOND)
        if number in borders:
            amount, _ = counter.take()
            assert amount is None or amount >= 0
            total += amount or 0.0
    total += counter.take()[0] or 0.0

    assert total == pytest.approx(used - 1)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9), st.floats(0, 100)), max_size=60))
def test_no_total_is_ever_negative_or_without_bounds(readings: list[float | None]) -> None:
    """Whatever a counter shows, an amount is finite, not negative, and no more than all rises together."""
    counter = Counter(1.0)
    known = [reading for reading in readings if reading is not None]
    most = sum(abs(b - a) for a, b in pairwise(known)) + sum(map(abs, known))
    total = 0.0
    for number, reading in enumerate(readings):
        if reading is not None:
            counter.add(reading, number * SECOND)
        amount, turn = counter.take()
        assert turn in set(Turn)
        assert amount is None or (math.isfinite(amount) and amount >= 0)
        total += amount or 0.0

    assert total <= most + 2.0**32 * 0.1 + 1e12 * 0.1


def test_while_a_rise_waits_to_be_believed_its_amount_is_not_known() -> None:
    """A meter that is read once an hour did not stand still in its first hour: what it rose is told in the second."""
    counter, told = Counter(poll_s=3600), []
    for hour, reading in enumerate((100.0, 160.0, 220.0, 280.0)):
        counter.add(reading, hour * 3_600_000_000_000)
        told.append(counter.take()[0])
    assert told == [None, None, 120.0, 60.0]
