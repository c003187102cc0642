"""A broker that does what it is told, right or wrong. MQTT 5 and 3.1.1, QoS 1 only, one thread per connection.

A `Script` says how it behaves; attributes may be changed while it runs. What clients did is kept for the test to look
at.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

RECEIVE_MAXIMUM = 33
MAXIMUM_QOS = 36
RETAIN_AVAILABLE = 37
MAXIMUM_PACKET_SIZE = 39
SERVER_KEEP_ALIVE = 19
REASON_STRING = 31


@dataclass(frozen=True)
class Connect:
    """A CONNECT packet."""

    protocol: int
    client_id: str
    keepalive: int
    clean: bool
    username: str | None
    password: str | None
    will_topic: str | None
    will_payload: bytes | None
    will_retain: bool
    at: float


@dataclass(frozen=True)
class Publish:
    """A PUBLISH packet; `connection` counts from 0, `properties` are the raw bytes."""

    connection: int
    topic: str
    payload: bytes
    mid: int
    qos: int
    retain: bool
    dup: bool
    properties: bytes
    size: int
    at: float


def always(code: int | None) -> Callable[[Publish], int | None]:
    """Return a script that answers every PUBLISH alike."""
    return lambda _publish: code


@dataclass
class Script:
    """How the broker behaves. `puback` returns the reason code, or ``None`` for silence."""

    connack: int | None = 0
    granted: bytes = b""
    speaks: tuple[int, ...] = (4, 5)
    close_on_connect: bool = False
    puback: Callable[[Publish], int | None] = field(default_factory=lambda: always(0))
    puback_delay_s: float = 0.0
    puback_copies: int = 1
    stray_pubacks: bool = False
    greeting: bytes = b""
    instead_of_puback: bytes | None = None
    answer_pings: bool = True


class FakeBroker:
    """Listens on the loopback."""

    def __init__(self, script: Script | None = None) -> None:
        """Start at once."""
        self.script = script or Script()
        self.connects: list[Connect] = []
        self.published: list[Publish] = []
        self.most_outstanding = 0
        self.goodbyes = 0
        self._sockets: list[socket.socket] = []
        self._closing = False
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._door.getsockname()[1]
        self._threads = [Thread(target=self._welcome, name="fake-broker", daemon=True)]
        self._threads[0].start()

    def records(self, ending: str = "") -> list[bytes]:
        """Return the payloads of all PUBLISH packets but status and meta, in order of arrival."""
        return [
            p.payload for p in self.published if p.topic.endswith(ending) and not p.topic.endswith(("status", "meta"))
        ]

    def disconnect_all(self, code: int) -> None:
        """Send DISCONNECT with a reason code to every client, and close."""
        for sock in list(self._sockets):
            with suppress(OSError):
                sock.sendall(bytes((0xE0, 2, code, 0)))
            self._end(sock)

    def drop_all(self) -> None:
        """Close every connection without a word."""
        for sock in list(self._sockets):
            self._end(sock)

    def send_all(self, data: bytes) -> None:
        """Send raw bytes to every client."""
        for sock in list(self._sockets):
            with suppress(OSError):
                sock.sendall(data)

    def close(self) -> None:
        """End everything."""
        self._closing = True
        self._end(self._door)
        self.drop_all()
        for thread in self._threads:
            thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _tb: TracebackType | None) -> None:
        self.close()

    def _end(self, sock: socket.socket) -> None:
        if sock in self._sockets:
            self._sockets.remove(sock)
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    def _welcome(self) -> None:
        while not self._closing:
            try:
                sock, _ = self._door.accept()
            except OSError:
                return
            self._sockets.append(sock)
            thread = Thread(target=self._serve, args=(sock, len(self._threads) - 1), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with suppress(OSError, ValueError):
            _Client(self, sock, number).run()
        self._end(sock)


class _Client:
    """One connection: reads packets, answers as the script says."""

    def __init__(self, broker: FakeBroker, sock: socket.socket, number: int) -> None:
        self._broker, self._sock, self._number = broker, sock, number
        self._protocol = 5
        self._pending: list[tuple[float, int, int]] = []
        self._outstanding: set[int] = set()
        self._buffer = bytearray()

    def run(self) -> None:
        self._sock.sendall(self._broker.script.greeting)
        while True:
            ready, _, _ = select.select([self._sock], [], [], 0.002 if self._pending else 0.2)
            if ready:
                data = self._sock.recv(65536)
                if not data:
                    return
                self._buffer += data
                while (packet := self._packet()) is not None:
                    if not self._handle(*packet):
                        return
            self._acknowledge()

    def _packet(self) -> tuple[int, bytes, int] | None:
        length, at = 0, 1
        while True:
            if at >= len(self._buffer):
                return None
            byte = self._buffer[at]
            length |= (byte & 0x7F) << (7 * (at - 1))
            at += 1
            if not byte & 0x80:
                break
        if len(self._buffer) < at + length:
            return None
        head, body = self._buffer[0], bytes(self._buffer[at : at + length])
        del self._buffer[: at + length]
        return head, body, at + length

    def _handle(self, head: int, body: bytes, size: int) -> bool:
        kind = head >> 4
        if kind == 1:
            return self._connect(body)
        if kind == 3:
            self._publish(head, body, size)
        elif kind == 12 and self._broker.script.answer_pings:
            self._sock.sendall(b"\xd0\x00")
        elif kind == 14:
            self._broker.goodbyes += 1
            return False
        return True

    def _connect(self, body: bytes) -> bool:
        script = self._broker.script
        connect = _read_connect(body)
        self._protocol = connect.protocol
        self._broker.connects.append(connect)
        if connect.protocol not in script.speaks:
            if not script.close_on_connect:
                self._sock.sendall(b"\x20\x02\x00\x01" if script.speaks == (4,) else b"\x20\x03\x00\x84\x00")
            return False
        if script.close_on_connect and script.speaks == (4, 5):
            return False
        if script.connack is None:
            return True
        granted = bytes((len(script.granted),)) + script.granted if connect.protocol == 5 else b""
        answer = bytes((0, script.connack)) + granted
        self._sock.sendall(bytes((0x20, len(answer))) + answer)
        return script.connack == 0

    def _publish(self, head: int, body: bytes, size: int) -> None:
        topic_length = int.from_bytes(body[:2], "big")
        at = 2 + topic_length
        topic = body[2:at].decode()
        mid = int.from_bytes(body[at : at + 2], "big")
        at += 2
        properties = b""
        if self._protocol == 5:
            end = at + 1 + body[at]
            properties = body[at + 1 : end]
            at = end
        publish = Publish(
            self._number,
            topic,
            body[at:],
            mid,
            (head >> 1) & 3,
            bool(head & 1),
            bool(head & 8),
            properties,
            size,
            time.monotonic(),
        )
        self._broker.published.append(publish)
        self._outstanding.add(mid)
        self._broker.most_outstanding = max(self._broker.most_outstanding, len(self._outstanding))
        code = self._broker.script.puback(publish)
        if code is not None:
            self._pending.append((time.monotonic() + self._broker.script.puback_delay_s, mid, code))

    def _acknowledge(self) -> None:
        now = time.monotonic()
        due = [p for p in self._pending if p[0] <= now]
        self._pending = [p for p in self._pending if p[0] > now]
        script = self._broker.script
        for _, mid, code in due:
            self._outstanding.discard(mid)
            answer = struct.pack("!BBH", 0x40, 2, mid)
            if code and self._protocol == 5:
                answer = struct.pack("!BBHBB", 0x40, 4, mid, code, 0)
            if script.instead_of_puback is not None:
                answer = script.instead_of_puback
            strays = struct.pack("!BBH", 0x40, 2, 60_000) if script.stray_pubacks else b""
            self._sock.sendall(strays + answer * script.puback_copies)


def _read_connect(body: bytes) -> Connect:
    at = 2 + int.from_bytes(body[:2], "big")
    protocol, flags, keepalive = struct.unpack_from("!BBH", body, at)
    at += 4

    def skip_properties() -> None:
        nonlocal at
        if protocol == 5:
            at += 1 + body[at]

    def text() -> bytes:
        nonlocal at
        length = int.from_bytes(body[at : at + 2], "big")
        at += 2 + length
        return body[at - length : at]

    skip_properties()
    client_id = text().decode()
    will_topic = will_payload = None
    if flags & 0x04:
        skip_properties()
        will_topic, will_payload = text().decode(), text()
    username = text().decode() if flags & 0x80 else None
    password = text().decode() if flags & 0x40 else None
    return Connect(
        protocol,
        client_id,
        keepalive,
        bool(flags & 2),
        username,
        password,
        will_topic,
        will_payload,
        bool(flags & 0x20),
        time.monotonic(),
    )
