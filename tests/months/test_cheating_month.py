"""A month with one cheat or violation of every kind: each raises the rules it is meant to raise, with its evidence.

Between them the cheats cover all hundred rules. The box is stopped, killed and left without power on the way: what
rules have learnt of the plant in three weeks must not be lost by it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.rules.catalogue import RULES
from config.load import load
from tests.months.cheats import CHEATS, SEED, declarations, on
from tests.months.errands import entries
from tests.months.house import Change, House, Restart
from tests.months.plant import minutes
from tests.months.restless import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.months.cheats import Cheat
    from tests.months.house import Batch, Entry, Happening

DAYS = 32
"""The last cheat is on day 29; two days for alarms to clear in."""
LIFE = 'life    = "24000h"'
"""Of the catalyst: what the site file says."""
WORN_OUT = 'life    = "120h"'
"""What these 32 days wear out."""
SOONER = '[[rule]]\nid = "P3"\nhold = "18h"\n'
"""P3 speaks of a new habit, after three days of it; here a day must do."""

pytestmark = pytest.mark.timeout(900)


def at(day: int, hour: int, minute: int = 0) -> int:
    """Return a minute of the month."""
    return day * DAY + hour * 60 + minute


BOX = (
    ("host clock put wrong", "Q5", on(5), (Change(at(5, 10), {"clock_s": 45.0}), Change(at(5, 11), {"clock_s": 0.0}))),
    ("power cut", "Q7", on(5), (Restart(at(5, 13, 17), away_s=240, orderly=False, power=True),)),
    ("site file changed", "Q8", on(6), (Change(at(6, 10), {"changes": 1.0}),)),
    ("network cut", "Q10", on(6), (Change(at(6, 11), {"backlog_s": 90_000.0}), Change(at(6, 15), {"backlog_s": 0.0}))),
    ("dates set back", "Q6", on(13), ()),
    ("catalyst never changed", "T23", range(10, DAYS), ()),
)
"""What no scan of the plant shows: name, rule, days, and what happens to the box."""
RESTARTS = (
    Restart(at(12, 3, 30), away_s=5),
    Restart(at(17, 14, 20), away_s=5, orderly=False),
    Restart(at(20, 20), away_s=5),
)
ENDURING = {
    "E5": "the year's mass stays over the permit",
    "E22": "flags are counted over a month",
    "T23": "the catalyst stays old",
}
"""Alarms that do not clear within the month, and why."""
LATE = {"P3": 3, "E6": 2, "E8": 2, "E19": 1, "E22": 1, "Q2": 3}
"""Days after the last day of its cheat until which a rule over long windows may take to say so; of others, one."""


def set_back(month: Iterator[Batch]) -> Iterator[Batch]:
    """Yield the month with the dates of the logger's answers an hour back, from the noon of day 13 on for two hours."""
    for number, (wall_ms, mono_ns, scans) in enumerate(month):
        if at(13, 12) <= number < at(13, 14):
            moved = [replace(one, wall_ms=one.wall_ms - 3_600_000) if one.device == "logger" else one for one in scans]
            yield wall_ms, mono_ns, moved
        else:
            yield wall_ms, mono_ns, scans


def errands() -> list[Entry | Change | Restart]:
    """Return what people enter and what happens to the box."""
    papers = [paper for cheat in CHEATS for paper in cheat.papers]
    of_box = [errand for *_, some in BOX for errand in some]
    return [*entries([*papers, *declarations(SEED, DAYS)]), *of_box, *RESTARTS]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The box after the month."""
    text = Path(__file__).with_name("site.toml").read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("months") / "site.toml"
    path.write_text(f"{text.replace(LIFE, WORN_OUT)}\n{SOONER}", encoding="utf-8")
    return House(load(path)).run(set_back(minutes(SEED, DAYS, CHEATS)), errands())


def raisings(month: House, rule: str, days: range) -> list[Happening]:
    """Return what raised a rule on these days, or as long after them as it may take."""
    until = days.stop + LATE.get(rule, 1)
    told = (one for one in month.happenings if one.rule == rule and one.what == "raised")
    return [one for one in told if days.start <= one.day < until]


def clears(month: House, raised: Happening) -> bool:
    """Whether an alarm cleared again."""
    later = (one for one in month.happenings if one.alarm == raised.alarm and one.minute >= raised.minute)
    return any(one.what == "cleared" for one in later)


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.name)
def test_a_cheat_raises_its_rules_and_they_clear(month: House, cheat: Cheat) -> None:
    """Each of its rules, on its days, with the values it rests on; and the alarm goes when the cheat has ended."""
    for rule in sorted(cheat.rules):
        found = raisings(month, rule, cheat.days)
        assert found, f"{rule} was not raised"
        assert found[0].evidence["values"], rule
        assert rule in ENDURING or clears(month, found[0]), f"{rule} was not cleared"


@pytest.mark.parametrize(("rule", "days"), [(rule, days) for _, rule, days, _ in BOX], ids=[name for name, *_ in BOX])
def test_what_happens_to_the_box_raises_its_rule(month: House, rule: str, days: range) -> None:
    """Clocks, restarts, the site file, the way to the platform, dates and wear: as the plant's cheats."""
    found = raisings(month, rule, days)

    assert found
    assert found[0].evidence["values"]
    assert rule in ENDURING or clears(month, found[0])


def test_together_they_cover_the_catalogue(month: House) -> None:
    """Every rule is meant by some cheat and was raised in the month: there is none that nobody has ever seen fire."""
    meant = {rule for cheat in CHEATS for rule in cheat.rules} | {rule for _, rule, *_ in BOX}
    raised = {one.rule for one in month.happenings if one.what == "raised"}

    assert sorted({rule.id for rule in RULES} - meant) == []
    assert sorted(meant - raised) == []


def test_no_restart_makes_a_rule_begin_anew(month: House) -> None:
    """Nothing that was learnt is lost on the way, and no rule fails by a mistake of ours."""
    said = {draft["event"] for _, draft in month.events}

    assert said.isdisjoint({"rule-state-lost", "rules-begin-anew", "alarm-state-lost", "book-lost"})
    assert month.failures == 0
