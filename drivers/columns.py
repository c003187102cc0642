"""Raw values to readings, a column at a time. Pure, and the hottest code of the house.

A column holds those points of one read block that need the same steps, so that each step is one pass in C over the
whole column (`map`, `struct`, one ``%`` format) and nothing is done per point in Python. Only what is rare costs a
loop: a value that is none (NaN, infinite, not BCD, beyond 2**53) is noted as a fault and replaced by zero first.

Numbers come out as people write them:
- a whole number with decimal factors is computed exactly: 123 * 0.1 is 12.3, never 12.299999999999999;
- a float32 or float16 gets the fewest digits that read back as the same float: 12.3, never 12.300000190734863
  (seven digits are tried first, then eight, then nine: IEEE 754 section 5.12.2 promises that nine do);
- -0 becomes 0.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import compress, repeat
from math import hypot, isfinite
from operator import add, and_, mul, ne, truediv
from typing import TYPE_CHECKING, Any

import orjson

from drivers.registers import decimal_parts, pattern_bits, shape_of

if TYPE_CHECKING:
    from drivers.spec import PointSpec

Raws = tuple[Any, ...]
Faults = Sequence[tuple[int, str]]
"""(position in the column, quality letter) of each value that is none."""
Column = Callable[[Raws], tuple[Sequence[Any], Faults]]
"""Raw values of the column's points to their readings, in the same order."""

LARGEST = 2**53
"""From here on a number is no reading: JSON readers keep 53 bits (RFC 8259 section 6)."""

_NO_FAULTS: Faults = ()
_FAULT, _OUT_OF_RANGE = "D", "T"
_LEAST_NOISE_SHARE = 0.25
_PRECISION = {"e": 2.0**-11, "f": 2.0**-24, "d": 0.0}
_TIDY_DIGITS = {"e": 12, "f": 12, "d": 15}
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)))


def kind_of(point: PointSpec) -> tuple[Any, ...]:
    """Return the key of the column a point belongs to: points with the same key share their steps."""
    shape = shape_of(point.type)
    if shape.kind in ("flag", "text") or point.table.is_bits:
        return ("flag" if point.table.is_bits else shape.kind,)
    if shape.kind == "real":
        return ("real", shape.code, point.decimals, (point.scale, point.offset) == (1, 0))
    parts = decimal_parts(point.scale, point.offset)
    is_wide = _bound(point) >= LARGEST
    return (shape.kind, is_wide, parts == (1, 0, 1), parts[2] == 1, _rounding(point, parts[2]))


def column_of(points: Sequence[PointSpec]) -> Column:
    """Compile the column of points that all have the same `kind_of`."""
    kind = kind_of(points[0])[0]
    if kind == "flag":
        return _flags(points)
    if kind == "text":
        return _texts
    if kind == "real":
        return _reals(points)
    return _whole_numbers(points, is_bcd=kind == "bcd")


# --- bits and characters -------------------------------------------------------------------------


def _flags(points: Sequence[PointSpec]) -> Column:
    if points[0].table.is_bits:
        return lambda raws: (raws, _NO_FAULTS)
    masks = tuple(0xFFFF if point.type == "bool" else 1 << int(point.type.removeprefix("bit:")) for point in points)
    return lambda raws: (tuple(map(bool, map(and_, raws, masks))), _NO_FAULTS)


def _texts(raws: Raws) -> tuple[Sequence[str], Faults]:
    return [_text(raw) for raw in raws], _NO_FAULTS


def _text(raw: bytes) -> str:
    """Return the characters up to the first NUL, without control characters and trailing spaces."""
    return raw.partition(b"\0")[0].decode("utf-8", errors="replace").translate(_CONTROL).rstrip(" ")


# --- whole numbers -------------------------------------------------------------------------------


def _whole_numbers(points: Sequence[PointSpec], *, is_bcd: bool) -> Column:
    parts = [decimal_parts(point.scale, point.offset) for point in points]
    scaled = _exactly_scaled(parts, _rounding(points[0], parts[0][2]))
    if _bound(points[0]) >= LARGEST:
        scaled = _within_limit(scaled, parts)
    return _from_bcd(scaled) if is_bcd else scaled


def _exactly_scaled(parts: Sequence[tuple[int, int, int]], decimals: int | None) -> Column:
    factors, offsets, divisors = zip(*parts, strict=True)
    has_factors, has_offsets = set(factors) != {1}, set(offsets) != {0}
    has_divisors = set(divisors) != {1}

    def column(raws: Raws) -> tuple[Sequence[Any], Faults]:
        if has_factors:
            raws = tuple(map(mul, raws, factors))
        if has_offsets:
            raws = tuple(map(add, raws, offsets))
        if has_divisors:
            raws = tuple(map(truediv, raws, divisors))
        return (raws if decimals is None else rounded(raws, decimals)), _NO_FAULTS

    return column


def _within_limit(scaled: Column, parts: Sequence[tuple[int, int, int]]) -> Column:
    """Put the check for |reading| >= 2**53 before the steps of `scaled`."""
    safe = min((LARGEST - abs(q) / d) / (abs(p) / d) for p, q, d in parts) * (1 - 1e-9)

    def column(raws: Raws) -> tuple[Sequence[Any], Faults]:
        if hypot(*raws) < safe:
            return scaled(raws)
        faults = [
            (position, _OUT_OF_RANGE)
            for position, (raw, (p, q, d)) in enumerate(zip(raws, parts, strict=True))
            if abs(raw * p + q) >= LARGEST * d
        ]
        return scaled(_zeroed(raws, faults))[0], faults

    return column


def _from_bcd(scaled: Column) -> Column:
    """Put the reading of binary coded decimals, one digit in four bits, before the steps of `scaled`."""

    def column(raws: Raws) -> tuple[Sequence[Any], Faults]:
        digits = [f"{raw:x}" for raw in raws]
        faults = [(position, _FAULT) for position, text in enumerate(digits) if not text.isdecimal()]
        for position, _ in faults:
            digits[position] = "0"
        numbers, too_large = scaled(tuple(map(int, digits)))
        return numbers, [*too_large, *faults]

    return column


def _bound(point: PointSpec) -> float:
    """Return what no reading of this point can exceed, whatever its registers hold."""
    return 2.0 ** pattern_bits(point.type) * abs(point.scale) + abs(point.offset)


def _rounding(point: PointSpec, divisor: int) -> int | None:
    """Return the decimals to round an exact reading to, ``None`` when it has no more than that anyway."""
    return point.decimals if point.decimals is not None and divisor > 10**point.decimals else None


# --- binary fractions ----------------------------------------------------------------------------


def _reals(points: Sequence[PointSpec]) -> Column:
    code, decimals = shape_of(points[0].type).code, points[0].decimals
    scales, offsets = tuple(point.scale for point in points), tuple(point.offset for point in points)
    is_scaled = (set(scales), set(offsets)) != ({1}, {0})
    safe = (LARGEST - max(map(abs, offsets))) / max(map(abs, scales)) * (1 - 1e-9)
    shown = _shown_as_they_are(code, decimals, max(map(abs, scales)))
    finish = _finished(code, decimals, is_scaled=is_scaled)

    def column(raws: Raws) -> tuple[Sequence[Any], Faults]:
        faults, reach = _NO_FAULTS, hypot(*raws)
        if not reach < safe:
            faults = _absurd(raws, scales, offsets)
            raws = _zeroed(raws, faults)
            reach = hypot(*raws)
        numbers: Sequence[Any] = raws if reach < shown else shortest(raws, code)
        if is_scaled:
            numbers = tuple(map(add, map(mul, numbers, scales), offsets))
        return finish(numbers), faults

    return column


def _shown_as_they_are(code: str, decimals: int | None, scale: float) -> float:
    """Return the magnitude below which the binary noise of the raw value cannot show in the reading."""
    if not _PRECISION[code]:
        return float("inf")
    return 0.0 if decimals is None else _LEAST_NOISE_SHARE * 10.0**-decimals / (_PRECISION[code] * scale)


def _finished(code: str, decimals: int | None, *, is_scaled: bool) -> Callable[[Sequence[Any]], Sequence[Any]]:
    if decimals is not None:
        return lambda numbers: rounded(numbers, decimals)
    if is_scaled:
        return lambda numbers: written(numbers, _TIDY_DIGITS[code])
    if not _PRECISION[code]:
        return lambda numbers: [number + 0.0 for number in numbers]
    return lambda numbers: numbers


def _absurd(raws: Raws, scales: Sequence[float], offsets: Sequence[float]) -> Faults:
    """Return the positions of NaN and infinity (D) and of readings from 2**53 on (T)."""
    found = []
    for position, (raw, scale, offset) in enumerate(zip(raws, scales, offsets, strict=True)):
        if not isfinite(raw):
            found.append((position, _FAULT))
        elif abs(raw * scale + offset) >= LARGEST:
            found.append((position, _OUT_OF_RANGE))
    return found


def _zeroed(raws: Raws, faults: Faults) -> Raws:
    cleaned = list(raws)
    for position, _ in faults:
        cleaned[position] = 0
    return tuple(cleaned)


def shortest(numbers: Sequence[float], code: str) -> list[Any]:
    """Return each float16 ("e") or float32 ("f") as the decimal with the fewest digits that reads back the same."""
    first, *others = shape_of("float16" if code == "e" else "float32").digits
    result = written(numbers, first)
    for digits in others:
        back = struct.unpack(f"{len(result)}{code}", struct.pack(f"{len(result)}{code}", *result))
        if back == numbers:
            break
        wrong = list(map(ne, back, numbers))
        again = written(tuple(compress(numbers, wrong)), digits)
        for position, number in zip(compress(range(len(result)), wrong), again, strict=True):
            result[position] = number
    return result


def written(numbers: Sequence[float], digits: int) -> list[Any]:
    """Return finite numbers rounded to significant `digits`, through one format and one parse for all of them."""
    text = f"[{f'%.{digits}g,' * len(numbers)}0]" % tuple(numbers)
    result: list[Any] = orjson.loads(text)  # "-0" is read as the whole number 0
    result.pop()
    return result


def rounded(numbers: Sequence[float], decimals: int) -> Sequence[Any]:
    """Return finite floats rounded to `decimals`; where the last bit of a float is coarser, as they are."""
    unit = 10.0**decimals
    if not hypot(*numbers) * unit < LARGEST / 2:
        return [round(number, decimals) + 0.0 for number in numbers]
    whole = map(float.__round__, map(mul, numbers, repeat(unit)))
    return list(whole) if decimals == 0 else list(map(truediv, whole, repeat(unit)))
