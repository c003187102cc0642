"""The simulator as a process that serves serial lines: what benchmarks and the installer's hour start."""

from __future__ import annotations

import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from drivers.sim.wire import crc16
from tests.drivers.sim.test_sim_process import Simulator
from tests.peers.box_end import BoxEnd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VOLTAGE = struct.pack(">BBHH", 3, 4, 0, 2)
READ_VOLTAGE = VOLTAGE + crc16(VOLTAGE)
READ_ADDRESS = bytes.fromhex("FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16")


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """The plant with its serial lines."""
    simulator = Simulator("--serial", str(tmp_path / "dev"))
    yield simulator
    simulator.stop()


def test_serves_the_plant_s_lines(simulator: Simulator, tmp_path: Path) -> None:
    """The lines are named beside the ports, and are where they are said to be."""
    lines = {name: str(tmp_path / "dev" / name) for name in ("rs485", "station", "ph", "dust")}

    assert simulator.hello["lines"] == lines
    assert set(simulator.hello["ports"]) == {"line1", "dcs", "stack"}
    with BoxEnd(tmp_path / "dev" / "station") as box:
        assert b"##0" in box.hear(20)


def test_two_protocols_on_one_pair(simulator: Simulator, tmp_path: Path) -> None:
    """The press meter answers at 9600 8N1, the supply meter on the same wires at 2400 8E1."""
    with BoxEnd(tmp_path / "dev" / "rs485") as box:
        voltage = box.ask(READ_VOLTAGE, 9)
        box.set(2400, "E")
        address = box.ask(READ_ADDRESS, 22)

    assert struct.unpack(">f", voltage[3:7])[0] == pytest.approx(230, abs=3)
    assert address.startswith(bytes.fromhex("FE FE FE FE 68 17 04 00 00 26 20 68 93 06"))


def test_wishes_about_lines(simulator: Simulator, tmp_path: Path) -> None:
    """A unit's fault, a line's fault, mending, and the counters."""
    with BoxEnd(tmp_path / "dev" / "rs485") as box:
        simulator.wish(line="rs485", unit=3, fault="dead")
        simulator.wish(served=True)
        before = simulator.hear()["requests"].get("rs485/3", 0)
        assert box.ask(READ_VOLTAGE, quiet_s=0.2) == b""

        simulator.wish(mend=True)
        simulator.wish(line="rs485", fault="echo")
        simulator.wish(served=True)
        assert simulator.hear()["requests"]["rs485/3"] == before + 1
        assert box.ask(READ_VOLTAGE, 17)[:8] == READ_VOLTAGE

        simulator.wish(line="rs485", fault=None)
        simulator.wish(served=True)
        simulator.hear()
        assert box.ask(READ_VOLTAGE, 9)[:3] == b"\x03\x04\x04"


def test_unplugging_by_wish(simulator: Simulator, tmp_path: Path) -> None:
    """An adapter goes and comes back when told."""
    name = tmp_path / "dev" / "ph"
    simulator.wish(unplug="ph")
    simulator.wish(served=True)
    simulator.hear()
    assert not name.is_symlink()

    simulator.wish(plug="ph")
    simulator.wish(served=True)
    simulator.hear()
    with BoxEnd(name) as box:
        assert b"PH," in box.hear(40)


@pytest.mark.parametrize(
    ("protocol", "baud", "parity", "request_", "size"),
    [
        ("rtu", 9600, "N", READ_VOLTAGE, 9),
        ("dlt645", 2400, "E", READ_ADDRESS.replace(b"\xaa" * 6, b"\x03" + bytes(5)), 18),
    ],
    ids=["rtu", "dlt645"],
)
def test_a_line_of_meters(tmp_path: Path, protocol: str, baud: int, parity: str, request_: bytes, size: int) -> None:
    """One line of equal meters for the bench, in either protocol, and no TCP port."""
    if protocol == "dlt645":
        request_ = request_[:-2] + bytes((sum(request_[4:-2]) & 0xFF, 0x16))
    simulator = Simulator("--serial", str(tmp_path), "--meters", "5", "--protocol", protocol, "--baud", str(baud))
    try:
        assert simulator.hello["ports"] == {}
        with BoxEnd(tmp_path / "meters", baud, parity) as box:
            assert len(box.ask(request_, size)) == size
    finally:
        assert simulator.stop() == 0


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """When the process has ended the names are gone."""
    Simulator("--serial", str(tmp_path)).stop()

    assert list(tmp_path.iterdir()) == []


def test_meters_need_a_place() -> None:
    """Asked for meters without a folder, the simulator says what is missing."""
    ran = subprocess.run(
        [sys.executable, "-m", "drivers.sim", "--meters", "3"], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 2
    assert "--serial DIR" in ran.stderr
