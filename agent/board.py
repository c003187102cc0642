"""``{"do": "follow"}``: everything that moves, on one line a second.

What instruments said last (`agent.live.View`), what the pipeline shows (`agent.sight`), and how the box is. The door's
thread only puts together what others have left ready: it waits neither for the pipeline nor for the disk.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from agent.control import Unwilling
from agent.health import resident_bytes
from agent.live import View, computed
from buffer.errors import OutboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from agent.clock import SystemClock
    from agent.poller import Poller
    from agent.queries import Queries
    from agent.sight import Sight
    from buffer.journal import Journal
    from buffer.outbox import Usage

Told = dict[str, Any]

FRESH_NS: Final = 400_000_000
"""For so long the same line does for all who follow."""
STALE_NS: Final = 10_000_000_000
"""What the pipeline showed longer ago is not how things stand: states are unknown then."""
OLDEST_NS: Final = 5_000_000_000
"""How often the date of the oldest undelivered record is looked up."""
_HIDDEN: Final = ("suppressed", "out-of-service")
_ASKING: Final = ("unacknowledged", "returned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a board finds what it shows. The callables may be called from any thread, and never wait."""

    software: str
    state_dir: Path
    clock: SystemClock
    pollers: Callable[[], Sequence[Poller]]
    look: Callable[[], Sight | None]
    cfg: Callable[[], str]
    code: Callable[[], Mapping[str, Any]]
    usage: Callable[[], Usage]
    uplink: Callable[[], Mapping[str, Any] | None]


class Board:
    """The line. Used by one door's thread; each door has a board of its own."""

    def __init__(self, sources: Sources, journal: Journal, queries: Queries) -> None:
        self._from = sources
        self._view = View(sources.pollers, sources.clock)
        self._oldest = Oldest(journal, queries)
        self._begun_ns = sources.clock.mono_ns()
        self._line: Told | None = None
        self._made_ns = 0

    def line(self) -> Told | None:
        """Return how everything stands now; ``None`` while the pipeline has yet to look for us."""
        now_ns = self._from.clock.mono_ns()
        if self._line is None or now_ns - self._made_ns >= FRESH_NS:
            sight = self._from.look()
            self._line, self._made_ns = None if sight is None else self._made(sight, now_ns), now_ns
        return self._line

    def _made(self, sight: Sight, now_ns: int) -> Told:
        seen, source = self._view.line(), self._from
        clock = source.clock
        derived = {device.spec.name: computed(device, scan, now_ns) for device, scan in sight.derived}
        return {
            "ts": seen["ts"],
            "software": source.software,
            "cfg": source.cfg(),
            "clock": {"q": clock.quality(), "source": clock.source()},
            "code": dict(source.code()),
            "devices": seen["devices"] | derived,
            "buses": seen["buses"],
            **shown(sight, now_ns),
            "uplink": source.uplink(),
            "outbox": self._outbox(now_ns),
            "disk": disk(source.state_dir),
            "process": {**process(), "up_s": round((now_ns - self._begun_ns) / 1e9)},
        }

    def _outbox(self, now_ns: int) -> Told:
        usage = self._from.usage()
        return {
            "waiting": usage.waiting,
            "oldest_ts": self._oldest.ts(usage.oldest_waiting, now_ns),
            "bytes": usage.bytes,
            "limit": usage.limit,
        }


def shown(sight: Sight, now_ns: int) -> Told:
    """Return what the pipeline shows, and how many seconds ago that was (`seen_s`)."""
    facilities, lines = sight.facilities, sight.lines
    if now_ns - sight.mono_ns > STALE_NS:
        facilities = {name: {"state": "unknown", "since_ms": None} for name in facilities}
        lines = {name: dict.fromkeys(line, "unknown") for name, line in lines.items()}
    return {
        "seen_s": round(max(0, now_ns - sight.mono_ns) / 1e9, 1),
        "facilities": facilities,
        "lines": lines,
        "alarms": {"version": sight.version, **counted(sight.alarms), "rows": sight.alarms},
        "orders": sight.orders,
        "tasks_overdue": sight.tasks_overdue,
    }


def counted(rows: Sequence[Told]) -> Told:
    """Return how many alarms are active, ask for somebody, and are escalated; suppressed ones are none of these."""
    active = [row for row in rows if row["active"] and row["status"] not in _HIDDEN]
    return {
        "active": len(active),
        "unacknowledged": sum(row["status"] in _ASKING for row in rows),
        "escalated": sum(row["escalated"] for row in active),
    }


def disk(directory: Path) -> Told:
    """Return the bytes free for us and in all where `directory` lies; ``None`` when the system does not say."""
    try:
        found = os.statvfs(directory)
    except OSError:
        return {"free": None, "total": None}
    return {"free": found.f_bavail * found.f_frsize, "total": found.f_blocks * found.f_frsize}


def process() -> Told:
    """Return what this process holds and has used: resident bytes, seconds of CPU."""
    return {"rss": resident_bytes(), "cpu_s": round(sum(os.times()[:2]), 2)}


class Oldest:
    """The date of the oldest undelivered record: looked up by another thread, known a moment later."""

    def __init__(self, journal: Journal, queries: Queries) -> None:
        self._journal, self._queries = journal, queries
        self._asked_ns: int | None = None
        self._asked_seq = 0
        self._future: Future[str | None] | None = None
        self._ts: str | None = None

    def ts(self, seq: int | None, now_ns: int) -> str | None:
        """Return its date; ``None`` when nothing waits, it has none, or it is not known yet."""
        if seq is None:
            self._future = self._ts = None
            return None
        if self._future is not None and self._future.done():
            self._ts, self._future = self._found(self._future), None
        is_due = self._asked_ns is None or now_ns - self._asked_ns >= OLDEST_NS
        if self._future is None and is_due and (seq != self._asked_seq or self._ts is None):
            self._asked_ns, self._asked_seq = now_ns, seq
            self._ask(seq)
        return self._ts

    def _ask(self, seq: int) -> None:
        try:
            self._future = self._queries.ask(lambda: _date(self._journal.record(seq)))
        except Unwilling:
            self._future = None

    @staticmethod
    def _found(future: Future[str | None]) -> str | None:
        try:
            return future.result()
        except (OutboxError, ValueError):  # the disk gives no answer, or not what was once written
            return None


def _date(wire: bytes | None) -> str | None:
    return None if wire is None else orjson.loads(wire).get("ts")
