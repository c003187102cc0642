"""A believable plant: what its machines, its boiler and its stack do at a given moment. Physics, no registers.

A press line works in strokes; its fumes go through a fan and a regenerative thermal oxidiser (RTO). A boiler makes
the steam; its flue gas leaves by the stack that the analyzer watches. The relations an inspector would look for hold:
energy is the integral of power, currents follow power, the fan's power is the cube of its speed, the RTO warms with
the fumes it burns, more boiler load means more gas and less oxygen, and what comes in by the supply is the sum of what
press, fan and the rest of the house take.

Every swing of the boiler passes its limit once per `BOILER.period_s`: that is the alarm of the demo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from drivers.sim.physics import Cycle, noise, wave

PRESS_RATED_KW = 45.0
FAN_RATED_KW = 22.0
HOUSE_KW = 12.0
"""Light, compressors and offices: what the supply carries besides press and fan."""
FAN_POWER_FACTOR, HOUSE_POWER_FACTOR = 0.86, 0.95
BOILER_RATED_TH = 35.0
"""Steam at full load, tonnes per hour."""

PRESS = Cycle(((3.0, 0.18), (4.0, 0.95), (5.0, 0.62), (4.0, 0.88), (4.0, 0.30)), lag_s=0.4)
"""Fractions of rated power: wait, stroke, hold, stroke, unload."""
FUMES = Cycle(PRESS.steps, lag_s=12.0)
"""What the press gives off reaches the oxidiser late and smoothed."""
FAN = Cycle(((20.0, 0.636), (20.0, 0.779)), lag_s=3.0)
"""Fan power as a fraction of rated power; the drive hunts slowly between two set points (43 and 46 Hz)."""
BOILER = Cycle(((5.0, 78.0), (6.0, 106.0), (34.0, 82.0)), lag_s=0.8)
"""Load in percent: normal, a swing over 100 %, normal."""
STEAM = Cycle(BOILER.steps, lag_s=2.5)
"""Steam and flue gas follow the firing with the boiler's own inertia; percent."""

_SELF_SUSTAINING = 0.63
"""From here on the fumes keep the chamber hot by themselves and the burner goes out."""
_PURGE_EVERY_S = 40.0
_PURGE_FOR_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PressState:
    """The press meter. Volts and amperes per phase; `energy_kwh` never falls."""

    volts: tuple[float, float, float]
    amps: tuple[float, float, float]
    power_kw: float
    power_factor: float
    frequency_hz: float
    energy_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FanState:
    """The treatment fan's drive."""

    speed_hz: float
    power_kw: float
    current_a: float
    suction_pa: float
    energy_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RtoState:
    """The oxidiser's controller: temperatures, the gas valve, and what is on."""

    chamber_c: float
    inlet_c: float
    outlet_c: float
    valve_percent: float
    burner_on: bool
    bypass_open: bool
    fan_running: bool
    door_closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BoilerState:
    """What the boiler's control system shows."""

    load_percent: float
    steam_th: float
    steam_mpa: float
    steam_c: float
    feed_water_th: float
    furnace_pa: float
    steam_total_t: float
    burner_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """The stack analyzer. `dust_mg` is ``None`` while its probe is being purged: there is no reading then."""

    so2_mg: float
    nox_mg: float
    o2_percent: float
    dust_mg: float | None
    gas_c: float
    pressure_pa: float
    flow_m3h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyState:
    """What comes in from the grid. Phases carry equal shares of the power; `energy_kwh` never falls."""

    volts: tuple[float, float, float]
    amps: tuple[float, float, float]
    power_kw: float
    reactive_kvar: float
    power_factor: float
    frequency_hz: float
    energy_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterState:
    """The scrubber's circulating water, dosed with lye against the acid it takes up."""

    ph: float
    celsius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantState:
    """Everything at one moment."""

    press: PressState
    fan: FanState
    rto: RtoState
    boiler: BoilerState
    stack: StackState
    supply: SupplyState
    water: WaterState


@dataclass(frozen=True, slots=True)
class Plant:
    """The plant as a function of time; `seed` decides its noise and nothing else."""

    seed: int = 1
    fan: Cycle = FAN
    boiler: Cycle = BOILER
    steam: Cycle = STEAM
    press_kwh: float = field(default=182_340.0)
    fan_kwh: float = field(default=64_215.0)
    steam_t: float = field(default=912_400.0)
    house_kwh: float = field(default=121_730.0)

    def at(self, t: float) -> PlantState:
        """Return the state `t` seconds after the start of the shift."""
        press, fan = self._press(t), self._fan(t)
        return PlantState(
            press=press,
            fan=fan,
            rto=self._rto(t),
            boiler=self._boiler(t),
            stack=self._stack(t),
            supply=self._supply(t, press, fan),
            water=self._water(t),
        )

    def _press(self, t: float) -> PressState:
        power = PRESS_RATED_KW * PRESS.at(t)
        factor = 0.72 + 0.20 * PRESS.at(t)
        volts = tuple(230.0 + 1.5 * wave(t, 70, phase / 3) + 0.4 * noise(self.seed, phase, t) for phase in range(3))
        shares = (0.335, 0.328, 0.337)
        amps = tuple(power * 1000 * share / (v * factor) for share, v in zip(shares, volts, strict=True))
        return PressState(
            volts=(volts[0], volts[1], volts[2]),
            amps=(amps[0], amps[1], amps[2]),
            power_kw=power,
            power_factor=factor,
            frequency_hz=50.0 + 0.03 * wave(t, 47) + 0.01 * noise(self.seed, 3, t),
            energy_kwh=self.press_kwh + PRESS_RATED_KW * PRESS.total(t) / 3600,
        )

    def _fan(self, t: float) -> FanState:
        share = self.fan.at(t)
        power = FAN_RATED_KW * share
        speed = share ** (1 / 3)
        return FanState(
            speed_hz=50.0 * speed,
            power_kw=power,
            current_a=power * 1000 / (3**0.5 * 400 * FAN_POWER_FACTOR),
            suction_pa=-1450.0 * speed**2 + 12 * noise(self.seed, 4, t),
            energy_kwh=self.fan_kwh + FAN_RATED_KW * self.fan.total(t) / 3600,
        )

    def _rto(self, t: float) -> RtoState:
        fumes = FUMES.at(t)
        chamber = 790.0 + 70.0 * fumes + 1.5 * noise(self.seed, 5, t)
        return RtoState(
            chamber_c=chamber,
            inlet_c=48.0 + 22.0 * fumes + 0.4 * noise(self.seed, 6, t),
            outlet_c=92.0 + 34.0 * fumes + 0.4 * noise(self.seed, 7, t),
            valve_percent=max(0.0, 62.0 - 55.0 * fumes),
            burner_on=fumes < _SELF_SUSTAINING,
            bypass_open=False,
            fan_running=True,
            door_closed=True,
        )

    def _boiler(self, t: float) -> BoilerState:
        steam = self.steam.at(t)
        flow = BOILER_RATED_TH * steam / 100
        return BoilerState(
            load_percent=self.boiler.at(t) + 0.5 * noise(self.seed, 8, t),
            steam_th=flow,
            steam_mpa=3.82 + 0.04 * wave(t, 31) - 0.0015 * (steam - self.boiler.mean),
            steam_c=448.0 + 2.0 * wave(t, 53) + 0.5 * noise(self.seed, 9, t),
            feed_water_th=flow * 1.03,
            furnace_pa=-45.0 + 8.0 * noise(self.seed, 10, t),
            steam_total_t=self.steam_t + BOILER_RATED_TH * self.steam.total(t) / 100 / 3600,
            burner_count=4 if self.boiler.wanted(t) > self.boiler.mean else 3,
        )

    def _stack(self, t: float) -> StackState:
        load = self.steam.at(t) / 100
        purging = t % _PURGE_EVERY_S > _PURGE_EVERY_S - _PURGE_FOR_S
        return StackState(
            so2_mg=8.0 + 14.0 * load + 0.9 * noise(self.seed, 11, t, 0.5),
            nox_mg=18.0 + 22.0 * load + 1.2 * noise(self.seed, 12, t, 0.5),
            o2_percent=11.2 - 4.6 * load + 0.08 * noise(self.seed, 13, t, 0.5),
            dust_mg=None if purging else 1.6 + 2.4 * load + 0.3 * noise(self.seed, 14, t, 0.5),
            gas_c=96.0 + 31.0 * load + 0.5 * noise(self.seed, 15, t, 0.5),
            pressure_pa=-180.0 - 60.0 * load + 5.0 * noise(self.seed, 16, t, 0.5),
            flow_m3h=21_000.0 + 38_000.0 * load + 150.0 * noise(self.seed, 17, t, 0.5),
        )

    def _supply(self, t: float, press: PressState, fan: FanState) -> SupplyState:
        loads = (
            (press.power_kw, press.power_factor),
            (fan.power_kw, FAN_POWER_FACTOR),
            (HOUSE_KW, HOUSE_POWER_FACTOR),
        )
        power = sum(kw for kw, _ in loads)
        reactive = sum(kw * math.tan(math.acos(factor)) for kw, factor in loads)
        apparent = math.hypot(power, reactive)
        first, second, third = (apparent * 1000 / 3 / volts for volts in press.volts)
        return SupplyState(
            volts=press.volts,
            amps=(first, second, third),
            power_kw=power,
            reactive_kvar=reactive,
            power_factor=power / apparent,
            frequency_hz=press.frequency_hz,
            energy_kwh=press.energy_kwh + fan.energy_kwh + self.house_kwh + HOUSE_KW * t / 3600,
        )

    def _water(self, t: float) -> WaterState:
        """Fumes make the water sour and warm; dosing brings it back."""
        fumes = FUMES.at(t)
        return WaterState(
            ph=8.1 - 1.2 * fumes + 0.02 * noise(self.seed, 18, t, 0.5),
            celsius=27.0 + 6.0 * fumes + 0.05 * noise(self.seed, 19, t, 0.5),
        )


_SHIFT = Cycle((*BOILER.steps, (45.0, 91.0), (45.0, 76.0), (45.0, 86.0)), BOILER.lag_s)
EVENTFUL = Plant(
    fan=Cycle(((13.0, 0.636), (9.5, 0.0), *((20.0, 0.779), (19.375, 0.636)) * 4), lag_s=1.0),
    boiler=_SHIFT,
    steam=Cycle(_SHIFT.steps, STEAM.lag_s),
)
"""The plant of the demo. Every three minutes its boiler swings over the limit once, and somebody switches the fan off
for 9.5 s while the press goes on."""
