"""What gives readings their meaning, as plain JSON-able data: its hash is the `cfg` of every record.

Keyed by names, so that the order of the file does not matter and a difference can be read. A key that says nothing is
left out. Whole numbers too large for JSON (64-bit patterns) are hexadecimal texts. No labels, no secrets, no paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config.amounts import total_by
from config.judging import rule_key
from drivers.spec import FactorSpec, FieldSpec, ItemSpec, PointSpec, SerialBusSpec

if TYPE_CHECKING:
    from pydantic import BaseModel

    from config.site import Device, Limit, PointInfo
    from config.tables import Document
    from drivers.spec import AnyPoint, AsciiSpec, BusSpec, DeviceSpec

_ALWAYS_TOLD = frozenset({"production", "treatment", "enabled", "unit"})
_IN_ORDER = frozenset({"chain"})
_USUAL_ESCALATION_S = 5400.0
"""As `config.site.Limit` and the schema have it."""


def meaning_of(
    buses: tuple[BusSpec, ...],
    devices: tuple[Device, ...],
    limits: tuple[Limit, ...],
    document: Document,
    timezone: str,
) -> dict[str, Any]:
    """Return the meaning of a site: its devices, limits and rules by name."""
    places = {bus.name: _bus(bus) for bus in buses}
    found: dict[str, Any] = {
        "timezone": timezone,
        "devices": {device.spec.name: _device(device, places) for device in devices},
        "limits": {f"{limit.device}.{limit.point}": _limit(limit) for limit in limits},
        "derived": {entry.table.name: _raw(entry.table, "name") for entry in document.derived},
        "facilities": {entry.table.name: _raw(entry.table, "name") for entry in document.facilities},
        "lines": {entry.table.name: _raw(entry.table, "name") for entry in document.lines},
        "outlets": {
            outlet.entry.table.name: _raw(outlet.entry.table, "name")
            | {"factors": {factor.table.code: _raw(factor.table, "code") for factor in outlet.factors}}
            for outlet in document.outlets
        },
        "rules": {rule_key(entry.table): _raw(entry.table, "id") for entry in document.rule},
    }
    found = {key: value for key, value in found.items() if value}
    packs = document.rules.table.packs if document.rules else None
    return found if packs is None else found | {"packs": sorted(set(packs))}


def _bus(bus: BusSpec) -> dict[str, Any]:
    """Return where the devices of a bus are. Line settings decide whether an answer comes, never what it means."""
    if isinstance(bus, SerialBusSpec):
        return {"type": "serial", "port": bus.port}
    said = {"host": bus.host, "port": bus.port, "framing": bus.framing}
    return said | {"listen": True} if bus.listen else said


def _device(device: Device, buses: dict[str, dict[str, Any]]) -> dict[str, Any]:
    spec = device.spec
    report: dict[str, Any] = {"kind": device.report.kind}
    if device.report.kind != "on-scan":
        report["period_s"] = device.report.period_s
    said = {
        "bus": buses[spec.bus],
        "protocol": spec.protocol,
        "address": spec.address,
        "model": device.model,
        "poll_s": None if spec.sends else device.poll_s,
        "slow_s": device.slow_s,
        "report": report,
        "points": {
            info.name: _without_none(_point(point) | _told(info, device))
            for point, info in zip(spec.points, device.info, strict=True)
        },
        "statuses": _statuses(spec) or None,
        "lines": _lines(spec.ascii) if spec.ascii else None,
    }
    return _without_none(said)


def _told(info: PointInfo, device: Device) -> dict[str, Any]:
    """Return what is told of a point beside where it lies; how it is summed up where that is not what its unit says."""
    is_usual = info.total == (total_by(info.unit) if info.is_number else "none")
    is_slow = info.is_slow and device.slow_s is not None
    return {"code": info.code, "period": "slow" if is_slow else None, "total": None if is_usual else info.total}


def _point(point: AnyPoint) -> dict[str, Any]:
    said = _place(point) | {
        "scale": point.scale,
        "offset": point.offset,
        "decimals": point.decimals,
        "range": list(point.range) if point.range else None,
        "unit": point.unit or None,
    }
    is_text = not isinstance(point, PointSpec) and not point.is_number
    return said | {"type": "text"} if is_text else said


def _place(point: AnyPoint) -> dict[str, Any]:
    """Return where the value is and how it is written there."""
    if isinstance(point, ItemSpec):
        return {"item": point.item, "format": point.format, "signed": point.signed}
    if isinstance(point, FactorSpec):
        return {"factor": point.factor, "field": point.field}
    if isinstance(point, FieldSpec):
        return {"field": point.field, "unavailable": sorted(set(point.unavailable)) or None}
    return {
        "register": point.table.value,
        "at": point.at,
        "type": point.type,
        "order": point.order or None,
        "unavailable": [f"0x{raw:X}" for raw in sorted(set(point.unavailable))] or None,
    }


def _statuses(spec: DeviceSpec) -> dict[str, list[dict[str, Any]]]:
    """Return what status points say about other points, by name."""
    names, found = [point.name for point in spec.points], dict[str, list[dict[str, Any]]]()
    for status in spec.statuses:
        said = {
            "when": list(status.when),
            "mask": status.mask,
            "flag": status.flag,
            "decides": sorted(names[index] for index in status.decides),
            "void": status.void or None,
        }
        found.setdefault(names[status.point], []).append(_without_none(said))
    return found


def _lines(said: AsciiSpec) -> dict[str, str]:
    """Return how an instrument's lines are understood; bytes as text with escapes."""
    octets = {key: getattr(said, key) for key in ("request", "start", "terminator", "separator")}
    return {"mode": said.mode, "pattern": said.pattern, "checksum": said.checksum} | {
        key: value.decode("ascii", "backslashreplace") for key, value in octets.items()
    }


def _limit(limit: Limit) -> dict[str, Any]:
    said = {key: getattr(limit, key) for key in ("high_high", "high", "low", "low_low", "deadband", "priority")}
    said |= {"on_delay_s": limit.on_delay_s, "off_delay_s": limit.off_delay_s}
    is_usual = limit.escalate_after_s == _USUAL_ESCALATION_S
    said |= {"escalate_after_s": None if is_usual else limit.escalate_after_s, "latch": limit.latch or None}
    return _without_none(said)


def _raw(table: BaseModel, key: str) -> dict[str, Any]:
    """Return what a table says, its own name and its label left out.

    A key that says its default is left out as well, but for those of the first version, which were always told.
    """
    usual = {name: field.get_default() for name, field in type(table).model_fields.items()}
    said = table.model_dump(exclude={key, "label"}, exclude_none=True)
    return {
        name: _plain(value, in_order=name in _IN_ORDER)
        for name, value in said.items()
        if name in _ALWAYS_TOLD or value != usual.get(name)
    }


def _plain(value: Any, *, in_order: bool = False) -> Any:
    """Return lists of names in order of the alphabet (mostly their order means nothing) and ranges as lists."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return sorted(set(value)) if isinstance(value, list) and not in_order else value


def _without_none(said: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if value is not None}
