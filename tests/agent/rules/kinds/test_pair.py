"""PAIR: Kleene's logic over states."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.plant import State
from agent.rules.kinds import Chain, Differ, Pair
from tests.agent.rules.kinds.naive import Feed

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.rules.rule import Evaluator

STATES = (0, 1, 2, None)
OFF, IDLE, RUN = State


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("as wanted", [(RUN, OFF), (2.0, 0.0), (2, 0)], "TTT"),
        ("one otherwise", [(RUN, IDLE), (OFF, OFF), (RUN, RUN)], "fff"),
        ("unknown", [(RUN, None), (None, OFF), (None, None)], "..."),
        ("known to be otherwise decides", [(None, RUN), (OFF, None)], "ff"),
    ],
)
def test_pair(name: str, rows: list[tuple[float | None, ...]], expected: str) -> None:
    """RUN and OFF, as named."""
    assert Feed(Pair(State.RUN, State.OFF)).each(*rows) == expected


def test_pair_takes_several_states_and_bits() -> None:
    """A tuple of states is any of them; three things may be paired."""
    assert Feed(Pair(1, (State.IDLE, State.RUN), 0)).each((1, 2, 0), (1, 1, 0), (1, 0, 0), (1, None, 1)) == "TTff"


def test_pair_refuses_another_number_of_states() -> None:
    """Too many or too few states are a mistake of the rule."""
    with pytest.raises(ValueError, match="zip"):
        Feed(Pair(1, 1))(1)


def either(of: Callable[[], Evaluator], row: tuple[int | None, ...]) -> bool | None:
    """Return the answer that holds for whatever the unknown states may be, ``None`` when it depends on them."""
    choices = product(*[(0, 1, 2) if state is None else (state,) for state in row])
    answers = {Feed(of())(tuple(choice)) for choice in choices}
    return answers.pop() if len(answers) == 1 else None


@pytest.mark.parametrize("kind", [Differ, Chain])
@given(row=st.lists(st.sampled_from(STATES), min_size=1, max_size=4).map(tuple))
def test_unknown_members_decide_only_when_they_must(kind: Callable[[], Evaluator], row: tuple[int | None, ...]) -> None:
    """The answer is known exactly when it is the same for every state that the unknown members may have."""
    assert Feed(kind())(row) is either(kind, row)


@pytest.mark.parametrize(
    ("kind", "row", "expected"),
    [
        (Differ, (2, 1, 0), True),
        (Differ, (2, 1, 2), False),
        (Differ, (0, 1, 0), False),
        (Chain, (2, 2, 0), True),
        (Chain, (0, 2, 2), False),
        (Chain, (2, 1, 0), False),
    ],
)
def test_groups(kind: Callable[[], Evaluator], row: tuple[int, ...], expected: bool) -> None:
    """Members differ when one runs and one is off; a chain breaks where the next one is off."""
    assert Feed(kind())(row) is expected


@pytest.mark.parametrize("kind", [Differ, Chain])
def test_no_members_are_not_known(kind: Callable[[], Evaluator]) -> None:
    """Nothing is said of a group without members."""
    assert Feed(kind()).each((None,), ((),)) == ".."
