"""How long ago something began: restarts of the process, of the machine, unknown time, stepped clocks."""

from __future__ import annotations

import pytest

from agent.elapsed import Earlier, Now, Since, carried, dated

S = 1_000_000_000
BEGAN = Since(100 * S)


def now(boot: str, mono_s: int, wall_s: int | None = None) -> Now:
    """Return a moment."""
    return Now(boot, mono_s * S, None if wall_s is None else wall_s * 1000)


@pytest.mark.parametrize(
    ("name", "taken", "restart", "expected_s"),
    [
        ("the same boot: monotonic time goes on", now("a", 150, 9000), now("a", 400, 9250), 300),
        ("the same boot, the clock set back a day", now("a", 150, 99_000), now("a", 400, 10), 300),
        ("another boot, both dated: the time between counts", now("a", 150, 9000), now("b", 7, 9500), 550),
        ("another boot, time not known now", now("a", 150, 9000), now("b", 7), 50),
        ("another boot, time never known", now("a", 150), now("b", 7, 9500), 50),
        ("another boot, whose clock went back", now("a", 150, 9000), now("b", 7, 8000), 50),
    ],
)
def test_what_was_counted_is_carried_over(name: str, taken: Now, restart: Now, expected_s: int) -> None:
    """Nothing ever begins again, and what is known of the time in between is added."""
    since = carried(BEGAN, taken, restart)

    assert since.elapsed_ns(restart.mono_ns) == expected_s * S, name
    assert since.elapsed_ns(restart.mono_ns + 5 * S) == (expected_s + 5) * S, name
    assert since.due_ns(600 * S) == restart.mono_ns + (600 - expected_s) * S, name


def test_time_that_becomes_known_later_is_added_then() -> None:
    """Counting goes on from what was counted, and catches up once this boot knows the time."""
    since = carried(BEGAN, now("a", 150, 9000), now("b", 7))

    assert since.earlier == Earlier(9_000_000, 50 * S)
    assert dated(since, now("b", 20)) is since
    known = dated(since, now("b", 27, 9500))
    assert (known.elapsed_ns(27 * S), known.earlier) == (550 * S, None)


def test_several_boots_without_time_forget_nothing() -> None:
    """The last dated moment is kept until somebody can use it."""
    first = carried(BEGAN, now("a", 150, 9000), now("b", 7))
    second = carried(first, now("b", 17), now("c", 3))

    assert second.elapsed_ns(3 * S) == 60 * S
    assert dated(second, now("c", 4, 9100)).elapsed_ns(4 * S) == 150 * S


def test_a_moment_is_never_in_the_future() -> None:
    """A snapshot may be dated by the last look, a little before what it holds."""
    assert BEGAN.elapsed_ns(99 * S) == 0
    assert carried(BEGAN, now("a", 99, 9000), now("b", 1, 9010)).elapsed_ns(S) == 10 * S
