"""What the panel asks of the agent, and what it does while the agent is away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from agent.panel import agency as module
from agent.panel.agency import Agency, Away, Refused
from tests.agent.panel.believable import FOLLOW, SITE
from tests.agent.panel.rig import HandClock, Rig, rigged
from tests.agent.panel.scripted_door import ScriptedDoor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def door(tmp_path: Path) -> Iterator[ScriptedDoor]:
    """Return an agent that only pretends."""
    with ScriptedDoor(tmp_path / "panel.sock") as there:
        yield there


def agency(door: ScriptedDoor) -> Agency:
    """Return an agency that asks at this door."""
    return Agency(door.path, HandClock().mono_ns)


async def soon(is_so: Callable[[], Any]) -> None:
    """Wait until something is so, at most ten seconds."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 -- many kinds of things are waited for
            await asyncio.sleep(0.01)


def test_a_question_gets_its_answer(door: ScriptedDoor) -> None:
    """One line out, one line in."""
    door.answers["acknowledge"] = {"done": ["a"]}

    assert asyncio.run(agency(door).ask({"do": "acknowledge", "alarm": "a", "user": "王"})) == {"done": ["a"]}
    assert door.heard == [{"do": "acknowledge", "alarm": "a", "user": "王"}]


def test_a_refusal_says_why(door: ScriptedDoor) -> None:
    """In the agent's words."""
    door.answers["order"] = {"error": "there is no line 'x'"}

    with pytest.raises(Refused, match="no line 'x'"):
        asyncio.run(agency(door).ask({"do": "order"}))


NONSENSE = {"nothing": b"", "half a line": b'{"a":', "no JSON": b"hello\n", "no object": b"[1]\n"}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_no_answer(tmp_path: Path, case: str) -> None:
    """Whatever comes instead of an answer, the agent counts as away."""

    async def asked() -> None:
        async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(NONSENSE[case])
            writer.close()

        server = await asyncio.start_unix_server(nonsense, tmp_path / "s")
        with pytest.raises(Away):
            await Agency(tmp_path / "s", HandClock().mono_ns).ask({"do": "site"})
        server.close()

    asyncio.run(asked())


def test_an_agent_that_says_nothing_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page does not wait for ever."""
    monkeypatch.setattr(module, "ANSWER_S", 0.1)

    async def asked() -> None:
        server = await asyncio.start_unix_server(lambda _, __: asyncio.sleep(5), tmp_path / "s")
        with pytest.raises(Away, match="does not answer"):
            await Agency(tmp_path / "s", HandClock().mono_ns).ask({"do": "site"})
        server.close()

    asyncio.run(asked())


def test_without_an_agent_it_is_away(tmp_path: Path) -> None:
    """No socket, or nobody behind it; also at a path longer than sockets take."""
    folder = tmp_path / ("long-" * 40)
    folder.mkdir()
    for path in (tmp_path / "none", folder / "none"):
        with pytest.raises(Away, match="no such file"):
            asyncio.run(Agency(path, HandClock().mono_ns).ask({"do": "site"}))


def test_few_questions_are_asked_at_once(door: ScriptedDoor) -> None:
    """The agent's door has room for few callers: a crowd of viewers takes turns."""
    now, most = [0], [0]
    visit = door._visit

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.005)
        await visit(reader, writer)
        now[0] -= 1

    door._visit = counted  # type: ignore[method-assign]

    async def crowd() -> None:
        asking = agency(door)
        await asyncio.gather(*(asking.ask({"do": "site"}) for _ in range(40)))

    asyncio.run(crowd())

    assert len(door.asked("site")) == 40
    assert 1 <= most[0] <= module.MOST_AT_ONCE + 1  # one that just leaves may still be counted


def test_the_site_is_asked_once_for_each_configuration(door: ScriptedDoor) -> None:
    """And anew when the board says that it is another one."""

    async def looked() -> None:
        asking = agency(door)
        following = asyncio.create_task(asking.run())
        await soon(lambda: asking.live.board)
        for _ in range(3):
            assert (await asking.site())["gateway"] == "jn-0417"
        assert len(door.asked("site")) == 1
        door.answers["follow"] = FOLLOW | {"cfg": "another"}
        door.answers["site"] = SITE | {"cfg": "another", "gateway": "jn-0418"}
        await soon(lambda: (asking.live.board or {})["cfg"] == "another")
        assert (await asking.site())["gateway"] == "jn-0418"
        following.cancel()

    asyncio.run(looked())


def test_one_connection_follows_for_all(door: ScriptedDoor) -> None:
    """However many look, the agent tells its line once; every viewer gets each new board."""

    async def looked() -> None:
        asking = agency(door)
        following = asyncio.create_task(asking.run())
        await soon(lambda: asking.live.board)

        async def three() -> int:
            seen = 0
            async for board in asking.live.subscribe():
                assert board is not None
                seen += 1
                if seen == 3:
                    return seen
            raise AssertionError

        assert await asyncio.gather(*(three() for _ in range(50))) == [3] * 50
        assert len(door.asked("follow")) == 1
        following.cancel()

    asyncio.run(looked())


def test_when_the_agent_goes_nothing_old_stays_on_the_board(door: ScriptedDoor) -> None:
    """Viewers are told at once, and again when it is back."""

    async def looked() -> list[bool]:
        asking = agency(door)
        following = asyncio.create_task(asking.run())
        told: list[bool] = []

        async def look() -> None:
            async for board in asking.live.subscribe():
                if not told or told[-1] != (board is not None):
                    told.append(board is not None)

        looking = asyncio.create_task(look())
        await soon(lambda: told == [False, True])
        await asyncio.to_thread(door.close)
        await soon(lambda: asking.live.board is None)
        await asyncio.to_thread(door.open)
        await soon(lambda: asking.live.board is not None)
        await soon(lambda: len(told) == 4)
        looking.cancel()
        following.cancel()
        return told

    assert asyncio.run(looked()) == [False, True, False, True]


def test_an_agent_that_falls_silent_is_away(door: ScriptedDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open connection on which nothing comes is no living agent."""
    monkeypatch.setattr(module, "SILENT_S", 0.3)

    async def looked() -> None:
        asking = agency(door)
        following = asyncio.create_task(asking.run())
        await soon(lambda: asking.live.board)
        monkeypatch.setattr("tests.agent.panel.scripted_door.FOLLOW_EVERY_S", 60)
        await soon(lambda: asking.live.board is None)
        following.cancel()

    asyncio.run(looked())


# --- what is to be recorded --------------------------------------------------------------------------------------


def test_what_is_to_be_recorded_waits_for_the_agent(tmp_path: Path) -> None:
    """In order, with how long ago it was; nothing is lost while the agent is away."""
    with rigged(tmp_path, is_agent_there=False) as rig:
        for user in ("wang", "li"):
            rig.house.agency.note("login", user=user)
            rig.clock.pass_s(60)
        rig.door.open()
        rig.wait_for(lambda: len(rig.door.asked("audit")) == 2)

    told = rig.door.asked("audit")
    assert [(one["user"], one["ago_s"]) for one in told] == [("wang", 120), ("li", 60)]


def test_what_waits_is_bounded_and_what_did_not_fit_is_counted(tmp_path: Path) -> None:
    """The first event that is told says how many are missing."""
    with rigged(tmp_path, is_agent_there=False) as rig:
        for number in range(module.MOST_NOTED + 7):
            rig.house.agency.note("login", user=f"user{number}")
        assert len(rig.house.agency._notes) == module.MOST_NOTED
        rig.door.open()
        rig.wait_for(lambda: len(rig.door.asked("audit")) == module.MOST_NOTED)

    assert [one.get("missed") for one in rig.door.asked("audit")] == [7] + [None] * (module.MOST_NOTED - 1)


def test_refused_logins_of_an_address_are_told_together(rig: Rig) -> None:
    """Thousands of attempts make one record each few seconds, not thousands."""
    for number in range(3000):
        rig.house.agency.note("login-refused", user=f"user{number}", address=f"10.0.0.{number % 3}")
    rig.hand_on()

    told = rig.door.asked("audit")
    assert [(one["address"], one["count"]) for one in told] == [(f"10.0.0.{last}", 1000) for last in range(3)]


def test_an_event_that_the_agent_refuses_does_not_hold_up_others(rig: Rig) -> None:
    """The agent counts what it does not record."""
    rig.door.answers["audit"] = lambda words: {"error": "no"} if words["user"] == "a" else {}
    for user in ("a", "b"):
        rig.house.agency.note("login", user=user)
    rig.hand_on()

    assert [one["user"] for one in rig.door.asked("audit")] == ["a", "b"]
