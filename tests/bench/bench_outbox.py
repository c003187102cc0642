"""What a commit costs beside bare SQLite: CPU per record, wall time, bytes written, start-up.

Run:  python -m tests.bench.bench_outbox [DIRECTORY]

Both sides write the same records with the same pragmas; the ratio is what the outbox adds (ids, checksums, state,
mark, ledger). CPU is the process's own, so that the disk's speed does not blur it.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from buffer import store
from buffer.entry import NOWHERE, Entry
from tests.buffer.chain import batch, opened

if TYPE_CHECKING:
    from collections.abc import Callable

BIG = 2 * 1024**3
CASES = ((1, 1500), (20, 300), (100, 100))


def cpu() -> float:
    """Return the CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def written() -> int:
    """Return the bytes this process has caused to be written."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def measured(work: Callable[[], None]) -> tuple[float, float, int]:
    """Return CPU seconds, wall seconds and bytes of some work."""
    before, start, io = cpu(), time.perf_counter(), written()
    work()
    return cpu() - before, time.perf_counter() - start, written() - io


def bare(path: Path, commits: list[list[Entry]]) -> None:
    """Write the commits with `executemany` and nothing else."""
    db = store.connect(path, max_pages=BIG // store.PAGE)
    db.execute("CREATE TABLE reading (seq INTEGER PRIMARY KEY, id BLOB, sum BLOB, wire BLOB)")
    db.execute("PRAGMA wal_autocheckpoint = 1000")
    for commit in commits:
        rows = [(entry.seq, entry.id, b"12345678", entry.wire) for entry in commit]
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO reading VALUES (?, ?, ?, ?)", rows)
        db.execute("COMMIT")
    db.close()


def ours(directory: Path, commits: list[list[Entry]]) -> None:
    """Write the commits to an outbox, delivering each one as the publisher does."""
    outbox = opened(directory, max_size=BIG)
    for commit in commits:
        outbox.write(commit)
        outbox.delivered([entry.seq for entry in commit])
    outbox.close()


def prepared(per_commit: int, count: int) -> list[list[Entry]]:
    """Make records of about 1 KB."""
    entries = batch(NOWHERE, per_commit * count, size=900)
    return [entries[at : at + per_commit] for at in range(0, len(entries), per_commit)]


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        root = Path(name)
        print("records/commit   us CPU/record: outbox   bare   ratio     ms/commit: outbox   bare    written/payload")
        for per_commit, count in CASES:
            commits = prepared(per_commit, count)
            payload = sum(len(entry.wire) for commit in commits for entry in commit)
            low = measured(lambda: bare(root / f"bare-{per_commit}.db", commits))  # noqa: B023
            top = measured(lambda: ours(root / f"ours-{per_commit}", commits))  # noqa: B023
            each = 1e6 / (per_commit * count)
            print(
                f"{per_commit:14d} {top[0] * each:23.1f} {low[0] * each:7.1f} {top[0] / low[0]:7.2f}"
                f" {top[1] / count * 1e3:21.2f} {low[1] / count * 1e3:6.2f} {top[2] / payload:17.1f}"
            )


if __name__ == "__main__":
    main()
