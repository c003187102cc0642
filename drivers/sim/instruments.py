"""The instruments of the plant and their register maps: where each quantity lies, in which type and order.

The maps are as mixed as on a real site: a meter with big-endian floats in input registers (the addresses of an
Eastron SDM630), a drive that sends the low word first and has a hole in its map, a controller with switches and
status bits, a control system with every width, and an analyzer with scaled integers and a sentinel for "no reading".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from drivers.sim.image import Image, bcd, block, pack, switches, text
from drivers.sim.plant import FAN_POWER_FACTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drivers.reading import Clock
    from drivers.sim.plant import BoilerState, FanState, Plant, PlantState, PressState, RtoState, StackState

NO_READING = 0x7FFF
"""What the analyzer sends in place of a value it does not have."""
_FRESH_NS = 20_000_000
"""An instrument refreshes its registers this often at most."""


class Unit(Protocol):
    """One unit id on the wire."""

    def image(self, clock: Clock) -> Image:
        """Return what the registers hold at this moment."""


@dataclass(slots=True)
class Instrument:
    """A unit of the plant: its map drawn from the plant's state, refreshed at most every 20 ms."""

    plant: Plant
    draw: Callable[[PlantState], Image]
    _born_ns: int | None = None
    _drawn_ns: int = 0
    _image: Image | None = None

    def image(self, clock: Clock) -> Image:
        """Return the registers now; the plant's time starts with the first request or `start`."""
        now = clock.mono_ns()
        born = self.start(now)
        if self._image is None or now - self._drawn_ns >= _FRESH_NS:
            self._image, self._drawn_ns = self.draw(self.plant.at((now - born) / 1e9)), now
        return self._image

    def start(self, now_ns: int) -> int:
        """Begin the plant's time at `now_ns` unless it has begun; return when it began."""
        if self._born_ns is None:
            self._born_ns = now_ns
        return self._born_ns


def press_meter(press: PressState) -> Image:
    """Draw an Eastron SDM630: float32 ABCD in input registers; W, VA, var and kWh. Holding 10: three-phase, four wires.

    The total at 156h adds import and export; the press exports nothing.
    """
    factor, energy = press.power_factor, press.energy_kwh
    angle = math.acos(factor)
    watts = [volts * amps * factor for volts, amps in zip(press.volts, press.amps, strict=True)]
    per_phase = (
        *press.volts,
        *press.amps,
        *watts,
        *(watt / factor for watt in watts),
        *(watt * math.tan(angle) for watt in watts),
        *(factor,) * 3,
        *(math.degrees(angle),) * 3,
    )
    total = press.power_kw * 1000
    fields = [
        *((2 * place, value) for place, value in enumerate(per_phase)),
        (0x2A, sum(press.volts) / 3),
        (0x2E, sum(press.amps) / 3),
        (0x30, sum(press.amps)),
        (0x34, total),
        (0x38, total / factor),
        (0x3C, total * math.tan(angle)),
        (0x3E, factor),
        (0x42, math.degrees(angle)),
        (0x46, press.frequency_hz),
        (0x48, energy),
    ]
    measured = block(0, 80, [(address, pack("f", value)) for address, value in fields])
    sums = block(0x156, 4, [(0x156, pack("f", energy))])
    return Image({"input": (measured, sums), "holding": (block(10, 2, [(10, pack("f", 3.0))]),)})


def fan_meter(state: PlantState) -> Image:
    """Draw a Chint DTSU666 at the fan: floats in holding registers that hold scaled integers (2300.0 is 230.0 V)."""
    volts, kilowatts = state.press.volts, state.fan.power_kw
    amps = [kilowatts * 1000 / 3 / phase / FAN_POWER_FACTOR for phase in volts]
    tangent = math.tan(math.acos(FAN_POWER_FACTOR))
    powers = (kilowatts * 1000, *(kilowatts * 1000 / 3,) * 3)
    fields = [
        *enumerate(10 * 3**0.5 * phase for phase in volts),
        *enumerate((10 * phase for phase in volts), 3),
        *enumerate((1000 * phase for phase in amps), 6),
        *enumerate((10 * watts for watts in powers), 9),
        *enumerate((10 * watts * tangent for watts in powers), 13),
        *enumerate((1000 * FAN_POWER_FACTOR,) * 4, 21),
        (34, 100 * state.press.frequency_hz),
    ]
    measured = block(0x2000, 0x50, [(0x2000 + 2 * place, pack("f", round(value))) for place, value in fields])
    thirds = [(0x1020 + 2 * phase, pack("f", state.fan.energy_kwh / 3)) for phase in range(3)]
    energies = block(0x101E, 20, [(0x101E, pack("f", state.fan.energy_kwh)), *thirds])
    return Image({"holding": (energies, measured)})


def fan_drive(fan: FanState) -> Image:
    """Draw a drive that sends the low word first (CDAB). Registers 6 and 7 do not exist: a read across them fails."""
    left = block(0, 6, [(0, pack("f", fan.speed_hz, "CDAB")), (2, pack("f", fan.power_kw, "CDAB")), (4, _amps(fan))])
    right = block(8, 4, [(8, pack("I", round(fan.energy_kwh * 100), "CDAB")), (10, pack("h", round(fan.suction_pa)))])
    return Image({"holding": (left, right)})


def _amps(fan: FanState) -> bytes:
    return pack("f", fan.current_a, "CDAB")


def rto_controller(rto: RtoState) -> Image:
    """Draw a small PLC: switches as discrete inputs, tenths of a degree as int16, and a status word of bits."""
    status = rto.burner_on << 0 | rto.fan_running << 3 | rto.bypass_open << 5 | rto.door_closed << 8
    temperatures = [pack("h", round(10 * celsius)) for celsius in (rto.chamber_c, rto.inlet_c, rto.outlet_c)]
    fields = [*enumerate(temperatures), (3, pack("H", round(2 * rto.valve_percent))), (4, pack("H", status))]
    states = (rto.burner_on, rto.fan_running, rto.bypass_open, rto.door_closed)
    return Image(
        {"discrete": (switches(0, states),), "coil": (switches(0, states),), "holding": (block(0, 5, fields),)}
    )


def boiler_dcs(boiler: BoilerState) -> Image:
    """Draw a control system: floats, a float64 counter, a BCD count and its own name as text."""
    fields = [
        (100, pack("f", boiler.load_percent * 10)),
        (102, pack("f", boiler.steam_th)),
        (104, pack("f", boiler.steam_mpa)),
        (106, pack("f", boiler.steam_c)),
        (108, pack("f", boiler.feed_water_th)),
        (110, pack("f", boiler.furnace_pa)),
        (112, pack("d", boiler.steam_total_t)),
        (116, bcd(boiler.burner_count)),
        (117, text(6, "BLR-35T/3.82")),
    ]
    return Image({"holding": (block(100, 23, fields),)})


def stack_analyzer(stack: StackState) -> Image:
    """Draw an analyzer: scaled int16, 0x7FFF where there is no reading, and a flow with all bytes reversed."""
    scaled = (
        stack.so2_mg * 10,
        stack.nox_mg * 10,
        stack.o2_percent * 100,
        None if stack.dust_mg is None else stack.dust_mg * 100,
        stack.gas_c * 10,
        stack.pressure_pa,
    )
    words = [pack("H", NO_READING) if value is None else pack("h", round(value)) for value in scaled]
    flow = (6, pack("f", stack.flow_m3h, "DCBA"))
    return Image({"input": (block(0, 8, [*enumerate(words), flow]),)})


def plant_units(plant: Plant) -> dict[str, dict[int, Instrument]]:
    """Return the plant's instruments: per line name, the unit ids on it."""
    return {
        "line1": {
            3: Instrument(plant, lambda state: press_meter(state.press)),
            4: Instrument(plant, lambda state: fan_drive(state.fan)),
            5: Instrument(plant, lambda state: rto_controller(state.rto)),
        },
        "dcs": {1: Instrument(plant, lambda state: boiler_dcs(state.boiler))},
        "stack": {1: Instrument(plant, lambda state: stack_analyzer(state.stack))},
    }


class Ramp:
    """A unit for load tests: `points` float32 values in input registers from 0 (holding registers hold the same).

    All values change with every request. Behind them lie two stamps of the moment of answering, four registers each:
    the wall clock in milliseconds at ``2 * points``, and the monotonic clock in microseconds at ``2 * points + 4``
    (one clock for all processes of a machine), both uint64.
    """

    def __init__(self, points: int, seed: int = 0) -> None:
        """Prepare the values of a few rounds beforehand, so that answering costs little."""
        self._rounds = tuple(b"".join(self._values(points, seed, round_)) for round_ in range(16))
        self._next = seed

    @staticmethod
    def _values(points: int, seed: int, round_: int) -> Iterator[bytes]:
        for point in range(points):
            yield pack("f", (seed % 100) * 100 + point + round_ / 16)

    def image(self, clock: Clock) -> Image:
        """Return the next round of values, stamped."""
        self._next = (self._next + 1) % len(self._rounds)
        stamps = pack("Q", clock.wall_ms()) + pack("Q", clock.mono_ns() // 1000)
        blocks = ((0, self._rounds[self._next] + stamps),)
        return Image({"input": blocks, "holding": blocks})
