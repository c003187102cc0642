"""A small site for tests: one boiler with a load, a stack value, a text and a bit."""

from __future__ import annotations

from typing import Any

from config.site import Device, Limit, PointInfo, Report, Text
from drivers.reading import Scan, Value
from drivers.spec import DeviceSpec, PointSpec, Table

SECOND = 1_000_000_000

POINTS = (
    ("load", "float32", 1, "%", Text("锅炉负荷", "Boiler load")),
    ("so2", "uint16", None, "mg/m3", Text("二氧化硫", "SO2")),
    ("model", "string:4", None, "", Text("型号", "Model")),
    ("burner", "bit:0", None, "", Text("燃烧器", "Burner")),
)
SLOW = ("so2", "model")
"""Points that are read less often where the boiler has a `slow_s`."""


def boiler(
    *,
    report: str = "period",
    period_s: float = 60.0,
    poll_s: float = 1.0,
    name: str = "boiler",
    slow_s: float | None = None,
) -> Device:
    """Return the boiler's device; with `slow_s` its stack value and its text are slow points."""
    points = tuple(
        PointSpec(name=name, table=Table.HOLDING, at=10 * at, type=kind, decimals=decimals, unit=unit)
        for at, (name, kind, decimals, unit, _) in enumerate(POINTS)
    )
    info = tuple(
        PointInfo(name=name, unit=unit, label=label, code=None, is_slow=name in SLOW)
        for name, _, _, unit, label in POINTS
    )
    spec = DeviceSpec(name=name, bus="dcs", protocol="modbus", address=1, timeout_s=0.5, points=points)
    how = Report(kind=report, period_s=period_s)  # type: ignore[arg-type]
    return Device(spec=spec, label=Text("锅炉", "Boiler"), poll_s=poll_s, report=how, info=info, slow_s=slow_s)


def limit(**members: Any) -> Limit:
    """Return a limit on boiler.load without dead band and delays; give the levels."""
    plain: dict[str, Any] = {"device": "boiler", "point": "load", "priority": "medium", "deadband": 0.0}
    plain |= {"high_high": None, "high": None, "low": None, "low_low": None, "on_delay_s": 0.0, "off_delay_s": 0.0}
    return Limit(**(plain | members))


def scan(
    at_s: float,
    load: Value,
    so2: Value = 20,
    flags: str | None = None,
    fault: str | None = None,
    rest: tuple[Value, Value] = ("DZL4", True),
) -> Scan:
    """Return a scan of the boiler at `at_s` since boot; the flag of a missing number is B unless `flags` are given."""
    values = (load, so2, *rest)
    found = flags or "".join("B" if value is None else "N" for value in values)
    return Scan("boiler", 0, round(at_s * SECOND), values, found, fault)
