"""What it costs to read and decode: our bus against a bare pymodbus client with a `struct` loop, in the same run.

Run as ``python -m tests.bench.bench_modbus``. Twenty units behind one host in a process of its own, float32 points;
figures are microseconds of this process's CPU per reading, the better of three rounds each, alternating.
"""

from __future__ import annotations

import multiprocessing
import socket
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pymodbus.client import ModbusTcpClient

from drivers.kinds import open_bus
from drivers.spec import DeviceSpec, PointSpec, Table, TcpBusSpec
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

UNITS = 20
MOST_REGISTERS = 125
ROUNDS = 3
VISITS = {50: 100, 500: 20}
"""Points per unit, and how often each unit is visited in a round."""


def _serve(ready: Connection) -> None:
    """Answer function 3 as fast as Python can: register pairs hold the float of their own address."""
    image = struct.pack(">2048f", *(at + 0.5 for at in range(2048)))
    listener = socket.create_server(("127.0.0.1", 0))
    ready.send(listener.getsockname()[1])
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client:
            while len(request := client.recv(12)) == 12:
                address, count = struct.unpack(">HH", request[8:])
                data = image[2 * address : 2 * (address + count)]
                head = struct.pack(">4sHBBB", request[:4], len(data) + 3, request[6], 3, len(data))
                client.sendall(head + data)


@contextmanager
def server() -> Iterator[int]:
    """Run the host in a process of its own and yield its port."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def bare(client: ModbusTcpClient, points: int) -> None:
    """Read every unit with pymodbus and turn the registers into floats."""
    for unit in range(1, UNITS + 1):
        values: list[float] = []
        for start in range(0, points * 2, MOST_REGISTERS - 1):
            count = min(MOST_REGISTERS - 1, points * 2 - start)
            registers = client.read_holding_registers(start, count=count, device_id=unit).registers
            values += struct.unpack(f">{count // 2}f", struct.pack(f">{count}H", *registers))
        assert values[1] == 1.5


def devices(points: int) -> list[DeviceSpec]:
    """Return the twenty units as the driver wants them."""
    wanted = tuple(PointSpec(name=f"p{i}", table=Table.HOLDING, at=2 * i, type="float32") for i in range(points))
    return [
        DeviceSpec(name=f"d{unit}", bus="b", protocol="modbus", address=unit, timeout_s=5.0, points=wanted)
        for unit in range(1, UNITS + 1)
    ]


def cost(work: Callable[[], None], times: int, readings: int) -> tuple[float, float]:
    """Return microseconds of CPU and of wall time per reading."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        work()
    per = 1e6 / (times * readings)
    return (time.process_time() - cpu) * per, (time.perf_counter() - wall) * per


def compare(port: int, points: int) -> str:
    """Return one line: ours against the bare client."""
    bus = open_bus(TcpBusSpec(name="b", host="127.0.0.1", port=port, framing="tcp"), devices(points), HostClock())
    client = ModbusTcpClient("127.0.0.1", port=port, timeout=5)

    def ours() -> None:
        for unit in range(1, UNITS + 1):
            scan = bus.visit(f"d{unit}")
            assert scan.values[1] == 1.5
            bus.refused()

    def theirs() -> None:
        bare(client, points)

    readings, times = UNITS * points, VISITS[points]
    figures: dict[str, list[tuple[float, float]]] = {"ours": [], "bare": []}
    for _ in range(ROUNDS):  # one connection at a time: the host serves one client
        ours()
        figures["ours"].append(cost(ours, times, readings))
        bus.close()
        client.connect()  # type: ignore[no-untyped-call]
        theirs()
        figures["bare"].append(cost(theirs, times, readings))
        client.close()  # type: ignore[no-untyped-call]
    (our_cpu, our_wall), (bare_cpu, bare_wall) = min(figures["ours"]), min(figures["bare"])
    return (
        f"{UNITS} x {points:3} float32: ours {our_cpu:5.2f} µs CPU ({our_wall:5.2f} wall) per reading, "
        f"bare pymodbus + struct {bare_cpu:5.2f} ({bare_wall:5.2f}), ratio {our_cpu / bare_cpu:.2f}"
    )


def main() -> None:
    """Print a line for each size."""
    for points in VISITS:
        with server() as port:
            print(compare(port, points))


if __name__ == "__main__":
    main()
