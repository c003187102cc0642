"""When a device that does not answer is asked again."""

from __future__ import annotations

import pytest

from agent.absence import MOST_S, SHARE, Absence


def middle() -> float:
    """Return a chance that neither stretches nor shortens a delay."""
    return 0.5


def test_delays_double_from_half_a_second_to_a_minute() -> None:
    """A device alone on its bus is probed ever more rarely."""
    absence = Absence()

    delays = [absence.failed(0.5, middle) for _ in range(10)]

    assert delays == [0.5, 1, 2, 4, 8, 16, 32, MOST_S, MOST_S, MOST_S]


def test_an_answer_starts_over() -> None:
    """After an answer the next failure is a first one again."""
    absence = Absence()
    for _ in range(5):
        absence.failed(0.5, middle)

    absence.answered()

    assert absence.failed(0.5, middle) == 0.5


@pytest.mark.parametrize("timeout_s", [0.1, 0.5, 3.0])
def test_probes_take_no_more_than_their_share_of_a_shared_bus(timeout_s: float) -> None:
    """From the second failure on, waiting for a dead device costs its bus at most `SHARE` of the time."""
    absence = Absence(share=SHARE)
    absence.failed(timeout_s, middle)
    for _ in range(8):
        delay = absence.failed(timeout_s, middle)

        assert timeout_s / (timeout_s + delay) <= SHARE + 1e-9


def test_chance_spreads_a_delay_by_a_quarter() -> None:
    """Ten boxes that lost the same device do not probe in step."""
    assert Absence().failed(0.5, lambda: 0.0) == pytest.approx(0.5 * 0.875)
    assert Absence().failed(0.5, lambda: 1.0) == pytest.approx(0.5 * 1.125)
