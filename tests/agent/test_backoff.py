"""Jittered delays."""

from __future__ import annotations

from random import Random

import pytest

from agent.backoff import Backoff, FullJitter


class Highest(Random):
    """Always draws the top of the window."""

    def uniform(self, _a: float, b: float) -> float:
        """Return the upper end."""
        return b


class Lowest(Random):
    """Always draws the bottom of the window."""

    def uniform(self, a: float, _b: float) -> float:
        """Return the lower end."""
        return a


def ladder(random: Random, steps: int = 12) -> list[float]:
    """Return the first delays of 1 s to 300 s."""
    backoff = Backoff(FullJitter(first_s=2.0, longest_s=300.0, shortest_s=1.0, random=random))
    return [backoff.next_s() for _ in range(steps)]


def test_the_window_doubles_up_to_the_longest() -> None:
    """The upper end grows 2, 4, 8 … and stays at the longest delay."""
    assert ladder(Highest()) == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]


def test_no_delay_is_below_the_shortest() -> None:
    """The lower end stays where it is."""
    assert ladder(Lowest()) == [1.0] * 12


def test_delays_fill_the_whole_window() -> None:
    """Full jitter: ten thousand boxes spread evenly, not around the end of the window."""
    delays = [ladder(Random(seed), 8)[-1] for seed in range(2000)]

    assert min(delays) < 10
    assert max(delays) > 240
    assert 110 < sum(delays) / len(delays) < 145


def test_a_seed_makes_it_repeatable() -> None:
    """The same random source gives the same delays."""
    assert ladder(Random(7)) == ladder(Random(7))
    assert ladder(Random(7)) != ladder(Random(8))


def test_reset_goes_back_to_the_bottom() -> None:
    """After success the next failure begins small again."""
    backoff = Backoff(FullJitter(first_s=1.0, longest_s=60.0, random=Highest()))
    assert [backoff.next_s() for _ in range(3)] == [1, 2, 4]
    assert backoff.steps == 3
    backoff.reset()

    assert backoff.next_s() == 1


def test_a_thousand_failures_do_not_overflow() -> None:
    """A year without a broker still gives the longest delay."""
    assert ladder(Highest(), 5000)[-1] == 300


@pytest.mark.parametrize(("shortest", "first", "longest"), [(2, 1, 3), (0, 5, 4), (-1, 1, 2)])
def test_delays_that_do_not_grow_are_refused(shortest: float, first: float, longest: float) -> None:
    """A ladder that goes down is a mistake of the programmer."""
    with pytest.raises(ValueError, match="delays must grow"):
        FullJitter(first_s=first, longest_s=longest, shortest_s=shortest, random=Random(0))
