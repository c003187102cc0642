"""Sites for tests of places, bindings and the judge: what an installer would have written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.load import load

if TYPE_CHECKING:
    from pathlib import Path

    from config.site import Site

_HEAD = """
[gateway]
id = "jn-0417"
name = {{ zh = "一号车间", en = "Workshop 1" }}
timezone = "Asia/Shanghai"
language = "zh"
state_dir = "{folder}"

[[bus]]
name = "line1"
type = "tcp"
host = "127.0.0.1"
port = 502
"""

TWO_METERS = """
[[device]]
name = "press-meter"
bus = "line1"
protocol = "modbus"
address = 3
model = "eastron-sdm630"
poll = "1s"
report = "60s"

[[device]]
name = "fan-meter"
bus = "line1"
protocol = "modbus"
address = 4
model = "eastron-sdm630"
poll = "1s"
report = "60s"

[[facility]]
name = "press-1"
role = "production"
power = "press-meter.power"
rated = 45.0

[[facility]]
name = "fan-1"
role = "treatment"
power = "fan-meter.power"
rated = 30.0

[[line]]
name = "paint"
production = ["press-1"]
treatment = ["fan-1"]
"""
"""The least that the design promises twenty rules for: two facilities and a line."""

RUN_UP = 'on_hold = "0s"\noff_hold = "0s"\n'

WORKS = (
    """
[[device]]
name = "press"
bus = "line1"
protocol = "modbus"
address = 1
poll = "1s"
report = "60s"

  [[device.point]]
  name = "power"
  register = "input"
  at = 0
  type = "float32"
  unit = "W"

  [[device.point]]
  name = "energy_import"
  register = "input"
  at = 2
  type = "float32"
  unit = "Wh"

  [[device.point]]
  name = "voltage_a"
  register = "input"
  at = 4
  type = "float32"
  unit = "V"

[[device]]
name = "dcs"
bus = "line1"
protocol = "modbus"
address = 2
poll = "1s"
report = "60s"

  [[device.point]]
  name = "fan_runs"
  register = "coil"
  at = 0
  type = "bool"

  [[device.point]]
  name = "pump_runs"
  register = "coil"
  at = 1
  type = "bool"

  [[device.point]]
  name = "load"
  register = "input"
  at = 0
  type = "float32"
  unit = "%"

[[device]]
name = "cems"
bus = "line1"
protocol = "modbus"
address = 9
poll = "1s"
report = "60s"

  [[device.point]]
  name = "so2"
  register = "input"
  at = 0
  type = "float32"
  unit = "mg/m3"

  [[device.point]]
  name = "oxygen"
  register = "input"
  at = 2
  type = "float32"
  unit = "%"

  [[device.point]]
  name = "wet_flow"
  code = "a00000"
  register = "input"
  at = 4
  type = "float32"
  unit = "m3/h"

  [[device.point]]
  name = "pressure"
  register = "input"
  at = 6
  type = "float32"
  unit = "Pa"

[[facility]]
name = "press-1"
role = "production"
power = "press.power"
rated = 45.0
"""
    + RUN_UP
    + """
[[facility]]
name = "fan-1"
role = "treatment"
type = "fan"
running = "dcs.fan_runs"
"""
    + RUN_UP
    + """
[[facility]]
name = "pump-1"
role = "treatment"
type = "pump"
running = "dcs.pump_runs"
"""
    + RUN_UP
    + """
[[line]]
name = "paint"
production = ["press-1"]
treatment = ["fan-1", "pump-1"]
outlet = "stack-1"

[[outlet]]
name = "stack-1"
medium = "air"
o2 = "cems.oxygen"
reference_o2 = 9.0

  [[outlet.factor]]
  code = "a21026"
  point = "cems.so2"
  limit = 35.0
  range = [0.0, 300.0]
"""
)
"""A press with a meter in watts, a fan and a pump told by a control system, and a stack."""


def site(folder: Path, text: str = WORKS) -> Site:
    """Return the site of a text."""
    path = folder / "site.toml"
    path.write_text(_HEAD.format(folder=folder / "state") + text, encoding="utf-8")
    return load(path)
