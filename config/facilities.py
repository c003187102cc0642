"""What must fit together in the description of a plant: facilities, lines that pair them, outlets and their factors.

That names lead somewhere is looked at in `config.references`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config import quantities
from config.problem import instead

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from config.entry import Entry
    from config.findings import Findings
    from config.known import Known
    from config.schema import FacilityTable, FactorTable, LineTable, OutletTable
    from config.tables import Document, OutletEntry

    Facilities = Mapping[str, Entry[FacilityTable]]

_UNITS = {"power": ("kW", "W", "MW"), "current": ("A", "mA")}
"""Units of a point that tells the state of a facility. The first is that of `rated`."""
_ROLES = {"production": ("production", "combined"), "treatment": ("treatment", "combined")}
"""Which roles a list of a line may hold."""
_UNIT_SIGNS = str.maketrans({"³": "3", "^": None, "μ": "u", "µ": "u", "／": "/"})


def check_plant(document: Document, known: Known, findings: Findings) -> None:
    """Note everything in the plant's description that does not fit together."""
    for facility in document.facilities:
        _check_source(facility, known, findings)
        _check_fractions(facility, findings)
        _check_quantities(facility, quantities.FACILITY, findings)
        _check_own(facility, findings)
    facilities = {facility.table.name: facility for facility in document.facilities if facility.ok("name")}
    for line in document.lines:
        _check_line(line, facilities, findings)
    for outlet in document.outlets:
        _check_oxygen(outlet, findings)
        _check_quantities(outlet.entry, quantities.OUTLET, findings)
        for factor in outlet.factors:
            _check_factor(factor, known, findings)
    _remark_on_strays(document, findings)


def _check_source(facility: Entry[FacilityTable], known: Known, findings: Findings) -> None:
    """Note a facility whose state nothing tells, or more than one thing, or that lacks what it is measured by."""
    sources = [key for key in quantities.SOURCES if key in facility.written]
    if len(sources) != 1:
        what = "needs power, current or running" if not sources else f"{sources[1]}: a second source of its state"
        place = facility.at(sources[1]) if sources else facility.path
        findings.mistake(place, facility.where, what, hint="exactly one of power, current, running")
    elif sources == ["running"]:
        for key in sorted(facility.written & {"on_fraction", "off_fraction"}):
            findings.remark(f"{facility.where}: {key} has no meaning with running")
    else:
        _check_rated(facility, sources[0], known, findings)


def _check_rated(facility: Entry[FacilityTable], key: str, known: Known, findings: Findings) -> None:
    """Note a missing rated value and a point in the unit of something else. A main meter has no state to be told."""
    unit = _UNITS[key][0]
    if "rated" not in facility.written and facility.ok("role") and facility.table.role != "main":
        what = f'needs the key "rated": a {key} alone does not tell whether it runs'
        hint = f'write rated = the {unit} on its name plate, or running = "…" instead, for a bit that tells it'
        findings.mistake(facility.at(key), facility.where, what, hint=hint)
    if key == "current" and facility.given("rated") and facility.given("rated_current"):
        what, hint = "rated_current: with current, rated is the rated current", "leave one of the two out"
        findings.mistake(facility.at("rated_current"), facility.where, what, hint=hint)
    point = getattr(facility.table, key) if facility.given(key) else None
    told = known.points.get(point) if point else None
    if told is None or told.unit is None or told.unit in _UNITS[key]:
        return
    other = next((other for other, units in _UNITS.items() if told.unit in units), None)
    if other:
        what, hint = f"{key}: its unit is {told.unit}", f"write {other} = …, with rated in {_UNITS[other][0]}"
        findings.mistake(facility.at(key), facility.where, what, value=point, hint=hint)
    else:
        findings.remark(f'{facility.where}: {key} is told in "{told.unit}", taken for {unit}')


def _check_fractions(facility: Entry[FacilityTable], findings: Findings) -> None:
    table = facility.table
    if facility.ok("on_fraction", "off_fraction") and table.off_fraction >= table.on_fraction:
        key = "off_fraction" if "off_fraction" in facility.written else "on_fraction"
        what = f"{key}: off_fraction {table.off_fraction:g} is not below on_fraction {table.on_fraction:g}"
        hint = "it is off up to the one, and runs from the other on"
        findings.mistake(facility.at(key), facility.where, what, hint=hint)


def _check_own(facility: Entry[FacilityTable], findings: Findings) -> None:
    """Note a point given a second time, by its key and among the further points."""
    for key in quantities.SOURCES:
        if key in facility.written and facility.ok("points") and key in facility.table.points:
            what = f"points: {key} has a key of its own, which is written as well"
            findings.mistake(facility.at("points", key), facility.where, what, hint="write it once")


def _check_quantities(entry: Entry[Any], allowed: Mapping[str, bool], findings: Findings) -> None:
    """Note points under names that no rule knows, and several where there can be one."""
    for name, points in entry.table.points.items() if entry.ok("points") else ():
        if name not in allowed:
            what, hint = f'points: no quantity "{name[:40]}"', instead(name, allowed, what="there are")
            findings.mistake(entry.at("points", name), entry.where, what, hint=hint)
        elif len(points) > 1 and not allowed[name]:
            what, hint = f"points: {name} is one point", "name one, or derive one of several: [[derived]]"
            findings.mistake(entry.at("points", name), entry.where, what, value=list(points), hint=hint)


def _check_line(line: Entry[LineTable], facilities: Facilities, findings: Findings) -> None:
    """Note a line that does not pair production with treatment, and facilities in the wrong list."""
    for key, roles in _ROLES.items():
        members = getattr(line.table, key) if line.ok(key) else None
        if members is not None and not members:
            place = line.at(key) if key in line.written else line.path
            findings.mistake(
                place, line.where, f"{key}: none, and a line pairs production with treatment", hint=_need(key)
            )
        _check_twice(line, key, findings)
        for number, name in enumerate(members or ()):
            facility = facilities.get(name)
            if facility and facility.ok("role") and facility.table.role not in roles:
                _refuse_role(line, (key, number), facility, findings)
    for key in ("chain", "co_run"):
        _check_twice(line, key, findings)
        if line.given(key) and len(getattr(line.table, key)) == 1:
            what, hint = f"{key}: only one facility", "two at least, or leave it out"
            findings.mistake(line.at(key), line.where, what, hint=hint)


def _need(key: str) -> str:
    both = 'what treats its own exhaust has role "combined" and stands in both lists'
    return f'write {key} = ["…"], names of [[facility]]; {both}'


def _check_twice(line: Entry[LineTable], key: str, findings: Findings) -> None:
    members: list[str] = getattr(line.table, key) if line.given(key) else []
    for number, name in enumerate(members):
        if name in members[:number]:
            findings.mistake(line.at(key, number), line.where, f"{key}: named twice", value=name, hint="name it once")


def _refuse_role(
    line: Entry[LineTable], place: tuple[str, int], facility: Entry[FacilityTable], findings: Findings
) -> None:
    role = facility.table.role
    hint = f"list it under {role}, or mend its role" if role in _ROLES else "a main meter stands in no line"
    what = f'{place[0]}: {facility.table.name} has role "{role}"'
    findings.mistake(line.at(*place), line.where, what, value=facility.table.name, hint=hint)


def _check_oxygen(outlet: OutletEntry, findings: Findings) -> None:
    """Remark on a conversion by oxygen that lacks one half, and on oxygen of water."""
    entry = outlet.entry
    has = entry.written & {"o2", "reference_o2"}
    if entry.ok("medium") and entry.table.medium == "water":
        for key in sorted(has):
            findings.remark(f"{entry.where}: {key} has no meaning for water")
    elif has == {"o2"}:
        findings.remark(f"{entry.where}: o2 without reference_o2, so concentrations are judged as measured")
    elif has == {"reference_o2"} and not all("converted" in factor.written for factor in outlet.factors):
        findings.remark(f"{entry.where}: reference_o2 without o2, so concentrations are judged as measured")


def _check_factor(factor: Entry[FactorTable], known: Known, findings: Findings) -> None:
    """Note a factor without unit or with another than its point has; remark on a limit that cannot be measured."""
    table = factor.table
    told = known.points.get(table.point) if factor.given("point") else None
    measured = told.unit if told else None
    if measured == "" and "unit" not in factor.written:
        what, hint = 'needs the key "unit": its point has none', 'write unit = "mg/m3", or whatever the point tells'
        findings.mistake(factor.path, factor.where, what, hint=hint)
    if measured and factor.given("unit") and table.unit and _plain(table.unit) != _plain(measured):
        what = f"unit: {table.point} is told in {measured}"
        hint = f"leave it out, or derive a point in {table.unit}: [[derived]], for ppm with ppm_to_mg(…)"
        findings.mistake(factor.at("unit"), factor.where, what, value=table.unit, hint=hint)
    if factor.ok("range", "limit") and table.range and table.limit is not None and table.limit > table.range[1]:
        end = table.range[1]
        findings.remark(f"{factor.where}: limit = {table.limit:g} is beyond the range, which ends at {end:g}")


def _plain(unit: str) -> str:
    """Return a unit in one of the ways it can be written."""
    return unit.translate(_UNIT_SIGNS).replace(" ", "").lower()


def _remark_on_strays(document: Document, findings: Findings) -> None:
    """Remark on what no line names, and on a second main meter."""
    named = {name for line in document.lines for key in _ROLES if line.ok(key) for name in getattr(line.table, key)}
    mains = 0
    for facility in document.facilities:
        if not facility.ok("name", "role"):
            continue
        is_main = facility.table.role == "main"
        mains += is_main
        if is_main and mains > 1:
            findings.remark(f"{facility.where}: a second main meter; the sum of both is compared with the others")
        elif not is_main and facility.table.name not in named:
            findings.remark(f"{facility.where}: in no line, so nothing is paired with it")
    outlets: Iterable[Entry[OutletTable]] = (outlet.entry for outlet in document.outlets)
    used = {line.table.outlet for line in document.lines if line.ok("outlet")}
    for outlet in outlets:
        if outlet.ok("name") and outlet.table.name not in used:
            findings.remark(f"{outlet.where}: in no line, so it is not compared with production")
