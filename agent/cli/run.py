"""``plantgate run``: the agent itself."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

HOME: Final = str(Path(__file__).parents[2])
"""Where our packages are: the process that stays must find these, and never ones in the current directory."""

_NOT_ROOT: Final = """\
plantgate: refused: this must not run as root. Do one of these instead:
  the service, as a user of its own    systemctl start plantgate
  by hand, while the service stands    runuser -u plantgate -- plantgate run {site}
  in a container, or for a trial       plantgate run --allow-root {site}"""


class Style(StrEnum):
    """How to log."""

    AUTO = "auto"
    LOGFMT = "logfmt"
    JSON = "json"


class Level(StrEnum):
    """What to log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def run(
    site: Annotated[Path, typer.Argument(help="The site file.", metavar="SITE.toml", readable=False)],
    log: Annotated[Style, typer.Option(help="How to log (auto: JSON into the journal, else key=value).")] = Style.AUTO,
    level: Annotated[Level, typer.Option(help="What to log.")] = Level.INFO,
    allow_root: Annotated[
        bool, typer.Option("--allow-root", help="Run as root all the same, in a container or for a trial.")
    ] = False,
) -> None:
    """Run the agent: poll the devices, judge the readings, keep every record, publish it. Ends on SIGTERM or Ctrl-C.

    Use it under systemd (systemd/plantgate.service), or in a terminal to try a site file. A broken site file is refused
    with all its mistakes, as `plantgate check` prints them. SIGHUP takes over a changed site file without a restart.
    Exit code 0 when asked to stop, 1 when it cannot start or something in it died. Refuses to run as root, which it
    never needs: what it makes would belong to root, and the service could not read it.
    """
    if os.geteuid() == 0 and not allow_root:
        print(_NOT_ROOT.format(site=site), file=sys.stderr)
        raise typer.Exit(1)
    command = [sys.executable, "-P", "-m", "agent.cli.serve", str(site), log, level]
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": HOME})  # noqa: S606
