"""The product's own drivers read the simulated lines, and what they read is what the plant does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.load import load
from drivers.kinds import open_bus
from drivers.sim.plant import Plant
from drivers.sim.serial_plant import STATION_MN, SUPPLY_METER, plant_lines
from drivers.sim.serial_server import SerialServer
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drivers.bus import Bus
    from drivers.reading import Scan, Value

SITE = """
[gateway]
id = "sim-1"
state_dir = "state"
[buffer]
allow_volatile = true
"""
LINE = """
[[bus]]
name = "{0}"
type = "serial"
port = "{1}/{0}"
"""
DEVICES = {
    "press": 'bus = "rs485"\naddress = 3\nmodel = "eastron-sdm630"',
    "fan": 'bus = "rs485"\naddress = 4\nmodel = "chint-dtsu666"',
    "supply": f"""bus = "rs485"\naddress = "{SUPPLY_METER}"\nmodel = "dlt645-three-phase"
baudrate = 2400\nparity = "E"\nct = 40.0""",
    "cems": f'bus = "station"\naddress = "{STATION_MN}"\nmodel = "hj212-cems"',
    "dust": 'bus = "dust"\naddress = 1\nmodel = "generic-ascii-dust"',
}


class Field:
    """The plant's lines, and the product's buses on them."""

    def __init__(self, folder: Path) -> None:
        text = SITE + "".join(LINE.format(line, folder) for line in ("rs485", "station", "dust"))
        text += "".join(f'[[device]]\nname = "{name}"\n{lines}\n' for name, lines in DEVICES.items())
        (folder / "site.toml").write_text(text, encoding="utf-8")
        site, self.clock = load(folder / "site.toml"), HostClock()
        self.specs = {device.spec.name: device.spec for device in site.devices}
        self.buses = {bus.name: open_bus(bus, [*self.specs.values()], self.clock) for bus in site.buses}
        self.lines = SerialServer(self.clock)
        for line, units in plant_lines(Plant(), self.clock.mono_ns()).items():
            self.lines.offer(line, units, folder / line)

    def read(self, device: str) -> dict[str, Value]:
        """Visit a device that is asked, or wait for one that sends; return what it told."""
        spec = self.specs[device]
        bus = self.buses[spec.bus]
        scan = self._heard(bus) if spec.sends else bus.visit(device)
        return dict(zip((point.name for point in spec.points), scan.values, strict=True))

    def _heard(self, bus: Bus) -> Scan:
        until_ns = self.clock.mono_ns() + 20_000_000_000
        while self.clock.mono_ns() < until_ns:
            if scans := bus.listen(until_ns):
                return scans[0]
        raise AssertionError("nothing came")


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    """Serve the lines while the product reads them."""
    field = Field(tmp_path)
    with field.lines:
        yield field
        for bus in field.buses.values():
            bus.close()


def number(value: Value) -> float:
    """Return a reading that must be a number."""
    assert isinstance(value, int | float)
    return float(value)


def test_every_point_of_every_model_on_the_line(field: Field) -> None:
    """Whatever the library says the meters on the line have, ours have: nothing is missing or refused."""
    told = {device: field.read(device) for device in ("press", "fan", "supply")}

    assert [f"{device}.{point}" for device in told for point, value in told[device].items() if value is None] == []
    assert field.buses["rs485"].refused() == ()
    assert field.lines.served().writes_seen == 0


def test_meters_agree_with_each_other(field: Field) -> None:
    """Two protocols, two line settings, one grid: voltages and frequency agree, and the supply carries the most."""
    press, supply, fan = (field.read(device) for device in ("press", "supply", "fan"))

    assert number(press["voltage_a"]) == pytest.approx(number(supply["voltage_a"]), abs=3)
    assert number(press["frequency"]) == pytest.approx(number(fan["frequency"]), abs=0.1)
    assert number(supply["energy_import"]) > number(press["energy_import"]) + number(fan["energy_import"])
    assert number(supply["power"]) > number(fan["power"]) / 1000 + 12


@pytest.mark.parametrize(
    ("device", "bounds"),
    [("cems", {"so2": (5, 40), "nox": (15, 60), "o2": (4, 12)}), ("dust", {"dust": (0, 10), "temperature": (80, 150)})],
    ids=["cems", "dust"],
)
def test_instruments_that_send_by_themselves(field: Field, device: str, bounds: dict[str, tuple[float, float]]) -> None:
    """The station's packets and the dust meter's lines arrive as the readings they are."""
    told = field.read(device)

    assert {point for point, (low, high) in bounds.items() if low < number(told[point]) < high} == {*bounds}
