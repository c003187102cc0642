"""``plantgate identify``: whether every device is what the site file says."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from agent.cli.devices import Names, chosen, loaded, running_agent
from agent.clock import SystemClock
from agent.control_client import NoAnswer
from agent.looks import looked
from drivers.errors import DriverError
from drivers.finding.naming import Naming, named, remembering
from drivers.kinds import open_bus
from drivers.library import usable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agent.control_client import Visit
    from config.site import Device, Site
    from drivers.bus import Bus
    from drivers.model import Model
    from drivers.reading import Scan
    from drivers.spec import AnyPoint

    Asking = Callable[[Device, Sequence[AnyPoint]], Scan]
    """Read these points of a device, whatever the site reads of it. Raises DriverError."""

VERDICTS: Final = {
    "agrees": "agrees 相符",
    "contradicts": "CONTRADICTS 不符",
    "unknown": "unknown 未知",
    "silent": "SILENT 无应答",
    "sends": "sends 自动发送",
}

UNKNOWN: Final = Naming()

SitePath = Annotated[Path, typer.Argument(help="The site file.", metavar="SITE.toml")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, keyed by device.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a device was found to be. `verdict` is one of `VERDICTS`, `error` why it could not be asked."""

    device: Device
    verdict: str
    naming: Naming = UNKNOWN
    error: str | None = None


def identify(site: SitePath, device: Names = None, as_json: AsJson = False) -> None:
    """Compare each device with the model the site file gives it: identity registers first, else plausible readings.

    Use it after wiring, and after a device was exchanged: a meter of another make answers at the same address, with
    numbers that mean something else. While the agent runs it looks, between two of its visits; else this program opens
    the line itself. Only reads. Exit 0 when nothing contradicts the site file, 1 when a device is another model or does
    not answer, 2 when there is no such device.
    """
    checked = loaded(site)
    wanted, models = chosen(checked, device or []), _library(checked)
    agent = running_agent(checked)
    try:
        with _asking(checked, agent) as asking:
            found = [_identity(one, models, asking) for one in _shown(wanted)]
    except NoAnswer as reason:
        print(f"plantgate: {reason}", file=sys.stderr)
        raise typer.Exit(1) from None
    if as_json:
        print(json.dumps({one.device.spec.name: report(one) for one in found}, ensure_ascii=False))
    else:
        _print(found)
    raise typer.Exit(1 if any(one.verdict in ("contradicts", "silent") for one in found) else 0)


def _library(site: Site) -> Sequence[Model]:
    folders = [site.gateway.models] if site.gateway.models else []
    found, refused = usable(folders)
    for name, problems in refused.items():
        print(f"model {name} left out: {problems[0]}", file=sys.stderr)
    return found


def _shown(devices: Sequence[Device]) -> Iterator[Device]:
    """Yield the devices; say on a terminal which one it is, since many models take their time."""
    for device in devices:
        if sys.stderr.isatty():
            print(f"\r\x1b[Klooking at {device.spec.name} …", end="", file=sys.stderr, flush=True)
        yield device
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


# --- who asks ---------------------------------------------------------------------------------------------------------


@contextmanager
def _asking(site: Site, agent: Visit | None) -> Iterator[Asking]:
    """Yield a way to ask: through the running agent, or by ourselves with one bus open at a time."""
    if agent is not None:
        with agent:
            yield lambda device, points: looked(agent, device.spec.name, points)
        return
    line = _Line(site)
    try:
        yield line.look
    finally:
        line.close()


class _Line:
    """The bus of the device that is just being looked at."""

    def __init__(self, site: Site) -> None:
        self._specs = {bus.name: bus for bus in site.buses}
        self._devices = [device.spec for device in site.devices]
        self._clock = SystemClock()
        self._bus: Bus | None = None

    def look(self, device: Device, points: Sequence[AnyPoint]) -> Scan:
        """See `Asking`."""
        wanted = device.spec.bus
        if self._bus is None or self._bus.name != wanted:
            self.close()
            self._bus = open_bus(self._specs[wanted], self._devices, self._clock)
        return self._bus.look(replace(device.spec, points=tuple(points), statuses=()))

    def close(self) -> None:
        """Let go of it."""
        if self._bus is not None:
            self._bus.close()


# --- what it is -------------------------------------------------------------------------------------------------------


def _identity(device: Device, models: Sequence[Model], asking: Asking) -> Identity:
    if device.spec.sends:
        return Identity(device=device, verdict="sends")
    try:
        asking(device, device.spec.points[:1])
        look = remembering(lambda _, points: asking(device, points))
        fitting = [model for model in models if device.spec.protocol in model.protocols]
        own = [model for model in fitting if model.name == device.model]
        return _judged(device, named(own, look), named(fitting, look))
    except DriverError as error:
        return Identity(device=device, verdict="silent", error=str(error))


def _judged(device: Device, own: Naming, naming: Naming) -> Identity:
    """Return the verdict: `own` is how the device fits the site's model, `naming` what it is among all."""
    if device.model is None:
        return Identity(device=device, verdict="unknown", naming=naming)
    if own.model is None or (naming.how == "identity" != own.how):
        return Identity(device=device, verdict="contradicts", naming=naming)
    if naming.model is not None and naming.model.name != device.model:
        also = dict.fromkeys((naming.model.name, *naming.also))
        also.pop(device.model, None)
        own = replace(own, also=tuple(also))
    return Identity(device=device, verdict="agrees", naming=own if own.also else naming)


# --- the result -------------------------------------------------------------------------------------------------------


def report(one: Identity) -> dict[str, Any]:
    """Return one device as JSON-able data."""
    naming = one.naming
    return {
        "model": one.device.model,
        "seems": naming.model.name if naming.model else None,
        "by": naming.how,
        "also": list(naming.also),
        "marks": list(naming.marks),
        "reads": {reading.point: reading.value for reading in naming.readings},
        "verdict": one.verdict,
        "error": one.error,
    }


def _print(found: Sequence[Identity]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("device", "site file", "seems to be", "by", ""):
        table.add_column(heading, overflow="fold", no_wrap=not heading)
    for one in found:
        seems = "\nor ".join((one.naming.model.name, *one.naming.also)) if one.naming.model else "-"
        marks = ", ".join(str(value) for value in one.naming.marks)
        how = f"{one.naming.how} ({marks})" if marks else one.naming.how
        table.add_row(one.device.spec.name, one.device.model or "-", seems, how, VERDICTS[one.verdict])
    Console(highlight=False).print(table)
    for one in found:
        for remark in _remarks(one):
            print(f"! {one.device.spec.name}: {remark}", file=sys.stderr)


def _remarks(one: Identity) -> Iterator[str]:
    if one.error:
        yield one.error
    if one.verdict == "contradicts":
        better = f'; write model = "{one.naming.model.name}"' if one.naming.model else ""
        yield f"what it says does not fit {one.device.model}{better}, or check its address"
        yield "所读内容与站点文件中的型号不符：请核对型号和地址"
