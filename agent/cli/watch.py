"""``plantgate watch``: what devices say and what goes wrong, as it happens."""

from __future__ import annotations

import json as jsonlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import random
from threading import Event, Thread
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live

from agent.absence import link_probe_s
from agent.cli.devices import Names, chosen, loaded, running_agent
from agent.cli.watch_screen import Now, Screen
from agent.clock import SystemClock
from agent.control_client import NoAnswer
from agent.intake import Intake
from agent.live import View
from agent.poller import Poller
from config.visits import specs
from drivers.kinds import open_bus

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.live import Told
    from config.site import Device, Site

_EVERY_S = 1.0
_STOP_S = 1.5

SitePath = Annotated[Path, typer.Argument(help="The site file.", metavar="SITE.toml")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a second.")]
Seconds = Annotated[
    float | None, typer.Option("--for", metavar="SECONDS", min=0, help="End by itself after this long.")
]


def watch(site: SitePath, device: Names = None, json: AsJson = False, seconds: Seconds = None) -> None:
    """Watch devices: values, quality, age, errors, and how busy each line is. Use it while wiring, and to look closely.

    While the agent runs it shows what the agent gets; else this program polls the devices itself, and keeps nothing.
    Ctrl-C ends it. Exit 0, or 1 when the running agent ended meanwhile.
    """
    checked = loaded(site)
    wanted = chosen(checked, device or [])
    try:
        with _lines(checked, wanted) as (lines, through):
            _show(checked, wanted, lines, through, seconds, json=json)
    except NoAnswer as reason:
        print(f"plantgate: {reason}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # `| head` has seen enough; the interpreter must not try to flush once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# --- where the lines come from ---------------------------------------------------------------------------------------


@contextmanager
def _lines(site: Site, devices: Sequence[Device]) -> Iterator[tuple[Iterator[Told], str]]:
    """Yield what is told once a second, and who asks the devices."""
    agent = running_agent(site)
    if agent is not None:
        with agent:
            yield agent.lines({"do": "watch"}), "through the agent 经代理"
        return
    with _polling(site, devices) as view:
        yield _every_second(view.line), "directly 直读"


@contextmanager
def _polling(site: Site, devices: Sequence[Device]) -> Iterator[View]:
    """Poll the devices as the agent would; nobody judges or keeps what they say."""
    clock = SystemClock()
    nobody = Intake(most=0)
    pollers = []
    for bus in site.buses:
        here = [device for device in devices if device.spec.bus == bus.name]
        if here:
            opened = open_bus(bus, specs(here), clock)
            pollers.append(Poller(opened, here, clock, nobody, random, link_probe_s=link_probe_s(bus)))
    threads = [Thread(target=poller.run, name=poller.name, daemon=True) for poller in pollers]
    logging.disable()  # what goes wrong is on the screen
    try:
        for thread in threads:
            thread.start()
        yield View(lambda: pollers, clock)
    finally:
        for poller in pollers:
            poller.stop()
        for thread in threads:
            thread.join(_STOP_S)
        logging.disable(logging.NOTSET)


def _every_second(line: Callable[[], Told]) -> Iterator[Told]:
    pause = Event()  # never set: a wait that Ctrl-C ends
    while True:
        yield line()
        pause.wait(_EVERY_S)


# --- where they go ---------------------------------------------------------------------------------------------------


def _show(
    site: Site, devices: Sequence[Device], lines: Iterator[Told], through: str, seconds: float | None, *, json: bool
) -> None:
    """Show each line as it comes, until time is up."""
    clock = SystemClock()
    began_ns = clock.mono_ns()
    with _screen(json=json) as draw:
        for line in lines:
            at_s = (clock.mono_ns() - began_ns) / 1e9
            if draw is None:
                print(jsonlib.dumps(_only(line, devices), ensure_ascii=False), flush=True)
            else:
                draw(Screen(site, devices, Now(line, at_s, seconds, through)))
            if seconds is not None and at_s >= seconds:
                return
    raise NoAnswer("the agent has ended")


@contextmanager
def _screen(*, json: bool) -> Iterator[Callable[[Screen], None] | None]:
    """Yield what draws a frame: again and again on a terminal, one below the other elsewhere; ``None`` for JSON."""
    if json:
        yield None
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        yield console.print
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield lambda screen: live.update(screen, refresh=True)


def _only(line: Told, devices: Sequence[Device]) -> Told:
    """Return the line without other devices and buses."""
    names, buses = [device.spec.name for device in devices], {device.spec.bus for device in devices}
    return {
        **line,
        "buses": {name: bus for name, bus in line["buses"].items() if name in buses},
        "devices": {name: line["devices"][name] for name in names if name in line["devices"]},
    }
