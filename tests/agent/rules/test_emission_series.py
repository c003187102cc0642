"""E7 to E17 in stories: series that jump, stand still, are next to nothing, cut off, periodic, too smooth or wild."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, ClassVar

from agent.rules import emission_series, emission_shape
from tests.agent.rules.rig import IDLE, OFF, RUN, Cases, EachRule, by_id, row, wave
from tests.agent.rules.test_emission import every

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.rules.rule import Moment
    from tests.agent.rules.rig import Row, Story

BY_ID = by_id((*emission_series.RULES, *emission_shape.RULES))
LIMIT = {"limit": 50.0}
GAS = LIMIT | {"medium": "gas", "range": (0.0, 200.0)}
WATER = LIMIT | {"medium": "water"}
WHOLE = 3600.0
NO, BLOWING = 0, 1
"""Blow back."""
HOURS_S = 3600.0


def noise(middle: float, sd: float, digits: int = 1) -> Callable[[Moment], float]:
    """Return white noise at the resolution of an instrument; the same moment always has the same value."""

    def value(at: Moment) -> float:
        return round(middle + sd * Random(at.mono_ns).gauss(0.0, 1.0), digits)

    return value


def clipped(value: Callable[[Moment], float], top: float) -> Callable[[Moment], float]:
    """Return a signal that nothing lets above `top`."""
    return lambda at: min(top, value(at))


def repeating(minutes: int) -> Callable[[Moment], float]:
    """Return noise that is the same again after so many minutes."""

    def value(at: Moment) -> float:
        return 20.0 + 3.0 * Random(at.mono_ns // 60_000_000_000 % minutes).gauss(0.0, 1.0)

    return value


def all_of(*values: Callable[[Moment], float] | float) -> Callable[[Moment], tuple[float, ...]]:
    """Return a tuple of signals."""
    return lambda at: tuple(one(at) if callable(one) else one for one in values)


def shifts(days: int, *parts: Row) -> Story:
    """Return so many days (or hours) of these parts."""
    return parts * days


HOURS_OF_WORK = shifts(19, row("8h", WHOLE, wave(20.0, 3.0)), row("16h", 0.0, 0.3))
STEADY = (row("3h", RUN, NO, noise(20.0, 1.0), 70.0),)


class TestSeries(EachRule):
    """E7 to E12."""

    rules = emission_series.RULES
    table: ClassVar[tuple[Cases, ...]] = (
        Cases(
            rule=BY_ID["E7"],
            facts=LIMIT,
            lead=(row("3h", RUN, NO, noise(20.0, 1.0), 70.0),),
            fires=(row("5m", RUN, NO, 36.0, 70.0),),
            border=(row("30m", RUN, NO, 28.0, 70.0), row("30m", RUN, NO, noise(28.0, 1.0), 70.0)),
            clears=(row("20m", RUN, NO, 36.0, 70.0),),
            unknown=(row("2h", RUN, NO, None, 70.0),),
            quiet={"rel": 1.1, "sd_factor": 30.0, "floor": 0.4, "settle": 4 * HOURS_S},
            loud={"rel": 0.3},
        ),
        Cases(
            rule=BY_ID["E7"],
            name="the load went with it",
            facts=LIMIT,
            lead=STEADY,
            fires=(row("5m", RUN, NO, 36.0, 75.0),),
            border=(row("5m", RUN, NO, 36.0, 80.0), row("5m", RUN, NO, 36.0, 80.0)),
            clears=(row("30m", RUN, NO, noise(36.0, 1.0), 70.0),),
            unknown=(row("2h", None, NO, 40.0, 70.0),),
            quiet={"quiet": 0.05},
            loud={"quiet": 0.2},
        ),
        Cases(
            rule=BY_ID["E7"],
            name="starts, blow back, and noise at next to nothing",
            facts=LIMIT,
            lead=(row("2h", OFF, NO, noise(0.3, 0.1), 0.0), row("2h", RUN, NO, noise(1.0, 0.2), 70.0)),
            fires=(row("5m", RUN, NO, noise(20.0, 1.0), 70.0),),
            border=(
                row("1m", RUN, NO, 3.0, 70.0),
                row("30m", RUN, NO, noise(1.0, 0.2), 70.0),
                row("2m", RUN, BLOWING, 20.0, 70.0),
                row("4m", RUN, NO, 20.0, 70.0),
                row("30m", RUN, NO, noise(1.0, 0.2), 70.0),
                row("1h", OFF, NO, 40.0, 0.0),
            ),
            clears=(row("20m", RUN, NO, noise(20.0, 1.0), 70.0),),
            unknown=(row("10m", RUN, BLOWING, 30.0, 70.0),),
            loud={"floor": 0.01, "recover": 60.0},
        ),
        Cases(
            rule=BY_ID["E7"],
            name="how long it is shown",
            facts=LIMIT,
            params={"hold": 300.0},
            lead=STEADY,
            fires=(row("8m", RUN, NO, 36.0, 70.0),),
            border=(row("20m", RUN, NO, 29.0, 70.0),),
            clears=(row("20m", RUN, NO, 36.0, 70.0),),
            unknown=(row("1h", RUN, NO, None, 70.0),),
            quiet={"shown": 120.0},
        ),
        Cases(
            rule=BY_ID["E7"],
            name="it was restless, and is no more",
            facts=LIMIT,
            lead=(row("3h", RUN, NO, noise(20.0, 5.0), 70.0), row("70m", RUN, NO, noise(20.0, 0.5), 70.0)),
            fires=(row("5m", RUN, NO, 36.0, 70.0),),
            border=(row("20m", RUN, NO, 29.0, 70.0),),
            clears=(row("20m", RUN, NO, 36.0, 70.0),),
            unknown=(row("1h", RUN, NO, None, 70.0),),
            quiet={"window": 3 * HOURS_S},
        ),
        Cases(
            rule=BY_ID["E8"],
            lead=HOURS_OF_WORK,
            fires=shifts(4, row("8h", WHOLE, wave(3.0, 0.05)), row("16h", 0.0, 0.3)),
            border=(
                *shifts(3, row("8h", WHOLE, wave(5.0, 0.1)), row("16h", 0.0, 0.3)),
                row("8h", WHOLE, wave(5.0, 0.1)),
            ),
            clears=(row("8h", WHOLE, wave(20.0, 3.0)),),
            unknown=(row("4h", None, 3.0), row("4h", WHOLE, None)),
            quiet={"low": 0.1, "cv": 0.001, "window": 40 * HOURS_S},
            loud={"low": 0.4},
        ),
        Cases(
            rule=BY_ID["E8"],
            name="low and lively",
            lead=HOURS_OF_WORK,
            fires=shifts(4, row("8h", WHOLE, 2.0), row("16h", 0.0, 0.3)),
            border=(
                *shifts(3, row("8h", WHOLE, wave(3.0, 0.9)), row("16h", 0.0, 0.3)),
                row("8h", WHOLE, wave(3.0, 0.9)),
            ),
            clears=(row("2h", 1800.0, 20.0), row("8h", WHOLE, wave(20.0, 3.0))),
            unknown=(row("4h", None, 3.0),),
            loud={"cv": 0.6},
        ),
        Cases(
            rule=BY_ID["E9"],
            facts=GAS,
            lead=(row("2h", RUN, noise(20.0, 1.0)),),
            fires=(row("61m", RUN, 20.0),),
            border=(row("59m", RUN, 20.0), row("5m", RUN, 20.1)),
            clears=(row("5m", RUN, noise(20.0, 1.0)),),
            unknown=(row("3h", RUN, None), row("59m", RUN, 20.0), row("1h", None, 20.0)),
            quiet={"gas": 2 * HOURS_S, "tiny": 0.5},
            loud={"eps": 0.11, "gas": 1800.0},
        ),
        Cases(
            rule=BY_ID["E9"],
            name="water, a day",
            facts=WATER,
            lead=(row("2h", None, noise(20.0, 1.0)),),
            fires=(row("25h", None, 20.0),),
            border=(row("23h", None, 20.0), row("10m", None, 21.0)),
            clears=(row("5m", None, 21.0),),
            unknown=(row("3h", None, None), row("23h", None, 20.0)),
            quiet={"water": 48 * HOURS_S},
            loud={"water": 12 * HOURS_S},
        ),
        Cases(
            rule=BY_ID["E9"],
            name="at rest, and next to nothing",
            facts=GAS | {"detection_limit": 2.0},
            lead=(row("2h", OFF, 5.0),),
            fires=(row("61m", RUN, 2.1),),
            border=(row("3h", OFF, 5.0), row("3h", IDLE, 5.0), row("3h", RUN, 2.0)),
            clears=(row("5m", OFF, 2.1),),
            unknown=(row("3h", None, 2.1),),
        ),
        Cases(
            rule=BY_ID["E10"],
            facts=LIMIT,
            lead=(row("2h", RUN, 20.0),),
            fires=(row("65m", RUN, 0.9),),
            border=(row("3h", RUN, 1.0), row("3h", RUN, 0.0), row("59m", RUN, 0.5), row("1m", RUN, 5.0)),
            clears=(row("5m", RUN, 5.0),),
            unknown=(row("3h", RUN, None), row("3h", None, 0.5), row("3h", None, 0.5)),
            quiet={"tiny": 0.01, "hold": 2 * HOURS_S, "settle": 9 * HOURS_S},
            loud={"tiny": 0.03},
        ),
        Cases(
            rule=BY_ID["E10"],
            name="at rest, and when work begins",
            facts=LIMIT | {"detection_limit": 1.5},
            lead=(row("3h", OFF, 0.3),),
            fires=(row("2h", RUN, 1.4),),
            border=(row("80m", RUN, 0.4), row("3h", OFF, 0.4)),
            clears=(row("5m", OFF, 0.4),),
            unknown=(row("2h", None, 0.4),),
            loud={"settle": 0.0},
        ),
        Cases(
            rule=BY_ID["E11"],
            lead=(row("2h", RUN, 20.0),),
            fires=(row("35m", RUN, 0.0),),
            border=(
                row("29m", RUN, 0.0),
                row("3h", RUN, 0.1),
                row("5h", OFF, 0.0),
                row("1h", RUN, 0.0),
                row("1m", RUN, 0.1),
            ),
            clears=(row("5m", RUN, 0.1),),
            unknown=(row("3h", RUN, None), row("3h", None, 0.0)),
            quiet={"hold": HOURS_S, "settle": 9 * HOURS_S},
            loud={"hold": 1200.0, "settle": 600.0},
        ),
        Cases(
            rule=BY_ID["E12"],
            facts=GAS,
            fires=(row("6m", -2.1),),
            border=(row("4m", -3.0), row("1h", -2.0)),
            clears=(row("5m", 0.0),),
            unknown=(row("1h", None),),
            quiet={"share": 0.02, "hold": 600.0},
            loud={"share": 0.009},
        ),
    )


class TestShape(EachRule):
    """E13 to E17."""

    rules = emission_shape.RULES
    table: ClassVar[tuple[Cases, ...]] = (
        Cases(
            rule=BY_ID["E13"],
            facts=GAS,
            lead=(row("2h", RUN, noise(20.0, 2.0)),),
            fires=(row("61m", RUN, clipped(noise(20.0, 2.0), 21.0)),),
            border=(row("5h", RUN, noise(20.0, 2.0)), row("5h", RUN, noise(20.0, 0.1))),
            clears=(row("70m", RUN, noise(20.0, 2.0)),),
            unknown=(row("5h", RUN, None), row("2h", None, clipped(noise(20.0, 2.0), 21.0))),
            quiet={"share": 0.6, "window": 5 * HOURS_S, "tiny": 0.5, "dominance": 50.0},
        ),
        Cases(
            rule=BY_ID["E13"],
            name="the end of the range",
            facts=GAS,
            lead=(row("2h", RUN, noise(150.0, 9.0)),),
            fires=(row("5m", RUN, 198.0),),
            border=(row("1m", RUN, 197.9), row("1h", RUN, noise(150.0, 9.0))),
            clears=(row("5m", RUN, noise(150.0, 9.0)),),
            unknown=(row("1h", RUN, None),),
            quiet={"full": 0.995},
            loud={"full": 0.985},
        ),
        Cases(
            rule=BY_ID["E13"],
            name="few equal, and at rest",
            facts=GAS,
            lead=(row("2h", OFF, every(2, 5.0, 4.0)),),
            fires=(row("2h", RUN, clipped(noise(20.0, 2.0), 21.5)),),
            border=(row("3h", OFF, clipped(noise(20.0, 2.0), 21.0)), row("5h", RUN, clipped(noise(0.6, 0.3, 2), 0.9))),
            clears=(row("5m", OFF, 0.0),),
            unknown=(row("2h", None, clipped(noise(20.0, 2.0), 21.0)),),
            loud={"tiny": 0.01},
        ),
        Cases(
            rule=BY_ID["E14"],
            lead=(row("7h", RUN, noise(20.0, 2.0), noise(11.0, 0.2, 3)),),
            fires=(row("7h", RUN, repeating(23), noise(11.0, 0.2, 3)),),
            border=(row("7h", RUN, repeating(23), repeating(23)),),
            clears=(row("7h", RUN, noise(20.0, 2.0), noise(11.0, 0.2, 3)),),
            unknown=(row("30m", RUN, None, 11.0), row("9h", None, repeating(23), 11.0)),
            quiet={"from": 7000.0, "settle": 99 * HOURS_S, "peak": 1.1},
        ),
        Cases(
            rule=BY_ID["E14"],
            name="an outlet without oxygen, a long period",
            lead=(row("7h", RUN, noise(20.0, 2.0), None),),
            fires=(row("9h", RUN, repeating(90), None),),
            border=(row("9h", RUN, repeating(130), None),),
            clears=(row("9h", RUN, noise(20.0, 2.0), None),),
            unknown=(row("9h", None, repeating(90), None),),
            quiet={"to": 4800.0, "periods": 30.0},
            loud={"to": 9000.0},
        ),
        Cases(
            rule=BY_ID["E15"],
            params={"window": 2 * HOURS_S, "settle": 600.0},
            lead=shifts(17, row("4h", RUN, NO, noise(20.0, 1.0, 3), 70.0), row("20h", OFF, NO, 0.0, 0.0)),
            fires=shifts(
                4,
                row("57m", RUN, NO, noise(20.0, 0.2, 3), 70.0),
                row("1m", RUN, BLOWING, 90.0, 70.0),
                row("2m", RUN, NO, 90.0, 70.0),
            ),
            border=(row("4h", RUN, NO, noise(20.0, 0.5, 3), 70.0),),
            clears=(row("20h", OFF, NO, 0.0, 0.0), row("4h", RUN, NO, noise(20.0, 1.0, 3), 70.0)),
            unknown=(row("4h", RUN, NO, None, 70.0),),
            quiet={"low": 0.1, "window": 8 * HOURS_S, "settle": 5 * HOURS_S, "recover": 0.0},
            loud={"low": 0.7},
        ),
        Cases(
            rule=BY_ID["E16"],
            facts=LIMIT,
            lead=(row("2h", RUN, NO, noise(20.0, 1.0)),),
            fires=(row("1h", RUN, NO, every(8, 40.0, 20.0)),),
            border=(row("5h", RUN, NO, every(20, 40.0, 20.0)), row("5h", RUN, NO, every(5, 29.0, 20.0))),
            clears=(row("2h", RUN, NO, noise(20.0, 1.0)),),
            unknown=(row("2h", RUN, NO, None), row("2h", None, NO, every(5, 60.0, 20.0))),
            quiet={"pairs": 9.0, "rel": 1.1, "window": 600.0, "settle": 99 * HOURS_S, "floor": 0.9},
            loud={"pairs": 2.0, "rel": 0.4},
        ),
        Cases(
            rule=BY_ID["E16"],
            name="blow back, and noise at next to nothing",
            facts=LIMIT,
            lead=(row("2h", RUN, NO, noise(20.0, 1.0)),),
            fires=(row("1h", RUN, NO, every(6, 10.0, 4.0)),),
            border=(
                *(row("2m", RUN, BLOWING, 60.0), row("1m", RUN, NO, 60.0), row("7m", RUN, NO, noise(20.0, 1.0))) * 9,
                row("2h", RUN, NO, every(3, 5.0, 1.0)),
            ),
            clears=(row("2h", RUN, NO, noise(20.0, 1.0)),),
            unknown=(row("2h", RUN, BLOWING, every(5, 60.0, 20.0)),),
            loud={"floor": 0.01, "recover": 0.0},
        ),
        Cases(
            rule=BY_ID["E17"],
            lead=(row("2h", RUN, NO, all_of(noise(20.0, 1.0), noise(30.0, 1.0), noise(4.0, 0.2)), 70.0),),
            fires=(row("1m", RUN, NO, (50.0, 70.0, 9.0), 70.0),),
            border=(
                row("1m", RUN, NO, (50.0, 70.0, 4.0), 70.0),
                row("2m", RUN, BLOWING, (50.0, 70.0, 9.0), 70.0),
                row("1m", RUN, NO, (90.0, 120.0, 9.0), 70.0),
                row("9m", RUN, NO, (50.0, 70.0, 4.0), 70.0),
            ),
            clears=(row("5m", RUN, NO, (50.0, 70.0, 9.0), 70.0),),
            unknown=(row("1h", RUN, NO, (None, None, None), 70.0), row("9m", RUN, BLOWING, (20.0, 30.0, 4.0), 70.0)),
            quiet={"rel": 2.0, "sd_factor": 90.0, "settle": 99 * HOURS_S},
            loud={"share": 0.6, "recover": 0.0},
        ),
        Cases(
            rule=BY_ID["E17"],
            name="after an hour of unrest",
            lead=(
                row("3h", RUN, NO, all_of(noise(20.0, 5.0), noise(30.0, 8.0)), None),
                row("70m", RUN, NO, all_of(noise(20.0, 1.0), noise(30.0, 1.0)), None),
            ),
            fires=(row("1m", RUN, NO, (36.0, 55.0), None),),
            border=(row("5m", RUN, NO, (36.0, 30.0), None),),
            clears=(row("5m", RUN, NO, (36.0, 55.0), None),),
            unknown=(row("1h", None, NO, (36.0, 55.0), None),),
            quiet={"window": 3 * HOURS_S},
        ),
        Cases(
            rule=BY_ID["E17"],
            name="the load went with them",
            lead=(row("2h", RUN, NO, all_of(noise(20.0, 1.0), noise(30.0, 1.0)), 70.0),),
            fires=(row("2m", RUN, NO, (50.0, 70.0), 80.0),),
            border=(
                row("4m", RUN, NO, all_of(noise(20.0, 1.0), noise(30.0, 1.0)), 40.0),
                row("2m", RUN, NO, (6.0, 9.0), 20.0),
            ),
            clears=(row("5m", RUN, NO, (50.0, 70.0), 70.0),),
            unknown=(row("1h", None, NO, (50.0, 70.0), 70.0),),
            quiet={"quiet": 1.0},
            loud={"quiet": 40.0},
        ),
    )
