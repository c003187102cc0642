"""A look into the gateway's store from outside, without changing a byte: how many records wait to be delivered."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from buffer import store
from buffer.opening import DATABASE


@dataclass(frozen=True, slots=True)
class Stored:
    """The last number committed, and the numbers that are not known to be delivered."""

    committed: int
    waiting: frozenset[int]


def look(state_dir: Path) -> Stored | None:
    """Return what the store below `state_dir` says now, or ``None`` when there is none that answers."""
    with suppress(Exception):  # it is being made, or busy: whoever asks will ask again
        path = next(state_dir.rglob(DATABASE))
        with closing(store.look(path)) as db:
            committed, _ = store.head(db)
            open_runs = store.settled(db).gaps(1, committed)
            return Stored(committed, frozenset(seq for first, last in open_runs for seq in range(first, last + 1)))
    return None
