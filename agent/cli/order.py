"""``plantgate order``: what lines were ordered to do, by whom, and until when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.cli.devices import loaded
from agent.cli.door import AsJson, SitePath, asked, entered, printed

order = typer.Typer(
    help="Orders for lines: stop, reduce by so much, keep to these hours; with a start and an end. "
    "Use it for emergency response and staggered production; the rules of group R judge compliance.",
    no_args_is_help=True,
)

Lines = Annotated[list[str] | None, typer.Option("--line", help="A line it concerns; all, when none is named.")]
End = Annotated[str, typer.Option(help='Its end, exclusive: "2026-11-23 20:00" (local), "+8h".')]
Start = Annotated[str, typer.Option(help='Its start: "now", "+2h", or a date.')]
Stop = Annotated[bool, typer.Option("--stop", help="Production must stop.")]
Reduce = Annotated[float | None, typer.Option(metavar="PERCENT", help="Reduce by so many percent of the baseline.")]
Hours = Annotated[str | None, typer.Option(help='Produce within these hours only: "06:00-22:00".')]
Minimum = Annotated[float | None, typer.Option(metavar="KW", help="Load that may stay on for safety.")]
Exempt = Annotated[list[str] | None, typer.Option(metavar="GRADE", help="A grade that it does not concern.")]
Staggered = Annotated[bool, typer.Option("--staggered", help="Staggered production (else emergency response).")]
Reason = Annotated[str | None, typer.Option(help="Why; it stands in the record.")]


@order.command("enter")
def enter(
    site: SitePath,
    end: End,
    line: Lines = None,
    start: Start = "now",
    stop: Stop = False,
    reduce: Reduce = None,
    hours: Hours = None,
    minimum: Minimum = None,
    exempt: Exempt = None,
    staggered: Staggered = False,
    reason: Reason = None,
) -> None:
    """Enter an order. It is refused when it overlaps another of its kind or ends before it starts."""
    words: dict[str, Any] = {
        "kind": "staggered" if staggered else "emergency",
        "lines": line or None,
        "start": start,
        "end": end,
        "stop": stop or None,
        "reduce": reduce,
        "hours": hours,
        "minimum": minimum,
        "exempt": exempt or None,
        "reason": reason,
    }
    told = entered(site, {"do": "order", **words})["order"]
    print(f"order {told['id']}: {', '.join(told['lines'])} {what_is_ordered(told)}")


@order.command("end")
def end_it(site: SitePath, number: Annotated[str, typer.Argument(metavar="ID")], reason: Reason = None) -> None:
    """End an order now. What was asked until now stays in the records."""
    entered(site, {"do": "end-order", "id": number, "reason": reason})
    print(f"order {number} ended")


@order.command("list")
def list_them(site: SitePath, everything: Annotated[bool, typer.Option("--all")] = False, json: AsJson = False) -> None:
    """List the orders in force and to come; with --all also those that have ended."""
    checked = loaded(site)
    orders = asked(checked, {"do": "book", "all": everything})["orders"]
    if json:
        printed(orders)
        return
    zone = ZoneInfo(checked.gateway.timezone)
    table = Table("", "id", "kind 类型", "lines 生产线", "what 要求", "from 起", "to 止", "reason 事由", box=None)
    for one in orders:
        sign = "●" if one["in_force"] else "○"
        span = [local(one["start"], zone), local(one["end"], zone)]
        words = [one["id"], one["kind"], ", ".join(one["lines"]), what_is_ordered(one), *span, one.get("reason", "")]
        table.add_row(*map(Text, (sign, *words)))
    Console().print(table if orders else "no orders 无指令")


def what_is_ordered(told: dict[str, Any]) -> str:
    """Return in words what an order asks."""
    parts = ["stop 停产"] if told["stop"] else []
    if told["reduce"] is not None and not told["stop"]:
        parts.append(f"reduce by {told['reduce']:g} % 限产")
    if "hours" in told:
        parts.append(f"only {told['hours']} 限时段")
    if "exempt" in told:
        parts.append(f"except grade {', '.join(told['exempt'])} 豁免")
    return ", ".join(parts)


def local(text: str | None, zone: ZoneInfo) -> str:
    """Return a record's time as the wall clock of the plant shows it."""
    return "" if text is None else datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M")
