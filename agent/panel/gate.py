"""Where connections come in: how many there may be, and how long each may take for what it has to say.

Connections are counted before anything is read from them, also before TLS, by address and in all. Then each has
`HANDSHAKE_S` for TLS, `HEADER_S` for the head of a request (also of the next one), and `UNREAD_S` in which it must
take something of what it is told. A form's body is `agent.panel.guard`'s business.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections import Counter
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


class Wire(H11Protocol):
    """One connection, with deadlines."""

    def __init__(self, *args: Any, on_lost: Callable[[], None] = lambda: None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._on_lost = on_lost
        self._head: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: the first request must come."""
        super().connection_made(transport)
        self._head = self.loop.call_later(HEADER_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        for timer in (self._head, self._unread):
            if timer is not None:
                timer.cancel()
        self._on_lost()

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
            self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

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
    """Who is connected."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._of: Counter[str] = Counter()
        self.turned_away = 0

    def enter(self, address: str) -> Callable[[], None] | None:
        """Return what to call when the connection ends (once or more often), ``None`` when there is no room."""
        if self._of.total() >= self._most or self._of[address] >= self._most_of_one:
            self.turned_away += 1
            return None
        self._of[address] += 1
        left: list[str] = [address]

        def leave() -> None:
            if left:
                self._of[left.pop()] -= 1
                self._of += Counter()  # forgets those who are at nought

        return leave


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

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beating(self) -> None:
        while True:
            self._beat()
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
            leave = self.crowd.enter(who(address[0]) if isinstance(address, tuple) else "")
            if leave is None:
                log.warning("too many connections: one is turned away")
                connection.close()
            else:
                self._do(self._begin(connection, leave))

    async def _begin(self, connection: socket.socket, leave: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # head and body are two packets; asyncio sees to it for sockets of its own only
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def wire() -> Wire:
            state = self.lifespan.state
            return Wire(config=self.config, server_state=self.server_state, app_state=state, on_lost=leave)

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
                leave()
        except (OSError, TimeoutError):  # TLS errors are OSErrors
            connection.close()
            leave()
        except BaseException:
            connection.close()
            leave()
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
