"""The local door: what callers get, and that none of them can harm the agent."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.caller import MOST_LINE, Answer, Later, Repeated, Request
from agent.control import MODE, MOST_CALLERS, NAME, PATIENCE_NS, Control, Unwilling, near, panel_folder
from agent.control_client import NoAnswer, NobodyThere, Visit
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.control import Verb

S = 1_000_000_000
GENEROUS_S = 20.0


class FastClock:
    """Real time, to which a test can add."""

    def __init__(self) -> None:
        from agent.clock import SystemClock

        self._real = SystemClock()
        self.ahead_ns = 0

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return self._real.wall_ms()

    def mono_ns(self) -> int:
        """Return the monotonic clock, set ahead."""
        return self._real.mono_ns() + self.ahead_ns


class House:
    """A door with verbs of its own, and its thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FastClock()
        self.futures: list[Future[int]] = []
        self.lines = 0
        verbs: dict[str, Verb] = {
            "echo": lambda request: {"said": request.words.get("say"), "uid": request.uid},
            "wait": self._wait,
            "count": lambda _: Repeated(self._count),
            "large": lambda _: {"all": "x" * 3_000_000},
            "refuse": self._refuse,
            "break": lambda _: {"ratio": 1 / 0},
            "unwritable": lambda _: {"half": "\ud800"},
        }
        self.control = Control(folder / NAME, verbs, self.clock)
        self._thread = threading.Thread(target=self.control.run, daemon=True)

    def _wait(self, _: Request) -> Later:
        future: Future[int] = Future()
        self.futures.append(future)

        def answer() -> Answer:
            return {"number": future.result() if future.done() and not future.cancelled() else None}

        return Later([future], answer)

    def _count(self) -> Answer:
        self.lines += 1
        return {"line": self.lines}

    @staticmethod
    def _refuse(_: Request) -> Answer:
        raise Unwilling("not today")

    def lose_patience(self) -> None:
        """Let more time pass than the door waits for anybody."""
        self.clock.ahead_ns += PATIENCE_NS + S
        self.control._ring()

    def visit(self) -> Visit:
        """Return a connection."""
        return Visit(self.folder)

    def plain(self) -> socket.socket:
        """Return a connection without manners."""
        caller = socket.socket(socket.AF_UNIX)
        caller.settimeout(GENEROUS_S)
        with near(self.control.path) as address:
            caller.connect(address)
        return caller

    def __enter__(self) -> Self:
        assert self.control.open()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.control.stop()
        self._thread.join(GENEROUS_S)
        assert not self._thread.is_alive()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Return an open door."""
    with House(tmp_path) as made:
        yield made


def lines_of(caller: socket.socket) -> Iterator[Any]:
    """Yield what a connection is told, until it is closed."""
    with caller.makefile("rb") as stream:
        for line in stream:
            yield json.loads(line)


def test_a_request_gets_a_line_and_the_verb_knows_who_asks(house: House) -> None:
    """Several requests on one connection, one after the other; the user is the one the kernel names."""
    import os

    with house.visit() as visit:
        said = [visit.ask({"do": "echo", "say": number}) for number in range(3)]

    assert said == [{"said": number, "uid": os.getuid()} for number in range(3)]


def test_requests_sent_at_once_are_answered_in_order(house: House) -> None:
    """Also the last one without a line end, from a caller that has stopped sending (``nc -N``)."""
    with house.plain() as caller:
        caller.sendall(b'{"do":"echo","say":1}\n{"do":"echo","say":2}\n{"do":"echo","say":3}')
        caller.shutdown(socket.SHUT_WR)

        assert [line["said"] for line in lines_of(caller)] == [1, 2, 3]


MALFORMED = {
    "no JSON": (b"hello\n", "one line of JSON"),
    "nothing": (b"\n", "one line of JSON"),
    "no object": (b"[1]\n", "a JSON object"),
    "no verb": (b"{}\n", '"do" must be one of echo, '),
    "unknown verb": (b'{"do":"write"}\n', '"do" must be one of echo, '),
    "a verb of another kind": (b'{"do":["read"]}\n', '"do" must be one of echo, '),
    "not UTF-8": (b'{"do":"\xff"}\n', "one line of JSON"),
    "too long": (b"x" * (MOST_LINE + 1), f"more than {MOST_LINE} bytes"),
    "refused": (b'{"do":"refuse"}\n', "not today"),
    "a mistake of ours": (b'{"do":"break"}\n', "ZeroDivisionError"),
    "an answer that cannot be written": (b'{"do":"unwritable"}\n', "cannot be written as JSON"),
}


@pytest.mark.parametrize(("request_", "words"), MALFORMED.values(), ids=MALFORMED)
def test_whatever_is_wrong_with_a_request_is_said(house: House, request_: bytes, words: str) -> None:
    """An error in words, and the door stays open for the next."""
    with house.plain() as caller:
        caller.sendall(request_)
        assert words in next(lines_of(caller))["error"]
    with house.visit() as visit:
        assert visit.ask({"do": "echo", "say": "still here"})["said"] == "still here"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.lists(
        st.binary(max_size=60) | st.sampled_from([b"\n", b'{"do":"echo"}\n', b'{"do":', b"{" * 50]), max_size=20
    )
)
def test_any_bytes_leave_the_door_as_it_was(house: House, data: list[bytes]) -> None:
    """Every line gets an object; then the connection ends."""
    with house.plain() as caller:
        with suppress(OSError):
            for piece in data:
                caller.send(piece)
            caller.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            assert all(isinstance(line, dict) for line in lines_of(caller))
    with house.visit() as visit:
        assert visit.ask({"do": "echo"})["said"] is None


def test_an_answer_that_takes_time_holds_nobody_up(house: House) -> None:
    """While one caller waits for a bus, others are served; then it gets its answer."""
    with house.visit() as slow, house.visit() as quick:
        got: list[Any] = []
        waiting = threading.Thread(target=lambda: got.append(slow.ask({"do": "wait"})))
        waiting.start()
        assert eventually(lambda: house.futures, GENEROUS_S)
        assert quick.ask({"do": "echo", "say": 1})["said"] == 1
        house.futures[0].set_result(7)
        waiting.join(GENEROUS_S)

    assert got == [{"number": 7}]


def test_patience_ends_with_the_best_answer_there_is(house: House) -> None:
    """A bus that never comes back costs the caller a minute, not its life; nobody works for it any more."""
    with house.plain() as caller:
        caller.sendall(b'{"do":"wait"}\n')
        assert eventually(lambda: house.futures, GENEROUS_S)
        house.lose_patience()

        assert next(lines_of(caller)) == {"number": None}
        assert house.futures[0].cancelled()


def test_a_caller_that_leaves_cancels_what_it_asked_for(house: House) -> None:
    """At the latest when its time is up."""
    with house.plain() as caller:
        caller.sendall(b'{"do":"wait"}\n')
        assert eventually(lambda: house.futures, GENEROUS_S)
    house.lose_patience()

    assert eventually(house.futures[0].cancelled, GENEROUS_S)


def test_a_repeated_line_comes_at_once_and_then_every_second(house: House) -> None:
    """For as long as the caller listens; when it has gone the counting stops."""
    with house.visit() as visit:
        lines = visit.lines({"do": "count"})
        assert [next(lines)["line"] for _ in range(2)] == [1, 2]
    assert eventually(lambda: not house.control._callers, GENEROUS_S)


def test_a_caller_that_does_not_read_costs_bounded_memory_and_then_its_place(house: House) -> None:
    """Lines are not queued up for it; the others are served all the while."""
    with house.plain() as lazy:
        lazy.sendall(b'{"do":"large"}\n{"do":"large"}\n{"do":"large"}\n')
        assert eventually(lambda: any(not caller.is_idle for caller in house.control._callers), GENEROUS_S)
        with house.visit() as visit:
            visit.ask({"do": "echo"})
        waiting = max(len(caller._told) for caller in house.control._callers)
        house.lose_patience()

        assert eventually(lambda: not house.control._callers, GENEROUS_S)
        assert waiting <= 3_000_100


def test_more_callers_than_there_is_room_for_are_told(house: House) -> None:
    """And silent ones lose their place after a while."""
    with ExitStack() as stack:
        for _ in range(MOST_CALLERS):
            stack.enter_context(house.plain())
        assert eventually(lambda: len(house.control._callers) == MOST_CALLERS, GENEROUS_S)
        late = stack.enter_context(house.plain())
        assert "callers are here already" in next(lines_of(late))["error"]

        house.lose_patience()
        assert eventually(lambda: not house.control._callers, GENEROUS_S)


def test_the_socket_belongs_to_user_and_group(house: House) -> None:
    """Nobody else may ask; at the end it is gone."""
    path = house.control.path
    assert path.stat().st_mode & 0o777 == MODE

    house.control.stop()
    assert eventually(lambda: not path.exists(), GENEROUS_S)


def test_what_a_dead_agent_left_behind_is_taken_away(tmp_path: Path) -> None:
    """A kill -9 leaves a socket that nobody answers."""
    with socket.socket(socket.AF_UNIX) as dead, near(tmp_path / NAME) as address:
        dead.bind(address)
    with House(tmp_path) as house, house.visit() as visit:
        assert visit.ask({"do": "echo", "say": 1})["said"] == 1


def test_a_living_agents_socket_is_left_alone(house: House) -> None:
    """A second agent goes on without a door, and does not take the first one's away."""
    second = House(house.folder)
    assert not second.control.open()
    second.control.stop()

    with house.visit() as visit:
        assert visit.ask({"do": "echo", "say": 1})["said"] == 1


def test_a_deep_state_directory_is_no_obstacle(tmp_path: Path) -> None:
    """A socket's path may have 107 bytes; ours may have more."""
    folder = tmp_path / ("deep" * 30) / ("down" * 30)
    folder.mkdir(parents=True)
    with House(folder) as house, house.visit() as visit:
        assert visit.ask({"do": "echo", "say": 1})["said"] == 1


def test_no_state_directory_is_no_reason_to_stop(tmp_path: Path) -> None:
    """The door is a convenience: the agent goes on without."""
    control = Control(tmp_path / "missing" / NAME, {}, FastClock())

    assert not control.open()
    with pytest.raises(NobodyThere, match="does not run"):
        Visit(tmp_path / "missing")


def test_an_agent_that_ends_leaves_its_caller_with_a_reason(house: House) -> None:
    """Not with half an answer."""

    def stop_when_asked() -> None:
        eventually(lambda: house.futures, GENEROUS_S)
        house.control.stop()

    with house.visit() as visit:
        threading.Thread(target=stop_when_asked).start()
        with pytest.raises(NoAnswer, match="ended before it answered"):
            visit.ask({"do": "wait"})


FOLDERS = {
    "nobody says": ({}, "/var/lib/plantgate"),
    "the unit has one": ({"RUNTIME_DIRECTORY": "/run/plantgate"}, "/run/plantgate"),
    "the unit has two": ({"RUNTIME_DIRECTORY": "/run/plantgate:/run/more"}, "/run/plantgate"),
    "the unit has none": ({"RUNTIME_DIRECTORY": ""}, "/var/lib/plantgate"),
}


@pytest.mark.parametrize(("environment", "folder"), FOLDERS.values(), ids=FOLDERS)
def test_the_panels_door_is_where_the_service_manager_says(environment: dict[str, str], folder: str) -> None:
    """In the first runtime directory of the unit, else beside the other door."""
    assert panel_folder(environment, Path("/var/lib/plantgate")) == Path(folder)
