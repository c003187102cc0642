"""What sealing costs beside the bare work it cannot do without: ``python -m tests.bench.bench_seal``.

Bare is one ``orjson.dumps`` of the same draft, the base64url of it and one Ed25519 signature over that, with no chain,
no id, no canonical form. The ratio is what the record's promises cost; it is printed, and judged by people.
"""

from __future__ import annotations

import gc
import random
import time
from base64 import urlsafe_b64encode
from timeit import repeat
from typing import TYPE_CHECKING, Any

import orjson

from agent.keys import SigningKey
from agent.record import Position, Sealer, canonical, readings, split, verify

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = SigningKey.from_seed(bytes(range(32)))
AT = Position("c" * 43, 1042, "p" * 43)


def microseconds(work: Callable[[], object], times: int = 200) -> float:
    """Return the best of nine averages of processor time."""
    gc.collect()
    return min(repeat(work, number=times, repeat=9, timer=time.process_time)) / times * 1e6


def draft(points: int, share_null: float = 0.0) -> dict[str, Any]:
    """Return a readings draft with numbers as meters give them."""
    chance = random.Random(417)
    raw = [
        None if chance.random() < share_null else round(chance.uniform(0, 500), chance.choice([0, 1, 2]))
        for _ in range(points)
    ]
    values = dict(zip([f"point_{number:03d}" for number in range(points)], readings(raw), strict=True))
    stamp = {
        "ts": "2026-11-22T01:30:01.000Z",
        "clk": {"boot": "a6ebeace", "up": 1235.5, "q": "sync"},
        "cfg": "b2f1c0de",
    }
    return {**stamp, "kind": "readings", "device": "press-1", "values": values}


def bare(members: dict[str, Any]) -> bytes:
    """Return a signature over the plain JSON of `members`."""
    return KEY.sign(urlsafe_b64encode(orjson.dumps(members)))


def row(points: int) -> str:
    """Return the figures for a record of this many points."""
    sealer = Sealer("jn-0417", KEY)
    members, holes = draft(points), draft(points, 0.02)
    raw = [float(value) for value in members["values"].values()]
    signed = split(sealer.seal(AT, members)[0].wire)
    plain = microseconds(lambda: bare(members))
    sealed = microseconds(lambda: sealer.seal(AT, members))
    rest = (
        microseconds(lambda: canonical(members)),
        microseconds(lambda: readings(raw)),
        microseconds(lambda: sealer.seal(AT, holes)),
        microseconds(lambda: verify(signed, KEY.public)),
    )
    figures = "".join(f"{figure:12.1f}" for figure in rest)
    return f"{points:6d}{plain:9.1f}{sealed:9.1f}{sealed / plain:8.2f}{sealed - plain:11.1f}{figures}"


def main() -> None:
    """Print one row for each size."""
    print("points     bare     seal   ratio   own cost   canonical   normalise  with nulls      verify   (µs)")
    for points in (1, 50, 500):
        print(row(points))


if __name__ == "__main__":
    main()
