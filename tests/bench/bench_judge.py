"""What judging and aggregating a scan costs: ``python -m tests.bench.bench_judge``.

Bare is one pass over the values in Python that compares each with a number: the least a judge written point by point
would cost. The ratios to it are printed, and judged by people.
"""

from __future__ import annotations

import gc
import random
import time
from itertools import count
from timeit import repeat
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from agent.aggregate import Period
from agent.alarms import Alarms
from config.site import Device, Limit, PointInfo, Report, Text
from drivers.reading import Scan
from drivers.spec import DeviceSpec, PointSpec, Table

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND_NS = 1_000_000_000
BEGIN_MS = 1_795_348_800_000


def microseconds(work: Callable[[], object], times: int = 600) -> float:
    """Return the best of five averages of processor time."""
    gc.collect()
    return min(repeat(work, number=times, repeat=5, timer=time.process_time)) / times * 1e6


def device(points: int) -> Device:
    """Return a meter with that many float points, reported once a minute."""
    names = [f"point_{number:03d}" for number in range(points)]
    specs = tuple(PointSpec(name=name, table=Table.INPUT, at=2 * at, type="float32") for at, name in enumerate(names))
    info = tuple(PointInfo(name=name, unit="kW", label=Text(name, name), code=None) for name in names)
    spec = DeviceSpec(name="meter", bus="line", protocol="modbus", address=1, timeout_s=0.5, points=specs)
    report = Report(kind="period", period_s=60.0)
    return Device(spec=spec, label=Text("表", "Meter"), poll_s=1.0, report=report, info=info)


def limits(points: int, share: float) -> list[Limit]:
    """Return four levels on that share of the points, spread evenly."""
    step = round(1 / share) if share else points + 1
    return [
        Limit(
            device="meter",
            point=f"point_{number:03d}",
            high_high=1200.0,
            high=1000.0,
            low=-1000.0,
            low_low=-1200.0,
            deadband=10.0,
            on_delay_s=10.0,
            off_delay_s=10.0,
            priority="medium",
        )
        for number in range(0, points, step)
        if share
    ]


def scans(points: int, flag: str = "N") -> list[Scan]:
    """Return a minute of scans; the first point has `flag`."""
    chance = random.Random(417)
    flags = flag + "N" * (points - 1)
    rows = (tuple(chance.uniform(0, 500) for _ in range(points)) for _ in range(60))
    return [Scan("meter", 0, second * SECOND_NS, row, flags) for second, row in enumerate(rows)]


def turning(found: list[Scan], take: Callable[[Scan], object]) -> Callable[[], object]:
    """Return work that hands over one of the scans after the other."""
    turn = count()
    return lambda: take(found[next(turn) % len(found)])


def bare(scan: Scan) -> int:
    """Compare every value with a number."""
    over = 0
    for value in scan.values:
        if value is not None and value > 1000.0:  # type: ignore[operator]
            over += 1
    return over


def aggregating(points: int, flag: str = "N") -> Callable[[], object]:
    """Return work that adds one scan a second to a period, closing it each minute."""
    filled, found, turn = Period(device(points), ZoneInfo("Asia/Shanghai")), scans(points, flag), count()

    def add() -> object:
        second = next(turn)
        scan = found[second % 60]
        moved = Scan(scan.device, 0, second * SECOND_NS, scan.values, scan.flags)
        return filled.add(moved, BEGIN_MS + second * 1000)

    return add


def alarmed(points: int) -> Alarms:
    """Return alarms of which one is active for good, so that the device is never quiet."""
    alarms = Alarms([device(points)], [*limits(points, 1.0)])
    row = (5000.0, *(100.0,) * (points - 1))
    for second in (0, 20):
        alarms.judge(Scan("meter", 0, second * SECOND_NS, row, "N" * points), None)
    assert alarms.active()
    return alarms


def main() -> None:
    """Print one row for each size."""
    print("judging one scan, µs (limits on 0 %, 10 %, 100 % of the points; 100 % with one alarm active)")
    print("points   bare    0 %   10 %  100 %  alarm   100 %/bare")
    for points in (50, 500):
        found = scans(points)
        plain = microseconds(turning(found, bare))
        costs = []
        for share in (0.0, 0.1, 1.0):
            alarms = Alarms([device(points)], limits(points, share))
            costs.append(microseconds(turning(found, lambda scan, judge=alarms.judge: judge(scan, None))))  # type: ignore[misc]
        active = alarmed(points)
        high = [Scan("meter", 0, scan.mono_ns, (5000.0, *scan.values[1:]), scan.flags) for scan in found]
        busy = microseconds(turning(high, lambda scan, judge=active.judge: judge(scan, None)))  # type: ignore[misc]
        print(
            f"{points:6d} {plain:6.1f} {costs[0]:6.2f} {costs[1]:6.2f} {costs[2]:6.2f} {busy:6.1f}"
            f" {costs[2] / plain:12.2f}"
        )
    print()
    print("aggregating, everything included (folding, closing once in 60 scans), µs")
    print("points  a scan  a point  a scan with a bad flag   a point/bare")
    for points in (50, 500):
        plain = microseconds(turning(scans(points), bare))
        good, flagged = microseconds(aggregating(points)), microseconds(aggregating(points, "B"))
        print(f"{points:6d} {good:7.1f} {good / points:8.3f} {flagged:23.1f} {good / plain:14.2f}")


if __name__ == "__main__":
    main()
