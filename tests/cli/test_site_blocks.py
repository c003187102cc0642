"""What a scan prints for a site file is a site file: it passes ``plantgate check`` with nothing but a head added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.cli.site_blocks import Named, blocks, bus_name
from config.load import load
from drivers.finding.naming import Naming
from drivers.finding.sweep import Found
from drivers.library import find
from drivers.sim.hj212_station import packet
from drivers.spec import LineSettings, SerialBusSpec, TcpBusSpec

if TYPE_CHECKING:
    from pathlib import Path

    from config.site import Site

USUAL, METERS = LineSettings(), LineSettings(2400, 8, "E")
MN = "010000A8900016F000169DC0"
PACKET = packet(f"ST=31;CN=2011;PW=123456;MN={MN};Flag=4;CP=&&a01012-Rtd=122.6,a21026-Rtd=1.0&&")


def device(
    protocol: str,
    address: int | str,
    model: str | None = None,
    settings: LineSettings | None = USUAL,
    *,
    heard: bytes = b"",
) -> Named:
    """Return a device that was found and named."""
    found = Found(protocol=protocol, address=address, settings=settings, heard=heard)
    naming = Naming(model=find(model), how="plausible", also=("another",)) if model else Naming()
    return Named(found=found, naming=naming)


def loaded(directory: Path, tables: str) -> Site:
    """Return the site of a file with these tables under a head."""
    path = directory / "site.toml"
    head = (
        '[gateway]\nid = "box-1"\nstate_dir = "state"\n\n[uplink.mqtt]\nurl = "mqtt://127.0.0.1:1883"\nprefix = "x"\n\n'
    )
    path.write_text(head + tables, encoding="utf-8")
    return load(path)


PLACES = {
    "a mixed line": (
        "/dev/serial/by-path/usb-0:1.1",
        [
            device("modbus", 3, "eastron-sdm630"),
            device("modbus", 4, "chint-dtsu666"),
            device("modbus", 5),
            device("dlt645-2007", "202600000417", "dlt645-three-phase", METERS),
            device("dlt645-2007", "202600000418", None, METERS),
            device("dlt645-1997", "000000000097", None, METERS),
        ],
        "rtu",
        ["meter-3", "meter-4", "unit-5", "meter-000417", "meter-000418", "meter-000097"],
    ),
    "one unit id twice": (
        "/dev/ttyS1",
        [device("modbus", 3, "eastron-sdm630"), device("dlt645-2007", "202600000003", "dlt645-single-phase", METERS)],
        "rtu",
        ["meter-3", "meter-000003"],
    ),
    "a Modbus TCP host": (
        "192.168.10.7:502",
        [device("modbus", 3, "eastron-sdm630", None), device("modbus", 255, None, None)],
        "tcp",
        ["meter-3", "unit-255"],
    ),
    "a serial server": (
        "[fe80::7]:4001",
        [device("modbus", 3, None, None), device("dlt645-2007", "202600000417", "dlt645-three-phase", None)],
        "rtu",
        ["unit-3", "meter-000417"],
    ),
    "a station": ("/dev/ttyS2", [device("hj212", MN, "hj212-cems", heard=PACKET)], "rtu", ["analyzer-169dc0"]),
    "a station that no model knows": ("/dev/ttyS2", [device("hj212", MN, heard=PACKET)], "rtu", ["unit-169dc0"]),
    "lines of text": (
        "/dev/ttyS3",
        [device("ascii", 1, "generic-ascii-dust", heard=b"D 4.12 mg/m3 T 131.5 C OK\r\n")],
        "rtu",
        ["analyzer-1"],
    ),
}


@pytest.mark.parametrize(("place", "devices", "framing", "expected"), PLACES.values(), ids=PLACES)
def test_what_is_printed_passes_check(
    tmp_path: Path, place: str, devices: list[Named], framing: str, expected: list[str]
) -> None:
    """Every device is there under its name, at its address and with its line settings."""
    site = loaded(tmp_path, blocks(place, devices, framing))

    assert [one.spec.name for one in site.devices] == expected
    assert [one.spec.address for one in site.devices] == [one.found.address for one in devices]
    for made, one in zip(site.devices, devices, strict=True):
        assert one.found.settings is None or made.spec.settings == one.found.settings
        assert made.model == (one.naming.model.name if one.naming.model else None)
        assert made.spec.points
    (bus,) = site.buses
    if isinstance(bus, SerialBusSpec):
        assert bus.port == place
    else:
        assert isinstance(bus, TcpBusSpec)
        assert (f"[{bus.host}]" if ":" in bus.host else bus.host) + f":{bus.port}" == place
        assert bus.framing == framing


def test_the_settings_of_most_are_the_line_s(tmp_path: Path) -> None:
    """Only who differs says so."""
    text = blocks("/dev/ttyS1", [device("modbus", 3), device("modbus", 4), device("modbus", 7, None, METERS)])

    assert text.count("baudrate") == 2
    assert text.count("stopbits") == 1
    assert loaded(tmp_path, text).devices[2].spec.settings == METERS


def test_doubt_is_told() -> None:
    """Other models that fit, and transformer ratios that nobody can read off a line, stand beside the model."""
    text = blocks("/dev/ttyS1", [device("dlt645-2007", "202600000417", "dlt645-three-phase", METERS)])

    assert "plausible readings: compare with its display; or another" in text
    assert "# ct" in text
    assert "互感器变比" in text


def test_a_stranger_s_words_are_shown() -> None:
    """Lines of text that no model knows: the line, and where to describe it; no device that could not be read."""
    text = blocks("/dev/ttyS3", [device("ascii", 1, heard=b"x\r\nPH 7.40 OK\r\nPH")])

    assert "#     PH 7.40 OK" in text
    assert "[[device]]" not in text


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/dev/serial/by-path/platform-fd500000.pcie-usb-0:1.1:1.0-port0", "d500000-pcie-usb-0-1-1-1-0-port0"),
        ("/dev/ttyUSB0", "ttyusb0"),
        ("192.168.10.7:502", "192-168-10-7-502"),
        ("/…", "line1"),
    ],
)
def test_a_bus_is_named_after_its_place(place: str, name: str) -> None:
    """Small letters, digits and dashes, at most 32: a name that `check` takes."""
    assert bus_name(place) == name
