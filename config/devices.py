"""A device as the file and its model describe it together: what it speaks, and which points are read of it.

A ``[[device.point]]`` with the name of a model's point changes it (`config.modelled`); any other is a point more and
says everything itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from config import schema
from config.entry import Entry, Spot, read_table
from config.modelled import merged, with_unit
from config.problem import instead
from drivers.spec import FactorSpec, FieldSpec, ItemSpec, PointSpec, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from config.findings import Findings
    from config.models import Models
    from drivers.model import Model, ModelPoint
    from drivers.spec import AnyPoint

ModbusPoint = schema.ModbusPointTable
Points = tuple[Entry[schema.PointTable], ...]

_TABLES: dict[str, type[schema.PointTable]] = {
    "modbus": schema.ModbusPointTable,
    "modbus-ascii": schema.ModbusPointTable,
    "dlt645-2007": schema.Dlt645PointTable,
    "dlt645-1997": schema.Dlt645PointTable,
    "hj212": schema.Hj212PointTable,
    "ascii": schema.AsciiPointTable,
}
"""What points may say, by protocol."""


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device: its own table, its model, and everything that is read of it.

    `protocol` is the one written, else the model's first; "" while it cannot be known. `own` are the points as the file
    has them, `points` those that are read: the model's that were chosen, in its order and as the file changes them, and
    then the file's own. `modbus` are those of them that lie in registers.
    """

    entry: Entry[schema.DeviceTable]
    protocol: str
    model: Model | None
    own: Points
    points: Points
    modbus: tuple[Entry[ModbusPoint], ...]

    @property
    def is_known(self) -> bool:
        """Whether all its points are known: it names no model, or one that could be read."""
        return self.model is not None or "model" not in self.entry.written

    @property
    def max_registers(self) -> int:
        """The longest read of registers: what the file says, else the model."""
        table, is_own = self.entry.table, "max_registers" in self.entry.written
        return self.model.max_registers if self.model and not is_own else table.max_registers

    @property
    def max_bits(self) -> int:
        """The longest read of bits: what the file says, else the model."""
        table, is_own = self.entry.table, "max_bits" in self.entry.written
        return self.model.max_bits if self.model and not is_own else table.max_bits

    @property
    def barriers(self) -> frozenset[tuple[Table, int]]:
        """The addresses that no read spans: what the file says, else the model. None while they are a mistake."""
        if self.model and "barriers" not in self.entry.written:
            return self.model.barriers
        said = self.entry.table.barriers if self.entry.ok("barriers") else {}
        return frozenset((Table(name), at) for name, all_at in said.items() for at in all_at)

    @property
    def sends(self) -> bool:
        """Whether it sends by itself, so that it is listened to and never asked (`drivers.spec.DeviceSpec.sends`)."""
        ascii_lines = self.model.ascii if self.model else None
        return self.protocol == "hj212" or (
            self.protocol == "ascii" and ascii_lines is not None and ascii_lines.mode == "listen"
        )

    @property
    def comes_whole(self) -> bool:
        """Whether it tells everything at once, so that no point can be read less often than the others."""
        return self.sends or self.protocol == "ascii"

    @property
    def slow(self) -> Points:
        """The points that need not be read as often as the others."""
        return tuple(point for point in self.points if point.ok("period") and point.table.period == "slow")


def read_device(spot: Spot, point_spots: Sequence[Spot], models: Models, findings: Findings) -> DeviceEntry:
    """Return one device with its points, having noted what is wrong with its tables and its choice of points."""
    entry = read_table(schema.DeviceTable, spot, findings, parts=("point",))
    model = models.of(entry)
    protocol = _protocol(entry, model, findings)
    offered = {one.spec.name: one for one in model.points if _speaks(one.spec, protocol)} if model else {}
    spoken = protocol or (model.protocols[0] if model else "")
    is_open = model is None and "model" in spot.raw
    own = tuple(
        read_table(_table_for(spoken, one), one, findings, is_changing=is_open or str(one.raw.get("name")) in offered)
        for one in point_spots
    )
    _check_choice(entry, model, offered, own, findings)
    points = tuple(_points(entry, model, offered, own))
    registers = [cast("Entry[ModbusPoint]", one) for one in points if isinstance(one.table, schema.ModbusPointTable)]
    return DeviceEntry(entry, protocol, model, own, points, tuple(registers))


def _protocol(device: Entry[schema.DeviceTable], model: Model | None, findings: Findings) -> str:
    """Return what the device speaks; "" when that cannot be known, or its model does not speak it."""
    if not device.ok("protocol"):
        return ""
    written = device.table.protocol if device.given("protocol") else None
    if model is None:
        return written or ("" if "model" in device.written else device.table.protocol)
    if written is None or written in model.protocols:
        return written or model.protocols[0]
    what = f'protocol: model "{model.name}" does not speak it'
    hint = instead(written, model.protocols, what="it speaks")
    findings.mistake(device.at("protocol"), device.where, what, value=written, hint=hint)
    return ""


def _speaks(spec: AnyPoint, protocol: str) -> bool:
    """Whether a point of a model is there in this protocol; in any, while the protocol is not known."""
    if isinstance(spec, ItemSpec):
        return protocol in ("", "dlt645-2007" if len(spec.item) == 8 else "dlt645-1997")  # noqa: PLR2004
    kinds = {PointSpec: ("modbus", "modbus-ascii"), FactorSpec: ("hj212",), FieldSpec: ("ascii",)}
    return protocol in ("", *kinds[type(spec)])


def _table_for(protocol: str, point: Spot) -> type[schema.PointTable]:
    """Return which keys a point may have. Where the protocol is not known, the keys tell what it must be."""
    if protocol:
        return _TABLES[protocol]
    marks = {"item": "dlt645-2007", "factor": "hj212", "field": "ascii"}
    return _TABLES[next((marks[key] for key in marks if key in point.raw), "modbus")]


def _check_choice(
    device: Entry[schema.DeviceTable],
    model: Model | None,
    offered: Collection[str],
    own: Points,
    findings: Findings,
) -> None:
    """Note chosen points that are not there, and changed ones that were not chosen."""
    if not device.given("points"):
        return
    wanted = device.table.points or ()
    if model is None:
        if "model" not in device.written:
            what = "points: chooses among the points of a model, and the device has none"
            findings.mistake(device.at("points"), device.where, what, hint="describe the points: [[device.point]]")
        return
    names = {one.table.name for one in own if one.ok("name")}
    for number, name in enumerate(wanted):
        if name not in offered and name not in names:
            what, hint = f'points: model "{model.name}" has no such point', instead(name, offered)
            findings.mistake(device.at("points", number), device.where, what, value=name, hint=hint)
    read = _chosen(device, model, offered)
    for one in own:
        if one.ok("name") and one.table.name in offered and one.table.name not in read:
            what = "name: changes a point of the model that is not read"
            hint = f'add "{one.table.name}" to points in the device'
            findings.mistake(one.at("name"), one.where, what, value=one.table.name, hint=hint)


def _chosen(device: Entry[schema.DeviceTable], model: Model, offered: Collection[str]) -> Collection[str]:
    """Return the names of the model's points that are read: all, or those of `points` and what decides about them."""
    if not device.given("points") or device.table.points is None:
        return offered
    wanted = set(device.table.points)
    return wanted | {one.point for one in model.statuses if wanted & {*one.decides}}


def _points(
    device: Entry[schema.DeviceTable], model: Model | None, offered: Mapping[str, ModelPoint], own: Points
) -> Iterator[Entry[schema.PointTable]]:
    """Yield the points that are read, the model's first."""
    if model:
        changes = {one.table.name: one for one in reversed(own) if one.ok("name")}
        chosen = _chosen(device, model, offered)
        for name, known in offered.items():
            if name in chosen:
                yield merged(device, model, known, changes.get(name))
    for entry in own:
        if not entry.ok("name") or entry.table.name not in offered:
            yield with_unit(entry)
