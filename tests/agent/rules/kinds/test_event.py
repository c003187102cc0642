"""EVENT: changes, rises, starts after a long rest."""

from __future__ import annotations

from typing import Any

import pytest

from agent.rules.kinds import Changed, Rises, StartAfterRest
from tests.agent.rules.kinds.naive import Feed


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("the first is none", (5, 5), "ff"),
        ("shown for two minutes", (5, 6, 6, 6), "fTTf"),
        ("compared with the last known", (5, None, 6), "f.T"),
        ("the same after a gap", (5, None, 5), "f.f"),
        ("any of several", (((1, 2),), ((1, 3),)), "fT"),
        ("one of several unknown", (((1, 2),), ((None, 2),), ((1, 2),), ((None, None),)), "fff."),
        ("another number of them begins anew", (((1, 2),), ((1, 2, 3),), ((1, 2, 4),)), "ffT"),
    ],
)
def test_changed(name: str, rows: tuple[Any, ...], expected: str) -> None:
    """Values change as named."""
    assert Feed(Changed(shown_s=120)).each(*rows) == expected


def test_an_excused_change_is_taken_over() -> None:
    """Under a work order a new value is the value, afterwards too; a change without one is told."""
    feed = Feed(Changed(shown_s=60, excused=True))
    assert feed.each((5, 0), (6, 1), (6, 0), (7, None), (7, 0)) == "fffTf"


def test_changes_are_seen_over_a_restart() -> None:
    """What changed while the agent was off is told, from what to what."""
    feed = Feed(Changed(shown_s=60))
    feed(5.0)
    feed.restart(Changed(shown_s=60))
    assert feed(6.0) is True
    assert feed.evaluator.evidence() == {"from": 5.0, "to": 6.0}


def test_rises_only() -> None:
    """A count that falls (a new meter) is no event."""
    assert Feed(Rises(shown_s=60)).each(5, 6, 4, 4, 5) == "fTffT"


@pytest.mark.parametrize(
    ("name", "states", "expected"),
    [
        # rest more than 3 min, shown 2 min
        ("long enough", "000022222", "ffffTTfff"),
        ("exactly not", "00022", "fffff"),
        ("longer", "0000022", "fffffTT"),
        ("unknown does not end a rest", "0...022", "f...fTT"),
        ("idle does not either", "0111122", "fffffTT"),
        ("on from the beginning", "2222222", "fffffff"),
    ],
)
def test_start_after_rest(name: str, states: str, expected: str) -> None:
    """A start after a rest, as named."""
    feed = Feed(StartAfterRest(rest_s=200, shown_s=120))
    assert feed.each(*[None if state == "." else int(state) for state in states]) == expected
