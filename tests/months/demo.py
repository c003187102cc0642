"""The plant of the demo over months: what its instruments tell at each visit, without a wire in between.

The site is `plantgate demo`'s own (`agent/cli/demo_site.toml`), as a plant would have it:

- Instruments are read once a minute: a month of readings a second would take an hour to live through. No bus is that
  punctual, and a plant with cycles of 20, 40 and 180 s must not be looked at always in the same moment of them: visits
  come at another second of each minute.
- The holds and graces that the demo shortens to be watched, and the rules it changes, are a plant's again.
- The boiler's limit is left out: its swings cross it every three minutes, which is there to show an alarm.
- Of the supply, 22 % goes to light, compressors and offices that have no meter, all day and every day. P13 would tell
  so, rightly, once it has learnt; as its advice says, the installer has allowed for it (`ALLOWED`).

The plant works day and night, and has a permit for it.
"""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

from config.load import load
from drivers.reading import Scan
from drivers.sim.plant import Plant
from tests.months.house import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from config.site import Site
    from drivers.reading import Value
    from drivers.sim.plant import PlantState
    from tests.months.house import Batch

ROOT: Final = Path(__file__).parents[2]
START_MS: Final = 1_772_380_800_000
"""Monday, 2 March 2026, midnight in Shanghai."""
BOOT_NS: Final = 1_000_000_000_000

ALLOWED: Final = '[[rule]]\nid = "P13"\nshare = 0.25\n'
PERMIT: Final = Entry(0, "mark", {"kind": "night-permit", "object": "plant", "reason": "works in three shifts"})

TOLD: Final[Mapping[str, Callable[[PlantState], Value]]] = {
    "press-1.power": lambda now: round(now.press.power_kw, 2),
    "press-1.power_factor": lambda now: round(now.press.power_factor, 3),
    "press-1.frequency": lambda now: round(now.press.frequency_hz, 2),
    "press-1.energy_import": lambda now: round(now.press.energy_kwh, 2),
    "fan-meter.power": lambda now: round(now.fan.power_kw, 2),
    "fan-meter.current_a": lambda now: round(now.fan.current_a, 1),
    "supply.power": lambda now: round(now.supply.power_kw, 2),
    "supply.energy_import": lambda now: round(now.supply.energy_kwh, 1),
    "supply.power_factor": lambda now: round(now.supply.power_factor, 3),
    "fan-1.speed": lambda now: round(now.fan.speed_hz, 2),
    "fan-1.power": lambda now: round(now.fan.power_kw, 2),
    "fan-1.energy": lambda now: round(now.fan.energy_kwh, 2),
    "fan-1.suction": lambda now: round(now.fan.suction_pa),
    "rto-1.chamber": lambda now: round(now.rto.chamber_c, 1),
    "rto-1.burner": lambda now: now.rto.burner_on,
    "rto-1.fan": lambda now: now.rto.fan_running,
    "rto-1.bypass": lambda now: now.rto.bypass_open,
    "boiler-dcs.load": lambda now: round(now.boiler.load_percent, 1),
    "boiler-dcs.steam": lambda now: round(now.boiler.steam_th, 2),
    "boiler-dcs.steam_total": lambda now: round(now.boiler.steam_total_t, 3),
    "boiler-dcs.burners": lambda now: now.boiler.burner_count,
    "cems.so2": lambda now: round(now.stack.so2_mg, 1),
    "cems.nox": lambda now: round(now.stack.nox_mg, 1),
    "cems.o2": lambda now: round(now.stack.o2_percent, 2),
    "cems.dust": lambda now: None if now.stack.dust_mg is None else round(now.stack.dust_mg, 2),
    "cems.flow": lambda now: round(now.stack.flow_m3h),
}
"""What each point of the site tells, at the resolution of its instrument."""


def demo_site(folder: Path) -> Site:
    """Return the demo's site as a plant would have it."""
    text = (ROOT / "agent/cli/demo_site.toml").read_text(encoding="utf-8")
    text = Template(text).substitute(mqtt=1883, line1=502, dcs=502, stack=502, rs485=folder / "tty", panel=8080)
    text = re.sub(r"(?m)^(on_hold|off_hold) +=.*\n", "", text)
    text = re.sub(r"(?m)^(poll|report) +=.*$", r'\1 = "60s"', text)
    text = re.sub(r"(?m)^\[\[(limit|rule)\]\].*\n([a-z_]+ +=.*\n)+", "", text)
    path = folder / "site.toml"
    path.write_text(f"{text}\n{ALLOWED}", encoding="utf-8")
    return load(path)


def visits(site: Site, days: int) -> Iterator[Batch]:
    """Yield (wall ms, monotonic ns, scans of all devices) for every minute of `days` days."""
    tell: Sequence[tuple[str, Sequence[Callable[[PlantState], Value]]]] = [
        (device.spec.name, [TOLD[f"{device.spec.name}.{info.name}"] for info in device.info]) for device in site.devices
    ]
    plant = Plant()
    for minute in range(days * 1440):
        t = 60 * minute + 17 * minute % 60
        state, at_ms, at_ns = plant.at(t), START_MS + t * 1000, BOOT_NS + t * 1_000_000_000
        yield at_ms, at_ns, [_scan(device, tuple(one(state) for one in said), at_ms, at_ns) for device, said in tell]


def _scan(device: str, values: tuple[Value, ...], wall_ms: int, mono_ns: int) -> Scan:
    """Return a scan; what the analyzer does not measure while its probe is purged is flagged as the driver does."""
    flags = "".join("D" if value is None else "N" for value in values)
    return Scan(device, wall_ms, mono_ns, values, flags)
