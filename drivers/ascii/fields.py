"""Texts to readings: the fields of a line as the device's points want them. Pure.

A number is computed exactly from its decimal digits: "12.30" with factor 0.1 is 1.23. A text that should be a number
and is none ("12,3", "----", "") is ``None`` with flag D; a number from 2**53 on (in magnitude), or outside the point's
`range`, gets flag T (the former has no value).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drivers.reading import Quality, Value
from drivers.registers import decimal_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivers.spec import FieldSpec

LARGEST: Final = 2**53
"""From here on a number is no reading: JSON readers keep 53 bits (RFC 8259 section 6)."""
MOST_DIGITS: Final = 64

_NUMBER = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?", re.ASCII)
_CONTROL: Final = dict.fromkeys((*range(32), *range(127, 160)))
_UNKNOWN: Final = (None, Quality.FAULT.value)


@dataclass(frozen=True, slots=True)
class Decimal:
    """A number as it was written: ``digits / 10**places``; `places` may be negative."""

    digits: int
    places: int


class Columns:
    """The points of one device, ready to be filled from the fields of a line."""

    def __init__(self, points: Sequence[FieldSpec]) -> None:
        """Work out the factors."""
        self._points = tuple((point, decimal_parts(point.scale, point.offset)) for point in points)

    def read(self, fields: Mapping[str, str | None]) -> tuple[tuple[Value, ...], str]:
        """Return the points' values and flags. Never raises."""
        pairs = [_reading(point, fields.get(point.field), parts) for point, parts in self._points]
        return tuple(value for value, _ in pairs), "".join(flag for _, flag in pairs)


def decimal(text: str) -> Decimal | None:
    """Return the number that `text` is, ``None`` when it is none. Only a point marks decimals."""
    match = _NUMBER.fullmatch(text) if len(text) <= MOST_DIGITS else None
    if match is None:
        return None
    sign, whole, part, power = match[1], match[2], match[3] or "", int(match[4] or 0)
    if not whole + part:
        return None
    digits = int(whole + part)
    return Decimal(-digits if sign == "-" else digits, len(part) - power)


def _reading(point: FieldSpec, text: str | None, parts: tuple[int, int, int]) -> tuple[Value, str]:
    if text is None:
        return _UNKNOWN
    shown = text.translate(_CONTROL).strip()
    if shown in point.unavailable:
        return _UNKNOWN
    if not point.is_number:
        return shown, Quality.NORMAL.value
    number = decimal(shown)
    return _UNKNOWN if number is None else _scaled(point, number, parts)


def _scaled(point: FieldSpec, number: Decimal, parts: tuple[int, int, int]) -> tuple[Value, str]:
    """Return the reading, with one rounding at most."""
    factor, offset, divisor = parts
    over = divisor * 10 ** max(0, number.places)
    top = number.digits * 10 ** max(0, -number.places) * factor + offset * 10 ** max(0, number.places)
    if abs(top) >= LARGEST * over:
        return None, Quality.OUT_OF_RANGE.value
    value: float | int = top if over == 1 else top / over
    if point.decimals is not None and isinstance(value, float):
        value = round(value, point.decimals) + 0.0
    is_outside = point.range is not None and not point.range[0] <= value <= point.range[1]
    return value, (Quality.OUT_OF_RANGE if is_outside else Quality.NORMAL).value
