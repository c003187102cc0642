"""All rules: the six groups in one tuple, and by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.rules import data, emission, plan, power, production, treatment
from agent.rules.rule import Group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.rules.rule import Rule

OF_GROUP: Final[Mapping[Group, tuple[Rule, ...]]] = {
    Group.PRODUCTION: production.RULES,
    Group.TREATMENT: treatment.RULES,
    Group.EMISSION: emission.RULES,
    Group.POWER: power.RULES,
    Group.DATA: data.RULES,
    Group.PLAN: plan.RULES,
}
RULES: Final[tuple[Rule, ...]] = tuple(rule for rules in OF_GROUP.values() for rule in rules)
BY_ID: Final[Mapping[str, Rule]] = {rule.id: rule for rule in RULES}
