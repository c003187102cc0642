"""Texts: both languages, nothing missing, nothing left over."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import agent.panel
from agent.panel.words import LANGUAGES, Words

ROOT = Path(agent.panel.__file__).parent
SOURCES = [*(ROOT / "templates").glob("*.html"), *ROOT.rglob("*.py")]
WORDS = Words()


def strings() -> tuple[set[str], set[str]]:
    """Return all texts in quotes of templates and modules, and the beginnings of those that are put together."""
    whole: set[str] = set()
    begun: set[str] = set()
    for path in SOURCES:
        text = path.read_text("utf-8")
        whole |= {match[2] for match in re.finditer(r"""(["'])([a-z][\w.-]*)\1""", text)}
        begun |= set(re.findall(r"""["']([a-z][\w.-]*\.)[{"']""", text))
    return whole, begun | {f"{key}." for key in whole if "." in key}


def test_every_key_that_a_template_names_has_a_text() -> None:
    """A page never shows a key."""
    wrong = [
        (path.name, key)
        for path in (ROOT / "templates").glob("*.html")
        for key in re.findall(r"""\bt\(\s*["']([^"']+)["']\s*[,)]""", path.read_text("utf-8"))
        if key not in WORDS.texts
    ]

    assert wrong == []


def test_every_text_is_used() -> None:
    """What nobody says any more is taken away."""
    whole, begun = strings()
    unused = [key for key in WORDS.texts if key not in whole and not any(key.startswith(part) for part in begun)]

    assert unused == []


@pytest.mark.parametrize("key", WORDS.texts)
def test_both_languages_say_the_same(key: str) -> None:
    """Neither is empty, both have the same fields, and Chinese is Chinese where there are words at all."""
    texts = WORDS.texts[key]
    fields = [{name for _, name, _, _ in Formatter().parse(texts[one]) if name} for one in LANGUAGES]

    assert all(texts[one].strip() for one in LANGUAGES)
    assert fields[0] == fields[1]


BROKEN = {
    "a language is missing": '[a.b]\nzh = "甲"\n',
    "a language too many": '[a.b]\nzh = "甲"\nen = "a"\nde = "a"\n',
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_found_at_the_start(tmp_path: Path, case: str) -> None:
    """A panel with half its texts does not start."""
    (tmp_path / "a.toml").write_text(BROKEN[case], encoding="utf-8")

    with pytest.raises(ValueError, match=r"a\.b"):
        Words(tmp_path)


def test_a_key_stands_in_one_file(tmp_path: Path) -> None:
    """Two files cannot say different things under one name."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text('[x]\nzh = "甲"\nen = "a"\n', encoding="utf-8")

    with pytest.raises(ValueError, match="twice"):
        Words(tmp_path)


def test_fields_are_filled_in(tmp_path: Path) -> None:
    """By name."""
    (tmp_path / "a.toml").write_text('[x.y]\nzh = "{n} 条"\nen = "{n} rows"\n', encoding="utf-8")
    words = Words(tmp_path)

    assert (words.said("zh", "x.y", n=3), words.said("en", "x.y", n=3)) == ("3 条", "3 rows")
