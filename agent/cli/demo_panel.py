"""The demo's panel: the real process, for browsers on this machine, until the demo ends.

It is told where the demo's agent has its door: on a machine with a box of its own it must not find that one's.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from agent.panel import serve  # what the process needs is in an extra: its absence shows here, not in a log
from agent.panel.accounts import Accounts

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

    from agent.panel.accounts import Clock

_LOOK_EVERY_S: Final = 0.1
_STOP_WITHIN_S: Final = 5.0


class Panel:
    """The panel of a demo in `directory`, whose site file says `port`."""

    def __init__(self, directory: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self._port = port
        self._directory = directory
        self._folder = directory / "panel"
        self._log = directory / "panel.log"
        self._door = directory / "state" / serve.SOCKET

    def setup_code(self, clock: Clock) -> str:
        """Return a code with which an account can be made. Raises OSError, ValueError: its folder cannot be used."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return Accounts(self._folder, clock).new_setup_code()

    async def invited(self) -> None:
        """Wait until the agent has opened its door: two that start at once take each other's time."""
        while not self._door.exists():  # noqa: ASYNC110 - a file has no events
            await asyncio.sleep(_LOOK_EVERY_S)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Process]:
        """Serve it as `plantgate panel serve` does; in a session of its own, so that Ctrl-C does not reach it."""
        words = ["panel", "serve", self._directory / "site.toml", "--state", self._folder]
        words += ["--socket", self._door]
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "agent.cli.main", *map(str, words)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            await _ended(process)

    async def answers(self, process: Process) -> bool:
        """Wait until it can be opened, and return true; false when it ends before."""
        while process.returncode is None:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.close()
                return True
            await asyncio.sleep(_LOOK_EVERY_S)
        return False

    def last_words(self) -> str:
        """Return the end of its log."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " / ".join(lines[-3:]) or "it said nothing"


async def _ended(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_WITHIN_S)
    except TimeoutError:
        process.kill()
        await process.wait()
