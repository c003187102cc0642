"""What the agent reckons of the plant: states, run times, energies, loads, and what serves a whole line."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from agent import plant
from agent.plant import State
from agent.rules import quantity as q
from agent.rules.quantity import Span
from agent.rules.rule import Scope
from agent.rules.sources import Source, bits, measured, summed, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from agent.rules.places import Place
    from agent.rules.quantity import Quantity
    from agent.rules.rule import Number
    from agent.rules.sources import Asked
    from agent.rules.states import FacilityState
    from agent.rules.tracks import Point

_ON_SHARE: Final = 0.05
"""A pump or fan that is told by a current or power runs above this share of its rated value [P]."""
_AMPERES: Final = ("A",)
_WATTS: Final = ("kW",)


# --- states ----------------------------------------------------------------------------------------------------------


def state(asked: Asked) -> Source | None:
    """Return the state of the facility itself."""
    one = asked.facility
    return None if one is None else Source(lambda: one.seen.state, frozenset((one.facility.name,)))


def production(asked: Asked) -> Source | None:
    """Return the state of the production of the object's lines."""
    return _of_lines(asked, side="production", join=plant.production)


def treatment(asked: Asked) -> Source | None:
    """Return the state of the treatment of the object's lines."""
    return _of_lines(asked, side="treatment", join=plant.treatment)


def _of_lines(asked: Asked, *, side: str, join: Callable[..., State | None]) -> Source | None:
    states, lines = asked.world.states, asked.place.lines
    names = tuple(dict.fromkeys(chain.from_iterable(getattr(line, side) for line in lines)))
    if not any(name in states.facilities for name in names):
        return None
    if len(lines) == 1:
        line = getattr(states, side)[lines[0].name]
        return Source(lambda: line.state, frozenset(names))
    members = [states.facilities.get(name) for name in names]
    return Source(lambda: join([None if one is None else one.state for one in members]), frozenset(names))


def members(asked: Asked) -> Source | None:
    """Return the states of a line's co-run set."""
    return _states(asked, chain.from_iterable(line.co_run for line in _own_line(asked.place)))


def chained(asked: Asked) -> Source | None:
    """Return the states along a line's process chain."""
    return _states(asked, chain.from_iterable(line.chain for line in _own_line(asked.place)))


def _own_line(place: Place) -> Iterable[Any]:
    return place.lines if place.scope is Scope.LINE else ()


def _states(asked: Asked, names: Iterable[str]) -> Source | None:
    names = tuple(names)
    found = [asked.world.states.facilities.get(name) for name in names]
    known = [one for one in found if one is not None]
    if not known:
        return None
    gets = [_nothing if one is None else _state_of(one) for one in found]
    return Source(together(gets), frozenset(one.facility.name for one in known), names)


def _state_of(one: FacilityState) -> Callable[[], Number]:
    return lambda: one.seen.state


def _nothing() -> Number:
    return None


def pump(asked: Asked) -> Source | None:
    """Return the state of the circulation or spray pump: a signal, or facilities of that type that treat."""
    return _machine(asked, "pump")


def fan(asked: Asked) -> Source | None:
    """Return the state of the line's fan: a signal, or facilities of that type that treat."""
    return _machine(asked, "fan")


def _machine(asked: Asked, kind: str) -> Source | None:
    """Return OFF or RUN of a signal, or the state of facilities of one type: RUN when any runs."""
    places, states = asked.world.places, asked.world.states
    points = places.points(asked.place, asked.read.quantity)
    if points:
        return Source(_signal(asked, points[0]), bits(points))
    names = [name for name in _serving(asked.place) if places.facilities[name].type == kind]
    found = [states.facilities[name] for name in names if name in states.facilities]
    if not found:
        return None
    return Source(lambda: plant.production([one.state for one in found]), frozenset(names))


def _signal(asked: Asked, point: Point) -> Callable[[], State | None]:
    """Return RUN for a bit that is set, and for a current or power above a small share of its rated value."""
    rated = q.RATED_CURRENT if point.info.unit in _AMPERES else q.RATED
    whole = asked.world.places.facts(asked.place).get(rated.name)
    bound = _ON_SHARE * whole if whole is not None and point.info.unit in (*_AMPERES, *_WATTS) else 0.0
    get = asked.of(point)

    def read() -> State | None:
        value = get()
        return None if value is None else State.RUN if value > bound else State.OFF

    return read


def _serving(place: Place) -> list[str]:
    """Return the facilities that treat what the object's lines give off: a fan or pump of production cleans nothing."""
    return list(dict.fromkeys(chain.from_iterable(line.treatment for line in place.lines)))


# --- run times -------------------------------------------------------------------------------------------------------


def hours(asked: Asked) -> Source | None:
    """Return the hours in RUN since consumables were changed."""
    one = asked.facility
    if one is None:
        return None

    def total() -> Number:
        renewed_ms = asked.world.plan.renewed_ms(one.facility.name)
        if renewed_ms != one.renewed_ms:
            one.renewed_ms = renewed_ms
            one.runtime.renew()
        return one.runtime.total_s(asked.world.present.mono_ns) / 3600.0

    return Source(total)


def runtime(asked: Asked) -> Source | None:
    """Return the seconds in RUN of the closed period."""
    one = asked.facility
    level = asked.level
    return None if one is None else Source(lambda: one.runtime.of(level))


def line_runtime(asked: Asked) -> Source | None:
    """Return the seconds that production ran in the closed period; of several lines, the longest."""
    level = asked.level
    lines = [asked.world.states.production[line.name].runtime for line in asked.place.lines]
    if not lines:
        return None

    def longest() -> Number:
        found = [seconds for line in lines if (seconds := line.of(level)) is not None]
        return max(found) if len(found) == len(lines) else None

    return Source(longest)


# --- energies, powers, loads -----------------------------------------------------------------------------------------


def energy(asked: Asked) -> Source | None:
    """Return the counter; as an amount that of the counter, or where there is none, of the power."""
    found = measured(asked)
    if found is None and asked.read.span is Span.TOTAL:
        return measured(asked.but(q.POWER.total))
    return found


def production_power(asked: Asked) -> Source | None:
    """Return the sum of the powers of the line's production."""
    return _sum_of(asked, _production_of(asked.place), q.POWER)


def production_energy(asked: Asked) -> Source | None:
    """Return the sum of the energies of the line's production."""
    return _sum_of(asked, _production_of(asked.place), q.ENERGY)


def production_voltage(asked: Asked) -> Source | None:
    """Return the voltage at the first production facility whose meter tells it."""
    return _first(measured(asked.at(name, q.VOLTAGE_A)) for name in _production_of(asked.place))


def main_energy(asked: Asked) -> Source | None:
    """Return the sum of the energies of the main meters."""
    facilities = asked.world.places.facilities
    return _sum_of(asked, [name for name, one in facilities.items() if one.role == "main"], q.ENERGY)


def sub_energy(asked: Asked) -> Source | None:
    """Return the energies of all facilities that are not main meters; two on one meter count once."""
    facilities = asked.world.places.facilities
    by_meter: dict[str, str] = {}
    for name, one in facilities.items():
        if one.role != "main" and one.power is not None:
            by_meter.setdefault(one.power, name)
    found = {name: energy(asked.at(name, q.ENERGY)) for name in by_meter.values()}
    gets = {name: one.get for name, one in found.items() if one is not None}
    return Source(together(list(gets.values())), names=tuple(gets)) if gets else None


def fan_power(asked: Asked) -> Source | None:
    """Return the power of the line's fan: as stated, or of the facilities of type fan that treat."""
    facilities = asked.world.places.facilities
    fans = [name for name in _serving(asked.place) if facilities[name].type == "fan"]
    return measured(asked) or _sum_of(asked, fans, q.POWER)


def line_load(asked: Asked) -> Source | None:
    """Return the load of the line in %: the control system's, else the power of production over its rated power."""
    names = _production_of(asked.place)
    told = measured(asked) or _first(measured(asked.at(name, q.LOAD)) for name in names)
    return told or _by_power(asked, names)


def _by_power(asked: Asked, names: Sequence[str]) -> Source | None:
    facilities = asked.world.places.facilities
    rated: list[Any] = [facilities[name].facts.get(q.RATED.name) for name in names]
    power = production_power(asked)
    if power is None or None in rated:
        return None
    get, whole = power.get, sum(rated) / 100.0
    return Source(lambda: None if (value := get()) is None else value / whole)


def _production_of(place: Place) -> list[str]:
    return list(dict.fromkeys(chain.from_iterable(line.production for line in place.lines)))


def _first(found: Iterable[Source | None]) -> Source | None:
    return next((one for one in found if one is not None), None)


def _sum_of(asked: Asked, names: Iterable[str], quantity: Quantity) -> Source | None:
    """Return the source of a sum over facilities; ``None`` when one of them has nothing to add."""
    finder = energy if quantity is q.ENERGY else measured
    found = [finder(asked.at(name, quantity)) for name in names]
    gets = [one.get for one in found if one is not None]
    return Source(summed(gets)) if gets and len(gets) == len(found) else None


def inlet(asked: Asked) -> Source | None:
    """Return the inlet concentration of a facility; where it has none of its own, of its outlet's first factor."""
    world = asked.world
    factors = (factor for name in asked.place.outlets for factor in world.places.outlets[name].factors)
    ref = next((factor.inlet for factor in factors if factor.inlet is not None), None)
    point = None if ref is None else world.tracks.point(ref)
    return measured(asked) or (None if point is None else Source(asked.of(point)))


TABLE: Final[Mapping[str, Any]] = {
    one.name: finder
    for one, finder in (
        (q.STATE, state),
        (q.PRODUCTION, production),
        (q.TREATMENT, treatment),
        (q.MEMBERS, members),
        (q.CHAIN, chained),
        (q.PUMP, pump),
        (q.FAN, fan),
        (q.HOURS, hours),
        (q.RUNTIME, runtime),
        (q.LINE_RUNTIME, line_runtime),
        (q.ENERGY, energy),
        (q.PRODUCTION_POWER, production_power),
        (q.PRODUCTION_ENERGY, production_energy),
        (q.PRODUCTION_VOLTAGE, production_voltage),
        (q.MAIN_ENERGY, main_energy),
        (q.SUB_ENERGY, sub_energy),
        (q.FAN_POWER, fan_power),
        (q.LINE_LOAD, line_load),
        (q.INLET, inlet),
    )
}
