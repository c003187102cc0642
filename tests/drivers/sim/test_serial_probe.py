"""Simulated instruments that speak in lines of text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from drivers.sim.faults import Fault
from drivers.sim.plant import Plant
from drivers.sim.serial_plant import DUST_FORMAT, PROBE_FORMAT, dust_text, probe_text
from drivers.sim.serial_server import SerialServer
from drivers.sim.text_probe import LineFormat, Probe
from drivers.sim.uart import Uart
from tests.peers.box_end import BoxEnd
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from pathlib import Path

    from drivers.reading import Clock

FORMATS = {
    "none": (LineFormat(), b"7.02\r\n"),
    "xor as NMEA 0183": (LineFormat(start=b"$", checksum="xor", separator=b"*"), b"$7.02*1B\r\n"),
    "sum": (LineFormat(start=b"\x02", checksum="sum", terminator=b"\x03"), b"\x027.02C7\x03"),
    "crc": (LineFormat(checksum="crc16", separator=b" ", terminator=b"\r"), b"7.02 "),
}


@pytest.mark.parametrize(("form", "expected"), FORMATS.values(), ids=FORMATS)
def test_lines(form: LineFormat, expected: bytes) -> None:
    """Start, text, separator, checksum over the text, terminator."""
    assert form.line("7.02").startswith(expected)
    assert form.line("7.02", is_sound=False) != form.line("7.02")


def test_known_checksums() -> None:
    """NMEA 0183's example sentence and the check value of the Modbus CRC."""
    sentence = "GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"
    nmea = LineFormat(start=b"$", checksum="xor", separator=b"*")

    assert nmea.line(sentence) == f"${sentence}*47\r\n".encode()
    assert LineFormat(checksum="crc16").line("123456789") == b"1234567894B37\r\n"


def steady(clock: Clock, blind: bool) -> str:
    """Return the same text at any time."""
    return "----" if blind else "7.02"


@pytest.fixture
def lines(tmp_path: Path) -> SerialServer:
    """Offer a line with a free-running probe, one at another speed, and one that is asked."""
    server = SerialServer(HostClock())
    server.offer("free", [Probe("ph", steady, LineFormat(), interval_s=0.1)], tmp_path / "free")
    server.offer("fast", [Probe("ph", steady, LineFormat(), Uart(115200), interval_s=0.1)], tmp_path / "fast")
    server.offer("asked", [Probe("ph", steady, LineFormat(), request=b"*?\r")], tmp_path / "asked")
    return server


def test_free_running(lines: SerialServer, tmp_path: Path) -> None:
    """Lines come by themselves."""
    with lines, BoxEnd(tmp_path / "free") as box:
        assert b"7.02\r\n7.02\r\n" in box.hear(30)


def test_garbage_at_another_speed(lines: SerialServer, tmp_path: Path) -> None:
    """Who listens at a wrong speed hears something, but never the text."""
    with lines, BoxEnd(tmp_path / "fast", 9600) as box:
        heard = box.hear(6)

    assert heard
    assert b"7" not in heard


def test_asked(lines: SerialServer, tmp_path: Path) -> None:
    """One that is asked answers its request and nothing else."""
    with lines, BoxEnd(tmp_path / "asked") as box:
        assert box.ask(b"?\r", quiet_s=0.15) == b""
        assert box.ask(b"*?\r", 6) == b"7.02\r\n"


FAULTS = {
    "dead": (Fault("dead"), b""),
    "nan": (Fault("nan"), b"----\r\n"),
    "half": (Fault("half"), b"7.0"),
    "checksum": (Fault("checksum"), b"7.\r\n"),
}


@pytest.mark.parametrize(("fault", "expected"), FAULTS.values(), ids=FAULTS)
def test_faults(fault: Fault, expected: bytes) -> None:
    """Each fault shows in the line as it is described."""
    probe = Probe("ph", steady, LineFormat(), request=b"?")

    assert probe.answer(b"?", HostClock(), fault) == expected


def test_the_scrubber_s_probe() -> None:
    """The plant's probe tells a believable pH and temperature, sourer and warmer when the press works."""
    water = [Plant().at(n / 2).water for n in range(40)]
    sour, sweet = min(water, key=lambda state: state.ph), max(water, key=lambda state: state.ph)

    assert 6.0 < sour.ph < sweet.ph < 9.0
    assert sour.celsius > sweet.celsius
    assert re.fullmatch(rb"\$PH,\d\.\d\d,\d\d\.\d,OK\*[0-9A-F]{2}\r\n", PROBE_FORMAT.line(probe_text(sour)))
    assert probe_text(sour, blind=True) == "PH,----,----,FAIL"


def test_the_stack_s_dust_meter() -> None:
    """The dust meter tells its value, and none while its probe is purged or when it is broken."""
    measuring, purged = Plant().at(30.0).stack, Plant().at(39.0).stack

    assert re.fullmatch(rb"D \d\.\d\d mg/m3 T \d{2,3}\.\d C OK\r\n", DUST_FORMAT.line(dust_text(measuring)))
    assert re.fullmatch(r"--- mg/m3 T \d{2,3}\.\d C MAINT", dust_text(purged))
    assert dust_text(measuring, blind=True).endswith("C FAIL")
