"""The words of `plantgate init`, in Chinese and English: `words.toml`, a table for each key.

``zh`` and ``en`` are what is said, ``zh_why`` and ``en_why`` what "?" explains.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["zh", "en"]


class Words:
    """The words in one language. What stands in for `fields` is made printable: some of it comes from devices."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language

    def text(self, key: str, fields: Mapping[str, object] | None = None) -> str:
        """Return the text of `key`."""
        return _put(table()[key][self.language], fields)

    def why(self, key: str, fields: Mapping[str, object] | None = None) -> str:
        """Return the explanation of `key`."""
        return _put(table()[key][f"{self.language}_why"], fields)

    def maybe(self, key: str) -> str:
        """Return the text of `key`, "" where there is none."""
        return str(table().get(key, {}).get(self.language, ""))


@lru_cache(maxsize=1)
def table() -> dict[str, dict[str, str]]:
    """Return all words by key."""
    said: dict[str, Any] = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    return said


def _put(text: str, fields: Mapping[str, object] | None) -> str:
    return text.format_map({key: printable(str(value)) for key, value in (fields or {}).items()})


def printable(text: str) -> str:
    """Return a text without control characters; lines stay."""
    return "".join(one if one.isprintable() or one == "\n" else "·" for one in text)
