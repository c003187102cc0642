"""A parsed TOML document to typed tables: which tables there are, once or for each thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config import schema
from config.devices import DeviceEntry, read_device
from config.entry import Entry, Spot, T_co, read_table
from config.models import Models, own_folders
from config.problem import instead

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from config.findings import Findings
    from config.lines import Path

ROOT = "site file"


@dataclass(frozen=True, slots=True)
class OutletEntry:
    """An outlet and its factors."""

    entry: Entry[schema.OutletTable]
    factors: tuple[Entry[schema.FactorTable], ...]


@dataclass(frozen=True, slots=True)
class FrontTables:
    """The tables of the box and of what serves people."""

    gateway: Entry[schema.GatewayTable] | None
    panel: Entry[schema.PanelTable] | None
    annunciator: Entry[schema.AnnunciatorTable] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Every table of a site file."""

    gateway: Entry[schema.GatewayTable] | None
    mqtt: Entry[schema.MqttTable] | None
    buffer: Entry[schema.BufferTable]
    panel: Entry[schema.PanelTable] | None
    annunciator: Entry[schema.AnnunciatorTable] | None
    buses: tuple[Entry[schema.TcpBusTable] | Entry[schema.SerialBusTable], ...]
    devices: tuple[DeviceEntry, ...]
    limits: tuple[Entry[schema.LimitTable], ...]
    derived: tuple[Entry[schema.DerivedTable], ...]
    facilities: tuple[Entry[schema.FacilityTable], ...]
    lines: tuple[Entry[schema.LineTable], ...]
    outlets: tuple[OutletEntry, ...]
    rules: Entry[schema.RulesTable] | None
    rule: tuple[Entry[schema.RuleTable], ...]


SINGLE: dict[str, type[schema.SiteTable]] = {
    "gateway": schema.GatewayTable,
    "buffer": schema.BufferTable,
    "panel": schema.PanelTable,
    "annunciator": schema.AnnunciatorTable,
    "rules": schema.RulesTable,
}
"""Tables that are written once, ``[name]``."""

REPEATED = ("bus", "device", "limit", "derived", "facility", "line", "outlet", "rule")
"""Tables that are written for each thing, ``[[name]]``."""


def read_document(raw: dict[str, Any], root: pathlib.Path, findings: Findings) -> Document:
    """Return the tables of a document, having noted everything that is wrong with each by itself.

    Relative paths in it count from `root`.
    """
    known = (*SINGLE, *REPEATED, "uplink")
    for key in [key for key in raw if key not in known]:
        findings.mistake((key,), ROOT, f'unknown table or key "{key[:60]}"', hint=_table_meant(key, known))
    tables = _Reader(raw, findings)
    buffer = tables.single("buffer", schema.BufferTable)
    front = read_front(raw, findings)
    return Document(
        gateway=front.gateway,
        mqtt=tables.mqtt(),
        buffer=buffer or Entry(("buffer",), "buffer", schema.BufferTable(), frozenset(), frozenset()),
        panel=front.panel,
        annunciator=front.annunciator,
        buses=tuple(tables.buses()),
        devices=tuple(tables.devices(Models(own_folders(front.gateway, root, findings), findings))),
        limits=tuple(tables.repeated("limit", schema.LimitTable, "point", "limit on")),
        derived=tuple(tables.repeated("derived", schema.DerivedTable)),
        facilities=tuple(tables.repeated("facility", schema.FacilityTable)),
        lines=tuple(tables.repeated("line", schema.LineTable)),
        outlets=tuple(tables.outlets()),
        rules=tables.single("rules", schema.RulesTable),
        rule=tuple(tables.repeated("rule", schema.RuleTable, "id")),
    )


def read_front(raw: dict[str, Any], findings: Findings) -> FrontTables:
    """Return the tables that the panel may know, having noted what is wrong with each by itself."""
    tables = _Reader(raw, findings)
    gateway = tables.single("gateway", schema.GatewayTable)
    if "gateway" not in raw:
        findings.mistake((), ROOT, "needs the table [gateway]", hint='write [gateway] with id = "…"')
    panel = tables.single("panel", schema.PanelTable)
    return FrontTables(gateway, panel, tables.single("annunciator", schema.AnnunciatorTable))


def _table_meant(key: str, known: tuple[str, ...]) -> str:
    """Return the hint for an unknown table; some are known under another roof."""
    elsewhere = {
        "mqtt": "[uplink.mqtt]",
        "point": "[[device.point]] under its [[device]]",
        "factor": "[[outlet.factor]]",
    }
    return f"write {elsewhere[key]}" if key in elsewhere else instead(key, known)


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

    def devices(self, models: Models) -> Iterator[DeviceEntry]:
        """Yield the devices with their points."""
        for spot in self._each(self._raw, "device", "name", "device"):
            points = list(self._each(spot.raw, "point", "name", f"{spot.where} point", spot.path))
            yield read_device(spot, points, models, self._findings)

    def outlets(self) -> Iterator[OutletEntry]:
        """Yield the outlets with their factors."""
        for spot in self._each(self._raw, "outlet", "name", "outlet"):
            entry = read_table(schema.OutletTable, spot, self._findings, parts=("factor",))
            factors = self._each(spot.raw, "factor", "code", f"{spot.where} factor", spot.path)
            yield OutletEntry(entry, tuple(read_table(schema.FactorTable, one, self._findings) for one in factors))

    def _each(self, raw: dict[str, Any], key: str, named_by: str, spoken: str, above: Path = ()) -> Iterator[Spot]:
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

    def _spot(self, raw: Any, path: Path, where: str, header: str) -> Spot | None:
        if isinstance(raw, dict):
            return Spot(path, where, raw)
        self._findings.mistake(path, where, "must be a table", value=raw, hint=f"write {header}, its keys below")
        return None
