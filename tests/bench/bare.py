"""The floor: what a straight-line script would do. It stores nothing, signs nothing, judges nothing, survives nothing.

    python -m tests.bench.bare MODBUS_PORT MQTT_PORT UNITS POINTS

One thread: once a second read every unit with pymodbus, unpack with ``struct``, publish one orjson object per unit with
paho at QoS 1. It is what the agent is compared with, so it takes the cheapest way everywhere.
"""

from __future__ import annotations

import struct
import sys
import time

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import ModbusTcpClient

MOST_REGISTERS = 124
PERIOD_S = 1.0


def values(client: ModbusTcpClient, unit: int, points: int) -> list[float]:
    """Return one unit's floats."""
    registers: list[int] = []
    for start in range(0, 2 * points, MOST_REGISTERS):
        count = min(MOST_REGISTERS, 2 * points - start)
        registers += client.read_input_registers(start, count=count, device_id=unit).registers
    return list(struct.unpack(f">{points}f", struct.pack(f">{2 * points}H", *registers)))


def main() -> None:
    """Poll and publish for ever."""
    modbus_port, mqtt_port, units, points = map(int, sys.argv[1:])
    modbus = ModbusTcpClient("127.0.0.1", port=modbus_port, timeout=5)
    modbus.connect()  # type: ignore[no-untyped-call]
    mqtt = paho.Client(CallbackAPIVersion.VERSION2, client_id="bare", protocol=paho.MQTTv5)
    mqtt.max_inflight_messages_set(0xFFFF)
    mqtt.connect("127.0.0.1", mqtt_port)
    while not mqtt.is_connected():
        mqtt.loop(0.1)
    names = [f"p{point:03d}" for point in range(points)]
    due = time.monotonic()
    while True:
        stamp = time.time()
        for unit in range(1, units + 1):
            record = {"device": f"u{unit}", "ts": stamp, "values": dict(zip(names, values(modbus, unit, points)))}  # noqa: B905
            mqtt.publish(f"bare/u{unit}/readings", orjson.dumps(record), 1)
        due = max(due + PERIOD_S, time.monotonic())
        while (left := due - time.monotonic()) > 0:
            mqtt.loop(left)


if __name__ == "__main__":
    main()
