"""How rows of the history become few bytes, and back. Pure.

Rows of one visit and level are packed together, column by column: what stands below each other is alike.

    zlib( rows:u16 points:u16 | starts spans expected cuts | length of each point's part:u32 … | the parts )
    part of a point:  avg least most | n valid flag total turn

A column of numbers is written as whole numbers where few decimals (up to nine) say all of it: differences from row to
row, in the fewest bytes that hold them, low bytes first, then the higher ones, which are mostly equal. Least and most
are written as distances from the mean. What has no short decimals stays a float of 32 bits where that is exact, else of
64. Nothing is rounded here: what comes out equals what went in. A part can be read without the others.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from buffer.history_row import Number, Row

_LEVEL: Final = 6
_MOST_DECIMALS: Final = 9
_MOST: Final = 2**53
_NOTHING, _SCALED, _SINGLE, _DOUBLE, _BESIDE = range(5)
_HAS_HOLES: Final = 0x80
_WIDTHS: Final = ((1, "b"), (2, "h"), (4, "i"), (8, "q"))


class Scaled(NamedTuple):
    """Numbers as whole numbers: each is ``ints[i] / 10**decimals``."""

    decimals: int
    ints: list[int]


@dataclass(frozen=True, slots=True)
class Part:
    """The columns of one point."""

    avg: list[Number]
    least: list[Number]
    most: list[Number]
    n: list[int]
    valid: list[bool]
    flag: str
    total: list[Number]
    turn: str


def pack(rows: Sequence[Row], starts: Sequence[int]) -> bytes:
    """Return rows of one visit and level as bytes. `starts` are their starts, relative to whatever the caller knows."""
    cuts = {at: row.cut for at, row in enumerate(rows) if row.cut}
    words = json.dumps(cuts, separators=(",", ":")).encode() if cuts else b""
    parts = [_part(rows, point) for point in range(len(rows[0].names))]
    return zlib.compress(
        b"".join(
            (
                struct.pack("<HH", len(rows), len(parts)),
                _differences(starts),
                _differences([row.span_ms for row in rows]),
                _differences([row.expected for row in rows]),
                struct.pack("<H", len(words)),
                words,
                struct.pack(f"<{len(parts)}I", *map(len, parts)),
                *parts,
            )
        ),
        _LEVEL,
    )


class Packed:
    """Packed rows, opened. Raises ValueError, also for what was not packed by `pack`."""

    def __init__(self, blob: bytes) -> None:
        try:
            self._read(_Cursor(zlib.decompress(blob)))
        except (zlib.error, struct.error, IndexError, KeyError) as error:
            raise ValueError("not packed rows of the history") from error

    def _read(self, cursor: _Cursor) -> None:
        count, points = cursor.take("<HH")
        self.count: int = count
        self.starts = cursor.differences(count)
        self.spans = cursor.differences(count)
        self.expected = cursor.differences(count)
        (size,) = cursor.take("<H")
        words = cursor.raw(size)
        self.cuts: dict[int, str] = {int(at): cut for at, cut in json.loads(words).items()} if words else {}
        lengths = cursor.take(f"<{points}I")
        ends = list(accumulate(lengths))
        rest = cursor.rest()
        self._parts = [rest[end - length : end] for end, length in zip(ends, lengths, strict=True)]

    def part(self, point: int) -> Part:
        """Return the columns of one point. Raises ValueError."""
        try:
            return _opened(_Cursor(self._parts[point]), self.count)
        except (struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
            raise ValueError("not packed rows of the history") from error

    def parts(self) -> list[Part]:
        """Return the columns of all points. Raises ValueError."""
        return [self.part(point) for point in range(len(self._parts))]


# --- one point ---------------------------------------------------------------------------------------------------


def _part(rows: Sequence[Row], point: int) -> bytes:
    avg = [row.avg[point] for row in rows]
    scaled = _scaled(avg)
    return b"".join(
        (
            _numbers(avg, scaled),
            _beside([row.least[point] for row in rows], avg, scaled),
            _beside([row.most[point] for row in rows], avg, scaled),
            _differences([row.n[point] for row in rows]),
            _letters(bytes(row.valid[point] for row in rows)),
            _letters("".join(row.flag[point] for row in rows).encode("ascii")),
            _numbers(total := [row.total[point] for row in rows], _scaled(total)),
            _letters("".join(row.turn[point] for row in rows).encode("ascii")),
        )
    )


def _opened(cursor: _Cursor, count: int) -> Part:
    avg, scaled = cursor.numbers(count, None)
    return Part(
        avg=avg,
        least=cursor.numbers(count, scaled)[0],
        most=cursor.numbers(count, scaled)[0],
        n=cursor.differences(count),
        valid=[bool(letter) for letter in cursor.letters(count)],
        flag=cursor.letters(count).decode("ascii"),
        total=cursor.numbers(count, None)[0],
        turn=cursor.letters(count).decode("ascii"),
    )


# --- columns -----------------------------------------------------------------------------------------------------


def _scaled(values: Iterable[Number]) -> Scaled | None:
    """Return what is known of a column as whole numbers, ``None`` when no few decimals say all of it."""
    known = [value for value in values if value is not None]
    for decimals in range(_MOST_DECIMALS + 1):
        ints = _exact(known, 10**decimals)
        if ints is not None:
            return Scaled(decimals, ints)
    return None


def _exact(values: Iterable[float], power: int) -> list[int] | None:
    ints = []
    for value in values:
        scaled = value * power
        if not -_MOST < scaled < _MOST:
            return None
        found = round(scaled)
        if found / power != value or (not found and str(value).startswith("-")):  # minus zero stays what it is
            return None
        ints.append(found)
    return ints


def _numbers(values: Sequence[Number], scaled: Scaled | None) -> bytes:
    known = [value for value in values if value is not None]
    if not known:
        return bytes((_NOTHING,))
    if scaled is not None:
        return _headed(_SCALED, values) + bytes((scaled.decimals,)) + _differences(scaled.ints)
    return _floats(values, known)


def _floats(values: Sequence[Number], known: Sequence[float]) -> bytes:
    try:
        single = struct.pack(f"<{len(known)}f", *known)
    except OverflowError:
        single = b""
    if single and list(struct.unpack(f"<{len(known)}f", single)) == list(known):
        return _headed(_SINGLE, values) + _planes(single, 4)
    return _headed(_DOUBLE, values) + _planes(struct.pack(f"<{len(known)}d", *known), 8)


def _beside(values: Sequence[Number], avg: Sequence[Number], mean: Scaled | None) -> bytes:
    """Write a column as its distance from the means, where both are whole numbers of the same rows."""
    scaled = _scaled(values)
    same = [value is None for value in values] == [value is None for value in avg]
    if mean is None or scaled is None or not scaled.ints or not same or scaled.decimals > mean.decimals:
        return _numbers(values, scaled)
    distances = [a - b for a, b in zip(scaled.ints, _coarser(mean, scaled.decimals), strict=True)]
    return _headed(_BESIDE, values) + bytes((scaled.decimals,)) + _whole(distances)


def _coarser(mean: Scaled, decimals: int) -> list[int]:
    power = 10 ** (mean.decimals - decimals)
    return [value // power for value in mean.ints]


def _headed(kind: int, values: Sequence[Number]) -> bytes:
    """Return the first byte of a column, and behind it which rows are known, unless all are."""
    if None not in values:
        return bytes((kind,))
    return bytes((kind | _HAS_HOLES, *(value is not None for value in values)))


def _differences(ints: Sequence[int]) -> bytes:
    """Write whole numbers: the first, and from each to the next."""
    if not ints:
        return b""
    return struct.pack("<q", ints[0]) + _whole([b - a for a, b in pairwise(ints)])


def _whole(ints: Sequence[int]) -> bytes:
    """Write whole numbers in the fewest bytes that hold them all; nothing where all are 0."""
    if not any(ints):
        return b"\0"
    most = max(max(ints), ~min(ints))  # noqa: PLW3301 - a long list is no argument list
    width, letter = next(found for found in _WIDTHS if most < 1 << (8 * found[0] - 1))
    return bytes((width,)) + _planes(struct.pack(f"<{len(ints)}{letter}", *ints), width)


def _planes(data: bytes, width: int) -> bytes:
    """Put all first bytes before all second bytes, and so on: those of one plane are alike."""
    return b"".join(data[plane::width] for plane in range(width))


def _letters(letters: bytes) -> bytes:
    """Write one byte for each row, one for all where all are equal."""
    return b"\1" + letters[:1] if letters.count(letters[:1]) == len(letters) else b"\0" + letters


class _Cursor:
    """Reads what the functions above wrote. Raises struct.error, IndexError or KeyError on what they did not."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, layout: str) -> tuple[int, ...]:
        found = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return found

    def raw(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise IndexError(count)
        self._at += count
        return found

    def rest(self) -> bytes:
        return self._data[self._at :]

    def letters(self, count: int) -> bytes:
        return self.raw(1) * count if self.raw(1) == b"\1" else self.raw(count)

    def differences(self, count: int) -> list[int]:
        if not count:
            return []
        (first,) = self.take("<q")
        return list(accumulate(self._whole(count - 1), initial=first))

    def numbers(self, count: int, mean: Scaled | None) -> tuple[list[Number], Scaled | None]:
        head = self.raw(1)[0]
        known = self.raw(count) if head & _HAS_HOLES else b"\1" * count
        values, scaled = self._known(head & ~_HAS_HOLES, known.count(1), mean)
        if not head & _HAS_HOLES and values:
            return values, scaled
        each = iter(values)
        return [next(each) if values and is_known else None for is_known in known], scaled

    def _known(self, kind: int, count: int, mean: Scaled | None) -> tuple[list[Number], Scaled | None]:
        if kind == _NOTHING:
            return [], None
        if kind == _SINGLE:
            return list(struct.unpack(f"<{count}f", self._woven(count, 4))), None
        if kind == _DOUBLE:
            return list(struct.unpack(f"<{count}d", self._woven(count, 8))), None
        decimals = self.raw(1)[0]
        if kind == _SCALED:
            ints = self.differences(count)
        elif kind == _BESIDE and mean is not None:
            ints = [a + b for a, b in zip(self._whole(count), _coarser(mean, decimals), strict=True)]
        else:
            raise KeyError(kind)
        return [value / 10**decimals for value in ints], Scaled(decimals, ints)

    def _whole(self, count: int) -> list[int]:
        width = self.raw(1)[0]
        if not width:
            return [0] * count
        return list(struct.unpack(f"<{count}{dict(_WIDTHS)[width]}", self._woven(count, width)))

    def _woven(self, count: int, width: int) -> bytes:
        planes = self.raw(count * width)
        woven = bytearray(count * width)
        for plane in range(width):
            woven[plane::width] = planes[plane * count : (plane + 1) * count]
        return bytes(woven)
