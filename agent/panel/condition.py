"""How the lines and the instruments do, in figures: what share of the requests went wrong, how full a line is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SICK_SHARE: Final = 0.02
"""More than this share of bad requests is shown as a weakness; lines that are well have none."""
FULL_SHARE: Final = 0.85
"""A line that is busier has no room for another try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceHealth:
    """One device. `wrong` is the share of requests without a good answer, ``None`` before the first request."""

    name: str
    label: Mapping[str, str]
    bus: str
    requests: int
    timeouts: int
    bad_frames: int
    exceptions: int
    wrong: float | None
    latency_ms: float | None
    age_s: float | None
    error: str | None

    @property
    def is_sick(self) -> bool:
        """Whether somebody should look at it."""
        return self.error is not None or (self.wrong is not None and self.wrong > SICK_SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusHealth:
    """One bus: where it is, how busy, and what is wrong with it."""

    name: str
    sort: str
    where: str
    busy: float | None
    line: float | None
    link_failures: int | None
    absent: tuple[str, ...]
    diagnosis: str | None

    @property
    def is_full(self) -> bool:
        """Whether there is no room on it."""
        return self.busy is not None and self.busy > FULL_SHARE


def devices(site: Mapping[str, Any], board: Mapping[str, Any] | None) -> list[DeviceHealth]:
    """Return the devices that are asked over a bus."""
    told = (board or {}).get("devices", {})
    return [_device(one, told.get(one["name"], {})) for one in site["devices"] if not one.get("derived")]


def _device(device: Mapping[str, Any], told: Mapping[str, Any]) -> DeviceHealth:
    requests, exceptions = told.get("requests", 0), sum(told.get("exceptions", {}).values())
    bad = told.get("timeouts", 0) + told.get("bad_frames", 0) + exceptions
    return DeviceHealth(
        name=device["name"],
        label=device["label"],
        bus=device.get("bus") or "",
        requests=requests,
        timeouts=told.get("timeouts", 0),
        bad_frames=told.get("bad_frames", 0),
        exceptions=exceptions,
        wrong=min(1.0, bad / requests) if requests else None,
        latency_ms=told.get("latency_ms"),
        age_s=told.get("age_s"),
        error=told.get("error"),
    )


def buses(site: Mapping[str, Any], board: Mapping[str, Any] | None) -> list[BusHealth]:
    """Return the buses."""
    told = (board or {}).get("buses", {})
    return [_bus(one, told.get(one["name"], {})) for one in site["buses"]]


def _bus(bus: Mapping[str, Any], told: Mapping[str, Any]) -> BusHealth:
    return BusHealth(
        name=bus["name"],
        sort=str(bus.get("type") or ""),
        where=str(bus.get("where") or ""),
        busy=told.get("busy"),
        line=told.get("line"),
        link_failures=told.get("link_failures"),
        absent=tuple(told.get("absent", ())),
        diagnosis=told.get("diagnosis"),
    )
