"""The digits of a meter to readings. Pure; never raises on data of the right length, never gives a number for none.

Digits lie two a byte, low byte first. What is no value is ``None`` with a flag:

- D  every byte FF ("not available"), a digit above nine anywhere else, a date or time that does not exist
- T  a number from 2**53 on (in magnitude); or outside the point's `range`, then the number is kept

Factors are applied to whole numbers, as the decimals they were written as: 0.26 kWh at a ratio of 40 is 10.4.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import TYPE_CHECKING, Final

from drivers.dlt645.items import TIMES
from drivers.reading import Quality, Value
from drivers.registers import decimal_parts

if TYPE_CHECKING:
    from drivers.dlt645.items import Item
    from drivers.spec import ItemSpec

Decode = Callable[[bytes], tuple[Value, str]]
"""The data of an item to its value and flag."""

LARGEST: Final = 2**53
_SIGN = 0x80


def raw_of(item: Item, data: bytes) -> int | str | None:
    """Return the digits as a whole number, bits as one, anything else as text; ``None`` for no value."""
    lying = data[item.before : item.before + item.width]
    if lying.count(0xFF) == item.width:
        return None
    if item.format == "BBBB":
        return int.from_bytes(lying, "little")
    is_negative = item.signed and bool(lying[-1] & _SIGN)
    if is_negative:
        lying = lying[:-1] + bytes((lying[-1] & ~_SIGN,))
    digits = lying[::-1].hex()
    if not digits.isdecimal():
        return None
    if item.is_number:
        return -int(digits) if is_negative else int(digits)
    return _time(digits, item.format) if item.format in TIMES else digits[-len(item.format) :]


def _time(digits: str, form: str) -> str | None:
    """Return a date or time as ISO 8601 writes it, without the weekday; years are those of this century."""
    first, second, third, *rest = (int(digits[at : at + 2]) for at in range(0, len(digits), 2))
    try:
        if form == "hhmmss":
            return time(first, second, third).isoformat()
        day = date(2000 + first, second, third).isoformat()
        return day if form == "YYMMDDWW" else f"{day} {time(rest[0], rest[1]).isoformat('minutes')}"
    except ValueError:
        return None


def decoder(point: ItemSpec, item: Item) -> Decode:
    """Compile the decoding of one point: from an item's data to the reading and its flag."""
    if not item.is_number:
        return lambda data: _flagged(raw_of(item, data))
    p, q, divisor = decimal_parts(point.scale, point.offset)
    unit = 10**item.decimals
    addend, divisor = q * unit, divisor * unit
    decimals = point.decimals if point.decimals is not None and divisor > 10**point.decimals else None
    low, high = point.range or (-LARGEST, LARGEST)

    def decode(data: bytes) -> tuple[Value, str]:
        raw = raw_of(item, data)
        if not isinstance(raw, int):
            return None, Quality.FAULT.value
        numerator = raw * p + addend
        if abs(numerator) >= LARGEST * divisor:
            return None, Quality.OUT_OF_RANGE.value
        value = numerator if divisor == 1 else _quotient(numerator, divisor, decimals)
        return value, Quality.NORMAL.value if low <= value <= high else Quality.OUT_OF_RANGE.value

    return decode


def _flagged(text: int | str | None) -> tuple[Value, str]:
    return text, (Quality.FAULT if text is None else Quality.NORMAL).value


def _quotient(numerator: int, divisor: int, decimals: int | None) -> float:
    """Return the nearest float to the exact quotient, or to the quotient rounded to `decimals`, halves to even."""
    if decimals is None:
        return numerator / divisor
    whole, rest = divmod(numerator * 10**decimals, divisor)
    return float((whole + (2 * rest + (whole & 1) > divisor)) / 10**decimals)
