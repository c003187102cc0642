"""agent.rules.sources: the amount of a period is the same in whatever unit an instrument tells its rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.rules import quantity as q
from agent.rules.rule import Grain, Group, Kind, Rule, Scope
from config.site import Text
from tests.agent.judged_house import House
from tests.agent.rules.described import WORKS, site

if TYPE_CHECKING:
    from pathlib import Path


class Noted:
    """An evaluator that never fires, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def update(self, _at: Any, *given: Any) -> bool | None:
        """Note it."""
        self.given.append(given)
        return False

    def skip(self, count: int) -> None:
        """Nothing."""

    def evidence(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def ready_in_s(self) -> float:
        """Return that it is ready."""
        return 0.0

    def snapshot(self) -> Any:
        """Return nothing."""
        return {}

    def restore(self, state: Any) -> None:
        """Nothing."""


@pytest.mark.parametrize(("unit", "told"), [("m3/h", 36000.0), ("m3/s", 10.0), ("L/s", 10000.0), ("m3/min", 600.0)])
def test_the_amount_of_a_minute_is_in_the_unit_of_its_quantity(tmp_path: Path, unit: str, told: float) -> None:
    """Ten cubic metres a second make 600 m3 a minute, and with 50 mg/m3 in them 30 g."""
    noted = Noted()
    probe = Rule(
        id="P1",
        group=Group.PRODUCTION,
        kind=Kind.LIM,
        name=Text("探针", "probe"),
        means=Text("", ""),
        check=Text("", ""),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(q.FLOW.total, q.MASS.total),
        build=lambda _p, _f: noted,
    )
    works = site(tmp_path, WORKS.replace('unit = "m3/h"', f'unit = "{unit}"'))
    says = {"press": (0.0, 0.0, 0.0), "dcs": (True, True, 0.0), "cems": (50.0, 9.0, told, -200.0)}
    House(works, says, [probe]).run(130)

    assert noted.given[-1] == pytest.approx((600.0, 0.03))
