"""Serial lines served by one thread, beside `drivers.sim.modbus_server`, which serves TCP ports."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from drivers.sim.faults import Address, FaultBoard
from drivers.sim.modbus_server import Exchange
from drivers.sim.paced_line import PacedLine
from drivers.sim.ports import Port, PtyPort

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from drivers.reading import Clock
    from drivers.sim.serial_units import LineUnit

_LOOK_AFTER_NS = 500_000_000
_GRANTED_WITHIN_S = 10.0
_EXACT_NS = 400_000
"""Waking up is late by some tenths of a millisecond; the end of a talk is awaited awake from this long before."""


@dataclass(frozen=True, slots=True)
class LineServed:
    """What happened so far: requests understood per ``(line, unit)``, and how many wanted to change something."""

    requests: Mapping[tuple[str, Address], int]
    writes_seen: int


class SerialServer:
    """The lines of a plant: add them, then use it as a context manager, or `start` and `close` it."""

    def __init__(self, clock: Clock, faults: FaultBoard | None = None) -> None:
        """Prepare to serve by `clock`, misbehaving as `faults` says."""
        self.faults = faults or FaultBoard()
        self._clock = clock
        self._lines: dict[str, PacedLine] = {}
        self._wishes: deque[Callable[[], None]] = deque()
        self._ear, self._bell = socket.socketpair()
        self._running = True
        self._thread = threading.Thread(target=self._serve, name="serial-simulator", daemon=True)

    # --- for whoever holds it, from any thread ---

    def offer(self, line: str, units: Sequence[LineUnit], link: Path, *, strict_parity: bool = False) -> None:
        """Offer `line` as a pseudo-terminal under the name `link`. Call it before `start`."""
        self.add(line, units, PtyPort(link, strict_parity=strict_parity))

    def add(self, line: str, units: Sequence[LineUnit], port: Port) -> None:
        """Offer `line` at `port`. Call it before `start`."""
        self._lines[line] = PacedLine(line, units, port, self._clock, self.faults)
        port.plug()

    def start(self) -> None:
        """Begin to serve, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop and take every line away. Safe to call twice."""
        if self._ear.fileno() < 0:
            return
        self._wish(self._stop)
        if self._thread.is_alive():
            self._thread.join()
        for line in self._lines.values():
            line.unplug()
        self._ear.close()
        self._bell.close()

    @property
    def lines(self) -> tuple[str, ...]:
        """The names of the lines."""
        return tuple(self._lines)

    def unplug(self, line: str) -> None:
        """Take the adapter of `line` out: its name is gone, and whoever has it open gets EIO. Returns when done."""
        self._do(self._lines[line].unplug)

    def plug(self, line: str) -> None:
        """Put the adapter of `line` back: a new device under the old name. Returns when done."""
        self._do(self._lines[line].port.plug)

    def served(self) -> LineServed:
        """Return what happened so far."""
        units = [(name, unit) for name, line in self._lines.items() for unit in line.units]
        requests = {(name, unit.address): unit.requests for name, unit in units if unit.requests}
        return LineServed(requests, sum(unit.writes_seen for _, unit in units))

    def last(self, line: str, unit: Address) -> Exchange | None:
        """Return the last exchange with a unit that answered, for showing."""
        exchange = self._lines[line].last.get(unit)
        return Exchange(*exchange) if exchange else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, wish: Callable[[], None]) -> None:
        done = threading.Event()

        def granted() -> None:
            wish()
            done.set()

        self._wish(granted)
        if self._thread.is_alive():
            done.wait(_GRANTED_WITHIN_S)

    def _wish(self, wish: Callable[[], None]) -> None:
        self._wishes.append(wish)
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    # --- in the serving thread ---

    def _serve(self) -> None:
        """Wait with `select`, which alone among its kind is told microseconds: pacing needs them."""
        look_ns = self._clock.mono_ns()
        while self._running:
            owners = {fd: line for line in self._lines.values() for fd in line.port.fds()}
            dues = {name: due for name, line in self._lines.items() if (due := line.due_ns()) is not None}
            pause_s = self._pause_s(min((look_ns, *dues.values())))
            for fd in select.select([self._ear.fileno(), *owners], [], [], pause_s)[0]:
                if fd in owners:
                    owners[fd].take()
                else:
                    self._grant()
            now = self._clock.mono_ns()
            for name in (name for name, due in dues.items() if due <= now):
                self._lines[name].step()
            if look_ns <= now:
                look_ns = now + _LOOK_AFTER_NS
                self._look_after()

    def _pause_s(self, due_ns: int) -> float:
        """Return how long to sleep; at the end of a talk somewhat less, and then not at all."""
        ends = (end for line in self._lines.values() if (end := line.ends_ns()) is not None)
        early = _EXACT_NS if due_ns in ends else 0
        return max(0, due_ns - early - self._clock.mono_ns()) / 1e9

    def _look_after(self) -> None:
        for line in self._lines.values():
            line.port.look_after()
            line.step()

    def _grant(self) -> None:
        self._ear.recv(64)
        while self._wishes:
            self._wishes.popleft()()

    def _stop(self) -> None:
        self._running = False
