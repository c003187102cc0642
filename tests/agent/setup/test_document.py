"""A document of answers: paths that lead to things and not to places, and TOML that reads back the same."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.setup.document import Document, Path, numbered, recall, remember, spoken, toml, which

PATHS: dict[str, tuple[Path, Any]] = {
    "a key": (("gateway", "id"), "jn-1"),
    "a table in a table": (("uplink", "mqtt", "url"), "mqtt://h"),
    "an element by what it is": (("device", which(bus="line1", address=3), "name"), "press-1"),
    "an element by its number": (("line", 0, "name"), "paint"),
    "an element of an element": (("outlet", which(name="s"), "factor", which(point="c.so2"), "limit"), 35.0),
}


@pytest.mark.parametrize(("path", "value"), PATHS.values(), ids=PATHS)
def test_what_is_remembered_is_recalled(path: Path, value: Any) -> None:
    """Tables on the way are made; what was never answered is not there; what is taken back is gone."""
    document: Document = {}

    assert recall(document, path) is None
    remember(document, path, value)
    assert recall(document, path) == value
    remember(document, path, None)
    assert recall(document, path) is None


def test_an_element_stays_itself_when_others_go() -> None:
    """A device is known by line and address, so its answers do not move to its neighbour."""
    document: Document = {"device": [{"address": 3, "name": "a"}, {"address": 4, "name": "b"}]}
    path: Path = ("device", which(address=4), "name")

    assert numbered(document, path) == ("device", 1, "name")
    del document["device"][0]
    assert recall(document, path) == "b"
    assert numbered(document, path) == ("device", 0, "name")
    assert numbered(document, ("device", which(address=9), "name")) is None
    assert spoken(path) == "device[4].name"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN = TEXTS | st.integers(-(2**60), 2**60) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = PLAIN | st.lists(PLAIN, max_size=3)
TABLES = st.recursive(
    st.dictionaries(TEXTS, VALUES, max_size=4),
    lambda inner: st.dictionaries(TEXTS, VALUES | inner | st.lists(inner, min_size=1, max_size=3), max_size=4),
    max_leaves=12,
)


@given(TABLES)
def test_toml_reads_back_the_same(document: Document) -> None:
    """Whatever is answered, in any language, with quotes and line breaks in it."""
    assert tomllib.loads(toml(document)) == document
