"""The simulator as a process: what benchmarks and end-to-end tests start."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Any

import pytest

from drivers.sim.__main__ import HostClock

if TYPE_CHECKING:
    from collections.abc import Iterator


class Simulator:
    """A running process and what it said at the start."""

    def __init__(self, *arguments: str) -> None:
        """Start it and wait until it serves."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "drivers.sim", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hello = self.hear()

    def hear(self) -> Any:
        """Return its next JSON line."""
        return json.loads(self._pipe(self.process.stdout).readline())

    def wish(self, **wish: Any) -> None:
        """Send a control line."""
        pipe = self._pipe(self.process.stdin)
        pipe.write(json.dumps(wish) + "\n")
        pipe.flush()

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        self.process.terminate()
        code = self.process.wait(timeout=20)
        self._pipe(self.process.stdin).close()
        self._pipe(self.process.stdout).close()
        return code

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe

    def read(self, unit: int, address: int, count: int, timeout: float = 20) -> bytes:
        """Read input registers raw; return the answer behind unit and function, empty when nothing came."""
        with socket.create_connection(("127.0.0.1", self.hello["port"]), timeout=timeout) as sock:
            sock.sendall(struct.pack(">HHHBBHH", 1, 0, 6, unit, 4, address, count))
            try:
                return sock.recv(300)[8:]
            except TimeoutError:
                return b""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Three units of four points."""
    simulator = Simulator("--units", "3", "--points", "4")
    yield simulator
    if simulator.process.poll() is None:
        simulator.stop()


def test_values_change_with_every_poll(simulator: Simulator) -> None:
    """Two reads of the same registers differ, for every unit asked for."""
    assert all(simulator.read(unit, 0, 8) != simulator.read(unit, 0, 8) for unit in (1, 2, 3))


def test_answers_carry_the_moment_of_answering(simulator: Simulator) -> None:
    """Behind the values lie the wall clock in ms and the machine's monotonic clock in µs, taken while answering."""
    clock = HostClock()
    before = clock.wall_ms(), clock.mono_ns() // 1000

    wall, mono = struct.unpack(">QQ", simulator.read(1, 8, 8)[1:])

    assert before[0] <= wall <= clock.wall_ms()
    assert before[1] <= mono <= clock.mono_ns() // 1000


def test_faults_by_control_lines(simulator: Simulator) -> None:
    """A control line makes a unit dead, mends it, and counts are told when asked."""
    simulator.wish(unit=2, fault="refuse", code=6)
    simulator.wish(served=True)
    assert simulator.hear() == {"requests": {}, "writes_seen": 0, "connections": 0}
    assert simulator.read(2, 0, 2) == b"\x06"

    simulator.wish(unit=2, fault=None)
    simulator.wish(served=True)
    assert simulator.hear()["requests"] == {"line1/2": 1}
    assert len(simulator.read(2, 0, 2)) == 5


@pytest.mark.parametrize(
    "line",
    ['{"fault": "drunk", "unit": 1}', '{"fault": "noise", "line": "line1"}', "nonsense", "[]", '{"beer": 1}'],
)
def test_a_wrong_control_line_is_answered(simulator: Simulator, line: str) -> None:
    """A wish nobody understands is answered with an error, and the simulator goes on."""
    assert simulator.process.stdin is not None
    simulator.process.stdin.write(line + "\n")
    simulator.process.stdin.flush()

    assert "error" in simulator.hear()
    assert len(simulator.read(1, 0, 2)) == 5


def test_ends_when_told(simulator: Simulator) -> None:
    """SIGTERM ends it with exit code 0."""
    assert simulator.stop() == 0


def test_serves_the_plant() -> None:
    """The plant comes with a port for each of its lines."""
    simulator = Simulator("--plant")
    try:
        assert set(simulator.hello["ports"]) == {"line1", "dcs", "stack"}
    finally:
        simulator.stop()
