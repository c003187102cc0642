"""The words of a request to values: names, moments, fractions, lists. Whatever does not fit is refused in words."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from config.problem import Mistake
from config.values import seconds_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from zoneinfo import ZoneInfo

LONGEST_TEXT: Final = 500
MOST_LISTED: Final = 50
_FURTHEST_S: Final = 10 * 366 * 86400
_WHEN: Final = 'write "2026-11-23 20:00" (local time), "2026-11-23T12:00:00Z", "now" or "+2h"'


class EntryRefused(Exception):
    """Why an entry is not taken: ``str`` says it in words, with what to do instead."""


class Words:
    """The words of one request. Every reader names the word it is about when it refuses."""

    def __init__(self, words: Mapping[str, Any], zone: ZoneInfo, now_ms: int | None) -> None:
        """`now_ms` is believed wall time, ``None`` while it is not known."""
        self._words = words
        self._zone = zone
        self._now_ms = now_ms

    def known(self, *names: str) -> None:
        """Refuse words that are none of `names`."""
        for word in self._words:
            if word not in names:
                near = difflib.get_close_matches(word, names, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
                raise EntryRefused(f"{word!r} is not known here; {hint}")

    def has(self, name: str) -> bool:
        """Whether the word is given."""
        return self._words.get(name) is not None

    def text(self, name: str, *, default: str | None = None) -> str:
        """Return a text of at most 500 printable characters."""
        value = self._words.get(name, default)
        if value is None:
            raise EntryRefused(f"{name} is missing")
        if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
            raise EntryRefused(f"{name} must be a text of at most {LONGEST_TEXT} characters on one line")
        return value.strip()

    def needed(self, name: str) -> str:
        """Return a text that says something."""
        text = self.text(name)
        if not text:
            raise EntryRefused(f"{name} is empty")
        return text

    def choice(self, name: str, choices: Collection[str], *, default: str | None = None) -> str:
        """Return one of `choices`."""
        value = self.text(name, default=default)
        if value not in choices:
            near = difflib.get_close_matches(value, choices, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(choices) or 'none'}"
            raise EntryRefused(f"{name}: there is no {value!r}; {hint}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; none when the word is not given."""
        value = self._words.get(name)
        if value is None:
            return ()
        listed = value if isinstance(value, list) else [value]
        if len(listed) > MOST_LISTED or not all(isinstance(one, str) and one and one.isprintable() for one in listed):
            raise EntryRefused(f"{name} must be a list of at most {MOST_LISTED} texts")
        return tuple(dict.fromkeys(one.strip()[:LONGEST_TEXT] for one in listed))

    def listed(self, name: str) -> list[Any]:
        """Return a list of whatever it holds; none when the word is not given."""
        value = self._words.get(name, [])
        if not isinstance(value, list) or len(value) > MOST_LISTED:
            raise EntryRefused(f"{name} must be a list of at most {MOST_LISTED}")
        return value

    def table(self, name: str) -> dict[str, Any]:
        """Return a table of words."""
        value = self._words.get(name)
        if not isinstance(value, dict) or not value or len(value) > MOST_LISTED:
            raise EntryRefused(f"{name} must be a table of at most {MOST_LISTED}")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """Return a number from `low` to `high`, ``None`` when it is not given."""
        value = self._words.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise EntryRefused(f"{name} must be a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, name: str) -> bool:
        """Return a truth value, false when it is not given."""
        value = self._words.get(name, False)
        if not isinstance(value, bool):
            raise EntryRefused(f"{name} must be true or false")
        return value

    def moment(self, name: str, *, default: str | None = None) -> int:
        """Return a moment as wall time in ms."""
        text = self.text(name, default=default)
        at_ms = self._relative(name, text) if text == "now" or text.startswith("+") else self._absolute(name, text)
        if self._now_ms is not None and abs(at_ms - self._now_ms) > _FURTHEST_S * 1000:
            raise EntryRefused(f"{name}: {text!r} is more than ten years away")
        return at_ms

    def _relative(self, name: str, text: str) -> int:
        if self._now_ms is None:
            raise EntryRefused(f"{name}: the box does not know the time yet, so {text!r} means nothing; write a date")
        try:
            later_s = 0.0 if text == "now" else seconds_of(text[1:])
        except Mistake as mistake:
            raise EntryRefused(f"{name}: {text!r}: {mistake}; {_WHEN}") from None
        return self._now_ms + round(later_s * 1000)

    def _absolute(self, name: str, text: str) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise EntryRefused(f"{name}: {text!r} is no moment; {_WHEN}") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        try:
            return round(moment.astimezone(UTC).timestamp() * 1000)
        except (OverflowError, ValueError):
            raise EntryRefused(f"{name}: {text!r} is no moment; {_WHEN}") from None


_HOURS: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")


def hours_of(text: str) -> tuple[int, int]:
    """Return the minutes of the day from and to which ``"06:00-22:00"`` lasts; past midnight where it ends earlier."""
    match = _HOURS.fullmatch(text)
    if match is None:
        raise EntryRefused(f'hours: {text!r} is no span of the day; write "06:00-22:00"')
    first, last = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if last > 24 * 60 or first == last:
        raise EntryRefused(f'hours: {text!r} is no span of the day; write "06:00-22:00"')
    return first, last
