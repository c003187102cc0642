"""Which bus a spec asks for. A new transport is one more line here; a new protocol, one in `drivers.line_kinds`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.modbus_tcp import ModbusTcpBus
from drivers.spec import SerialBusSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.bus import Bus
    from drivers.reading import Clock
    from drivers.spec import BusSpec, DeviceSpec


def open_bus(spec: BusSpec, devices: Sequence[DeviceSpec], clock: Clock) -> Bus:
    """Return the bus with those of `devices` that are on it. Nothing is opened before the first visit."""
    mine = [device for device in devices if device.bus == spec.name]
    if not isinstance(spec, SerialBusSpec) and not spec.listen and all(one.protocol == "modbus" for one in mine):
        return ModbusTcpBus(spec, mine, clock)
    from drivers.line_kinds import open_line  # noqa: PLC0415 -- 5 MiB that a box with hosts only does not carry

    return open_line(spec, mine, clock)
