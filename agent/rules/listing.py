"""What ``plantgate rules SITE.toml`` says of each rule: on what it is active, what is not ready, what is missing.

Plain JSON-able data, made from a site file alone, or with what a running agent knows of its history.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from agent.rules.binding import alarm_id
from agent.rules.rule import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.rules.binding import Bound
    from agent.rules.rule import Rule
    from config.site import Text


def listing(bound: Bound, ready_in_s: Mapping[str, float] | None = None) -> list[dict[str, Any]]:
    """Return one row for each rule of the catalogue.

    `ready_in_s` is, by alarm, how much history is missing (`Judge.ready_in_s`); not given: all of it, as at a start.
    """
    waits = fresh(bound) if ready_in_s is None else ready_in_s
    return [_row(rule, bound, waits) for rule in bound.rules]


def fresh(bound: Bound) -> dict[str, float]:
    """Return how much history each rule needs before it can judge anything."""
    return {one.id: one.evaluator().ready_in_s() for one in bound.bindings}


def waits_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return from the rows of a running agent how much history is missing, by alarm."""
    return {alarm_id(row["rule"], key): float(wait) for row in rows for key, wait in row["not_ready"].items()}


def _row(rule: Rule, bound: Bound, waits: Mapping[str, float]) -> dict[str, Any]:
    mine = [one for one in bound.bindings if one.rule is rule]
    waiting = {one.place.key: waits.get(one.id, 0.0) for one in mine if waits.get(one.id, 0.0) > 0}
    refused = [one for one in bound.refusals if one.rule is rule]
    off = bound.off.get(rule.id)
    return {
        "rule": rule.id,
        "group": rule.group.value,
        "name": _both(rule.name),
        "means": _both(rule.means),
        "check": _both(rule.check),
        "over": rule.over.value,
        "priority": rule.priority,
        "active": [one.place.key for one in mine],
        "not_ready": waiting,
        "not_ready_days": ceil(max(waiting.values()) / DAY_S) if waiting else 0,
        "missing": {one.place.key: [_both(text) for text in one.missing] for one in refused if one.missing},
        "unfit": {one.place.key: _both(one.reason) for one in refused if one.reason is not None},
        "off": None if off is None else _both(off),
    }


def _both(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}
