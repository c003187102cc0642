"""Where everything stands in a TOML text: a location path such as ``("device", 2, "point", 0, "at")`` to its line.

`tomllib` reads values but forgets positions. This index is for texts that `tomllib` has accepted already, so it only
walks: table headers, arrays of tables (counted, also nested ones), plain and dotted keys, elements of arrays, keys of
inline tables. It never judges.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]
"""A place in a document: table names and keys as text, elements of arrays as numbers from 0."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY_PART = re.compile(r'[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
# Closing quotes may be preceded by one or two quotes that belong to a multi-line text (TOML 1.0, "String").
_STRING = re.compile(
    r'"""(?:[^\\]|\\[\s\S])*?"{3,5}(?!")'
    r"|'''[\s\S]*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_PLAIN = re.compile(r"[^,\]}#\n]*")
_DEEPEST = 16


class LineIndex:
    """Lines of one text. Ask with `line`; a place that is not written has the line of the nearest table around it."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines = lines

    def line(self, path: Path) -> int:
        """Return the line (from 1) of `path`, or of the longest part of it that is written, or 1."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return 1

    def knows(self, path: Path) -> bool:
        """Whether exactly this place is written in the file."""
        return path in self._lines


def index(text: str) -> LineIndex:
    """Return where everything stands in `text`, a document that `tomllib` accepts."""
    return LineIndex(_Walk(text).document())


class _Walk:
    """One walk over a text, front to back; `_at` is the position, every step moves it forward."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}

    def document(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            table = self._header() if self._next("[") else self._pair(table)
            self._skip(_BLANK)
        return self._lines

    def _header(self) -> Path:
        """Walk over ``[a.b]`` or ``[[a.b]]`` and return the table it opens."""
        is_array = self._text.startswith("[[", self._at)
        line = self._line()
        self._at += 2 if is_array else 1
        parts = self._key()
        self._at += 2 if is_array else 1
        table = self._resolve(parts, is_array=is_array)
        for length in range(1, len(table)):
            self._lines.setdefault(table[:length], line)
        self._lines[table] = line
        return table

    def _resolve(self, parts: list[str], *, is_array: bool) -> Path:
        """Return the path of a header: each array of tables on the way stands for its last element."""
        path: Path = ()
        for number, part in enumerate(parts):
            path = (*path, part)
            if is_array and number == len(parts) - 1:
                self._elements[path] = self._elements.get(path, -1) + 1
            if path in self._elements:
                path = (*path, self._elements[path])
        return path

    def _pair(self, table: Path) -> Path:
        """Walk over ``key = value`` in `table`, note where it stands, and return `table`."""
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self._lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)
        return table

    def _key(self) -> list[str]:
        """Walk over a plain, quoted or dotted key and the space around it. Absurd depth is cut: nothing is there."""
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            parts.append(_unquoted(self._take(_KEY_PART)))
            self._skip(_SPACE)
            if not self._next("."):
                return parts[:_DEEPEST]
            self._at += 1

    def _value(self, path: Path) -> None:
        if self._next("["):
            self._array(path)
        elif self._next("{"):
            self._inline_table(path)
        elif self._next('"') or self._next("'"):
            self._take(_STRING)
        else:
            self._take(_PLAIN)

    def _array(self, path: Path) -> None:
        self._at += 1
        for element in range(len(self._text)):
            self._skip(_BLANK)
            if self._next("]"):
                break
            self._lines[(*path, element)] = self._line()
            self._value((*path, element))
            self._comma()
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        while not self._next("}"):
            self._pair(path)
            self._comma()
            self._skip(_BLANK)
        self._at += 1

    def _comma(self) -> None:
        self._skip(_BLANK)
        if self._next(","):
            self._at += 1

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1

    def _next(self, character: str) -> bool:
        return self._text.startswith(character, self._at)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Walk over what `pattern` matches. A text that is no TOML after all ends the walk instead of hanging it."""
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError("not a TOML document")
        self._at = match.end()
        return match.group()


def _unquoted(part: str) -> str:
    """Return a key part without its quotes and escapes."""
    return str(tomllib.loads(f"key = {part}")["key"]) if part[0] in "\"'" else part
