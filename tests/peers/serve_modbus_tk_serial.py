"""A serial Modbus unit on modbus_tk. Arguments as `serial_servers` gives them; standard input: a line of JSON."""

from __future__ import annotations

import json
import sys
import threading

import serial
from modbus_tk import defines
from modbus_tk.modbus_rtu import RtuServer

SIZE = 65536
TABLES = {
    "coil": defines.COILS,
    "discrete": defines.DISCRETE_INPUTS,
    "holding": defines.HOLDING_REGISTERS,
    "input": defines.ANALOG_INPUTS,
}


def _serve(port: str, baudrate: int, unit: int, inputs: int, *, image: dict[str, dict[str, int]]) -> None:
    server = RtuServer(serial.Serial(port, baudrate))
    device = server.add_slave(unit)
    for name, kind in TABLES.items():
        device.add_block(name, kind, 0, inputs if name in ("discrete", "input") else SIZE)
        for at, value in image[name].items():
            device.set_values(name, int(at), value)
    server.start()
    print("listening", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    port, mode, *numbers = sys.argv[1:]
    assert mode == "rtu", "modbus_tk speaks no ASCII"
    _serve(port, *map(int, numbers), image=json.loads(sys.stdin.readline()))
