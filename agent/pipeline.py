"""The one thread that does everything to a scan: judge it, report it, sign it, keep it.

    intake  ->  presence, alarms, report  ->  ledger (number, sign, commit)  ->  outbox

In this order for every scan, so that an alarm stands in the chain before the reading that shows it, and nothing is told
that was not judged. What waits in the intake when a commit is due goes into the same commit.
"""

from __future__ import annotations

import json
from collections import Counter
from threading import Event
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from agent.aggregate import RECONFIGURED, STOPPED
from agent.alarms import Alarms
from agent.desk import Desk, Draft
from agent.intake import Intake, Item, Reload, Rotten, Stop
from agent.log import get
from agent.reconfiguration import changed, remembered
from agent.record import digest, expressible
from config.visits import name_of, visits
from drivers.reading import Scan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.clock import SystemClock
    from agent.ledger import Ledger
    from buffer.outbox import Outbox
    from config.site import Site

LOOK_NS: Final = 1_000_000_000
"""How often the clocks are compared and the periods looked at."""
MOST_AT_ONCE: Final = 1024
"""Items taken before the ledger is asked again: bounds the time to the next commit when scans never cease."""
GATHER_S: Final = 0.02
GATHER_SHARE: Final = 20
"""How long scans gather before they are judged: so long, but never more than this part of `commit_every`."""
TIDY_NS: Final = 600_000_000_000
"""How often records past their time are looked for; while there are any, a batch at every look."""

log = get(__name__)


class Pipeline:
    """Takes the intake's items one by one. `run` is the thread's body."""

    name = "pipeline"

    def __init__(
        self,
        site: Site,
        outbox: Outbox,
        ledger: Ledger,
        clock: SystemClock,
        intake: Intake,
        enrolment: Mapping[str, Any],
    ) -> None:
        """Continue the outbox's chain. `enrolment` are the members of the first record, if there is none yet."""
        self._outbox = outbox
        self._ledger = ledger
        self._clock = clock
        self._intake = intake
        self._enrolment = enrolment
        self._site = site
        self._cfg = digest(site.meaning)
        self._desks: dict[str, Desk] = {}
        self._alarms = Alarms((), ())
        self._rest = Event()  # never set: the pipeline is woken by its intake
        self._first_look = clock.look()  # before anybody is asked anything, so that the first answer has a date
        self._look_ns = 0
        self._tidy_ns = clock.mono_ns() + TIDY_NS
        self._progress_ns = clock.mono_ns()

    def progress(self) -> int:
        """Return when the thread last went round its loop, monotonic nanoseconds."""
        return self._progress_ns

    def run(self) -> None:
        """Begin, take items until told to stop, end; everything taken is committed before this returns."""
        self._begin()
        while self._take_some():
            self._progress_ns = now_ns = self._clock.mono_ns()
            if now_ns >= self._look_ns:
                self._look(now_ns)
            self._commit_if_due(now_ns)
        self._end()

    # --- one turn ------------------------------------------------------------------------------------------------

    def _take_some(self) -> bool:
        """Take what waits, after waiting for the first; return whether there is more to come."""
        item = self._intake.take(self._patience_s())
        if isinstance(item, Scan):
            self._let_gather()
        for _ in range(MOST_AT_ONCE):
            if item is None:
                return True
            if isinstance(item, Stop):
                return False
            self._accept(item)
            item = self._intake.take(0)
        if item is not None:
            self._accept(item)
        return not isinstance(item, Stop)

    def _let_gather(self) -> None:
        """Give a bus a moment to hand over more, unless every scan is to be committed at once.

        A bus is polled in bursts. Taking each scan of one by itself makes two threads wake each other for every scan,
        which costs more than judging it.
        """
        if self._ledger.commit_every_ns:
            self._rest.wait(min(GATHER_S, self._ledger.commit_every_ns / GATHER_SHARE / 1e9))

    def _patience_s(self) -> float:
        due_ns = self._ledger.due_ns()
        until_ns = self._look_ns if due_ns is None else min(due_ns, self._look_ns)
        return max(0.0, (until_ns - self._clock.mono_ns()) / 1e9)

    def _accept(self, item: Item) -> None:
        if isinstance(item, Scan):
            self._scan(item)
        elif isinstance(item, Reload):
            self._reload(item)
        elif isinstance(item, Rotten):
            self._ledger.forget_rotten(item.seqs, self._clock.mono_ns())
        elif not isinstance(item, Stop):
            self.tell(item)

    def _scan(self, scan: Scan) -> None:
        desk = self._desks.get(scan.device)
        if desk is None or len(scan.values) != desk.width:
            return  # a visit that outlasted a reload: of a device that is gone, or has other points now
        stamp = self._clock.stamp(scan.mono_ns)
        news = desk.presence(scan)
        if news is not None:
            self._log_presence(news)
            self.tell({"ts": stamp.ts, "clk": stamp.clk, **news})
            self._keep_lost()
        alarms = self._alarms.judge(scan, stamp.ts)
        for alarm in alarms:
            members = {name: alarm[name] for name in ("device", "alarm", "state", "value")}
            log.warning("alarm", **members)
            self.tell({"ts": stamp.ts, "clk": stamp.clk, **alarm})
        if alarms:
            self._ledger.keep("alarms", self._alarms.snapshot())
        self._add(desk.report(scan, stamp))

    def _look(self, now_ns: int) -> None:
        """Do what time alone makes due: compare the clocks, close periods, confess scans turned away."""
        self._look_ns = now_ns + LOOK_NS
        self._tell_clock(self._clock.look())
        wall_ms = self._clock.wall_of(now_ns)
        for desk in self._desks.values():
            if desk.period is not None:
                self._add(desk.period.due(now_ns, wall_ms))
        self._confess_turned_away()
        if now_ns >= self._tidy_ns:
            more = self._ledger.forget_expired(int(self._site.buffer.keep_s // 3600), now_ns)
            self._tidy_ns = now_ns + (0 if more else TIDY_NS)

    def _confess_turned_away(self) -> None:
        turned_away = self._intake.turned_away()
        if turned_away:
            devices: Counter[str] = Counter()
            for visit, count in turned_away.items():
                devices[name_of(visit)] += count
            self.tell({"kind": "event", "event": "scans-dropped", "devices": dict(devices)})

    def _tell_clock(self, news: Sequence[Draft]) -> None:
        for draft in news:
            log.warning("clock", **{name: draft[name] for name in ("why", "event", "source") if name in draft})
            self._ledger.keep("clock", self._clock.snapshot())
            self.tell(draft)

    def _commit_if_due(self, now_ns: int) -> None:
        due_ns = self._ledger.due_ns()
        if due_ns is not None and now_ns >= due_ns:
            self._ledger.commit(now_ns)

    # --- drafts --------------------------------------------------------------------------------------------------

    def tell(self, draft: Mapping[str, Any]) -> None:
        """Have a draft sealed; what it lacks of time, clock and configuration is added."""
        self._ledger.add(self.complete(draft), self._clock.mono_ns())

    def complete(self, draft: Mapping[str, Any]) -> Draft:
        """Return the draft with `ts` and `clk` (of now, if it has none), `cfg`, and nothing a record cannot carry."""
        if draft["kind"] != "readings":  # readings are made of what a record can carry, by the desk
            draft = expressible(draft)
        if "clk" in draft:
            return {**draft, "cfg": self._cfg}
        stamp = self._clock.stamp()
        return {"ts": stamp.ts, "clk": stamp.clk, **draft, "cfg": self._cfg}

    def _add(self, draft: Draft | None) -> None:
        if draft is not None:
            self.tell(draft)

    # --- begin, change, end --------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Tell how this run found the store, the clock and the configuration."""
        self._ledger.begin(self.complete, self._clock.wall_ms)
        if self._outbox.position.seq == 0:
            self.tell({"kind": "hello", **self._enrolment})
        self._ledger.keep("kid", self._ledger.kid.encode())  # always: a damaged store may have forgotten it
        self._tell_clock(self._first_look)
        self.tell({"kind": "event", "event": "start", "software": self._enrolment["software"]})
        self._settle(reloaded=False)
        self._ledger.commit(self._clock.mono_ns())

    def _settle(self, *, reloaded: bool) -> None:
        """Take the site's devices and limits over, and tell what changed in what readings mean."""
        site = self._site
        zone = ZoneInfo(site.gateway.timezone)
        lost = set(json.loads(self._outbox.state("lost") or b"[]"))
        state = self._alarms.snapshot() if reloaded else self._outbox.state("alarms")
        changes = changed(self._outbox.state("meaning"), site.meaning)
        for change in changes:
            self.tell(change)
        if changes:
            self._ledger.keep("meaning", remembered(site.meaning))
        self._desks = {
            visit.spec.name: Desk(visit, zone, lost=visit.spec.name in lost, reloaded=reloaded)
            for device in site.devices
            for visit in visits(device)
        }
        self._alarms, ended = Alarms.restore(site.devices, site.limits, state)
        for alarm in ended:
            self.tell(alarm)
        if ended:
            self._ledger.keep("alarms", self._alarms.snapshot())

    def _reload(self, item: Reload) -> None:
        """Close what was begun under the old meaning, then go on under the new."""
        self._close_periods(RECONFIGURED)
        self._site = item.site
        self._cfg = digest(item.site.meaning)
        self._ledger.commit_every_ns = int(item.site.buffer.commit_every_s * 1e9)
        self._settle(reloaded=True)
        self._ledger.commit(self._clock.mono_ns())
        item.done.set()

    def _end(self) -> None:
        self._close_periods(STOPPED)
        self._confess_turned_away()
        self._ledger.keep("alarms", self._alarms.snapshot())  # delays in progress too
        self.tell({"kind": "event", "event": "stop"})
        if not self._ledger.commit(self._clock.mono_ns()):
            log.error("stopped with records that the store did not take")

    def _close_periods(self, why: str) -> None:
        for desk in self._desks.values():
            if desk.period is not None:
                self._add(desk.period.close(why))

    def _keep_lost(self) -> None:
        lost = sorted(name for name, desk in self._desks.items() if desk.lost)
        self._ledger.keep("lost", json.dumps(lost).encode())

    def _log_presence(self, news: Mapping[str, Any]) -> None:
        log.warning(news["event"], device=news["device"], reason=news.get("reason"))
