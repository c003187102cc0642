"""Which alarms are active, and what the chain is told about them.

One alarm per level of a limit: ``limit.<device>.<point>.<level>``. Every `raised` record is followed by exactly one
`cleared` record of the same alarm, whatever happens in between: a restart, a reload, a limit that is taken away.

- **High-high implies high** (IEC 62682; on the low side likewise). Both are active, but only the most severe is
  announced: while high-high is active, high raises silently. When high-high clears and high is still active, high is
  announced then, dated by its own first violation. An alarm that was announced before stays so.
- **A restart changes nothing.** Active alarms are neither raised again nor forgotten; delays go on counting where they
  were, without the time in between. The state lies in the store, committed with the record it belongs to.
- **A changed limit ends its alarm**: a limit that is gone, or has another value, clears it with the reason, so that
  nobody can take an alarm away unseen. What violates the new limit raises anew, after its on-delay. A change of dead
  band, delay or priority is taken over silently.

Time is passed in. An `Alarms` belongs to the pipeline's thread. The rest of the ISA-18.2 life cycle (acknowledged,
shelved, suppressed, out of service) will be further members of `Held`, its commands further methods beside `judge`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from agent import wording
from agent.limits import Level, Progress, Threshold, Watch, Watched, freeze, is_good, is_quiet, judge, watch
from config.site import Device, Limit, PointInfo, Text
from config.visits import visits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from drivers.reading import Scan, Value

Draft = dict[str, Any]

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Held:
    """One alarm that is not simply normal: how far its threshold has come, and the `raised` draft that announced it."""

    progress: Progress | None = None
    announced: Draft | None = None

    @property
    def is_active(self) -> bool:
        """Whether the alarm is active, announced or not."""
        return self.progress is not None and self.progress.active


_NUMBERS: Final[frozenset[Any]] = frozenset((float, int))
_NORMAL: Final = Held()

Row = tuple[Held, ...]
"""The alarms of one point, aligned with its thresholds."""


@dataclass(frozen=True, slots=True)
class _Room:
    """The alarms of one visit of a device. `rows` holds, by point index, those that are not simply normal."""

    device: str
    infos: tuple[PointInfo, ...]
    watch: Watch
    rows: dict[int, Row]

    def row(self, point: Watched) -> Row:
        """Return the alarms of a point."""
        return self.rows.get(point.index) or (_NORMAL,) * len(point.thresholds)

    def keep(self, point: Watched, row: Row) -> None:
        """Keep the alarms of a point, unless all are normal: then the hot path has nothing to look at."""
        if any(held.progress for held in row):
            self.rows[point.index] = row
        else:
            self.rows.pop(point.index, None)

    def find(self, point: str, level: Level) -> tuple[Watched, int] | None:
        """Return the point and the place of the threshold that guards this level, if any does."""
        places = (
            (watched, place)
            for watched in self.watch.points
            if watched.point == point
            for place, threshold in enumerate(watched.thresholds)
            if threshold.level is level
        )
        return next(places, None)


class Alarms:
    """All alarms of a site."""

    def __init__(self, devices: Sequence[Device], limits: Sequence[Limit]) -> None:
        """Start with everything normal."""
        by_device: dict[str, list[Limit]] = {}
        for limit in limits:
            by_device.setdefault(limit.device, []).append(limit)
        self._rooms = {
            visit: room
            for device in devices
            if device.spec.name in by_device
            for visit, room in _rooms(device, by_device[device.spec.name])
        }

    @classmethod
    def restore(
        cls, devices: Sequence[Device], limits: Sequence[Limit], state: bytes | None
    ) -> tuple[Alarms, tuple[Draft, ...]]:
        """Return the alarms as `snapshot` left them, and what must be told: alarms whose limit has changed meanwhile.

        A state that cannot be read is told as an event, and everything starts normal: what still violates raises again.
        """
        alarms = cls(devices, limits)
        if state is None:
            return alarms, ()
        try:
            entries = _entries(state)
        except (ValueError, KeyError, TypeError) as error:
            return alarms, ({"kind": "event", "event": "alarm-state-lost", "reason": repr(error)},)
        return alarms, tuple(draft for entry in entries for draft in alarms._take_back(entry))

    def judge(self, scan: Scan, ts: str | None) -> Sequence[Draft]:
        """Judge one scan, dated `ts` (``None`` while time is not known); return the `alarm` drafts it gives.

        When there are any, `snapshot` belongs into the same commit.
        """
        room = self._rooms.get(scan.device)
        if room is None or (not room.rows and is_quiet(room.watch, scan)):
            return ()
        drafts: list[Draft] = []
        for place in _noteworthy(room, scan):
            point = room.watch.points[place]
            value = scan.values[point.index]
            good = is_good(value, scan.flags[point.index])
            if good or point.index in room.rows:
                drafts += _judge_point(room, point, value if good else None, scan.mono_ns, ts)
        return drafts

    def active(self) -> list[Draft]:
        """Return the `raised` drafts of all alarms that are announced and not cleared."""
        rows = (row for room in self._rooms.values() for row in room.rows.values())
        return [held.announced for row in rows for held in row if held.announced is not None]

    def snapshot(self) -> bytes:
        """Return everything that is not normal, for `restore`."""
        entries = [
            asdict(
                _Entry(room.device, point.point, threshold.level, threshold.limit, room.infos[point.index].label, held)
            )
            for room in self._rooms.values()
            for point in room.watch.points
            for threshold, held in zip(point.thresholds, room.row(point), strict=True)
            if held.progress
        ]
        return json.dumps({"v": _VERSION, "alarms": entries}, separators=(",", ":")).encode()

    def _take_back(self, entry: _Entry) -> Sequence[Draft]:
        """Continue a remembered alarm, or end it when its limit is not what it was."""
        rooms = (room for room in self._rooms.values() if room.device == entry.device)
        places = ((room, found) for room in rooms if (found := room.find(entry.point, entry.level)))
        room, found = next(places, (None, None))
        if room is None or found is None:
            return _ended(entry, "limit removed")
        point, place = found
        if point.thresholds[place].limit != entry.limit:
            return _ended(entry, "limit changed")
        row = room.row(point)
        room.keep(point, (*row[:place], entry.held, *row[place + 1 :]))
        return ()


def _rooms(device: Device, limits: Sequence[Limit]) -> Iterator[tuple[str, _Room]]:
    """Yield a room for each visit of a device, by its key. A point that is read in two is judged in the first."""
    left = list(limits)
    for visit in visits(device):
        names = [info.name for info in visit.info]
        mine = [limit for limit in left if limit.point in names]
        left = [limit for limit in left if limit not in mine]
        if mine:
            yield visit.spec.name, _Room(device.spec.name, visit.info, watch(names, mine), {})


def _noteworthy(room: _Room, scan: Scan) -> list[int]:
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


def _judge_point(room: _Room, point: Watched, value: Value, mono_ns: int, ts: str | None) -> list[Draft]:
    """Take one reading of a point, ``None`` when it says nothing; keep its alarms and return what must be told."""
    before = room.row(point)
    after = [
        Held(_progress(threshold, held.progress, value, mono_ns, ts), held.announced)
        for threshold, held in zip(point.thresholds, before, strict=True)
    ]
    drafts: list[Draft] = []
    for place, held in enumerate(after):
        if held.announced is not None and not held.is_active:
            drafts.append(_cleared(room, point, point.thresholds[place], before[place], value))
            after[place] = _NORMAL
    for place in _unannounced(point.thresholds, after):
        drafts.append(_raised(room, point, point.thresholds[place], after[place], value))
        after[place] = Held(after[place].progress, drafts[-1])
    room.keep(point, tuple(after))
    return drafts


def _progress(
    threshold: Threshold, progress: Progress | None, value: Value, mono_ns: int, ts: str | None
) -> Progress | None:
    if not isinstance(value, (int, float)):
        return freeze(progress)
    return judge(threshold, progress, value, mono_ns, ts)


def _unannounced(levels: Sequence[Threshold], row: Sequence[Held]) -> list[int]:
    """Return the places of the most severe active alarm of each side, where it has not been announced yet."""
    worst: dict[bool, int] = {}
    for place, held in enumerate(row):  # the more severe first
        if held.is_active:
            worst.setdefault(levels[place].level.is_upper, place)
    return [place for place in worst.values() if row[place].announced is None]


def _raised(room: _Room, point: Watched, threshold: Threshold, held: Held, value: Value) -> Draft:
    info = room.infos[point.index]
    text = wording.raised(info.label, threshold, value, info.unit)
    return _draft(room, point, threshold, held, value) | {"state": "raised", "text": text}


def _cleared(room: _Room, point: Watched, threshold: Threshold, held: Held, value: Value) -> Draft:
    info = room.infos[point.index]
    text = wording.cleared(info.label, threshold, value, info.unit)
    return _draft(room, point, threshold, held, value) | {"state": "cleared", "text": text}


def _draft(room: _Room, point: Watched, threshold: Threshold, held: Held, value: Value) -> Draft:
    return {
        "kind": "alarm",
        "alarm": f"limit.{room.device}.{point.point}.{threshold.level}",
        "priority": threshold.priority,
        "device": room.device,
        "point": point.point,
        "level": threshold.level.value,
        "value": value,
        "limit": threshold.limit,
        "unit": room.infos[point.index].unit,
        "since": held.progress.since if held.progress else None,
    }


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of a snapshot: an alarm and the limit it was judged by."""

    device: str
    point: str
    level: Level
    limit: float
    label: Text
    held: Held


def _entries(state: bytes) -> list[_Entry]:
    """Read a snapshot. Raises ValueError, KeyError or TypeError when it is none of ours."""
    document = json.loads(state)
    if document["v"] != _VERSION:
        raise ValueError(f"version {document['v']} of the alarm state is not known")
    return [
        _Entry(
            entry["device"],
            entry["point"],
            Level(entry["level"]),
            entry["limit"],
            Text(**entry["label"]),
            Held(freeze(Progress(**entry["held"]["progress"])), entry["held"]["announced"]),
        )
        for entry in document["alarms"]
    ]


def _ended(entry: _Entry, reason: str) -> Sequence[Draft]:
    """Return the `cleared` draft of an announced alarm whose limit is not what it was."""
    if entry.held.announced is None:
        return ()
    text = wording.ended(entry.label, entry.level, reason)
    return ({**entry.held.announced, "state": "cleared", "value": None, "reason": reason, "text": text},)
