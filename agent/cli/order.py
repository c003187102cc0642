"""``plantgate order``: what lines were ordered to do, by whom, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.devices import loaded
from agent.cli.door import AsJson, SitePath, asked, entered, printed
from agent.cli.entries_screen import COMING, ENTERED, NOW, OVER, Entry, Tongue, booked, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

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
Number = Annotated[str, typer.Argument(metavar="ID", help='Its number, as "plantgate order list" shows it.')]
All = Annotated[bool, typer.Option("--all", help="Also those that have ended.")]


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
    checked = loaded(site)
    told = asked(checked, {"do": "order", **words})["order"]
    listed([_entry(told, Tongue(checked.gateway), ENTERED)], "")


@order.command("end")
def end_it(site: SitePath, number: Number, reason: Reason = None) -> None:
    """End an order now. What was asked until now stays in the records."""
    entered(site, {"do": "end-order", "id": number, "reason": reason})
    print(f"{number}: ended 已结束")


@order.command("list")
def list_them(site: SitePath, everything: All = False, json: AsJson = False) -> None:
    """List the orders in force (●) and to come (○); with --all also those that have ended (·)."""
    checked = loaded(site)
    orders = booked(checked, "orders", everything=everything)
    if json:
        printed(orders)
        return
    tongue = Tongue(checked.gateway)
    listed([_entry(one, tongue, _sign(one)) for one in orders], tongue.word("无指令", "no orders"))


def _sign(told: dict[str, Any]) -> tuple[str, str]:
    return NOW if told["in_force"] else OVER if told.get("is_over") else COMING


def _entry(told: dict[str, Any], tongue: Tongue, sign: tuple[str, str]) -> Entry:
    what = f"{', '.join(told['lines'])}: {tongue.word('、', ', ').join(_asked_for(told, tongue))}"
    emergency = told["kind"] == "emergency"
    kind = (
        tongue.word("应急响应", "emergency response") if emergency else tongue.word("错峰生产", "staggered production")
    )
    below = f"{kind}: {told['reason']}" if "reason" in told else kind
    return Entry(sign, told["id"], what, tongue.span(told["start"], told["end"]), (below,))


def _asked_for(told: dict[str, Any], tongue: Tongue) -> Iterator[str]:
    """Return in words what an order asks, part by part."""
    if told["stop"]:
        yield tongue.word("停产", "stop")
    elif told["reduce"] is not None:
        yield tongue.word(f"限产{told['reduce']:g}%", f"reduce by {told['reduce']:g} %")
    if "hours" in told:
        yield tongue.word(f"限时段{told['hours']}", f"only {told['hours']}")
    if "minimum" in told:
        yield tongue.word(f"可保留{told['minimum']:g} kW", f"{told['minimum']:g} kW may stay")
    if "exempt" in told:
        yield tongue.word(f"豁免{'、'.join(told['exempt'])}级", f"except grade {', '.join(told['exempt'])}")
