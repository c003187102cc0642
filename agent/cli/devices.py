"""What verbs about devices have in common: the site, which of its devices, and who asks them, the agent or we."""

from __future__ import annotations

import difflib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from agent.control_client import NobodyThere, Visit
from agent.sites import load_site
from config.problem import SiteProblems

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from config.site import Device, Site

Names = Annotated[list[str] | None, typer.Argument(help="Devices (all, when none is named).", metavar="DEVICE")]


def loaded(path: Path) -> Site:
    """Return the site, or end the verb with all that is wrong with it."""
    try:
        return load_site(path)
    except SiteProblems as problems:
        print(problems, file=sys.stderr)
        raise typer.Exit(1) from None


def chosen(site: Site, names: Sequence[str]) -> list[Device]:
    """Return the devices named, or all. A name that is none is wrong usage."""
    by_name = {device.spec.name: device for device in site.devices}
    for name in names:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(by_name) or 'none'}"
            raise typer.BadParameter(f"no device {name!r} in {site.path.name}; {hint}")
    return [by_name[name] for name in dict.fromkeys(names)] if names else list(site.devices)


def running_agent(site: Site) -> Visit | None:
    """Return a connection to the agent that runs this site, ``None`` when none does; say on standard error which."""
    try:
        visit = Visit(site.gateway.state_dir)
    except NobodyThere as reason:
        print(f"plantgate: {reason}; asking the devices directly", file=sys.stderr)
        return None
    print("plantgate: through the running agent", file=sys.stderr)
    return visit
