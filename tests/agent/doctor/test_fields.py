"""The fields that are short enough for one table each: clock, lines, agent, units, board, disk, panel, site."""

from __future__ import annotations

import http.server
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.doctor import board, clock, disk, lines, panel, running, site, units
from agent.doctor.case import Answers, Case, Owner, owner_of
from agent.doctor.machine import Machine, run
from agent.doctor.running import SOFTWARE
from config.load import load
from config.problem import Problem
from tests.agent.doctor import ids, silent, tree
from tests.e2e.harness import Site, bus, device

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW_MS = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
GIB = 2**30

# --- clock -----------------------------------------------------------------------------------------------------------

SYNCED = clock.ClockFacts(wall_ms=NOW_MS, kernel=0, rtc=True, rtc_s=NOW_MS // 1000)
ALONE = clock.ClockFacts(wall_ms=NOW_MS, kernel=5, rtc=True)
CHRONY = "A29FC87B,time.example,3,1763769600.1,0.0,0.0,0.0,1.0,0.0,0.1,0.1,0.1,64.0,Normal"
CLOCKS: dict[str, tuple[clock.ClockFacts, list[str]]] = {
    "kernel vouches": (SYNCED, ["clock-fine"]),
    "timesyncd vouches": (replace(ALONE, flag_ms=NOW_MS - 60_000), ["clock-fine"]),
    "timesyncd's flag is old": (replace(ALONE, flag_ms=NOW_MS - 86_400_000), ["clock-alone"]),
    "chrony vouches": (replace(ALONE, kernel=None, chrony=CHRONY), ["clock-fine"]),
    "nobody": (ALONE, ["clock-alone"]),
    "a service that has not managed yet": (replace(ALONE, services=("chrony",)), ["clock-not-yet"]),
    "the site vouches": (replace(ALONE, trusted=True), ["clock-trusted"]),
    "1970": (replace(ALONE, wall_ms=5000), ["clock-impossible", "clock-alone"]),
    "2107": (replace(ALONE, wall_ms=NOW_MS + 81 * 31_557_600_000), ["clock-impossible", "clock-alone"]),
    "nonsense": (replace(ALONE, wall_ms=-1), ["clock-impossible", "clock-alone"]),
    "no battery": (replace(SYNCED, rtc=False), ["clock-fine", "clock-no-battery"]),
    "an empty battery": (replace(SYNCED, rtc_s=17), ["clock-fine", "clock-battery-wrong"]),
    "a battery clock nobody can judge": (replace(ALONE, rtc_s=17), ["clock-alone"]),
    "the agent does not see it": (replace(SYNCED, agent="unsync"), ["clock-fine", "clock-agent-doubts"]),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_the_clock(name: str) -> None:
    """Who vouches, what cannot be, and the battery."""
    facts, expected = CLOCKS[name]

    assert ids(clock.judge(facts)) == expected


def test_the_clock_is_read_from_the_machine(tmp_path: Path) -> None:
    """The flag of timesyncd, the battery clock, and which service is active."""
    root = tree(tmp_path, {"run/systemd/timesync/synchronized": "", "sys/class/rtc/rtc0/since_epoch": "123\n"})
    (root / "run/systemd/system").mkdir(parents=True)
    said = {"systemctl": "inactive\nactive\ninactive\ninactive\ninactive\n", "chronyc": CHRONY}

    facts = clock.read(Case(machine=Machine(root=root, wall_ms=NOW_MS, run=lambda command: said[command[0]])))

    assert (facts.services, facts.rtc, facts.rtc_s, facts.chrony) == (("chrony",), True, 123, CHRONY)
    assert facts.flag_ms is not None


# --- lines -----------------------------------------------------------------------------------------------------------

BUS = {"busy": 0.4, "absent": [], "diagnosis": "", "overruns": 0}
DEVICE = {"bus": "line", "requests": 1000, "timeouts": 1, "bad_frames": 2, "last_fault": None, "exceptions": {}}
FAULT = {"reason": "no answer", "ago_s": 90.0}
LINES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "well": ({}, {}, ["line-fine"]),
    "wrong baud rate": ({"diagnosis": "constant framing errors"}, {}, ["line-diagnosis"]),
    "full, and late": ({"busy": 0.99, "overruns": 5}, {}, ["line-overloaded"]),
    "full, and in time": ({"busy": 0.99}, {}, ["line-fine"]),
    "away": ({"absent": ["meter"]}, {"last_fault": FAULT, "timeouts": 900}, ["device-absent"]),
    "away, no reason told": ({"absent": ["meter"]}, {}, ["device-absent"]),
    "interference": ({}, {"bad_frames": 50}, ["device-errors"]),
    "too few questions to say": ({}, {"requests": 10, "timeouts": 9}, ["line-fine"]),
    "another model": ({}, {"exceptions": {"2": 12}}, ["device-refuses"]),
    "an agent that tells nothing": ({"busy": None, "absent": None}, {"requests": None}, ["line-fine"]),
}


@pytest.mark.parametrize("name", LINES)
def test_lines_and_devices(name: str) -> None:
    """What one line of `watch` says of wiring, load and devices."""
    of_bus, of_device, expected = LINES[name]

    found = lines.judge({"buses": {"line": {**BUS, **of_bus}}, "devices": {"meter": {**DEVICE, **of_device}}})

    assert ids(found) == expected


# --- the agent -------------------------------------------------------------------------------------------------------

UPLINK = {"connected": True, "state": "connected", "held": [], "parked": 0}
RUNS: dict[str, Any] = {
    "software": SOFTWARE,
    "pid": 7,
    "status": "2 devices",
    "code": {"plant": "green"},
    "health": {"uplink": UPLINK, "outbox": {"level": 0, "waiting": 3, "waiting_share": 0.01, "squeezed": False}},
}
AGENTS: dict[str, tuple[Answers, list[str]]] = {
    "well": (Answers(status=RUNS), ["agent-fine"]),
    "away": (Answers(away="the agent does not run"), ["agent-away"]),
    "behind a shut door": (Answers(away="permission denied", is_shut=True), ["agent-door-shut"]),
    "upgraded under its feet": (Answers(status={**RUNS, "software": "plantgate 0.0.1"}), ["agent-other-version"]),
    "the file has changed since": (Answers(status=RUNS, site={"cfg": "old"}), ["agent-other-site"]),
    "the same file": (Answers(status=RUNS, site={"cfg": "new"}), ["agent-fine"]),
    "red": (Answers(status={**RUNS, "code": {"plant": "red"}}), ["agent-fine", "agent-code-red"]),
    "no uplink": (Answers(status={**RUNS, "health": {"uplink": None, "outbox": {}}}), ["agent-fine"]),
    "offline": (
        Answers(status={**RUNS, "health": {"uplink": {**UPLINK, "connected": False, "reason": "refused"}}}),
        ["uplink-down"],
    ),
    "nobody listens, some refused": (
        Answers(status={**RUNS, "health": {"uplink": {**UPLINK, "held": ["alarm"], "parked": 2}}}),
        ["uplink-held", "uplink-parked"],
    ),
    "filling": (Answers(status={**RUNS, "health": {"outbox": {"level": 85}}}), ["backlog-large"]),
    "squeezed": (Answers(status={**RUNS, "health": {"outbox": {"squeezed": True}}}), ["store-squeezed"]),
    "of another age": (Answers(status={"health": 3, "code": None}), ["agent-fine"]),
}


@pytest.mark.parametrize("name", AGENTS)
def test_the_agent(name: str) -> None:
    """Whether it runs, on this file, in this version, and whether what it makes is delivered."""
    answers, expected = AGENTS[name]

    assert ids(running.judge(answers, "new", has_systemd=True)) == expected


def test_an_agent_away_is_no_trouble_where_nothing_should_start_it() -> None:
    """On a machine without systemd one tries things out."""
    assert ids(running.judge(Answers(away="—"), "", has_systemd=False)) == ["agent-away-here"]


# --- units -----------------------------------------------------------------------------------------------------------

UNIT = units.UnitFacts(name=units.AGENT, load="loaded", active="active", enabled="enabled", result="success")
UNITS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "well": ({}, ["unit-fine"]),
    "not installed": ({"load": "not-found"}, ["unit-missing"]),
    "masked": ({"load": "masked"}, ["unit-masked"]),
    "failed": ({"active": "failed", "result": "exit-code"}, ["unit-failed"]),
    "stopped": ({"active": "inactive"}, ["unit-stopped"]),
    "starting": ({"active": "activating"}, ["unit-fine"]),
    "not at the next start": ({"enabled": "disabled"}, ["unit-disabled"]),
    "again and again": ({"restarts": 40}, ["unit-restarts"]),
    "changed file": ({"is_stale": True}, ["unit-stale"]),
}


@pytest.mark.parametrize("name", UNITS)
def test_the_unit(name: str) -> None:
    """Enabled, running, and since when without a restart."""
    changes, expected = UNITS[name]

    assert ids(units.judge(units.Units(has_systemd=True, units=(replace(UNIT, **changes),)))) == expected


@pytest.mark.parametrize(
    ("said", "is_pi", "expected"),
    [
        ("14s", True, ["watchdog-fine"]),
        ("15s", True, ["watchdog-fine"]),
        ("1min", True, ["watchdog-too-long"]),
        ("15s 500ms", True, ["watchdog-too-long"]),
        ("0", True, ["watchdog-off"]),
        ("infinity", True, ["watchdog-off"]),
        ("1min", False, []),
        ("", True, []),
    ],
)
def test_the_watchdog_trap_of_a_pi(said: str, is_pi: bool, expected: list[str]) -> None:
    """More than 15 s is no watchdog at all on a Raspberry Pi; other boards can do more."""
    facts = units.Units(has_systemd=True, watchdog_s=units.seconds(said), is_pi=is_pi)

    assert ids(units.judge(facts)) == expected


def test_units_are_read_from_systemd(tmp_path: Path) -> None:
    """What `systemctl show` prints, and nothing where systemd does not run."""
    root = tree(tmp_path, {"run/systemd/system/x": "", "proc/device-tree/model": "Raspberry Pi 4 Model B\0"})
    shown = "NRestarts=4\nResult=success\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"

    def told(command: Sequence[str]) -> str:
        return "14s\n" if "--value" in command else shown

    facts = units.read(Case(machine=Machine(root=root, run=told)))

    assert (facts.units[0].restarts, facts.watchdog_s, facts.is_pi) == (4, 14.0, True)
    assert ids(units.look(Case(machine=Machine(root=tmp_path / "none", run=silent)))) == ["units-none"]


# --- board -----------------------------------------------------------------------------------------------------------

BOARDS: dict[str, tuple[board.BoardFacts, list[str]]] = {
    "tells nothing": (board.BoardFacts(), ["board-fine"]),
    "well": (board.BoardFacts(memory=GIB, available=GIB // 2, hottest=50, throttled=0), ["board-fine"]),
    "little memory": (board.BoardFacts(memory=GIB, available=GIB // 20), ["memory-little"]),
    "warm": (board.BoardFacts(hottest=76.0), ["board-warm"]),
    "hot": (board.BoardFacts(hottest=83.0), ["board-hot"]),
    "slowed down now": (board.BoardFacts(throttled=0x4), ["board-hot"]),
    "slowed down once": (board.BoardFacts(throttled=0x40000), ["board-fine", "board-was-hot"]),
    "low voltage now": (board.BoardFacts(throttled=0x50005), ["board-hot", "supply-low"]),
    "low voltage once": (board.BoardFacts(throttled=0x10000), ["supply-was-low"]),
    "low voltage by the sensor": (board.BoardFacts(low_volts=True), ["supply-low"]),
}


@pytest.mark.parametrize("name", BOARDS)
def test_the_board(name: str) -> None:
    """Memory, heat and supply, as far as the board tells."""
    facts, expected = BOARDS[name]

    assert ids(board.judge(facts)) == expected


def test_the_board_is_read_from_proc_and_sys(tmp_path: Path) -> None:
    """The hottest zone, the voltage sensor by its name, memory in bytes, the firmware's bits."""
    files = {
        "proc/meminfo": "MemTotal:        1000 kB\nMemAvailable:     400 kB\n",
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "sys/class/thermal/thermal_zone1/temp": "51200\n",
        "sys/class/thermal/thermal_zone2/temp": "nonsense",
        "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
        "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
    }
    machine = Machine(root=tree(tmp_path, files), run=lambda _: "throttled=0x50000\n")

    facts = board.read(Case(machine=machine))

    assert facts == board.BoardFacts(
        memory=1_024_000, available=409_600, hottest=51.2, throttled=0x50000, low_volts=True
    )


# --- disk ------------------------------------------------------------------------------------------------------------

DISK = disk.DiskFacts(
    where=Path("/var/lib/plantgate"), kind="ext4", free=10 * GIB, total=30 * GIB, inodes=1000, inodes_free=900
)
DISKS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "well": ({}, ["disk-fine"]),
    "in memory": ({"kind": "tmpfs", "holds_state": True}, ["disk-volatile"]),
    "in memory, allowed": (
        {"kind": "overlay", "holds_state": True, "may_be_volatile": True},
        ["disk-volatile-allowed"],
    ),
    "a root that is an overlay": ({"kind": "overlay"}, ["disk-fine"]),
    "read-only": ({"read_only": True, "holds_state": True, "free": 0}, ["disk-read-only"]),
    "a read-only root": ({"read_only": True, "free": 0}, ["disk-fine"]),
    "full": ({"free": GIB // 2}, ["disk-full"]),
    "a small one, full": ({"free": 50 * 2**20, "total": 300 * 2**20}, ["disk-full"]),
    "nearly full": ({"free": 2 * GIB}, ["disk-nearly-full"]),
    "no inodes": ({"inodes_free": 10}, ["disk-no-inodes"]),
    "btrfs counts no inodes": ({"inodes": 0, "inodes_free": 0}, ["disk-fine"]),
    "smaller than the store may become": ({"wanted": 20 * GIB}, ["disk-too-small"]),
    "errors": ({"errors": 3, "device": "mmcblk0p2"}, ["disk-errors"]),
    "worn": ({"wear": 9}, ["disk-worn"]),
    "worn out": ({"wear": 11}, ["disk-worn-out"]),
    "the chip says so": ({"end_of_life": 3}, ["disk-worn-out"]),
}


@pytest.mark.parametrize("name", DISKS)
def test_the_disk(name: str) -> None:
    """Room, kind and wear."""
    changes, expected = DISKS[name]

    assert ids(disk.judge(replace(DISK, **changes))) == expected


MOUNTS = """\
21 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw
30 21 179:3 / /data\\040disk ro,noatime shared:2 - ext4 /dev/mmcblk0p3 rw
31 21 8:1 / /var rw - ext4 /dev/sda1 ro
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("/home", ("179:2", False)), ("/data disk/state", ("179:3", True)), ("/var/lib", ("8:1", True))],
)
def test_the_mount_of_a_folder(folder: str, expected: tuple[str, bool]) -> None:
    """The innermost mount counts, read-only by its own word or by the file system's."""
    assert disk.mounted(Path(folder), MOUNTS) == expected


def test_an_emmc_tells_its_wear(tmp_path: Path) -> None:
    """A partition's life times stand with the device above it; ext4's error count with the partition."""
    card = "sys/devices/mmc0/block/mmcblk0"
    root = tree(
        tmp_path,
        {
            f"{card}/device/life_time": "0x03 0x0a\n",
            f"{card}/device/pre_eol_info": "0x01\n",
            f"{card}/mmcblk0p2/x": "",
            "sys/fs/ext4/mmcblk0p2/errors_count": "7\n",
            "proc/self/mountinfo": MOUNTS,
            "sys/dev/block/x": "",
        },
    )
    (root / "sys/dev/block/179:2").symlink_to(root / card / "mmcblk0p2")

    [facts] = disk.read(Case(machine=Machine(root=root, run=silent)))

    assert (facts.device, facts.wear, facts.end_of_life, facts.errors) == ("mmcblk0p2", 10, 1, 7)
    assert ids(disk.judge(facts))[-2:] == ["disk-errors", "disk-worn"]


# --- site ------------------------------------------------------------------------------------------------------------


def test_the_site_file(tmp_path: Path) -> None:
    """None, mistakes (the first twenty), or fine with its remarks."""
    machine = Machine(run=silent)
    problems = tuple(Problem(file="s", line=at, where="w", what="wrong") for at in range(25))
    path = Site(buses=[bus(1)], devices=[device("meter")]).write(tmp_path)

    assert ids(site.judge(Case(machine=machine))) == ["site-none"]
    bad = ids(site.judge(Case(machine=machine, path=path, problems=problems)))
    assert bad == ["site-mistake"] * 20 + ["site-more-mistakes"]
    assert ids(site.judge(Case(machine=machine, path=path, site=load(path))))[0] == "site-fine"


# --- panel -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (panel.PanelFacts(host="127.0.0.1", port=1, error="connection refused"), "panel-silent"),
        (panel.PanelFacts(host="127.0.0.1", port=1), "panel-foreign"),
        (panel.PanelFacts(host="127.0.0.1", port=1, is_http=True), "panel-fine"),
        (panel.PanelFacts(host="0.0.0.0", port=1, is_http=True), "panel-plain"),
        (panel.PanelFacts(host="0.0.0.0", port=1, is_http=True, is_tls=True), "panel-fine"),
    ],
)
def test_the_panel(facts: panel.PanelFacts, expected: str) -> None:
    """It answers, with HTTP, and encrypted where others can reach it."""
    assert ids(panel.judge(facts)) == [expected]


@pytest.mark.parametrize(("table", "expected"), [('[panel]\nlisten = "127.0.0.1:9"\n', ["panel-silent"]), ("", [])])
def test_the_panel_is_looked_for_where_the_site_file_says(table: str, expected: list[str], tmp_path: Path) -> None:
    """A site with a panel has it looked at; one without has nothing to say."""
    path = Site(buses=[bus(1)], devices=[device("meter")]).write(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + "\n" + table, encoding="utf-8")

    assert ids(panel.look(Case(machine=Machine(run=silent), path=path, site=load(path)))) == expected


def test_the_panel_is_asked_plainly_when_it_speaks_no_tls() -> None:
    """A real HTTP server, one that says nothing we know, and nobody at all."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        answered = panel.read("0.0.0.0", served.server_address[1])
        served.shutdown()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = panel.read("127.0.0.1", closed.getsockname()[1])

    assert (answered.is_http, answered.is_tls, answered.error) == (True, False, "")
    assert nobody.error == "connection refused"


# --- the case --------------------------------------------------------------------------------------------------------


def test_a_running_agent_says_as_whom_it_runs(tmp_path: Path) -> None:
    """By its process: user, group, and the groups the unit added."""
    root = tree(
        tmp_path, {"proc/42/status": "Name:\tpython\nUid:\t0\t900\t0\t0\nGid:\t0\t901\t0\t0\nGroups:\t20 44 \n"}
    )

    owner = owner_of(Machine(root=root, run=silent), {"pid": 42}, None)

    assert owner == Owner(name="900", uid=900, groups=frozenset({901, 20, 44}), sure=True)


def test_a_program_that_is_missing_or_hangs_says_nothing() -> None:
    """A reader never waits for ever."""
    assert run(["plantgate-no-such-program"]) is None
    assert run(["sleep", "30"], 0.05) is None
    assert run(["printf", "a\xff"]) is not None
