"""What gives readings their meaning, as plain JSON-able data: its hash is the `cfg` of every record.

Keyed by names, so that the order of the file does not matter and a difference can be read. A key that says nothing is
left out. Whole numbers too large for JSON (64-bit patterns) are hexadecimal texts. No labels, no secrets, no paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config.check import rule_key
from drivers.spec import FactorSpec, FieldSpec, ItemSpec, PointSpec, SerialBusSpec

if TYPE_CHECKING:
    from pydantic import BaseModel

    from config.site import Device, Limit, PointInfo
    from config.tables import Document
    from drivers.spec import AnyPoint, AsciiSpec, BusSpec, DeviceSpec


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
        "packs": sorted(set(document.rules.table.packs)) if document.rules else [],
    }
    return {key: value for key, value in found.items() if value}


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
            info.name: _without_none(_point(point) | {"code": info.code, "period": _period(info, device)})
            for point, info in zip(spec.points, device.info, strict=True)
        },
        "statuses": _statuses(spec) or None,
        "lines": _lines(spec.ascii) if spec.ascii else None,
    }
    return _without_none(said)


def _period(point: PointInfo, device: Device) -> str | None:
    """Return "slow" where that makes a difference."""
    return "slow" if point.is_slow and device.slow_s is not None else None


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
    return _without_none(said | {"on_delay_s": limit.on_delay_s, "off_delay_s": limit.off_delay_s})


def _raw(table: BaseModel, key: str) -> dict[str, Any]:
    """Return what a table of a later version says, its own name and its label left out."""
    said = table.model_dump(exclude={key, "label"}, exclude_none=True)
    return {name: _plain(value) for name, value in said.items()}


def _plain(value: Any) -> Any:
    """Return lists of names in order of the alphabet (their order means nothing) and ranges as lists."""
    if isinstance(value, tuple):
        return list(value)
    return sorted(set(value)) if isinstance(value, list) else value


def _without_none(said: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if value is not None}
