"""``plantgate mark``: what people declare about the condition of the plant."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent.book.marks import KINDS
from agent.cli.devices import loaded
from agent.cli.door import AsJson, SitePath, asked, entered, printed
from agent.cli.entries_screen import COMING, ENTERED, NOW, OVER, Entry, Tongue, booked, listed

mark = typer.Typer(
    help="Marks and declarations: stopped, maintenance, fault … of a facility, line, outlet, instrument or the plant. "
    "Use it when people know what readings cannot tell; rules that respect a mark keep still while it is in force.",
    no_args_is_help=True,
)

Kind = Annotated[str, typer.Argument(metavar="KIND", help=f"One of: {', '.join(KINDS)}.")]
Of = Annotated[str, typer.Option("--of", metavar="NAME", help='A facility, line, outlet or instrument, or "plant".')]
Start = Annotated[str, typer.Option(help='Its start: "now", "+2h", or a date (also a past one).')]
End = Annotated[str | None, typer.Option(help="Its end; without one it stays until it is ended.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the record.")]
Remark = Annotated[str | None, typer.Option("--reason", help="Why; it stands in the record.")]
Number = Annotated[str, typer.Argument(metavar="ID", help='Its number, as "plantgate mark list" shows it.')]
All = Annotated[bool, typer.Option("--all", help="Also those that have ended.")]


@mark.command("enter")
def enter(site: SitePath, kind: Kind, reason: Reason, of: Of = "plant", start: Start = "now", end: End = None) -> None:
    """Enter a mark. Readings stay as they are; the record tells who declared what."""
    words = {"kind": kind, "object": of, "start": start, "end": end, "reason": reason}
    checked = loaded(site)
    told = asked(checked, {"do": "mark", **words})["mark"]
    listed([_entry(told, Tongue(checked.gateway), ENTERED)], "")


@mark.command("end")
def end_it(site: SitePath, number: Number, reason: Remark = None) -> None:
    """End a mark now."""
    entered(site, {"do": "end-mark", "id": number, "reason": reason})
    print(f"{number}: ended 已结束")


@mark.command("list")
def list_them(site: SitePath, everything: All = False, json: AsJson = False) -> None:
    """List the marks in force (●) and to come (○); with --all also those that have ended (·)."""
    checked = loaded(site)
    marks = booked(checked, "marks", everything=everything)
    if json:
        printed(marks)
        return
    tongue = Tongue(checked.gateway)
    listed([_entry(one, tongue, _sign(one)) for one in marks], tongue.word("无标记", "no marks"))


def _sign(told: dict[str, Any]) -> tuple[str, str]:
    return NOW if told["in_force"] else OVER if told.get("is_over") else COMING


def _entry(told: dict[str, Any], tongue: Tongue, sign: tuple[str, str]) -> Entry:
    kind = KINDS[told["kind"]]
    what = f"{told['object']}: {tongue.word(kind.zh, kind.en)}"
    return Entry(sign, told["id"], what, tongue.span(told["start"], told["end"]), (told["reason"],))
