"""The history: what was written is found again, by time, through packing, dating and reopening."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from buffer import history as module
from buffer.history import TOGETHER, History
from buffer.history_row import Level, Row
from tests.buffer.history_rows import BOOT, MINUTE_MS, minutes, row, wide

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOTS = (None, "boot-1", "boot-2")
FOREVER = 10**15


def fresh(directory: Path, **options: int) -> History:
    """Open the history in a directory."""
    return History(directory, now_ms=1_795_311_001_000, **options)


def everything(history: History, level: Level = Level.MINUTE) -> list[tuple[int, float | None]]:
    """Return start and mean of all dated rows of the meter's load."""
    found = history.query("meter", "load", level, -FOREVER, FOREVER)
    return list(zip(found.start_ms, found.avg, strict=True))


def expected(rows: list[Row]) -> list[tuple[int | None, float | None]]:
    """Return what `everything` should give of these rows."""
    return [(one.start_ms, one.avg[0]) for one in rows]


@pytest.fixture(autouse=True)
def hours() -> Iterator[None]:
    """Let minutes be packed by the hour, so that tests need fewer of them."""
    with patch.dict(TOGETHER, {Level.MINUTE: 60}):
        yield


def test_the_file_is_private_and_written_for_good(tmp_path: Path) -> None:
    """Mode 0600, a log, every commit synced; the settings are read back, not assumed."""
    history = fresh(tmp_path)
    assert history._db is not None

    assert stat.S_IMODE(history.path.stat().st_mode) == 0o600
    assert history._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert history._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_query_gives_all_columns_of_a_point_within_a_stretch(tmp_path: Path) -> None:
    """From one moment up to, but not including, another."""
    history = fresh(tmp_path)
    history.write([*minutes(0, 5), row(2 * MINUTE_MS, visit="fan")])
    history.write([row(5 * MINUTE_MS, cut="period cut short: the agent stopped")])

    found = history.query("meter", "energy", Level.MINUTE, 2 * MINUTE_MS, 6 * MINUTE_MS)

    assert found.start_ms == [at * MINUTE_MS for at in (2, 3, 4, 5)]
    assert (found.avg, found.least, found.most) == ([1002.0, 1003.0, 1004.0, 1005.0], [None] * 4, [None] * 4)
    assert (found.n, found.valid, found.flag, found.turn) == ([0] * 4, [False] * 4, ["B"] * 4, ["G"] * 4)
    assert (found.total, found.span_ms, found.expected) == ([0.25] * 4, [MINUTE_MS] * 4, [60] * 4)
    assert found.cut == [None, None, None, "period cut short: the agent stopped"]
    assert history.query("meter", "energy", Level.MINUTE, 2 * MINUTE_MS, 5 * MINUTE_MS).start_ms[-1] == 4 * MINUTE_MS


@pytest.mark.parametrize(("device", "point"), [("nobody", "load"), ("meter", "nothing"), ("met", "load")])
def test_what_is_not_there_is_an_empty_answer(tmp_path: Path, device: str, point: str) -> None:
    """No error for a device or point that the history never heard of."""
    history = fresh(tmp_path)
    history.write(minutes(0, 3))

    assert history.query(device, point, Level.MINUTE, 0, FOREVER).start_ms == []


@pytest.mark.parametrize("level", list(Level))
def test_packing_changes_nothing(tmp_path: Path, level: Level) -> None:
    """Single rows and packed ones are read alike, each level apart from the others."""
    history, rows = fresh(tmp_path), minutes(0, 2 * TOGETHER[level] + 5, level=level)
    for one in rows:
        assert history.write([one])

    assert everything(history, level) == expected(rows)
    assert [everything(history, other) for other in Level if other is not level] == [[], [], []]
    with closing(sqlite3.connect(history.path)) as db:
        assert db.execute("SELECT count(*) FROM chunk").fetchone() == (2,)
        assert db.execute("SELECT count(*) FROM fresh").fetchone() == (5,)


def test_rows_come_back_whole(tmp_path: Path) -> None:
    """For taking up an hour after a restart: every member but the boot of what has a date."""
    history, rows = fresh(tmp_path), minutes(0, 70)
    history.write(rows)

    assert history.rows("meter", Level.MINUTE, 0, FOREVER) == rows
    assert history.rows("meter", Level.MINUTE, 65 * MINUTE_MS, 67 * MINUTE_MS) == rows[65:67]
    assert history.last_ms("meter") == 69 * MINUTE_MS
    assert (history.last_ms("fan"), history.rows("fan", Level.MINUTE, 0, FOREVER)) == (None, [])


def test_the_two_visits_of_a_device_are_one_device(tmp_path: Path) -> None:
    """A query names the device; `rows` names the visit."""
    history = fresh(tmp_path)
    history.write([row(0), row(0, visit="meter/slow", names=("so2", "nox")), row(0, visit="meters")])

    assert history.query("meter", "so2", Level.MINUTE, 0, FOREVER).start_ms == [0]
    assert [one.visit for one in history.rows("meter", Level.MINUTE, 0, FOREVER)] == ["meter"]


def test_a_device_with_other_points_goes_on_in_the_same_history(tmp_path: Path) -> None:
    """After a change of the site file old and new rows of a point are found together."""
    history = fresh(tmp_path)
    history.write(minutes(0, 3))
    history.write([row(3 * MINUTE_MS, names=("load", "new"))])

    assert len(everything(history)) == 4
    assert history.query("meter", "new", Level.MINUTE, 0, FOREVER).start_ms == [3 * MINUTE_MS]


def test_rows_of_unknown_time_get_their_dates_when_time_is_known(tmp_path: Path) -> None:
    """Those already packed, those that stand alone, and one that comes after the word."""
    history = fresh(tmp_path)
    rows = [row(None, start_mono_ms=at * MINUTE_MS) for at in range(65)]
    for one in rows:
        history.write([one])
    assert everything(history) == []
    assert len(history.query("meter", "load", Level.MINUTE, 0, FOREVER, boot=BOOT).start_ms) == 65

    history.dated("another", 5)
    assert history.dated(BOOT, 1_000_123)
    history.write([row(None, start_mono_ms=65 * MINUTE_MS)])

    assert [start for start, _ in everything(history)] == [at * MINUTE_MS + 1_000_123 for at in range(66)]
    assert [mean for _, mean in everything(history)][:65] == [one.avg[0] for one in rows]
    assert history.query("meter", "load", Level.MINUTE, 0, FOREVER, boot=BOOT).start_ms == []


def test_rows_of_a_boot_whose_time_never_became_known_stay_undated(tmp_path: Path) -> None:
    """They are found by that boot, and by nothing else; a reopening does not change it."""
    fresh(tmp_path).write([row(None, boot="old", start_mono_ms=7)])
    history = fresh(tmp_path)
    history.dated(BOOT, 1000)

    assert everything(history) == []
    assert history.query("meter", "load", Level.MINUTE, 0, 10, boot="old").start_ms == [7]


def test_after_a_step_back_both_rows_of_a_start_are_kept_in_order(tmp_path: Path) -> None:
    """Ordered by start, and of equal starts by when they were written, also when packed."""
    history = fresh(tmp_path)
    first = minutes(0, 40)
    second = [row(one.start_ms, avg=(-1.0, None)) for one in first[20:]]
    for one in [*first, *second]:
        history.write([one])

    wanted = sorted([*first, *second], key=lambda one: one.start_ms or 0)
    assert everything(history) == expected(wanted)
    assert history.rows("meter", Level.MINUTE, 0, FOREVER) == [*first, *second]


def test_blobs_are_kept_beside_the_rows(tmp_path: Path) -> None:
    """With the rows of a write, or alone; the last one counts, over a reopening too."""
    history = fresh(tmp_path)
    history.write(minutes(0, 1), {"statistics": b"1"})
    assert history.keep("judge", b"\x00state")
    history.write((), {"statistics": b"2"})

    assert [fresh(tmp_path).kept(key) for key in ("statistics", "judge", "nothing")] == [b"2", b"\x00state", None]


def test_more_than_a_year_is_forgotten_little_by_little(tmp_path: Path) -> None:
    """What is older than `keep_ms` goes, at most two packs for each that comes: a wrong clock cannot clear it all."""
    history = fresh(tmp_path, keep_ms=120 * MINUTE_MS)
    for one in minutes(0, 600):
        history.write([one])
    assert everything(history)[0][0] == (600 - 180) * MINUTE_MS

    for one in minutes(10**7, 60):
        history.write([one])
    starts = [start for start, _ in everything(history)]
    assert (starts[0], len(starts)) == ((600 - 60) * MINUTE_MS, 60 + 60)


def test_minutes_give_way_first_when_the_size_is_reached(tmp_path: Path) -> None:
    """The oldest minutes go; hours and days stay, and the file stays within its size."""
    history = fresh(tmp_path, max_size=100_000)
    hours = minutes(0, 200, level=Level.HOUR)
    history.write(hours)
    for at in range(0, 1600, 20):
        assert history.write(wide(at, 20))

    kept = history.query("meter", "p3", Level.MINUTE, 0, FOREVER).start_ms
    assert everything(history, Level.HOUR) == expected(hours)
    assert 0 < kept[0] < 1500 * MINUTE_MS
    assert kept == list(range(kept[0], 1600 * MINUTE_MS, MINUTE_MS))
    assert history.condition().bytes <= history.condition().limit == 100_000


class Model(RuleBasedStateMachine):
    """The history beside a plain list of rows. Every row's mean is a number of its own."""

    @initialize(together=st.integers(2, 5))
    def begin(self, together: int) -> None:
        """Start with nothing, packing a few rows at a time."""
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(module, "TOGETHER", dict.fromkeys(Level, together))
        self.place = TemporaryDirectory(prefix="history-")
        self.rows: list[Row] = []
        self.state: dict[str, bytes] = {}
        self.history = fresh(Path(self.place.name))

    @rule(start=st.integers(0, 40), level=st.sampled_from(Level), count=st.integers(1, 4), boot=st.sampled_from(BOOTS))
    def write(self, start: int, level: Level, count: int, boot: str | None) -> None:
        """Write some rows, of known time or not; time may have gone anywhere."""
        new = [
            row(
                at * MINUTE_MS if boot is None else None,
                start_mono_ms=at * MINUTE_MS,
                level=level,
                boot=boot or "",
                avg=(None, float(len(self.rows) + at - start)),
            )
            for at in range(start, start + count)
        ]
        assert self.history.write(new)
        self.rows += new

    @rule(boot=st.sampled_from(BOOTS[1:]), offset=st.integers(-5, 5))
    def date(self, boot: str | None, offset: int) -> None:
        """The time of a boot becomes known; until the next opening, for rows to come too. Rows are dated once."""
        self.history.close()
        self.history = fresh(Path(self.place.name))
        assert self.history.dated(boot or "", offset * MINUTE_MS)
        self.rows = [
            replace(one, start_ms=one.start_mono_ms + offset * MINUTE_MS, boot="")
            if one.start_ms is None and one.boot == boot
            else one
            for one in self.rows
        ]
        self.reopen()

    @rule()
    def reopen(self) -> None:
        """Close and open."""
        self.history.close()
        self.history = fresh(Path(self.place.name))

    @rule(key=st.sampled_from("ab"), value=st.binary(max_size=3))
    def keep(self, key: str, value: bytes) -> None:
        """Keep a blob."""
        assert self.history.keep(key, value)
        self.state[key] = value

    @invariant()
    def same(self) -> None:
        """Whatever is asked, the list says the same."""
        if not hasattr(self, "rows"):
            return
        assert [self.history.kept(key) for key in "ab"] == [self.state.get(key) for key in "ab"]
        for level in Level:
            for boot in BOOTS:
                found = self.history.query("meter", "energy", level, 5 * MINUTE_MS, 30 * MINUTE_MS, boot=boot)
                assert list(zip(found.start_ms, found.avg, strict=True)) == self.of(level, boot)

    def of(self, level: Level, boot: str | None) -> list[tuple[int, float | None]]:
        """Return what the list has."""
        mine = [one for one in self.rows if one.level is level and (one.start_ms is None) == (boot is not None)]
        found = [
            (one.start_mono_ms if one.start_ms is None else one.start_ms, one.avg[1])
            for one in mine
            if boot in {None, one.boot}
        ]
        return sorted((one for one in found if 5 * MINUTE_MS <= one[0] < 30 * MINUTE_MS), key=lambda one: one[0])

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "rows"):
            self.history.close()
            self.place.cleanup()
            self.patch.undo()


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
