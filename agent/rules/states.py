"""The states of facilities and lines as time passes, and how long they ran: the live part around `agent.plant`.

A facility's state moves at its own readings. Between them time alone can only make it unknown: when the last good
reading is older than three polls. A visit without an answer is no reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent import plant
from agent.plant import UNSEEN, Manner, Seen, State
from agent.rules import quantity as q
from agent.rules.tracks import conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agent.rules.places import Places
    from agent.rules.rule import Number
    from agent.rules.tracks import Point
    from config.site import Facility, Line

_B: Final = ord("B")
_LENGTHS_NS: Final = (60_000_000_000, 3600_000_000_000, 86_400_000_000_000)
"""A minute, an hour, a day."""
_ENOUGH: Final = 0.75
"""The share of a period in which a state must be known for its run time to be (facts/rules.md section 2, `min_cov`)."""


class RunTime:
    """Seconds in RUN: of the periods closed last, and in total."""

    __slots__ = ("_closed", "_known_ns", "_marks", "_run_ns", "_state", "_upto_ns", "before_s")

    def __init__(self) -> None:
        """Begin to count."""
        self.before_s = 0.0
        """Seconds counted by earlier processes, less those before the consumables were changed."""
        self._state: State | None = None
        self._run_ns = self._known_ns = 0
        self._upto_ns: int | None = None
        self._marks = [(0, 0)] * len(_LENGTHS_NS)
        self._closed: list[Number] = [None] * len(_LENGTHS_NS)

    def note(self, state: State | None, mono_ns: int) -> None:
        """Count the time up to now, and go on in `state`."""
        elapsed_ns = 0 if self._upto_ns is None else max(0, mono_ns - self._upto_ns)
        self._run_ns += elapsed_ns if self._state is State.RUN else 0
        self._known_ns += elapsed_ns if self._state is not None else 0
        self._state, self._upto_ns = state, mono_ns

    def close(self, level: int, mono_ns: int) -> None:
        """Close a period: `of` gives what ran in it."""
        self.note(self._state, mono_ns)
        run_ns, known_ns = self._so_far(level)
        self._marks[level] = (self._run_ns, self._known_ns)
        self._closed[level] = run_ns / 1e9 if known_ns >= _ENOUGH * _LENGTHS_NS[level] else None

    def of(self, level: int) -> Number:
        """Return the seconds in RUN of the period closed last; ``None`` when the state was unknown for too long."""
        return self._closed[level]

    def total_s(self, mono_ns: int) -> float:
        """Return all seconds in RUN up to now."""
        self.note(self._state, mono_ns)
        return self.before_s + self._run_ns / 1e9

    def renew(self) -> None:
        """Begin the total anew."""
        self.before_s = -self._run_ns / 1e9

    def snapshot(self, mono_ns: int) -> list[Any]:
        """Return the total and what the open periods have so far."""
        return [round(self.total_s(mono_ns), 1), [self._so_far(level) for level in range(len(_LENGTHS_NS))]]

    def restore(self, kept: Sequence[Any], is_open: Sequence[bool]) -> None:
        """Continue; `is_open` says of each level whether the period is still the same."""
        self.before_s = float(kept[0])
        for level, (run_ns, known_ns) in enumerate(kept[1]):
            if is_open[level]:
                self._marks[level] = (-int(run_ns), -int(known_ns))

    def _so_far(self, level: int) -> tuple[int, int]:
        run_ns, known_ns = self._marks[level]
        return self._run_ns - run_ns, self._known_ns - known_ns


class FacilityState:
    """What one facility does."""

    __slots__ = ("_manner", "_read_ns", "facility", "point", "renewed_ms", "runtime", "seen")

    def __init__(self, facility: Facility, point: Point, manner: Manner) -> None:
        """Begin with unknown."""
        self.facility, self.point = facility, point
        self._manner = manner
        self._read_ns: int | None = None
        self.seen = UNSEEN
        self.runtime = RunTime()
        self.renewed_ms: int | None = None

    @property
    def state(self) -> State | None:
        """What it does now."""
        return self.seen.state

    def look(self, mono_ns: int) -> bool:
        """Take the point's reading of this scan; return whether the state has changed."""
        value = self.point.number()
        if value is None and self._is_only_silent(mono_ns):
            return False
        if value is not None:
            self._read_ns = mono_ns
        return self._take(value, mono_ns)

    def age(self, mono_ns: int) -> bool:
        """Note that time has passed; return whether the state has become unknown by it."""
        return self.seen.is_on is not None and not self._is_recent(mono_ns) and self._take(None, mono_ns)

    def _take(self, value: float | None, mono_ns: int) -> bool:
        before = self.seen
        after = plant.step(self._manner, before, value, mono_ns)
        self.seen = after
        if after.state is before.state:
            return False
        self.runtime.note(after.state, mono_ns)
        return True

    def _is_only_silent(self, mono_ns: int) -> bool:
        return self.point.flag() == _B and self._is_recent(mono_ns)

    def _is_recent(self, mono_ns: int) -> bool:
        return self._read_ns is not None and mono_ns - self._read_ns <= self.point.shelf.stale_ns


class LineState:
    """What one side of a line does: its production or its treatment."""

    __slots__ = ("_join", "_members", "runtime", "state")

    def __init__(self, members: Sequence[FacilityState | None], join: Callable[..., State | None]) -> None:
        """Begin with unknown; a member without a state of its own is unknown for ever."""
        self._members, self._join = members, join
        self.state: State | None = None
        self.runtime = RunTime()

    def look(self, mono_ns: int) -> None:
        """Take the members' states over."""
        state = self._join([None if one is None else one.state for one in self._members])
        if state is not self.state:
            self.state = state
            self.runtime.note(state, mono_ns)


class States:
    """All facilities that can be judged, and all lines."""

    def __init__(self, places: Places, lines: Iterable[Line]) -> None:
        """Begin with everything unknown."""
        found = ((name, _facility_state(places, name)) for name in places.facilities)
        self.facilities = {name: state for name, state in found if state is not None}
        lines = tuple(lines)
        self.production = {line.name: self._line(line.production, plant.production) for line in lines}
        self.treatment = {line.name: self._line(line.treatment, plant.treatment) for line in lines}
        self._by_visit: dict[str, list[FacilityState]] = {}
        for state in self.facilities.values():
            self._by_visit.setdefault(state.point.shelf.visit.spec.name, []).append(state)
        self._lines_of: dict[str, list[LineState]] = {}
        for line in lines:
            for name in line.production:
                self._lines_of.setdefault(name, []).append(self.production[line.name])
            for name in line.treatment:
                self._lines_of.setdefault(name, []).append(self.treatment[line.name])

    def _line(self, names: Iterable[str], join: Callable[..., State | None]) -> LineState:
        return LineState([self.facilities.get(name) for name in names], join)

    def scan(self, visit: str, mono_ns: int) -> list[str]:
        """Look at the facilities that a visit tells about; return the names of those whose state has changed."""
        mine = self._by_visit.get(visit)
        return self._settled([one for one in mine if one.look(mono_ns)], mono_ns) if mine else []

    def tick(self, mono_ns: int) -> list[str]:
        """Let time pass; return the names of the facilities that have become unknown."""
        return self._settled([one for one in self.facilities.values() if one.age(mono_ns)], mono_ns)

    def close(self, level: int, mono_ns: int) -> None:
        """Close a minute (0), hour (1) or day (2)."""
        for _, runtime in self._runtimes():
            runtime.close(level, mono_ns)

    def snapshot(self, mono_ns: int) -> dict[str, Any]:
        """Return the states and run times at this moment, as plain data."""
        return {
            "facilities": {name: [one.state, one.renewed_ms] for name, one in self.facilities.items()},
            "runtimes": {name: runtime.snapshot(mono_ns) for name, runtime in self._runtimes()},
        }

    def restore(self, kept: dict[str, Any], taken_ns: int | None, is_open: Sequence[bool]) -> None:
        """Continue: what ran after a short gap in the same boot (`taken_ns`: when the snapshot was) is taken up again.

        `is_open` says of minute, hour and day whether it is still the same. Raises ValueError, KeyError or TypeError
        when `kept` is none of ours.
        """
        for name, (state, renewed_ms) in kept["facilities"].items():
            one = self.facilities.get(name)
            if one is None:
                continue
            one.renewed_ms = renewed_ms
            if taken_ns is not None and state is not None:
                one.seen = Seen(before=State(state), since_ns=taken_ns)
        runtimes = kept["runtimes"]
        for name, runtime in self._runtimes():
            if name in runtimes:
                runtime.restore(runtimes[name], is_open)

    def _settled(self, changed: list[FacilityState], mono_ns: int) -> list[str]:
        for one in changed:
            for line in self._lines_of.get(one.facility.name, ()):
                line.look(mono_ns)
        return [one.facility.name for one in changed]

    def _runtimes(self) -> Iterator[tuple[str, RunTime]]:
        for kind, of in (("f", self.facilities), ("p", self.production), ("t", self.treatment)):
            for name, one in of.items():
                yield f"{kind}/{name}", one.runtime


def _facility_state(places: Places, name: str) -> FacilityState | None:
    """Return the state of a facility, ``None`` when the site says too little to judge it."""
    facility = places.facilities[name]
    quantity = q.POWER if facility.power else q.CURRENT if facility.current else q.RUNNING
    points = places.points(places.facility(name), quantity)
    if not points:
        return None
    how = conversion(points[0].info.unit, quantity.unit)
    manner = plant.manner(facility, how.factor if how else 1.0)
    return None if manner is None else FacilityState(facility, points[0], manner)
