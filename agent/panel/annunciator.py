"""Light and horn: what a control room hears and sees of unacknowledged alarms, without anybody looking at a screen.

After sequence A of ISA-18.1 (automatic reset), with the priorities of ISA-18.2:

    an alarm nobody has acknowledged       light blinks, fast for high and critical; horn, from a priority on
    only acknowledged alarms are active    light is steady, horn is quiet
    nothing                                both are off
    the agent cannot be reached            light blinks slowly: nobody watches; horn is quiet

Silence stops the horn until the next new alarm, and acknowledges nothing. What is shelved, suppressed or out of service
does not count. What to show is decided by `Annunciator`, which knows no hardware; `agent.panel.tower` shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

PRIORITIES: Final = ("low", "medium", "high", "critical")
_URGENT: Final = PRIORITIES.index("high")
_ANNOUNCED: Final = frozenset({"unacknowledged", "returned", "acknowledged", "latched"})
_UNSEEN: Final = frozenset({"unacknowledged"})


class Light(StrEnum):
    """What the light does."""

    OFF = "off"
    STEADY = "steady"
    SLOW = "slow"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Signal:
    """What light and horn do, and the highest priority nobody has acknowledged (``None``: there is none)."""

    light: Light
    horn: bool
    priority: str | None


DARK: Final = Signal(Light.OFF, horn=False, priority=None)
UNWATCHED: Final = Signal(Light.SLOW, horn=False, priority=None)
"""The agent is away: nobody judges the plant."""


class Annunciator:
    """Decides what to signal, from one look at the alarms to the next. Not for several threads."""

    def __init__(self, horn_from: str) -> None:
        """Sound for unacknowledged alarms of priority `horn_from` and above (low | medium | high | critical)."""
        self._horn_from = PRIORITIES.index(horn_from)
        self._unseen: frozenset[tuple[str, str]] = frozenset()
        self._silenced: frozenset[tuple[str, str]] = frozenset()
        self.signal = UNWATCHED

    def see(self, rows: Sequence[Mapping[str, Any]] | None) -> Signal:
        """Take the alarms that are not normal (rows of verb ``alarms``; ``None``: the agent is away).

        What was silenced stays silenced while the agent is away. An alarm that came again is a new one: it is known by
        its name and since when it is active.
        """
        if rows is None:
            self.signal = UNWATCHED
            return self.signal
        ranks = {_key(row): PRIORITIES.index(row["priority"]) for row in rows if row["status"] in _UNSEEN}
        self._unseen = frozenset(ranks)
        self._silenced &= self._unseen
        loud = [rank for key, rank in ranks.items() if key not in self._silenced]
        self.signal = Signal(
            light=_light(ranks.values(), is_any=any(row["status"] in _ANNOUNCED for row in rows)),
            horn=any(rank >= self._horn_from for rank in loud),
            priority=PRIORITIES[max(ranks.values())] if ranks else None,
        )
        return self.signal

    def silence(self) -> Signal:
        """Stop the horn until an alarm comes that is not there now."""
        self._silenced = self._unseen
        self.signal = Signal(self.signal.light, horn=False, priority=self.signal.priority)
        return self.signal


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["alarm"], str(row.get("since"))


def _light(ranks: Collection[int], *, is_any: bool) -> Light:
    if ranks:
        return Light.FAST if max(ranks) >= _URGENT else Light.SLOW
    return Light.STEADY if is_any else Light.OFF
