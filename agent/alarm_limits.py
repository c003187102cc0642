"""The alarms of plain limits: which levels of a point come and go with a scan, and which of them are told.

One alarm per level of a limit: ``limit.<device>.<point>.<level>``.

**High-high implies high** (IEC 62682; on the low side likewise). Both are active, but only the most severe is told:
while high-high is active, high comes silently. When high-high clears and high is still active, high is told then, dated
by its own first violation. An alarm that was told before stays so. A level that people do not see (shelved, out of
service, suppressed) silences nobody: it is told, as everything is, and the next milder one with it.

The hot path is `agent.limits.is_quiet`: a scan inside all bands, with nothing held, costs that and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from agent import wording
from agent.delay import Progress, freeze
from agent.lifecycle import Definition
from agent.limits import Threshold, Watch, Watched, is_good, judge, watch
from config.visits import visits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from agent.alarm_state import LevelKept
    from config.site import Device, Limit, PointInfo
    from drivers.reading import Scan, Value


@dataclass(frozen=True, slots=True)
class Held:
    """One level that is not simply normal: how far its threshold has come, and whether that has been told."""

    progress: Progress | None = None
    told: bool = False

    @property
    def is_active(self) -> bool:
        """Whether the level is violated, told or not."""
        return self.progress is not None and self.progress.active


@dataclass(frozen=True, slots=True)
class Change:
    """A condition that begins to hold or no longer does, with what its record says of it."""

    definition: Definition
    holds: bool
    facts: dict[str, Any]
    text: dict[str, str]


_NUMBERS: Final[frozenset[Any]] = frozenset((float, int))
_NORMAL: Final = Held()

Row = tuple[Held, ...]
"""The levels of one point, aligned with its thresholds."""


@dataclass(frozen=True, slots=True)
class Room:
    """The limits of one visit of a device. `rows` holds, by point index, those that are not simply normal."""

    device: str
    infos: tuple[PointInfo, ...]
    watch: Watch
    rows: dict[int, Row]

    def row(self, point: Watched) -> Row:
        """Return the levels of a point."""
        return self.rows.get(point.index) or (_NORMAL,) * len(point.thresholds)

    def keep(self, point: Watched, row: Row) -> None:
        """Keep the levels of a point, unless all are normal: then the hot path has nothing to look at."""
        if any(held.progress for held in row):
            self.rows[point.index] = row
        else:
            self.rows.pop(point.index, None)

    def places(self) -> Iterator[tuple[Watched, int]]:
        """Yield every level: its point, and the place among the point's thresholds."""
        return ((point, place) for point in self.watch.points for place in range(len(point.thresholds)))

    def find(self, point: str, level: str) -> tuple[Watched, int] | None:
        """Return the point and the place of the threshold that guards this level, if any does."""
        places = ((at, place) for at, place in self.places() if at.point == point)
        return next(((at, place) for at, place in places if at.thresholds[place].level == level), None)

    def name(self, point: Watched, place: int) -> str:
        """Return the id of an alarm."""
        return f"limit.{self.device}.{point.point}.{point.thresholds[place].level}"

    def definition(self, point: Watched, place: int) -> Definition:
        """Return what an alarm is. It is not kept: there are thousands, and few are ever needed."""
        threshold, info = point.thresholds[place], self.infos[point.index]
        return Definition(
            id=self.name(point, place),
            priority=threshold.priority,
            text=wording.beyond(info.label, threshold.level),
            group=self.device,
            on_delay_ns=threshold.on_delay_ns,
            off_delay_ns=threshold.off_delay_ns,
            escalate_after_ns=threshold.escalate_after_ns,
            latch=threshold.latch,
            members={
                "device": self.device,
                "point": point.point,
                "level": threshold.level.value,
                "value": None,
                "limit": threshold.limit,
                "unit": info.unit,
            },
        )


def rooms(devices: Sequence[Device], limits: Sequence[Limit]) -> dict[str, Room]:
    """Return a room for each visit of a device that has limits, by its key."""
    by_device: dict[str, list[Limit]] = {}
    for limit in limits:
        by_device.setdefault(limit.device, []).append(limit)
    return {
        visit: room
        for device in devices
        if device.spec.name in by_device
        for visit, room in _rooms(device, by_device[device.spec.name])
    }


def _rooms(device: Device, limits: Sequence[Limit]) -> Iterator[tuple[str, Room]]:
    """Yield a room for each visit of a device, by its key. A point that is read in two is judged in the first."""
    left = list(limits)
    for visit in visits(device):
        names = [info.name for info in visit.info]
        mine = [limit for limit in left if limit.point in names]
        left = [limit for limit in left if limit not in mine]
        if mine:
            yield visit.spec.name, Room(device.spec.name, visit.info, watch(names, mine), {})


def judged(room: Room, scan: Scan, ts: str | None, hidden: Collection[str]) -> list[Change]:
    """Judge a scan that is not quiet, dated `ts`; return what changes. `hidden` are the alarms that people do not see.

    What has cleared comes before what has been raised.
    """
    changes: list[Change] = []
    for place in _noteworthy(room, scan):
        point = room.watch.points[place]
        value = scan.values[point.index]
        good = is_good(value, scan.flags[point.index])
        if good or point.index in room.rows:
            changes += _judge_point(room, point, value if good else None, scan.mono_ns, ts, hidden)
    return changes


def _noteworthy(room: Room, scan: Scan) -> list[int]:
    """Return the places of the limited points that are held, or whose value is not a number inside its band.

    While anything is held on a device this runs for all its points: most of them are told from the rest right here.
    """
    watch, rows = room.watch, room.rows
    columns: Iterable[tuple[int, int, float, Any, float]]
    columns = zip(count(), watch.indices, watch.lows, watch.pick(scan.values), watch.highs, strict=False)
    return [
        place
        for place, index, low, value, high in columns
        if value.__class__ not in _NUMBERS or not low <= value <= high or index in rows
    ]


def _judge_point(
    room: Room, point: Watched, value: Value, mono_ns: int, ts: str | None, hidden: Collection[str]
) -> list[Change]:
    """Take one reading of a point, ``None`` when it says nothing; keep its levels and return what changes."""
    before = room.row(point)
    after = [
        Held(_progress(threshold, held.progress, value, mono_ns, ts), held.told)
        for threshold, held in zip(point.thresholds, before, strict=True)
    ]
    changes: list[Change] = []
    for place, held in enumerate(after):
        if held.told and not held.is_active:
            changes.append(_change(room, point, place, before[place], value))
            after[place] = _NORMAL
    for place in _untold(room, point, after, hidden):
        changes.append(_change(room, point, place, after[place], value))
        after[place] = Held(after[place].progress, told=True)
    room.keep(point, tuple(after))
    return changes


def _progress(
    threshold: Threshold, progress: Progress | None, value: Value, mono_ns: int, ts: str | None
) -> Progress | None:
    if not isinstance(value, (int, float)):
        return freeze(progress)
    return judge(threshold, progress, value, mono_ns, ts)


def _untold(room: Room, point: Watched, row: Sequence[Held], hidden: Collection[str]) -> list[int]:
    """Return the places that must be told: the most severe active one of each side that people see, and the hidden."""
    worst: dict[bool, int] = {}
    found: list[int] = []
    for place, held in enumerate(row):  # the more severe first
        if not held.is_active:
            continue
        is_hidden = bool(hidden) and room.name(point, place) in hidden
        if not is_hidden:
            is_worst = worst.setdefault(point.thresholds[place].level.is_upper, place) == place
        if not held.told and (is_hidden or is_worst):
            found.append(place)
    return found


def _change(room: Room, point: Watched, place: int, held: Held, value: Value) -> Change:
    """Return the change; `held` is the level with its progress while it was active."""
    threshold, info = point.thresholds[place], room.infos[point.index]
    say = wording.cleared if held.told else wording.raised
    facts = {"value": value, "since": held.progress.since if held.progress else None}
    return Change(room.definition(point, place), not held.told, facts, say(info.label, threshold, value, info.unit))


def limit_definitions(rooms: Iterable[Room]) -> Iterator[Definition]:
    """Yield the alarms of all limits."""
    return (room.definition(point, place) for room in rooms for point, place in room.places())


def take_back(rooms: Iterable[Room], kept: LevelKept) -> bool:
    """Continue a remembered level; return whether its limit is still what it was."""
    mine = (room for room in rooms if room.device == kept.device)
    places = ((room, found) for room in mine if (found := room.find(kept.point, kept.level)))
    room, found = next(places, (None, None))
    if room is None or found is None:
        return False
    point, place = found
    if point.thresholds[place].limit != kept.limit:
        return False
    row = room.row(point)
    room.keep(point, (*row[:place], Held(kept.progress, kept.told), *row[place + 1 :]))
    return True
