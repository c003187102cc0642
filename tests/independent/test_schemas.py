"""The JSON Schemas and the AsyncAPI document say the same as the records do."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from agent.record import KINDS
from tests.independent.make_vectors import CASES, body_of, gap, written

DOCS = Path(__file__).parents[2] / "docs"
SCHEMAS: dict[str, dict[str, Any]] = {
    path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted((DOCS / "schema").glob("*.json"))
}


@cache
def validator(kind: str) -> Draft202012Validator:
    """Return the validator of one kind of record."""
    resources = [(name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(SCHEMAS[f"{kind}.json"], registry=registry)


def complaints(record: dict[str, Any]) -> list[str]:
    """Return what the schema of its kind says against a record."""
    return [error.message for error in validator(record["kind"]).iter_errors(record)]


def test_there_is_a_schema_for_every_kind_and_one_for_all() -> None:
    """No kind is without its page, and no page without its kind."""
    assert set(SCHEMAS) == {f"{kind}.json" for kind in (*KINDS, "common")}
    for name, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == name


@pytest.mark.parametrize("name", [name for name, make in CASES.items() if make().expect == "clean"])
def test_every_record_of_a_clean_vector_fits_its_schema(name: str) -> None:
    """What verifies is also of the published form."""
    records = [json.loads(line[line.index(b"{") :]) for line in CASES[name]().lines if b'"sig"' in line]

    assert records
    assert [(record["seq"], complaints(record)) for record in records if complaints(record)] == []


def test_the_vectors_use_every_kind_this_version_writes() -> None:
    """Nothing is documented that no vector shows, but what is reserved."""
    lines = [line for name in ("clean", "covered-gap") for line in CASES[name]().lines]

    assert {json.loads(line)["kind"] for line in lines} == set(KINDS) - {"key"}


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"gw": "JN 0417"},
        {"chain": ""},
        {"prev": "short"},
        {"seq": 0},
        {"ts": "2026-11-22T01:30:01Z"},
        {"clk": {"boot": "a6ebeace", "up": 1}},
        {"cfg": ""},
        {"sig": "abc"},
        {"kind": "readings", "device": 7},
        {"values": {"power": [1]}},
        {"flags": {"power": "N"}},
        {"stats": {"power": {"avg": 1, "min": 1, "max": 1, "n": 1}}},
    ],
    ids=str,
)
def test_a_record_of_another_form_does_not_fit(change: dict[str, Any]) -> None:
    """The schemas can fail."""
    record = json.loads(written(2).lines[1])

    assert complaints(record) == []
    assert complaints(record | change)


def test_a_gap_of_another_form_does_not_fit() -> None:
    """Runs are triples, at most 200."""
    writer = written(3)
    record = json.loads(writer.add(gap((2, 2, None))).wire)

    assert complaints(record) == []
    assert complaints(record | {"runs": [[2, 2]]})
    assert complaints(record | {"runs": [[2, 2, None]] * 201})
    assert "sig" not in body_of(writer.lines[3])


# --- AsyncAPI ----------------------------------------------------------------------------------------------------

ASYNCAPI: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))


def references(node: object) -> list[str]:
    """Return every $ref in a document."""
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for member in node.values() for found in references(member)]
    return [found for item in node for found in references(item)] if isinstance(node, list) else []


def resolves(reference: str) -> bool:
    """Whether a $ref leads somewhere, in the document itself or in a schema file."""
    file, _, pointer = reference.partition("#")
    node: Any = json.loads((DOCS / file).read_text(encoding="utf-8")) if file else ASYNCAPI
    for step in filter(None, pointer.split("/")):
        if step not in node:
            return False
        node = node[step]
    return True


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    """No dangling reference, neither inside nor into docs/schema."""
    found = references(ASYNCAPI)

    assert ASYNCAPI["asyncapi"].startswith("3.")
    assert len(found) > 2 * len(KINDS)
    assert [reference for reference in found if not resolves(reference)] == []


def test_every_kind_has_its_topic() -> None:
    """The address of a channel ends with the kind, and its payload is that kind's schema."""
    channels = {name: channel["address"] for name, channel in ASYNCAPI["channels"].items()}
    payloads = {
        name: message["payload"]["$ref"]
        for name, message in ASYNCAPI["components"]["messages"].items()
        if name in KINDS
    }

    assert channels == {name: f"{{prefix}}/v1/{{gateway}}/{name}" for name in (*KINDS, "status", "meta")}
    assert payloads == {kind: f"schema/{kind}.json" for kind in KINDS}
    assert {operation["channel"]["$ref"] for operation in ASYNCAPI["operations"].values()} == {
        f"#/channels/{name}" for name in channels
    }
