"""The end of a TCP connection that an instrument opens to this box: a stream (`drivers.stream`) that listens.

One instrument, one connection. When another connection comes, the one before it is given up: an instrument that lost
its power or its network connects anew while the old connection still looks alive from here. One that vanished without
a word is noticed by keepalive after a minute.

Listening begins with the first `open` and outlasts the connections, or an instrument would be refused between two
attempts of ours. So `hang_up` ends the connection only, and the next `open` takes whoever has come meanwhile; `close`
ends listening too.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
from typing import TYPE_CHECKING, Final

from drivers.errors import LinkDown
from drivers.tcp_link import CHUNK, KEEPALIVE, LinkClosed

if TYPE_CHECKING:
    from drivers.reading import Clock

ACCEPT_S: Final = 0.3
"""How long `open` waits for the instrument."""
BACKLOG: Final = 1
_HINTS: Final = {
    errno.EADDRINUSE: "another program has taken the port, or another bus of this box",
    errno.EADDRNOTAVAIL: "this box has no such address; 0.0.0.0 means all it has",
    errno.EACCES: "ports below 1024 take a privilege; choose a higher one",
}


class TcpEar:
    """One port, and the connection to it, or none. Used by one thread."""

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        """Remember where to listen; nothing happens before `open`."""
        self.where = f"{host}:{port}"
        self.connects = 0
        self._address = (host, port)
        self._clock = clock
        self._listener: socket.socket | None = None
        self._connection: socket.socket | None = None
        self._readable = select.poll()

    @property
    def is_open(self) -> bool:
        """Whether an instrument is connected, as far as we know."""
        return self._connection is not None

    def open(self) -> None:
        """Listen, and take the connection of the instrument. Raises LinkDown when none comes within `ACCEPT_S`."""
        if self._listener is None:
            self._listen()
        deadline_ns = self._clock.mono_ns() + int(ACCEPT_S * 1e9)
        while not self.is_open:
            left_ns = deadline_ns - self._clock.mono_ns()
            if left_ns <= 0 or not self._readable.poll(left_ns / 1e6):
                again = " again" if self.connects else ""
                raise LinkDown(f"nobody has connected to {self.where}{again} yet")
            try:
                self._accept()
            except LinkClosed as error:
                raise LinkDown(f"cannot take a connection to {self.where}: {error}") from error

    def send(self, data: bytes) -> None:
        """Hand `data` to the kernel. Raises LinkClosed, also when the instrument lets our bytes pile up."""
        assert self._connection is not None, "open first"
        try:
            sent = self._connection.send(data)
        except OSError as error:
            raise self._lost(_words(error)) from error
        if sent != len(data):
            raise self._lost("the instrument does not take our bytes")

    def receive(self, deadline_ns: int) -> bytes:
        """Return at least one byte. Raises TimeoutError at the deadline, LinkClosed at the connection's end."""
        data = b""
        while not data:
            left_ns = deadline_ns - self._clock.mono_ns()
            if left_ns <= 0:
                raise TimeoutError
            data = self._ready(left_ns / 1e6)
        return data

    def waiting(self) -> bytes:
        """Return what is here without waiting, ``b""`` when nothing is. Raises LinkClosed."""
        return self._ready(0)

    def hang_up(self) -> None:
        """End the connection, if there is one, and go on listening."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._readable.unregister(connection)
            with contextlib.suppress(OSError):
                connection.close()

    def close(self) -> None:
        """Hang up and stop listening. Closing twice is fine; `open` begins anew."""
        self.hang_up()
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.close()
        self._readable = select.poll()

    def _listen(self) -> None:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        try:
            listener = socket.create_server(self._address, family=family, backlog=BACKLOG)
        except OSError as error:
            raise LinkDown(f"cannot listen on {self.where}: {_words(error)}") from error
        listener.setblocking(False)
        self._listener = listener
        self._readable.register(listener, select.POLLIN)

    def _ready(self, wait_ms: float) -> bytes:
        """Wait for bytes or for another connection; return the bytes.

        What the old connection still brings comes first; its end matters only when nobody else has come.
        """
        assert self._connection is not None, "open first"
        ready = {descriptor for descriptor, _ in self._readable.poll(wait_ms)}
        someone_else_came = bool(ready - {self._connection.fileno()})
        try:
            if self._connection.fileno() in ready:
                return self._take()
        except LinkClosed:
            if not someone_else_came:
                raise
        if someone_else_came:
            self._accept()
            if self._connection is None:
                raise self._lost("the instrument hung up")
        return b""

    def _take(self) -> bytes:
        assert self._connection is not None, "open first"
        try:
            data = self._connection.recv(CHUNK)
        except BlockingIOError:  # the kernel may take back what `poll` promised
            return b""
        except OSError as error:
            raise self._lost(_words(error)) from error
        if not data:
            raise self._lost("the instrument hung up")
        return data

    def _accept(self) -> None:
        """Take the next connection in place of the one there is. Raises LinkClosed when the system gives none."""
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # whoever knocked has left
            return
        except OSError as error:
            self.close()  # or it would knock for ever
            raise LinkClosed(_words(error)) from error
        try:
            for level, option, value in KEEPALIVE:
                connection.setsockopt(level, option, value)
            connection.setblocking(False)
        except OSError:
            connection.close()
            return
        self.hang_up()
        self._connection = connection
        self._readable.register(connection, select.POLLIN)
        self.connects += 1

    def _lost(self, words: str) -> LinkClosed:
        self.hang_up()
        return LinkClosed(words)


def _words(error: OSError) -> str:
    return _HINTS.get(error.errno or 0, (error.strerror or str(error)).lower())
