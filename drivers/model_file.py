"""A model file in, a `Model` out, or *every* mistake in it. No lint: see `drivers.model_lint`.

The steps: read TOML; read each table by its keys, noting what is wrong; expand points that share everything but name
and place; make the drivers' specs and ask the drivers what is impossible about them; check that names lead somewhere.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from drivers.ascii.text_line import problems as line_problems
from drivers.dlt645.items import lookup
from drivers.model import Mark, Model, ModelPoint, ModelStatus, Sample, Source, Trap
from drivers.model_keys import REPEATED, REQUIRED, TABLES, Mistake, near
from drivers.names import label_of
from drivers.registers import BadPoint, problems, registers_of, shape_of, width
from drivers.spec import AsciiSpec, FactorSpec, FieldSpec, ItemSpec, LineSettings, PointSpec, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from drivers.spec import AnyPoint

_PLACES = {"modbus": "at", "dlt645": "item", "hj212": "factor", "ascii": "field"}
"""Family of protocols -> the key that says where a value is."""
_OWN_KEYS = {
    "modbus": {"register", "at", "type", "order", "unavailable"},
    "dlt645": {"item", "format", "signed", "type"},
    "hj212": {"factor", "field", "type"},
    "ascii": {"field", "unavailable", "type"},
}
_EVERY_OWN_KEY = set().union(*_OWN_KEYS.values())
_MEANING = ("scale", "offset", "decimals", "range", "unit")
_ITEM_DIGITS = {"dlt645-2007": 8, "dlt645-1997": 4}


class ModelProblems(Exception):
    """A model file that is refused, with every mistake in it."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_model(path: Path) -> Model:
    """Return the model of a file. Raises `ModelProblems` with all that is wrong, each with file and table."""
    reader = _Reader(path)
    model = reader.model()
    if reader.problems or model is None:
        raise ModelProblems(tuple(reader.problems))
    return model


def family_of(protocol: str) -> str:
    """Return what decides the shape of points: "modbus", "dlt645", "hj212" or "ascii"."""
    return "ascii" if protocol == "ascii" else protocol.split("-", maxsplit=1)[0]


class _Reader:
    """One file being read; notes problems and goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        self.family = "modbus"

    def note(self, where: str, what: str) -> None:
        """Note one mistake."""
        self.problems.append(f"{self.path.name}: {where}: {what}" if where else f"{self.path.name}: {what}")

    # --- tables ----------------------------------------------------------------------------------

    def model(self) -> Model | None:
        """Return the model, or ``None`` when there is no making one."""
        document = self._document()
        if document is None:
            return None
        tables = {table: self._table(document, table) for table in TABLES if table not in REPEATED}
        listed = {table: self._list(document, table) for table in REPEATED if table != "point"}
        head = tables["model"]
        protocols = head.get("protocols", ("modbus",))
        if len({family_of(protocol) for protocol in protocols}) > 1:
            self.note("[model]", "protocols: their points are written differently; write one file for each")
        self.family = family_of(protocols[0])
        points = self._points(document, tables["points"], protocols[0])
        self._check_ascii(document, tables["ascii"], points)
        self._check_names(points, tables["plausible"], listed)
        if self.problems:
            return None
        return self._made(head, points, tables, listed)

    def _document(self) -> dict[str, Any] | None:
        try:
            document = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            self.note("", f"cannot be read: {error}")
        except tomllib.TOMLDecodeError as error:
            self.note("", f"is not TOML: {error}")
        else:
            for table in sorted(set(document) - set(TABLES)):
                self.note(f"[{table}]", f"there is no such table{near(table, TABLES)}")
            for table in ("model", "source", "point"):
                if table not in document:
                    self.note("", f"needs {self._spelt(table)}")
            return document
        return None

    @staticmethod
    def _spelt(table: str) -> str:
        return f"[[{table}]]" if table in REPEATED else f"[{table}]"

    def _table(self, document: Mapping[str, Any], table: str) -> dict[str, Any]:
        raw = document.get(table, {})
        if not isinstance(raw, dict):
            self.note(self._spelt(table), f"must be a table, written [{table}]")
            return {}
        return self._keys(raw, table, self._spelt(table)) if table in document else {}

    def _list(self, document: Mapping[str, Any], table: str) -> list[dict[str, Any]]:
        return [self._keys(raw, table, where) for where, raw in self._raws(document, table)]

    def _raws(self, document: Mapping[str, Any], table: str) -> Iterator[tuple[str, dict[str, Any]]]:
        raws = document.get(table, [])
        if not isinstance(raws, list) or not all(isinstance(raw, dict) for raw in raws):
            self.note(self._spelt(table), f"must be a list of tables, each written [[{table}]]")
            return
        for number, raw in enumerate(raws, start=1):
            yield f"[[{table}]] {number}", raw

    def _keys(self, raw: Mapping[str, Any], table: str, where: str) -> dict[str, Any]:
        readers, found = TABLES[table], {}
        for key, value in raw.items():
            if key not in readers:
                self.note(where, f"{key}: there is no such key{near(key, readers)}")
                continue
            try:
                found[key] = readers[key](value)
            except Mistake as mistake:
                self.note(where, f"{key}: {mistake}")
        for key in REQUIRED.get(table, ()):
            if key not in raw:
                self.note(where, f"needs the key {key}")
        return found

    # --- points ----------------------------------------------------------------------------------

    def _points(self, document: Mapping[str, Any], shared: Mapping[str, Any], protocol: str) -> list[ModelPoint]:
        points: dict[str, ModelPoint] = {}
        for where, raw in self._raws(document, "point"):
            for one in self._singles(raw, where):
                place = f"{where} ({one.get('name', '?')})"
                before = len(self.problems)
                own = self._keys(one, "point", place)
                keys = _fitting(shared, own) | own
                if len(self.problems) > before or not self._can_be_made(keys, place):
                    continue
                if keys["name"] in points:
                    self.note(place, "there is a point of this name already")
                points[keys["name"]] = self._point(keys, place, protocol)
        return list(points.values())

    def _singles(self, raw: dict[str, Any], where: str) -> list[dict[str, Any]]:
        """Return the points of one table: several when the place is a table of names."""
        place = _PLACES[self.family]
        spread = raw.get(place)
        if not isinstance(spread, dict):
            return [raw]
        if "name" in raw or "label" in raw:
            self.note(where, f"name, label: have no meaning where {place} names several points")
        rest = {key: value for key, value in raw.items() if key not in (place, "name", "label")}
        return [{"name": name, place: value, **rest} for name, value in spread.items()]

    def _can_be_made(self, keys: Mapping[str, Any], where: str) -> bool:
        before = len(self.problems)
        wanted = ("name", _PLACES[self.family], *(("register", "type") if self.family == "modbus" else ()))
        for key in wanted:
            if key not in keys and not (key == "type" and Table(keys.get("register", "input")).is_bits):
                self.note(where, f"needs the key {key}")
        for key in sorted(set(keys) & (_EVERY_OWN_KEY - _OWN_KEYS[self.family])):
            self.note(where, f"{key}: has no meaning for {self.family}")
        if self.family != "modbus" and keys.get("type", "text") != "text":
            self.note(where, f'type: {self.family} sends numbers, or write "text"')
        return len(self.problems) == before

    def _point(self, keys: Mapping[str, Any], where: str, protocol: str) -> ModelPoint:
        label = keys.get("label") or label_of(keys["name"])
        if label is None:
            self.note(where, "needs a label: its name is not one of the shared names")
        spec = self._spec(keys, where, protocol)
        zh, en = label or ("", "")
        kept = {key: keys[key] for key in ("nominal", "code", "alias", "note", "ratio", "direction") if key in keys}
        if isinstance(spec, FactorSpec) and spec.field == "Rtd":
            kept.setdefault("code", spec.factor)
        kept["period"] = keys.get("period", "slow" if "direction" in keys else "fast")
        return ModelPoint(spec=spec, label_zh=zh, label_en=en, wrap=self._wrap(keys, spec, where), **kept)

    def _spec(self, keys: Mapping[str, Any], where: str, protocol: str) -> AnyPoint:
        common: dict[str, Any] = {key: keys[key] for key in ("name", *_MEANING) if key in keys}
        if self.family == "modbus":
            return self._register(keys, where, common)
        common["is_number"] = keys.get("type") != "text"
        if self.family == "dlt645":
            self._check_item(keys, where, protocol)
            return ItemSpec(item=keys["item"].upper(), format=keys.get("format"), signed=keys.get("signed"), **common)
        if self.family == "hj212":
            return FactorSpec(factor=keys["factor"], field=keys.get("field", "Rtd"), **common)
        unavailable = tuple(str(text) for text in keys.get("unavailable", ()))
        return FieldSpec(field=keys["field"], unavailable=unavailable, **common)

    def _register(self, keys: Mapping[str, Any], where: str, common: Mapping[str, Any]) -> PointSpec:
        table = Table(keys["register"])
        kind = "bit" if table.is_bits and "type" not in keys else keys["type"]
        unavailable = keys.get("unavailable", ())
        if not all(isinstance(pattern, int) for pattern in unavailable):
            self.note(where, "unavailable: must be raw register values, whole numbers")
            unavailable = ()
        spec = PointSpec(
            table=table, at=keys["at"], type=kind, order=keys.get("order", ""), unavailable=unavailable, **common
        )
        for key, words in problems(spec):
            self.note(where, f"{key}: {words}")
        return spec

    def _check_item(self, keys: Mapping[str, Any], where: str, protocol: str) -> None:
        digits, item = _ITEM_DIGITS[protocol], keys["item"]
        if not re.fullmatch(f"[0-9A-Fa-f]{{{digits}}}", item):
            self.note(where, f"item: a data identifier of {protocol} has {digits} hexadecimal digits, not {item!r}")
        elif lookup(item, keys.get("format")) is None:
            self.note(where, f'item: {item} is in none of our tables, or the format is none: write format = "XXX.X"')

    def _wrap(self, keys: Mapping[str, Any], spec: AnyPoint, where: str) -> float | None:
        """Return where a counter starts again: what the file says, else what its register can hold."""
        if "direction" not in keys or "wrap" in keys:
            wrap: float | None = keys.get("wrap")
            return wrap
        if isinstance(spec, PointSpec) and not problems(spec) and shape_of(spec.type).kind == "integer":
            bits = 16 * width(spec) - spec.type.startswith("int")
            return float(2**bits * spec.scale)
        self.note(where, 'needs the key wrap: the number at which the counter starts again, or "unknown"')
        return None

    # --- what must lead somewhere ------------------------------------------------------------------

    def _check_ascii(self, document: Mapping[str, Any], keys: Mapping[str, Any], points: list[ModelPoint]) -> None:
        if (self.family == "ascii") != ("ascii" in document):
            self.note("[ascii]", "belongs to models whose protocol is ascii, and every such model needs it")
        if not {"mode", "pattern"} <= set(keys):
            return
        for words in line_problems(AsciiSpec(**keys)):
            self.note("[ascii]", words)
        groups = set(re.findall(r"\(\?P<(\w+)>", keys["pattern"]))
        for spec in (point.spec for point in points):
            if isinstance(spec, FieldSpec) and spec.field not in groups:
                self.note(
                    f"[[point]] ({spec.name})",
                    f"field: the pattern has no group {spec.field!r}{near(spec.field, groups)}",
                )

    def _check_names(
        self, points: list[ModelPoint], plausible: Mapping[str, Any], listed: Mapping[str, list[dict[str, Any]]]
    ) -> None:
        names = {point.spec.name for point in points}
        wanted = [("[plausible]", name) for name in plausible.get("points", ())]
        for number, status in enumerate(listed["status"], start=1):
            wanted += [
                (f"[[status]] {number}", name) for name in (status.get("point"), *status.get("decides", ())) if name
            ]
        for number, sample in enumerate(listed["sample"], start=1):
            wanted += [(f"[[sample]] {number}", name) for name in sample.get("readings", {})]
        for where, name in wanted:
            if name not in names:
                self.note(where, f"there is no point {name!r}{near(name, names)}")

    # --- making ------------------------------------------------------------------------------------

    def _made(
        self,
        head: dict[str, Any],
        points: list[ModelPoint],
        tables: Mapping[str, dict[str, Any]],
        listed: Mapping[str, list[dict[str, Any]]],
    ) -> Model | None:
        if head["name"] != self.path.stem:
            self.note("[model]", f"name: must be that of the file, {self.path.stem!r}")
        marks = [self._mark(keys, f"[[mark]] {number}") for number, keys in enumerate(listed["mark"], start=1)]
        zh, en = head.pop("title")
        head["barriers"] = head.get("barriers", frozenset()) | (_holes(points) if head.get("no_holes") else frozenset())
        head |= {f"{key}_s": head.pop(key) for key in ("timeout", "turnaround") if key in head}
        return Model(
            **head,
            path=self.path,
            title_zh=zh,
            title_en=en,
            points=tuple(points),
            settings=tuple(LineSettings(**keys) for keys in listed["line"]),
            marks=tuple(mark for mark in marks if mark),
            plausible=tables["plausible"].get("points", ()),
            statuses=_statuses(listed["status"], [point.spec.name for point in points]),
            ascii=AsciiSpec(**tables["ascii"]) if self.family == "ascii" else None,
            sources=tuple(Source(**keys) for keys in listed["source"]),
            traps=tuple(Trap(keys["about"], *keys["text"]) for keys in listed["trap"]),
            samples=tuple(Sample(**keys) for keys in listed["sample"]),
        )

    def _mark(self, keys: dict[str, Any], where: str) -> Mark | None:
        asked = {"equals": keys.pop("equals", ()), "between": keys.pop("between", None)}
        if not asked["equals"] and asked["between"] is None:
            self.note(where, "needs equals or between")
        if "item" in keys:
            return Mark(spec=ItemSpec(name="mark", item=keys["item"].upper()), **asked)
        if not {"register", "at", "type"} <= set(keys):
            self.note(where, "needs register, at and type (or item)")
            return None
        return Mark(spec=self._register(keys, where, {"name": "mark"}), **asked)


def _statuses(listed: Iterable[dict[str, Any]], names: Iterable[str]) -> tuple[ModelStatus, ...]:
    """Return the statuses; one that does not say whom it decides about decides about all that is no status itself."""
    told = [ModelStatus(**keys) for keys in listed]
    values = tuple(name for name in names if name not in {status.point for status in told})
    return tuple(status if status.decides else replace(status, decides=values) for status in told)


def _fitting(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a point takes over from ``[points]``: a bit or another type has no use for order and patterns."""
    left_out: set[str] = set()
    if own.get("register") in ("coil", "discrete"):
        left_out = {"type", "order", "unavailable"}
    elif own.get("type", shared.get("type")) != shared.get("type"):
        left_out = (
            {"order", "unavailable"} if _width_of(own["type"]) != _width_of(shared.get("type")) else {"unavailable"}
        )
    return {key: value for key, value in shared.items() if key not in left_out}


def _width_of(kind: str | None) -> int | None:
    """Return the registers of a type, ``None`` where there is no such type."""
    try:
        return registers_of(kind) if kind else None
    except BadPoint:
        return None


def _holes(points: list[ModelPoint]) -> frozenset[tuple[Table, int]]:
    """Return a barrier before every value that follows registers of which the model says nothing."""
    found = set()
    for table in Table:
        specs = [point.spec for point in points if isinstance(point.spec, PointSpec) and point.spec.table is table]
        end = None
        for spec in sorted(specs, key=lambda spec: spec.at):
            if end is not None and spec.at > end:
                found.add((table, spec.at))
            end = max(end or 0, spec.at + width(spec))
    return frozenset(found)
