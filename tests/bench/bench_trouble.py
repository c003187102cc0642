"""What trouble costs: live latency while a backlog drains, one dead unit of twenty, first data when the link is back.

python -m tests.bench.bench_trouble
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import orjson

from agent.keys import SigningKey, key_path
from agent.record import Position, Sealer
from buffer.outbox import Entry, Outbox
from tests.bench.bench import Bench, Size, boot_wall_s, share_of
from tests.bench.bench_latency import readings_latency_ms
from tests.e2e.harness import GATEWAY
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.bench import Arrival

SIZE = Size(20, 50)
BACKLOG = 40_000
PER_COMMIT = 500
WATCHED_S = 20.0
DEAD = 7


def fill(state: Path, records: int) -> None:
    """Put a chain of undelivered readings into a new store, as an agent without an uplink leaves it."""
    state.mkdir(mode=0o700)
    key = SigningKey.load_or_create(key_path(state, {}), may_create=True)
    sealer, at = Sealer(GATEWAY, key), Position("", 0, "")
    stamp = {"ts": "2026-11-22T01:30:01.000Z", "clk": {"boot": "a6ebeace", "up": 1.5, "q": "sync"}, "cfg": "c" * 43}
    hello = {**stamp, "kind": "hello", "site": {}, "software": "bench", "key": key.public.jwk, "reason": "enrolment"}
    values = {f"p{point:03d}": 100 + point / 16 for point in range(SIZE.points)}
    readings = {**stamp, "kind": "readings", "device": "u1", "values": values}
    outbox = Outbox.open(state, max_size=1 << 30, allow_volatile=True)
    for start in range(0, records, PER_COMMIT):
        entries = []
        for number in range(start, min(start + PER_COMMIT, records)):
            record, at = sealer.seal(at, readings if number else hello)
            entries.append(Entry(record.seq, record.id, record.kind != "readings", record.wire))
        outbox.write(entries, state={"kid": sealer.kid.encode()})
    outbox.close()


def drain() -> str:
    """Start the agent on a full store; measure how fast it drains and how fresh live readings are meanwhile."""
    with Bench(SIZE) as bench:
        boot_s = boot_wall_s()
        fill(bench.directory / "state", BACKLOG)
        agent = bench.agent(stamped=True, commit_every="0s", poll="200ms")
        bench.wait_for_data(60)
        size = 0
        while bench.listener.size > size:
            size = bench.listener.size
            time.sleep(2)
            if bench.listener.size - size < SIZE.units * 30_000:  # only live readings are left
                break
        assert agent.terminate() == 0, agent.said
        readings = [arrival for arrival in bench.listener.heard() if arrival.topic.endswith("/readings")]
    old = [one for one in readings if orjson.loads(one.payload)["seq"] <= BACKLOG]
    begin, end = old[0].at, old[-1].at
    live = readings_latency_ms([one for one in readings if begin < one.at < end], boot_s)
    rate = len(old) / (end - begin)
    return (
        f"backlog of {len(old)} records of {SIZE.points} points drains at {rate:.0f} records/s; of {len(live)} live"
        f" readings meanwhile p50 {share_of(live, 0.5):.0f} ms, p99 {share_of(live, 0.99):.0f} ms"
    )


def _per_second(arrivals: list[Arrival], begin: float, end: float) -> float:
    """Return the good records per second of all devices but the one that dies."""
    good = [
        one
        for one in arrivals
        if begin <= one.at < end
        and one.topic.endswith("/readings")
        and (record := orjson.loads(one.payload))["device"] != f"u{DEAD}"
        and "fault" not in record
    ]
    return len(good) / (end - begin)


def dead_unit() -> str:
    """Let one unit fall silent; compare the rate of the others."""
    with Bench(SIZE) as bench:
        agent = bench.agent(commit_every="0s")
        bench.wait_for_data()
        time.sleep(2)
        first = time.time()
        time.sleep(WATCHED_S)
        bench.simulator.wish(unit=DEAD, fault="dead")
        second = time.time()
        time.sleep(WATCHED_S)
        end = time.time()
        assert agent.terminate() == 0, agent.said
        arrivals = bench.listener.heard()
    before, after = _per_second(arrivals, first, second), _per_second(arrivals, second, end)
    return f"one dead unit of {SIZE.units} on a connection: the others go on at {after / before:.0%} of their rate"


def link_back(away_s: float = 20.0) -> str:
    """Refuse the uplink for a while; measure how soon data comes after that."""
    with Bench(SIZE) as bench:
        agent = bench.agent(through_link=True)
        bench.wait_for_data()
        time.sleep(2)
        bench.link.refuse()
        bench.link.reset()
        time.sleep(away_s)
        bench.link.accept()
        back = time.time()
        size = bench.listener.size
        assert eventually(lambda: bench.listener.size > size + 100_000, 60), "nothing comes back"
        time.sleep(5)
        assert agent.terminate() == 0, agent.said
        arrivals = [one.at - back for one in bench.listener.heard() if one.topic.endswith("/readings")]
    first = min(at for at in arrivals if at > 0)
    return f"first readings {first:.1f} s after a link that was refused for {away_s:.0f} s is back"


def main(_arguments: list[str]) -> None:
    """Print a line for each."""
    for trouble in (drain, dead_unit, link_back):
        print(trouble(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
