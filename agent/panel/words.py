"""Every text that the panel shows, in Chinese and English: ``words/*.toml``, a table ``[key]`` with zh and en each.

    [nav.alarms]
    zh = "报警"
    en = "Alarms"

In templates ``{{ t("nav.alarms") }}``, with fields ``{{ t("alarms.count", n=3) }}`` for ``"{n} alarms"``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
FOLDER: Final = Path(__file__).parent / "words"


class Words:
    """The texts by key."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read every file of the folder. Raises ValueError when a key stands twice, or lacks a language."""
        self.texts: dict[str, dict[Language, str]] = {}
        for path in sorted(folder.glob("*.toml")):
            for key, both in texts_in(tomllib.loads(path.read_text(encoding="utf-8"))):
                if key in self.texts or set(both) != set(LANGUAGES):
                    raise ValueError(f"{path.name}: [{key}] stands twice, or lacks a language")
                self.texts[key] = both

    def said(self, language: Language, key: str, **fields: object) -> str:
        """Return a text with its fields filled in. Raises KeyError for a key that no file has."""
        text = self.texts[key][language]
        return text.format(**fields) if fields else text


def texts_in(tables: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, dict[Language, str]]]:
    """Yield the texts of a file by their whole keys."""
    for name, table in tables.items():
        if "zh" in table or "en" in table:
            yield above + name, table
        else:
            yield from texts_in(table, f"{above}{name}.")
