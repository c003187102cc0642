"""``plantgate task``: what staff are to look at, by when, and what they found."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.cli.devices import loaded
from agent.cli.door import AsJson, SitePath, asked, entered, printed
from agent.cli.order import local

task = typer.Typer(
    help="Inspection tasks for staff: a place, what to check, by when; and the answers. "
    "Use it to send somebody to look; a task that is not answered in time is an alarm.",
    no_args_is_help=True,
)

Place = Annotated[str, typer.Option(help="The code of the place, as on the sign there.")]
Due = Annotated[str, typer.Option(help='When it must be answered: "+8h", "2026-11-23 20:00".')]
Title = Annotated[str | None, typer.Option(help="A title.")]
Items = Annotated[list[str] | None, typer.Option("--item", help="Something to check, answered with a text.")]
ItemsFile = Annotated[
    Path | None,
    typer.Option("--items", metavar="FILE.json", help="A list of items: text, kind (text choice number photo), …"),
]
Number = Annotated[str, typer.Argument(metavar="ID")]
Answers = Annotated[list[str], typer.Argument(metavar="ITEM=ANSWER...", help="An answer to every item.")]


@task.command("enter")
def enter(
    site: SitePath, place: Place, due: Due, title: Title = None, item: Items = None, items: ItemsFile = None
) -> None:
    """Enter a task."""
    listed: list[Any] = [*(item or []), *_of_file(items)]
    told = entered(site, {"do": "task", "place": place, "due": due, "title": title, "items": listed})["task"]
    print(f"task {told['id']}: {told['place']}, {len(told['items'])} to check")


def _of_file(path: Path | None) -> list[Any]:
    """Return the items of a file, or end the verb."""
    if path is None:
        return []
    try:
        listed = jsonlib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"plantgate: {path}: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    return listed if isinstance(listed, list) else [listed]


@task.command("answer")
def answer(site: SitePath, number: Number, answers: Answers) -> None:
    """Answer a task as a whole: ``plantgate task answer SITE.toml t7 1="all well" dp=950``."""
    given = {}
    for one in answers:
        name, sign, value = one.partition("=")
        if not sign:
            raise typer.BadParameter(f"{one!r}: write ITEM=ANSWER")
        given[name] = value
    told = entered(site, {"do": "answer-task", "id": number, "answers": given})
    print(f"task {number} answered" + (", late" if told["late"] else ""))


@task.command("withdraw")
def withdraw(site: SitePath, number: Number, reason: Annotated[str, typer.Option(help="Why.")]) -> None:
    """Withdraw a task that need not be done."""
    entered(site, {"do": "withdraw-task", "id": number, "reason": reason})
    print(f"task {number} withdrawn")


@task.command("list")
def list_them(site: SitePath, everything: Annotated[bool, typer.Option("--all")] = False, json: AsJson = False) -> None:
    """List the open tasks; with --all also those that are done."""
    checked = loaded(site)
    tasks = asked(checked, {"do": "book", "all": everything})["tasks"]
    if json:
        printed(tasks)
        return
    zone = ZoneInfo(checked.gateway.timezone)
    table = Table("", "id", "place 地点", "title 任务", "items 检查项", "due 期限", "state 状态", box=None)
    for one in tasks:
        items = "; ".join(f"{item['id']}: {item['text']}" for item in one["items"])
        table.add_row(*map(Text, (_sign(one), one["id"], one["place"], one["title"], items, local(one["due"], zone), _state(one))))
    Console().print(table if tasks else "no tasks 无任务")


def _sign(told: dict[str, Any]) -> str:
    return "✓" if "answers" in told else "!" if told["overdue"] else "○"


def _state(told: dict[str, Any]) -> str:
    if "answers" in told:
        found = ", ".join(told["findings"])
        return f"answered by {told['who']} 已完成" + (f", out of bounds 异常: {found}" if found else "")
    if told.get("withdrawn"):
        return "withdrawn 已撤销"
    return "overdue 逾期" if told["overdue"] else "open 待办"
