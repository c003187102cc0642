"""What the schema finds wrong, in words for the person who writes the site file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config import schema
from config.problem import Mistake, instead

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from config.lines import Path

MEANT: dict[str, tuple[str, ...]] = {
    "password": ("password_file",),
    "passwd": ("password_file",),
    "user": ("username",),
    "cafile": ("ca_file",),
    "ca": ("ca_file",),
    "certificate": ("cert_file",),
    "broker": ("url",),
    "server": ("url", "host"),
    "topic": ("prefix",),
    "ip": ("host",),
    "slave": ("address",),
    "slave_id": ("address",),
    "unit_id": ("address",),
    "unitid": ("address",),
    "unit": ("address",),
    "interval": ("poll",),
    "period": ("report", "poll"),
    "cycle": ("poll",),
    "baud": ("baudrate",),
    "speed": ("baudrate",),
    "start": ("at",),
    "address": ("at",),
    "addr": ("address", "at"),
    "function": ("register",),
    "table": ("register",),
    "datatype": ("type",),
    "data_type": ("type",),
    "format": ("type",),
    "byte_order": ("order",),
    "byteorder": ("order",),
    "endian": ("order",),
    "factor": ("scale",),
    "multiplier": ("scale",),
    "gain": ("scale",),
    "hysteresis": ("deadband",),
    "expression": ("formula",),
    "rated_power": ("rated",),
    "lifetime": ("life",),
    "corun": ("co_run",),
    "escalate": ("escalate_after",),
    "delay": ("on_delay",),
    "hihi": ("high_high",),
    "hh": ("high_high",),
    "lolo": ("low_low",),
    "ll": ("low_low",),
    "max": ("high", "range"),
    "min": ("low", "range"),
    "tz": ("timezone",),
    "lang": ("language",),
    "size": ("max_size",),
    "points": ("point",),
    "factors": ("factor",),
}
"""Keys of other programs, and ours that mean the same. The first that the table knows is suggested."""

_WRITE = {
    "id": 'write id = "…", the name the platform knows',
    "name": 'write name = "…", letters a-z, digits, - and _',
    "url": 'write url = "mqtts://broker.example:8883"',
    "listen": 'write listen = "127.0.0.1:8080"',
    "type": 'write type = "tcp"',
    "host": 'write host = "192.168.10.5"',
    "bus": "write bus = the name of a [[bus]]",
    "address": "write address = the unit number, such as 1 (DL/T 645: the digits on the meter; HJ 212: the MN)",
    "register": 'write register = "holding", "input", "coil" or "discrete"',
    "at": "write at = the register address, counted from 0",
    "point": 'write point = "device.point"',
    "item": 'write item = "02010100", the data identifier',
    "factor": 'write factor = "a21026", the code of the factor',
    "field": "write field = the name of a group of the model's pattern",
    "role": 'write role = "production", "treatment", "combined" or "main"',
    "medium": 'write medium = "air" or "water"',
}

_TYPES = {
    "string_type": ("must be a text", "write it in quotes"),
    "int_type": ("must be a whole number", "without quotes, point or exponent"),
    "float_type": ("must be a number", "without quotes"),
    "bool_type": ("must be true or false", "without quotes"),
    "list_type": ("must be a list", "write it in square brackets: [ … ]"),
    "dict_type": ("must be a table", "write { … }"),
    "finite_number": ("must be a finite number", "inf and nan are no settings"),
}

_BOUNDS = {
    "greater_than": ("too small", "more than {gt:g}"),
    "greater_than_equal": ("too small", "at least {ge}"),
    "less_than": ("too large", "less than {lt:g}"),
    "less_than_equal": ("too large", "at most {le}"),
    "string_too_short": ("is empty", "write it or leave the key out"),
    "string_too_long": ("too long", "at most {max_length} characters"),
}

_FORMS = {
    "item": "eight hexadecimal digits, such as 02010100 (four in the 1997 edition)",
    "factor": "letters and digits, such as a21026",
    "field": "the name of a group of the model's pattern",
    "name": "two names with a dot: object.quantity, such as stack-1.nox_converted",
    "id": "the rule's id in the catalogue, such as T1",
    "grade": "letters, digits, + and -, such as A or B-",
}


def needs(model: type[schema.SiteTable], key: str) -> str:
    """Return what to write for a required key that is missing."""
    if key == "port" or model is schema.SerialBusTable:
        return 'write port = "/dev/serial/by-path/…"' if key == "port" else _WRITE.get(key, "")
    return _WRITE.get(key, f"write {key} = …")


def said(error: ErrorDetails, key: str, value: Any) -> tuple[Path, str, str, Any]:
    """Return the place (within the table), what is wrong, what to write instead, and the value that is meant."""
    inner = [part for part in error["loc"][1:] if part != "[key]"]
    place = (key, *inner)
    for part in inner:
        value = _within(value, part)
    label = ".".join(str(part) for part in place if isinstance(part, str))
    what, hint = _said(error, key)
    if error["type"] == "literal_error" and "[key]" in error["loc"]:
        value = inner[-1]
    return place, f"{label}: {what}", hint, value


def _within(value: Any, part: str | int) -> Any:
    """Return an element or member of a value as far as there is one."""
    is_there = part in value if isinstance(value, dict) else isinstance(value, list) and isinstance(part, int)
    return value[part] if is_there else value


def _said(error: ErrorDetails, key: str) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error" and isinstance(context.get("error"), Mistake):
        mistake = context["error"]
        return str(mistake), mistake.hint
    if kind in ("literal_error", "enum"):
        return _choice(str(context["expected"]), error["input"])
    if kind in _BOUNDS:
        what, hint = _BOUNDS[kind]
        return what, hint.format(**context)
    if kind == "string_pattern_mismatch":
        return "has the wrong form", _FORMS.get(key, "")
    return _TYPES.get(kind, ("cannot be used", "see docs/site.md"))


def _choice(expected: str, wrong: Any) -> tuple[str, str]:
    """Return the words for a value that is none of some choices. `expected` is like ``'zh' or 'en'``."""
    choices = [part.strip() for part in expected.replace(" or ", ", ").split(",")]
    if not choices[0].startswith("'"):
        return "not a choice", "one of: " + ", ".join(choices)
    words = [choice.strip("'") for choice in choices]
    if not isinstance(wrong, str):
        return "must be a text", "one of: " + ", ".join(words)
    exact = [word for word in words if word.lower() == wrong.lower()]
    return "not a choice", f'write "{exact[0]}"' if exact else instead(wrong, words)
