"""The box's own state: counters over runs, the age of what waits, what the host's clock does, a full store."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.box import BACKLOG_NS, STEP_NS, OwnBox
from agent.clock import ts
from buffer.outbox import StoreFailed

NOW_MS = 1_795_838_400_000
S = 1_000_000_000


class Store:
    """An outbox as far as the box looks at it; `urgent` and `plain` are the dates of the oldest records that wait."""

    def __init__(self, state: bytes | None = None) -> None:
        self.kept = state
        self.urgent_ms: int | None = None
        self.plain_ms: int | None = None
        self.waiting = 0
        self.squeezed = False
        self.looks = 0
        self.fails = False

    def state(self, key: str) -> bytes | None:
        """Return what was kept under ``box``."""
        return self.kept if key == "box" else None

    def usage(self) -> Any:
        """Return how full it is."""
        return SimpleNamespace(waiting=self.waiting, squeezed=self.squeezed, waiting_share=0.25)

    def reader(self) -> Any:
        """Return something that reads the oldest record of each lane."""
        return SimpleNamespace(
            urgent=lambda *_: self._read(self.urgent_ms), readings=lambda *_: self._read(self.plain_ms)
        )

    def _read(self, date_ms: int | None) -> list[Any]:
        self.looks += 1
        if self.fails:
            raise StoreFailed("no disk", where="outbox", hint="mend it")
        return [] if date_ms is None else [SimpleNamespace(wire=json.dumps({"ts": ts(date_ms)}).encode())]


class Clock:
    """A clock at `mono`; `believed_ms` is its believed wall time, `host_ms` that of the host."""

    def __init__(self) -> None:
        self.mono = 1000 * S
        self.believed_ms: int | None = NOW_MS
        self.host_ms = NOW_MS

    def mono_ns(self) -> int:
        """Return the monotonic time."""
        return self.mono

    def wall_of(self, _: int) -> int | None:
        """Return believed time."""
        return self.believed_ms

    def wall_ms(self) -> int:
        """Return the host's time."""
        return self.host_ms


def box(store: Store, clock: Clock | None = None, *, has_uplink: bool = True) -> OwnBox:
    """Return the box of a store and a clock."""
    return OwnBox(cast("Any", store), cast("Any", clock or Clock()), has_uplink=has_uplink)


@pytest.mark.parametrize(
    ("kept", "starts", "changes", "orderly"),
    [
        (None, 1, 0, None),
        (b'{"starts": 4, "changes": 2, "ended": true}', 5, 2, 1.0),
        (b'{"starts": 4, "changes": 2, "ended": false}', 5, 2, 0.0),
        (b"", 1, 0, None),
        (b"\xff{", 1, 0, None),
        (b"[]", 1, 0, None),
        (b'{"starts": "many"}', 1, 0, None),
        (b'{"starts": null, "changes": 1, "ended": true}', 1, 0, None),
    ],
)
def test_counters_go_on_over_runs(kept: bytes | None, starts: int, changes: int, orderly: float | None) -> None:
    """A state that cannot be read is as good as none; it never keeps the agent from starting."""
    found = box(Store(kept))

    assert (found.starts(), found.meaning(), found.orderly()) == (starts, changes, orderly)


def test_a_snapshot_is_what_the_next_run_begins_with() -> None:
    """Starts, changes of meaning, and whether it ended in order."""
    first = box(Store())
    first.changed(2)
    killed = box(Store(first.snapshot(ended=False)))
    stopped = box(Store(killed.snapshot(ended=True)))

    assert (killed.starts(), killed.meaning(), killed.orderly()) == (2, 2, 0)
    assert (stopped.starts(), stopped.meaning(), stopped.orderly()) == (3, 2, 1)


@pytest.mark.parametrize(
    ("urgent_s", "plain_s", "age_s"), [(None, None, None), (60, None, 60), (None, 90, 90), (60, 90, 90), (-5, None, 0)]
)
def test_the_backlog_is_as_old_as_its_oldest_record(
    urgent_s: int | None, plain_s: int | None, age_s: float | None
) -> None:
    """Of both lanes; one that is dated after now is of no age; where none has a date, it is not known."""
    store = Store()
    store.waiting = 2
    store.urgent_ms = None if urgent_s is None else NOW_MS - urgent_s * 1000
    store.plain_ms = None if plain_s is None else NOW_MS - plain_s * 1000

    assert box(store).backlog_age_s() == age_s


def test_the_backlog_is_looked_up_once_a_minute_and_ages_in_between() -> None:
    """Rules ask every second."""
    store, clock = Store(), Clock()
    store.waiting, store.plain_ms = 1, NOW_MS - 60_000
    found = box(store, clock)
    assert found.backlog_age_s() == 60
    clock.mono, clock.believed_ms = clock.mono + BACKLOG_NS - 1, NOW_MS + 30_000

    assert found.backlog_age_s() == 90
    assert store.looks == 2
    clock.mono += 1
    found.backlog_age_s()
    assert store.looks == 4


def test_nothing_waits_or_nobody_to_deliver_to_is_no_backlog() -> None:
    """Neither is looked up."""
    empty, alone = Store(), Store()
    alone.waiting = 5

    assert (box(empty).backlog_age_s(), box(alone, has_uplink=False).backlog_age_s()) == (0, 0)
    assert empty.looks + alone.looks == 0


def test_the_age_of_the_backlog_is_not_known_without_time_or_store() -> None:
    """Never a number that was made up."""
    store, clock = Store(), Clock()
    store.waiting, store.plain_ms, clock.believed_ms = 1, NOW_MS, None
    broken = Store()
    broken.waiting, broken.fails = 1, True

    assert (box(store, clock).backlog_age_s(), box(broken).backlog_age_s()) == (None, None)


def test_the_host_clock_departs_from_believed_time() -> None:
    """By host minus believed, in seconds; not known while time is not."""
    clock = Clock()
    clock.host_ms = NOW_MS + 2500
    found = box(Store(), clock)
    assert found.host_clock_s() == 2.5
    clock.believed_ms = None

    assert found.host_clock_s() is None


def test_a_step_is_told_for_ten_minutes() -> None:
    """It is taken over within a second, and would be gone before any rule has seen it."""
    clock = Clock()
    found = box(Store(), clock)
    found.stepped(-3600.0, clock.mono)
    clock.mono += STEP_NS - 1
    assert found.host_clock_s() == -3600
    clock.mono += 1

    assert found.host_clock_s() == 0


def test_a_squeezed_store_counts_as_full() -> None:
    """Others have filled the disk, however little is in the store."""
    store = Store()
    assert box(store).disk_share() == 0.25
    store.squeezed = True

    assert box(store).disk_share() == 1
