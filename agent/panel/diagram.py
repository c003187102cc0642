"""What a line looks like: production, then treatment, then the outlet; what stands in each box, not how it is. Pure.

How it is, moves: the boxes name keys of the edition (`agent.panel.edition`), which fills them each second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.panel.edition import judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Label = Mapping[str, str]
    Site = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A facility. `point` is the reading beside it ("device.point"), ``None`` where a signal only says on or off.

    `runs` is whether it is one that runs or stands still: the main meter of a plant is none.
    """

    name: str
    label: Label
    point: str | None
    unit: str
    runs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A pollutant at an outlet, against its limit (``None``: it has none)."""

    label: Label
    point: str
    unit: str
    limit: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mouth:
    """An outlet: where it all ends."""

    name: str
    label: Label
    gauges: tuple[Gauge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One line, from left to right (from top to bottom on a phone)."""

    name: str
    label: Label
    production: tuple[Machine, ...]
    treatment: tuple[Machine, ...]
    outlet: Mouth | None


def drawings(site: Site) -> list[Drawing]:
    """Return one drawing for each line of the site, in the order of its file."""
    outlets = {outlet["name"]: outlet for outlet in site["outlets"]}
    return [
        Drawing(
            name=line["name"],
            label=line["label"],
            production=machines(site, line["production"]),
            treatment=machines(site, line["treatment"]),
            outlet=None if line["outlet"] not in outlets else _mouth(outlets[line["outlet"]]),
        )
        for line in site["lines"]
    ]


def others(site: Site) -> tuple[Machine, ...]:
    """Return the facilities that stand in no line: the supply, what serves them all."""
    placed = {name for line in site["lines"] for name in (*line["production"], *line["treatment"])}
    return machines(site, [one["name"] for one in site["facilities"] if one["name"] not in placed])


def machines(site: Site, names: Iterable[str]) -> tuple[Machine, ...]:
    """Return facilities by name; one that the site does not have is left out."""
    facilities = {facility["name"]: facility for facility in site["facilities"]}
    units = {
        f"{device['name']}.{point['name']}": point["unit"] or ""
        for device in site["devices"]
        for point in device["points"]
    }
    return tuple(_machine(facilities[name], units) for name in names if name in facilities)


def _machine(facility: Mapping[str, Any], units: Mapping[str, str]) -> Machine:
    point = facility.get("power") or facility.get("current")
    unit, runs = units.get(point or "", ""), facility["role"] != "main"
    return Machine(name=facility["name"], label=facility["label"], point=point, unit=unit, runs=runs)


def _mouth(outlet: Mapping[str, Any]) -> Mouth:
    gauges = tuple(
        Gauge(label=factor["label"], point=judged(factor), unit=factor.get("unit") or "", limit=factor.get("limit"))
        for factor in outlet["factors"]
    )
    return Mouth(name=outlet["name"], label=outlet["label"], gauges=gauges)
