"""``{"do": "site"}``: what a site has, as those need it who show values: names, labels, units, what belongs together.

Plain JSON-able data of a checked site file; no secrets, and no paths but those of serial ports. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drivers.spec import SerialBusSpec

if TYPE_CHECKING:
    from config.site import Device, Facility, Limit, Line, Outlet, Panel, Site, Text
    from drivers.spec import BusSpec

Told = dict[str, Any]


def site_view(site: Site, software: str, cfg: str) -> Told:
    """Return the answer. `cfg` is the hash of what gives readings their meaning: with another one, ask again."""
    gateway, plant = site.gateway, site.plant
    return {
        "gateway": gateway.id,
        "name": _both(gateway.name, gateway.id),
        "language": gateway.language,
        "timezone": gateway.timezone,
        "software": software,
        "cfg": cfg,
        "panel": None if site.panel is None else _panel(site.panel),
        "lines": [_line(line) for line in plant.lines],
        "facilities": [_facility(facility) for facility in plant.facilities],
        "outlets": [_outlet(outlet) for outlet in plant.outlets],
        "devices": [
            *(_device(device, is_derived=False) for device in site.devices),
            *(_device(one.device, is_derived=True) for one in site.derived),
        ],
        "limits": [_limit(limit) for limit in site.limits],
        "buses": [_bus(bus) for bus in site.buses],
    }


def _both(text: Text, name: str) -> dict[str, str]:
    return {"zh": text.zh or name, "en": text.en or name}


def _panel(panel: Panel) -> Told:
    host = f"[{panel.host}]" if ":" in panel.host else panel.host
    return {"listen": f"{host}:{panel.port}", "open": panel.open, "hosts": list(panel.hosts), "tls": panel.tls}


def _line(line: Line) -> Told:
    return {
        "name": line.name,
        "label": _both(line.label, line.name),
        "production": list(line.production),
        "treatment": list(line.treatment),
        "outlet": line.outlet,
    }


def _facility(facility: Facility) -> Told:
    return {
        "name": facility.name,
        "label": _both(facility.label, facility.name),
        "role": facility.role,
        "type": facility.type,
        "power": facility.power,
        "current": facility.current,
        "running": facility.running,
        "rated": facility.rated,
    }


def _outlet(outlet: Outlet) -> Told:
    return {
        "name": outlet.name,
        "label": _both(outlet.label, outlet.name),
        "medium": outlet.medium,
        "o2": outlet.o2,
        "reference_o2": outlet.reference_o2,
        "factors": [
            {
                "code": factor.code,
                "label": _both(factor.label, factor.code),
                "point": factor.point,
                "converted": factor.converted,
                "limit": factor.limit,
                "unit": factor.unit,
                "range": None if factor.range is None else list(factor.range),
            }
            for factor in outlet.factors
        ],
    }


def _device(device: Device, *, is_derived: bool) -> Told:
    return {
        "name": device.spec.name,
        "label": _both(device.label, device.spec.name),
        "bus": None if is_derived else device.spec.bus,
        "protocol": device.spec.protocol,
        "model": device.model,
        "derived": is_derived,
        "points": [
            {
                "name": info.name,
                "label": _both(info.label, info.name),
                "unit": info.unit,
                "decimals": info.decimals,
                "number": info.is_number,
            }
            for info in device.info
        ],
    }


def _limit(limit: Limit) -> Told:
    levels = {name: getattr(limit, name) for name in ("high_high", "high", "low", "low_low")}
    return {"point": f"{limit.device}.{limit.point}", **levels}


def _bus(bus: BusSpec) -> Told:
    if isinstance(bus, SerialBusSpec):
        return {"name": bus.name, "type": "serial", "where": bus.port}
    return {"name": bus.name, "type": "tcp", "where": f"{bus.host}:{bus.port}"}
