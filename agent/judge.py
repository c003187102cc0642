"""The rules at work: what devices say becomes conditions, and conditions become alarms.

How it is called, on the pipeline's thread, each call returning the drafts it gives:

    scan(scan, stamp)        every scan, derived ones too, after the limits have been judged
    closed(rows)             the rows of each `Ended` of the statistics, as they come
    tick(mono_ns, stamp)     once a second, after `Statistics.due` of the same moment and its rows: rules about a
                             minute, an hour or a day are judged here when it is over, then those about now

- Everything is found at the start: which points a rule reads, on which objects. A scan costs one assignment, and the
  states of the facilities that it tells about; only when a state or a bit changes, the rules that read it are judged
  at once, so that their alarms take milliseconds.
- A rule about a closed period sees orders and marks as they stood just before its end. Periods that went by while the
  box was off are missing samples (`Evaluator.skip`).
- A condition that is not known freezes its alarm. While a rule is muted (`Mutes`: by a mark on the object or its line,
  by a stronger alarm about the same) it is judged all the same, and its alarm is suppressed.
- A rule that fails by a mistake of ours is not known; it is counted, logged once, and costs the others nothing.

State: `snapshot` every few minutes and at the end, `restore` at the start and when the site file has changed: a rule
whose parameters or facts are others begins anew, and says so.
"""

from __future__ import annotations

import json
import zlib
from datetime import datetime
from enum import IntEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from agent.judge_calendar import Calendar
from agent.log import get
from agent.rules.rule import SHARED, Grain, Moment, Scope
from agent.rules.sources import Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from zoneinfo import ZoneInfo

    from agent.alarms import Alarms
    from agent.clock import Stamp
    from agent.judge_calendar import Over
    from agent.rules.binding import Binding, Bound
    from agent.rules.outside import Box, Plan
    from agent.rules.places import Place, Places
    from buffer.history_row import Row
    from drivers.reading import Scan

Draft = dict[str, Any]

_VERSION: Final = 1
_MANY: Final = 12
"""How many numbers of a read of many an alarm carries as evidence."""
_OURS: Final = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)
"""What a rule with a mistake of ours in it may raise."""
_NOTHING: Final = Source(lambda: None)

log = get(__name__)


class Judged:
    """One binding at work."""

    __slots__ = (
        "binding",
        "condition",
        "evaluator",
        "failed",
        "gets",
        "given",
        "id",
        "is_active",
        "marks",
        "muted",
        "stronger",
    )

    def __init__(self, binding: Binding) -> None:
        """Begin with nothing known."""
        self.binding = binding
        self.id = binding.id
        self.evaluator = binding.evaluator()
        self.gets = tuple((source or _NOTHING).get for source in binding.sources)
        self.given: list[Any] = []
        self.condition: bool | None = None
        self.is_active = False
        """Whether its alarm is, as of its last weighing."""
        self.failed = False
        self.marks = binding.rule.muted.marks
        self.stronger: tuple[str, ...] = ()
        """Ids of the alarms that mute this one."""
        self.muted: tuple[str, ...] = ()

    def evidence(self) -> dict[str, Any]:
        """Return what the last answer rests on."""
        binding = self.binding
        values: dict[str, Any] = {}
        for read, source, value in zip(binding.rule.reads, binding.sources, self.given, strict=True):
            name = read.quantity.name
            told = _plain(value, source.names if source else ())
            values[name if name not in values else f"{name}.{read.span.value}"] = told
        own = {name: value for name, value in binding.params.items() if name not in SHARED and value is not None}
        held = {"hold": binding.params["hold"]} if binding.params["hold"] else {}
        return {"values": values, "params": own | held, **self.evaluator.evidence()}


def _plain(value: Any, names: Sequence[str] = ()) -> Any:
    """Return a value as evidence shows it; of many, by name where they have names."""
    if isinstance(value, tuple):
        some = [_plain(one) for one in value[:_MANY]]
        return dict(zip(names, some, strict=False)) if names else some
    return int(value) if isinstance(value, IntEnum) else value


class Judge:
    """All bindings of a site. `bound` belongs to it alone from now on."""

    def __init__(self, bound: Bound, alarms: Alarms, plan: Plan, box: Box, zone: ZoneInfo) -> None:
        """Begin with nothing known."""
        self._bound, self._alarms, self._zone = bound, alarms, zone
        self._world = bound.world
        self._world.plan, self._world.box = plan, box
        self._calendar = Calendar(zone)
        self._judged = [Judged(binding) for binding in bound.bindings]
        self._of_grain = {grain: [one for one in self._judged if one.binding.rule.grain is grain] for grain in Grain}
        self._wakes = _wakes(self._of_grain[Grain.NOW])
        self._bits = {
            (point.shelf.visit.spec.name, point.index): ref
            for ref in self._wakes
            if (point := self._world.tracks.point(ref)) is not None
        }
        for visit, index in self._bits:
            self._world.tracks.shelves[visit].bits[index] = None
        _link(self._judged, self._world.places)
        for one in self._judged:
            one.is_active = alarms.is_active(one.id)
        self._days: tuple[int | None, int, int, int] = (None, 0, 0, 0)
        self.failures = 0

    # --- what comes in -------------------------------------------------------------------------------------------

    def scan(self, scan: Scan, stamp: Stamp) -> list[Draft]:
        """Take a scan; judge at once what a change in it is about."""
        shelf = self._world.tracks.shelves.get(scan.device)
        if shelf is None or len(scan.values) != len(shelf.visit.info):
            return []
        mono_ns = self._now(scan.mono_ns, stamp.wall_ms)
        moved = shelf.put(scan)
        changed = self._world.states.scan(scan.device, mono_ns)
        if moved:
            changed += [self._bits[scan.device, index] for index in moved]
        if not changed:
            return []
        woken = {one.id: one for name in changed for one in self._wakes.get(name, ())}
        return self._judge(woken.values(), self._moment(mono_ns, stamp.wall_ms), stamp.ts)

    def closed(self, rows: Iterable[Row]) -> None:
        """Take closed periods of devices."""
        for row in rows:
            self._world.tracks.put(row)

    def tick(self, mono_ns: int, stamp: Stamp) -> list[Draft]:
        """Judge what is over, then what is now."""
        drafts: list[Draft] = []
        wall_ms = stamp.wall_ms
        for over in self._calendar.over(mono_ns, wall_ms):
            drafts += self._over(over, mono_ns, stamp.ts)
        mono_ns = self._now(mono_ns, wall_ms)
        self._world.states.tick(mono_ns)
        return drafts + self._judge(self._of_grain[Grain.NOW], self._moment(mono_ns, wall_ms), stamp.ts)

    def _over(self, over: Over, mono_ns: int, ts: str | None) -> list[Draft]:
        present = self._world.present
        present.closed[over.level] = over.key
        mono_ns = self._now(mono_ns, None if over.end_ms is None else over.end_ms - 1)
        self._world.states.close(over.level, mono_ns)
        for counter in self._world.counters:
            counter.close(over.level)
        judged = self._of_grain[Grain(Grain.MINUTE + over.level)]
        if over.missed:
            for one in judged:
                one.evaluator.skip(over.missed)
        return self._judge(judged, self._moment(mono_ns, over.start_ms), ts)

    def _now(self, mono_ns: int, wall_ms: int | None) -> int:
        """Set the moment that is judged; monotonic time never goes back, though a scan may come late."""
        present = self._world.present
        present.mono_ns = max(present.mono_ns, mono_ns)
        present.wall_ms = wall_ms
        return present.mono_ns

    def _moment(self, mono_ns: int, wall_ms: int | None) -> Moment:
        if wall_ms is None:
            return Moment(mono_ns)
        minute_ms = wall_ms // 60_000
        if self._days[0] != minute_ms:
            local = _local(wall_ms, self._zone)
            self._days = (minute_ms, local.toordinal(), 60 * local.hour + local.minute, local.weekday())
        return Moment(mono_ns, wall_ms, *self._days[1:])

    # --- judging -------------------------------------------------------------------------------------------------

    def _judge(self, some: Iterable[Judged], at: Moment, ts: str | None) -> list[Draft]:
        drafts: list[Draft] = []
        weigh, is_active = self._alarms.weigh, self._alarms.is_active
        for one in some:
            one.given = given = [get() for get in one.gets]
            try:
                condition = one.evaluator.update(at, *given)
            except _OURS as error:
                condition = None
                self._failed(one, error)
            is_still = not condition and condition is one.condition and not one.muted
            if is_still and (condition is None or not one.is_active):
                continue  # no news: no delay counts, and nothing is there to clear
            if one.marks or one.stronger:
                self._mute(one, condition)
            one.condition = condition
            drafts += weigh(one.id, condition, at.mono_ns, ts, one.evidence)
            one.is_active = is_active(one.id)
        return drafts

    def _failed(self, one: Judged, error: Exception) -> None:
        self.failures += 1
        if not one.failed:
            one.failed = True
            log.error("a rule failed", alarm=one.id, error=repr(error))

    def _mute(self, one: Judged, condition: bool | None) -> None:
        """Say for which reasons an alarm is to keep still, while there is anything to keep still about."""
        is_due = condition or one.is_active
        one.muted = self._reasons(one) if is_due else ()
        self._alarms.suppress(one.id, one.muted)

    def _reasons(self, one: Judged) -> tuple[str, ...]:
        names, wall_ms, plan = one.binding.place.names, self._world.present.wall_ms, self._world.plan
        marks = tuple(kind for kind in one.marks if plan.is_marked(kind, names, wall_ms))
        return marks + tuple(alarm for alarm in one.stronger if self._alarms.is_active(alarm))

    # --- over a restart ------------------------------------------------------------------------------------------

    def snapshot(self, mono_ns: int, stamp: Stamp) -> bytes:
        """Return everything that is to be known after a restart."""
        state = {
            "v": _VERSION,
            "boot": stamp.clk["boot"],
            "mono_ns": mono_ns,
            "wall_ms": stamp.wall_ms,
            "open": self._calendar.keys(mono_ns, stamp.wall_ms),
            "visits": [name for name, shelf in self._world.tracks.shelves.items() if shelf.since_ns is not None],
            "states": self._world.states.snapshot(mono_ns),
            "rules": {one.id: [fingerprint(one.binding), one.evaluator.snapshot()] for one in self._judged},
        }
        return zlib.compress(orjson.dumps(state), 1)

    def restore(self, kept: bytes | None, mono_ns: int, stamp: Stamp) -> list[Draft]:
        """Continue where `snapshot` was taken; return the event that says which rules begin anew, if any do."""
        if kept is None:
            return []
        try:
            state = orjson.loads(zlib.decompress(kept))
            if state["v"] != _VERSION:
                raise ValueError(f"version {state['v']} is not known")
            rest_ns = _rest_ns(state, mono_ns, stamp)
            keys = self._calendar.keys(mono_ns, stamp.wall_ms)
            is_open = [before == now for before, now in zip(state["open"], keys, strict=True)]
            taken_ns = state["mono_ns"] if state["boot"] == stamp.clk["boot"] else None
            self._world.states.restore(state["states"], taken_ns, is_open)
            self._world.tracks.known(state["visits"])
            rules = dict(state["rules"])
        except (*_OURS, zlib.error) as error:
            return [{"kind": "event", "event": "rule-state-lost", "reason": repr(error)}]
        self._calendar.rested(rest_ns)
        anew = [one.id for one in self._judged if one.id in rules and not self._continue(one, rules[one.id], rest_ns)]
        return [{"kind": "event", "event": "rules-begin-anew", "rules": anew}] if anew else []

    def _continue(self, one: Judged, kept: Any, rest_ns: int | None) -> bool:
        """Restore one evaluator; say whether that could be done."""
        try:
            said, state = kept
            if said != fingerprint(one.binding):
                return False
            one.evaluator.restore(state)
            if one.binding.rule.grain is Grain.NOW:
                one.evaluator.skip(1 if rest_ns is None else max(1, rest_ns // 1_000_000_000))
        except _OURS:
            one.evaluator = one.binding.evaluator()
            return False
        return True

    # --- what there is -------------------------------------------------------------------------------------------

    def ready_in_s(self) -> dict[str, float]:
        """Return, by alarm, how much history is missing before its condition can be known; nothing of those ready."""
        found = {one.id: one.evaluator.ready_in_s() for one in self._judged}
        return {name: seconds for name, seconds in found.items() if seconds > 0}

    def conditions(self, rules: Collection[str]) -> dict[str, bool | None]:
        """Return, by alarm, what the bindings of some rules answered last; ``None``: not known."""
        return {one.id: one.condition for one in self._judged if one.binding.rule.id in rules}


def fingerprint(binding: Binding) -> str:
    """Return what tells whether remembered state still belongs to a binding: its parameters, facts and inputs."""
    said = [
        sorted((name, repr(value)) for name, value in binding.params.items() if name not in SHARED),
        sorted((fact.name, repr(binding.facts[fact.name])) for fact in binding.rule.facts),
        [None if source is None else list(source.names) for source in binding.sources],
    ]
    return sha256(json.dumps(said).encode()).hexdigest()[:12]


def _rest_ns(state: dict[str, Any], mono_ns: int, stamp: Stamp) -> int | None:
    """Return for how long nothing was judged, ``None`` when nobody knows."""
    if state["boot"] == stamp.clk["boot"]:
        return max(0, mono_ns - int(state["mono_ns"]))
    if state["wall_ms"] is None or stamp.wall_ms is None:
        return None
    return max(0, (stamp.wall_ms - int(state["wall_ms"])) * 1_000_000)


def _wakes(judged: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Return which bindings look at the state of each facility and at each bit."""
    found: dict[str, list[Judged]] = {}
    for one in judged:
        names = {name for source in one.binding.sources if source is not None for name in source.wakes}
        for name in names:
            found.setdefault(name, []).append(one)
    return found


def _local(wall_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(wall_ms // 1000, zone)


def _link(judged: Sequence[Judged], places: Places) -> None:
    """Find the alarms that mute each."""
    by_rule: dict[str, list[Judged]] = {}
    for one in judged:
        by_rule.setdefault(one.binding.rule.id, []).append(one)
    for one in judged:
        place, rules = one.binding.place, one.binding.rule.muted.rules
        devices = places.devices(place) if rules else ()
        others = (other for rule in rules for other in by_rule.get(rule, ()) if other is not one)
        one.stronger = tuple(other.id for other in others if _explains(other.binding.place, place, devices))


def _explains(stronger: Place, weaker: Place, devices: Sequence[str]) -> bool:
    """Whether an alarm about one object says why one about the other, told by `devices`, can be expected.

    It does when it is about the same machine, outlet or factor, about all of what the other is part of, or about a part
    of it; about a machine whose gas leaves by the other's outlet; and about a device that tells of the other.
    """
    if stronger.device is not None:
        return stronger.device.spec.name in devices
    if stronger.scope is Scope.SITE or stronger.key == weaker.key:
        return True
    if stronger.facility is not None and weaker.facility is not None:
        return stronger.facility.name == weaker.facility.name
    if stronger.factor is not None and weaker.factor is not None:
        return False
    if stronger.outlet is not None and weaker.outlet is not None:
        return stronger.outlet.name == weaker.outlet.name
    is_behind = stronger.facility is not None and weaker.outlet is not None
    return (is_behind or Scope.LINE in (stronger.scope, weaker.scope)) and _share_a_line(stronger, weaker)


def _share_a_line(one: Place, other: Place) -> bool:
    return not {line.name for line in one.lines}.isdisjoint(line.name for line in other.lines)
