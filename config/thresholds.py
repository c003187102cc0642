"""What must hold for limits: the point is a number, thresholds are in order, an alarm can come and go (fault F6)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from config import ratio, schema
from config.points import kind_of, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.devices import DeviceEntry
    from config.entry import Entry
    from config.findings import Findings
    from config.schema import LimitTable, PointTable
    from config.tables import Document

LEVELS = ("low_low", "low", "high", "high_high")
_RAW_SPAN = (
    dict.fromkeys(("int8h", "int8l"), (-(2**7), 2**7 - 1))
    | dict.fromkeys(("uint8h", "uint8l"), (0, 2**8 - 1))
    | {f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (16, 32, 64)}
    | {f"uint{bits}": (0, 2**bits - 1) for bits in (16, 32, 64)}
    | {"bcd16": (0, 9999), "bcd32": (0, 99_999_999)}
)
"""Type to its lowest and highest raw number; a binary fraction has no useful ends."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The numbers that a point can tell with a good flag."""

    low: float
    high: float


def check_limits(
    document: Document, points: Mapping[str, tuple[DeviceEntry, Entry[PointTable]]], findings: Findings
) -> None:
    """Note what is wrong with each limit by itself. `points` are those of devices by "device.point"."""
    derived = {entry.table.name: entry for entry in document.derived if entry.ok("name")}
    for limit in document.limits:
        reach = None
        name = limit.table.point if limit.ok("point") else ""
        if name in points:
            device, point = points[name]
            if kind_of(point) in ("flag", "text"):
                what = f"point: a limit needs a number, and this is {_type(point) or 'text'}"
                findings.mistake(limit.at("point"), limit.where, what, value=name, hint="choose a number")
            reach = reach_of(device, point)
        elif name in derived and derived[name].ok("range") and (believed := derived[name].table.range):
            low, high = believed
            reach = Reach(low, high)
        levels = [(key, getattr(limit.table, key)) for key in LEVELS if limit.given(key)]
        if not any(key in limit.written for key in LEVELS):
            findings.mistake(limit.path, limit.where, "has no threshold", hint="write high = … or low = …")
        _check_order(limit, levels, findings)
        _check_clearing(limit, dict(levels), reach, findings)


def reach_of(device: DeviceEntry, point: Entry[PointTable]) -> Reach | None:
    """Return the numbers the point can reach, from its type and its range; ``None`` when that is open."""
    spans = []
    raw = _RAW_SPAN.get(_type(point) or "")
    if raw and point.ok("scale", "offset", "unit", "ratio") and device.entry.ok("ct", "pt"):
        by = ratio.factor(device.entry, point)
        scale, offset = ratio.scaled(point.table.scale, by), ratio.scaled(point.table.offset, by)
        spans.append(sorted(end * scale + offset for end in raw))
    if point.ok("range") and point.table.range:
        spans.append(list(point.table.range))
    return Reach(max(low for low, _ in spans), min(high for _, high in spans)) if spans else None


def _type(point: Entry[PointTable]) -> str | None:
    """Return the type of a point in registers."""
    is_register = isinstance(point.table, schema.ModbusPointTable)
    return type_of(cast("Entry[schema.ModbusPointTable]", point)) if is_register else None


def _check_order(limit: Entry[LimitTable], levels: list[tuple[str, float]], findings: Findings) -> None:
    """Note thresholds that are not low_low <= low < high <= high_high."""
    for (lower, low), (upper, high) in itertools.pairwise(levels):
        is_apart = low < high or (low == high and {lower, upper} in ({"low_low", "low"}, {"high", "high_high"}))
        if not is_apart:
            what = f"{upper}: is not above {lower} = {low:g}"
            findings.mistake(limit.at(upper), limit.where, what, value=high, hint="low_low <= low < high <= high_high")


def _check_clearing(
    limit: Entry[LimitTable], levels: dict[str, float], reach: Reach | None, findings: Findings
) -> None:
    """Note a dead band so wide that an alarm could never clear, and remark on one that is none."""
    if not limit.ok("deadband"):
        return
    band = limit.table.deadband
    highest_low = max((levels[key] for key in ("low", "low_low") if key in levels), default=None)
    lowest_high = min((levels[key] for key in ("high", "high_high") if key in levels), default=None)
    never = "deadband: so wide that an alarm could never clear"
    if highest_low is not None and lowest_high is not None and highest_low < lowest_high <= highest_low + band:
        hint = f"less than {lowest_high - highest_low:g}, the room between low and high"
        findings.mistake(limit.at("deadband"), limit.where, never, value=band, hint=hint)
    elif reach and band and _is_stuck(levels, band, reach):
        hint = f"the point moves between {reach.low:g} and {reach.high:g}"
        findings.mistake(limit.at("deadband"), limit.where, never, value=band, hint=hint)
    if band == 0 and limit.ok("off_delay") and limit.table.off_delay == 0:
        findings.remark(f"{limit.where}: deadband 0 and off_delay 0s, so a noisy value will make the alarm chatter")
    for key, level in levels.items():
        is_high = key.startswith("high")
        if reach and (level >= reach.high if is_high else level <= reach.low):
            end = reach.high if is_high else reach.low
            findings.remark(f"{limit.where}: {key} = {level:g} is never passed by a good value, which ends at {end:g}")


def _is_stuck(levels: dict[str, float], band: float, reach: Reach) -> bool:
    """Whether the way back over the dead band leaves what the point can tell."""
    highs = [level for key, level in levels.items() if key.startswith("high") and reach.low < level < reach.high]
    lows = [level for key, level in levels.items() if key.startswith("low") and reach.low < level < reach.high]
    return any(level - band < reach.low for level in highs) or any(level + band > reach.high for level in lows)
