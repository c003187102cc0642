"""How amounts are said on a page: moments, durations, sizes, shares; "—" for what is not known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from agent.panel import moments
from agent.panel.house import house
from agent.panel.page import t
from agent.panel.readings import figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

UNKNOWN: Final = "—"
_LASTED: Final = {
    "second": "lasted.second",
    "minute": "lasted.minute",
    "hour": "lasted.hour",
    "day": "lasted.day",
}
_STEP: Final = 1000.0


def zone_of(site: Mapping[str, Any]) -> ZoneInfo:
    """Return the zone whose clock the people of the site read."""
    return ZoneInfo(site["timezone"])


def now_ms(request: Request) -> int:
    """Return what the agent's clock said last, ms since 1970; the panel's own while the agent says nothing."""
    found = house(request)
    board = found.agency.live.board
    told = moments.of_record(board["ts"]) if board else None
    return found.wall_ms() if told is None else told


def spoken(request: Request, site: Mapping[str, Any]) -> dict[str, Any]:
    """Return what templates say amounts with: functions that return texts."""
    zone = zone_of(site)
    return {
        "lasted": partial(lasted, request),
        "moment": lambda ts, **how: moments.local(moments.of_record(ts), zone, **how) or UNKNOWN,
        "at": lambda wall_ms, **how: moments.local(wall_ms, zone, **how) or UNKNOWN,
        "size": size,
        "share": share,
        "figure": lambda value, decimals=None: figure(value, decimals) or UNKNOWN,
    }


def lasted(request: Request, seconds: float | None) -> str:
    """Return a duration in the viewer's language: 12 s, 5 min, 3 h, 2 d."""
    if seconds is None:
        return UNKNOWN
    word, amount = moments.lasted(seconds)
    return t(request, _LASTED[word], n=amount)


def size(count: float | None) -> str:
    """Return a number of bytes: 512 B, 61 MB, 4.3 GB."""
    if count is None:
        return UNKNOWN
    for unit in ("B", "kB", "MB", "GB"):
        if count < _STEP:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"  # noqa: PLR2004
        count /= _STEP
    return f"{count:.1f} TB"


def share(part: float | None, digits: int = 0) -> str:
    """Return a share of one in percent."""
    return UNKNOWN if part is None else f"{100 * part:.{digits}f} %"
