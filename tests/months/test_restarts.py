"""A restart in the middle changes nothing: days full of cheats, lived through with and without restarts of the agent.

What may differ is written down here, and nothing else does:

- Stopped in order, for a moment: nothing but that moment, which counts in no hold: an alarm may be a minute late.
- Killed: what rules saw since their states were kept, up to five minutes, is gone: a window that was under way is late
  by so much, up to `LATER` minutes. Of a hold the time since an alarm was told last is gone: it may have to begin anew.
  So does the hour of a rule that wants one without any gap (`GAPLESS`). Whether production ran throughout the hour of
  the kill is not known, so rules about such hours leave it out (`WHOLE_HOURS`).
- Without power: besides that, nothing was read meanwhile. Rules that look at edges (`EDGES`) know none that nobody saw;
  Q7 tells the cut itself. The same other rules raise their alarms on the same day.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.rules.catalogue import BY_ID
from agent.rules.rule import SHARED
from config.load import load
from tests.months.cheats import CHEATS, SEED, declarations
from tests.months.errands import entries
from tests.months.house import Entry, House, Restart
from tests.months.plant import minutes
from tests.months.restless import DAY

if TYPE_CHECKING:
    from tests.months.house import Happening

DAYS = 4
MOMENTS = [(1, 13, 31), (1, 17, 3), (2, 0, 50), (2, 13, 21), (3, 13, 44), (3, 19, 8)]
"""Day, hour, minute: each in the middle of a cheat, a hold or a window."""
LATER = 10
GAPLESS = {"E9"}
WHOLE_HOURS = {"E1", "E4", "E6", "E8", "T20"}
EDGES = {"T2", "T3"}

pytestmark = pytest.mark.timeout(900)


@cache
def lived(kind: str) -> House:
    """Return the box after some days with restarts of this kind."""
    papers = [paper for cheat in CHEATS for paper in cheat.papers if paper.first < DAYS * DAY]
    errands: list[Entry | Restart] = [*entries([*papers, *declarations(SEED, DAYS)]), *restarts(kind)]
    site = load(Path(__file__).with_name("site.toml"))
    return House(site).run(minutes(SEED, DAYS, CHEATS), errands)


def restarts(kind: str) -> list[Restart]:
    """Return the restarts of a kind, at all the moments."""
    at = [day * DAY + hour * 60 + minute for day, hour, minute in MOMENTS]
    ways = {
        "none": [],
        "orderly": [Restart(one) for one in at],
        "kill": [Restart(one, orderly=False) for one in at],
        "power": [Restart(one, away_s=150, orderly=False, power=True) for one in at],
    }
    return ways[kind]


def conditions(house: House) -> list[tuple[str, str, int]]:
    """Return alarm, word and minute of what came and went, in this order, but what tells the restarts themselves."""
    words = ("raised", "cleared", "suppressed", "unsuppressed", "escalated")
    told = [(one.alarm, one.what, one.minute) for one in house.happenings if one.what in words and one.rule != "Q7"]
    return sorted(told)


def raised(house: House) -> list[Happening]:
    """Return what was raised, but what tells the restarts themselves."""
    return [one for one in house.happenings if one.what == "raised" and one.rule != "Q7"]


def raised_by_day(house: House) -> set[tuple[str, int]]:
    """Return alarms and the days they were raised on."""
    return {(one.alarm, one.day) for one in raised(house)}


def test_stopping_in_order_changes_nothing() -> None:
    """The same alarms come, go and escalate, a minute later at most; and the chain says nothing of rules begun anew."""
    plain, stopped = lived("none"), lived("orderly")
    before, after = conditions(plain), conditions(stopped)

    assert [one[:2] for one in after] == [one[:2] for one in before]
    assert {later[2] - sooner[2] for sooner, later in zip(before, after, strict=True)} <= {0, 1}
    assert len(raised(plain)) > 20
    assert {draft["event"] for _, draft in stopped.events} == {draft["event"] for _, draft in plain.events}


def test_a_kill_costs_minutes() -> None:
    """Every alarm comes, later by some minutes and its hold at most, and no other."""
    plain, killed = lived("none"), lived("kill")
    again = raised(killed)

    missing = [
        one
        for one in raised(plain)
        if one.rule not in WHOLE_HOURS
        and not any(0 <= other.minute - one.minute <= later(one.rule) for other in again if other.alarm == one.alarm)
    ]
    assert missing == []
    assert raised_by_day(killed) <= raised_by_day(plain)


def later(rule: str) -> int:
    """Return how many minutes later an alarm may come after a kill."""
    hold = BY_ID[rule].params.get("hold", SHARED["hold"]).default
    assert isinstance(hold, float)
    return round(hold / 60) + LATER + (60 if rule in GAPLESS else 0)


def test_a_power_cut_hides_no_cheat() -> None:
    """Every alarm of a day comes on that day, but for edges in the dark and hours that were not whole; and no other."""
    plain, cut = raised_by_day(lived("none")), raised_by_day(lived("power"))

    assert {alarm for alarm, _ in plain - cut if alarm.split(".")[1] not in {*EDGES, *WHOLE_HOURS}} == set()
    assert cut <= plain
