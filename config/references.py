"""Names in a site file: given once, and every mention of one leads somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config.known import check_key, check_point
from config.problem import instead

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from config.entry import Entry
    from config.findings import Findings
    from config.known import Known
    from config.schema import LineTable
    from config.tables import Document


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


def check_references(document: Document, known: Known, findings: Findings) -> None:
    """Note every mention of something that the file does not describe, or of a point that cannot be meant."""
    buses = _names(document.buses)
    for device in document.devices:
        _lead_to(device.entry, "bus", buses, "bus", findings)
    _check_mentions(document, known, findings)
    facilities, outlets = _names(document.facilities), _names([outlet.entry for outlet in document.outlets])
    for line in document.lines:
        _check_line(line, facilities, outlets, findings)
    objects = {"line": _names(document.lines), "facility": facilities, "outlet": outlets}
    for rule in document.rule:
        for key, names in objects.items():
            _lead_to(rule, key, names, key, findings)


def _check_mentions(document: Document, known: Known, findings: Findings) -> None:
    """Note every mention of a point that there is not, or that is no number. Limits look at that themselves."""
    for limit in document.limits:
        check_key(limit, "point", known, findings, refused=())
    for facility in document.facilities:
        check_key(facility, "power", known, findings)
        check_key(facility, "current", known, findings)
        check_key(facility, "running", known, findings, refused=("text",))
        _check_points(facility, known, findings)
    for outlet in document.outlets:
        check_key(outlet.entry, "o2", known, findings)
        _check_points(outlet.entry, known, findings)
        for factor in outlet.factors:
            for key in ("point", "converted", "inlet", "second"):
                check_key(factor, key, known, findings)


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


def _check_points(entry: Entry[Any], known: Known, findings: Findings) -> None:
    """Note further points of a facility or outlet that are none."""
    for quantity, points in entry.table.points.items() if entry.ok("points") else ():
        for number, point in enumerate(points):
            check_point(entry, ("points", quantity, number), point, known, findings)


def _check_line(line: Entry[LineTable], facilities: set[str], outlets: set[str], findings: Findings) -> None:
    for key in ("production", "treatment", "chain", "co_run"):
        for number, member in enumerate(getattr(line.table, key) if line.given(key) else []):
            if member not in facilities:
                _missing(line, (key, number), member, facilities, kind="facility", findings=findings)
    _lead_to(line, "outlet", outlets, "outlet", findings)
