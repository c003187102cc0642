"""The one thread that looks things up on the disk for people, so that no door and no record ever waits for a disk.

A query takes as long as it takes: that is no reason to end the agent, so while one is under way the thread counts as
moving. At most `MOST_WAITING` wait; more are refused.
"""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from agent.caller import Answer, Later
from agent.control import Unwilling
from buffer.errors import OutboxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.reading import Clock

MOST_WAITING: Final = 64
"""More than all callers of two doors can have under way at once."""
TURN_S: Final = 1.0


T = TypeVar("T")


class Queries:
    """The thread and what waits for it. `run` is the thread's body."""

    name = "queries"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._is_busy = False
        self._progress_ns = clock.mono_ns()

    def ask(self, work: Callable[[], T]) -> Future[T]:
        """Have something done; what it raises is in the future, too. From any thread. Raises Unwilling."""
        if self._waiting.qsize() >= MOST_WAITING:
            raise Unwilling("too many questions at once; try again in a moment")
        future: Future[T] = Future()
        self._waiting.put((future, work))
        return future

    def progress(self) -> int:
        """Return when the thread last went round its loop, monotonic nanoseconds; now, while it is at work."""
        return self._clock.mono_ns() if self._is_busy else self._progress_ns

    def stop(self) -> None:
        """Ask the thread to end after the query under way. From any thread."""
        self._waiting.put(None)

    def run(self) -> None:
        """Answer until told to stop."""
        while True:
            self._progress_ns = self._clock.mono_ns()
            try:
                item = self._waiting.get(timeout=TURN_S)
            except Empty:
                continue
            if item is None:
                return
            self._is_busy = True
            _answer(*item)
            self._progress_ns = self._clock.mono_ns()
            self._is_busy = False


def looked_up(queries: Queries, work: Callable[[], Answer]) -> Later:
    """Return the answer that `work` gives once the disk has. Raises Unwilling."""
    future = queries.ask(work)

    def answer() -> Answer:
        try:
            return future.result(0)
        except (CancelledError, TimeoutError):
            raise Unwilling("the disk takes too long; try again, or ask for less") from None
        except OutboxError as reason:
            raise Unwilling(str(reason)) from None

    return Later([future], answer)


def _answer(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return  # nobody waits for it any more
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 -- whoever asked is told; it costs nobody else anything
        future.set_exception(error)
