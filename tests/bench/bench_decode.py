"""What decoding costs: microseconds per point, beside the bare ``struct`` loop that stores nothing and checks nothing.

Run with ``python -m tests.bench.bench_decode``. Figures drift with the machine; the ratios are what to compare.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Any

from drivers.cost import tcp_cost
from drivers.plan import compile_plan, plan
from drivers.registers import width
from drivers.spec import PointSpec, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TYPES = ["float32", "uint16", "float32", "int32", "uint32", "float32", "bit:2", "int16", "float64", "uint64"]


def main() -> None:
    """Print one line per map."""
    print(f"{'map':42}{'points':>7}{'µs/point':>10}{'bare loop':>11}{'ratio':>7}")
    for count in (50, 500):
        for name, points, data in maps(count):
            ours = seconds(decoder(points, data)) / count
            bare = seconds(bare_loop(count)) / count
            print(f"{name:42}{count:7}{ours * 1e6:10.3f}{bare * 1e6:11.3f}{ours / bare:7.2f}")
    everything = points_of(["uint16", "float32", "int32"], 10_000)
    print(f"planning 10 000 points: {seconds(lambda: plan(everything, cost=tcp_cost()), times=1) * 1e3:.0f} ms")


def maps(count: int) -> list[tuple[str, list[PointSpec], bytes]]:
    """Return named maps: their points and the bytes of their registers."""
    noisy = struct.pack(f">{count}f", *(231.7 + i * 0.7310577 for i in range(count)))
    short = struct.pack(f">{count}f", *(round(231.7 + i * 0.7, 1) for i in range(count)))
    swapped = b"".join(noisy[i + 2 : i + 4] + noisy[i : i + 2] for i in range(0, len(noisy), 4))
    floats, silent = points_of(["float32"], count), bytearray(short)
    silent[4:8] = b"\x7f\xc0\0\0"
    full = points_of(["float32"], count, unavailable=(0xFFFFFFFF,), range=(-1e6, 1e6), decimals=2)
    mixed = points_of(TYPES, count)
    return [
        ("float32, any value", floats, noisy),
        ("float32, one decimal in the meter", floats, short),
        ("float32, one of them NaN", floats, bytes(silent)),
        ("float32, decimals = 2", points_of(["float32"], count, decimals=2), noisy),
        ("float32 CDAB, decimals = 2", points_of(["float32"], count, decimals=2, order="CDAB"), swapped),
        ("float32, decimals, sentinel, range", full, noisy),
        ("float32, scale = 0.1", points_of(["float32"], count, scale=0.1), noisy),
        ("uint16, scale = 0.1", points_of(["uint16"], count, scale=0.1), noisy[: 2 * count]),
        ("mixed: floats, whole numbers, bits", mixed, b"\x41\x20" * sum(map(width, mixed))),
    ]


def points_of(types: Sequence[str], count: int, **more: Any) -> list[PointSpec]:
    """Return points side by side, the types taking turns."""
    points: list[PointSpec] = []
    at = 0
    for i in range(count):
        kind = types[i % len(types)]
        points.append(PointSpec(name=f"p{i}", table=Table.HOLDING, at=at, type=kind, **more))
        at += width(points[-1])
    return points


def decoder(points: list[PointSpec], data: bytes) -> Callable[[], object]:
    """Return one visit's decoding: all answers of the planned reads to values and flags of the device."""
    reads = plan(points, cost=tcp_cost())
    compiled = compile_plan(points, reads)
    answers = [data[2 * read.address : 2 * read.end] for read in reads]
    return lambda: compiled.decode(answers)


def bare_loop(count: int) -> Callable[[], object]:
    """Return what a script would do: unpack and round each float."""
    data = struct.pack(f">{count}f", *(231.7 + i * 0.7310577 for i in range(count)))
    return lambda: [round(struct.unpack_from(">f", data, 4 * i)[0], 2) for i in range(count)]


def seconds(work: Callable[[], object], times: int = 200) -> float:
    """Return the CPU seconds of one run, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            work()
        best = min(best, time.process_time() - start)
    return best / times


if __name__ == "__main__":
    main()
