"""``plantgate scan`` on simulated lines and hosts: what it finds, what it says of a line that is not in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from agent.cli.main import application
from agent.cli.ports import holder, stable_name
from drivers.sim.__main__ import HostClock
from drivers.sim.faults import Fault
from drivers.sim.instruments import Instrument, plant_units
from drivers.sim.modbus_server import ModbusServer
from drivers.sim.plant import Plant
from drivers.sim.ports import TcpPort
from drivers.sim.serial_plant import plant_lines
from drivers.sim.serial_server import SerialServer
from tests.peers.serial_plant import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METER = "202600000417"
TWO = ("--baud", "9600", "--baud", "2400", "--parity", "N", "--parity", "E")
STATION = "010000A8900016F000169DC0"
RTU = ("--protocol", "modbus", "--baud", "9600", "--parity", "N", "--listen", "100ms")
ODD = ("--protocol", "modbus", "--baud", "9600", "--parity", "O", "--listen", "100ms")
"""Nobody on the line has odd parity, and there is only one such setting."""


class Lines:
    """The plant's serial lines, one of them also behind a serial server, in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        clock = HostClock()
        self.server = SerialServer(clock)
        for line, units in plant_lines(Plant(), clock.mono_ns()).items():
            self.server.offer(line, units, directory / line)
        self.behind = TcpPort()
        self.server.add("behind", plant_lines(Plant(), clock.mono_ns())["rs485"], self.behind)

    def port(self, line: str) -> str:
        """Return the path of a line."""
        return str(self.directory / line)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lines]:
    """Serve the lines for all tests of this file."""
    made = Lines(tmp_path_factory.mktemp("lines"))
    with made.server:
        yield made


@pytest.fixture(autouse=True)
def mended(lines: Lines) -> Iterator[None]:
    """Leave no fault to the next test."""
    yield
    lines.server.faults.mend()
    lines.server.faults.put_on_line("rs485", None)


def scanned(*words: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of a scan."""
    result = CliRunner().invoke(application(["scan"]), ["scan", *words])
    return result.exit_code, result.stdout, result.stderr


def found(*words: str) -> list[tuple[str, int | str, str | None, str | None]]:
    """Return protocol, address, settings and model of what a scan finds."""
    _, out, _ = scanned(*words, "--json")
    return [(one["protocol"], one["address"], one["settings"], one["model"]) for one in json.loads(out)["devices"]]


# --- lines in order ---------------------------------------------------------------------------------------------------


def test_a_mixed_line_is_found_and_named(lines: Lines) -> None:
    """Modbus at 9600 8N1 and DL/T 645 at 2400 8E1 on one pair of wires; three-phase meters are not taken for less."""
    devices = found(lines.port("rs485"), *TWO, "--units", "4", "--listen", "100ms")

    assert devices == [
        ("modbus", 4, "9600 8N1", "chint-dtsu666"),
        ("dlt645-2007", METER, "2400 8E1", "dlt645-three-phase"),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("station", ("hj212", STATION, "9600 8N", "hj212-cems")),
        ("dust", ("ascii", 1, "9600 8N", "generic-ascii-dust")),
    ],
)
def test_what_sends_by_itself_is_heard(
    lines: Lines, line: str, expected: tuple[str, int | str, str | None, str | None]
) -> None:
    """It names itself, and its model is known by what it sends; one stop bit or two, a receiver cannot tell."""
    devices = found(lines.port(line), "--baud", "9600", "--parity", "N", "--units", "1", "--listen", "6s")

    assert [(*one[:2], str(one[2])[: len("9600 8N")], one[3]) for one in devices] == [expected]


def test_text_that_no_model_knows_is_shown(lines: Lines) -> None:
    """The installer gets the line itself, to write a model after it."""
    code, out, err = scanned(lines.port("ph"), "--baud", "9600", "--listen", "2s", "--toml")

    assert code == 0
    assert "model unknown" in err
    assert "#     $PH," in out


def test_a_serial_server_is_found_out(lines: Lines) -> None:
    """Nobody speaks Modbus TCP there; RTU and DL/T 645 pass through it."""
    host = f"127.0.0.1:{lines.behind.address[1]}"
    code, out, err = scanned(host, "--units", "3", "--timeout", "200ms", "--listen", "0s", "--toml")

    assert code == 0
    assert "trying it as a serial server" in err
    assert 'framing = "rtu"' in out
    assert 'model    = "eastron-sdm630"' in out
    assert f'address  = "{METER}"' in out


def test_units_behind_a_host_are_found() -> None:
    """Modbus TCP: the line behind the host is not ours to set."""
    with ModbusServer(HostClock()) as server:
        port = server.listen("line", plant_units_of(3, 5))
        code, out, _ = scanned(f"localhost:{port}", "--units", "1-6", "--timeout", "100ms", "--json")

    said = json.loads(out)
    assert code == 0
    assert [(one["address"], one["settings"], one["model"]) for one in said["devices"]] == [
        (3, None, "eastron-sdm630"),
        (5, None, None),
    ]


def plant_units_of(*units: int) -> dict[int, Instrument]:
    """Return these units of the plant's first line."""
    return {unit: one for unit, one in plant_units(Plant())["line1"].items() if unit in units}


# --- lines that are not -----------------------------------------------------------------------------------------------


def test_two_devices_with_one_address(lines: Lines) -> None:
    """Their answers collide each time, and only theirs."""
    lines.server.faults.put("rs485", 3, Fault("collision"))

    code, _, err = scanned(lines.port("rs485"), *RTU, "--units", "1-3")

    assert code == 1
    assert "address 3 at 9600 8N1: answers, but never a sound frame — two devices with one address" in err
    assert "两台设备地址相同" in err


def test_garbage_from_everybody(lines: Lines) -> None:
    """No single address is to blame then."""
    for unit in (3, 4, 5):
        lines.server.faults.put("rs485", unit, Fault("junk"))
    lines.server.faults.put("rs485", METER, Fault("dead"))

    code, _, err = scanned(lines.port("rs485"), *RTU, "--units", "3-5")

    assert code == 1
    assert "garbage at 9600 8N1 — A and B swapped, wrong baud rate or parity" in err


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("echo"), "the adapter echoes what we send"),
        (Fault("noise", rate=60.0), "at 9600 8O1"),
        (None, "nothing answers 3 questions: check the devices' power, the A/B wires"),
    ],
    ids=["echo", "noise", "nobody"],
)
def test_a_line_without_answers_is_explained(lines: Lines, fault: Fault | None, words: str) -> None:
    """Echo, noise or nothing at all: each has its own words, and the exit code is 1."""
    lines.server.faults.put_on_line("rs485", fault)

    code, out, err = scanned(lines.port("rs485"), *ODD, "--units", "7-9", "--json")

    assert code == 1
    assert json.loads(out)["devices"] == []
    assert any(words in one["en"] and one["zh"] for one in json.loads(out)["remarks"]), err + out


# --- how it is used ---------------------------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_was_found(lines: Lines) -> None:
    """The tables of what was found until then are printed, and the exit code is 0."""
    command = [sys.executable, "-m", "agent.cli.main", "scan", lines.port("rs485"), *RTU, "--toml"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stderr is not None
        assert any("found Modbus unit 3" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "stopped; this is what was found until now" in err
    assert 'model    = "eastron-sdm630"' in out


def test_a_port_that_somebody_holds(lines: Lines) -> None:
    """The sentence names the process and what to do; the running agent is to be asked instead."""
    script = "import fcntl, sys; f = open(sys.argv[1], 'r+b', 0); fcntl.flock(f, fcntl.LOCK_EX); print(1); input()"
    with subprocess.Popen(
        [sys.executable, "-uc", script, lines.port("dust"), "run", "site.toml"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        code, _, err = scanned(lines.port("dust"))
        process.communicate("\n", timeout=10)

    assert code == 1
    assert "held by another process" in err
    assert f"it is the running agent (process {process.pid}): `plantgate read site.toml`" in err
    assert holder(lines.port("dust")) == ""


def test_a_port_is_called_by_its_stable_name(tmp_path: Path) -> None:
    """The name of where it is plugged in stays when adapters are plugged in another order; without one, its path."""
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-path").mkdir()
    (tmp_path / "by-path" / "usb-0:1.1").symlink_to(tmp_path / "ttyUSB0")

    assert stable_name(str(tmp_path / "ttyUSB0"), (tmp_path / "by-path",)) == str(tmp_path / "by-path" / "usb-0:1.1")
    assert stable_name(os.path.relpath(tmp_path / "ttyUSB1"), (tmp_path / "by-path",)) == str(tmp_path / "ttyUSB1")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nowhere:x",), "neither a serial port"),
        (("/dev/null", "--units", "0-3"), "unit ids are 1 to 247"),
        (("/dev/null", "--parity", "X"), "one of N, E, O"),
        (("/dev/null", "--protocol", "profibus"), "there are modbus, dlt645"),
        (("/dev/null", "--framing", "tcp"), "of a host"),
        (("/dev/null", "--timeout", "1h"), "--timeout"),
    ],
)
def test_wrong_usage_is_explained(words: tuple[str, ...], complaint: str) -> None:
    """Exit code 2 and the remedy."""
    code, _, err = scanned(*words)

    assert code == 2
    assert complaint in " ".join(err.replace("│", " ").split())


def test_a_port_that_is_not_there() -> None:
    """What to do stands beside it."""
    code, _, err = scanned("/dev/serial/by-path/nothing")

    assert code == 1
    assert "unplugged" in err
