"""Many unit ids on many TCP ports, served by one thread, with faults on request.

The server never asks the time by itself: it is given a `Clock`. It answers functions 1 to 4; any other function gets
exception 01 and is counted as a write seen, so that a test can say "nobody tried to write" and mean it.
"""

from __future__ import annotations

import contextlib
import heapq
import selectors
import socket
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from drivers.sim.connection import Connection
from drivers.sim.faults import Fault, FaultBoard, spoil
from drivers.sim.image import BIT_FUNCTIONS, WORD_FUNCTIONS, Image
from drivers.sim.wire import NOBODY_BEHIND_GATEWAY, Framing, Request, RtuFraming, TcpFraming, answer, exception

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from drivers.reading import Clock
    from drivers.sim.instruments import Unit

_READS = frozenset((*BIT_FUNCTIONS, *WORD_FUNCTIONS))
_ERASED = 0xFFFF


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what was answered to it (empty when nothing was), as whole frames."""

    request: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Served:
    """What happened so far: requests per ``(line, unit)``, requests per function, and connections taken."""

    requests: Mapping[tuple[str, int], int]
    functions: Mapping[int, int]
    connections: int

    @property
    def writes_seen(self) -> int:
        """Requests with any function but 1 to 4."""
        return sum(count for function, count in self.functions.items() if function not in _READS)


@dataclass(slots=True)
class _Line:
    name: str
    framing: Framing
    units: Mapping[int, Unit]
    listener: socket.socket
    address: tuple[str, int]
    connections: list[Connection] = field(default_factory=list)


@dataclass(frozen=True, slots=True, order=True)
class _Late:
    due_ns: int
    number: int
    connection: Connection = field(compare=False)
    frame: bytes = field(compare=False)


class ModbusServer:
    """The other end of the wire: `listen` to lines, then use it as a context manager, or `start` and `close` it."""

    def __init__(self, clock: Clock, faults: FaultBoard | None = None) -> None:
        """Prepare to serve by `clock`, misbehaving as `faults` says."""
        self.faults = faults or FaultBoard()
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._lines: dict[str, _Line] = {}
        self._wishes: deque[Callable[[], None]] = deque()
        self._ear, self._bell = socket.socketpair()
        self._late: list[_Late] = []
        self._postponed = 0
        self._requests: Counter[tuple[str, int]] = Counter()
        self._functions: Counter[int] = Counter()
        self._connections = 0
        self._last: dict[tuple[str, int], Exchange] = {}
        self._frozen: dict[tuple[str, int], Image] = {}
        self._running = True
        self._thread = threading.Thread(target=self._serve, name="plant-simulator", daemon=True)
        self._selector.register(self._ear, selectors.EVENT_READ, self._woken)

    # --- for whoever holds it, from any thread ---

    def listen(
        self, line: str, units: Mapping[int, Unit], *, framing: str = "tcp", host: str = "127.0.0.1", port: int = 0
    ) -> int:
        """Open a port for `line` and return its number. Call it before `start`. `framing` is "tcp" or "rtu"."""
        listener = _listener((host, port))
        address: tuple[str, int] = listener.getsockname()[:2]
        self._lines[line] = _Line(line, RtuFraming() if framing == "rtu" else TcpFraming(), units, listener, address)
        self._watch(self._lines[line])
        return address[1]

    def start(self) -> None:
        """Begin to serve, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and close every socket. Safe to call twice."""
        if self._selector.get_map() is None:
            return
        self._wish(self._stop)
        if self._thread.is_alive():
            self._thread.join()
        for line in self._lines.values():
            self._unplug(line)
        self._selector.close()
        self._ear.close()
        self._bell.close()

    def port(self, line: str) -> int:
        """Return the port of `line`."""
        return self._lines[line].address[1]

    def unplug(self, line: str) -> None:
        """Close the line's port and reset its connections: from now on the host refuses."""
        self._wish(lambda: self._unplug(self._lines[line]))

    def plug(self, line: str) -> None:
        """Open the port of an unplugged line again, under the same number."""
        self._wish(lambda: self._plug(self._lines[line]))

    def served(self) -> Served:
        """Return what happened so far."""
        return Served(dict(self._requests), dict(self._functions), self._connections)

    def last(self, line: str, unit: int) -> Exchange | None:
        """Return the last exchange with a unit, for showing."""
        return self._last.get((line, unit))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wish(self, wish: Callable[[], None]) -> None:
        self._wishes.append(wish)
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    # --- in the serving thread ---

    def _serve(self) -> None:
        while self._running:
            for key, events in self._selector.select(self._pause_s()):
                key.data(events)
            self._send_what_is_due()

    def _pause_s(self) -> float | None:
        if not self._late:
            return None
        return max(0.0, (self._late[0].due_ns - self._clock.mono_ns()) / 1e9)

    def _woken(self, _: int) -> None:
        self._ear.recv(64)
        while self._wishes:
            self._wishes.popleft()()

    def _stop(self) -> None:
        self._running = False

    def _watch(self, line: _Line) -> None:
        self._selector.register(line.listener, selectors.EVENT_READ, lambda _: self._accept(line))

    def _accept(self, line: _Line) -> None:
        try:
            sock, _ = line.listener.accept()
        except OSError:
            return
        self._connections += 1
        connection = Connection(line.name, line.framing, sock, self._selector, self._answer)
        line.connections = [*(old for old in line.connections if old.is_open), connection]

    def _plug(self, line: _Line) -> None:
        if line.listener.fileno() < 0:
            line.listener = _listener(line.address)
            self._watch(line)

    def _unplug(self, line: _Line) -> None:
        if line.listener.fileno() >= 0:
            self._selector.unregister(line.listener)
            line.listener.close()
        for connection in line.connections:
            connection.reset()

    def _answer(self, connection: Connection, request: Request) -> None:
        key = (connection.line, request.unit)
        self._requests[key] += 1
        self._functions[request.function] += 1
        unit = self._lines[connection.line].units.get(request.unit)
        fault = self.faults.of(*key)
        if unit is None:
            pdu = exception(request.function, NOBODY_BEHIND_GATEWAY)
            frame = b"" if connection.framing.silent else connection.framing.wrap(request, pdu)
        else:
            pdu = answer(request, self._image(key, unit, fault))
            frame = spoil(fault, connection.framing, request, pdu) if fault else connection.framing.wrap(request, pdu)
        self._last[key] = Exchange(request.raw, frame)
        self._deliver(connection, frame, fault)

    def _image(self, key: tuple[str, int], unit: Unit, fault: Fault | None) -> Image:
        """Return what the registers of `unit` seem to hold."""
        kind = fault.kind if fault else None
        if kind == "frozen" and key in self._frozen:
            return self._frozen[key]
        image = unit.image(self._clock)
        if kind == "frozen":
            self._frozen[key] = image
        else:
            self._frozen.pop(key, None)
        return image.filled_with(_ERASED) if kind == "nan" else image

    def _deliver(self, connection: Connection, frame: bytes, fault: Fault | None) -> None:
        if fault and fault.kind == "reset":
            connection.reset()
        elif fault and fault.kind == "late":
            self._postponed += 1
            due_ns = self._clock.mono_ns() + int(fault.seconds * 1e9)
            heapq.heappush(self._late, _Late(due_ns, self._postponed, connection, frame))
        elif frame:
            connection.send(frame)

    def _send_what_is_due(self) -> None:
        while self._late and self._late[0].due_ns <= self._clock.mono_ns():
            late = heapq.heappop(self._late)
            late.connection.send(late.frame)


def _listener(address: tuple[str, int]) -> socket.socket:
    listener = socket.create_server(address, backlog=256)
    listener.setblocking(False)
    return listener
