"""``plantgate plan``: what goes on the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.devices import loaded
from config.visits import visits
from drivers.forecast import exchanges
from drivers.spec import SerialBusSpec

if TYPE_CHECKING:
    from config.site import Device, Site
    from drivers.spec import BusSpec

SitePath = Annotated[Path, typer.Argument(help="The site file.", metavar="SITE.toml")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, keyed by device.")]


def plan(site: SitePath, as_json: AsJson = False) -> None:
    """Show the questions each device is asked, their bytes on the wire, and how long a cycle takes.

    Use it to see, before anything is sent, whether a line can keep up with the polling periods. Times are of the
    planner's cost model for the bus's transport, not measured. Exit 0, or 1 when the site has mistakes.
    """
    checked = loaded(site)
    buses = {bus.name: bus for bus in checked.buses}
    plans = {device.spec.name: planned(device, buses[device.spec.bus]) for device in checked.devices}
    print(json.dumps(plans) if as_json else "\n".join(_told(checked, plans)))


def planned(device: Device, bus: BusSpec) -> dict[str, Any]:
    """Return the plan of one device: `reads`, `bytes` of all questions and answers, `cycle_s` of all of it.

    Where slow points are read in another visit, `slow` is its plan, and the rest is that of the fast one.
    """
    fast, *others = [_visit(visit, bus) for visit in visits(device)]
    slow = {"slow": others[0]} if others else {}
    return {"bus": bus.name, "sends": device.spec.sends, **fast, **slow}


def _visit(visit: Device, bus: BusSpec) -> dict[str, Any]:
    asked = exchanges(visit.spec, bus)
    return {
        "reads": [
            {**one.said, "words": one.words, "bytes": one.bytes, "time_s": round(one.time_s, 6)} for one in asked
        ],
        "bytes": sum(one.bytes for one in asked),
        "cycle_s": round(sum(one.time_s for one in asked), 6),
        "poll_s": visit.poll_s,
    }


def _told(site: Site, plans: dict[str, dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for bus in site.buses:
        mine = {name: plan for name, plan in plans.items() if plan["bus"] == bus.name}
        each = [*mine.values(), *(plan["slow"] for plan in mine.values() if "slow" in plan)]
        load_share = sum(visit["cycle_s"] / visit["poll_s"] for visit in each)
        warning = "" if load_share <= 1 else "  ! more than it can carry: poll less often"
        lines.append(f"{bus.name}  {place(bus)}  busy {load_share:.1%}{warning}")
        for name, plan in mine.items():
            if plan["sends"]:
                lines.append(f"  {name}: sends by itself")
                continue
            lines += _visit_told(name, plan)
            if "slow" in plan:
                lines += _visit_told(f"{name}, slow points", plan["slow"])
    return lines


def _visit_told(whose: str, visit: dict[str, Any]) -> list[str]:
    cycle = f"{visit['cycle_s'] * 1e3:.1f} ms every {visit['poll_s']:g} s"
    first = f"  {whose}: {len(visit['reads'])} reads, {visit['bytes']} bytes, {cycle}"
    return [first, *(f"    {read['words']}  {read['bytes']:>4} bytes" for read in visit["reads"])]


def place(bus: BusSpec) -> str:
    """Return where a bus is, for people."""
    if isinstance(bus, SerialBusSpec):
        return f"{bus.port} ({bus.settings})"
    return f"{bus.host}:{bus.port} ({'listening' if bus.listen else bus.framing})"
