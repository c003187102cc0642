"""Statistics of points over a stretch of time: the level that fits, and nothing that would take too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from agent.caller import Request
from agent.clock import SystemClock
from agent.control import Unwilling
from agent.queries import Queries
from agent.trend import MOST_ROWS, finest, trend
from buffer.history import History
from buffer.history_row import Level, Row
from tests.agent.plant import boiler
from tests.buffer.history_rows import MINUTE_MS, row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
BEGIN = 1_782_800_040_000
NAMES = ("load", "so2")


def minute(at: int) -> Row:
    """Return the row of a minute; in the third nobody knew anything."""
    load = None if at == 2 else 40.0 + at
    members: dict[str, Any] = {"visit": "boiler", "names": NAMES, "avg": (load, 20.0), "least": (load, 19.0)}
    members |= {"most": (load, 21.0), "n": (0 if load is None else 60, 60), "valid": (load is not None, True)}
    members |= {"flag": "BN" if load is None else "NN", "total": (None, None), "turn": "  "}
    return row(BEGIN + at * MINUTE_MS, **members)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """Return a history with five minutes of a boiler."""
    made = History(tmp_path, now_ms=0)
    made.write([minute(at) for at in range(5)])
    yield made
    made.close()


def asked(history: History, **words: Any) -> dict[str, Any]:
    """Ask, let the thread of the queries work, and return the answer as it goes out."""
    queries = Queries(SystemClock())
    stretch = {"points": ["boiler.load"], "from_ms": BEGIN, "to_ms": BEGIN + HOUR_MS}
    later = trend(Request({"do": "trend", **stretch, **words}, 1000), [boiler()], history, queries)
    assert not later.futures[0].done()
    queries.stop()
    queries.run()
    answer: dict[str, Any] = orjson.loads(orjson.dumps(later.answer()))
    return answer


def test_each_period_is_a_row_and_what_is_not_known_is_null(history: History) -> None:
    """Columns of one length, ordered by start; the end does not belong to the stretch."""
    answer = asked(history, to_ms=BEGIN + 4 * MINUTE_MS)

    assert answer["level"] == "minute"
    assert answer["series"]["boiler.load"] == {
        "start_ms": [BEGIN + at * MINUTE_MS for at in range(4)],
        "span_ms": [MINUTE_MS] * 4,
        "avg": [40.0, 41.0, None, 43.0],
        "min": [40.0, 41.0, None, 43.0],
        "max": [40.0, 41.0, None, 43.0],
        "n": [60, 60, 0, 60],
        "valid": [True, True, False, True],
        "flag": ["N", "N", "B", "N"],
        "total": [None] * 4,
    }


def test_several_points_are_asked_for_at_once(history: History) -> None:
    """Twice the same is once."""
    answer = asked(history, points=["boiler.load", "boiler.so2", "boiler.load"])

    assert list(answer["series"]) == ["boiler.load", "boiler.so2"]
    assert answer["series"]["boiler.so2"]["avg"] == [20.0] * 5


def test_a_level_can_be_named(history: History) -> None:
    """Hours and days are there, once they are over."""
    history.write([row(BEGIN, visit="boiler", level=Level.HOUR, names=NAMES, span_ms=HOUR_MS)])

    assert asked(history, level="hour")["series"]["boiler.load"]["span_ms"] == [HOUR_MS]
    assert asked(history, level="day")["series"]["boiler.load"]["span_ms"] == []


FINEST = {
    "an hour": (HOUR_MS, "minute"),
    "as many minutes as fit": (MOST_ROWS * MINUTE_MS, "minute"),
    "one more": (MOST_ROWS * MINUTE_MS + 1, "ten"),
    "a week": (7 * DAY_MS, "ten"),
    "a month": (30 * DAY_MS, "hour"),
    "a year": (366 * DAY_MS, "day"),
    "longer than anything is kept": (10_000 * DAY_MS, "day"),
}


@pytest.mark.parametrize(("span_ms", "level"), FINEST.values(), ids=FINEST)
def test_the_finest_level_that_a_screen_can_show_is_chosen(span_ms: int, level: str) -> None:
    """At most about 1500 rows."""
    assert finest(span_ms) == level


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no points": ({"points": []}, "a list of 1 to 8 points"),
    "a text for points": ({"points": "boiler.load"}, "a list of 1 to 8 points"),
    "nine points": ({"points": [f"boiler.p{at}" for at in range(9)]}, "a list of 1 to 8 points"),
    "a point that is a number": ({"points": [1]}, "a list of 1 to 8 points"),
    "a point there is not": ({"points": ["boiler.laod"]}, "no point 'boiler.laod'"),
    "a device there is not": ({"points": ["x.load"]}, "no point 'x.load'"),
    "no name": ({"points": ["boiler"]}, "no point 'boiler'"),
    "a level there is not": ({"level": "year"}, "level must be one of minute, ten, hour, day"),
    "a level of another kind": ({"level": ["day"]}, "level must be one of"),
    "backwards": ({"to_ms": BEGIN}, "from_ms must be before to_ms"),
    "no beginning": ({"from_ms": None}, "from_ms must be milliseconds"),
    "a beginning in words": ({"from_ms": "yesterday"}, "from_ms must be milliseconds"),
    "before 1970": ({"from_ms": -1}, "from_ms must be milliseconds"),
    "a truth for a time": ({"to_ms": True}, "to_ms must be milliseconds"),
    "beyond all calendars": ({"to_ms": 2**60}, "to_ms must be milliseconds"),
    "a year of minutes": ({"level": "minute", "to_ms": BEGIN + 366 * DAY_MS}, "527041 rows are more than"),
}


@pytest.mark.parametrize(("words", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_looked_up_is_refused_in_words(history: History, words: dict[str, Any], why: str) -> None:
    """Before anything is looked up."""
    with pytest.raises(Unwilling, match=why):
        asked(history, **words)


def test_a_history_that_cannot_be_read_is_told(tmp_path: Path, history: History) -> None:
    """As a refusal in words, like everything else."""
    history.close()
    (tmp_path / "history.db").write_bytes(b"no database" * 1000)

    with pytest.raises(Unwilling, match=r"history\.db"):
        asked(history)
