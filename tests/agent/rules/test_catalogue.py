"""agent.rules.catalogue: a hundred rules, complete, and documented."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from agent.rules.binding import FINDERS
from agent.rules.catalogue import BY_ID, OF_GROUP, RULES
from agent.rules.document import document
from agent.rules.parameters import params_of
from agent.rules.quantity import quantities
from agent.rules.rule import SHARED, Group, Rule, Scope
from config.quantities import FACILITY, OUTLET

ROOT = Path(__file__).parents[3]
COUNTS = {"P": 14, "T": 24, "E": 28, "W": 12, "Q": 12, "R": 10}
each = pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])

STATED = {"power", "current", "running", "o2", "concentration", "converted_told", "inlet_concentration", "second"}
OF_SITE = {"power_good", "instrument_clock"}


def test_there_are_a_hundred_and_each_has_its_place() -> None:
    """Ids are those of the catalogue, in its order, each once."""
    assert [rule.id for rule in RULES] == [f"{letter}{n + 1}" for letter, count in COUNTS.items() for n in range(count)]
    assert len(BY_ID) == 100


@pytest.mark.parametrize("group", Group)
def test_a_group_holds_its_own(group: Group) -> None:
    """The letter of an id is that of its group."""
    assert {(rule.group, rule.id[0]) for rule in OF_GROUP[group]} == {(group, group.letter)}


def test_no_two_rules_say_the_same() -> None:
    """Names, meanings and advice are each rule's own, in both languages."""
    for texts in (
        [rule.name.zh for rule in RULES],
        [rule.name.en for rule in RULES],
        [rule.means.zh for rule in RULES],
        [rule.means.en for rule in RULES],
        [rule.check.zh for rule in RULES],
        [rule.check.en for rule in RULES],
    ):
        assert [text for text, count in Counter(texts).items() if count > 1 or len(text) < 2] == []


@each
def test_every_parameter_says_what_it_is_and_where_it_comes_from(rule: Rule) -> None:
    """A number without a source would pass for a requirement."""
    for name, param in rule.params.items():
        assert param.says or name in SHARED, name
        assert param.source in "CKIRP"
        assert param.unit != "s" or isinstance(param.default, float | int), name


@each
def test_everything_it_reads_can_be_had_somewhere(rule: Rule) -> None:
    """A read is reckoned by the agent, stated in the site file, or a point that devices are known to have."""
    known = set(FINDERS) | set(FACILITY) | set(OUTLET) | STATED | OF_SITE

    assert {read.quantity.name for read in rule.reads} <= known & set(quantities())


@each
def test_its_words_are_worth_reading(rule: Rule) -> None:
    """A person at the plant gets a sentence on what it means and one on what to do, and no claim of falsification."""
    for text in (rule.means, rule.check):
        assert len(text.zh) >= 10
        assert len(text.en) >= 20
        assert text.en[0].isupper()
    assert "falsif" not in (rule.means.en + rule.check.en).lower()


@each
def test_what_mutes_it_is_in_the_catalogue(rule: Rule) -> None:
    """A stronger rule is another one, and there are no circles of two."""
    for stronger in rule.muted.rules:
        assert stronger in BY_ID
        assert stronger != rule.id
        assert rule.id not in BY_ID[stronger].muted.rules


@each
def test_the_shared_parameters_are_all_there(rule: Rule) -> None:
    """Whatever a rule declares, it can be held, cleared, escalated, reminded of and given a priority."""
    assert set(params_of(rule)) >= set(SHARED)
    assert isinstance(rule.over, Scope)


def test_the_page_is_that_of_the_declarations() -> None:
    """docs/rules.md is generated: ``python -m agent.rules.document docs/rules.md``."""
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == document()
