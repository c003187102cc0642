"""Which bus and which instrument a spec asks for. A new transport or protocol is one more line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.modbus_tcp import ModbusTcpBus
from drivers.spec import TcpBusSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.bus import Bus
    from drivers.reading import Clock
    from drivers.spec import BusSpec, DeviceSpec


def open_bus(spec: BusSpec, devices: Sequence[DeviceSpec], clock: Clock) -> Bus:
    """Return the bus with those of `devices` that are on it. Nothing is sent before the first visit."""
    assert isinstance(spec, TcpBusSpec)
    return ModbusTcpBus(spec, [device for device in devices if device.bus == spec.name], clock)
