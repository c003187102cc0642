"""The points of a site by name, those of models and derived ones included, and what every mention of one must meet."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config.points import kind_of
from config.problem import instead

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from config.devices import DeviceEntry
    from config.entry import Entry
    from config.findings import Findings
    from config.schema import PointTable
    from config.tables import Document
    from drivers.registers import Kind


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a point before anything is built. ``None``: a mistake hides it."""

    kind: Kind | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """The points of a site by "device.point", its devices, and those devices whose points cannot be known."""

    points: Mapping[str, Told]
    devices: frozenset[str]
    open: frozenset[str]


def points_by_name(devices: Iterable[DeviceEntry]) -> dict[str, tuple[DeviceEntry, Entry[PointTable]]]:
    """Return the points of the site's devices, those of models included, by "device.point"."""
    return {
        f"{device.entry.table.name}.{point.table.name}": (device, point)
        for device in devices
        if device.entry.ok("name")
        for point in device.points
        if point.ok("name")
    }


def known_points(document: Document) -> Known:
    """Return all points of a site. A derived point is a number."""
    points = {
        name: Told(kind_of(point), point.table.unit if point.ok("unit") else None)
        for name, (_, point) in points_by_name(document.devices).items()
    }
    for derived in document.derived:
        if derived.ok("name"):
            points[derived.table.name] = Told("real", derived.table.unit if derived.ok("unit") else None)
    named = [device for device in document.devices if device.entry.ok("name")]
    return Known(
        points,
        frozenset(device.entry.table.name for device in named),
        frozenset(device.entry.table.name for device in named if not device.is_known),
    )


def check_point(
    entry: Entry[Any],
    place: tuple[str | int, ...],
    wanted: str,
    known: Known,
    findings: Findings,
    *,
    refused: Collection[str] = ("text",),
) -> None:
    """Note when `wanted` at `place` is no point that exists, or of a kind that cannot be meant."""
    told = known.points.get(wanted)
    key = next(str(one) for one in reversed(place) if isinstance(one, str))
    if told is None:
        _note_missing(entry, place, key, wanted, known, findings)
    elif told.kind in refused:
        what, hint = f"{key}: must be a number, and this is a {told.kind}", "choose a number"
        if key == "power":
            hint += ', or write running = "…" for a bit that tells whether it runs'
        findings.mistake(entry.at(*place), entry.where, what, value=wanted, hint=hint)


def check_key(
    entry: Entry[Any], key: str, known: Known, findings: Findings, *, refused: Collection[str] = ("text", "flag")
) -> None:
    """Note when the point that a key names is none, or of a kind that cannot be meant."""
    wanted = getattr(entry.table, key) if entry.given(key) else None
    if wanted is not None:
        check_point(entry, (key,), wanted, known, findings, refused=refused)


def _note_missing(
    entry: Entry[Any], place: tuple[str | int, ...], key: str, wanted: str, known: Known, findings: Findings
) -> None:
    """Note a "device.point" that leads nowhere. Of a device whose model is missing, nothing is known."""
    device, dot, point = wanted.partition(".")
    if device in known.open and point:
        return
    if not dot or not point:
        what = f"{key}: not a device.point"
    elif device in known.devices:
        what = f'{key}: device "{device[:64]}" has no point "{point[:64]}"'
    else:
        what = f'{key}: no device "{device[:64]}"'
    findings.mistake(entry.at(*place), entry.where, what, value=wanted, hint=nearest(wanted, known.points))


def nearest(wanted: str, names: Collection[str]) -> str:
    """Return the hint for a "device.point" that leads nowhere: first the nearest device is looked for, then its point.

    (Comparing with every point of a large site would take long when a device was renamed.)
    """
    place, dot, quantity = wanted.partition(".")
    if not dot:
        return instead(wanted, [name for name in names if name.endswith(f".{wanted}")]) or 'write "device.point"'
    places = sorted({name.partition(".")[0] for name in names})
    near = place if place in places else next(iter(difflib.get_close_matches(place[:100], places, n=1)), None)
    if near is None:
        return "describe it: [[device]]"
    return instead(f"{near}.{quantity}", [name for name in names if name.startswith(f"{near}.")])
