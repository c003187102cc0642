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
