"""A month of a plant that does as it should: a hundred rules look at it, and none of those that flag cheating fires."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from config.load import load
from tests.months.cheats import declarations
from tests.months.errands import entries
from tests.months.house import House
from tests.months.normal import FALSIFICATION, outside_targets
from tests.months.plant import minutes

DAYS = 30
SEED = 7
"""Not the seed that plant and cheats were laid out with."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def month() -> House:
    """The box after the month."""
    house = House(load(Path(__file__).with_name("site.toml")))
    return house.run(minutes(SEED, DAYS), entries(declarations(SEED, DAYS)))


def raised(house: House) -> Counter[str]:
    """Return how often each rule was raised or kept still by design."""
    return Counter(one.rule for one in house.happenings if one.what in ("raised", "suppressed"))


def test_every_rule_is_at_work_and_none_fails(month: House) -> None:
    """All hundred are bound to the plant, none fails by a mistake of ours, and none waits for history any more."""
    rules = month.judgement.rules()

    assert len(rules) == 100
    assert [rule["rule"] for rule in rules if not rule["active"]] == []
    assert month.failures == 0


def test_no_rule_flags_cheating(month: House) -> None:
    """None of the falsification rules fires once, not even suppressed."""
    assert {rule: count for rule, count in raised(month).items() if rule in FALSIFICATION} == {}


def test_the_alarm_load_is_inside_its_targets(month: House) -> None:
    """Annunciated alarms, floods, peaks, stale and chattering ones: as the standard practice wants them."""
    figures = month.judgement.alarms.figures()

    assert figures["observed_h"] == pytest.approx(24 * DAYS, abs=0.1)
    assert outside_targets(figures) == {}


def test_the_plant_is_nearly_silent(month: House) -> None:
    """What else is raised is known by name: nothing."""
    assert raised(month) == {}
