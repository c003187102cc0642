"""What may stand behind a key: durations, sizes, addresses, names, texts. Text in, value out, or a `Mistake`.

Pure; each function takes what TOML gave (of any type) and either returns the value the program works with or says what
to write instead.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from config.problem import Mistake, instead
from config.site import Text
from drivers.dlt645.items import TIMES, is_format

if TYPE_CHECKING:
    from collections.abc import Callable

N = TypeVar("N", int, float)

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MEANT_UNITS = {"sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m"} | {
    "minutes": "m", "hour": "h", "hours": "h", "hr": "h", "day": "d", "days": "d", "msec": "ms", "millis": "ms",
}  # fmt: skip
_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_NUMBER_UNIT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([A-Za-z]+)")
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?")
_LAST_PORT = 65535
_LARGEST = 1e15
_LONGEST_TEXT = 200
_LONGEST_FORMAT = 24


@dataclass(frozen=True, slots=True)
class Broker:
    """What a broker URL says."""

    host: str
    port: int
    tls: bool


def duration(least: str, most: str) -> Callable[[Any], float]:
    """Return a reader of durations between `least` and `most`, in seconds."""
    return _between(seconds_of, least, most, below="too short", above="too long")


def _between(amount_of: Callable[[Any], N], least: str, most: str, *, below: str, above: str) -> Callable[[Any], N]:
    """Return `amount_of` with bounds, which are written like the values; `below` and `above` say what is wrong."""

    def read(value: Any) -> N:
        amount = amount_of(value)
        if amount < amount_of(least):
            raise Mistake(below, f'at least "{least}"')
        if amount > amount_of(most):
            raise Mistake(above, f'at most "{most}"')
        return amount

    return read


def seconds_of(value: Any) -> float:
    """Return the seconds of "250ms", "5s", "10m", "2h" or "400d".

    Raises:
        Mistake: it is no such text.
    """
    how = 'durations are written "250ms", "5s", "10m", "2h", "400d"'
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise Mistake("a duration needs a unit", f'write "{value:.15g}s" for seconds; {how}')
    if not isinstance(value, str):
        raise Mistake("must be a duration", how)
    match = _NUMBER_UNIT.fullmatch(value)
    if match is None or match[2] not in _SECONDS:
        raise Mistake("not a duration", _meant_duration(value) or how)
    # Divided, not multiplied, so that "250ms" is exactly 0.25.
    return float(match[1]) / 1000 if match[2] == "ms" else float(match[1]) * _SECONDS[match[2]]


def _meant_duration(text: str) -> str:
    """Return the hint for "5 sec" and its like, or nothing when it is beyond guessing."""
    match = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)\s*", text)
    if match is None:
        return ""
    unit = match[2].lower()
    unit = unit if unit in _SECONDS else _MEANT_UNITS.get(unit, "" if unit else "s")
    return f'write "{match[1]}{unit}"' if unit else ""


def size(least: str, most: str) -> Callable[[Any], int]:
    """Return a reader of sizes between `least` and `most`, in bytes."""
    return _between(bytes_of, least, most, below="too small", above="too large")


def bytes_of(value: Any) -> int:
    """Return the bytes of "512MiB", "4GiB" and the like (binary units only).

    Raises:
        Mistake: it is no such text.
    """
    how = 'sizes are written "64MiB", "4GiB" (B, KiB, MiB, GiB, TiB)'
    match = _NUMBER_UNIT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Mistake("not a size" if isinstance(value, str) else "must be a size", how)
    if match[2] not in _BYTES:
        near = {unit.lower()[0]: unit for unit in _BYTES}.get(match[2].lower()[0])
        raise Mistake("not a size", f'write "{match[1]}{near}"' if near else how)
    return int(float(match[1]) * _BYTES[match[2]])


def text(value: Any) -> Text:
    """Return a text for people: one for both languages, or ``{ zh = "…", en = "…" }``; a missing one falls back."""
    how = 'write "…" or { zh = "…", en = "…" }'
    if isinstance(value, str):
        value = {"zh": value}
    if not isinstance(value, dict) or not value:
        raise Mistake("must be a text", how)
    for key, one in value.items():
        if key not in ("zh", "en"):
            raise Mistake(f'unknown language "{key[:20]}"', instead(key, ("zh", "en")))
        if not isinstance(one, str) or not one.strip():
            raise Mistake(f"the {key} text is empty or no text", how)
        if len(one) > _LONGEST_TEXT or not one.isprintable():
            raise Mistake(f"the {key} text is too long or not one line", f"at most {_LONGEST_TEXT} characters")
    first = next(iter(value.values()))
    return Text(zh=value.get("zh", first), en=value.get("en", first))


def name(letters: str, longest: int) -> Callable[[str], str]:
    """Return a check of names that become topics and keys: `letters` is a character class such as ``a-z0-9_-``."""
    pattern = re.compile(f"[{letters}]{{1,{longest}}}")
    spoken = letters.replace("a-z0-9", "a-z 0-9 ").replace("_-", "_ -").strip()

    def read(value: str) -> str:
        if pattern.fullmatch(value):
            return value
        meant = re.sub(f"[^{letters}]+", "-", value.strip().lower()[: longest + 1]).strip("-")
        hint = f"only {spoken}, 1 to {longest} characters"
        raise Mistake("not a name", f'{hint}, such as "{meant}"' if pattern.fullmatch(meant) else hint)

    return read


def timezone(value: str) -> str:
    """Return the name of a time zone that this machine knows."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        near = instead(value, _zones()) if _zones() else "this machine has no time zone data: install tzdata"
        hint = 'such as "Asia/Shanghai"' if near.startswith("one of") else near
        raise Mistake("unknown time zone", hint) from None
    return value


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    """Return the names of the time zones that this machine knows."""
    return frozenset(available_timezones())


def host(value: str) -> str:
    """Return a host name or address. Whether it exists is found out by the first connection, not here."""
    how = 'a host name or address alone, such as "192.168.10.5"'
    if "://" in value or "/" in value:
        raise Mistake("not a host", how)
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if re.fullmatch(r"[^:]+:[0-9]+", value):
            raise Mistake("not a host", f"{how}; the port has a key of its own") from None
        if not _HOST.fullmatch(value) or re.fullmatch(r"[0-9.]+", value):
            raise Mistake("not a host", how) from None
    return value


def broker(value: Any) -> Broker:
    """Return the broker of ``mqtt://host:port`` or ``mqtts://host:port``; ports 1883 and 8883 may be left out."""
    how = 'write "mqtts://broker.example:8883" or "mqtt://…:1883"'
    if not isinstance(value, str):
        raise Mistake("must be a text", how)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise Mistake("not a broker address", f"{how}; ports are 1 to {_LAST_PORT}") from None
    if parts.scheme not in ("mqtt", "mqtts"):
        meant = {"tcp": "mqtt", "ssl": "mqtts", "tls": "mqtts", "mqtt+ssl": "mqtts"}.get(parts.scheme)
        raise Mistake("must begin with mqtt:// or mqtts://", f"write {meant}://…" if meant else how)
    _refuse_extras(parts, how)
    tls = parts.scheme == "mqtts"
    return Broker(host(parts.hostname or ""), port or (8883 if tls else 1883), tls)


def _refuse_extras(parts: SplitResult, how: str) -> None:
    """Refuse what a broker address must not carry: credentials above all."""
    if "@" in parts.netloc:
        raise Mistake("a secret is never a value", "use the keys username and password_file")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise Mistake("has a path behind the port", f"{how}; topics are set by the key prefix")
    if parts.port == 0 or not parts.hostname:
        raise Mistake("has no host or port 0", how)


def topic_prefix(value: str) -> str:
    """Return the first levels of all topics (MQTT 5.0, section 4.7: no wildcards, no leading $, no NUL)."""
    how = 'levels with single slashes between them, such as "plantgate/acme-steel"'
    if any(character in value for character in "+#$"):
        raise Mistake("has a wildcard or $", how)
    if not value or "" in value.split("/"):
        raise Mistake("has an empty level", how)
    if len(value.encode()) > _LONGEST_TEXT or not value.isprintable() or " " in value:
        raise Mistake("is too long, or has a space or control character", how)
    return value


def listen_address(value: str) -> str:
    """Return ``host:port`` (``[::1]:8080`` for IPv6) on which a server listens."""
    how = 'write "127.0.0.1:8080" or "[::1]:8080"'
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):([0-9]{1,5})", value)
    if match is None or not 0 < int(match[2]) <= _LAST_PORT:
        raise Mistake("not an address to listen on", f"{how}; ports are 1 to {_LAST_PORT}")
    try:
        host(match[1].strip("[]"))
    except Mistake:
        raise Mistake("not an address to listen on", how) from None
    return value


def host_of(listen: str) -> str:
    """Return the host of an address to listen on, without port and brackets."""
    return listen.rpartition(":")[0].strip("[]")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address to listen on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def pin(value: str) -> str:
    """Return the BCM name of a pin of the 40-pin header. Raises Mistake."""
    if not re.fullmatch("GPIO(1?[0-9]|2[0-7])", value):
        meant = re.fullmatch(r"(?i)(?:bcm|gpio)?\s*([01]?[0-9]|2[0-7])", value)
        how = "GPIO0 to GPIO27, as the BCM numbers count, not the places on the header"
        raise Mistake("not a pin", f'did you mean "GPIO{int(meant[1])}"? ({how})' if meant else f"pins are {how}")
    return value


def pair(value: Any) -> tuple[float, float]:
    """Return ``[low, high]``, two numbers in that order."""
    how = "write two numbers, [low, high]"
    good = isinstance(value, list) and len(value) == 2  # noqa: PLR2004
    if not good or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):
        raise Mistake("must be a range", how)
    low, high = (number(one) for one in value)
    if low >= high:
        raise Mistake("low is not below high", f"{how}, low first")
    return low, high


def point_or_points(value: Any) -> tuple[str, ...]:
    """Return the points that are named: one, or several in a list."""
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list) or not named or not all(isinstance(one, str) and one for one in named):
        raise Mistake("must be the name of a point, or a list of such", 'write "device.point" or ["device.point", "…"]')
    return tuple(named)


def number(value: float) -> float:
    """Return a finite number of a size that a reading can have (below 10 to the 15th)."""
    if not -_LARGEST <= value <= _LARGEST:
        raise Mistake("not a number that a reading can reach", "between -1e15 and 1e15")
    return float(value)


def report_when(value: Any) -> float | Literal["on-scan", "on-change"]:
    """Return "on-scan", "on-change", or the seconds of a statistics period."""
    if value in ("on-scan", "on-change"):
        return cast("Literal['on-scan', 'on-change']", value)
    try:
        return duration("1s", "1d")(value)
    except Mistake as mistake:
        if isinstance(value, str) and not value[:1].isdigit():
            raise Mistake(
                'not a period, "on-scan" or "on-change"', instead(value, ("on-scan", "on-change", "60s"))
            ) from None
        raise Mistake(str(mistake), f'{mistake.hint}; or "on-scan", "on-change"') from None


def item_format(value: str) -> str:
    """Return the form of a value of DL/T 645."""
    if len(value) > _LONGEST_FORMAT or not is_format(value):
        raise Mistake(
            "not the form of a value", f'the places of the number, such as "XXX.X"; or BBBB, {", ".join(TIMES)}'
        )
    return value


def device_address(value: Any) -> int | str:
    """Return a unit number, or the text that some protocols use; which is right, the protocol decides."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Mistake("must be a unit number or a text", 'such as 3, or "012345678901" for a DL/T 645 meter')
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise Mistake("not an address", "long ones are texts, in quotes")
    return value
