"""Answers, kept as a document of the site file's shape, so that one file serves to resume, for fleets, and as the site.

A path leads to a value: names of tables and keys, numbers of array elements, or `Which`, the element that has certain
values, for what stays the same thing when others before it come and go. Beside the site's tables there are two of our
own: ``[init]`` (what the conversation itself must remember) and ``[[scan]]`` (which lines to look at, what was seen).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

Document = dict[str, Any]

OWN: Final = ("init", "scan")
"""Tables that no site file has."""


@dataclass(frozen=True, slots=True)
class Which:
    """The element of an array of tables that has all these values."""

    keys: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        return " ".join(str(value) for _, value in self.keys)


Path = tuple[str | int | Which, ...]


def which(**keys: Any) -> Which:
    """Return the element that has these values."""
    return Which(tuple(keys.items()))


def recall(document: Document, path: Path) -> Any:
    """Return what stands at `path`, ``None`` where nothing does."""
    here: Any = document
    for part in path:
        if isinstance(here, list):
            number = position(here, part)
            here = here[number] if number is not None and number < len(here) else None
        else:
            here = here.get(part) if isinstance(here, dict) else None
        if here is None:
            return None
    return here


def remember(document: Document, path: Path, value: Any) -> None:
    """Put `value` at `path`, making the tables on the way; ``None`` takes away what is there."""
    here: Any = document
    for part, following in pairwise(path):
        here = _entered(here, part, is_array=not isinstance(following, str))
    last = path[-1]
    assert isinstance(last, str), "a value stands under a key"
    if value is None:
        here.pop(last, None)
    else:
        here[last] = value


def _entered(here: Any, part: str | int | Which, *, is_array: bool) -> Any:
    """Return what is under `part`, made when it is not there."""
    if isinstance(here, dict):
        return here.setdefault(part, [] if is_array else {})
    number = position(here, part)
    if number is None or number >= len(here):
        here.append(dict(part.keys) if isinstance(part, Which) else {})
        number = len(here) - 1
    return here[number]


def position(array: list[Any], part: str | int | Which) -> int | None:
    """Return the number of the element that `part` means, ``None`` where there is none."""
    if isinstance(part, Which):
        fits = (n for n, one in enumerate(array) if all(one.get(key) == value for key, value in part.keys))
        return next(fits, None)
    return part if isinstance(part, int) else None


def numbered(document: Document, path: Path) -> tuple[str | int, ...] | None:
    """Return `path` with every `Which` as the number it has in `document`, ``None`` where it has none."""
    found: tuple[str | int, ...] = ()
    for part in path:
        array = recall(document, found)
        number = position(array, part) if isinstance(part, Which) and isinstance(array, list) else part
        if number is None or isinstance(number, Which):
            return None
        found = (*found, number)
    return found


def spoken(path: Path) -> str:
    """Return `path` for people: ``device[line1 modbus 3].label``."""
    words = ""
    for part in path:
        words += f".{part}" if isinstance(part, str) else f"[{part}]"
    return words.removeprefix(".")


# --- TOML -------------------------------------------------------------------------------------------------------------


def written(value: Any) -> str:
    """Return a value as TOML writes it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{bare(key)} = {written(one)}" for key, one in value.items()) + " }" if value else "{}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(written, value)) + "]"
    return str(value)


def bare(key: str) -> str:
    """Return a key as TOML writes it: quoted where it must be."""
    is_plain = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if is_plain else _quoted(key)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # the one character where the two differ


def toml(document: Document, name: str = "") -> str:
    """Return a document as TOML: plain values first, then tables and arrays of tables, in their order."""
    lines = [f"{bare(key)} = {written(value)}" for key, value in document.items() if not is_table(value)]
    text = "".join(f"{line}\n" for line in lines)
    for key, value in document.items():
        inner = f"{name}.{bare(key)}" if name else bare(key)
        if isinstance(value, dict) and is_table(value):
            text += _table(f"[{inner}]", value, inner)
        elif is_table(value):
            text += "".join(_table(f"[[{inner}]]", one, inner) for one in value)
    return text


def _table(header: str, value: Document, inner: str) -> str:
    if not any(not is_table(one) for one in value.values()) and value and header.startswith("[") and header[1] != "[":
        return toml(value, inner)
    return f"\n{header}\n{toml(value, inner)}"


def is_table(value: Any) -> bool:
    """Whether it is written under a header of its own. Texts in two languages stay on their line."""
    if isinstance(value, dict):
        return not set(value) <= {"zh", "en"} or not value
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
