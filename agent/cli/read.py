"""``plantgate read``: every point once, as it is right now."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.clock import SystemClock
from agent.columns import flagged
from agent.record import readings
from config.load import load
from config.problem import SiteProblems
from drivers.errors import DriverError
from drivers.kinds import open_bus
from drivers.reading import Scan

if TYPE_CHECKING:
    from config.site import Device, Site
    from drivers.bus import Bus
    from drivers.reading import Clock
    from drivers.spec import BusSpec

SitePath = Annotated[Path, typer.Argument(help="The site file.", metavar="SITE.toml")]
Names = Annotated[list[str] | None, typer.Argument(help="Devices to read (all, when none is named).", metavar="DEVICE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, keyed by device.")]


def read(site: SitePath, device: Names = None, as_json: AsJson = False) -> None:
    """Read devices once and print what they say.

    Use it after wiring, before `plantgate run`: does this meter answer, and do its numbers make sense?
    Nothing is kept, signed or published. Exit 0 when every point was answered, 1 when something is missing (the reason
    stands beside it), 2 when there is no such device.
    """
    try:
        checked = load(site)
    except SiteProblems as problems:
        print(problems, file=sys.stderr)
        raise typer.Exit(1) from None
    chosen = _chosen(checked, device or [])
    scans = _scans(checked, chosen)
    if as_json:
        print(json.dumps({one.spec.name: report(one, scans[one.spec.name]) for one in chosen}, ensure_ascii=False))
    else:
        print("\n\n".join("\n".join(_told(one, scans[one.spec.name])) for one in chosen))
    raise typer.Exit(1 if any(scan.fault for scan in scans.values()) else 0)


def _chosen(site: Site, names: Sequence[str]) -> list[Device]:
    by_name = {device.spec.name: device for device in site.devices}
    for name in names:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(by_name) or 'none'}"
            raise typer.BadParameter(f"no device {name!r} in {site.path.name}; {hint}")
    return [by_name[name] for name in dict.fromkeys(names)] if names else list(site.devices)


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
    bus = open_bus(spec, [device.spec for device in devices], clock)
    try:
        return [_visit(bus, device, clock) for device in devices]
    finally:
        bus.close()


def _visit(bus: Bus, device: Device, clock: Clock) -> Scan:
    name = device.spec.name
    if sys.stderr.isatty():
        print(f"\r\x1b[Kreading {name} …", end="", file=sys.stderr, flush=True)
    try:
        return bus.visit(name)
    except DriverError as error:
        return Scan.unanswered(name, len(device.spec.points), clock, str(error))
    finally:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def report(device: Device, scan: Scan) -> dict[str, Any]:
    """Return what one device said: values by point, the flags that are not N, and the reason for what is missing."""
    names = tuple(info.name for info in device.info)
    return {
        "values": dict(zip(names, readings(scan.values), strict=True)),
        "flags": flagged(names, scan.flags),
        "error": scan.fault,
    }


def _told(device: Device, scan: Scan) -> list[str]:
    """Return one device as a table: point, value, unit, flag, label."""
    lines = [f"{device.spec.name}  {device.label.zh}  {device.label.en}"]
    width = max((len(info.name) for info in device.info), default=0)
    for info, value, flag in zip(device.info, readings(scan.values), scan.flags, strict=True):
        shown = "-" if value is None else json.dumps(value, ensure_ascii=False)
        mark = "" if flag == "N" else f"[{flag}]"
        lines.append(f"  {info.name:<{width}}  {shown:>14} {info.unit:<8} {mark:<4} {info.label.zh}".rstrip())
    if scan.fault is not None:
        lines.append(f"  ! {scan.fault}")
    return lines
