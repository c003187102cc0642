"""A host and the Modbus devices behind it, over one connection: Modbus TCP, or RTU frames through a serial server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from drivers.bus import BusCounters, RefusedPoint
from drivers.cost import cost_of
from drivers.modbus_exchange import TcpExchange
from drivers.modbus_frames import Framing, RtuFraming, TcpFraming
from drivers.modbus_visit import Ask, Station
from drivers.tcp_link import TcpLink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.reading import Clock, Scan
    from drivers.spec import DeviceSpec, TcpBusSpec

FRAMINGS: Final[dict[str, type[Framing]]] = {"tcp": TcpFraming, "rtu": RtuFraming}


class ModbusTcpBus:
    """See `drivers.bus.Bus`."""

    def __init__(self, spec: TcpBusSpec, devices: Sequence[DeviceSpec], clock: Clock) -> None:
        """Plan the reads of every device. Raises `drivers.plan.Unreadable` or `drivers.registers.BadPoint`."""
        self.name = spec.name
        self._clock = clock
        self._link = TcpLink(spec.host, spec.port, clock)
        self._exchange = TcpExchange(self._link, FRAMINGS[spec.framing](), clock)
        self._cost = cost_of(spec.framing)
        self._stations = {device.name: Station(device, self._cost, clock) for device in devices}
        self._refused: list[RefusedPoint] = []
        self._asks = {name: self._ask_of(station) for name, station in self._stations.items()}

    def visit(self, device: str) -> Scan:
        """Read every point of `device` once. Raises DriverError when it gave nothing."""
        station = self._stations[device]
        try:
            return station.visit(self._asks[device])
        finally:
            self._refused += station.refused()

    @property
    def listens(self) -> bool:
        """Return False: a Modbus device never speaks first."""
        return False

    def listen(self, until_ns: int) -> list[Scan]:  # noqa: ARG002 -- see `listens`
        """Return nothing: nothing comes by itself."""
        return []

    def news(self) -> tuple[tuple[str, str], ...]:
        """Return nothing: Modbus has no dialects to tolerate."""
        return ()

    def look(self, spec: DeviceSpec) -> Scan:
        """Visit a device that the site does not describe, once. Raises DriverError when it gave nothing."""
        station = Station(spec, self._cost, self._clock)
        return station.visit(self._ask_of(station))

    def refused(self) -> tuple[RefusedPoint, ...]:
        """Return the points found refused since the last call."""
        points, self._refused = tuple(self._refused), []
        return points

    def restore(self, device: str) -> None:
        """Give the device's refused points another chance."""
        self._stations[device].restore()

    def counters(self) -> BusCounters:
        """Return a snapshot. Any thread may ask."""
        devices = {name: station.tally.snapshot() for name, station in self._stations.items()}
        return BusCounters(
            bus=self.name,
            at_ns=self._clock.mono_ns(),
            connects=self._link.connects,
            link_failures=self._exchange.link_failures,
            busy_s=sum(counts.busy_s for counts in devices.values()),
            devices=devices,
        )

    def close(self) -> None:
        """Hang up. A later visit connects again."""
        self._exchange.close()

    def _ask_of(self, station: Station) -> Ask:
        spec = station.spec
        return partial(self._exchange.read, spec.unit, timeout_s=spec.timeout_s, tally=station.tally)
