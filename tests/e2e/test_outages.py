"""Links that are refused, silent, reset or flapping, and what is done to the agent meanwhile: nothing is lost.

The column "to hold" of the comparison with other gateways: link refused, link silent, kill -9 in the outage, restart in
the outage; further N1 N2 N5 N12 B1 of the fault catalogue.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import Outcomes, Stage, arrived, bounded, device, independently_verified, played_together, point
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEAD_LINK_S = 20.0
"""In this time without a PUBACK a link counts as dead."""
MARGIN_S = 8.0
"""For a busy machine, and the attempt to connect that shows that the link was given up."""
FIRST_DATA_S = 3.0
HIGH = {"point": "meter.level", "high": 100.0}
WITH_LEVEL = [device("meter", points=[point(), point("level", at=1)], poll="50ms")]


def _gapless(stage: Stage) -> None:
    """Every answer the meter gave, from the first to the last one committed, is told, once and in order."""
    counts = stage.all_counts()
    assert counts == list(range(1, len(counts) + 1)), "a reading is missing"


def _running(stage: Stage) -> None:
    stage.run(devices=WITH_LEVEL, limits=[HIGH])
    arrived(stage, lambda: len(stage.counts()) > 5)


def refused(directory: Path, _: str) -> None:
    """N1: nobody listens for six seconds; an alarm is raised in the dark; then the door opens again."""
    with Stage(directory) as stage:
        _running(stage)
        stage.link.refuse()
        time.sleep(3)
        stage.meters.set(1, 150)
        time.sleep(3)
        heard = len(stage.wires)
        stage.link.accept()
        open_again = time.monotonic()
        arrived(stage, lambda: len(stage.wires) > heard)
        first = stage.platform.messages[-1].at if stage.platform else 0.0
        assert first - open_again <= FIRST_DATA_S + 1.0, "the first data takes too long"
        arrived(stage, lambda: stage.events("uplink-back") and len(stage.counts()) >= stage.meters.counts[1] - 5)
        stage.finish()

        _gapless(stage)
        after = [json.loads(wire) for wire in stage.wires[heard:]]
        kinds = [record["kind"] for record in after]
        backlog = [at for at, record in enumerate(after) if record["kind"] == "readings"]
        assert kinds.index("alarm") < backlog[20], "O5: the alarm overtakes the backlog"
        assert stage.events("uplink-lost"), "O10: the outage stands in the chain"


def silent(directory: Path, _: str) -> None:
    """N2: every byte is swallowed and nobody says so."""
    with Stage(directory) as stage:
        _running(stage)
        stage.link.swallow = True
        before = stage.link.accepted
        assert eventually(lambda: stage.link.accepted > before, DEAD_LINK_S + MARGIN_S), "the dead link goes unnoticed"
        stage.link.swallow = False
        arrived(stage, lambda: stage.events("uplink-back") and len(stage.counts()) >= stage.meters.counts[1] - 5)
        stage.finish()

        _gapless(stage)
        assert "PUBACK" in stage.events("uplink-lost")[0]["reason"]


def kill_in_outage(directory: Path, _: str) -> None:
    """Kill -9 in the dark: what was committed arrives; of the rest at most `commit_every` is lost."""
    with Stage(directory) as stage:
        stage.run(devices=WITH_LEVEL, limits=[HIGH], buffer={"commit_every": "1s"})
        arrived(stage, lambda: len(stage.counts()) > 5)
        stage.link.refuse()
        time.sleep(2)
        asked = stage.meters.counts[1]
        stage.agent.kill()
        kept = stage.stored()
        committed = [one["values"]["count"] for one in kept.records if one["kind"] == "readings"]
        assert asked - committed[-1] <= 1.5 * 20, "more is lost than a second of twenty scans"
        stage.agent.start()
        stage.link.accept()
        arrived(stage, lambda: stage.counts() and stage.counts()[-1] > asked)
        stage.finish()

        received = {json.loads(wire)["seq"]: wire for wire in stage.wires}
        assert all(received[seq] == wire for seq, wire in kept.wires.items()), "committed, but never delivered"
        assert stage.counts()[: len(committed)] == committed


def restart_in_outage(directory: Path, _: str) -> None:
    """A normal restart in the dark: everything arrives."""
    with Stage(directory) as stage:
        _running(stage)
        stage.link.refuse()
        time.sleep(1.5)
        assert stage.agent.terminate() == 0
        assert stage.stored().records[-1]["event"] == "stop"
        stage.agent.start()
        time.sleep(1)
        stage.link.accept()
        arrived(stage, lambda: len(stage.counts()) >= stage.meters.counts[1] - 5)
        stage.finish()

        _gapless(stage)


def flapping(directory: Path, _: str) -> None:
    """N12: the link comes and goes, with resets and half-open moments; nothing grows."""
    with Stage(directory) as stage:
        _running(stage)
        before = stage.agent.resources()
        for turn in range(8):
            stage.link.refuse()
            time.sleep(0.4)
            stage.link.accept()
            if turn % 2:
                eventually(lambda: stage.link.open_connections, 3.0)
            time.sleep(0.3)
        arrived(stage, lambda: stage.link.open_connections and len(stage.counts()) >= stage.meters.counts[1] - 5)
        bounded(before, stage.agent.resources())
        stage.finish()

        _gapless(stage)


def reset_in_publish(directory: Path, _: str) -> None:
    """N5: connections are cut in the middle of a PUBLISH, again and again; the same bytes are sent again."""
    with Stage(directory) as stage:
        stage.link.refuse()
        stage.run(devices=WITH_LEVEL)
        assert eventually(lambda: stage.meters.counts[1] >= 60)
        stage.link.cut_after = 20_011
        stage.link.accept()
        arrived(stage, lambda: stage.link.accepted >= 3)
        stage.link.cut_after = None
        arrived(stage, lambda: len(stage.counts()) >= stage.meters.counts[1] - 5)
        back = len(stage.events("uplink-back"))
        stage.link.reset()
        arrived(stage, lambda: len(stage.events("uplink-back")) > back)
        arrived(stage, lambda: len(stage.counts()) >= stage.meters.counts[1] - 5)
        stage.finish()

        _gapless(stage)
        independently_verified(stage)


def broker_restart(directory: Path, _: str) -> None:
    """B1: the broker is killed and started again, twice, with records on their way to it: they come again."""
    with Stage(directory) as stage:
        _running(stage)
        for _turn in range(2):
            arrived(stage, lambda: len(stage.counts()) >= stage.meters.counts[1] - 3)
            # What it has acknowledged and not passed on would die with it, so its last records do not reach it.
            stage.link.swallow = True
            time.sleep(0.5)
            stage.broker.kill()
            stage.link.swallow = False
            time.sleep(1)
            stage.broker.start()
        arrived(stage, lambda: len(stage.counts()) >= stage.meters.counts[1] - 3)
        stage.finish()

        _gapless(stage)


STORIES = {
    story.__name__: story
    for story in (silent, refused, kill_in_outage, restart_in_outage, flapping, reset_in_publish, broker_restart)
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Play all outages side by side."""
    yield from played_together(tmp_path_factory, [(story, name) for name, story in STORIES.items()])


@pytest.mark.parametrize("name", STORIES)
def test_an_outage_costs_nothing(name: str, outcomes: Outcomes) -> None:
    """Whatever happens to the link: every reading arrives, the chain verifies, the outage is told, nothing grows."""
    outcomes[STORIES[name], name].result()


def test_live_stays_fresh_while_the_backlog_drains(tmp_path: Path) -> None:
    """On a link that is hardly wide enough, new readings overtake the backlog and arrive young."""
    wide = [point(), *(point(f"p{at:02d}", at=at) for at in range(1, 60))]
    with Stage(tmp_path) as stage:
        stage.link.refuse()
        stage.run(devices=[device(f"m{unit}", unit, points=wide) for unit in range(1, 9)])
        assert eventually(lambda: sum(stage.meters.counts.values()) >= 320)
        stage.link.bandwidth = 200_000.0
        opened_at = time.time()
        stage.link.accept()
        arrived(stage, lambda: _all_delivered(stage))
        stage.finish()

        messages = [m for m in stage.platform.messages if m.topic.endswith("/readings")] if stage.platform else []
        offset = time.time() - time.monotonic()
        taken = [datetime.fromisoformat(json.loads(m.payload)["ts"]).timestamp() for m in messages]
        drained_at = max(m.at for m, at in zip(messages, taken, strict=True) if at < opened_at)
        ages = [
            m.at + offset - at for m, at in zip(messages, taken, strict=True) if at > opened_at and m.at < drained_at
        ]
        assert len(ages) >= 20, "the backlog was gone before anything could be seen"
        assert median(ages) < 1.0, "live readings wait for the backlog"
        for unit in range(1, 9):
            counts = stage.all_counts(f"m{unit}")
            assert counts == list(range(1, len(counts) + 1))


def _all_delivered(stage: Stage) -> bool:
    """Say whether the platform has nearly every answer that was given."""
    given = sum(stage.meters.counts.values())
    return len(stage.records("readings")) >= given - 10
