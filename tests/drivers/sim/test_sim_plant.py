"""The simulated plant is believable: quantities hold together the way an inspector would check them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sim.image import Image
from drivers.sim.instruments import NO_READING, boiler_dcs, fan_drive, plant_units, press_meter, stack_analyzer
from drivers.sim.physics import Cycle, noise
from drivers.sim.plant import BOILER, FAN, FAN_RATED_KW, PRESS, PRESS_RATED_KW, Plant

PLANT = Plant(seed=7)
moments = st.floats(min_value=0, max_value=10 * 86_400, allow_nan=False)


@given(moments)
def test_same_seed_same_plant(t: float) -> None:
    """The same seed and moment give the same state, in any order of asking."""
    assert PLANT.at(t) == Plant(seed=7).at(t)


def test_another_seed_another_noise() -> None:
    """The seed decides the noise and leaves the machines alone."""
    one, two = Plant(seed=1).at(33.3), Plant(seed=2).at(33.3)

    assert one.stack.so2_mg != two.stack.so2_mg
    assert one.press.power_kw == two.press.power_kw


@given(moments)
def test_power_is_the_sum_of_its_phases(t: float) -> None:
    """Volts times amperes times power factor over three phases is the power."""
    press = PLANT.at(t).press

    apparent = sum(v * a for v, a in zip(press.volts, press.amps, strict=True))

    assert apparent * press.power_factor / 1000 == pytest.approx(press.power_kw)


@pytest.mark.parametrize(
    ("name", "cycle", "rated"), [("press", PRESS, PRESS_RATED_KW), ("fan", FAN, FAN_RATED_KW)], ids=["press", "fan"]
)
def test_energy_is_the_integral_of_power(name: str, cycle: Cycle, rated: float) -> None:
    """Summing small slices of power gives the same kilowatt-hours as the counter."""
    step = 0.01
    summed = sum(rated * cycle.at((n + 0.5) * step) * step for n in range(9_000)) / 3600
    counted = getattr(PLANT.at(90.0), name).energy_kwh - getattr(PLANT.at(0.0), name).energy_kwh

    assert counted == pytest.approx(summed, rel=1e-3)


@given(moments, st.floats(min_value=0.001, max_value=3600))
def test_counters_never_fall(t: float, later: float) -> None:
    """Energy and steam counters only rise."""
    before, after = PLANT.at(t), PLANT.at(t + later)

    assert after.press.energy_kwh > before.press.energy_kwh
    assert after.fan.energy_kwh > before.fan.energy_kwh
    assert after.boiler.steam_total_t > before.boiler.steam_total_t


@given(moments)
def test_fan_power_is_the_cube_of_its_speed(t: float) -> None:
    """The fan obeys the affinity law."""
    fan = PLANT.at(t).fan

    assert fan.power_kw == pytest.approx(FAN_RATED_KW * (fan.speed_hz / 50) ** 3)


def test_press_cycles_between_idle_and_load() -> None:
    """The press goes through its strokes: well under a third and well over four fifths of rated power."""
    powers = [PLANT.at(n / 10).press.power_kw / PRESS_RATED_KW for n in range(200)]

    assert min(powers) < 0.25
    assert max(powers) > 0.85


def test_oxidiser_lags_behind_the_press() -> None:
    """The chamber is hottest some seconds after the press works hardest, and moves less than the press does."""
    times = [n / 10 for n in range(200)]
    hottest = max(times, key=lambda t: PLANT.at(t).rto.chamber_c)
    hardest = max(times, key=lambda t: PLANT.at(t).press.power_kw)

    assert 1.0 < (hottest - hardest) % PRESS.period_s < 15.0


def test_more_load_means_more_gas_and_less_oxygen() -> None:
    """With the boiler at its swing the stack carries more SO2, NOx and flow, hotter, with less oxygen."""
    calm, swing = PLANT.at(4.5), PLANT.at(10.8)

    assert swing.boiler.load_percent > calm.boiler.load_percent + 20
    assert swing.stack.so2_mg > calm.stack.so2_mg
    assert swing.stack.nox_mg > calm.stack.nox_mg
    assert swing.stack.flow_m3h > calm.stack.flow_m3h
    assert swing.stack.gas_c > calm.stack.gas_c
    assert swing.stack.o2_percent < calm.stack.o2_percent


def test_boiler_passes_its_limit_early_and_comes_back() -> None:
    """Within the first eight seconds the load is over 100 %, and at fifteen it is well under it again."""
    assert max(PLANT.at(n / 10).boiler.load_percent for n in range(80)) > 103
    assert all(PLANT.at(15 + n / 10).boiler.load_percent < 95 for n in range(300))
    assert BOILER.period_s == 45


@given(st.integers(0, 30), moments)
def test_noise_is_bounded(channel: int, t: float) -> None:
    """Noise stays within one, whatever the channel and moment."""
    assert -1.0 <= noise(3, channel, t) < 1.0


def test_press_meter_map() -> None:
    """The meter shows watts at 52 as a big-endian float, and has no register 80."""
    press = PLANT.at(8.0).press
    image = press_meter(press)

    assert image.words("input", 52, 2) == struct.pack(">f", press.power_kw * 1000)
    assert image.words("input", 79, 2) is None
    assert image.words("holding", 0, 1) is None


def test_fan_drive_has_a_hole() -> None:
    """Registers 6 and 7 of the drive do not exist: a read across them finds nothing, reads beside them do."""
    image = fan_drive(PLANT.at(8.0).fan)

    assert image.words("holding", 0, 6) is not None
    assert image.words("holding", 8, 4) is not None
    assert image.words("holding", 4, 6) is None


def test_analyzer_sends_its_sentinel_while_purging() -> None:
    """While the dust probe is purged there is no reading, and the register says so."""
    purging, measuring = stack_analyzer(PLANT.at(39.0).stack), stack_analyzer(PLANT.at(30.0).stack)

    assert purging.words("input", 3, 1) == NO_READING.to_bytes(2, "big")
    assert measuring.words("input", 3, 1) != NO_READING.to_bytes(2, "big")


def test_boiler_names_itself() -> None:
    """The control system carries its name as text and its burners as BCD."""
    image = boiler_dcs(PLANT.at(8.0).boiler)

    assert image.words("holding", 117, 6) == b"BLR-35T/3.82"
    assert image.words("holding", 116, 1) == bytes.fromhex("0004")


def test_filled_image_spares_the_bits() -> None:
    """Filling every register leaves switches as they are."""
    image = Image({"input": ((0, bytes(4)),), "coil": ((0, bytes([1, 0])),)}).filled_with(0xFFFF)

    assert image.words("input", 0, 2) == b"\xff\xff\xff\xff"
    assert image.bits("coil", 0, 2) == b"\x01\x00"


def test_plant_has_its_instruments_on_three_lines() -> None:
    """A press line of three units, a control system, an analyzer."""
    assert {line: sorted(units) for line, units in plant_units(PLANT).items()} == {
        "line1": [3, 4, 5],
        "dcs": [1],
        "stack": [1],
    }
