"""A model's point as a table like the file's own, so that every rule looks at both alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config import ratio, schema
from config.entry import Entry, fields_of
from config.site import Text
from drivers.dlt645.items import lookup
from drivers.spec import FactorSpec, ItemSpec, PointSpec

if TYPE_CHECKING:
    from drivers.model import Model, ModelPoint

    Point = Entry[schema.PointTable]


def merged(device: Entry[schema.DeviceTable], model: Model, known: ModelPoint, change: Point | None) -> Point:
    """Return a point of the model as the file changes it. Unchanged, it has the line of the model's name."""
    table = _table_of(known, model)
    if change is None:
        where = f'{device.where} point "{known.spec.name}"'
        point: Point = Entry(device.at("model"), where, table, frozenset(), frozenset())
    else:
        fields = fields_of(type(table))
        keys = {key for key in change.written - change.bad if key in fields}
        table = table.model_copy(update={fields[key]: getattr(change.table, fields[key]) for key in keys})
        point = Entry(change.path, change.where, table, change.bad & change.written, change.written)
    return _in_range(device, with_unit(point))


def with_unit(point: Point) -> Point:
    """Return a point of a DL/T 645 meter with the unit of the standard's table, where it says none itself."""
    if not isinstance(point.table, schema.Dlt645PointTable) or not point.ok("item", "format", "signed"):
        return point
    table = point.table
    item = lookup(table.item, table.format, table.signed)
    if item is None:
        return point
    update: dict[str, Any] = {} if table.unit or "unit" in point.written else {"unit": item.unit}
    update |= {} if item.is_number or not point.ok("type") else {"type": "text"}
    return _with(point, update)


def _with(point: Point, update: dict[str, Any]) -> Point:
    return Entry(point.path, point.where, point.table.model_copy(update=update), point.bad, point.written)


def _table_of(point: ModelPoint, model: Model) -> schema.PointTable:
    """Return what a model says of a point, as if the file said it.

    A meter that applies its own ratios names none; with one of the site's on top, the unit tells what it is for.
    """
    spec = point.spec
    said: dict[str, Any] = {key: getattr(spec, key) for key in ("name", "scale", "offset", "decimals", "range", "unit")}
    said |= {"code": point.code, "label": Text(point.label_zh, point.label_en)}
    said["ratio"] = None if model.primary else point.ratio
    said["period"] = point.period
    if isinstance(spec, PointSpec):
        said |= {"table": spec.table, "at": spec.at, "type": spec.type, "order": spec.order or None}
        return schema.ModbusPointTable.model_construct(**said, unavailable=list(spec.unavailable))
    said["type"] = None if spec.is_number else "text"
    if isinstance(spec, ItemSpec):
        said |= {"item": spec.item, "format": spec.format, "signed": spec.signed}
        return schema.Dlt645PointTable.model_construct(**said)
    if isinstance(spec, FactorSpec):
        return schema.Hj212PointTable.model_construct(**said, factor=spec.factor, field=spec.field)
    return schema.AsciiPointTable.model_construct(**said, field=spec.field, unavailable=list(spec.unavailable))


def _in_range(device: Entry[schema.DeviceTable], point: Point) -> Point:
    """Return the point with the model's range in terms of the reading: times the transformer ratios.

    A file that scales the point in another way says the range itself, or there is none.
    """
    if point.table.range is None or "range" in point.written:
        return point
    if point.written & {"scale", "offset"}:
        return _with(point, {"range": None})
    by = ratio.factor(device, point)
    low, high = point.table.range
    return _with(point, {"range": (ratio.scaled(low, by), ratio.scaled(high, by))})
