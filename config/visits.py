"""The visits that a device is read in: one with all its points, or a fast and a slow one.

A visit is a `Device` too, of those points that are read in it. Whatever is done to scans is done visit by visit (each
has its time, its records, its statistics), so that no value that was not read gets a new date. A visit has a key of its
own, `DeviceSpec.name`; what it is called outside is the name of the device (`name_of`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from config.site import Device, Report
    from drivers.spec import DeviceSpec, StatusSpec

_MARK: Final = "/"
"""No name in a site file has it."""


def name_of(key: str) -> str:
    """Return the name of the device that a visit belongs to, by the visit's key."""
    return key.partition(_MARK)[0]


def is_slow(visit: Device) -> bool:
    """Whether this is the slow visit of a device that has two."""
    return _MARK in visit.spec.name


def specs(devices: Iterable[Device]) -> list[DeviceSpec]:
    """Return what a bus is told of the visits of all `devices`."""
    return [visit.spec for device in devices for visit in visits(device)]


def places(devices: Iterable[Device]) -> dict[str, tuple[Device, int]]:
    """Return the visit that each point comes in and its place there, by "device.point"; of two visits the fast one."""
    return {
        f"{name_of(visit.spec.name)}.{info.name}": (visit, place)
        for device in devices
        for visit in reversed(visits(device))
        for place, info in enumerate(visit.info)
    }


def visits(device: Device) -> tuple[Device, ...]:
    """Return the visits of a device, its only one or its fast one first.

    What a status decides about is read together with it: such a status point belongs to both visits if need be.
    """
    if device.slow_s is None:
        return (device,)
    places = range(len(device.info))
    fast = _visit(device, [place for place in places if not device.info[place].is_slow])
    slow = _visit(device, [place for place in places if device.info[place].is_slow])
    key = f"{device.spec.name}{_MARK}slow"
    slow = replace(slow, spec=replace(slow.spec, name=key), poll_s=device.slow_s, report=_slow_report(device))
    return (fast, slow)


def _visit(device: Device, wanted: list[int]) -> Device:
    """Return a device of the points at the places `wanted`, and the status points that decide about them."""
    places = _with_deciders(device.spec, wanted)
    spec = replace(
        device.spec,
        points=tuple(device.spec.points[place] for place in places),
        statuses=tuple(_statuses(device.spec, places)),
    )
    return replace(device, spec=spec, info=tuple(device.info[place] for place in places), slow_s=None)


def _with_deciders(spec: DeviceSpec, wanted: list[int]) -> list[int]:
    """Return the places with those of the status points that decide about them, or about one another."""
    places, before = set(wanted), set[int]()
    while places != before:
        before = set(places)
        places |= {status.point for status in spec.statuses if not before.isdisjoint(status.decides)}
    return sorted(places)


def _statuses(spec: DeviceSpec, places: list[int]) -> Iterator[StatusSpec]:
    """Yield what the status points among `places` decide about others there, by their index there."""
    index = {place: number for number, place in enumerate(places)}
    for status in spec.statuses:
        decides = tuple(index[place] for place in status.decides if place in index)
        if decides and status.point in index:
            yield replace(status, point=index[status.point], decides=decides)


def _slow_report(device: Device) -> Report:
    """Return when slow readings are told; on every scan there is no period but the visit's own."""
    assert device.slow_s is not None, "a device without slow points has one visit"
    report = device.report
    return replace(report, period_s=device.slow_s) if report.kind == "on-scan" else report
