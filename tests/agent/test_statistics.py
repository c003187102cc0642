"""Minute, ten-minute, hour and day values: what they are, when they are valid, and what unsteady time does to them."""

from __future__ import annotations

import statistics as plain
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.aggregate import RECONFIGURED, STOPPED
from agent.desk import Desk
from agent.rolls import needed
from agent.statistics import Ended, Statistics
from buffer.history import History
from buffer.history_row import Level, Row
from config.site import Device, PointInfo, Report, Text
from drivers.reading import Scan
from drivers.spec import DeviceSpec, PointSpec, Table
from tests.agent.plant import SECOND, boiler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from drivers.reading import Value

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NOON_MS = 1_795_320_000_000  # 2026-11-22T04:00:00Z, noon in Shanghai
UP_MS = 1000 * 3600_000
"""How long the box has been up at noon."""
POINTS = (("load", "none"), ("power", "per-hour"), ("flow", "per-second"), ("energy", "counter"))


def meter(poll_s: float = 10.0, scale: float = 1.0) -> Device:
    """Return a meter with a load, a power in kW, a flow in m3/s and a counter of kWh."""
    points = tuple(
        PointSpec(name=name, table=Table.INPUT, at=2 * at, type="float32", decimals=1, scale=scale)
        for at, (name, _) in enumerate(POINTS)
    )
    info = tuple(
        PointInfo(name=name, unit="", label=Text(name, name), code=None, decimals=1, total=total)  # type: ignore[arg-type]
        for name, total in POINTS
    )
    spec = DeviceSpec(name="meter", bus="line", protocol="modbus", address=1, timeout_s=0.5, points=points)
    report = Report(kind="on-scan", period_s=60.0)
    return Device(spec=spec, label=Text("表", "Meter"), poll_s=poll_s, report=report, info=info)


class Rig:
    """The meter's statistics under a clock that can be moved. Keeps all rows that came out."""

    def __init__(self, device: Device | None = None, zone: ZoneInfo = SHANGHAI, at_ms: int = NOON_MS) -> None:
        self.device = device or meter()
        self.statistics = Statistics([self.device], zone, "boot1")
        self.now_ms = UP_MS
        self.offset_ms: int | None = at_ms - UP_MS
        self.rows: list[Row] = []

    @property
    def wall_ms(self) -> int | None:
        """Believed time."""
        return None if self.offset_ms is None else self.now_ms + self.offset_ms

    def take(self, ended: Ended | None) -> Ended | None:
        """Keep the rows."""
        self.rows += ended.rows if ended else ()
        return ended

    def scan(self, load: Value = 50.0, *, power: Value = 60.0, energy: Value = 100.0, flags: str = "NNNN") -> None:
        """Give a scan now."""
        values = (load, power, 0.5, energy)
        self.take(self.statistics.add(Scan("meter", 0, self.now_ms * 1_000_000, values, flags), self.wall_ms))

    def run(self, seconds: float, of: Callable[[float], dict[str, Any]] | None = None) -> Rig:
        """Let time pass, with a scan at every poll and a look every second between."""
        end, begin = self.now_ms + round(seconds * 1000), self.now_ms
        while self.now_ms < end:
            self.scan(**(of((self.now_ms - begin) / 1000) if of else {}))
            self.now_ms += round(self.device.poll_s * 1000)
        self.now_ms = end
        return self

    def look(self, seconds: float = 0.0) -> Rig:
        """Let time pass without a scan, and look."""
        self.now_ms += round(seconds * 1000)
        for ended in self.statistics.due(self.now_ms * 1_000_000, self.wall_ms):
            self.take(ended)
        return self

    def of(self, level: Level) -> list[Row]:
        """Return the rows of a level."""
        return [row for row in self.rows if row.level is level]


def starts(rows: Iterable[Row]) -> list[float]:
    """Return the starts in minutes since noon, of rows that have a date."""
    return [(row.start_ms - NOON_MS) / 60_000 for row in rows if row.start_ms is not None]


def test_a_minute_has_mean_extremes_count_flag_and_amounts() -> None:
    """Six readings of ten seconds; kW become kWh, m3/s become m3, the counter tells what it rose."""
    rig = Rig().run(60, lambda s: {"load": 50 + s, "energy": 100 + s / 10})
    rig.scan(energy=106.0)

    (row,) = rig.rows
    assert (row.visit, row.level, row.start_ms, row.start_mono_ms) == ("meter", Level.MINUTE, NOON_MS, UP_MS)
    assert (row.boot, row.span_ms, row.cut, row.expected) == ("boot1", 60_000, None, 6)
    assert row.names == ("load", "power", "flow", "energy")
    assert (row.avg[0], row.least[0], row.most[0], row.n[0], row.valid[0]) == (75.0, 50.0, 100.0, 6, True)
    assert row.total == (None, 1.0, 30.0, 5.0)
    assert (row.flag, row.turn) == ("NNNN", "    ")


@pytest.mark.parametrize(("good", "is_valid"), [(6, True), (5, True), (4, False), (0, False)])
def test_a_minute_is_valid_with_three_quarters_of_its_readings(good: int, *, is_valid: bool) -> None:
    """What is seen is told either way; an invalid minute's amount is of the share that was seen."""
    rig = Rig().run(60, lambda s: {} if s < 10 * good else {"flags": "DDDN", "load": 9.0})
    rig.scan()

    (row,) = rig.rows
    assert (row.n[0], row.valid[0], row.flag) == (good, is_valid, "DDDN" if good < 6 else "NNNN")
    assert row.avg[0] == (50.0 if good else None)
    assert row.total[1] == (None if not good else 1.0 if is_valid else pytest.approx(good / 6, abs=1e-5))


def test_the_worst_flag_of_a_minute_is_that_of_the_table() -> None:
    """B D F M C S T N, whatever the order they come in; rolled up the same way."""
    rig = Rig().run(60, lambda s: {"flags": {0.0: "TSNN", 10.0: "CMFN", 20.0: "NNDN"}.get(s, "NNNN")})
    rig.run(600)

    assert (rig.rows[0].flag, rig.of(Level.TEN)[0].flag) == ("CMDN", "CMDN")


def test_ten_minutes_hour_and_day_end_with_the_last_minute_in_them() -> None:
    """Shortest first, and each marked by its start."""
    rig = Rig(meter(30.0)).run(12 * 3600)
    rig.scan()

    assert [row.level for row in rig.rows[-4:]] == [Level.MINUTE, Level.TEN, Level.HOUR, Level.DAY]
    assert starts(rig.of(Level.HOUR)) == [60.0 * hour for hour in range(12)]
    assert starts(rig.of(Level.DAY)) == [-720.0]
    assert [len(rig.of(level)) for level in Level] == [720, 72, 12, 1]
    assert rig.of(Level.HOUR)[0].total == (None, 60.0, 1800.0, 0.0)
    assert rig.of(Level.DAY)[0].total[1] == 720.0


@pytest.mark.parametrize(("minutes", "is_valid"), [(45, True), (44, False)])
def test_an_hour_is_valid_with_45_valid_minutes(minutes: int, *, is_valid: bool) -> None:
    """Its mean is that of the valid minutes' means; extremes and count are of everything good."""
    bad = {"load": 99.0, "flags": "NNNN"}
    rig = Rig().run(minutes * 60)
    for _ in range(60 - minutes):
        rig.run(20, lambda _: bad).look(40)
    rig.look(2)

    (hour,) = rig.of(Level.HOUR)
    assert (hour.valid[0], hour.avg[0], hour.most[0]) == (is_valid, 50.0, 99.0)
    assert (hour.n[0], hour.expected) == (6 * minutes + 2 * (60 - minutes), 360)


@pytest.mark.parametrize(("hours", "is_valid"), [(20, True), (19, False)])
def test_a_day_is_valid_with_20_valid_hours(hours: int, *, is_valid: bool) -> None:
    """The day's mean is that of its valid hours."""
    rig = Rig(meter(60.0), at_ms=NOON_MS - 12 * 3_600_000).run(hours * 3600)
    rig.look((24 - hours) * 3600 + 2)

    (day,) = rig.of(Level.DAY)
    assert (day.valid[0], day.avg[0], day.start_ms) == (is_valid, 50.0, NOON_MS - 12 * 3_600_000)


@pytest.mark.parametrize(
    ("level", "parts", "least"),
    [
        (Level.MINUTE, 60, 45),
        (Level.MINUTE, 1, 1),
        (Level.TEN, 10, 8),
        (Level.HOUR, 60, 45),
        (Level.HOUR, 12, 9),
        (Level.DAY, 24, 20),
        (Level.DAY, 25, 20),
        (Level.DAY, 23, 20),
        (Level.DAY, 6, 5),
    ],
)
def test_how_many_parts_are_enough(level: Level, parts: int, least: int) -> None:
    """The standard's numbers where it has any, the same share where there can be fewer parts."""
    assert needed(level, parts) == least


def test_the_day_of_the_change_has_its_own_length() -> None:
    """Berlin, 2026-10-25: 25 hours, and the hour from two to three comes twice; both are told."""
    midnight_ms = 1_792_879_200_000
    rig = Rig(meter(60.0), BERLIN, midnight_ms).run(25 * 3600)
    rig.scan()

    (day,) = rig.of(Level.DAY)
    assert (day.start_ms, day.span_ms) == (midnight_ms, 25 * 3_600_000)
    assert [row.start_ms for row in rig.of(Level.HOUR)] == [midnight_ms + 3_600_000 * hour for hour in range(25)]


def test_the_short_day_is_valid_with_twenty_hours_too() -> None:
    """Berlin, 2026-03-29 has 23 hours."""
    midnight_ms = 1_774_738_800_000
    rig = Rig(meter(60.0), BERLIN, midnight_ms).run(20 * 3600)
    rig.look(3 * 3600 + 2)

    (day,) = rig.of(Level.DAY)
    assert (day.span_ms, day.valid[0]) == (23 * 3_600_000, True)


def test_while_time_is_not_known_rows_have_no_date() -> None:
    """Pieces of time since boot; when time becomes known, minute and hour end, and new ones begin."""
    rig = Rig()
    offset_ms, rig.offset_ms = rig.offset_ms, None
    rig.run(30 * 60 + 30)
    rig.offset_ms = offset_ms
    rig.run(29 * 60)
    rig.look(3600)

    undated = [row for row in rig.rows if row.start_ms is None]
    assert {row.start_mono_ms for row in undated if row.level is Level.HOUR} == {UP_MS}
    assert [row.cut for row in rig.of(Level.HOUR)] == ["period cut short: the time became known", None]
    assert [row.cut for row in rig.of(Level.MINUTE) if row.cut] == [
        "period cut short: the time became known",
        "period begun late: the time became known",
    ]
    assert sum(row.n[0] for row in rig.of(Level.MINUTE)) == sum(row.n[0] for row in rig.of(Level.HOUR)) == 357


def test_a_step_back_gives_the_hour_twice() -> None:
    """What was measured before and after is told apart; nothing is counted twice or lost."""
    rig = Rig().run(30 * 60)
    assert rig.offset_ms is not None
    rig.offset_ms -= 20 * 60_000
    rig.run(50 * 60)
    rig.scan()

    assert starts(rig.of(Level.HOUR)) == [0.0, 0.0]
    assert [row.cut for row in rig.of(Level.HOUR)] == ["period cut short: the clock stepped", None]
    assert [row.n[0] for row in rig.of(Level.HOUR)] == [180, 300]


def test_a_step_forward_leaves_the_hour_with_what_it_had() -> None:
    """The hours that the clock jumped over have no rows."""
    rig = Rig().run(30 * 60)
    assert rig.offset_ms is not None
    rig.offset_ms += 3 * 3_600_000
    rig.run(30 * 60)
    rig.scan()

    assert starts(rig.of(Level.HOUR)) == [0.0, 180.0]
    assert [(row.n[0], row.valid[0]) for row in rig.of(Level.HOUR)] == [(180, False), (180, False)]


def test_a_small_step_costs_a_minute_not_the_hour() -> None:
    """Five seconds back within a minute: two rows of that minute, one hour."""
    rig = Rig().run(30 * 60 + 30)
    assert rig.offset_ms is not None
    rig.offset_ms -= 5_000
    rig.run(30 * 60 - 25)
    rig.scan()

    (hour,) = rig.of(Level.HOUR)
    assert (hour.valid[0], hour.cut) == (True, None)
    assert starts(rig.of(Level.MINUTE))[29:32] == [29.0, 30.0, 30.0]


def test_a_late_scan_counts_in_the_minute_that_is_open() -> None:
    """Nothing is dropped, no closed minute is opened again."""
    rig = Rig().run(60).look(2)
    late = Scan("meter", 0, (UP_MS + 59_000) * 1_000_000, (80.0, 1.0, 1.0, 100.0), "NNNN")
    rig.take(rig.statistics.add(late, NOON_MS + 59_000))
    rig.run(60)
    rig.scan()

    assert starts(rig.of(Level.MINUTE)) == [0.0, 1.0]
    assert rig.of(Level.MINUTE)[1].most[0] == 80.0


def test_gaps_have_no_rows_and_an_hour_ends_without_a_scan() -> None:
    """A device that says nothing at all gives nothing; what it said before is told when the hour is over."""
    rig, found = Rig().run(120), list[list[Level]]()
    for seconds in (1.5, 3600 - 121, 1.0, 60.0):
        before = len(rig.rows)
        rig.look(seconds)
        found.append([row.level for row in rig.rows[before:]])

    assert found == [[Level.MINUTE], [Level.TEN], [Level.HOUR], []]
    assert rig.of(Level.HOUR)[0].n[0] == 12


def test_what_is_read_every_five_minutes_is_valid_too() -> None:
    """Twelve readings an hour are all there can be; each stands for the five minutes before it."""
    rig = Rig(meter(300.0)).run(2 * 3600)
    rig.look(2)

    hour = rig.of(Level.HOUR)[1]
    assert (hour.n[0], hour.expected, hour.valid[0]) == (12, 12, True)
    assert hour.total[1] == pytest.approx(60.0)


def test_a_counter_that_was_not_seen_counts_where_it_is_seen_again() -> None:
    """Ten minutes without an answer: the whole increase, with a mark, in the minute of the return."""
    rig = Rig().run(120, lambda s: {"energy": round(100 + s / 10, 1)})
    rig.run(600, lambda _: {"energy": None, "flags": "NNNB"})
    rig.run(60, lambda s: {"energy": round(172 + s / 10, 1)})
    rig.scan(energy=178.0)
    minutes = rig.of(Level.MINUTE)

    assert [row.total[3] for row in minutes[2:12]] == [None] * 10
    assert minutes[12].total[3] == pytest.approx(177 - 111, abs=0.1)
    assert minutes[12].turn[3] == "G"
    assert sum(row.total[3] or 0 for row in minutes) == pytest.approx(77.0)
    assert rig.statistics.turns() == {"meter": {"energy": {"G": 1}}}


def test_a_restart_in_the_middle_of_an_hour_loses_nothing_of_it(tmp_path: Path) -> None:
    """The open hour and day are folded again from the history; so is what the counter rose meanwhile."""
    rig, history = Rig(meter(30.0), at_ms=NOON_MS - 60 * 60_000), History(tmp_path, now_ms=0)
    rig.run(90 * 60, lambda s: {"energy": 100 + s / 100})
    for ended in rig.statistics.close(STOPPED):
        rig.take(ended)
    history.write(rig.rows, {"statistics": rig.statistics.snapshot()})

    after = Rig(meter(30.0))
    after.statistics.restore(history.kept("statistics"))
    assert after.statistics.resume(history) == []
    after.now_ms, after.offset_ms = rig.now_ms + 120_000, rig.offset_ms
    after.run(28 * 60, lambda s: {"energy": 155.2 + s / 100})
    after.scan(energy=172.0)
    after.look(12 * 3600)

    hour, day = after.of(Level.HOUR)[0], after.of(Level.DAY)[0]
    assert (starts([hour]), hour.n[0], hour.valid[0]) == ([0.0], 116, True)
    assert day.n[0] == 116 + 120 + 1
    assert day.total[3] == pytest.approx(172 - 100, abs=0.1)
    assert after.of(Level.MINUTE)[0].turn[3] == "G"


def test_an_hour_that_ended_while_the_agent_was_off_is_told_when_it_is_back(tmp_path: Path) -> None:
    """Fifty minutes are a valid hour, also when nobody was there at its end; and it is told once."""
    rig, history = Rig(), History(tmp_path, now_ms=0)
    rig.run(50 * 60)
    for ended in rig.statistics.close(STOPPED):
        rig.take(ended)
    history.write(rig.rows)

    for found in ([0.0], []):
        after = Rig()
        after.now_ms += 3 * 3_600_000
        rows = after.statistics.resume(history)
        after.look(2)
        rows += after.rows
        hours = [row for row in rows if row.level is Level.HOUR]
        assert starts(hours) == found
        assert all(row.valid[0] for row in hours)
        history.write(rows)


def test_what_the_history_has_of_other_numbers_is_not_taken_up(tmp_path: Path) -> None:
    """After a change of the site file the hour begins with what is read now."""
    history = History(tmp_path, now_ms=0)
    rig = Rig().run(30 * 60)
    history.write([replace(row, names=("a", "b", "c", "d")) for row in rig.rows])

    after = Rig()
    assert after.statistics.resume(history) == []
    assert after.look(3 * 3600).rows == []


def test_a_reload_cuts_only_what_means_something_else() -> None:
    """A device that stays as it was keeps its hour; one with another scale gets a new one."""
    for scale, expected in ((1.0, []), (0.1, ["period cut short: the configuration changed"] * 3)):
        rig = Rig().run(30 * 60 + 30)
        rig.take(rig.statistics.close(RECONFIGURED)[0])
        ended = rig.statistics.change([meter(scale=scale)], SHANGHAI)
        rig.run(29 * 60 + 30)
        rig.scan()

        assert [row.cut for row in ended] == expected
        assert [(row.n[0], row.valid[0]) for row in rig.of(Level.HOUR)] == [(360, True) if scale == 1 else (177, False)]


def test_a_device_that_was_taken_out_tells_what_it_had() -> None:
    """Its open hour and day end with the reload; scans that still come are of nobody."""
    rig = Rig().run(30 * 60)
    rig.take(rig.statistics.close(RECONFIGURED)[0])
    ended = rig.statistics.change([], SHANGHAI)
    rig.scan()

    assert [row.level for row in ended] == [Level.HOUR, Level.DAY]
    assert rig.statistics.due(rig.now_ms * 1_000_000, rig.wall_ms) == []


@pytest.mark.parametrize("state", [None, b"", b"{", b"[]", b'{"visits":{"meter":{"energy":[1]}}}', b'{"visits":3}'])
def test_a_snapshot_that_cannot_be_read_is_none(state: bytes | None) -> None:
    """The counters begin anew; nothing else suffers."""
    rig = Rig()
    rig.statistics.restore(state)
    rig.run(120, lambda s: {"energy": 100 + s / 10})

    assert rig.rows[0].total[3] == pytest.approx(5.0)


def test_the_report_of_a_minute_is_told_from_the_same_fold() -> None:
    """Byte for byte what a period of its own would tell, and nothing for another report."""
    device = boiler(report="period", period_s=60.0)
    statistics = Statistics([device], SHANGHAI)
    apart = Desk(device, SHANGHAI, lost=False, reloaded=False)
    shared = Desk(device, SHANGHAI, lost=False, reloaded=False, has_minutes=True)
    other = Desk(boiler(report="on-scan"), SHANGHAI, lost=False, reloaded=False, has_minutes=True)
    told = []
    for second in range(0, 200, 7):
        flags = "NNNN" if second % 3 else "TNNN"
        scan = Scan("boiler", 0, second * SECOND, (second / 3, second, "DZL4", True), flags)
        ended = statistics.add(scan, NOON_MS + second * 1000)
        closed = ended.closed if ended else None
        assert apart.period is not None
        told.append((apart.period.add(scan, NOON_MS + second * 1000), shared.minute(closed), other.minute(closed)))

    assert shared.period is None
    assert [a for a, _, _ in told] == [b for _, b, _ in told]
    assert sum(a is not None for a, _, _ in told) == 3
    assert all(c is None for _, _, c in told)


def test_a_computed_device_has_its_numbers_by_their_info() -> None:
    """It has no points on a bus; names, decimals and amounts come from what the site says of them."""
    device = meter()
    derived = replace(device, spec=replace(device.spec, points=(), protocol="derived"))
    rig = Rig(derived).run(60)
    rig.scan()

    assert rig.rows[0].names == ("load", "power", "flow", "energy")
    assert rig.rows[0].total[1] == 1.0


readings = st.lists(
    st.tuples(st.floats(0, 1000), st.sampled_from("NNNNNNBT"), st.integers(1, 40)), min_size=1, max_size=150
)


@settings(max_examples=60, deadline=None)
@given(readings)
def test_a_naive_computation_agrees(found: list[tuple[float, str, int]]) -> None:
    """Minutes from the readings in them, hours from the valid minutes: the plain definitions."""
    rig, minutes = Rig(), dict[int, list[float]]()
    for load, flag, wait in found:
        rig.scan(load, flags=f"{flag}NNN")
        minute = (rig.now_ms - UP_MS) // 60_000
        minutes.setdefault(minute, [])
        if flag == "N":
            minutes[minute].append(load)
        rig.now_ms += wait * 1000
    rig.look(7200)

    assert {
        round(at): row.n[0] for at, row in zip(starts(rig.of(Level.MINUTE)), rig.of(Level.MINUTE), strict=True)
    } == {at: len(values) for at, values in minutes.items()}
    for row, hour in ((row, round(at)) for at, row in zip(starts(rig.of(Level.HOUR)), rig.of(Level.HOUR), strict=True)):
        inside = [values for at, values in minutes.items() if hour <= at < hour + 60]
        means = [plain.fmean(values) for values in inside if len(values) >= 5]
        everything = [value for values in inside for value in values]
        assert (row.n[0], row.valid[0]) == (len(everything), len(means) >= 45)
        assert row.avg[0] == (pytest.approx(plain.fmean(means), abs=0.06) if means else None)
        assert row.least[0] == (min(everything) if everything else None)
