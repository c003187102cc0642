"""A Modbus TCP server on pyModbusTCP. Argument: port. Standard input: a line of JSON (`modbus_servers`)."""

from __future__ import annotations

import json
import sys

from pyModbusTCP.server import DataBank, ModbusServer


def _serve(port: int, image: dict[str, dict[str, int]]) -> None:
    bank = DataBank()
    for address, value in image["coil"].items():
        bank.set_coils(int(address), [bool(value)])
    for address, value in image["discrete"].items():
        bank.set_discrete_inputs(int(address), [bool(value)])
    for address, value in image["holding"].items():
        bank.set_holding_registers(int(address), [value])
    for address, value in image["input"].items():
        bank.set_input_registers(int(address), [value])
    ModbusServer("127.0.0.1", port, data_bank=bank).start()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), json.loads(sys.stdin.readline()))
