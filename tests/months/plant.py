"""A believable plant over months, a minute at a time, fast and pure: what `tests/months/site.toml` describes.

A coal-fired drum drier and a press with their treatment (fan, scrubber, bag filter, precipitator, catalyst, oxidiser)
and one stack with its analyzer. The relations an inspector looks for hold: energies are the integrals of powers, the
sub-meters come to about 96 % of the main meter, concentrations follow the load, oxygen runs against it, flow goes with
the fan's speed and its power with the cube. Instruments have noise and a resolution, are calibrated every morning (flag
C), blow back every six hours, and now and then do not answer.

A `Day` is made in two steps: what the machines do (`shifts.Drives`), and what the instruments make of it (columns). A
cheat (`tests.months.cheats`) may act on either. The same seed gives the same month; no clock is read.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import accumulate, chain, repeat
from operator import add, mul
from random import Random
from typing import TYPE_CHECKING

from drivers.reading import Scan
from tests.months.restless import DAY, restless
from tests.months.shifts import Drives, drives

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.months.cheats import Cheat

START_MS = 1_772_380_800_000
"""Monday, 2 March 2026, midnight in Shanghai."""
BOOT_NS = 1_000_000_000_000
MINUTE_MS, MINUTE_NS = 60_000, 60_000_000_000
SCANNED_MS = 30_000
"""All devices are read in the middle of the minute."""

Column = list[float | None]

DRUM_KW, PRESS_KW, FAN_KW, PUMP_KW = 160.0, 90.0, 55.0, 18.5
HOUSE_KW = 3.0
"""Light and offices: what nobody has put a meter on."""
DUCT_M2 = 3.2
REFERENCE_O2 = 9.0
AIR_O2 = 20.9

METERS = {"main": 0.93, "drum": 0.86, "press": 0.82, "fan": 0.88, "pump": 0.85}
"""Meters and the power factors they see."""
ELECTRICAL = (
    *("voltage_a", "voltage_b", "voltage_c", "current_a", "current_b", "current_c", "power", "power_a", "power_b"),
    *("power_c", "apparent_power", "power_factor", "energy_import", "program_count", "status_word_1"),
)
GAS = ("so2", "nox", "dust")
POINTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(METERS, ELECTRICAL),
    "cems": (
        *("so2", "nox", "dust", "so2_converted", "nox_converted", "dust_converted", "o2", "flow", "velocity"),
        *("temperature", "pressure", "humidity", "sample_line", "cooler", "state", "range", "slope", "intercept"),
        "clock_offset",
    ),
    "logger": GAS,
    "dcs": (
        *("load", "output", "drum_running", "press_running", "fan_running", "rto_running", "bag_running"),
        *("esp_running", "scr_running", "fan_frequency", "pump_running", "rto_temperature", "furnace_temperature"),
        *("ph", "bag_pressure_drop", "field_voltage_1", "field_voltage_2", "field_current_1", "field_current_2"),
        *("scr_temperature", "ammonia_feed", "ammonia_slip", "so2_inlet", "nox_inlet", "dust_inlet", "bypass"),
        *("fault", "door"),
    ),
}
"""The points of every device, in the order of the site file."""

CALIBRATED_AT, CALIBRATED_FOR = 9 * 60 + 30, 12
"""Less than a quarter of an hour, so that the hour stays valid: every plant sees to that."""
BLOWS_BACK_AT, BLOWS_BACK_EVERY, BLOWS_BACK_FOR = 17, 360, 2
RUNS, CALIBRATES, BLOWS_BACK = 0.0, 3.0, 5.0
"""States of the analyzer, by i12001."""

_MISSED = 0.0006
"""Share of visits without an answer."""
_OUTAGE_EVERY, _OUTAGE_FOR = 9, 7
"""Days between outages of one device, and their minutes."""


@dataclass(slots=True)
class Day:
    """One day of all instruments: a column for each point ("cems.so2"), ``None`` where there was no value.

    `flags` are the letters that are not N, by point and minute.
    """

    number: int
    drives: Drives
    columns: dict[str, Column] = field(default_factory=dict)
    flags: defaultdict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    wire: dict[str, list[float]] = field(default_factory=dict)
    """What the 4-20 mA wire to the logger adds to each factor."""

    def __getitem__(self, point: str) -> Column:
        return self.columns[point]

    def put(self, point: str, values: Iterable[float], digits: int) -> None:
        """Set a column, at the resolution of its instrument."""
        self.columns[point] = [round(value, digits) for value in values]

    def known(self, point: str) -> list[float]:
        """Return a column in which nothing is missing."""
        return [0.0 if value is None else value for value in self.columns[point]]

    def flag(self, points: Iterable[str], minutes: Iterable[int], letter: str) -> None:
        """Flag readings, where there are any."""
        when = list(minutes)
        for point in points:
            column = self.columns[point]
            self.flags[point].update((minute, letter) for minute in when if column[minute] is not None)

    def silence(self, device: str, minutes: Iterable[int]) -> None:
        """Take away the answers of a device."""
        when = list(minutes)
        for name in POINTS[device]:
            column, letters = self.columns[f"{device}.{name}"], self.flags[f"{device}.{name}"]
            for minute in when:
                column[minute] = None
                letters[minute] = "B"

    def convert(self, factors: Sequence[str] = GAS, reference: float = REFERENCE_O2) -> None:
        """Let the analyzer work out the converted values of what it measures now."""
        oxygen = [(21.0 - reference) / (21.0 - min(o2, AIR_O2)) for o2 in self.known("cems.o2")]
        for factor in factors:
            self.put(f"cems.{factor}_converted", map(mul, self.known(f"cems.{factor}"), oxygen), 1)

    def log(self, factors: Sequence[str] = GAS) -> None:
        """Let the logger read from its wire what the analyzer tells."""
        for factor in factors:
            self.put(f"logger.{factor}", map(add, self.known(f"cems.{factor}"), self.wire[factor]), 1)

    def scans(self, wall_ms: int, mono_ns: int) -> Iterator[tuple[int, int, list[Scan]]]:
        """Yield the minutes of the day, that begins at these times."""
        rows = [self._rows(device) for device in POINTS]
        for minute, given in enumerate(zip(*rows, strict=True)):
            at_ms = wall_ms + minute * MINUTE_MS + SCANNED_MS
            at_ns = mono_ns + minute * MINUTE_NS + SCANNED_MS * 1_000_000
            yield (
                at_ms,
                at_ns,
                [
                    Scan(device, at_ms, at_ns, values, letters, "no answer" if letters.startswith("B") else None)
                    for device, (values, letters) in zip(POINTS, given, strict=True)
                ],
            )

    def _rows(self, device: str) -> Iterator[tuple[tuple[float | None, ...], str]]:
        names = [f"{device}.{name}" for name in POINTS[device]]
        letters = self._letters(names)
        return zip(zip(*(self.columns[name] for name in names), strict=True), letters, strict=True)

    def _letters(self, names: list[str]) -> list[str]:
        good = "N" * len(names)
        found = [good] * DAY
        flags = [self.flags.get(name, {}) for name in names]
        for minute in set(chain.from_iterable(flags)):
            found[minute] = "".join(flag.get(minute, "N") for flag in flags)
        return found


class Plant:
    """Makes one day after the other: counters and warm walls go over midnight."""

    def __init__(self, seed: int) -> None:
        """Begin before the first day."""
        self.seed = seed
        self.noise = restless(seed)
        self._counted = {f"{meter}.energy_import": 10_000.0 * (place + 1) for place, meter in enumerate(METERS)}
        self._counted["dcs.output"] = 5_000.0
        self._warm: dict[str, float] = {"gas": 0.0, "duct": 0.0, "rto": 0.15, "scr": 0.0, "furnace": 0.1, "load": 0.0}

    def day(self, number: int, cheats: Sequence[Cheat] = ()) -> Day:
        """Return the next day, with what cheats make of it."""
        done = drives(self.seed, number, self.noise)
        for cheat in cheats:
            cheat.act(number, done)
        day = Day(number, done)
        for factor in GAS:
            day.wire[factor] = [0.12 * one for one in self.noise.white(f"{factor} wire", number)]
        self._electricity(day)
        self._control(day)
        self._stack(day)
        for cheat in cheats:
            cheat.tamper(number, day)
        self._service(day)
        self._trouble(day)
        return day

    # --- electricity -------------------------------------------------------------------------------------------------

    def _electricity(self, day: Day) -> None:
        done = day.drives
        self._meter(day, "drum", [DRUM_KW * (0.07 + 0.9 * load) if load else 0.3 for load in done.drum], 0.010)
        self._meter(day, "press", [PRESS_KW * (0.06 + 0.9 * load) if load else 0.2 for load in done.press], 0.025)
        self._meter(day, "fan", [FAN_KW * 0.88 * (hz / 50.0) ** 3 if hz else 0.1 for hz in done.fan_hz], 0.008)
        self._meter(day, "pump", [PUMP_KW * 0.82 * on if on else 0.1 for on in done.pump], 0.008)
        subs = zip(*(day.known(f"{meter}.power") for meter in METERS if meter != "main"), strict=True)
        self._meter(day, "main", [HOUSE_KW + 1.012 * sum(powers) for powers in subs], 0.0)

    def _meter(self, day: Day, meter: str, kw: list[float], restless: float) -> None:
        """Write the columns of one meter that sees this power."""
        number, noise, factor = day.number, self.noise, METERS[meter]
        kw = [
            one * (1.0 + restless * wiggle) for one, wiggle in zip(kw, noise.white(f"{meter} kW", number), strict=True)
        ]
        day.put(f"{meter}.power", kw, 3)
        for phase, share in zip("abc", (0.335, 0.328, 0.337), strict=True):
            volts = [224.0 + one for one in noise.mixed(f"{meter} U{phase}", number, 1.2, 0.3)]
            mine = [share * one for one in kw]
            day.put(f"{meter}.voltage_{phase}", volts, 1)
            day.put(f"{meter}.power_{phase}", mine, 3)
            day.put(
                f"{meter}.current_{phase}", [1000.0 * p / (u * factor) for p, u in zip(mine, volts, strict=True)], 2
            )
        day.put(f"{meter}.apparent_power", [one / factor for one in kw], 3)
        day.put(f"{meter}.power_factor", [factor + 0.004 * one for one in noise.white(f"{meter} PF", number)], 3)
        self._counter(day, f"{meter}.energy_import", (one / 60.0 for one in kw), 2)
        day.put(f"{meter}.program_count", repeat(4.0, DAY), 0)
        day.put(f"{meter}.status_word_1", repeat(0.0, DAY), 0)

    def _counter(self, day: Day, point: str, amounts: Iterable[float], digits: int) -> None:
        """Write the column of a counter that goes on from yesterday."""
        stands = list(accumulate(amounts, initial=self._counted[point]))
        self._counted[point] = stands[-1]
        day.put(point, stands[1:], digits)

    def _alive(
        self, day: Day, channel: str, values: Iterable[float], slow: float, white: float
    ) -> Iterator[tuple[float, float]]:
        """Pair values with the noise of a channel."""
        return zip(values, self.noise.mixed(channel, day.number, slow, white), strict=True)

    # --- the control system ------------------------------------------------------------------------------------------

    def _control(self, day: Day) -> None:
        done, mixed = day.drives, self.noise.mixed
        runs = [float(load > 0) for load in done.drum]
        day.put(
            "dcs.load",
            [
                100.0 * load + (0.4 * one if load else 0.0)
                for load, one in self._alive(day, "load", done.drum, 0.5, 0.5)
            ],
            1,
        )
        self._counter(day, "dcs.output", (12.0 * load / 60.0 for load in done.drum), 3)
        for name, column in (
            ("drum", done.drum),
            ("press", done.press),
            ("fan", done.fan_hz),
            ("rto", done.rto),
            ("bag", done.bag),
            ("esp", done.esp),
            ("scr", done.scr),
            ("pump", done.pump),
        ):
            day.put(f"dcs.{name}_running", (float(one > 0) for one in column), 0)
        day.put("dcs.fan_frequency", done.fan_hz, 2)
        rto = self._follow("rto", done.rto, 14.0, 150.0)
        day.put(
            "dcs.rto_temperature", [40.0 + 790.0 * hot + one for hot, one in self._alive(day, "rto", rto, 3.0, 1.0)], 1
        )
        furnace = self._follow("furnace", done.rto, 14.0, 200.0)
        day.put(
            "dcs.furnace_temperature",
            [60.0 + 860.0 * hot + one for hot, one in self._alive(day, "furnace", furnace, 6.0, 2.0)],
            1,
        )
        day.put("dcs.ph", [5.6 + one for one in mixed("ph", day.number, 0.08, 0.02)], 2)
        drop = [(950.0 + 300.0 * load) * on for load, on in zip(done.drum, done.bag, strict=True)]
        day.put("dcs.bag_pressure_drop", [one + on for one, on in self._alive(day, "bag", drop, 40.0, 10.0)], 0)
        for which in "12":
            kv = self._alive(day, f"kV{which}", done.esp, 1.0, 0.3)
            ma = self._alive(day, f"mA{which}", done.esp, 12.0, 4.0)
            day.put(f"dcs.field_voltage_{which}", [on * (56.0 + one) for on, one in kv], 1)
            day.put(f"dcs.field_current_{which}", [on * (410.0 + one) for on, one in ma], 0)
        self._catalyst(day, runs)
        day.put(
            "dcs.bypass",
            [max(0.0, open_ + 0.2 * one) for open_, one in self._alive(day, "bypass", done.bypass, 1.0, 0.3)],
            1,
        )
        day.put("dcs.fault", repeat(0.0, DAY), 0)
        day.put("dcs.door", repeat(0.0, DAY), 0)

    def _catalyst(self, day: Day, runs: list[float]) -> None:
        done = day.drives
        hot = self._follow("scr", done.rto, 10.0, 90.0)
        celsius = [30.0 + 315.0 * one + wiggle for one, wiggle in self._alive(day, "scr", hot, 2.0, 0.5)]
        day.put("dcs.scr_temperature", celsius, 1)
        fed = [
            dose * 24.0 * load if on and load and warm > 300.0 else 0.0
            for dose, load, on, warm in zip(done.feed, done.drum, done.scr, celsius, strict=True)
        ]
        day.put("dcs.ammonia_feed", [kg * (1.0 + 0.02 * one) for kg, one in self._alive(day, "feed", fed, 0.5, 0.5)], 2)
        day.put(
            "dcs.ammonia_slip",
            [max(0.0, 0.2 + 0.8 * on + one) for on, one in self._alive(day, "slip", runs, 0.1, 0.05)],
            2,
        )

    # --- the stack ---------------------------------------------------------------------------------------------------

    def _stack(self, day: Day) -> None:
        done, number, mixed = day.drives, day.number, self.noise.mixed
        gas = self._follow("gas", [float(load > 0) for load in done.drum], 3.0, 4.0)
        duct = self._follow("duct", [float(load > 0) for load in done.drum], 12.0, 45.0)
        day.put("dcs.so2_inlet", _raw(gas, done.drum, 300.0, 800.0, mixed("so2 in", number, 14.0, 6.0)), 0)
        day.put("dcs.nox_inlet", _raw(gas, done.drum, 60.0, 220.0, mixed("nox in", number, 4.0, 2.0)), 0)
        day.put("dcs.dust_inlet", _raw(gas, done.drum, 500.0, 1900.0, mixed("dust in", number, 30.0, 15.0)), 0)
        washed = [1.0 if on else 12.0 for on in done.pump]
        reduced = [1.0 + 4.0 * max(0.0, 0.9 - dose) for dose in done.feed]
        filtered = [1.0 if bag and esp else 6.0 for bag, esp in zip(done.bag, done.esp, strict=True)]
        load = self._follow("load", done.drum, 3.0, 3.0)
        self._gas(day, "so2", gas, load, washed, (-4.0, 32.0, 0.55, 0.30, 0.25))
        self._gas(day, "nox", gas, load, reduced, (-6.0, 44.0, 0.70, 0.35, 0.20))
        self._gas(day, "dust", gas, load, filtered, (-0.8, 6.5, 0.16, 0.12, 0.15))
        day.put(
            "cems.o2",
            [
                AIR_O2 - g * (6.1 + 5.5 * burnt) + one
                for g, burnt, one in zip(gas, load, mixed("o2", number, 0.10, 0.05), strict=True)
            ],
            2,
        )
        day.put("cems.temperature", [22.0 + 96.0 * w + one for w, one in self._alive(day, "gas C", duct, 1.2, 0.3)], 1)
        day.put("cems.humidity", [1.8 + 6.8 * g + one for g, one in self._alive(day, "gas %", gas, 0.25, 0.08)], 1)
        speed = [
            max(0.0, hz * (0.245 + 0.002 * one)) if hz else abs(0.05 * one)
            for hz, one in self._alive(day, "gas m/s", done.fan_hz, 0.8, 0.8)
        ]
        day.put("cems.velocity", speed, 2)
        day.put(
            "cems.flow",
            [
                DUCT_M2 * v * 273.0 / (295.0 + 96.0 * w) * (0.98 - 0.07 * g)
                for v, w, g in zip(speed, duct, gas, strict=True)
            ],
            2,
        )
        day.put("cems.pressure", [-0.25 + one for one in mixed("gas kPa", number, 0.02, 0.01)], 3)
        day.put("cems.sample_line", [150.0 + one for one in mixed("line C", number, 1.0, 0.3)], 1)
        day.put("cems.cooler", [4.0 + one for one in mixed("cooler C", number, 0.2, 0.1)], 1)
        for name, value in (("state", RUNS), ("range", 300.0), ("slope", 1.0), ("intercept", 0.0)):
            day.put(f"cems.{name}", repeat(value, DAY), 3)
        day.put("cems.clock_offset", [1.5 + 0.2 * one for one in self.noise.white("clock", number)], 1)
        day.convert()
        day.log()

    def _gas(
        self,
        day: Day,
        factor: str,
        gas: list[float],
        load: list[float],
        worse: list[float],
        law: tuple[float, float, float, float, float],
    ) -> None:
        """Write what is measured of one factor: it follows the load; at rest the analyzer's own noise remains."""
        at_no_load, per_load, slow, white, own = law
        number, noise = day.number, self.noise
        alive = noise.mixed(factor, number, slow, white)
        rest = noise.white(f"{factor} rest", number)
        day.put(
            f"cems.{factor}",
            [
                g * bad * (at_no_load + per_load * max(burnt, 0.3) + wiggle) + own * (1.0 - g) * (0.6 + still)
                for g, bad, burnt, wiggle, still in zip(gas, worse, load, alive, rest, strict=True)
            ],
            1,
        )

    def _follow(self, name: str, wanted: list[float], up: float, down: float) -> list[float]:
        """Return what a thing with inertia does: minutes to two thirds, going up and going down; over midnight too."""
        value, found = self._warm[name], []
        rising, falling = 1.0 - math.exp(-1.0 / up), 1.0 - math.exp(-1.0 / down)
        for one in wanted:
            value += (one - value) * (rising if one > value else falling)
            found.append(value)
        self._warm[name] = value
        return found

    # --- what happens to instruments ---------------------------------------------------------------------------------

    def _service(self, day: Day) -> None:
        """Calibrate every morning, with zero gas and span gas; blow the probe back every six hours.

        A device that does not answer tells nothing of it.
        """
        state = day["cems.state"]
        when = range(CALIBRATED_AT, CALIBRATED_AT + CALIBRATED_FOR)
        for minute in when:
            _tell(state, minute, CALIBRATES)
            for factor, span in (("so2", 240.0), ("nox", 240.0), ("dust", 40.0)):
                given = 0.1 if minute < CALIBRATED_AT + CALIBRATED_FOR // 2 else span
                for point in (f"cems.{factor}", f"cems.{factor}_converted", f"logger.{factor}"):
                    _tell(day[point], minute, given)
            _tell(day["cems.o2"], minute, 20.9)
        told = [f"cems.{name}" for factor in GAS for name in (factor, f"{factor}_converted")]
        day.flag([*told, *(f"logger.{factor}" for factor in GAS), "cems.o2"], when, "C")
        for first in range(BLOWS_BACK_AT, DAY, BLOWS_BACK_EVERY):
            for minute in range(first, first + BLOWS_BACK_FOR):
                _tell(state, minute, BLOWS_BACK)
                for point in (*told, *(f"logger.{factor}" for factor in GAS)):
                    _tell(day[point], minute, round(0.3 * (day[point][minute] or 0.0), 1))

    def _trouble(self, day: Day) -> None:
        """Miss a reading now and then; every nine days a device is away for some minutes."""
        rng = Random(self.seed * 7_919 + day.number)
        for device in POINTS:
            missed = [minute for minute in range(DAY) if rng.random() < _MISSED]
            if missed:
                day.silence(device, missed)
        if day.number % _OUTAGE_EVERY == _OUTAGE_EVERY - 1:
            first = rng.randrange(DAY - _OUTAGE_FOR)
            day.silence(rng.choice(list(POINTS)), range(first, first + _OUTAGE_FOR))


def _tell(column: Column, minute: int, value: float) -> None:
    """Put a value where there is one."""
    if column[minute] is not None:
        column[minute] = value


def _raw(gas: list[float], load: list[float], fixed: float, per_load: float, noise: list[float]) -> Iterator[float]:
    """Yield a concentration before treatment."""
    for g, level, wiggle in zip(gas, load, noise, strict=True):
        yield max(0.0, g * (fixed + per_load * level + wiggle))


def minutes(seed: int, days: int, cheats: Sequence[Cheat] = ()) -> Iterator[tuple[int, int, list[Scan]]]:
    """Yield (wall ms, monotonic ns, scans of all devices) for every minute of `days` days."""
    plant = Plant(seed)
    for number in range(days):
        past = number * DAY
        today = [cheat for cheat in cheats if number in cheat.days]
        yield from plant.day(number, today).scans(START_MS + past * MINUTE_MS, BOOT_NS + past * MINUTE_NS)
