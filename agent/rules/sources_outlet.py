"""What the agent reckons of an outlet: converted concentrations, emitted mass, what all factors say together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent.rules import quantity as q
from agent.rules.quantity import Read, Span
from agent.rules.sources import Source, measured, together
from config import functions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.rules.rule import Number
    from agent.rules.sources import Asked

_BLOWS_BACK: Final = 5
"""i12001, state of the analyzer: 5 is blowing back (HJ 212-2017 appendix B)."""
_VALUES: Final = (Span.NOW, Span.MINUTE, Span.HOUR, Span.DAY)


def converted(asked: Asked) -> Source | None:
    """Return the concentration that is compared with the limit.

    As the instrument converts it; else by the standard's formula from concentration and oxygen, where the outlet has a
    reference oxygen; else as measured. A mean is converted from the means of both.
    """
    told = measured(asked.but(Read(q.CONVERTED_TOLD, asked.read.span)))
    if told is not None:
        return told
    concentration = measured(asked.but(Read(q.CONCENTRATION, asked.read.span)))
    reference = asked.world.places.facts(asked.place).get(q.REFERENCE_O2.name)
    if concentration is None or reference is None or asked.read.span not in _VALUES:
        return concentration
    oxygen = measured(asked.but(Read(q.O2, asked.read.span)))
    return None if oxygen is None else Source(_by_oxygen(concentration.get, oxygen.get, reference))


def _by_oxygen(concentration: Callable[[], Number], oxygen: Callable[[], Number], reference: float) -> Any:
    def read() -> Number:
        value, o2 = concentration(), oxygen()
        return None if value is None or o2 is None else functions.converted(value, o2, reference)

    return read


def concentrations(asked: Asked) -> Source | None:
    """Return what all factors of the outlet say."""
    outlet = asked.place.outlet
    refs = () if outlet is None else tuple(factor.point for factor in outlet.factors)
    points = [point for ref in refs if (point := asked.world.tracks.point(ref)) is not None]
    names = tuple(point.ref for point in points)
    return Source(together([asked.of(point) for point in points]), names=names) if points else None


def mass(asked: Asked) -> Source | None:
    """Return the mass of the closed period in kg: mean concentration times the volume of (standard dry) flow.

    Of the measured concentration, never the converted one, which would count the diluting air.
    """
    span = (Span.MINUTE, Span.HOUR, Span.DAY)[asked.level]
    concentration = measured(asked.but(Read(q.CONCENTRATION, span)))
    volume = measured(asked.but(q.FLOW.total))
    if concentration is None or volume is None:
        return None
    is_water = asked.place.outlet is not None and asked.place.outlet.medium == "water"
    formula = functions.water_mass if is_water else functions.mass_flow
    mean, amount = concentration.get, volume.get

    def read_mass() -> Number:
        value, cubic_metres = mean(), amount()
        return None if value is None or cubic_metres is None else formula(value, cubic_metres)

    return Source(read_mass)


def blow_back(asked: Asked) -> Source | None:
    """Return 1 while the analyzer blows back: as a signal says, or its state."""
    found = measured(asked)
    if found is not None:
        return found
    state = measured(asked.but(q.INSTRUMENT_STATE.now))
    if state is None:
        return None
    return Source(lambda: None if (value := state.get()) is None else float(value == _BLOWS_BACK), state.wakes)


TABLE: Final[Mapping[str, Any]] = {
    q.CONVERTED.name: converted,
    q.CONCENTRATIONS.name: concentrations,
    q.MASS.name: mass,
    q.BLOW_BACK.name: blow_back,
}
