"""``plantgate status`` against a door with canned answers: one screen, its exit code, and what is not known."""

from __future__ import annotations

import json
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from agent.cli.main import application
from agent.cli.status import up_s
from agent.clock import SystemClock
from agent.control import NAME, Control, Unwilling
from config.load import load
from tests.e2e.harness import Site, bus, device, mqtt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLANT = """
[[facility]]
name = "fan"
role = "combined"
rated = 10
power = "meter.count"
[[line]]
name = "paint"
label = { zh = "喷漆线", en = "paint line" }
production = ["fan"]
treatment = ["fan"]
"""
UPLINK = {"state": "connected", "connected": True, "reason": None, "rtt_s": 0.012, "held": []}
OUTBOX = {"bytes": 4096, "limit": 1 << 30, "waiting": 7, "waiting_share": 0.25, "level": 0, "squeezed": False}
STATUS: dict[str, Any] = {
    "software": "plantgate 0.1.0",
    "pid": 1,
    "clock": "sync",
    "code": {"plant": "yellow", "lines": {"paint": "green"}},
    "health": {
        "buses": {"line": {"absent": ["dead"], "diagnosis": "noise"}},
        "devices": {"meter": {}, "dead": {}},
        "uplink": UPLINK,
        "outbox": OUTBOX,
        "process": {"rss": 50 << 20},
    },
}
ALARMS = [
    {"status": "unacknowledged", "active": True, "escalated": True, "priority": "high"},
    {"status": "acknowledged", "active": True, "escalated": False, "priority": "low"},
    {"status": "returned", "active": False, "escalated": False, "priority": "low"},
]


class House:
    """A site whose agent is a door with answers that a test changes."""

    def __init__(self, folder: Path) -> None:
        devices = [device("meter"), device("dead", 7)]
        site = Site(buses=[bus(1)], uplink=mqtt(1), devices=devices, plant=PLANT, packs=None)
        self.path = site.write(folder)
        self.status: dict[str, Any] = dict(STATUS)
        self.alarms: list[dict[str, Any]] | None = ALARMS
        state = load(self.path).gateway.state_dir
        state.mkdir()
        self.door = Control(state / NAME, {"status": lambda _: self.status, "alarms": self._alarms}, SystemClock())

    def _alarms(self, _: object) -> dict[str, Any]:
        if self.alarms is None:
            raise Unwilling("the pipeline is busy")
        return {"alarms": self.alarms}

    def run(self, *words: str) -> tuple[int, str]:
        """Return exit code and what is on the screen."""
        done = CliRunner().invoke(application(["status"]), ["status", str(self.path), *words], env={"COLUMNS": "100"})
        return done.exit_code, done.stdout


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Return a site with its door open."""
    made = House(tmp_path)
    assert made.door.open()
    thread = Thread(target=made.door.run, daemon=True)
    thread.start()
    yield made
    made.door.stop()
    thread.join(5)


def test_one_screen_says_how_everything_is(house: House) -> None:
    """Code, lines, alarms, devices, link, backlog, clock, disk, process: each in words and with a shape."""
    code, shown = house.run()

    assert code == 0
    for part in (
        "▲ 黄",
        "● 绿  喷漆线",
        "2 条  2 条未确认  1 条已升级",
        "1 / 2 台应答  ◆ 无应答: dead",
        "▲ line: noise",
        "● 已连接  12 ms",
        "7 条记录  25.0% 的存储",
        "已同步",
        "存储 4.0 KiB / 1.0 GiB",
        "进程 1  50.0 MiB",
    ):
        assert part in shown, part


def changed(**members: Any) -> dict[str, Any]:
    """Return the status with other members; those in `health` by their own name."""
    health = {**STATUS["health"], **{name: value for name, value in members.items() if name in STATUS["health"]}}
    return {**STATUS, **{name: value for name, value in members.items() if name not in health}, "health": health}


CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "red": (changed(code={"plant": "red", "lines": {}}), 1, "◆ 红"),
    "no code yet": (changed(code={}), 1, "健康码     —"),
    "offline": (
        changed(uplink={**UPLINK, "connected": False, "state": "waiting", "reason": "connection refused"}),
        0,
        "◆ 未连接  waiting\n            connection refused",
    ),
    "nobody listens": (changed(uplink={**UPLINK, "held": ["alarm"]}), 0, "▲ 无人订阅: alarm"),
    "time not known": (changed(clock="unsync"), 0, "未同步，记录暂无日期"),
    "a clock nobody knows": (changed(clock=None), 0, "时钟       —"),
    "another version": ({"code": {"plant": "green"}}, 0, "待传       —"),
    "hostile words": (changed(uplink={**UPLINK, "connected": False, "state": "\x1b[2J[red]x"}), 0, "[2J[red]x"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_or_not_known_is_said(house: House, name: str) -> None:
    """What is not known is — and never a number; what others say cannot paint the screen."""
    house.status, code, part = CASES[name]

    found, shown = house.run()

    assert found == code
    assert part in shown
    assert "\x1b[2J" not in shown


def test_alarms_that_cannot_be_had_are_not_zero(house: House) -> None:
    """A busy pipeline refuses; the rest of the screen is there."""
    house.alarms = None

    assert "报警       —" in house.run()[1]
    assert json.loads(house.run("--json")[1])["alarms_active"] is None


def test_json_is_for_scripts(house: House) -> None:
    """Whether it runs, whether it is well, and the agent's own answer."""
    told = json.loads(house.run("--json")[1])

    assert (told["running"], told["well"], told["alarms_active"], told["reason"]) == (True, True, 2, None)
    assert told["status"]["health"]["outbox"]["waiting"] == 7


def test_an_agent_that_does_not_run_is_said_and_is_exit_1(tmp_path: Path) -> None:
    """In words on the screen and in JSON."""
    away = House(tmp_path)

    code, shown = away.run()

    assert code == 1
    assert "没有运行" in shown
    assert json.loads(away.run("--json")[1])["running"] is False


def test_how_long_a_process_runs_is_read_from_its_stat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with blanks and brackets confuses nobody; a process that is not there has no time."""
    monkeypatch.setattr("os.sysconf", lambda _: 100)
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text("7 (a ) (b) S " + " ".join(["0"] * 18) + " 500 0 0")

    assert up_s(7, 65_000_000_000, tmp_path) == 60.0
    assert up_s(8, 65_000_000_000, tmp_path) is None
    assert up_s("../x", 0, tmp_path) is None
