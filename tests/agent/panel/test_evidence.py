"""Evidence in words."""

from __future__ import annotations

from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.panel.evidence import Teller, points_of
from agent.panel.words import Words
from tests.agent.panel.believable import NOW_MS, ROWS, SITE

WORDS = Words()
TELLER = Teller(partial(WORDS.said, "en"), WORDS.texts, ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("name", "told", "expected"),
    [
        ("a limit", ROWS[1], [("Value", "52.3 mg/m3"), ("High limit", "50 mg/m3")]),
        ("states", {"evidence": {"states": [2, 0, None]}}, [("States", "running, off, —")]),
        ("a duration", {"evidence": {"for_s": 754}}, [("For", "12 min")]),
        ("a share", {"evidence": {"share": 0.125}}, [("Share", "12.5%")]),
        ("a bound of a rule", {"evidence": {"limit": 3.0}}, [("Limit", "3")]),
        ("a moment", {"evidence": {"due_ms": NOW_MS}}, [("Due", "2026-07-01 14:30")]),
        ("a word", {"evidence": {"now": "off"}}, [("Now", "off")]),
        ("yes", {"evidence": {"stopped_before": True}}, [("Stopped before", "yes")]),
        ("not known", {"evidence": {"value": None}}, [("Value", "—")]),
        ("parts", {"evidence": {"all": [{"value": 1}, {"not": {"value": 2}}]}}, [("Value", "1"), ("Value", "2")]),
        (
            "what a rule read, and its settings",
            {"evidence": {"values": {"production": 2, "state": 0}, "params": {"grace": 180.0, "share": 0.5}}},
            [("Production", "running"), ("State", "off"), ("Settings of the rule", "grace 180, share 50.0%")],
        ),
        ("a rule without settings", {"evidence": {"values": {}, "params": {}}}, []),
        ("a new name", {"evidence": {"zeal": 1.5}}, [("zeal", "1.5")]),
        ("nothing", {}, []),
    ],
)
def test_facts(name: str, told: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Each row of the table is an alarm's evidence and how it is told; nothing is hidden."""
    assert TELLER.facts(told) == expected, name


@pytest.mark.parametrize(
    ("name", "told", "expected"),
    [
        ("a limit has one point", {"device": "cems-1", "point": "nmhc"}, ["cems-1.nmhc"]),
        (
            "a line: its machines and its outlet",
            {"object": "paint"},
            ["press-1.power", "fan-1.power", "rto-1.power", "cems-1.nmhc"],
        ),
        ("a machine on a line: only the machine", {"object": "paint/fan-1"}, ["fan-1.power"]),
        ("an outlet", {"object": "stack-1"}, ["cems-1.nmhc"]),
        ("a factor", {"object": "stack-1/a24088"}, ["cems-1.nmhc"]),
        ("a device: its numbers", {"object": "cems-1"}, ["cems-1.nmhc", "cems-1.o2"]),
        ("the site", {"object": "site"}, []),
        ("a task", {"task": "7"}, []),
    ],
)
def test_points_to_look_at(name: str, told: dict[str, Any], expected: list[str]) -> None:
    """The chart of an alarm shows the points of what it is about."""
    assert points_of(told, SITE) == expected, name
