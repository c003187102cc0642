"""One wanted field of a message to a reading: value and quality. Pure; nothing raises.

The data flag beside a value (``a21026-Flag=N``; HJ 212-2017 table 8) is its quality; without one it is normal. The
value is kept with its flag as the instrument told it, but for B: where the link between analyzer and sender is broken,
what is sent is no measurement. A letter that is none of the eight is taken as a fault (D), and told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from drivers.hj212.dialect import Deviation
from drivers.hj212.uploads import parted
from drivers.reading import Quality

if TYPE_CHECKING:
    from drivers.hj212.content import Message
    from drivers.reading import Value
    from drivers.spec import FactorSpec

LARGEST: Final = 2**53
"""From here on a number is no reading: JSON readers keep 53 bits (RFC 8259 section 6)."""
_WHOLE: Final = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LETTERS: Final = frozenset(quality.value for quality in Quality)
_CONTROL: Final = dict.fromkeys((*range(32), *range(127, 160)))
_WATER: Final = "w"


@dataclass(frozen=True, slots=True)
class Reading:
    """A value, its quality letter, and what was tolerated to get them."""

    value: Value
    flag: str
    deviations: tuple[Deviation, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A point, and where messages hold it. Made once by `wanted`."""

    point: FactorSpec
    field: str
    codes: tuple[str, ...]


def wanted(point: FactorSpec) -> Wanted:
    """Return where to look for `point`. A code of water may lack its ``w`` (printed so in 2017, annex C)."""
    codes = (point.factor, point.factor[1:]) if point.factor.startswith(_WATER) else (point.factor,)
    return Wanted(point, parted(point.field)[1], codes)


def reading_of(message: Message, want: Wanted) -> Reading | None:
    """Return the reading of a point, ``None`` when the message does not speak of it."""
    for code in want.codes:
        text, letter = message.fields.get((code, want.field)), message.fields.get((code, "Flag"))
        if text is None and letter is None:
            continue
        flag, noted = _quality(letter)
        if code != want.point.factor:
            noted = (*noted, Deviation.CODE_WITHOUT_LETTER)
        if text is None:
            return Reading(None, Quality.NO_COMMUNICATION.value if flag == Quality.NORMAL else flag, noted)
        if not message.torn.isdisjoint(((code, want.field), (code, "Flag"))):
            return Reading(None, Quality.FAULT.value, noted)
        return Reading(*_value(text, flag, want.point), noted)
    return None


def _quality(letter: str | None) -> tuple[str, tuple[Deviation, ...]]:
    if letter is None or letter in _LETTERS:
        return letter or Quality.NORMAL.value, ()
    if letter.upper() in _LETTERS:
        return letter.upper(), (Deviation.LOWER_CASE_FLAG,)
    return Quality.FAULT.value, (Deviation.UNKNOWN_FLAG,)


def _value(text: str, flag: str, point: FactorSpec) -> tuple[Value, str]:
    if flag == Quality.NO_COMMUNICATION:
        return None, flag
    if not point.is_number:
        return text.translate(_CONTROL), flag
    number = number_of(text, point)
    if number is None:
        return None, Quality.FAULT.value if flag == Quality.NORMAL else flag
    if not abs(number) < LARGEST:
        return None, Quality.OUT_OF_RANGE.value
    if flag == Quality.NORMAL and point.range and not point.range[0] <= number <= point.range[1]:
        return number, Quality.OUT_OF_RANGE.value
    return number, flag


def number_of(text: str, point: FactorSpec) -> float | int | None:
    """Return ``text * scale + offset``, computed in decimals, rounded as the point says; ``None`` if it is no number.

    A whole number stays one where nothing is to be computed. May be infinite.
    """
    is_plain = point.scale == 1 and point.offset == 0
    if is_plain and _WHOLE.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text) if is_plain else float(Decimal(text) * _decimal(point.scale) + _decimal(point.offset))
    if point.decimals is not None and abs(number) < LARGEST:
        number = round(number, point.decimals)
    return number + 0.0


def _decimal(number: float) -> Decimal:
    """Return the factor as it was written: 0.1, not the float next to it."""
    return Decimal(repr(number))
