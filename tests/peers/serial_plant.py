"""Simulated serial lines for tests: in this process, where every byte that the box sends is kept, or as a process.

Registers tell where they are (`told`), so that a value under another's name is seen at once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Self

from drivers.sim.image import Image, block, pack
from drivers.sim.ports import PtyPort
from drivers.sim.serial_server import SerialServer
from drivers.sim.serial_units import Asked, ModbusSlave
from drivers.sim.wire import AsciiFraming, RtuFraming
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.reading import Clock
    from drivers.sim.faults import Fault, FaultBoard
    from drivers.sim.ports import Port
    from drivers.sim.serial_units import LineUnit
    from drivers.sim.uart import Uart

ROOT = Path(__file__).parents[2]
REGISTERS = 200


# --- lines -----------------------------------------------------------------------------------------------------------


class HeardPort(PtyPort):
    """A pseudo-terminal that keeps what the box sends."""

    def __init__(self, link: Path) -> None:
        super().__init__(link)
        self.sent = bytearray()

    def receive(self) -> bytes:
        """See `Port.receive`."""
        data = super().receive()
        self.sent += data
        return data


class DrippingPort(HeardPort):
    """An adapter that hands over byte by byte, `pause_s` apart. It holds up its server: give it one of its own."""

    pause_s = 0.02

    def deliver(self, data: bytes) -> None:
        """See `Port.deliver`."""
        for at in range(len(data)):
            super().deliver(data[at : at + 1])
            Event().wait(self.pause_s)


class Lines:
    """Serial lines served by a thread of this process, below a directory. Add them, then enter."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = SerialServer(HostClock())
        self._ports: dict[str, HeardPort] = {}

    @property
    def faults(self) -> FaultBoard:
        """What is wrong with units and lines."""
        return self.server.faults

    def add(self, line: str, *units: LineUnit, kind: type[HeardPort] = HeardPort) -> str:
        """Add a line with its units; return the name of its port."""
        self._ports[line] = kind(self.directory / line)
        self.server.add(line, units, self._ports[line])
        return self.port(line)

    def add_at(self, port: Port, line: str, *units: LineUnit) -> None:
        """Add a line that the box gets hold of in another way."""
        self.server.add(line, units, port)

    def port(self, line: str) -> str:
        """Return the name of a line's port."""
        return str(self._ports[line].link)

    def sent(self, line: str) -> bytes:
        """Return all that the box has sent on a line."""
        return bytes(self._ports[line].sent)

    def __iter__(self) -> Iterator[str]:
        return iter(self.server.lines)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()


# --- units -----------------------------------------------------------------------------------------------------------


def told(unit: int, at: int) -> int:
    """Return what register `at` of a `Teller` holds: its unit and its address."""
    return unit * 1000 + at


class Teller:
    """Holding and input registers 0..199 that tell unit and address; every register answers for itself alone."""

    def __init__(self, unit: int) -> None:
        words = block(0, REGISTERS, [(at, pack("H", told(unit, at))) for at in range(REGISTERS)])
        self._image = Image({"holding": (words,), "input": (words,)})

    def image(self, clock: Clock) -> Image:
        """Return the same at any time."""
        return self._image


def rtu_slave(unit: int, uart: Uart) -> ModbusSlave:
    """Return a `Teller` that speaks RTU."""
    return ModbusSlave(unit, Teller(unit), RtuFraming(), uart)


def ascii_slave(unit: int, uart: Uart) -> ModbusSlave:
    """Return a `Teller` that speaks Modbus ASCII."""
    return ModbusSlave(unit, Teller(unit), AsciiFraming(), uart)


class LateSlave(ModbusSlave):
    """A `Teller` that answers every so many requests `late_s` after they came, and those that come meanwhile then."""

    def __init__(self, unit: int, uart: Uart, *, late_s: float, every: int) -> None:
        super().__init__(unit, Teller(unit), RtuFraming(), uart)
        self.late = 0
        self._late_ns = round(late_s * 1e9)
        self._every = every
        self._busy_ns = 0

    def answer(self, heard: bytes, clock: Clock, fault: Fault | None) -> bytes:
        """See `LineUnit.answer`."""
        said = super().answer(heard, clock, fault)
        if said:
            now_ns, is_late = clock.mono_ns(), self.requests % self._every == 0
            self.late += is_late
            start_ns = max(now_ns + is_late * self._late_ns, self._busy_ns)
            self._busy_ns = start_ns + len(said) * self.uart.char_ns + self.uart.silence_ns
            self.delay_s = (start_ns - now_ns) / 1e9
        return said


class Rustler(ModbusSlave):
    """A `Teller` whose answers come with rubbish before and behind them."""

    def __init__(self, unit: int, uart: Uart) -> None:
        super().__init__(unit, Teller(unit), RtuFraming(), uart)

    def answer(self, heard: bytes, clock: Clock, fault: Fault | None) -> bytes:
        """See `LineUnit.answer`."""
        said = super().answer(heard, clock, fault)
        return b"\x00\xff\x01\x03" + said + b"\xfe\x00" if said else b""


class Babbler(Asked):
    """Says bytes that are no frame to whatever it hears: what a line at another speed sounds like."""

    def answer(self, heard: bytes, clock: Clock, fault: Fault | None) -> bytes:
        """See `LineUnit.answer`."""
        self.requests += 1
        return b"\xf8\x00\x1c\xe0\x9f\x03\xfc\x80\x7c"


# --- the simulator as a process --------------------------------------------------------------------------------------


class MetersProcess:
    """``python -m drivers.sim`` with one line of equal meters at `port`."""

    def __init__(self, directory: Path, protocol: str, baud: int, meters: int = 10) -> None:
        wanted = ["--meters", str(meters), "--protocol", protocol, "--baud", str(baud)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "drivers.sim", "--serial", str(directory), *wanted],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        self.port = str(self._hear()["lines"]["meters"])

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def wish(self, **words: Any) -> None:
        """Tell it what to do; see `drivers.sim.wishes`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        self._process.stdin.flush()

    def requests(self) -> dict[str, int]:
        """Return how many requests each meter has understood, by ``line/unit``."""
        self.wish(served=True)
        requests: dict[str, int] = self._hear()["requests"]
        return requests

    def close(self) -> None:
        """End it, and wait until its port is gone."""
        self._process.terminate()
        self._process.wait(20)

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
