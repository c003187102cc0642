"""One point of a checked device as its driver wants it: defaults resolved, ratios folded into the scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from config import ratio
from config.points import kind_of, type_of
from config.schema import AsciiPointTable, Dlt645PointTable, Hj212PointTable, ModbusPointTable
from drivers.dlt645.items import lookup
from drivers.registers import orders_for
from drivers.spec import FactorSpec, FieldSpec, ItemSpec, PointSpec

if TYPE_CHECKING:
    from config.entry import Entry
    from config.schema import DeviceTable, PointTable
    from drivers.spec import AnyPoint


def point_of(device: Entry[DeviceTable], point: Entry[PointTable]) -> AnyPoint:
    """Return what the driver of the device's protocol is told of a point without mistakes."""
    table, by = point.table, ratio.factor(device, point)
    common: dict[str, Any] = {
        "name": table.name,
        "scale": ratio.scaled(table.scale, by),
        "offset": ratio.scaled(table.offset, by),
        "decimals": table.decimals,
        "range": table.range,
        "unit": table.unit,
    }
    if isinstance(table, ModbusPointTable):
        return _register(table, type_of(cast("Entry[ModbusPointTable]", point)), common)
    common["is_number"] = kind_of(point) != "text"
    if isinstance(table, Dlt645PointTable):
        return _item(table, common)
    if isinstance(table, Hj212PointTable):
        return FactorSpec(factor=table.factor, field=table.field, **common)
    assert isinstance(table, AsciiPointTable), "there are no other points"
    return FieldSpec(field=table.field, unavailable=tuple(table.unavailable), **common)


def _register(table: ModbusPointTable, kind: str | None, common: dict[str, Any]) -> PointSpec:
    assert kind is not None, "a point without a type has a mistake"
    orders = () if table.table.is_bits else orders_for(kind)
    return PointSpec(
        table=table.table,
        at=table.at,
        type=kind,
        order=table.order or (orders[0] if orders else ""),
        unavailable=tuple(table.unavailable),
        **common,
    )


def _item(table: Dlt645PointTable, common: dict[str, Any]) -> ItemSpec:
    """Return the point with the form that the standard's table gives it, so that a site says what it reads."""
    known = lookup(table.item, table.format, table.signed)
    assert known is not None, "an item of unknown form has a mistake"
    return ItemSpec(item=known.di, format=known.format, signed=known.signed, **common)
