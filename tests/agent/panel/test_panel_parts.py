"""Small pure parts of the overview and the alarms: drawings, refusals, figures against targets."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from agent.panel.diagram import drawings, others
from agent.panel.refusals import refused
from agent.panel.targets import TARGETS, rows
from agent.panel.words import LANGUAGES, Words
from tests.agent.panel.believable import FIGURES, SITE, both

WORDS = Words()


def test_a_line_is_drawn_from_production_to_outlet() -> None:
    """Machines stand in the order of the site file, each with its power; the outlet with each limit."""
    (line,) = drawings(SITE)
    assert [machine.name for machine in line.production] == ["press-1"]
    assert [(machine.name, machine.point, machine.unit) for machine in line.treatment] == [
        ("fan-1", "fan-1.power", "kW"),
        ("rto-1", "rto-1.power", "kW"),
    ]
    assert line.outlet is not None
    assert [(gauge.point, gauge.limit) for gauge in line.outlet.gauges] == [("cems-1.nmhc", 60.0)]


def test_a_gauge_shows_what_the_limit_is_about() -> None:
    """Where a concentration is converted, that is what stands beside the limit."""
    outlet = SITE["outlets"][0]
    factors = [outlet["factors"][0] | {"converted": "gas.nmhc"}]
    (line,) = drawings(SITE | {"outlets": [outlet | {"factors": factors}]})
    assert line.outlet is not None
    assert line.outlet.gauges[0].point == "gas.nmhc"


def test_what_stands_in_no_line_is_shown_apart() -> None:
    """A main meter is on the overview, too."""
    supply = {"name": "supply", "label": both("总进线", "Supply"), "role": "main", "power": None}
    found = others(SITE | {"facilities": [*SITE["facilities"], supply]})
    assert [machine.name for machine in found] == ["supply"]


def test_a_line_without_outlet_ends_at_its_treatment() -> None:
    """Not every line has a stack of its own."""
    (line,) = drawings(SITE | {"lines": [SITE["lines"][0] | {"outlet": None}]})
    assert line.outlet is None


@pytest.mark.parametrize(
    ("reason", "key", "fields"),
    [
        ("rule.T1.paint: it is acknowledged already", "alarms.refused.acknowledged", {}),
        ("rule.T1.paint: it can be shelved for 8 h at most", "alarms.refused.longest", {"hours": "8"}),
        ("x: it is out of service already, by wang", "alarms.refused.already_out", {"who": "wang"}),
        ("there is no alarm 'y'; did you mean 'x'?", "alarms.refused.unknown", {}),
        ("shelve it for some time", "alarms.refused.some_time", {}),
    ],
)
def test_refusals_are_told_in_the_viewers_language(reason: str, key: str, fields: dict[str, Any]) -> None:
    """What the agent refuses with is known to the panel, in both languages."""
    for language in LANGUAGES:
        say = partial(WORDS.said, language)
        assert refused(reason, say) == say(key, **fields)


def test_an_unknown_refusal_is_told_as_it_is() -> None:
    """New words of the agent are shown, not swallowed."""
    assert refused("the disk is full", partial(WORDS.said, "zh")) == "the disk is full"


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("per_hour", 6, "good"),
        ("per_hour", 6.1, "warn"),
        ("per_hour", 12.1, "bad"),
        ("stale_most", 4, "good"),
        ("stale_most", 5, "warn"),
        ("peak_10min", 11, "bad"),
        ("share_10min_above_10", None, "unknown"),
    ],
)
def test_a_figure_is_held_against_its_target(name: str, value: float | None, verdict: str) -> None:
    """Each row of the table is a figure and what is thought of it; one not known yet is not judged."""
    (row,) = [row for row in rows(FIGURES | {name: value}) if row.name == name]
    assert row.verdict == verdict


def test_shares_of_few_alarms_are_not_judged() -> None:
    """Of three alarms one is always a third: that says nothing about the system."""
    (row,) = [row for row in rows(FIGURES | {"annunciated": 3, "share_top": 1.0}) if row.name == "share_top"]
    assert row.verdict == "unknown"


def test_every_target_is_a_figure_of_the_agent() -> None:
    """Nothing is held against a target that the agent does not tell."""
    assert {target.name for target in TARGETS} <= FIGURES.keys()
