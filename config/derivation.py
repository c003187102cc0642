"""Derived points: what their formulas must meet, in which order they are computed, and at whose pace.

The points of one name before the dot are one device, which is told like any other. It is computed when the slowest
visit that its inputs come from in the end has given a scan.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from config.amounts import total_by
from config.formula import BadFormula, parse
from config.known import nearest
from config.site import Derived, Device, PointInfo, Text
from config.visits import places
from drivers.spec import DeviceSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from config.entry import Entry
    from config.findings import Findings
    from config.formula import Formula
    from config.known import Known
    from config.schema import DerivedTable

    Entries = Mapping[str, Entry[DerivedTable]]

PROTOCOL = "derived"


def check_derived(derived: Sequence[Entry[DerivedTable]], known: Known, findings: Findings) -> None:
    """Note formulas that cannot be understood or computed, and names that are a device's."""
    sound: dict[str, tuple[Entry[DerivedTable], Formula]] = {}
    for entry in derived:
        name = entry.table.name if entry.ok("name") else ""
        if name.partition(".")[0] in known.devices:
            what, hint = "name: there is a device of this name", "choose another before the dot"
            findings.mistake(entry.at("name"), entry.where, what, value=name, hint=hint)
        formula = _understood(entry, findings)
        if formula is not None:
            _check_inputs(entry, formula, known, findings)
            sound.setdefault(name, (entry, formula))
    entries = {name: entry for name, (entry, _) in sound.items()}
    needs = {name: [one for one in formula.inputs if one in sound] for name, (_, formula) in sound.items()}
    if not _check_circles(needs, entries, findings):
        _check_devices(needs, entries, findings)


def _understood(entry: Entry[DerivedTable], findings: Findings) -> Formula | None:
    """Return the formula, or ``None`` having noted why it is none."""
    if not entry.ok("formula"):
        return None
    text = entry.table.formula
    try:
        formula = parse(text)
    except BadFormula as bad:
        findings.mistake(entry.at("formula"), entry.where, f"formula: {bad}", value=text, hint=bad.hint)
        return None
    if not formula.inputs:
        what, hint = "formula: names no point, so it would never change", "name one: device.point"
        findings.mistake(entry.at("formula"), entry.where, what, value=text, hint=hint)
    return formula


def _check_inputs(entry: Entry[DerivedTable], formula: Formula, known: Known, findings: Findings) -> None:
    """Note points in a formula that there are not, and texts."""
    for name in formula.inputs:
        told = known.points.get(name)
        if told is None and name.partition(".")[0] not in known.open:
            what, hint = f'formula: no point "{name[:64]}"', _spaced(name, known.points) or nearest(name, known.points)
            findings.mistake(entry.at("formula"), entry.where, what, value=formula.text, hint=hint)
        elif told and told.kind == "text":
            what = f'formula: "{name}" is a text'
            findings.mistake(entry.at("formula"), entry.where, what, value=formula.text, hint="compute with numbers")


def _spaced(name: str, points: Iterable[str]) -> str:
    """Return the hint for a minus without spaces, which became part of a name; "" when it is none."""
    parts = [(name[:at], name[at + 1 :]) for at, letter in enumerate(name) if letter == "-"]
    known = frozenset(points)
    meant = next((f"{left} - {right}" for left, right in parts if left in known or right in known), None)
    return f'names may contain "-", so a minus needs spaces around it: {meant}' if meant else ""


def _check_circles(needs: Mapping[str, list[str]], entries: Entries, findings: Findings) -> bool:
    """Note derived points that name each other, each circle once; return whether there are any.

    A circle that is found is cut at one place, so that another through the same points is found, too.
    """
    left, is_found = dict(needs), False
    while circle := _circle(left):
        is_found = True
        first = min(circle, key=list(entries).index)
        turned = circle[circle.index(first) :] + circle[: circle.index(first)]
        if len(circle) == 1:
            what = "formula: names the point itself"
        else:
            what = f"formula: goes round in a circle, {' needs '.join([*turned, first])}"
        entry, hint = entries[first], "compute one of them from what is measured"
        findings.mistake(entry.at("formula"), entry.where, what, value=entry.table.formula, hint=hint)
        after = turned[1] if len(turned) > 1 else first
        left[first] = [name for name in left[first] if name != after]
    return is_found


def _circle(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the members of a circle, each of which needs the next, or nothing when there is none."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))[1:]
    return []


def _check_devices(needs: Mapping[str, list[str]], entries: Entries, findings: Findings) -> None:
    """Note derived devices that need each other, although none of their points does: no order of devices would do."""
    circle = _circle(_by_device(needs))
    if circle:
        name = next(name for name in entries if name.partition(".")[0] in circle)
        what = f"name: {' and '.join(sorted(circle))} would each have to be computed before the other"
        hint = "give what the others need a name of its own before the dot"
        findings.mistake(entries[name].at("name"), entries[name].where, what, value=name, hint=hint)


def _by_device(needs: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return what derived devices need of one another."""
    found: dict[str, list[str]] = {}
    for name, inputs in needs.items():
        device = name.partition(".")[0]
        others = [one.partition(".")[0] for one in inputs]
        found.setdefault(device, []).extend(one for one in others if one != device)
    return found


def derived_of(
    tables: Iterable[DerivedTable], devices: Iterable[Device], labels: Mapping[str, Text]
) -> tuple[Derived, ...]:
    """Return the derived devices of a file without mistakes, each after those it needs.

    `labels` are those of other things of the plant, which a derived device of the same name takes over.
    """
    by_name = {table.name: table for table in tables}
    formulas = {name: parse(table.formula) for name, table in by_name.items()}
    needs = {name: [one for one in formula.inputs if one in formulas] for name, formula in formulas.items()}
    order = list(TopologicalSorter(needs).static_order())
    visit_of = {name: visit for name, (visit, _) in places(devices).items()}
    for name in order:
        visit_of[name] = max((visit_of[one] for one in formulas[name].inputs), key=lambda visit: visit.poll_s)
    names_of: dict[str, list[str]] = {}
    for name in order:
        names_of.setdefault(name.partition(".")[0], []).append(name)
    found = []
    for device in TopologicalSorter(_by_device(needs)).static_order():
        names = names_of[device]
        pace = max((visit_of[name] for name in names), key=lambda visit: visit.poll_s)
        label = labels.get(device, Text(device, device))
        found.append(
            Derived(
                device=_device(device, label, [by_name[name] for name in names], pace),
                formulas=tuple(formulas[name] for name in names),
                paced_by=pace.spec.name,
                ranges=tuple(by_name[name].range for name in names),
            )
        )
    return tuple(found)


def _device(name: str, label: Text, tables: Iterable[DerivedTable], pace: Device) -> Device:
    """Return a derived device, read and told as often as the visit `pace`."""
    spec = DeviceSpec(name=name, bus="", protocol=PROTOCOL, address="", timeout_s=0.0, points=())
    info = tuple(_info(table) for table in tables)
    return Device(spec=spec, label=label, poll_s=pace.poll_s, report=pace.report, info=info)


def _info(table: DerivedTable) -> PointInfo:
    name = table.name.partition(".")[2]
    return PointInfo(
        name=name,
        unit=table.unit,
        label=table.label or Text(name, name),
        code=table.code,
        decimals=table.decimals,
        total=table.total or total_by(table.unit),
    )
