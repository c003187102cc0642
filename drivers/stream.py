"""What a line is made of: bytes in both directions, and deadlines. A serial port, a connection made or one taken."""

from __future__ import annotations

from typing import Protocol


class Stream(Protocol):
    """A way to an instrument, open or not. Used by one thread. Knows nothing of frames.

    No call blocks past its deadline, and what is handed over at a time is bounded. `where` names it for people,
    `connects` counts how often it was opened. Once a call has raised `drivers.tcp_link.LinkClosed` the stream is of no
    use until it is closed and opened again.
    """

    where: str
    connects: int

    @property
    def is_open(self) -> bool:
        """Whether it is open, as far as we know."""

    def open(self) -> None:
        """Open it. Raises LinkDown, with what to do about it in words."""

    def send(self, data: bytes) -> None:
        """Hand over the whole of `data` without waiting until it is on the wire. Raises LinkClosed."""

    def receive(self, deadline_ns: int) -> bytes:
        """Return at least one byte. Raises TimeoutError at the deadline (monotonic ns), LinkClosed at the end."""

    def waiting(self) -> bytes:
        """Return what is here without waiting, ``b""`` when nothing is. Raises LinkClosed."""

    def hang_up(self) -> None:
        """End what is broken, to `open` it again: whoever waits for a connection goes on waiting."""

    def close(self) -> None:
        """Let go of it. Closing twice is fine."""
