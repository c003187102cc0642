"""A TCP proxy on the loopback that breaks connections in the ways networks do. One thread, no dependencies.

Toxics are attributes and may be changed at any time: `swallow` reads and forgets (a black hole that still
acknowledges), `delay_s` and `bandwidth` (bytes per second, each direction) slow down, `slice_bytes` cuts into small
pieces, `cut_after` closes each connection after so many bytes from the client. `reset` sends RST to everybody,
`refuse`/`accept` close and reopen the door.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections import deque
from threading import Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_TICK_S = 0.005
_MOST_BUFFERED = 64 * 1024


class _Half:
    """One direction of one connection: what was read and is not yet due, and what is due and not yet written."""

    def __init__(self, source: socket.socket, sink: socket.socket, *, from_client: bool) -> None:
        self.source, self.sink, self.from_client = source, sink, from_client
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.held = 0
        self.passed = 0
        self.free_at = 0.0


class ToxicProxy:
    """Forwards `port` to `target`, both on the loopback."""

    def __init__(self, target: int) -> None:
        """Listen on a free port at once."""
        self.swallow = False
        self.delay_s = 0.0
        self.bandwidth: float | None = None
        self.slice_bytes: int | None = None
        self.cut_after: int | None = None
        self.accepted = 0
        self._target = target
        self._door: socket.socket | None = None
        self.port = 0
        self._orders: deque[str] = deque()
        self._pairs: list[tuple[_Half, _Half]] = []
        self._closing = False
        self._open_door()
        self._thread = Thread(target=self._run, name="toxic-proxy", daemon=True)
        self._thread.start()

    @property
    def open_connections(self) -> int:
        """Connections being forwarded."""
        return len(self._pairs)

    def reset(self) -> None:
        """Send RST to both ends of every connection."""
        self._order("reset")

    def refuse(self) -> None:
        """Refuse new connections and reset the old ones, as a host whose service is down."""
        self._order("refuse")

    def accept(self) -> None:
        """Take new connections again, on the same port."""
        self._order("accept")

    def close(self) -> None:
        """End the thread and everything it holds."""
        self._closing = True
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _tb: TracebackType | None) -> None:
        self.close()

    def _order(self, what: str) -> None:
        self._orders.append(what)
        while what in self._orders and self._thread.is_alive():
            time.sleep(0.001)

    def _open_door(self) -> None:
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", self.port))
        door.listen(64)
        door.setblocking(False)
        self.port = door.getsockname()[1]
        self._door = door

    def _run(self) -> None:
        while not self._closing:
            self._obey()
            self._wait()
            self._welcome()
            for pair in list(self._pairs):
                self._forward(pair)
        self._reset_all()
        self._shut_door()

    def _obey(self) -> None:
        while self._orders:
            what = self._orders[0]
            if what in ("reset", "refuse"):
                self._reset_all()
            if what == "refuse":
                self._shut_door()
            if what == "accept" and self._door is None:
                self._open_door()
            self._orders.popleft()

    def _wait(self) -> None:
        reads = [half.source for pair in self._pairs for half in pair if half.held < _MOST_BUFFERED]
        if self._door is not None:
            reads.append(self._door)
        select.select(reads, [], [], _TICK_S)

    def _welcome(self) -> None:
        if self._door is None:
            return
        try:
            client, _ = self._door.accept()
        except BlockingIOError:
            return
        self.accepted += 1
        server = socket.socket()
        if server.connect_ex(("127.0.0.1", self._target)) != 0:
            _rst(client)
            server.close()
            return
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs.append((_Half(client, server, from_client=True), _Half(server, client, from_client=False)))

    def _forward(self, pair: tuple[_Half, _Half]) -> None:
        try:
            alive = self._pump(pair[0]) & self._pump(pair[1])
        except OSError:
            alive = False
        if not alive:
            self._drop(pair)

    def _pump(self, half: _Half) -> bool:
        """Read, wait, write; return whether the connection goes on."""
        if half.held < _MOST_BUFFERED:
            try:
                data = half.source.recv(16384)
            except BlockingIOError:
                pass
            else:
                if not data:
                    self._write(half, flush=True)
                    return False
                self._take(half, data)
        self._write(half)
        return not (half.from_client and self.cut_after is not None and half.passed >= self.cut_after)

    def _take(self, half: _Half, data: bytes) -> None:
        if self.swallow:
            return
        size = self.slice_bytes or len(data)
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            now = time.monotonic()
            start = max(now, half.free_at)
            half.free_at = start + (len(piece) / self.bandwidth if self.bandwidth else 0.0)
            half.waiting.append((half.free_at + self.delay_s, piece))
            half.held += len(piece)

    def _write(self, half: _Half, *, flush: bool = False) -> None:
        while half.waiting and (flush or half.waiting[0][0] <= time.monotonic()):
            due, piece = half.waiting.popleft()
            if half.from_client and self.cut_after is not None:
                piece = piece[: max(0, self.cut_after - half.passed)]
            try:
                sent = half.sink.send(piece) if piece else 0
            except BlockingIOError:
                sent = 0
            half.held -= sent
            half.passed += sent
            if sent < len(piece):
                half.waiting.appendleft((due, piece[sent:]))
                return

    def _drop(self, pair: tuple[_Half, _Half]) -> None:
        self._pairs.remove(pair)
        for half in pair:
            half.source.close()

    def _reset_all(self) -> None:
        for pair in self._pairs:
            for half in pair:
                _rst(half.source)
        self._pairs.clear()

    def _shut_door(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None


def _rst(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
