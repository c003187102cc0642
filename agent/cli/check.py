"""``plantgate check``: every mistake of a site file, before anything is started."""

from __future__ import annotations

import json as notation
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.sites import load_site
from config.problem import SiteProblems

if TYPE_CHECKING:
    from config.site import Site


def check(
    site: Annotated[Path, typer.Argument(metavar="SITE.toml", help="The site file.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Find all mistakes in a site file at once. Use it after every edit, before run or a reload.

    Each mistake comes with file and line, the value, and what to write instead. Nothing is contacted or changed.
    Exit code 0: fine; 1: mistakes; 2: wrong use of this command.
    """
    try:
        loaded = load_site(site)
    except SiteProblems as refused:
        typer.echo(_json_of(refused, ()) if json else _mistakes(site, refused))
        raise typer.Exit(1) from None
    typer.echo(_json_of(None, loaded.notices) if json else _fine(loaded))


def _json_of(refused: SiteProblems | None, notices: tuple[str, ...]) -> str:
    problems: list[dict[str, Any]] = [asdict(problem) for problem in refused.problems] if refused else []
    verdict = {"ok": refused is None, "problems": problems, "notices": list(notices)}
    return notation.dumps(verdict, ensure_ascii=False, indent=2)


def _mistakes(site: Path, refused: SiteProblems) -> str:
    count = len(refused.problems)
    return f"{refused}\n\n{count} {'mistake' if count == 1 else 'mistakes'} in {site}; plantgate will not run it"


def _fine(site: Site) -> str:
    points = sum(len(device.spec.points) for device in site.devices)
    counts = [(len(site.buses), "bus", "buses"), (len(site.devices), "device", "devices")]
    counts += [(points, "point", "points"), (len(site.limits), "limit", "limits")]
    said = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)
    return "\n".join([*(f"note: {notice}" for notice in site.notices), f"{site.path.name}: fine ({said})"])
