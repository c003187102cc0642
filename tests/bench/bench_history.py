"""What a year of statistics costs: ``python -m tests.bench.bench_history [DIRECTORY]``.

64 points of 8 meters, read every 10 s: one day is folded, rolled up and written minute by minute in virtual time. The
other 364 days of the year are copies of what the day left in the file, moved in time: a year minute by minute takes
hours. Its hours are packed by the day, not by the week, which is less favourable than in the product. Bare are commits
of one blob of four kilobytes.
"""

from __future__ import annotations

import random
import resource
import sqlite3
import struct
import sys
import tempfile
import time
from contextlib import closing
from math import pi, sin
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch
from zoneinfo import ZoneInfo

from agent.statistics import Statistics
from buffer import store
from buffer.history import DATABASE, TOGETHER, History
from buffer.history_row import Level
from config.site import Device, PointInfo, Report, Text
from drivers.reading import Scan
from drivers.spec import DeviceSpec, PointSpec, Table

if TYPE_CHECKING:
    from buffer.history_row import Row
    from config.site import Total

METERS = 8
DAYS = 365
MINUTES = 24 * 60
MORE = 30
"""Minutes of the next day, in which the last of the day are packed."""
POLL_MS = 10_000
DAY_MS = MINUTES * 60_000
BEGIN_MS = 1_795_276_800_000
POINTS: tuple[tuple[str, float, float, int, Total], ...] = (
    ("power", 180.0, 4.0, 1, "per-hour"),
    ("voltage", 229.0, 0.6, 1, "none"),
    ("current", 260.0, 6.0, 1, "none"),
    ("factor", 0.9, 0.004, 3, "none"),
    ("temperature", 78.0, 0.3, 1, "none"),
    ("so2", 21.0, 1.2, 2, "none"),
    ("flow", 52_000.0, 400.0, 0, "per-hour"),
    ("energy", 0.0, 0.0, 2, "counter"),
)
"""Name, level by day, noise, decimals, kind of amount. The counter counts the power."""


def cpu_s() -> float:
    """Return the processor seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def meter(number: int, *, declared: bool) -> Device:
    """Return a meter; its decimals are `declared`, or it gives bare single-precision numbers."""
    specs = tuple(
        PointSpec(name=name, table=Table.INPUT, at=2 * at, type="float32", decimals=decimals if declared else None)
        for at, (name, _, _, decimals, _) in enumerate(POINTS)
    )
    info = tuple(
        PointInfo(name=name, unit="", label=Text(name, name), code=None, total=total) for name, *_, total in POINTS
    )
    spec = DeviceSpec(name=f"meter-{number}", bus="line", protocol="modbus", address=1, timeout_s=0.5, points=specs)
    report = Report(kind="on-scan", period_s=60.0)
    return Device(spec=spec, label=Text("表", "Meter"), poll_s=POLL_MS / 1000, report=report, info=info)


class Plant:
    """Values that wander about a day's course."""

    def __init__(self, *, declared: bool) -> None:
        self._chance = random.Random(417)
        self._declared = declared
        self._noise = [[0.0] * len(POINTS) for _ in range(METERS)]
        self._energy = [1000.0 * number for number in range(METERS)]

    def values(self, number: int, at_ms: int) -> tuple[float, ...]:
        """Return a scan of a meter."""
        day = 0.75 + 0.25 * sin(2 * pi * (at_ms / 86_400_000 + number / METERS))
        noise, found = self._noise[number], []
        for place, (_, level, spread, decimals, _) in enumerate(POINTS[:-1]):
            noise[place] += 0.2 * (self._chance.gauss(0, spread) - noise[place])
            found.append(self._told(level * (day if place in {0, 2, 5, 6} else 1.0) + noise[place], decimals))
        self._energy[number] += found[0] * POLL_MS / 3_600_000
        return (*found, self._told(self._energy[number], 2))

    def _told(self, value: float, decimals: int) -> float:
        return round(value, decimals) if self._declared else single(value)


def single(value: float) -> float:
    """Return a number as a register of 32 bits gives it."""
    found: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return found


def folded(statistics: Statistics, plant: Plant, minute: int) -> list[Row]:
    """Return the rows that a minute of scans ends."""
    rows: list[Row] = []
    for at_ms in range(BEGIN_MS + minute * 60_000, BEGIN_MS + (minute + 1) * 60_000, POLL_MS):
        for number in range(METERS):
            values = plant.values(number, at_ms)
            ended = statistics.add(Scan(f"meter-{number}", at_ms, at_ms * 1_000_000, values, "N" * len(values)), at_ms)
            rows += ended.rows if ended else ()
    return rows


def written(directory: Path, *, declared: bool) -> tuple[History, float, float]:
    """Write the day; return the history, and milliseconds a minute: of processor time, and by the clock."""
    history = History(directory, now_ms=0, max_size=8 * 1024**3)
    devices = [meter(number, declared=declared) for number in range(METERS)]
    statistics, plant, wall, cpu = Statistics(devices, ZoneInfo("Asia/Shanghai")), Plant(declared=declared), 0.0, 0.0
    for minute in range(MINUTES + MORE):
        rows, state = folded(statistics, plant, minute), statistics.snapshot()
        begin, cpu_begin = time.perf_counter(), cpu_s()
        assert history.write(rows, {"statistics": state})
        wall += time.perf_counter() - begin
        cpu += cpu_s() - cpu_begin
    return history, cpu / (MINUTES + MORE) * 1e3, wall / (MINUTES + MORE) * 1e3


def year(path: Path) -> None:
    """Copy what the day left into the other days."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM fresh")
        (most,) = db.execute("SELECT max(id) FROM chunk").fetchone()
        for day in range(1, DAYS):
            db.execute(
                "INSERT INTO chunk SELECT id + ?, layout, level, boot, first + ?, last + ?, packed FROM chunk"
                " WHERE id <= ?",
                (day * most, day * DAY_MS, day * DAY_MS, most),
            )
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def timed(history: History, level: Level, from_ms: int, span_ms: int) -> tuple[int, float]:
    """Return how many rows a query of one point gives, and the best of five times in milliseconds."""
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        rows = len(history.query("meter-3", "power", level, from_ms, from_ms + span_ms).start_ms)
        times.append(time.perf_counter() - begin)
    return rows, min(times) * 1e3


def bare(directory: Path, size: int) -> float:
    """Return milliseconds a commit of one blob, by the clock."""
    with closing(store.connect(directory / "bare.db", max_pages=10**6)) as db:
        db.execute("CREATE TABLE minute (id INTEGER PRIMARY KEY, blob BLOB)")
        begin = time.perf_counter()
        for number in range(1000):
            with store.transaction(db):
                db.execute("INSERT INTO minute VALUES (?, ?)", (number, b"x" * size))
        return (time.perf_counter() - begin) / 1000 * 1e3


def row(root: Path, *, declared: bool) -> None:
    """Print the figures of one kind of numbers."""
    directory = root / ("declared" if declared else "bare")
    directory.mkdir()
    history, cpu, wall = written(directory, declared=declared)
    day = timed(history, Level.MINUTE, BEGIN_MS, DAY_MS)
    history.close()
    year(directory / DATABASE)
    size = (directory / DATABASE).stat().st_size
    history = History(directory, now_ms=0, max_size=8 * 1024**3)
    hours = timed(history, Level.HOUR, BEGIN_MS, DAYS * DAY_MS)
    every = timed(history, Level.MINUTE, BEGIN_MS, DAYS * DAY_MS)
    history.close()
    points = METERS * len(POINTS)
    print(
        f"{'declared' if declared else 'none':>8} {size / 1e6:8.0f} {size / points / 1e6:12.2f} {cpu:12.2f} {wall:8.2f}"
        f" {bare(directory, 4000):6.2f} {day[1]:10.1f} {hours[1]:8.0f} {every[1]:9.0f}"
    )
    assert (day[0], hours[0], every[0]) == (MINUTES, 24 * DAYS, MINUTES * DAYS)


def main() -> None:
    """Print a table."""
    whole_days = patch.dict(TOGETHER, {Level.HOUR: 24})
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name, whole_days:
        print(f"{METERS * len(POINTS)} points of {METERS} meters, a year of all levels (a day x {DAYS})")
        print("                  on disk          ms to write a minute      ms to query one point")
        print("decimals    MB   MB/point-year     CPU     wall   bare    a day  a year's hours  its minutes")
        for declared in (True, False):
            row(Path(name), declared=declared)


if __name__ == "__main__":
    main()
