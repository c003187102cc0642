"""The rules of production, P1 to P14: each in stories, and the gates that keep ordinary work silent."""

from __future__ import annotations

from typing import ClassVar

from agent.rules.night import NightWork
from agent.rules.production import RULES
from tests.agent.rules.rig import IDLE, OFF, RUN, Cases, EachRule, by_hour, by_id, moment, row, timeless, wave

BY_ID = by_id(RULES)
RATED = {"rated": 100.0}
DAY_SHIFT = by_hour("6-22", 80.0, 2.0)
"""kWh of an hour of a line of 100 kW that works 6 to 22."""
NIGHT_WORK = by_hour("22-6", 80.0, 2.0)
NOISE = wave(0.0, 1.5)
AROUND_THE_CLOCK = wave(80.0, 2.0)


class TestProduction(EachRule):
    """P1 to P14."""

    rules = RULES
    table: ClassVar[tuple[Cases, ...]] = (
        Cases(
            rule=BY_ID["P1"],
            start="2026-03-02 22:00",
            fires=(row("35m", RUN, 0),),
            border=(row("29m", RUN, 0), row("8h", IDLE, 0), row("2h", RUN, 0)),
            clears=(row("2m", OFF, 0),),
            unknown=(row("1h", None, 0), row("1h", RUN, None)),
            quiet={"hours": "23:00-06:00", "hold": 3600.0},
            loud={"hours": "22:00-09:00"},
        ),
        Cases(
            rule=BY_ID["P1"],
            name="a permit, the morning",
            start="2026-03-02 05:00",
            fires=(row("35m", RUN, 0),),
            border=(row("1h", RUN, 1), row("4h", RUN, 0)),
            clears=(row("1h", RUN, 0),),
            unknown=(row("20m", RUN, None),),
        ),
        Cases(
            rule=BY_ID["P2"],
            facts=RATED,
            lead=(row("2d", DAY_SHIFT),),
            fires=(row("2d", NIGHT_WORK),),
            border=(row("4d", AROUND_THE_CLOCK),),
            clears=(row("2d", DAY_SHIFT),),
            unknown=(row("3d", None),),
            quiet={"ratio": 40.0, "least": 1.1, "hold": 48 * 3600.0, "hours": "12:00-13:00"},
            loud={"ratio": 0.4},
        ),
        Cases(
            rule=BY_ID["P2"],
            name="a night's work before a holiday",
            facts=RATED,
            lead=(row("2d", 0.0),),
            fires=(row("1d", by_hour("0-5", 80.0, 0.0)),),
            border=(row("1d", by_hour("22-24", 60.0, 0.0)), row("1d", 0.0)),
            clears=(row("1d", 0.0),),
            unknown=(row("3d", None),),
            loud={"least": 0.1},
        ),
        Cases(
            rule=BY_ID["P3"],
            lead=(row("20d", lambda at: DAY_SHIFT(at) + NOISE(at)),),
            fires=(row("6d", AROUND_THE_CLOCK),),
            border=(row("5d", by_hour("6-22", 80.0, 18.0)),),
            clears=(row("3d", DAY_SHIFT),),
            unknown=(row("5d", None),),
            quiet={"change": 0.6, "hold": 8 * 86400.0, "mad": 1e9, "hours": "00:00-00:01"},
            loud={"change": 0.05},
        ),
        Cases(
            rule=BY_ID["P4"],
            facts=RATED,
            lead=(row("2h", 0, RUN, RUN, 80.0, 10.0, 12.0), row("30m", 1, OFF, OFF, 1.0, 20.9, 1.0)),
            fires=(row("2h", 1, OFF, OFF, 6.0, 20.9, 1.0),),
            border=(row("2h", 1, OFF, OFF, 5.0, 18.0, 5.0), row("2h", 1, OFF, OFF, 4.9, 17.0, 3.0)),
            clears=(row("5m", 0, OFF, OFF, 6.0, 20.9, 1.0),),
            unknown=(row("2h", 1, None, None, None, None, None), row("1h", None, RUN, RUN, 80.0, 10.0, 12.0)),
            quiet={"energy": 0.07, "hold": 3 * 3600.0},
            loud={"energy": 0.045, "o2": 18.1, "velocity": 2.9},
        ),
        Cases(
            rule=BY_ID["P4"],
            name="by its state, without a rated power",
            fires=(row("20m", 1, RUN, RUN, None, None, None),),
            border=(row("2h", 0, RUN, RUN, None, None, None), row("2h", 1, OFF, RUN, None, None, None)),
            clears=(row("5m", 1, OFF, OFF, None, None, None),),
            unknown=(row("2h", 1, None, RUN, None, None, None),),
        ),
        Cases(
            rule=BY_ID["P4"],
            name="by flue gas that no meter explains",
            facts=RATED,
            fires=(row("20m", 1, OFF, OFF, 0.0, 12.0, 9.0),),
            border=(row("2h", 1, OFF, RUN, 0.0, 12.0, 9.0), row("1h", 1, OFF, OFF, 0.0, 12.0, 2.0)),
            clears=(row("5m", 1, OFF, OFF, 0.0, 20.5, 9.0),),
            unknown=(row("2h", 1, OFF, None, 0.0, 12.0, 9.0),),
            quiet={"o2": 11.0, "velocity": 10.0},
        ),
        Cases(
            rule=BY_ID["P5"],
            lead=(row("30m", 1, OFF, None),),
            fires=(row("65m", 1, RUN, None),),
            border=(row("55m", 1, RUN, None), row("55m", 1, RUN, 10.0), row("10m", 1, RUN, 4000.0)),
            clears=(row("15m", 1, RUN, None),),
            unknown=(row("2h", 1, None, None), row("1h", None, RUN, None)),
            quiet={"within": 7200.0},
            loud={"within": 2400.0},
        ),
        Cases(
            rule=BY_ID["P6"],
            facts=RATED,
            fires=(row("80m", 111.0, None),),
            border=(row("4h", 110.0, None), row("59m", 112.0, None), row("1h", 80.0, None)),
            clears=(row("20m", 100.0, None),),
            unknown=(row("5h", None, None),),
            quiet={"load": 1.2, "hold": 7200.0, "window": 7200.0},
            loud={"load": 1.05, "hold": 1800.0},
        ),
        Cases(
            rule=BY_ID["P6"],
            name="by the control system, without a rated power",
            fires=(row("80m", None, 111.0),),
            border=(row("4h", None, 110.0),),
            clears=(row("20m", None, 100.0),),
            unknown=(row("5h", None, None),),
        ),
        Cases(
            rule=BY_ID["P7"],
            facts={"permit_energy": 1000.0},
            lead=(row("2d", by_hour("8-18", 90.0, 5.0)),),
            fires=(row("18h", by_hour("8-18", 120.0, 5.0)),),
            border=(row("1d", by_hour("8-18", 98.0, 5.0)),),
            clears=(row("8h", 5.0),),
            unknown=(row("5h", None),),
            quiet={"share": 1.5, "hours": "20:00-24:00"},
            loud={"share": 1.04},
        ),
        Cases(
            rule=BY_ID["P8"],
            fires=(row("61m", IDLE, 1),),
            border=(row("59m", IDLE, 1), row("3h", IDLE, 0), row("3h", RUN, 1), row("3h", OFF, 1)),
            clears=(row("2m", RUN, 1),),
            unknown=(row("3h", None, 1), row("3h", IDLE, None)),
            quiet={"hold": 4000.0},
            loud={"hold": 3000.0},
        ),
        Cases(
            rule=BY_ID["P9"],
            fires=(row("16m", (RUN, RUN, OFF)),),
            border=(row("14m", (RUN, OFF, OFF)), row("2h", (RUN, IDLE, OFF)), row("2h", (OFF, OFF, RUN))),
            clears=(row("2m", (RUN, RUN, RUN)),),
            unknown=(row("2h", (RUN, None, OFF)), row("2h", (None, None, None))),
            quiet={"hold": 1800.0},
            loud={"hold": 600.0},
        ),
        Cases(
            rule=BY_ID["P10"],
            fires=(row("2m", OFF), row("2m", RUN)) * 7,
            border=(*(row("2m", OFF), row("2m", RUN)) * 6, row("1h", RUN), row("2m", OFF), row("5m", RUN)),
            clears=(row("61m", RUN),),
            unknown=(row("20m", None),),
            quiet={"starts": 8.0, "within": 1200.0},
            loud={"starts": 5.0},
        ),
        Cases(
            rule=BY_ID["P11"],
            lead=(row("16d", RUN, wave(100.0, 3.0), 2.0),),
            fires=(row("16h", RUN, 140.0, 2.0),),
            border=(row("16h", RUN, 128.0, 2.0),),
            clears=(row("16h", RUN, 100.0, 2.0),),
            unknown=(row("2d", RUN, None, 2.0), row("1d", None, 140.0, 2.0)),
            quiet={"away": 0.5, "hold": 20 * 3600.0, "shift": 40 * 3600.0},
            loud={"away": 0.2},
        ),
        Cases(
            rule=BY_ID["P11"],
            name="less than usual, and a stop",
            lead=(row("16d", RUN, wave(100.0, 3.0), 2.0),),
            fires=(row("16h", RUN, 60.0, 2.0),),
            border=(row("16h", RUN, 72.0, 2.0), row("1d", OFF, 3.0, 0.0)),
            clears=(row("3h", OFF, 3.0, 0.0),),
            unknown=(row("2d", RUN, 60.0, None),),
        ),
        Cases(
            rule=BY_ID["P12"],
            facts=RATED,
            fires=(row("32m", 80.0, 54.0),),
            border=(row("2h", 80.0, 55.0), row("2h", 55.0, 80.0), row("30m", 80.0, 20.0), row("2h", 80.0, 80.0)),
            clears=(row("3m", 80.0, 70.0),),
            unknown=(row("2h", None, 54.0), row("2h", 80.0, None)),
            quiet={"apart": 0.3, "hold": 3600.0},
            loud={"apart": 0.2, "hold": 900.0},
        ),
        Cases(
            rule=BY_ID["P13"],
            lead=(row("20d", 1000.0, (500.0, 400.0)),),
            fires=(row("1d", 1300.0, (500.0, 500.0)),),
            border=(row("2d", 1000.0, (400.0, 400.0)), row("2d", 490.0, (50.0, 50.0))),
            clears=(row("2d", 1000.0, (500.0, 400.0)),),
            unknown=(row("3d", None, (500.0, 400.0)), row("3d", 1300.0, (None, 500.0))),
            quiet={"share": 0.25, "usual": 1.4},
            loud={"share": 0.15, "usual": 0.4},
            params={"jump": 0.15},
        ),
        Cases(
            rule=BY_ID["P13"],
            name="a jump where much is always unmetered",
            params={"share": 0.55},
            lead=(row("20d", 1000.0, (300.0, 300.0)),),
            fires=(row("1d", 1200.0, (290.0, 290.0)),),
            border=(row("2d", 1200.0, (310.0, 300.0)),),
            clears=(row("2d", 1000.0, (300.0, 300.0)),),
            unknown=(row("3d", None, (300.0, 300.0)),),
            quiet={"jump": 0.12},
            loud={"jump": 0.05},
        ),
        Cases(
            rule=BY_ID["P14"],
            step_s=600,
            lead=(row("1h", RUN),),
            fires=(row("8d", OFF), row("30m", RUN)),
            border=(row("7d", OFF), row("2h", RUN)),
            clears=(row("2h", RUN),),
            unknown=(row("1d", None),),
            quiet={"rest": 9 * 86400.0},
            loud={"rest": 6 * 86400.0},
        ),
    )


def test_a_plant_that_never_declares_is_not_told_of_undeclared_starts() -> None:
    """P5 judges only where declarations are in use; from the first one on, an edge counts."""
    rig = Cases(rule=BY_ID["P5"], fires=(), border=(), clears=(), unknown=()).rig()
    rig.feed(row("1h", 0, OFF, None), row("3h", 0, RUN, None), row("3h", 0, OFF, None))
    assert rig.changes == []
    rig.feed(row("3h", 1, RUN, None))
    assert rig.changes[:1] == ["raised"]


def test_an_early_monday_and_an_idle_weekend_are_no_night_work() -> None:
    """P2 and P3 keep still through weeks of day shifts that begin before dawn on Monday and rest at the weekend."""
    week = (
        row("4h", 2.0),
        row("20h", by_hour("4-22", 80.0, 2.0)),
        row("4d", DAY_SHIFT),
        row("2d", 2.0),
    )
    for rule in ("P2", "P3"):
        rig = Cases(rule=BY_ID[rule], facts=RATED, fires=(), border=(), clears=(), unknown=()).rig()
        rig.feed(*week * 6)
        assert rig.changes == []
        assert False in rig.answers


def test_a_three_shift_plant_that_rests_at_weekends_shifts_nothing() -> None:
    """P3 takes neither the end nor the beginning of a week for a change of working hours."""
    rig = Cases(rule=BY_ID["P3"], fires=(), border=(), clears=(), unknown=()).rig()
    rig.feed(*(row("6h", 1.0), row("136h", AROUND_THE_CLOCK), row("26h", 1.0)) * 6)
    assert rig.changes == []
    assert True in rig.answers, "it is the hold that keeps it still"


def test_holidays_raise_no_unmetered_use() -> None:
    """P13 leaves out days on which little but offices and lighting takes energy."""
    rig = Cases(rule=BY_ID["P13"], fires=(), border=(), clears=(), unknown=()).rig()
    rig.feed(*(row("5d", 1000.0, (500.0, 400.0)), row("2d", 150.0, (10.0, 10.0))) * 6)
    assert rig.changes == []


def test_baselines_know_nothing_before_fourteen_days() -> None:
    """P3, P11 and P13 answer "not known" until then, and say for how long yet."""
    given = {"P3": (AROUND_THE_CLOCK,), "P11": (RUN, 100.0, 2.0), "P13": (1000.0, (500.0, 450.0))}
    for rule, values in given.items():
        rig = Cases(rule=BY_ID[rule], facts=RATED, fires=(), border=(), clears=(), unknown=()).rig()
        assert rig.evaluator.ready_in_s() >= 13 * 86400
        rig.feed(row("10d", *values))
        assert rig.changes == []
        assert BY_ID[rule].learns_days == 14


def test_without_a_clock_the_night_is_not_known() -> None:
    """P1 and P2 answer "not known" while the box does not know the time, and raise nothing."""
    rig = Cases(rule=BY_ID["P1"], fires=(), border=(), clears=(), unknown=()).rig()
    rig.feed(row("8h", RUN, 0), timeless=True)
    assert set(rig.answers) == {None}
    night = NightWork(hours="22:00-06:00", rated_kw=100.0, least=0.2)
    assert all(night.take(timeless(moment("2026-03-02 00:00", hour * 3600)), 80.0) is None for hour in range(48))
