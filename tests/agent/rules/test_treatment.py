"""The rules about treatment, T1 to T24: a table of stories for each, and what they do not judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from agent.rules import treatment
from agent.rules.furnace import LowBlocks
from tests.agent.rules.rig import IDLE, OFF, RUN, Cases, EachRule, Rig, moment, row, wave

if TYPE_CHECKING:
    from agent.rules.rule import Rule

T = {rule.id: rule for rule in treatment.RULES}

COARSE_S = 240
"""Rules with a baseline of fifteen days see a minute in four here."""
SCR, FGD, BAG, ESP = ({"type": name} for name in ("scr", "fgd", "bag", "esp"))
BURNING = (0, 0, 0, RUN)
"""No mark of an incinerator, and it runs."""
BURST = (row("5m", *BURNING, 845.0), row("10m", *BURNING, 900.0))
"""One five-minute mean below 850 C, too short for the hold."""


class TestTreatment(EachRule):
    """Fires, keeps still at the border, clears, freezes on unknown, survives a restart; each parameter matters."""

    rules: ClassVar[tuple[Rule, ...]] = treatment.RULES
    table: ClassVar[tuple[Cases, ...]] = (
        Cases(
            rule=T["T1"],
            fires=(row("6m", RUN, OFF),),
            border=(row("5m", RUN, OFF),),
            clears=(row("2m", RUN, RUN),),
            unknown=(row("1h", RUN, None),),
            quiet={"grace": 600.0},
            loud={"grace": 120.0},
        ),
        Cases(
            rule=T["T1"],
            name="between-states",
            fires=(row("3m", RUN, OFF), row("1h", None, OFF), row("3m", RUN, OFF)),
            border=(row("4m", RUN, OFF), row("20s", RUN, IDLE), row("4m", RUN, OFF)),
            clears=(row("2m", OFF, OFF),),
            unknown=(row("1h", None, OFF),),
        ),
        Cases(
            rule=T["T2"],
            lead=(row("5m", OFF, OFF),),
            fires=(row("6m", RUN, OFF),),
            border=(row("5m", RUN, OFF), row("20s", RUN, RUN)),
            clears=(row("12m", RUN, RUN),),
            unknown=(row("1h", RUN, None),),
            quiet={"lag": 600.0},
            loud={"lag": 120.0},
        ),
        Cases(
            rule=T["T3"],
            lead=(row("5m", RUN, RUN),),
            fires=(row("2m", RUN, OFF),),
            border=(row("10m", OFF, RUN), row("2m", OFF, OFF)),
            clears=(row("12m", OFF, OFF),),
            unknown=(row("1h", None, OFF),),
            loud={"tail": 900.0},
        ),
        Cases(
            rule=T["T3"],
            name="short-tail",
            lead=(row("5m", RUN, RUN),),
            fires=(row("5m", OFF, RUN), row("2m", OFF, OFF)),
            border=(row("5m", OFF, RUN), row("20s", RUN, RUN), row("10m", OFF, RUN), row("2m", OFF, OFF)),
            clears=(row("12m", OFF, OFF),),
            unknown=(row("1h", None, OFF),),
            quiet={"tail": 240.0},
        ),
        Cases(
            rule=T["T4"],
            step_s=COARSE_S,
            lead=(row("15d", RUN, wave(20.0, 0.5), 80.0),),
            fires=(row("30m", RUN, 11.5, 80.0),),
            border=(row("2h", RUN, 12.5, 80.0),),
            clears=(row("30m", RUN, 20.0, 80.0),),
            unknown=(row("2h", RUN, None, 80.0),),
            quiet={"low": 0.5, "hold": 7200.0},
            loud={"low": 0.7},
        ),
        Cases(
            rule=T["T5"],
            fires=(row("16m", RUN, IDLE),),
            border=(row("15m", RUN, IDLE), row("20s", RUN, RUN)),
            clears=(row("2m", RUN, RUN),),
            unknown=(row("1h", RUN, None),),
            quiet={"hold": 1800.0},
            loud={"hold": 600.0},
        ),
        Cases(
            rule=T["T6"],
            name="power",
            step_s=COARSE_S,
            lead=(row("15d", RUN, wave(20.0, 0.2), None, 80.0),),
            fires=(row("30m", RUN, 9.9, None, 80.0),),
            border=(row("2h", RUN, 10.6, None, 80.0),),
            clears=(row("30m", RUN, 20.0, None, 80.0),),
            unknown=(row("2h", RUN, None, None, 80.0),),
            quiet={"speed": 0.7, "hold": 7200.0},
            loud={"speed": 0.85},
        ),
        Cases(
            rule=T["T6"],
            name="frequency",
            step_s=COARSE_S,
            lead=(row("15d", RUN, 20.0, wave(45.0, 0.1), 80.0),),
            fires=(row("30m", RUN, 20.0, 35.5, 80.0),),
            border=(row("2h", RUN, 20.0, 36.5, 80.0),),
            clears=(row("30m", RUN, 20.0, 45.0, 80.0),),
            unknown=(row("2h", RUN, None, None, 80.0),),
            quiet={"speed": 0.7, "hold": 7200.0},
            loud={"speed": 0.85},
        ),
        Cases(
            rule=T["T7"],
            facts={"rated_voltage": 220.0},
            fires=(row("2m", 5.0, 4.0, 6.0, 225.0),),
            border=(row("2m", 5.0, 22.5, 6.0, 225.0),),
            clears=(row("2m", 221.0, 220.0, 222.0, 225.0),),
            unknown=(row("1h", None, None, None, 225.0),),
            quiet={"dead": 0.02, "alive": 1.05, "hold": 600.0},
            loud={"dead": 0.2},
        ),
        Cases(
            rule=T["T7"],
            name="one-phase",
            facts={"rated_voltage": 220.0},
            fires=(row("2m", 5.0, None, None, 225.0),),
            border=(row("2m", 5.0, None, None, 170.0),),
            clears=(row("2m", 221.0, None, None, 225.0),),
            unknown=(row("1h", 5.0, None, None, None),),
            loud={"alive": 0.7},
        ),
        Cases(
            rule=T["T8"],
            lead=(row("20d", 36000.0, 100.0, 1000.0),),
            fires=(row("2d", 36000.0, 69.0, 1000.0),),
            border=(row("2d", 36000.0, 71.0, 1000.0),),
            clears=(row("3d", 36000.0, 100.0, 1000.0),),
            unknown=(row("3d", 36000.0, None, 1000.0),),
            quiet={"low": 0.6, "ran": 40000.0},
            loud={"low": 0.8},
        ),
        Cases(
            rule=T["T9"],
            lead=(row("10m", OFF, 0.0),),
            fires=(row("110m", RUN, wave(20.0, 0.04)),),
            border=(row("30m", RUN, wave(20.0, 1.0)), row("110m", RUN, 20.0)),
            clears=(row("2h", RUN, wave(20.0, 1.0)),),
            unknown=(row("3h", RUN, None),),
            quiet={"cv": 0.0005, "n": 119.0},
            loud={"window": 6000.0, "cv": 0.05},
        ),
        Cases(
            rule=T["T10"],
            fires=(row("6m", RUN, RUN, OFF),),
            border=(row("5m", RUN, RUN, OFF), row("20s", RUN, RUN, RUN)),
            clears=(row("2m", RUN, OFF, OFF),),
            unknown=(row("1h", RUN, RUN, None),),
            quiet={"hold": 600.0},
            loud={"hold": 60.0},
        ),
        Cases(
            rule=T["T11"],
            fires=(row("2m", RUN, 2.5, None),),
            border=(row("2m", RUN, 2.0, None),),
            clears=(row("2m", RUN, 0.0, None),),
            unknown=(row("1h", RUN, None, None),),
            quiet={"degrees": 5.0, "hold": 600.0},
            loud={"degrees": 1.0},
        ),
        Cases(
            rule=T["T11"],
            name="bit",
            fires=(row("2m", RUN, None, 1),),
            border=(row("2m", OFF, None, 1),),
            clears=(row("2m", RUN, None, 0),),
            unknown=(row("1h", None, None, 1),),
        ),
        Cases(
            rule=T["T12"],
            facts=FGD,
            fires=(row("35m", RUN, 4.9),),
            border=(row("2h", RUN, 5.0),),
            clears=(row("5m", RUN, 5.6),),
            unknown=(row("2h", RUN, None),),
            quiet={"low": 4.5, "hold": 7200.0},
            loud={"low": 5.1},
        ),
        Cases(
            rule=T["T12"],
            name="high",
            facts=FGD,
            fires=(row("35m", RUN, 6.3),),
            border=(row("2h", RUN, 6.2),),
            clears=(row("5m", OFF, 6.3),),
            unknown=(row("2h", None, 6.3),),
            quiet={"high": 7.0},
            loud={"high": 6.1},
        ),
        Cases(
            rule=T["T13"],
            facts=SCR,
            step_s=COARSE_S,
            lead=(row("15d", RUN, wave(8.0, 0.2), 80.0, 300.0),),
            fires=(row("30m", RUN, 3.9, 80.0, 300.0),),
            border=(row("2h", RUN, 4.1, 80.0, 300.0),),
            clears=(row("30m", RUN, 8.0, 80.0, 300.0),),
            unknown=(row("2h", RUN, None, 80.0, 300.0),),
            quiet={"away": 0.6, "hold": 7200.0, "settle": 1e7},
            loud={"away": 0.4},
        ),
        Cases(
            rule=T["T13"],
            name="nothing-fed",
            facts=SCR,
            params={"limit": 50.0},
            fires=(row("20m", RUN, 0.0, 80.0, 70.0),),
            border=(row("1h", RUN, 0.0, 80.0, 60.0), row("1h", RUN, 0.1, 80.0, 70.0)),
            clears=(row("5m", RUN, 5.0, 80.0, 70.0),),
            unknown=(row("2h", RUN, None, 80.0, None),),
            quiet={"limit": 100.0, "needed": 2.0},
            loud={"limit": 45.0, "needed": 1.1, "none": 0.2},
        ),
        Cases(
            rule=T["T14"],
            facts=BAG,
            fires=(row("12m", RUN, 480.0),),
            border=(row("1h", RUN, 500.0),),
            clears=(row("5m", RUN, 1200.0),),
            unknown=(row("1h", RUN, None),),
            quiet={"low": 400.0, "hold": 3600.0},
            loud={"low": 600.0},
        ),
        Cases(
            rule=T["T14"],
            name="high",
            facts=BAG,
            fires=(row("12m", RUN, 2010.0),),
            border=(row("1h", RUN, 2000.0), row("1h", OFF, 0.0)),
            clears=(row("5m", OFF, 0.0),),
            unknown=(row("1h", None, 2010.0),),
            quiet={"high": 2500.0},
            loud={"high": 1800.0},
        ),
        Cases(
            rule=T["T15"],
            facts=ESP,
            fires=(row("12m", RUN, (25.0, 28.0, 60.0), None),),
            border=(row("1h", RUN, (25.0, 30.0, 60.0), None),),
            clears=(row("5m", RUN, (55.0, 50.0, 60.0), None),),
            unknown=(row("1h", RUN, (None, None, None), None),),
            quiet={"voltage": 20.0, "fields": 2.0, "hold": 3600.0},
            loud={"voltage": 31.0, "fields": 0.0},
        ),
        Cases(
            rule=T["T15"],
            name="current",
            facts=ESP,
            params={"rated": 800.0},
            fires=(row("12m", RUN, (60.0, 60.0, 60.0), (70.0, 75.0, 400.0)),),
            border=(row("1h", RUN, (60.0, 60.0, 60.0), (70.0, 80.0, 400.0)),),
            clears=(row("5m", RUN, (60.0, 60.0, 60.0), (300.0, 310.0, 400.0)),),
            unknown=(row("1h", RUN, (60.0, 60.0, 60.0), (None, None, 400.0)),),
            quiet={"rated": 400.0, "current": 0.05},
            loud={"rated": 900.0, "current": 0.2},
        ),
        Cases(
            rule=T["T16"],
            name="thermal",
            facts={"type": "rto"},
            fires=(row("12m", RUN, 755.0),),
            border=(row("1h", RUN, 760.0),),
            clears=(row("5m", RUN, 810.0),),
            unknown=(row("1h", RUN, None),),
            quiet={"rto": 700.0, "hold": 3600.0},
            loud={"rto": 770.0},
        ),
        Cases(
            rule=T["T16"],
            name="catalytic",
            facts={"type": "rco"},
            fires=(row("12m", RUN, 295.0),),
            border=(row("1h", RUN, 300.0),),
            clears=(row("5m", OFF, 200.0),),
            unknown=(row("1h", RUN, None),),
            quiet={"rco": 280.0},
            loud={"rco": 310.0},
        ),
        Cases(
            rule=T["T17"],
            lead=(row("10m", *BURNING, 900.0),),
            fires=(row("10m", *BURNING, 845.0),),
            border=(row("30m", *BURNING, 850.0),),
            clears=(row("15m", *BURNING, 900.0),),
            unknown=(row("1h", *BURNING, None),),
            quiet={"low": 840.0},
            loud={"low": 860.0},
        ),
        Cases(
            rule=T["T17"],
            name="more-than-five-a-day",
            start="2026-03-02 21:00",
            params={"hold": 900.0},
            lead=(row("15m", *BURNING, 900.0),),
            fires=(*BURST * 6, row("20m", *BURNING, 900.0)),
            border=(*BURST * 5, row("20m", *BURNING, 900.0)),
            clears=(row("2h", *BURNING, 900.0),),
            unknown=(row("15m", 0, 0, 0, RUN, None),),
            quiet={"times": 10.0},
            loud={"times": 3.0},
        ),
        Cases(
            rule=T["T17"],
            name="hot",
            lead=(row("10m", *BURNING, 900.0),),
            fires=(row("40m", *BURNING, 1210.0),),
            border=(row("30m", *BURNING, 1210.0),),
            clears=(row("15m", *BURNING, 900.0),),
            unknown=(row("1h", *BURNING, None),),
            quiet={"high": 1250.0, "high_for": 7200.0},
            loud={"high_for": 600.0},
        ),
        Cases(
            rule=T["T17"],
            name="too-hot",
            lead=(row("10m", *BURNING, 900.0),),
            fires=(row("10m", *BURNING, 1310.0),),
            border=(row("10m", *BURNING, 1290.0),),
            clears=(row("15m", *BURNING, 900.0),),
            unknown=(row("1h", *BURNING, None),),
            quiet={"too_high": 1400.0},
            loud={"too_high": 1250.0},
        ),
        Cases(
            rule=T["T18"],
            name="cold",
            facts=SCR,
            fires=(row("12m", RUN, 270.0, 5.0),),
            border=(row("1h", RUN, 280.0, 5.0),),
            clears=(row("5m", RUN, 270.0, 0.0),),
            unknown=(row("1h", RUN, None, 5.0),),
            quiet={"cold": 250.0, "feeding": 6.0, "hold": 3600.0},
            loud={"cold": 290.0},
        ),
        Cases(
            rule=T["T18"],
            name="hot",
            facts=SCR,
            fires=(row("12m", RUN, 330.0, 0.0),),
            border=(row("1h", RUN, 320.0, 0.0), row("1h", OFF, 330.0, 0.0)),
            clears=(row("5m", RUN, 330.0, 5.0),),
            unknown=(row("1h", RUN, 330.0, None),),
            quiet={"hot": 350.0},
            loud={"hot": 310.0},
        ),
        Cases(
            rule=T["T19"],
            fires=(row("35m", 2.4),),
            border=(row("2h", 2.3),),
            clears=(row("5m", 1.0),),
            unknown=(row("2h", None),),
            quiet={"high": 3.0, "hold": 7200.0},
            loud={"high": 2.0},
        ),
        Cases(
            rule=T["T20"],
            facts={"design_removal": 90.0},
            fires=(row("3h", 3600.0, 1000.0, 260.0),),
            border=(row("5h", 3600.0, 1000.0, 250.0),),
            clears=(row("2h", 3600.0, 1000.0, 100.0),),
            unknown=(row("5h", 3600.0, None, 260.0),),
            quiet={"below": 20.0, "inlet": 2000.0, "ran": 3600.0, "hold": 36000.0},
            loud={"below": 10.0},
        ),
        Cases(
            rule=T["T20"],
            name="too-good",
            facts={"design_removal": 90.0},
            fires=(row("3h", 3600.0, 1000.0, 0.4),),
            border=(row("5h", 3600.0, 1000.0, 0.6),),
            clears=(row("2h", 1800.0, 1000.0, 0.4),),
            unknown=(row("5h", None, 1000.0, 0.4),),
            quiet={"above": 99.99},
            loud={"above": 99.9},
        ),
        Cases(
            rule=T["T21"],
            name="signal",
            step_s=60,
            fires=(row("5h", RUN, 0, 1),),
            border=(row("4h", RUN, 0, 1), row("2m", RUN, 0, 0)),
            clears=(row("5m", OFF, 0, 1),),
            unknown=(row("5h", RUN, 0, None),),
            quiet={"hold": 36000.0},
            loud={"hold": 3600.0},
        ),
        Cases(
            rule=T["T21"],
            name="mark",
            step_s=60,
            fires=(row("5h", RUN, 1, None),),
            border=(row("4h", RUN, 1, None), row("2m", RUN, 0, None)),
            clears=(row("5m", RUN, 0, None),),
            unknown=(row("5h", None, 1, None),),
        ),
        Cases(
            rule=T["T22"],
            fires=(row("12m", (RUN, OFF, RUN)),),
            border=(row("10m", (RUN, OFF, RUN)), row("20s", (RUN, RUN, IDLE))),
            clears=(row("5m", (OFF, OFF, OFF)),),
            unknown=(row("1h", (RUN, None, RUN)),),
            quiet={"hold": 3600.0},
            loud={"hold": 300.0},
        ),
        Cases(
            rule=T["T23"],
            facts={"life_hours": 1000.0},
            fires=(row("2h", 1000.5),),
            border=(row("5h", 1000.0),),
            clears=(row("2h", 3.0),),
            unknown=(row("5h", None),),
            quiet={"share": 1.1},
            loud={"share": 0.9},
        ),
        Cases(
            rule=T["T24"],
            fires=(row("2d", 33000.0, 36000.0),),
            border=(row("2d", 34300.0, 36000.0),),
            clears=(row("2d", 36000.0, 36000.0),),
            unknown=(row("3d", None, 36000.0),),
            quiet={"low": 0.9, "ran": 40000.0},
            loud={"low": 0.99},
        ),
    )


STANDING: tuple[tuple[str, dict[str, Any], tuple[Any, ...]], ...] = (
    ("T1", {}, (OFF, OFF)),
    ("T1", {}, (IDLE, OFF)),
    ("T2", {}, (OFF, OFF)),
    ("T4", {}, (OFF, 0.0, 0.0)),
    ("T5", {}, (OFF, IDLE)),
    ("T6", {}, (OFF, 0.0, 0.0, 0.0)),
    ("T9", {}, (OFF, 0.0)),
    ("T10", {}, (OFF, RUN, OFF)),
    ("T11", {}, (OFF, 90.0, 1)),
    ("T12", {}, (OFF, 2.0)),
    ("T13", {}, (OFF, 0.0, 0.0, 500.0)),
    ("T14", {}, (OFF, 0.0)),
    ("T15", {}, (OFF, (0.0, 0.0), (0.0, 0.0))),
    ("T16", {"type": "rto"}, (OFF, 20.0)),
    ("T17", {}, (0, 0, 0, OFF, 20.0)),
    ("T18", {}, (OFF, 350.0, 0.0)),
    ("T20", {"design_removal": 90.0}, (0.0, 0.0, 0.0)),
    ("T21", {}, (OFF, 1, 1)),
)


@pytest.mark.parametrize(("rule", "facts", "given"), STANDING)
def test_nothing_is_judged_while_production_stands(rule: str, facts: dict[str, Any], given: tuple[Any, ...]) -> None:
    """A plant at rest is known to be in order, whatever its instruments show meanwhile."""
    rig = Rig(T[rule], facts, step_s=3600)
    rig.feed(row("2d", *given))
    assert set(rig.answers) == {False}


def test_nothing_fed_into_a_cold_catalyst_is_no_alarm() -> None:
    """Half an hour from the start of production on, feed per load is not known; after that it is judged again."""
    rig = Rig(T["T13"])
    for _ in range(15):
        rig.feed(row("1h", OFF, 0.0, 0.0, 20.0), row("30m", RUN, 0.0, 80.0, 300.0), row("2h", RUN, 8.0, 80.0, 300.0))
        rig.feed(row("1230m", OFF, 0.0, 0.0, 20.0))
    assert True not in rig.answers
    rig.feed(row("31m", RUN, 0.0, 80.0, 300.0))
    assert rig.answers[-2:] == [None, True]


@pytest.mark.parametrize("marks", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_marked_minutes_of_an_incinerator_are_not_counted(marks: tuple[int, int, int]) -> None:
    """Five-minute means during a marked start, stop, rest or fault are no low temperatures."""
    rig = Rig(T["T17"])
    rig.feed(row("2h", *marks, RUN, 400.0), row("1h", *BURNING, 900.0))
    assert True not in rig.answers


def test_a_baseline_is_not_taught_by_production_at_rest() -> None:
    """Nights with everything off do not lower what is usual for the treatment."""
    rig = Rig(T["T4"], step_s=COARSE_S)
    for _ in range(16):
        rig.feed(row("8h", RUN, 20.0, 80.0), row("16h", OFF, 1.0, 0.0))
    rig.feed(row("30m", RUN, 11.0, 80.0))
    assert rig.changes == ["raised"]


def test_a_day_with_hardly_any_production_teaches_nothing() -> None:
    """The ratio of a Sunday's standby is not what is usual."""
    rig = Rig(T["T8"])
    for _ in range(4):
        rig.feed(row("5d", 36000.0, 100.0, 1000.0), row("2d", 600.0, 20.0, 5.0))
    assert rig.changes == []
    rig.feed(row("1d", 36000.0, 65.0, 1000.0))
    assert rig.changes == ["raised"]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ({0: 840.0, 1: 840.0, 2: 840.0, 3: 840.0, 4: 840.0}, 1),
        ({0: 840.0, 1: 840.0, 2: 840.0, 3: 840.0, 4: 900.0}, 0),
        ({0: 840.0, 1: 840.0, 2: 840.0, 4: 840.0}, 1),
        ({0: 840.0, 1: 840.0, 4: 840.0}, 0),
        ({2: 840.0, 3: 840.0, 4: 840.0, 5: 840.0, 6: 840.0, 7: 900.0, 8: 900.0, 9: 900.0}, 0),
        (dict.fromkeys(range(60), 840.0), 12),
    ],
)
def test_five_minute_means_are_by_the_clock(minutes: dict[int, float], expected: int) -> None:
    """A mean counts when it is low over one block of the clock with at least four known minutes."""
    blocks = LowBlocks(low=850.0, more_than=100)
    for at in range(60):
        blocks.update(moment("2026-03-02 06:00", at * 60), minutes.get(at))
    assert blocks.evidence()["count"] == expected


def test_five_minute_means_begin_anew_at_midnight_and_need_a_calendar() -> None:
    """The count is of a local day; without a calendar there is none."""
    blocks = LowBlocks(low=850.0, more_than=0)
    answers = [blocks.update(moment("2026-03-02 23:55", at * 60), 840.0) for at in range(6)]
    assert answers == [False, False, False, False, True, False]
    assert Rig(T["T17"]).feed(row("20m", *BURNING, 900.0), timeless=True) is None
