"""One row of the history: what the numbers of one visit of a device were over a minute, ten minutes, an hour or a day.

A row has columns, one entry for each number of the visit, all in the order of `names`. What makes a row valid, and what
its figures mean at each level, is written where rows are made (`agent.statistics`); here they are only kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

Number = float | None


class Level(IntEnum):
    """How long a row's period is. The numbers are in the file: never change one."""

    MINUTE = 0
    TEN = 1
    HOUR = 2
    DAY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A closed period of one visit.

    `start_ms` is the start of the period (ms since 1970 UTC), ``None`` while time was not known; `start_mono_ms` is the
    same moment in ms since boot `boot`. `cut` says in words why the period is not whole: begun late, cut short.
    `expected` is how many readings the whole period should have.

    The columns: `avg`, `least` and `most` are ``None`` where nothing was known; `n` counts the good readings; `valid`
    says whether there were enough of them for `avg` to stand for the period; `flag` has for each number the worst
    quality letter seen; `total` is the amount of the period, ``None`` for points that have none or where it is not
    known; `turn` has one letter for what the counter behind a total did (`agent.totals`), a blank for nothing.
    """

    visit: str
    level: Level
    start_ms: int | None
    start_mono_ms: int
    boot: str
    span_ms: int
    cut: str | None
    expected: int
    names: tuple[str, ...]
    avg: tuple[Number, ...]
    least: tuple[Number, ...]
    most: tuple[Number, ...]
    n: tuple[int, ...]
    valid: tuple[bool, ...]
    flag: str
    total: tuple[Number, ...]
    turn: str
