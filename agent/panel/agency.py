"""The agent, as the panel knows it: a Unix socket that answers questions, and one line a second about everything.

    site = await house(request).agency.site()
    answer = await house(request).agency.ask({"do": "acknowledge", "alarm": 7, "user": person.user})

One connection follows for all viewers (`Live`). Nothing is remembered as live when the agent is away: `Live.board` is
``None`` then. What is to be recorded (`Agency.note`) waits for the agent, bounded and counted; refused logins and
locks of one address are told together, every `NOTED_EVERY_S`.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

import orjson

from agent.control import near
from agent.log import get

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

Board = dict[str, Any]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

MOST_ANSWER: Final = 64 * 1024 * 1024
CONNECT_S: Final = 2.0
ANSWER_S: Final = 65.0
"""The agent answers within its own patience, 60 s."""
SILENT_S: Final = 5.0
"""A follow line comes every second; after so long without one the agent is away."""
MOST_AT_ONCE: Final = 4
"""Questions under way: the door has room for few callers, and one of them follows."""
MOST_OF_ONE: Final = 3
"""Of these for one address: whoever asks much and slowly leaves a turn for the others."""
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 5.0
MOST_NOTED: Final = 200
NOTED_EVERY_S: Final = 10.0
LONGEST_MEMBER: Final = 64
TOGETHER: Final = frozenset({"login-refused", "locked"})
"""Events that are told together when they repeat."""

asker: Final[ContextVar[str]] = ContextVar("asker", default="")
"""For which address is being asked."""
log = get(__name__)


class Away(Exception):
    """The agent cannot be reached: ``str`` says why."""


class Refused(Exception):
    """The agent would not: ``str`` says why, in its words."""


class Live:
    """The latest line of verb ``follow``, for all who look. `board` is ``None`` while the agent is away."""

    def __init__(self) -> None:
        self.board: Board | None = None
        self._changed = asyncio.Event()

    async def subscribe(self) -> AsyncIterator[Board | None]:
        """Yield what is on the board now, and then each new one (``None``: away). A slow reader misses some."""
        while True:
            changed = self._changed
            yield self.board
            await changed.wait()

    def show(self, board: Board | None) -> None:
        """Put a new line on the board, or nothing."""
        if board is None and self.board is None:
            return
        self.board = board
        self._changed.set()
        self._changed = asyncio.Event()


@dataclass(slots=True)
class _Note:
    """An event to be recorded."""

    members: dict[str, Any]
    since_ns: int
    count: int = 1


class Agency:
    """Asks the agent."""

    def __init__(self, path: Path, mono_ns: Callable[[], int]) -> None:
        """Know the socket; nothing is opened before the first question, or `run`."""
        self.path = path
        self.live = Live()
        self.missed = 0
        self._mono_ns = mono_ns
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._site: dict[str, Any] | None = None
        self._notes: dict[object, _Note] = {}
        self._telling: _Note | None = None
        self._bell = asyncio.Event()

    async def ask(self, words: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to one question. Raises Away, Refused."""
        try:
            async with asyncio.timeout(ANSWER_S), self._share(), self._room, self._connected() as (reader, writer):
                writer.write(orjson.dumps(words) + b"\n")
                await writer.drain()
                return _understood(await reader.readline())
        except TimeoutError:
            raise Away("the agent does not answer") from None
        except (OSError, ValueError) as error:  # ValueError: an answer longer than any
            raise Away(f"the agent cannot be reached: {_reason(error)}") from None

    async def site(self) -> dict[str, Any]:
        """Return the answer to ``{"do":"site"}``, kept until the configuration changes. Raises Away, Refused."""
        board = self.live.board
        if self._site is None or board is None or board.get("cfg") != self._site.get("cfg"):
            self._site = await self.ask({"do": "site"})
        return self._site

    def note(self, event: str, **members: object) -> None:
        """Have an event recorded (verb ``audit``), now or when the agent is back. Never waits, never raises."""
        plain = {name: _recordable(value) for name, value in members.items()}
        said = {name: value for name, value in plain.items() if value is not None}
        key: object = (event, said.get("address")) if event in TOGETHER else object()
        if (waiting := self._notes.get(key)) is not None:
            waiting.count += 1
        elif len(self._notes) >= MOST_NOTED:
            self.missed += 1
        else:
            self._notes[key] = _Note({"event": event, **said}, self._mono_ns())
            if event not in TOGETHER:
                self._bell.set()

    @property
    def unrecorded(self) -> int:
        """Return how many events wait to be recorded."""
        return len(self._notes) + (self._telling is not None)

    async def run(self) -> None:
        """Follow the agent for as long as the panel runs, and hand on what is to be recorded."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._hand_on())

    def _share(self) -> asyncio.Semaphore:
        """Return the turns of whoever asks."""
        found = self._shares.get(asker.get())
        if found is None:
            found = self._shares[asker.get()] = asyncio.Semaphore(MOST_OF_ONE)
        return found

    # --- following -----------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        wait_s, is_new = FIRST_WAIT_S, True
        while True:
            try:
                async for board in self._boards():
                    self.live.show(board)
                    wait_s, is_new = FIRST_WAIT_S, True
            except (Away, Refused, OSError, ValueError, TimeoutError) as reason:
                if is_new:
                    log.warning("the agent is away", path=self.path, reason=_reason(reason))
                is_new = False
            self.live.show(None)
            await asyncio.sleep(wait_s)
            wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    async def _boards(self) -> AsyncIterator[Board]:
        async with self._connected() as (reader, writer):
            writer.write(b'{"do":"follow"}\n')
            while True:
                async with asyncio.timeout(SILENT_S):
                    line = await reader.readline()
                yield _understood(line)

    # --- recording -----------------------------------------------------------------------------------------------

    async def _hand_on(self) -> None:
        """Have the agent record what waits: at once, refused logins together, and again while it is away."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTED_EVERY_S):
                    await self._bell.wait()
            self._bell.clear()
            try:
                await self._tell_all()
            except Away:
                await asyncio.sleep(LONGEST_WAIT_S)
                self._bell.set()

    async def _tell_all(self) -> None:
        for key in list(self._notes):
            note = self._telling = self._notes.pop(key)
            late_s = (self._mono_ns() - note.since_ns) // 10**9
            more = {"count": note.count} if note.count > 1 else {}
            more |= {"ago_s": late_s} if late_s > 1 else {}
            more |= {"missed": self.missed} if self.missed else {}
            try:
                await self.ask({"do": "audit", **note.members, **more})
            except Refused as reason:  # the agent counts what it does not record
                log.warning("the agent does not record an event", event=note.members["event"], reason=str(reason))
            except BaseException:
                self._take_back(key, note)
                raise
            finally:
                self._telling = None
            self.missed -= more.get("missed", 0)

    def _take_back(self, key: object, note: _Note) -> None:
        """Let an event wait on, with what came meanwhile and is told together with it."""
        meanwhile = self._notes.pop(key, None)
        note.count += 0 if meanwhile is None else meanwhile.count
        self._notes = {key: note, **self._notes}

    # --- the socket ----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        """Yield a connection to the agent. Raises OSError, TimeoutError."""
        with near(self.path) as address:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_unix_connection(address, limit=MOST_ANSWER)
        try:
            yield reader, writer
        finally:
            writer.close()


def _understood(line: bytes) -> dict[str, Any]:
    """Return what the agent answered. Raises Away, Refused."""
    if not line.endswith(b"\n"):
        raise Away("the agent ended before it answered")
    try:
        answer = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Away("the agent answers with something else than JSON") from None
    if not isinstance(answer, dict):
        raise Away("the agent answers with something else than an object")
    if "error" in answer:
        raise Refused(str(answer["error"]))
    return answer


def _recordable(value: object) -> object:
    """Return a value as a record may carry it: people type anything into a login form."""
    if not isinstance(value, str):
        return value
    plain = "".join(sign if sign.isprintable() else "·" for sign in value[:LONGEST_MEMBER]).strip()
    return plain or None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
