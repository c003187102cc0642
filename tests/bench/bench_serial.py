"""How busy a line is kept, beside a bare loop on the same line: ten meters asked one after the other, without a pause.

    python -m tests.bench.bench_serial [--quick]

The line is the simulator's, in a process of its own, at the real pace of the baud rate; its meters answer after exactly
the silence of the standard. *Share* is the time that goes into characters and standard silences (two an exchange) and
could not be less. The bare loop writes the same questions, reads until the answer is whole and sleeps for the silence:
what it misses of 100 % is the operating system's and the simulator's. Both take turns, and the better turn of each
counts. The last lines are of the whole agent, and of what one dead meter among ten takes from the others.
"""

from __future__ import annotations

import os
import select
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.line_kinds import instrument_of
from drivers.serial_line import SerialLine
from drivers.serial_port import SerialPort
from drivers.spec import DeviceSpec, ItemSpec, LineSettings, PointSpec, SerialBusSpec, Table
from tests.bench.process import cpu_s
from tests.e2e.harness import Agent, Site, device, point, serial
from tests.peers.clock import HostClock
from tests.peers.mosquitto import eventually
from tests.peers.serial_plant import MetersProcess

METERS = 10
BAUDS = (2400, 9600, 19200, 115200)
QUICK = (9600,)
PROTOCOLS = ("rtu", "dlt645")
POINTS = 16
ITEMS = {
    "energy": "00010000",
    **{f"voltage_{phase}": f"02010{phase}00" for phase in (1, 2, 3)},
    **{f"current_{phase}": f"02020{phase}00" for phase in (1, 2, 3)},
    **{f"power_{phase}": f"02030{phase}00" for phase in (0, 1, 2, 3)},
}
AGENT_BAUD = 9600
DEAD = 7
CLOCK = HostClock()


class Tap(SerialPort):
    """A port that remembers questions and the size of their answers."""

    def __init__(self, port: str) -> None:
        super().__init__(port, CLOCK)
        self.asked: list[bytes] = []
        self.sizes: list[int] = []

    def send(self, data: bytes) -> None:
        """See `SerialPort.send`."""
        self.asked.append(data)
        self.sizes.append(0)
        super().send(data)

    def receive(self, deadline_ns: int) -> bytes:
        """See `SerialPort.receive`."""
        data = super().receive(deadline_ns)
        self.sizes[-1] += len(data)
        return data


@dataclass(frozen=True)
class Turn:
    """What came of one turn: share of the time that had to be, visits a second, CPU of this process per visit."""

    share: float
    visits_s: float
    cpu_us: float


def settings_of(protocol: str, baud: int) -> LineSettings:
    """Return what the simulator gives its meters."""
    return LineSettings(baud, 8, "E" if protocol == "dlt645" else "N", 1)


def spec(protocol: str, number: int, settings: LineSettings) -> DeviceSpec:
    """Return one of the simulator's meters: 16 floats in one read, or 11 items in four."""
    how: dict[str, Any] = {"name": f"m{number}", "bus": "b", "timeout_s": 1.0, "settings": settings}
    if protocol == "dlt645":
        items = tuple(ItemSpec(name=name, item=item) for name, item in ITEMS.items())
        return DeviceSpec(**how, protocol="dlt645-2007", address=f"{number:012d}", points=items)
    floats = tuple(PointSpec(name=f"p{i}", table=Table.INPUT, at=2 * i, type="float32") for i in range(POINTS))
    return DeviceSpec(**how, protocol="modbus", address=number, points=floats)


class Line:
    """The simulator's line, as the driver reads it and as the bare loop does."""

    def __init__(self, port: str, protocol: str, baud: int) -> None:
        self._settings = settings_of(protocol, baud)
        self._path = port
        self._meters = [spec(protocol, number, self._settings) for number in range(1, METERS + 1)]
        tap = Tap(port)
        with_tap = self._bus(tap)
        for meter in self._meters:
            assert with_tap.visit(meter.name).fault is None
        with_tap.close()
        self._exchanges = list(zip(tap.asked, tap.sizes, strict=True))
        characters = sum(len(asked) + size for asked, size in self._exchanges)
        self.round_s = characters * self._settings.char_s + 2 * self._settings.silence_s * len(self._exchanges)

    def _bus(self, port: SerialPort) -> SerialLine:
        bus = SerialBusSpec(name="b", port=self._path, settings=self._settings)
        return SerialLine(bus, port, [instrument_of(meter, CLOCK) for meter in self._meters], [], CLOCK)

    def ours(self, rounds: int) -> Turn:
        """Let the driver read all meters, `rounds` times."""
        bus = self._bus(SerialPort(self._path, CLOCK))
        bus.visit(self._meters[0].name)  # opens it
        before, began, cpu = bus.counters().char_s_total, time.perf_counter(), time.process_time()
        for _ in range(rounds):
            for meter in self._meters:
                assert bus.visit(meter.name).fault is None
        taken, cpu = time.perf_counter() - began, time.process_time() - cpu
        share = (bus.counters().char_s_total - before) / taken
        bus.close()
        return self._turn(share, rounds, taken, cpu)

    def bare(self, rounds: int) -> Turn:
        """Let the bare loop do the same."""
        port = SerialPort(self._path, CLOCK)
        port.open()
        port.apply(self._settings)
        fd = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(rounds):
            for asked, size in self._exchanges:
                os.write(fd, asked)
                while size > 0:
                    select.select([fd], [], [])
                    size -= len(os.read(fd, 512))  # noqa: PLW2901
                time.sleep(self._settings.silence_s)
        taken, cpu = time.perf_counter() - began, time.process_time() - cpu
        os.close(fd)
        port.close()
        return self._turn(rounds * self.round_s / taken, rounds, taken, cpu)

    @staticmethod
    def _turn(share: float, rounds: int, taken_s: float, cpu: float) -> Turn:
        return Turn(share, rounds * METERS / taken_s, 1e6 * cpu / rounds / METERS)


def compared(protocol: str, baud: int, *, turn_s: float, turns: int) -> str:
    """Return a row of the table."""
    with tempfile.TemporaryDirectory() as directory, MetersProcess(Path(directory), protocol, baud, METERS) as meters:
        line = Line(meters.port, protocol, baud)
        rounds = max(1, round(turn_s / line.round_s))
        both = [(line.ours(rounds), line.bare(rounds)) for _ in range(turns)]
    ours, bare = (max(side, key=lambda turn: turn.share) for side in zip(*both, strict=True))
    return (
        f"{protocol:>7} {baud:6} {ours.share:8.1%} {bare.share:8.1%} {ours.visits_s:9.1f}"
        f" {ours.cpu_us:14.0f} {bare.cpu_us:6.0f}"
    )


HEAD = f"{'':>7} {'Bd':>6} {'share':>8} {'bare':>8} {'visits/s':>9} {'CPU us/visit':>14} {'bare':>6}"


# --- the whole agent -------------------------------------------------------------------------------------------------


class Whole:
    """The agent on the simulator's line: every visit a record, no uplink."""

    def __init__(self, baud: int) -> None:
        self._everything = ExitStack()
        directory = Path(self._everything.enter_context(tempfile.TemporaryDirectory(prefix="plantgate-bench-")))
        self.meters = self._everything.enter_context(MetersProcess(directory / "dev", "rtu", baud, METERS))
        self._round_s = Line(self.meters.port, "rtu", baud).round_s
        points = [point(f"p{at}", 2 * at, "float32", register="input") for at in range(POINTS)]
        Site(
            buses=[serial(self.meters.port, "line", baud)],
            devices=[device(f"m{number}", number, points=points) for number in range(1, METERS + 1)],
            buffer={"commit_every": "1s"},
        ).write(directory)
        self.agent = self._everything.enter_context(Agent(directory / "site.toml", directory / "agent.log"))
        self.agent.start()
        assert eventually(lambda: sum(self.meters.requests().values()) > 3 * METERS), "nobody is asked"

    def rate(self, seconds: float) -> float:
        """Return the visits a second that all meters but one have."""
        before, began = self._others(), time.perf_counter()
        time.sleep(seconds)
        return (self._others() - before) / (time.perf_counter() - began)

    def share(self, seconds: float) -> tuple[float, float]:
        """Return the share of the time that had to be, and the agent's part of a core."""
        before, began, cpu = sum(self.meters.requests().values()), time.perf_counter(), cpu_s(self.agent.pid)
        time.sleep(seconds)
        visits = sum(self.meters.requests().values()) - before
        taken = time.perf_counter() - began
        return visits / METERS * self._round_s / taken, (cpu_s(self.agent.pid) - cpu) / taken

    def _others(self) -> int:
        return sum(count for unit, count in self.meters.requests().items() if unit != f"meters/{DEAD}")

    def close(self) -> None:
        """End everything."""
        assert self.agent.terminate() == 0, self.agent.said
        self._everything.close()


def whole(seconds: float) -> str:
    """Measure the agent, and then what one dead meter takes from the others."""
    agent = Whole(AGENT_BAUD)
    share, core = agent.share(seconds)
    before = agent.rate(seconds)
    agent.meters.wish(line="meters", unit=DEAD, fault="dead")
    at_first = agent.rate(seconds)
    later = agent.rate(seconds)
    agent.close()
    alone = before * METERS / (METERS - 1)
    return (
        f"the whole agent at {AGENT_BAUD} Bd: share {share:.1%}, {core:.1%} of a core\n"
        f"one dead meter of {METERS}: the others go on at {at_first / before:.1%} of their rate in the first"
        f" {seconds:.0f} s, then at {later / before:.1%}\n"
        f"  of what they would have without it on the line: {at_first / alone:.1%}, then {later / alone:.1%}"
    )


def main(arguments: list[str]) -> None:
    """Print a row for each protocol and baud rate, and the lines of the whole agent."""
    quick = "--quick" in arguments
    print(HEAD)
    for protocol in PROTOCOLS:
        for baud in QUICK if quick else BAUDS:
            print(compared(protocol, baud, turn_s=1.0 if quick else 8.0, turns=1 if quick else 3), flush=True)
    if not quick:
        print(whole(30.0), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
