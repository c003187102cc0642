"""What judgement costs: all hundred rules on fifty facilities and two hundred points, and how fast they are.

    python -m tests.bench.bench_rules [--quick]

In virtual time, on this thread alone, from the scan to the alarm's draft, as `agent.pipeline` does it: derived points,
limits, rules, alarms, statistics. Bare is one pass over the values of the same scans that compares each with a number.
The month is lived through with one scan a minute: the windows and baselines of rules count minutes, hours and days, so
what they hold is the same; only the holds of rules about the moment are coarser. Latencies are those of the whole agent
(see `bench_latency`), T1 without grace and a limit without delay side by side.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from agent.clock import Stamp, ts
from agent.health import resident_bytes
from agent.judgement import Judgement, devices_of
from agent.statistics import Statistics
from tests.bench import bench_judge, bench_latency, large_site
from tests.bench.bench import Bench, Size, boot_wall_s, share_of
from tests.months.house import Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from config.site import Site
    from drivers.reading import Scan
    from tests.bench.bench import Arrival

START_MS = 1_795_312_800_000
"""A quarter of a day before `bench_judge.BEGIN_MS`: a full hour in Shanghai."""
NS = 1_000_000_000
HOURS = (1, 24, 48, 7 * 24, 15 * 24, 22 * 24, 30 * 24)
"""When memory is looked at."""


class House:
    """The judgement and the statistics of a site, in virtual time; what its parts cost in processor seconds."""

    def __init__(self, site: Site) -> None:
        """Begin at `START_MS`."""
        self._stamp = Stamp(None, {}, None)
        self._now_ns = 0
        self._at(0)
        self._box = Machine()
        self.site = site
        self.instruments = large_site.Instruments()
        self.judgement, _ = Judgement.take_up(site, self._box, lambda _: None, 0, self._stamp)
        self._statistics = Statistics(devices_of(site), self.judgement.zone, "bench")
        self.cost: defaultdict[str, float] = defaultdict(float)
        self.told: Counter[str] = Counter()

    def _at(self, second: int) -> None:
        wall_ms = START_MS + 1000 * second
        self._now_ns = second * NS
        self._stamp = Stamp(ts(wall_ms), {"boot": "bench", "up": float(second), "q": "sync"}, wall_ms)

    def live(self, seconds: Iterable[int]) -> None:
        """Live through these seconds: a scan of every device and a look in each."""
        for second in seconds:
            self._read(second)
            self._spend("look", self._look)

    def live_minutes(self, minutes: Iterable[int]) -> None:
        """Live through these minutes: a look two seconds after the begin of each, and a scan in its middle."""
        for minute in minutes:
            self._at(60 * minute + 2)
            self._spend("look", self._look)
            self._read(60 * minute + 30)

    def _read(self, second: int) -> None:
        scans = list(self.instruments.scans(second, START_MS + 1000 * second, second * NS))
        self._at(second)
        self._spend("bare", lambda: [bench_judge.bare(scan) for scan in scans])
        self._spend("scans", lambda: self._scans(scans))
        self._spend("statistics", lambda: self._statistics_of(scans))

    def _spend(self, name: str, work: Callable[[], object]) -> None:
        begin = time.process_time()
        work()
        self.cost[name] += time.process_time() - begin

    def _scans(self, scans: list[Scan]) -> None:
        for scan in scans:
            for draft in self.judgement.scan(scan, self._stamp):
                self.told[draft.get("state", "")] += 1

    def _statistics_of(self, scans: list[Scan]) -> None:
        wall_ms = self._stamp.wall_ms
        for scan in scans:
            ended = self._statistics.add(scan, wall_ms)
            if ended is not None:
                self.judgement.closed(ended.rows)

    def _look(self) -> None:
        for ended in self._statistics.due(self._now_ns, self._stamp.wall_ms):
            self.judgement.closed(ended.rows)
        for draft in self.judgement.tick(self._now_ns, self._stamp):
            self.told[draft.get("state", "")] += 1

    @property
    def whole(self) -> float:
        """All that was spent on judging, in processor seconds."""
        return sum(cost for name, cost in self.cost.items() if name != "bare")

    def snapshot(self) -> dict[str, bytes]:
        """Return everything that is kept."""
        return {**self.judgement.states(), **self.judgement.large_states(self._now_ns, self._stamp)}

    def again(self, kept: dict[str, bytes]) -> None:
        """Go on from what was kept."""
        self.judgement, _ = Judgement.take_up(self.site, self._box, kept.get, self._now_ns, self._stamp)


def costs(house: House, seconds: int) -> None:
    """Print what every second costs, after an hour of warming up."""
    house.live(range(600))
    house.cost.clear()
    house.live(range(600, 600 + seconds))
    print(f"a second of the plant, of {seconds} with a scan of every device each: ms of one core")
    for name in ("scans", "look", "statistics"):
        print(
            f"  {name:12} {1e3 * house.cost[name] / seconds:8.3f}   {house.cost[name] / house.cost['bare']:6.1f} x bare"
        )
    print(f"  {'all':12} {1e3 * house.whole / seconds:8.3f}   = {100 * house.whole / seconds:.2f} % of a core")


def mebibytes() -> float:
    """Return what this process holds."""
    return resident_bytes() / 2**20


def month(site: Site, days: float) -> House:
    """Live through days with a scan a minute; print memory at the start and as it goes."""
    print(f"memory, MiB resident: {mebibytes():.1f} with the site file read,", end=" ", flush=True)
    house, lived = House(site), 0
    print(f"{mebibytes():.1f} at the start", end="", flush=True)
    for until_h in [hours for hours in HOURS if hours <= days * 24]:
        house.live_minutes(range(lived, until_h * 60))
        lived = until_h * 60
        print(f", {mebibytes():.1f} after {until_h / 24:.3g} d", end="", flush=True)
    print(f"\na minute took {1e3 * house.whole / lived:.2f} ms of one core; told: {dict(house.told)}")
    return house


def snapshots(house: House) -> None:
    """Print what is kept of the states, how long that takes, and how long it takes to take it up again."""
    begin = time.process_time()
    kept = house.snapshot()
    taken = time.process_time() - begin
    begin = time.process_time()
    house.again(kept)
    restored = time.process_time() - begin
    sizes = ", ".join(f"{key} {len(state) / 1024:.0f}" for key, state in kept.items())
    print(f"kept then, KiB: {sizes}; taken in {1e3 * taken:.0f} ms, taken up again in {1e3 * restored:.0f} ms")


# --- from the register to the subscriber -----------------------------------------------------------------------------


def switches(size: Size) -> str:
    """Return a line whose treatment, one facility for each unit, is off in half of every sixteen rounds."""
    said = '[[facility]]\nname = "kiln"\nrole = "production"\npower = "u1.p001"\nrated = 1.0\non_hold = "0s"\n'
    names = [f"fan-{unit}" for unit in range(1, size.units + 1)]
    for unit, name in enumerate(names, 1):
        half = 100.0 * (unit % 100) + 0.5
        said += (
            f'[[facility]]\nname = "{name}"\nrole = "treatment"\npower = "u{unit}.p000"\nrated = {2 * half}\n'
            f"on_fraction = {(half + 0.04) / (2 * half)}\noff_fraction = {(half + 0.01) / (2 * half)}\n"
            'on_hold = "0s"\noff_hold = "0s"\n'
        )
    said += f'[[line]]\nname = "line"\nproduction = ["kiln"]\ntreatment = {orjson.dumps(names).decode()}\n'
    return said + '[[rule]]\nid = "T1"\ngrace = "0s"\nclear_hold = "0s"\n'


def latencies(size: Size, *, seconds: float, poll: str) -> None:
    """Run the agent; print the ways of readings, of limits' alarms, and of those of T1."""
    with Bench(size) as bench:
        boot_s = boot_wall_s()
        limits = bench_latency.limits(size)
        agent = bench.agent(poll=poll, stamped=True, limits=limits, plant=switches(size), commit_every="0s")
        bench.wait_for_data()
        time.sleep(bench_latency.WARM_UP_S)
        begin = time.time()
        syncs = bench_latency.syncs_ms(bench.directory / "sync", seconds)
        assert agent.terminate() == 0, agent.said
        arrivals = [arrival for arrival in bench.listener.heard() if arrival.at > begin]
    readings = [one for one in arrivals if one.topic.endswith("/readings")]
    found = {
        "readings": bench_latency.readings_latency_ms(readings, boot_s),
        "alarms of limits": bench_latency.alarm_latency_ms(_alarms(arrivals, "limit.")),
        "alarms of T1": bench_latency.alarm_latency_ms(_alarms(arrivals, "rule.T1.")),
        "one sync of the disk": syncs,
    }
    print(f"\n{'register to subscriber, ms':38} {'records':>7} {'p50':>8} {'p99':>8} {'longest':>8}")
    for kind, ways in found.items():
        print(bench_latency.row(f"{size}, {kind}", ways), flush=True)
    halves = {kind: share_of(ways, 0.5) for kind, ways in found.items()}
    for kind in ("alarms of limits", "alarms of T1"):
        print(f"p50 of {kind} / p50 of readings: {halves[kind] / halves['readings']:.2f}")


def _alarms(arrivals: list[Arrival], prefix: str) -> list[Arrival]:
    """Return the records of alarms coming and going whose names begin like this."""
    told = [one for one in arrivals if one.topic.endswith("/alarm")]
    return [one for one in told if orjson.loads(one.payload)["alarm"].startswith(prefix)]


def main(arguments: list[str]) -> None:
    """Print all figures."""
    quick = "--quick" in arguments
    with tempfile.TemporaryDirectory(prefix="plantgate-bench-") as directory:
        lived = month(large_site.site(Path(directory), "60s"), 1 / 24 if quick else 30)
        snapshots(lived)
        costs(House(large_site.site(Path(directory), "1s")), 300 if quick else 2 * 3600)
    latencies(Size(4, 50) if quick else Size(20, 50), seconds=4.0 if quick else 30.0, poll="250ms" if quick else "1s")


if __name__ == "__main__":
    main(sys.argv[1:])
