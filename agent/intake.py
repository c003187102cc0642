"""The bounded queue where the buses' threads meet the pipeline.

Many write, one reads. Beside scans it carries what else the pipeline must do in order: drafts of records that other
threads ask for, a new site, the end. When the pipeline cannot keep up (a disk that stalls) the newest scan is turned
away and counted; the pipeline signs the count. Nothing else is ever turned away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final

from drivers.reading import Scan

if TYPE_CHECKING:
    from config.site import Site

MOST_SCANS: Final = 4096


class Reload:
    """A new site to judge by. `done` is set when the pipeline has taken it over."""

    __slots__ = ("done", "site")

    def __init__(self, site: Site) -> None:
        self.site = site
        self.done = Event()


class Rotten:
    """Records that have decayed on the disk: they cannot be delivered, and somebody must say so."""

    __slots__ = ("seqs",)

    def __init__(self, seqs: Sequence[int]) -> None:
        self.seqs = seqs


class Ask:
    """What somebody at a door wants of the pipeline: `do` with `words`, asked `by`. The answer goes into `answer`.

    An exception in it is a refusal, in words.
    """

    __slots__ = ("answer", "by", "do", "words")

    def __init__(self, do: str, words: Mapping[str, Any], by: Mapping[str, Any]) -> None:
        self.do = do
        self.words = words
        self.by = by
        self.answer: Future[dict[str, Any]] = Future()


class Stop:
    """Nothing comes after this."""


Item = Scan | Mapping[str, Any] | Reload | Rotten | Ask | Stop


class Intake:
    """A queue of at most `most` waiting scans."""

    def __init__(self, most: int = MOST_SCANS) -> None:
        self._queue: SimpleQueue[Item] = SimpleQueue()
        self._most = most
        self._lock = Lock()
        self._turned_away: dict[str, int] = {}

    def put(self, scan: Scan) -> None:
        """Hand over a scan, or count it by device when the queue is full."""
        if self._queue.qsize() < self._most:
            self._queue.put(scan)
            return
        with self._lock:
            self._turned_away[scan.device] = self._turned_away.get(scan.device, 0) + 1

    def tell(self, item: Mapping[str, Any] | Reload | Rotten | Ask | Stop) -> None:
        """Hand over something that is not a scan. It is never turned away."""
        self._queue.put(item)

    def take(self, timeout_s: float) -> Item | None:
        """Return the next item, waiting up to `timeout_s` (0: do not wait), or ``None``."""
        try:
            return self._queue.get(block=timeout_s > 0, timeout=timeout_s if timeout_s > 0 else None)
        except Empty:
            return None

    def turned_away(self) -> dict[str, int]:
        """Return scans turned away since the last call, by device."""
        if not self._turned_away:
            return {}
        with self._lock:
            counts, self._turned_away = self._turned_away, {}
        return counts
