"""Where the numbers that rules read come from: a `Read` of an object becomes a function without arguments.

Everything is found once, at the start; asking costs an index or two. What a point of the site tells directly is here;
what the agent reckons itself is in `sources_plant` (states, energies, loads), `sources_outlet` (converted
concentrations, masses) and `sources_plan` (orders, marks, devices, the box), each a table by the quantity's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from agent.rules.outside import NoBox, NoPlan
from agent.rules.places import Places
from agent.rules.quantity import METER_EVENTS, SETTINGS, Span
from agent.rules.rule import Grain
from agent.rules.states import States
from agent.rules.tracks import DAY, HOUR, MINUTE, Linear, Tracks, conversion, scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from agent.rules.outside import Box, InForce, Plan
    from agent.rules.places import Place
    from agent.rules.quantity import Quantity, Read
    from agent.rules.rule import Number
    from agent.rules.states import FacilityState
    from agent.rules.tracks import Point, Present
    from config.site import Site

HOURS_OF: Final = {MINUTE: 1 / 60, HOUR: 1.0, DAY: 24.0}
_SECONDS_OF_HOUR: Final = 3600.0
_LEVEL_OF: Final = {Span.MINUTE: MINUTE, Span.HOUR: HOUR, Span.DAY: DAY}
_MEMBER_OF: Final = {Span.LEAST: "least", Span.MOST: "most"}
_WITH_TEXTS: Final = (SETTINGS.name, METER_EVENTS.name)
"""Of these a text counts too: the number of a meter need not be one."""


@dataclass(frozen=True, slots=True)
class Source:
    """What gives the values of one read. `wakes` names facilities and points of which a change is judged at once.

    `names` are those of the members of a read of many, in their order.
    """

    get: Callable[[], Any]
    wakes: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()


class Counter(Protocol):
    """Something that is told when a minute (0), hour (1) or day (2) has been closed, the shorter first."""

    def close(self, level: int) -> None:
        """Close a period."""


@dataclass(slots=True)
class World:
    """Everything that sources ask. `plan` and `box` are put in when the agent runs."""

    places: Places
    tracks: Tracks
    states: States
    plan: Plan = field(default_factory=NoPlan)
    box: Box = field(default_factory=NoBox)
    counters: list[Counter] = field(default_factory=list)
    """What counts something of its own in minutes, hours and days."""
    _orders: dict[str, InForce | None] = field(default_factory=dict)
    _orders_of: int | None = -1

    @classmethod
    def of(cls, site: Site) -> World:
        """Return the world of a site, in which nothing is known yet."""
        tracks = Tracks((*site.devices, *(derived.device for derived in site.derived)))
        places = Places(site, tracks)
        return cls(places, tracks, States(places, site.plant.lines))

    @property
    def present(self) -> Present:
        """The moment that is judged."""
        return self.tracks.present

    def order(self, line: str) -> InForce | None:
        """Return what orders demand of a line; asked once for each moment."""
        wall_ms = self.present.wall_ms
        if wall_ms != self._orders_of:
            self._orders_of = wall_ms
            self._orders.clear()
        if line not in self._orders:
            self._orders[line] = self.plan.order(line, wall_ms)
        return self._orders[line]


@dataclass(frozen=True, slots=True)
class Asked:
    """A read of an object, by a rule of some grain."""

    world: World
    read: Read
    place: Place
    grain: Grain

    def but(self, read: Read) -> Asked:
        """Return the same about another quantity of the same object."""
        return replace(self, read=read)

    def at(self, facility: str, quantity: Quantity) -> Asked:
        """Return the same span of another quantity, of a facility."""
        place = self.world.places.facility(facility)
        return replace(self, read=quantity.over(self.read.span), place=place)

    @property
    def level(self) -> int:
        """Which closed period it is about; a rule that judges now looks at minutes."""
        return _LEVEL_OF.get(self.read.span, max(MINUTE, self.grain - Grain.MINUTE))

    @property
    def facility(self) -> FacilityState | None:
        """The state of the object, if it is a facility whose state is known."""
        one = self.place.facility
        return None if one is None else self.world.states.facilities.get(one.name)

    def of(self, point: Point) -> Callable[[], Any]:
        """Return the source of what a point tells of it."""
        return of_point(point, self.read.quantity, self.read.span, self.level)


def measured(asked: Asked) -> Source | None:
    """Return the source of what a point tells directly; ``None`` when the object has no such point."""
    quantity = asked.read.quantity
    points = asked.world.places.points(asked.place, quantity)
    if not points:
        return None
    gets = [asked.of(point) for point in points]
    wakes = bits(points) if asked.read.span is Span.NOW else frozenset()
    if quantity.is_many:
        return Source(together(gets), wakes, tuple(point.ref for point in points))
    return Source(gets[0], wakes)


def bits(points: Iterable[Point]) -> frozenset[str]:
    """Return the points of which a change is judged at once: those that are not numbers."""
    return frozenset(point.ref for point in points if not point.info.is_number)


def of_point(point: Point, quantity: Quantity, span: Span, level: int) -> Callable[[], Any]:
    """Return the source of one span of one point, in the unit of the quantity."""
    plain = {
        Span.FLAG: point.flag,
        Span.AGE: point.age_s,
        Span.EXPECTED: lambda: point.expected(level),
        Span.COUNT: point.closed(level, "n"),
    }
    if span in plain:
        return plain[span]
    how = conversion(point.info.unit, quantity.unit)
    if span is Span.NOW:
        return scaled(point.live if quantity.name in _WITH_TEXTS else point.number, how)
    if span is Span.TOTAL:
        return _amount(point, level, how)
    return scaled(point.closed(level, _MEMBER_OF.get(span, "avg")), how)


def _amount(point: Point, level: int, how: Linear | None) -> Callable[[], Number]:
    """Return the source of an amount: as the statistics reckon it, else the mean of a rate per hour times hours.

    A quantity that has an amount is one itself, or a rate per hour. Of a rate per second the statistics reckon what the
    3600 times greater rate per hour comes to: its conversion must not count the seconds again.
    """
    if point.info.total == "per-second" and how is not None:
        return scaled(point.closed(level, "total"), Linear(how.factor / _SECONDS_OF_HOUR))
    if point.info.total != "none":
        return scaled(point.closed(level, "total"), how)
    factor = HOURS_OF[level] * (how.factor if how else 1.0)
    return scaled(point.closed(level, "avg"), Linear(factor))


def together(gets: list[Callable[[], Any]]) -> Callable[[], tuple[Any, ...]]:
    """Return a source of many."""
    return lambda: tuple(get() for get in gets)


def summed(gets: list[Callable[[], Number]]) -> Callable[[], Number]:
    """Return the source of a sum; one unknown part makes it unknown."""

    def read() -> Number:
        total = 0.0
        for get in gets:
            part = get()
            if part is None:
                return None
            total += part
        return total

    return gets[0] if len(gets) == 1 else read


def find(asked: Asked, finders: Mapping[str, Callable[[Asked], Source | None]]) -> Source | None:
    """Return the source of a read: reckoned by the agent where one of `finders` knows how, else a point of the site."""
    return finders.get(asked.read.quantity.name, measured)(asked)
