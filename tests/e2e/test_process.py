"""The process is killed, stopped, suspended, started twice, and all of it in any order."""

from __future__ import annotations

import os
import re
import signal
import time
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import Agent, Stage, arrived, bounded, device, point
from tests.e2e.test_disk import ONCE, PRESSURE, caught_up, fill, judged, plant, polled, small_disk, told
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.faulty_modbus import Asked, Deed


def speaking(stage: Stage) -> None:
    """Wait until the platform hears something new."""
    heard = len(stage.wires)
    arrived(stage, lambda: len(stage.wires) > heard)


def test_p1_killed_again_and_again(tmp_path: Path) -> None:
    """SIGKILL at random moments: nothing lost, nothing twice, no lock left behind, and it starts as fast as ever."""
    random = Random(1)
    with Stage(tmp_path) as stage:
        began = time.monotonic()
        stage.run(**plant())
        first = time.monotonic() - began
        slowest = 0.0
        for _ in range(8):
            speaking(stage)
            time.sleep(random.random())
            stage.agent.kill()
            began = time.monotonic()
            stage.agent.start()
            slowest = max(slowest, time.monotonic() - began)
        caught_up(stage)
        stage.finish()
        assert len(stage.events("start")) == 9
        assert slowest < 4 * first + 2, "O9: what a kill leaves behind costs no time"


@pytest.mark.parametrize(("broker", "meter"), [("refuses", "answers"), ("swallows everything", "is silent")])
def test_p2_asked_to_stop_without_a_broker(tmp_path: Path, broker: str, meter: str) -> None:
    """SIGTERM ends it in seconds with everything committed, whoever does not answer at that moment."""
    with Stage(tmp_path) as stage:
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 3)
        if broker == "refuses":
            stage.link.refuse()
        else:
            stage.link.swallow = True
        polled(stage)
        if meter == "is silent":
            stage.meters.dead.add(1)
            time.sleep(0.3)  # it is on a visit now that lasts ten seconds
        assert stage.agent.terminate(within_s=8) == 0, "promised are 5 s"
        kept = stage.stored()
        assert kept.records[-1]["event"] == "stop"
        last = [record["values"]["count"] for record in kept.records if record["kind"] == "readings"][-1]
        assert last >= stage.meters.counts[1] - 1, "what was read is in the store"

        stage.link.swallow = False
        stage.link.accept()
        stage.meters.dead.clear()
        stage.agent.start()
        caught_up(stage)
        stage.finish()


def test_p3_suspended_for_a_while(tmp_path: Path) -> None:
    """No burst of polls for the time missed, and no value dated at another moment than that of its answer."""
    answered: dict[int, float] = {}
    with Stage(tmp_path) as stage:
        honest = stage.meters.server.manner

        def noted(asked: Asked) -> Iterator[Deed]:
            for deed in honest(asked):
                answered[stage.meters.counts[1]] = time.time()
                yield deed

        stage.meters.server.manner = noted
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 10)
        os.kill(stage.agent.pid, signal.SIGSTOP)
        stopped = time.time()
        time.sleep(5)
        os.kill(stage.agent.pid, signal.SIGCONT)
        resumed = time.time()
        polled(stage, 20)
        stage.finish()

        after = sorted(at for at in answered.values() if at > resumed)
        burst = sum(at < resumed + 1 for at in after)
        assert burst <= 13, "ten polls a second, not fifty at once"
        dated = {
            record["values"]["count"]: datetime.fromisoformat(record["ts"]).timestamp()
            for record in stage.records("readings")
        }
        off = [count for count, ts in dated.items() if abs(ts - answered[count]) > 1]
        assert len(off) <= 1, "but for an answer that lay in the socket meanwhile"
        assert not [ts for ts in dated.values() if stopped + 1 < ts < resumed - 1], "nobody read anything then"


def test_p6_two_instances(tmp_path: Path) -> None:
    """The second one refuses and names the first by its process id; the first does not notice."""
    with Stage(tmp_path) as stage:
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 3)
        with Agent(stage.agent.site, tmp_path / "second.log") as second:
            second.start(ready=False)
            assert second.wait() == 1
            assert f"process {stage.agent.pid}" in second.said
            assert "Traceback" not in second.said
        judged(stage)
        caught_up(stage)
        report = stage.finish()
        assert len(report.chains) == 1
        assert len(stage.events("start")) == 1
        assert told(stage) == ONCE


# --- anything, in any order ------------------------------------------------------------------------------------------

STEPS = 50


class Walk:
    """One step after the other, each a fault or the end of one."""

    def __init__(self, stage: Stage, disk: Path) -> None:
        self._stage = stage
        self._others = disk / "others"
        self.steps = {
            "kill": self.kill,
            "restart": self.restart,
            "broker": self.broker,
            "silence": self.silence,
            "meter": self.meter,
            "disk": self.disk,
            "alarm": self.alarm,
            "wait": self.wait,
        }
        self._refused = False
        self._pressure = 0

    def kill(self) -> None:
        """Kill it, start it."""
        self._stage.agent.kill()
        self._start()

    def restart(self) -> None:
        """Stop it in order, start it."""
        assert self._stage.agent.terminate() == 0
        self._start()

    def _start(self) -> None:
        """Start it. On a full disk it may refuse, with the reason; then it must start as soon as there is room."""
        before = len(self._stage.agent.said)
        ready = len(self._stage.agent.ears.heard("READY=1"))
        agent = self._stage.agent.start(ready=False)
        assert eventually(lambda: agent.ended or len(agent.ears.heard("READY=1")) > ready, 30), (
            "neither starts nor ends"
        )
        if agent.ended:
            assert agent.wait() == 1
            assert re.search("the disk is full|No space left on device", agent.said[before:])
            self._others.unlink()
            agent.start()

    def broker(self) -> None:
        """Take the broker away, or give it back."""
        (self._stage.link.accept if self._refused else self._stage.link.refuse)()
        self._refused = not self._refused

    def silence(self) -> None:
        """Let the link swallow everything, or let it speak."""
        self._stage.link.swallow = not self._stage.link.swallow

    def meter(self) -> None:
        """Let the meter fall silent, or answer."""
        self._stage.meters.dead ^= {1}

    def disk(self) -> None:
        """Fill the disk, or make room."""
        if self._others.exists():
            self._others.unlink()
        else:
            fill(self._others)

    def alarm(self) -> None:
        """Let the pressure be high, or low."""
        self._pressure = 60 - self._pressure
        self._stage.meters.set(PRESSURE, self._pressure)

    def wait(self) -> None:
        """Do nothing for a second."""
        time.sleep(1)

    def heal(self) -> None:
        """End every fault."""
        self._stage.link.swallow = False
        self._stage.link.accept()
        self._stage.meters.dead.clear()
        self._others.unlink(missing_ok=True)


@pytest.mark.parametrize("seed", [20261122])
def test_a_random_walk(tmp_path: Path, seed: int) -> None:
    """Fifty faults in random order, some at once; in the end everything is told or signed as lost, in one chain."""
    random, done = Random(seed), list[str]()
    with small_disk(tmp_path / "stage" / "state", 24) as disk, Stage(tmp_path / "stage") as stage:
        points = [point(), point("pressure", at=PRESSURE)]
        stage.run(**plant() | {"devices": [device("meter", points=points, timeout="500ms")]})
        arrived(stage, lambda: len(stage.counts()) >= 3)
        walk = Walk(stage, disk)
        try:
            for _ in range(STEPS):
                done.append(random.choice(sorted(walk.steps)))
                walk.steps[done[-1]]()
                time.sleep(random.random() / 4)
            walk.heal()
            walk.restart()
            before = stage.agent.resources()
            caught_up(stage)
            bounded(before, stage.agent.resources())
            report = stage.finish()
        except BaseException:
            print(f"seed {seed}, steps: {' '.join(done)}")
            raise
        assert len(report.chains) == 1
