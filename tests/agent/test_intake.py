"""The bounded queue into the pipeline."""

from __future__ import annotations

from agent.intake import Intake, Stop
from tests.agent.plant import scan


def test_items_come_out_in_order_and_then_nothing() -> None:
    """One queue keeps the order of scans and everything else."""
    intake = Intake()
    first, event, last = scan(1, 10.0), {"kind": "event"}, Stop()
    intake.put(first)
    intake.tell(event)
    intake.tell(last)

    assert [intake.take(0) for _ in range(4)] == [first, event, last, None]


def test_a_full_intake_turns_scans_away_and_counts_them_by_device() -> None:
    """A pipeline that stalls costs the newest scans, and says how many."""
    intake = Intake(most=2)
    for second in range(5):
        intake.put(scan(second, 1.0))

    assert intake.turned_away() == {"boiler": 3}
    assert intake.turned_away() == {}


def test_what_is_no_scan_is_never_turned_away() -> None:
    """Events and the end get through a full intake."""
    intake = Intake(most=1)
    intake.put(scan(1, 1.0))
    intake.tell({"kind": "event"})
    intake.tell(Stop())

    assert len([item for item in (intake.take(0) for _ in range(3)) if item is not None]) == 3
    assert intake.turned_away() == {}
