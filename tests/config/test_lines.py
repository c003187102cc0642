"""The line index finds every place of a TOML document, whatever way it is written."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.lines import Path, index

if TYPE_CHECKING:
    from collections.abc import Iterator

TRICKY = '''# comment with [header] and key = 1
top = 2

[ a . "b c" ]  # 4
x = 5
'y.z' = 6
long = """
[not]
a = 1 \\""" still
""" # 7
raw = \'\'\'
[[device]]
\'\'\'

[[device]]
name = 16
[[device.point]]
at = 18
[[device.point]]
at = 20
deep.er.key = 21
inline = { p = 22, q.r = 22, s = [22, 22] }
[[device]]
[[device.point]]
list = [
  26, # ]
  27,
  { m = 28 },
]
'''


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every scalar of a parsed document with its path."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from leaves(member, (*path, key))
    if not isinstance(value, dict | list):
        yield path, value


def test_every_number_of_a_tricky_document_is_its_own_line() -> None:
    """Quoted and dotted keys, texts that look like tables, nested arrays of tables, inline tables, lists over lines."""
    lines = index(TRICKY)
    numbers = [(path, value) for path, value in leaves(tomllib.loads(TRICKY)) if isinstance(value, int)]

    assert len(numbers) == 14
    assert [(path, lines.line(path)) for path, _ in numbers] == numbers
    assert lines.line(("a", "b c")) == 4
    assert lines.line(("a", "b c", "long")) == 7


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("device", 0), 15),
        (("device", 0, "missing"), 15),
        (("device", 0, "point", 1), 19),
        (("device", 0, "point", 1, "type"), 19),
        (("device", 1, "point", 0), 24),
        (("nothing", "here"), 1),
        ((), 1),
    ],
)
def test_what_is_not_written_has_the_line_of_the_table_around_it(path: Path, line: int) -> None:
    """A missing key is reported at its table's header."""
    assert index(TRICKY).line(path) == line


def test_windows_line_ends_count_once() -> None:
    """A file saved on Windows has the same lines."""
    assert index(TRICKY.replace("\n", "\r\n")).line(("device", 0, "point", 1, "at")) == 20


KEYS = st.sampled_from(["a", "b", "at", "name-1", '"q k"', "'l.k'", "c . d", "e.f.g", '"\\u00e9"'])
NOISE = st.sampled_from(["", "# [x]\n", "\n\n", '  # a = 1 """\n', "\t\n"])
VALUES = st.sampled_from(
    [
        "{n}",
        "[ {n}, {n} ]",
        "[\n]",
        "{{ p = {n}, q = [{n}] }}",
        '"x = [1] # no"',
        "'''\n[t]\nx = 1\n'''",
        '"""a\\\n b"""',
    ]
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Return a valid document in which every whole number is the line it stands on."""
    text = ""
    tables = draw(
        st.lists(st.sampled_from(["[[dev]]", "[[dev.point]]", "[[dev.point.x]]", "[t{i}]", "[u.v{i}.w]"]), max_size=8)
    )
    opened = 0
    for number, header in enumerate(["", *tables]):
        depth = header.count(".") if header.startswith("[[dev") else -1
        if depth > opened:
            continue
        opened = depth + 1 if depth >= 0 else opened
        text += draw(NOISE) + header.format(i=number) + ("\n" if header else "")
        for key in draw(st.lists(KEYS, unique=True, max_size=4)):
            text += draw(NOISE)
            text += f"{key} = {draw(VALUES)}".format(n=text.count("\n") + 1) + draw(st.sampled_from(["\n", " # c\n"]))
    return text


@given(documents())
def test_generated_documents_are_indexed_right(text: str) -> None:
    """For any document, every value is found on its line, and every place that the parser sees is known."""
    lines = index(text)
    found = list(leaves(tomllib.loads(text)))

    assert all(lines.knows(path) for path, _ in found)
    assert [(path, lines.line(path)) for path, value in found if isinstance(value, int)] == [
        (path, value) for path, value in found if isinstance(value, int)
    ]


@given(st.text(alphabet="[]{}=\"'\n .#a,\\", max_size=40))
def test_the_walk_ends_on_anything(text: str) -> None:
    """Text that is no TOML ends the walk or raises `ValueError`, and never hangs it."""
    try:
        lines = index(text)
    except ValueError:
        return

    assert lines.line(()) == 1
