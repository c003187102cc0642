"""Sets of numbers as intervals."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from buffer.intervals import IntervalSet, runs_of

SPANS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)).map(lambda span: (span[0], span[0] + span[1])))


@given(SPANS)
def test_holds_what_was_added(spans: list[tuple[int, int]]) -> None:
    """Members, total and gaps agree with a plain set; intervals are ascending and never touch."""
    intervals, plain = IntervalSet(spans), {n for low, high in spans for n in range(low, high + 1)}

    assert {n for n in range(75) if n in intervals} == plain
    assert intervals.total == len(plain)
    assert {n for low, high in intervals.gaps(3, 70) for n in range(low, high + 1)} == set(range(3, 71)) - plain
    assert all(left[1] + 1 < right[0] for left, right in zip(list(intervals), list(intervals)[1:], strict=False))


@given(SPANS)
def test_says_what_changed(spans: list[tuple[int, int]]) -> None:
    """A table kept up to date from the answers of `add` always equals the set."""
    intervals, table = IntervalSet(), dict[int, int]()
    for span in spans:
        (first, last), swallowed = intervals.add(*span)
        table[first] = last
        for start in swallowed:
            del table[start]

    assert sorted(table.items()) == list(intervals)


@given(st.lists(st.integers(1, 50)))
def test_runs_cover_exactly_the_numbers(numbers: list[int]) -> None:
    """The runs of some numbers contain each of them and nothing else, and are the fewest possible."""
    runs = runs_of(numbers)

    assert {n for low, high in runs for n in range(low, high + 1)} == set(numbers)
    assert len(runs) == len(IntervalSet(runs))
