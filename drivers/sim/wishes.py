"""What can be wished for while the simulator runs, one JSON object each.

{"unit": 3, "fault": "late", "seconds": 10}       also "line" (default: the first); `drivers.sim.faults` lists them
{"unit": 3, "fault": null}                        mend it
{"line": "rs485", "fault": "noise", "rate": 20}   a whole serial line; "fault": null mends all that is wrong with it
{"mend": true}                                    mend everything
{"unplug": "line1"}, {"plug": "line1"}            the host refuses, the adapter is gone; and they are back
{"served": true}                                  tell the counters
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drivers.sim.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivers.sim.modbus_server import ModbusServer
    from drivers.sim.serial_server import SerialServer


class Wishes:
    """Grants wishes about both servers, which share one board of faults."""

    def __init__(self, tcp: ModbusServer, serial: SerialServer, first_line: str) -> None:
        self._tcp = tcp
        self._serial = serial
        self._first_line = first_line

    def grant(self, wish: Mapping[str, Any]) -> dict[str, Any] | None:
        """Do what is wished; return what is to be told, if anything.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: nobody understands it.

        """
        if "fault" in wish:
            self._fault(wish)
        elif "unplug" in wish:
            self._of(wish["unplug"]).unplug(wish["unplug"])
        elif "plug" in wish:
            self._of(wish["plug"]).plug(wish["plug"])
        elif wish.get("mend"):
            self._tcp.faults.mend()
        elif wish.get("served"):
            return self._served()
        else:
            raise ValueError(f"unknown wish {wish!r}")
        return None

    def _of(self, line: str) -> ModbusServer | SerialServer:
        return self._serial if line in self._serial.lines else self._tcp

    def _fault(self, wish: Mapping[str, Any]) -> None:
        fault = None if wish["fault"] is None else Fault.parse(wish)
        line = wish.get("line", self._first_line)
        if "unit" in wish:
            self._tcp.faults.put(line, wish["unit"], fault)
        elif line in self._serial.lines:
            self._tcp.faults.put_on_line(line, fault)
        else:
            raise ValueError(f"line {line!r} is no serial line: say which unit of it")

    def _served(self) -> dict[str, Any]:
        tcp, serial = self._tcp.served(), self._serial.served()
        requests = {
            f"{line}/{unit}": count for (line, unit), count in (*tcp.requests.items(), *serial.requests.items())
        }
        writes = tcp.writes_seen + serial.writes_seen
        return {"requests": requests, "writes_seen": writes, "connections": tcp.connections}
