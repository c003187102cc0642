"""What people type, as values of a document. Each reader takes a text and returns a value, or raises `Mistake`.

What the site file has a rule for is read by that rule (`config.values`), so that an answer that is taken here is not
refused later.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from config import values
from config.problem import Mistake, instead
from drivers.finding.likely import SETTINGS, UNITS
from drivers.finding.places import host_and_port, is_port

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from drivers.spec import LineSettings

QUICK: Final = SETTINGS[:3]
"""What nearly all meters leave the factory with."""

LISTENS: Final = 35
LISTEN_S: Final = 2.0
"""An instrument that sends by itself does so every minute at least. Heard in pieces, so that progress can be told."""

gateway_id = values.name("a-z0-9-", 32)
name = values.name("a-z0-9_-", 64)


def checked(check: Callable[[str], Any]) -> Callable[[str], str]:
    """Return a reader that keeps the text which `check` finds right."""

    def read(typed: str) -> str:
        check(typed)
        return typed

    return read


broker_url = checked(values.broker)
poll = checked(values.duration("10ms", "1d"))
report = checked(values.report_when)


def free_name(taken: Collection[str]) -> Callable[[str], str]:
    """Return a reader of names that nobody has."""

    def read(typed: str) -> str:
        if typed in taken:
            raise Mistake("this name is taken 名称已被使用", f"taken 已用: {', '.join(sorted(taken))}")
        return name(typed)

    return read


def label(typed: str) -> Any:
    """Return a text for people: one for both languages, or both with a slash between."""
    chinese, slash, english = (part.strip() for part in typed.partition("/"))
    value: Any = {"zh": chinese, "en": english} if slash and chinese and english else typed
    values.text(value)
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """Return a reader of one of `words`, or the beginning of one."""

    def read(typed: str) -> str:
        fits = [word for word in words if word == typed.lower()] or [w for w in words if w.startswith(typed.lower())]
        if len(fits) != 1:
            raise Mistake(f"{typed}?", instead(typed, words))
        return fits[0]

    return read


def yes_or_no(typed: str) -> str:
    """Return "yes" or "no"."""
    meant = {"y": "yes", "yes": "yes", "是": "yes", "n": "no", "no": "no", "否": "no"}.get(typed.lower())
    if meant is None:
        raise Mistake(f"{typed}?", "yes 是 | no 否")
    return meant


def several(known: Collection[str], least: int = 0) -> Callable[[str], list[str]]:
    """Return a reader of some of `known`, by name or by their number from 1, with commas or spaces between."""
    listed = list(known)

    def read(typed: str) -> list[str]:
        found = [_chosen(word, listed) for word in re.split(r"[,，;\s]+", typed) if word]
        if len(found) < least:
            raise Mistake(f"at least {least} 至少选 {least} 项", ", ".join(listed))
        return list(dict.fromkeys(found))

    return read


def one_point(known: Collection[str]) -> Callable[[str], str]:
    """Return a reader of one of `known`, by name or by its number from 1."""
    listed = list(known)
    return lambda typed: _chosen(typed, listed)


def _chosen(word: str, listed: list[str]) -> str:
    if word.isdigit() and word not in listed and 0 < int(word) <= len(listed):
        return listed[int(word) - 1]
    if word not in listed:
        raise Mistake(f"{word}?", instead(word, listed))
    return word


def places(ports: Collection[str]) -> Callable[[str], list[str]]:
    """Return a reader of lines and hosts: numbers of `ports`, paths, HOST[:PORT]."""
    listed = list(ports)

    def read(typed: str) -> list[str]:
        found = [_place(word, listed) for word in re.split(r"[,，;\s]+", typed) if word]
        if not found:
            raise Mistake("no line 没有线路", "/dev/serial/by-path/… | 192.168.10.7:502")
        return list(dict.fromkeys(found))

    return read


def _place(word: str, listed: list[str]) -> str:
    if word.isdigit() and 0 < int(word) <= len(listed):
        return listed[int(word) - 1]
    if is_port(word):
        return word
    try:
        host, _ = host_and_port(word)
        values.host(host)
    except Mistake:
        raise
    except ValueError:
        raise Mistake(f"{word}?", "/dev/serial/by-path/… | 192.168.10.7:502") from None
    return word


def settings(typed: str) -> str | list[str]:
    """Return "quick", "all", "listen", "no", or line settings such as "9600 8N1"."""
    if typed.lower() in ("quick", "all", "listen", "no"):
        return typed.lower()
    found = re.findall(r"(\d{3,7})\s*[-,]?\s*8([NEO])([12])", typed.upper())
    if not found:
        raise Mistake(f"{typed}?", "quick | all | listen | no | 9600 8N1, 2400 8E1")
    return [f"{rate} 8{parity}{stop}" for rate, parity, stop in found]


def line_settings(wanted: str | list[str]) -> tuple[LineSettings, ...]:
    """Return the settings that an answer of `settings` means."""
    if wanted == "no":
        return ()
    if isinstance(wanted, str):
        return {"quick": QUICK, "listen": SETTINGS[:1] * LISTENS}.get(wanted, SETTINGS)
    return tuple(_one_setting(one) for one in wanted)


def _one_setting(typed: str) -> LineSettings:
    rate, frame = typed.split()
    kind = type(SETTINGS[0])
    return kind(int(rate), int(frame[0]), frame[1], int(frame[2]))


def units(typed: str) -> str:
    """Return Modbus unit ids, as "1-32,100"."""
    unit_ids(typed)
    return typed


def unit_ids(typed: str) -> tuple[int, ...]:
    """Return the numbers that "1-32,100" means."""
    parts = [re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", part.strip()) for part in typed.split(",")]
    found = [one for part in parts if part for one in range(int(part[1]), int(part[2] or part[1]) + 1)]
    if None in parts or not found or not set(found) <= set(UNITS):
        raise Mistake(f"{typed}?", "1-247 | 1-32,100")
    return tuple(dict.fromkeys(found))


def ratio(typed: str) -> float:
    """Return a transformer ratio: "40", or what stands on the transformer, "200/5"."""
    over, slash, under = typed.partition("/")
    number = positive(over) / (positive(under) if slash else 1.0)
    if number > 1_000_000:  # noqa: PLR2004  the site file's own bound
        raise Mistake("too large 太大", "200/5 | 40")
    return number


def positive(typed: str) -> float:
    """Return a number above zero."""
    found = number(typed)
    if found <= 0:
        raise Mistake("must be above 0 必须大于 0", "45 | 0.5")
    return found


def not_negative(typed: str) -> float:
    """Return a number from zero on."""
    found = number(typed)
    if found < 0:
        raise Mistake("must not be below 0 不能小于 0", "35")
    return found


def oxygen(typed: str) -> float:
    """Return a reference oxygen content in %."""
    found = number(typed)
    if not 0 <= found < 21:  # noqa: PLR2004  oxygen of air
        raise Mistake("0 … 21 %", "3 | 6 | 9 | 15")
    return found


def number(typed: str) -> float:
    """Return a number."""
    try:
        return values.number(float(typed.replace("，", ",")))
    except Mistake:
        raise
    except ValueError:
        raise Mistake(f"{typed}: not a number 不是数字", "45 | 0.5") from None


def span(typed: str) -> list[float]:
    """Return a measuring range: "0 300"."""
    ends = [number(part) for part in re.split(r"[,，;\s]+|\.\.+|…", typed) if part]
    values.pair(ends)
    return ends
