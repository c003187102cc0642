"""LIM: strict comparison, dead band, n of m, means, members of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import Inside, Is, Members, Outside
from tests.agent.rules.kinds.naive import SMALL, Feed, agree, known, steps

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("name", "given_", "values", "expected"),
    [
        ("at the limit is inside", {"low": 5.0, "high": 9.0}, (5, 9, 4.99, 9.01, None, 7), "ffTT.f"),
        (
            "inclusive: at the limit is outside",
            {"low": 5.0, "high": 9.0, "inclusive": True},
            (5, 9, 5.01, 8.99),
            "TTff",
        ),
        ("one side only", {"high": 9.0}, (-1e9, 9.1), "fT"),
        ("dead band holds until its edge", {"high": 9.0, "back": 2.0}, (8, 9.5, 7.1, 7, 8), "fTTff"),
        ("dead band of the low side", {"low": 5.0, "back": 1.0}, (5.5, 4, 5.9, 6, 5.5), "fTTff"),
        ("unknown keeps the dead band", {"high": 9.0, "back": 2.0}, (9.5, None, 8), "T.T"),
        ("3 of 6", {"high": 9.0, "of": (3, 6)}, (10, 10, 9, 10, 9, 9, 9, 9), "...TTTff"),
        ("never enough to reach 2 of 3", {"high": 9.0, "of": (2, 3)}, (1, 1, 10, 10), ".ffT"),
        ("n of m counts known values", {"high": 9.0, "of": (2, 3)}, (10, None, 10, None, 1, 1), "..T.Tf"),
        ("n of m with the dead band", {"high": 9.0, "back": 2.0, "of": (2, 2)}, (10, 8, 6), ".Tf"),
        ("mean of 4, three quarters known", {"high": 9.0, "mean": 4}, (10, 10, None, 10, 6, None, 6), "...Tf.f"),
    ],
)
def test_outside(name: str, given_: dict[str, Any], values: tuple[float | None, ...], expected: str) -> None:
    """Outside answers as named."""
    assert Feed(Outside(**given_)).each(*values) == expected


@given(history=steps(SMALL))
def test_the_mean_is_that_of_the_window(history: list[Any]) -> None:
    """Outside of a mean agrees with the mean of the known among the last samples, with 75 % of them."""

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        held = known(seen, 5)
        return None if len(held) < 3.75 else sum(held) > 6 * len(held)

    agree(lambda: Outside(high=6.0, mean=5), judge, history)


@given(history=steps(SMALL))
def test_n_of_m_is_of_the_last_known(history: list[Any]) -> None:
    """Outside of n of m agrees with a count over the last m known values, bounded by those still to come."""

    def judge(seen: Sequence[tuple[Any, ...]]) -> bool | None:
        if seen[-1][0] is None:
            return None
        last = [value > 6 for value in known(seen, len(seen))][-4:]
        return True if sum(last) >= 2 else False if sum(last) + 4 - len(last) < 2 else None

    agree(lambda: Outside(high=6.0, of=(2, 4)), judge, history)


def test_the_evidence_is_the_value_and_the_limits() -> None:
    """Six significant digits; only the limits there are; counts and window where they matter."""
    plain = Feed(Outside(high=8.0))
    plain(8.123456789)
    assert plain.evaluator.evidence() == {"value": 8.12346, "high": 8.0}
    counted = Feed(Outside(low=1.0, of=(1, 2)))
    counted(0.5)
    assert counted.evaluator.evidence() == {"value": 0.5, "low": 1.0, "outside": 1, "of": 2}


@pytest.mark.parametrize("wrong", [{}, {"high": 1.0, "of": (0, 3)}, {"high": 1.0, "of": (4, 3)}])
def test_a_limit_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    """Without low and high, or with a count that cannot be, there is nothing to judge."""
    with pytest.raises(ValueError, match=r"limit|count"):
        Outside(**wrong)


def test_inside_is_strict_on_both_sides() -> None:
    """A tiny value is above zero and below the bound, neither included."""
    assert Feed(Inside(low=0.0, high=2.0)).each(0, 0.001, 1.999, 2, None) == "fTTf."


def test_is_one_of_the_states() -> None:
    """A state is one of those named; unknown is none of them."""
    assert Feed(Is(0, 2)).each(0, 1, 2, None, 0.0) == "TfT.T"


@pytest.mark.parametrize(
    ("name", "given_", "rows", "expected"),
    [
        ("more than one", {"low": 30, "more_than": 1}, [((29, 30, 29),), ((29, 30, 31),), ((30, 30, 30),)], "Tff"),
        ("unknown may decide", {"low": 30, "more_than": 1}, [((29, None, 31),), ((None, 31, 31),)], ".f"),
        ("known decides", {"low": 30, "more_than": 1}, [((29, None, 29),)], "T"),
        ("either row", {"low": (30, 10), "more_than": 1}, [((29, 31), (11, 9)), ((29, 31), (9, 10))], "Tf"),
        ("one row without a bound", {"low": (30, None), "high": (None, 5)}, [((31,), (-9,)), ((31,), (6,))], "fT"),
        ("no row", {"low": 30}, [(None,), ((),)], ".."),
        ("unknown in the second row", {"low": 30}, [((31,), (None,)), ((29,), (None,))], ".T"),
    ],
)
def test_members(name: str, given_: dict[str, Any], rows: list[tuple[Any, ...]], expected: str) -> None:
    """Members counts as named."""
    assert Feed(Members(**given_)).each(*rows) == expected


@given(st.lists(SMALL, min_size=1, max_size=6), st.integers(0, 3))
def test_members_agree_with_all_that_unknown_ones_may_be(row: list[float | None], more_than: int) -> None:
    """The answer is known exactly when it is the same whether the unknown members are outside or not."""
    least = sum(value is not None and value > 6 for value in row)
    answers = {count > more_than for count in (least, least + row.count(None))}
    assert Feed(Members(high=6, more_than=more_than))(tuple(row)) is (answers.pop() if len(answers) == 1 else None)
