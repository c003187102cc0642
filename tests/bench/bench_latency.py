"""How long a reading takes from the register to the subscriber, and an alarm: p50 and p99 with ``commit_every = "0s"``.

    python -m tests.bench.bench_latency [--quick]

The simulator puts the moment of answering into a register; `mosquitto_sub` notes when the record that carries it came.
An alarm record carries the stamp of its scan in milliseconds, so its latency is at most one too long. Nothing leaves
before it is durable, so beside the figures stands what one sync of the same disk took at the same time.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from tests.bench.bench import Bench, Size, boot_wall_s, share_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.bench import Arrival

SIZES = [Size(2, 50), Size(20, 50), Size(20, 500)]
QUICK = [Size(4, 50)]
WARM_UP_S = 3.0


def readings_latency_ms(arrivals: list[Arrival], boot_s: float) -> list[float]:
    """Return each reading record's way from the answer to the subscriber."""
    ways = []
    for arrival in arrivals:
        stamp_us = orjson.loads(arrival.payload)["values"].get("stamp")
        if stamp_us is not None:
            ways.append((arrival.at - boot_s - stamp_us / 1e6) * 1e3)
    return ways


def alarm_latency_ms(arrivals: list[Arrival]) -> list[float]:
    """Return each alarm record's way from its scan to the subscriber."""
    stamps = [datetime.fromisoformat(orjson.loads(arrival.payload)["ts"]).timestamp() for arrival in arrivals]
    return [(arrival.at - stamp) * 1e3 for arrival, stamp in zip(arrivals, stamps, strict=True)]


def limits(size: Size) -> list[dict[str, Any]]:
    """Return a limit per unit that its first point crosses and leaves once in sixteen rounds."""
    return [
        {"point": f"u{unit}.p000", "high": 100.0 * (unit % 100) + 0.5, "on_delay": "0s", "off_delay": "0s"}
        for unit in range(1, size.units + 1)
    ]


def measured(size: Size, *, seconds: float, poll: str = "1s", commit_every: str = "0s") -> dict[str, list[float]]:
    """Run the agent; return latencies in ms of readings and alarms after the warm-up."""
    with Bench(size) as bench:
        boot_s = boot_wall_s()
        agent = bench.agent(poll=poll, stamped=True, limits=limits(size), commit_every=commit_every)
        bench.wait_for_data()
        time.sleep(WARM_UP_S)
        begin = time.time()
        syncs = syncs_ms(bench.directory / "sync", seconds)
        assert agent.terminate() == 0, agent.said
        arrivals = [arrival for arrival in bench.listener.heard() if arrival.at > begin]
    of = {kind: [one for one in arrivals if one.topic.endswith(f"/{kind}")] for kind in ("readings", "alarm")}
    ways = {"readings": readings_latency_ms(of["readings"], boot_s), "alarm": alarm_latency_ms(of["alarm"])}
    return {**ways, "one sync of the disk": syncs}


def syncs_ms(path: Path, seconds: float) -> list[float]:
    """Write and sync two pages now and then for so long; return how long each took."""
    took, until = [], time.monotonic() + seconds
    with path.open("wb", buffering=0) as file:
        while time.monotonic() < until:
            begin = time.perf_counter()
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - begin) * 1e3)
            time.sleep(0.237)  # not in step with polling
    return took


def row(name: str, ways: list[float]) -> str:
    """Return one line."""
    p50, p99 = share_of(ways, 0.5), share_of(ways, 0.99)
    return f"{name:38} {len(ways):7} {p50:8.1f} {p99:8.1f} {max(ways):8.1f}"


def main(arguments: list[str]) -> None:
    """Print a line for each size and kind."""
    quick = "--quick" in arguments
    print(f"{'register to subscriber, ms':38} {'records':>7} {'p50':>8} {'p99':>8} {'longest':>8}")
    for size in QUICK if quick else SIZES:
        found = measured(size, seconds=4.0 if quick else 30.0, poll="250ms" if quick else "1s")
        for kind, ways in found.items():
            if ways:
                print(row(f"{size}, {kind}", ways), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
