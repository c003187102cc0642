"""What orders, marks and declarations demand and excuse; what is known of a device as such, and of the box.

All of it is asked for the moment that is judged: now, or for a closed period just before its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeGuard

from agent.rules import quantity as q
from agent.rules.quantity import Span
from agent.rules.sources import HOURS_OF, Source, bits, measured, together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.rules.outside import InForce
    from agent.rules.rule import Number
    from agent.rules.sources import Asked
    from agent.rules.tracks import Point, Present, Shelf

_MARKS: Final[Mapping[str, tuple[str, ...]]] = {
    q.MARK_STOPPED.name: ("stopped",),
    q.MARK_START_STOP.name: ("starting", "stopping"),
    q.MARK_FAULT.name: ("fault",),
    q.MARK_MAINTENANCE.name: ("maintenance", "calibration"),
    q.MARK_PRODUCING.name: ("producing",),
    q.WORK_ORDER.name: ("work-order",),
    q.PERMIT_NIGHT.name: ("night-permit",),
}
"""The kinds of marks that each quantity is about."""


def mark(asked: Asked) -> Source | None:
    """Return 1 while a mark of these kinds is in force on the object or what it is part of, else 0."""
    kinds, names, world = _MARKS[asked.read.quantity.name], asked.place.names, asked.world

    def marked() -> Number:
        wall_ms = world.present.wall_ms
        answers = [world.plan.is_marked(kind, names, wall_ms) for kind in kinds]
        return 1.0 if True in answers else None if None in answers else 0.0

    return Source(marked)


# --- orders ----------------------------------------------------------------------------------------------------------


def _order(pick: Callable[[InForce], Number], join: Callable[[list[float]], float]) -> Any:
    """Return a finder of one member of the orders on the object's lines; of several lines, joined."""

    def finder(asked: Asked) -> Source | None:
        lines = [line.name for line in asked.place.lines]
        if not lines:
            return None

        def demanded() -> Number:
            orders = [asked.world.order(line) for line in lines]
            if None in orders:
                return None
            told = [value for one in orders if one is not None and (value := pick(one)) is not None]
            return join(told) if told else None

        return Source(demanded)

    return finder


# --- declarations, tasks ---------------------------------------------------------------------------------------------


def declared_at(asked: Asked) -> Source | None:
    """Return the time to the nearest declared start or stop."""
    names, world = asked.place.names, asked.world
    return Source(lambda: world.plan.declared_s(names, world.present.wall_ms))


def declaring(asked: Asked) -> Source | None:
    """Return whether declarations are in use on the object."""
    names, world = asked.place.names, asked.world

    def told() -> Number:
        answer = world.plan.is_declaring(names, world.present.wall_ms)
        return None if answer is None else float(answer)

    return Source(told)


def overdue(asked: Asked) -> Source | None:
    """Return how many inspection tasks are overdue."""
    return Source(lambda: asked.world.plan.overdue(asked.world.present.wall_ms))


# --- a device --------------------------------------------------------------------------------------------------------


def _shelves(asked: Asked) -> list[Shelf]:
    shelves = asked.world.tracks.shelves
    return [shelves[name] for name in asked.world.places.devices(asked.place) if name in shelves]


def answer(asked: Asked) -> Source | None:
    """Return how long ago the object's devices answered; of several, the longest; ``None`` for never."""
    shelves = _shelves(asked)
    if not shelves:
        return None
    present = asked.world.present

    def age_s() -> Number:
        answered = [shelf.answered_ns for shelf in shelves if shelf.answered_ns is not None]
        return (present.mono_ns - min(answered)) / 1e9 if len(answered) == len(shelves) else None

    return Source(age_s)


def readings(asked: Asked) -> Source | None:
    """Return how many readings the closed period has (of the column that has most), or should have."""
    world, shelves, level = asked.world, _shelves(asked), asked.level
    closed = world.present.closed
    is_expected = asked.read.span is Span.EXPECTED
    if not shelves:
        return None

    def count() -> Number:
        total = 0.0
        for shelf in shelves:
            row = shelf.rows[level]
            if row is None or row.key != closed[level]:
                return None
            total += row.expected * _watched(shelf, level, world.present) if is_expected else max(row.n, default=0)
        return total

    return Source(count)


def _watched(shelf: Shelf, level: int, present: Present) -> float:
    """Return which share of the closed period a device was there for: in its very first one it is no whole one."""
    return min(1.0, (present.mono_ns - (shelf.since_ns or 0)) / 3.6e12 / HOURS_OF[level])


class Silence:
    """The share of the readings expected of a device in a period that did not come."""

    __slots__ = ("_closed", "_marks", "_present", "_shelf")

    def __init__(self, shelf: Shelf, present: Present) -> None:
        """Begin to count."""
        self._shelf, self._present = shelf, present
        self._marks: list[tuple[int, int] | None] = [None, None, None]
        self._closed: list[Number] = [None, None, None]

    def close(self, level: int) -> None:
        """Close a period: `of` gives its share."""
        first = (0, self._shelf.since_ns) if self._shelf.since_ns else None
        before, mono_ns = self._marks[level] or first, self._present.mono_ns
        self._marks[level] = (self._shelf.answers, mono_ns)
        if before is None:  # the rest of a period that began before this process
            return
        answers, begun_ns = before
        expected = (mono_ns - begun_ns) / 1e9 / self._shelf.visit.poll_s
        share = 1.0 - (self._shelf.answers - answers) / expected if expected >= 1 else 0.0
        self._closed[level] = min(1.0, max(0.0, share))

    def of(self, level: int) -> Number:
        """Return the share of the period closed last; ``None`` before one was seen whole, also after a restart."""
        return self._closed[level]


def broken(asked: Asked) -> Source | None:
    """Return the share of the expected readings that did not come in the closed period."""
    shelves, level = _shelves(asked), asked.level
    if not shelves:
        return None
    silence = Silence(shelves[0], asked.world.present)
    asked.world.counters.append(silence)
    return Source(lambda: silence.of(level))


def timestamp(asked: Asked) -> Source | None:
    """Return the wall time of the last answer; ``None`` while time is not known."""
    shelves = _shelves(asked)
    if not shelves:
        return None
    shelf, present = shelves[0], asked.world.present

    def seconds() -> Number:
        scan = shelf.scan
        return None if scan is None or present.wall_ms is None else scan.wall_ms / 1000.0

    return Source(seconds)


def columns(asked: Asked) -> Source | None:
    """Return what the plant is measured by: power or current of each facility, concentration of each factor."""
    facilities = [one.power or one.current for one in asked.world.places.facilities.values()]
    factors = [factor.point for outlet in asked.world.places.outlets.values() for factor in outlet.factors]
    found = (asked.world.tracks.point(ref) for ref in dict.fromkeys((*facilities, *factors)) if ref is not None)
    points = [point for point in found if _is_measured(point)]
    names = tuple(point.ref for point in points)
    return Source(together([asked.of(point) for point in points]), names=names) if points else None


def _is_measured(point: Point | None) -> TypeGuard[Point]:
    """Whether a point is read, and not computed from others."""
    return point is not None and point.shelf.visit.spec.protocol != "derived"


def clocks(asked: Asked) -> Source | None:
    """Return the offsets of the clocks of all devices that tell a time; mostly of none."""
    return measured(asked) or Source(tuple)


# --- the box ---------------------------------------------------------------------------------------------------------


def cabinet(asked: Asked) -> Source | None:
    """Return the door's signal that a device tells: by its name or code, or because an outlet states it."""
    found = measured(asked)
    if found is not None or asked.place.device is None:
        return found
    refs = (ref for one in asked.world.places.outlets.values() for ref in one.points.get(asked.read.quantity.name, ()))
    points = [asked.world.tracks.point(ref) for ref in refs if ref.partition(".")[0] == asked.place.device.spec.name]
    point = points[0] if points else None
    if point is None:
        return None
    return Source(asked.of(point), bits((point,)))


def _box(name: str) -> Any:
    def finder(asked: Asked) -> Source | None:
        world = asked.world

        def told() -> Number:
            found: Number = getattr(world.box, name)()
            return found

        return Source(told)

    return finder


TABLE: Final[Mapping[str, Any]] = {
    **dict.fromkeys(_MARKS, mark),
    q.ORDER_STOP.name: _order(lambda one: float(one.is_stop), max),
    q.ORDER_REDUCTION.name: _order(lambda one: one.reduction, max),
    q.ORDER_ELAPSED.name: _order(lambda one: one.elapsed_s, max),
    q.ORDER_REMAINING.name: _order(lambda one: one.remaining_s, max),
    q.ORDER_ANY.name: _order(lambda one: float(one.is_any), max),
    q.ORDER_STAGGERED.name: _order(lambda one: float(one.is_staggered), max),
    q.ORDER_MINIMUM.name: _order(lambda one: one.minimum_kw, min),
    q.ORDER_ALLOWED.name: _order(lambda one: None if one.is_allowed is None else float(one.is_allowed), min),
    q.DECLARED_AT.name: declared_at,
    q.DECLARING.name: declaring,
    q.OVERDUE.name: overdue,
    q.ANSWER.name: answer,
    q.READINGS.name: readings,
    q.BROKEN.name: broken,
    q.TIMESTAMP.name: timestamp,
    q.COLUMNS.name: columns,
    q.INSTRUMENT_CLOCK.name: clocks,
    q.CABINET.name: cabinet,
    q.ORDERLY.name: _box("orderly"),
    q.HOST_CLOCK.name: _box("host_clock_s"),
    q.STARTS.name: _box("starts"),
    q.MEANING.name: _box("meaning"),
    q.BACKLOG_AGE.name: _box("backlog_age_s"),
    q.DISK_SHARE.name: _box("disk_share"),
}
