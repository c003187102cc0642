"""Somebody at a terminal: a program on a pseudo-terminal of its own, typed to, and read as a person reads it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PATIENCE_S = 60.0
"""Generous: for a machine that does other things as well."""


class Typist:
    """Runs a command with a terminal. `screen` is everything it has shown."""

    def __init__(self, command: Sequence[str], directory: Path, root: Path, term: str = "dumb") -> None:
        """Start it in `directory`; `root` is where our packages are."""
        ours, theirs = pty.openpty()
        self._fd = ours
        self._at = 0
        self.screen = ""
        environment = {**os.environ, "TERM": term, "PYTHONPATH": str(root), "LANG": "C.UTF-8", "COLUMNS": "100"}
        # A session with this terminal as its own: passwords are asked on it, and it is hung up when we go.
        self.process = subprocess.Popen(
            ["setsid", "-c", *command], cwd=directory, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)

    def sees(self, text: str) -> None:
        """Wait until `text` is shown, after whatever was waited for before."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.screen[self._at :]:
            assert time.monotonic() < deadline, f"waiting for {text!r}, saw:\n{self.screen[self._at :]}"
            if not self._read() and self.process.poll() is not None:
                raise AssertionError(f"it ended before {text!r}:\n{self.screen}")
        self._at = self.screen.index(text, self._at) + len(text)

    def types(self, prompt: str, answer: str) -> None:
        """Wait for a question and answer it."""
        self.sees(prompt)
        self.sees(": ")
        os.write(self._fd, f"{answer}\n".encode())

    def presses(self, key: bytes) -> None:
        """Press a key that is no letter."""
        os.write(self._fd, key)

    def hangs_up(self) -> int:
        """Close the terminal, as a lost connection does; return how the program ended."""
        os.close(self._fd)
        self._fd = -1
        return self.process.wait(PATIENCE_S)

    def ends(self) -> int:
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read() or self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end:\n{self.screen[self._at :]}"
        return self.process.wait(PATIENCE_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._fd], [], [], 0.1)
        if not ready:
            return False
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # EIO: the other end is closed
            return False
        self.screen += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._fd >= 0:
            os.close(self._fd)
