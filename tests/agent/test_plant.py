"""agent.plant: what readings say of a facility, and facilities of a line."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import plant
from agent.plant import UNSEEN, Manner, Seen, State, manner, step
from config.site import Facility, Text

OFF, IDLE, RUN = State
S = 1_000_000_000
MANNER = Manner(on=15.0, off=8.0, on_hold_ns=60 * S, off_hold_ns=30 * S)

Story = tuple[tuple[int, float | None], ...]
"""For so many seconds, this reading every second."""


def after(story: Story, seen: Seen = UNSEEN, at_s: int = 0) -> Seen:
    """Return what is known after a story."""
    for seconds, value in story:
        for _ in range(seconds):
            seen = step(MANNER, seen, value, at_s * S)
            at_s += 1
    return seen


@pytest.mark.parametrize(
    ("story", "state"),
    [
        pytest.param(((60, 20.0),), None, id="not held for long enough yet"),
        pytest.param(((61, 20.0),), RUN, id="run"),
        pytest.param(((61, 15.0),), RUN, id="run at the border itself"),
        pytest.param(((31, 0.0),), OFF, id="off"),
        pytest.param(((31, 8.0),), OFF, id="off at the border itself"),
        pytest.param(((31, -5.0),), OFF, id="a reversed transformer is no load"),
        pytest.param(((61, 10.0),), IDLE, id="between"),
        pytest.param(((61, 20.0), (30, 0.0)), RUN, id="a short drop changes nothing"),
        pytest.param(((61, 20.0), (31, 0.0)), OFF, id="off after its hold"),
        pytest.param(((31, 0.0), (60, 20.0)), OFF, id="a short start changes nothing"),
        pytest.param(((31, 0.0), (61, 20.0)), RUN, id="run after its hold"),
        pytest.param(((61, 20.0), (31, 10.0)), IDLE, id="from run to idle by the off hold"),
        pytest.param(((31, 0.0), (60, 10.0)), OFF, id="from off to idle not before the on hold"),
        pytest.param(((31, 0.0), (61, 10.0)), IDLE, id="from off to idle by the on hold"),
        pytest.param(((31, 0.0), *((20, 20.0), (20, 10.0)) * 2), IDLE, id="a swinging load is not off"),
        pytest.param(((61, 20.0), *((10, 10.0), (10, 0.0)) * 2), IDLE, id="nor does one below run"),
        pytest.param(((61, 20.0), (1, None)), None, id="unknown at once when there is nothing to believe"),
        pytest.param(((61, 20.0), (30, None), (1, 20.0)), RUN, id="after a short gap it is taken up"),
        pytest.param(((61, 20.0), (30, None), (1, 0.0)), None, id="but not by a reading that disagrees"),
        pytest.param(((61, 20.0), (90, None), (1, 20.0)), None, id="nor after a long gap"),
        pytest.param(((61, 20.0), (90, None), (61, 20.0)), RUN, id="after a long gap it has to be held"),
        pytest.param(((30, 20.0), (1, None), (40, 20.0)), None, id="a gap in the hold begins it anew"),
    ],
)
def test_a_story_of_readings_gives_a_state(story: Story, state: State | None) -> None:
    """RUN, OFF and IDLE need to be held; what cannot be believed is unknown."""
    assert after(story).state is state


def test_a_state_knows_since_when() -> None:
    """It counts from the reading that completed its hold."""
    seen = after(((31, 0.0), (100, 20.0)))

    assert (seen.state, seen.since_ns) == (RUN, (31 + 60) * S)


def test_a_reading_that_changes_nothing_makes_nothing() -> None:
    """The hot path hands back what it was given."""
    seen = after(((61, 20.0),))

    assert step(MANNER, seen, 25.0, 61 * S) is seen


def facility(**members: object) -> Facility:
    """Return a facility."""
    plain: dict[str, object] = {"name": "f", "label": Text("", ""), "role": "production", "type": None}
    plain |= {"power": "m.power", "current": None, "running": None, "rated": 40.0, "points": {}, "facts": {}}
    return Facility(**(plain | members))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "share", "on", "off"),
    [
        ({}, 1.0, 6.0, 3.2),
        ({"on_fraction": 0.5, "off_fraction": 0.25}, 1.0, 20.0, 10.0),
        ({}, 0.001, 6000.0, 3200.0),
        ({"power": None, "running": "dcs.run", "rated": None}, 1.0, 0.5, 0.5),
    ],
    ids=["defaults", "own fractions", "a meter that tells watts", "a running signal"],
)
def test_thresholds_are_fractions_of_the_rated_value(
    members: dict[str, object], share: float, on: float, off: float
) -> None:
    """They are in the unit of the readings; a bit needs no rated value."""
    found = manner(facility(**members), share)

    assert found is not None
    assert (found.on, found.off) == pytest.approx((on, off))
    assert found.on_hold_ns == 60 * S


def test_without_a_rated_value_power_says_nothing() -> None:
    """There is no way to judge it, and none is invented."""
    assert manner(facility(rated=None)) is None


@given(
    values=st.lists(st.sampled_from([None, -1.0, 0.0, 8.0, 8.5, 12.0, 14.9, 15.0, 40.0]), max_size=60),
    holds=st.tuples(st.integers(0, 5), st.integers(0, 5)),
)
def test_a_state_is_never_against_the_last_readings(values: list[float | None], holds: tuple[int, int]) -> None:
    """RUN was at `on` or more within the off hold, OFF at `off` or less within the on hold; unknown is never OFF."""
    judged_by = replace(MANNER, on_hold_ns=holds[0] * S, off_hold_ns=holds[1] * S)
    seen, readings = UNSEEN, list[float]()
    for at_s, value in enumerate(values):
        seen = step(judged_by, seen, value, at_s * S)
        readings = [] if value is None else [*readings, value]
        if value is None:
            assert seen.state is None
        if seen.state is RUN:
            assert max(readings[-1 - holds[1] :]) >= MANNER.on
        if seen.state is OFF:
            assert min(readings[-1 - holds[0] :]) <= MANNER.off


PRODUCTION = {
    (RUN, OFF): RUN,
    (RUN, None): RUN,
    (OFF, OFF): OFF,
    (OFF, None): None,
    (OFF, IDLE): IDLE,
    (IDLE, None): None,
    (None, None): None,
    (): None,
}
TREATMENT = {
    (OFF, RUN): OFF,
    (OFF, None): OFF,
    (RUN, RUN): RUN,
    (RUN, None): None,
    (RUN, IDLE): IDLE,
    (IDLE, None): None,
    (): None,
}


@pytest.mark.parametrize("states", PRODUCTION)
def test_a_line_produces_when_any_machine_runs(states: tuple[State | None, ...]) -> None:
    """And is off when all are; what is unknown matters only where it could change the answer."""
    assert plant.production(states) is PRODUCTION[states]


@pytest.mark.parametrize("states", TREATMENT)
def test_a_line_is_treated_when_all_machines_run(states: tuple[State | None, ...]) -> None:
    """And its treatment is off when any machine is."""
    assert plant.treatment(states) is TREATMENT[states]


@pytest.mark.parametrize("join", [plant.production, plant.treatment])
def test_an_unknown_machine_never_decides_what_knowing_it_could_refute(join: object) -> None:
    """If a line has a state while a machine is unknown, it has the same whatever that machine does."""
    for known in product((*State, None), repeat=2):
        answer = join((*known, None))  # type: ignore[operator]
        if answer is not None:
            assert {join((*known, state)) for state in State} == {answer}  # type: ignore[operator]
