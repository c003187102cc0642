"""An agent that only pretends: a real Unix socket that answers the panel from a table.

with ScriptedDoor(path) as door:
    door.answers["acknowledge"] = {"done": [7]}
    door.answers["order"] = lambda words: {"error": f"no line {words['line']}"}
    …
    assert door.asked("acknowledge") == [{"do": "acknowledge", "alarm": 7, "user": "wang"}]
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import orjson

from agent.control import near
from tests.agent.panel.believable import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Answer = dict[str, Any]
Words = dict[str, Any]

FOLLOW_EVERY_S = 0.05


class ScriptedDoor:
    """Answers `answers[do]`, an answer or what makes one out of the request; ``follow`` is told again and again.

    What is in `unanswered` it hears, and keeps silent.
    """

    def __init__(self, path: Path) -> None:
        """Take the believable answers; listen from `open` on."""
        self.path = path
        self.answers: dict[str, Answer | Callable[[Words], Answer]] = dict(ANSWERS)
        self.heard: list[Words] = []
        self.unanswered: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._open = threading.Event()
        self._stop: asyncio.Event | None = None

    def asked(self, do: str) -> list[Words]:
        """Return the requests of one verb so far."""
        return [words for words in list(self.heard) if words.get("do") == do]

    def open(self) -> None:
        """Listen."""
        self._open.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._open.wait(10)

    def close(self) -> None:
        """Go away: connections end, the socket disappears."""
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)
            self._loop = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.path.unlink(missing_ok=True)
        visits: set[asyncio.Task[None]] = set()

        async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            visits.add(task)
            with suppress(OSError, asyncio.CancelledError):
                await self._visit(reader, writer)
            writer.close()
            visits.discard(task)

        with near(self.path) as address:
            server = await asyncio.start_unix_server(visit, address)
        self._open.set()
        await self._stop.wait()
        server.close()
        for task in list(visits):
            task.cancel()
        self.path.unlink(missing_ok=True)
        await asyncio.sleep(0)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            words = orjson.loads(line)
            self.heard.append(words)
            if words.get("do") in self.unanswered:
                await asyncio.Event().wait()
            writer.write(self._answer(words))
            while words.get("do") == "follow":
                await writer.drain()
                await asyncio.sleep(FOLLOW_EVERY_S)
                writer.write(self._answer(words))
            await writer.drain()

    def _answer(self, words: Words) -> bytes:
        answer = self.answers.get(words.get("do", ""), {"error": f"no such verb: {words.get('do')}"})
        return orjson.dumps(answer(words) if callable(answer) else answer) + b"\n"
