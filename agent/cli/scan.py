"""``plantgate scan``: find the devices on a line or behind a host."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from agent.cli.ports import holder, stable_name
from agent.cli.site_blocks import Named, blocks
from agent.clock import SystemClock
from config.values import duration
from drivers.errors import LinkDown
from drivers.finding.likely import (
    DIRECT_UNIT,
    HOST_TIMEOUT_S,
    SETTINGS,
    TIMEOUT_S,
    UNITS,
    Wanted,
    narrowed,
    sweep_s,
)
from drivers.finding.naming import Naming, named
from drivers.finding.overheard import named_by_words
from drivers.finding.places import is_port
from drivers.finding.sweep import Found, Stage, Step, sweep
from drivers.finding.tap import HostTap, LineTap, look_at, taps
from drivers.finding.verdict import Remark, remarks
from drivers.library import usable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.model import Model

PROTOCOLS: Final = ("modbus", "dlt645")
FRAMINGS: Final = ("tcp", "rtu")
MOST_READS: Final = 2
"""So many readings are shown beside a device: enough to compare with its display."""

Place = Annotated[str, typer.Argument(help="A serial port (/dev/…) or HOST[:PORT].", metavar="PORT|HOST[:PORT]")]
Baud = Annotated[list[int] | None, typer.Option("--baud", help="Only this baud rate (may be repeated).")]
Parity = Annotated[list[str] | None, typer.Option("--parity", help="Only this parity: N, E or O (may be repeated).")]
Units = Annotated[str, typer.Option("--units", help="Modbus unit ids to ask: 1-247, 1-32,100 …")]
Only = Annotated[list[str] | None, typer.Option("--protocol", help="Only this: modbus or dlt645 (may be repeated).")]
Timeout = Annotated[
    str | None,
    typer.Option("--timeout", help="How long an answer may take to begin [default: 100ms; 1s behind a host]."),
]
Framing = Annotated[
    str | None,
    typer.Option("--framing", help="Of a host, only this: tcp (Modbus TCP) or rtu (a serial server)."),
]
Listen = Annotated[str, typer.Option("--listen", help="How long to listen at each setting for what sends by itself.")]
Models = Annotated[Path | None, typer.Option("--models", help="A folder with models of one's own.")]
AsToml = Annotated[bool, typer.Option("--toml", help="Print [[bus]] and [[device]] tables to paste into a site file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@dataclass(slots=True)
class Result:
    """What a scan has found so far. `place` is the name to write into a site file, `framing` that of a host."""

    place: str
    framing: str
    devices: list[Named] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    stopped: bool = False


def scan(
    place: Place,
    baud: Baud = None,
    parity: Parity = None,
    units: Units = "1-247",
    protocol: Only = None,
    timeout: Timeout = None,
    listen: Listen = "1s",
    framing: Framing = None,
    models: Models = None,
    as_toml: AsToml = False,
    as_json: AsJson = False,
) -> None:
    """Find the devices on a serial line or behind a host, and name their models. Only reads.

    Use it in front of the cabinet, before there is a site file: it tries line settings in the order of likelihood,
    every Modbus unit id and the DL/T 645 addresses. Ctrl-C ends it early and keeps what was found. Where nothing
    answers it says what is most likely wrong with the line. Exit 0 when something was found, 1 when nothing, 2 on wrong
    usage.
    """
    wanted = _wanted(place, baud, parity, units, protocol, timeout, listen)
    console = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
    try:
        ways = [way for way in taps(place, SystemClock()) if framing in (None, _framing(way))]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not ways or framing not in (None, *FRAMINGS):
        raise typer.BadParameter(f"--framing {framing}: there are {', '.join(FRAMINGS)}, of a host")
    result = Result(stable_name(place) if is_port(place) else ways[0].place, _framing(ways[0]))
    try:
        for number, way in enumerate(ways):
            result.framing = _framing(way)
            if number:
                console.print("nothing speaks Modbus TCP there; trying it as a serial server that passes bytes through")
            _sweep(way, wanted, _library(() if models is None else (models,), console), result, console)
            if result.devices or result.stopped:
                break
    except LinkDown as error:
        console.print(f"plantgate: {error}{holder(place)}", style="red")
        if not result.devices:
            raise typer.Exit(1) from None
    _print(result, as_toml=as_toml, as_json=as_json)
    raise typer.Exit(0 if result.devices else 1)


def _framing(way: LineTap | HostTap) -> str:
    return "tcp" if isinstance(way, HostTap) else "rtu"


def _library(folders: Sequence[Path], console: Console) -> Sequence[Model]:
    """Return every model that can be used; a broken one of one's own is told and left out."""
    found, refused = usable(folders)
    for name, problems in refused.items():
        console.print(f"model {name} left out: {problems[0]}")
    return found


# --- what is asked for ----------------------------------------------------------------------------


def _wanted(
    place: str,
    baud: list[int] | None,
    parity: list[str] | None,
    units: str,
    protocol: list[str] | None,
    timeout: str | None,
    listen: str,
) -> Wanted:
    only = set(protocol or PROTOCOLS)
    if unknown := sorted(only.difference(PROTOCOLS)):
        raise typer.BadParameter(f"--protocol {unknown[0]}: there are {', '.join(PROTOCOLS)}")
    if wrong := [one for one in parity or () if one not in ("N", "E", "O")]:
        raise typer.BadParameter(f"--parity {wrong[0]}: one of N, E, O")
    settings = narrowed(SETTINGS, baudrates=tuple(baud or ()), parities=tuple(parity or ())) if is_port(place) else ()
    return Wanted(
        settings=settings,
        units=_units(units),
        modbus="modbus" in only,
        dlt645="dlt645" in only,
        timeout_s=0.0 if timeout is None else _seconds("--timeout", timeout, "10ms", "10s"),
        listen_s=_seconds("--listen", listen, "0s", "10m"),
    )


def _units(text: str) -> tuple[int, ...]:
    """Return the unit ids of "1-32,100". Raises BadParameter."""
    if not re.fullmatch(r"\d{1,3}(-\d{1,3})?(,\d{1,3}(-\d{1,3})?)*", text):
        raise typer.BadParameter(f'--units {text}: write numbers and ranges, as in "1-32,100"')
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    if not found or not set(found) <= set(UNITS):
        raise typer.BadParameter(f"--units {text}: unit ids are 1 to 247")
    return tuple(dict.fromkeys(found))


def _seconds(option: str, text: str, least: str, most: str) -> float:
    try:
        return float(duration(least, most)(text))
    except ValueError as error:
        raise typer.BadParameter(f"{option} {text}: {error}") from None


# --- the scan itself ------------------------------------------------------------------------------


def _sweep(tap: LineTap | HostTap, wanted: Wanted, models: Sequence[Model], result: Result, console: Console) -> None:
    """Try everything, draw the progress, name what answers. Ctrl-C ends it with what there is."""
    wanted = fitting(tap, wanted)
    most_s = sweep_s(wanted)
    console.print(f"scanning {tap.place}: {_spoken(most_s)} if nobody answers; Ctrl-C stops and keeps what was found")
    result.stages.clear()
    try:
        with _Bar(console, most_s, result.devices) as bar:
            for event in sweep(tap, wanted):
                if isinstance(event, Step):
                    bar.show(event)
                elif isinstance(event, Stage):
                    result.stages.append(event)
                else:
                    bar.name(event)
                    result.devices.append(Named(found=event, naming=Naming()))  # kept, should naming be interrupted
                    result.devices[-1] = device = Named(found=event, naming=naming(event, tap, models))
                    console.print(f"found {_where(event)}: {_called(device.naming)}")
    except KeyboardInterrupt:
        result.stopped = True
        console.print("stopped; this is what was found until now")
    finally:
        tap.close()
    result.remarks = remarks(result.stages, [one.found for one in result.devices], echoes=tap.echoes)


class _Bar:
    """The progress bar: what is tried, how much of the estimate is over, the time left."""

    def __init__(self, console: Console, most_s: float, devices: Sequence[Named]) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}")
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=max(1.0, most_s), left="")
        self._most_s = most_s
        self._devices = devices

    def show(self, step: Step) -> None:
        """Tell what is tried now."""
        where = "" if step.settings is None else f"{step.settings}  "
        left = f"{_spoken(step.left_s)} left, {len(self._devices)} found"
        done = max(0.0, self._most_s - step.left_s)
        self._progress.update(self._task, description=f"{where}{step.what}", completed=done, left=left)

    def name(self, found: Found) -> None:
        """Tell that a device was found and is being named."""
        self._progress.update(self._task, description=f"naming {found.protocol} {found.address}")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def fitting(tap: LineTap | HostTap, wanted: Wanted) -> Wanted:
    """Return what can be tried here: a host's line is not ours to set, and Modbus TCP is never spoken unasked.

    A time-out of 0 leaves it to what is tried.
    """
    if isinstance(tap, LineTap):
        return (
            wanted if wanted.timeout_s else replace(wanted, timeout_s=TIMEOUT_S if wanted.settings else HOST_TIMEOUT_S)
        )
    units = (*UNITS, DIRECT_UNIT) if wanted.units == UNITS else wanted.units
    timeout_s = wanted.timeout_s or HOST_TIMEOUT_S
    return replace(wanted, settings=(), dlt645=False, listen_s=0.0, units=units, timeout_s=timeout_s)


def naming(found: Found, tap: LineTap | HostTap, models: Sequence[Model]) -> Naming:
    """Return what a device seems to be."""
    fits = [model for model in models if found.protocol in model.protocols]
    if found.heard:
        return named_by_words(fits, found.protocol, found.heard)
    return named(fits, look_at(tap, found))


def _where(found: Found) -> str:
    settings = "" if found.settings is None else f" at {found.settings}"
    kinds = {"modbus": "Modbus unit", "hj212": "HJ 212 instrument", "ascii": "instrument that sends text"}
    name = "" if found.protocol == "ascii" else f" {found.address}"
    return f"{kinds.get(found.protocol, 'DL/T 645 meter')}{name}{settings}"


def _called(naming: Naming) -> str:
    if naming.model is None:
        return "model unknown"
    grade = "" if naming.model.verified else ", unverified"
    return f"{naming.model.name} (by {naming.how}{grade})"


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


# --- the result -----------------------------------------------------------------------------------


def _print(result: Result, *, as_toml: bool, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report(result), ensure_ascii=False))
        return
    said = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
    if as_toml:
        print(blocks(result.place, result.devices, result.framing) if result.devices else "# nothing found", end="")
    elif result.devices:
        Console(highlight=False).print(_table(result))
    for remark in result.remarks:
        said.print(f"! {remark.en}\n  {remark.zh}")
    if not result.devices:
        said.print("nothing found")
    elif not as_toml:
        said.print("next: the same with --toml prints the tables for a site file")


def _table(result: Result) -> Table:
    table = Table(title=result.place, title_justify="left", box=None, pad_edge=False)
    for heading, is_long in (("device", True), ("line", False), ("model", True), ("by", False), ("reads", True)):
        table.add_column(heading, no_wrap=not is_long, overflow="fold")
    for device in result.devices:
        found, naming = device.found, device.naming
        settings = "" if found.settings is None else str(found.settings)
        table.add_row(_short(found), settings, _model(naming), naming.how, _reads(naming))
    return table


def _short(found: Found) -> str:
    kinds = {"modbus": "Modbus", "hj212": "HJ 212", "ascii": "text"}
    return f"{kinds.get(found.protocol, 'DL/T 645')} {'' if found.protocol == 'ascii' else found.address}".strip()


def _model(naming: Naming) -> str:
    if naming.model is None:
        return "unknown"
    name = naming.model.name + ("" if naming.model.verified else " (unverified)")
    return "\nor ".join((name, *naming.also))


def _reads(naming: Naming) -> str:
    numbers = [one for one in naming.readings if isinstance(one.value, (int, float))]
    more = ", …" if len(numbers) > MOST_READS else ""
    return ", ".join(f"{one.value:.4g} {one.unit}".strip() for one in numbers[:MOST_READS]) + more


def report(result: Result) -> dict[str, Any]:
    """Return the result as JSON-able data."""
    return {
        "place": result.place,
        "stopped": result.stopped,
        "devices": [
            {
                "protocol": one.found.protocol,
                "address": one.found.address,
                "settings": None if one.found.settings is None else str(one.found.settings),
                "model": one.naming.model.name if one.naming.model else None,
                "by": one.naming.how,
                "also": list(one.naming.also),
                "reads": {reading.point: reading.value for reading in one.naming.readings},
            }
            for one in result.devices
        ],
        "remarks": [{"zh": one.zh, "en": one.en} for one in result.remarks],
    }
