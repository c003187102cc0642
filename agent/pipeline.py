"""The one thread that does everything to a scan: judge it, report it, sign it, keep it.

    intake  ->  presence, derived points, judgement, statistics, report  ->  ledger (number, sign, commit)  ->  outbox

In this order for every scan, so that an alarm stands in the chain before the reading that shows it, and nothing is told
that was not judged. What waits in the intake when a commit is due goes into the same commit. What people ask at a door
is done between two scans, and answered when it is durable.
"""

from __future__ import annotations

import json
from collections import Counter
from threading import Event
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from agent.aggregate import RECONFIGURED, STOPPED
from agent.box import OwnBox
from agent.desk import Desk, Draft
from agent.intake import Ask, Intake, Item, Reload, Rotten, Stop
from agent.judgement import Judgement, devices_of
from agent.log import get
from agent.office import Refused, attend
from agent.reconfiguration import changed, remembered
from agent.record import digest, expressible
from agent.statistics import Statistics
from agent.window import Window
from agent.witness import Witness
from config.visits import name_of, visits
from drivers.reading import Scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from agent.clock import Stamp, SystemClock
    from agent.ledger import Ledger
    from agent.statistics import Ended
    from buffer.history import History
    from buffer.history_row import Row
    from buffer.outbox import Outbox
    from config.site import Device, Site

LOOK_NS: Final = 1_000_000_000
"""How often the clocks are compared and the periods looked at."""
MOST_AT_ONCE: Final = 1024
"""Items taken before the ledger is asked again: bounds the time to the next commit when scans never cease."""
GATHER_S: Final = 0.02
GATHER_SHARE: Final = 20
"""How long scans gather before they are judged: so long, but never more than this part of `commit_every`."""
TIDY_NS: Final = 600_000_000_000
"""How often records past their time are looked for; while there are any, a batch at every look."""

WRITE_NS: Final = 3_000_000_000
"""How long rows of statistics gather before they are written: those of one minute come within two seconds."""
KEEP_NS: Final = 300_000_000_000
"""How often the states of rules are kept, so that a kill costs no more of their history than this."""

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
        history: History,
        announce: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        """Continue the outbox's chain. `enrolment` are the members of the first record, if there is none yet.

        `announce` is told the health code when it changes.
        """
        self._outbox = outbox
        self._ledger = ledger
        self._clock = clock
        self._intake = intake
        self._enrolment = enrolment
        self._site = site
        self.cfg = digest(site.meaning)
        """The hash of what gives readings their meaning now."""
        self._history = history
        self._announce = announce
        self._desks: dict[str, Desk] = {}
        self._box = OwnBox(outbox, clock, has_uplink=site.uplink is not None)
        self._statistics = Statistics((), ZoneInfo(site.gateway.timezone), clock.boot)
        self._judgement: Judgement
        self._unsaved = False
        """Whether the store should have the judgement's states anew."""
        self.code: Mapping[str, Any] = {}
        """The health code now; replaced as a whole, so any thread may read it."""
        self.window = Window(clock)
        """Where those who follow look."""
        self._witness = Witness(outbox)
        self._rows: list[Row] = []
        self._write_ns = self._keep_ns = 0
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
        elif isinstance(item, Ask):
            self._attend(item)
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
        self._judge(scan, desk, stamp)
        for derived in self._judgement.derived(scan):
            self._judge(derived, self._desks[derived.device], stamp)

    def _judge(self, scan: Scan, desk: Desk, stamp: Stamp) -> None:
        """Judge a scan of a device or a derived one, put it into the statistics, and report it."""
        self._tell_alarms(self._judgement.scan(scan, stamp), stamp)
        ended = self._statistics.add(scan, stamp.wall_ms)
        if ended is not None:
            self._keep_rows(ended.rows)
        self._add(desk.report(scan, stamp, None if ended is None else ended.closed))

    def _tell_alarms(self, drafts: Sequence[Draft], stamp: Stamp) -> None:
        """Tell what judgement has found, with the state it leaves."""
        for draft in drafts:
            members = {name: draft[name] for name in ("device", "alarm", "state", "value", "event") if name in draft}
            log.warning(draft["kind"], **members)
            self.tell({"ts": stamp.ts, "clk": stamp.clk, **draft})
        if drafts or self._judgement.alarms.unsaved:
            self._unsaved = True
        if drafts:
            self._show_code()

    def _attend(self, ask: Ask) -> None:
        """Do what somebody asks, and answer when it is durable."""
        if not ask.answer.set_running_or_notify_cancel():
            return  # nobody waits for it any more
        now_ns = self._clock.mono_ns()
        stamp = self._clock.stamp(now_ns)
        try:
            done = attend(ask, self._judgement, stamp, now_ns)
        except Refused as refused:
            ask.answer.set_exception(refused)
            return
        except Exception as error:  # a mistake of ours costs one answer, not the agent
            log.error("a request failed", do=ask.do, error=repr(error), exc_info=error)  # noqa: TRY400 -- it is our log
            ask.answer.set_exception(Refused(f"the agent could not do that: {error!r}"))
            return
        if done.is_proof:
            self._witness.attend()
        self._tell_alarms(done.drafts, stamp)
        is_durable = not done.drafts or self._commit(now_ns)
        proof = self._witness.record(done.drafts[-1]) if done.is_proof else {}
        ask.answer.set_result({**done.answer, **proof} if is_durable else {**done.answer, "durable": False})

    def _look(self, now_ns: int) -> None:
        """Do what time alone makes due: compare the clocks, close periods, confess scans turned away."""
        self._look_ns = now_ns + LOOK_NS
        self._tell_clock(self._clock.look())
        wall_ms = self._clock.wall_of(now_ns)
        for ended in self._statistics.due(now_ns, wall_ms):
            self._take_ended(ended)
        for desk in self._desks.values():
            if desk.period is not None:
                self._add(desk.period.due(now_ns, wall_ms))
        stamp = self._clock.stamp(now_ns)
        self._tell_alarms(self._judgement.tick(now_ns, stamp), stamp)
        self._confess_turned_away()
        self.window.show(self._judgement, now_ns)
        self._keep_history(now_ns, stamp)
        if now_ns >= self._tidy_ns:
            more = self._ledger.forget_expired(int(self._site.buffer.keep_s // 3600), now_ns)
            self._tidy_ns = now_ns + (0 if more else TIDY_NS)

    def _take_ended(self, ended: Ended) -> None:
        """Take a minute, and whatever ended with it, that no scan has closed."""
        self._keep_rows(ended.rows)
        self._add(self._desks[ended.visit].minute(ended.closed))

    def _keep_rows(self, rows: Iterable[Row]) -> None:
        """Hand rows on to be judged and, in a moment, to be written."""
        if not self._rows:
            self._write_ns = self._clock.mono_ns() + WRITE_NS
        before = len(self._rows)
        self._rows += rows
        self._judgement.closed(self._rows[before:])

    def _keep_history(self, now_ns: int, stamp: Stamp) -> None:
        """Write the rows that have gathered, and now and then the states that may be some minutes old."""
        state: dict[str, bytes] = {}
        if now_ns >= self._keep_ns:
            self._keep_ns = now_ns + KEEP_NS
            state = {**self._judgement.large_states(now_ns, stamp)}
        if state or (self._rows and now_ns >= self._write_ns):
            self._write_history(state)

    def _write_history(self, state: Mapping[str, bytes]) -> None:
        rows, self._rows = self._rows, []
        self._history.write(rows, {**state, "statistics": self._statistics.snapshot()})
        self._tell_damage()

    def _tell_damage(self) -> None:
        """Tell of a history that had to be set aside."""
        for damage in self._history.news():
            log.error("history damaged", reason=damage.what, set_aside=damage.set_aside.name)
            told = {"reason": damage.what, "set_aside": damage.set_aside.name}
            self.tell({"kind": "event", "event": "history-damaged", **told})

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
            self._date(draft)

    def _date(self, draft: Mapping[str, Any]) -> None:
        """Let history and rules know what the clock did."""
        if draft.get("why") == "first":
            self._date_history()
        elif draft.get("why") == "step":
            self._box.stepped(draft["step_s"], self._clock.mono_ns())

    def _date_history(self) -> None:
        """Date what was kept in this boot while time was not known."""
        now_ns = self._clock.mono_ns()
        wall_ms = self._clock.wall_of(now_ns)
        if wall_ms is not None:
            self._history.dated(self._clock.boot, wall_ms - now_ns // 1_000_000)

    def _commit_if_due(self, now_ns: int) -> None:
        due_ns = self._ledger.due_ns()
        if due_ns is not None and now_ns >= due_ns:
            self._commit(now_ns)

    def _commit(self, now_ns: int) -> bool:
        """Commit what waits, with the state it leaves, taken once for however many alarms there are."""
        if self._unsaved:
            self._unsaved = False
            for key, state in self._judgement.states().items():
                self._ledger.keep(key, state)
        return self._ledger.commit(now_ns)

    # --- drafts --------------------------------------------------------------------------------------------------

    def tell(self, draft: Mapping[str, Any]) -> None:
        """Have a draft sealed; what it lacks of time, clock and configuration is added."""
        self._ledger.add(self.complete(draft), self._clock.mono_ns())

    def complete(self, draft: Mapping[str, Any]) -> Draft:
        """Return the draft with `ts` and `clk` (of now, if it has none), `cfg`, and nothing a record cannot carry."""
        if draft["kind"] != "readings":  # readings are made of what a record can carry, by the desk
            draft = expressible(draft)
        if "clk" in draft:
            return {**draft, "cfg": self.cfg}
        stamp = self._clock.stamp()
        return {"ts": stamp.ts, "clk": stamp.clk, **draft, "cfg": self.cfg}

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
        self._tell_damage()
        self._commit(self._clock.mono_ns())

    def _settle(self, *, reloaded: bool) -> None:
        """Take the site's devices and plant over, and tell what changed in what readings mean."""
        site = self._site
        zone = ZoneInfo(site.gateway.timezone)
        lost = set(json.loads(self._outbox.state("lost") or b"[]"))
        before = self._outbox.state("meaning")
        changes = changed(before, site.meaning)
        for change in changes:
            self.tell(change)
        if changes:
            self._ledger.keep("meaning", remembered(site.meaning))
            self._box.changed(int(before is not None))
        self._ledger.keep("box", self._box.snapshot(ended=False))
        devices = devices_of(site)
        self._desks = {
            visit.spec.name: Desk(visit, zone, lost=visit.spec.name in lost, reloaded=reloaded, has_minutes=True)
            for device in devices
            for visit in visits(device)
        }
        self._take_up_judgement(reloaded=reloaded)
        self._take_up_statistics(devices, zone, reloaded=reloaded)

    def _take_up_judgement(self, *, reloaded: bool) -> None:
        """Judge by the site as it is now, from where the judgement before left off."""
        now_ns = self._clock.mono_ns()
        stamp = self._clock.stamp(now_ns)
        kept: Callable[[str], bytes | None] = self._kept
        if reloaded:
            kept = {**self._judgement.states(), **self._judgement.large_states(now_ns, stamp)}.get
        self._judgement, news = Judgement.take_up(self._site, self._box, kept, now_ns, stamp)
        for draft in news:
            self.tell(draft)
        self._unsaved |= bool(news)
        self._keep_ns = now_ns + KEEP_NS
        self._show_code()

    def _take_up_statistics(self, devices: Sequence[Device], zone: ZoneInfo, *, reloaded: bool) -> None:
        """Go on with the hours and days that are open."""
        if reloaded:
            self._keep_rows(self._statistics.change(devices, zone))
            return
        self._date_history()
        self._statistics = Statistics(devices, zone, self._clock.boot)
        self._statistics.restore(self._history.kept("statistics"))
        self._rows += self._statistics.resume(self._history)

    def _kept(self, key: str) -> bytes | None:
        """Return a state as it was left: small ones lie with the records, large ones with the history."""
        return self._outbox.state(key) or self._history.kept(key)

    def _show_code(self) -> None:
        code = self._judgement.code()
        if code != self.code:
            self.code = code
            self._announce(code)

    def _reload(self, item: Reload) -> None:
        """Close what was begun under the old meaning, then go on under the new."""
        self._close_periods(RECONFIGURED)
        self._site = item.site
        self.cfg = digest(item.site.meaning)
        self._ledger.commit_every_ns = int(item.site.buffer.commit_every_s * 1e9)
        self._settle(reloaded=True)
        self._commit(self._clock.mono_ns())
        item.done.set()

    def _end(self) -> None:
        self._close_periods(STOPPED)
        self._confess_turned_away()
        now_ns = self._clock.mono_ns()
        self._write_history(self._judgement.large_states(now_ns, self._clock.stamp(now_ns)))
        self._unsaved = True  # delays in progress too
        self._ledger.keep("box", self._box.snapshot(ended=True))
        self.tell({"kind": "event", "event": "stop"})
        if not self._commit(self._clock.mono_ns()):
            log.error("stopped with records that the store did not take")
        self._history.close()

    def _close_periods(self, why: str) -> None:
        for ended in self._statistics.close(why):
            self._take_ended(ended)
        for desk in self._desks.values():
            if desk.period is not None:
                self._add(desk.period.close(why))

    def _keep_lost(self) -> None:
        lost = sorted(name for name, desk in self._desks.items() if desk.lost)
        self._ledger.keep("lost", json.dumps(lost).encode())

    def _log_presence(self, news: Mapping[str, Any]) -> None:
        log.warning(news["event"], device=news["device"], reason=news.get("reason"))
