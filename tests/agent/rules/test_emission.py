"""The limits and totals of emission, E1 to E6, in stories: a limit of 35 mg/m3, oxygen that tells whether it burns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from agent.rules.emission import LIMITS, RULES
from agent.rules.rule import Group
from tests.agent.rules.rig import OFF, RUN, Cases, EachRule, by_id, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.rules.rule import Moment

BY_ID = by_id(LIMITS)
LIMIT = {"limit": 35.0}
WHOLE, HALF, NONE = 3600.0, 1800.0, 0.0
"""Seconds that production ran in an hour."""
BURNING, AIR = 12.0, 20.9
"""Percent of oxygen."""


def every(count: int, there: float, elsewhere: float) -> Callable[[Moment], float]:
    """Return a value that is `there` every so many minutes."""

    def value(at: Moment) -> float:
        assert at.minute is not None
        return there if at.minute % count == 0 else elsewhere

    return value


class TestLimits(EachRule):
    """E1 to E6."""

    rules = LIMITS
    table: ClassVar[tuple[Cases, ...]] = (
        Cases(
            rule=BY_ID["E1"],
            facts=LIMIT,
            fires=(row("2h", HALF, BURNING, 35.01),),
            border=(row("5h", WHOLE, BURNING, 35.0),),
            clears=(row("2h", WHOLE, BURNING, 34.9),),
            unknown=(row("5h", WHOLE, BURNING, None),),
            quiet={"share": 1.1, "rest_o2": 11.0},
            loud={"share": 0.99},
        ),
        Cases(
            rule=BY_ID["E1"],
            name="at rest, and an hour of starting",
            facts=LIMIT,
            fires=(row("2h", WHOLE, AIR, 40.0),),
            border=(row("2h", HALF, AIR, 900.0), row("5h", NONE, AIR, 900.0)),
            clears=(row("2h", NONE, AIR, 900.0),),
            unknown=(row("5h", HALF, AIR, 900.0), row("2h", None, AIR, 900.0)),
            loud={"rest_o2": 21.0},
        ),
        Cases(
            rule=BY_ID["E1"],
            name="an outlet without oxygen and production",
            facts=LIMIT,
            fires=(row("2h", None, None, 35.1),),
            border=(row("5h", None, None, 35.0),),
            clears=(row("2h", None, None, 10.0),),
            unknown=(row("5h", None, None, None),),
        ),
        Cases(
            rule=BY_ID["E2"],
            facts=LIMIT,
            lead=(row("1h", RUN, BURNING, 20.0),),
            fires=(row("4m", RUN, BURNING, 31.6),),
            border=(row("1h", RUN, BURNING, 31.5), row("1h", RUN, BURNING, every(3, 40.0, 20.0))),
            clears=(row("8m", RUN, BURNING, 29.7),),
            unknown=(row("1h", RUN, BURNING, None),),
            quiet={"share": 0.95, "n": 5.0},
            loud={"share": 0.89, "n": 2.0},
        ),
        Cases(
            rule=BY_ID["E2"],
            name="every other minute",
            facts=LIMIT,
            lead=(row("1h", RUN, BURNING, 20.0),),
            fires=(row("20m", RUN, BURNING, every(2, 32.0, 20.0)),),
            border=(row("1h", RUN, BURNING, every(4, 32.0, 20.0)),),
            clears=(row("20m", RUN, BURNING, 20.0),),
            unknown=(row("1h", None, None, 40.0),),
            quiet={"m": 4.0},
        ),
        Cases(
            rule=BY_ID["E2"],
            name="once above, it counts until clearly below",
            facts=LIMIT,
            lead=(row("1h", RUN, BURNING, 20.0),),
            fires=(row("1m", RUN, BURNING, 31.6), row("9m", RUN, BURNING, 30.0)),
            border=(row("2h", RUN, BURNING, 31.4),),
            clears=(row("20m", RUN, BURNING, 29.7),),
            unknown=(row("1h", RUN, BURNING, None),),
            quiet={"clear": 0.9},
        ),
        Cases(
            rule=BY_ID["E2"],
            name="just begun, the oxygen still that of air",
            facts=LIMIT,
            lead=(row("1h", OFF, AIR, 300.0),),
            fires=(row("30m", RUN, 20.0, 300.0),),
            border=(row("14m", RUN, 20.0, 300.0),),
            clears=(row("5m", OFF, AIR, 300.0),),
            unknown=(row("1h", None, 20.0, 300.0),),
            quiet={"settle": 3600.0},
            loud={"settle": 300.0, "rest_o2": 20.4},
        ),
        Cases(
            rule=BY_ID["E2"],
            name="last evening is not this morning",
            facts=LIMIT,
            lead=(row("1h", RUN, BURNING, 20.0),),
            fires=(row("3m", RUN, BURNING, 40.0),),
            border=(
                row("2m", RUN, BURNING, 40.0),
                row("9h", OFF, AIR, 20.0),
                row("1m", RUN, BURNING, 40.0),
                row("9m", RUN, BURNING, 20.0),
            ),
            clears=(row("2m", OFF, AIR, 40.0),),
            unknown=(row("1h", RUN, BURNING, None),),
        ),
        Cases(
            rule=BY_ID["E3"],
            facts=LIMIT,
            fires=(row("20m", RUN, BURNING, 36.0),),
            border=(row("50m", RUN, BURNING, 34.7), row("5m", RUN, BURNING, 36.0)),
            clears=(row("20m", RUN, BURNING, 20.0),),
            unknown=(row("40m", RUN, BURNING, None),),
            quiet={"share": 1.1, "from_minute": 45.0},
            loud={"share": 0.99},
        ),
        Cases(
            rule=BY_ID["E3"],
            name="ten high minutes are not yet an hour",
            facts=LIMIT,
            lead=(row("25m", RUN, BURNING, 20.0),),
            fires=(row("20m", RUN, BURNING, 60.0),),
            border=(row("1m", RUN, BURNING, 60.0), row("9m", RUN, BURNING, 20.0)),
            clears=(row("30m", RUN, BURNING, 20.0),),
            unknown=(row("14m", RUN, BURNING, None),),
            loud={"last": 1.0},
        ),
        Cases(
            rule=BY_ID["E3"],
            name="at rest",
            facts=LIMIT,
            lead=(row("2h", OFF, AIR, 900.0),),
            fires=(row("1h", RUN, 20.0, 300.0),),
            border=(row("2h", OFF, AIR, 900.0), row("14m", RUN, 20.0, 300.0)),
            clears=(row("5m", OFF, AIR, 900.0),),
            unknown=(row("1h", None, AIR, 900.0),),
            quiet={"settle": 7200.0},
            loud={"rest_o2": 21.0},
        ),
        Cases(
            rule=BY_ID["E4"],
            facts=LIMIT,
            fires=(row("6h", WHOLE, BURNING, 31.6),),
            border=(row("5h", WHOLE, BURNING, 33.0), row("1h", WHOLE, BURNING, 24.0), row("15h", WHOLE, BURNING, 31.5)),
            clears=(row("12h", WHOLE, BURNING, 20.0),),
            unknown=(row("10h", WHOLE, BURNING, None),),
            quiet={"share": 0.95, "hours": 8.0},
            loud={"share": 0.89},
        ),
        Cases(
            rule=BY_ID["E4"],
            name="a day of one shift",
            facts=LIMIT,
            lead=(row("7h", NONE, AIR, 900.0),),
            fires=(row("8h", WHOLE, BURNING, 33.0),),
            border=(row("5h", WHOLE, BURNING, 33.0), row("10h", NONE, AIR, 900.0)),
            clears=(row("3h", NONE, AIR, 900.0),),
            unknown=(row("5h", HALF, AIR, 900.0),),
            loud={"rest_o2": 21.0},
        ),
        Cases(
            rule=BY_ID["E5"],
            facts={"permit_mass": 3650.0},
            start="2026-01-01 00:00",
            lead=(row("20d", 10.0 / 24),),
            fires=(row("30d", 15.0 / 24),),
            border=(row("40d", 10.9 / 24),),
            clears=(row("90d", 2.0 / 24),),
            unknown=(row("8d", None),),
            quiet={"tolerance": 0.5, "from_day": 60.0},
            loud={"tolerance": 0.0},
        ),
        Cases(
            rule=BY_ID["E6"],
            facts=LIMIT,
            fires=(row("30h", WHOLE, BURNING, 34.0),),
            border=(
                row("17h", WHOLE, BURNING, 34.0),
                row("24h", WHOLE, BURNING, 35.1),
            ),
            clears=(row("10h", WHOLE, BURNING, 20.0),),
            unknown=(row("30h", WHOLE, BURNING, None),),
            quiet={"low": 0.98, "window": 50 * 3600.0},
        ),
        Cases(
            rule=BY_ID["E6"],
            name="not that often",
            facts=LIMIT,
            fires=(row("24h", WHOLE, BURNING, 34.0),),
            border=tuple(row("1h", WHOLE, BURNING, 34.0 if hour % 3 else 20.0) for hour in range(60)),
            clears=(row("10h", WHOLE, BURNING, 20.0),),
            unknown=(row("30h", HALF, AIR, 34.0),),
            quiet={"share": 1.01},
            loud={"share": 0.6},
        ),
        Cases(
            rule=BY_ID["E6"],
            name="hours at rest are no hours",
            facts=LIMIT,
            lead=(row("10h", NONE, AIR, 34.0),),
            fires=(row("20h", WHOLE, BURNING, 34.0),),
            border=(row("20h", WHOLE, BURNING, 20.0), row("40h", NONE, AIR, 34.0), row("1h", WHOLE, BURNING, 20.0)),
            clears=(row("10h", WHOLE, BURNING, 20.0),),
            unknown=(row("10h", HALF, AIR, 34.0),),
            loud={"rest_o2": 21.0},
        ),
    )


def test_the_group_is_whole() -> None:
    """All 28 rules of emission are there, in the catalogue's order, and say what they are in both languages."""
    assert [rule.id for rule in RULES] == [f"E{number}" for number in range(1, 29)]
    assert all(rule.group is Group.EMISSION and rule.source for rule in RULES)
    texts = [text for rule in RULES for text in (rule.name, rule.means, rule.check)]
    assert all(text.zh and text.en and text.zh != text.en for text in texts)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_rule_says_that_anybody_cheated(rule: object) -> None:
    """The edge only flags: no text speaks of falsification as a fact."""
    texts = (rule.name, rule.means, rule.check)  # type: ignore[attr-defined]

    assert not [text for text in texts if "造假" in text.zh or "作假" in text.zh or "falsif" in text.en.lower()]


@pytest.mark.parametrize("rule", RULES[:4], ids=lambda rule: rule.id)
def test_only_rest_and_starts_keep_a_limit_still(rule: object) -> None:
    """Maintenance, calibration and faults hide no limit alarm; their flagged values are simply not judged."""
    assert rule.muted.marks == ("stopped", "starting", "stopping")  # type: ignore[attr-defined]
