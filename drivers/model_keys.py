"""The tables of a model file, their keys, and what may stand behind each key. Pure.

Only the shape of each value is said here; what must fit together is in `drivers.model_file`, what makes a good model
in `drivers.model_lint`. `docs/models.md` describes every key; a test compares.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drivers.spec import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Reader = Callable[[Any], Any]
"""Takes what TOML gave, returns the value the program works with, or raises `Mistake`."""

PROTOCOLS = ("modbus", "modbus-ascii", "dlt645-2007", "dlt645-1997", "hj212", "ascii")
KINDS = (
    "power-meter-3p",
    "power-meter-1p",
    "gas-analyzer",
    "gas-detector",
    "water-analyzer",
    "flow-meter",
    "water-meter",
    "oil-analyzer",
    "weather",
    "cems",
)
UNITS = (
    *("V", "kV", "mV", "A", "mA", "Hz", "%", "Cel", "K"),
    *("W", "kW", "MW", "var", "kvar", "VA", "kVA"),
    *("Wh", "kWh", "MWh", "varh", "kvarh", "VAh", "kVAh"),
    *("Pa", "hPa", "kPa", "MPa", "mbar", "bar"),
    *("mg/m3", "g/m3", "ug/m3", "ppm", "ppb", "mg/L", "ug/L", "g/L", "NTU", "FNU", "pH", "mS/cm", "uS/cm"),
    *("m3", "L", "m3/h", "m3/s", "L/s", "L/min", "cm3/min", "m/s", "min", "h", "s"),
)
"""The only units of models. An empty unit is for what has none: a ratio, a power factor, a state."""

TRAPS = ("reads", "scale", "sign", "edition", "energy", "power_factor", "status", "line", "address", "unit")

_DURATION = re.compile(r"([0-9]{1,6})(ms|s)")
_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_LONGEST_TEXT = 1000
_LARGEST = 1e30


class Mistake(ValueError):
    """A value that cannot be meant; the text says what to write."""


def near(word: str, known: Iterable[str]) -> str:
    """Return " (did you mean …?)" for the nearest of the known words, or all of them when they are few."""
    choices = sorted(set(known))
    found = difflib.get_close_matches(word[:100], choices, n=1, cutoff=0.6)
    if found:
        return f'; did you mean "{found[0]}"?'
    return f"; one of {', '.join(choices)}" if 0 < len(choices) <= 16 else ""  # noqa: PLR2004  a line's worth


def text(value: Any) -> str:
    """Return a text of at least one character."""
    if not isinstance(value, str) or not value.strip():
        raise Mistake("must be a text")
    if len(value) > _LONGEST_TEXT:
        raise Mistake(f"is longer than {_LONGEST_TEXT} characters")
    return value


def name(value: Any) -> str:
    """Return the name of a model or point, as site files and topics use it."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise Mistake("must be a name: only a-z 0-9 _ -, 1 to 64 characters")
    return value


def both(value: Any) -> tuple[str, str]:
    """Return a text in Chinese and English."""
    if not isinstance(value, dict) or set(value) != {"zh", "en"}:
        raise Mistake('must be { zh = "…", en = "…" }')
    return text(value["zh"]), text(value["en"])


def truth(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise Mistake("must be true or false")
    return value


def number(value: Any) -> float:
    """Return a number that can be calculated with."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mistake("must be a number")
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise Mistake(f"must be a number of at most {_LARGEST:g}")
    return value


def whole(low: int, high: int) -> Reader:
    """Return a reader of whole numbers from `low` to `high`."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Mistake(f"must be a whole number, {low} to {high}")
        return value

    return read


def choice(*choices: str | int) -> Reader:
    """Return a reader of a closed list."""

    def read(value: Any) -> str | int:
        if isinstance(value, bool) or value not in choices:
            raise Mistake(f"is not {value!r}{near(str(value), map(str, choices))}"[:_LONGEST_TEXT])
        kept: str | int = value
        return kept

    return read


def several(read: Reader) -> Reader:
    """Return a reader of lists with at least one member."""

    def read_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise Mistake("must be a list, [ … ], that is not empty")
        return tuple(read(one) for one in value)

    return read_all


def pair(value: Any) -> tuple[float, float]:
    """Return a [low, high] pair."""
    if not isinstance(value, list) or len(value) != 2 or not number(value[0]) < number(value[1]):  # noqa: PLR2004
        raise Mistake("must be [low, high]")
    return number(value[0]), number(value[1])


def seconds(value: Any) -> float:
    """Return the seconds of "250ms" or "2s"."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Mistake('must be a duration such as "250ms" or "2s"')
    return int(found[1]) / (1000 if found[2] == "ms" else 1)


def barriers(value: Any) -> frozenset[tuple[Table, int]]:
    """Return the addresses by table that no read may span."""
    if not isinstance(value, dict) or not set(value) <= {table.value for table in Table}:
        raise Mistake("must be lists of addresses by table (coil, discrete, input, holding)")
    address = several(whole(0, 65535))
    return frozenset((Table(table), at) for table, listed in value.items() for at in address(listed))


def octets(value: Any) -> bytes:
    """Return the bytes of a text in which each character is one byte."""
    if not isinstance(value, str):
        raise Mistake("must be a text")
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        raise Mistake("has a character that is not one byte") from None


def frame(value: Any) -> bytes:
    """Return the bytes of a frame: hexadecimal, or ``{ text = "…" }`` for what is readable."""
    if isinstance(value, dict) and set(value) == {"text"} and isinstance(value["text"], str):
        return value["text"].encode()
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise Mistake('must be a frame in hexadecimal, "01 03 …", or { text = "…" }') from None


def frames(value: Any) -> tuple[tuple[bytes, bytes], ...]:
    """Return pairs of request and answer."""
    if not isinstance(value, list) or not value or any(not isinstance(one, list) or len(one) != 2 for one in value):  # noqa: PLR2004
        raise Mistake("must be pairs: [[request, answer], …]")
    return tuple((frame(request), frame(answer)) for request, answer in value)


def reading(value: Any) -> Any:
    """Return a reading; the text "none" is "not available"."""
    if not isinstance(value, bool | int | float | str):
        raise Mistake('must be a number, true, false, a text, or "none" for "not available"')
    return None if value == "none" else value


def readings(value: Any) -> dict[str, Any]:
    """Return readings by point."""
    if not isinstance(value, dict) or not value:
        raise Mistake("must be { point = value, … }")
    return {point: reading(one) for point, one in value.items()}


def plain(value: Any) -> int | bool | str:
    """Return what a status or a mark is compared with."""
    if not isinstance(value, bool | int | str):
        raise Mistake("must be a whole number, true, false or a text")
    return value


def wrap(value: Any) -> float | None:
    """Return where a counter starts again; "unknown" is an answer."""
    return None if value == "unknown" else number(value)


_PLACE = {
    "register": choice(*(table.value for table in Table)),
    "at": whole(0, 65535),
    "type": text,
    "order": text,
    "item": text,
}
POINT: Mapping[str, Reader] = _PLACE | {
    "name": name,
    "format": text,
    "signed": truth,
    "factor": text,
    "field": text,
    "scale": number,
    "offset": number,
    "unit": choice("", *UNITS),
    "decimals": whole(0, 15),
    "unavailable": several(lambda value: value if isinstance(value, str) else whole(0, 2**64 - 1)(value)),
    "range": pair,
    "nominal": number,
    "period": choice("fast", "slow"),
    "ratio": choice("none", "ct", "pt", "ct*pt"),
    "direction": choice("import", "export", "net", "total"),
    "wrap": wrap,
    "code": text,
    "alias": truth,
    "label": both,
    "note": text,
}
"""The keys of ``[[point]]``; those but `name` may also stand in ``[points]``, for all of them."""

TABLES: Mapping[str, Mapping[str, Reader]] = {
    "model": {
        "name": name,
        "maker": text,
        "kind": choice(*KINDS),
        "title": both,
        "protocols": several(choice(*PROTOCOLS)),
        "grade": choice("A", "B", "C"),
        "units": several(whole(0, 255)),
        "max_registers": whole(1, 125),
        "max_bits": whole(1, 2000),
        "timeout": seconds,
        "turnaround": seconds,
        "primary": truth,
        "no_holes": truth,
        "no_sentinel": text,
        "no_probe": text,
        "barriers": barriers,
    },
    "line": {
        "baudrate": whole(300, 4_000_000),
        "bytesize": choice(7, 8),
        "parity": choice("N", "E", "O"),
        "stopbits": choice(1, 2),
    },
    "source": {"document": text, "page": text, "firmware": text, "confidence": choice("A", "B", "C")},
    "mark": _PLACE | {"equals": several(plain), "between": pair},
    "plausible": {"points": several(name)},
    "points": {key: read for key, read in POINT.items() if key != "name"},
    "point": POINT,
    "status": {
        "point": name,
        "when": several(plain),
        "mask": whole(1, 2**32 - 1),
        "flag": choice("F", "M", "S", "D", "C", "T", "B"),
        "decides": several(name),
        "void": truth,
    },
    "ascii": {
        "mode": choice("ask", "listen"),
        "pattern": text,
        "request": octets,
        "start": octets,
        "terminator": octets,
        "checksum": choice("none", "xor", "sum", "crc16"),
        "separator": octets,
        "longest": whole(8, 4096),
    },
    "sample": {
        "frames": frames,
        "readings": readings,
        "origin": choice("captured", "manual", "published", "derived"),
        "note": text,
    },
    "trap": {"about": choice(*TRAPS), "text": both},
}
"""Every table of a model file."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "model": ("name", "maker", "kind", "title", "protocols", "grade"),
    "line": ("baudrate",),
    "source": ("document", "confidence"),
    "plausible": ("points",),
    "status": ("point", "when", "flag"),
    "ascii": ("mode", "pattern"),
    "sample": ("frames", "readings", "origin"),
    "trap": ("about", "text"),
}
"""Keys that must be there. A point needs its place: at, item, factor or field."""

REPEATED = ("line", "source", "mark", "point", "status", "sample", "trap")
"""Tables that are written ``[[so]]``, any number of times."""
