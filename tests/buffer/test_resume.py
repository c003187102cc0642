"""Where the chain goes on."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from buffer.entry import NOWHERE, Hole, Position, Run
from buffer.mark import Noted
from buffer.resume import Resumed, resume

LOST = Run(3, 4, "id-4")


def at(seq: int, chain: str = "C") -> Position:
    """Return a position whose id tells its number."""
    return Position(chain, seq, f"id-{seq}")


class Case(NamedTuple):
    """What is found, what is remembered, and what must follow."""

    found: Position
    noted: Noted | None
    resumed: Resumed
    damaged: bool = False
    lost: tuple[Run, ...] = ()
    rewritten: bool = False


CASES = {
    "nothing at all": Case(NOWHERE, None, Resumed(NOWHERE)),
    "reserved, then power cut before genesis": Case(NOWHERE, Noted(reserved=1000), Resumed(NOWHERE)),
    "ordinary start": Case(at(7), Noted(reserved=1000, chain="C", head=at(7)), Resumed(at(7))),
    "mark's head behind after a power cut": Case(at(9), Noted(reserved=1000, chain="C", head=at(5)), Resumed(at(9))),
    "mark's head torn": Case(at(9), Noted(reserved=1000, chain="C"), Resumed(at(9))),
    "older copy in the same block": Case(
        at(5),
        Noted(reserved=1000, chain="C", head=at(9)),
        Resumed(Position("C", 1000, "id-9"), Hole("older-store", (Run(6, 9, "id-9"), Run(10, 1000, None)))),
    ),
    "another record under the last number": Case(
        at(9),
        Noted(reserved=1000, chain="C", head=Position("C", 9, "other")),
        Resumed(Position("C", 1000, "id-9"), Hole("older-store", (Run(10, 1000, None),))),
        rewritten=True,
    ),
    "mark gone": Case(at(9), None, Resumed(Position("C", 1009, "id-9"), Hole("older-store", (Run(10, 1009, None),)))),
    "mark older than the database": Case(
        at(1500),
        Noted(reserved=1000, chain="C", head=at(900)),
        Resumed(Position("C", 2500, "id-1500"), Hole("older-store", (Run(1501, 2500, None),))),
    ),
    "database gone": Case(
        NOWHERE,
        Noted(reserved=1000, chain="C", head=at(9)),
        Resumed(Position("C", 1000, "id-9"), Hole("damage", (Run(1, 9, "id-9"), Run(10, 1000, None)))),
        damaged=True,
    ),
    "database gone and mark's head torn": Case(
        NOWHERE,
        Noted(reserved=1000, chain="C"),
        Resumed(Position("C", 1000, "C"), Hole("damage", (Run(1, 1, "C"), Run(2, 1000, None)))),
        damaged=True,
    ),
    "salvaged": Case(
        at(9),
        Noted(reserved=1000, chain="C", head=at(9)),
        Resumed(Position("C", 1000, "id-9"), Hole("damage", (LOST, Run(10, 1000, None)))),
        damaged=True,
        lost=(LOST,),
    ),
    "salvaged without a mark": Case(
        at(9),
        None,
        Resumed(Position("C", 1009, "id-9"), Hole("damage", (LOST, Run(10, 1009, None)))),
        damaged=True,
        lost=(LOST,),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_goes_on_where_no_number_can_be_used_twice(case: Case) -> None:
    """Each state of database and mark has one continuation."""
    resumed = resume(case.found, case.noted, damaged=case.damaged, lost=case.lost, rewritten=case.rewritten)

    assert resumed == case.resumed
