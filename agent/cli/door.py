"""What verbs that need the running agent have in common: the site's door, one request, and how a refusal is told."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.devices import loaded
from agent.control_client import NoAnswer, NobodyThere, Visit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.site import Site

SitePath = Annotated[Path, typer.Argument(help="The site file of the running agent.", metavar="SITE.toml")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def asked(site: Site, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the running agent's answer, or end the verb with why there is none (exit 1)."""
    try:
        with Visit(site.gateway.state_dir) as visit:
            return visit.ask({word: value for word, value in request.items() if value is not None})
    except NobodyThere as reason:
        print(f"plantgate: {reason}; start it with: plantgate run {site.path.name}", file=sys.stderr)
    except NoAnswer as reason:
        print(f"plantgate: {reason}", file=sys.stderr)
    raise typer.Exit(1)


def entered(path: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Load the site, have the running agent do something, and return its answer."""
    return asked(loaded(path), request)


def printed(answer: Any) -> None:
    """Print an answer as JSON."""
    print(jsonlib.dumps(answer, ensure_ascii=False, indent=2))
