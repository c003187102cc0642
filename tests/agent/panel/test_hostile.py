"""X1: a running panel against those who want it to stop. Each attack is short; what counts is who is still served."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from agent.panel import gate, guard
from agent.panel.gate import MOST, MOST_OF_ONE
from agent.panel.guard import MOST_INSIDE
from tests.agent.panel.running import Panel, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 2**20


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    """Return a running panel."""
    with running(tmp_path, "open = true\n") as found:
        yield found


def is_served(panel: Panel) -> bool:
    """Whether an honest visitor, who comes from another address, gets a page."""
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(transport=transport, timeout=20) as visitor:
        return visitor.get(f"http://127.0.0.1:{panel.port}/login").status_code == 200


def ended(connection: socket.socket) -> bool:
    """Whether the panel hangs up, within what a deadline takes."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


SLOW = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "half a head after a whole request": b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTT",
    "a form that never comes": b"POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nuser=",
}


@pytest.fixture
def hurried(tmp_path: Path) -> Iterator[Panel]:
    """Return a running panel whose deadlines are short."""
    with running(tmp_path, deadline_s=1.5) as found:
        yield found


def test_the_deadlines_are_what_the_page_says() -> None:
    """Ten seconds for a head, ten for a form."""
    assert (gate.HEADER_S, gate.HANDSHAKE_S, guard.BODY_S) == (10.0, 10.0, 10.0)


def test_who_is_slow_is_hung_up_on(hurried: Panel) -> None:
    """Slow-loris: whatever is begun and not ended costs a connection for a few seconds, and no more."""
    panel = hurried
    with ExitStack() as open_ones:
        connections = {case: open_ones.enter_context(panel.connect()) for case in SLOW}
        for case, said in SLOW.items():
            connections[case].sendall(said)
        assert is_served(panel)
        with ThreadPoolExecutor(len(SLOW)) as watchers:
            assert list(watchers.map(ended, connections.values())) == [True] * len(SLOW)


def test_dripping_bytes_does_not_help(hurried: Panel) -> None:
    """A head that grows by a byte now and then has the same deadline."""
    with hurried.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        connection.settimeout(0.25)
        for _ in range(80):
            try:
                connection.sendall(b"a")
                if connection.recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            raise AssertionError("it listened for twenty seconds")


def test_one_address_holds_only_so_many_connections(panel: Panel) -> None:
    """The rest of the plant is served meanwhile."""
    with ExitStack() as open_ones:
        for _ in range(MOST_OF_ONE * 2):
            open_ones.enter_context(panel.connect())
        assert is_served(panel)
    assert is_served(panel)


def test_a_house_full_of_silent_guests_has_room_for_an_honest_one(panel: Panel) -> None:
    """All places are taken from a few addresses, each within its bound: whoever comes from another is let in."""
    with ExitStack() as open_ones:
        for number in range(MOST):
            source = (f"127.0.1.{1 + number // MOST_OF_ONE}", 0)
            target = ("127.0.0.1", panel.port)
            open_ones.enter_context(socket.create_connection(target, timeout=30, source_address=source))
        assert is_served(panel)
    assert panel.process.poll() is None
    assert panel.log().count("turned away") < 10


def reading_little(panel: Panel) -> socket.socket:
    """Return a connection that has asked for much and takes none of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", panel.port))
    return connection


def test_who_asks_and_does_not_read_is_hung_up_on(hurried: Panel) -> None:
    """However much is unread: nothing that we hold, little, when all has been said, or more than we wait with."""
    asked = b"GET /static/uplot.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as open_ones:
        connections = [open_ones.enter_context(reading_little(hurried)) for _ in range(80)]
        for number, connection in enumerate(connections):
            connection.sendall(asked * (number + 1))
        assert hurried.eventually(lambda: hurried.connections() > len(connections) // 2)
        assert hurried.eventually(lambda: hurried.connections() == 0)
        assert is_served(hurried)


BODIES = {
    "told": "Content-Length: 1073741824\r\n",
    "in chunks": "Transfer-Encoding: chunked\r\n",
}


@pytest.mark.parametrize("case", BODIES)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_gigabyte_is_not_taken(panel: Panel, method: str, case: str) -> None:
    """It is refused at the head where the length is told, and else after 64 KiB; memory does not grow."""
    before = panel.rss()
    head = f"{method} /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n{BODIES[case]}"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    chunk = b"a" * 65536
    part = b"10000\r\n" + chunk + b"\r\n" if "chunked" in BODIES[case] else chunk
    with panel.connect() as connection:
        connection.sendall(head.encode())
        sent = 0
        try:
            while sent < 64 * MIB:
                sent += connection.send(part)
        except OSError:
            pass

    assert sent < 32 * MIB
    assert panel.rss() - before < 16 * MIB
    assert is_served(panel)


HEADS = {
    "an endless line": b"GET /" + b"a" * 200_000,
    "a thousand headers": b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (one, b"y" * 100) for one in range(1000)),
    "rubbish": bytes(range(256)) * 100,
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(400),
    "two lengths": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "two sorts of length": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
}


def test_broken_heads_are_refused(panel: Panel) -> None:
    """Whatever comes, the connection ends and the next visitor is served."""
    for head in HEADS.values():
        with panel.connect() as connection:
            try:
                connection.sendall(head)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                continue  # it has hung up already
            assert ended(connection)
    assert is_served(panel)
    assert panel.process.poll() is None


def test_thousands_of_logins_do_not_stop_the_panel(panel: Panel) -> None:
    """Nobody gets in; most are turned away without a hash; pages come, and the agent gets a handful of records."""
    before = panel.rss()

    page = httpx.get(f"{panel.url}/login")
    token = page.text.partition('name="csrf" content="')[2].partition('"')[0]
    cookie = page.headers["set-cookie"].partition(";")[0]

    async def attempt(number: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", panel.port)
        body = f"csrf={token}&user=user{number % 500}&password=password-{number}"
        head = f"POST /login HTTP/1.1\r\nHost: localhost:{panel.port}\r\nOrigin: {panel.url}\r\nCookie: {cookie}\r\n"
        head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(f"{head}{body}".encode())
        answer = await reader.readline()
        writer.close()
        return int(answer.split()[1])

    async def attack() -> list[int]:
        numbers, statuses = iter(range(2000)), []

        async def guess() -> None:
            statuses.extend([await attempt(number) for number in numbers])

        guessing = [asyncio.create_task(guess()) for _ in range(40)]
        await asyncio.sleep(0.5)
        assert await asyncio.to_thread(is_served, panel)
        await asyncio.gather(*guessing)
        return statuses

    statuses = asyncio.run(attack())

    assert len(statuses) == 2000
    assert set(statuses) == {403, 429}
    assert 1 <= statuses.count(403) <= 12
    assert panel.rss() - before < 96 * MIB
    assert len(panel.door.asked("audit")) < 30
    assert is_served(panel)


GREEDY = b"GET /trends/data.json?p=press-1.power HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_who_asks_much_leaves_a_turn_for_the_others(panel: Panel) -> None:
    """An agent that is slow with one question, asked by one address again and again: the others get their pages."""
    panel.door.unanswered.add("trend")
    for _ in range(MOST_INSIDE):
        with panel.connect() as connection:  # hangs up at once, and asks again
            connection.sendall(GREEDY)
    with panel.connect() as connection:
        connection.sendall(GREEDY)
        assert b" 429 " in connection.recv(100)
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2"), timeout=20) as visitor:
        assert visitor.get(f"http://127.0.0.1:{panel.port}/orders").status_code == 200


def test_signs_are_drawn_beside_everything_else(panel: Panel) -> None:
    """A page with many codes is some work: whoever asks for it, others are served meanwhile."""
    places = "%0a".join(f"place-{number}" for number in range(60))
    with panel.connect() as slow:
        slow.sendall(f"GET /tasks/signs?more={places} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert panel.eventually(lambda: bool(panel.door.asked("book")))
        assert is_served(panel)
        slow.setblocking(False)
        with pytest.raises(BlockingIOError):  # it was asked for before, and is still being drawn
            slow.recv(1)


def test_fifty_viewers_fit(panel: Panel) -> None:
    """From one address, each with a stream open and a page loading."""
    with ExitStack() as open_ones:
        streams = [open_ones.enter_context(panel.connect()) for _ in range(50)]
        for stream in streams:
            stream.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all(stream.recv(15).startswith(b"HTTP/1.1 200") for stream in streams)
        with ThreadPoolExecutor(10) as visitors:
            pages = list(visitors.map(lambda _: httpx.get(f"{panel.url}/login", timeout=30).status_code, range(50)))

    assert pages == [200] * 50
