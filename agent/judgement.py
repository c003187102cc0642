"""Everything that is judged of a site: derived points, limits, rules, what people have entered, and all its alarms.

    scan  ->  derived scans  ->  limits, rules  ->  alarms         on every scan
    rows  ->  rules about minutes, hours, days  ->  alarms         when a period is over
    time  ->  rules about now, the ladder, shelves  ->  alarms     once a second
    people  ->  the book, alarms                                   when somebody asks (`agent.office`)

Each call returns the drafts that must be told; whenever it does, `states` belongs into the same commit. One thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from agent import sight
from agent.alarms import Alarms
from agent.book.book import Book
from agent.book.in_force import BookPlan
from agent.derive import Derivation
from agent.elapsed import Now
from agent.health_code import health_code
from agent.judge import Judge
from agent.lifecycle import Definition
from agent.rules.binding import bound
from agent.rules.listing import listing
from agent.sight import Sight
from config.site import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from agent.alarm_case import Standing
    from agent.book.tasks import Task
    from agent.clock import Stamp
    from agent.intake import Ask
    from agent.rules.binding import Bound
    from agent.rules.outside import Box
    from buffer.history_row import Row
    from config.site import Device, Site
    from drivers.reading import Scan

Draft = dict[str, Any]

ESCALATE_TASK_NS: Final = 5_400_000_000_000
"""An overdue task belongs to the plant for as long as any alarm: 90 minutes."""


class Judgement:
    """The judgement of one site. Made by `take_up`."""

    def __init__(self, site: Site, box: Box, mono_ns: int, stamp: Stamp) -> None:
        self.zone = ZoneInfo(site.gateway.timezone)
        self.book = Book(site.plant, self.zone, [device.spec.name for device in site.devices])
        self._bound = bound(site)
        self._site, self._box = site, box
        self._begun = Now(stamp.clk["boot"], mono_ns, stamp.wall_ms)
        self._derivation = Derivation(site.derived, site.devices)
        self._lines = _lines_by_name(self._bound, site)
        self._late: dict[str, Task] = {}
        self._advice = {rule.id: {"zh": rule.check.zh, "en": rule.check.en} for rule in self._bound.rules}
        self.alarms: Alarms
        self._judge: Judge

    @classmethod
    def take_up(
        cls, site: Site, box: Box, kept: Callable[[str], bytes | None], mono_ns: int, stamp: Stamp
    ) -> tuple[Judgement, list[Draft]]:
        """Return the judgement of a site as `states` and `large_states` left it, and what must be told of that."""
        house = cls(site, box, mono_ns, stamp)
        lost = house.book.restore(kept("book"))
        definitions = [*house._bound.definitions(), *map(_task_alarm, house.book.tasks.values())]
        devices = devices_of(site)
        house.alarms, ended = Alarms.restore(
            devices, site.limits, kept("alarms"), definitions, house._begun, kept("figures")
        )
        house._late = {task.id: task for task in house.book.tasks.values() if house._is_told_late(task)}
        plan = BookPlan(house.book, house.zone)
        house._judge = Judge(house._bound, house.alarms, plan, box, house.zone)
        anew = house._judge.restore(kept("rules"), mono_ns, stamp)
        return house, [*([lost] if lost else ()), *ended, *anew]

    # --- what comes in -------------------------------------------------------------------------------------------

    def derived(self, scan: Scan) -> list[Scan]:
        """Return the scans of derived devices that this one brings about."""
        return self._derivation.scans(scan)

    def scan(self, scan: Scan, stamp: Stamp) -> list[Draft]:
        """Judge one scan, of a device or derived."""
        drafts = [*self.alarms.judge(scan, stamp.ts)]
        return drafts + self._judge.scan(scan, stamp)

    def closed(self, rows: Iterable[Row]) -> None:
        """Take rows of closed periods; they are judged by the next `tick`."""
        self._judge.closed(rows)

    def tick(self, mono_ns: int, stamp: Stamp) -> list[Draft]:
        """Judge what is over and what is now. Call it once a second."""
        drafts = self._judge.tick(mono_ns, stamp)
        drafts += self._look_at_tasks(mono_ns, stamp)
        return [*drafts, *self.alarms.tick(mono_ns, stamp.wall_ms)]

    def enter(self, ask: Ask, wall_ms: int | None) -> Draft:
        """Enter what somebody asks into the book. Raises EntryRefused."""
        draft = self.book.enter(ask.do, ask.words, ask.by, wall_ms)
        if ask.do == "task":
            self.alarms.define(_task_alarm(self.book.tasks[draft["task"]["id"]]))
        return draft

    def _look_at_tasks(self, mono_ns: int, stamp: Stamp) -> list[Draft]:
        """Raise the alarm of every task that is overdue, and clear that of one that is not any more."""
        wall_ms = stamp.wall_ms
        overdue = {} if wall_ms is None else {task.id: task for task in self.book.overdue(wall_ms)}
        drafts: list[Draft] = []
        for number, task in (self._late | overdue).items():
            present = self.book.tasks.get(number)
            is_open = present is not None and present.is_open
            is_late = is_open and (None if wall_ms is None else number in overdue)
            drafts += self.alarms.weigh(f"task.{number}", is_late, mono_ns, stamp.ts, _evidence_of(task))
            if self._is_told_late(task):
                self._late[number] = task
            else:
                self._late.pop(number, None)
        return drafts

    def _is_told_late(self, task: Task) -> bool:
        return self.alarms.is_active(f"task.{task.id}")

    # --- what there is -------------------------------------------------------------------------------------------

    def code(self) -> dict[str, Any]:
        """Return the health code of the plant and each line."""
        lines = [line.name for line in self._site.plant.lines]
        return health_code(self.alarms.standing(), lines, self._lines_of)

    def rules(self) -> list[dict[str, Any]]:
        """Return what each rule of the catalogue is about on this site, and what it still waits for."""
        return listing(self._bound, self._judge.ready_in_s())

    def listing(self, *, everything: bool = False) -> list[dict[str, Any]]:
        """Return a row for each alarm that is not normal (`Alarms.listing`), those of rules with what to do."""
        rows = self.alarms.listing(everything)
        return [row | {"advice": self._advice[row["rule"]]} if "rule" in row else row for row in rows]

    def look(self, mono_ns: int, wall_of: Callable[[int], int | None], before: Sight | None) -> Sight:
        """Return what is to be seen at this moment; `wall_of` dates moments of this boot."""
        plant, world, rows = self._site.plant, self._bound.world, self.listing()
        orders = {line.name: self.book.orders_for(line.name) for line in plant.lines} if self.book.orders else {}
        conditions = self._judge.conditions(sight.PLAN_RULES) if orders else {}
        standing = {one.alarm: one for one in self.alarms.standing()} if orders else {}
        shelves = world.tracks.shelves
        return Sight(
            mono_ns=mono_ns,
            facilities=sight.facilities(plant.facilities, world.states.facilities, wall_of),
            lines=sight.lines(plant.lines, world.states),
            version=sight.version_of(rows, mono_ns, before),
            alarms=rows,
            orders=sight.orders(orders, wall_of(mono_ns), standing, conditions),
            tasks_overdue=len(self._late),
            derived=[(one.device, shelves[one.device.spec.name].scan) for one in self._site.derived],
        )

    def states(self) -> Mapping[str, bytes]:
        """Return what must survive a power cut: it belongs into the commit of the drafts that told it."""
        return {"alarms": self.alarms.snapshot(), "book": self.book.snapshot()}

    def large_states(self, mono_ns: int, stamp: Stamp) -> Mapping[str, bytes]:
        """Return what should survive a restart, and may be some minutes old."""
        return {"rules": self._judge.snapshot(mono_ns, stamp), "figures": self.alarms.figures_snapshot()}

    def _lines_of(self, alarm: Standing) -> Sequence[str]:
        """Return the lines that an alarm is about: of its binding, else of the device that it is about."""
        mine = self._lines.get(alarm.alarm)
        return mine if mine is not None else self._lines.get(str(alarm.members.get("device")), ())


def devices_of(site: Site) -> list[Device]:
    """Return everything that gives scans: instruments, and derived points."""
    return [*site.devices, *(derived.device for derived in site.derived)]


def _lines_by_name(bound: Bound, site: Site) -> dict[str, tuple[str, ...]]:
    """Return the lines that each alarm of a rule, and each device, is about."""
    found = {one.id: tuple(line.name for line in one.place.lines) for one in bound.bindings if one.place.lines}
    facilities = {facility.name: facility for facility in site.plant.facilities}
    outlets = {outlet.name: outlet for outlet in site.plant.outlets}
    for line in site.plant.lines:
        refs: list[str | None] = []
        for name in (*line.production, *line.treatment):
            facility = facilities[name]
            refs += [facility.power, facility.current, facility.running]
            refs += [ref for each in facility.points.values() for ref in each]
        outlet = outlets.get(line.outlet or "")
        refs += [factor.point for factor in outlet.factors] if outlet else []
        for device in {ref.partition(".")[0] for ref in refs if ref}:
            found[device] = tuple(dict.fromkeys((*found.get(device, ()), line.name)))
    of_devices = (one for one in bound.bindings if one.place.device is not None)
    return found | {one.id: found.get(one.place.key, ()) for one in of_devices}


def _task_alarm(task: Task) -> Definition:
    """Return the alarm of a task that nobody has answered in time."""
    what = task.title or task.items[0].text
    return Definition(
        id=f"task.{task.id}",
        priority="medium",
        text=Text(f"{task.place} 巡检任务逾期: {what}", f"{task.place}: inspection task overdue: {what}"),
        escalate_after_ns=ESCALATE_TASK_NS,
        members={"task": task.id, "object": task.place},
    )


def _evidence_of(task: Task) -> Callable[[], Mapping[str, Any]]:
    return lambda: {"due_ms": task.due_ms, "items": len(task.items)}
