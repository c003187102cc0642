"""Which numbers belong to a period, whatever the clock did."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from agent.ledger import gaps
from agent.proof.survey import Found, find, survey
from buffer.entry import Run
from buffer.evidence import Evidence
from tests.agent.proof.chains import DAY_MS, HOUR_MS, MIDNIGHT_MS, Gateway, gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.proof.survey import Survey


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Gateway]:
    """Return a gateway that began the day before."""
    with gateway(tmp_path) as made:
        yield made


def looked_through(box: Gateway) -> Survey:
    """Go through its store."""
    with Evidence.opened(box.directory) as evidence:
        return survey(evidence)


def found(box: Gateway, since_ms: int = MIDNIGHT_MS, until_ms: int = MIDNIGHT_MS + DAY_MS) -> Found | None:
    """Return the numbers of a period, as a bundle takes them."""
    with Evidence.opened(box.directory) as evidence:
        return find(evidence, survey(evidence), since_ms, until_ms, lambda _: None)


def numbers(box: Gateway, since_ms: int = MIDNIGHT_MS, until_ms: int = MIDNIGHT_MS + DAY_MS) -> tuple[int, int] | None:
    """Return first and last number of a period."""
    there = found(box, since_ms, until_ms)
    return None if there is None else (there.first, there.last)


def by_hand(box: Gateway, since_ms: int, until_ms: int, dated: Callable[[int], int | None]) -> tuple[int, int]:
    """Return first and last number of a period, by looking at every record."""
    inside = [seq for seq in box.wires if (at := dated(seq)) is not None and since_ms <= at < until_ms]
    return min(inside), max(inside)


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(box: Gateway) -> None:
    """The start is included, the end is not."""
    box.up_ms = DAY_MS - HOUR_MS
    box.readings(3, HOUR_MS)  # numbers 2, 3, 4: at midnight, 1 and 2 o'clock

    assert numbers(box, MIDNIGHT_MS, MIDNIGHT_MS + 2 * HOUR_MS) == (2, 3)
    assert numbers(box, MIDNIGHT_MS + 1, MIDNIGHT_MS + HOUR_MS) is None


def test_many_records_and_every_hour_of_them(box: Gateway) -> None:
    """Halving finds what going through everything finds, with urgent records in between."""
    times: dict[int, int | None] = {}
    for hour in range(60):
        box.readings(11, HOUR_MS // 11)
        box.event("point-refused", device="press-1")
        times |= {one.seq: at for one in box.sealed[-1:] if (at := box.now_ms)}
        times |= {box.sealed[-2 - back].seq: (box.now_ms or 0) - back * (HOUR_MS // 11) for back in range(11)}
        assert box.up_ms > hour * HOUR_MS // 2
    start = MIDNIGHT_MS - DAY_MS

    for hour in range(1, 58, 3):
        since_ms = start + hour * HOUR_MS
        assert numbers(box, since_ms, since_ms + HOUR_MS) == by_hand(box, since_ms, since_ms + HOUR_MS, times.get)


def test_a_record_that_waited_for_a_stalled_disk_is_found(box: Gateway) -> None:
    """Numbers may be out of the order of time by some minutes."""
    box.up_ms = DAY_MS + HOUR_MS
    box.readings(1, 0)
    box.up_ms -= 540_000  # it waited nine minutes, while others went ahead
    box.readings(1, 0, "slow-meter")
    box.up_ms += DAY_MS

    box.readings(1, 0)

    assert numbers(box, MIDNIGHT_MS + HOUR_MS - 540_000, MIDNIGHT_MS + HOUR_MS - 480_000) == (3, 3)


def test_a_reporting_period_belongs_to_the_time_of_its_start(box: Gateway) -> None:
    """A day's statistics are written a day later, and carry the date of its beginning."""
    box.up_ms = 2 * DAY_MS
    stats = {"power": {"avg": 1.5, "min": 1, "max": 2, "n": 9}}
    box.add(
        {
            "kind": "readings",
            "device": "press-1",
            "ts": "2026-10-31T16:00:00.000Z",
            "values": {"power": 2},
            "period": 86400,
            "stats": stats,
        }
    )

    assert numbers(box) == (2, 2)


def test_what_had_no_time_is_dated_by_the_clock_record_of_its_boot(box: Gateway) -> None:
    """An unsynchronised box reads on; when it knows the time, everything of that boot has a date."""
    box.up_ms = DAY_MS - HOUR_MS
    box.readings(1, 0)
    box.reboot(knows_time=False)
    box.readings(3, HOUR_MS)  # 4, 5, 6: 1, 2, 3 hours after the boot at midnight
    box.learn_time(MIDNIGHT_MS + box.up_ms)
    known = looked_through(box)

    assert numbers(box, MIDNIGHT_MS + 2 * HOUR_MS, MIDNIGHT_MS + 3 * HOUR_MS) == (5, 5)
    assert known.date(4, HOUR_MS) == MIDNIGHT_MS + HOUR_MS
    assert known.date(1, 0) == MIDNIGHT_MS - DAY_MS


def test_a_boot_that_never_knew_the_time_belongs_to_every_period_it_may_lie_in(box: Gateway) -> None:
    """It is listed as undated; what may be of the period is never left out."""
    box.up_ms = DAY_MS - HOUR_MS
    box.readings(2, 0)
    box.reboot(knows_time=False)
    box.readings(2, HOUR_MS)
    box.boot, box.up_ms, box.offset_ms = "0badcafe", 5_000, MIDNIGHT_MS + 5 * HOUR_MS
    box.clock("first")
    box.event("start")
    here = found(box, MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS)

    assert here is not None
    assert (here.first, here.last) == (4, 6)
    assert [(one.first, one.last) for one in here.undated] == [(4, 6)]
    assert numbers(box, MIDNIGHT_MS - DAY_MS, MIDNIGHT_MS - DAY_MS + HOUR_MS) == (1, 1)


def test_a_clock_that_is_set_back_puts_its_records_where_they_say(box: Gateway) -> None:
    """Both stretches are found, and everything between them is part of the period's numbers."""
    box.up_ms = DAY_MS + HOUR_MS
    box.readings(1, 0)  # 2: one o'clock on the day
    box.up_ms += 2 * DAY_MS
    box.readings(1, 0)  # 3: three days later
    box.step(-2 * DAY_MS)  # 4
    box.readings(1, 0)  # 5: one o'clock again
    box.up_ms += 2 * DAY_MS
    box.readings(1, 0)

    assert numbers(box, MIDNIGHT_MS, MIDNIGHT_MS + 2 * HOUR_MS) == (2, 5)


def test_a_restart_within_a_boot_changes_nothing(box: Gateway) -> None:
    """A process that ends and begins again has the same reckoning."""
    box.up_ms = DAY_MS
    box.readings(2, HOUR_MS)
    box.event("stop")
    box.event("start")
    box.readings(2, HOUR_MS)

    assert len(looked_through(box).stretches) == 1
    assert numbers(box, MIDNIGHT_MS + 2 * HOUR_MS, MIDNIGHT_MS + 4 * HOUR_MS) == (3, 6)


@pytest.mark.parametrize("lost", [(5,), (6,), (5, 6)], ids=["the clock's", "the start", "both"])
def test_a_boot_whose_first_records_decayed_is_found(box: Gateway, lost: tuple[int, ...]) -> None:
    """Uptime begins anew behind what cannot be read: its readings are not reckoned with the boot before."""
    box.readings(3, HOUR_MS)
    box.reboot(after_ms=DAY_MS)
    box.readings(4, HOUR_MS)  # numbers 7 to 10
    with closing(sqlite3.connect(box.directory / "outbox.db")) as db:
        db.executemany("UPDATE urgent SET wire = x'00' WHERE seq = ?", [(seq,) for seq in lost])
        db.commit()

    assert box.now_ms is not None
    assert found(box, box.now_ms, box.now_ms + 1) == Found(10, 10, ())


def test_a_boot_whose_first_records_were_lost_is_found(box: Gateway) -> None:
    """A store that was saved has them no more; the signed gap says where they were."""
    box.readings(3, HOUR_MS)
    box.reboot(after_ms=DAY_MS)
    box.readings(4, HOUR_MS)
    now_ms = box.now_ms
    assert now_ms is not None
    with closing(sqlite3.connect(box.directory / "outbox.db")) as db:
        db.execute("DELETE FROM urgent WHERE seq IN (5, 6)")
        db.commit()
    for draft in gaps("damage", (Run(5, 6, None),)):
        box.up_ms += HOUR_MS
        box.add(draft)

    assert found(box, now_ms, now_ms + 1) == Found(10, 10, ())


def test_an_empty_period(box: Gateway) -> None:
    """Before the first record and after the last there is nothing."""
    box.readings(3)

    assert numbers(box, MIDNIGHT_MS - 9 * DAY_MS, MIDNIGHT_MS - 8 * DAY_MS) is None
    assert numbers(box, MIDNIGHT_MS + 8 * DAY_MS, MIDNIGHT_MS + 9 * DAY_MS) is None
