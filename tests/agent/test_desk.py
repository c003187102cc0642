"""What the scans of one device become."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from agent.clock import Stamp
from agent.desk import Desk
from config.visits import visits
from drivers.reading import Scan
from tests.agent.plant import boiler, scan

STAMP = Stamp("2026-11-22T01:30:01.000Z", {"boot": "a6ebeace", "up": 1.0, "q": "sync"}, 1_795_311_001_000)
NOTHING = (None, None)


def desk(*, lost: bool = False, **device: Any) -> Desk:
    """Return an empty desk of the boiler."""
    return Desk(boiler(**device), ZoneInfo("Asia/Shanghai"), lost=lost, reloaded=False)


def test_a_good_scan_is_told_with_values_only() -> None:
    """Flags and fault appear only when there is something to say."""
    draft = desk(report="on-scan").report(scan(1, 12.0), STAMP)

    assert draft == {
        "kind": "readings",
        "ts": STAMP.ts,
        "clk": STAMP.clk,
        "device": "boiler",
        "values": {"load": 12, "so2": 20, "model": "DZL4", "burner": True},
    }


def test_what_is_missing_is_null_with_a_flag_and_the_reason() -> None:
    """A partial result names the missing point and why."""
    draft = desk(report="on-scan").report(scan(1, None, fault="no answer"), STAMP)

    assert draft is not None
    assert draft["values"]["load"] is None
    assert draft["flags"] == {"load": "B"}
    assert draft["fault"] == "no answer"


def test_a_device_that_stays_away_is_told_at_once_and_then_once_a_minute() -> None:
    """Silence is told, but a dead device does not fill the store."""
    lonely = desk(report="on-scan")
    told = [
        second for second in range(130) if lonely.report(scan(second, None, None, "BBBB", "no answer", NOTHING), STAMP)
    ]

    assert told == [0, 60, 120]
    assert lonely.report(scan(131, 5.0), STAMP)
    assert lonely.report(scan(132, None, None, "BBBB", "no answer", NOTHING), STAMP)


def test_lost_after_two_silent_visits_and_back_with_the_first_answer() -> None:
    """One silent visit is noise; each event is told once."""
    there = desk()
    silent = [there.presence(scan(second, None, None, "BBBB", "no answer", NOTHING)) for second in range(4)]

    assert [event and event["event"] for event in silent] == [None, "device-lost", None, None]
    assert silent[1] is not None
    assert silent[1]["reason"] == "no answer"

    back = [there.presence(scan(second, 1.0)) for second in (5, 6)]

    assert [event and event["event"] for event in back] == ["device-back", None]


def test_a_partial_answer_is_an_answer() -> None:
    """A device with one refused register is there."""
    there = desk()

    assert [there.presence(scan(second, None, fault="illegal data address")) for second in range(5)] == [None] * 5


def test_a_device_lost_before_a_restart_comes_back_after_it() -> None:
    """The chain never shows two losses without a return, across restarts."""
    there = desk(lost=True)

    assert there.presence(scan(1, None, None, "BBBB", "no answer", NOTHING)) is None
    assert there.presence(scan(2, None, None, "BBBB", "no answer", NOTHING)) is None

    back = there.presence(scan(3, 1.0))

    assert back is not None
    assert back["event"] == "device-back"


def test_on_change_is_silent_while_nothing_changes() -> None:
    """Equal scans are told once until the heartbeat."""
    there = desk(report="on-change", period_s=600)

    told = [bool(there.report(scan(second, 7.0), STAMP)) for second in range(3)]

    assert told == [True, False, False]
    assert there.report(scan(4, 7.5), STAMP)


def test_the_two_visits_of_a_device_tell_under_its_one_name() -> None:
    """Each its own points with its own time, on every scan and over periods."""
    for report in ("on-scan", "period"):
        fast, slow = (
            Desk(visit, ZoneInfo("Asia/Shanghai"), lost=False, reloaded=False)
            for visit in visits(boiler(report=report, slow_s=60.0))
        )
        scans = {desk: Scan(key, 0, 1, values, "NN") for desk, key, values in _told(fast, slow)}
        drafts = [
            desk.report(scan, STAMP) or (desk.period and desk.period.close("end")) for desk, scan in scans.items()
        ]

        assert [draft and (draft["device"], draft["values"]) for draft in drafts] == [
            ("boiler", {"load": 12, "burner": True}),
            ("boiler", {"so2": 20, "model": "DZL4"}),
        ]


def _told(fast: Desk, slow: Desk) -> list[tuple[Desk, str, tuple[Any, ...]]]:
    return [(fast, "boiler", (12.0, True)), (slow, "boiler/slow", (20, "DZL4"))]


def test_only_the_fast_visit_tells_whether_the_device_is_there() -> None:
    """A device is lost once, not twice."""
    _, visit = visits(boiler(slow_s=60.0))
    slow = Desk(visit, ZoneInfo("Asia/Shanghai"), lost=False, reloaded=False)

    assert [slow.presence(Scan("boiler/slow", 0, at, NOTHING, "BB", "no answer")) for at in range(3)] == [None] * 3
    assert not slow.lost
