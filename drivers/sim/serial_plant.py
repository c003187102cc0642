"""The plant's serial lines: which instruments hang on which pair of wires, with which settings, and what they say.

======= ======================================================================= ========
line    who is on it                                                            settings
======= ======================================================================= ========
rs485   3 press meter (Eastron SDM630), 4 fan meter (Chint DTSU666),            9600 8N1
        5 oxidiser controller, all Modbus RTU
        202600000417 supply meter, DL/T 645-2007, behind transformers 200 A/5 A 2400 8E1
station a station at the stack that speaks HJ 212-2017 by itself                9600 8N1
ph      a probe that sends a line of text every second, with a checksum         9600 8N1
dust    a dust meter that sends a line of text every second, without            9600 8N1
======= ======================================================================= ========
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.sim.dlt645_meter import Items, Meter, bcd
from drivers.sim.hj212_station import Factor, Station, beijing
from drivers.sim.instruments import Instrument, Ramp, fan_meter, press_meter, rto_controller
from drivers.sim.serial_units import LineUnit, ModbusSlave
from drivers.sim.text_probe import LineFormat, Probe
from drivers.sim.wire import AsciiFraming, RtuFraming

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.reading import Clock
    from drivers.sim.plant import Plant, PlantState, StackState, SupplyState, WaterState
    from drivers.sim.uart import Uart

SUPPLY_METER = "202600000417"
SUPPLY_CT = 40
"""The transformers of the supply: 200 A on the line are 5 A in the meter, which tells the 5 A."""
STATION_MN = "010000A8900016F000169DC0"
PROBE = "scrubber-ph"
PROBE_FORMAT = LineFormat(start=b"$", checksum="xor", separator=b"*")
DUST_METER = "stack-dust"
DUST_FORMAT = LineFormat(start=b"D ")
"""The format of the model generic-ascii-dust in the device library."""
_REFERENCE_O2 = 9.0
_AIR_O2 = 21.0
_METER_DELAY_S = 0.03
"""What a DL/T 645 meter takes to answer; meters on real lines are slower still."""


def plant_lines(plant: Plant, born_ns: int) -> dict[str, tuple[LineUnit, ...]]:
    """Return the plant's serial lines; its shift began at `born_ns` (monotonic)."""

    def now(clock: Clock) -> PlantState:
        return plant.at((clock.mono_ns() - born_ns) / 1e9)

    slaves = [
        ModbusSlave(3, Instrument(plant, lambda state: press_meter(state.press), born_ns), RtuFraming()),
        ModbusSlave(4, Instrument(plant, fan_meter, born_ns), RtuFraming()),
        ModbusSlave(5, Instrument(plant, lambda state: rto_controller(state.rto), born_ns), RtuFraming()),
    ]
    supply = Meter(
        SUPPLY_METER, lambda clock: supply_items(now(clock).supply, clock.wall_ms()), delay_s=_METER_DELAY_S, wake=4
    )
    return {
        "rs485": (*slaves, supply),
        "station": (Station(STATION_MN, lambda clock: stack_factors(now(clock).stack), flag=5),),
        "ph": (Probe(PROBE, lambda clock, blind: probe_text(now(clock).water, blind=blind), PROBE_FORMAT),),
        "dust": (Probe(DUST_METER, lambda clock, blind: dust_text(now(clock).stack, blind=blind), DUST_FORMAT),),
    }


def supply_items(supply: SupplyState, wall_ms: int, address: str = SUPPLY_METER) -> Items:
    """Return what a three-phase meter of 2007 tells about the supply: secondary values, behind the transformers."""
    kilowatts, kilovars = supply.power_kw / SUPPLY_CT, supply.reactive_kvar / SUPPLY_CT
    energy = bcd("XXXXXX.XX", supply.energy_kwh / SUPPLY_CT)
    none = bcd("XXXXXX.XX", 0)
    return {
        "00000000": energy,
        **_with_block("0001{:02X}00", range(5), [energy, none, energy, none, none]),
        "00020000": none,
        "00030000": none,
        "00040000": none,
        **_with_block("0201{:02X}00", range(1, 4), [bcd("XXX.X", volts) for volts in supply.volts]),
        **_with_block("0202{:02X}00", range(1, 4), [bcd("XXX.XXX", a / SUPPLY_CT, signed=True) for a in supply.amps]),
        **_with_block("0203{:02X}00", range(4), _shares(kilowatts)),
        **_with_block("0204{:02X}00", range(4), _shares(kilovars)),
        **_with_block("0205{:02X}00", range(4), _shares(kilowatts / supply.power_factor)),
        **_with_block("0206{:02X}00", range(4), [bcd("X.XXX", supply.power_factor, signed=True)] * 4),
        "02800001": bcd("XXX.XXX", 0.0, signed=True),
        "02800002": bcd("XX.XX", supply.frequency_hz),
        "02800004": bcd("XX.XXXX", kilowatts, signed=True),
        "04000101": _backwards(beijing(wall_ms, "%y%m%d0%w")),
        "04000102": _backwards(beijing(wall_ms, "%H%M%S")),
        "04000401": _backwards(address),
        "04000402": _backwards(address),
        **_with_block("040005{:02X}", range(1, 8), [bytes(2)] * 7),
    }


def house_items_1997(supply: SupplyState, wall_ms: int, address: str) -> Items:
    """Return what an older meter (edition 1997) tells: volts have no decimals there."""
    energy = bcd("XXXXXX.XX", supply.energy_kwh / SUPPLY_CT)
    return {
        "9010": energy,
        "9020": bcd("XXXXXX.XX", 0),
        **_with_block("B61{:X}", range(1, 4), [bcd("XXX", volts) for volts in supply.volts]),
        **_with_block("B62{:X}", range(1, 4), [bcd("XX.XX", amps / SUPPLY_CT) for amps in supply.amps]),
        **_with_block("B63{:X}", range(4), _shares(supply.power_kw / SUPPLY_CT)),
        "C010": _backwards(beijing(wall_ms, "%y%m%d0%w")),
        "C011": _backwards(beijing(wall_ms, "%H%M%S")),
        "C032": _backwards(address),
    }


def _shares(total: float) -> list[bytes]:
    return [bcd("XX.XXXX", value, signed=True) for value in (total, total / 3, total / 3, total / 3)]


def _with_block(identifier: str, places: range, values: list[bytes]) -> Items:
    """Return the items one by one, and all of them under the identifier with FF (or F) in that place."""
    whole = identifier.format(0xFF if "02X" in identifier else 0xF)
    return {
        **{identifier.format(place): value for place, value in zip(places, values, strict=True)},
        whole: b"".join(values),
    }


def _backwards(digits: str) -> bytes:
    return bytes.fromhex(digits)[::-1]


def stack_factors(stack: StackState) -> list[Factor]:
    """Return what the station measures; while the dust probe is purged it sends 0 and flag M, as some do."""
    to_reference = (_AIR_O2 - _REFERENCE_O2) / (_AIR_O2 - stack.o2_percent)
    dust = 0.0 if stack.dust_mg is None else stack.dust_mg
    dust_flag = "M" if stack.dust_mg is None else "N"
    return [
        Factor("a21026", stack.so2_mg, converted=stack.so2_mg * to_reference),
        Factor("a21002", stack.nox_mg, converted=stack.nox_mg * to_reference),
        Factor("a34013", dust, dust_flag, converted=dust * to_reference),
        Factor("a19001", stack.o2_percent),
        Factor("a01012", stack.gas_c, decimals=1),
        Factor("a01013", stack.pressure_pa / 1000, decimals=3),
        Factor("a00000", stack.flow_m3h / 3600),
    ]


def probe_text(water: WaterState, *, blind: bool = False) -> str:
    """Return the probe's line: pH, temperature, and how it is."""
    return "PH,----,----,FAIL" if blind else f"PH,{water.ph:.2f},{water.celsius:.1f},OK"


def dust_text(stack: StackState, *, blind: bool = False) -> str:
    """Return the dust meter's line: no value while its probe is purged, or when it is broken."""
    if blind or stack.dust_mg is None:
        return f"--- mg/m3 T {stack.gas_c:.1f} C {'FAIL' if blind else 'MAINT'}"
    return f"{stack.dust_mg:.2f} mg/m3 T {stack.gas_c:.1f} C OK"


def meters_line(protocol: str, count: int, uart: Uart, points: int = 16) -> tuple[LineUnit, ...]:
    """Return a line of `count` equal meters for load tests: "rtu", "ascii" or "dlt645".

    Modbus units are 1..count (`drivers.sim.instruments.Ramp`); DL/T 645 meters are 000000000001 and so on, each with
    energy, three voltages, three currents and four powers (the blocks 0001FF00, 0201FF00, 0202FF00, 0203FF00).
    """
    if protocol == "dlt645":
        return tuple(Meter(f"{number:012d}", _counting(number), uart) for number in range(1, count + 1))
    framing = AsciiFraming() if protocol == "ascii" else RtuFraming()
    return tuple(ModbusSlave(number, Ramp(points, number), framing, uart) for number in range(1, count + 1))


def _counting(number: int) -> Callable[[Clock], Items]:
    """Return a meter whose values change with time and name its number."""

    def measure(clock: Clock) -> Items:
        tick = clock.mono_ns() // 100_000_000 % 1000
        energy = bcd("XXXXXX.XX", number * 1000 + tick / 100)
        return {
            **_with_block("0001{:02X}00", range(5), [energy] * 5),
            **_with_block("0201{:02X}00", range(1, 4), [bcd("XXX.X", 220 + tick / 100)] * 3),
            **_with_block("0202{:02X}00", range(1, 4), [bcd("XXX.XXX", tick / 100, signed=True)] * 3),
            **_with_block("0203{:02X}00", range(4), [bcd("XX.XXXX", tick / 100, signed=True)] * 4),
            "00000000": energy,
            "04000401": _backwards(f"{number:012d}"),
        }

    return measure
