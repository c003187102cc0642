"""What light and horn do for which alarms, and what silence does and does not."""

from __future__ import annotations

from typing import Any

import pytest

from agent.panel.annunciator import DARK, PRIORITIES, UNWATCHED, Annunciator, Light, Signal


def row(alarm: str = "a", status: str = "unacknowledged", priority: str = "high", since: str = "t1") -> dict[str, Any]:
    """Return a row of verb ``alarms``."""
    return {"alarm": alarm, "status": status, "priority": priority, "since": since}


@pytest.mark.parametrize(
    ("rows", "signal"),
    [
        pytest.param([], DARK, id="nothing"),
        pytest.param([row()], Signal(Light.FAST, horn=True, priority="high"), id="high"),
        pytest.param([row(priority="critical")], Signal(Light.FAST, horn=True, priority="critical"), id="critical"),
        pytest.param([row(priority="medium")], Signal(Light.SLOW, horn=False, priority="medium"), id="medium"),
        pytest.param([row(priority="low")], Signal(Light.SLOW, horn=False, priority="low"), id="low"),
        pytest.param([row(status="acknowledged")], Signal(Light.STEADY, horn=False, priority=None), id="acknowledged"),
        pytest.param([row(status="returned")], Signal(Light.STEADY, horn=False, priority=None), id="came and went"),
        pytest.param([row(status="latched")], Signal(Light.STEADY, horn=False, priority=None), id="latched"),
        pytest.param([row(status="shelved")], DARK, id="shelved"),
        pytest.param([row(status="suppressed")], DARK, id="suppressed"),
        pytest.param([row(status="out-of-service")], DARK, id="out of service"),
        pytest.param(
            [row(status="acknowledged", priority="critical"), row("b", priority="low")],
            Signal(Light.SLOW, horn=False, priority="low"),
            id="what is acknowledged does not count for the light",
        ),
        pytest.param(None, UNWATCHED, id="the agent is away"),
    ],
)
def test_what_is_seen_and_heard(rows: list[dict[str, Any]] | None, signal: Signal) -> None:
    """The highest priority that nobody has acknowledged decides."""
    assert Annunciator("high").see(rows) == signal


@pytest.mark.parametrize("horn_from", PRIORITIES)
@pytest.mark.parametrize("priority", PRIORITIES)
def test_from_which_priority_the_horn_sounds(horn_from: str, priority: str) -> None:
    """The horn sounds from the priority on that the site says."""
    heard = Annunciator(horn_from).see([row(priority=priority)]).horn

    assert heard is (PRIORITIES.index(priority) >= PRIORITIES.index(horn_from))


def test_silence_lasts_until_a_new_alarm_and_acknowledges_nothing() -> None:
    """The light goes on blinking; a new alarm, or the same one again, is heard."""
    annunciator = Annunciator("high")
    annunciator.see([row()])

    assert annunciator.silence() == Signal(Light.FAST, horn=False, priority="high")
    assert not annunciator.see([row()]).horn
    assert not annunciator.see(None).horn
    assert not annunciator.see([row()]).horn, "the agent's absence brings nothing back"
    assert annunciator.see([row(), row("b")]).horn
    annunciator.silence()
    assert not annunciator.see([row("b"), row()]).horn
    assert annunciator.see([row(since="t2"), row("b")]).horn, "it came again"


def test_an_acknowledged_alarm_that_is_raised_anew_is_heard() -> None:
    """A reminder (re-alarm) makes an alarm unacknowledged again: silence of long ago does not hide it."""
    annunciator = Annunciator("high")
    annunciator.see([row()])
    annunciator.silence()
    annunciator.see([row(status="acknowledged")])

    assert annunciator.see([row()]).horn
