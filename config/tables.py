"""A parsed TOML document to typed tables, keeping what is good of a table when some of its keys are not.

Every table becomes an `Entry`: its values, and the set of keys that are missing or cannot be used. A rule asks
`Entry.ok` for the keys it looks at, so that one mistake is reported once and hides no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from config import schema
from config.problem import instead
from config.words import MEANT, needs, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.findings import Findings
    from config.lines import Path

T_co = TypeVar("T_co", bound=schema.SiteTable, covariant=True)
ModbusPoint = schema.ModbusPointTable
ROOT = "site file"


@dataclass(frozen=True, slots=True)
class Entry(Generic[T_co]):
    """One table of the file. `bad` are keys whose attribute must not be touched."""

    path: Path
    where: str
    table: T_co
    bad: frozenset[str]
    written: frozenset[str]

    def ok(self, *keys: str) -> bool:
        """Whether the values of all these keys are there and usable."""
        return self.bad.isdisjoint(keys)

    def given(self, key: str) -> bool:
        """Whether the file has this key and its value is usable."""
        return key in self.written and key not in self.bad

    def at(self, *keys: str | int) -> Path:
        """Return the path of something in this table."""
        return (*self.path, *keys)


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device and its points; `modbus` are the points that lie in registers (none for other protocols)."""

    entry: Entry[schema.DeviceTable]
    points: tuple[Entry[schema.PointTable], ...]
    modbus: tuple[Entry[ModbusPoint], ...]


@dataclass(frozen=True, slots=True)
class OutletEntry:
    """An outlet and its factors."""

    entry: Entry[schema.OutletTable]
    factors: tuple[Entry[schema.FactorTable], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Every table of a site file."""

    gateway: Entry[schema.GatewayTable] | None
    mqtt: Entry[schema.MqttTable] | None
    buffer: Entry[schema.BufferTable]
    panel: Entry[schema.PanelTable] | None
    buses: tuple[Entry[schema.TcpBusTable] | Entry[schema.SerialBusTable], ...]
    devices: tuple[DeviceEntry, ...]
    limits: tuple[Entry[schema.LimitTable], ...]
    derived: tuple[Entry[schema.DerivedTable], ...]
    facilities: tuple[Entry[schema.FacilityTable], ...]
    lines: tuple[Entry[schema.LineTable], ...]
    outlets: tuple[OutletEntry, ...]
    rules: Entry[schema.RulesTable] | None
    rule: tuple[Entry[schema.RuleTable], ...]


SINGLE = {"gateway": schema.GatewayTable, "buffer": schema.BufferTable, "panel": schema.PanelTable} | {
    "rules": schema.RulesTable
}
"""Tables that are written once, ``[name]``."""

REPEATED = ("bus", "device", "limit", "derived", "facility", "line", "outlet", "rule")
"""Tables that are written for each thing, ``[[name]]``."""


def read_document(raw: dict[str, Any], findings: Findings) -> Document:
    """Return the tables of a document, having noted everything that is wrong with each by itself."""
    known = (*SINGLE, *REPEATED, "uplink")
    for key in [key for key in raw if key not in known]:
        findings.mistake((key,), ROOT, f'unknown table or key "{key[:60]}"', hint=_table_meant(key, known))
    tables = _Reader(raw, findings)
    buffer = tables.single("buffer", schema.BufferTable)
    gateway = tables.single("gateway", schema.GatewayTable)
    if "gateway" not in raw:
        findings.mistake((), ROOT, "needs the table [gateway]", hint='write [gateway] with id = "…"')
    return Document(
        gateway=gateway,
        mqtt=tables.mqtt(),
        buffer=buffer or Entry(("buffer",), "buffer", schema.BufferTable(), frozenset(), frozenset()),
        panel=tables.single("panel", schema.PanelTable),
        buses=tuple(tables.buses()),
        devices=tuple(tables.devices()),
        limits=tuple(tables.repeated("limit", schema.LimitTable, "point", "limit on")),
        derived=tuple(tables.repeated("derived", schema.DerivedTable)),
        facilities=tuple(tables.repeated("facility", schema.FacilityTable)),
        lines=tuple(tables.repeated("line", schema.LineTable)),
        outlets=tuple(tables.outlets()),
        rules=tables.single("rules", schema.RulesTable),
        rule=tuple(tables.repeated("rule", schema.RuleTable, "id")),
    )


def _table_meant(key: str, known: tuple[str, ...]) -> str:
    """Return the hint for an unknown table; some are known under another roof."""
    elsewhere = {
        "mqtt": "[uplink.mqtt]",
        "point": "[[device.point]] under its [[device]]",
        "factor": "[[outlet.factor]]",
    }
    return f"write {elsewhere[key]}" if key in elsewhere else instead(key, known)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A raw table and where it stands."""

    path: Path
    where: str
    raw: dict[str, Any]


class _Reader:
    """Reads one document into entries and notes what is wrong."""

    def __init__(self, raw: dict[str, Any], findings: Findings) -> None:
        self._raw = raw
        self._findings = findings

    def single(self, key: str, model: type[T_co]) -> Entry[T_co] | None:
        """Return the table ``[key]``, if the file has it."""
        spot = self._spot(self._raw[key], (key,), key, f"[{key}]") if key in self._raw else None
        return read_table(model, spot, self._findings) if spot else None

    def mqtt(self) -> Entry[schema.MqttTable] | None:
        """Return ``[uplink.mqtt]``, the only uplink there is."""
        uplink = self._spot(self._raw.get("uplink", {}), ("uplink",), "uplink", "[uplink.mqtt]")
        for key in [key for key in uplink.raw if key != "mqtt"] if uplink else []:
            hint = "write [uplink.mqtt]" if key in schema.MqttTable.model_fields else instead(key, ("mqtt",))
            self._findings.mistake(("uplink", key), "uplink", f'unknown key "{key[:60]}"', hint=hint)
        if not uplink or "mqtt" not in uplink.raw:
            return None
        spot = self._spot(uplink.raw["mqtt"], ("uplink", "mqtt"), "uplink.mqtt", "[uplink.mqtt]")
        return read_table(schema.MqttTable, spot, self._findings) if spot else None

    def repeated(self, key: str, model: type[T_co], named_by: str = "name", spoken: str = "") -> Iterator[Entry[T_co]]:
        """Yield the tables ``[[key]]``."""
        for spot in self._each(self._raw, key, named_by, spoken or key):
            yield read_table(model, spot, self._findings)

    def buses(self) -> Iterator[Entry[schema.TcpBusTable] | Entry[schema.SerialBusTable]]:
        """Yield the buses, each by the keys of its type."""
        for spot in self._each(self._raw, "bus", "name", "bus"):
            if spot.raw.get("type") == "serial":
                yield read_table(schema.SerialBusTable, spot, self._findings)
            else:
                yield read_table(schema.TcpBusTable, spot, self._findings)

    def devices(self) -> Iterator[DeviceEntry]:
        """Yield the devices with their points, the points by the keys of the device's protocol."""
        for spot in self._each(self._raw, "device", "name", "device"):
            entry = read_table(schema.DeviceTable, spot, self._findings, parts=("point",))
            points = list(self._each(spot.raw, "point", "name", f"{spot.where} point", spot.path))
            is_changing = "model" in spot.raw
            model = _OTHER_POINTS.get(str(spot.raw.get("protocol")))
            if model:
                others = tuple(read_table(model, one, self._findings, is_changing=is_changing) for one in points)
                yield DeviceEntry(entry, others, ())
            else:
                modbus = tuple(read_table(ModbusPoint, one, self._findings, is_changing=is_changing) for one in points)
                yield DeviceEntry(entry, modbus, modbus)

    def outlets(self) -> Iterator[OutletEntry]:
        """Yield the outlets with their factors."""
        for spot in self._each(self._raw, "outlet", "name", "outlet"):
            entry = read_table(schema.OutletTable, spot, self._findings, parts=("factor",))
            factors = self._each(spot.raw, "factor", "code", f"{spot.where} factor", spot.path)
            yield OutletEntry(entry, tuple(read_table(schema.FactorTable, one, self._findings) for one in factors))

    def _each(self, raw: dict[str, Any], key: str, named_by: str, spoken: str, above: Path = ()) -> Iterator[_Spot]:
        """Yield every ``[[key]]`` in `raw`, spoken of by its name if it has one, else by its number."""
        header = "[[" + ".".join([*(part for part in above if isinstance(part, str)), key]) + "]]"
        listed = raw.get(key, [])
        if not isinstance(listed, list):
            what = "must be written with double brackets"
            self._findings.mistake((*above, key), spoken, what, hint=f"write {header}")
            return
        for number, one in enumerate(listed):
            name = one.get(named_by) if isinstance(one, dict) else None
            where = f'{spoken} "{name[:64]}"' if isinstance(name, str) and name else f"{spoken} #{number + 1}"
            spot = self._spot(one, (*above, key, number), where, header)
            if spot is not None:
                yield spot

    def _spot(self, raw: Any, path: Path, where: str, header: str) -> _Spot | None:
        if isinstance(raw, dict):
            return _Spot(path, where, raw)
        self._findings.mistake(path, where, "must be a table", value=raw, hint=f"write {header}, its keys below")
        return None


_OTHER_POINTS: dict[str, type[schema.PointTable]] = {
    "dlt645-2007": schema.Dlt645PointTable,
    "dlt645-1997": schema.Dlt645PointTable,
    "hj212": schema.Hj212PointTable,
}
"""What points may say by protocol, where they do not lie in registers."""


def read_table(
    model: type[T_co], spot: _Spot, findings: Findings, *, parts: tuple[str, ...] = (), is_changing: bool = False
) -> Entry[T_co]:
    """Return one table with what is usable in it. `parts` are tables within it, read elsewhere.

    `is_changing` says that the table only changes something described elsewhere, so that nothing is missing in it.
    """
    content = {key: value for key, value in spot.raw.items() if key not in parts}
    written = frozenset(content)
    try:
        return Entry(spot.path, spot.where, model.model_validate(content), frozenset(), written)
    except ValidationError:
        table = model.model_construct()
    fields = {field.alias or name: name for name, field in model.model_fields.items()}
    bad = {key for key in content if not _set(table, fields.get(key), key, spot, findings)}
    for key, name in fields.items():
        if model.model_fields[name].is_required() and key not in content:
            bad.add(key)
            if not is_changing:
                findings.mistake(spot.path, spot.where, f'needs the key "{key}"', hint=needs(model, key))
    if model.model_config.get("extra") == "forbid":
        for key in [key for key in content if key not in fields]:
            _unknown(key, (*fields, *parts), spot, findings)
    return Entry(spot.path, spot.where, table, frozenset(bad), written)


def _set(table: schema.SiteTable, name: str | None, key: str, spot: _Spot, findings: Findings) -> bool:
    """Put the value of `key` into its field and return whether it fits; note what is wrong when it does not."""
    if name is None:
        return table.model_config.get("extra") == "allow"
    try:
        setattr(table, name, spot.raw[key])
    except ValidationError as error:
        for one in error.errors(include_url=False):
            place, what, hint, value = said(one, key, spot.raw[key])
            findings.mistake((*spot.path, *place), spot.where, what, value=value, hint=hint)
        return False
    return True


def _unknown(key: str, known: tuple[str, ...], spot: _Spot, findings: Findings) -> None:
    meant = [word for word in MEANT.get(key.lower(), ()) if word in known]
    hint = f'did you mean "{meant[0]}"?' if meant else instead(key, known, what="known keys")
    findings.mistake((*spot.path, key), spot.where, f'unknown key "{key[:60]}"', value=spot.raw[key], hint=hint)
