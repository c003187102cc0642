"""``plantgate mark``: what people declare about the condition of the plant."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.book.marks import KINDS
from agent.cli.devices import loaded
from agent.cli.door import AsJson, SitePath, asked, entered, printed
from agent.cli.order import local

mark = typer.Typer(
    help="Marks and declarations: stopped, maintenance, fault … of a facility, a line, an outlet or the plant. "
    "Use it when people know what readings cannot tell; rules that respect a mark keep still while it is in force.",
    no_args_is_help=True,
)

Kind = Annotated[str, typer.Argument(metavar="KIND", help=f"One of: {', '.join(KINDS)}.")]
Of = Annotated[str, typer.Option("--of", metavar="NAME", help='A facility, line or outlet, or "plant".')]
Start = Annotated[str, typer.Option(help='Its start: "now", "+2h", or a date (also a past one).')]
End = Annotated[str | None, typer.Option(help="Its end; without one it stays until it is ended.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the record.")]
Remark = Annotated[str | None, typer.Option("--reason", help="Why; it stands in the record.")]
Number = Annotated[str, typer.Argument(metavar="ID")]


@mark.command("enter")
def enter(site: SitePath, kind: Kind, reason: Reason, of: Of = "plant", start: Start = "now", end: End = None) -> None:
    """Enter a mark. Readings stay as they are; the record tells who declared what."""
    words = {"kind": kind, "object": of, "start": start, "end": end, "reason": reason}
    told = entered(site, {"do": "mark", **words})["mark"]
    print(f"mark {told['id']}: {told['object']} {told['kind']} {KINDS[told['kind']].zh}")


@mark.command("end")
def end_it(
    site: SitePath, number: Number, reason: Remark = None
) -> None:
    """End a mark now."""
    entered(site, {"do": "end-mark", "id": number, "reason": reason})
    print(f"mark {number} ended")


@mark.command("list")
def list_them(site: SitePath, everything: Annotated[bool, typer.Option("--all")] = False, json: AsJson = False) -> None:
    """List the marks in force and to come; with --all also those that have ended."""
    checked = loaded(site)
    marks = asked(checked, {"do": "book", "all": everything})["marks"]
    if json:
        printed(marks)
        return
    zone = ZoneInfo(checked.gateway.timezone)
    table = Table("", "id", "kind 类型", "of 对象", "from 起", "to 止", "reason 事由", box=None)
    for one in marks:
        kind = f"{one['kind']} {KINDS[one['kind']].zh}"
        span = [local(one["start"], zone), local(one["end"], zone)]
        table.add_row(*map(Text, ("●" if one["in_force"] else "○", one["id"], kind, one["object"], *span, one["reason"])))
    Console().print(table if marks else "no marks 无标记")
