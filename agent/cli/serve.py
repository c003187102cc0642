"""The process that stays: ``python -m agent.cli.serve SITE.toml STYLE LEVEL``.

`plantgate run` becomes this process, so that what parses a command line is not carried for a year.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from agent.assemble import Agent, Refusal, assemble
from agent.clock import SystemClock
from agent.keys import KeyProblem
from agent.log import Style, configure, get
from agent.notify import Notifier
from agent.sites import load_site_apart
from agent.supervisor import Supervisor, block_signals
from buffer.outbox import Outbox, OutboxError
from config.problem import SiteProblems

if TYPE_CHECKING:
    from config.site import Site

EXTEND_S: Final = 60.0
"""How much longer systemd is asked to wait each time a store being checked or salvaged shows progress."""

log = get("agent.cli.serve")  # not `__name__`: this is the main module


def serve(path: Path, style: Style, level: str) -> int:
    """Run the agent of a site file; return the exit code: 0 asked to stop, 1 refused or died."""
    notifier = Notifier()
    try:
        site = load_site_apart(path)
    except SiteProblems as problems:
        print(problems, file=sys.stderr)
        notifier.status(refused(problems, path))
        return 1
    block_signals()
    clock = SystemClock(trusted=is_trusted(site))
    lines = configure(clock.mono_ns, style=style, level=level)
    for notice in site.notices:
        log.warning("site file", path=path, note=notice)
    supervisor = Supervisor(clock, notifier)
    try:
        agent = opened(site, clock.wall_ms(), supervisor, notifier)
    except (OutboxError, KeyProblem, Refusal) as refusal:
        print(f"plantgate: {refusal}", file=sys.stderr)
        notifier.status(f"cannot start: {refusal}")
        return 1
    try:
        return supervisor.run(agent)
    finally:
        lines.close()


def refused(problems: SiteProblems, path: Path) -> str:
    """Return for `systemctl status` the first mistake, and how many more there are."""
    more = len(problems.problems) - 1
    rest = f" (and {more} more: plantgate check {path})" if more else ""
    return f"site file refused: {problems.problems[0]}{rest}"


def opened(site: Site, now_ms: int, supervisor: Supervisor, notifier: Notifier) -> Agent:
    """Open the store and assemble the agent on it. Raises `OutboxError`, `KeyProblem`, `Refusal`."""

    def still_alive() -> None:
        notifier.extend(EXTEND_S)

    outbox = Outbox.open(
        site.gateway.state_dir,
        max_size=site.buffer.max_size,
        allow_volatile=site.buffer.allow_volatile,
        now_ms=now_ms,
        progress=still_alive,
    )
    try:
        clock = SystemClock(trusted=is_trusted(site), remembered=outbox.state("clock"))
        return assemble(site, clock, outbox, supervisor.died)
    except BaseException:
        outbox.close()
        raise


def is_trusted(site: Site) -> bool:
    """Whether the site vouches for the host's clock."""
    return site.gateway.clock == "trusted"


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), cast("Style", sys.argv[2]), sys.argv[3]))
