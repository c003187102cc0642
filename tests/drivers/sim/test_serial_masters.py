"""Masters written by others read our simulated slaves: minimalmodbus, pymodbus, and mbpoll from Debian."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import minimalmodbus
import pytest
from pymodbus.client import ModbusSerialClient
from pymodbus.framer import FramerType

from drivers.sim.plant import Plant
from drivers.sim.serial_plant import meters_line, plant_lines
from drivers.sim.serial_server import SerialServer
from drivers.sim.uart import Uart
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VOLTS = pytest.approx(230.0, abs=3)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    """Offer the plant's RS-485 line, and a line of ASCII meters beside it as "ascii"."""
    clock = HostClock()
    server = SerialServer(clock)
    server.offer("rs485", plant_lines(Plant(), clock.mono_ns())["rs485"], tmp_path / "rs485")
    server.offer("ascii", meters_line("ascii", 2, Uart()), tmp_path / "ascii")
    with server:
        yield str(tmp_path / "rs485")


def master(port: str, unit: int, mode: str = minimalmodbus.MODE_RTU) -> Any:
    """Open a minimalmodbus master."""
    instrument = minimalmodbus.Instrument(port, unit, mode, close_port_after_each_call=True)
    instrument.serial.baudrate = 9600
    instrument.serial.timeout = 5
    return instrument


def test_minimalmodbus_reads_the_press_meter(port: str) -> None:
    """The SDM630's floats: volts, frequency, the wiring in holding register 10, and both energies."""
    press = master(port, 3)

    assert [press.read_float(2 * phase, functioncode=4) for phase in range(3)] == [VOLTS] * 3
    assert press.read_float(0x46, functioncode=4) == pytest.approx(50, abs=0.1)
    assert press.read_float(10, functioncode=3) == 3.0
    assert press.read_float(0x156, functioncode=4) >= press.read_float(0x48, functioncode=4) > 180_000


def test_minimalmodbus_reads_the_fan_meter(port: str) -> None:
    """The DTSU666 hides scaled integers in floats: tenths of a volt, hundredths of a hertz."""
    fan = master(port, 4)

    assert fan.read_float(0x2006) / 10 == VOLTS
    assert fan.read_float(0x2044) / 100 == pytest.approx(50, abs=0.1)
    assert fan.read_float(0x2012) == pytest.approx(sum(fan.read_float(0x2014 + 2 * n) for n in range(3)), rel=0.1)
    assert fan.read_float(0x101E) == pytest.approx(64_215, abs=10)


def test_minimalmodbus_reads_bits_and_is_refused(port: str) -> None:
    """The controller has switches; a register that is not there is refused."""
    controller = master(port, 5)
    controller.serial.timeout = 1

    assert controller.read_bits(1, 2, functioncode=2) == [1, 0]
    with pytest.raises(minimalmodbus.IllegalRequestError):
        controller.read_register(99)


def test_minimalmodbus_reads_ascii(port: str) -> None:
    """ASCII transmission, as minimalmodbus speaks it."""
    first, second = (master(port.replace("rs485", "ascii"), unit, minimalmodbus.MODE_ASCII) for unit in (1, 2))

    assert 100 <= first.read_float(0, functioncode=4) < 101
    assert 200 <= second.read_float(0, functioncode=4) < 201


@pytest.mark.parametrize(("line", "framer"), [("rs485", FramerType.RTU), ("ascii", FramerType.ASCII)])
def test_pymodbus_reads(port: str, line: str, framer: FramerType) -> None:
    """Another client reads both transmissions."""
    unit = 3 if line == "rs485" else 1
    client: Any = ModbusSerialClient(port.replace("rs485", line), framer=framer, baudrate=9600, timeout=5, retries=0)
    assert client.connect()
    try:
        assert len(client.read_input_registers(0, count=6, device_id=unit).registers) == 6
    finally:
        client.close()


def test_mbpoll_reads_the_press_meter(port: str) -> None:
    """mbpoll, a program by others on a library by others, reads three voltages of unit 3."""
    assert shutil.which("mbpoll"), "mbpoll is missing: install the Debian package mbpoll (`make debian` does)"
    wanted = ["-m", "rtu", "-a", "3", "-b", "9600", "-P", "none", "-t", "3:float", "-B", "-r", "1", "-c", "3", "-1"]
    ran = subprocess.run(["mbpoll", *wanted, "-o", "5", port], capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stderr
    assert [float(value) for value in re.findall(r"^\[\d+\]:\s+(\S+)", ran.stdout, re.MULTILINE)] == [VOLTS] * 3
