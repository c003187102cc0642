"""``docs/rules.md`` from the declarations: ``python -m agent.rules.document docs/rules.md``. A test compares."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.rules.binding import OBJECTS
from agent.rules.catalogue import OF_GROUP, RULES
from agent.rules.quantity import Span
from agent.rules.rule import SHARED, Grain, Group

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agent.rules.quantity import Read
    from agent.rules.rule import Param, Rule

GROUPS: Final = {
    Group.PRODUCTION: "生产 Production",
    Group.TREATMENT: "治理 Treatment",
    Group.EMISSION: "排放 Emission",
    Group.POWER: "电力 Power and meter",
    Group.DATA: "数据与设备 Data and equipment",
    Group.PLAN: "应急预案 Emergency plan",
}
WHEN: Final = {
    Grain.NOW: "every second, and at once when a state or a bit changes",
    Grain.MINUTE: "every closed minute",
    Grain.HOUR: "every closed hour",
    Grain.DAY: "every closed day",
}
SPANS: Final = {
    Span.NOW: "now",
    Span.FLAG: "flag",
    Span.AGE: "age",
    Span.MINUTE: "minute mean",
    Span.HOUR: "hour mean",
    Span.DAY: "day mean",
    Span.LEAST: "least of the period",
    Span.MOST: "most of the period",
    Span.TOTAL: "amount of the period",
    Span.COUNT: "readings of the period",
    Span.EXPECTED: "readings expected",
}

_HEAD: Final = """\
# 规则目录 The rule catalogue

This page is made from the declarations in `agent/rules/` (`python -m agent.rules.document docs/rules.md`); do not edit.

{count} rules in six groups. They apply by themselves to what a site file describes; `plantgate rules SITE.toml` says
for each on what it is active, what it has too little history for, and what is missing. A rule flags; what it means is
for people to find out, and whether something was falsified is for the authority.

Where a default comes from: **C** confirmed in a named source, **K** checked by running code, **I** inferred, **R** a
rule of thumb from memory (never a requirement of a standard), **P** proposed by us. What is not known satisfies no rule
and clears none.

Every rule also has these parameters, changed like its own in a `[[rule]]` table with its `id`, for a `line`, `facility`
or `outlet` where it names one; `enabled = false` switches it off. Durations are texts such as `"3m"`.
"""


def document() -> str:
    """Return the page."""
    parts = [_HEAD.format(count=len(RULES)), "\n".join(_table(SHARED))]
    parts += [part for group, rules in OF_GROUP.items() for part in (_group(group, rules), *map(_rule, rules))]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _group(group: Group, rules: tuple[Rule, ...]) -> str:
    return f"## {GROUPS[group]} ({group.letter}, {len(rules)} rules, pack `{group.value}`)"


def _rule(rule: Rule) -> str:
    lines = [
        f"### {rule.id} {rule.name.zh} {rule.name.en}",
        "",
        f"{rule.means.zh}<br>{rule.means.en}",
        "",
        f"**先查 Check first.** {rule.check.zh}<br>{rule.check.en}",
        "",
        *_facts(rule),
    ]
    return "\n".join([*lines, "", *_table(rule.params)] if rule.params else lines)


def _facts(rule: Rule) -> Iterator[str]:
    thing = OBJECTS[rule.over]
    yield f"- over each {thing.en} ({thing.zh}), judged {WHEN[rule.grain]}; kind {rule.kind.value}"
    if rule.types:
        yield f"- only for facilities of type {', '.join(rule.types)}"
    yield f"- reads {', '.join(map(_read, rule.reads))}"
    if rule.either:
        yield f"- needs at least one of {', '.join(one.label.en for one in rule.either)}"
    if rule.facts:
        yield f"- needs from the site file: {', '.join(f'`{one.name}` ({one.label.en})' for one in rule.facts)}"
    yield f"- priority {rule.priority}" + ("; passes at once" if rule.is_momentary else "")
    if rule.learns_days:
        yield f'- says "not ready" until it has {rule.learns_days} days of history'
    if rule.muted.marks or rule.muted.rules:
        marks = [f"mark {mark}" for mark in rule.muted.marks]
        yield f"- muted by {', '.join((*marks, *(f'an active {one}' for one in rule.muted.rules)))}"
    if rule.source:
        yield f"- source: {rule.source}"


def _read(read: Read) -> str:
    optional = ", if there is one" if read.optional else ""
    return f"{read.quantity.label.en} ({SPANS[read.span]}{optional})"


def _table(params: Mapping[str, Param]) -> list[str]:
    rows = ["| Parameter | Default | From | Meaning |", "|---|---|---|---|"]
    return rows + [
        f"| `{name}` | {_shown(param.default, param.unit)} | {param.source} | {_cell(param.says)} |"
        for name, param in params.items()
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _shown(value: Any, unit: str) -> str:
    if value is None:
        return "of the rule"
    if unit == "s":
        return f'`"{duration(float(value))}"`'
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value:g}`" + (f" {unit}" if unit else "")


def duration(seconds: float) -> str:
    """Return a duration as the site file writes it: in the largest unit that gives a whole number."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def main(path: str) -> None:
    """Write the page."""
    Path(path).write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
