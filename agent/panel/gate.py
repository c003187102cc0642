"""Where connections come in: how many there may be, and how long each may take for what it has to say.

Connections are counted before anything is read from them, also before TLS, by address and in all. Then each has
`HANDSHAKE_S` for TLS, `HEADER_S` for the head of a request (also of the next one), and `UNREAD_S` in which it must
take something of what it is told: the kernel sees to what it holds, we to what we hold. A form's body is
`agent.panel.guard`'s business.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.log import get
from agent.panel.limits import who

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from starlette.types import ASGIApp

MOST: Final = 400
MOST_OF_ONE: Final = 100
"""Connections in all, and of one address: a browser that watches holds one open, and a few more while it loads."""
HANDSHAKE_S: Final = 10.0
HEADER_S: Final = 10.0
UNREAD_S: Final = 30.0
LEAST_READ: Final = 64 * 1024
MOST_UNREAD: Final = 64 * 1024
"""What is held back for a slow reader before we wait, and how much of it must go in `UNREAD_S` while we do."""
KEEP_ALIVE_S: Final = 15
GRACE_S: Final = 2
"""How long answers under way may take at the end; streams never end by themselves."""
MOST_HEAD: Final = 16 * 1024
_TLS_HANDSHAKE: Final = b"\x16"
_NOT_TLS: Final = (
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    "请在地址前面写 https://\nWrite https:// in front of the address.\n"
).encode()

log = get(__name__)


class Place:
    """The place of one connection at the gate. `end` ends the connection, in whatever way suits how far it has come."""

    __slots__ = ("end", "leave")

    def __init__(self, leave: Callable[[], None] = lambda: None) -> None:
        self.end: Callable[[], object] = lambda: None
        self.leave = leave


class Wire(H11Protocol):
    """One connection, with deadlines."""

    def __init__(self, *args: Any, place: Place, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._place = place
        self._head: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: the first request must come."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(MOST_UNREAD)
        self._place.end = transport.abort
        self._head = self.loop.call_later(HEADER_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        for timer in (self._head, self._unread):
            if timer is not None:
                timer.cancel()
        self._place.leave()

    def data_received(self, data: bytes) -> None:
        """Take what comes, and look whether the head of a request is whole."""
        super().data_received(data)
        self._look_at_head()

    def on_response_complete(self) -> None:
        """Go on to what came behind a request."""
        super().on_response_complete()
        self._look_at_head()

    def pause_writing(self) -> None:
        """Wait for the other side to read, but not for ever."""
        super().pause_writing()
        if self._unread is None:
            self._look_again()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _look_again(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(UNREAD_S, self._look_at_unread, unread)

    def _look_at_unread(self, before: int) -> None:
        if self.transport.get_write_buffer_size() > before - LEAST_READ:
            self.transport.abort()
        else:
            self._look_again()

    def _look_at_head(self) -> None:
        is_partial = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if self._head is not None and not is_partial:
            self._head.cancel()
            self._head = None
        elif self._head is None and is_partial:
            self._head = self.loop.call_later(HEADER_S, self._too_slow)

    def _too_slow(self) -> None:
        self.transport.abort()


class Crowd:
    """Who is connected.

    When the house is full, one address gives way to another that has two connections less: its newest one ends. So few
    who take everything keep nobody out.
    """

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._of: dict[str, dict[Place, None]] = {}
        self.turned_away = 0

    def enter(self, address: str) -> Place | None:
        """Return a place, to be left when the connection ends (once or more often); ``None`` when there is none."""
        mine = len(self._of.get(address, ()))
        is_full = sum(map(len, self._of.values())) >= self._most
        if mine >= self._most_of_one or (is_full and not self._has_given_way(mine)):
            self.turned_away += 1
            return None
        place = Place(lambda: self._leave(address, place))
        self._of.setdefault(address, {})[place] = None
        return place

    def _has_given_way(self, mine: int) -> bool:
        largest = max(self._of.values(), key=len)
        if len(largest) < mine + 2:
            return False
        place, _ = largest.popitem()
        self.turned_away += 1
        place.end()
        return True

    def _leave(self, address: str, place: Place) -> None:
        places = self._of.get(address, {})
        places.pop(place, None)
        if not places:
            self._of.pop(address, None)


class Server(uvicorn.Server):
    """uvicorn behind our gate. Ends on SIGTERM and SIGINT, with whatever is open told to go."""

    def __init__(
        self,
        app: ASGIApp,
        sockets: Sequence[socket.socket],
        tls: ssl.SSLContext | None,
        beat: Callable[[], None] = lambda: None,
        crowd: Crowd | None = None,
    ) -> None:
        """`beat` is called about once a second, from the loop that does everything."""
        super().__init__(
            uvicorn.Config(
                app,
                http=Wire,
                ws="none",
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                h11_max_incomplete_event_size=MOST_HEAD,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self.crowd = crowd or Crowd()
        self._sockets, self._tls, self._beat = sockets, tls, beat
        self._tasks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 -- ours, not uvicorn's
        """Open the gate."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            self.should_exit = True
            return
        self.servers = []
        for listening in self._sockets:
            listening.setblocking(False)
            self._do(self._admit(listening))
        self._do(self._beating())
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        """Close the gate, then everything behind it."""
        for task in self._tasks:
            task.cancel()
        await super().shutdown([*self._sockets])

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as the wish to end, which is then fulfilled with exit code 0."""
        loop = asyncio.get_running_loop()

        def end() -> None:
            self.should_exit = True

        ours = (signal.SIGTERM, signal.SIGINT)
        with suppress(ValueError, RuntimeError):  # not the main thread: a test ends it by `should_exit`
            for one in ours:
                loop.add_signal_handler(one, end)
        yield
        for one in ours:
            loop.remove_signal_handler(one)

    def _do(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _beating(self) -> None:
        told = 0
        while True:
            self._beat()
            if self.crowd.turned_away != told:  # a line a second at most, however many come
                log.warning("too many connections: some are turned away", count=self.crowd.turned_away - told)
                told = self.crowd.turned_away
            await asyncio.sleep(1.0)

    async def _admit(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:  # no descriptors left
                log.warning("a connection could not be taken", error=error)
                await asyncio.sleep(0.5)
                continue
            place = self.crowd.enter(who(address[0]) if isinstance(address, tuple) else "")
            if place is None:
                connection.close()
            else:
                place.end = self._do(self._begin(connection, place)).cancel
            await asyncio.sleep(0)  # while many wait, taking one does not wait: the others have their turn, too

    async def _begin(self, connection: socket.socket, place: Place) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # head and body are two packets; asyncio sees to it for sockets of its own only
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(UNREAD_S * 1000))

        def wire() -> Wire:
            state = self.lifespan.state
            return Wire(config=self.config, server_state=self.server_state, app_state=state, place=place)

        try:
            if self._tls is None:
                await loop.connect_accepted_socket(wire, connection)
            elif await _speaks_tls(connection):
                await loop.connect_accepted_socket(
                    wire, connection, ssl=self._tls, ssl_handshake_timeout=HANDSHAKE_S, ssl_shutdown_timeout=HANDSHAKE_S
                )
            else:
                connection.recv(MOST_HEAD)  # what is unread at the close would void the answer
                await loop.sock_sendall(connection, _NOT_TLS)
                connection.close()
                place.leave()
        except (OSError, TimeoutError):  # TLS errors are OSErrors
            connection.close()
            place.leave()
        except BaseException:
            connection.close()
            place.leave()
            raise


async def _speaks_tls(connection: socket.socket) -> bool:
    """Whether the first byte begins a TLS handshake; people forget the s of https. Raises OSError, TimeoutError."""
    loop = asyncio.get_running_loop()
    there: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not there.done():
            there.set_result(None)

    loop.add_reader(connection, ready)
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            await there
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE
