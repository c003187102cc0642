"""The state of the box itself, as rules ask for it (`agent.rules.outside.Box`). Belongs to the pipeline's thread."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Final

import orjson

from buffer.outbox import StoreFailed, StoreFull

if TYPE_CHECKING:
    from agent.clock import SystemClock
    from buffer.outbox import Outbox

BACKLOG_NS: Final = 60_000_000_000
"""How often the oldest undelivered record is looked up."""
STEP_NS: Final = 600_000_000_000
"""So long a step of the host's clock is told as its offset: it is taken over within a second, and gone from sight."""


class OwnBox:
    """What this box knows of itself. Counters are kept in the store's state under ``box``."""

    def __init__(self, outbox: Outbox, clock: SystemClock, *, has_uplink: bool) -> None:
        """Continue the counters of earlier runs; this is one more start."""
        self._outbox, self._clock, self._has_uplink = outbox, clock, has_uplink
        starts, self._changes, self._was_orderly = _read(outbox.state("box"))
        self._starts = starts + 1
        self._step: tuple[int, float] | None = None
        self._reader = outbox.reader()
        self._backlog: tuple[int, int | None] = (-BACKLOG_NS, None)

    # --- what the pipeline tells ---------------------------------------------------------------------------------

    def changed(self, changes: int) -> None:
        """Note changes of what gives readings their meaning."""
        self._changes += changes

    def stepped(self, step_s: float, mono_ns: int) -> None:
        """Note a step of the host's clock."""
        self._step = (mono_ns, step_s)

    def snapshot(self, *, ended: bool) -> bytes:
        """Return the counters, for the next run; `ended` when this one ends in order."""
        return json.dumps({"starts": self._starts, "changes": self._changes, "ended": ended}).encode()

    # --- what rules ask ------------------------------------------------------------------------------------------

    def starts(self) -> float:
        """Return how often the agent has been started."""
        return float(self._starts)

    def orderly(self) -> float | None:
        """Return whether the run before ended in order (1, 0); ``None`` at the first."""
        return self._was_orderly

    def meaning(self) -> float:
        """Return how often what gives readings their meaning has changed."""
        return float(self._changes)

    def host_clock_s(self) -> float | None:
        """Return by how much the host's clock departs from believed time, or has just stepped; ``None``: not known."""
        now_ns = self._clock.mono_ns()
        if self._step is not None and now_ns - self._step[0] < STEP_NS:
            return self._step[1]
        believed_ms = self._clock.wall_of(now_ns)
        return None if believed_ms is None else (self._clock.wall_ms() - believed_ms) / 1000

    def disk_share(self) -> float:
        """Return the share of the store that undelivered records take; 1 while others have filled the disk."""
        usage = self._outbox.usage()
        return 1.0 if usage.squeezed else usage.waiting_share

    def backlog_age_s(self) -> float | None:
        """Return the age of the oldest undelivered record; 0 where there is none, or nobody to deliver to."""
        if not self._has_uplink or self._outbox.usage().waiting == 0:
            return 0.0
        now_ns = self._clock.mono_ns()
        if now_ns - self._backlog[0] >= BACKLOG_NS:
            self._backlog = (now_ns, self._oldest_ms())
        oldest_ms, wall_ms = self._backlog[1], self._clock.wall_of(now_ns)
        return None if oldest_ms is None or wall_ms is None else max(0.0, (wall_ms - oldest_ms) / 1000)

    def _oldest_ms(self) -> int | None:
        """Return the date of the oldest undelivered record that has one."""
        try:
            first = [*self._reader.urgent(0, 1), *self._reader.readings(0, 1)]
        except (StoreFailed, StoreFull):
            return None
        dates = [orjson.loads(entry.wire).get("ts") for entry in first]
        return min((_ms(date) for date in dates if date is not None), default=None)


def _ms(date: str) -> int:
    return round(datetime.fromisoformat(date).timestamp() * 1000)


def _read(state: bytes | None) -> tuple[int, int, float | None]:
    """Return starts, changes, and whether the run ended in order; of a state that cannot be read, none."""
    try:
        kept = json.loads(state or b"")
        return int(kept["starts"]), int(kept["changes"]), float(bool(kept["ended"]))
    except (ValueError, KeyError, TypeError):
        return 0, 0, None
