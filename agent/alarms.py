"""All alarms of a site: which are not normal, what the chain is told about them, and what people do to them.

    limits (agent.alarm_limits) or rules (`weigh`)  ->  a condition, after its delays (agent.delay)
    the condition, people, time  ->  agent.lifecycle  ->  records (agent.alarm_case)
                                                          first-out (agent.alarm_groups)
                                                          floods and figures (agent.alarm_load, agent.alarm_figures)

One table for limits and rules. Every transition is a draft of an `alarm` record (docs/alarms.md); every `raised` is
followed by exactly one `cleared` of the same alarm, whatever happens in between: a restart, a reload, a limit or rule
that is taken away.

- **A restart changes nothing.** Active alarms are neither raised again nor forgotten, nor is what people said of them;
  delays go on counting where they were, without the time in between; ladder and shelf with it (`agent.elapsed`).
- **A changed limit ends its alarm**, as does a limit or rule that is gone: it clears with the reason, so that nobody
  can take an alarm away unseen. What violates the new limit raises anew, after its on-delay. Other changes (dead band,
  delay, priority) are taken over silently.

Time is passed in. An `Alarms` belongs to the pipeline's thread. Whenever a call returns drafts, or `unsaved` is true,
`snapshot` belongs into the same commit.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from agent import lifecycle, wording
from agent.alarm_case import Case, Draft, Standing, record, removed, row, standing, urgency
from agent.alarm_figures import STALE_NS, Figures
from agent.alarm_groups import Groups
from agent.alarm_limits import Change, judged, limit_definitions, rooms, take_back
from agent.alarm_load import Chatter, Flood
from agent.alarm_state import CaseKept, Kept, LevelKept, case_written, read, written
from agent.delay import Progress, step
from agent.elapsed import Now, Since, carried, dated
from agent.lifecycle import NORMAL, AlarmRefused, Definition, Life, Shelf, Status, Word
from agent.limits import is_quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from orjson import Fragment

    from agent.lifecycle import By, Turn
    from config.site import Device, Limit
    from drivers.reading import Scan

_ENDED: Final = {Word.UNSUPPRESSED: "condition ended", Word.UNSHELVED: "condition ended"}
_TIME_OVER: Final = {Word.UNSHELVED: "time over"}
_FACTS: Final = ("value", "evidence", "since")
_STEP_MS: Final = 500
_NOWHEN: Final = Now("", 0)


class Alarms:
    """The alarms of a site."""

    def __init__(
        self,
        devices: Sequence[Device],
        limits: Sequence[Limit],
        definitions: Sequence[Definition] = (),
        now: Now = _NOWHEN,
    ) -> None:
        """Start with everything normal. `definitions` are those of rules."""
        self._rooms = rooms(devices, limits)
        self._rules = {definition.id: definition for definition in definitions}
        self._counts: dict[str, Progress] = {}
        self._cases: dict[str, Case] = {}
        self._standing: dict[str, Standing] = {}
        self._written: dict[str, Fragment] = {}
        self._mutes: dict[str, tuple[str, ...]] = {}
        self._hidden: set[str] = set()
        self._groups, self._chatter, self._flood, self._figures = Groups(), Chatter(), Flood(), Figures()
        self._due_ns: int | None = None
        self._now = now
        self.unsaved = False
        """Whether `snapshot` would hold something that the last one did not, although nothing was told."""

    @classmethod
    def restore(
        cls,
        devices: Sequence[Device],
        limits: Sequence[Limit],
        state: bytes | None,
        definitions: Sequence[Definition] = (),
        now: Now = _NOWHEN,
        figures: bytes | None = None,
    ) -> tuple[Self, tuple[Draft, ...]]:
        """Return the alarms as `snapshot` left them, and what must be told: of alarms whose definition has changed.

        A state that cannot be read is told as an event, and everything starts normal: what still violates raises again.
        """
        alarms = cls(devices, limits, definitions, now)
        alarms._figures = Figures.restore(figures)
        if state is None:
            return alarms, ()
        try:
            kept = read(state, now)
            flood = Flood() if kept.flood is None else Flood.restore(kept.flood, kept.taken, now)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return alarms, ({"kind": "event", "event": "alarm-state-lost", "reason": repr(error)},)
        alarms._flood = flood
        return alarms, tuple(alarms._take_back(kept))

    def define(self, definition: Definition) -> None:
        """Add the definition of an alarm, or exchange it, while everything runs."""
        self._rules[definition.id] = definition

    # --- conditions ----------------------------------------------------------------------------------------------

    def judge(self, scan: Scan, ts: str | None) -> Sequence[Draft]:
        """Judge one scan by the plain limits, dated `ts` (``None`` while time is not known); return what is told."""
        room = self._rooms.get(scan.device)
        if room is None or (not room.rows and is_quiet(room.watch, scan)):
            return ()
        changes = judged(room, scan, ts, self._hidden)
        return [draft for change in changes for draft in self._changed(change, scan.mono_ns)]

    def weigh(
        self,
        alarm: str,
        condition: bool | None,
        mono_ns: int,
        ts: str | None,
        evidence: Callable[[], Mapping[str, Any]],
    ) -> Sequence[Draft]:
        """Take one evaluation of a rule's condition, ``None``: not known; return what must be told.

        `evidence` is asked for only when the alarm comes or goes.
        """
        progress = self._counts.get(alarm)
        if alarm not in self._mutes and (
            not condition if progress is None else condition is progress.active and not progress.counting
        ):
            return ()
        definition = self._rules[alarm]
        drafts = self._mute(alarm, mono_ns)
        after = step(progress, condition, (definition.on_delay_ns, definition.off_delay_ns), mono_ns, ts)
        if after is None:
            self._counts.pop(alarm, None)
        else:
            self._counts[alarm] = after
        holds = after is not None and after.active
        if holds == (progress is not None and progress.active):
            return drafts
        known = after or progress
        facts = {"evidence": dict(evidence()), "since": known.since if known else None}
        text = wording.happened(definition.text, Word.RAISED if holds else Word.CLEARED)
        return [*drafts, *self._changed(Change(definition, holds, facts, text), mono_ns)]

    def suppress(self, alarm: str, by: tuple[str, ...]) -> None:
        """Say for which reasons an alarm is suppressed by design; none: it is not.

        What that changes is told by the next `weigh` of the alarm or the next `tick`. Call it before each evaluation,
        with the present truth: it costs nothing when nothing changes.
        """
        case = self._cases.get(alarm)
        if by == (() if case is None else case.life.muted):
            self._mutes.pop(alarm, None)
        else:
            self._mutes[alarm] = by

    def tick(self, mono_ns: int, wall_ms: int | None) -> Sequence[Draft]:
        """Do what time alone makes due; call it about once a second."""
        self._look_at_the_clock(Now(self._now.boot, mono_ns, wall_ms))
        drafts = [draft for alarm in list(self._mutes) for draft in self._mute(alarm, mono_ns)]
        if self._due_ns is not None and mono_ns >= self._due_ns:
            drafts += self._let_pass(mono_ns)
        self._chatter.tick(mono_ns)
        drafts += self._flood.tick(mono_ns)
        self._figures.tick(mono_ns, stale=self._stale(), flood=self._flood.began is not None)
        return drafts

    # --- people --------------------------------------------------------------------------------------------------

    def acknowledge(self, alarm: str, by: By, mono_ns: int) -> list[Draft]:
        """Acknowledge one alarm, or ``all`` that people see unacknowledged. Raises AlarmRefused."""
        if alarm == "all":
            asking = (Status.UNACKNOWLEDGED, Status.RETURNED)
            alarms = [name for name, case in self._cases.items() if case.life.status in asking]
            return [draft for name in alarms for draft in self.acknowledge(name, by, mono_ns)]
        return self._do(alarm, lambda case: lifecycle.acknowledge(case.life, Since(mono_ns)), by, mono_ns)

    def reset(self, alarm: str, by: By, mono_ns: int) -> list[Draft]:
        """Reset one latched alarm, or ``all`` that can be. Raises AlarmRefused."""
        if alarm == "all":
            alarms = [name for name, case in self._cases.items() if case.life.status is Status.LATCHED]
            return [draft for name in alarms for draft in self.reset(name, by, mono_ns)]
        return self._do(alarm, lambda case: lifecycle.reset(case.life), by, mono_ns)

    def shelve(self, alarm: str, by: By, for_s: float, mono_ns: int, *, once: bool = False) -> list[Draft]:
        """Shelve an alarm for a time; with `once` at most until its condition ends. Raises AlarmRefused."""
        shelf = Shelf(by, Since(mono_ns), round(for_s * 1e9), once)
        return self._do(alarm, lambda case: lifecycle.shelve(case.definition, case.life, shelf), by, mono_ns)

    def unshelve(self, alarm: str, by: By, mono_ns: int) -> list[Draft]:
        """Take an alarm off the shelf. Raises AlarmRefused."""
        return self._do(alarm, lambda case: lifecycle.unshelve(case.life, Since(mono_ns)), by, mono_ns)

    def take_out(self, alarm: str, by: By, mono_ns: int) -> list[Draft]:
        """Take an alarm out of service, until it is put back. Raises AlarmRefused."""
        return self._do(alarm, lambda case: lifecycle.take_out(case.life, by), by, mono_ns)

    def put_back(self, alarm: str, by: By, mono_ns: int) -> list[Draft]:
        """Put an alarm back into service. Raises AlarmRefused."""
        return self._do(alarm, lambda case: lifecycle.put_back(case.life, Since(mono_ns)), by, mono_ns)

    # --- what there is -------------------------------------------------------------------------------------------

    def is_active(self, alarm: str) -> bool:
        """Whether a rule's condition holds, after its delays; suppressed or not."""
        progress = self._counts.get(alarm)
        return progress is not None and progress.active

    def standing(self) -> list[Standing]:
        """Return every alarm whose condition holds, but those that a more severe level of their limit implies."""
        return list(self._standing.values())

    def active(self) -> list[Draft]:
        """Return the `raised` drafts of all alarms that were told so and are not cleared."""
        cases = [case for case in self._cases.values() if case.life.announced]
        return [self._raised(case) for case in cases]

    def listing(self, all: bool = False) -> list[dict[str, Any]]:  # noqa: A002 -- the word people use
        """Return one row for each alarm that is not normal, the most urgent first; with `all` for every alarm."""
        cases = [self._cases.get(one.id, Case(one)) for one in self._definitions()] if all else self._cases.values()
        found = [case for case in cases if all or case.life.status is not Status.NORMAL]
        return [self._row(case) for case in sorted(found, key=urgency)]

    def figures(self) -> dict[str, Any]:
        """Return the alarm-system figures of the last 30 days, and how it looks now."""
        counts = {status.value: 0 for status in Status if status is not Status.NORMAL}
        for case in self._cases.values():
            if case.life.status is not Status.NORMAL:
                counts[case.life.status.value] += 1
        load = {"flood": self._flood.began is not None, "chattering": len(self._chatter), "stale": self._stale()}
        return {**self._figures.report(), "now": {**counts, **load}}

    # --- over a restart ------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Return everything that is not normal, for `restore`."""
        self.unsaved = False
        levels = [
            LevelKept(room.device, point.point, threshold.level.value, threshold.limit, held.progress, held.told)
            for room in self._rooms.values()
            for point in room.watch.points
            if point.index in room.rows
            for threshold, held in zip(point.thresholds, room.row(point), strict=True)
            if held.progress
        ]
        for alarm, case in self._cases.items():
            if alarm not in self._written:
                kept_case = CaseKept(case.about(), case.definition.text, case.said, case.life)
                self._written[alarm] = case_written(kept_case)
        kept = Kept(
            taken=self._now,
            levels=levels,
            counts=self._counts,
            mutes=self._mutes,
            groups=self._groups.snapshot(),
            flood=self._flood.snapshot(),
        )
        return written(kept, list(self._written.values()))

    def figures_snapshot(self) -> bytes:
        """Return the counts behind the figures, for `restore`: larger, and no evidence; every few minutes will do."""
        return self._figures.snapshot()

    def _take_back(self, kept: Kept) -> Iterator[Draft]:
        """Continue what was remembered; end what has lost its limit or rule, or whose limit is not what it was."""
        changed = {level.alarm for level in kept.levels if not take_back(self._rooms.values(), level)}
        self._counts = {alarm: progress for alarm, progress in kept.counts.items() if alarm in self._rules}
        lives = {
            case.alarm: lifecycle.dated(case.life, lambda at: carried(at, kept.taken, self._now)) for case in kept.cases
        }
        cases = {case.alarm: (case, self._definition(case.alarm)) for case in kept.cases}
        for alarm, (case, definition) in cases.items():
            if definition is not None:
                facts: Draft = {name: case.about[name] for name in _FACTS if name in case.about}
                self._cases[alarm] = Case(definition, lives[alarm], facts, case.said)
        members = [(case.definition.group, alarm, case.life) for alarm, case in self._cases.items()]
        self._groups = Groups.restore(members, kept.groups)
        for alarm, (case, definition) in cases.items():
            if definition is None:
                yield from removed(case, lives[alarm])
            else:
                self._keep(self._cases[alarm])
                if alarm in changed and lives[alarm].active:
                    yield from self._end_changed(self._cases[alarm], case.about["limit"])

    def _end_changed(self, case: Case, limit: float) -> list[Draft]:
        text = wording.ended(case.definition.text, "limit changed")
        reasons = dict.fromkeys(Word, "limit changed")
        gone = replace(case, facts=case.facts | {"value": None, "limit": limit})
        return self._take(gone, lifecycle.ends(case.definition, case.life), self._now.mono_ns, reasons, said=text)

    # --- one turn ------------------------------------------------------------------------------------------------

    def _changed(self, change: Change, mono_ns: int) -> list[Draft]:
        """Take a condition that has come or gone."""
        before = self._cases.get(change.definition.id) or Case(change.definition)
        said = change.text if change.holds else before.said
        case = replace(before, definition=change.definition, facts=change.facts, said=said)
        if change.holds:
            return self._take(case, lifecycle.begins(case.life, Since(mono_ns)), mono_ns, said=change.text)
        return self._take(case, lifecycle.ends(case.definition, case.life), mono_ns, _ENDED, said=change.text)

    def _mute(self, alarm: str, mono_ns: int) -> list[Draft]:
        """Take over what `suppress` said of an alarm."""
        reasons = self._mutes.pop(alarm, None)
        definition = self._definition(alarm)
        if reasons is None or definition is None:
            return []
        case = self._cases.get(alarm) or Case(definition)
        return self._take(case, lifecycle.mute(case.life, reasons, Since(mono_ns)), mono_ns, said=case.said)

    def _let_pass(self, mono_ns: int) -> list[Draft]:
        """Do what is due, and find out what is due next."""
        drafts: list[Draft] = []
        for case in list(self._cases.values()):
            due = lifecycle.due_ns(case.definition, case.life)
            if due is not None and due <= mono_ns:
                turn = lifecycle.passes(case.definition, case.life, mono_ns, Since(mono_ns))
                drafts += self._take(case, turn, mono_ns, _TIME_OVER)
        dues = (lifecycle.due_ns(case.definition, case.life) for case in self._cases.values())
        self._due_ns = min((due for due in dues if due is not None), default=None)
        return drafts

    def _do(self, alarm: str, work: Callable[[Case], Turn], by: By, mono_ns: int) -> list[Draft]:
        """Have people's will done. Raises AlarmRefused."""
        definition = self._definition(alarm)
        if definition is None:
            near = difflib.get_close_matches(alarm, [one.id for one in self._definitions()], 1, 0.3)
            raise AlarmRefused(f"there is no alarm {alarm!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        case = self._cases.get(alarm) or Case(definition)
        try:
            turn = work(case)
        except AlarmRefused as reason:
            raise AlarmRefused(f"{alarm}: {reason}") from None
        return self._take(case, turn, mono_ns, by=by)

    def _take(
        self,
        case: Case,
        turn: Turn,
        mono_ns: int,
        reasons: Mapping[Word, str] = MappingProxyType({}),
        *,
        said: dict[str, str] | None = None,
        by: By | None = None,
    ) -> list[Draft]:
        """Take an alarm into its new life; return the records of what happened, and the event of a flood.

        `reasons` say why, by the word; `said` is the text of ``raised`` and ``cleared``.
        """
        before, alarm, group = case.life, case.definition.id, case.definition.group
        after = replace(case, life=turn.life)
        was_first = self._groups.is_first(group, alarm)
        self._keep(after)
        events = self._count(after, before, turn.told, mono_ns)
        drafts = [
            record(
                after,
                word,
                before,
                said=said if word in (Word.RAISED, Word.CLEARED) else None,
                by=by,
                reason=reasons.get(word),
                first_out=was_first or self._groups.is_first(group, alarm),
                chattering=self._chatter.is_chattering(alarm),
            )
            for word in turn.told
        ]
        return drafts + events

    def _keep(self, case: Case) -> None:
        """Keep an alarm in the table while it is anything but normal."""
        alarm, life = case.definition.id, case.life
        self.unsaved = True
        if life == NORMAL:
            self._cases.pop(alarm, None)
        else:
            self._cases[alarm] = case
        self._written.pop(alarm, None)
        if life.active:
            self._standing[alarm] = standing(case)
        else:
            self._standing.pop(alarm, None)
        (self._hidden.add if life.is_hidden else self._hidden.discard)(alarm)
        self._groups.note(case.definition.group, alarm, life)
        due = lifecycle.due_ns(case.definition, life)
        if due is not None and (self._due_ns is None or due < self._due_ns):
            self._due_ns = due

    def _count(self, case: Case, before: Life, told: tuple[Word, ...], mono_ns: int) -> list[Draft]:
        """Count what happened for the figures; return the event when a flood begins by it."""
        alarm, events = case.definition.id, []
        if (Word.RAISED in told or Word.CLEARED in told) and self._chatter.moved(alarm, mono_ns):
            self._figures.chattered()
        if Word.CLEARED in told and before.raised_at is not None:
            self._figures.cleared(before.raised_at.elapsed_ns(mono_ns), acknowledged=before.acknowledged)
        if case.life.status is Status.UNACKNOWLEDGED and before.status is not Status.UNACKNOWLEDGED:
            self._figures.annunciated(alarm, case.definition.priority)
            events = self._flood.annunciated(mono_ns)
            if events:
                self._figures.flooded()
        return events

    # --- the table -----------------------------------------------------------------------------------------------

    def _definition(self, alarm: str) -> Definition | None:
        case = self._cases.get(alarm)
        known = self._rules.get(alarm) if case is None else case.definition
        return known or next((one for one in limit_definitions(self._rooms.values()) if one.id == alarm), None)

    def _definitions(self) -> list[Definition]:
        return [*self._rules.values(), *limit_definitions(self._rooms.values())]

    def _raised(self, case: Case) -> Draft:
        first_out = self._groups.is_first(case.definition.group, case.definition.id)
        return record(case, Word.RAISED, case.life, said=case.said, first_out=first_out)

    def _row(self, case: Case) -> dict[str, Any]:
        alarm, chattering = case.definition.id, self._chatter.is_chattering(case.definition.id)
        first_out = self._groups.is_first(case.definition.group, alarm)
        return row(case, self._now.mono_ns, first_out=first_out, chattering=chattering)

    def _stale(self) -> int:
        now_ns = self._now.mono_ns
        began = (case.life.raised_at for case in self._cases.values() if case.life.announced)
        return sum(at is not None and at.elapsed_ns(now_ns) > STALE_NS for at in began)

    def _look_at_the_clock(self, now: Now) -> None:
        """Add the time between two boots once it is known; a step of the clock only has to be remembered anew."""
        before, self._now = self._now, now
        if now.wall_ms is None:
            return
        if before.wall_ms is None:
            for alarm, case in self._cases.items():
                self._cases[alarm] = replace(case, life=lifecycle.dated(case.life, lambda at: dated(at, now)))
            self._written.clear()
            self._due_ns, self.unsaved = now.mono_ns, True
        elif abs((now.wall_ms - before.wall_ms) - (now.mono_ns - before.mono_ns) / 1e6) > _STEP_MS:
            self.unsaved = True
