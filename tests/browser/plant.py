"""The plant that is looked at: a paint shop with its exhaust treatment and stack, a weld shop, simulated meters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from buffer.history import History
from buffer.history_row import Level, Row
from tests.e2e.harness import device, point

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.e2e.harness import Meters

SPRAY, OVEN, FAN, RTO, CEMS, FEEDER, WELD, BAG = range(1, 9)
"""Unit numbers of the instruments."""
POWER: Final = 1
"""The register with a meter's power in 0.1 kW; further points come after it."""
TEMPERATURE: Final = 2
RATED: Final = {SPRAY: 45.0, OVEN: 60.0, FAN: 18.5, RTO: 30.0, WELD: 22.0, BAG: 11.0}

T1: Final = "rule.T1.paint.fan-1"
"""The alarm of a paint shop that produces while its exhaust fan stands still."""
HOT: Final = "limit.oven-1.temperature.high"
"""The alarm of an oven that is too hot."""
T1_SAYS: Final = {"zh": "1号风机 产污开治污未开", "en": "Fan 1: treatment not on"}


def _label(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def _power() -> dict[str, Any]:
    return point("power", POWER, unit="kW", scale=0.1, decimals=1, label=_label("有功功率", "Active power"))


def _meter(name: str, unit: int, zh: str, en: str, *more: dict[str, Any]) -> dict[str, Any]:
    return device(name, unit, points=[point(), _power(), *more], label=_label(zh, en), poll="300ms")


def _gas(name: str, at: int, unit: str, zh: str, en: str) -> dict[str, Any]:
    return point(name, at, unit=unit, scale=0.1, decimals=1, label=_label(zh, en))


GASES: Final = [
    _gas("so2", 1, "mg/m3", "二氧化硫", "SO2"),
    _gas("nox", 2, "mg/m3", "氮氧化物", "NOx"),
    _gas("o2", 3, "%", "含氧量", "Oxygen"),
    _gas("flow", 4, "m3/h", "烟气流量", "Flow"),
]
DEVICES: Final = [
    _meter("spray-1", SPRAY, "1号喷房电表", "Spray booth 1 meter"),
    _meter("oven-1", OVEN, "1号烘干炉", "Oven 1", _gas("temperature", TEMPERATURE, "°C", "炉温", "Temperature")),
    _meter("fan-1", FAN, "1号风机电表", "Fan 1 meter"),
    _meter("rto-1", RTO, "RTO 电表", "RTO meter", _gas("temperature", TEMPERATURE, "°C", "燃烧室温度", "Chamber")),
    device("cems", CEMS, points=[point(), *GASES], label=_label("烟气分析仪", "Stack analyzer"), poll="300ms"),
    _meter("feeder", FEEDER, "总表", "Main meter"),
    _meter("weld-1", WELD, "焊装线电表", "Weld line meter"),
    _meter("bag-1", BAG, "除尘器电表", "Dust filter meter"),
]
LIMITS: Final = [{"point": "oven-1.temperature", "high": 180.0, "deadband": 5.0, "priority": "medium"}]
GATEWAY: Final = {"name": _label("江南涂装二厂", "Jiangnan Works 2"), "timezone": "Asia/Shanghai"}


def _facility(name: str, unit: int, role: str, sort: str, zh: str, en: str) -> str:
    return (
        f'[[facility]]\nname = "{name}"\nlabel = {{ zh = "{zh}", en = "{en}" }}\nrole = "{role}"\ntype = "{sort}"\n'
        f'power = "{name}.power"\nrated = {RATED[unit]}\non_hold = "0s"\noff_hold = "0s"\n'
    )


PLANT: Final = "\n".join(
    [
        _facility("spray-1", SPRAY, "production", "spray-booth", "1号喷房", "Spray booth 1"),
        _facility("oven-1", OVEN, "production", "oven", "1号烘干炉", "Oven 1"),
        _facility("fan-1", FAN, "treatment", "fan", "1号风机", "Fan 1"),
        _facility("rto-1", RTO, "treatment", "rto", "蓄热焚烧炉", "RTO"),
        _facility("weld-1", WELD, "production", "other", "焊装线", "Weld line"),
        _facility("bag-1", BAG, "treatment", "bag", "布袋除尘器", "Dust filter"),
        """
[[facility]]
name = "main"
label = { zh = "总进线", en = "Main supply" }
role = "main"
power = "feeder.power"

[[line]]
name = "paint"
label = { zh = "涂装线", en = "Paint shop" }
production = ["spray-1", "oven-1"]
treatment = ["fan-1", "rto-1"]
outlet = "stack-1"

[[line]]
name = "weld"
label = { zh = "焊装线", en = "Weld shop" }
production = ["weld-1"]
treatment = ["bag-1"]

[[outlet]]
name = "stack-1"
label = { zh = "1号排气筒", en = "Stack 1" }
medium = "air"
o2 = "cems.o2"
reference_o2 = 9.0
points = { flow = "cems.flow" }

[[outlet.factor]]
code = "a21026"
label = { zh = "二氧化硫", en = "SO2" }
point = "cems.so2"
limit = 35.0
range = [0.0, 300.0]

[[outlet.factor]]
code = "a21002"
label = { zh = "氮氧化物", en = "NOx" }
point = "cems.nox"
limit = 50.0
range = [0.0, 500.0]

[[rule]]
id = "T1"
grace = "0s"
clear_hold = "0s"

[[rule]]
id = "T3"
enabled = false
""",
    ]
)
"""As it stands in the site file. T1 speaks at once; T3, about the moment of stopping, leaves it the word."""


def at_work(meters: Meters) -> None:
    """Let the plant run as it should."""
    usual = {
        SPRAY: [312],
        OVEN: [423, 1652],
        FAN: [149],
        RTO: [227, 7840],
        CEMS: [214, 318, 92, 9000],
        FEEDER: [1431],
        WELD: [168],
        BAG: [84],
    }
    for unit, values in usual.items():
        for number, value in enumerate(values):
            meters.set(POWER + number, value, unit)


def fan(meters: Meters, *, runs: bool) -> None:
    """Switch the exhaust fan on or off."""
    meters.set(POWER, 149 if runs else 0, FAN)


# --- what was before -------------------------------------------------------------------------------------------------

MINUTE_MS: Final = 60_000
_COURSE: Final[Mapping[str, tuple[tuple[str, float, float], ...]]] = {
    "spray-1": (("count", 100, 0), ("power", 31.0, 6.0)),
    "oven-1": (("count", 100, 0), ("power", 42.0, 4.0), ("temperature", 165.0, 9.0)),
    "fan-1": (("count", 100, 0), ("power", 14.9, 0.6)),
    "cems": (("count", 100, 0), ("so2", 21.0, 6.0), ("nox", 31.0, 8.0), ("o2", 9.2, 0.5), ("flow", 900.0, 60.0)),
}
"""Points of a visit, with their level and how far they wander in a day."""


def lived(state: Path, now_ms: int, minutes: int = 26 * 60) -> None:
    """Give a plant that has not begun yet statistics of the time before: minutes, with half an hour missing."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    history = History(state, now_ms=now_ms)
    end = now_ms // MINUTE_MS - 1
    gap = range(end - minutes // 3, end - minutes // 3 + 30)
    for minute in range(end - minutes, end):
        if minute not in gap:
            assert history.write([_row(visit, minute, courses) for visit, courses in _COURSE.items()])
    history.close()


def _row(visit: str, minute: int, courses: tuple[tuple[str, float, float], ...]) -> Row:
    avg = [
        level + swing * (math.sin(minute / 229.0 + at + len(visit)) + 0.2 * math.sin(minute / (7.0 + 3 * at)))
        for at, (_, level, swing) in enumerate(courses)
    ]
    every = len(courses)
    return Row(
        visit=visit,
        level=Level.MINUTE,
        start_ms=minute * MINUTE_MS,
        start_mono_ms=0,
        boot="",
        span_ms=MINUTE_MS,
        cut=None,
        expected=200,
        names=tuple(name for name, _, _ in courses),
        avg=tuple(round(value, 2) for value in avg),
        least=tuple(round(value - swing / 8, 2) for value, (_, _, swing) in zip(avg, courses, strict=True)),
        most=tuple(round(value + swing / 6, 2) for value, (_, _, swing) in zip(avg, courses, strict=True)),
        n=(200,) * every,
        valid=(True,) * every,
        flag="N" * every,
        total=tuple(
            round(value / 60, 3) if name == "power" else None for value, (name, _, _) in zip(avg, courses, strict=True)
        ),
        turn=" " * every,
    )
