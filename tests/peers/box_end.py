"""The box's end of a serial line, with nothing but the operating system: no library that could hide a mistake."""

from __future__ import annotations

import os
import select
import termios
import time
import tty
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_BAUDS = {2400: termios.B2400, 4800: termios.B4800, 9600: termios.B9600, 115200: termios.B115200}


class BoxEnd:
    """An open port. `parity` is "N", "E" or "O"; INPCK says so where a pseudo-terminal forgets PARENB."""

    def __init__(self, port: Path, baud: int = 9600, parity: str = "N") -> None:
        self._fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._fd)
        self.set(baud, parity)

    def set(self, baud: int, parity: str = "N") -> None:
        """Change the line settings and forget what has come."""
        attributes = termios.tcgetattr(self._fd)
        attributes[0] = attributes[0] & ~termios.INPCK | (termios.INPCK if parity != "N" else 0)
        attributes[2] = attributes[2] & ~termios.PARODD | (termios.PARODD if parity == "O" else 0)
        attributes[4] = attributes[5] = _BAUDS[baud]
        termios.tcsetattr(self._fd, termios.TCSAFLUSH, attributes)

    def send(self, data: bytes) -> None:
        """Send all of `data` at once."""
        assert os.write(self._fd, data) == len(data)

    def hear(self, count: int = 4096, within_s: float = 10.0, quiet_s: float = 10.0) -> bytes:
        """Return what comes: `count` bytes, or what has come before `quiet_s` of silence or the end of `within_s`."""
        heard, end = b"", time.monotonic() + within_s
        while len(heard) < count and (left := min(quiet_s, end - time.monotonic())) > 0:
            if not select.select([self._fd], [], [], left)[0]:
                break
            heard += os.read(self._fd, 4096)
        return heard

    def ask(self, data: bytes, count: int = 4096, quiet_s: float = 0.4) -> bytes:
        """Send a request and return `count` bytes, or what has come when the line falls silent."""
        self.send(data)
        return self.hear(count, quiet_s=quiet_s)

    def close(self) -> None:
        """Close."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
