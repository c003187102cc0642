"""Limits, from a register to the alarm record at the platform, and what a dead device or a restart do to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.harness import Outcomes, Record, Stage, arrived, device, no_good_value, played_together, point

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEVEL = 1
LOAD = point("load", LEVEL, unit="%", scale=0.1, label={"zh": "锅炉负荷", "en": "Boiler load"})
DEVICES = [device("boiler", points=[point(), LOAD])]
LIMIT: dict[str, Any] = {
    "point": "boiler.load",
    "high_high": 120.0,
    "high": 100.0,
    "deadband": 5.0,
    "priority": "high",
}


def _started(stage: Stage, **more: Any) -> None:
    stage.meters.set(LEVEL, 800)
    stage.run(devices=DEVICES, limits=[{**LIMIT, **more}])
    arrived(stage, lambda: len(stage.counts("boiler")) > 2)


def _alarms(stage: Stage) -> list[tuple[str, str]]:
    """Return what the chain says of alarms, in its order."""
    told = sorted(stage.records("alarm"), key=lambda record: record["seq"])
    return [(record["level"], record["state"]) for record in told]


def _of(stage: Stage, state: str, level: str = "high") -> Record:
    return stage.records("alarm", state=state, level=level)[-1]


def _scans(stage: Stage, more: int = 4) -> None:
    """Wait until the meter was asked some more times."""
    asked = stage.meters.counts[1]
    arrived(stage, lambda: len(stage.counts("boiler")) and stage.counts("boiler")[-1] >= asked + more)


def raised_and_cleared(directory: Path, _: str) -> None:
    """Raise above the limit, stay inside the dead band, rise to high-high, clear: with value, since and texts."""
    with Stage(directory) as stage:
        _started(stage)
        stage.meters.set(LEVEL, 1000)
        _scans(stage)
        assert _alarms(stage) == [], "a value equal to the limit is no violation"
        stage.meters.set(LEVEL, 1050)
        arrived(stage, lambda: stage.records("alarm", state="raised"))
        stage.meters.set(LEVEL, 960)
        _scans(stage)
        assert _alarms(stage) == [("high", "raised")], "inside the dead band it stays"
        stage.meters.set(LEVEL, 1250)
        arrived(stage, lambda: stage.records("alarm", level="high_high"))
        stage.meters.set(LEVEL, 800)
        arrived(stage, lambda: len(stage.records("alarm", state="cleared")) == 2)
        stage.finish()

        raised, cleared = _of(stage, "raised"), _of(stage, "cleared")
        assert (raised["alarm"], raised["value"], raised["limit"]) == ("limit.boiler.load.high", 105, 100)
        assert (raised["priority"], raised["unit"], raised["since"]) == ("high", "%", raised["ts"])
        assert (cleared["value"], cleared["since"]) == (80, raised["since"])
        assert "锅炉负荷" in raised["text"]["zh"]
        assert "Boiler load" in raised["text"]["en"]
        assert "Boiler load" in cleared["text"]["en"]
        assert raised["text"] != cleared["text"]
        shown = next(r for r in stage.records("readings") if r["values"]["load"] == 105)
        assert raised["seq"] < shown["seq"], "the alarm stands in front of the reading that shows it"
        topics = {m.topic.rsplit("/", 1)[1] for m in (stage.platform.messages if stage.platform else [])}
        assert topics >= {"alarm", "readings", "event", "hello", "config", "clock"}


def delayed(directory: Path, _: str) -> None:
    """Violations shorter than the on-delay raise nothing; a longer one is dated by its beginning."""
    with Stage(directory) as stage:
        _started(stage, on_delay="1s", off_delay="600ms")
        stage.meters.set(LEVEL, 1050)
        time.sleep(0.4)
        stage.meters.set(LEVEL, 800)
        _scans(stage, 12)
        assert _alarms(stage) == []
        stage.meters.set(LEVEL, 1050)
        arrived(stage, lambda: stage.records("alarm", state="raised"))
        stage.meters.set(LEVEL, 800)
        arrived(stage, lambda: stage.records("alarm", state="cleared"))
        stage.finish()

        raised, cleared = _of(stage, "raised"), _of(stage, "cleared")
        assert raised["clk"]["up"] - _uptime_of_first(stage, 105, raised["since"]) >= 1.0
        assert cleared["clk"]["up"] - raised["clk"]["up"] >= 0.6


def _uptime_of_first(stage: Stage, value: float, since: str) -> float:
    """Return when the reading was taken that began a violation."""
    found = [r for r in stage.records("readings") if r["ts"] == since]
    assert [r["values"]["load"] for r in found] == [value]
    return float(found[0]["clk"]["up"])


def frozen_by_silence(directory: Path, _: str) -> None:
    """A device that dies while its alarm is active clears nothing; its values are unknown until it is back (O4)."""
    with Stage(directory) as stage:
        _started(stage)
        stage.meters.set(LEVEL, 1050)
        arrived(stage, lambda: stage.records("alarm", state="raised"))
        _scans(stage)
        stage.meters.dead.add(1)
        arrived(stage, lambda: stage.events("device-lost", device="boiler"))
        lost = stage.events("device-lost")[0]
        time.sleep(1)
        assert _alarms(stage) == [("high", "raised")]
        stage.meters.dead.clear()
        arrived(stage, lambda: stage.events("device-back"))
        _scans(stage)
        assert _alarms(stage) == [("high", "raised")], "told again after the silence"
        stage.meters.set(LEVEL, 800)
        arrived(stage, lambda: stage.records("alarm", state="cleared"))
        stage.finish()

        back = stage.events("device-back")[0]
        no_good_value(stage.records("readings", device="boiler"), lost["ts"], back["ts"])
        unknown = [r for r in stage.records("readings") if r["values"]["load"] is None]
        assert unknown, "the silence is told"
        assert all(r["flags"] == {"count": "B", "load": "B"} and r["fault"] for r in unknown)


def kept_over_a_restart(directory: Path, how: str) -> None:
    """An active alarm is neither told again nor forgotten, and clears when it should."""
    with Stage(directory) as stage:
        _started(stage)
        stage.meters.set(LEVEL, 1050)
        arrived(stage, lambda: stage.records("alarm", state="raised"))
        if how == "kill":
            stage.agent.kill()
        else:
            assert stage.agent.terminate() == 0
        stage.agent.start()
        _scans(stage)
        assert _alarms(stage) == [("high", "raised")]
        stage.meters.set(LEVEL, 800)
        arrived(stage, lambda: stage.records("alarm", state="cleared"))
        stage.finish()

        assert _alarms(stage) == [("high", "raised"), ("high", "cleared")]
        assert _of(stage, "cleared")["since"] == _of(stage, "raised")["since"]


def taken_away(directory: Path, how: str) -> None:
    """Whoever takes the limit of an active alarm away, or raises it, is seen: the alarm clears with the reason."""
    with Stage(directory) as stage:
        _started(stage)
        stage.meters.set(LEVEL, 1050)
        arrived(stage, lambda: stage.records("alarm", state="raised"))
        reloaded = how == "removed"
        stage.write(limits=[] if reloaded else [{**LIMIT, "high": 110.0}])
        if reloaded:
            stage.agent.hangup()
        else:
            assert stage.agent.terminate() == 0
            stage.agent.start()
        arrived(stage, lambda: stage.records("alarm", state="cleared"))
        _scans(stage)
        stage.finish()

        assert _alarms(stage) == [("high", "raised"), ("high", "cleared")]
        cleared = _of(stage, "cleared")
        assert cleared["reason"] == f"limit {how}"
        assert cleared["value"] is None
        assert stage.records("config")[-1]["seq"] < cleared["seq"]


STORIES = [
    (raised_and_cleared, "raised-and-cleared"),
    (delayed, "delayed"),
    (frozen_by_silence, "frozen-by-silence"),
    (kept_over_a_restart, "stop"),
    (kept_over_a_restart, "kill"),
    (taken_away, "removed"),
    (taken_away, "changed"),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Play all of them side by side."""
    yield from played_together(tmp_path_factory, STORIES)


@pytest.mark.parametrize(("story", "name"), STORIES, ids=[name for _, name in STORIES])
def test_an_alarm_is_told_once_when_it_comes_and_once_when_it_goes(story: Any, name: str, outcomes: Outcomes) -> None:
    """Whatever happens in between, every raised record is followed by exactly one cleared record."""
    outcomes[story, name].result()


def test_an_alarm_does_not_wait_for_the_next_commit(tmp_path: Path) -> None:
    """With a commit every ten seconds an alarm, and what was read before it, is at the platform at once."""
    with Stage(tmp_path) as stage:
        stage.meters.set(LEVEL, 800)
        stage.run(devices=DEVICES, limits=[LIMIT], buffer={"commit_every": "10s"})
        arrived(stage, lambda: stage.events("start"))
        began = time.monotonic()
        stage.meters.set(LEVEL, 1050)
        arrived(stage, lambda: stage.records("alarm", state="raised"))
        assert time.monotonic() - began < 5.0, "it waited for the group commit"
        assert stage.records("readings"), "what was read before the alarm is committed with it"
        stage.finish()
        assert stage.events("stop")
