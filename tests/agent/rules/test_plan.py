"""The rules of emergency plans, R1 to R10: each in stories that begin before the order and end after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from agent.rules.plan import RULES
from tests.agent.rules.rig import IDLE, MONDAY, OFF, RUN, Cases, EachRule, Rig, by_hour, by_id, moment, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.rules.rule import Moment

BY_ID = by_id(RULES)
USUAL = by_hour("8-20", 100.0, 40.0)
"""kWh of an hour."""


def elapsed(begins: str, period_s: float = 0) -> Callable[[Moment], float]:
    """Return the age of an order that begins at `begins`, 0 before; just before the end of a closed period."""
    start = moment(begins)
    later_s = period_s - 0.001 if period_s else 0.0

    def age_s(at: Moment) -> float:
        assert at.wall_ms is not None
        assert start.wall_ms is not None
        return max(0.0, (at.wall_ms - start.wall_ms) / 1000 + later_s)

    return age_s


BEGINS = "2026-03-02 01:00"
AGE = elapsed(BEGINS)
HOURLY = elapsed("2026-03-22 00:00", 3600.0)
DAILY = elapsed("2026-03-22 00:00", 86400.0)


def times(factor: float) -> Callable[[Moment], float]:
    """Return so much of the usual energy of an hour."""
    return lambda at: factor * USUAL(at)


class TestPlan(EachRule):
    """R1 to R10."""

    rules = RULES
    table: ClassVar[tuple[Cases, ...]] = (
        Cases(
            rule=BY_ID["R1"],
            lead=(row("1h", 0, 0.0, RUN),),
            fires=(row("70m", 1, AGE, RUN),),
            border=(row("59m", 1, AGE, RUN), row("2h", 1, AGE, OFF), row("1h", 1, AGE, IDLE)),
            clears=(row("5m", 1, AGE, OFF),),
            unknown=(row("2h", 1, AGE, None), row("1h", None, None, RUN)),
            quiet={"grace": 7200.0},
            loud={"grace": 1800.0},
        ),
        Cases(
            rule=BY_ID["R1"],
            name="until the order ends",
            lead=(row("1h", 0, 0.0, RUN),),
            fires=(row("70m", 1, AGE, RUN),),
            border=(row("1d", 0, 0.0, RUN),),
            clears=(row("5m", 0, 0.0, RUN),),
            unknown=(row("2h", None, None, None),),
        ),
        Cases(
            rule=BY_ID["R2"],
            facts={"rated": 20.0},
            lead=(row("20d", 0, 0.0, 0.0, USUAL),),
            fires=(row("5h", 0, 0.3, HOURLY, times(0.75)),),
            border=(row("1h", 0, 0.3, HOURLY, times(1.0)), row("1d", 0, 0.3, HOURLY, times(0.7))),
            clears=(row("3h", 0, 0.3, HOURLY, times(0.6)),),
            unknown=(row("1d", 0, 0.3, HOURLY, None), row("5h", None, None, None, times(1.0))),
            quiet={"grace": 6 * 3600.0, "least": 1e3},
        ),
        Cases(
            rule=BY_ID["R2"],
            name="against the weeks before, not the season before",
            lead=(row("20d", 0, 0.0, 0.0, times(2.0)), row("14d", 0, 0.0, 0.0, USUAL)),
            start="2026-02-16 00:00",
            fires=(row("5h", 0, 0.3, HOURLY, times(0.8)),),
            border=(row("1d", 0, 0.3, HOURLY, times(0.7)),),
            clears=(row("3h", 0, 0.0, 0.0, times(1.0)),),
            unknown=(row("5h", 0, None, HOURLY, times(1.0)),),
            quiet={"days": 34 * 86400.0},
        ),
        Cases(
            rule=BY_ID["R2"],
            name="after ten days only",
            lead=(row("10d", 0, 0.0, 0.0, USUAL),),
            start="2026-03-12 00:00",
            fires=(row("5h", 0, 0.3, HOURLY, times(0.75)),),
            border=(row("1d", 0, 0.3, HOURLY, times(0.7)),),
            clears=(row("3h", 0, 0.3, HOURLY, times(0.6)),),
            unknown=(row("1d", 0, 0.3, HOURLY, None),),
            quiet={"ready": 12 * 86400.0},
        ),
        Cases(
            rule=BY_ID["R3"],
            lead=(row("1h", 0, 0.0, RUN),),
            fires=(row("70m", 1, AGE, RUN), row("5m", 1, AGE, OFF)),
            border=(row("59m", 1, AGE, RUN), row("3h", 1, AGE, OFF)),
            clears=(row("15m", 1, AGE, OFF),),
            unknown=(row("4h", 1, AGE, None),),
            quiet={"grace": 7200.0, "most": 3600.0},
            loud={"grace": 1800.0},
        ),
        Cases(
            rule=BY_ID["R3"],
            name="hours too late",
            lead=(row("1h", 0, 0.0, RUN),),
            fires=(row("239m", 1, AGE, RUN), row("5m", 1, AGE, OFF)),
            border=(row("242m", 1, AGE, RUN), row("1h", 1, AGE, OFF)),
            clears=(row("15m", 0, 0.0, OFF),),
            unknown=(row("5h", None, None, None),),
            loud={"most": 5 * 3600.0},
        ),
        Cases(
            rule=BY_ID["R4"],
            lead=(row("1h", 0, RUN), row("30m", 1, RUN), row("2h", 1, OFF)),
            fires=(row("5m", 1, RUN),),
            border=(row("2h", 1, IDLE), row("1h", 0, OFF), row("5h", 0, RUN), row("30m", 1, RUN)),
            clears=(row("5m", 1, OFF),),
            unknown=(row("2h", 1, None), row("2h", None, RUN)),
        ),
        Cases(
            rule=BY_ID["R5"],
            fires=(row("16m", 1, RUN),),
            border=(row("14m", 1, RUN), row("2h", 1, OFF), row("2h", 0, RUN)),
            clears=(row("3m", 1, OFF),),
            unknown=(row("2h", 1, None), row("2h", None, RUN)),
            quiet={"hold": 1800.0},
            loud={"hold": 600.0},
        ),
        Cases(
            rule=BY_ID["R6"],
            fires=(row("16m", 1, 0, RUN),),
            border=(row("14m", 1, 0, RUN), row("2h", 1, 1, RUN), row("2h", 1, 0, OFF), row("2h", 0, None, RUN)),
            clears=(row("3m", 0, None, RUN),),
            unknown=(row("2h", 1, None, RUN), row("2h", None, None, RUN), row("2h", 1, 0, None)),
            quiet={"hold": 1800.0},
            loud={"hold": 600.0},
        ),
        Cases(
            rule=BY_ID["R7"],
            fires=(row("2m", 1, RUN, OFF),),
            border=(row("50s", 1, RUN, OFF), row("2h", 1, RUN, RUN), row("2h", 1, OFF, OFF), row("1h", 0, RUN, OFF)),
            clears=(row("3m", 1, RUN, RUN),),
            unknown=(row("1h", 1, RUN, None), row("1h", 1, None, OFF), row("1h", None, RUN, OFF)),
            quiet={"hold": 600.0},
            loud={"hold": 30.0},
        ),
        Cases(
            rule=BY_ID["R8"],
            fires=(row("32m", 1, 20.0, 20.1),),
            border=(row("2h", 1, 20.0, 20.0), row("29m", 1, 20.0, 30.0), row("2h", 0, None, 80.0)),
            clears=(row("3m", 1, 20.0, 18.0),),
            unknown=(row("2h", 1, 20.0, None), row("2h", 1, None, 80.0), row("2h", None, None, 80.0)),
            quiet={"hold": 3600.0},
            loud={"hold": 1200.0},
        ),
        Cases(
            rule=BY_ID["R9"],
            fires=(row("2m", 1, 901.0),),
            border=(row("1h", 1, 900.0), row("5h", 0, 5000.0)),
            clears=(row("3m", 1, 5.0),),
            unknown=(row("1h", None, 5000.0),),
            quiet={"age": 1800.0},
            loud={"age": 600.0},
        ),
        Cases(
            rule=BY_ID["R10"],
            lead=(row("20d", 0, 0.0, 0.0, 1000.0),),
            fires=(row("2d", 0, 0.3, DAILY, 901.0),),
            border=(row("2d", 0, 0.3, DAILY, 900.0), row("2d", 0, 0.29, DAILY, 1000.0)),
            clears=(row("2d", 0, 0.3, DAILY, 700.0),),
            unknown=(row("2d", 0, 0.3, DAILY, None), row("2d", None, None, None, 1000.0)),
            quiet={"keep": 0.95, "order": 0.4},
            loud={"keep": 0.85, "order": 0.2},
        ),
        Cases(
            rule=BY_ID["R10"],
            name="a stop is an order of all",
            lead=(row("11d", 0, 0.0, 0.0, 4000.0), row("9d", 0, 0.0, 0.0, 1000.0)),
            fires=(row("2d", 1, 0.0, DAILY, 950.0),),
            border=(row("2d", 1, 0.0, DAILY, 100.0),),
            clears=(row("2d", 0, 0.0, 0.0, 1000.0),),
            unknown=(row("2d", 1, 0.0, DAILY, None),),
            quiet={"days": 40 * 86400.0},
        ),
        Cases(
            rule=BY_ID["R10"],
            name="after ten days only",
            lead=(row("10d", 0, 0.0, 0.0, 1000.0),),
            start="2026-03-12 00:00",
            fires=(row("2d", 0, 0.5, DAILY, 950.0),),
            border=(row("2d", 0, 0.5, DAILY, 800.0),),
            clears=(row("2d", 0, 0.0, 0.0, 1000.0),),
            unknown=(row("2d", 0, 0.5, None, 1000.0),),
            quiet={"ready": 12 * 86400.0},
        ),
    )


def test_an_instrument_that_never_answered_is_silent_since_the_start() -> None:
    """R9 counts the time before the order too, and says nothing of such an instrument while there is none."""
    rig = Rig(BY_ID["R9"])
    rig.feed(row("14m", 0, None), row("50s", 1, None))
    assert rig.changes == []
    rig.feed(row("2m", 1, None))
    assert rig.changes == ["raised"]


def test_an_hour_that_an_order_took_only_a_part_of_is_not_judged() -> None:
    """R2 neither judges nor learns the hour in which the order begins, nor the hour of grace."""
    rig = Rig(BY_ID["R2"])
    late = elapsed("2026-03-22 00:30", 3600.0)
    rig.feed(row("20d", 0, 0.0, 0.0, USUAL), row("2h", 0, 0.5, late, USUAL))
    assert rig.answers[-2:] == [False, False]
    assert rig.feed(row("1h", 0, 0.5, late, USUAL))


def test_under_a_stop_the_reduction_is_not_judged_and_not_learnt() -> None:
    """R2 leaves a stop order to R1, and takes the silence of those days for no baseline."""
    rig = Rig(BY_ID["R2"])
    rig.feed(row("20d", 0, 0.0, 0.0, USUAL))
    stop = elapsed("2026-03-22 00:00", 3600.0)
    rig.feed(row("12d", 1, 0.0, stop, 1.0))
    assert rig.changes == []
    reduction = elapsed("2026-04-03 00:00", 3600.0)
    rig.feed(row("1d", 0, 0.3, reduction, times(0.6)))
    assert rig.changes == []


def test_standby_at_night_is_no_missed_reduction() -> None:
    """R2 does not ask to cut what machines draw at rest; work moved into the night it sees."""
    rig = Rig(BY_ID["R2"], {"rated": 200.0})
    rig.feed(row("20d", 0, 0.0, 0.0, 0.5), row("1d", 0, 0.4, HOURLY, 0.5))
    assert set(rig.answers[-24:]) == {False}
    assert rig.feed(row("1h", 0, 0.4, HOURLY, 60.0))


def test_an_order_of_just_one_day_is_judged() -> None:
    """R10 judges the first day of an order if it covers all of it, from midnight to midnight."""
    rig = Rig(BY_ID["R10"])
    assert rig.feed(row("20d", 0, 0.0, 0.0, 1000.0), row("1d", 0, 0.4, DAILY, 950.0))
    begun_later = Rig(BY_ID["R10"])
    late = elapsed("2026-03-22 00:30", 86400.0)
    assert begun_later.feed(row("20d", 0, 0.0, 0.0, 1000.0), row("1d", 0, 0.4, late, 950.0)) is False


def test_what_ran_under_an_order_is_no_baseline() -> None:
    """R10 does not learn the days of an order: they would make the next order harder to keep."""
    rig = Rig(BY_ID["R10"])
    rig.feed(row("20d", 0, 0.0, 0.0, 1000.0), row("13d", 0, 0.3, elapsed("2026-03-22 00:00", 86400.0), 600.0))
    rig.feed(row("1d", 0, 0.0, 0.0, 1000.0), row("2d", 0, 0.3, elapsed("2026-04-05 00:00", 86400.0), 850.0))
    assert rig.changes == []
    assert rig.answers[-1] is False


def test_without_orders_no_rule_of_the_plan_answers() -> None:
    """A month of ordinary work without any order raises nothing, whatever runs and whatever is silent."""
    quiet = {
        "R1": (0, 0.0, RUN),
        "R3": (0, 0.0, by_hour("8-20", RUN, OFF)),
        "R4": (0, by_hour("8-20", RUN, OFF)),
        "R5": (0, RUN),
        "R6": (0, None, RUN),
        "R7": (0, RUN, OFF),
        "R8": (0, None, 500.0),
        "R9": (0, 90000.0),
    }
    for name, given in quiet.items():
        rig = Rig(BY_ID[name], start=MONDAY, step_s=600)
        rig.feed(row("10d", *given))
        assert set(rig.answers) == {False}
