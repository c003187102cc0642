"""A site in which equal things are one thing. Ten thousand points of twenty like meters take the room of five hundred.

Everything concerned is frozen, or plain data that nobody changes, so nobody can tell the difference but the memory.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable

    from config.site import Device, Site

Seen = dict["Hashable", Any]


def thrifty(site: Site) -> Site:
    """Return an equal site that shares equal points, their labels, and equal parts of its meaning."""
    seen: Seen = {}
    return replace(
        site, devices=tuple(_device(device, seen) for device in site.devices), meaning=_plain(site.meaning, seen)
    )


def _device(device: Device, seen: Seen) -> Device:
    points = _once(tuple(_once(point, seen) for point in device.spec.points), seen)
    info = _once(tuple(_once(one, seen) for one in device.info), seen)
    return replace(device, spec=replace(device.spec, points=points), info=info)


def _once(thing: Any, seen: Seen) -> Any:
    """Return what was first seen of all that look like `thing`. By its looks, since 1 and 1.0 and True are equal."""
    return seen.setdefault((type(thing), repr(thing)), thing)


def _plain(data: Any, seen: Seen) -> Any:
    if isinstance(data, dict):
        return _once({_once(key, seen): _plain(member, seen) for key, member in data.items()}, seen)
    if isinstance(data, list):
        return _once([_plain(item, seen) for item in data], seen)
    return _once(data, seen)
