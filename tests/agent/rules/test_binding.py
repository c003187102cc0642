"""agent.rules.binding, parameters and listing: which rules apply to a site, and why the others do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import pytest
from typer.testing import CliRunner

from agent.cli.main import application
from agent.rules.binding import PACK_OFF, SWITCHED_OFF, bound, problems
from agent.rules.catalogue import BY_ID, RULES
from agent.rules.listing import listing
from agent.rules.parameters import values
from config.site import RuleChange, Text
from tests.agent.rules.described import TWO_METERS, WORKS, site

if TYPE_CHECKING:
    from pathlib import Path

    from agent.rules.binding import Bound

APPLIES_TO_ALL = ("P1", "T1", "T2", "T3", "W2", "W3", "W7", "Q1", "Q2", "Q3", "Q6", "Q7", "R1", "R4", "R5")


def active(found: Bound) -> dict[str, list[str]]:
    """Return the objects that each rule is active on, by rule."""
    return {row["rule"]: row["active"] for row in listing(found, {}) if row["active"]}


def test_two_facilities_and_a_line_have_twenty_rules_working(tmp_path: Path) -> None:
    """The design's promise to installers, with two common meters and nothing else said."""
    found = active(bound(site(tmp_path, TWO_METERS)))

    assert len(found) >= 40
    assert set(APPLIES_TO_ALL) <= set(found)
    assert found["T1"] == ["paint/fan-1"]
    assert found["W3"] == ["press-1", "fan-1"]
    assert found["Q1"] == ["press-meter", "fan-meter"]


def test_every_binding_of_the_works_can_be_built(tmp_path: Path) -> None:
    """What binds has all that its evaluator is made from, and an alarm with an id and words of its own."""
    found = bound(site(tmp_path))
    definitions = found.definitions()

    assert len(definitions) == len(found.bindings) > 60
    assert len({one.id for one in definitions}) == len(definitions)
    assert {one.place.key for one in found.bindings if one.rule.id == "E1"} == {"stack-1/a21026"}
    for binding in found.bindings:
        assert binding.evaluator().ready_in_s() >= 0
        assert len(binding.sources) == len(binding.rule.reads)


def test_every_rule_either_applies_or_says_what_is_missing(tmp_path: Path) -> None:
    """The listing leaves no rule without a word, in both languages."""
    rows = listing(bound(site(tmp_path)), {})

    assert [row["rule"] for row in rows] == [rule.id for rule in RULES]
    for row in rows:
        reasons = [*row["missing"].values(), list(row["unfit"].values()), [row["off"]] if row["off"] else []]
        assert row["active"] or any(reasons), row["rule"]
        assert all(text["zh"] and text["en"] for texts in reasons for text in texts)
        assert not set(row["active"]) & set(row["missing"])


@pytest.mark.parametrize(
    ("rule", "key", "missing"),
    [
        ("P7", "paint", "permitted energy of a day"),
        ("P9", "paint", "states along the process chain"),
        ("W1", "site", "energy of the main meter"),
        ("E25", "stack-1/a21026", "concentration by a second source"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, rule: str, key: str, missing: str) -> None:
    """An installer reads which input to add."""
    row = next(row for row in listing(bound(site(tmp_path)), {}) if row["rule"] == rule)

    assert missing in [text["en"] for text in row["missing"][key]]


def test_a_rule_for_another_type_of_facility_says_so(tmp_path: Path) -> None:
    """Nothing is missing that an installer could add."""
    row = next(row for row in listing(bound(site(tmp_path)), {}) if row["rule"] == "T12")

    assert "fan-1" not in row["missing"]
    assert row["unfit"]["fan-1"]["en"] == f"only for facilities of type {', '.join(BY_ID['T12'].types)}"


def test_a_pack_that_is_not_chosen_is_off(tmp_path: Path) -> None:
    """And none of its rules is bound."""
    found = bound(site(tmp_path, f'{WORKS}\n[rules]\npacks = ["production", "data"]\n'))

    assert {one.rule.group.value for one in found.bindings} == {"production", "data"}
    assert found.off["T1"] == PACK_OFF


def test_a_rule_can_be_switched_off_for_one_object(tmp_path: Path) -> None:
    """The others keep it."""
    text = f'{WORKS}\n[[rule]]\nid = "T1"\nfacility = "pump-1"\nenabled = false\n'
    found = bound(site(tmp_path, text))

    assert [one.place.key for one in found.bindings if one.rule.id == "T1"] == ["paint/fan-1"]
    assert [(one.missing, one.reason) for one in found.refusals if one.rule.id == "T1"] == [((), SWITCHED_OFF)]


def change(rule: str, enabled: bool = True, **members: Any) -> RuleChange:
    """Return a ``[[rule]]`` table."""
    objects = {key: members.pop(key, None) for key in ("line", "facility", "outlet")}
    return RuleChange(id=rule, enabled=enabled, params=members, **objects)


def test_the_more_specific_change_counts(tmp_path: Path) -> None:
    """Facility beats line, that beats everywhere; of equals, the later one; other parameters stay."""
    changes = (
        change("T1", facility="fan-1", hold="1m"),
        change("T1", line="paint", hold="2m", clear_hold="10s"),
        change("T1", hold="3m", remind="0s"),
        change("T1", line="other", hold="9m"),
        change("T2", hold="8m"),
    )
    places = bound(site(tmp_path)).world.places
    fan, pump = places.of(BY_ID["T1"].over)
    told = [values(BY_ID["T1"], place, changes) for place in (fan, pump)]

    assert [one["hold"] for one in told] == [60.0, 120.0]
    assert [one["clear_hold"] for one in told] == [10.0, 10.0]
    assert [one["remind"] for one in told] == [0.0, 0.0]
    assert told[0]["priority"] == BY_ID["T1"].priority


def test_parameters_reach_the_alarm(tmp_path: Path) -> None:
    """Holds, ladder, reminder and priority are those of the site file; 0 is never."""
    more = 'priority = "critical"\nhold = "3m"\nescalate_after = "0s"\nremind = "1h"\n'
    found = bound(site(tmp_path, f'{WORKS}\n[[rule]]\nid = "T1"\n{more}'))
    one = next(one for one in found.definitions() if one.id == "rule.T1.paint.fan-1")

    assert (one.priority, one.on_delay_ns, one.escalate_after_ns, one.remind_ns, one.group) == (
        "critical",
        180_000_000_000,
        None,
        3_600_000_000_000,
        "paint",
    )
    assert one.members == {"rule": "T1", "object": "paint/fan-1"}
    assert "fan-1" in one.text.en


@pytest.mark.parametrize(
    ("one", "key", "what", "hint"),
    [
        (change("T99"), "id", "no such rule", "T9"),
        (change("T1", holdd="3m"), "holdd", "no such parameter", "hold"),
        (change("T1", hold=3), "hold", "a duration needs a unit", '"3s"'),
        (change("T1", hold="3 min"), "hold", "not a duration", '"3m"'),
        (change("T1", priority="urgent"), "priority", "not a priority", "critical"),
        (change("P1", hours="10pm"), "hours", "not hours of the day", "22:00-06:00"),
        (change("P7", hours="after lunch"), "hours", "not hours of the day", "12:00-24:00"),
        (change("P1", hours=22), "hours", "must be a text", "22:00-06:00"),
        (change("P2", ratio="0.6"), "ratio", "must be a number", "0.6"),
        (change("P2", ratio=True), "ratio", "must be a number", "0.6"),
        (change("Q1", line="paint"), "line", "not one to change by line", "leave line out"),
        (change("E1", facility="fan-1"), "facility", "not one to change by facility", "leave facility out"),
        (change("P1", outlet="stack-1"), "outlet", "not one to change by outlet", "leave outlet out"),
        (change("T1", facility="press-1"), "facility", "of role treatment or combined", "another facility"),
    ],
    ids=lambda value: None if isinstance(value, RuleChange) else str(value).replace(" ", "-"),
)
def test_a_mistake_in_a_change_is_told_with_its_remedy(
    tmp_path: Path, one: RuleChange, key: str, what: str, hint: str
) -> None:
    """`check` names the table, the key, what is wrong and what to write."""
    found = problems((change("T1", hold="3m"), one), site(tmp_path).plant)

    assert [(wrong.number, wrong.key) for wrong in found] == [(1, key)]
    assert what in found[0].what
    assert hint in found[0].hint


def test_all_mistakes_are_told_at_once() -> None:
    """Also several of one table."""
    assert len(problems((change("T1", a=1, b=2, hold=3, facility="f"), change("X1")))) == 4


def test_what_was_refused_changes_nothing(tmp_path: Path) -> None:
    """A change that `problems` tells about leaves the default."""
    place = bound(site(tmp_path)).world.places.of(BY_ID["P2"].over)[0]

    assert values(BY_ID["P2"], place, (change("P2", ratio="a lot"),))["ratio"] == 0.6


# --- the verb --------------------------------------------------------------------------------------------------------


def run(*words: str) -> str:
    """Return what the verb prints."""
    result = CliRunner().invoke(application(["rules"]), ["rules", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_verb_lists_the_catalogue() -> None:
    """All hundred, in Chinese unless asked otherwise."""
    assert "夜间生产" in run()
    assert "night production" in run("--lang", "en")
    assert [row["rule"] for row in json.loads(run("--json"))] == [rule.id for rule in RULES]


def test_the_verb_says_what_applies_to_a_site(tmp_path: Path) -> None:
    """Active on what, not ready for how long, missing what; without a running agent."""
    path = str(site(tmp_path).path)
    told = run(path, "--lang", "en")

    assert "T1   treatment not on: paint/fan-1, paint/pump-1" in told
    assert "needs 15 days (paint)" in told
    assert "permitted energy of a day" in told
    rows = json.loads(run(path, "--json"))
    assert next(row for row in rows if row["rule"] == "T1")["active"] == ["paint/fan-1", "paint/pump-1"]


class Door:
    """The door of a running agent that has watched for ten days."""

    def __init__(self, state_dir: Path) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, words: dict[str, Any]) -> dict[str, Any]:
        """Answer that T4 needs four more days on one machine."""
        assert words == {"do": "rules"}
        return {"rules": [{"rule": "P3", "not_ready": {"paint": 4 * 86400.0}}]}


def test_a_running_agent_says_how_much_history_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is said of what it needed at its start."""
    monkeypatch.setattr("agent.cli.rules.Visit", Door)
    told = run(str(site(tmp_path).path), "--lang", "en")

    assert "of these not ready: 1\n" in told
    assert "P3   shift between day and night load: needs 4 days (paint)" in told


def test_a_mixed_text_is_in_one_language() -> None:
    """The Chinese list has no English heading, the English one no Chinese."""
    assert Text("已启用", "active").zh not in run("--lang", "en")
