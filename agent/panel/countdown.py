"""The ladder of an alarm in words: when it will be told to the authority, or when it was. Pure.

An alarm belongs to the plant until it has been active for 90 minutes, unless its rule says otherwise
(``escalate_after``); then it is escalated. Neither acknowledging nor shelving stops that clock (docs/alarms.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from agent.panel.moments import lasted

if TYPE_CHECKING:
    from collections.abc import Mapping

SOON_S: Final = 900
"""The last quarter of an hour is shown with more weight."""
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600

Standing = Literal["none", "counting", "soon", "told"]


@dataclass(frozen=True, slots=True)
class Ladder:
    """How an alarm stands to the authority. `left_s` while it counts; `told_ms` is when it was told, if that is known.

    ``none``: it is not active, suppressed by design, or its rule never escalates.
    """

    standing: Standing
    left_s: int | None = None
    told_ms: int | None = None


def ladder(row: Mapping[str, Any], now_ms: int | None) -> Ladder:
    """Return how a row of verb ``alarms`` stands; `now_ms` is the wall time of the row, ``None`` while not known.

    The agent tells ``escalates_in_s`` (``None``: never) and ``escalated_s``, how long ago it was escalated.
    """
    if row["escalated"]:
        ago_s = row["escalated_s"]
        return Ladder("told", told_ms=None if now_ms is None or ago_s is None else now_ms - round(ago_s * 1000))
    left_s = row["escalates_in_s"]
    if left_s is None:
        return Ladder("none")
    return Ladder("soon" if left_s <= SOON_S else "counting", left_s=left_s)


def duration(seconds: float) -> str:
    """Return a short duration with the signs of the units, the same in every language: 41 min, 3 h 12 min, 2 d 4 h."""
    if seconds < 2 * _MINUTE_S:
        return f"{max(0, round(seconds))} s"
    if seconds < 2 * _HOUR_S:
        return f"{int(seconds // _MINUTE_S)} min"
    minutes = int(seconds // _MINUTE_S)
    if lasted(seconds)[0] == "day":
        days, hours = divmod(minutes // 60, 24)
        return f"{days} d {hours} h" if hours else f"{days} d"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def minutes(seconds: float) -> int:
    """Return what is left in minutes, a begun one counted whole."""
    return max(1, -(-round(seconds) // _MINUTE_S))
