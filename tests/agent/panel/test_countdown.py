"""The ladder: what people are told of an alarm's way to the authority."""

from __future__ import annotations

from typing import Any

import pytest

from agent.panel.countdown import Ladder, duration, ladder, minutes
from tests.agent.panel.believable import NOW_MS

ACTIVE: dict[str, Any] = {"escalated": False, "escalates_in_s": 4800, "escalated_s": None}
TOLD = {"escalated": True, "escalates_in_s": None}


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        ("it counts", {}, Ladder("counting", left_s=4800)),
        ("never, or not now: suppressed, gone", {"escalates_in_s": None}, Ladder("none")),
        ("the last quarter of an hour", {"escalates_in_s": 900}, Ladder("soon", left_s=900)),
        ("due, and not told yet", {"escalates_in_s": 0}, Ladder("soon", left_s=0)),
        ("told ten minutes ago", TOLD | {"escalated_s": 600}, Ladder("told", told_ms=NOW_MS - 600_000)),
        ("told, but when is not known", TOLD, Ladder("told")),
    ],
)
def test_how_an_alarm_stands(name: str, members: dict[str, Any], expected: Ladder) -> None:
    """Each row of the table is one alarm, and what is shown of its ladder."""
    assert ladder(ACTIVE | members, NOW_MS) == expected, name


def test_a_moment_is_never_guessed() -> None:
    """While the time is not known, neither is the moment at which the authority was told."""
    assert ladder(ACTIVE | TOLD | {"escalated_s": 600}, None) == Ladder("told")


@pytest.mark.parametrize(("seconds", "expected"), [(0, 1), (59, 1), (60, 1), (61, 2), (2460, 41)])
def test_minutes_left(seconds: int, expected: int) -> None:
    """A begun minute counts whole: nobody is told they have no time while they have some."""
    assert minutes(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-3, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (11_520, "3 h 12 min"),
        (172_800, "2 d"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    """Durations have at most two parts, and units that need no translation."""
    assert duration(seconds) == expected
