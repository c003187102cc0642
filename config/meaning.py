"""What gives readings their meaning, as plain JSON-able data: its hash is the `cfg` of every record.

Keyed by names, so that the order of the file does not matter and a difference can be read. A key that says nothing is
left out. Whole numbers too large for JSON (64-bit patterns) are hexadecimal texts. No labels, no secrets, no paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config.check import rule_key

if TYPE_CHECKING:
    from pydantic import BaseModel

    from config.site import Device, Limit
    from config.tables import Document
    from drivers.spec import BusSpec, PointSpec


def meaning_of(
    buses: tuple[BusSpec, ...],
    devices: tuple[Device, ...],
    limits: tuple[Limit, ...],
    document: Document,
    timezone: str,
) -> dict[str, Any]:
    """Return the meaning of a site: its devices, limits and rules by name."""
    hosts = {bus.name: {"host": bus.host, "port": bus.port, "framing": bus.framing} for bus in buses}
    found: dict[str, Any] = {
        "timezone": timezone,
        "devices": {device.spec.name: _device(device, hosts) for device in devices},
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


def _device(device: Device, hosts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    codes = {info.name: info.code for info in device.info}
    report: dict[str, Any] = {"kind": device.report.kind}
    if device.report.kind != "on-scan":
        report["period_s"] = device.report.period_s
    return {
        "bus": hosts[device.spec.bus],
        "protocol": device.spec.protocol,
        "address": device.spec.address,
        "poll_s": device.poll_s,
        "report": report,
        "points": {point.name: _point(point, codes[point.name]) for point in device.spec.points},
    }


def _point(point: PointSpec, code: str | None) -> dict[str, Any]:
    said = {
        "register": point.table.value,
        "at": point.at,
        "type": point.type,
        "order": point.order or None,
        "scale": point.scale,
        "offset": point.offset,
        "decimals": point.decimals,
        "unavailable": [f"0x{raw:X}" for raw in sorted(set(point.unavailable))] or None,
        "range": list(point.range) if point.range else None,
        "unit": point.unit or None,
        "code": code,
    }
    return _without_none(said)


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
