"""What the whole agent costs: processor, memory, bytes; beside the bare loop, taking turns in the same run.

    python -m tests.bench.bench_agent [--quick]

Everything is included: reading, judging, chain, signature, a durable commit a second, QoS 1 to a real mosquitto.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from tests.bench.bench import Bench, Size
from tests.bench.process import Memory, Turns, memory, take_turns

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.bench import Arrival

SIZES = [Size(2, 50), Size(20, 50), Size(20, 500)]
DEVICES = [Size(units, 50) for units in (1, 5, 50, 100, 200)]
QUICK = [Size(20, 50)]


@dataclass(frozen=True)
class Bytes:
    """What readings records take: per record without its values, per point, and per point in the store."""

    record: float
    point: float
    stored_record: float


@dataclass(frozen=True)
class Figures:
    """One size's outcome."""

    size: Size
    agent: Turns
    bare: Turns
    arrived: float
    agent_memory: Memory
    bare_memory: Memory
    bytes: Bytes


def measured(size: Size, *, turn_s: float, turns: int) -> Figures:
    """Run both sides of one size."""
    with Bench(size) as bench:
        agent, bare = bench.agent(), bench.bare()
        bench.wait_for_data()
        done = take_turns({"agent": agent.pid, "bare": bare}, turn_s=turn_s, turns=turns)
        used = memory(agent.pid), memory(bare)
        assert agent.terminate() == 0, agent.said
        arrivals = bench.listener.heard()
        return Figures(
            size,
            done["agent"],
            done["bare"],
            _arrived(arrivals, done["agent"]) / (size.units * turn_s * turns),
            *used,
            _bytes(bench.directory / "state" / "outbox.db"),
        )


def _arrived(arrivals: list[Arrival], turns: Turns) -> int:
    """Count the agent's readings that were taken during its turns, and came."""
    stamps = [
        datetime.fromisoformat(orjson.loads(arrival.payload)["ts"]).timestamp()
        for arrival in arrivals
        if arrival.topic.startswith("plantgate/") and arrival.topic.endswith("/readings")
    ]
    return sum(begin <= stamp < end for stamp in stamps for begin, end in turns.spans)


def _bytes(store: Path) -> Bytes:
    """Measure the records in a stopped agent's store."""
    with closing(sqlite3.connect(store)) as db:
        wires = [bytes(wire) for (wire,) in db.execute("SELECT wire FROM reading")]
        used = db.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'reading'") if _has_dbstat(db) else None
        stored = used.fetchone()[0] if used else store.stat().st_size
    values = [orjson.loads(wire)["values"] for wire in wires]
    points = sum(map(len, values))
    in_values = sum(len(orjson.dumps(one)) - 2 for one in values)
    total = sum(map(len, wires))
    return Bytes((total - in_values) / len(wires), in_values / points, stored / len(wires) - total / len(wires))


def _has_dbstat(db: sqlite3.Connection) -> bool:
    return ("ENABLE_DBSTAT_VTAB",) in db.execute("PRAGMA compile_options").fetchall()


HEAD = (
    f"{'units x points':>14} {'arrived':>8} {'CPU %':>7} {'bare':>6} {'ratio':>6} {'us/reading':>11} {'bare':>6}"
    f" {'RSS MiB':>8} {'peak':>5} {'bare':>5} {'bytes/point':>12} {'+ a record':>11} {'+ in store':>11}"
)


def row(found: Figures) -> str:
    """Return one line of the table."""
    ours, bare, each = found.agent.share, found.bare.share, 1e6 / found.size.readings
    return (
        f"{found.size!s:>14} {found.arrived:8.0%} {100 * ours:7.2f} {100 * bare:6.2f} {ours / bare:6.2f}"
        f" {ours * each:11.2f} {bare * each:6.2f} {found.agent_memory.now:8.1f} {found.agent_memory.peak:5.0f}"
        f" {found.bare_memory.now:5.0f} {found.bytes.point:12.1f} {found.bytes.record:11.0f}"
        f" {found.bytes.stored_record:11.0f}"
    )


def main(arguments: list[str]) -> None:
    """Print a row for each size."""
    quick = "--quick" in arguments
    sizes = [Size(*map(int, word.split("x"))) for word in arguments if word[0].isdigit()]
    print(HEAD)
    for size in sizes or (QUICK if quick else [*SIZES, *DEVICES]):
        print(row(measured(size, turn_s=2.0 if quick else 10.0, turns=1 if quick else 2)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
