"""``plantgate rules``: the rule catalogue, and what of it applies to a site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from agent.cli.devices import loaded
from agent.control_client import NoAnswer, NobodyThere, Visit
from agent.rules.binding import OBJECTS, bound
from agent.rules.catalogue import RULES
from agent.rules.document import GROUPS
from agent.rules.listing import listing, waits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.rules.rule import Rule
    from config.site import Site

Language = Literal["zh", "en"]
SitePath = Annotated[
    Path | None, typer.Argument(metavar="[SITE.toml]", help="Say what applies to this site.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: a list, one entry for each rule.")]
Lang = Annotated[str, typer.Option("--lang", help="zh or en.", metavar="zh|en")]


def rules(site: SitePath = None, as_json: AsJson = False, lang: Lang = "zh") -> None:
    """List the rules that plantgate judges by; with a site file, what each is active on there, or what is missing.

    What a rule has too little history for is "not ready": as the running agent of that site says, or for a site whose
    agent does not run, as at a first start. Exit 0, or 1 when the site has mistakes.
    """
    language: Language = "en" if lang == "en" else "zh"
    if site is None:
        found = [_in_brief(rule) for rule in RULES]
        print(_json(found) if as_json else "\n".join(_catalogue(language)))
        return
    rows = _of_site(loaded(site))
    print(_json(rows) if as_json else "\n".join(_told(rows, language)))


def _json(found: Any) -> str:
    return json.dumps(found, ensure_ascii=False, indent=2)


def _of_site(site: Site) -> list[dict[str, Any]]:
    """Return a row for each rule; a running agent says how much history it has."""
    applied = bound(site)
    try:
        with Visit(site.gateway.state_dir) as visit:
            told = visit.ask({"do": "rules"})["rules"]
    except (NobodyThere, NoAnswer):
        return listing(applied)
    return listing(applied, waits_of(told))


def _in_brief(rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "group": rule.group.value,
        "kind": rule.kind.value,
        "name": {"zh": rule.name.zh, "en": rule.name.en},
        "over": rule.over.value,
        "priority": rule.priority,
        "learns_days": rule.learns_days,
    }


# --- for people ----------------------------------------------------------------------------------


def _catalogue(language: Language) -> Iterator[str]:
    group = None
    for rule in RULES:
        if rule.group is not group:
            group = rule.group
            yield f"{GROUPS[group]}"
        over = getattr(OBJECTS[rule.over], language)
        yield f"  {rule.id:<4} {rule.priority:<9}{rule.kind.value:<6} {getattr(rule.name, language)}  ({over})"
    yield f"{len(RULES)} rules; docs/rules.md has what each means; `plantgate rules SITE.toml` says what applies"


def _told(rows: list[dict[str, Any]], language: Language) -> Iterator[str]:
    active = [row for row in rows if row["active"]]
    waiting = [row for row in active if row["not_ready"]]
    resting = [row for row in rows if not row["active"]]
    yield _heads(language)[0].format(len(active), len(rows))
    yield from (f"  {row['rule']:<4} {row['name'][language]}: {', '.join(row['active'])}" for row in active)
    yield _heads(language)[1].format(len(waiting))
    yield from (f"  {row['rule']:<4} {row['name'][language]}: {_wait(row, language)}" for row in waiting)
    yield _heads(language)[2].format(len(resting))
    yield from (f"  {row['rule']:<4} {row['name'][language]}: {_why(row, language)}" for row in resting)


def _heads(language: Language) -> tuple[str, str, str]:
    if language == "zh":
        return "已启用 {} / {} 条", "其中数据积累不足 {} 条", "不适用 {} 条"
    return "active: {} of {}", "of these not ready: {}", "not applicable: {}"


def _wait(row: dict[str, Any], language: Language) -> str:
    days, objects = row["not_ready_days"], ", ".join(row["not_ready"])
    hours = max(row["not_ready"].values()) / 3600
    if hours < 24:  # noqa: PLR2004  a day
        return f"还需{hours:.1f}小时 ({objects})" if language == "zh" else f"needs {hours:.1f} h ({objects})"
    return f"还需{days}天 ({objects})" if language == "zh" else f"needs {days} days ({objects})"


def _why(row: dict[str, Any], language: Language) -> str:
    if row["off"] is not None:
        return str(row["off"][language])
    lacks = "缺少 " if language == "zh" else "missing: "
    objects: dict[str, list[str]] = {}
    for name, texts in row["missing"].items():
        objects.setdefault(lacks + ", ".join(text[language] for text in texts), []).append(name)
    for name, text in row["unfit"].items():
        objects.setdefault(text[language], []).append(name)
    return "; ".join(f"{words} ({', '.join(names)})" for words, names in objects.items())
