"""How orders, marks and tasks are listed: two lines or more for each, in the site's language and the plant's time.

The first line says what and when; what does not fit beside it goes below. The sign repeats what the words say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from agent.cli.door import asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import ConsoleOptions, RenderResult

    from config.site import Gateway, Site

NOW: Final = ("●", "bold")
"""In force: sign and style."""
COMING: Final = ("○", "")
OVER: Final = ("·", "bright_black")
LATE: Final = ("!", "bold red")
DONE: Final = ("✓", "green")
ENTERED: Final = ("+", "green")
"""Just entered: what a verb shows of it at once."""

_INDENT: Final = 7


class Tongue:
    """The language and the time zone of a site."""

    def __init__(self, gateway: Gateway) -> None:
        self.language: str = gateway.language
        self._zone = ZoneInfo(gateway.timezone)

    def word(self, zh: str, en: str) -> str:
        """Return the word in the site's language."""
        return zh if self.language == "zh" else en

    def moment(self, text: str) -> str:
        """Return a record's time as the wall clock of the plant shows it."""
        return f"{datetime.fromisoformat(text).astimezone(self._zone):%Y-%m-%d %H:%M}"

    def span(self, start: str, end: str | None) -> str:
        """Return from when to when; an entry may have no end yet."""
        until = self.word("未结束", "until ended") if end is None else self.moment(end)
        return f"{self.moment(start)} → {until}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is shown. `sign` is a sign and its style; `below` are lines under the first."""

    sign: tuple[str, str]
    id: str
    what: str
    when: str
    below: tuple[str, ...] = ()


class Listing:
    """Entries for rich: they ask for their width when they are drawn."""

    def __init__(self, entries: Sequence[Entry], none: str) -> None:
        """`none` is what is said when there is nothing to list."""
        self._entries, self._none = entries, none

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._entries:
            yield Text(self._none)
        for entry in self._entries:
            yield from _drawn(entry, options.max_width)


def _drawn(entry: Entry, width: int) -> Iterator[Text]:
    """Return the rows of an entry: what with its moments beside it where they fit, else below, then the rest."""
    sign, style = entry.sign
    first, *more = _rows(entry.what, width, style)
    first = Text.assemble((f"{sign} {entry.id}".ljust(_INDENT), style), first)
    room = width - first.cell_len - cell_len(entry.when)
    beside = not more and room > 1
    yield first.append(" " * room + entry.when, style) if beside else first
    more += [] if beside else _rows(entry.when, width, style)
    more += [row for line in entry.below for row in _rows(line, width, "bright_black")]
    for row in more:
        row.pad_left(_INDENT)
        yield row


def _rows(line: str, width: int, style: str) -> list[Text]:
    """Return a text in as many rows as it needs beside the indent."""
    return list(Text(line, style=style).wrap(Console(), max(8, width - _INDENT)))


def booked(site: Site, sort: Literal["orders", "marks", "tasks"], *, everything: bool) -> list[dict[str, Any]]:
    """Return the entries of one sort; with `everything` also what is over, which then has `is_over`."""
    current: list[dict[str, Any]] = asked(site, {"do": "book"})[sort]
    if not everything:
        return current
    still = {one["id"] for one in current}
    return [one | {"is_over": one["id"] not in still} for one in asked(site, {"do": "book", "all": True})[sort]]


def listed(entries: Sequence[Entry], none: str) -> None:
    """Print entries."""
    Console(highlight=False).print(Listing(entries, none))
