"""What the alarms are doing to the people right now: chattering alarms and floods.

- An alarm *chatters* when it makes three transitions (raised, cleared) within a minute, and until it has made none for
  ten minutes [P]. It is marked; the remedy is a dead band or a delay.
- A *flood* begins when more than 10 alarms are annunciated within ten minutes, and ends when fewer than 5 were
  (ISA-18.2, IEC 62682).

Bounded memory: three moments for each alarm that moved within the last minute, eleven for the flood. A restart keeps
the flood, and forgets who chatters: that is seen again within a minute.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from agent.elapsed import Since, carried

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.elapsed import Now

_S: Final = 1_000_000_000
TRANSITIONS: Final = 3
CHATTER_NS: Final = 60 * _S
CALM_NS: Final = 600 * _S
FLOOD_NS: Final = 600 * _S
FLOOD_ABOVE: Final = 10
FLOOD_BELOW: Final = 5

Draft = dict[str, Any]


class Chatter:
    """Which alarms chatter."""

    def __init__(self) -> None:
        """Start with nobody chattering."""
        self._moves: dict[str, deque[int]] = {}
        self._last_ns: dict[str, int] = {}

    def moved(self, alarm: str, mono_ns: int) -> bool:
        """Take a transition; return whether the alarm begins to chatter by it."""
        moves = self._moves.setdefault(alarm, deque(maxlen=TRANSITIONS))
        moves.append(mono_ns)
        if alarm in self._last_ns:
            self._last_ns[alarm] = mono_ns
            return False
        begins = len(moves) == TRANSITIONS and mono_ns - moves[0] <= CHATTER_NS
        if begins:
            self._last_ns[alarm] = mono_ns
        return begins

    def is_chattering(self, alarm: str) -> bool:
        """Whether this alarm chatters."""
        return alarm in self._last_ns

    def tick(self, mono_ns: int) -> None:
        """Forget what is past."""
        for alarm in [one for one, last in self._last_ns.items() if mono_ns - last >= CALM_NS]:
            del self._last_ns[alarm]
        for alarm in [one for one, moves in self._moves.items() if mono_ns - moves[-1] > CHATTER_NS]:
            del self._moves[alarm]

    def __len__(self) -> int:
        return len(self._last_ns)


class Flood:
    """Whether there is a flood. `began` is ``None`` while there is none."""

    def __init__(self) -> None:
        """Start without."""
        self._recent: deque[Since] = deque(maxlen=FLOOD_ABOVE + 1)
        self.began: Since | None = None
        self._count = 0

    def annunciated(self, mono_ns: int) -> list[Draft]:
        """Take one more annunciation; return the event when a flood begins."""
        self._recent.append(Since(mono_ns))
        if self.began is not None:
            self._count += 1
        elif self._within(mono_ns) > FLOOD_ABOVE:
            self.began, self._count = self._recent[0], len(self._recent)
            return [_event("begin", annunciated=self._count)]
        return []

    def tick(self, mono_ns: int) -> list[Draft]:
        """Return the event when a flood has ended: how many alarms it had, and how long it lasted."""
        if self.began is None or self._within(mono_ns) >= FLOOD_BELOW:
            return []
        lasted_s = round(self.began.elapsed_ns(mono_ns) / _S)
        self.began = None
        return [_event("end", annunciated=self._count, lasted_s=lasted_s)]

    def _within(self, mono_ns: int) -> int:
        """Return how many annunciations the last ten minutes had, as far as it matters."""
        return sum(since.elapsed_ns(mono_ns) < FLOOD_NS for since in self._recent)

    def snapshot(self) -> dict[str, Any]:
        """Return the state, for `restore`."""
        began = None if self.began is None else asdict(self.began)
        return {"recent": [asdict(since) for since in self._recent], "began": began, "count": self._count}

    @classmethod
    def restore(cls, state: Mapping[str, Any], taken: Now, now: Now) -> Flood:
        """Continue where `snapshot` was taken. Raises ValueError, KeyError or TypeError."""
        flood = cls()
        flood._recent.extend(carried(Since.read(since), taken, now) for since in state["recent"])
        flood.began = None if state["began"] is None else carried(Since.read(state["began"]), taken, now)
        flood._count = state["count"]
        return flood


def _event(state: str, **members: int) -> Draft:
    return {"kind": "event", "event": "alarm-flood", "state": state, **members}
