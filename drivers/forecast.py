"""What goes on the wire in one visit to a device: every question with its bytes and seconds, before anything is sent.

Times are of the cost model, not measured: characters and silences are physics, how long a device thinks is supposed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from drivers.cost import ANSWERS_AFTER_S, CostModel, cost_of, framing_of, line_cost, read_bytes
from drivers.dlt645.frame import SHORTEST, WAKE_UP
from drivers.dlt645.items import lookup
from drivers.dlt645.reads import plan as plan_items
from drivers.plan import plan_device
from drivers.spec import ItemSpec, LineSettings, SerialBusSpec

if TYPE_CHECKING:
    from drivers.spec import BusSpec, DeviceSpec

METER_THINKS_S: Final = 0.1
"""What we suppose a DL/T 645 meter takes before it answers; 20 to 500 ms is commonly said. No standard of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One question and its answer. `said` describes it for programs, `words` for people."""

    words: str
    bytes: int
    time_s: float
    said: dict[str, Any] = field(default_factory=dict)


def exchanges(device: DeviceSpec, bus: BusSpec) -> list[Exchange]:
    """Return the exchanges of one visit; none for an instrument that sends by itself."""
    if device.sends:
        return []
    settings = device.settings or (bus.settings if isinstance(bus, SerialBusSpec) else LineSettings())
    if device.protocol.startswith("dlt645"):
        return _of_meter(device, settings)
    if device.protocol == "ascii":
        return _of_text(device, settings)
    if isinstance(bus, SerialBusSpec):
        cost = line_cost(settings, device.protocol, device.turnaround_s)
        return _of_registers(device, cost, framing_of(device.protocol))
    framing = "ascii" if device.protocol == "modbus-ascii" else bus.framing
    return _of_registers(device, cost_of(bus.framing), framing)


def _of_registers(device: DeviceSpec, cost: CostModel, framing: str) -> list[Exchange]:
    return [
        Exchange(
            words=f"function {read.table.function}  {read.table.value:<8}  {read.address:>5} … {read.end - 1:<5}  "
            f"{read.count:>4} wide",
            bytes=read_bytes(read, framing),
            time_s=cost.read_s(read),
            said={
                "function": read.table.function,
                "table": read.table.value,
                "address": read.address,
                "count": read.count,
            },
        )
        for read in plan_device(device, cost).reads()
    ]


def _of_meter(device: DeviceSpec, settings: LineSettings) -> list[Exchange]:
    """Return the reads of a meter: a block is one exchange; a meter that refuses it will need one for each item."""
    points = [point for point in device.points if isinstance(point, ItemSpec)]
    items = {index: lookup(point.item, point.format, point.signed) for index, point in enumerate(points)}
    found = []
    for read in plan_items({index: item for index, item in items.items() if item is not None}, frozenset()):
        size = 2 * (WAKE_UP + SHORTEST + len(read.di) // 2) + read.needed
        kind = "block" if read.is_block else "item"
        found.append(
            Exchange(
                words=f"{kind:<5}  {read.di}  {len(read.places):>3} values",
                bytes=size,
                time_s=_time_s(size, settings, METER_THINKS_S + device.turnaround_s),
                said={kind: read.di, "values": len(read.places)},
            )
        )
    return found


def _of_text(device: DeviceSpec, settings: LineSettings) -> list[Exchange]:
    assert device.ascii is not None, "config gives an ascii device its model's dialect"
    size = len(device.ascii.request) + device.ascii.longest
    return [
        Exchange(
            words=f"text  at most {device.ascii.longest} characters back",
            bytes=size,
            time_s=_time_s(size, settings, ANSWERS_AFTER_S + device.turnaround_s),
            said={"request": device.ascii.request.decode("latin-1")},
        )
    ]


def _time_s(size: int, settings: LineSettings, pause_s: float) -> float:
    """Return what `size` characters take, question and answer together, with a silence around each and `pause_s`."""
    return size * settings.char_s + 2 * settings.silence_s + pause_s
