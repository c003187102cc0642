"""Topics that are held back because nothing published there arrives, and the single records that try again.

Two reasons to hold a kind of record: *nobody listens* (PUBACK 0x10: the broker threw the record away, MQTT 5 section
3.4.2.1), or the broker *refuses* every record of that kind. Meanwhile one record at a time is sent as a probe, at
growing intervals; the first that is accepted releases the kind. No I/O, no clock: times are monotonic nanoseconds,
arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agent.uplink.lanes import Row

Why = Literal["nobody-listens", "refused"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to probe, seconds: from `first_s`, doubling, to `longest_s`."""

    first_s: float
    longest_s: float

    def after(self, probes: int) -> int:
        """Return the pause after so many probes, nanoseconds."""
        return int(min(self.longest_s, self.first_s * 2 ** min(probes, 30)) * 1e9)


@dataclass(slots=True)
class Hold:
    """One kind that is held: its oldest refused record, and when that is tried again."""

    kind: str
    why: Why
    row: Row
    since_ns: int
    due_ns: int
    probes: int = 0
    on_its_way: bool = False
    reported: bool = False


class Holding:
    """All kinds that are held now."""

    def __init__(self, paces: dict[Why, Pace], *, report_after_s: float) -> None:
        """Take the pace of probing for each reason, and how long a hold lasts before people are told, seconds."""
        self._paces = paces
        self._report_after_ns = int(report_after_s * 1e9)
        self._holds: dict[str, Hold] = {}

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds held now."""
        return tuple(self._holds)

    def __contains__(self, kind: str) -> bool:
        return kind in self._holds

    def not_accepted(self, kind: str, row: Row, why: Why, now_ns: int) -> None:
        """Hold `kind`, or lengthen the pause when `row` was its probe."""
        hold = self._holds.get(kind)
        if hold is None:
            self._holds[kind] = Hold(kind, why, row, now_ns, now_ns + self._paces[why].after(0))
        elif hold.row.seq == row.seq:
            hold.on_its_way = False
            hold.probes += 1
            hold.due_ns = now_ns + self._paces[hold.why].after(hold.probes)
        elif row.seq < hold.row.seq and not hold.on_its_way:
            hold.row = row

    def accepted(self, kind: str) -> Hold | None:
        """Release `kind`; return the hold that ended, if there was one."""
        return self._holds.pop(kind, None)

    def due(self, now_ns: int) -> Hold | None:
        """Return a hold whose probe is due."""
        return next((h for h in self._holds.values() if not h.on_its_way and h.due_ns <= now_ns), None)

    def next_due_ns(self) -> int | None:
        """Return when the next probe is due."""
        return min((h.due_ns for h in self._holds.values() if not h.on_its_way), default=None)

    def reconnected(self, now_ns: int) -> None:
        """Let every kind probe at once: another connection may find somebody listening."""
        for hold in self._holds.values():
            hold.on_its_way = False
            hold.probes = 0
            hold.due_ns = now_ns

    def to_report(self, now_ns: int) -> list[Hold]:
        """Return the holds that have lasted long enough to be told, each once."""
        late = [h for h in self._holds.values() if not h.reported and now_ns - h.since_ns >= self._report_after_ns]
        for hold in late:
            hold.reported = True
        return late
