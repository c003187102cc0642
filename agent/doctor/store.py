"""The store: whole, of a version we know, within its caps, and what earlier damage has left behind.

It is opened for reading only, beside the running agent if it runs; a long look ends when its time is over, because
while somebody reads, the agent's log cannot be copied back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent.doctor.finding import find, size
from buffer import history_store, repair
from buffer.errors import Newer, OutboxError
from buffer.history import DATABASE as HISTORY
from buffer.history import MAX_SIZE as HISTORY_SIZE
from buffer.opening import DATABASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.doctor.case import Case
    from agent.doctor.finding import Finding

LARGE_LOG: Final = 64 * 2**20
"""The log beside the store is copied back after a few megabytes; one of this size is not."""
CHECK_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What was seen.

    `files` are sizes by name, ``None`` where we may not look. `fault` is what is wrong with the outbox, `unfinished`
    that the look at every page had to end early, `newer` that another version wrote it.
    """

    directory: Path
    files: dict[str, int] | None
    limit: int
    fault: str = ""
    unfinished: bool = False
    newer: str = ""
    unreadable: str = ""
    history_fault: str = ""
    damaged: tuple[str, ...] = field(default=())


class _OutOfTime(Exception):
    """The look has taken long enough."""


def read(directory: Path, limit: int, mono_ns: Callable[[], int]) -> StoreFacts:
    """Look at the files and into them."""
    try:
        files = {entry.name: entry.stat().st_size for entry in sorted(directory.iterdir()) if entry.is_file()}
    except FileNotFoundError:
        return StoreFacts(directory=directory, files={}, limit=limit)
    except PermissionError:
        return StoreFacts(directory=directory, files=None, limit=limit)
    damaged = tuple(name for name in files if name.startswith("damaged-") and name.endswith(".db"))
    facts = StoreFacts(directory=directory, files=files, limit=limit, damaged=damaged)
    return _inside(facts, mono_ns) if files.get(DATABASE) else facts


def _inside(facts: StoreFacts, mono_ns: Callable[[], int]) -> StoreFacts:
    """Return the facts with what a look into the files says."""
    words: dict[str, str | bool] = {}
    until_ns, is_over = mono_ns() + int(CHECK_S * 1e9), False

    def watch_the_time() -> None:
        nonlocal is_over
        is_over = mono_ns() >= until_ns
        if is_over:
            raise _OutOfTime  # SQLite then gives the look up, as if it had been interrupted

    path = facts.directory / DATABASE
    try:
        found = repair.fault(path, thorough=True, chain="", progress=watch_the_time)
        words = {"unfinished": True} if is_over else {"fault": found or ""}
    except Newer as newer:
        words = {"newer": newer.what}
    except OutboxError as error:
        words = {"unreadable": str(error)}
    return StoreFacts(
        directory=facts.directory,
        files=facts.files,
        limit=facts.limit,
        damaged=facts.damaged,
        history_fault=_history(facts.directory),
        fault=str(words.get("fault", "")),
        unfinished=bool(words.get("unfinished")),
        newer=str(words.get("newer", "")),
        unreadable=str(words.get("unreadable", "")),
    )


def _history(directory: Path) -> str:
    try:
        return history_store.fault(directory / HISTORY) or ""
    except OutboxError as error:
        return str(error)


def judge(facts: StoreFacts) -> list[Finding]:
    """Return what is to be said of the store."""
    if facts.files is None:
        return [find("store-unseen", facts.directory)]
    if not facts.files.get(DATABASE):
        name = "store-empty" if DATABASE in facts.files else "store-none"
        return [find(name, facts.directory), *_left_behind(facts)]
    found = [*_integrity(facts), *_sizes(facts, facts.files), *_left_behind(facts)]
    if not any(finding.is_trouble for finding in found):
        told = {"size": size(facts.files[DATABASE]), "limit": size(facts.limit)}
        told["history"] = size(facts.files.get(HISTORY, 0))
        found.insert(0, find("store-fine", facts.directory, **told))
    return found


def _integrity(facts: StoreFacts) -> Iterator[Finding]:
    path = facts.directory / DATABASE
    if facts.newer:
        yield find("store-newer", path, what=facts.newer)
    if facts.unreadable:
        yield find("store-unreadable", path, what=facts.unreadable)
    if facts.fault:
        yield find("store-damaged", path, what=facts.fault)
    if facts.unfinished:
        yield find("store-not-all-checked", path, seconds=int(CHECK_S))
    if facts.history_fault:
        yield find("history-damaged", facts.directory / HISTORY, what=facts.history_fault)


def _sizes(facts: StoreFacts, files: dict[str, int]) -> Iterator[Finding]:
    log = max(files.get(f"{DATABASE}-wal", 0), files.get(f"{HISTORY}-wal", 0))
    if log > LARGE_LOG:
        yield find("store-log-large", facts.directory, size=size(log))
    if files[DATABASE] > facts.limit + LARGE_LOG:
        yield find("store-beyond-limit", facts.directory, size=size(files[DATABASE]), limit=size(facts.limit))
    if files.get(HISTORY, 0) > HISTORY_SIZE + LARGE_LOG:
        yield find("history-beyond-limit", facts.directory / HISTORY, size=size(files[HISTORY]))


def _left_behind(facts: StoreFacts) -> Iterator[Finding]:
    for name in facts.damaged:
        taken = (facts.files or {}).get(name, 0)
        yield find("store-damaged-file", facts.directory / name, size=size(taken))


def look(case: Case, mono_ns: Callable[[], int]) -> list[Finding]:
    """Read and judge."""
    if case.site is None:
        return []
    return judge(read(case.site.gateway.state_dir, case.site.buffer.max_size, mono_ns))
