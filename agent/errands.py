"""The mailbox of one bus: visits that somebody asks for, made by the bus's own thread between two of its own.

Any thread may ask; only the bus's thread takes. Promise: whoever asks gets an answer, a scan or a reason, also when the
bus's thread ends. Bounded: who asks a bus that has `MOST_WAITING` visits before it is told so at once.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from drivers.reading import Scan
    from drivers.spec import DeviceSpec

    Errand = str | DeviceSpec
    """A visit of the site's by its name, or one that reads other points."""

MOST_WAITING: Final = 512


class NoVisit(Exception):
    """Why nobody will make the visit: ``str`` says it in words."""


class Errands:
    """Visits asked for and not yet made."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[tuple[Errand, Future[Scan]]] = deque()
        self._is_over = False

    def ask(self, visit: Errand) -> Future[Scan]:
        """Ask for one visit. The future gives its scan, or raises `NoVisit`."""
        future: Future[Scan] = Future()
        with self._lock:
            refusal = self._refusal()
            if refusal is None:
                self._waiting.append((visit, future))
        if refusal is not None:
            future.set_exception(NoVisit(refusal))
        return future

    def take(self) -> tuple[Errand, Future[Scan]] | None:
        """Return the oldest visit asked for that somebody still waits for, ``None`` when there is none."""
        while self._waiting:
            with self._lock:
                visit, future = self._waiting.popleft()
            if future.set_running_or_notify_cancel():
                return visit, future
        return None

    def end(self, reason: str) -> None:
        """Make no more visits: tell those who wait, and whoever comes."""
        with self._lock:
            self._is_over = True
        while (errand := self.take()) is not None:
            errand[1].set_exception(NoVisit(reason))

    def _refusal(self) -> str | None:
        if self._is_over:
            return "the bus is being closed"
        return "too many visits of this bus are waiting" if len(self._waiting) >= MOST_WAITING else None
