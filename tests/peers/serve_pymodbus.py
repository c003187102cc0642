"""A Modbus server on pymodbus. Arguments: port, "tcp" or "rtu". Standard input: a line of JSON (`modbus_servers`)."""

from __future__ import annotations

import asyncio
import json
import sys

from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

SIZE = 65536


def _table(values: dict[str, int], kind: DataType) -> list[SimData]:
    whole = [values.get(str(address), 0) for address in range(SIZE)]
    return [SimData(0, values=list(map(bool, whole)) if kind is DataType.BITS else whole, datatype=kind)]


async def _serve(port: int, framing: str, image: dict[str, dict[str, int]]) -> None:
    tables = (
        _table(image["coil"], DataType.BITS),
        _table(image["discrete"], DataType.BITS),
        _table(image["holding"], DataType.REGISTERS),
        _table(image["input"], DataType.REGISTERS),
    )
    framer = FramerType.SOCKET if framing == "tcp" else FramerType.RTU
    server = ModbusTcpServer(SimDevice(0, simdata=tables), framer=framer, address=("127.0.0.1", port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2], json.loads(sys.stdin.readline())))
