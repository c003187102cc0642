"""What joins evaluators: gates and what is given meanwhile, Kleene's logic, spans of time, counts."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import AllOf, AnyOf, Between, Coarse, Flat, Is, Lasting, Mean, Not, Of, Outside, Takes, While
from tests.agent.rules.kinds.naive import Feed, moment

if TYPE_CHECKING:
    from agent.rules.rule import Evaluator

Truth = st.sampled_from([None, 0, 1])


@pytest.mark.parametrize(
    ("outside", "expected"),
    # gate:   1 1 0 0 1 1 1 and . at the end; mean of 2 samples above 9: 10 10 | 0 0 | 10 10 10
    [("pause", ".TffTTT."), ("see", ".TfffTT."), ("miss", ".Tff.TT."), ("restart", ".Tff.TT.")],
)
def test_while(outside: Literal["pause", "see", "miss", "restart"], expected: str) -> None:
    """Outside its states a gate says no, and its evaluator stands still, sees, misses, or begins anew."""
    feed = Feed(While((1,), Outside(high=6, mean=2), outside=outside))
    assert feed.each((1, 10), (1, 10), (0, 0), (0, 0), (1, 10), (1, 10), (1, 10), (None, 10)) == expected


def test_an_unknown_gate_restarts_nothing() -> None:
    """The answer is unknown, and what was gathered before stays."""
    feed = Feed(While((1,), Flat(window_s=120, step_s=60, eps=0), outside="restart"))
    assert feed.each((1, 5), (None, 5), (1, 5)) == "..T"


def test_a_gate_that_pauses_does_not_miss() -> None:
    """A skipped time is no gap for what learns only inside its gate; for the others it is."""
    paused = Feed(While((1,), Flat(window_s=120, step_s=60, eps=0)))
    missing = Feed(While((1,), Flat(window_s=120, step_s=60, eps=0), outside="miss"))
    for feed in (paused, missing):
        feed(1, 5)
        feed.skip(7)
    assert (paused(1, 5), missing(1, 5)) == (True, None)


@pytest.mark.parametrize(
    ("hours", "minute", "expected"),
    [
        ("22:00-06:00", 22 * 60, True),
        ("22:00-06:00", 22 * 60 - 1, False),
        ("22:00-06:00", 0, True),
        ("22:00-06:00", 6 * 60 - 1, True),
        ("22:00-06:00", 6 * 60, False),
        ("08:00-11:00, 13:00-15:00", 14 * 60, True),
        ("08:00-11:00, 13:00-15:00", 12 * 60, False),
        ("18:00-24:00", 23 * 60 + 59, True),
        ("18:00-24:00", 0, False),
        ("00:00-00:00", 720, True),
    ],
)
def test_between(hours: str, minute: int, expected: bool) -> None:
    """The start of the hours is inside, the end is not; they may run over midnight."""
    assert Between(hours, Is(1)).update(moment(minute), 1) is expected


def test_between_without_a_calendar_is_unknown() -> None:
    """While the time of day is not known nothing is said."""
    assert Between("00:00-24:00", Is(1)).update(moment(0, calendar=False), 1) is None


@pytest.mark.parametrize("hours", ["", "22:00", "22-06", "25:00-06:00", "22:60-06:00", "22:00-06:00,"])
def test_hours_that_are_none_are_refused(hours: str) -> None:
    """Hours are written 22:00-06:00."""
    with pytest.raises(ValueError, match="written"):
        Between(hours, Is(1))


@given(st.lists(Truth, min_size=1, max_size=4))
def test_any_and_all_agree_with_all_that_unknown_answers_may_be(answers: list[int | None]) -> None:
    """Known exactly when it is the same whatever the unknown answers are."""
    inners = [Takes(at, Is(1)) for at in range(len(answers))]
    choices = list(product(*[(0, 1) if answer is None else (answer,) for answer in answers]))
    for join, of in ((AnyOf, any), (AllOf, all)):
        found = {of(choice) for choice in choices}
        assert Feed(join(*inners))(*answers) is (found.pop() if len(found) == 1 else None)


@pytest.mark.parametrize(
    ("join", "rows", "expected"),
    [
        (AnyOf, [(0, None), (1, None), (0, None)], "fTf"),
        (AnyOf, [(0, None), (0, 0), (0, None), (1, None)], "ff.T"),
        (AnyOf, [(None, None), (None, 1), (None, 0)], ".Tf"),
        (AllOf, [(1, None), (0, None), (1, None)], "TfT"),
        (AllOf, [(1, 1), (1, None), (0, None)], "T.f"),
    ],
)
def test_optional_leaves_out_what_the_site_never_had(
    join: type[AnyOf | AllOf], rows: list[tuple[int | None, int | None]], expected: str
) -> None:
    """Never known: left out. Known once and unknown now: unknown."""
    assert Feed(join(Takes(0, Is(1)), Takes(1, Is(1)), optional=True)).each(*rows) == expected


def test_takes_and_not() -> None:
    """Values are picked by their place, in the order named; not turns an answer round."""
    assert Feed(Takes((2, 0), While((1,), Is(7)))).each((7, 0, 1), (7, 0, 0), (6, 0, 1)) == "Tff"
    assert Feed(Not(Is(1))).each(1, 0, None) == "fT."


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        # three minutes, one value a minute
        ("exactly long enough", (1, 1, 1, 1, 1), "fffTT"),
        ("a break begins anew", (1, 1, 1, 0, 1, 1, 1, 1), "fffffffT"),
        ("unknown freezes the count", (1, 1, None, 1, 1, 1), "ff.ffT"),
    ],
)
def test_lasting(name: str, values: tuple[int | None, ...], expected: str) -> None:
    """Lasting counts the time between true answers in a row."""
    assert Feed(Lasting(Is(1), for_s=180)).each(*values) == expected


def test_coarse_judges_means() -> None:
    """Every fourth time the mean of four; it stands meanwhile, except while the number itself is not known."""
    feed = Feed(Coarse(4, Outside(high=10)))
    assert feed.each(9, 9, 9, 9, 12, 12, None, 12, 0, 0, None, None, 12, 12, 12, 12) == "...fff.TTT.....T"
    feed.each(0, 0)
    feed.skip(2)
    assert feed.each(12, 12, 12, 0) == "TTTf", "what was missed is no part of a mean"


def test_lasting_does_not_count_what_was_skipped() -> None:
    """Nobody knows whether it held meanwhile."""
    feed = Feed(Lasting(Is(1), for_s=180))
    feed.each(1, 1)
    feed.skip(60)
    assert feed.each(1, 1, 1) == "ffT"


def test_evidence_of_what_is_joined() -> None:
    """Any tells of the first that says so, all tells of all, a gate of itself as well."""
    anyone = Feed(AnyOf(Takes(0, Outside(high=1)), Takes(1, Outside(high=2))))
    anyone(0, 5)
    assert anyone.evaluator.evidence() == {"value": 5, "high": 2}
    everyone = Feed(While((1,), AllOf(Outside(high=1), Outside(high=2))))
    everyone(1, 5)
    assert everyone.evaluator.evidence() == {"while": 1, "all": [{"value": 5, "high": 1}, {"value": 5, "high": 2}]}


@pytest.mark.parametrize(
    ("evaluator", "expected"),
    [
        (Of(Mean(window_s=240, step_s=60), Outside(high=1)), 180.0),
        (AnyOf(Outside(high=1), Flat(window_s=240, step_s=60, eps=0)), 0.0),
        (AllOf(Outside(high=1), Flat(window_s=240, step_s=60, eps=0)), 180.0),
        (While((1,), Flat(window_s=240, step_s=60, eps=0)), 180.0),
    ],
)
def test_readiness_of_what_is_joined(evaluator: Evaluator, expected: float) -> None:
    """Any is ready with its quickest, all with its slowest, and what is judged of a measure after both."""
    assert evaluator.ready_in_s() == expected


def test_nothing_to_join_is_refused() -> None:
    """Any or all of nothing is a mistake of the rule."""
    for join in (AnyOf, AllOf):
        with pytest.raises(ValueError, match="nothing"):
            join()


def test_skipped_time_reaches_every_part() -> None:
    """A window behind joins, measures and gates knows of the gap."""

    def flat() -> Evaluator:
        return Flat(window_s=120, step_s=60, eps=0)

    joined: list[tuple[Evaluator, Any]] = [
        (AnyOf(flat(), flat()), 5),
        (AllOf(flat()), 5),
        (Not(flat()), 5),
        (Takes(0, flat()), 5),
        (Lasting(flat(), for_s=0), 5),
        (Coarse(1, flat()), 5),
        (Of(Mean(window_s=120, step_s=60), Outside(high=1)), 5),
    ]
    for evaluator, value in joined:
        feed = Feed(evaluator)
        feed.each(value, value)
        feed.skip(2)
        assert feed(value) is None, evaluator
