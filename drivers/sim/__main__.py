"""The simulator as a process of its own: ``python -m drivers.sim [--units 20 --points 50 | --plant]``.

Prints one JSON line when it serves (``{"ports": {"line name": port}, "port": first port, "pid": …}``), then takes
wishes, one JSON object a line, on standard input:

    {"unit": 3, "fault": "late", "seconds": 10}     also "line" (default: the first) and, for refuse, "code"
    {"unit": 3, "fault": null}                      mend it
    {"mend": true}                                  mend everything
    {"unplug": "line1"}, {"plug": "line1"}          the host refuses; and serves again
    {"served": true}                                print the counters as one JSON line

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
from typing import Any

from drivers.sim.faults import Fault
from drivers.sim.instruments import Ramp, Unit, plant_units
from drivers.sim.modbus_server import ModbusServer
from drivers.sim.plant import Plant

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
    return parser.parse_args()


def _lines(wanted: argparse.Namespace) -> list[tuple[str, dict[int, Unit], str]]:
    """Return ``(line, units, framing)`` for everything to serve."""
    if wanted.plant:
        units = plant_units(Plant())
        return [(line, dict(on_line), "rtu" if line == "stack" else "tcp") for line, on_line in units.items()]
    return [("line1", {unit: Ramp(wanted.points, unit) for unit in range(1, wanted.units + 1)}, wanted.framing)]


def _obey(server: ModbusServer, wish: dict[str, Any], first_line: str) -> dict[str, Any] | None:
    """Do what one control line says; return what is to be printed, if anything."""
    if "fault" in wish:
        fault = None if wish["fault"] is None else Fault.parse(wish)
        server.faults.put(wish.get("line", first_line), int(wish["unit"]), fault)
    elif "unplug" in wish:
        server.unplug(wish["unplug"])
    elif "plug" in wish:
        server.plug(wish["plug"])
    elif wish.get("mend"):
        server.faults.mend()
    elif wish.get("served"):
        served = server.served()
        requests = {f"{line}/{unit}": count for (line, unit), count in served.requests.items()}
        return {"requests": requests, "writes_seen": served.writes_seen, "connections": served.connections}
    else:
        raise ValueError(f"unknown wish {wish!r}")
    return None


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _take_wishes(server: ModbusServer, first_line: str) -> None:
    """Read control lines until standard input ends; a wrong one is answered with ``{"error": …}``."""
    for line in sys.stdin:
        try:
            said = _obey(server, json.loads(line), first_line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        if said is not None:
            _say(said)


def main() -> None:
    """Serve until told to stop, or until nobody is left who could tell."""
    wanted = _arguments()
    server = ModbusServer(HostClock())
    ports = {}
    for line, units, framing in _lines(wanted):
        port = 0 if wanted.plant else wanted.port
        ports[line] = server.listen(line, units, framing=framing, host=wanted.host, port=port)
    first_line = next(iter(ports))
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    parent = os.getppid()
    with server:
        _say({"ports": ports, "port": ports[first_line], "pid": os.getpid()})
        threading.Thread(target=_take_wishes, args=(server, first_line), daemon=True).start()
        while not over.wait(_FOSTER_CHECK_S) and os.getppid() == parent:
            pass


if __name__ == "__main__":
    main()
