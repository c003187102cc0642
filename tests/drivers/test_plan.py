"""The planner: by hand, against every plan there is, against another planner, and against devices that refuse."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, log2
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from drivers.cost import CostModel, Read, rtu_tcp_cost, serial_cost, tcp_cost
from drivers.plan import (
    PlanState,
    Unreadable,
    compile_plan,
    dropped_points,
    plan,
    plan_device,
    refused,
    regained,
    restored,
    value_read,
)
from drivers.spec import DeviceSpec, PointSpec, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TCP, LINE = tcp_cost(), serial_cost(9600)
WIDTHS = {1: "uint16", 2: "float32", 4: "float64"}


def values(*places: tuple[int, int], table: Table = Table.HOLDING) -> list[PointSpec]:
    """Return points at (address, width) places."""
    return [
        PointSpec(
            name=f"p{at}x{size}",
            table=table,
            at=at,
            type="bit" if table.is_bits else WIDTHS.get(size, f"string:{size}"),
        )
        for at, size in places
    ]


def spans(reads: Iterable[Read]) -> list[tuple[int, int]]:
    """Return reads as (address, count)."""
    return [(read.address, read.count) for read in reads]


# --- by hand -------------------------------------------------------------------------------------

FLOATS_200 = [(2 * i, 2) for i in range(100)]

BY_HAND = {
    "nothing wanted": ([], TCP, []),
    "one value": ([(7, 2)], TCP, [(7, 2)]),
    "side by side": ([(0, 2), (2, 1), (3, 4)], LINE, [(0, 7)]),
    "the same value twice": ([(5, 2), (5, 2)], LINE, [(5, 2)]),
    "overlapping values": ([(5, 4), (7, 4), (8, 1)], LINE, [(5, 6)]),
    "a small hole on a slow line": ([(0, 2), (9, 2)], LINE, [(0, 11)]),
    "a large hole on a slow line": ([(0, 2), (60, 2)], LINE, [(0, 2), (60, 2)]),
    "a large hole on Ethernet": ([(0, 2), (120, 2)], TCP, [(0, 122)]),
    "too far for one read": ([(0, 2), (124, 2)], TCP, [(0, 2), (124, 2)]),
    "just near enough": ([(0, 2), (123, 2)], TCP, [(0, 125)]),
    "never split inside a value": (FLOATS_200, TCP, [(0, 124), (124, 76)]),
    "last address": ([(65535, 1), (65531, 4)], TCP, [(65531, 5)]),
}


@pytest.mark.parametrize(("places", "cost", "reads"), BY_HAND.values(), ids=BY_HAND)
def test_plans_by_hand(places: list[tuple[int, int]], cost: CostModel, reads: list[tuple[int, int]]) -> None:
    """Values are joined where that is cheaper on this transport, and only there."""
    assert spans(plan(values(*places), cost=cost)) == reads


def test_tables_are_never_mixed() -> None:
    """Each table has its own reads, with its own function."""
    wanted = [point for table in Table for point in values((1, 1), (2, 1), table=table)]

    reads = plan(wanted, cost=TCP)

    assert sorted((read.table.function, read.address, read.count) for read in reads) == [
        (f, 1, 2) for f in (1, 2, 3, 4)
    ]


def test_a_barrier_is_never_spanned() -> None:
    """A read ends below a barrier and another starts at it or above."""
    reads = plan(values((0, 2), (2, 2), (6, 2)), cost=TCP, barriers=frozenset({(Table.HOLDING, 2), (Table.INPUT, 6)}))

    assert spans(reads) == [(0, 2), (2, 6)]


def test_the_order_of_points_does_not_matter() -> None:
    """The same points give the same plan, however they are listed."""
    places = [(3 * i, 2) for i in range(120)]

    assert plan(values(*places), cost=LINE) == plan(values(*reversed(places)), cost=LINE)


UNREADABLE = {
    "wider than the device allows": ([(4, 12)], {"max_registers": 10}, "take 12 addresses in one read.* allows 10"),
    "overlapping, together too wide": ([(0, 100), (99, 50)], {}, r"p0x100, p99x50\) take 149 addresses"),
    "across a barrier": ([(4, 4)], {"barriers": frozenset({(Table.HOLDING, 6)})}, "across the barrier at 6"),
    "beyond the table": ([(65535, 2)], {}, "leave the addresses 0 to 65535"),
}


@pytest.mark.parametrize(("places", "limits", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_no_read_can_hold_is_told(places: list[tuple[int, int]], limits: dict[str, object], words: str) -> None:
    """A value that fits no allowed read is a mistake of the site file, told with its points."""
    with pytest.raises(Unreadable, match=words) as refusal:
        plan(values(*places), cost=TCP, **limits)  # type: ignore[arg-type]

    assert refusal.value.points == tuple(point.name for point in values(*places))


def test_a_large_plan_is_made_whole() -> None:
    """Ten thousand bits with a hole behind each are read in ten full reads."""
    reads = plan(values(*((at, 1) for at in range(0, 20000, 2)), table=Table.COIL), cost=TCP)

    assert spans(reads) == [(0, 1999), *((1999 + i * 2000 + 1, 1999) for i in range(9))]


# --- properties ----------------------------------------------------------------------------------

COSTS = st.sampled_from([TCP, LINE, serial_cost(115200, turnaround_s=0.002), rtu_tcp_cost(), CostModel(0.001, 0.0)])


@st.composite
def layouts(draw: st.DrawFn, most: int = 12, *, overlapping: bool = True) -> list[PointSpec]:
    """Return points of mixed widths with holes and, if wanted, overlaps."""
    table = draw(st.sampled_from([Table.HOLDING, Table.COIL]))
    at = draw(st.sampled_from([0, 7, 40000]))
    places: list[tuple[int, int]] = []
    for _ in range(draw(st.integers(1, most))):
        size = 1 if table.is_bits else draw(st.sampled_from([1, 2, 2, 4, 9]))
        at += draw(st.sampled_from([0, 0, 1, 3, 8, 20, 60, 130] + ([-1] if overlapping and places else [])))
        at = max(at, places[-1][0] if places else at)
        places.append((at, size))
        at += size
    return values(*places, table=table)


def atoms_of(points: Sequence[PointSpec]) -> list[tuple[int, int]]:
    """Return the address ranges nobody may cut, found address by address."""
    held = {address for point in points for address in range(point.at, value_read(point).end)}
    inner = {address for point in points for address in range(point.at + 1, value_read(point).end)}
    starts = sorted(held - inner)
    return [(start, next(a for a in range(start + 1, 70000) if a not in inner)) for start in starts]


def partitions(atoms: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Return every way to cut a row of atoms into reads."""
    for cuts in range(2 ** (len(atoms) - 1)):
        runs = [list(atoms[0])]
        for i, (start, end) in enumerate(atoms[1:]):
            if cuts >> i & 1:
                runs.append([start, end])
            else:
                runs[-1][1] = end
        yield [(start, end) for start, end in runs]


def line_time(cost: CostModel, table: Table, runs: Iterable[tuple[int, int]]) -> float:
    """Return the seconds of reads given as (start, end)."""
    return cost.cycle_s(Read(table, start, end - start) for start, end in runs)


@settings(max_examples=200, deadline=None)
@given(layouts(10), COSTS, st.sampled_from([9, 20, 125]), st.sets(st.integers(0, 150), max_size=4))
def test_no_plan_is_better(points: list[PointSpec], cost: CostModel, limit: int, barriers: set[int]) -> None:
    """Of all plans that keep the limits and barriers, ours takes the least time, and the fewest reads among those."""
    table, atoms = points[0].table, atoms_of(points)
    assume(all(end - start <= limit and not any(start < b < end for b in barriers) for start, end in atoms))
    borders = frozenset((table, b) for b in barriers)

    reads = plan(points, cost=cost, max_registers=limit, max_bits=limit, barriers=borders)

    allowed = [
        runs
        for runs in partitions(atoms)
        if all(end - start <= limit and not any(start < b < end for b in barriers) for start, end in runs)
    ]
    assert [(read.address, read.end) for read in reads] in allowed
    least = min(line_time(cost, table, runs) for runs in allowed)
    assert cost.cycle_s(reads) == pytest.approx(least, rel=1e-9)
    fewest = min(len(runs) for runs in allowed if line_time(cost, table, runs) <= least * (1 + 1e-9))
    assert len(reads) == fewest


@settings(max_examples=100, deadline=None)
@given(st.lists(layouts(60), min_size=1, max_size=3), COSTS, st.sampled_from([9, 64, 125]), st.data())
def test_the_invariants_hold(parts: list[list[PointSpec]], cost: CostModel, limit: int, data: st.DataObject) -> None:
    """Every wanted address is in exactly one read; no limit exceeded, no value cut, no barrier crossed."""
    points = [point for part in parts for point in part]
    every = {table: atoms_of([p for p in points if p.table is table]) for table in {p.table for p in points}}
    assume(all(end - start <= limit for atoms in every.values() for start, end in atoms))
    seams = [(table, start) for table, atoms in every.items() for start, _ in atoms]
    barriers = frozenset(data.draw(st.sets(st.sampled_from(seams), max_size=5)))

    reads = plan(points, cost=cost, max_registers=limit, max_bits=limit, barriers=barriers)

    read_addresses = [(read.table, address) for read in reads for address in range(read.address, read.end)]
    assert len(read_addresses) == len(set(read_addresses))
    for point in points:
        holders = [
            r for r in reads if r.table is point.table and r.address <= point.at and value_read(point).end <= r.end
        ]
        assert len(holders) == 1
    for read in reads:
        assert 1 <= read.count <= limit
        assert not any(table is read.table and read.address < b < read.end for table, b in barriers)
        assert (read.address, read.end) == (
            min(start for start, _ in every[read.table] if read.address <= start < read.end),
            max(end for _, end in every[read.table] if read.address < end <= read.end),
        )


# --- against Telegraf's planners, written anew from their description ----------------------------


def grouped(fields: Sequence[tuple[int, int]], limit: int) -> list[list[tuple[int, int]]]:
    """Plan like none: a group is a run of adjacent fields, cut at field borders when it is longer than the limit."""
    groups: list[list[tuple[int, int]]] = []
    for start, end in fields:
        if groups and groups[-1][-1][1] == start and end - groups[-1][0][0] <= limit:
            groups[-1].append((start, end))
        else:
            groups.append([(start, end)])
    return groups


def shrunk(groups: Iterable[list[tuple[int, int]]], wanted: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Plan like shrink: cut the omitted fields off both ends of each request."""
    kept = [[field for field in group if field in wanted] for group in groups]
    return [(group[0][0], group[-1][1]) for group in kept if group]


def rearranged(fields: Sequence[tuple[int, int]], wanted: set[tuple[int, int]], limit: int) -> list[tuple[int, int]]:
    """Plan like rearrange: split each group so that fewest registers are touched, in no more requests than shrink."""
    result: list[tuple[int, int]] = []
    for group in grouped(fields, 10**6):
        inner = [field for field in group if field in wanted]
        if not inner:
            continue
        most = len(shrunk(grouped(group, limit), wanted))
        splits = [s for s in partitions(inner) if len(s) <= most and all(end - start <= limit for start, end in s)]
        result += min(splits, key=lambda s: sum(end - start for start, end in s))
    return result


def inserted(fields: Sequence[tuple[int, int]], fill: int, limit: int) -> list[tuple[int, int]]:
    """Plan like max_insert: from low addresses on, join neighbours when the hole is no larger than `fill`."""
    runs: list[tuple[int, int]] = []
    for start, end in fields:
        if runs and start - runs[-1][1] <= fill and end - runs[-1][0] <= limit:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


@settings(max_examples=150, deadline=None)
@given(layouts(12, overlapping=False), COSTS, st.sampled_from([20, 125]), st.data())
def test_never_more_line_time_than_telegraf(
    points: list[PointSpec], cost: CostModel, limit: int, data: st.DataObject
) -> None:
    """For the same wanted points none, shrink, rearrange and max_insert with any fill take at least our line time."""
    table = points[0].table
    fields = sorted({(point.at, value_read(point).end) for point in points})
    wanted = set(data.draw(st.lists(st.sampled_from(fields), min_size=1)))
    chosen = [point for point in points if (point.at, value_read(point).end) in wanted]

    ours = cost.cycle_s(plan(chosen, cost=cost, max_registers=limit, max_bits=limit))

    theirs = {
        "none": [(group[0][0], group[-1][1]) for group in grouped(fields, limit) if wanted & set(group)],
        "shrink": shrunk(grouped(fields, limit), wanted),
        "rearrange": rearranged(fields, wanted, limit),
    }
    theirs |= {f"max_insert {fill}": inserted(sorted(wanted), fill, limit) for fill in range(1, limit + 1)}
    for name, runs in theirs.items():
        assert ours <= line_time(cost, table, runs) * (1 + 1e-12), name


def test_telegraf_needs_more_time_where_greed_fails() -> None:
    """No fill lets greedy joining part the first value from the others; so the comparison above could fail."""
    points = values((0, 10), (20, 2), (27, 2), (41, 2))
    fields = [(point.at, value_read(point).end) for point in points]

    reads = plan(points, cost=TCP, max_registers=25)

    assert spans(reads) == [(0, 10), (20, 23)]
    for fill in range(1, 26):
        assert TCP.cycle_s(reads) < line_time(TCP, Table.HOLDING, inserted(fields, fill, 25)), fill


# --- learning ------------------------------------------------------------------------------------


def learned(state: PlanState, exists: set[int], most: int = 125) -> tuple[PlanState, int]:
    """Ask a device that has only the addresses of `exists` and answers at most `most`, until it refuses nothing."""
    refusals = 0
    while True:
        bad = [r for r in state.reads() if r.count > most or not exists.issuperset(range(r.address, r.end))]
        if not bad:
            return state, refusals
        state, refusals = refused(state, bad[0]), refusals + 1
        assert refusals < 2000


def device(points: Sequence[PointSpec], cost: CostModel = TCP) -> PlanState:
    """Return the state of a device nobody has spoken to."""
    spec = DeviceSpec(name="d", bus="b", protocol="modbus", address=1, timeout_s=1.0, points=tuple(points))
    return plan_device(spec, cost)


@settings(max_examples=200, deadline=None)
@given(layouts(25), COSTS, st.sampled_from([125, 125, 10]), st.data())
def test_learning_finds_every_readable_value(
    points: list[PointSpec], cost: CostModel, most: int, data: st.DataObject
) -> None:
    """Whatever registers a device has: the refusals end, what can be read is read, and only the rest is dropped."""
    around = sorted({address for point in points for address in range(point.at - 2, value_read(point).end + 2)})
    missing = set(data.draw(st.lists(st.sampled_from(around), max_size=8)))
    exists = set(range(around[0], around[-1] + 1)) - missing

    state, refusals = learned(device(points, cost), exists, most)

    readable = {
        i
        for i, point in enumerate(points)
        if value_read(point).count <= most and exists.issuperset(range(point.at, value_read(point).end))
    }
    compiled = compile_plan(points, state.reads())
    assert {i for read in compiled.reads for i in read.points} == readable
    assert set(dropped_points(state)) == set(compiled.unread) == set(range(len(points))) - readable
    assert refusals <= 3 * len(points)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 60), st.data())
def test_one_missing_hole_costs_a_logarithm_of_refusals(count: int, data: st.DataObject) -> None:
    """Among many bridged holes the only one missing is found by halving, and no value is lost."""
    points = values(*((2 * i, 1) for i in range(count)))
    hole = 2 * data.draw(st.integers(0, count - 2)) + 1

    state, refusals = learned(device(points), set(range(2 * count)) - {hole})

    assert refusals <= ceil(log2(count)) + 1
    assert dropped_points(state) == ()
    assert len(state.reads()) <= refusals + 1


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 62), st.data())
def test_one_missing_value_costs_a_logarithm_of_refusals(count: int, data: st.DataObject) -> None:
    """Among many adjacent values the only one missing is found by halving, and only that one is dropped."""
    points = values(*((2 * i, 2) for i in range(count)))
    lost = data.draw(st.integers(0, count - 1))

    state, refusals = learned(device(points), set(range(2 * count)) - {2 * lost})

    assert refusals <= ceil(log2(count)) + 1
    assert dropped_points(state) == (lost,)


def test_holes_are_given_up_before_values_are_parted() -> None:
    """A refused read is first cut at its bridged hole, not through the middle of adjacent values."""
    state = device(values((0, 2), (2, 2), (4, 2), (6, 2), (9, 2)))

    state = refused(state, state.reads()[0])

    assert spans(state.reads()) == [(0, 8), (9, 2)]


def test_overlapping_values_refused_together_are_asked_for_one_by_one() -> None:
    """Of two values that share a register, the one that exists is still read."""
    state = device(values((0, 2), (0, 1), (1, 1), (2, 1)))

    state, _ = learned(state, {0, 2})

    assert spans(state.reads()) == [(0, 1), (2, 1)]
    assert dropped_points(state) == (0, 2)


def test_what_was_learned_can_be_forgotten() -> None:
    """A restored device is asked for everything again, as on the first day."""
    points = values((0, 2), (2, 2), (9, 2))
    state, _ = learned(device(points), {0, 1, 9, 10})

    assert dropped_points(state) == (1,)
    assert restored(state) == device(points)


def test_a_device_that_refused_everything_for_a_while_is_read_as_before() -> None:
    """When the dropped values have come back one by one, the plan is the first one again, not a shredded one."""
    points = values((0, 2), (2, 2), (2, 1), (9, 2))
    first = device(points)
    state, _ = learned(first, set())

    assert state.reads() == ()
    for value in sorted(state.dropped):
        state = regained(state, value)

    assert state == first


def test_a_value_that_came_back_is_read_and_the_others_are_not() -> None:
    """One of two dropped values is asked for again; the other stays dropped."""
    state, _ = learned(device(values((0, 2), (2, 2), (4, 2))), {2, 3})

    state = regained(state, Read(Table.HOLDING, 0, 2))

    assert spans(state.reads()) == [(0, 4)]
    assert dropped_points(state) == (2,)


def test_a_refusal_of_an_old_plan_changes_nothing_else() -> None:
    """A read that serves nothing any more teaches nothing and breaks nothing."""
    state = device(values((0, 2)))

    assert refused(state, Read(Table.COIL, 0, 1)) == state


# --- compiled ------------------------------------------------------------------------------------


def test_a_compiled_plan_gives_every_point_its_reading() -> None:
    """Values of several reads come out in the order of the points; a failed read is B, a dropped point D."""
    points = [*values((300, 1), (0, 1), (10, 1)), *values((3, 1), table=Table.COIL), *values((1, 1))]
    reads = [Read(Table.HOLDING, 0, 2), Read(Table.HOLDING, 300, 1), Read(Table.COIL, 3, 1)]

    compiled = compile_plan(points, reads)

    assert [(block.read.table.value, block.read.address, block.points) for block in compiled.reads] == [
        ("coil", 3, (3,)),
        ("holding", 0, (1, 4)),
        ("holding", 300, (0,)),
    ]
    assert compiled.unread == (2,)
    assert compiled.decode([b"\1", b"\0\5\0\6", b"\0\7"]) == ((7, 5, None, True, 6), "NNDNN")
    assert compiled.decode([b"\0", None, b"\0\7"]) == ((7, None, None, False, None), "NBDNB")
    assert compiled.decode([None, None, None]) == ((None,) * 5, "BBDBB")


def test_points_in_the_order_of_their_reads_need_no_sorting() -> None:
    """The usual device, listed by address, decodes straight through."""
    points = values((0, 1), (1, 1), (200, 1))

    compiled = compile_plan(points, plan(points, cost=TCP))

    assert compiled.decode([b"\0\1\0\2", b"\0\3"]) == ((1, 2, 3), "NNN")


@settings(max_examples=100, deadline=None)
@given(layouts(40), COSTS)
def test_every_point_of_a_plan_is_served_once(points: list[PointSpec], cost: CostModel) -> None:
    """The blocks of a compiled plan share out the points: none twice, none missing."""
    reads = plan(points, cost=cost)

    compiled = compile_plan(points, reads)

    assert sorted(i for block in compiled.reads for i in block.points) == list(range(len(points)))
    assert tuple(block.read for block in compiled.reads) == reads
    assert all(before.read.end <= after.read.address for before, after in pairwise(compiled.reads))
