"""Devices that die, are slow, or are many: each costs only its own values, and nothing grows."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.harness import (
    FAILPOINTS,
    ROOT,
    Outcomes,
    Stage,
    arrived,
    bounded,
    bus,
    device,
    no_good_value,
    played_together,
    point,
)
from tests.peers.faulty_modbus import with_hole
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Simulator:
    """``python -m drivers.sim`` with numbered units of four float32 values each."""

    def __init__(self, units: int) -> None:
        command = [sys.executable, "-m", "drivers.sim", "--units", str(units), "--points", "4"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.port = int(self._said()["port"])

    def wish(self, **wish: Any) -> None:
        """Ask for something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()

    def served(self) -> dict[str, Any]:
        """Return its counters."""
        self.wish(served=True)
        return self._said()

    def _said(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate(timeout=10)


FAULTS: dict[str, dict[str, Any]] = {
    "dead": {},
    "late": {"seconds": 10},
    "refuse": {"code": 4},
    "reset": {},
    "half": {},
    "wrong-id": {},
    "wrong-unit": {},
    "junk": {},
    "nan": {},
}
WELL = 10


def nine_faults(directory: Path, _: str) -> None:
    """Nine hosts misbehave in nine ways: none of their values is good meanwhile, the tenth notices nothing."""
    named = {f"u-{fault}": unit for unit, fault in enumerate(FAULTS, 1)} | {"u-well": WELL}
    floats = [point(f"v{n}", 2 * n, "float32") for n in range(4)]
    with closing(Simulator(10)) as simulator, Stage(directory) as stage:
        stage.run(
            buses=[bus(simulator.port, name) for name in named],
            devices=[device(name, unit, bus=name, poll="200ms", points=floats) for name, unit in named.items()],
        )
        arrived(stage, lambda: all(_good(stage, name) for name in named))
        for unit, (fault, more) in enumerate(FAULTS.items(), 1):
            simulator.wish(unit=unit, fault=fault, **more)
        silent = set(named) - {"u-well", "u-nan", "u-refuse"}  # these do answer
        arrived(stage, lambda: {e["device"] for e in stage.events("device-lost")} >= silent)
        since = _now(stage)
        well = len(_good(stage, "u-well"))
        arrived(stage, lambda: len(_good(stage, "u-well")) >= well + 15)
        until = _now(stage)
        simulator.wish(mend=True)
        arrived(stage, lambda: all(_good(stage, name)[-1] > until for name in named), 40.0)
        served = simulator.served()
        stage.finish()

        for name in set(named) - {"u-well"}:
            no_good_value(stage.records("readings", device=name), since, until)
        spoilt = [r for r in stage.records("readings", device="u-well") if r.get("flags") or r.get("fault")]
        assert not spoilt
        assert served["writes_seen"] == 0, "O7"


def _good(stage: Stage, name: str) -> list[str]:
    """Return when this device had good values only."""
    return [r["ts"] for r in stage.records("readings", device=name) if "flags" not in r]


def _now(stage: Stage) -> str:
    """Return the time of the last record of the healthy device."""
    return _good(stage, "u-well")[-1]


def refused_register(directory: Path, _: str) -> None:
    """Exception 02 for one register: its neighbours are read all the same, it is null with flag D, and told once."""
    with Stage(directory) as stage:
        stage.meters.server.manner = with_hole(5)
        stage.run(devices=[device("meter", points=[point(f"p{at}", at) for at in (3, 4, 5, 6)])])
        arrived(stage, lambda: len(stage.records("readings")) > 10)
        stage.finish()

        last = stage.records("readings")[-1]
        assert last["values"] == {"p3": 3, "p4": 4, "p5": None, "p6": 6}
        assert last["flags"] == {"p5": "D"}
        told = stage.events("point-refused")
        assert [(e["device"], e["point"], e["code"]) for e in told] == [("meter", "p5", 2)]


def periods_changes_and_health(directory: Path, _: str) -> None:
    """Statistics of a period, readings on change and the health record go the same way as every scan's readings."""
    with Stage(directory) as stage:
        still = [point("still", 7)]
        stage.write(
            devices=[
                device("mean", 1, report="1s"),
                device("news", 2, points=still, report="on-change"),
                device("dead", 3, points=still, timeout="300ms"),
            ]
        )
        stage.meters.dead.add(3)
        stage.meters.set(7, 1, unit=2)
        stage.agent.start(FAILPOINTS, environment={"PLANTGATE_HEALTH_S": "1.5"})
        arrived(stage, lambda: len(stage.records("readings", device="mean")) >= 4)
        stage.meters.set(7, 2, unit=2)
        arrived(stage, lambda: len(stage.records("readings", device="news")) >= 2)
        arrived(stage, lambda: len(stage.records("health")) >= 2)
        stage.finish()

        assert [r["values"]["still"] for r in stage.records("readings", device="news")] == [1, 2]
        whole = [r for r in stage.records("readings", device="mean") if r["period"] == 1][1]
        stats = whole["stats"]["count"]
        assert stats["min"] <= stats["avg"] <= stats["max"]
        assert 5 <= stats["n"] <= 15
        health = stage.records("health")[-1]
        assert health["uplink"]["connected"] is True
        assert health["devices"]["dead"]["answers"] == 0
        assert health["buses"]["line"]["absent"] == ["dead"]


def no_uplink(directory: Path, _: str) -> None:
    """A site without a broker is judged and recorded all the same."""
    with Stage(directory) as stage:
        stage.run(uplink=None)
        assert eventually(lambda: stage.meters.counts[1] > 10)
        assert stage.agent.terminate() == 0
        assert len([r for r in stage.stored().records if r["kind"] == "readings"]) >= 10
        stage.judge()


def _rate(stage: Stage, units: range, for_s: float) -> float:
    """Return how many answers a second these units gave together, observed from now on."""
    before, began = sum(stage.meters.counts[unit] for unit in units), time.monotonic()
    eventually(lambda: False, for_s)
    return (sum(stage.meters.counts[unit] for unit in units) - before) / (time.monotonic() - began)


def one_dead_of_twenty(directory: Path, _: str) -> None:
    """On one connection the nineteen others keep at least 95 % of their rate, and the dead one is told and unknown."""
    devices = [device(f"m{unit:02d}", unit, poll="200ms", timeout="500ms") for unit in range(1, 21)]
    living = range(2, 21)
    with Stage(directory) as stage:
        stage.run(devices=devices)
        arrived(stage, lambda: len(stage.records("readings")) >= 40)
        whole = _rate(stage, living, 3.0)
        stage.meters.dead.add(1)
        arrived(stage, lambda: stage.events("device-lost", device="m01"))
        lost = stage.events("device-lost")[0]
        beside = _rate(stage, living, 10.0)
        stage.finish()

        assert beside >= 0.95 * whole, f"{beside:.1f} of {whole:.1f} answers a second"
        no_good_value(stage.records("readings", device="m01"), lost["ts"])
        assert not [e for e in stage.events("device-lost") if e["device"] != "m01"]
        assert not any("flags" in r for r in stage.records("readings") if r["device"] != "m01"), "a foreign value"


def vanishing_host(directory: Path, _: str) -> None:
    """A refused connection costs the values of its bus only; when the host is back, so are they, within seconds."""
    with Stage(directory) as stage, Stage(directory / "other") as other:
        there = other.meters.server
        stage.run(
            buses=[bus(stage.meters.port), bus(there.port, "far")],
            devices=[device("meter"), device("away", bus="far")],
        )
        arrived(stage, lambda: stage.counts("away"))
        there.__exit__()
        arrived(stage, lambda: stage.events("device-lost", device="away"))
        before = len(stage.counts())
        arrived(stage, lambda: len(stage.counts()) >= before + 10)
        there.__enter__()
        arrived(stage, lambda: stage.events("device-back", device="away"), 20.0)
        stage.finish()
        assert not stage.events("device-lost", device="meter")


STORIES = {
    story.__name__: story
    for story in (
        one_dead_of_twenty,
        nine_faults,
        vanishing_host,
        refused_register,
        periods_changes_and_health,
        no_uplink,
    )
}


def _ten_points() -> list[dict[str, object]]:
    return [point(), *(point(f"p{at}", at) for at in range(1, 10))]


def test_m14_two_hundred_devices(tmp_path: Path) -> None:
    """M14: 200 devices on four connections are all read at their pace, and the process stays as it is."""
    devices = [
        device(f"m{number:03d}", number % 50 + 1, bus=f"b{number // 50}", poll="500ms", points=_ten_points())
        for number in range(200)
    ]
    with Stage(tmp_path) as stage:
        stage.run(buses=[bus(stage.meters.port, f"b{number}") for number in range(4)], devices=devices)
        arrived(stage, lambda: len({r["device"] for r in stage.records("readings")}) == 200)
        before = stage.agent.resources()
        eventually(lambda: False, 5.0)
        bounded(before, stage.agent.resources())
        stage.finish()

        assert before.resident_kib < 80 * 1024
        assert before.threads <= 4 + 7, "one thread per bus, and as many as without them"
        assert not stage.events("scans-dropped")
        assert not stage.events("device-lost")
        one = sorted(r["clk"]["up"] for r in stage.records("readings", device="m123"))
        gaps = [later - earlier for earlier, later in pairwise(one)]
        assert len(gaps) >= 6
        assert sorted(gaps)[len(gaps) // 2] < 0.75, "the usual distance of two scans is far from the period asked for"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Play all of them side by side."""
    yield from played_together(tmp_path_factory, [(story, name) for name, story in STORIES.items()])


@pytest.mark.parametrize("name", STORIES)
def test_a_device_costs_only_its_own_values(name: str, outcomes: Outcomes) -> None:
    """What a device gives is told as it is, what it does not give is null with a flag, and the others do not notice."""
    outcomes[STORIES[name], name].result()
