"""A serial Modbus unit on pymodbus. Arguments as `serial_servers` gives them; standard input: a line of JSON."""

from __future__ import annotations

import asyncio
import json
import sys

from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

SIZE = 65536


def _table(values: dict[str, int], kind: DataType, size: int = SIZE) -> list[SimData]:
    whole = [values.get(str(address), 0) for address in range(size)]
    return [SimData(0, values=list(map(bool, whole)) if kind is DataType.BITS else whole, datatype=kind)]


async def _serve(
    port: str, mode: str, baudrate: int, unit: int, inputs: int, *, image: dict[str, dict[str, int]]
) -> None:
    tables = (
        _table(image["coil"], DataType.BITS),
        _table(image["discrete"], DataType.BITS, inputs),
        _table(image["holding"], DataType.REGISTERS),
        _table(image["input"], DataType.REGISTERS, inputs),
    )

    def only_its_own(is_sent: bool, data: bytes) -> bytes:
        """Keep quiet for other units, which pymodbus's simulator answers with an exception."""
        own = b":%02X" % unit if mode == "ascii" else bytes([unit])
        return data if not is_sent or data.startswith(own) else b""

    device = SimDevice(unit, simdata=tables)
    server = ModbusSerialServer(
        device, framer=FramerType(mode), port=port, baudrate=baudrate, trace_packet=only_its_own
    )
    await server.serve_forever(background=True)
    print("listening", flush=True)
    await server.serving


if __name__ == "__main__":
    port, mode, *numbers = sys.argv[1:]
    asyncio.run(_serve(port, mode, *map(int, numbers), image=json.loads(sys.stdin.readline())))
