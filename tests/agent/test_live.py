"""What people are shown of a device that is read in two visits."""

from __future__ import annotations

from dataclasses import replace

from agent.live import joined, report, unanswered
from config.visits import visits
from drivers.reading import Scan
from drivers.spec import StatusSpec
from tests.agent.plant import boiler

DEVICE = boiler(slow_s=60.0)
FAST, SLOW = visits(DEVICE)


def test_a_device_with_one_visit_is_reported_as_it_is() -> None:
    """Nothing is said of slow points where there are none."""
    told = {"values": {"load": 1}, "flags": {}, "error": None, "ts": None}

    assert joined(boiler(), [told]) == told


def test_two_visits_are_one_report_in_the_device_s_order() -> None:
    """Each value with the flag it came with; what the slow visit gave is named, with its own time."""
    fast = report(FAST, Scan("boiler", 60_000, 1, (12.0, True), "TN"))
    slow = report(SLOW, Scan("boiler/slow", 30_000, 1, (20, "DZL4"), "NN"))

    assert joined(DEVICE, [fast, slow]) == {
        "values": {"load": 12, "so2": 20, "model": "DZL4", "burner": True},
        "flags": {"load": "T"},
        "error": None,
        "ts": "1970-01-01T00:01:00.000Z",
        "slow": {"points": ["so2", "model"], "error": None, "ts": "1970-01-01T00:00:30.000Z"},
    }


def test_what_is_missing_in_either_visit_is_missing() -> None:
    """The same reason is given once, and of the slow points separately as well."""
    fast = report(FAST, Scan("boiler", 0, 1, (12.0, True), "NN"))
    away = [unanswered(visit, "no answer") for visit in (FAST, SLOW)]

    told = joined(DEVICE, [fast, away[1]])
    assert (told["error"], told["slow"]["error"], told["flags"]) == (
        "no answer",
        "no answer",
        {"so2": "B", "model": "B"},
    )
    assert joined(DEVICE, away)["error"] == "no answer"


def test_a_point_of_both_visits_is_shown_as_the_fast_one_had_it() -> None:
    """It is the newer one; an old flag does not stick to it."""
    status = StatusSpec(point=3, when=(False,), flag="M", decides=(1,))
    device = replace(DEVICE, spec=replace(DEVICE.spec, statuses=(status,)))
    fast, slow = visits(device)

    told = joined(
        device,
        [
            report(fast, Scan("boiler", 0, 2, (12.0, True), "NN")),
            report(slow, Scan("boiler/slow", 0, 1, (20, "DZL4", None), "NNB")),
        ],
    )

    assert (told["values"]["burner"], told["flags"], told["slow"]["points"]) == (True, {}, ["so2", "model"])
