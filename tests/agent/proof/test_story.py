"""What is told of a period: alarms, outages, gaps, clock, configuration, people, readings; and its page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from agent.proof.page import About, report
from agent.proof.story import MOST_ROWS, Story
from agent.verify.verdict import Report

ABOUT = About(
    gateway="jn-0417",
    name={"zh": "一号车间", "en": "Workshop 1"},
    chain="c",
    timezone="Asia/Shanghai",
    since="2026-10-31T16:00:00.000Z",
    until="2026-11-01T16:00:00.000Z",
    made="2026-11-03T00:00:00.000Z",
    software="plantgate 0.1.0",
    who="wang (uid 1000)",
    reason="",
    key="kid",
    fingerprint="AAAA BBBB",
    signed=["签 signed"],
    absent=["无 none"],
    first=1,
    last=9,
)
CLEAN = Report(lines=9, records=9, duplicates=0, others=0, chains=(), findings=(), counts={})
WANG = {"who": "wang", "uid": 1000, "note": "electrician called"}


class Told:
    """Records of a day, an hour apart."""

    def __init__(self) -> None:
        self.story = Story(lambda seq, up_ms: 1_793_462_400_000 + up_ms if seq < 100 else None)
        self.seq = 0
        self.boot = "a6ebeace"

    def add(self, kind: str, *, ts: str | None = "", **members: Any) -> None:
        """Take in a record."""
        self.seq += 1
        stamp = f"2026-11-01T{self.seq % 24:02d}:00:00.000Z" if ts == "" else ts
        clk = {"boot": self.boot, "up": self.seq * 3600, "q": "sync"}
        self.story.add({"kind": kind, "seq": self.seq, "ts": stamp, "clk": clk, **members})

    def event(self, event: str, **members: Any) -> None:
        """Take in an event."""
        self.add("event", event=event, **members)

    def alarm(self, state: str, alarm: str = "rule.T1.paint", **members: Any) -> None:
        """Take in a transition of an alarm."""
        text = {"zh": "治污未开", "en": "treatment not on"}
        self.add("alarm", alarm=alarm, state=state, priority="high", text=text, **members)

    def page(self, judged: Report = CLEAN) -> str:
        """Return the page's text."""
        parser = _Text()
        parser.feed(report(ABOUT, self.story, judged).decode())
        return parser.text


class _Text(HTMLParser):
    text = ""

    def handle_data(self, data: str) -> None:
        self.text += f"{data}|"


@pytest.fixture
def told() -> Told:
    """Return a story with nothing in it."""
    return Told()


# --- alarms and people -----------------------------------------------------------------------------------------------


def test_an_alarm_is_one_row_from_raised_to_cleared(told: Told) -> None:
    """With who acknowledged it and when it was escalated."""
    told.alarm("raised")
    told.alarm("acknowledged", by=WANG)
    told.alarm("escalated")
    told.alarm("cleared")
    told.alarm("raised")
    first, second = told.story.alarms.kept

    assert first.begun is not None
    assert (first.begun.seq, first.by) == (1, "wang")
    assert first.ended is not None
    assert first.escalated is not None
    assert second.ended is None
    assert told.story.people.kept[0].facts == {"who": "wang", "alarm": "rule.T1.paint", "note": "electrician called"}
    assert "electrician called" in told.page()


def test_an_alarm_from_before_the_period_says_so(told: Told) -> None:
    """It was raised before; nothing is invented."""
    told.alarm("cleared")
    (only,) = told.story.alarms.kept

    assert only.begun is None
    assert "此前 before" in told.page()


def test_what_people_did(told: Told) -> None:
    """Whatever has a person in it is told as what somebody did, other events beside it."""
    told.event("mark-entered", by=WANG, mark={"kind": "maintenance"})
    told.event("point-refused", device="meter", point="x")

    assert [one.what for one in told.story.people.kept] == ["mark-entered"]
    assert [one.what for one in told.story.others.kept] == ["point-refused"]


# --- outages ---------------------------------------------------------------------------------------------------------


def test_outages_have_two_ends(told: Told) -> None:
    """Of devices and of the platform; one that is not over, one that began before."""
    told.event("device-lost", device="meter", reason="timed out")
    told.event("device-lost", device="other", reason="timed out")
    told.event("device-back", device="meter")
    told.event("uplink-back")
    meter, other, uplink = told.story.outages.kept

    assert meter.since is not None
    assert meter.until is not None
    assert (meter.which, meter.since.seq, meter.until.seq, meter.reason) == ("meter", 1, 3, "timed out")
    assert other.until is None
    assert (uplink.since, uplink.what) == (None, "uplink")


@pytest.mark.parametrize(
    ("ends", "reboots", "how", "since"),
    [(True, False, "stop", 2), (True, True, "stop", 2), (False, False, "crash", 1), (False, True, "reboot", 1)],
)
def test_the_agent_itself(told: Told, ends: bool, reboots: bool, how: str, since: int) -> None:
    """From its stop, or the last it told of the plant, until its start; and how it ended."""
    told.add("readings", device="m", values={})
    if ends:
        told.event("stop")
    if reboots:
        told.boot = "bbbbbbbb"
    told.add("gap", reason="damage", first=1, last=2, count=2)
    told.add("clock", why="first", source="chrony")
    told.event("start")
    (only,) = told.story.outages.kept

    assert only.since is not None
    assert (only.what, only.reason, only.since.seq) == ("agent", how, since)


def test_a_period_that_begins_with_a_start_has_no_outage(told: Told) -> None:
    """What was before is not here."""
    told.event("start")

    assert told.story.outages.kept == []


# --- time ------------------------------------------------------------------------------------------------------------


def test_what_a_clock_record_dates_has_a_sign(told: Told) -> None:
    """A date that was reckoned is not shown like one that was known."""
    told.alarm("raised", ts=None)

    assert "≈ 2026-11-01 01:00:00" in told.page()
    assert told.story.undated == 0


def test_what_nobody_can_date_is_named_by_number_boot_and_uptime(told: Told) -> None:
    """No time is invented."""
    told.seq = 199
    told.alarm("raised", ts=None)

    assert told.story.undated == 1
    assert "记录 record 200, 开机 boot a6ebeace + 720000 s" in told.page()


def test_times_are_those_of_the_site(told: Told) -> None:
    """Eight hours on in Shanghai."""
    told.add("clock", why="step", source="chrony", before="2026-11-01T00:00:00.000Z", after="2026-11-01T01:00:00.000Z")

    assert "2026-11-01 08:00:00" in told.page()
    assert "2026-11-01 09:00:00" in told.page()


# --- configuration, gaps, readings -----------------------------------------------------------------------------------


def test_a_changed_configuration_shows_what_changed(told: Told) -> None:
    """Path, old and new; the first configuration of a chain is no change."""
    diff = [{"path": "devices.m.points.power.scale", "old": 0.1, "new": 1}]
    told.add("config", hash="h0", previous=None, diff=[{"path": "all", "old": None, "new": {}}])
    told.add("config", hash="h1", previous="h0", diff=diff)
    page = told.page()

    assert "devices.m.points.power.scale: 0.1 → 1" in page
    assert "首次配置 first configuration (1)" in page


def test_a_gap_says_what_is_missing(told: Told) -> None:
    """By numbers, or where there are none by time."""
    told.add("gap", reason="capacity", first=3, last=9, count=7, runs=[])
    told.add("gap", reason="storage-failure", first=None, last=None, count=5, **{"from": "a", "to": "b"})

    assert "3 – 9" in told.page()
    assert "a – b" in told.page()


def test_statistics_of_readings(told: Told) -> None:
    """Numbers, statistics of a period, unknown values and flags; what is not known is no zero."""
    told.add("readings", device="m", values={"power": 1.0, "state": "OK"})
    told.add("readings", device="m", values={"power": None}, flags={"power": "B"})
    stats = {"power": {"avg": 5.0, "min": 2.0, "max": 9.0, "n": 3}}
    told.add("readings", device="m", values={"power": 4.0}, period=60, stats=stats)
    power, state = (told.story.readings["m"].points[name] for name in ("power", "state"))

    assert (power.n, power.missing, power.flagged, power.least, power.most, power.mean) == (4, 1, 1, 1.0, 9.0, 4.0)
    assert (state.n, state.words, state.mean) == (0, 1, None)


def test_what_does_not_fit_is_counted(told: Told) -> None:
    """The page stays readable; the rest stands in the records."""
    for _ in range(MOST_ROWS + 3):
        told.event("point-refused")

    assert (len(told.story.others.kept), told.story.others.more) == (MOST_ROWS, 3)
    assert "另有 3 行. And 3 more." in told.page()


# --- the page --------------------------------------------------------------------------------------------------------


def test_an_empty_period_says_none_everywhere(told: Told) -> None:
    """Every section is there and says that there was nothing."""
    page = told.page()

    for words in ("没有报警", "没有中断", "没有缺口记录", "没有跳变", "没有变更", "没有读数"):
        assert words in page


def test_the_verdict_is_that_of_the_verifier(told: Told) -> None:
    """Findings stand on top, never smoothed over."""
    found = Report(lines=9, records=8, duplicates=0, others=0, chains=(), findings=(), counts={"missing": 1})

    assert "每" not in told.page(found).split("报警")[0]
    assert "发现问题 Findings: 1 missing" in told.page(found)
    assert "签名、链接和编号全部无误" in told.page()


def test_whatever_a_record_says_is_text(told: Told) -> None:
    """A device name is never an element, and the page has no script."""
    told.event("device-lost", device="<script>alert(1)</script>", reason='"><img src=x onerror=alert(1)>')
    told.alarm("raised", alarm="<b>x</b>")
    page = report(ABOUT, told.story, CLEAN).decode()

    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "default-src 'none'" in page
