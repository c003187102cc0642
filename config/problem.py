"""A mistake in a site file, as the person at the box sees it: where, what, the value, and what to write instead.

Values are shown as TOML writes them, shortened, and never when the key sounds like a secret: problems end up in logs.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 60
_SECRET_KEY = re.compile(r"pass|secret|token|credential|pwd", re.IGNORECASE)
_SECRET_IN_URL = re.compile(r"//[^/@\s]*@")


class Mistake(ValueError):
    """A value that cannot be meant. ``str(mistake)`` says what is wrong, `hint` what to write instead."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake. `line` counts from 1, ``None`` means the file as a whole; `value` is "" when there is none."""

    file: str
    line: int | None
    where: str
    what: str
    value: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        subject = f"{place}: {self.where}: {self.what}" if self.where else f"{place}: {self.what}"
        return subject + (f" ({self.value})" if self.value else "") + (f" — {self.hint}" if self.hint else "")


class SiteProblems(Exception):
    """A site file that is refused, with every mistake in it, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def shown(value: Any, key: str = "") -> str:
    """Return `value` as TOML would write it, on one line, shortened; tables and long arrays only in outline."""
    if _SECRET_KEY.search(key) and not key.endswith("_file"):
        return "not shown"
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list):
        inner = [shown(item) for item in value[:4] if not isinstance(item, list)]
        return "[" + ", ".join(inner + ["…"] * (len(inner) < len(value))) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """Return a text, number, boolean or date as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{_short(_printable(_SECRET_IN_URL.sub("//…@", value)))}"'
    if isinstance(value, int) and value.bit_length() > 64:  # noqa: PLR2004  (turning it into digits could take long)
        return "a very large number"
    return _short(str(value))


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "·" for character in text[: 2 * _SHOWN])


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def instead(wrong: object, choices: Iterable[str], *, what: str = "one of") -> str:
    """Return the hint for a word that is none of `choices`: the nearest one, or all of them when they are few."""
    known = {word.lower(): word for word in sorted(set(choices))}
    near = difflib.get_close_matches(str(wrong)[:100].lower(), known, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{known[near[0]]}"?'
    return f"{what}: {_listed(list(known.values()))}" if known else ""


def _listed(words: list[str], most: int = 24) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")
