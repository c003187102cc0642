"""The simulator as a process of its own: ``python -m drivers.sim [--units 20 --points 50 | --plant] [--serial DIR]``.

Prints one JSON line when it serves (``{"ports": {"line name": port}, "port": first port, "lines": {"line name": path of
a pseudo-terminal}, "pid": …}``), then takes wishes, one JSON object a line, on standard input; `drivers.sim.wishes`
lists them. A wish nobody understands is answered with ``{"error": …}``.

``--serial DIR`` adds the plant's serial lines (`drivers.sim.serial_plant`) as DIR/rs485, DIR/station, DIR/ph, DIR/dust;
with ``--meters 10 --baud 9600 --protocol rtu`` it is one line of equal meters instead, DIR/meters, and no TCP port.

It ends with SIGTERM, SIGINT or the process that started it. This is one of the two files that may ask the time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.sim.instruments import Ramp, Unit, plant_units
from drivers.sim.modbus_server import ModbusServer
from drivers.sim.plant import Plant
from drivers.sim.serial_plant import meters_line, plant_lines
from drivers.sim.serial_server import SerialServer
from drivers.sim.uart import Uart
from drivers.sim.wishes import Wishes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivers.sim.serial_units import LineUnit

_FOSTER_CHECK_S = 1.0


class HostClock:
    """The clock of this machine."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000

    def mono_ns(self) -> int:
        """Return the monotonic clock, nanoseconds; the same for every process of the machine."""
        return time.monotonic_ns()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m drivers.sim", description="A plant to read from, with faults.")
    parser.add_argument("--plant", action="store_true", help="serve the believable plant instead of numbered units")
    parser.add_argument("--units", type=int, default=20, help="unit ids 1..N on the line (default 20, at most 247)")
    parser.add_argument("--points", type=int, default=50, help="float32 values per unit (default 50)")
    parser.add_argument("--framing", choices=("tcp", "rtu"), default="tcp")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one (default)")
    parser.add_argument("--serial", type=Path, metavar="DIR", help="offer serial lines as pseudo-terminals in DIR")
    parser.add_argument("--strict-parity", action="store_true", help="tell even parity from none by INPCK")
    parser.add_argument("--meters", type=int, default=0, help="one serial line of N equal meters, and nothing else")
    parser.add_argument("--protocol", choices=("rtu", "ascii", "dlt645"), default="rtu", help="what the meters speak")
    parser.add_argument("--baud", type=int, default=9600, help="the meters' speed: 8N1, with dlt645 8E1 (default 9600)")
    wanted = parser.parse_args()
    if wanted.meters and not wanted.serial:
        parser.error("--meters are on a serial line: say where with --serial DIR")
    return wanted


def _tcp_lines(wanted: argparse.Namespace) -> list[tuple[str, Mapping[int, Unit], str]]:
    """Return ``(line, units, framing)`` for every TCP port."""
    if wanted.meters:
        return []
    if wanted.plant or wanted.serial:
        units = plant_units(Plant())
        return [(line, dict(on_line), "rtu" if line == "stack" else "tcp") for line, on_line in units.items()]
    return [("line1", {unit: Ramp(wanted.points, unit) for unit in range(1, wanted.units + 1)}, wanted.framing)]


def _serial_lines(wanted: argparse.Namespace, clock: HostClock) -> Mapping[str, Sequence[LineUnit]]:
    """Return the units of every serial line."""
    if wanted.meters:
        uart = Uart(wanted.baud, "E" if wanted.protocol == "dlt645" else "N")
        return {"meters": meters_line(wanted.protocol, wanted.meters, uart)}
    return plant_lines(Plant(), clock.mono_ns()) if wanted.serial else {}


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _take_wishes(wishes: Wishes) -> None:
    """Read control lines until standard input ends; a wrong one is answered with ``{"error": …}``."""
    for line in sys.stdin:
        try:
            said = wishes.grant(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        if said is not None:
            _say(said)


def main() -> None:
    """Serve until told to stop, or until nobody is left who could tell."""
    wanted, clock = _arguments(), HostClock()
    tcp = ModbusServer(clock)
    serial = SerialServer(clock, tcp.faults)
    ports = {}
    for line, units, framing in _tcp_lines(wanted):
        port = 0 if wanted.plant or wanted.serial else wanted.port
        ports[line] = tcp.listen(line, units, framing=framing, host=wanted.host, port=port)
    links = {}
    for line, on_line in _serial_lines(wanted, clock).items():
        links[line] = str(wanted.serial.absolute() / line)
        serial.offer(line, on_line, Path(links[line]), strict_parity=wanted.strict_parity)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    parent = os.getppid()
    with tcp, serial:
        _say({"ports": ports, "port": next(iter(ports.values()), None), "lines": links, "pid": os.getpid()})
        wishes = Wishes(tcp, serial, next(iter((*ports, *links))))
        threading.Thread(target=_take_wishes, args=(wishes,), daemon=True).start()
        while not over.wait(_FOSTER_CHECK_S) and os.getppid() == parent:
            pass


if __name__ == "__main__":
    main()
