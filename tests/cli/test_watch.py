"""``plantgate watch``, and ``read`` beside it: through the running agent, and by themselves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from agent.cli.main import application
from agent.cli.watch_screen import Now, Screen
from agent.control_client import Visit
from config.load import load
from tests.e2e.harness import ROOT, Meters, Scene, Site, bus, device, point
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GENEROUS_S = 30.0
DEVICES = [device("meter"), device("dead", 9, timeout="100ms")]


def told(*words: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of a command line."""
    result = CliRunner().invoke(application([words[0]]), list(words))
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Return a running agent with one meter that answers and one that does not."""
    with Scene(tmp_path, port=1) as made:
        made.meters.dead.add(9)
        made.run(uplink=None, devices=DEVICES)
        yield made


@pytest.fixture
def unattended(tmp_path: Path) -> Iterator[Path]:
    """Return the same site without an agent."""
    with Meters() as meters:
        meters.dead.add(9)
        yield Site(buses=[bus(meters.port)], devices=DEVICES).write(tmp_path)


# --- read ------------------------------------------------------------------------------------------------------------


def test_read_goes_through_the_running_agent(scene: Scene) -> None:
    """One more visit on the agent's own connection; a dead device is null with the reason."""
    code, out, err = told("read", str(scene.agent.site), "--json")
    said = json.loads(out)
    with Visit(scene.state) as visit:
        status = visit.ask({"do": "status"})

    assert code == 1
    assert "through the running agent" in err
    assert isinstance(said["meter"]["values"]["count"], int)
    assert said["meter"]["error"] is None
    assert said["dead"]["values"] == {"count": None}
    assert said["dead"]["flags"] == {"count": "B"}
    assert said["dead"]["error"]
    assert status["health"]["buses"]["line"]["connects"] == 1
    assert status["gateway"] == "jn-0417"


def test_read_says_when_nobody_runs(unattended: Path) -> None:
    """Then the devices are asked directly."""
    code, out, err = told("read", str(unattended), "meter")

    assert code == 0
    assert "the agent does not run; asking the devices directly" in err
    assert out.startswith("meter")


def test_a_device_that_the_running_agent_does_not_have_is_named(scene: Scene) -> None:
    """The file was edited and the agent not reloaded."""
    scene.write(devices=[*DEVICES, device("new", 3)])
    code, _, err = told("read", str(scene.agent.site), "new")

    assert code == 1
    assert "the running agent has no device 'new'" in err


def test_points_that_the_running_agent_does_not_have_are_told(scene: Scene) -> None:
    """What it does not know is not shown as known, and the remedy stands beside it."""
    scene.write(devices=[device("meter", points=[point(), point("more", 5)])])
    code, out, err = told("read", str(scene.agent.site), "meter")

    assert code == 0
    assert "systemctl reload plantgate" in err
    assert "more" in out
    assert "-" in out.splitlines()[-1]


def test_after_a_reload_the_door_shows_the_new_site(scene: Scene) -> None:
    """The buses are others, the door is the same."""
    scene.write(devices=[device("meter", points=[point(), point("more", 5)])])
    with Visit(scene.state) as visit:
        before = visit.ask({"do": "read", "devices": ["meter"]})
        scene.agent.hangup()

        def has_more() -> bool:
            return "more" in visit.ask({"do": "read"})["devices"]["meter"]["values"]

        assert eventually(has_more, GENEROUS_S)
    assert set(before["devices"]["meter"]["values"]) == {"count"}


def test_the_door_goes_with_the_agent(scene: Scene) -> None:
    """Nothing is left behind, and the stop is orderly."""
    assert (scene.state / "control.sock").is_socket()
    assert scene.agent.terminate() == 0
    assert not (scene.state / "control.sock").exists()


# --- watch -----------------------------------------------------------------------------------------------------------


def test_watch_through_the_agent_prints_a_line_a_second(scene: Scene) -> None:
    """At once and then every second: values, ages, counters, and the load of the bus."""
    with Visit(scene.state) as visit:
        assert eventually(lambda: visit.ask({"do": "status"})["health"]["devices"]["dead"]["timeouts"] >= 1, GENEROUS_S)
    code, out, err = told("watch", str(scene.agent.site), "--json", "--for", "1")
    lines = [json.loads(line) for line in out.splitlines()]
    last = lines[-1]

    assert code == 0
    assert "through the running agent" in err
    assert len(lines) == 2
    assert 0 < last["buses"]["line"]["busy"] <= 1
    assert isinstance(last["devices"]["meter"]["values"]["count"], int)
    assert last["devices"]["meter"]["age_s"] < GENEROUS_S
    assert last["devices"]["meter"]["timeouts"] == 0
    assert last["devices"]["dead"]["flags"] == {"count": "B"}
    assert last["devices"]["dead"]["last_fault"]["reason"]


def test_watch_without_an_agent_polls_by_itself(unattended: Path) -> None:
    """Only what is named; values arrive, nothing is kept."""
    code, out, _ = told("watch", str(unattended), "meter", "--json", "--for", "2")
    lines = [json.loads(line) for line in out.splitlines()]

    assert code == 0
    assert set(lines[-1]["devices"]) == {"meter"}
    assert lines[-1]["devices"]["meter"]["values"]["count"] > 1
    assert not (unattended.parent / "state").exists()


def test_ctrl_c_ends_watching_with_exit_code_0(unattended: Path) -> None:
    """No traceback, no error."""
    with subprocess.Popen(
        [sys.executable, "-m", "agent.cli.main", "watch", str(unattended), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=GENEROUS_S)

    assert process.returncode == 0
    assert b"Traceback" not in err


def test_watching_an_agent_that_ends_says_so(scene: Scene) -> None:
    """Exit code 1: what was watched is gone."""
    with subprocess.Popen(
        [sys.executable, "-m", "agent.cli.main", "watch", str(scene.agent.site), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")
        scene.agent.terminate()
        _, err = process.communicate(timeout=GENEROUS_S)

    assert process.returncode == 1
    assert b"the agent has ended" in err


@pytest.mark.parametrize("is_running", [True, False], ids=["through the agent", "directly"])
def test_a_device_with_slow_points_is_one_device(tmp_path: Path, is_running: bool) -> None:
    """Read and watched with all its points in their order; what is slow has a time of its own."""
    points = [point("energy", 5, period="slow"), point(), point("more", 6, period="slow")]
    devices = [device("meter", points=points, slow="1h", report="on-change", heartbeat="2h")]
    with Scene(tmp_path, port=1) as made:
        made.write(uplink=None, devices=devices)
        if is_running:
            made.agent.start()
        site = str(made.agent.site)
        _, once, _ = told("read", site, "--json")
        _, lines, _ = told("watch", site, "--json", "--for", "2")
    read, watched = json.loads(once), json.loads(lines.splitlines()[-1])

    for said in (read["meter"], watched["devices"]["meter"]):
        assert list(said["values"]) == ["energy", "count", "more"]
        assert None not in said["values"].values()
        assert said["slow"]["points"] == ["energy", "more"]
        assert said["error"] is None
    assert list(watched["devices"]) == ["meter"]
    assert watched["devices"]["meter"]["slow"]["age_s"] > watched["devices"]["meter"]["age_s"]


# --- the screen ------------------------------------------------------------------------------------------------------

LINE: dict[str, Any] = {
    "ts": "2026-11-22T01:30:01.000Z",
    "buses": {
        "line": {
            "busy": 0.973,
            "line": 0.951,
            "link_failures": 2,
            "overruns": 0,
            "noise_bytes": 14,
            "echoes": 0,
            "diagnosis": "constant framing errors: another baud rate?",
        }
    },
    "devices": {
        "meter": {
            "values": {"count": 7, "power": 12.5, "on": True},
            "flags": {"power": "T"},
            "error": None,
            "age_s": 0.4,
            "last_fault": {"reason": "CRC error", "ago_s": 12.0},
            "requests": 120,
            "answers": 118,
            "timeouts": 0,
            "bad_frames": 2,
            "strays": 0,
            "exceptions": {"2": 1},
        },
        "dead": {
            "values": {"count": None},
            "flags": {"count": "B"},
            "error": "no answer within 0.5 s",
            "age_s": 200.0,
            "last_fault": {"reason": "no answer within 0.5 s", "ago_s": 200.0},
            "requests": 9,
            "answers": 0,
            "timeouts": 9,
            "bad_frames": 0,
            "strays": 0,
            "exceptions": {},
        },
    },
}
POINTS = [
    point(label={"zh": "次数", "en": "Count"}),
    point("power", 2, scale=0.1, decimals=2, unit="kW", label={"zh": "有功功率", "en": "Active power"}),
    point("on", 3, "bit:0"),
]


def drawn(folder: Path, width: int, height: int, devices: int = 0) -> list[str]:
    """Return the screen's lines; with `devices` more that nobody has asked yet."""
    more = [device(f"m{number}", number + 10) for number in range(devices)]
    path = Site(buses=[bus(1)], devices=[device("meter", points=POINTS), device("dead", 9), *more]).write(folder)
    site = load(path)
    line = {**LINE, "devices": {**LINE["devices"]}}
    for one in more:
        line["devices"][one["name"]] = {
            "values": {"count": None},
            "flags": {"count": "B"},
            "error": "nothing was heard of it yet",
            "age_s": None,
            "last_fault": None,
        }
    out = StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    console.print(Screen(site, site.devices, Now(line, 3.0, None, "directly 直读")))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_shows_values_quality_age_errors_and_load(tmp_path: Path, width: int) -> None:
    """In both languages, within the width; what is not known is never a number."""
    lines = drawn(tmp_path, width, 40)
    words = [" ".join(line.split()) for line in lines]

    assert max(map(cell_len, lines)) <= width
    assert "line 127.0.0.1:1 tcp 占用 busy 97.3%" in words
    assert "断线 link failures 2 噪声字节 noise bytes 14" in words
    assert "! constant framing errors: another baud rate?" in words
    assert "meter ● 0.4 s ago 前" in words
    assert "问 asked 120 答 answers 118 坏帧 bad frames 2 拒绝 refusals 1" in words
    assert "! 12 s: CRC error" in words
    assert "次数 Count 7 N 正常 normal" in words
    assert "有功功率 Active power 12.50 kW T 超量程 out of range" in words
    assert "on on 开 N 正常 normal" in words
    assert "dead ● 3 min ago 前" in words
    assert "count — B 无通讯 no contact" in words


def test_points_that_are_read_less_often_have_an_age_of_their_own(tmp_path: Path) -> None:
    """A counter that was read half a minute ago never looks as fresh as the power beside it."""
    slow_point = {**POINTS[0], "period": "slow"}
    one = device("meter", points=[slow_point, *POINTS[1:]], slow="30s")
    site = load(Site(buses=[bus(1)], devices=[one]).write(tmp_path))
    told_of = {**LINE["devices"]["meter"], "slow": {"points": ["count"], "ts": None, "error": None, "age_s": 27.0}}
    out = StringIO()
    line = {**LINE, "devices": {"meter": told_of}}

    Console(file=out, width=80).print(Screen(site, site.devices, Now(line, 3.0, None, "directly 直读")))

    words = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert "meter ● 0.4 s ago 前" in words
    assert "慢速点 slow points 1 ● 27 s ago 前" in words
    assert "次数 Count 7 N 正常 normal" in words


def test_what_does_not_fit_is_counted_not_hidden(tmp_path: Path) -> None:
    """A large site on a small terminal: as many lines as there are rows, the last says how many are missing."""
    lines = drawn(tmp_path, 80, 24, devices=50)

    assert len(lines) < 24
    assert "more lines" in lines[-1]


def test_where_rows_are_few_points_stand_side_by_side(tmp_path: Path) -> None:
    """A wide terminal shows more."""
    narrow, wide = drawn(tmp_path, 80, 16), drawn(tmp_path, 120, 16)

    assert "more lines" in narrow[-1]
    assert "more lines" not in wide[-1]
    assert any("次数" in line and "开" in line for line in wide)
