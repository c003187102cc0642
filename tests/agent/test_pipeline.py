"""The one thread that does everything to a scan."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from agent.clock import SystemClock
from agent.intake import Intake, Item, Reload, Stop
from agent.keys import SigningKey
from agent.ledger import Ledger
from agent.pipeline import Pipeline
from agent.record import Sealer
from agent.verify.verifier import Verifier
from buffer.history import History
from buffer.outbox import Outbox
from config.site import BufferLimits, Gateway, Limit, Report, Site, Text
from drivers.reading import Scan
from tests.agent.plant import SECOND, boiler, limit, scan

if TYPE_CHECKING:
    from pathlib import Path

KEY = SigningKey.from_seed(bytes(range(32)))
ENROLMENT = {
    "site": {"zh": "厂", "en": "Plant"},
    "software": "plantgate t",
    "key": KEY.public.jwk,
    "reason": "enrolment",
}
WALL_NS = 1_795_311_000 * SECOND


class Host:
    """A machine whose clocks stand still unless told."""

    boot = "a6ebeace"

    def __init__(self) -> None:
        self.now_ns = 100 * SECOND
        self.offset_ns = WALL_NS
        self.source: str | None = "test"

    def wall_ns(self) -> int:
        """Return the wall clock."""
        return self.now_ns + self.offset_ns

    def mono_ns(self) -> int:
        """Return the monotonic clock."""
        return self.now_ns

    def vouched_by(self, wall_ns: int, mono_ns: int) -> str | None:
        """Return who vouches."""
        return self.source


def site(path: Path, *limits: Limit, report: str = "on-scan", scale: float = 1.0) -> Site:
    """Return a site with the boiler."""
    device = boiler(report=report)
    return Site(
        path=path / "site.toml",
        gateway=Gateway(
            id="jn-0417",
            name=Text("厂", "Plant"),
            timezone="Asia/Shanghai",
            language="zh",
            state_dir=path / "state",
            clock="auto",
        ),
        uplink=None,
        buffer=BufferLimits(commit_every_s=1.0, keep_s=86400.0, max_size=16 << 20, allow_volatile=True),
        buses=(),
        devices=(device,),
        limits=limits,
        meaning={"devices": {"boiler": {"points": {"load": {"scale": scale}}}}, "limits": {}},
        notices=(),
    )


class Scene:
    """Runs of one box, one after the other, on the same state directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.host = Host()
        self.commit_every_ns = SECOND
        self.wires: list[bytes] = []

    def run(self, plan: Site, *items: Item, intake: Intake | None = None) -> list[dict[str, Any]]:
        """Run the pipeline over `items` and to its end; return the records of this run."""
        outbox = Outbox.open(self.path / "state", max_size=16 << 20, allow_volatile=True)
        clock = SystemClock(remembered=outbox.state("clock"), host=self.host)
        intake = intake or Intake()
        begun = len(self.wires)
        outbox.listen(lambda entries: self.wires.extend(entry.wire for entry in entries))
        ledger = Ledger(Sealer("jn-0417", KEY), outbox, self.commit_every_ns)
        history = History(self.path / "state", now_ms=0)
        pipeline = Pipeline(plan, outbox, ledger, clock, intake, ENROLMENT, history)
        for item in items:
            if isinstance(item, Scan):
                intake.put(item)
            else:
                intake.tell(item)
        intake.tell(Stop())
        pipeline.run()
        outbox.close()
        return [orjson.loads(wire) for wire in self.wires[begun:]]

    def is_clean(self) -> bool:
        """Whether an outsider finds nothing wrong with all runs together."""
        verifier = Verifier([KEY.public])
        for wire in self.wires:
            verifier.feed(wire)
        return verifier.report().ok


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Return a new box."""
    return Scene(tmp_path)


def story(records: list[dict[str, Any]]) -> list[str]:
    """Return the records in words."""
    return [
        " ".join(filter(None, (record["kind"], record.get("event"), record.get("why"), record.get("state"))))
        for record in records
    ]


def test_a_new_box_introduces_itself_before_anything_else(scene: Scene) -> None:
    """Genesis, clock, start, meaning; then what the plant says; then the end."""
    records = scene.run(site(scene.path), scan(101, 7.0))

    assert story(records) == ["hello", "clock first", "event start", "config", "readings", "event stop"]
    assert records[4]["values"]["load"] == 7
    assert len({record["cfg"] for record in records}) == 1
    assert scene.is_clean()


def test_a_restart_continues_the_chain_without_saying_hello_again(scene: Scene) -> None:
    """The second run tells only that it started, and is linked to the first."""
    first = scene.run(site(scene.path))
    second = scene.run(site(scene.path))

    assert story(second) == ["event start", "event stop"]
    assert second[0]["seq"] == first[-1]["seq"] + 1
    assert scene.is_clean()


def test_an_alarm_stands_before_the_reading_that_shows_it(scene: Scene) -> None:
    """Raise and clear are records with the value and both languages, in the order of what happened."""
    records = scene.run(site(scene.path, limit(high=100.0)), scan(101, 105.0), scan(102, 90.0))

    assert story(records)[4:8] == ["alarm raised", "readings", "alarm cleared", "readings"]
    raised = records[4]
    assert (raised["value"], raised["limit"], raised["level"], raised["priority"]) == (105, 100, "high", "medium")
    assert raised["text"]["zh"]
    assert raised["text"]["en"]
    assert raised["since"] == raised["ts"] == records[5]["ts"]


def test_an_alarm_is_neither_repeated_nor_forgotten_by_a_restart(scene: Scene) -> None:
    """The state lies in the store with the record it belongs to."""
    plan = site(scene.path, limit(high=100.0))
    scene.run(plan, scan(101, 105.0))

    again = scene.run(plan, scan(103, 106.0), scan(104, 90.0))

    assert story(again) == ["event start", "readings", "alarm cleared", "readings", "event stop"]


def test_a_lost_device_is_remembered_over_a_restart(scene: Scene) -> None:
    """Lost before, back after: one event each."""
    silent = [scan(at, None, None, "BBBB", "no answer", (None, None)) for at in (101, 102)]
    before = scene.run(site(scene.path), *silent)
    after = scene.run(site(scene.path), scan(103, 1.0))

    assert "event device-lost" in story(before)
    assert story(after) == ["event start", "event device-back", "readings", "event stop"]


def test_a_changed_meaning_is_told_with_the_difference(scene: Scene) -> None:
    """A scale factor edited while the box was off shows at its next start."""
    scene.run(site(scene.path))
    records = scene.run(site(scene.path, scale=0.1))
    (config,) = [record for record in records if record["kind"] == "config"]

    assert config["diff"] == [{"path": "devices.boiler.points.load.scale", "old": 1, "new": 0.1}]
    assert config["hash"] == config["cfg"]


def test_a_reload_closes_what_was_begun_under_the_old_meaning(scene: Scene) -> None:
    """The open period ends with the old hash; everything after carries the new one."""
    old, new = site(scene.path, report="period"), site(scene.path, report="period", scale=0.1)
    reload = Reload(new)

    records = scene.run(old, scan(101, 5.0), reload, scan(102, 50.0))
    readings = [record for record in records if record["kind"] == "readings"]
    (config,) = [record for record in records if record["kind"] == "config" and record["previous"]]

    assert reload.done.is_set()
    assert [record["values"]["load"] for record in readings] == [5, 50]
    assert [record["cfg"] for record in readings] == [config["previous"], config["hash"]]
    assert scene.is_clean()


def test_a_scan_of_a_device_with_other_points_is_not_mistaken(scene: Scene) -> None:
    """A visit that outlasted a reload is dropped, not squeezed into the new points."""
    stale = Scan("boiler", 0, 101 * SECOND, (1.0,), "N")
    gone = Scan("nobody", 0, 101 * SECOND, (1.0,), "N")

    assert "readings" not in story(scene.run(site(scene.path), stale, gone))


def test_scans_that_were_turned_away_are_confessed(scene: Scene) -> None:
    """A pipeline that could not keep up says how many scans of which device are missing."""
    intake = Intake(most=1)
    for at in (101, 102, 103):
        intake.put(scan(at, 1.0))
    scene.host.now_ns += 2 * SECOND
    records = scene.run(site(scene.path), {"kind": "event", "event": "test"}, intake=intake)
    (dropped,) = [record for record in records if record.get("event") == "scans-dropped"]

    assert dropped["devices"] == {"boiler": 2}


def test_the_two_visits_of_a_device_are_records_of_one_device(scene: Scene) -> None:
    """Each with the time of its own visit; lost and back are told once, and what was turned away by device."""
    plan = replace(site(scene.path), devices=(boiler(report="on-scan", slow_s=60.0),))
    fast, slow = (
        Scan("boiler", 0, 101 * SECOND, (7.0, True), "NN"),
        Scan("boiler/slow", 0, 102 * SECOND, (20, "x"), "NN"),
    )
    silent = [
        Scan(key, 0, at * SECOND, (None, None), "BB", "no answer")
        for at in (103, 104)
        for key in ("boiler", "boiler/slow")
    ]
    intake = Intake(most=6)
    for one in (fast, slow, *silent, fast, slow):
        intake.put(one)
    records = scene.run(plan, intake=intake)
    values = [record for record in records if record["kind"] == "readings"]

    assert {record["device"] for record in values} == {"boiler"}
    assert [sorted(record["values"]) for record in values[:2]] == [["burner", "load"], ["model", "so2"]]
    assert values[0]["ts"] < values[1]["ts"]
    assert [record["device"] for record in records if record.get("event") == "device-lost"] == ["boiler"]
    assert [record["devices"] for record in records if record.get("event") == "scans-dropped"] == [{"boiler": 2}]


def test_without_time_nothing_is_dated_and_nothing_guessed(scene: Scene) -> None:
    """While nobody vouches for the clock every ts is null and every clk says unsync."""
    scene.host.source = None
    records = scene.run(site(scene.path, limit(high=100.0)), scan(101, 105.0))

    assert {record["ts"] for record in records} == {None}
    assert {record["clk"]["q"] for record in records} == {"unsync"}
    assert [record["since"] for record in records if record["kind"] == "alarm"] == [None]
    assert scene.is_clean()


def test_when_time_arrives_a_clock_record_dates_what_came_before(scene: Scene) -> None:
    """The record ties uptime to wall time; later records are dated."""
    scene.host.source = None
    scene.run(site(scene.path), scan(101, 1.0))
    scene.host.source = "timesyncd"
    scene.host.now_ns += 60 * SECOND
    records = scene.run(site(scene.path), scan(161, 1.0))

    assert story(records)[0] == "clock first"
    assert records[0]["source"] == "timesyncd"
    assert records[0]["wall"] == records[0]["ts"] != None  # noqa: E711  both dated, and alike
    assert next(record for record in records if record["kind"] == "readings")["ts"] is not None
    assert scene.is_clean()


def test_what_a_record_cannot_carry_does_not_stop_the_box(scene: Scene) -> None:
    """A limit beyond what JSON can hold exactly is told as text; the pipeline lives."""
    huge = replace(limit(low=1e17), priority="high")
    records = scene.run(site(scene.path, huge), scan(101, 5.0))

    assert [record["limit"] for record in records if record["kind"] == "alarm"] == ["1e+17"]
    assert scene.is_clean()


def test_everything_taken_is_committed_before_the_end(scene: Scene) -> None:
    """A stop right behind a thousand scans loses none of them."""
    records = scene.run(site(scene.path), *(scan(101 + at, float(at)) for at in range(1000)))

    assert [record["values"]["load"] for record in records if record["kind"] == "readings"] == list(range(1000))


def test_periods_report_when_the_site_wants_statistics(scene: Scene) -> None:
    """A stop closes the open period: what was measured is told."""
    plan = site(scene.path, report="period")
    (record,) = [
        record
        for record in scene.run(plan, *(scan(101 + at, float(at)) for at in range(5)))
        if record["kind"] == "readings"
    ]

    assert record["period"] == 60
    assert record["stats"]["load"] == {"avg": 2, "min": 0, "max": 4, "n": 5}


def test_the_site_that_wants_no_change_of_report_gets_one_record_per_change(scene: Scene) -> None:
    """on-change tells the first scan and each different one."""
    device = boiler(report="on-change", period_s=600)
    plan = replace(site(scene.path), devices=(replace(device, report=Report(kind="on-change", period_s=600)),))
    records = scene.run(plan, scan(101, 1.0), scan(102, 1.0), scan(103, 2.0))

    assert json.dumps([record["values"]["load"] for record in records if record["kind"] == "readings"]) == "[1, 2]"


@pytest.mark.parametrize(("commit_every_ns", "rests"), [(SECOND, [0.02]), (SECOND // 10, [0.005]), (0, [])])
def test_a_burst_gathers_before_it_is_taken_unless_every_scan_commits_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, commit_every_ns: int, rests: list[float]
) -> None:
    """Waking for every scan of a burst costs more than judging it; with ``commit_every = "0s"`` every scan is due."""
    rested: list[float] = []
    monkeypatch.setattr("agent.pipeline.Event", lambda: SimpleNamespace(wait=rested.append))
    scene.commit_every_ns = commit_every_ns

    scene.run(site(scene.path), scan(1, 50.0), scan(2, 50.0))

    assert rested == rests
