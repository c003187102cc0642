"""Plain thresholds: does this value violate that limit, and for how long has it.

Pure: a threshold, its progress so far and one value in; the new progress out. Constant time and memory per threshold,
whatever the delays.

Precise behaviour (IEC 62682 leaves it open, and products differ):

- Strict: a value equal to the limit is no violation.
- A raised threshold returns at ``limit - deadband`` (high) or ``limit + deadband`` (low), that value *included*: with
  high = 100 and deadband = 2 it raises above 100 and returns at 98 or below. Before that the dead band plays no part.
- The on-delay counts continuous violation, the off-delay continuous return, on the monotonic time of the scans: the
  time between two good readings in a row that agree (`agent.delay`). Delay 0 means at this evaluation.
- A reading that is not good (any flag but N, or no number) freezes: the time around it does not count, what was counted
  stays, nothing raises and nothing clears. That includes T, out of range: it is a number, but not one to believe.
- The four levels of one limit are judged apart; which of those raised is announced, `agent.alarms` decides.

The hot path is `Watch`: per device, the band between the innermost limits of every limited point. A scan inside all
bands, with nothing raised or counting, costs one comparison per limited point and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from agent.columns import picker
from agent.delay import step
from drivers.reading import Quality, Scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from agent.delay import Progress
    from config.site import Limit, Priority

_NS: Final = 1_000_000_000


class Level(StrEnum):
    """The four levels of a limit, on each side the more severe first; the values are the keys of the site file."""

    HIGH_HIGH = "high_high"
    HIGH = "high"
    LOW_LOW = "low_low"
    LOW = "low"

    @property
    def is_upper(self) -> bool:
        """Whether values above the limit violate it (else values below)."""
        return self in (Level.HIGH_HIGH, Level.HIGH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One level of one limit, ready to judge. `back` is the value at which a raised threshold returns."""

    level: Level
    limit: float
    back: float
    on_delay_ns: int
    off_delay_ns: int
    priority: Priority
    escalate_after_ns: int | None = None
    latch: bool = False


def thresholds(limit: Limit) -> Iterator[Threshold]:
    """Yield the levels that a limit sets, in the order of `Level`."""
    for level in Level:
        value: float | None = getattr(limit, level.value)
        if value is not None:
            yield Threshold(
                level=level,
                limit=value,
                back=value - limit.deadband if level.is_upper else value + limit.deadband,
                on_delay_ns=round(limit.on_delay_s * _NS),
                off_delay_ns=round(limit.off_delay_s * _NS),
                priority=limit.priority,
                escalate_after_ns=round(limit.escalate_after_s * _NS) or None,
                latch=limit.latch,
            )


def violates(threshold: Threshold, value: float, *, active: bool) -> bool:
    """Whether `value` is on the wrong side: of the limit, or of the return value when the threshold is raised."""
    edge = threshold.back if active else threshold.limit
    return value > edge if threshold.level.is_upper else value < edge


def judge(
    threshold: Threshold, progress: Progress | None, value: float, mono_ns: int, ts: str | None
) -> Progress | None:
    """Judge one good reading taken at `mono_ns`, dated `ts` (``None`` while time is not known)."""
    holds = violates(threshold, value, active=progress is not None and progress.active)
    return step(progress, holds, (threshold.on_delay_ns, threshold.off_delay_ns), mono_ns, ts)


@dataclass(frozen=True, slots=True)
class Watched:
    """One limited point of a device: its index, name, the band in which nothing is violated, and its thresholds."""

    index: int
    point: str
    low: float
    high: float
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """The limited points of one device, compiled: `pick` takes their columns out of a scan in one call."""

    points: tuple[Watched, ...]
    indices: tuple[int, ...]
    pick: Callable[[Sequence[Any]], Sequence[Any]]
    lows: tuple[float, ...]
    highs: tuple[float, ...]


def watch(point_names: Sequence[str], limits: Iterable[Limit]) -> Watch:
    """Compile the `limits` of one device whose points are `point_names`, in the order of its scans.

    Several limits may share a point, for levels with delays of their own; each level counts once, the last one given.
    """
    levels: dict[str, dict[Level, Threshold]] = {}
    for limit in limits:
        levels.setdefault(limit.point, {}).update({threshold.level: threshold for threshold in thresholds(limit)})
    points = tuple(_watched(at, name, levels[name]) for at, name in enumerate(point_names) if name in levels)
    indices = tuple(point.index for point in points)
    pick = picker(indices, len(point_names))
    return Watch(
        points=points,
        indices=indices,
        pick=pick,
        lows=tuple(point.low for point in points),
        highs=tuple(point.high for point in points),
    )


def _watched(index: int, point: str, levels: Mapping[Level, Threshold]) -> Watched:
    ordered = tuple(levels[level] for level in Level if level in levels)
    low = max((threshold.limit for threshold in ordered if not threshold.level.is_upper), default=-math.inf)
    high = min((threshold.limit for threshold in ordered if threshold.level.is_upper), default=math.inf)
    return Watched(index, point, low, high, ordered)


def is_quiet(watch: Watch, scan: Scan) -> bool:
    """Whether every limited point has a number inside its band. Then flags do not matter: there is nothing to raise."""
    try:
        for low, value, high in zip(watch.lows, watch.pick(scan.values), watch.highs, strict=True):
            if not low <= value <= high:
                return False
    except TypeError:  # a text, or nothing where a number should be
        return False
    return True


def is_good(value: object, flag: str) -> bool:
    """Whether a reading can be judged: a number (a bit counts as 0 or 1) with flag N."""
    return flag == Quality.NORMAL.value and isinstance(value, (int, float))
