"""E18 to E28 in stories: the stack against the plant, and the instruments against each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from agent.rules import emission_instruments, emission_process
from tests.agent.rules.rig import OFF, RUN, Cases, EachRule, by_id, row, wave
from tests.agent.rules.test_emission_series import noise, shifts

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.rules.rule import Moment

BY_ID = by_id((*emission_process.RULES, *emission_instruments.RULES))
BURNS = {"reference_o2": 9.0}
GAS = {"limit": 35.0, "range": (0.0, 300.0)}
N, C, B = ord("N"), ord("C"), ord("B")
"""Flags."""
HOURS_S = 3600.0


def wild(middle: float, swing: float) -> Callable[[Moment], float]:
    """Return a signal that follows nothing."""
    return lambda at: middle + swing * math.sin(at.mono_ns / 60e9 / 2.9)


USUAL_O2 = shifts(15, row("3h", RUN, noise(11.0, 0.3), 70.0), row("21h", OFF, 20.9, 0.0))
FOLLOWING = shifts(
    16, row("6h", RUN, wave(20.0, 5.0), wave(70.0, 9.0), wave(11.0, -1.0)), row("18h", OFF, 0.0, 0.0, 20.9)
)
CALIBRATED = (row("3h", RUN, N, 0, noise(20.0, 1.0), 70.0), row("20m", RUN, C, 0, None, 70.0))


class TestProcess(EachRule):
    """E18 to E23."""

    rules = emission_process.RULES
    table: ClassVar[tuple[Cases, ...]] = (
        Cases(
            rule=BY_ID["E18"],
            facts=BURNS,
            step_s=180,
            params={"settle": 120.0},
            lead=USUAL_O2,
            fires=(row("70m", RUN, 14.5, 70.0),),
            border=(row("3h", RUN, 13.6, 70.0),),
            clears=(row("5m", RUN, 11.0, 70.0),),
            unknown=(row("1h", RUN, None, 70.0), row("1h", RUN, 15.0, None), row("1h", None, 15.0, 70.0)),
            quiet={"points": 4.0, "hold": 2 * HOURS_S, "settle": 1800.0},
            loud={"points": 2.0},
        ),
        Cases(
            rule=BY_ID["E18"],
            name="that of air, on the first day",
            facts=BURNS,
            lead=(row("1h", RUN, 11.0, None),),
            fires=(row("16m", RUN, 19.1, None),),
            border=(row("2h", RUN, 19.0, None), row("14m", RUN, 20.0, None), row("2h", OFF, 20.9, None)),
            clears=(row("5m", RUN, 11.0, None),),
            unknown=(row("1h", RUN, None, None),),
            quiet={"high": 20.0},
            loud={"high": 18.5},
        ),
        Cases(
            rule=BY_ID["E19"],
            step_s=360,
            params={"window": HOURS_S, "step": 60.0, "hold": 600.0, "settle": 60.0},
            lead=FOLLOWING,
            fires=(row("6h", RUN, wild(20.0, 5.0), wave(70.0, 9.0), wave(11.0, -1.0)),),
            border=(row("6h", RUN, wave(20.0, 0.5), wave(70.0, 9.0), wave(11.0, -1.0)),),
            clears=(row("6h", RUN, wave(20.0, 5.0), wave(70.0, 9.0), wave(11.0, -1.0)),),
            unknown=(row("6h", RUN, None, wave(70.0, 9.0), 11.0), row("1h", None, wild(20.0, 5.0), 70.0, 11.0)),
            quiet={
                "below": 0.001,
                "usually": 1.1,
                "window": 99 * HOURS_S,
                "step": HOURS_S,
                "hold": 9 * HOURS_S,
                "settle": 7200.0,
            },
        ),
        Cases(
            rule=BY_ID["E19"],
            name="the load stood still, so it tells nothing",
            step_s=360,
            params={"window": HOURS_S, "step": 60.0, "hold": 600.0, "settle": 60.0},
            lead=shifts(16, row("6h", RUN, wave(20.0, 5.0), wave(70.0, 9.0), None), row("18h", OFF, 0.0, 0.0, None)),
            fires=(row("6h", RUN, wild(20.0, 5.0), wave(70.0, 9.0), None),),
            border=(row("6h", RUN, wild(20.0, 5.0), wave(70.0, 0.5), None),),
            clears=(row("6h", RUN, wave(20.0, 5.0), wave(70.0, 9.0), None),),
            unknown=(row("6h", RUN, wild(20.0, 5.0), None, None),),
            quiet={"load_moves": 30.0},
            loud={"load_moves": 0.01},
        ),
        Cases(
            rule=BY_ID["E19"],
            name="by the oxygen, where no load is told",
            step_s=360,
            params={"window": HOURS_S, "step": 60.0, "hold": 600.0, "settle": 60.0},
            lead=shifts(16, row("6h", RUN, wave(20.0, 5.0), None, wave(11.0, -1.0)), row("18h", OFF, 0.0, None, 20.9)),
            fires=(row("6h", RUN, wild(20.0, 5.0), None, wave(11.0, -1.0)),),
            border=(row("6h", RUN, wild(20.0, 5.0), None, wave(11.0, -0.1)),),
            clears=(row("6h", RUN, wave(20.0, 5.0), None, wave(11.0, -1.0)),),
            unknown=(row("6h", RUN, wild(20.0, 5.0), None, None),),
            quiet={"o2_moves": 5.0},
            loud={"o2_moves": 0.001},
        ),
        Cases(
            rule=BY_ID["E20"],
            lead=(row("4h", RUN, 40.0, noise(24.0, 0.1, 2), noise(10.0, 0.05, 2)),),
            fires=(row("40m", RUN, 55.0, noise(24.0, 0.1, 2), noise(10.0, 0.05, 2)),),
            border=(row("40m", RUN, 49.0, 24.0, 10.0), row("3h", RUN, 49.0, 24.0, 10.0)),
            clears=(row("3h", RUN, 55.0, 24.0, 10.0),),
            unknown=(row("3h", RUN, None, 24.0, 10.0),),
            quiet={"moves": 0.4, "hold": HOURS_S, "settle": 9 * HOURS_S, "still": -0.05},
            loud={"moves": 0.15},
        ),
        Cases(
            rule=BY_ID["E20"],
            name="it went with it, or the other way, or not for long",
            lead=(row("4h", RUN, 40.0, None, 10.0),),
            fires=(row("50m", RUN, 55.0, None, 9.0),),
            border=(
                row("2h", RUN, 55.0, None, 10.9),
                row("28m", RUN, 75.0, None, 10.9),
                row("2h", RUN, 55.0, None, 10.9),
            ),
            clears=(row("30m", OFF, 0.0, None, 0.0),),
            unknown=(row("3h", None, 55.0, None, 10.0),),
            quiet={"window": 1200.0},
            loud={"still": 0.2},
        ),
        Cases(
            rule=BY_ID["E21"],
            facts=BURNS,
            lead=(row("2h", OFF, 20.9, 25.0),),
            fires=(row("70m", RUN, 20.5, 30.0),),
            border=(row("63m", RUN, 20.5, 30.0), row("2h", RUN, 20.0, 30.0), row("2h", RUN, 20.5, 40.0)),
            clears=(row("5m", RUN, 12.0, 90.0),),
            unknown=(row("2h", RUN, None, None), row("2h", None, 20.5, 30.0)),
            quiet={"after": 2 * HOURS_S, "cold": 30.0, "air": 20.6, "hold": HOURS_S},
            loud={"cold": 41.0, "air": 19.9},
        ),
        Cases(
            rule=BY_ID["E21"],
            name="no machine runs and the gas is burnt",
            facts=BURNS,
            lead=(row("2h", RUN, 11.0, 120.0),),
            fires=(row("70m", OFF, 14.9, 120.0),),
            border=(row("55m", OFF, 11.0, 120.0), row("3h", OFF, 15.0, 80.0)),
            clears=(row("5m", RUN, 11.0, 120.0),),
            unknown=(row("2h", None, 11.0, 120.0),),
            quiet={"burnt": 14.0},
            loud={"burnt": 16.0},
        ),
        Cases(
            rule=BY_ID["E22"],
            facts=GAS,
            lead=(row("60h", N, 0, 20.0),),
            fires=(*shifts(3, row("5m", N, 0, 30.0), row("1h", C, 0, None)), row("1h", N, 0, 20.0)),
            border=(row("5m", N, 0, 28.0), row("1h", C, 0, None), row("10m", N, 0, 30.0), row("5h", B, 0, None)),
            clears=(row("3h", C, 0, None), row("50h", N, 0, 20.0)),
            unknown=(row("5h", None, None, None),),
            quiet={"begins": 1.1, "flags": "M", "level": 0.9},
            loud={"level": 0.7},
        ),
        Cases(
            rule=BY_ID["E22"],
            name="a tenth of the month, by marks",
            facts=GAS,
            lead=(row("20h", N, 0, 20.0),),
            fires=(row("3h", N, 1, None), row("1h", N, 0, 20.0)),
            border=(row("2h", N, 1, None), row("2h", N, 0, 20.0)),
            clears=(row("40h", N, 0, 20.0),),
            unknown=(row("5h", N, None, None),),
            quiet={"share": 0.3},
            loud={"share": 0.05},
        ),
        Cases(
            rule=BY_ID["E23"],
            lead=(row("1h", RUN, N, 0, noise(20.0, 1.0), 70.0),),
            fires=(*CALIBRATED, row("2h", RUN, N, 0, noise(9.0, 0.5), 70.0), row("5m", RUN, N, 0, 9.0, 70.0)),
            border=(*CALIBRATED, row("3h", RUN, N, 0, noise(11.0, 0.3), 70.0)),
            clears=(row("2h", RUN, N, 0, 9.0, 70.0),),
            unknown=(row("2h", RUN, None, None, None, None), row("2h", None, N, 0, 9.0, 70.0)),
            quiet={"factor": 0.3, "window": 3 * HOURS_S, "settle": 9 * HOURS_S},
            loud={"factor": 0.8},
        ),
        Cases(
            rule=BY_ID["E23"],
            name="the load fell with it; a mark instead of a flag",
            params={"hold": 600.0},
            lead=(row("4h", RUN, N, 0, noise(20.0, 1.0), 70.0), row("20m", RUN, N, 1, 5.0, 70.0)),
            fires=(row("140m", RUN, N, 0, noise(9.0, 0.5), 65.0),),
            border=(row("140m", RUN, N, 0, noise(9.0, 0.5), 50.0),),
            clears=(row("2h", RUN, N, 0, 9.0, 70.0),),
            unknown=(row("2h", RUN, N, None, 9.0, 70.0),),
            quiet={"load_change": 0.05, "shown": 300.0},
            loud={"load_change": 0.4},
        ),
    )


class TestInstruments(EachRule):
    """E24 to E28."""

    rules = emission_instruments.RULES
    table: ClassVar[tuple[Cases, ...]] = (
        Cases(
            rule=BY_ID["E24"],
            facts=BURNS,
            fires=(row("15m", 20.0, 12.0, 25.0),),
            border=(row("1h", 100.0, 12.0, 131.0), row("1h", 10.0, 12.0, 14.3), row("1h", 20.0, 12.0, 26.7)),
            clears=(row("5m", 20.0, 12.0, 26.7),),
            unknown=(row("1h", None, 12.0, 25.0), row("1h", 20.0, 20.9, 25.0), row("1h", 20.0, 21.5, 25.0)),
            quiet={"rel": 0.2, "abs": 2.0, "rest_o2": 11.0, "hold": 1800.0},
            loud={"rel": 0.01, "abs": 0.5},
        ),
        Cases(
            rule=BY_ID["E25"],
            facts=GAS,
            fires=(row("15m", 40.0, 36.0),),
            border=(row("1h", 40.0, 37.0), row("1h", 100.0, 96.0), row("9m", 40.0, 30.0), row("5m", 40.0, 40.0)),
            clears=(row("5m", 40.0, 40.0),),
            unknown=(row("1h", 40.0, None), row("1h", None, 36.0)),
            quiet={"rel": 0.2, "of_range": 0.02, "hold": 1800.0},
            loud={"rel": 0.03, "of_range": 0.009, "hold": 300.0},
        ),
        Cases(
            rule=BY_ID["E26"],
            lead=(row("10m", (300.0, 1.0, 0.0), 0),),
            fires=(row("5m", (300.0, 0.8, 0.0), 0),),
            border=(row("5m", (300.0, 0.8, 0.0), 1), row("1h", (300.0, 0.8, 0.0), 0), row("5m", (None, 0.8, 0.0), 0)),
            clears=(row("20m", (300.0, 0.8, 0.0), 0),),
            unknown=(row("1h", (None, None, None), 0),),
        ),
        Cases(
            rule=BY_ID["E26"],
            name="how long it is shown",
            params={"hold": 300.0},
            lead=(row("10m", (300.0, 1.0, 0.0), 0),),
            fires=(row("8m", (200.0, 1.0, 0.0), 0),),
            border=(row("8m", (300.0, 1.0, 0.0), 0),),
            clears=(row("20m", (200.0, 1.0, 0.0), 0),),
            unknown=(row("1h", (None, None, None), 0),),
            quiet={"shown": 120.0},
        ),
        Cases(
            rule=BY_ID["E27"],
            lead=(row("1h", RUN, noise(120.0, 2.0), noise(8.0, 0.3), noise(12.0, 0.3)),),
            fires=(row("10m", RUN, 351.0, noise(8.0, 0.3), noise(12.0, 0.3)),),
            border=(
                row("10m", RUN, 350.0, 40.0, 40.0),
                row("10m", RUN, 10.0, 0.0, 0.0),
                row("4m", RUN, 351.0, noise(8.0, 0.3), noise(12.0, 0.3)),
                row("100m", RUN, 120.0, 8.0, 12.0),
                row("3h", OFF, 5.0, 50.0, 0.0),
                row("10m", RUN, 5.0, 50.0, 0.0),
            ),
            clears=(row("5m", RUN, noise(120.0, 2.0), noise(8.0, 0.3), noise(12.0, 0.3)),),
            unknown=(row("5h", RUN, None, None, None), row("1h", None, 400.0, 8.0, 12.0)),
            quiet={"t_high": 400.0, "hold": 1800.0, "settle": 9 * HOURS_S},
            loud={
                "t_high": 349.0,
                "t_low": 11.0,
                "x_high": 39.0,
                "x_low": 1.0,
                "v_high": 39.0,
                "v_low": 1.0,
                "window": HOURS_S,
                "settle": 0.0,
                "hold": 60.0,
            },
        ),
        Cases(
            rule=BY_ID["E27"],
            name="nothing moves; no humidity on this site",
            lead=(row("1h", RUN, noise(120.0, 2.0), None, noise(12.0, 0.3)),),
            fires=(row("130m", RUN, noise(120.0, 2.0), None, 12.0),),
            border=(row("110m", RUN, noise(120.0, 2.0), None, 12.0), row("1m", RUN, 120.0, None, 12.1)),
            clears=(row("5m", RUN, noise(120.0, 2.0), None, noise(12.0, 0.3)),),
            unknown=(row("5h", RUN, None, None, None),),
            quiet={"window": 5 * HOURS_S},
        ),
        Cases(
            rule=BY_ID["E28"],
            fires=(row("20m", 119.0, 4.0),),
            border=(row("1h", 120.0, 2.0), row("1h", 150.0, 6.0), row("14m", 90.0, 4.0), row("5m", 150.0, 4.0)),
            clears=(row("5m", 150.0, 4.0),),
            unknown=(row("1h", None, 4.0), row("1h", 150.0, None)),
            quiet={"line": 110.0, "hold": 1800.0},
            loud={"line": 121.0, "cooler_low": 2.5, "cooler_high": 5.5, "hold": 600.0},
        ),
        Cases(
            rule=BY_ID["E28"],
            name="no cooler on this site",
            fires=(row("20m", 119.0, None),),
            border=(row("1h", 120.0, None),),
            clears=(row("5m", 150.0, None),),
            unknown=(row("1h", None, None),),
        ),
    )
