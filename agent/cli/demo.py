"""``plantgate demo``: a plant, a broker, the agent, its panel and a verifying subscriber on this machine.

Agent and panel are the real ones, in processes of their own, with a site file that points at this machine. This process
is the rest of the world: the instruments (`drivers.sim`), the platform's broker and subscriber (`demo_broker`), and the
one who looks on (`demo_story`, `demo_screen`). The boiler swings over its limit; the broker goes down for five seconds.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Self, TextIO

import typer
from rich.console import Console
from rich.live import Live

from agent.cli.demo_screen import Now, Screen, first_lines, status_lines, summary_lines, told_text
from agent.keys import KeyProblem

if TYPE_CHECKING:
    from agent.cli.demo_story import Story, Summary
    from config.site import Site

_STATUS_EVERY_S = 5.0

Seconds = Annotated[
    float | None, typer.Option("--for", metavar="SECONDS", min=1, help="End after this long; 30 shows everything.")
]
State = Annotated[
    Path | None, typer.Option("--state", metavar="DIR", help="Keep site file, key and store here, to look at later.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON; what happens goes to standard error.")]


def demo(seconds: Seconds = None, state: State = None, json: AsJson = False) -> None:
    """Run a whole plant on this machine and watch what a platform receives. Use it to see what plantgate does.

    It says where to open the panel in a browser.
    Needs no configuration, no network and no root; leaves nothing behind. Exit 0 only when all that was seen verified.
    """
    if not _has_broker():
        print("plantgate: the demo needs an embedded broker, which is not installed", file=sys.stderr)
        print("plantgate: install it with: pip install 'plantgate[demo]'", file=sys.stderr)
        raise typer.Exit(2)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)  # the broker's connections do not all end in beauty
    try:
        summary = _watch(state, seconds, json=json)
    except (KeyProblem, OSError) as problem:
        print(f"plantgate: the demo cannot start: {problem}", file=sys.stderr)
        raise typer.Exit(2) from None
    if json:
        print(jsonlib.dumps({"ok": summary.ok, **asdict(summary)}, ensure_ascii=False))
    else:
        print("\n".join(summary_lines(summary)))
    raise typer.Exit(0 if summary.ok else 1)


def _watch(state: Path | None, seconds: float | None, *, json: bool) -> Summary:
    """Perform the demo for whoever looks on: a terminal or a pipe."""
    on_screen = sys.stdout.isatty() and not json
    with (
        _directory(state) as directory,
        _Terminal() if on_screen else _Lines(sys.stderr if json else sys.stdout) as show,
    ):
        return asyncio.run(_perform(directory, seconds, show))


def _has_broker() -> bool:
    try:
        import amqtt  # noqa: F401, PLC0415 - an optional extra: say how to get it instead of a traceback
    except ImportError:
        return False
    return True


async def _perform(directory: Path, seconds: float | None, show: _Terminal | _Lines) -> Summary:
    from agent.cli.demo_stage import Stage  # noqa: PLC0415 - imports the broker, which may be missing

    return await Stage(directory, seconds, show).perform()


@contextmanager
def _directory(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted.resolve()
        return
    with TemporaryDirectory(prefix="plantgate-demo-") as made:
        yield Path(made)


class _Terminal:
    """One screen, drawn again and again, that goes away at the end."""

    def __init__(self) -> None:
        self._live = Live(console=Console(highlight=False), screen=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, site: Site, story: Story, now: Now) -> None:
        """Draw this moment."""
        self._live.update(Screen(site, story, now), refresh=True)


class _Lines:
    """One line for each thing that happens, for logs and pipes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._printed = 0
        self._status_due_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.flush()

    def show(self, site: Site, story: Story, now: Now) -> None:
        """Print what is new; how things stand comes every five seconds, beginning with a frame and its record."""
        for told in story.told_after(self._printed):
            print(f"{told.at_s:6.1f} s  {told_text(told).plain.rstrip()}", file=self._out)
        self._printed = story.said
        if now.at_s >= self._status_due_s and now.shown:
            lines = status_lines(site, story, now) if self._status_due_s else first_lines(now)
            self._status_due_s = now.at_s + _STATUS_EVERY_S
            print(*(f"{now.at_s:6.1f} s  {line}" for line in lines), sep="\n", file=self._out)
        self._out.flush()
