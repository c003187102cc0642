"""The bytes of one answered read to values and flags, compiled once per read. Pure.

Promise: `Block.decode` never raises on bytes of the right length, whatever they hold, and never gives a number where
there is none. A value that is none is ``None`` with a flag:

- D  NaN, infinite, a digit above nine in BCD, or a raw pattern the point lists as `unavailable`
- T  a number from 2**53 on (in magnitude); or outside the point's `range`, then the number is kept

Steps of a visit, each in C over the whole block: unpack, pick columns, convert columns (`drivers.columns`), put in the
points' order, look for listed patterns, compare with ranges. Only when one of the last two finds something, or a column
reports a fault, is anything done per point.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import gt, itemgetter, lt
from typing import TYPE_CHECKING, Any

from drivers.columns import Column, Raws, column_of, kind_of
from drivers.registers import Field, field_of, must_be_decodable, pattern_bits

if TYPE_CHECKING:
    from drivers.reading import Value
    from drivers.spec import PointSpec, Table

Unpack = Callable[[bytes], Raws]
Pick = Callable[[Sequence[Any]], tuple[Any, ...]]

_BITS = tuple(tuple(bool(byte >> bit & 1) for bit in range(8)) for byte in range(256))
"""The eight bits of each byte, least significant first (MODBUS Application Protocol V1.1b3, section 6.1)."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The points of one column: `pick` takes their raw values, `members` are their places among the block's points."""

    pick: Pick
    convert: Column
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Patterns:
    """The points with listed "no value" patterns. `wanted` are (place, patterns) pairs in the order of `pick`."""

    unpack: Unpack
    pick: Pick
    wanted: tuple[tuple[int, frozenset[Any]], ...]
    every: frozenset[Any]

    def found(self, data: bytes) -> list[int]:
        """Return the places of the points that hold one of their patterns."""
        raws = self.pick(self.unpack(data))
        if self.every.isdisjoint(raws):
            return []
        return [place for raw, (place, patterns) in zip(raws, self.wanted, strict=True) if raw in patterns]


@dataclass(frozen=True, slots=True)
class _Ranges:
    """The points with a range, ends included."""

    pick: Pick
    members: tuple[int, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]

    def all_inside(self, values: Sequence[Any]) -> bool:
        """Return whether nothing is to be flagged; all values must be numbers."""
        picked = self.pick(values)
        return not (any(map(lt, picked, self.lows)) or any(map(gt, picked, self.highs)))

    def outside(self, values: Sequence[Any]) -> list[int]:
        """Return the places of numbers outside their range; what is no value has its flag already."""
        rows = zip(self.members, self.pick(values), self.lows, self.highs, strict=True)
        return [place for place, value, low, high in rows if value is not None and not low <= value <= high]


@dataclass(frozen=True, slots=True)
class Block:
    """How to decode one block of `size` bytes. Made by `compile_block`; immutable, usable from any thread."""

    size: int
    _unpack: Unpack
    _parts: tuple[_Part, ...]
    _arrange: Pick
    _patterns: _Patterns | None
    _ranges: _Ranges | None
    _all_normal: str

    def decode(self, data: bytes) -> tuple[tuple[Value, ...], str]:
        """Return the values of the block's points, in their order, and one quality letter each.

        `data` are the bytes of an answer after its byte count. Raises `ValueError` when there are not `size` of them.
        """
        if len(data) != self.size:
            raise ValueError(f"the block takes {self.size} bytes, not {len(data)}")
        raws = self._unpack(data)
        found: list[Any] = []
        faults: dict[int, str] = {}
        for part in self._parts:
            numbers, wrong = part.convert(part.pick(raws))
            found += numbers
            for position, flag in wrong:
                faults[part.members[position]] = flag
        values = self._arrange(found)
        if self._patterns:
            faults.update(dict.fromkeys(self._patterns.found(data), "D"))
        if not faults and (self._ranges is None or self._ranges.all_inside(values)):
            return values, self._all_normal
        return self._flagged(list(values), faults)

    def _flagged(self, values: list[Value], faults: dict[int, str]) -> tuple[tuple[Value, ...], str]:
        flags = list(self._all_normal)
        for place, flag in faults.items():
            values[place], flags[place] = None, flag
        for place in self._ranges.outside(values) if self._ranges else ():
            flags[place] = "T"
        return tuple(values), "".join(flags)


def compile_block(points: Sequence[PointSpec], table: Table, address: int, count: int) -> Block:
    """Compile the decoder of one read: `count` addresses of `table` from `address` on, which hold all of `points`.

    Raises `BadPoint` for a point that can never be decoded, `ValueError` for one outside the block.
    """
    for point in points:
        must_be_decodable(point)
    unpack: Unpack
    parts: list[_Part]
    if table.is_bits:
        pick = _picker([point.at - address for point in points], 8 * -(-count // 8))
        unpack, parts = _bits_of, [_Part(pick, column_of(points), tuple(range(len(points))))]
    else:
        unpack, places = _unpacker([field_of(point, address) for point in points], count)
        parts = _parts_of(points, places)
    members = [member for part in parts for member in part.members]
    arrange = _picker(sorted(range(len(members)), key=members.__getitem__), len(members))
    size = -(-count // 8) if table.is_bits else 2 * count
    return Block(
        size, unpack, tuple(parts), arrange, _patterns_of(points, address, count), _ranges_of(points), "N" * len(points)
    )


def _parts_of(points: Sequence[PointSpec], places: Sequence[int]) -> list[_Part]:
    """Return one part per kind of column; `places` are the places of the points' raw values in what is unpacked."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, point in enumerate(points):
        groups.setdefault(kind_of(point), []).append(index)
    total = max(places) + 1
    return [
        _Part(_picker([places[i] for i in members], total), column_of([points[i] for i in members]), tuple(members))
        for members in groups.values()
    ]


def _patterns_of(points: Sequence[PointSpec], address: int, count: int) -> _Patterns | None:
    places = [i for i, point in enumerate(points) if point.unavailable and not point.table.is_bits]
    if not places:
        return None
    unpack, found = _unpacker([field_of(points[i], address, as_pattern=True) for i in places], count)
    wanted = tuple((i, _patterns(points[i])) for i in places)
    every = frozenset(chain.from_iterable(patterns for _, patterns in wanted))
    return _Patterns(unpack, _picker(found, max(found) + 1), wanted, every)


def _patterns(point: PointSpec) -> frozenset[Any]:
    """Return the listed patterns as they are unpacked: numbers, or the bytes of a string. Impossible ones go."""
    size = pattern_bits(point.type) // 8
    possible = [value for value in point.unavailable if 0 <= value < 1 << 8 * size]
    is_text = point.type.startswith("string:")
    return frozenset(value.to_bytes(size, "big") if is_text else value for value in possible)


def _ranges_of(points: Sequence[PointSpec]) -> _Ranges | None:
    ranged = [
        (i, point.range) for i, point in enumerate(points) if point.range and kind_of(point)[0] not in ("flag", "text")
    ]
    if not ranged:
        return None
    members = tuple(i for i, _ in ranged)
    lows, highs = tuple(ends[0] for _, ends in ranged), tuple(ends[1] for _, ends in ranged)
    return _Ranges(_picker(members, len(points)), members, lows, highs)


# --- bytes to raw values -------------------------------------------------------------------------


def _bits_of(data: bytes) -> Raws:
    return tuple(chain.from_iterable(map(_BITS.__getitem__, data)))


def _unpacker(fields: Sequence[Field], registers: int) -> tuple[Unpack, tuple[int, ...]]:
    """Compile the unpacking of a block; return with it the place of each field among the unpacked raw values.

    Fields of one layout that do not overlap share a `struct`; a block of one layout without overlaps needs one only.
    """
    runs = _runs(fields)
    places: dict[Field, int] = {}
    for field in chain.from_iterable(runs):
        places[field] = len(places)
    steps = tuple((run[0].swapped, _format(run, 2 * registers).unpack) for run in runs)
    return _unpacking(steps), tuple(places[field] for field in fields)


def _unpacking(steps: tuple[tuple[bool, Unpack], ...]) -> Unpack:
    if len(steps) == 1 and not steps[0][0]:
        return steps[0][1]

    def unpack(data: bytes) -> Raws:
        swapped = _swapped(data)
        raws: Raws = ()
        for is_swapped, unpack_run in steps:
            raws += unpack_run(swapped if is_swapped else data)
        return raws

    return unpack


def _runs(fields: Iterable[Field]) -> list[list[Field]]:
    """Return the fields in as few lists as possible, each of one layout, by rising offset, without overlaps."""
    runs: list[list[Field]] = []
    for field in sorted(set(fields)):
        for run in runs:
            last = run[-1]
            if (last.swapped, last.little) == (field.swapped, field.little) and last.offset + last.size <= field.offset:
                run.append(field)
                break
        else:
            runs.append([field])
    return runs


def _format(run: Sequence[Field], size: int) -> struct.Struct:
    """Return the format of fields in a block of `size` bytes. Raises `ValueError` for a field outside."""
    codes, end = [], 0
    for field in run:
        codes += [f"{field.offset - end}x", field.code]
        end = field.offset + field.size
    if run[0].offset < 0 or end > size:
        raise ValueError(f"a value lies outside its block of {size} bytes")
    return struct.Struct(f"{'<' if run[0].little else '>'}{''.join(codes)}{size - end}x")


def _swapped(data: bytes) -> bytes:
    words = array("H", data)
    words.byteswap()
    return words.tobytes()


def _picker(places: Sequence[int], total: int) -> Pick:
    """Return what takes the items at `places` out of a sequence of `total`, as a tuple, in C."""
    first, last = places[0], places[-1]
    if min(places) < 0 or max(places) >= total:
        raise ValueError("a value lies outside its block")
    if list(places) == list(range(total)):
        return tuple
    if list(places) == list(range(first, last + 1)):
        run = slice(first, last + 1)
        return lambda items: tuple(items[run])
    return itemgetter(*places)
