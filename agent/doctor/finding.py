"""A finding: how bad it is, what, where, and the command that mends it. The sentences stand in ``findings.toml``."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from config.site import Text

_LONGEST: Final = 400
"""Characters of one member of a sentence: what a program, a broker or a device said may be of any length."""


class Severity(StrEnum):
    """From well to bad. A note asks nobody to do anything: it is worth knowing, or could not be seen."""

    FINE = "fine"
    NOTE = "note"
    WARNING = "warning"
    SERIOUS = "serious"


_ORDER: Final = list(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    `id` finds it in ``docs/doctor.md``; `mend` is for a shell, "" when nothing is due.
    """

    id: str
    severity: Severity
    where: str
    what: Text
    mend: str = ""

    @property
    def is_trouble(self) -> bool:
        """Whether somebody should do something about it."""
        return self.severity in (Severity.WARNING, Severity.SERIOUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """How a finding is told; ``{names}`` in it are filled in by whoever finds it."""

    severity: Severity
    zh: str
    en: str
    mend: str = ""


@cache
def catalogue() -> dict[str, Sentence]:
    """Return every finding there can be, by id."""
    text = (files(__package__) / "findings.toml").read_text(encoding="utf-8")
    return {
        name: Sentence(severity=Severity(row["severity"]), zh=row["zh"], en=row["en"], mend=row.get("mend", ""))
        for name, row in tomllib.loads(text).items()
    }


def find(name: str, where: object = "", /, **fields: object) -> Finding:
    """Return the finding of this id. In the command every member is quoted for a shell; ``{where}`` is one of them."""
    sentence = catalogue()[name]
    told = {key: plain(value) for key, value in {**fields, "where": where}.items()}
    quoted = {key: shlex.quote(value) for key, value in told.items()}
    what = Text(sentence.zh.format(**told), sentence.en.format(**told))
    return Finding(
        id=name, severity=sentence.severity, where=told["where"], what=what, mend=sentence.mend.format(**quoted)
    )


def plain(value: object) -> str:
    """Return a value as text that a terminal can be trusted with: one line, no control characters, not too long."""
    text = "".join(one if one.isprintable() else " " for one in str(value)[: 2 * _LONGEST]).strip()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def worst(findings: list[Finding]) -> Severity:
    """Return how bad the worst of them is."""
    return max((finding.severity for finding in findings), key=_ORDER.index, default=Severity.FINE)


def part(answer: Any, *names: str) -> dict[str, Any]:
    """Return a table inside an answer of the agent, empty where it is not: another version may tell other things."""
    for name in names:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer if isinstance(answer, dict) else {}


def size(count: float) -> str:
    """Return bytes for people: ``12.3 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:  # noqa: PLR2004 -- the step between the units
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def span(seconds: float) -> str:
    """Return a length of time for people, in one unit and a bit: ``3 h 20 min``. Units are read in both languages."""
    whole = int(max(0.0, seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{whole} s"
