"""Start, reload, stop: what an operator and a service manager do to the agent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.harness import Agent, Outcomes, Stage, arrived, device, mqtt, played_together, point
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HIGH = {"point": "meter.count", "high": 60_000.0}


def _configs(stage: Stage) -> int:
    return len(stage.records("config"))


def _counting(stage: Stage, more: int = 3) -> None:
    asked = stage.meters.counts[1]
    arrived(stage, lambda: len(stage.counts()) and stage.counts()[-1] >= asked + more)


def changed_limit(directory: Path, _: str) -> None:
    """F3: SIGHUP takes a changed limit and scale over: a config record with the difference, a new hash from then on."""
    with Stage(directory) as stage:
        stage.run(limits=[HIGH])
        _counting(stage)
        stage.write(limits=[{**HIGH, "high": 50_000.0}], devices=[device("meter", points=[point(scale=2.0)])])
        stage.agent.hangup()
        arrived(stage, lambda: _configs(stage) == 2)
        _counting(stage)
        stage.finish()

        first, second = stage.records("config")
        assert {(d["path"], d["old"], d["new"]) for d in second["diff"]} == {
            ("limits.meter.count.high", 60_000, 50_000),
            ("devices.meter.points.count.scale", 1, 2),
        }
        assert second["previous"] == first["hash"] != second["hash"]
        for record in stage.records("readings"):
            assert record["cfg"] == (first if record["seq"] < second["seq"] else second)["hash"]
        assert [r["values"]["count"] % 2 for r in stage.records("readings") if r["seq"] > second["seq"]].count(1) == 0
        assert stage.agent.ears.last("RELOADING=1")


def changed_devices(directory: Path, _: str) -> None:
    """SIGHUP brings a new device and takes an old one away, without a restart."""
    with Stage(directory) as stage:
        stage.run(devices=[device("meter"), device("old", 2)])
        arrived(stage, lambda: stage.records("readings", device="old"))
        stage.write(devices=[device("meter"), device("new", 3)])
        stage.agent.hangup()
        arrived(stage, lambda: stage.records("readings", device="new"))
        _counting(stage)
        stage.finish()

        config = stage.records("config")[-1]["seq"]
        assert max(r["seq"] for r in stage.records("readings", device="old")) < config
        assert len(stage.events("start")) == 1
        counts = stage.all_counts()
        assert counts == list(range(1, len(counts) + 1)), "the reload cost a reading of another device"


def busy_line(directory: Path, _: str) -> None:
    """On a line that is always busy neither a reload nor a restart costs the answer that is just on its way."""
    with Stage(directory) as stage:
        stage.meters.delay_s = 0.15
        slow: dict[str, Any] = {"timeout": "1s", "poll": "10ms"}
        stage.run(devices=[device("meter", **slow)])
        _counting(stage)
        stage.write(devices=[device("meter", points=[point(unit="A")], **slow)])
        stage.agent.hangup()
        arrived(stage, lambda: _configs(stage) == 2)
        _counting(stage)
        assert stage.agent.terminate() == 0
        stage.agent.start()
        _counting(stage)
        stage.finish()

        counts = stage.all_counts()
        assert counts == list(range(1, len(counts) + 1))


def broken_file(directory: Path, _: str) -> None:
    """F1: a broken file is refused by an event with every reason, and the old configuration goes on."""
    with Stage(directory) as stage:
        path = stage.site.write(stage.directory)
        stage.run()
        _counting(stage)
        path.write_text(path.read_text() + "\n[[limit]]\npoint = 'meter.cuont'\nhigh = 1\nhihg = 2\n")
        stage.agent.hangup()
        arrived(stage, lambda: stage.events("config-refused"))
        _counting(stage)
        stage.finish()

        reasons = " ".join(stage.events("config-refused")[0]["reasons"])
        assert "cuont" in reasons
        assert "hihg" in reasons
        assert _configs(stage) == 1
        assert len({record["cfg"] for record in stage.records()}) == 1


def needs_restart(directory: Path, _: str) -> None:
    """F3: a key that only a restart can change is refused by its name; nothing else of that file is taken over."""
    with Stage(directory) as stage:
        stage.run()
        _counting(stage)
        stage.write(limits=[HIGH], uplink=mqtt(stage.link.port, prefix="elsewhere"))
        stage.agent.hangup()
        arrived(stage, lambda: stage.events("config-refused"))
        _counting(stage)
        stage.finish()

        assert "uplink.mqtt.prefix" in stage.events("config-refused")[0]["reasons"][0]
        assert _configs(stage) == 1


def changed_while_stopped(directory: Path, _: str) -> None:
    """A file changed between two runs is a config record of the second run, before any of its readings."""
    with Stage(directory) as stage:
        stage.run()
        _counting(stage)
        assert stage.agent.terminate() == 0
        stage.run(limits=[HIGH])
        _counting(stage)
        stage.finish()

        start, config = stage.events("start")[-1], stage.records("config")[-1]
        later = [r["seq"] for r in stage.records("readings") if r["seq"] > start["seq"]]
        assert start["seq"] < config["seq"] < min(later)
        assert config["previous"] == stage.records("config")[0]["hash"]


def stopped_in_the_dark(directory: Path, _: str) -> None:
    """P2: SIGTERM with the broker down and a device that hangs: exit 0 in under 5 s, the stop event is the last."""
    with Stage(directory) as stage:
        stage.run(devices=[device("meter", timeout="3s"), device("hung", 9, timeout="3s")])
        _counting(stage)
        stage.link.refuse()
        stage.meters.dead.add(9)
        time.sleep(1)
        began = time.monotonic()
        assert stage.agent.terminate() == 0
        assert time.monotonic() - began < 5.0
        records = stage.stored().records
        assert (records[-1]["kind"], records[-1]["event"]) == ("event", "stop")
        stage.judge()


def stopped_while_silent(directory: Path, _: str) -> None:
    """P2: the same while the link swallows everything."""
    with Stage(directory) as stage:
        stage.run()
        _counting(stage)
        stage.link.swallow = True
        time.sleep(1)
        began = time.monotonic()
        assert stage.agent.terminate() == 0
        assert time.monotonic() - began < 5.0
        assert stage.stored().records[-1]["event"] == "stop"
        stage.judge()


def started_twice(directory: Path, _: str) -> None:
    """P6: a second instance on the same state directory refuses, says why, and does no harm."""
    with Stage(directory) as stage, Agent(stage.directory / "site.toml", stage.directory / "second.log") as second:
        stage.run()
        _counting(stage)
        assert second.start(ready=False).wait() == 1
        assert "state" in second.said
        assert "Traceback" not in second.said
        _counting(stage)
        stage.finish()


def killed_again_and_again(directory: Path, _: str) -> None:
    """P1: killed again and again; no leftover locks, nothing committed is lost, no number is used twice."""
    with Stage(directory) as stage:
        stage.write()
        kept: dict[int, bytes] = {}
        begun = 0
        for turn in range(4):
            stage.agent.start()
            eventually(lambda: False, 0.3 + 0.3 * turn)
            stage.agent.kill()
            now = stage.stored().wires
            assert all(now[seq] == wire for seq, wire in kept.items()), "a committed record is gone or changed"
            kept = dict(now)
            begun = sum(record.get("event") == "start" for record in stage.stored().records)
        stage.agent.start()
        _counting(stage)
        arrived(stage, lambda: len(stage.events("start")) == begun + 1)
        stage.finish()


STORIES = {
    story.__name__: story
    for story in (
        killed_again_and_again,
        changed_limit,
        changed_devices,
        busy_line,
        broken_file,
        needs_restart,
        changed_while_stopped,
        stopped_in_the_dark,
        stopped_while_silent,
        started_twice,
    )
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Do all of it side by side."""
    yield from played_together(tmp_path_factory, [(story, name) for name, story in STORIES.items()])


@pytest.mark.parametrize("name", STORIES)
def test_an_operator_cannot_break_the_chain(name: str, outcomes: Outcomes) -> None:
    """Start, stop, kill and reload in any state leave one verified chain that tells what happened."""
    outcomes[STORIES[name], name].result()
