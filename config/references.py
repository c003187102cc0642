"""Names in a site file: given once, and every mention of one leads somewhere."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from config.points import kind_of
from config.problem import instead

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from config.devices import DeviceEntry
    from config.entry import Entry
    from config.findings import Findings
    from config.schema import FacilityTable, LineTable, PointTable, RuleTable
    from config.tables import Document
    from drivers.registers import Kind

_MENTION = re.compile(r"(?<![\w.-])[a-z_][a-z0-9_-]*\.[a-z_][a-z0-9_-]*")


def points_by_name(devices: Iterable[DeviceEntry]) -> dict[str, tuple[DeviceEntry, Entry[PointTable]]]:
    """Return the points of the site, those of models included, by "device.point"."""
    return {
        f"{device.entry.table.name}.{point.table.name}": (device, point)
        for device in devices
        if device.entry.ok("name")
        for point in device.points
        if point.ok("name")
    }


def check_names(document: Document, findings: Findings) -> None:
    """Note every name that is given twice."""
    for entries in (
        document.buses,
        [device.entry for device in document.devices],
        document.facilities,
        document.lines,
        [outlet.entry for outlet in document.outlets],
        document.derived,
    ):
        _once(entries, "name", "name", findings)
    for device in document.devices:
        _once(device.own, "name", "name", findings)
    for outlet in document.outlets:
        _once(outlet.factors, "code", "code", findings)
    _once(
        document.limits, "point", "limit on the point", findings, hint="one [[limit]] holds all thresholds of a point"
    )


def _once(entries: Sequence[Entry[Any]], key: str, spoken: str, findings: Findings, hint: str = "") -> None:
    first: dict[str, Entry[Any]] = {}
    for entry in entries:
        if not entry.ok(key):
            continue
        name = getattr(entry.table, key)
        if name in first:
            line = findings.line(first[name].at(key))
            what = f"{key}: a second {spoken}" if spoken != key else f"{key}: given twice"
            said = f"the first is on line {line}" + (f"; {hint}" if hint else "; choose another")
            findings.mistake(entry.at(key), entry.where, what, value=name, hint=said)
        first.setdefault(name, entry)


def check_references(document: Document, findings: Findings) -> None:
    """Note every mention of something that the file does not describe."""
    buses = _names(document.buses)
    for device in document.devices:
        _lead_to(device.entry, "bus", buses, "bus", findings)
    known = points_by_name(document.devices)
    kinds = {name: kind_of(point) for name, (_, point) in known.items()}
    points = set(known)
    derived = _names(document.derived)
    for limit in document.limits:
        if limit.ok("point") and limit.table.point in derived:
            what = "point: this version computes no derived points, so it cannot judge them"
            findings.mistake(
                limit.at("point"), limit.where, what, value=limit.table.point, hint="take the limit out for now"
            )
        else:
            _lead_to_point(limit, "point", points, document, findings)
    quantities = points | derived
    for facility in document.facilities:
        _check_facility(facility, quantities, document, findings)
        for key in ("power", "current"):
            _check_number(facility, key, kinds, findings)
    for outlet in document.outlets:
        _lead_to_point(outlet.entry, "o2", quantities, document, findings)
        _check_number(outlet.entry, "o2", kinds, findings)
        for factor in outlet.factors:
            _lead_to_point(factor, "point", quantities, document, findings)
            _check_number(factor, "point", kinds, findings)
    _check_formulas(document, quantities, findings)
    facilities, outlets = _names(document.facilities), _names([outlet.entry for outlet in document.outlets])
    for line in document.lines:
        _check_line(line, facilities, outlets, findings)
    for rule in document.rule:
        _check_rule(rule, {"line": _names(document.lines), "facility": facilities, "outlet": outlets}, findings)


def _names(entries: Iterable[Entry[Any]]) -> set[str]:
    return {entry.table.name for entry in entries if entry.ok("name")}


def _lead_to(entry: Entry[Any], key: str, names: Collection[str], kind: str, findings: Findings) -> None:
    """Note when the key names no such thing."""
    wanted = getattr(entry.table, key) if entry.given(key) else None
    if wanted is not None and wanted not in names:
        _missing(entry, (key,), wanted, names, kind=kind, findings=findings)


def _missing(
    entry: Entry[Any],
    place: tuple[str | int, ...],
    wanted: str,
    names: Collection[str],
    *,
    kind: str,
    findings: Findings,
) -> None:
    hint = instead(wanted, names, what=f"described: {kind}") or f"describe it: [[{kind}]]"
    findings.mistake(entry.at(*place), entry.where, f"{place[0]}: no such {kind}", value=wanted, hint=hint)


def _lead_to_point(entry: Entry[Any], key: str, names: set[str], document: Document, findings: Findings) -> None:
    """Note when the key is no "device.point" that exists. Of a device whose model is missing, nothing is known."""
    wanted = getattr(entry.table, key) if entry.given(key) else None
    if wanted is None or wanted in names:
        return
    device_name, dot, point_name = wanted.partition(".")
    device = next(
        (one for one in document.devices if one.entry.ok("name") and one.entry.table.name == device_name), None
    )
    if not dot or not point_name:
        what = f"{key}: not a device.point"
    elif device is None:
        what = f'{key}: no device "{device_name[:64]}"'
    else:
        what = f'{key}: device "{device_name[:64]}" has no point "{point_name[:64]}"'
    if device is None or device.is_known:
        findings.mistake(entry.at(key), entry.where, what, value=wanted, hint=_nearest(wanted, names))


def _check_number(entry: Entry[Any], key: str, kinds: Mapping[str, Kind | None], findings: Findings) -> None:
    """Note when the key names a point that is a bit or a text, where an amount is meant."""
    wanted = getattr(entry.table, key) if entry.given(key) else None
    kind = kinds.get(wanted) if wanted else None
    if kind in ("flag", "text"):
        what, hint = f"{key}: must be a number, and this is a {kind}", "choose a number"
        if key == "power":
            hint += ', or write running = "…" for a bit that tells whether it runs'
        findings.mistake(entry.at(key), entry.where, what, value=wanted, hint=hint)


def _nearest(wanted: str, names: Collection[str]) -> str:
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


def _check_facility(
    facility: Entry[FacilityTable], quantities: set[str], document: Document, findings: Findings
) -> None:
    """Note a facility whose state nothing tells, or more than one thing tells."""
    sources = [key for key in ("power", "current", "running") if key in facility.written]
    if len(sources) != 1:
        what = "needs power, current or running" if not sources else f"{sources[1]}: a second source of its state"
        place = facility.at(sources[1]) if sources else facility.path
        findings.mistake(place, facility.where, what, hint="exactly one of power, current, running")
    for key in sources:
        _lead_to_point(facility, key, quantities, document, findings)


def _check_line(line: Entry[LineTable], facilities: set[str], outlets: set[str], findings: Findings) -> None:
    for key in ("production", "treatment"):
        for number, member in enumerate(getattr(line.table, key) if line.given(key) else []):
            if member not in facilities:
                _missing(line, (key, number), member, facilities, kind="facility", findings=findings)
    _lead_to(line, "outlet", outlets, "outlet", findings)


def _check_formulas(document: Document, quantities: set[str], findings: Findings) -> None:
    """Note names in formulas that lead nowhere. The formula itself is for the version that computes it."""
    unknown = {one.entry.table.name for one in document.devices if one.entry.ok("name") and not one.is_known}
    for derived in document.derived:
        for mention in _MENTION.findall(derived.table.formula) if derived.ok("formula") else []:
            if mention not in quantities and mention.split(".")[0] not in unknown:
                hint = _nearest(mention, quantities)
                what = f'formula: no point "{mention[:64]}"'
                findings.mistake(derived.at("formula"), derived.where, what, value=derived.table.formula, hint=hint)


def _check_rule(rule: Entry[RuleTable], objects: dict[str, set[str]], findings: Findings) -> None:
    """Note a rule on something unknown, and parameters that could not be part of a record."""
    for key, names in objects.items():
        _lead_to(rule, key, names, key, findings)
    for key, value in (rule.table.model_extra or {}).items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", key):
            findings.mistake(
                rule.at(key), rule.where, "a parameter's name has letters a-z, digits and _", hint=f"not {key[:40]!r}"
            )
        if not isinstance(value, str | int | float | bool) or (not isinstance(value, str) and not abs(value) <= 1e15):  # noqa: PLR2004
            findings.mistake(rule.at(key), rule.where, f"{key}: must be a text, number or true/false", value=value)
