"""Alarms as people see them."""

from __future__ import annotations

from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.panel.cards import Reader, acts, names_of, severity, shelf_times, shift_end
from agent.panel.words import Words
from tests.agent.panel.believable import NOW_MS, ROWS, SITE, both

WORDS = Words()
ZONE = ZoneInfo("Asia/Shanghai")
RULES = {"T1": {"rule": "T1", "means": both("意味", "It means"), "check": both("先查", "Look at")}}
FREE = {"status": "unacknowledged", "shelved_by": None, "out_by": None}


def reader() -> Reader:
    """Return a reader in English at the believable moment."""
    say = partial(WORDS.said, "en")
    return Reader(say=say, language="en", zone=ZONE, now_ms=NOW_MS, rules=RULES, names=names_of(SITE))


def test_a_rule_brings_its_own_words() -> None:
    """What it means and what to check come from the row if it has them, else from the catalogue."""
    card = reader().card(ROWS[0])
    assert (card.means, card.check) == ("It means", "Check the power of the oxidiser, and the fan.")
    plain = reader().card({name: value for name, value in ROWS[0].items() if name != "advice"})
    assert plain.check == "Look at"


def test_a_limit_has_words_of_the_panel() -> None:
    """A plain limit knows no more than that it is passed; the panel says what to look at."""
    card = reader().card(ROWS[1])
    assert card.means
    assert card.check
    assert card.since == "14:17"
    assert card.place == "Analyzer"


def test_who_hid_it_stands_on_the_card() -> None:
    """A shelved alarm says who shelved it, until when and why."""
    assert reader().card(ROWS[2]).story == ("Shelved by wang until 15:00: 检修",)


def test_the_most_severe_comes_first() -> None:
    """Told to the authority goes before priority, priority before asking, asking before how long."""

    def row(alarm: str, priority: str, status: str, active_s: int, *, escalated: bool = False) -> dict[str, Any]:
        return {"alarm": alarm, "priority": priority, "status": status, "active_s": active_s, "escalated": escalated}

    rows = [
        row("5", "low", "unacknowledged", 9000),
        row("4", "high", "acknowledged", 50),
        row("3", "high", "acknowledged", 500),
        row("2", "high", "unacknowledged", 10),
        row("1", "critical", "acknowledged", 10),
        row("0", "medium", "acknowledged", 10, escalated=True),
    ]
    assert [one["alarm"] for one in sorted(rows, key=severity)] == list("012345")


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        ("unacknowledged", {}, {"acknowledge", "shelve", "take-out"}),
        ("acknowledged", {"status": "acknowledged"}, {"shelve", "take-out"}),
        ("gone, unacknowledged", {"status": "returned"}, {"acknowledge", "shelve", "take-out"}),
        ("waits for its reset", {"status": "latched"}, {"reset", "shelve", "take-out"}),
        ("shelved", {"status": "shelved", "shelved_by": {"who": "w"}}, {"shelve", "unshelve", "take-out"}),
        ("out of service", {"status": "out-of-service", "out_by": {"who": "w"}}, {"put-back"}),
        ("normal", {"status": "normal"}, {"take-out"}),
    ],
)
def test_what_may_be_done(name: str, members: dict[str, Any], expected: set[str]) -> None:
    """Only what makes sense is offered; the agent has the last word."""
    assert acts(FREE | members) == expected, name


def test_how_long_it_may_be_shelved() -> None:
    """The end of the shift is one choice, and what is longer than the alarm allows is none."""
    assert shelf_times(NOW_MS, ZONE) == {
        "1800": (1800, ""),
        "7200": (7200, ""),
        "28800": (28800, ""),
        "shift": (5400, "16:00"),
    }
    assert list(shelf_times(NOW_MS, ZONE, 3600)) == ["1800"]
    assert "shift" not in shelf_times(None, ZONE)


def test_a_shift_may_end_at_midnight() -> None:
    """The last shift of a day ends at 24:00."""
    assert shift_end(NOW_MS + 9 * 3_600_000, ZONE) == (1800, "24:00")
