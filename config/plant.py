"""The plant of a document without mistakes: facilities, lines, outlets, and changes to rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config.known import points_by_name
from config.site import PACKS, Facility, Factor, Line, Outlet, Plant, RuleChange, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.schema import FacilityTable, FactorTable, LineTable, RulesTable, RuleTable
    from config.site import Pack
    from config.tables import Document, OutletEntry

_HOUR_S = 3600.0
_T_KG = 1000.0


def plant_of(document: Document) -> Plant:
    """Return the plant that the document describes."""
    units = {name: point.table.unit for name, (_, point) in points_by_name(document.devices).items()}
    units |= {derived.table.name: derived.table.unit for derived in document.derived}
    return Plant(
        facilities=tuple(_facility(facility.table) for facility in document.facilities),
        lines=tuple(_line(line.table) for line in document.lines),
        outlets=tuple(_outlet(outlet, units) for outlet in document.outlets),
        packs=_packs(document.rules.table) if document.rules else PACKS,
        changes=tuple(change_of(rule.table) for rule in document.rule),
    )


def labels_of(document: Document) -> dict[str, Text]:
    """Return the labels that the plant's tables state, by name; where names are the same, that of the outlet."""
    lines = {line.table.name: line.table.label for line in document.lines}
    facilities = {facility.table.name: facility.table.label for facility in document.facilities}
    outlets = {outlet.entry.table.name: outlet.entry.table.label for outlet in document.outlets}
    return {name: label for name, label in (lines | facilities | outlets).items() if label}


def change_of(table: RuleTable) -> RuleChange:
    """Return the change to a rule that a table says."""
    return RuleChange(
        id=table.id,
        line=table.line,
        facility=table.facility,
        outlet=table.outlet,
        enabled=table.enabled,
        params=dict(table.model_extra or {}),
    )


def _packs(table: RulesTable) -> tuple[Pack, ...]:
    """Return the packs that apply, in the order of the catalogue."""
    return PACKS if table.packs is None else tuple(pack for pack in PACKS if pack in table.packs)


def _facility(table: FacilityTable) -> Facility:
    is_current = table.current is not None
    return Facility(
        name=table.name,
        label=table.label or Text(table.name, table.name),
        role=table.role,
        type=table.type,
        power=table.power,
        current=table.current,
        running=table.running,
        rated=table.rated,
        on_fraction=table.on_fraction,
        off_fraction=table.off_fraction,
        on_hold_s=table.on_hold,
        off_hold_s=table.off_hold,
        points=dict(table.points),
        facts=_stated(
            type=table.type,
            rated=None if is_current else table.rated,
            rated_current=table.rated if is_current and table.rated else table.rated_current,
            rated_voltage=table.rated_voltage,
            life_hours=None if table.life is None else table.life / _HOUR_S,
            permit_energy=table.permit_energy,
            design_removal=table.design_removal,
        ),
    )


def _line(table: LineTable) -> Line:
    return Line(
        name=table.name,
        label=table.label or Text(table.name, table.name),
        production=tuple(table.production),
        treatment=tuple(table.treatment),
        outlet=table.outlet,
        chain=tuple(table.chain),
        co_run=tuple(table.co_run),
        facts=_stated(grade=table.grade, permit_energy=table.permit_energy),
    )


def _outlet(outlet: OutletEntry, units: Mapping[str, str]) -> Outlet:
    table = outlet.entry.table
    return Outlet(
        name=table.name,
        label=table.label or Text(table.name, table.name),
        medium=table.medium,
        o2=table.o2,
        reference_o2=table.reference_o2,
        factors=tuple(_factor(factor.table, units) for factor in outlet.factors),
        points=dict(table.points),
        facts=_stated(medium=table.medium, reference_o2=table.reference_o2),
    )


def _factor(table: FactorTable, units: Mapping[str, str]) -> Factor:
    unit = table.unit or units[table.point]
    return Factor(
        code=table.code,
        label=table.label or Text(table.code, table.code),
        point=table.point,
        unit=unit,
        converted=table.converted,
        inlet=table.inlet,
        second=table.second,
        limit=table.limit,
        range=table.range,
        facts=_stated(
            limit=table.limit,
            range=table.range,
            unit=unit,
            detection_limit=table.detection_limit,
            permit_mass=None if table.permit is None else table.permit * _T_KG,
            design_removal=table.design_removal,
        ),
    )


def _stated(**facts: Any) -> dict[str, Any]:
    """Return the facts that the file states."""
    return {name: value for name, value in facts.items() if value is not None}
