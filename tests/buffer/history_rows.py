"""Rows for tests of the history, and a child process that writes them until it is killed: ``history_rows DIRECTORY``.

The child says ``ok MINUTE`` for every minute that the history acknowledged.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random
from typing import Any

from buffer.history import History
from buffer.history_row import Level, Row

MINUTE_MS = 60_000
NAMES = ("load", "energy")
BOOT = "a6ebeace"


def row(at_ms: int | None, *, visit: str = "meter", level: Level = Level.MINUTE, **members: Any) -> Row:
    """Return a row of two points; what is not given follows from the start."""
    moment = members.get("start_mono_ms", 0) if at_ms is None else at_ms
    load = Random(moment).randrange(1000) / 10
    plain: dict[str, Any] = {
        "visit": visit,
        "level": level,
        "start_ms": at_ms,
        "start_mono_ms": 0,
        "boot": "" if at_ms is not None else BOOT,
        "span_ms": MINUTE_MS,
        "cut": None,
        "expected": 60,
        "names": NAMES,
        "avg": (load, 1000.0 + moment // MINUTE_MS),
        "least": (round(load - 1.5, 1), None),
        "most": (round(load + 1.5, 1), None),
        "n": (60, 0),
        "valid": (True, False),
        "flag": "NB",
        "total": (None, 0.25),
        "turn": " G",
    }
    return Row(**(plain | members))


def minutes(begin: int, count: int, **members: Any) -> list[Row]:
    """Return rows of consecutive minutes."""
    return [row(at * MINUTE_MS, **members) for at in range(begin, begin + count)]


def wide(begin: int, count: int, width: int = 20) -> list[Row]:
    """Return rows of consecutive minutes that take room: many points that jump about."""
    plain: dict[str, Any] = {"names": tuple(f"p{place}" for place in range(width)), "n": (1,) * width}
    plain |= {"least": (None,) * width, "most": (None,) * width, "valid": (True,) * width, "total": (None,) * width}
    plain |= {"flag": "N" * width, "turn": " " * width}
    return [
        row(
            at * MINUTE_MS,
            avg=tuple(Random(at * width + place).randrange(10_000) / 10 for place in range(width)),
            **plain,
        )
        for at in range(begin, begin + count)
    ]


def main() -> None:
    """Write minutes of two visits, one after the other, beginning with the first that is not there yet."""
    directory = Path(sys.argv[1])
    history = History(directory, now_ms=0)
    last = history.last_ms("meter")
    minute = 0 if last is None else last // MINUTE_MS + 1
    while True:
        rows = [row(minute * MINUTE_MS, visit=visit) for visit in ("meter", "fan")]
        if history.write(rows, {"seen": b"%d" % minute}):
            os.write(1, b"ok %d\n" % minute)
        minute += 1


if __name__ == "__main__":
    main()
