"""The objects of a site that rules are bound to, and where each finds what rules look at.

A quantity of an object is looked for in this order; the first place that has it gives it:

1. what the site file states: ``power``, ``o2``, ``[facility.points]``, ``[outlet.points]`` and a factor's keys,
2. among the points of the object's own devices (those that its stated points come from), one of the quantity's name
   or of another name that meters give it (`ALIASES`),
3. among them, and among the devices of the outlet of the object's lines, one of the quantity's HJ 212 codes.

A device that serves several facilities (a DCS) is nobody's own: only what is stated is taken from it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.rules import quantity as q
from agent.rules.rule import Scope
from config.site import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from agent.rules.quantity import Quantity
    from agent.rules.tracks import Point, Tracks
    from config.site import Device, Facility, Factor, Line, Outlet, Site

SITE_KEY: Final = "site"

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    q.ENERGY.name: ("energy_import", "energy_total", "energy_net"),
    q.CURRENT.name: ("current_avg",),
    q.VOLTAGE_A.name: ("voltage",),
    q.CURRENT_A.name: ("current",),
    q.GAS_TEMPERATURE.name: ("temperature",),
    q.GAS_PRESSURE.name: ("pressure",),
    q.O2.name: ("oxygen",),
    q.METER_EVENTS.name: ("clear_count", "program_count", "open_count", "meter_number", "ct", "pt"),
    q.FIELD_VOLTAGES.name: tuple(f"field_voltage_{number}" for number in range(1, 11)),
    q.FIELD_CURRENTS.name: tuple(f"field_current_{number}" for number in range(1, 11)),
}
"""What points that tell a quantity are called besides its own name."""

OUTLET_QUANTITIES: Final = frozenset(
    one.name
    for one in (
        q.O2,
        q.FLOW,
        q.VELOCITY,
        q.GAS_TEMPERATURE,
        q.GAS_PRESSURE,
        q.HUMIDITY,
        q.SAMPLE_LINE,
        q.COOLER,
        q.INSTRUMENT_STATE,
        q.BLOW_BACK,
        q.SETTINGS,
    )
)
"""What an outlet has, also when a facility or a line asks for it."""

RATED_VOLTAGE_V: Final = 220.0
"""Phase voltage of the public network in China; a site with another one states ``rated_voltage``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An object: what an alarm of a rule is about. `lines` are those that it belongs to."""

    scope: Scope
    key: str
    label: Text
    facility: Facility | None = None
    lines: tuple[Line, ...] = ()
    outlet: Outlet | None = None
    factor: Factor | None = None
    device: Device | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names that a mark may name to mean this object: its own, and those of what it is part of."""
        own = (self.facility, self.outlet, *self.lines)
        device = () if self.device is None else (self.device.spec.name,)
        return (*device, *(one.name for one in own if one is not None))

    @property
    def outlets(self) -> tuple[str, ...]:
        """The names of the outlet of this object, or of its lines."""
        if self.outlet is not None:
            return (self.outlet.name,)
        return tuple(dict.fromkeys(line.outlet for line in self.lines if line.outlet is not None))


class Places:
    """The objects of one site."""

    def __init__(self, site: Site, tracks: Tracks) -> None:
        """Take stock."""
        plant = site.plant
        self._site, self._tracks = site, tracks
        self.facilities = {facility.name: facility for facility in plant.facilities}
        self.outlets = {outlet.name: outlet for outlet in plant.outlets}
        owners = Counter(device for one in self.facilities.values() for device in dict.fromkeys(_devices(_stated(one))))
        self._shared = {device for device, count in owners.items() if count > 1}

    def of(self, scope: Scope) -> tuple[Place, ...]:
        """Return the objects of one kind, in the order of the site file."""
        return tuple(self._of(scope))

    def facility(self, name: str) -> Place:
        """Return a facility as an object."""
        facility = self.facilities[name]
        lines = tuple(line for line in self._site.plant.lines if name in (*line.production, *line.treatment))
        return Place(scope=Scope.FACILITY, key=name, label=facility.label, facility=facility, lines=lines)

    def outlet(self, name: str) -> Place:
        """Return an outlet as an object."""
        outlet = self.outlets[name]
        lines = tuple(line for line in self._site.plant.lines if line.outlet == name)
        return Place(scope=Scope.OUTLET, key=name, label=outlet.label, outlet=outlet, lines=lines)

    def points(self, place: Place, quantity: Quantity) -> tuple[Point, ...]:
        """Return the points that tell a quantity of an object: one, or all of a quantity of many, or none."""
        for found in (
            self._stated_points(place, quantity),
            self._by_name(place, quantity),
            self._by_code(place, quantity),
        ):
            if found:
                return tuple(found) if quantity.is_many else tuple(found[:1])
        return ()

    def devices(self, place: Place) -> tuple[str, ...]:
        """Return the names of the devices that an object's stated points come from."""
        if place.device is not None:
            return (place.device.spec.name,)
        if place.factor is not None:
            return tuple(dict.fromkeys(_devices({"": (place.factor.point,)})))
        if place.scope is Scope.SITE:
            return tuple(device.spec.name for device in self._site.devices)
        return tuple(dict.fromkeys(_devices(self._stated_of(place))))

    def facts(self, place: Place) -> dict[str, Any]:
        """Return what the site file states of an object, by the name of the fact."""
        facts: dict[str, Any] = {q.RATED_VOLTAGE.name: RATED_VOLTAGE_V}
        if place.scope is Scope.LINE:
            facts[q.RATED.name] = self._rated_kw(place.lines[0])
        for one in (*place.lines, self._outlet_of(place), place.facility, place.factor):
            if one is not None:
                facts |= {name: value for name, value in one.facts.items() if value is not None}
        shelves = self._tracks.shelves
        polls = [shelves[name].visit.poll_s for name in self.devices(place) if name in shelves]
        if polls and place.scope is not Scope.SITE:
            facts[q.POLL.name] = max(polls)
        return facts

    # --- which objects -------------------------------------------------------------------------------------------

    def _of(self, scope: Scope) -> Iterator[Place]:
        plant = self._site.plant
        if scope is Scope.SITE:
            yield Place(scope=scope, key=SITE_KEY, label=self._site.gateway.name, lines=plant.lines)
        elif scope is Scope.LINE:
            yield from (_line(line) for line in plant.lines)
        elif scope is Scope.SERVING:
            yield from (self._serving(line, name) for line in plant.lines for name in line.treatment)
        elif scope is Scope.DEVICE:
            yield from (
                Place(scope=scope, key=device.spec.name, label=device.label, device=device)
                for device in self._site.devices
            )
        elif scope is Scope.OUTLET:
            yield from (self.outlet(outlet.name) for outlet in plant.outlets)
        elif scope is Scope.FACTOR:
            yield from (self._factor(outlet, factor) for outlet in plant.outlets for factor in outlet.factors)
        else:
            yield from (self.facility(one.name) for one in plant.facilities if _is_within(one, scope))

    def _serving(self, line: Line, name: str) -> Place:
        facility = self.facilities[name]
        key = f"{line.name}/{name}"
        return Place(scope=Scope.SERVING, key=key, label=facility.label, facility=facility, lines=(line,))

    def _factor(self, outlet: Outlet, factor: Factor) -> Place:
        label = Text(f"{outlet.label.zh}{factor.label.zh}", f"{outlet.label.en} {factor.label.en}")
        lines = self.outlet(outlet.name).lines
        key = f"{outlet.name}/{factor.code}"
        return Place(scope=Scope.FACTOR, key=key, label=label, outlet=outlet, factor=factor, lines=lines)

    # --- where it is told ----------------------------------------------------------------------------------------

    def _rated_kw(self, line: Line) -> float | None:
        """Return the rated power of a line's production together, if it is known of all of it."""
        rated = [self.facilities[name].facts.get(q.RATED.name) for name in line.production]
        return None if None in rated else float(sum(one for one in rated if one is not None))

    def _outlet_of(self, place: Place) -> Outlet | None:
        return self.outlets.get(place.outlets[0]) if place.outlets else None

    def _stated_of(self, place: Place) -> dict[str, tuple[str, ...]]:
        """Return the points that the site file states of an object and of what it is part of."""
        outlet = place.outlet
        stated = {} if outlet is None else _stated_of_outlet(outlet)
        if place.factor is not None:
            stated |= _stated_of_factor(place.factor)
        if place.facility is not None:
            stated |= _stated(place.facility)
        if place.scope is Scope.LINE:
            for name in reversed([name for line in place.lines for name in (*line.production, *line.treatment)]):
                stated |= _stated(self.facilities[name])
        return stated

    def _stated_points(self, place: Place, quantity: Quantity) -> list[Point]:
        stated = dict(self._stated_of(place))
        if quantity.name in OUTLET_QUANTITIES and place.outlet is None:
            for name in place.outlets:
                stated = _stated_of_outlet(self.outlets[name]) | stated
        points = (self._tracks.point(ref) for ref in stated.get(quantity.name, ()))
        return [point for point in points if point is not None]

    def _own(self, place: Place, quantity: Quantity) -> list[str]:
        if quantity.name in OUTLET_QUANTITIES:
            return self._of_outlets(place)
        if place.outlet is not None:
            return self._of_outlets(place)
        shared = self._shared if place.facility is not None or place.scope is Scope.LINE else set()
        return [device for device in self.devices(place) if device not in shared]

    def _of_outlets(self, place: Place) -> list[str]:
        stated = (_stated_of_outlet(self.outlets[name]) for name in place.outlets)
        devices = [device for one in stated for device in _devices(one)]
        devices += [
            device
            for name in place.outlets
            for factor in self.outlets[name].factors
            for device in _devices(_stated_of_factor(factor))
        ]
        return list(dict.fromkeys(devices))

    def _by_name(self, place: Place, quantity: Quantity) -> list[Point]:
        if place.scope is Scope.LINE and quantity.name not in OUTLET_QUANTITIES:
            return []  # a line has many machines: whose power would it be
        names = (quantity.name, *ALIASES.get(quantity.name, ()))
        points = [point for device in self._own(place, quantity) for point in self._tracks.of(device)]
        return [point for name in names for point in points if point.info.name == name]

    def _by_code(self, place: Place, quantity: Quantity) -> list[Point]:
        devices = dict.fromkeys((*self._own(place, quantity), *self._of_outlets(place)))
        points = [point for device in devices for point in self._tracks.of(device)]
        return [point for code in quantity.codes for point in points if _code(point) == code]


def _code(point: Point) -> str:
    """Return the code of a point without its field: a21026 of a21026-Rtd."""
    return (point.info.code or "").partition("-")[0]


def _line(line: Line) -> Place:
    return Place(scope=Scope.LINE, key=line.name, label=line.label, lines=(line,))


def _is_within(facility: Facility, scope: Scope) -> bool:
    if scope is Scope.PRODUCTION:
        return facility.role in ("production", "combined")
    if scope is Scope.TREATMENT:
        return facility.role in ("treatment", "combined")
    if scope is Scope.METERED:
        return facility.power is not None or facility.current is not None
    return True


def _given(**refs: str | None) -> dict[str, tuple[str, ...]]:
    return {name: (ref,) for name, ref in refs.items() if ref is not None}


def _stated(facility: Facility) -> dict[str, tuple[str, ...]]:
    return facility.points | _given(power=facility.power, current=facility.current, running=facility.running)


def _stated_of_outlet(outlet: Outlet) -> dict[str, tuple[str, ...]]:
    return outlet.points | _given(o2=outlet.o2)


def _stated_of_factor(factor: Factor) -> dict[str, tuple[str, ...]]:
    return {
        q.CONCENTRATION.name: (factor.point,),
        **_given(converted_told=factor.converted, inlet_concentration=factor.inlet, second=factor.second),
    }


def _devices(stated: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the devices of points."""
    return [ref.partition(".")[0] for refs in stated.values() for ref in refs]
