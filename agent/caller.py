"""One connection to a local door: lines in, lines out, both bounded. See `agent.control`."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

MOST_LINE: Final = 8192
"""Bytes of one request."""

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and by which user of this machine."""

    words: Mapping[str, Any]
    uid: int


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that can be given when all `futures` are done; when time is up, `answer` makes the best of it."""

    futures: Sequence[Future[Any]]
    answer: Callable[[], Answer]

    @property
    def is_ready(self) -> bool:
        """Whether there is nothing to wait for any more."""
        return all(future.done() for future in self.futures)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A line at once, and then one a second, for as long as the caller listens.

    A `line` that is ``None`` is not ready: it is asked for again a moment later.
    """

    line: Callable[[], Answer | None]


class Caller:
    """A connection and what it waits for. `since_ns` is when it last asked, or took what it was told.

    No call waits. Whatever goes wrong with the connection makes it `gone`.
    """

    def __init__(self, connection: socket.socket, now_ns: int) -> None:
        """Take an accepted connection over."""
        connection.setblocking(False)
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        self.socket = connection
        self.uid: int = struct.unpack("3i", credentials)[1]
        self.since_ns = now_ns
        self.serving: Later | Repeated | None = None
        self.due_ns = now_ns
        self.gone = False
        self._asked = bytearray()
        self._told = bytearray()
        self._has_ended = False  # it asks nothing more, but may still listen

    @property
    def wants(self) -> int:
        """What to wait for on the socket: a request only when the one before is done with."""
        if self._told:
            return EVENT_WRITE
        return 0 if self.serving is not None or self._has_ended else EVENT_READ

    @property
    def is_idle(self) -> bool:
        """Whether everything it was told has been taken."""
        return not self._told

    @property
    def is_done(self) -> bool:
        """Whether nothing will happen on this connection any more."""
        return self.gone or (self._has_ended and not self._told and self.serving is None)

    def hear(self) -> None:
        """Take what it says."""
        try:
            data = self.socket.recv(MOST_LINE)
        except BlockingIOError:
            return
        except OSError:
            self.gone = True
            return
        self._asked += data
        self._has_ended = not data

    def request(self) -> bytes | None:
        """Return the next request, when the one before is done with and it is here."""
        if self.serving is not None or self._told or self.gone:
            return None
        line, newline, rest = self._asked.partition(b"\n")
        if not newline and len(line) <= MOST_LINE and not (self._has_ended and line):
            return None
        if len(line) > MOST_LINE:  # who says so much says nothing we want to hear more of
            self._has_ended, rest = True, bytearray()
        self._asked = rest
        return bytes(line)

    def tell(self, answer: Answer, now_ns: int) -> None:
        """Send a line, or keep it until the caller reads on."""
        try:
            line = orjson.dumps(answer, default=str, option=orjson.OPT_NON_STR_KEYS)
        except TypeError as error:  # half a character (a lone surrogate), a whole number beyond 64 bits
            line = orjson.dumps({"error": f"the answer cannot be written as JSON: {error}"})
        self._told += line + b"\n"
        self.since_ns = now_ns
        self.send(now_ns)

    def send(self, now_ns: int) -> None:
        """Send what it takes of what waits for it."""
        if not self._told:
            return
        try:
            sent = self.socket.send(self._told)
        except BlockingIOError:
            return
        except OSError:
            self.gone = True
            return
        del self._told[:sent]
        self.since_ns = now_ns

    def close(self) -> None:
        """Hang up; nobody works for it any more."""
        if isinstance(self.serving, Later):
            for future in self.serving.futures:
                future.cancel()
        with suppress(OSError):
            self.socket.close()
