"""Drafts in, the committed chain out. The pipeline's only way to the store.

Invariants:
- A record gets its number, signature and place in the chain in the same transaction that makes it durable. Before that
  it is a draft: a plain dictionary, with the time of what it tells, but no number. What leaves was committed first.
- When the store refuses, the chain has not moved: the same drafts are sealed again later.
- A full store makes room in its own order (delivered readings, then the oldest undelivered ones), and the `gap` that
  confesses it is committed in the same transaction as the deletion.
- A store that fails is closed, reopened and its tail verified; meanwhile drafts wait in memory. What does not fit there
  (the oldest readings, never anything else) is counted and confessed by the first `gap` after recovery.
- Numbers that a damaged store has lost are confessed before anything else is written.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.log import get
from agent.record import Position, Sealed, Sealer
from buffer.outbox import Drop, Entry, Outbox, Run, StoreFailed, StoreFull

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

log = get(__name__)

Draft = dict[str, Any]

MOST_WAITING_VALUES: Final = 200_000
"""Values that may wait in memory while the store fails: about ten minutes at 300 values a second, some 20 MB."""
RETRY_NS: Final = 2_000_000_000
ROOM_BYTES: Final = 1 << 18
"""Room asked for at a time, so that a full store does not make room for every single commit."""
MOST_RUNS: Final = 200
"""Runs of missing numbers per `gap` record, so that no record grows without bound."""


@dataclass(frozen=True, slots=True)
class Forgone:
    """Readings that never got a number: how many, and the dates of the first and the last (where known)."""

    count: int = 0
    since: str | None = None
    until: str | None = None

    def and_of(self, ts: str | None) -> Forgone:
        """Return this with one more, of `ts`."""
        return Forgone(self.count + 1, self.since if self.count else ts, ts)


NOTHING_FORGONE: Final = Forgone()


class Ledger:
    """Holds drafts until they are due, then seals and commits all of them at once."""

    def __init__(self, sealer: Sealer, outbox: Outbox, commit_every_ns: int) -> None:
        """Continue the outbox's chain."""
        self._sealer = sealer
        self._outbox = outbox
        self.commit_every_ns = commit_every_ns
        self._complete: Callable[[Mapping[str, Any]], Draft] = dict
        self._wall_ms: Callable[[], int] = lambda: 0
        self._drafts: list[Draft] = []
        self._waiting_values = 0
        self._state: dict[str, bytes] = {}
        self._due_ns: int | None = None
        self._in_doubt = 0
        self._failure: str | None = None
        self._damage: str | None = None
        self._forgone = NOTHING_FORGONE

    def begin(self, complete: Callable[[Mapping[str, Any]], Draft], wall_ms: Callable[[], int] = lambda: 0) -> None:
        """Confess what opening the store found.

        `complete` adds time, clock and configuration hash to a draft; `wall_ms` dates the name of a damaged file.
        """
        self._complete = complete
        self._wall_ms = wall_ms
        self._confess_damage()

    @property
    def kid(self) -> str:
        """The key that signs this chain."""
        return self._sealer.kid

    def add(self, draft: Draft, now_ns: int) -> None:
        """Take a draft. Readings wait up to `commit_every`; anything else is due at once."""
        self._drafts.append(draft)
        wait = self.commit_every_ns
        if draft["kind"] == "readings":
            self._waiting_values += len(draft["values"])
        elif self._failure is None:
            wait = 0
        if self._due_ns is None or now_ns + wait < self._due_ns:
            self._due_ns = now_ns + wait

    def keep(self, key: str, value: bytes) -> None:
        """Commit `value` under `key` with the next drafts."""
        self._state[key] = value

    def due_ns(self) -> int | None:
        """When `commit` should next be called, or ``None`` when nothing waits."""
        return self._due_ns

    def commit(self, now_ns: int) -> bool:
        """Seal and commit everything that waits; return whether it is durable now."""
        try:
            if self._failure is not None:
                self._reopen()
                self._forgo()
            try:
                self._write(now_ns)
            except StoreFailed as failed:
                self._fail(failed)
                self._reopen()
                self._write(now_ns)
        except (StoreFull, StoreFailed) as error:
            self._fail(error)
            self._forgo()
            self._due_ns = now_ns + RETRY_NS
            return False
        if self._failure is not None:
            log.warning("store works again", waited=len(self._drafts), lost=self._forgone.count)
        self._failure, self._forgone = None, NOTHING_FORGONE
        self._drafts, self._state, self._waiting_values, self._due_ns = [], {}, 0, None
        return True

    def forget_rotten(self, seqs: Sequence[int], now_ns: int) -> None:
        """Give up records that have decayed on the disk, and confess them."""
        try:
            drop = self._outbox.rot(seqs)
            self._commit([*map(self._complete, gaps("bit-rot", drop.undelivered))], now_ns, drop)
        except (StoreFull, StoreFailed) as error:  # they are found again
            log.warning("decayed records are not given up yet", count=len(seqs), reason=str(error))

    def forget_expired(self, keep_hours: int, now_ns: int) -> bool:
        """Let go of a batch of delivered readings older than the site keeps them; return whether there was any."""
        try:
            drop = self._outbox.expired(keep_hours)
            if drop:
                self._outbox.write(drop=drop, mono_ms=now_ns // 1_000_000)
        except (StoreFull, StoreFailed) as error:
            log.warning("old records are not let go yet", reason=str(error))
            return False
        return bool(drop)

    # --- one transaction -----------------------------------------------------------------------------------------

    def _write(self, now_ns: int) -> None:
        """Commit confessions and drafts, making room when there is none."""
        drafts = [*self._confessions(), *self._drafts, *self._recovery()]
        if not drafts and not self._state:
            return
        self._in_doubt = len(self._drafts)
        try:
            self._commit(drafts, now_ns)
        except StoreFull as full:
            if full.disk:  # others filled it; the store has just let go of its ballast
                with suppress(StoreFull):
                    self._commit(drafts, now_ns)
                    return
            drop = self._outbox.room(ROOM_BYTES)
            if not drop:
                raise
            lost = [*map(self._complete, gaps("capacity", drop.undelivered))]
            log.warning("store full, making room", records=drop.count, undelivered=len(lost) > 0, reason=str(full))
            self._commit([*lost, *drafts], now_ns, drop)

    def _commit(self, drafts: Sequence[Draft], now_ns: int, drop: Drop | None = None) -> None:
        """Seal `drafts` in order behind the last committed record and write them, all or nothing."""
        at = self._outbox.position
        position = Position(at.chain, at.seq, at.id)
        entries = []
        for draft in drafts:
            record, position = self._sealer.seal(position, draft)
            entries.append(entry(record))
        self._outbox.write(
            entries,
            state=self._state,
            drop=drop,
            explains=self._outbox.opened.hole if drafts else None,
            mono_ms=now_ns // 1_000_000,
        )

    # --- when the store fails ------------------------------------------------------------------------------------

    def _confessions(self) -> list[Draft]:
        """Return what must stand in front of the rest: numbers lost with a store, readings that never got one."""
        hole = self._outbox.opened.hole
        drafts = gaps(hole.reason, hole.runs) if hole else []
        lost = self._forgone
        if lost.count:
            gap: Draft = {"kind": "gap", "reason": "storage-failure", "first": None, "last": None, "runs": []}
            drafts.append({**gap, "count": lost.count, "from": lost.since, "to": lost.until})
        return [*map(self._complete, drafts)]

    def _recovery(self) -> list[Draft]:
        """Return the `event` that the store works again: true as soon as it is written."""
        if self._failure is None:
            return []
        return [self._complete({"kind": "event", "event": "store-recovered", "reason": self._failure})]

    def _fail(self, error: StoreFull | StoreFailed) -> None:
        if self._failure is None:
            self._failure = str(error)
            log.error("store refuses; records wait in memory", reason=str(error))
            self._drafts.append(self._complete({"kind": "event", "event": "store-failed", "reason": str(error)}))

    def _reopen(self) -> None:
        """Open the store again. Drafts that turn out to be durable are let go."""
        if self._outbox.reopen(self._wall_ms()):
            del self._drafts[: self._in_doubt]
            self._forgone = NOTHING_FORGONE
        self._in_doubt = 0
        self._confess_damage()

    def _forgo(self) -> None:
        """Let go of the oldest waiting readings beyond what memory may hold, and count them.

        Those of the transaction whose fate is not known yet stay: they may be durable.
        """
        kept = self._drafts[: self._in_doubt]
        for draft in self._drafts[self._in_doubt :]:
            if self._waiting_values > MOST_WAITING_VALUES and draft["kind"] == "readings":
                self._waiting_values -= len(draft["values"])
                self._forgone = self._forgone.and_of(draft["ts"])
            else:
                kept.append(draft)
        self._drafts = kept

    def _confess_damage(self) -> None:
        opened = self._outbox.opened
        if opened.damage is None or opened.damage == self._damage:
            return
        self._damage = opened.damage
        aside = None if opened.set_aside is None else opened.set_aside.name
        log.error("store damaged", damage=opened.damage, set_aside=aside, salvaged=opened.salvaged)
        event = {"kind": "event", "event": "store-damaged", "reason": opened.damage}
        self._drafts.append(self._complete({**event, "set_aside": aside, "salvaged": opened.salvaged}))
        self._due_ns = 0


def entry(record: Sealed) -> Entry:
    """Return what the outbox keeps of a sealed record."""
    return Entry(record.seq, record.id, record.kind != "readings", record.wire)


def gaps(reason: str, runs: Sequence[Run]) -> list[Draft]:
    """Return the `gap` drafts that confess missing runs of numbers; none when there are none."""
    drafts: list[Draft] = []
    for start in range(0, len(runs), MOST_RUNS):
        part = runs[start : start + MOST_RUNS]
        draft: Draft = {"kind": "gap", "reason": reason, "first": part[0].first, "last": part[-1].last}
        draft["count"] = sum(run.last - run.first + 1 for run in part)
        draft["runs"] = [list(run) for run in part]
        drafts.append(draft)
    return drafts
