"""The health code as docs/alarms.md has it: which alarm gives which colour, to which lines."""

from __future__ import annotations

from itertools import product

import pytest

from agent.alarm_case import Standing
from agent.health_code import Colour, colour, health_code, worse
from agent.lifecycle import Status


def standing(priority: str, *, escalated: bool = False, is_discounted: bool = False, alarm: str = "a") -> Standing:
    """Return an active alarm."""
    return Standing(
        alarm=alarm,
        priority=priority,  # type: ignore[arg-type]
        status=Status.UNACKNOWLEDGED,
        escalated=escalated,
        is_discounted=is_discounted,
        group=None,
        members={},
    )


@pytest.mark.parametrize(
    ("priority", "escalated", "expected"),
    [
        ("low", False, "green"),
        ("low", True, "green"),
        ("medium", False, "yellow"),
        ("medium", True, "red"),
        ("high", False, "yellow"),
        ("high", True, "red"),
        ("critical", False, "red"),
        ("critical", True, "red"),
    ],
)
def test_the_colour_of_one_alarm(priority: str, escalated: bool, expected: str) -> None:
    """Critical and escalated are red, medium and high yellow, low never counts."""
    assert colour(standing(priority, escalated=escalated)) == expected


@pytest.mark.parametrize("priority", ["low", "medium", "high", "critical"])
def test_what_is_suppressed_or_out_of_service_does_not_count(priority: str) -> None:
    """Also when it has been escalated."""
    assert colour(standing(priority, escalated=True, is_discounted=True)) is Colour.GREEN


@pytest.mark.parametrize("status", list(Status))
def test_acknowledging_and_shelving_change_nothing(status: Status) -> None:
    """They are matters of the control room."""
    alarm = Standing(
        alarm="a", priority="high", status=status, escalated=False, is_discounted=False, group=None, members={}
    )

    assert colour(alarm) is Colour.YELLOW


def test_an_alarm_counts_for_its_lines_and_always_for_the_plant() -> None:
    """Each line has the worst of its own alarms, the plant the worst of all; one about no line is the plant's."""
    about = {"a": ("paint",), "b": ("paint", "boiler"), "c": ()}
    alarms = [standing("high", alarm="a"), standing("low", alarm="b"), standing("critical", alarm="c")]

    code = health_code(alarms, ["paint", "boiler"], lambda alarm: about[alarm.alarm])

    assert code == {"plant": "red", "lines": {"paint": "yellow", "boiler": "green"}}


def test_a_site_without_lines_and_alarms_is_green() -> None:
    """There is always a code for the plant."""
    assert health_code([], [], lambda _: ()) == {"plant": "green", "lines": {}}


def test_red_is_worse_than_yellow_is_worse_than_green() -> None:
    """Whichever comes first."""
    ranks = {Colour.GREEN: 0, Colour.YELLOW: 1, Colour.RED: 2}

    assert all(ranks[worse(one, other)] == max(ranks[one], ranks[other]) for one, other in product(Colour, repeat=2))
