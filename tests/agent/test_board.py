"""One line a second with everything that moves: whole, of this moment, and never waiting for anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from agent.board import FRESH_NS, OLDEST_NS, STALE_NS, Board, Oldest, Sources, counted, disk, shown
from agent.clock import SystemClock
from agent.queries import MOST_WAITING, Queries
from agent.sight import Sight
from buffer.errors import StoreFailed
from buffer.space import Usage
from drivers.reading import Scan
from tests.agent.plant import SECOND, boiler
from tests.agent.test_pipeline import Host

STAMP = "2026-07-01T06:30:00.000Z"


def row(alarm: str, status: str = "unacknowledged", *, active: bool = True, escalated: bool = False) -> dict[str, Any]:
    """Return as much of an alarm as the board looks at."""
    return {"alarm": alarm, "status": status, "active": active, "escalated": escalated}


SIGHT = Sight(
    mono_ns=100 * SECOND,
    facilities={"press": {"state": "run", "since_ms": 5}},
    lines={"paint": {"production": "run", "treatment": "off"}},
    version=7,
    alarms=[row("a")],
    orders=[],
    tasks_overdue=2,
    derived=[(boiler(name="sum"), Scan("sum", 0, 99 * SECOND, (40.0, 20, "x", True), "NNNN"))],
)
EMPTY = Usage(
    bytes=10, limit=100, share=0.1, head=5, waiting=0, oldest_waiting=None, waiting_share=0.0, level=0, squeezed=False
)


class FakeJournal:
    """A store that says what a test wants."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.wire: bytes | None = orjson.dumps({"ts": STAMP})
        self.fails = False

    def record(self, seq: int) -> bytes | None:
        """Return a record."""
        self.asked.append(seq)
        if self.fails:
            raise StoreFailed("no answer", where=Path(__file__), hint="", corrupt=False)
        return self.wire


class Scene:
    """A board, and everything it looks at."""

    def __init__(self, path: Path) -> None:
        self.host = Host()
        self.clock = SystemClock(host=self.host)
        self.journal = FakeJournal()
        self.queries = Queries(self.clock)
        self.sight: Sight | None = SIGHT
        self.looks = 0
        self.usage = EMPTY
        sources = Sources(
            software="plantgate t",
            state_dir=path,
            clock=self.clock,
            pollers=list,
            look=self._look,
            cfg=lambda: "c0ffee",
            code=lambda: {"plant": "green", "lines": {}},
            usage=lambda: self.usage,
            uplink=lambda: None,
        )
        self.board = Board(sources, self.journal, self.queries)  # type: ignore[arg-type]

    def _look(self) -> Sight | None:
        self.looks += 1
        return self.sight

    def line(self) -> dict[str, Any]:
        """Return the line, as it goes out."""
        line: dict[str, Any] = orjson.loads(orjson.dumps(self.board.line()))
        return line

    def pass_(self, ns: int) -> None:
        """Let time pass; the pipeline shows how things stand."""
        self.host.now_ns += ns
        self.sight = replace(SIGHT, mono_ns=self.host.now_ns)

    def look_up(self) -> None:
        """Let the thread of the queries do what waits for it."""
        self.queries.stop()
        self.queries.run()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Return a board."""
    return Scene(tmp_path)


def test_the_line_has_everything_that_moves(scene: Scene) -> None:
    """Each part where those who follow look for it."""
    line = scene.line()

    assert line["alarms"] == {"version": 7, "active": 1, "unacknowledged": 1, "escalated": 0, "rows": [row("a")]}
    assert line["facilities"] == SIGHT.facilities
    assert line["lines"] == SIGHT.lines
    assert line["clock"] == {"q": "unsync", "source": ""}
    assert (line["software"], line["cfg"], line["code"]["plant"]) == ("plantgate t", "c0ffee", "green")
    assert (line["tasks_overdue"], line["orders"], line["uplink"], line["seen_s"]) == (2, [], None, 0.0)
    assert line["outbox"] == {"waiting": 0, "oldest_ts": None, "bytes": 10, "limit": 100}
    assert line["disk"]["total"] >= line["disk"]["free"] > 0
    assert line["process"].keys() == {"rss", "cpu_s", "up_s"}


def test_derived_points_stand_beside_the_instruments(scene: Scene) -> None:
    """With their age, and without a bus of their own."""
    told = scene.line()["devices"]["sum"]

    assert told["values"] == {"load": 40.0, "so2": 20, "model": "x", "burner": True}
    assert (told["bus"], told["age_s"], told["last_fault"]) == ("modbus", 1.0, None)


def test_there_is_no_line_before_the_pipeline_has_looked(scene: Scene) -> None:
    """An empty list of alarms would say that there are none."""
    scene.sight = None
    assert scene.board.line() is None
    scene.sight = SIGHT
    scene.host.now_ns += FRESH_NS

    assert scene.board.line() is not None


def test_many_who_follow_cost_one_line(scene: Scene) -> None:
    """It is made anew for none of them within a moment."""
    lines = [scene.board.line() for _ in range(20)]
    assert scene.looks == 1
    assert all(line is lines[0] for line in lines)
    scene.pass_(FRESH_NS)
    assert scene.board.line() is not lines[0]


def test_what_was_shown_long_ago_is_not_how_things_stand() -> None:
    """While the pipeline waits for a disk its states become unknown, and the age is told."""
    told = shown(SIGHT, SIGHT.mono_ns + STALE_NS + SECOND)

    assert told["seen_s"] == 11.0
    assert told["facilities"] == {"press": {"state": "unknown", "since_ms": None}}
    assert told["lines"] == {"paint": {"production": "unknown", "treatment": "unknown"}}
    assert shown(SIGHT, SIGHT.mono_ns + STALE_NS)["facilities"] == SIGHT.facilities


COUNTED: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "unacknowledged": (row("a"), (1, 1, 0)),
    "acknowledged": (row("a", "acknowledged"), (1, 0, 0)),
    "gone, not acknowledged": (row("a", "returned", active=False), (0, 1, 0)),
    "waits for its reset": (row("a", "latched", active=False), (0, 0, 0)),
    "shelved": (row("a", "shelved", escalated=True), (1, 0, 1)),
    "suppressed": (row("a", "suppressed", escalated=True), (0, 0, 0)),
    "out of service": (row("a", "out-of-service"), (0, 0, 0)),
}


@pytest.mark.parametrize(("one", "counts"), COUNTED.values(), ids=COUNTED)
def test_alarms_are_counted_as_people_see_them(one: dict[str, Any], counts: tuple[int, int, int]) -> None:
    """Active, asking for somebody, escalated."""
    assert tuple(counted([one]).values()) == counts


# --- what only the disk knows ----------------------------------------------------------------------------------------


def test_the_oldest_record_is_dated_by_another_thread(scene: Scene) -> None:
    """Not known at first; then the date, without asking again for the same record."""
    scene.usage = replace(EMPTY, waiting=3, oldest_waiting=41)
    assert scene.line()["outbox"]["oldest_ts"] is None
    scene.look_up()
    for _ in range(3):
        scene.pass_(OLDEST_NS)
        assert scene.line()["outbox"]["oldest_ts"] == STAMP

    assert scene.journal.asked == [41]


def test_another_oldest_record_is_asked_for_now_and_then(scene: Scene) -> None:
    """A backlog that is being sent has another every moment."""
    oldest = Oldest(scene.journal, scene.queries)  # type: ignore[arg-type]
    for second in range(11):
        oldest.ts(100 + second, (1000 + second) * SECOND)
        scene.look_up()

    assert scene.journal.asked == [100, 105, 110]
    assert oldest.ts(None, 2000 * SECOND) is None


@pytest.mark.parametrize(("wire", "fails"), [(None, False), (b"{}", False), (b"half", False), (b"{}", True)])
def test_a_record_without_a_date_has_none(scene: Scene, wire: bytes | None, fails: bool) -> None:
    """Nor has one that is gone, has rotted, or lies on a disk that gives no answer."""
    scene.journal.wire, scene.journal.fails = wire, fails
    oldest = Oldest(scene.journal, scene.queries)  # type: ignore[arg-type]
    assert oldest.ts(41, 0) is None
    scene.look_up()

    assert oldest.ts(41, SECOND) is None


def test_a_busy_disk_is_not_waited_for(scene: Scene) -> None:
    """More questions than may wait are not asked."""
    for _ in range(MOST_WAITING):
        scene.queries.ask(lambda: None)

    assert Oldest(scene.journal, scene.queries).ts(41, 0) is None  # type: ignore[arg-type]
    scene.look_up()
    assert scene.journal.asked == []


def test_a_directory_that_is_gone_has_no_room(tmp_path: Path) -> None:
    """Not known is null, never zero."""
    assert disk(tmp_path / "gone") == {"free": None, "total": None}


def test_a_slow_query_is_no_reason_to_end_the_agent(scene: Scene) -> None:
    """While one is under way the thread counts as moving; what it raises is told to who asked."""
    seen: list[int] = []

    def slow() -> None:
        scene.host.now_ns += 100 * SECOND
        seen.append(scene.queries.progress())
        raise ValueError("broken")

    future = scene.queries.ask(slow)
    unwanted = scene.queries.ask(lambda: seen.append(0))
    unwanted.cancel()
    scene.look_up()

    assert seen == [scene.host.now_ns]
    assert isinstance(future.exception(), ValueError)
