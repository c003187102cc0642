"""What keeps a well-formed model from being a good one. Pure.

The rules are what the maintainers of other meter libraries learned the hard way (SmartEVSE, wb-mqtt-serial, evcc,
dbus-modbus-client). Each function is one of them. A tenth, that only reading functions are used, needs no check: there
is no other table, item or function to name.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from drivers.registers import shape_of, width
from drivers.spec import PointSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.model import Model, ModelPoint
    from drivers.spec import AnyPoint

_TRIPLES = (("a", "b", "c"), ("ab", "bc", "ca"))
_DISTANCES = (1, 2, 4)
_LEAST_SAMPLES = 2
_ENERGIES = frozenset(f"{prefix}{unit}" for prefix in ("", "k", "M") for unit in ("Wh", "varh", "VAh"))
_MEASURES = {
    "voltage": frozenset({"V", "kV", "mV"}),
    "current": frozenset({"A", "mA"}),
    "power_factor": frozenset({""}),
    "frequency": frozenset({"Hz"}),
    "power": frozenset({"W", "kW", "MW"}),
    "reactive_power": frozenset({"var", "kvar"}),
    "apparent_power": frozenset({"VA", "kVA"}),
    "energy": _ENERGIES,
    "reactive_energy": _ENERGIES,
    "apparent_energy": _ENERGIES,
}
"""What a name begins with -> the units it can have."""
_RANGED = ("voltage", "frequency", "power_factor")


def lint(model: Model) -> tuple[str, ...]:
    """Return what is wrong with a model, in words with the point's name; nothing when it is a good one."""
    rules = (_phases, _overlaps, _units, _samples, _reads, _counters, _ratios, _identity, _sources)
    return tuple(f"{model.name}: {words}" for rule in rules for words in rule(model))


def measure_of(name: str) -> str:
    """Return what a point measures by its name: "voltage" of voltage_ab; "" when the name does not say."""
    return next((measure for measure in sorted(_MEASURES, key=len, reverse=True) if name.startswith(measure)), "")


def _phases(model: Model) -> Iterator[str]:
    """Rule 1: the phases of a quantity lie at one distance of 1, 2 or 4 registers, or a note says why not."""
    by_name = {point.spec.name: point for point in model.points}
    for first in model.points:
        for triple in _TRIPLES:
            quantity, _, phase = first.spec.name.rpartition("_")
            points = [by_name.get(f"{quantity}_{one}") for one in triple]
            if phase == triple[0] and all(points):
                yield from _distance(quantity, [point for point in points if point])


def _distance(quantity: str, points: list[ModelPoint]) -> Iterator[str]:
    at = [point.spec.at for point in points if isinstance(point.spec, PointSpec)]
    if len(at) < len(points) or any(point.note for point in points):
        return
    steps = {later - earlier for earlier, later in pairwise(at)}
    if len(steps) > 1 or not steps <= set(_DISTANCES):
        yield f"{quantity}: its phases lie at {at}, not at one distance of 1, 2 or 4: correct it, or say why in a note"


def _overlaps(model: Model) -> Iterator[str]:
    """Rule 2: no value reaches into the registers of another unless it is declared an alias."""
    values = [point for point in model.points if not point.alias and _takes_whole_registers(point.spec)]
    spans = sorted((spec.table, spec.at, width(spec), spec.name) for spec in map(_register, values))
    for (table, at, wide, name), (next_table, next_at, _, next_name) in pairwise(spans):
        if table is next_table and at + wide > next_at:
            yield f"{name}: {wide} registers from {at} reach into {next_name} at {next_at}: a wrong type or an alias"


def _takes_whole_registers(spec: AnyPoint) -> bool:
    return isinstance(spec, PointSpec) and not spec.type.startswith(("bit:", "int8", "uint8"))


def _register(point: ModelPoint) -> PointSpec:
    assert isinstance(point.spec, PointSpec)
    return point.spec


def _units(model: Model) -> Iterator[str]:
    """Rule 3: a unit fits the name; voltage, frequency and power factor have a range and a nominal value in it."""
    for point in model.points:
        spec, measure = point.spec, measure_of(point.spec.name)
        if measure and spec.unit not in _MEASURES[measure]:
            yield f"{spec.name}: unit {spec.unit!r} is none of a {measure.replace('_', ' ')}"
        if measure in _RANGED and (spec.range is None or point.nominal is None):
            yield f"{spec.name}: needs range and nominal, by which a wrong scale or word order is noticed"
        elif spec.range and point.nominal is not None and not spec.range[0] <= point.nominal <= spec.range[1]:
            yield f"{spec.name}: nominal {point.nominal:g} lies outside its range"


def _samples(model: Model) -> Iterator[str]:
    """Rule 4: samples show each type twice, a negative reading and "not available", where there is such."""
    readings = [item for sample in model.samples for item in sample.readings.items()]
    specs = {point.spec.name: point.spec for point in model.points}
    for kind in sorted({_type_of(spec) for spec in specs.values()}):
        shown = sum(_type_of(specs[name]) == kind and value is not None for name, value in readings)
        has = sum(_type_of(spec) == kind for spec in specs.values())
        if shown < _LEAST_SAMPLES and not (kind.startswith(("bit", "bool")) and shown >= has):
            yield f"samples: show {kind} {shown} times; at least {_LEAST_SAMPLES}"
    if any(_can_be_negative(spec) for spec in specs.values()) and not any(map(_is_negative, (v for _, v in readings))):
        yield "samples: none is negative, so a wrong sign would not be noticed"
    if not any(value is None for _, value in readings) and not model.no_sentinel:
        yield 'samples: none shows "not available"; where the device has no such pattern, say so in no_sentinel'


def _type_of(spec: AnyPoint) -> str:
    if isinstance(spec, PointSpec):
        return "bit" if spec.table.is_bits else spec.type
    return "number" if spec.is_number else "text"


def _can_be_negative(spec: AnyPoint) -> bool:
    is_number = shape_of(spec.type).kind in ("integer", "real") if isinstance(spec, PointSpec) else spec.is_number
    return is_number and spec.range is not None and spec.range[0] < 0


def _is_negative(value: object) -> bool:
    return isinstance(value, int | float) and value < 0


def _reads(model: Model) -> Iterator[str]:
    """Rule 5: what the device refuses to have read is declared, not only told."""
    is_told = any(trap.about == "reads" for trap in model.traps)
    if is_told and not (model.barriers or model.no_holes or model.max_registers < 125):  # noqa: PLR2004  the protocol's
        yield "traps: one is about refused reads; declare barriers, no_holes or max_registers"


def _counters(model: Model) -> Iterator[str]:
    """Rule 6: a counter of energy says its direction; one that adds import and export is called a total."""
    for point in model.points:
        name = point.spec.name
        if measure_of(name).endswith("energy") and not point.direction:
            yield f"{name}: an energy needs a direction: import, export, net or total"
        if ("total" in name) != (point.direction == "total"):
            yield f'{name}: only a counter with direction = "total" has total in its name, and it must'
        if point.direction and point.period != "slow":
            yield f'{name}: a counter has period = "slow"'


def _ratios(model: Model) -> Iterator[str]:
    """Rule 7: ratios are applied by the meter or by us, never by both."""
    for point in model.points:
        if model.primary and point.ratio != "none":
            yield f"{point.spec.name}: has a ratio although primary = true says that the meter applies it"


def _identity(model: Model) -> Iterator[str]:
    """Rule 8: marks or plausible values tell the device from others, or the model says why nothing does.

    A range alone is no evidence in registers: nearly everything decodes to a small number.
    """
    if not model.marks and not model.plausible and not model.no_probe:
        yield "needs a [[mark]] or [plausible] points to be recognised by, or no_probe that says why there is nothing"
    points = {point.spec.name: point for point in model.points}
    for name in model.plausible:
        point = points[name]
        is_evidence = point.spec.range is not None and not isinstance(point.spec, PointSpec)
        if point.nominal is None and not is_evidence:
            yield f"{name}: is to be plausible, and has no nominal value"


def _sources(model: Model) -> Iterator[str]:
    """Rule 9: every fact has a source; the grade is that of one of them; a manual is named with its page."""
    if model.grade not in {source.confidence for source in model.sources}:
        yield f"grade {model.grade} is that of none of its sources"
    for source in model.sources:
        if source.confidence == "A" and not source.page:
            yield f"source {source.document!r}: confidence A needs the page"
