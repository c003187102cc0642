"""A small pipeline in a process of its own, to be killed, starved and cut off. Says on stdout what was acknowledged.

Lines:  ``ok SEQ ID``        a record is durable, says the outbox
        ``gone FIRST LAST``  a signed gap names these numbers
        ``failed``           the storage failed, the store is being reopened
        ``full``             the disk was full
        ``end``              everything asked for was written, the store is closed
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from buffer import store
from buffer.errors import StoreFailed
from tests.buffer.chain import forced, opened, sealed

if TYPE_CHECKING:
    from buffer.outbox import Entry, Outbox


def say(*words: object) -> None:
    """Write one line, at once."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def acknowledge(entries: list[Entry]) -> None:
    """Say what is durable, in one line each but a single system call."""
    os.write(1, "".join(f"ok {entry.seq} {entry.id}\n" for entry in entries).encode())


def patiently(directory: Path) -> Outbox:
    """Open the store; a disk that fails now may not fail next time."""
    for _ in range(20):
        try:
            outbox = opened(directory)
        except StoreFailed:
            say("failed")
        else:
            explain(outbox)
            return outbox
    raise SystemExit("could not open")


def explain(outbox: Outbox) -> None:
    """Sign for what an opening found missing."""
    if hole := outbox.opened.hole:
        entry, _ = sealed(outbox.position, urgent=True, gap=[list(run) for run in hole.runs])
        outbox.write([entry], explains=hole)
        for run in hole.runs:
            say("gone", run.first, run.last)
        acknowledge([entry])


def reopen(outbox: Outbox) -> bool:
    """Reopen until it works; return whether the transaction in doubt is durable."""
    say("failed")
    for _ in range(20):
        try:
            survived = outbox.reopen()
            explain(outbox)
        except StoreFailed:
            say("failed")
        else:
            return survived
    raise SystemExit("could not reopen")


def write(outbox: Outbox, urgent: list[bool]) -> None:
    """Write one commit's worth of records, whatever happens."""
    heard: list[list[Entry]] = []
    outbox._listeners[:] = [lambda entries: heard.append(list(entries))]
    while True:
        try:
            _, drop = forced(outbox, urgent, size=500)
        except StoreFailed:
            if not reopen(outbox):
                continue
        else:
            for run in drop.undelivered:
                say("gone", run.first, run.last)
        acknowledge(heard[-1])
        return


def writes(directory: Path, commits: int) -> None:
    """Write `commits` times one to three records; every seventh commit delivers something."""
    outbox = patiently(directory)
    for turn in range(commits):
        if turn % 7 == 6:
            outbox.delivered(range(max(1, outbox.position.seq - 30), outbox.position.seq - 20))
        write(outbox, [turn % 5 == 0, False, False][: 1 + turn % 3])
    outbox.close()
    say("end")


def squeezed(directory: Path) -> None:
    """Others fill the disk, keep it full for a while, and leave again."""
    outbox = patiently(directory)
    filler = directory.parent / "filler"
    for turn in range(300):
        if turn == 100:
            fill(filler)
            say("full", outbox.usage().squeezed)
        if turn == 200:
            say("full", outbox.usage().squeezed)
            filler.unlink()
        write(outbox, [turn % 10 == 0, False, False])
    say("full", outbox.usage().squeezed)
    outbox.close()
    say("end")


def fill(path: Path) -> None:
    """Take every free byte of the disk."""
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def main() -> None:
    """Run the verb on the command line."""
    verb, directory, *rest = sys.argv[1:]
    if verb == "squeezed":
        squeezed(Path(directory))
    elif verb == "careless":  # what SQLite's own default advice for WAL would do
        settings = (*store._PRAGMAS, "PRAGMA synchronous = NORMAL")
        with patch.multiple(store, _PRAGMAS=settings, _MUST_HOLD=()):
            writes(Path(directory), int(rest[0]))
    else:
        writes(Path(directory), int(rest[0]))


if __name__ == "__main__":
    main()
