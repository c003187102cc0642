"""``plantgate plan``: what goes on the wire."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.load import load
from config.problem import SiteProblems
from drivers.cost import cost_of, cycle_bytes, read_bytes
from drivers.plan import plan_device

if TYPE_CHECKING:
    from config.site import Device, Site
    from drivers.spec import BusSpec

SitePath = Annotated[Path, typer.Argument(help="The site file.", metavar="SITE.toml")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, keyed by device.")]


def plan(site: SitePath, as_json: AsJson = False) -> None:
    """Show the reads each device is asked with, their bytes on the wire, and how long a cycle takes.

    Use it to see, before anything is sent, whether a line can keep up with the polling periods. Times are of the
    planner's cost model for the bus's transport, not measured. Exit 0, or 1 when the site has mistakes.
    """
    try:
        checked = load(site)
    except SiteProblems as problems:
        print(problems, file=sys.stderr)
        raise typer.Exit(1) from None
    buses = {bus.name: bus for bus in checked.buses}
    plans = {device.spec.name: planned(device, buses[device.spec.bus]) for device in checked.devices}
    print(json.dumps(plans) if as_json else "\n".join(_told(checked, plans)))


def planned(device: Device, bus: BusSpec) -> dict[str, Any]:
    """Return the plan of one device: `reads`, `bytes` of all requests and answers, `cycle_s` of all of it."""
    cost = cost_of(bus.framing)
    reads = plan_device(device.spec, cost).reads()
    return {
        "bus": bus.name,
        "reads": [
            {
                "function": read.table.function,
                "table": read.table.value,
                "address": read.address,
                "count": read.count,
                "bytes": read_bytes(read, bus.framing),
                "time_s": round(cost.read_s(read), 6),
            }
            for read in reads
        ],
        "bytes": cycle_bytes(reads, bus.framing),
        "cycle_s": round(cost.cycle_s(reads), 6),
        "poll_s": device.poll_s,
    }


def _told(site: Site, plans: dict[str, dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for bus in site.buses:
        mine = {name: plan for name, plan in plans.items() if plan["bus"] == bus.name}
        load_share = sum(plan["cycle_s"] / plan["poll_s"] for plan in mine.values())
        warning = "" if load_share <= 1 else "  ! more than it can carry: poll less often"
        lines.append(f"{bus.name}  {bus.host}:{bus.port} ({bus.framing})  busy {load_share:.1%}{warning}")
        for name, plan in mine.items():
            cycle = f"{plan['cycle_s'] * 1e3:.1f} ms every {plan['poll_s']:g} s"
            lines.append(f"  {name}: {len(plan['reads'])} reads, {plan['bytes']} bytes, {cycle}")
            lines += [
                f"    function {read['function']}  {read['table']:<8}  {read['address']:>5} … "
                f"{read['address'] + read['count'] - 1:<5}  {read['count']:>4} wide  {read['bytes']:>4} bytes"
                for read in plan["reads"]
            ]
    return lines
