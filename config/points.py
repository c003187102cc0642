"""What must hold for the points of a device: addresses, types, orders, overlaps, ratios (fault F5 of the catalogue).

`drivers.registers` knows the types; here its knowledge becomes messages with a place and a hint. What a model says is
right by its own tests: only points that the file describes or changes are looked at, and what they clash with.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

from config import ratio, schema, telegrams
from config.problem import instead
from drivers.registers import ADDRESSES, TYPES, BadPoint, Kind, orders_for, pattern_bits, registers_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.devices import DeviceEntry
    from config.entry import Entry
    from config.findings import Findings
    from config.schema import PointTable

    ModbusPoint = schema.ModbusPointTable

_MEANT_TYPES = {
    **dict.fromkeys(("float", "real", "single", "f32"), "float32"),
    **dict.fromkeys(("double", "lreal", "f64"), "float64"),
    **dict.fromkeys(("int", "short", "s16", "i16"), "int16"),
    **dict.fromkeys(("uint", "word", "u16"), "uint16"),
    **dict.fromkeys(("long", "dint", "s32", "i32"), "int32"),
    **dict.fromkeys(("ulong", "dword", "u32"), "uint32"),
    "i64": "int64",
    "s64": "int64",
    "u64": "uint64",
    "boolean": "bool",
    "string": "string:8",
    "bcd": "bcd16",
}
"""Types as other programs call them."""
_HALVES = ("int8h", "int8l", "uint8h", "uint8l")


def type_of(point: Entry[ModbusPoint]) -> str | None:
    """Return the point's type if it is one; a point of a bit table is a bit when nothing is said."""
    if not point.ok("register", "type"):
        return None
    kind = point.table.type or ("bit" if point.table.table.is_bits else None)
    try:
        return kind if kind and shape_of(kind) else None
    except BadPoint:
        return None


def width_of(point: Entry[ModbusPoint], kind: str) -> int:
    """Return how many addresses the point takes."""
    return 1 if point.table.table.is_bits else max(1, registers_of(kind))


def kind_of(point: Entry[PointTable]) -> Kind | None:
    """Return whether the point is a number, a flag or a text, if that can be known."""
    if not isinstance(point.table, schema.ModbusPointTable):
        return telegrams.kind_of(point)
    kind = type_of(cast("Entry[ModbusPoint]", point))
    return shape_of(kind).kind if kind else None


def check_points(device: DeviceEntry, findings: Findings) -> None:
    """Note what is wrong with the points of one device."""
    for point in device.points:
        if point.written:
            _check_meaning(point, findings)
    for register in device.modbus:
        if register.written:
            _check_type(register, findings, is_whole=device.is_known)
            _check_unavailable(register, findings)
            _check_place(device, register, findings)
    _check_overlaps(device.modbus, findings)
    _check_ratios(device, findings)


def _check_type(point: Entry[ModbusPoint], findings: Findings, *, is_whole: bool) -> None:
    """Note an unknown type, one that its table cannot hold, and an order it cannot have."""
    if not point.ok("type"):
        return
    kind = point.table.type or ("bit" if point.ok("register") and point.table.table.is_bits else None)
    if kind is None:
        if is_whole and point.ok("register"):
            findings.mistake(point.path, point.where, 'needs the key "type"', hint='write type = "uint16", "float32" …')
        return
    try:
        shape = shape_of(kind)
    except BadPoint:
        findings.mistake(point.at("type"), point.where, "type: there is no such type", value=kind, hint=_meant(kind))
        return
    if not point.ok("register"):
        return
    table = point.table.table
    if table.is_bits and kind not in ("bit", "bool"):
        hint = f'write type = "bit", or register = "holding" or "input" if {kind} is meant'
        findings.mistake(point.at("type"), point.where, f"type: a {table.value} is a single bit", value=kind, hint=hint)
    elif not table.is_bits and shape.registers == 0:
        hint = 'write "bit:0" (least significant) to "bit:15", or "bool" for "not zero"'
        findings.mistake(point.at("type"), point.where, "type: a register has 16 bits", value=kind, hint=hint)
    else:
        _check_order(point, () if table.is_bits else orders_for(kind), kind, findings)


def _meant(kind: str) -> str:
    meant = _MEANT_TYPES.get(kind.strip().lower())
    if meant:
        return f'did you mean "{meant}"?'
    if kind.startswith("bit:"):
        return 'bits of a register are "bit:0" to "bit:15"'
    if kind.startswith("string:"):
        return 'write "string:N", N registers of two characters, 1 to 125'
    return instead(kind, TYPES)


def _check_order(point: Entry[ModbusPoint], orders: tuple[str, ...], kind: str, findings: Findings) -> None:
    order = point.table.order if point.ok("order") else None
    if order is None or order in orders:
        return
    hint = f"one of: {', '.join(orders)}" if orders else "leave it out: a single bit has no order"
    hint = f'write "{order.upper()}"' if order.upper() in orders else hint
    findings.mistake(point.at("order"), point.where, f"order: impossible for {kind}", value=order, hint=hint)


def _check_meaning(point: Entry[PointTable], findings: Findings) -> None:
    """Note scale 0, and keys of numbers on texts and bits."""
    if point.given("scale") and point.table.scale == 0:
        what, hint = "scale: 0 makes every reading the same", "write 1.0 for no scaling"
        findings.mistake(point.at("scale"), point.where, what, value=0, hint=hint)
    kind = kind_of(point)
    if kind not in ("flag", "text"):
        return
    spoken = type_of(cast("Entry[ModbusPoint]", point)) if isinstance(point.table, schema.ModbusPointTable) else "text"
    for key in ("scale", "offset", "decimals", "range", "ratio", "total"):
        if point.given(key):
            what = f"{key}: has no meaning for {spoken}, which is no number"
            findings.mistake(point.at(key), point.where, what, hint="leave it out")


def _check_unavailable(point: Entry[ModbusPoint], findings: Findings) -> None:
    """Note "no value" patterns that cannot occur."""
    kind = type_of(point)
    if kind is None or not point.ok("unavailable"):
        return
    bits = 0 if point.table.table.is_bits else pattern_bits(kind)
    for number, raw in enumerate(point.table.unavailable):
        if not 0 <= raw < 1 << bits:
            is_negative = raw < 0 and bits and raw >= -(1 << bits - 1)
            hint = (
                f"raw values are unsigned: write 0x{raw % (1 << bits):X}"
                if is_negative
                else f"{kind} has {bits} raw bits"
            )
            what = f"unavailable: {kind} never holds this raw value"
            findings.mistake(point.at("unavailable", number), point.where, what, value=raw, hint=hint)


def _check_place(device: DeviceEntry, point: Entry[ModbusPoint], findings: Findings) -> None:
    """Note a point that leaves the address space, is wider than the device's longest read, or spans a barrier."""
    kind = type_of(point)
    if kind is None or not point.ok("at", "register"):
        return
    table, at, width = point.table.table, point.table.at, width_of(point, kind)
    if at + width > ADDRESSES:
        what = f"at: {kind} takes {width} registers and would end at {at + width - 1}"
        hint = f"the last address is {ADDRESSES - 1}: at most {ADDRESSES - width}"
        findings.mistake(point.at("at"), point.where, what, value=at, hint=hint)
    if device.entry.ok("max_registers") and not table.is_bits and width > device.max_registers:
        what = f"type: {kind} is longer than the device's max_registers = {device.max_registers}"
        findings.mistake(point.at("type"), point.where, what, value=kind, hint="a value must fit one read")
    for barred, barrier in sorted(device.barriers):
        if barred == table and at < barrier < at + width:
            what = f"at: {kind} spans the device's barrier at {barrier}"
            findings.mistake(point.at("at"), point.where, what, value=at, hint="move the point or the barrier")


def _check_overlaps(points: Iterable[Entry[ModbusPoint]], findings: Findings) -> None:
    """Note values that share only part of their registers; the same registers twice are fine, bits and halves too."""
    spans = []
    for point in points:
        kind = type_of(point)
        is_value = kind is not None and shape_of(kind).kind != "flag" and kind not in _HALVES
        if kind and is_value and point.ok("at", "register") and not point.table.table.is_bits:
            at = point.table.at
            spans.append((point.table.table.value, at, at + registers_of(kind), point))
    spans.sort(key=lambda span: span[:3])
    widest: tuple[str, int, int, Entry[ModbusPoint]] | None = None
    for span in spans:
        table, start, end, point = span
        if widest and widest[0] == table and start < widest[2] and (start, end) != widest[1:3]:
            _refuse_overlap(widest[1:], span[1:], findings)
        if not widest or widest[0] != table or end > widest[2]:
            widest = span
    _remark_twins([span[3] for span in spans], findings)


def _refuse_overlap(
    one: tuple[int, int, Entry[ModbusPoint]], two: tuple[int, int, Entry[ModbusPoint]], findings: Findings
) -> None:
    """Note the overlap at the later one, or at the file's where the other is the model's. Two of a model may."""
    if not one[2].written and not two[2].written:
        return
    (theirs, their_end, other), (start, end, point) = (one, two) if two[2].written else (two, one)
    place = f"{theirs} to {their_end - 1}, line {findings.line(other.path)}"
    what = f"at: registers {start} to {end - 1} overlap {other.where} ({place})"
    findings.mistake(point.at("at"), point.where, what, value=start, hint="check address and type of both")


def _remark_twins(points: list[Entry[ModbusPoint]], findings: Findings) -> None:
    """Remark on neighbours in order of address that read the very same thing."""
    for one, two in pairwise(points):
        keys = ("at", "type", "order", "scale", "offset", "decimals")
        is_same = one.ok(*keys) and two.ok(*keys) and one.table.table == two.table.table
        is_ours = one.written or two.written
        if is_same and is_ours and all(getattr(one.table, key) == getattr(two.table, key) for key in keys):
            findings.remark(f'{two.where}: reads the same as point "{one.table.name if one.ok("name") else "?"}"')


def _check_ratios(device: DeviceEntry, findings: Findings) -> None:
    """Note a ratio that reaches no point, and points that ask for a ratio the device does not give."""
    entry = device.entry
    for key in ("ct", "pt"):
        if not entry.given(key) or getattr(entry.table, key) == 1:
            continue
        value = getattr(entry.table, key)
        if device.is_known and not any(key in ratio.which(point).split("*") for point in device.points):
            hint = 'give the points their unit (A, V, kW, kWh …) or ratio = "ct", "pt", "ct*pt"'
            findings.mistake(entry.at(key), entry.where, f"{key}: no point uses it", value=value, hint=hint)
        elif device.model and device.model.primary:
            name = device.model.name
            findings.remark(
                f'{entry.where}: model "{name}" applies the transformer ratios that are set in the meter; '
                f"{key} = {value:g} multiplies once more, which is right only where the meter's own ratio is 1"
            )
    for point in device.points:
        asked = (point.table.ratio or "none") if point.given("ratio") else "none"
        if asked != "none" and not entry.written.intersection(asked.split("*")):
            what = f"ratio: the device gives no {asked.replace('*', ' or ')}"
            hint = f"write {asked[:2]} = … in the device"
            findings.mistake(point.at("ratio"), point.where, what, value=asked, hint=hint)
