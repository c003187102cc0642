"""The judgement of a whole site: what it takes up from the run before, tasks as alarms, the health code by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.clock import Stamp, ts
from agent.intake import Ask
from agent.judgement import Judgement, devices_of
from agent.lifecycle import By
from agent.sites import load_site
from drivers.reading import Scan
from tests.agent.judged_house import FakeBox
from tests.config.sites import site
from tests.config.test_plant import FAN, METER, PRESS, line, outlet

if TYPE_CHECKING:
    from pathlib import Path

    from config.site import Site
    from drivers.reading import Value

NS = 1_000_000_000
NOON = 1_795_838_400_000
WHO = {"who": "li.wei", "uid": 1000}
MINUTES_90 = 5400
PLANT = (
    METER
    + PRESS
    + FAN
    + outlet()
    + line('outlet = "stack"')
    + '[[derived]]\nname = "sum.power"\nformula = "meter.power + meter.amps"\n'
    + '[[limit]]\npoint = "meter.power"\nhigh = 40.0\npriority = "high"\n'
    + '[rules]\npacks = ["plan"]\n'
    + '[[limit]]\npoint = "sum.power"\nhigh = 100.0\npriority = "critical"\n'
)
HIGH, SUM = "limit.meter.power.high", "limit.sum.power.high"


class Run:
    """A judgement in virtual time, whose states are kept with what is told, as the pipeline does."""

    def __init__(self, described: Site) -> None:
        self.site = described
        self.kept: dict[str, bytes] = {}
        self.boot, self.mono_s, self.wall_ms = "a6ebeace", 1000.0, NOON
        self.is_time_known = True
        self.told = self.restart()

    def restart(self) -> list[dict[str, Any]]:
        """Kill the process and start another; return what that tells."""
        self.judgement, news = Judgement.take_up(
            self.site, FakeBox(), self.kept.get, round(self.mono_s * NS), self.stamp
        )
        return self.keep(news)

    def reboot(self, off_s: float = 60.0, *, is_time_known: bool = True) -> list[dict[str, Any]]:
        """Take the power away for some time."""
        self.wall_ms += round(off_s * 1000)
        self.boot, self.mono_s, self.is_time_known = f"{self.boot[:-1]}f", 5.0, is_time_known
        return self.restart()

    @property
    def stamp(self) -> Stamp:
        """Return the stamp of now."""
        wall_ms = self.wall_ms if self.is_time_known else None
        return Stamp(ts(wall_ms), {"boot": self.boot, "up": self.mono_s, "q": "sync"}, wall_ms)

    def keep(self, drafts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep the states when there is something to tell."""
        if drafts or self.judgement.alarms.unsaved:
            self.kept.update(self.judgement.states())
        return drafts

    def scan(self, power: Value, amps: Value = 1.0) -> list[tuple[str, str]]:
        """Read the meter; return what happened."""
        values: tuple[Value, ...] = (power, amps, 1.0, 20.0, 10.0, 1.0, "x", True)
        flags = "".join("B" if value is None else "N" for value in values)
        scan = Scan("meter", self.wall_ms, round(self.mono_s * NS), values, flags, None)
        drafts = self.judgement.scan(scan, self.stamp)
        for one in self.judgement.derived(scan):
            drafts += self.judgement.scan(one, self.stamp)
        return happened(self.keep(drafts))

    def wait(self, seconds: float) -> list[tuple[str, str]]:
        """Let time pass, and a tick at its end; return what happened."""
        self.mono_s += seconds
        self.wall_ms += round(seconds * 1000)
        return happened(self.keep(self.judgement.tick(round(self.mono_s * NS), self.stamp)))

    def enter(self, do: str, **words: Any) -> dict[str, Any]:
        """Enter something into the book."""
        draft = self.judgement.enter(Ask(do, words, WHO), self.stamp.wall_ms)
        self.keep([draft])
        return draft

    def status(self, alarm: str) -> str:
        """Return the status of an alarm."""
        rows: dict[str, str] = {row["alarm"]: row["status"] for row in self.judgement.alarms.listing()}
        return rows.get(alarm, "normal")


def happened(drafts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return what happened to which alarms."""
    return [(draft["alarm"], draft["state"]) for draft in drafts if draft["kind"] == "alarm"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a run of a site with a line, a derived point and two limits."""
    path = tmp_path / "site.toml"
    path.write_text(site() + PLANT, encoding="utf-8")
    return Run(load_site(path))


TASK = {"place": "STACK-1", "items": ["Anything unusual?"], "due": "+1h"}


def test_a_derived_point_is_judged_as_any_other(run: Run) -> None:
    """In the scan that brings it about, after the device's own limits."""
    assert run.scan(90.0, 20.0) == [(HIGH, "raised"), (SUM, "raised")]
    assert [device.spec.name for device in devices_of(run.site)][-1] == "sum"


def test_a_new_run_takes_everything_up(run: Run) -> None:
    """Alarms with what people said of them, the book with its numbers; nothing is told twice."""
    run.scan(41.0)
    run.keep(run.judgement.alarms.acknowledge(HIGH, By("li.wei"), round(run.mono_s * NS)))
    run.enter("mark", kind="fault", object="press", reason="bearing")

    assert run.restart() == []
    assert run.status(HIGH) == "acknowledged"
    assert run.scan(41.0) == []
    assert run.enter("task", **TASK)["task"]["id"] == "t2"
    assert run.scan(40.0) == [(HIGH, "cleared")]


def test_states_that_cannot_be_read_are_told_and_judged_anew(run: Run) -> None:
    """Neither keeps the agent from starting, and what violates raises again."""
    run.scan(41.0)
    run.kept = {"alarms": b"\x00", "book": b"[]", "rules": b"{", "figures": b"\xff"}

    events = [draft["event"] for draft in run.restart() if draft["kind"] == "event"]

    assert events[:2] == ["book-lost", "alarm-state-lost"]
    assert run.scan(41.0) == [(HIGH, "raised")]


def test_an_overdue_task_is_an_alarm_until_it_is_answered(run: Run) -> None:
    """From the moment it is due; it escalates after 90 minutes as any alarm does."""
    run.enter("task", **TASK)

    assert run.wait(3599) == []
    assert run.wait(1) == [("task.t1", "raised")]
    assert run.wait(MINUTES_90 - 1) == []
    assert run.wait(1) == [("task.t1", "escalated")]
    run.enter("answer-task", id="t1", answers={"1": "no"})
    assert run.wait(1) == [("task.t1", "cleared")]
    assert run.status("task.t1") == "returned"


@pytest.mark.parametrize("how", ["restart", "reboot"])
def test_a_task_that_was_answered_right_before_the_power_went_is_cleared_after_it(run: Run, how: str) -> None:
    """The answer is durable before the alarm has seen it."""
    run.enter("task", **TASK)
    run.wait(3600)
    run.enter("answer-task", id="t1", answers={"1": "no"})

    run.restart() if how == "restart" else run.reboot()

    assert run.wait(1) == [("task.t1", "cleared")]


def test_a_task_that_is_withdrawn_while_time_is_not_known_is_cleared(run: Run) -> None:
    """What is not open is not overdue, whatever the time is; what is open stays as it was."""
    run.enter("task", **TASK)
    run.enter("task", **TASK)
    run.wait(3600)
    run.reboot(is_time_known=False)
    assert run.wait(1) == []

    run.enter("withdraw-task", id="t1", reason="twice")

    assert run.wait(1) == [("task.t1", "cleared")]
    assert run.status("task.t2") == "unacknowledged"


def test_a_task_that_has_left_the_book_leaves_no_alarm(run: Run) -> None:
    """Answered long after it was due, it is forgotten with the next entry."""
    run.enter("task", **TASK)
    run.wait(3600)
    run.wait(401 * 86400)
    run.enter("answer-task", id="t1", answers={"1": "no"})
    run.enter("mark", kind="fault", reason="x")
    assert "t1" not in run.judgement.book.tasks

    assert run.wait(1) == [("task.t1", "cleared")]


def test_a_clock_that_goes_back_takes_the_task_alarm_back(run: Run) -> None:
    """It is due by wall time: what is not due yet is not overdue, and is again when it is."""
    run.enter("task", **TASK)
    run.wait(3600)
    run.wall_ms -= 1800_000

    assert run.wait(1) == [("task.t1", "cleared")]
    assert run.wait(1800) == [("task.t1", "raised")]


def test_the_health_code_is_by_line(run: Run) -> None:
    """A limit counts for the lines whose facilities its device serves; a task and a derived point for the plant."""
    assert run.judgement.code() == {"plant": "green", "lines": {"paint": "green"}}
    run.enter("task", **TASK)
    run.wait(3600)
    assert run.judgement.code() == {"plant": "yellow", "lines": {"paint": "green"}}
    run.scan(41.0)
    assert run.judgement.code() == {"plant": "yellow", "lines": {"paint": "yellow"}}
    run.scan(41.0, 100.0)
    assert run.judgement.code() == {"plant": "red", "lines": {"paint": "yellow"}}
    run.wait(MINUTES_90)
    assert run.judgement.code() == {"plant": "red", "lines": {"paint": "red"}}


def test_an_alarm_about_a_device_counts_for_the_lines_it_serves(tmp_path: Path) -> None:
    """Whether a limit or a rule says so makes no difference."""
    path = tmp_path / "site.toml"
    path.write_text(site() + PLANT.replace('packs = ["plan"]', 'packs = ["data"]'), encoding="utf-8")
    run = Run(load_site(path))
    run.scan(1.0)
    told = run.wait(3600)

    assert ("rule.Q1.meter", "raised") in told
    assert run.judgement.code()["lines"] == {"paint": "yellow"}


def test_every_rule_of_the_catalogue_says_how_it_stands(run: Run) -> None:
    """A hundred of them, whether they apply here or not."""
    assert len(run.judgement.rules()) == 100
