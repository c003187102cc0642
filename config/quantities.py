"""The quantities that ``[facility.points]`` and ``[outlet.points]`` may name, and whether each has many points.

The names are those of `agent.rules.quantity`, which `config` does not import; a test compares. Those that only a key of
its own can state (`o2`, and what belongs to a factor), and those that the agent reckons itself, are not among them.
"""

from __future__ import annotations

from typing import Final

FACILITY: Final[dict[str, bool]] = dict.fromkeys(
    (
        "power",
        "current",
        "running",
        "energy",
        "voltage_a",
        "voltage_b",
        "voltage_c",
        "current_a",
        "current_b",
        "current_c",
        "power_a",
        "power_b",
        "power_c",
        "power_factor",
        "apparent_power",
        "drive_frequency",
        "load",
        "output",
        "fault",
        "pump",
        "fan",
        "temperature",
        "ph",
        "pressure_drop",
        "feed",
        "inlet",
        "slip",
        "bypass",
        "bypass_open",
        "status_word_1",
    ),
    False,
) | dict.fromkeys(("field_voltages", "field_currents", "meter_events"), True)
"""Of a facility: name to whether it has many points."""

OUTLET: Final[dict[str, bool]] = dict.fromkeys(
    (
        "flow",
        "velocity",
        "gas_temperature",
        "gas_pressure",
        "humidity",
        "sample_line",
        "cooler",
        "instrument_state",
        "blow_back",
        "fan_power",
        "line_load",
        "cabinet",
    ),
    False,
) | {"settings": True}
"""Of an outlet: name to whether it has many points."""

SOURCES: Final = ("power", "current", "running")
"""Keys of a facility that can tell its state; one of them does."""
