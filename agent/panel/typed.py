"""What people typed into a form, read into values: every mistake is kept with its field, and nothing typed is lost.

Readers never raise: they note what is wrong as (key of the words, fields) and return ``None``, so that one look at the
form tells all its mistakes at once.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from agent.panel import moments

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from zoneinfo import ZoneInfo

Said = tuple[str, dict[str, Any]]
"""A key of the words, and what to fill in."""

LONGEST: Final = 500
_HOUR: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


class Typed:
    """One form. `problems` grow as it is read, by field."""

    def __init__(self, fields: Mapping[str, str], zone: ZoneInfo) -> None:
        self.fields = fields
        self.problems: dict[str, Said] = {}
        self.zone = zone

    def refuse(self, name: str, key: str, **said: object) -> None:
        """Note what is wrong with a field; the first word about it stays."""
        self.problems.setdefault(name, (key, said))

    def raw(self, name: str) -> str:
        """Return what was typed, without blanks around it."""
        return self.fields.get(name, "").strip()

    def text(self, name: str, *, needed: bool = False, most: int = LONGEST) -> str | None:
        """Return a text on one line; ``None`` where there is none."""
        text = self.raw(name)
        if not text:
            self._missing(name, needed=needed)
            return None
        if len(text) > most or not text.isprintable():
            self.refuse(name, "typed.text", most=most)
            return None
        return text

    def choice(self, name: str, choices: Collection[str], *, needed: bool = True) -> str | None:
        """Return one of `choices`."""
        text = self.raw(name)
        if text in choices and text:
            return text
        if text:
            self.refuse(name, "typed.choice")
        else:
            self._missing(name, needed=needed)
        return None

    def number(self, name: str, low: float, high: float, *, needed: bool = False) -> float | None:
        """Return a number; digits and points of full width, as Chinese keyboards type them, are read, too."""
        text = unicodedata.normalize("NFKC", self.raw(name)).replace("。", ".")
        if not text:
            self._missing(name, needed=needed)
            return None
        try:
            number = float(text)
        except ValueError:
            self.refuse(name, "typed.number")
            return None
        if not low <= number <= high:
            self.refuse(name, "typed.range", low=f"{low:g}", high=f"{high:g}")
            return None
        return number

    def moment(self, name: str, *, needed: bool = False) -> int | None:
        """Return a moment of the site's clock, ms since 1970."""
        text = unicodedata.normalize("NFKC", self.raw(name))
        if not text:
            self._missing(name, needed=needed)
            return None
        try:
            return moments.typed(text, self.zone)
        except moments.NoMoment as wrong:
            self.refuse(name, "typed.skipped" if wrong.skipped else "typed.moment")
            return None

    def hour(self, name: str) -> str | None:
        """Return an hour of the day, ``06:00``."""
        text = unicodedata.normalize("NFKC", self.raw(name))
        if text and not _HOUR.fullmatch(text):
            self.refuse(name, "typed.hour")
            return None
        return text or None

    def _missing(self, name: str, *, needed: bool) -> None:
        if needed:
            self.refuse(name, "typed.missing")
