"""The bench itself: simulator, broker, listener and the process on trial, each a process of its own.

drivers.sim -> agent, or tests.bench.bare -> mosquitto -> mosquitto_sub, which notes when everything came
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tests.e2e.harness import Agent, Site, bus, device, mqtt, point
from tests.peers.mosquitto import Mosquitto, eventually
from tests.peers.toxic_proxy import ToxicProxy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[2]


class Arrival(NamedTuple):
    """A message at the subscriber: when (wall clock seconds), on which topic, and what."""

    at: float
    topic: str
    payload: bytes


class Listener:
    """A subscriber that costs little: mosquitto_sub into a file, with the time each message came."""

    def __init__(self, port: int, path: Path) -> None:
        self._path = path
        with path.open("wb") as out:
            self._process = subprocess.Popen(
                ["mosquitto_sub", "-V", "5", "-p", str(port), "-q", "1", "-t", "#", "-F", "%U %t %p"], stdout=out
            )

    @property
    def size(self) -> int:
        """Bytes written so far, as far as they were flushed."""
        return self._path.stat().st_size

    def heard(self) -> list[Arrival]:
        """End it and return everything that came."""
        self._process.terminate()
        self._process.wait(10)
        with self._path.open("rb") as lines:
            parts = [line.rstrip(b"\n").split(b" ", 2) for line in lines]
        return [Arrival(float(at), topic.decode(), payload) for at, topic, payload in parts]

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(10)


class Simulator:
    """``python -m drivers.sim`` with numbered units."""

    def __init__(self, units: int, points: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "drivers.sim", "--units", str(units), "--points", str(points)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        self.port: int = json.loads(self._process.stdout.readline())["port"]

    def wish(self, **words: Any) -> None:
        """Tell it what to do; see `drivers.sim`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(10)


@dataclass(frozen=True)
class Size:
    """How many units, how many float32 points each."""

    units: int
    points: int

    @property
    def readings(self) -> int:
        """Readings per round."""
        return self.units * self.points

    def __str__(self) -> str:
        return f"{self.units} x {self.points}"


class Bench:
    """Everything around the process on trial, below a temporary directory on the disk the caller chose with TMPDIR."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self._everything = ExitStack()
        self.directory = Path(self._everything.enter_context(tempfile.TemporaryDirectory(prefix="plantgate-bench-")))
        # A slow listener must not lose anything behind our back.
        broker = Mosquitto(self.directory / "broker", extra="max_queued_messages 0")
        self.broker = self._everything.enter_context(broker)
        self.link = self._everything.enter_context(ToxicProxy(self.broker.port))
        self.simulator = Simulator(size.units, size.points)
        self._everything.callback(self.simulator.close)
        self.listener = Listener(self.broker.port, self.directory / "arrivals")
        self._everything.callback(self.listener.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is not None and (log := self.directory / "agent.log").exists():
            sys.stderr.write(f"--- the agent's log ---\n{log.read_text()[-3000:]}\n")
        self._everything.close()

    def agent(
        self,
        *,
        poll: str = "1s",
        stamped: bool = False,
        limits: Iterable[Mapping[str, Any]] = (),
        plant: str = "",
        through_link: bool = False,
        **buffer: Any,
    ) -> Agent:
        """Start the agent on a site of this size; `stamped` adds a point with the moment of answering."""
        Site(
            buses=[bus(self.simulator.port)],
            uplink=mqtt(self.link.port if through_link else self.broker.port),
            devices=[self._device(unit, poll, stamped=stamped) for unit in range(1, self.size.units + 1)],
            limits=[dict(limit) for limit in limits],
            buffer={"commit_every": "1s", **buffer},
            packs=None,
            plant=plant,
        ).write(self.directory)
        agent = self._everything.enter_context(Agent(self.directory / "site.toml", self.directory / "agent.log"))
        return agent.start()

    def _device(self, unit: int, poll: str, *, stamped: bool) -> dict[str, Any]:
        points = [point(f"p{at:03d}", 2 * at, "float32", register="input") for at in range(self.size.points)]
        if stamped:  # microseconds of the clock that all processes share
            points.append(point("stamp", 2 * self.size.points + 4, "uint64", register="input"))
        return device(f"u{unit}", unit, points=points, poll=poll, timeout="1s")

    def bare(self) -> int:
        """Start the bare loop; return its process id."""
        size = [str(self.size.units), str(self.size.points)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.bare", str(self.simulator.port), str(self.broker.port), *size],
            cwd=ROOT,
        )
        self._everything.callback(process.wait, 10)
        self._everything.callback(process.kill)
        return process.pid

    def wait_for_data(self, within_s: float = 30.0) -> None:
        """Wait until readings arrive."""
        before = self.listener.size
        assert eventually(lambda: self.listener.size > before, within_s), "nothing arrives"


def boot_wall_s() -> float:
    """Return the wall clock minus the monotonic clock, seconds: turns a stamp of one into the other."""
    return time.time() - time.monotonic()


def share_of(values: list[float], part: float) -> float:
    """Return the value that `part` of them do not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(part * len(ranked)))]
