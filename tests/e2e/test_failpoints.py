"""Killed at every named point of the product, it goes on as if nothing had happened; stuck or broken, it says so."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.failpoints import POINTS
from tests.e2e.harness import (
    FAILPOINTS,
    Outcomes,
    Stage,
    arrived,
    device,
    independently_verified,
    played_together,
    point,
)
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLED = -signal.SIGKILL
PASSING = {
    "before_poll": 15,
    "after_decode": 15,
    "before_sign": 20,
    "after_sign_before_commit": 8,
    "after_commit_before_publish": 8,
    "after_publish_before_puback": 12,
    "after_puback_before_mark": 8,
    "after_ack_before_trim": 1,
    "mid_trim": 1,
    "mid_config_apply": 2,
}
"""At which passing: late enough that a chain exists; the second configuration is the one a SIGHUP brings."""

LONG_NAMES = [point(f"{number:060d}", at=number, type_=None, register="coil") for number in range(1000)]
"""A thousand points that make a record of 70 KB: four megabytes are full in seconds."""


def _wide(poll: str) -> dict[str, Any]:
    return {
        "devices": [device("meter"), device("wide", 2, points=LONG_NAMES, poll=poll)],
        "buffer": {"max_size": "4MiB"},
    }


def _killed(directory: Path, name: str) -> None:
    """Kill at the point, start the plain agent on what is left, let it catch up, judge."""
    with Stage(directory) as stage:
        stage.write(**(_wide("50ms") if "trim" in name else {}))
        environment = {"PLANTGATE_FAILPOINT": f"{name}:{PASSING[name]}:kill"}
        stage.agent.start(FAILPOINTS, environment=environment, ready=name == "mid_config_apply")
        if name == "mid_config_apply":
            stage.write(limits=[{"point": "meter.count", "high": 60000.0}])
            stage.agent.hangup()
        assert stage.agent.wait() == KILLED, stage.agent.said
        before = stage.stored()
        assert before.head >= 4
        heard = len(stage.wires)

        stage.write(**(_wide("1s") if "trim" in name else {}))
        stage.agent.start()
        arrived(stage, lambda: len(stage.records("readings", device="meter")) > 3 and len(stage.wires) > heard + 5)
        stage.finish()

        after = {json.loads(wire)["seq"]: wire for wire in stage.wires}
        trimmed = stage.stored().dropped
        assert all(after[seq] == wire for seq, wire in before.wires.items() if seq not in trimmed)
        assert len(stage.events("start")) == 2
        independently_verified(stage)
        if "trim" in name:
            assert stage.records("gap", reason="capacity") or not trimmed
        if name == "mid_config_apply":
            assert len(stage.records("config")) == 2, "the change is told once, although the first attempt died"


DEATHS = {
    "before_poll": (5, "line"),
    "before_sign": (12, "pipeline"),
    "after_commit_before_publish": (3, "pipeline"),
    "after_puback_before_mark": (3, "publisher"),
}
"""At which passing the thread of that name gets an exception."""


def _broken(directory: Path, name: str) -> None:
    """Raise at the point, then start the plain agent on what is left."""
    at, thread = DEATHS[name]
    with Stage(directory) as stage:
        stage.write()
        stage.agent.start(FAILPOINTS, environment={"PLANTGATE_FAILPOINT": f"{name}:{at}:raise"}, ready=False)

        assert stage.agent.wait() == 1
        assert f"thread={thread}" in stage.agent.said
        assert "PLANTGATE_FAILPOINT" in stage.agent.said

        heard = len(stage.wires)
        stage.agent.start()
        arrived(stage, lambda: len(stage.wires) > heard + 5)
        stage.finish()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Play every point's story, some at a time."""
    stories = [(_killed, name) for name in POINTS] + [(_broken, name) for name in DEATHS]
    yield from played_together(tmp_path_factory, stories)


@pytest.mark.parametrize("name", POINTS)
def test_d8_killed_at_every_point(name: str, outcomes: Outcomes) -> None:
    """D8: after kill -9 at this point and a restart nothing committed is lost, doubled, or told twice (O1 to O3)."""
    outcomes[_killed, name].result()


@pytest.mark.parametrize("name", DEATHS)
def test_p4_a_thread_that_dies_ends_the_process(name: str, outcomes: Outcomes) -> None:
    """P4: an unexpected exception on any thread is logged, the exit code is 1, and the next start continues."""
    outcomes[_broken, name].result()


def test_p5_a_stuck_pipeline_starves_the_watchdog(tmp_path: Path) -> None:
    """P5: when the pipeline hangs, WATCHDOG=1 stops, although the process lives and had said READY."""
    with Stage(tmp_path) as stage:
        stage.write()
        environment = {"PLANTGATE_FAILPOINT": "before_sign:30:hang", "PLANTGATE_STALLED_S": "1.5"}
        ears = stage.agent.start(FAILPOINTS, environment=environment).ears
        assert eventually(lambda: "no progress" in stage.agent.said)
        fed = len(ears.heard("WATCHDOG=1"))
        assert fed >= 1
        assert not eventually(lambda: len(ears.heard("WATCHDOG=1")) > fed, 2.5), "fed while stuck"
        assert "threads=pipeline" in stage.agent.said
        assert not stage.agent.ended

        stage.agent.kill()
        heard = len(stage.wires)
        stage.agent.start()
        arrived(stage, lambda: len(stage.wires) > heard)
        stage.finish()
