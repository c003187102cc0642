"""What holds for every kind: it survives unknown input and restarts, its evidence and state are plain JSON data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.rules import kinds
from agent.rules.kinds import AllOf, AnyOf, Outside
from tests.agent.rules.kinds.naive import Feed, moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.rules.rule import Evaluator

X = st.one_of(st.none(), st.floats(-100, 100), st.integers(0, 3))
STATE = st.sampled_from([None, 0, 1, 2])
BIT = st.sampled_from([None, 0, 1])
ROW = st.one_of(st.none(), st.tuples(X, X, X))
STATES = st.one_of(st.none(), st.tuples(STATE, STATE, STATE))
HOURLY: dict[str, Any] = {"window_s": 600, "step_s": 60}

KINDS: dict[str, tuple[Callable[[], Evaluator], tuple[st.SearchStrategy[Any], ...]]] = {
    "While": (lambda: kinds.While((2,), Outside(high=1, mean=4), outside="restart"), (STATE, X)),
    "While pause": (lambda: kinds.While((2,), Outside(high=1, mean=4)), (STATE, X)),
    "While see": (lambda: kinds.While((2,), Outside(high=1, mean=4), outside="see"), (STATE, X)),
    "While miss": (lambda: kinds.While((2,), Outside(high=1, mean=4), outside="miss"), (STATE, X)),
    "Between": (lambda: kinds.Between("00:03-00:20,23:00-00:01", Outside(high=1)), (X,)),
    "AnyOf": (lambda: AnyOf(kinds.Takes(0, Outside(high=1)), kinds.Takes(1, Outside(low=0)), optional=True), (X, X)),
    "AllOf": (lambda: AllOf(Outside(high=1), Outside(low=3, back=1), optional=True), (X,)),
    "Not": (lambda: kinds.Not(Outside(high=1)), (X,)),
    "Coarse": (lambda: kinds.Coarse(4, kinds.AllOf(kinds.Takes(0, Outside(high=1, mean=3)), optional=True)), (X, X)),
    "Lasting": (lambda: kinds.Lasting(Outside(high=1), for_s=120), (X,)),
    "Of Reckoned": (lambda: kinds.Of(kinds.Reckoned(lambda a, b: a / b), Outside(high=1)), (X, X)),
    "Of Mean": (lambda: kinds.Of(kinds.Mean(**HOURLY), Outside(high=1)), (X,)),
    "Of Total": (lambda: kinds.Of(kinds.Total(**HOURLY), Outside(high=1)), (X,)),
    "Of Deviation": (lambda: kinds.Of(kinds.Deviation(**HOURLY), Outside(high=1)), (X,)),
    "Of Quotient": (lambda: kinds.Of(kinds.Quotient(**HOURLY), Outside(high=1)), (X, X)),
    "Of Split": (lambda: kinds.Of(kinds.Split(hours="00:00-00:20", step_s=7200), Outside(high=1)), (X,)),
    "Of Correlation": (lambda: kinds.Of(kinds.Correlation(**HOURLY), Outside(high=0.5)), (X, X)),
    "Outside": (lambda: Outside(low=0, high=2, back=0.5, of=(2, 4)), (X,)),
    "Inside": (lambda: kinds.Inside(low=0, high=2), (X,)),
    "Is": (lambda: kinds.Is(2), (STATE,)),
    "Members": (lambda: kinds.Members(low=0, high=(2, None), more_than=1), (ROW, ROW)),
    "Pair": (lambda: kinds.Pair(2, (0, 1)), (STATE, STATE)),
    "Differ": (kinds.Differ, (STATES,)),
    "Chain": (kinds.Chain, (STATES,)),
    "Late": (lambda: kinds.Late(lag_s=120, shown_s=180), (STATE, STATE)),
    "Late off": (lambda: kinds.Late(lag_s=120, edge="off", shown_s=180), (STATE, STATE)),
    "Early": (lambda: kinds.Early(tail_s=120, shown_s=180), (STATE, STATE)),
    "Undeclared": (lambda: kinds.Undeclared(within_s=180, shown_s=120), (STATE, X)),
    "Flat eps": (lambda: kinds.Flat(**HOURLY, eps=1), (X,)),
    "Flat cv": (lambda: kinds.Flat(**HOURLY, cv=0.5), (X,)),
    "Jump": (lambda: kinds.Jump(rel=0.5, sd_factor=2, **HOURLY, shown_s=120), (X, X)),
    "Spikes": (lambda: kinds.Spikes(pairs=1, **HOURLY), (X, BIT)),
    "AllJump": (lambda: kinds.AllJump(sd_factor=1, **HOURLY), (ROW,)),
    "Ratio": (lambda: kinds.Ratio(**HOURLY, low=0.5, high=2), (X, X)),
    "SumOver": (lambda: kinds.SumOver(**HOURLY, high=1.05), (X, ROW)),
    "Apart": (lambda: kinds.Apart(abs=1, rel=0.1), (X, X)),
    "Trend": (lambda: kinds.Trend(**HOURLY, settle=2), (X, X)),
    "Projected": (lambda: kinds.Projected(period="hour", limit=1, step_s=60, from_minute=5), (X,)),
    "Pace": (lambda: kinds.Pace(limit=100, from_day=0), (X,)),
    "Away": (lambda: kinds.Away(low=0.5, mad=1, points=1, step_s=900, days=3, ready_days=1), (X, X)),
    "Lost": (lambda: kinds.Lost(step_s=900, days=3, ready_days=1, by_hour=True), (X,)),
    "Fall": (lambda: kinds.Fall(window_s=240, shown_s=120), (BIT, X, X)),
    "Coverage": (lambda: kinds.Coverage(**HOURLY, least=0.75), (X, X)),
    "Stale": (lambda: kinds.Stale(age_s=120), (X,)),
    "Counter": (lambda: kinds.Counter(rate_per_h=60, shown_s=120, wraps_at=100), (X,)),
    "Starts": (lambda: kinds.Starts(more_than=1, within_s=900), (STATE,)),
    "TimeOrder": (lambda: kinds.TimeOrder(gap_s=2, shown_s=120), (X,)),
    "StopIgnored": (lambda: kinds.StopIgnored(grace_s=1), (BIT, X, STATE)),
    "LateStop": (lambda: kinds.LateStop(grace_s=1, most_s=90, shown_s=120), (BIT, X, STATE)),
    "Restarted": (kinds.Restarted, (BIT, STATE)),
    "Reduction": (lambda: kinds.Reduction(step_s=900, days=3, ready_days=1), (st.sampled_from([None, 0, 0, 0.5]), X)),
    "ShareInside": (lambda: kinds.ShareInside(low=0, high=2, share=0.5, **HOURLY), (X,)),
    "ShareAt": (lambda: kinds.ShareAt(**HOURLY), (STATE,)),
    "Periodic": (lambda: kinds.Periodic(from_s=120, to_s=240, step_s=60), (X,)),
    "Copied": (lambda: kinds.Copied(hours=3, distinct=2), (STATE,)),
    "Twin": (lambda: kinds.Twin(**HOURLY, moves=2), (ROW,)),
    "FlagShare": (lambda: kinds.FlagShare(level=1, days=2, least=3), (st.sampled_from([None, 78, 67]), BIT, X)),
    "Changed": (lambda: kinds.Changed(shown_s=120, excused=True), (st.one_of(X, st.tuples(X, X)), BIT)),
    "Rises": (lambda: kinds.Rises(shown_s=120), (X,)),
    "StartAfterRest": (lambda: kinds.StartAfterRest(rest_s=120, shown_s=120), (STATE,)),
}


def test_every_exported_kind_is_in_the_table() -> None:
    """No evaluator is left out of the tests below."""
    measures = {"Reckoned", "Mean", "Total", "Deviation", "Quotient", "Split", "Correlation", "Of", "Takes"}
    assert {name.partition(" ")[0] for name in KINDS} | measures == set(kinds.__all__)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=15)
@given(data=st.data())
def test_it_goes_on_from_its_snapshot_at_any_moment(name: str, data: st.DataObject) -> None:
    """Restored from JSON at any moment, a fresh one gives the same later answers and the same later state."""
    make, values = KINDS[name]
    step = st.one_of(st.tuples(*values), st.tuples(*values), st.tuples(*values), st.integers(0, 15))
    pace_s = data.draw(st.sampled_from([60.0, 1800.0]))
    before, after = data.draw(st.lists(step, max_size=40)), data.draw(st.lists(step, max_size=40))
    here, there = Feed(make(), step_s=pace_s), Feed(make(), step_s=pace_s)
    for one in before:
        here.skip(one) if isinstance(one, int) else here(*one)
    there.evaluator.restore(json.loads(json.dumps(here.evaluator.snapshot(), allow_nan=False)))
    there.minute = here.minute
    for one in after:
        if isinstance(one, int):
            here.skip(one)
            there.skip(one)
        else:
            assert here(*one) is there(*one)
    if after:
        assert here.evaluator.snapshot() == there.evaluator.snapshot()
    assert here.evaluator.ready_in_s() == there.evaluator.ready_in_s()


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=8)
@given(data=st.data())
def test_its_evidence_and_answers_are_plain_data(name: str, data: st.DataObject) -> None:
    """Whatever it is given, it answers true, false or unknown, and tells JSON without NaN or infinity."""
    make, values = KINDS[name]
    feed = Feed(make())
    json.dumps(feed.evaluator.evidence(), allow_nan=False)
    for one in data.draw(st.lists(st.tuples(*values), max_size=30)):
        assert feed(*one) in (True, False, None)
        assert type(feed.answers[-1]) in (bool, type(None))
        assert len(json.dumps(feed.evaluator.evidence(), allow_nan=False)) < 1000
        assert feed.evaluator.ready_in_s() >= 0


@pytest.mark.parametrize("name", KINDS)
def test_its_parts_are_slotted(name: str) -> None:
    """No attribute can be set that was not declared."""
    with pytest.raises(AttributeError):
        KINDS[name][0]().surprise = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"Stale"}))
def test_unknown_input_is_never_a_yes(name: str) -> None:
    """Given nothing but unknown values from the start, no kind ever says that its condition holds."""
    make, values = KINDS[name]
    feed = Feed(make())
    assert True not in [feed(*[None] * len(values)) for _ in range(200)]


@pytest.mark.parametrize("name", sorted(name for name in KINDS if KINDS[name][0]().snapshot()))
def test_the_state_of_something_else_is_refused(name: str) -> None:
    """A state that is none of this kind raises instead of being half believed."""
    others: list[Any] = [[], {}, {"surprise": 1}, None, 7]
    for state in others:
        with pytest.raises((ValueError, KeyError, TypeError)):
            KINDS[name][0]().restore(state)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_long_absence_costs_no_more_than_a_window(name: str) -> None:
    """A year of skipped seconds passes at once, and unknown follows or what needs no past."""
    make, values = KINDS[name]
    evaluator = make()
    evaluator.skip(31_536_000)
    assert evaluator.update(moment(1.0), *[None] * len(values)) is not True
