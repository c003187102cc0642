"""A large plant for benches: fifty facilities, two hundred points, every group of rules with what it needs."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final

from agent.sites import load_site
from drivers.reading import Scan
from tests.e2e.harness import Site, bus, device, point

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from config.site import Site as LoadedSite

LINES, PAIRS = 8, 3
"""Lines, each with so many production facilities and as many of treatment; beside them a boiler and the main meter."""
RICH = ("m01", "m02", "m03", "m04", "main")
"""Meters that tell everything a three-phase meter can."""
KINDS = ("fan", "fgd", "bag", "rto", "scr", "esp")

PHASES = [
    *((f"voltage_{phase}", "V", 230.0) for phase in "abc"),
    *((f"current_{phase}", "A", 60.0) for phase in "abc"),
    *((f"power_{phase}", "kW", 12.0) for phase in "abc"),
    ("power_factor", "", 0.86),
    ("apparent_power", "kVA", 42.0),
    ("program_count", "", 3.0),
]
STACK = [
    *((f"{gas}{form}", "mg/m3", 12.0) for gas in ("so2", "nox", "dust") for form in ("", "_converted")),
    ("o2", "%", 8.0),
    ("flow", "m3/h", 40_000.0),
    ("velocity", "m/s", 12.0),
    ("temperature", "Cel", 95.0),
    ("pressure", "kPa", -0.2),
    ("humidity", "%", 9.0),
    ("sample_line", "Cel", 130.0),
    ("cooler", "Cel", 4.0),
    ("state", "", 0.0),
]
CONTROL = [
    ("load", "%", 80.0),
    ("fan_hz", "Hz", 42.0),
    ("ph", "", 6.1),
    ("bag_drop", "Pa", 900.0),
    ("rto_temperature", "Cel", 820.0),
    ("scr_temperature", "Cel", 340.0),
    ("ammonia", "kg/h", 12.0),
    ("slip", "mg/m3", 1.2),
    ("so2_in", "mg/m3", 800.0),
    ("nox_in", "mg/m3", 300.0),
    ("dust_in", "mg/m3", 2000.0),
    ("so2_again", "mg/m3", 12.0),
    ("bypass", "deg", 0.0),
    ("pump", "", 1.0),
    ("fault", "", 0.0),
    ("running", "", 1.0),
    ("drum_temperature", "Cel", 900.0),
    ("output", "t", 0.0),
    ("door", "", 0.0),
    ("field_voltage_1", "kV", 52.0),
    ("field_voltage_2", "kV", 51.0),
    ("field_current_1", "mA", 300.0),
    ("field_current_2", "mA", 310.0),
    ("range", "", 300.0),
    ("lime", "kg/h", 80.0),
]
CONSTANT: Final = ("program_count", "state", "bypass", "fault", "running", "pump", "door", "range")
COUNTED: Final = ("energy_import", "output")
CODES: Final = {"door": "i32001"}
POWER_KW: Final = 36.0


def meters() -> list[str]:
    """Return the names of the meters: one for each facility."""
    return [f"m{number:02d}" for number in range(1, LINES * PAIRS * 2 + 2)] + ["main"]


def _columns() -> dict[str, list[tuple[str, str, float]]]:
    """Return the points of every device: name, unit, usual value."""
    plain = [("power", "kW", POWER_KW), ("energy_import", "kWh", 0.0)]
    found = {name: plain + (PHASES if name in RICH else []) for name in meters()}
    return found | {"cems": STACK, "dcs": CONTROL}


COLUMNS: Final = _columns()


def site(directory: Path, poll: str) -> LoadedSite:
    """Write and load the site; every device is read once in `poll`."""
    devices = []
    for unit, (name, columns) in enumerate(COLUMNS.items(), 1):
        points = [_point(at, *column) for at, column in enumerate(columns)]
        devices.append(device(name, unit, points=points, poll=poll, timeout="1s", report="60s"))
    return load_site(Site(buses=[bus(502)], devices=devices, packs=None, plant=_plant()).write(directory))


def _point(at: int, name: str, unit: str, _usual: float) -> dict[str, Any]:
    more = {"total": "counter"} if name in COUNTED else {}
    return point(name, 2 * at, "float32", unit=unit, **more, **({"code": CODES[name]} if name in CODES else {}))


def _plant() -> str:
    parts = [_facility("main", "main"), _facility("m49", "production", "incinerator", _FURNACE)]
    for line in range(LINES):
        first = line * PAIRS * 2
        production = [f"m{first + number + 1:02d}" for number in range(PAIRS)]
        treatment = [f"m{first + PAIRS + number + 1:02d}" for number in range(PAIRS)]
        parts += [_facility(name, "production", "dryer") for name in production]
        parts += [_treatment(name, KINDS[(line + place) % len(KINDS)]) for place, name in enumerate(treatment)]
        furnace = [] if line else ["m49"]
        parts.append(
            f'[[line]]\nname = "line-{line + 1}"\nproduction = {[*production, *furnace]}\ntreatment = {treatment}\n'
            f'outlet = "stack"\nchain = {production}\nco_run = {[production[0], treatment[0]]}\n'
            "permit_energy = 4000.0\n"
        )
    return "\n".join(parts) + _OUTLET


def _facility(name: str, role: str, kind: str = "", points: str = "") -> str:
    said = (
        f'[[facility]]\nname = "{name}"\nrole = "{role}"\npower = "{name}.power"\nrated = 45.0\nrated_current = 90.0\n'
    )
    said += f'type = "{kind}"\n' if kind else ""
    return said + (f"points = {{ {points} }}\n" if points else "")


_POINTS: Final = {
    "fan": 'drive_frequency = "dcs.fan_hz", fault = "dcs.fault", running = "dcs.running"',
    "fgd": 'pump = "dcs.pump", ph = "dcs.ph", bypass = "dcs.bypass"',
    "bag": 'pressure_drop = "dcs.bag_drop"',
    "rto": 'temperature = "dcs.rto_temperature"',
    "scr": 'temperature = "dcs.scr_temperature", feed = "dcs.ammonia", slip = "dcs.slip", inlet = "dcs.nox_in"',
    "esp": 'field_voltages = ["dcs.field_voltage_1", "dcs.field_voltage_2"], '
    'field_currents = ["dcs.field_current_1", "dcs.field_current_2"]',
}
_FURNACE: Final = 'load = "dcs.load", output = "dcs.output", temperature = "dcs.drum_temperature"'


def _treatment(name: str, kind: str) -> str:
    return _facility(name, "treatment", kind, _POINTS[kind]) + 'life = "2000h"\ndesign_removal = 90.0\n'


_FACTOR: Final = """
[[outlet.factor]]
code = "{code}"
point = "cems.{gas}"
converted = "cems.{gas}_converted"
inlet = "dcs.{gas}_in"
limit = 35.0
range = [0.0, 300.0]
permit = 12.0
detection_limit = 0.5
design_removal = 90.0
"""
_GASES: Final = {"so2": "a21026", "nox": "a21002", "dust": "a34013"}
_OUTLET: Final = (
    """
[[outlet]]
name = "stack"
medium = "air"
o2 = "cems.o2"
reference_o2 = 9.0

[outlet.points]
flow = "cems.flow"
velocity = "cems.velocity"
gas_temperature = "cems.temperature"
gas_pressure = "cems.pressure"
humidity = "cems.humidity"
sample_line = "cems.sample_line"
cooler = "cems.cooler"
instrument_state = "cems.state"
settings = ["dcs.range"]
"""
    + "".join(_FACTOR.format(gas=gas, code=code) for gas, code in _GASES.items())
    + 'second = "dcs.so2_again"\n'
)


class Instruments:
    """Readings that move as they do in a plant: noise with a resolution, counters that rise, machines that pause."""

    def __init__(self, seed: int = 417) -> None:
        """Draw ten minutes of noise; they are used over and over, each device at another place."""
        chance = Random(seed)
        self._noise = [chance.gauss(0.0, 0.02) for _ in range(6000)]

    def scans(self, second: int, wall_ms: int, mono_ns: int) -> Iterator[Scan]:
        """Yield what all devices say at a second of the run, one after the other."""
        for number, (name, columns) in enumerate(COLUMNS.items()):
            works = (second // 900 + number) % 32 != 0
            values = tuple(
                self._value(second, number, place, columns[place], works=works) for place in range(len(columns))
            )
            yield Scan(name, wall_ms + number, mono_ns + number * 1_000_000, values, "N" * len(values))

    def _value(self, second: int, number: int, place: int, column: tuple[str, str, float], *, works: bool) -> Any:
        name, _, usual = column
        if name in COUNTED:
            return round(1000.0 * number + second * POWER_KW / 3600, 2)
        if name in CONSTANT:
            return usual
        noisy = usual * (1.0 + self._noise[(second * 7 + number * 131 + place * 17) % 6000])
        return round(noisy if works or name != "power" else 0.02 * usual, 2)
