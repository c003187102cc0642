"""The socket as paho sees it: reads come from a buffer, writes are gathered and leave together.

paho reads a PUBACK in three calls and writes each packet with one of its own. On this wire those touch memory only; the
publisher fills and flushes once per turn, which saves most system calls (and with TLS most records).

A walker follows the fixed headers (MQTT 5 section 2.1) as bytes arrive, so that a peer that announces an endless
packet is recognised before anything is kept for it.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

_CHUNK = 65536
_LENGTH_BYTES = 4


class NotMqttError(Exception):
    """What arrived cannot be MQTT, or is larger than we said we would take."""


class Wire:
    """A non-blocking socket with a read buffer and a write buffer. Satisfies what paho wants of a socket."""

    def __init__(self, sock: socket.socket, *, largest: int) -> None:
        """Take a connected non-blocking socket; `largest` is the biggest packet accepted, bytes."""
        self._sock = sock
        self._in = b""
        self._at = 0
        self._out = bytearray()
        self._walker = _Walker(largest)
        self.ended = False

    @property
    def unread(self) -> int:
        """Bytes received and not yet read by paho."""
        return len(self._in) - self._at

    @property
    def wants_write(self) -> bool:
        """Whether bytes wait for the socket to take them."""
        return bool(self._out)

    def fill(self) -> None:
        """Receive what is there. Sets `ended` at the end of the stream; raises OSError, or NotMqttError."""
        got = [self._in[self._at :]] if self.unread else []
        while (data := self._receive()) is not None:
            if not data:
                self.ended = True
                break
            self._walker.walk(data)
            got.append(data)
            if not self._has_more(data):
                break
        self._in = b"".join(got)
        self._at = 0

    def _receive(self) -> bytes | None:
        try:
            return self._sock.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except ssl.SSLEOFError:
            return b""

    def _has_more(self, data: bytes) -> bool:
        if isinstance(self._sock, ssl.SSLSocket):
            return self._sock.pending() > 0
        return len(data) == _CHUNK

    def flush(self) -> None:
        """Send what the socket takes. Raises OSError."""
        while self._out:
            try:
                sent = self._sock.send(self._out)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            del self._out[:sent]

    def recv(self, size: int) -> bytes:
        """Give paho up to `size` bytes of what was received."""
        if not self.unread:
            raise BlockingIOError
        data = self._in[self._at : self._at + size]
        self._at += len(data)
        return data

    def send(self, data: bytes | bytearray) -> int:
        """Take everything; the publisher's window bounds how much that can be."""
        self._out += data
        return len(data)

    def close(self) -> None:
        """Close the socket, after one try to get rid of what is waiting."""
        try:
            self.flush()
        except OSError:
            self._out.clear()
        finally:
            self._sock.close()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """Do nothing: the wire never blocks."""


class _Walker:
    """Follows packet borders: one byte of type, one to four of length, then that many of body."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._skip = 0
        self._in_length = False
        self._length = 0
        self._digits = 0

    def walk(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            if self._in_length:
                self._digit(data[at])
            else:
                self._in_length, self._length, self._digits = True, 0, 0
            at += 1

    def _digit(self, byte: int) -> None:
        self._length |= (byte & 0x7F) << (7 * self._digits)
        self._digits += 1
        if not byte & 0x80:
            self._in_length = False
            self._skip = self._length
        elif self._digits == _LENGTH_BYTES:
            raise NotMqttError("a packet length of more than four bytes")
        if self._length > self._largest:
            raise NotMqttError(f"a packet of {self._length} bytes")
