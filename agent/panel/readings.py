"""What the instruments said last, arranged for people: by device and point, with quality, age and reasons. Pure.

A value that is not known has no figure, never zero and never the last good one; the letter of its quality says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

QUALITIES: Final = {
    "N": "quality.N",
    "F": "quality.F",
    "M": "quality.M",
    "S": "quality.S",
    "D": "quality.D",
    "C": "quality.C",
    "T": "quality.T",
    "B": "quality.B",
}
"""The flags of HJ 212, and the words that explain them."""
_PLAIN_BELOW: Final = 1e15


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSeen:
    """One point. `name` is "device.point"; `flag` is ``None`` where nobody tells of the point at all."""

    name: str
    label: Mapping[str, str]
    unit: str
    figure: str | None
    flag: str | None
    is_number: bool
    slow_age_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSeen:
    """One device. `error` is what is wrong with it now, `last_fault` what was last."""

    name: str
    label: Mapping[str, str]
    about: str
    is_derived: bool
    is_told: bool
    age_s: float | None
    error: str | None
    last_fault: Mapping[str, Any] | None
    points: tuple[PointSeen, ...]

    @property
    def unwell(self) -> int:
        """How many points are not normal."""
        return sum(point.flag not in ("N", None) for point in self.points)


def figure(value: object, decimals: int | None) -> str | None:
    """Return a reading as people write it: with its decimals, else six significant digits; ``None`` if not known."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return str(int(value))
    if not isinstance(value, int | float):
        return str(value)
    if abs(value) >= _PLAIN_BELOW:
        return f"{value:.6g}"
    if decimals is not None:
        return f"{value:.{max(0, decimals)}f}"
    return str(int(value)) if float(value).is_integer() else f"{value:.6g}"


def devices(site: Mapping[str, Any], board: Mapping[str, Any] | None, wanted: str = "") -> list[DeviceSeen]:
    """Return the devices of a site with what is on the board, those whose names or points hold `wanted`."""
    told = (board or {}).get("devices", {})
    found = [_device(device, told.get(device["name"])) for device in site["devices"]]
    return [kept for device in found if (kept := _matching(device, wanted.casefold().split())) is not None]


def _device(device: Mapping[str, Any], told: Mapping[str, Any] | None) -> DeviceSeen:
    seen = told or {}
    slow = seen.get("slow") or {}
    slow_ages = dict.fromkeys(slow.get("points", ()), slow.get("age_s"))
    return DeviceSeen(
        name=device["name"],
        label=device["label"],
        about=" · ".join(str(device[one]) for one in ("bus", "protocol", "model") if device.get(one)),
        is_derived=bool(device.get("derived")),
        is_told=told is not None,
        age_s=seen.get("age_s"),
        error=seen.get("error"),
        last_fault=seen.get("last_fault"),
        points=tuple(_point(device["name"], point, told, slow_ages.get(point["name"])) for point in device["points"]),
    )


def _point(
    device: str, point: Mapping[str, Any], told: Mapping[str, Any] | None, slow_age_s: float | None
) -> PointSeen:
    values, flags = (told or {}).get("values", {}), (told or {}).get("flags", {})
    name = point["name"]
    shown = figure(values.get(name), point.get("decimals"))
    flag = flags.get(name, "N") if name in values else None
    return PointSeen(
        name=f"{device}.{name}",
        label=point["label"],
        unit=point.get("unit") or "",
        figure=shown,
        flag=flag,
        is_number=bool(point.get("number")),
        slow_age_s=slow_age_s,
    )


def _matching(device: DeviceSeen, wanted: Iterable[str]) -> DeviceSeen | None:
    """Return the device with the points that match; all of them where the device itself does."""
    asked = list(wanted)
    if _holds(device.name, device.label, asked):
        return device
    points = tuple(
        point
        for point in device.points
        if _holds(f"{point.name} {device.label['zh']} {device.label['en']}", point.label, asked)
    )
    return replace(device, points=points) if points else None


def _holds(name: str, label: Mapping[str, str], asked: list[str]) -> bool:
    text = f"{name} {label['zh']} {label['en']}".casefold()
    return all(word in text for word in asked)
