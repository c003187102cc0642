"""Thresholds: strict comparison, dead band, delays that count evidence, freezing, and the quiet path."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.delay import Progress, freeze
from agent.limits import Level, Threshold, is_good, is_quiet, judge, thresholds, violates, watch
from config.site import Limit
from drivers.reading import Scan, Value

SECOND = 1_000_000_000


def limit(**members: Any) -> Limit:
    """Return a limit on boiler.load, by default high = 100 without dead band and delays."""
    plain: dict[str, Any] = {"device": "boiler", "point": "load", "priority": "medium", "deadband": 0.0}
    plain |= {"high_high": None, "high": None, "low": None, "low_low": None, "on_delay_s": 0.0, "off_delay_s": 0.0}
    return Limit(**(plain | (members or {"high": 100.0})))


def only(**members: Any) -> Threshold:
    """Return the one threshold of a limit."""
    (found,) = thresholds(limit(**members))
    return found


@dataclass
class Run:
    """A threshold and what has become of it, fed one second at a time."""

    threshold: Threshold
    progress: Progress | None = None
    now_ns: int = 0

    def feed(self, *values: float | None, every_ns: int = SECOND) -> str:
        """Feed values, ``None`` for a reading that says nothing; return one letter each: R while raised, else a dot."""
        letters = ""
        for value in values:
            self.now_ns += every_ns
            if value is None:
                self.progress = freeze(self.progress)
            else:
                self.progress = judge(self.threshold, self.progress, value, self.now_ns, f"t{self.now_ns // SECOND}")
            letters += "R" if self.progress is not None and self.progress.active else "."
        return letters


@pytest.mark.parametrize(
    ("level", "value", "expected"),
    [
        ("high", 100.0, False),
        ("high", 100.00000001, True),
        ("high_high", 100, False),
        ("high_high", 101, True),
        ("low", 100.0, False),
        ("low", 99.99999999, True),
        ("low_low", 100, False),
        ("low_low", 99, True),
    ],
)
def test_a_value_equal_to_the_limit_is_no_violation(level: str, value: float, expected: bool) -> None:
    """Limits are strict on all four levels."""
    assert violates(only(**{level: 100.0}), value, active=False) is expected


@pytest.mark.parametrize(
    ("name", "members", "values", "expected"),
    [
        ("no dead band: returns at the limit", {"high": 100.0}, (101, 100, 101), "R.R"),
        ("dead band holds above its edge", {"high": 100.0, "deadband": 2.0}, (101, 99, 98.1), "RRR"),
        ("the edge of the dead band is a return", {"high": 100.0, "deadband": 2.0}, (101, 98), "R."),
        ("dead band plays no part before it raises", {"high": 100.0, "deadband": 2.0}, (99, 100, 99), "..."),
        ("after the return the limit counts again", {"high": 100.0, "deadband": 2.0}, (101, 98, 99, 100.5), "R..R"),
        ("low returns at limit + dead band", {"low": 10.0, "deadband": 1.0}, (9, 10, 10.9, 11, 10), "RRR.."),
        ("below zero", {"low_low": -5.0, "deadband": 0.5}, (-5, -5.1, -4.6, -4.5), ".RR."),
    ],
)
def test_dead_band(name: str, members: dict[str, Any], values: tuple[float, ...], expected: str) -> None:
    """A raised threshold returns at limit - dead band (high) or limit + dead band (low), that value included."""
    assert Run(only(**members)).feed(*values) == expected, name


@pytest.mark.parametrize(
    ("name", "on_s", "off_s", "values", "expected"),
    [
        ("zero means this evaluation", 0, 0, (101, 99), "R."),
        ("raises at the scan that completes the delay", 3, 0, (101, 101, 101, 101, 101), "...RR"),
        ("a return in between starts over", 3, 0, (101, 101, 101, 99, 101, 101, 101, 101), ".......R"),
        ("off-delay is symmetrical", 0, 2, (101, 99, 99, 99, 99), "RRR.."),
        ("a violation in between starts the off-delay over", 0, 2, (101, 99, 99, 101, 99, 99, 99), "RRRRRR."),
        (
            "bad readings freeze the on-delay",
            3,
            0,
            (101, 101, None, None, None, None, 101, 101, 101, 101),
            "........RR",
        ),
        ("bad readings freeze the off-delay", 0, 2, (101, 99, 99, None, None, 99, 99, 99), "RRRRRR.."),
        ("bad readings do not clear", 0, 0, (101, None, None, 99), "RRR."),
        ("bad readings do not raise", 0, 0, (99, None, None), "..."),
        ("bad, then normal, starts over", 3, 0, (101, 101, None, 99, 101, 101, 101, 101), ".......R"),
        ("a count does not begin with a bad reading", 1, 0, (None, 101, 101), "..R"),
    ],
)
def test_delays_count_evidence(
    name: str, on_s: float, off_s: float, values: tuple[float | None, ...], expected: str
) -> None:
    """A delay is the time between good readings that agree; scans are one second apart."""
    assert Run(only(high=100.0, on_delay_s=on_s, off_delay_s=off_s)).feed(*values) == expected, name


def test_delays_run_on_the_time_of_the_scans_not_on_their_number() -> None:
    """With a scan every 30 s, a delay of 10 s is over at the second one."""
    assert Run(only(high=100.0, on_delay_s=10.0)).feed(101, 101, every_ns=30 * SECOND) == ".R"


def test_since_is_the_first_violation_and_stays() -> None:
    """`since` dates the first violating reading, not the raising one, and survives bad readings and the off-delay."""
    run = Run(only(high=100.0, on_delay_s=2.0, off_delay_s=5.0))

    run.feed(99, 101, 101, None, 101, 101, 99)

    assert run.progress is not None
    assert (run.progress.active, run.progress.since) == (True, "t2")


def test_a_delay_never_runs_backwards() -> None:
    """A scan that is older than the one before adds nothing."""
    threshold = only(high=100.0, on_delay_s=1.0)
    first = judge(threshold, None, 101, 10 * SECOND, None)

    second = judge(threshold, first, 101, 5 * SECOND, None)

    assert second is not None
    assert (second.active, second.counted_ns) == (False, 0)


@given(
    values=st.lists(st.one_of(st.none(), st.integers(90, 110)), max_size=40),
    deadband=st.integers(0, 5),
    on_s=st.integers(0, 4),
    off_s=st.integers(0, 4),
)
def test_a_naive_reading_of_the_whole_history_agrees(
    values: list[int | None], deadband: int, on_s: int, off_s: int
) -> None:
    """The incremental judgement equals one that looks back over all readings each time."""
    run = Run(only(high=100.0, deadband=float(deadband), on_delay_s=on_s, off_delay_s=off_s))

    assert run.feed(*values) == naive(values, deadband, on_s, off_s)


def naive(values: list[int | None], deadband: int, on_s: int, off_s: int) -> str:
    """Judge by recounting, at every reading, the evidence since the last one that contradicted."""
    raised, since_change, letters = False, 0, ""
    for now, value in enumerate(values):
        if value is not None and (value > (100 - deadband if raised else 100)) != raised:
            begin = now
            while begin > since_change and differs(values[begin - 1], raised, deadband):
                begin -= 1
            window = values[begin : now + 1]
            pairs = pairwise(window)
            evidence = sum(1 for before, after in pairs if before is not None and after is not None)
            if evidence >= (off_s if raised else on_s):
                raised, since_change = not raised, now + 1
        letters += "R" if raised else "."
    return letters


def differs(value: int | None, raised: bool, deadband: int) -> bool:
    """Whether a reading does not contradict a pending change (a bad one contradicts nothing)."""
    return value is None or (value > (100 - deadband if raised else 100)) != raised


def test_levels_come_most_severe_first_on_each_side() -> None:
    """`agent.alarms` announces the first active level of a side: the order is part of the contract."""
    levels = [t.level for t in thresholds(limit(high_high=110.0, high=100.0, low=10.0, low_low=5.0))]

    assert levels == [Level.HIGH_HIGH, Level.HIGH, Level.LOW_LOW, Level.LOW]


@pytest.mark.parametrize(
    ("value", "flag", "expected"),
    [
        (1.5, "N", True),
        (3, "N", True),
        (True, "N", True),
        (None, "N", False),
        ("on", "N", False),
        (None, "B", False),
        *((1.5, flag, False) for flag in "FMSDCTB"),
    ],
)
def test_only_numbers_flagged_normal_are_judged(value: Value, flag: str, expected: bool) -> None:
    """Every flag but N freezes, T (out of range) too: a number, but not one to believe."""
    assert is_good(value, flag) is expected


NAMES = ("load", "state", "so2")


@pytest.mark.parametrize(
    ("name", "values", "flags", "expected"),
    [
        ("inside every band", (50.0, "on", 30.0), "NNN", True),
        ("on the limits", (100.0, "on", 5.0), "NNN", True),
        ("above the inner limit", (100.1, "on", 30.0), "NNN", False),
        ("below the inner limit of the other point", (50.0, "on", 4.9), "NNN", False),
        ("no value on a limited point", (50.0, "on", None), "NNB", False),
        ("no value on an unlimited point", (50.0, None, 30.0), "NBN", True),
        ("a bad flag where nothing is violated", (50.0, "on", 30.0), "NNM", True),
        ("a bad flag on a violation", (500.0, "on", 30.0), "TNN", False),
        ("text where a number should be", ("x", "on", 30.0), "NNN", False),
        ("nothing where a number should be", (50.0, "on", None), "NNN", False),
    ],
)
def test_quiet_scans_are_recognised(name: str, values: tuple[Value, ...], flags: str, expected: bool) -> None:
    """The quick look says quiet exactly when every limited point has a number inside its innermost limits."""
    both = [limit(high_high=110.0, high=100.0), limit(point="so2", low=5.0, low_low=1.0)]

    assert is_quiet(watch(NAMES, both), Scan("boiler", 0, 0, values, flags)) is expected, name


@pytest.mark.parametrize("points", [("load",), ("load", "so2"), ("so2",)])
def test_the_quick_look_works_for_any_number_of_points(points: tuple[str, ...]) -> None:
    """One limited point, some, or all of a device's: the same answer."""
    compiled = watch(("load", "so2"), [limit(point=point, high=1.0) for point in points])

    assert is_quiet(compiled, Scan("boiler", 0, 0, (1.0, 1.0), "NN"))
    assert not is_quiet(compiled, Scan("boiler", 0, 0, (2.0, 2.0), "NN"))
