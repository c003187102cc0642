"""``plantgate task``: what staff are to look at, by when, and what they found."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.devices import loaded
from agent.cli.door import AsJson, SitePath, asked, entered, printed
from agent.cli.entries_screen import COMING, DONE, ENTERED, LATE, OVER, Entry, Tongue, booked, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

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
Number = Annotated[str, typer.Argument(metavar="ID", help='Its number, as "plantgate task list" shows it.')]
Answers = Annotated[list[str], typer.Argument(metavar="ITEM=ANSWER...", help="An answer to every item.")]
All = Annotated[bool, typer.Option("--all", help="Also those that are done or withdrawn.")]


@task.command("enter")
def enter(
    site: SitePath, place: Place, due: Due, title: Title = None, item: Items = None, items: ItemsFile = None
) -> None:
    """Enter a task: ``plantgate task enter SITE.toml --place RTO-01 --due +2h --item "flame visible?"``."""
    checked = loaded(site)
    wanted: list[Any] = [*(item or []), *_of_file(items)]
    told = asked(checked, {"do": "task", "place": place, "due": due, "title": title, "items": wanted})["task"]
    listed([_entry(told, Tongue(checked.gateway), ENTERED)], "")


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
    found = told["task"]["findings"]
    late = ", late 逾期完成" if told["late"] else ""
    print(f"{number}: answered 已完成{late}" + (f", out of bounds 异常: {', '.join(found)}" if found else ""))


@task.command("withdraw")
def withdraw(site: SitePath, number: Number, reason: Annotated[str, typer.Option(help="Why.")]) -> None:
    """Withdraw a task that need not be done."""
    entered(site, {"do": "withdraw-task", "id": number, "reason": reason})
    print(f"{number}: withdrawn 已撤销")


@task.command("list")
def list_them(site: SitePath, everything: All = False, json: AsJson = False) -> None:
    """List the tasks that are open (○) or overdue (!); with --all also those that are done (✓) or withdrawn (·)."""
    checked = loaded(site)
    tasks = booked(checked, "tasks", everything=everything)
    if json:
        printed(tasks)
        return
    tongue = Tongue(checked.gateway)
    listed([_entry(one, tongue) for one in tasks], tongue.word("无任务", "no tasks"))


def _entry(told: dict[str, Any], tongue: Tongue, waiting: tuple[str, str] = COMING) -> Entry:
    what = f"{told['place']}: {told['title']}" if told["title"] else told["place"]
    when = f"{tongue.word('期限', 'due')} {tongue.moment(told['due'])}"
    if "answers" in told:
        answered = tongue.word(f"{told['who']} 完成于", f"answered by {told['who']}")
        return Entry(
            DONE, told["id"], what, when, (f"{answered} {tongue.moment(told['answered'])}", *_found(told, tongue))
        )
    if told.get("withdrawn"):
        return Entry(OVER, told["id"], what, when, (tongue.word("已撤销", "withdrawn"),))
    if told.get("overdue"):
        return Entry(LATE, told["id"], what, f"{tongue.word('已逾期', 'OVERDUE')}, {when}", tuple(_to_check(told)))
    return Entry(waiting, told["id"], what, when, tuple(_to_check(told)))


def _to_check(told: dict[str, Any]) -> Iterator[str]:
    """Return each item with its id, which an answer names, and how it is answered."""
    for item in told["items"]:
        bounds = [f"{item[bound]:g}" if bound in item else "" for bound in ("low", "high")]
        kind = f"{item['kind']} {'…'.join(bounds) if any(bounds) else ''} {item.get('unit', '')}"
        yield f"{item['id']}: {item['text']} ({' | '.join(item.get('choices', ())) or ' '.join(kind.split())})"


def _found(told: dict[str, Any], tongue: Tongue) -> Iterator[str]:
    """Return each item with its answer."""
    for item in told["items"]:
        value = told["answers"][item["id"]]
        shown = f"{value:g} {item.get('unit', '')}".rstrip() if isinstance(value, float) else value
        beyond = tongue.word("  异常", "  out of bounds") if item["id"] in told["findings"] else ""
        yield f"{item['id']}: {item['text']}  {shown}{beyond}"
