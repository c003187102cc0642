"""What was found, as ``[[bus]]`` and ``[[device]]`` tables to paste into a site file. Pure: records in, text out."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drivers.finding.overheard import codes, text_line
from drivers.finding.places import host_and_port, is_port
from drivers.spec import LineSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.finding.naming import Naming
    from drivers.finding.sweep import Found

METER_DIGITS: Final = 6
"""So many of the last digits of a meter's address tell it from the others on a line."""

POLLS_S: Final = (5, 10, 15, 30, 60, 120, 300)
MOST_BUSY: Final = 0.6
"""Of the line's time; the rest is for retries, and for devices to come."""
MODBUS_POINT: Final = 8
DLT645_POINT: Final = 20
"""Characters of a point and its share of request and answer, as the models of the library come to."""
DLT645_PAUSE_S: Final = 0.06
"""… and its share of the time a meter takes before it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A device that was found, and what it seems to be."""

    found: Found
    naming: Naming


def blocks(place: str, devices: Sequence[Named], framing: str = "rtu") -> str:
    """Return the tables of everything found at `place`: a serial port's path, or HOST:PORT that speaks `framing`."""
    usual = _usual([one.found.settings for one in devices if one.found.settings is not None])
    bus = bus_name(place)
    lines = _bus(bus, place, usual, framing)
    taken: Counter[str] = Counter()
    poll_s = _poll_s(devices)
    for one in devices:
        lines += ["", *_device(one, bus, usual, poll_s, taken)]
    return "\n".join(lines) + "\n"


def _poll_s(devices: Sequence[Named]) -> int:
    """Return a period that leaves the line time to breathe, seconds; `plantgate plan` tells exactly."""
    busy_s = sum(map(_visit_s, devices))
    return next((poll_s for poll_s in POLLS_S if busy_s <= MOST_BUSY * poll_s), POLLS_S[-1])


def _visit_s(device: Named) -> float:
    """Return about how long it takes to read all points of a device once."""
    points = len(device.naming.model.points) if device.naming.model else 1
    char_s = (device.found.settings or LineSettings()).char_s
    is_meter = device.found.protocol.startswith("dlt645")
    return points * (DLT645_POINT * char_s + DLT645_PAUSE_S if is_meter else MODBUS_POINT * char_s)


def bus_name(place: str) -> str:
    """Return a name for the bus: what is left of the port's or host's own name."""
    last = place.rsplit("/", 1)[-1].lower()
    return re.sub(r"[^a-z0-9]+", "-", last).strip("-")[-32:].strip("-") or "line1"


def _usual(all_settings: Sequence[LineSettings]) -> LineSettings:
    """Return the settings most devices have; the others will say theirs."""
    return Counter(all_settings).most_common(1)[0][0] if all_settings else LineSettings()


def _bus(name: str, place: str, settings: LineSettings, framing: str) -> list[str]:
    if not is_port(place):
        host, port = host_and_port(place)
        address = [f'host    = "{host}"', f"port    = {port}", f'framing = "{framing}"']
        return ["[[bus]]", f'name    = "{name}"', 'type    = "tcp"', *address]
    return ["[[bus]]", f'name     = "{name}"', 'type     = "serial"', f'port     = "{place}"', *_settings(settings)]


def _settings(settings: LineSettings, usual: LineSettings | None = None) -> list[str]:
    """Return the keys of `settings`; beside `usual` only those that differ."""
    keys = {
        "baudrate": settings.baudrate,
        "bytesize": settings.bytesize,
        "parity": f'"{settings.parity}"',
        "stopbits": settings.stopbits,
    }
    return [f"{key:<8} = {value}" for key, value in keys.items() if usual is None or _differs(key, settings, usual)]


def _differs(key: str, settings: LineSettings, usual: LineSettings) -> bool:
    return bool(getattr(settings, key) != getattr(usual, key))


def _device(device: Named, bus: str, usual: LineSettings, poll_s: int, taken: Counter[str]) -> list[str]:
    found, model = device.found, device.naming.model
    if model is None and found.protocol == "ascii":
        return _stranger(found)
    address = f'"{found.address}"' if isinstance(found.address, str) else str(found.address)
    lines = [
        "[[device]]",
        f'name     = "{_name(device, taken)}"',
        f'bus      = "{bus}"',
        f'protocol = "{found.protocol}"',
        f"address  = {address}",
    ]
    if found.settings is not None:
        lines += _settings(found.settings, usual)
    if not found.heard:  # what sends by itself is not polled
        lines.append(f'poll     = "{poll_s}s"')
    lines.append('report   = "60s"')
    if model is None:
        return [*lines, "", *_unknown(found)]
    also = f"; or {', '.join(device.naming.also)}" if device.naming.also else ""
    lines.append(f'model    = "{model.name}"'.ljust(40) + f" # by {_how(device)}{also}")
    if not model.primary and any("ct" in point.ratio for point in model.points):
        lines.append("# ct     = 40.0".ljust(40) + " # 互感器变比, of transformers 200/5 A")
    return lines


def _how(device: Named) -> str:
    words = {"identity": "its identity registers", "plausible": "plausible readings: compare with its display"}
    return words.get(device.naming.how, device.naming.how)


def _unknown(found: Found) -> list[str]:
    """Return a point to begin with: a device without points is nothing to read."""
    if found.protocol.startswith("dlt645"):
        item = "00010000" if found.protocol.endswith("2007") else "9010"
        return ["  [[device.point]]", '  name = "energy_import"', f'  item = "{item}"']
    if found.protocol == "hj212":
        return [line for code in codes(found.heard) for line in _factor(code)][1:]
    return [
        "  # no model of the library fits: describe its points after the manual",
        "  [[device.point]]",
        '  name     = "register_0"',
        '  register = "holding"',
        "  at       = 0",
        '  type     = "uint16"',
    ]


def _factor(code: str) -> list[str]:
    return ["", "  [[device.point]]", f'  name   = "{code}"', f'  factor = "{code}"']


def _stranger(found: Found) -> list[str]:
    """Return what to do about an instrument whose lines of text no model knows."""
    return [
        "# An instrument here sends lines of text that no model of the library knows:",
        f"#     {text_line(found.heard)}",
        "# Describe them in a model of your own, after generic-ascii-dust (docs/models.md), and give it a device.",
    ]


def _name(device: Named, taken: Counter[str]) -> str:
    found, model = device.found, device.naming.model
    is_meter = found.protocol.startswith("dlt645") or (model is not None and "meter" in model.kind)
    tail = found.address[-METER_DIGITS:].lower() if isinstance(found.address, str) else found.address
    name = f"{'meter' if is_meter else 'analyzer' if model else 'unit'}-{tail}"
    taken[name] += 1
    return name if taken[name] == 1 else f"{name}-{taken[name]}"
