"""One table of the file: what is good in it, kept even when some of its keys are not.

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
    from config.findings import Findings
    from config.lines import Path

T_co = TypeVar("T_co", bound=schema.SiteTable, covariant=True)


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
class Spot:
    """A raw table and where it stands."""

    path: Path
    where: str
    raw: dict[str, Any]


def fields_of(model: type[schema.SiteTable]) -> dict[str, str]:
    """Return the attributes of a table by the keys that fill them."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


def read_table(
    model: type[T_co], spot: Spot, findings: Findings, *, parts: tuple[str, ...] = (), is_changing: bool = False
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
    fields = fields_of(model)
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


def _set(table: schema.SiteTable, name: str | None, key: str, spot: Spot, findings: Findings) -> bool:
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


def _unknown(key: str, known: tuple[str, ...], spot: Spot, findings: Findings) -> None:
    meant = [word for word in MEANT.get(key.lower(), ()) if word in known]
    hint = f'did you mean "{meant[0]}"?' if meant else instead(key, known, what="known keys")
    findings.mistake((*spot.path, key), spot.where, f'unknown key "{key[:60]}"', value=spot.raw[key], hint=hint)
