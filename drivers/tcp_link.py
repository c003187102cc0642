"""A TCP connection as a stream of bytes with a deadline. Knows nothing of frames.

Promises: no call blocks past its deadline (name resolution excepted, which the system bounds); at most `CHUNK` bytes
are handed over at a time, so a flood costs no memory; whatever happens, `close` gives the descriptor back.
Deadlines are monotonic nanoseconds of the clock handed in.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING, Final

from drivers.errors import LinkDown

if TYPE_CHECKING:
    from drivers.reading import Clock

CHUNK: Final = 1024
CONNECT_S: Final = 3.0
"""Long enough for one lost SYN, which the kernel repeats after 1 s."""
KEEPALIVE: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
"""A request leaves at once; a host that vanished between two slow polls is noticed after a minute."""


class LinkClosed(Exception):
    """The peer closed or reset the connection."""


class TcpLink:
    """One connection to one host, or none. Used by one thread."""

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        """Remember where to connect; nothing is sent before `open`."""
        self.where = f"{host}:{port}"
        self.connects = 0
        self._address = (host, port)
        self._clock = clock
        self._socket: socket.socket | None = None
        self._readable = select.poll()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as we know."""
        return self._socket is not None

    def open(self) -> None:
        """Connect. Raises LinkDown."""
        try:
            connection = socket.create_connection(self._address, timeout=CONNECT_S)
        except OSError as error:
            raise LinkDown(f"cannot connect to {self.where}: {_words(error)}") from error
        try:
            for level, option, value in KEEPALIVE:
                connection.setsockopt(level, option, value)
            connection.setblocking(False)
        except OSError as error:
            connection.close()
            raise LinkDown(f"connection to {self.where} lost: {_words(error)}") from error
        self._socket = connection
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self.connects += 1

    def send(self, data: bytes) -> None:
        """Hand `data` to the kernel. Raises LinkClosed, also when the peer lets our bytes pile up."""
        assert self._socket is not None, "open first"
        try:
            sent = self._socket.send(data)
        except OSError as error:
            raise LinkClosed(_words(error)) from error
        if sent != len(data):
            raise LinkClosed("the peer does not take our bytes")

    def receive(self, deadline_ns: int) -> bytes:
        """Return at least one byte. Raises TimeoutError at the deadline, LinkClosed at the stream's end."""
        data = b""
        while not data:
            left_ns = deadline_ns - self._clock.mono_ns()
            if left_ns <= 0 or not self._readable.poll(left_ns / 1e6):
                raise TimeoutError
            data = self._take()
        return data

    def waiting(self) -> bytes:
        """Return what is here without waiting, ``b""`` when nothing is. Raises LinkClosed."""
        return self._take() if self._readable.poll(0) else b""

    def hang_up(self) -> None:
        """Give the connection back, to `open` another."""
        self.close()

    def close(self) -> None:
        """Give the connection back. Closing twice is fine."""
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def _take(self) -> bytes:
        assert self._socket is not None, "open first"
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:  # the kernel may take back what `poll` promised
            return b""
        except OSError as error:
            raise LinkClosed(_words(error)) from error
        if not data:
            raise LinkClosed("closed by the host")
        return data


def _words(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"host name not found ({error.strerror})"
    if isinstance(error, TimeoutError):
        return "no answer"
    return (error.strerror or str(error)).lower()
