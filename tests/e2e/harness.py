"""A stage for the real agent: instruments on one side, a broker and a platform on the other, and the judges.

    Meters -> agent (a process) -> ToxicProxy -> mosquitto -> Subscriber

`Stage` sets that up below a directory and takes it down again. `Stage.judge` asks, after whatever a test has done to
it, the questions that must always have the same answer (the oracles O1 to O8).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from agent.verify.verifier import Verifier
from tests.independent.test_schemas import complaints
from tests.peers.fake_broker import FakeBroker
from tests.peers.faulty_modbus import FaultyModbus, Wait
from tests.peers.mosquitto import Mosquitto, Subscriber, eventually
from tests.peers.toxic_proxy import ToxicProxy

if TYPE_CHECKING:
    from types import TracebackType

    import pytest

    from agent.verify.verdict import Report
    from tests.peers.fake_broker import Script
    from tests.peers.faulty_modbus import Asked, Deed

ROOT = Path(__file__).parents[2]
GATEWAY = "jn-0417"
PREFIX = "plantgate/acme"
EVERYTHING = f"{PREFIX}/#"
START_S = 90.0
"""Generous: for a machine that does other things as well."""

Table = dict[str, Any]
Record = dict[str, Any]


# --- the site file ---------------------------------------------------------------------------------------------------


def point(name: str = "count", at: int = 0, type_: str | None = "uint16", **more: Any) -> Table:
    """Return a point in a holding register."""
    table = {"name": name, "register": "holding", "at": at, **more}
    return table if type_ is None else {**table, "type": type_}


def device(name: str, unit: int = 1, *, points: Sequence[Table] | None = None, **more: Any) -> Table:
    """Return a device that is polled ten times a second and told on every scan."""
    usual = {"bus": "line", "address": unit, "poll": "100ms", "report": "on-scan", "timeout": "1s"}
    return {"name": name, **usual, **more, "point": [point()] if points is None else list(points)}


def bus(port: int, name: str = "line", **more: Any) -> Table:
    """Return a TCP bus on the loopback."""
    return {"name": name, "type": "tcp", "host": "127.0.0.1", "port": port, **more}


def serial(port: str, name: str, baudrate: int = 9600, **more: Any) -> Table:
    """Return a serial line."""
    return {"name": name, "type": "serial", "port": port, "baudrate": baudrate, **more}


def mqtt(port: int, **more: Any) -> Table:
    """Return the uplink to a broker on the loopback."""
    return {"url": f"mqtt://127.0.0.1:{port}", "prefix": PREFIX, **more}


@dataclass(kw_only=True)
class Site:
    """A site file with sensible values for tests. Change what is needed and `write` it."""

    buses: Sequence[Table]
    uplink: Table | None = None
    devices: Sequence[Table] = field(default_factory=lambda: [device("meter")])
    limits: Sequence[Table] = ()
    gateway: Table = field(default_factory=dict)
    buffer: Table = field(default_factory=dict)
    packs: Sequence[str] | None = ()
    """Groups of rules that judge, ``None``: all. By default none, so that a test sees its limits alone."""
    plant: str = ""
    """Facilities, lines, outlets, derived points, rules: as they stand in the file."""

    def write(self, directory: Path) -> Path:
        """Write it into `directory`, beside the state directory; return its path."""
        gateway = {"id": GATEWAY, "state_dir": str(directory / "state"), "clock": "trusted", **self.gateway}
        lines = _table("gateway", gateway)
        lines += _table("buffer", {"commit_every": "100ms", "allow_volatile": True, **self.buffer})
        if self.packs is not None:
            lines += _table("rules", {"packs": list(self.packs)})
        if self.uplink is not None:
            lines += _table("uplink.mqtt", self.uplink)
        for one in self.buses:
            lines += _table("bus", one, many=True)
        for one in self.devices:
            lines += _table("device", {key: value for key, value in one.items() if key != "point"}, many=True)
            for wanted in one["point"]:
                lines += _table("device.point", wanted, many=True)
        for limit in self.limits:
            lines += _table("limit", limit, many=True)
        lines += [self.plant] if self.plant else []
        path = directory / "site.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path


def _table(header: str, values: Table, *, many: bool = False) -> list[str]:
    head = f"[[{header}]]" if many else f"[{header}]"
    return [head, *(f"{key} = {_toml(value)}" for key, value in values.items()), ""]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


# --- the instruments -------------------------------------------------------------------------------------------------


class Meters:
    """Any number of units whose register 0 counts the answers given, so that no answer looks like another.

    Other registers hold what `set` puts there; a unit in `dead` takes requests and never answers.
    """

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.dead: set[int] = set()
        self.delay_s = 0.0
        self._registers: dict[tuple[int, int], int] = {}
        self.server = FaultyModbus(manner=self._answer)

    @property
    def port(self) -> int:
        """Where they are."""
        return self.server.port

    def functions(self) -> set[int]:
        """Return the function codes ever seen."""
        return {asked.function for asked in self.server.asked}

    def set(self, at: int, value: int, unit: int = 1) -> None:
        """Put a value into a register."""
        self._registers[unit, at] = value

    def _answer(self, asked: Asked) -> Iterator[Deed]:
        if asked.unit in self.dead:
            return
        if asked.function not in (3, 4):
            yield asked.answer()
            return
        self.counts[asked.unit] += 1
        values = [self._registers.get((asked.unit, at), 0) for at in range(asked.address, asked.address + asked.count)]
        if asked.address == 0:
            values[0] = self.counts[asked.unit] & 0xFFFF
        if self.delay_s:
            yield Wait(self.delay_s)
        yield asked.answer(struct.pack(f">{asked.count}H", *values))

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()


# --- the service manager ---------------------------------------------------------------------------------------------


class Ears:
    """Hears what a service manager hears: the agent's NOTIFY_SOCKET."""

    def __init__(self) -> None:
        self.name = f"@plantgate-test-{uuid.uuid4().hex}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + self.name[1:])
        self._socket.setblocking(False)
        self._heard: list[tuple[float, str]] = []

    def heard(self, word: str) -> list[float]:
        """Return when messages with this word came (monotonic seconds, rounded up to when we looked)."""
        with suppress(BlockingIOError):
            while True:
                self._heard.append((time.monotonic(), self._socket.recv(65536).decode()))
        return [at for at, message in self._heard if word in message]

    def last(self, word: str) -> str:
        """Return the last message with this word."""
        self.heard(word)
        return next((message for _, message in reversed(self._heard) if word in message), "")

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


# --- the agent -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Resources:
    """What the process holds."""

    fds: int
    threads: int
    resident_kib: int


PLANTGATE = ("-m", "agent.cli.main", "run", "--allow-root")
FAILPOINTS = ("-m", "tests.e2e.failpoints")


class Agent:
    """The agent as a process in a group of its own; its log goes to `log`."""

    def __init__(self, site: Path, log: Path) -> None:
        self.site = site
        self.log = log
        self.ears = Ears()
        self.code: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self,
        command: Sequence[str] = PLANTGATE,
        *,
        ready: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Start it; wait until it says READY (or has ended), unless told not to."""
        assert self._process is None, "it runs already"
        before = len(self.ears.heard("READY=1"))
        words = {**os.environ, "PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": self.ears.name, **(environment or {})}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command, str(self.site)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=words,
                cwd=ROOT,
                start_new_session=True,
            )
        if ready:
            eventually(lambda: len(self.ears.heard("READY=1")) > before or self.ended, START_S)
            assert len(self.ears.heard("READY=1")) > before, f"not ready: {self.said}"
        return self

    @property
    def said(self) -> str:
        """The log so far."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it has ended (or was never started)."""
        return self._process is None or self._process.poll() is not None

    def resources(self) -> Resources:
        """Return what the process holds now."""
        proc = Path(f"/proc/{self.pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        return Resources(len(list((proc / "fd").iterdir())), int(status["Threads"]), int(status["VmRSS"].split()[0]))

    def hangup(self) -> None:
        """Send SIGHUP: read the site file again."""
        os.kill(self.pid, signal.SIGHUP)

    def terminate(self, within_s: float = 20.0) -> int:
        """Send SIGTERM and return the exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait(within_s)

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self, within_s: float = START_S) -> int:
        """Wait for the end and return the exit code."""
        assert self._process is not None
        self.code = self._process.wait(within_s)
        self._process = None
        return self.code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None
        self.ears.close()


# --- the store -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stored:
    """A store as it was: every record by number, and the numbers noted as delivered."""

    wires: Mapping[int, bytes]
    settled: frozenset[int]
    dropped: frozenset[int]

    @property
    def head(self) -> int:
        """The last number committed."""
        return max(self.wires, default=0)

    @property
    def waiting(self) -> Mapping[int, bytes]:
        """The records not noted as delivered."""
        return {seq: wire for seq, wire in self.wires.items() if seq not in self.settled}

    @property
    def records(self) -> list[Record]:
        """The records, parsed, in order."""
        return [json.loads(self.wires[seq]) for seq in sorted(self.wires)]


def stored(state: Path, scratch: Path) -> Stored:
    """Return what the store of an agent that does not run holds; a copy is opened, the original is not touched."""
    copy = scratch / f"copy-{uuid.uuid4().hex}"
    copy.mkdir(parents=True)
    for name in ("outbox.db", "outbox.db-wal"):
        if (state / name).exists():
            shutil.copy2(state / name, copy / name)
    with closing(sqlite3.connect(copy / "outbox.db")) as db:
        rows = db.execute("SELECT seq, wire FROM reading UNION ALL SELECT seq, wire FROM urgent").fetchall()
        settled = db.execute("SELECT first, last FROM settled").fetchall()
        dropped = db.execute("SELECT first, last FROM dropped").fetchall()
    shutil.rmtree(copy)
    return Stored({seq: bytes(wire) for seq, wire in rows}, _numbers(settled), _numbers(dropped))


def _numbers(runs: Iterable[tuple[int, int]]) -> frozenset[int]:
    return frozenset(seq for first, last in runs for seq in range(first, last + 1))


# --- the stage -------------------------------------------------------------------------------------------------------


class Scene:
    """Meters and an agent whose uplink goes to `port`. The agent is started by `run`."""

    def __init__(self, directory: Path, port: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.state = directory / "state"
        self.meters = Meters()
        self.site = Site(buses=[], uplink=mqtt(port))
        self.agent = Agent(directory / "site.toml", directory / "agent.log")
        self._everything = ExitStack()
        self._records: dict[bytes, Record] = {}
        self._looked_at = 0

    def write(self, **changes: Any) -> None:
        """Change the site and write its file."""
        for name, value in changes.items():
            setattr(self.site, name, value)
        self.site.write(self.directory)

    def run(self, **changes: Any) -> Agent:
        """Write the site file, with changes, and start the agent on it."""
        self.write(**changes)
        return self.agent.start()

    # --- what arrived ---

    @property
    def wires(self) -> list[bytes]:
        """Return every record the platform got, as it came, in order of arrival."""
        raise NotImplementedError

    def records(self, kind: str | None = None, **members: Any) -> list[Record]:
        """Return the records the platform got, parsed, of this kind and with these members; copies only once."""
        wanted = {**members, **({"kind": kind} if kind else {})}
        return [one for one in self._parsed() if all(one.get(name) == value for name, value in wanted.items())]

    def _parsed(self) -> Iterable[Record]:
        """Return every record the platform got, each parsed once however often we look."""
        wires = self.wires
        for wire in wires[self._looked_at :]:
            if wire not in self._records:
                self._records[wire] = json.loads(wire)
        self._looked_at = len(wires)
        return self._records.values()

    def events(self, event: str, **members: Any) -> list[Record]:
        """Return the event records of this name that the platform got."""
        return self.records("event", event=event, **members)

    def counts(self, name: str = "meter", point: str = "count") -> list[int]:
        """Return the good values of a device's point that the platform got, in the order of the chain."""
        readings = sorted(self.records("readings", device=name), key=lambda record: record["seq"])
        return [record["values"][point] for record in readings if record["values"][point] is not None]

    def stored(self) -> Stored:
        """Return what the store of the stopped agent holds."""
        return stored(self.state, self.directory)

    def all_counts(self, name: str = "meter", point: str = "count") -> list[int]:
        """Return the good values the platform got, and those that wait in the stopped agent's store, in chain order.

        New readings go first, so on a slow machine a few older ones may wait when the agent is told to stop.
        """
        kept = map(json.loads, self.stored().waiting.values())
        waiting = [one for one in kept if one["kind"] == "readings" and one["device"] == name]
        records = {one["seq"]: one for one in (*self.records("readings", device=name), *waiting)}
        values = [records[seq]["values"][point] for seq in sorted(records)]
        return [value for value in values if value is not None]

    # --- the judges ---

    def finish(self) -> Report:
        """Stop the agent in order, wait for its last words at the platform, and `judge`."""
        assert self.agent.terminate() == 0, self.agent.said
        last = self.stored().head
        assert eventually(lambda: any(json.loads(wire)["seq"] == last for wire in self.wires), 5.0), "no last words"
        return self.judge()

    def judge(self, *, secrets: Sequence[str] = ()) -> Report:
        """Ask the oracles about a stopped agent; return the verifier's report on what the platform got."""
        assert self.agent.ended
        kept = self.stored()
        nothing_lost(self.wires, kept)
        copies_identical([*self.wires, *kept.wires.values()])
        assert self.meters.functions() <= {1, 2, 3, 4}, "O7: only reading functions on the wire"
        no_secret(secrets, [self.agent.said.encode(), *self.wires])
        as_published([*kept.waiting.values(), *self.wires])
        return verified([*self.wires, *kept.waiting.values()])

    def _or_close(self, set_up: Callable[[], object]) -> None:
        """Do a part of setting up that may fail; then nothing that was started before is left behind."""
        try:
            set_up()
        except BaseException:
            self._everything.close()
            raise

    def __enter__(self) -> Self:
        self._everything.enter_context(self.meters)
        self._everything.enter_context(self.agent)
        self.site.buses = self.site.buses or [bus(self.meters.port)]
        return self

    def __exit__(self, t: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        if t is not None:
            sys.stderr.write(f"--- the agent's log ---\n{self.agent.said[-6000:]}\n")
        self._everything.__exit__(t, e, tb)


class Stage(Scene):
    """A scene with a real broker behind a proxy, and a platform that listens to everything."""

    def __init__(self, directory: Path, *, listening: bool = True, **broker: Any) -> None:
        # What a slow subscriber has yet to take is neither thrown away nor held back: the broker must lose nothing.
        extra = f"max_queued_messages 0\nmax_inflight_messages 0\n{broker.pop('extra', '')}"
        self.broker = Mosquitto(directory / "broker", extra=extra, **broker).start()
        self.link = ToxicProxy(self.broker.port)
        super().__init__(directory, self.link.port)
        self._everything.enter_context(closing(self.link))
        self._everything.callback(self.broker.stop)
        self.platform: Subscriber | None = None
        if listening:
            self._or_close(self.listen)

    def listen(self, **identity: str) -> Subscriber:
        """Let the platform subscribe."""
        self.platform = self._everything.enter_context(Subscriber(self.broker.port, EVERYTHING, **identity))
        return self.platform

    @property
    def wires(self) -> list[bytes]:
        """Return every record the platform got, as it came, in order of arrival."""
        messages = self.platform.messages if self.platform else []
        return [m.payload for m in messages if not m.topic.endswith(("/status", "/meta"))]


class ScriptedStage(Scene):
    """A scene with a broker that does what a test tells it to; it is the platform as well."""

    def __init__(self, directory: Path, script: Script | None = None) -> None:
        self.broker = FakeBroker(script)
        super().__init__(directory, self.broker.port)
        self._everything.enter_context(self.broker)

    @property
    def wires(self) -> list[bytes]:
        """Return every record the platform got, as it came, in order of arrival."""
        return self.broker.records()


# --- the oracles -----------------------------------------------------------------------------------------------------


def nothing_lost(wires: Iterable[bytes], kept: Stored) -> None:
    """O1: every committed number is at the platform, or waits in the store, or is inside a signed gap."""
    received = {json.loads(wire)["seq"] for wire in wires}
    gaps = [record for wire in {*wires, *kept.waiting.values()} if (record := json.loads(wire))["kind"] == "gap"]
    explained = {seq for gap in gaps for first, last, *_ in gap["runs"] for seq in range(first, last + 1)}
    missing = set(range(1, max({kept.head, *received}) + 1)) - received - set(kept.waiting) - explained
    assert not missing, f"O1: lost {sorted(missing)[:20]}"


def copies_identical(wires: Iterable[bytes]) -> None:
    """O3: a number stands for one record, byte for byte, however often it comes."""
    by_number: dict[int, bytes] = {}
    for wire in wires:
        seq = json.loads(wire)["seq"]
        assert by_number.setdefault(seq, wire) == wire, f"O3: two different records {seq}"


def verified(wires: Iterable[bytes]) -> Report:
    """O2: signatures, chain, gaps and clocks verify, and no number has two records; return the report."""
    verifier = Verifier()
    for wire in wires:
        verifier.feed(wire)
    report = verifier.report()
    assert report.ok, f"O2: {[str(finding.text) for finding in report.findings[:5]]}"
    return report


def as_published(wires: Iterable[bytes]) -> None:
    """Records have the form that docs/schema publishes for their kind; of each kind the last fifty are looked at."""
    kinds: dict[str, deque[Record]] = {}
    for wire in wires:
        record = json.loads(wire)
        kinds.setdefault(record["kind"], deque(maxlen=50)).append(record)
    for record in chain.from_iterable(kinds.values()):
        assert not complaints(record), f"{record['kind']} {record['seq']}: {complaints(record)}"


def independently_verified(scene: Scene) -> None:
    """O2 again, in JavaScript: on the received bytes, and on a copy with other spaces and the members turned round."""
    program = shutil.which("node")
    assert program, "node is needed (Debian package nodejs)"
    key = json.dumps(scene.records("hello")[0]["key"]).encode()
    received = [*scene.wires, *scene.stored().waiting.values()]  # a stop need not wait for the last readings
    copies = [json.dumps(dict(reversed(json.loads(wire).items()))).encode() for wire in received]
    paths = {}
    for name, lines in (("received", received), ("copied", copies)):
        paths[name] = scene.directory / f"{name}.txt"
        paths[name].write_bytes(b"key: " + key + b"\n\n" + b"".join(line + b"\n" for line in lines))
    for way in ("bytes", "parsed"):
        command = [program, str(ROOT / "tests/independent/verify.mjs"), way, *map(str, paths.values())]
        said = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
        for name, path in paths.items():
            verdict = said[str(path)]
            assert verdict["verdicts"] == [], f"{way} {path}: {verdict}"
            assert verdict["records"] == len(set(received))
            assert verdict["exact"] == (len(received) if (way, name) == ("bytes", "received") else 0)


def no_good_value(readings: Iterable[Record], since: str, until: str = "9") -> None:
    """O4: no reading dated inside the device's silence has a value without a flag."""
    for record in readings:
        if since < record["ts"] < until:
            known = {name for name, value in record["values"].items() if value is not None}
            good = known - set(record.get("flags", {}))
            assert not good, f"O4: {record['ts']}: {good}"


FRESH_FDS = 4
"""What a fresh process has yet to open: broker, meter, and the publisher's view of the store (two files)."""


def bounded(before: Resources, after: Resources) -> None:
    """O6: the process holds no more than it did, apart from a little breath."""
    assert after.fds <= before.fds + FRESH_FDS, f"O6: {before} {after}"
    assert after.threads <= before.threads + 2, f"O6: {before} {after}"
    assert after.resident_kib <= before.resident_kib * 1.5 + 16_384, f"O6: {before} {after}"


def no_secret(secrets: Iterable[str], outputs: Iterable[bytes]) -> None:
    """O8: no secret stands in any output."""
    for output in outputs:
        assert not any(secret.encode() in output for secret in secrets), "O8: a secret got out"


def arrived(stage: Scene, holds: Callable[[], object], within_s: float = START_S) -> None:
    """Wait until something holds at the platform."""
    assert eventually(lambda: holds() or stage.agent.ended, within_s), f"never; it got {len(stage.wires)} records"
    assert holds(), "the agent has ended"


# --- several stages at a time ----------------------------------------------------------------------------------------

Story = Callable[[Path, str], None]
"""Plays in a directory of its own; raises when it goes wrong."""
Outcomes = dict[tuple[Story, str], Future[None]]


def played_together(factory: pytest.TempPathFactory, stories: Sequence[tuple[Story, str]]) -> Iterator[Outcomes]:
    """Play stories side by side, since they mostly wait; for a fixture whose tests ask for one outcome each."""
    with ThreadPoolExecutor(4) as pool:
        yield {(story, name): pool.submit(story, factory.mktemp(name), name) for story, name in stories}
