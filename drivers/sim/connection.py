"""One accepted TCP connection of the simulator: bytes in, requests out; frames in, bytes out. Never blocks."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.sim.wire import Framing, Request

_RECEIVE_BYTES = 4096


class Connection:
    """A client's connection to one line. Lives in the serving thread only."""

    def __init__(
        self,
        line: str,
        framing: Framing,
        sock: socket.socket,
        selector: selectors.BaseSelector,
        answer: Callable[[Connection, Request], None],
    ) -> None:
        """Attend to `sock`; every whole request goes to `answer`."""
        self.line = line
        self.framing = framing
        self._sock = sock
        self._selector = selector
        self._answer = answer
        self._received = b""
        self._unsent = b""
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ, self.ready)

    @property
    def is_open(self) -> bool:
        """Whether anything can still be sent."""
        return self._sock.fileno() >= 0

    def ready(self, events: int) -> None:
        """Do what the selector says can be done."""
        if events & selectors.EVENT_WRITE:
            self._flush()
        if events & selectors.EVENT_READ and self.is_open:
            self._receive()

    def send(self, frame: bytes) -> None:
        """Send `frame`, now or when the client has room for it."""
        if self.is_open:
            waiting = bool(self._unsent)
            self._unsent += frame
            if not waiting:
                self._flush()

    def reset(self) -> None:
        """Close with RST instead of FIN: linger on, zero seconds."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close. Safe to call twice."""
        if self.is_open:
            self._selector.unregister(self._sock)
            self._sock.close()

    def _receive(self) -> None:
        try:
            data = self._sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._received += data
        while self._received and self.is_open:
            request, used = self.framing.cut(self._received)
            self._received = self._received[used:]
            if request is not None:
                self._answer(self, request)
            elif not used:
                return

    def _flush(self) -> None:
        before = self._unsent
        try:
            self._unsent = before[self._sock.send(before) :]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        full = selectors.EVENT_WRITE if self._unsent else 0
        if full or self._selector.get_key(self._sock).events & selectors.EVENT_WRITE:
            self._selector.modify(self._sock, selectors.EVENT_READ | full, self.ready)
