"""A broken site file: every mistake is said, nothing is started; a running agent keeps what it has."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from config.load import load
from config.problem import SiteProblems
from tests.e2e.harness import ROOT, Stage, arrived, device, point
from tests.e2e.test_disk import plant, polled
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = """
[gateway]
id = "JN 0417"
state_dir = "{state}"
colour = "red"

[uplink.mqtt]
url = "http://127.0.0.1:{broker}"
prefix = "plantgate/acme"
password_file = "nowhere"

[buffer]
commit_every = "soon"

[[bus]]
name = "line"
type = "tcp"
host = "127.0.0.1"
port = {meters}

[[device]]
name = "meter"
bus = "lime"
address = 1
poll = "100ms"

  [[device.point]]
  name = "a"
  register = "holding"
  at = 65535
  type = "float32"

  [[device.point]]
  name = "a"
  register = "holding"
  at = 3
  type = "flaot32"

[[limit]]
point = "meter.b"
high = 1.0
"""
WRONG = ("JN 0417", "colour", "http://", "nowhere", "soon", "lime", "65535", "flaot32", "meter.b")
"""What each mistake must be named by."""


def said_by(verb: str, stage: Stage) -> tuple[int, str]:
    """Run a verb on the stage's site file; return its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli.main", *verb.split(), str(stage.agent.site)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def mistakes(said: str) -> list[str]:
    """Return the lines that name a place in the site file."""
    return re.findall(r"^site\.toml.*$", said, re.MULTILINE)


def refused(stage: Stage) -> list[str]:
    """The agent ends at once and has touched nothing; `check` says the same. Return the mistakes."""
    code, said = said_by("run --allow-root", stage)
    assert code == 1
    assert "Traceback" not in said
    assert not stage.state.exists(), "nothing is made"
    assert stage.link.accepted == 0, "nobody is called"
    assert stage.meters.server.connections == 0
    checked, verdict = said_by("check", stage)
    assert checked == 1
    assert mistakes(said) == mistakes(verdict)
    assert mistakes(said), said
    return mistakes(said)


def test_f1_every_mistake_is_said_and_nothing_started(tmp_path: Path) -> None:
    """Nine mistakes of nine kinds: all of them in one pass, each with its line."""
    with Stage(tmp_path) as stage:
        text = BROKEN.format(state=stage.state, broker=stage.link.port, meters=stage.meters.port)
        stage.agent.site.write_text(text)
        found = refused(stage)
        assert all(re.match(r"site\.toml:\d+: ", line) for line in found), found
        said = said_by("run --allow-root", stage)[1]
        assert not [word for word in WRONG if word not in said], said


@pytest.mark.parametrize("size", [0, 1 / 3, 0.97])
def test_f2_a_half_written_file_is_refused(tmp_path: Path, size: float) -> None:
    """The power went while the file was being saved: what is left of it is not run."""
    with Stage(tmp_path) as stage:
        stage.write(**plant())
        whole = stage.agent.site.read_bytes()
        stage.agent.site.write_bytes(whole[: int(len(whole) * size)])
        refused(stage)


def test_f2_cut_anywhere_it_is_judged(tmp_path: Path) -> None:
    """Cut behind any byte, the file is refused with its mistakes, or what is left is a site that says what it lacks."""
    with Stage(tmp_path) as stage:
        stage.write(**plant())
        whole = stage.agent.site.read_text()
        refusals = 0
        for size in range(0, len(whole), 5):
            stage.agent.site.write_text(whole[:size])
            try:
                site = load(stage.agent.site)
            except SiteProblems:
                refusals += 1
            else:
                points = [len(one.spec.points) for one in site.devices]
                assert points in ([1], [2]) or any("so nothing is read" in notice for notice in site.notices)
        assert refusals > len(whole) // 10, "most cuts show"


def test_f2_a_site_that_lacks_everything_says_so(tmp_path: Path) -> None:
    """A file cut behind its first table is a site on which nothing is read; the agent runs, and its log says that."""
    with Stage(tmp_path) as stage:
        stage.write(buses=[], devices=[], uplink=None)
        stage.agent.start()
        assert eventually(lambda: "so nothing is read" in stage.agent.said)
        assert stage.agent.terminate() == 0
        assert [record["kind"] for record in stage.stored().records][:2] == ["hello", "clock"]


def test_f1_a_running_agent_keeps_the_last_good_file(tmp_path: Path) -> None:
    """A broken file on reload changes nothing and stands in the chain; put right, it is taken over."""
    with Stage(tmp_path) as stage:
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 3)
        whole = stage.agent.site.read_text()
        stage.agent.site.write_text(whole.replace("uint16", "uint15"))
        stage.agent.hangup()
        arrived(stage, lambda: stage.events("config-refused"))
        polled(stage)
        stage.agent.site.write_text(whole[: whole.rindex('"')])
        stage.agent.hangup()
        arrived(stage, lambda: len(stage.events("config-refused")) == 2)
        polled(stage)
        assert len(stage.records("config")) == 1

        points = [point(), point("load", at=3, scale=0.5)]
        stage.write(devices=[device("meter", points=points, timeout="10s")], limits=[])
        stage.agent.hangup()
        arrived(stage, lambda: len(stage.records("config")) == 2)
        arrived(stage, lambda: any("load" in record["values"] for record in stage.records("readings")))
        stage.finish()
        assert any("uint15" in reason for reason in stage.events("config-refused")[0]["reasons"])
        changed = {entry["path"] for entry in stage.records("config")[-1]["diff"]}
        assert any("load" in path for path in changed), changed
