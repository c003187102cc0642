"""How fast a backlog drains, against bare paho publishing the same payloads with the same window to the same mosquitto.

    python -m tests.bench.bench_drain [RECORDS] [BYTES] [ROUNDS]

Prints records per second, processor time per record of our process, and the ratio; the target is 0.80 or more. The
sides take turns, and a subscriber (another process) listens, so that the broker answers 0x00. Not a timed test.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import median

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.uplink.tuning import Tuning
from buffer.entry import Entry, unpacked
from buffer.outbox import Outbox
from tests.agent.uplink.memory_outbox import MemoryOutbox
from tests.agent.uplink.running import Running, uplink_to
from tests.peers.mosquitto import Mosquitto, eventually

TUNING = replace(Tuning(), start_within_s=0.0)
LIMIT_S = 300.0
_run = count()


def by_bare_paho(port: int, payloads: list[bytes]) -> tuple[float, float]:
    """Publish everything with paho's own thread, window 20 and the same properties; return wall and CPU seconds."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"bare-{next(_run)}", protocol=paho.MQTTv5)
    client.max_inflight_messages_set(20)
    acked = [0]

    def on_publish(*_: object) -> None:
        acked[0] += 1

    client.on_publish = on_publish
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType = "application/json"
    properties.PayloadFormatIndicator = 1
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert eventually(client.is_connected)
    begun, spent = time.monotonic(), time.process_time()
    for payload in payloads:
        client.publish("plantgate/acme/v1/bare/readings", payload, 1, properties=properties)
    assert eventually(lambda: acked[0] == len(payloads), LIMIT_S)
    took = time.monotonic() - begun, time.process_time() - spent
    client.disconnect()
    client.loop_stop()
    return took


def by_us_from_memory(port: int, payloads: list[bytes]) -> tuple[float, float]:
    """Drain a store in memory: the publisher alone."""
    outbox = MemoryOutbox()
    outbox.fill(payloads)
    return _drained(port, outbox)


def by_us_from_disk(port: int, payloads: list[bytes]) -> tuple[float, float]:
    """Drain the real outbox: reading, checking each record's hash, publishing."""
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory) / "state"
        state.mkdir(mode=0o700)
        outbox = Outbox.open(state, max_size=1 << 30, allow_volatile=True)
        entries = [
            Entry(seq, unpacked(seq.to_bytes(32, "big")), seq == 1, b'{"kind":"hello"}' if seq == 1 else payload)
            for seq, payload in enumerate(payloads, 1)
        ]
        for at in range(0, len(entries), 500):
            outbox.write(entries[at : at + 500])
        try:
            return _drained(port, outbox)
        finally:
            outbox.close()


def _drained(port: int, outbox: MemoryOutbox | Outbox) -> tuple[float, float]:
    uplink = uplink_to(port)
    begun, spent = time.monotonic(), time.process_time()
    with Running(uplink, outbox, TUNING, gw=f"jn-{next(_run)}"):
        assert eventually(lambda: not outbox.usage().waiting, LIMIT_S)
        return time.monotonic() - begun, time.process_time() - spent


SIDES = {"bare paho": by_bare_paho, "plantgate, memory": by_us_from_memory, "plantgate, outbox": by_us_from_disk}


def main() -> None:
    """Run the sides in turns and print the medians."""
    records, size, rounds = (int(a) for a in (sys.argv[1:] + ["20000", "1500", "3"][len(sys.argv) - 1 :]))
    payloads = [b'{"seq":%d,"pad":"%b"}' % (n, b"x" * (size - 20)) for n in range(1, records + 1)]
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        listener = subprocess.Popen(
            ["mosquitto_sub", "-p", str(broker.port), "-q", "1", "-t", "#"], stdout=subprocess.DEVNULL
        )
        stack.callback(listener.kill)
        time.sleep(0.5)
        for _ in range(rounds):
            for name, side in SIDES.items():
                took[name].append(side(broker.port, payloads))
    bare = median(wall for wall, _ in took["bare paho"])
    for name, runs in took.items():
        wall, cpu = median(w for w, _ in runs), median(c for _, c in runs)
        rate, each_us = records / wall, 1e6 * cpu / records
        print(f"{name:20} {rate:8.0f} records/s  {each_us:6.1f} µs CPU/record  ratio {bare / wall:.2f}")


if __name__ == "__main__":
    main()
