"""The alarm-system figures that operators know (ISA-18.2, IEC 62682, EEMUA 191), over 30 days of running.

Counted in *observed* time: the monotonic time during which this box ran. So a step of the clock, an unknown time or a
box that is off for a night make no figure wrong; a "day" here is 24 observed hours, not a date.

An alarm is annunciated when its status becomes ``unacknowledged``. It is *fleeting* when it clears within 10 s [P]
before anybody acknowledged it, and *stale* when it has been active for more than 24 h.

Bounded memory: one `Day` for each of the last 31; a closed day keeps its 50 most frequent alarms by name, so the ten
most frequent of the whole are exact unless more than 50 alarms compete on a day.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Final

_S: Final = 1_000_000_000
SLOT_NS: Final = 600 * _S
SLOTS_AN_HOUR: Final = 6
SLOTS_A_DAY: Final = 144
MOST_DAYS: Final = 31
"""The day that runs, and 30 whole ones."""
MOST_NAMES: Final = 50
TOP: Final = 10
MOST_A_SLOT: Final = 10
MOST_AN_HOUR: Final = 30
FLEETING_NS: Final = 10 * _S
STALE_NS: Final = 86_400 * _S
PRIORITIES: Final = ("low", "medium", "high", "critical")

_VERSION: Final = 1


@dataclass(slots=True)
class Day:
    """What 24 observed hours had. `slots` are its closed periods of ten minutes, `hours` its closed hours."""

    slots: int = 0
    slots_above: int = 0
    hours_above: int = 0
    peak: int = 0
    annunciated: int = 0
    chattering: int = 0
    fleeting: int = 0
    floods: int = 0
    flood_slots: int = 0
    stale: int = 0
    priorities: dict[str, int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)

    @property
    def hours(self) -> int:
        """How many hours of it have closed."""
        return self.slots // SLOTS_AN_HOUR


class Figures:
    """Counts what alarms do; `report` makes the figures of it."""

    def __init__(self) -> None:
        """Start with nothing observed."""
        self._days: list[Day] = [Day()]
        self._in_slot_ns = 0
        self._slot = 0
        self._hour = 0
        self._flooded = False
        self._last_ns: int | None = None

    # --- what happens ---

    def annunciated(self, alarm: str, priority: str) -> None:
        """Count an alarm that asks for somebody's attention."""
        day = self._days[-1]
        self._slot += 1
        self._hour += 1
        day.annunciated += 1
        day.priorities[priority] = day.priorities.get(priority, 0) + 1
        day.names[alarm] = day.names.get(alarm, 0) + 1

    def cleared(self, lasted_ns: int, *, acknowledged: bool) -> None:
        """Count an alarm that is gone: it was fleeting or not."""
        self._days[-1].fleeting += lasted_ns <= FLEETING_NS and not acknowledged

    def chattered(self) -> None:
        """Count an alarm that begins to chatter."""
        self._days[-1].chattering += 1

    def flooded(self) -> None:
        """Count a flood that begins."""
        self._days[-1].floods += 1

    def tick(self, mono_ns: int, *, stale: int, flood: bool) -> None:
        """Let time pass; `stale` is how many alarms are that now, `flood` whether there is one."""
        self._days[-1].stale = max(self._days[-1].stale, stale)
        self._flooded |= flood
        if self._last_ns is not None:
            self._in_slot_ns += max(0, mono_ns - self._last_ns)
        self._last_ns = mono_ns
        while self._in_slot_ns >= SLOT_NS:
            self._in_slot_ns -= SLOT_NS
            self._close_slot()
            self._flooded |= flood

    def _close_slot(self) -> None:
        day = self._days[-1]
        day.slots += 1
        day.slots_above += self._slot > MOST_A_SLOT
        day.flood_slots += self._flooded
        day.peak = max(day.peak, self._slot)
        self._slot, self._flooded = 0, False
        if day.slots % SLOTS_AN_HOUR == 0:
            day.hours_above += self._hour > MOST_AN_HOUR
            self._hour = 0
        if day.slots == SLOTS_A_DAY:
            day.names = dict(Counter(day.names).most_common(MOST_NAMES))
            self._days = [*self._days[-MOST_DAYS + 1 :], Day()]

    # --- the figures ---

    def report(self) -> dict[str, Any]:
        """Return the figures; a share or mean is ``None`` before its first period has closed."""
        days = self._days
        slots, hours = sum(day.slots for day in days), sum(day.hours for day in days)
        annunciated = sum(day.annunciated for day in days)
        observed_h = (slots + self._in_slot_ns / SLOT_NS) / SLOTS_AN_HOUR
        return {
            "observed_h": round(observed_h, 2),
            "annunciated": annunciated,
            "per_10min": _ratio(annunciated, observed_h * SLOTS_AN_HOUR),
            "per_hour": _ratio(annunciated, observed_h),
            "per_day": _ratio(annunciated * 24, observed_h),
            "peak_10min": max(self._slot, *(day.peak for day in days)),
            "share_10min_above_10": _ratio(sum(day.slots_above for day in days), slots),
            "share_hours_above_30": _ratio(sum(day.hours_above for day in days), hours),
            "floods": sum(day.floods for day in days),
            "share_10min_in_flood": _ratio(sum(day.flood_slots for day in days), slots),
            "chattering": sum(day.chattering for day in days),
            "fleeting": sum(day.fleeting for day in days),
            "stale_most": max(day.stale for day in days),
            "priorities": {name: sum(day.priorities.get(name, 0) for day in days) for name in PRIORITIES},
            **self._top(annunciated),
        }

    def _top(self, annunciated: int) -> dict[str, Any]:
        names: Counter[str] = Counter()
        for day in self._days:
            names.update(day.names)
        top = sorted(names.items(), key=lambda one: (-one[1], one[0]))[:TOP]
        rows = [{"alarm": name, "count": count, "share": _ratio(count, annunciated)} for name, count in top]
        return {"top": rows, "share_top": _ratio(sum(count for _, count in top), annunciated)}

    # --- over a restart ---

    def snapshot(self) -> bytes:
        """Return the counts, for `restore`."""
        running = [self._in_slot_ns, self._slot, self._hour, self._flooded]
        state = {"v": _VERSION, "running": running, "days": [list(asdict(day).values()) for day in self._days]}
        return json.dumps(state, separators=(",", ":")).encode()

    @classmethod
    def restore(cls, state: bytes | None) -> Figures:
        """Continue where `snapshot` was taken; one that cannot be read is as good as none: these are no evidence."""
        figures = cls()
        if state is None:
            return figures
        try:
            document = json.loads(state)
            days = [Day(*members) for members in document["days"]]
            in_slot_ns, slot, hour, flooded = map(int, document["running"])
            version = document["v"]
        except (ValueError, KeyError, TypeError):
            return figures
        if version == _VERSION and days:
            figures._days, figures._in_slot_ns = days, in_slot_ns
            figures._slot, figures._hour, figures._flooded = slot, hour, bool(flooded)
        return figures


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
