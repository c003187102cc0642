"""``plantgate read`` and ``plantgate plan``, on a site file as an installer writes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from agent.cli.main import application
from drivers.spec import Table
from tests.peers.faulty_modbus import FaultyModbus, silent
from tests.peers.modbus_servers import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SITE = """\
[gateway]
id = "jn-0417"
name = {{ zh = "一号车间", en = "Workshop 1" }}
timezone = "Asia/Shanghai"
state_dir = "state"

[[bus]]
name = "dcs"
type = "tcp"
host = "127.0.0.1"
port = {port}

[[device]]
name = "boiler"
label = {{ zh = "锅炉", en = "Boiler" }}
bus = "dcs"
protocol = "modbus"
address = 1
timeout = "300ms"

  [[device.point]]
  name = "load"
  register = "holding"
  at = 100
  type = "uint16"
  scale = 0.1
  unit = "%"
  label = {{ zh = "锅炉负荷", en = "Boiler load" }}

  [[device.point]]
  name = "steam"
  register = "holding"
  at = 101
  type = "uint16"
  unavailable = [0xFFFF]

  [[device.point]]
  name = "far"
  register = "input"
  at = 9000
  type = "float32"
"""
IMAGE = {Table.HOLDING: {100: 1124, 101: 0xFFFF}, Table.INPUT: {9000: 0x4144, 9001: 0xCCCD}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """Return a site file whose boiler is a server written by others."""
    with serve("pymodbus", IMAGE) as port:
        yield written(tmp_path, port)


def written(folder: Path, port: int) -> Path:
    """Write the site file of a boiler on this port."""
    path = folder / "site.toml"
    path.write_text(SITE.format(port=port), encoding="utf-8")
    return path


def with_slow(path: Path, point: str) -> Path:
    """Make a point of the boiler a slow one."""
    text = path.read_text(encoding="utf-8").replace('timeout = "300ms"', 'timeout = "300ms"\nslow = "60s"')
    path.write_text(text.replace(f'name = "{point}"', f'name = "{point}"\n  period = "slow"'), encoding="utf-8")
    return path


def told(*words: str) -> tuple[int, str]:
    """Return exit code and standard output of a command line."""
    result = CliRunner().invoke(application([words[0]]), list(words))
    return result.exit_code, result.stdout


def told_json(*words: str) -> tuple[int, Any]:
    """Return exit code and what was printed as JSON."""
    code, text = told(*words, "--json")
    return code, json.loads(text)


def test_read_prints_values_flags_and_error_by_device(site: Path) -> None:
    """The form that scripts rely on."""
    code, said = told_json("read", str(site))

    assert code == 0
    assert said["boiler"].pop("ts").endswith("Z")
    assert said == {
        "boiler": {"values": {"load": 112.4, "steam": None, "far": 12.3}, "flags": {"steam": "D"}, "error": None}
    }


def test_read_for_people_has_unit_label_and_flag(site: Path) -> None:
    """A table an installer can compare with the meter's display."""
    code, text = told("read", str(site), "boiler")

    assert code == 0
    assert "112.4 %" in text
    assert "锅炉负荷" in text
    assert "[D]" in text


def test_a_device_that_does_not_answer_is_null_with_the_reason(tmp_path: Path) -> None:
    """Never zero; exit code 1 because something is missing."""
    with FaultyModbus(silent) as host:
        code, said = told_json("read", str(written(tmp_path, host.port)))

    assert code == 1
    assert set(said["boiler"]["values"].values()) == {None}
    assert set(said["boiler"]["flags"].values()) == {"B"}
    assert "does not answer" in said["boiler"]["error"]


def test_an_unknown_device_is_wrong_usage_with_a_suggestion(site: Path) -> None:
    """A typing mistake costs nothing."""
    result = CliRunner().invoke(application(["read"]), ["read", str(site), "boilr"])

    assert result.exit_code == 2
    assert "did you mean boiler?" in " ".join(result.output.split())


def test_plan_prints_reads_bytes_and_cycle_by_device(tmp_path: Path) -> None:
    """Two reads: neighbours joined, the far one alone; nothing is sent for it."""
    code, said = told_json("plan", str(written(tmp_path, 1)))

    assert code == 0
    plan = said["boiler"]
    assert [(read["function"], read["address"], read["count"]) for read in plan["reads"]] == [(3, 100, 2), (4, 9000, 2)]
    assert plan["bytes"] == sum(read["bytes"] for read in plan["reads"]) == 2 * (12 + 9 + 4)
    assert plan["cycle_s"] > 0


def test_read_shows_slow_points_among_the_others(site: Path) -> None:
    """One device with all its points in their order; scripts see which come from the other visit, and when."""
    with_slow(site, "steam")
    code, said = told_json("read", str(site))
    told_of = said["boiler"]

    assert code == 0
    assert list(told_of["values"].items()) == [("load", 112.4), ("steam", None), ("far", 12.3)]
    assert (told_of["flags"], told_of["error"]) == ({"steam": "D"}, None)
    assert told_of["slow"]["points"] == ["steam"]
    assert told_of["slow"]["ts"] >= told_of["ts"]


def test_plan_shows_both_visits_with_their_periods(tmp_path: Path) -> None:
    """The slow one within its device for scripts, below it for people; both count for how busy the bus is."""
    path = with_slow(written(tmp_path, 1), "far")
    _, said = told_json("plan", str(path))
    _, text = told("plan", str(path))
    fast, slow = said["boiler"], said["boiler"]["slow"]

    assert [[read["address"] for read in visit["reads"]] for visit in (fast, slow)] == [[100], [9000]]
    assert (fast["poll_s"], slow["poll_s"]) == (5.0, 60.0)
    assert "  boiler: 1 reads, 25 bytes" in text
    assert "  boiler, slow points: 1 reads, 25 bytes" in text
    assert f"busy {fast['cycle_s'] / 5 + slow['cycle_s'] / 60:.1%}" in text


def test_slow_energies_make_the_cycle_of_a_line_shorter(tmp_path: Path) -> None:
    """Ten three-phase meters at 9600 baud with all their points: what `slow` is for."""
    meter = '[[device]]\nname = "m{0}"\nbus = "line"\naddress = {0}\nmodel = "eastron-sdm630"\npoll = "5s"\n'
    head = '[gateway]\nid = "box"\n[[bus]]\nname = "line"\ntype = "serial"\nport = "/dev/ttyS0"\n'
    cycles = []
    for more in ("", 'slow = "60s"\n'):
        (tmp_path / "site.toml").write_text(head + "".join(meter.format(unit) + more for unit in range(1, 11)), "utf-8")
        _, said = told_json("plan", str(tmp_path / "site.toml"))
        cycles.append(sum(plan["cycle_s"] for plan in said.values()))

    assert cycles[1] < 0.85 * cycles[0]


def test_plan_for_people_says_how_busy_each_bus_is(tmp_path: Path) -> None:
    """The share of the line tells whether the periods can be kept."""
    code, text = told("plan", str(written(tmp_path, 1)))

    assert code == 0
    assert text.startswith("dcs  127.0.0.1:1 (tcp)  busy ")
    assert "function 3  holding" in text


@pytest.mark.parametrize("verb", ["read", "plan"])
def test_a_broken_site_file_is_refused_with_all_mistakes(verb: str, tmp_path: Path) -> None:
    """As `check` does, and nothing is contacted."""
    path = written(tmp_path, 1)
    path.write_text(path.read_text(encoding="utf-8").replace("holding", "holdnig"), encoding="utf-8")
    result = CliRunner().invoke(application([verb]), [verb, str(path)])

    assert result.exit_code == 1
    assert result.output.count("site.toml:") == 2
