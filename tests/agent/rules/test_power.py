"""The rules of power and meters, W1 to W12: each in stories, and what ordinary meters do without being told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from agent.rules.power import RULES
from tests.agent.rules.rig import Cases, EachRule, Rig, by_id, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.rules.rule import Moment

BY_ID = by_id(RULES)
RATED = {"rated": 60.0, "rated_current": 100.0, "rated_voltage": 220.0}


def counter(kwh: float, per_hour: float, step: float = 0.01, end: float = 1e9) -> Callable[[Moment], float]:
    """Return a counter that stood at `kwh` when the story began and rises by whole steps up to its register's end."""

    def reading(at: Moment) -> float:
        counted = kwh + per_hour * (at.mono_ns / 1e9 - 1000) / 3600
        return round(counted / step) * step % end

    return reading


class TestPower(EachRule):
    """W1 to W12."""

    rules = RULES
    table: ClassVar[tuple[Cases, ...]] = (
        Cases(
            rule=BY_ID["W1"],
            lead=(row("20m", 10.0, (6.0, 4.0)),),
            fires=(row("31m", 10.0, (6.6, 4.0)),),
            border=(row("2h", 10.0, (6.5, 4.0)), row("2h", 1.0, (0.63, 0.5))),
            clears=(row("30m", 10.0, (6.0, 4.0)),),
            unknown=(row("2h", None, (6.6, 4.0)), row("2h", 10.0, (6.6, None))),
            quiet={"ratio": 1.1, "slack": 20.0, "hold": 3600.0, "window": 2700.0},
            loud={"ratio": 1.04, "slack": 1.0},
        ),
        Cases(
            rule=BY_ID["W2"],
            facts=RATED,
            fires=(row("3m", 131.0, 220.0, 221.0),),
            border=(row("1h", 132.0, 220.0, 221.0), row("1h", 100.0, 176.0, 100.0), row("1h", 0.0, 0.0, 0.0)),
            clears=(row("3m", 219.0, 220.0, 221.0),),
            unknown=(row("1h", None, 220.0, 221.0),),
            quiet={"low": 0.5, "high": 1.1, "hold": 600.0},
            loud={"low": 0.61, "high": 0.7},
        ),
        Cases(
            rule=BY_ID["W3"],
            facts=RATED,
            fires=(row("12m", 236.0, 220.0, 221.0),),
            border=(row("1h", 235.4, 198.0, 220.0), row("9m", 240.0, 220.0, 220.0), row("1h", 100.0, 220.0, 0.0)),
            clears=(row("3m", 220.0, 220.0, 221.0),),
            unknown=(row("1h", None, 220.0, 221.0),),
            quiet={"high": 1.1, "hold": 1800.0},
            loud={"high": 1.06, "low": 0.95, "dead": 0.4, "hold": 300.0},
        ),
        Cases(
            rule=BY_ID["W3"],
            name="too low",
            facts=RATED,
            fires=(row("12m", 220.0, 190.0, 221.0),),
            border=(row("1h", 220.0, 198.0, 221.0),),
            clears=(row("3m", 220.0, 220.0, 221.0),),
            unknown=(row("1h", 220.0, None, 221.0),),
            quiet={"low": 0.85, "dead": 0.87},
        ),
        Cases(
            rule=BY_ID["W3"],
            name="a meter with one phase",
            facts=RATED,
            fires=(row("12m", 236.0, None, None),),
            border=(row("1h", 235.4, None, None),),
            clears=(row("3m", 220.0, None, None),),
            unknown=(row("1h", None, None, None),),
        ),
        Cases(
            rule=BY_ID["W4"],
            facts=RATED,
            fires=(row("12m", 0.9, 20.0, 22.0),),
            border=(row("1h", 1.0, 20.0, 20.0), row("1h", 0.0, 10.0, 10.0), row("1h", 0.0, 0.0, 0.0)),
            clears=(row("3m", 20.0, 20.0, 22.0),),
            unknown=(row("1h", None, 20.0, 22.0),),
            quiet={"lost": 0.02, "least": 0.3, "hold": 1800.0},
            loud={"lost": 0.06, "least": 0.09},
        ),
        Cases(
            rule=BY_ID["W5"],
            facts=RATED,
            fires=(row("32m", 30.0, 30.0, 14.0),),
            border=(row("29m", 30.0, 30.0, 14.0), row("2h", 30.0, 30.0, 15.0), row("2h", 20.0, 5.0, 5.0)),
            clears=(row("3m", 30.0, 30.0, 20.0),),
            unknown=(row("2h", 30.0, None, 14.0),),
            quiet={"unbalance": 0.6, "least": 0.3, "hold": 3600.0},
            loud={"unbalance": 0.45, "least": 0.19, "hold": 900.0},
        ),
        Cases(
            rule=BY_ID["W6"],
            facts=RATED,
            fires=(row("12m", 20.0, 11.0, -2.0, 11.0, 0),),
            border=(row("9m", -5.0, -2.0, -2.0, -1.0, 0), row("1h", -1.2, 0.0, -1.2, 0.0, 0b1111)),
            clears=(row("3m", 30.0, 10.0, 10.0, 10.0, 0),),
            unknown=(row("1h", None, None, None, None, None), row("1h", 20.0, 11.0, None, 11.0, 0)),
            quiet={"reverse": 0.04, "hold": 1800.0},
            loud={"reverse": 0.01, "hold": 480.0},
        ),
        Cases(
            rule=BY_ID["W6"],
            name="by the meter's status word alone",
            facts=RATED,
            fires=(row("12m", 0.0, None, None, None, 0b10000),),
            border=(row("1h", 0.0, None, None, None, 0b101111),),
            clears=(row("3m", 0.0, None, None, None, 0),),
            unknown=(row("1h", None, None, None, None, None),),
        ),
        Cases(
            rule=BY_ID["W7"],
            facts=RATED,
            lead=(row("1h", 5000.0),),
            fires=(row("5m", 4999.0),),
            border=(row("2h", 5000.0), row("1m", 5019.0), row("1m", 5019.0)),
            clears=(row("15m", 4999.0),),
            unknown=(row("1h", None),),
            loud={"rate": 1.0, "slack": 600.0},
        ),
        Cases(
            rule=BY_ID["W7"],
            name="a jump",
            facts=RATED,
            lead=(row("1h", 5000.0),),
            fires=(row("5m", 5020.0),),
            border=(row("5m", 5018.0),),
            clears=(row("15m", 5020.0),),
            unknown=(row("1h", None),),
            quiet={"rate": 1.4, "slack": 1200.0},
        ),
        Cases(
            rule=BY_ID["W8"],
            facts=RATED,
            fires=(row("2h", 37.0, 40.0),),
            border=(row("5h", 38.0, 40.0), row("5h", 3.0, 4.1), row("1h", 30.0, 40.0), row("1h", 40.0, 40.0)),
            clears=(row("2h", 40.0, 40.0),),
            unknown=(row("5h", None, 40.0), row("5h", 37.0, None)),
            quiet={"apart": 0.1, "least": 0.06, "hold": 7200.0},
            loud={"apart": 0.04, "least": 0.01, "hold": 0.0},
        ),
        Cases(
            rule=BY_ID["W9"],
            facts=RATED,
            fires=(row("32m", 20.0, 0.25, None),),
            border=(row("2h", 20.0, 0.3, 66.0), row("2h", 12.0, 0.1, 120.0), row("2h", 20.0, 1.0, 19.7)),
            clears=(row("3m", 20.0, 0.9, None),),
            unknown=(row("2h", None, 0.25, None), row("2h", 20.0, None, None)),
            quiet={"factor": 0.2, "least": 0.4, "hold": 3600.0},
            loud={"factor": 0.31, "least": 0.19, "excess": 1.01},
        ),
        Cases(
            rule=BY_ID["W9"],
            name="active above apparent power",
            facts=RATED,
            fires=(row("32m", 20.0, 0.9, 19.0),),
            border=(row("2h", 20.0, 0.9, 20.0),),
            clears=(row("3m", 20.0, 0.9, 22.0),),
            unknown=(row("2h", 20.0, 0.9, None),),
            quiet={"excess": 1.06},
        ),
        Cases(
            rule=BY_ID["W10"],
            facts=RATED,
            fires=(row("12m", 1, 220.0, None, 0.5, 0.5, 1.9),),
            border=(
                row("1h", 1, 220.0, None, 0.5, 2.0, 0.0),
                row("1h", 0, 220.0, None, 0.0, 0.0, 0.0),
                row("1h", 1, 176.0, None, 0.0, 0.0, 0.0),
            ),
            clears=(row("3m", 1, 220.0, None, 30.0, 30.0, 30.0),),
            unknown=(row("1h", None, 220.0, None, 0.0, 0.0, 0.0), row("1h", 1, 220.0, None, None, 0.0, 0.0)),
            quiet={"current": 0.01, "voltage": 1.1, "hold": 1800.0},
            loud={"current": 0.03, "voltage": 0.7},
        ),
        Cases(
            rule=BY_ID["W10"],
            name="a meter with one current",
            facts=RATED,
            fires=(row("12m", 1, 220.0, 0.0, None, None, None),),
            border=(row("1h", 1, 220.0, 2.0, None, None, None),),
            clears=(row("3m", 1, 220.0, 30.0, None, None, None),),
            unknown=(row("1h", 1, 220.0, None, None, None, None),),
        ),
        Cases(
            rule=BY_ID["W11"],
            lead=(row("1h", (3.0, 17.0, 417001.0)),),
            fires=(row("5m", (4.0, 17.0, 417001.0)),),
            border=(row("5m", (None, 17.0, 417001.0)), row("1h", (3.0, 17.0, 417001.0))),
            clears=(row("15m", (4.0, 17.0, 417001.0)),),
            unknown=(row("1h", (None, None, None)),),
        ),
        Cases(
            rule=BY_ID["W12"],
            facts=RATED,
            fires=(row("7m", None, 80.0, 121.0, 80.0),),
            border=(row("1h", None, 120.0, 100.0, 100.0), row("4m", None, 150.0, 150.0, 150.0), row("3m", *[90.0] * 4)),
            clears=(row("3m", None, 100.0, 100.0, 100.0),),
            unknown=(row("1h", None, None, None, None),),
            quiet={"high": 1.3, "hold": 900.0},
            loud={"high": 1.1, "hold": 120.0},
        ),
        Cases(
            rule=BY_ID["W12"],
            name="a meter with one current",
            facts=RATED,
            fires=(row("7m", 121.0, None, None, None),),
            border=(row("1h", 120.0, None, None, None),),
            clears=(row("3m", 100.0, None, None, None),),
            unknown=(row("1h", None, None, None, None),),
        ),
    )


@pytest.mark.parametrize(
    ("kwh", "per_hour", "step", "end"),
    [
        pytest.param(999_990.0, 40.0, 0.01, 1e6, id="six digits with decimals"),
        pytest.param(99_950.0, 55.0, 1.0, 1e5, id="five digits, behind a ratio of 100"),
        pytest.param(2**32 - 20.0, 40.0, 1.0, 2.0**32, id="32 bits"),
    ],
)
def test_a_counter_may_pass_the_end_of_its_register(kwh: float, per_hour: float, step: float, end: float) -> None:
    """W7 takes a wrap for what it is, when the rise through the end of the register is believable."""
    rig = Rig(BY_ID["W7"], RATED)
    rig.feed(row("6h", counter(kwh, per_hour, step, end)))
    assert rig.changes == []


@pytest.mark.parametrize("cleared_at", [5_000.0, 9_000.0, 99_000.0, 123_456.0, 999_000.0])
def test_a_cleared_counter_is_no_wrap(cleared_at: float) -> None:
    """W7 raises for a counter that begins again at zero anywhere but at the end of a register."""
    rig = Rig(BY_ID["W7"], RATED)
    rig.feed(row("1h", cleared_at), row("5m", 0.0))
    assert rig.changes == ["raised"]


def test_of_a_main_meter_without_a_rated_power_falls_are_told() -> None:
    """W7 knows no jump there, but a fall; a wrap is one from the last hundredth of a register to its first."""
    rig = Rig(BY_ID["W7"])
    rig.feed(row("1h", 5000.0), row("1h", 99_800.0), row("1h", 40.0))
    assert rig.changes == []
    rig.feed(row("5m", 39.0))
    assert rig.changes == ["raised"]


def test_a_gap_in_the_readings_is_given_its_time() -> None:
    """W7 compares with the time since the last reading: a day's energy after a day without readings is no jump."""
    rig = Rig(BY_ID["W7"], RATED)
    rig.feed(row("1h", counter(5000.0, 50.0)), row("24h", None), row("1h", counter(5000.0, 50.0)))
    assert rig.changes == []


def test_coarse_counters_raise_nothing() -> None:
    """A counter of whole kWh behind a ratio of 100 is believed by W7, minute for minute."""
    rig = Rig(BY_ID["W7"], {"rated": 4.0})
    rig.feed(row("1d", counter(5000.0, 3.7, step=1.0)))
    assert rig.changes == []
