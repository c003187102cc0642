"""A box in virtual time: what `agent.pipeline` does to scans between the intake and the chain, for months at a time.

    scan  ->  derived  ->  judgement.scan  ->  statistics.add  ->  closed rows      as `Pipeline._scan` and `_judge`
    look  ->  statistics.due  ->  judgement.tick  ->  states kept                   as `Pipeline._look`

The agent looks once a second; a house looks once a minute, two seconds after it (or as often as a test wants), which is
when minutes, hours and days are over. Between two looks only what a scan wakes is judged, so that holds and delays end
up to a minute later than in a plant. What a restart finds is what the stores would give it back: the states of alarms
and book as they were told last, those of rules and figures as they were up to `KEEP_EVERY` minutes ago.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from agent.aggregate import STOPPED
from agent.clock import Stamp, ts
from agent.intake import Ask
from agent.judgement import Judgement, devices_of
from agent.lifecycle import By
from agent.statistics import Statistics
from buffer.history_row import Level, Row
from drivers.reading import Scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agent.statistics import Ended
    from config.site import Site

Draft = dict[str, Any]
Batch = tuple[int, int, list[Scan]]
"""Wall time in ms, monotonic time in ns, and the scans of that moment."""

MINUTE_MS = 60_000
DAY_MS = 86_400_000
LOOKS_AT_MS = 2_000
"""The look of a minute comes so long after its start: a second after the minute before is over for everybody."""
KEEP_EVERY = 5
"""Minutes after which the states of rules are kept again (`agent.pipeline.KEEP_NS`)."""
_KEPT_ROWS = {Level.MINUTE: 70, Level.TEN: 160, Level.HOUR: 30, Level.DAY: 3}
"""Rows of a visit that a restart may ask the history for: those of the hour and the day that are open."""

SHIFT = By("shift", 1001)
"""Who acknowledges and enters."""


@dataclass(slots=True)
class Machine:
    """The machine that the agent runs on, as rules ask for it (`agent.rules.outside.Box`): all is well."""

    clock_s: float = 0.0
    started: float = 1.0
    was_orderly: float | None = None
    changes: float = 0.0
    backlog_s: float = 0.0
    disk: float = 0.1

    def host_clock_s(self) -> float | None:
        """Return by how much the host's clock departs from believed time."""
        return self.clock_s

    def starts(self) -> float | None:
        """Return how often the agent has been started."""
        return self.started

    def orderly(self) -> float | None:
        """Return whether the run before ended in order."""
        return self.was_orderly

    def meaning(self) -> float | None:
        """Return how often the site file has changed."""
        return self.changes

    def backlog_age_s(self) -> float | None:
        """Return the age of the oldest undelivered record."""
        return self.backlog_s

    def disk_share(self) -> float | None:
        """Return how full the store is."""
        return self.disk


class Happening(NamedTuple):
    """Something that happened to an alarm. `minute` counts from the first one of the month.

    `rule` is empty for a plain limit, `what` is "raised", "cleared", "suppressed" …
    """

    minute: int
    rule: str
    alarm: str
    what: str
    evidence: Mapping[str, Any]

    @property
    def day(self) -> int:
        """The day it happened on; the first is 0."""
        return self.minute // 1440


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody enters: the verb and words of `agent.book.book.VERBS`, at a minute of the month."""

    minute: int
    do: str
    words: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the machine: the members of `Machine` to set, at a minute of the month."""

    minute: int
    members: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Restart:
    """A stop of the agent just after the look of a minute, and its start `away_s` later, in which nothing is read.

    Not `orderly`: kill -9, with what was kept last. `power`: the machine went too, and monotonic time begins anew.
    """

    minute: int
    away_s: int = 0
    orderly: bool = True
    power: bool = False


class Past:
    """The rows of the open hour and day, as the history would give them back (`agent.statistics.Past`)."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, Level], deque[Row]] = {}

    def write(self, rows: Iterable[Row]) -> None:
        """Take rows."""
        for row in rows:
            key = (row.visit, row.level)
            if key not in self._rows:
                self._rows[key] = deque(maxlen=_KEPT_ROWS[row.level])
            self._rows[key].append(row)

    def last_ms(self, visit: str) -> int | None:
        """Return the start of the last minute."""
        rows = self._rows.get((visit, Level.MINUTE))
        return rows[-1].start_ms if rows else None

    def rows(self, visit: str, level: Level, from_ms: int, to_ms: int) -> list[Row]:
        """Return the rows that start in a stretch of time."""
        rows = self._rows.get((visit, level), ())
        return [row for row in rows if row.start_ms is not None and from_ms <= row.start_ms < to_ms]


@dataclass(slots=True)
class _Stores:
    """What survives the process: the small states as told last, the large ones as kept last, and the history.

    Of what is kept every few minutes nobody ever sees any but the last before a restart, so no other is made:
    `large_at` are the minutes of those. With the rows of each minute the history keeps what counters must not forget,
    which is seen only after those minutes, too.
    """

    small: dict[str, bytes] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    past: Past = field(default_factory=Past)
    large_at: frozenset[int] = frozenset()
    is_near: bool = False


class House:
    """One box at one site. `run` gives it a month."""

    def __init__(self, site: Site, *, looks_every_ms: int = MINUTE_MS) -> None:
        """Begin at the first batch of `run`."""
        self.machine = Machine()
        self.happenings: list[Happening] = []
        self.events: list[tuple[int, Draft]] = []
        """What was told beside alarms, with its minute."""
        self._site, self._zone = site, ZoneInfo(site.gateway.timezone)
        self._every_ms = looks_every_ms
        self._stores: _Stores | None = None
        self._boot, self._off_ns = "boot0", 0
        self._start_ms = self._look_ms = 0
        self._mono_ns = 0
        self._stamp = Stamp(None, {}, None)
        self._judgement: Judgement
        self._statistics: Statistics

    @property
    def judgement(self) -> Judgement:
        """The judgement at work."""
        return self._judgement

    @property
    def failures(self) -> int:
        """How often a rule failed by a mistake of ours since the last start."""
        return self._judgement._judge.failures

    def run(
        self,
        batches: Iterable[Batch],
        errands: Sequence[Entry | Change | Restart] = (),
        *,
        acknowledges_every: int | None = 60,
    ) -> House:
        """Live through a month. `errands` are what people and the machine do meanwhile.

        Somebody acknowledges all alarms every so many minutes; never when that is ``None``.
        """
        todo = deque(sorted(errands, key=lambda one: one.minute))
        restarts = [one for one in errands if isinstance(one, Restart)]
        if restarts:  # only then is anything kept
            before = frozenset(one.minute // KEEP_EVERY * KEEP_EVERY for one in restarts)
            self._stores = _Stores(large_at=before)
        deaf_until_ms = 0
        restart: Restart | None = None
        for wall_ms, mono_ns, scans in batches:
            if not self._start_ms:
                self._begin(wall_ms, mono_ns)
            while self._look_ms <= wall_ms:
                look_ms, minute = self._look_ms, self._minute_of(self._look_ms)
                look_ns = mono_ns - (wall_ms - look_ms) * 1_000_000
                while todo and todo[0].minute <= minute:
                    errand = todo.popleft()
                    if isinstance(errand, Restart):
                        restart = errand
                    else:
                        self._at(look_ms, look_ns)
                        self._do(errand)
                if look_ms >= deaf_until_ms:
                    self._look(look_ms, look_ns)
                    if acknowledges_every and minute % acknowledges_every == 0:
                        self._acknowledge()
                if restart is not None:
                    deaf_until_ms = look_ms + restart.away_s * 1000
                    self._restart(restart, look_ms, look_ns)
                    restart = None
                self._look_ms += self._every_ms
            if wall_ms >= deaf_until_ms:
                self._at(wall_ms, mono_ns)
                for scan in scans:
                    self._scan(scan)
        return self

    # --- a moment ----------------------------------------------------------------------------------------------------

    def _at(self, wall_ms: int, mono_ns: int) -> None:
        self._mono_ns = mono_ns - self._off_ns
        clk = {"boot": self._boot, "up": self._mono_ns / 1e9, "q": "sync"}
        self._stamp = Stamp(ts(wall_ms), clk, wall_ms)

    def _minute_of(self, wall_ms: int) -> int:
        return (wall_ms - self._start_ms) // MINUTE_MS

    def _scan(self, scan: Scan) -> None:
        if self._off_ns:
            scan = Scan(scan.device, scan.wall_ms, self._mono_ns, scan.values, scan.flags, scan.fault)
        self._judge(scan)
        for derived in self._judgement.derived(scan):
            self._judge(derived)

    def _judge(self, scan: Scan) -> None:
        self._told(self._judgement.scan(scan, self._stamp))
        ended = self._statistics.add(scan, self._stamp.wall_ms)
        if ended is not None:
            self._closed(ended)

    def _look(self, wall_ms: int, mono_ns: int) -> None:
        self._at(wall_ms, mono_ns)
        for ended in self._statistics.due(self._mono_ns, wall_ms):
            self._closed(ended)
        self._told(self._judgement.tick(self._mono_ns, self._stamp))
        stores = self._stores
        if stores is not None and self._minute_of(wall_ms) in stores.large_at:
            stores.is_near = True
            self._keep_large(stores)

    def _closed(self, ended: Ended) -> None:
        self._judgement.closed(ended.rows)
        if self._stores is not None:
            self._stores.past.write(ended.rows)
            if self._stores.is_near:
                self._stores.large["statistics"] = self._statistics.snapshot()

    def _told(self, drafts: Iterable[Draft]) -> None:
        drafts = list(drafts)
        minute = self._minute_of(self._stamp.wall_ms or 0)
        for draft in drafts:
            if draft["kind"] == "alarm":
                said = draft.get("evidence", {})
                self.happenings.append(Happening(minute, draft.get("rule", ""), draft["alarm"], draft["state"], said))
            else:
                self.events.append((minute, draft))
        if self._stores is not None and (drafts or self._judgement.alarms.unsaved):
            self._stores.small = dict(self._judgement.states())

    def _acknowledge(self) -> None:
        self._told(self._judgement.alarms.acknowledge("all", SHIFT, self._mono_ns))

    def _do(self, errand: Entry | Change) -> None:
        if isinstance(errand, Change):
            for name, value in errand.members.items():
                setattr(self.machine, name, value)
            return
        ask = Ask(errand.do, errand.words, SHIFT.members())
        self._told([self._judgement.enter(ask, self._stamp.wall_ms)])

    # --- beginning, and again ----------------------------------------------------------------------------------------

    def _begin(self, wall_ms: int, mono_ns: int) -> None:
        self._start_ms = wall_ms // MINUTE_MS * MINUTE_MS
        self._look_ms = self._start_ms + LOOKS_AT_MS
        self._at(wall_ms, mono_ns)
        self._take_up()

    def _take_up(self) -> None:
        stores = self._stores
        kept = {} if stores is None else {**stores.large, **stores.small}
        self._judgement, news = Judgement.take_up(self._site, self.machine, kept.get, self._mono_ns, self._stamp)
        self._told(news)
        self._statistics = Statistics(devices_of(self._site), self._zone, self._boot)
        if stores is not None:
            self._statistics.restore(kept.get("statistics"))
            stores.past.write(self._statistics.resume(stores.past))

    def _restart(self, errand: Restart, wall_ms: int, mono_ns: int) -> None:
        stores = self._stores
        if stores is None:
            raise ValueError("nothing was kept to restart from")
        stores.is_near = False
        self._at(wall_ms, mono_ns)
        if errand.orderly:
            for ended in self._statistics.close(STOPPED):
                self._closed(ended)
            self._keep_large(stores)
            stores.small = dict(self._judgement.states())
        self.machine.started += 1
        self.machine.was_orderly = float(errand.orderly)
        if errand.power:
            self._boot = f"boot{errand.minute}"
            self._off_ns = mono_ns - 20_000_000_000
        back_ms, back_ns = wall_ms + errand.away_s * 1000, mono_ns + errand.away_s * 1_000_000_000
        self._at(back_ms, back_ns)
        self._take_up()
        self._look(back_ms, back_ns)

    def _keep_large(self, stores: _Stores) -> None:
        large = self._judgement.large_states(self._mono_ns, self._stamp)
        stores.large = {**large, "statistics": self._statistics.snapshot()}
