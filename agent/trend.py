"""``{"do": "trend", …}``: statistics of points over a stretch of time.

    {"do":"trend","points":["press-1.power"],"level":null,"from_ms":1782800000000,"to_ms":1782886400000}
    {"level":"minute","series":{"press-1.power":{"start_ms":[…],"span_ms":[…],"avg":[…],"min":[…],"max":[…],"n":[…],
                                                "valid":[…],"flag":[…],"total":[…]}}}

One entry for each period that was kept, ordered by start; a period nobody saw is not there. Without a `level`, the
finest that gives at most about `MOST_ROWS` rows. Looked up on the thread of the queries (`agent.queries`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from agent.control import Unwilling
from agent.queries import looked_up
from buffer.history_row import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.caller import Answer, Later, Request
    from agent.queries import Queries
    from buffer.history import Columns, History
    from config.site import Device

WORDS: Final = ("points", "level", "from_ms", "to_ms")
MOST_POINTS: Final = 8
MOST_ROWS: Final = 1500
"""What a screen can show side by side."""
MOST_ENTRIES: Final = 50_000
"""Rows times points of one answer: a month of minutes of one point."""
LEVELS: Final = {"minute": Level.MINUTE, "ten": Level.TEN, "hour": Level.HOUR, "day": Level.DAY}
SPAN_MS: Final = {"minute": 60_000, "ten": 600_000, "hour": 3_600_000, "day": 86_400_000}
_COLUMNS: Final = {"avg": "avg", "min": "least", "max": "most"} | {one: one for one in ("n", "valid", "flag", "total")}
_YEAR_10000_MS: Final = 253_402_300_800_000


def trend(request: Request, devices: Iterable[Device], history: History, queries: Queries) -> Later:
    """Ask for the statistics of points of `devices`. Raises Unwilling."""
    words = request.words
    points = _points(words, {device.spec.name: device for device in devices})
    from_ms, to_ms = (_moment(words, name) for name in ("from_ms", "to_ms"))
    if from_ms >= to_ms:
        raise Unwilling("from_ms must be before to_ms")
    level = _level(words.get("level"), to_ms - from_ms, len(points))

    def work() -> Answer:
        found = {f"{one}.{name}": history.query(one, name, LEVELS[level], from_ms, to_ms) for one, name in points}
        series = {point: _told(columns) for point, columns in found.items()}
        return {"level": level, "series": orjson.Fragment(orjson.dumps(series))}

    return looked_up(queries, work)


def finest(span_ms: int) -> str:
    """Return the finest level that has at most about `MOST_ROWS` rows in so much time; a day where none has."""
    return next((level for level, each_ms in SPAN_MS.items() if span_ms <= MOST_ROWS * each_ms), "day")


def _level(wanted: Any, span_ms: int, points: int) -> str:
    level = finest(span_ms) if wanted is None else wanted
    if not isinstance(level, str) or level not in LEVELS:
        raise Unwilling(f"level must be one of {', '.join(LEVELS)}, or null")
    rows = points * (span_ms // SPAN_MS[level] + 1)
    if rows > MOST_ENTRIES:
        raise Unwilling(f"{rows} rows are more than {MOST_ENTRIES}: ask for less time, fewer points or a coarser level")
    return level


def _points(words: Mapping[str, Any], devices: Mapping[str, Device]) -> list[tuple[str, str]]:
    """Return the points that are asked for, as device and name."""
    asked = words.get("points")
    listed: list[Any] = asked if isinstance(asked, list) else []
    if not 0 < len(listed) <= MOST_POINTS or not all(isinstance(one, str) for one in listed):
        raise Unwilling(f'"points" is a list of 1 to {MOST_POINTS} points like "press-1.power"')
    found = []
    for ref in dict.fromkeys(listed):
        device, _, name = ref.partition(".")
        if device not in devices or all(info.name != name or not info.is_number for info in devices[device].info):
            raise Unwilling(f"the site has no point {ref!r} that is a number")
        found.append((device, name))
    return found


def _moment(words: Mapping[str, Any], name: str) -> int:
    value = words.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _YEAR_10000_MS:
        raise Unwilling(f"{name} must be milliseconds since 1970")
    return value


def _told(columns: Columns) -> dict[str, Any]:
    times = {"start_ms": columns.start_ms, "span_ms": columns.span_ms}
    return times | {name: getattr(columns, column) for name, column in _COLUMNS.items()}
