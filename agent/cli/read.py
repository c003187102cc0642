"""``plantgate read``: every point once, as it is right now."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from agent.cli.devices import Names, chosen, loaded, running_agent
from agent.clock import SystemClock
from agent.control_client import NoAnswer
from agent.live import joined, report
from config.visits import name_of, specs, visits
from drivers.errors import DriverError, LinkDown
from drivers.kinds import open_bus
from drivers.reading import Scan

if TYPE_CHECKING:
    from agent.control_client import Visit
    from config.site import Device, Site
    from drivers.bus import Bus
    from drivers.reading import Clock
    from drivers.spec import BusSpec

_LISTEN_NS: Final = 1_000_000_000

SitePath = Annotated[Path, typer.Argument(help="The site file.", metavar="SITE.toml")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, keyed by device.")]


def read(site: SitePath, device: Names = None, as_json: AsJson = False) -> None:
    """Read devices once and print what they say.

    Use it after wiring: does this meter answer, and do its numbers make sense? While the agent runs it makes the visit,
    between two of its own; else this program opens the line itself. Nothing is kept, signed or published.
    Exit 0 when every point was answered, 1 when something is missing (the reason stands beside it), 2 when there is no
    such device.
    """
    checked = loaded(site)
    wanted = chosen(checked, device or [])
    agent = running_agent(checked)
    if agent is None:
        scans = _scans(checked, wanted)
        told = {
            one.spec.name: joined(one, [report(visit, scans[visit.spec.name]) for visit in visits(one)])
            for one in wanted
        }
    else:
        told = _asked(agent, wanted)
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        print("\n\n".join("\n".join(_table(one, told[one.spec.name])) for one in wanted))
    raise typer.Exit(1 if any(said["error"] for said in told.values()) else 0)


def _asked(agent: Visit, devices: Sequence[Device]) -> dict[str, Any]:
    """Have the running agent visit the devices; return what each said."""
    with agent:
        try:
            told: dict[str, Any] = agent.ask({"do": "read", "devices": [one.spec.name for one in devices]})["devices"]
        except NoAnswer as reason:
            print(f"plantgate: {reason}", file=sys.stderr)
            raise typer.Exit(1) from None
    if any(set(told[one.spec.name]["values"]) != {info.name for info in one.info} for one in devices):
        print(
            "plantgate: the site file has changed since the agent read it: systemctl reload plantgate", file=sys.stderr
        )
    return told


def _scans(site: Site, devices: Iterable[Device]) -> dict[str, Scan]:
    """Visit every device once, the buses side by side."""
    by_bus: dict[str, list[Device]] = {}
    for device in devices:
        by_bus.setdefault(device.spec.bus, []).append(device)
    clock = SystemClock()
    with ThreadPoolExecutor(max(1, len(by_bus))) as threads:
        found = threads.map(
            lambda bus: _visit_all(bus, by_bus[bus.name], clock), [bus for bus in site.buses if bus.name in by_bus]
        )
        return {scan.device: scan for scans in found for scan in scans}


def _visit_all(spec: BusSpec, devices: Sequence[Device], clock: Clock) -> list[Scan]:
    bus = open_bus(spec, specs(devices), clock)
    each = [visit for device in devices for visit in visits(device)]
    try:
        return _heard(bus, each, clock) if bus.listens else [_visit(bus, visit, clock) for visit in each]
    finally:
        bus.close()


def _heard(bus: Bus, devices: Sequence[Device], clock: Clock) -> list[Scan]:
    """Wait until each device has sent something, or has been silent for its time-out."""
    scans: dict[str, Scan] = {}
    missing = {device.spec.name: device for device in devices}
    while missing:
        try:
            heard = bus.listen(clock.mono_ns() + _LISTEN_NS)
        except LinkDown as error:
            heard = [
                Scan.unanswered(name, len(device.spec.points), clock, str(error)) for name, device in missing.items()
            ]
        scans |= {scan.device: scan for scan in heard if scan.device in missing}
        missing = {name: device for name, device in missing.items() if name not in scans}
    return list(scans.values())


def _visit(bus: Bus, visit: Device, clock: Clock) -> Scan:
    key = visit.spec.name
    if sys.stderr.isatty():
        print(f"\r\x1b[Kreading {name_of(key)} …", end="", file=sys.stderr, flush=True)
    try:
        return bus.visit(key)
    except DriverError as error:
        return Scan.unanswered(key, len(visit.spec.points), clock, str(error))
    finally:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _table(device: Device, told: dict[str, Any]) -> list[str]:
    """Return one device as a table: point, value, unit, flag, label."""
    lines = [f"{device.spec.name}  {device.label.zh}  {device.label.en}"]
    width = max((len(info.name) for info in device.info), default=0)
    for info in device.info:
        value, flag = told["values"].get(info.name), told["flags"].get(info.name)
        shown = "-" if value is None else json.dumps(value, ensure_ascii=False)
        mark = f"[{flag}]" if flag else ""
        lines.append(f"  {info.name:<{width}}  {shown:>14} {info.unit:<8} {mark:<4} {info.label.zh}".rstrip())
    if told["error"] is not None:
        lines.append(f"  ! {told['error']}")
    return lines
