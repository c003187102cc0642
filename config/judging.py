"""Changes to rules: what must hold for a ``[[rule]]`` without the catalogue, and the way to ask the catalogue.

The catalogue of rules is the agent's, which `config` does not know. Whoever loads a site hands in a function that knows
it (`JudgeRules`), so that a misspelt parameter is a mistake like any other, on its line, in the same pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from config.plant import change_of, plant_of
from config.site import Plant, RuleChange

if TYPE_CHECKING:
    from config.entry import Entry
    from config.findings import Findings
    from config.schema import RuleTable
    from config.tables import Document


class Objection(Protocol):
    """What the catalogue has against the `number`-th change (from 0)."""

    @property
    def number(self) -> int:
        """Its place among the changes."""

    @property
    def key(self) -> str:
        """The key of the table that is wrong."""

    @property
    def what(self) -> str:
        """What is wrong."""

    @property
    def value(self) -> Any:
        """The value, as it was given."""

    @property
    def hint(self) -> str:
        """What to write instead."""


JudgeRules = Callable[[Sequence[RuleChange], Plant | None], Iterable[Objection]]
"""Looks at changes of rules; the plant is there only when nothing else is wrong with the file."""

_LARGEST = 1e15


def rule_key(rule: RuleTable) -> str:
    """Return what a ``[[rule]]`` is about: the rule, and the object if it is for one."""
    objects = [f"{key}:{getattr(rule, key)}" for key in ("line", "facility", "outlet") if getattr(rule, key)]
    return "@".join([rule.id, *objects])


def check_rules(document: Document, judge: JudgeRules | None, findings: Findings) -> None:
    """Note parameters that cannot be, a rule that is changed twice for one object, and what the catalogue refuses.

    The last of all checks, since the catalogue is shown the plant.
    """
    first: dict[str, Entry[RuleTable]] = {}
    sound = []
    for rule in document.rule:
        is_plain = _check_params(rule, findings)
        if not rule.ok("id", "line", "facility", "outlet", "enabled"):
            continue
        twin = first.setdefault(rule_key(rule.table), rule)
        if twin is not rule:
            what = f"id: changed twice for the same object (first on line {findings.line(twin.path)})"
            findings.mistake(rule.at("id"), rule.where, what, value=rule.table.id, hint="write it once")
        elif is_plain:
            sound.append(rule)
    if judge is not None and sound:
        plant = None if findings.has_mistakes else plant_of(document)
        for one in judge([change_of(rule.table) for rule in sound], plant):
            rule = sound[one.number]
            findings.mistake(rule.at(one.key), rule.where, f"{one.key}: {one.what}", value=one.value, hint=one.hint)


def _check_params(rule: Entry[RuleTable], findings: Findings) -> bool:
    """Note parameters that could not be part of a record; return whether there are none."""
    is_plain = True
    for key, value in (rule.table.model_extra or {}).items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", key):
            what = "a parameter's name has letters a-z, digits and _"
            findings.mistake(rule.at(key), rule.where, what, hint=f"not {key[:40]!r}")
            is_plain = False
        is_number = isinstance(value, int | float) and abs(value) <= _LARGEST
        if not isinstance(value, str) and not is_number:
            what, hint = f"{key}: must be a text, number or true/false", 'such as "5m", 0.9 or true: see rules.md'
            findings.mistake(rule.at(key), rule.where, what, value=value, hint=hint)
            is_plain = False
    return is_plain
