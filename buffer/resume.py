"""Where the chain goes on, given what the database holds and what the mark remembers. Pure.

A number may be used again only if nobody can have seen a record under it. So:

    database and mark agree                   go on at head + 1, no hole (every ordinary start, crash or power cut)
    database older than the mark's head       somebody put an older copy back: go on above the reservation
    database damaged or gone                  go on above the reservation, in the same chain
    mark gone, or older than the database     nobody knows: leave one reservation block out
    nothing at all, or nothing ever written   a fresh box

What is left out is a hole. Its runs carry the ids that are known; the next record names the last known id as its
predecessor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from buffer.entry import NOWHERE, Hole, Position, Run
from buffer.mark import BLOCK_LENGTH, Noted

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Resumed:
    """`position` is what the next record continues; `hole` is what has to be signed for first."""

    position: Position
    hole: Hole | None = None


def resume(
    found: Position, noted: Noted | None, *, damaged: bool, lost: Sequence[Run] = (), rewritten: bool
) -> Resumed:
    """Decide.

    `found` is the last record in the database (or saved from it), `lost` what could not be saved below it; `rewritten`
    says that the database holds another record under the number of the mark's head.
    """
    if found.seq == 0:
        return _without_records(noted)
    known = found
    runs = list(lost)
    suspect = damaged or rewritten
    if noted is None or noted.reserved < found.seq:
        end, suspect = found.seq + BLOCK_LENGTH, True
    else:
        end = noted.reserved
        if noted.head.chain == found.chain and noted.head.seq > found.seq:
            runs.append(Run(found.seq + 1, noted.head.seq, noted.head.id))
            known, suspect = noted.head, True
    if not suspect:
        return Resumed(found)
    return _above(known, end, runs, damaged=damaged)


def _without_records(noted: Noted | None) -> Resumed:
    """Go on without a database: what was not delivered is lost, and we no longer know what was."""
    if noted is None or not noted.chain:
        return Resumed(NOWHERE)
    known = noted.head if noted.head.seq else Position(noted.chain, 1, noted.chain)
    return _above(known, noted.reserved, [Run(1, known.seq, known.id)], damaged=True)


def _above(known: Position, end: int, runs: list[Run], *, damaged: bool) -> Resumed:
    """Go on above `end`; numbers between the last known record and there may have been used."""
    if end > known.seq:
        runs.append(Run(known.seq + 1, end, None))
    hole = Hole("damage" if damaged else "older-store", tuple(runs)) if runs else None
    return Resumed(Position(known.chain, max(end, known.seq), known.id), hole)
