"""Wanted points to the reads with the least line time, and what refusals teach. Pure and deterministic.

Invariants of every plan:
- each wanted address lies in exactly one read; a read starts and ends with a wanted value and never inside one
  (devices refuse such reads: Siemens PAC4200, system manual A5E02316180B, page 226);
- no read exceeds the device's limits or the protocol's, 125 registers and 2000 bits (MODBUS Application Protocol
  V1.1b3, sections 6.1 to 6.4), and none spans a barrier;
- no other plan that keeps these has less line time under the cost model; of equals, one with the fewest reads wins.

The only exception: values that overlap and are refused together are asked for one by one; one of them may exist.

Values that overlap are one *atom*, which is never cut. A plan is a partition of the sorted atoms into runs; the best
one ending with each atom follows from the best ones before it. The cost of a run is its end minus its start plus a
constant, so the best start is the least of a sliding window, and the whole takes linear time. (An answer carries bits
in whole bytes; there the same holds for starts that are equal modulo eight, hence eight windows.)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from drivers.cost import CostModel, Read
from drivers.decode import Block, compile_block
from drivers.registers import ADDRESSES, width
from drivers.spec import DeviceSpec, PointSpec, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from drivers.reading import Value

__all__ = [
    "BlockRead",
    "CostModel",
    "PlanState",
    "Read",
    "ReadPlan",
    "Unreadable",
    "compile_plan",
    "dropped_points",
    "plan",
    "plan_device",
    "refused",
    "regained",
    "restored",
]

Border = tuple[Table, int]
"""No read may reach from below this address to it or above."""

_MAX_REGISTERS, _MAX_BITS = 125, 2000
_TICKS_PER_S = 1e12  # costs are added as whole picoseconds, so that equal plans compare equal


class Unreadable(ValueError):
    """Points that no allowed read can hold: the site file or a model is wrong. `points` are their names."""

    def __init__(self, reason: str, points: tuple[str, ...]) -> None:
        """Keep the names beside the reason in words."""
        super().__init__(reason)
        self.points = points


# --- planning ------------------------------------------------------------------------------------


def plan(
    points: Iterable[PointSpec],
    *,
    cost: CostModel,
    max_registers: int = _MAX_REGISTERS,
    max_bits: int = _MAX_BITS,
    barriers: frozenset[Border] = frozenset(),
    apart: frozenset[Border] = frozenset(),
) -> tuple[Read, ...]:
    """Return the reads with the least line time that hold all points, by table name and rising address.

    `barriers` are declared, `apart` are learned from refusals; both mean the same. Raises `Unreadable` when a value
    (or values that overlap) is wider than a read may be, or lies across a barrier or the end of the table.
    """
    wanted = list(points)
    reads: list[Read] = []
    for table in Table:
        here = [point for point in wanted if point.table is table]
        limit = min(max_bits, _MAX_BITS) if table.is_bits else min(max_registers, _MAX_REGISTERS)
        borders = sorted({address for other, address in barriers | apart if other is table})
        atoms = _atoms({_span(point) for point in here})
        _check(atoms, here, limit, borders)
        reads += (Read(table, start, end - start) for start, end in _cheapest(atoms, table, cost, limit, borders))
    return tuple(sorted(reads))


def _span(point: PointSpec) -> tuple[int, int]:
    return point.at, point.at + width(point)


def _atoms(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the (start, end) ranges of values that overlap each other, by rising address."""
    atoms: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if atoms and start < atoms[-1][1]:
            atoms[-1] = (atoms[-1][0], max(end, atoms[-1][1]))
        else:
            atoms.append((start, end))
    return atoms


def _check(atoms: Iterable[tuple[int, int]], points: Sequence[PointSpec], limit: int, borders: Sequence[int]) -> None:
    for start, end in atoms:
        reason = None
        if start < 0 or end > ADDRESSES:
            reason = f"leave the addresses 0 to {ADDRESSES - 1}"
        elif end - start > limit:
            reason = f"take {end - start} addresses in one read, the device allows {limit}"
        elif bisect_left(borders, end) > bisect_right(borders, start):
            reason = f"lie across the barrier at {borders[bisect_right(borders, start)]}"
        if reason:
            names = tuple(point.name for point in points if start <= point.at < end)
            kind = points[0].table.value
            raise Unreadable(f"{kind} {start} to {end - 1} ({', '.join(names)}) {reason}", names)


def _cheapest(
    atoms: Sequence[tuple[int, int]], table: Table, cost: CostModel, limit: int, borders: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the runs of the best partition of `atoms`, as (start, end)."""
    unit, unit_bytes = (8, 1) if table.is_bits else (1, 2)  # addresses that travel together
    request, step = round(cost.request_s * _TICKS_PER_S), round(cost.byte_s * _TICKS_PER_S) * unit_bytes
    windows: list[deque[tuple[int, int, int]]] = [deque() for _ in range(unit)]
    best, first_of, earliest = [(0, 0)], [], 0  # of the atoms so far: (ticks, reads); first atom of the last run
    for index, (start, end) in enumerate(atoms):
        _enter(windows[start % unit], (best[index][0] - start // unit * step, best[index][1], index))
        earliest = _earliest(atoms, earliest, end, limit, borders)
        choices = []
        for phase, window in enumerate(windows):
            while window and window[0][2] < earliest:
                window.popleft()
            if window:
                ticks, reads, first = window[0]
                choices.append((ticks - (phase - end) // unit * step + request, reads + 1, first))
        ticks, reads, first = min(choices)
        best.append((ticks, reads))
        first_of.append(first)
    return _runs(atoms, first_of)


def _enter(window: deque[tuple[int, int, int]], candidate: tuple[int, int, int]) -> None:
    """Let a candidate into a window whose entries rise: what is no better and leaves earlier can go."""
    while window and window[-1][:2] >= candidate[:2]:
        window.pop()
    window.append(candidate)


def _earliest(atoms: Sequence[tuple[int, int]], known: int, end: int, limit: int, borders: Sequence[int]) -> int:
    """Return the first atom from which a read may reach `end`."""
    below = bisect_left(borders, end)
    border = borders[below - 1] if below else 0
    while end - atoms[known][0] > limit or atoms[known][0] < border:
        known += 1
    return known


def _runs(atoms: Sequence[tuple[int, int]], first_of: Sequence[int]) -> list[tuple[int, int]]:
    runs = []
    last = len(atoms) - 1
    while last >= 0:
        first = first_of[last]
        runs.append((atoms[first][0], atoms[last][1]))
        last = first - 1
    return runs[::-1]


# --- learning ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """What is known of one device: what is wanted, what is allowed, and what its refusals have taught.

    `apart`: borders found between values. `alone`: overlapping values, refused together, now asked for one by one.
    `dropped`: values refused for good. A value is known by its ``Read``.
    """

    points: tuple[PointSpec, ...]
    cost: CostModel
    max_registers: int = _MAX_REGISTERS
    max_bits: int = _MAX_BITS
    barriers: frozenset[Border] = frozenset()
    apart: frozenset[Border] = frozenset()
    alone: frozenset[Read] = frozenset()
    dropped: frozenset[Read] = frozenset()

    def reads(self) -> tuple[Read, ...]:
        """Return the plan, with all that is known. Raises `Unreadable`."""
        together = plan(
            self.together(),
            cost=self.cost,
            max_registers=self.max_registers,
            max_bits=self.max_bits,
            barriers=self.barriers,
            apart=self.apart,
        )
        return tuple(sorted((*together, *(self.alone - self.dropped))))

    def together(self) -> list[PointSpec]:
        """Return the points whose reads may be joined."""
        return [point for point in self.points if value_read(point) not in self.alone | self.dropped]


def plan_device(device: DeviceSpec, cost: CostModel) -> PlanState:
    """Return what is known of a device before the first word with it."""
    return PlanState(
        points=device.registers,
        cost=cost,
        max_registers=device.max_registers,
        max_bits=device.max_bits,
        barriers=device.barriers,
    )


def value_read(point: PointSpec) -> Read:
    """Return the read of exactly one value."""
    return Read(point.table, point.at, width(point))


def refused(state: PlanState, read: Read) -> PlanState:
    """Return what is known after the device has refused a read of the plan (exception 02 or 03).

    A joined read is halved: at a bridged hole while there is one, else between values; so one hole, or one value,
    that the device does not have is found in a logarithmic number of refusals. Overlapping values are then asked for
    one by one, and a single value refused is dropped for good. Every call makes progress: a chain of refusals ends.
    """
    if read in state.alone:
        return replace(state, dropped=state.dropped | {read})
    inside = [point for point in state.together() if point.table is read.table and read.address <= point.at < read.end]
    atoms = _atoms({_span(point) for point in inside})
    if len(atoms) > 1:
        return replace(state, apart=state.apart | {(read.table, _middle(atoms))})
    values = frozenset(map(value_read, inside))
    if len(values) > 1:
        return replace(state, alone=state.alone | values)
    return replace(state, dropped=state.dropped | values)


def _middle(atoms: Sequence[tuple[int, int]]) -> int:
    """Return the address at which to halve a refused run: the middle hole, or the middle seam when there is no hole."""
    seams = [(before[1], after[0]) for before, after in pairwise(atoms)]
    holes = [after for before, after in seams if before < after]
    places = holes or [after for _, after in seams]
    return places[len(places) // 2]


def dropped_points(state: PlanState) -> tuple[int, ...]:
    """Return the indices of the points that are no longer asked for."""
    return tuple(i for i, point in enumerate(state.points) if value_read(point) in state.dropped)


def regained(state: PlanState, value: Read) -> PlanState:
    """Return what is known after a dropped value was answered after all.

    What was learned was true of another day (a controller in the wrong mode refuses everything): values are joined
    again as on the first, all but those still dropped. A hole that is one will cost its few refusals once more.
    """
    return replace(restored(state), dropped=state.dropped - {value})


def restored(state: PlanState) -> PlanState:
    """Return the state with all that was learned forgotten: the device may be another one now."""
    return replace(state, apart=frozenset(), alone=frozenset(), dropped=frozenset())


# --- reads with their decoders -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BlockRead:
    """A read, the indices of the device's points it serves, and how to decode its answer."""

    read: Read
    points: tuple[int, ...]
    block: Block

    def decode(self, data: bytes) -> tuple[tuple[Value, ...], str]:
        """Return values and flags of `points`, in that order. `data` are the bytes after the answer's byte count."""
        return self.block.decode(data)


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """All reads of a device, compiled. `unread` are the points no read serves: dropped ones."""

    reads: tuple[BlockRead, ...]
    unread: tuple[int, ...]
    _arrange: Callable[[Sequence[Any]], tuple[Any, ...]] | None

    def decode(self, answers: Sequence[bytes | None]) -> tuple[tuple[Value, ...], str]:
        """Return values and flags aligned with the device's points. An answer is ``None`` where the read failed.

        Points of a failed read are unknown with flag B; points the device does not have, with flag D.
        """
        values: list[Any] = []
        flags: list[str] = []
        for block_read, data in zip(self.reads, answers, strict=True):
            some, marks = _silence(len(block_read.points)) if data is None else block_read.block.decode(data)
            values += some
            flags.append(marks)
        values += (None,) * len(self.unread)
        flags.append("D" * len(self.unread))
        letters = "".join(flags)
        if self._arrange is None:
            return tuple(values), letters
        is_normal = letters.count("N") == len(letters)
        return self._arrange(values), letters if is_normal else "".join(self._arrange(letters))


def _silence(points: int) -> tuple[tuple[Value, ...], str]:
    return (None,) * points, "B" * points


def compile_plan(points: Sequence[PointSpec], reads: Iterable[Read]) -> ReadPlan:
    """Compile the decoders of `reads`: each point is served by the first read that holds the whole of it.

    Raises `BadPoint` for a point that can never be decoded.
    """
    ordered = sorted(reads)
    served: list[list[int]] = [[] for _ in ordered]
    unread: list[int] = []
    for index, point in enumerate(points):
        place = _holder(ordered, value_read(point))
        (unread if place is None else served[place]).append(index)
    blocks = tuple(
        BlockRead(read, tuple(held), compile_block([points[i] for i in held], read.table, read.address, read.count))
        for read, held in zip(ordered, served, strict=True)
        if held
    )
    sequence = [*chain.from_iterable(block.points for block in blocks), *unread]
    is_straight = sequence == list(range(len(points)))
    arrange = None if is_straight else itemgetter(*sorted(range(len(sequence)), key=sequence.__getitem__))
    return ReadPlan(blocks, tuple(unread), arrange)


def _holder(reads: Sequence[Read], value: Read) -> int | None:
    """Return the place of the first of the sorted `reads` that holds `value` whole; those of single values overlap."""
    place = bisect_right(reads, Read(value.table, value.address, ADDRESSES)) - 1
    while place >= 0 and reads[place].table is value.table and value.address - reads[place].address < _MAX_BITS:
        if value.end <= reads[place].end:
            return place
        place -= 1
    return None
