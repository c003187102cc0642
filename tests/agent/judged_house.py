"""A whole house in virtual time: scans, statistics, rules and alarms of one site, a second at a time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from agent.alarms import Alarms
from agent.clock import Stamp, ts
from agent.judge import Judge
from agent.rules.binding import bound
from agent.rules.outside import NOTHING, InForce
from agent.statistics import Statistics
from drivers.reading import Scan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.rules.rule import Rule
    from config.site import Site
    from drivers.reading import Value

ZONE = ZoneInfo("Asia/Shanghai")
BOOT = "a6ebeace"
START = datetime(2026, 3, 2, 10, 0, tzinfo=ZONE)
"""A Monday."""
NS = 1_000_000_000


class FakePlan:
    """Marks and orders as a test sets them. `asked_ms` are the moments that orders were asked about."""

    def __init__(self) -> None:
        self.marks: set[tuple[str, str]] = set()
        self.orders: dict[str, InForce] = {}
        self.renewed: dict[str, int] = {}
        self.asked_ms: list[int | None] = []

    def order(self, line: str, wall_ms: int | None) -> InForce | None:
        """Return the order of a line."""
        self.asked_ms.append(wall_ms)
        return self.orders.get(line, NOTHING)

    def is_marked(self, kind: str, names: Sequence[str], wall_ms: int | None) -> bool | None:
        """Whether one of the names has the mark."""
        return any((kind, name) in self.marks for name in names)

    def declared_s(self, names: Sequence[str], wall_ms: int | None) -> float | None:
        """Return that nothing is declared."""
        return None

    def is_declaring(self, names: Sequence[str], wall_ms: int | None) -> bool | None:
        """Return that nothing was ever entered."""
        return False

    def renewed_ms(self, facility: str) -> int | None:
        """Return when consumables were changed."""
        return self.renewed.get(facility)

    def overdue(self, wall_ms: int | None) -> int | None:
        """Return that nothing is overdue."""
        return 0


class FakeBox:
    """A box in order, in its third run."""

    def host_clock_s(self) -> float | None:
        """Return that it is right."""
        return 0.0

    def starts(self) -> float | None:
        """Return the third start."""
        return 3.0

    def orderly(self) -> float | None:
        """Return that the run before ended in order."""
        return 1.0

    def meaning(self) -> float | None:
        """Return no changes."""
        return 0.0

    def backlog_age_s(self) -> float | None:
        """Return that nothing waits."""
        return 0.0

    def disk_share(self) -> float | None:
        """Return a nearly empty store."""
        return 0.1


class House:
    """One process of the agent, from judging on. `says` is what each visit says next; ``None``: it does not answer."""

    def __init__(
        self,
        site: Site,
        says: Mapping[str, tuple[Value, ...] | None],
        rules: Sequence[Rule] | None = None,
        plan: FakePlan | None = None,
        *,
        boot: str = BOOT,
        mono_s: int = 1000,
        wall: datetime | None = START,
    ) -> None:
        self.says = dict(says)
        self.plan = plan or FakePlan()
        self.boot, self.mono_s, self._wall = boot, mono_s, wall
        self._begun_s = mono_s
        self._bound = bound(site, rules)
        self.alarms = Alarms(site.devices, site.limits, self._bound.definitions())
        self.judge = Judge(self._bound, self.alarms, self.plan, FakeBox(), ZONE)
        self._statistics = Statistics((*site.devices, *(one.device for one in site.derived)), ZONE, boot)
        self._widths = {device.spec.name: len(device.info) for device in site.devices}
        self.drafts: list[dict[str, Any]] = []

    @property
    def wall_ms(self) -> int | None:
        """Believed time now."""
        if self._wall is None:
            return None
        return round(self._wall.timestamp() * 1000) + (self.mono_s - self._begun_s) * 1000

    def stamp(self) -> Stamp:
        """Return the stamp of now."""
        return Stamp(ts(self.wall_ms), {"boot": self.boot, "up": float(self.mono_s), "q": "sync"}, self.wall_ms)

    def scan(self, visit: str) -> list[dict[str, Any]]:
        """Take one scan of what a visit says; return the drafts."""
        said = self.says[visit]
        values: tuple[Value, ...] = said if said is not None else (None,) * self._widths[visit]
        flags = "".join("B" if value is None else "N" for value in values)
        scan = Scan(visit, self.wall_ms or 0, self.mono_s * NS, values, flags, None if said else "no answer")
        ended = self._statistics.add(scan, self.wall_ms)
        if ended is not None:
            self.judge.closed(ended.rows)
        drafts = self.judge.scan(scan, self.stamp())
        self.drafts += drafts
        return drafts

    def tick(self) -> list[dict[str, Any]]:
        """Let a second's look happen; return the drafts."""
        for ended in self._statistics.due(self.mono_s * NS, self.wall_ms):
            self.judge.closed(ended.rows)
        drafts = self.judge.tick(self.mono_s * NS, self.stamp())
        drafts += self.alarms.tick(self.mono_s * NS, self.wall_ms)
        self.drafts += drafts
        return drafts

    def run(self, seconds: int, every: int = 1, **says: tuple[Value, ...] | None) -> list[dict[str, Any]]:
        """Let time pass, with a scan of every visit each `every` seconds; return the drafts."""
        self.says |= says
        before = len(self.drafts)
        for _ in range(0, seconds, every):
            self.mono_s += every
            for visit in self.says:
                self.scan(visit)
            self.tick()
        return self.drafts[before:]

    def happened(self, drafts: Sequence[dict[str, Any]] | None = None) -> list[tuple[str, str]]:
        """Return what happened to which alarms, of all drafts unless some are given."""
        found = self.drafts if drafts is None else drafts
        return [(one["alarm"], one["state"]) for one in found if one["kind"] == "alarm"]

    def snapshot(self) -> bytes:
        """Return the judge's state now."""
        return self.judge.snapshot(self.mono_s * NS, self.stamp())

    def restore(self, kept: bytes | None) -> list[dict[str, Any]]:
        """Continue from a judge's state now."""
        return self.judge.restore(kept, self.mono_s * NS, self.stamp())
