"""A Modbus server that misbehaves on request, byte by byte, over real sockets. Shares no code with the product.

A *manner* is a function from a request to what the server does about it: bytes to send and `Wait` and `HangUp`
between them. `honest` is the default; `FaultyModbus(units={7: silent})` changes it for one unit, and manners may be
swapped while the server runs. A register's value is its own address; a bit is set when its address divides by three.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, Self

Kind = Literal["tcp", "rtu"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came: `connection` and `turn` count from 0, `frame` is the whole of it."""

    kind: Kind
    number: int
    unit: int
    function: int
    address: int
    count: int
    connection: int
    turn: int
    frame: bytes

    @property
    def data(self) -> bytes:
        """The data of the right answer."""
        addresses = range(self.address, self.address + self.count)
        if self.function in (3, 4):
            return struct.pack(f">{self.count}H", *addresses)
        packed = bytearray((self.count + 7) // 8)
        for place, address in enumerate(addresses):
            packed[place // 8] |= (address % 3 == 0) << (place % 8)
        return bytes(packed)

    def answer(self, data: bytes | None = None, **changed: int) -> bytes:
        """Return the frame of the right answer, with other `data` or other fields where told."""
        body = self.data if data is None else data
        pdu = bytes((changed.get("function", self.function), changed.get("size", len(body)))) + body
        return self.frame_of(pdu, **changed)

    def exception(self, code: int) -> bytes:
        """Return the frame of an exception."""
        return self.frame_of(bytes((self.function | 0x80, code)))

    def frame_of(self, pdu: bytes, *, number: int | None = None, unit: int | None = None, **header: int) -> bytes:
        """Return `pdu` framed, with other header fields (`protocol`, `length`) where told."""
        unit = self.unit if unit is None else unit
        if self.kind == "rtu":
            return with_crc(bytes((unit,)) + pdu)
        number = self.number if number is None else number
        length = header.get("length", len(pdu) + 1)
        return struct.pack(">HHHB", number, header.get("protocol", 0), length, unit) + pdu


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while. Ends at once when the server is closed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection, politely or with a reset."""

    reset: bool = False


Deed = bytes | Wait | HangUp
Manner = Callable[[Asked], Iterable[Deed]]


def honest(asked: Asked) -> Iterator[Deed]:
    """Answer rightly."""
    yield asked.answer()


def silent(asked: Asked) -> Iterator[Deed]:
    """Take the request and say nothing."""
    yield from ()


def refusing(code: int) -> Manner:
    """Answer every request with one exception."""
    return lambda asked: [asked.exception(code)]


def late(seconds: float) -> Manner:
    """Answer rightly, but only after `seconds`."""
    return lambda asked: [Wait(seconds), asked.answer()]


def dripping(pause_s: float = 0.0) -> Manner:
    """Answer rightly, one byte at a time."""
    return lambda asked: [part for byte in asked.answer() for part in (bytes((byte,)), Wait(pause_s))]


def with_hole(*holes: int, code: int = 2) -> Manner:
    """Refuse every block that touches one of the addresses in `holes`."""

    def manner(asked: Asked) -> Iterator[Deed]:
        touched = any(asked.address <= hole < asked.address + asked.count for hole in holes)
        yield asked.exception(code) if touched else asked.answer()

    return manner


def first(turns: int, then: Manner, *, before: Manner) -> Manner:
    """Behave in one manner for the first `turns` requests of the whole server, then in another."""
    left = iter(range(turns))

    def manner(asked: Asked) -> Iterable[Deed]:
        return then(asked) if next(left, None) is None else before(asked)

    return manner


@dataclass
class FaultyModbus:
    """The server. Use as a context manager; `port` is its port.

    `accept` bounds how many connections are served in all (further ones are closed at once); `at_a_time` how many at
    once. `greeting` is sent to everybody who connects.
    """

    manner: Manner = honest
    units: dict[int, Manner] = field(default_factory=dict)
    kind: Kind = "tcp"
    accept: int | None = None
    at_a_time: int | None = None
    greeting: bytes = b""
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(10)

    def hang_up(self) -> None:
        """Close every connection there is, as a host does that restarts or tidies up."""
        for connection in list(self._sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            index, self.connections = self.connections, self.connections + 1
            full = self.at_a_time is not None and self.open >= self.at_a_time
            if full or (self.accept is not None and index >= self.accept):
                connection.close()
                continue
            self.open += 1
            self._sockets.add(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection, index), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket, index: int) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sendall(self.greeting)
                for turn, frame in enumerate(_frames(connection, self.kind)):
                    asked = _parse(self.kind, frame, index, turn)
                    self.asked.append(asked)
                    for deed in self.units.get(asked.unit, self.manner)(asked):
                        if not self._do(connection, deed):
                            return
        finally:
            self._sockets.discard(connection)
            self.open -= 1

    def _do(self, connection: socket.socket, deed: Deed) -> bool:
        if isinstance(deed, bytes):
            connection.sendall(deed)
        elif isinstance(deed, Wait):
            return not self._over.wait(deed.seconds)
        else:
            if deed.reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        return True


def with_crc(frame: bytes) -> bytes:
    """Return `frame` with its CRC (MODBUS over Serial Line V1.02, section 2.5.1.2), bit by bit."""
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return frame + struct.pack("<H", crc)


def _frames(connection: socket.socket, kind: Kind) -> Iterator[bytes]:
    """Cut what a client sends into requests. Reads have a fixed length; anything else is taken as it comes."""
    size = 12 if kind == "tcp" else 8
    have = b""
    while data := connection.recv(4096):
        have += data
        while len(have) >= size:
            yield have[:size]
            have = have[size:]


def _parse(kind: Kind, frame: bytes, connection: int, turn: int) -> Asked:
    blank = Asked(kind, 0, 0, 0, 0, 0, connection, turn, frame)
    if kind == "tcp":
        number, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", frame)
        return replace(blank, number=number, unit=unit, function=function, address=address, count=count)
    unit, function, address, count = struct.unpack(">BBHH", frame[:6])
    return replace(blank, unit=unit, function=function, address=address, count=count)
