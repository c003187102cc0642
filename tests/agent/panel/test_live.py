"""The stream: what viewers are told, when, and what many of them cost."""

from __future__ import annotations

import asyncio
import copy
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from starlette.requests import Request

from agent.panel import live
from agent.panel.agency import Live
from agent.panel.edition import Press
from agent.panel.words import Words
from tests.agent.panel.believable import FOLLOW, SITE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from tests.agent.panel.rig import Rig

Told = tuple[str, dict[str, Any]]


class Stage:
    """A panel with nothing but a board, on which a test puts lines by hand."""

    def __init__(self) -> None:
        self.board = Live()
        self.is_open = True
        agency = SimpleNamespace(live=self.board, site=self.site)
        sessions = SimpleNamespace(is_open=lambda _session, _now: self.is_open)
        settings = SimpleNamespace(language="zh")
        house = SimpleNamespace(
            agency=agency, sessions=sessions, settings=settings, words=Words(), mono_ns=lambda: 0, wall_ms=lambda: 0
        )
        self.app = SimpleNamespace(state=SimpleNamespace(house=house))

    async def site(self) -> dict[str, Any]:
        """Return the believable site."""
        return SITE

    def viewer(self, language: str = "en") -> AsyncIterator[bytes]:
        """Return the stream of somebody who is logged in."""
        headers = [(b"cookie", f"language={language}".encode())]
        scope = {"type": "http", "app": self.app, "headers": headers, "state": {"session": object()}}
        return live._stream(Request(cast("dict[str, Any]", scope)))

    def show(self, power: float) -> None:
        """Put a new line on the board."""
        line = copy.deepcopy(FOLLOW)
        line["devices"]["press-1"]["values"]["power"] = power
        self.board.show(line)


async def heard(stream: AsyncIterator[bytes]) -> Told:
    """Return the next event: its name and its data."""
    event = await asyncio.wait_for(anext(stream), 5)
    head, _, data = event.decode().partition("\ndata: ")
    return head.rpartition("event: ")[2], orjson.loads(data)


def run(play: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    """Play a scene on a new stage."""

    async def played() -> None:
        await play(Stage())

    asyncio.run(played())


def test_first_everything_then_what_has_changed() -> None:
    """A viewer gets words, the whole board, and from then on only what is different."""

    async def play(stage: Stage) -> None:
        stage.show(87.4)
        stream = stage.viewer()
        assert (await heard(stream))[1]["words"]["silence"] == "Silence (does not acknowledge)"
        name, whole = await heard(stream)
        assert name == "board"
        assert whole["text"]["facility:press-1"] == "running"
        assert whole["alarms"]["version"] == 12
        stage.show(90.0)
        assert (await heard(stream))[1]["text"] == {"value:press-1.power": "90.0"}

    run(play)


def test_who_missed_a_line_gets_the_whole_board() -> None:
    """A slow viewer never ends up with half of an edition."""

    async def play(stage: Stage) -> None:
        slow, quick = stage.viewer(), stage.viewer()
        stage.show(1.0)
        for stream in (slow, quick):
            await heard(stream)
            await heard(stream)
        stage.show(2.0)
        await heard(quick)
        stage.show(3.0)
        assert (await heard(quick))[1]["text"] == {"value:press-1.power": "3.0"}
        _, told = await heard(slow)
        assert told["text"]["value:press-1.power"] == "3.0"
        assert len(told["text"]) > 20

    run(play)


def test_an_agent_that_goes_is_told_at_once() -> None:
    """The board that was is gone for all; when the agent is back, everybody gets it whole again."""

    async def play(stage: Stage) -> None:
        stage.show(1.0)
        stream = stage.viewer()
        await heard(stream)
        await heard(stream)
        stage.board.show(None)
        assert await heard(stream) == ("away", {})
        stage.show(1.0)
        assert len((await heard(stream))[1]["text"]) > 20

    run(play)


def test_an_agent_that_says_nothing_is_told_as_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that hangs looks like none, and is told again and again: that is the heartbeat."""
    monkeypatch.setattr(live, "QUIET_S", 0.01)

    async def play(stage: Stage) -> None:
        stage.show(1.0)
        stream = stage.viewer()
        await heard(stream)
        await heard(stream)
        assert await heard(stream) == ("away", {})
        assert await heard(stream) == ("away", {})

    run(play)


def test_a_stream_ends_with_its_session() -> None:
    """Whoever is logged out sees nothing more."""

    async def play(stage: Stage) -> None:
        stage.show(1.0)
        stream = stage.viewer()
        await heard(stream)
        await heard(stream)
        stage.is_open = False
        stage.show(2.0)
        with pytest.raises(StopAsyncIteration):
            await heard(stream)
        assert live.newsroom(Request({"type": "http", "app": stage.app})).streams == 0

    run(play)


def test_many_viewers_cost_one_edition_for_each_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty viewers in two languages: every line of the agent is put into words twice, not fifty times."""
    made = 0
    edition = Press.edition

    def counted(press: Press, board: dict[str, Any]) -> Any:
        nonlocal made
        made += 1
        return edition(press, board)

    monkeypatch.setattr(Press, "edition", counted)

    async def play(stage: Stage) -> None:
        streams = [stage.viewer(("zh", "en")[at % 2]) for at in range(50)]
        stage.show(0.0)
        await asyncio.gather(*(heard(stream) for stream in streams))
        for power in range(1, 4):
            stage.show(float(power))
            told = await asyncio.gather(*(heard(stream) for stream in streams))
            assert all(one[1]["text"]["value:press-1.power"] == f"{power}.0" for one in told)

    run(play)
    assert made == 2 * 3


def test_viewers_of_one_language_share_the_bytes() -> None:
    """What is told is encoded once: two viewers get the very same object."""

    async def play(stage: Stage) -> None:
        one, other = stage.viewer(), stage.viewer()
        stage.show(1.0)
        for stream in (one, other):
            await heard(stream)
        assert await anext(one) is await anext(other)
        stage.show(2.0)
        assert await anext(one) is await anext(other)

    run(play)


def test_one_event_is_one_line_of_data() -> None:
    """Line ends in a text cannot break the stream: JSON writes them as escapes."""
    event = live.told("board", {"text": {"a": "one\ntwo\r\nevent: away"}})
    assert event.count(b"\n") == 3
    assert event.endswith(b"\n\n")


def test_too_many_streams_are_refused(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The box has other things to do: beyond the limit a page just does not move."""
    monkeypatch.setattr(live, "MOST_STREAMS", 0)
    rig.login("viewer")
    assert rig.get("/live").status_code == 503


def test_nobody_listens_without_login(rig: Rig) -> None:
    """The stream is as closed as the pages."""
    assert rig.get("/live").status_code in (303, 401)
    assert rig.post("/live/silence").status_code == 401


def test_silence_is_recorded_and_acknowledges_nothing(rig: Rig) -> None:
    """The agent is told who silenced a screen; no alarm is acknowledged by it."""
    rig.login("operator")
    assert rig.post("/live/silence").status_code == 204
    rig.wait_for(lambda: any(words["event"] == "silence" for words in rig.door.asked("audit")))
    told = next(words for words in rig.door.asked("audit") if words["event"] == "silence")
    assert (told["user"], bool(told["address"])) == ("operator", True)
    assert rig.door.asked("acknowledge") == []
