"""When the plant works: day shifts, a short Saturday, a shorter Sunday; and what each machine does then.

`Drives` are what the machines are told to do, minute by minute: what a cheat changes when it acts on the plant itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.months.restless import DAY, Restless

WARM_UP, COOL_DOWN = 8, 16
"""Minutes that treatment runs before and after production."""
PREHEAT = 60
"""Minutes that the oxidiser heats before production."""
RAMP = 8
"""Minutes from a start to full load."""

SATURDAY, SUNDAY = 5, 6


@dataclass(frozen=True, slots=True)
class Shift:
    """Production of one day: minutes of start and stop, and the load as a fraction of rated."""

    start: int
    stop: int
    load: float


def shift(seed: int, day: int) -> Shift:
    """Return the shift of a day; day 0 is a Monday. Nobody starts to the minute."""
    rng = Random(seed * 1_000_003 + day)
    early, late = rng.randint(-5, 5), rng.randint(-6, 6)
    weekday = day % 7
    if weekday == SATURDAY:
        return Shift(7 * 60 + 30 + early, 15 * 60 + 30 + late, 0.66)
    if weekday == SUNDAY:
        return Shift(8 * 60 + early, 14 * 60 + late, 0.64)
    return Shift(7 * 60 + early, 19 * 60 + 20 + late, 0.71)


@dataclass(slots=True)
class Drives:
    """What every machine does in each minute of a day: loads as fractions, Hz, degrees, or on and off (1.0, 0.0)."""

    drum: list[float]
    press: list[float]
    fan_hz: list[float]
    pump: list[float]
    rto: list[float]
    bag: list[float]
    esp: list[float]
    scr: list[float]
    feed: list[float]
    """Ammonia as a fraction of what is right."""
    bypass: list[float]


def drives(seed: int, day: int, noise: Restless) -> Drives:
    """Return what the machines do on a normal day."""
    worked = shift(seed, day)
    drum = _load(worked.start, worked.stop, _wander(worked, noise.slow("drum load", day), day))
    press = _load(
        worked.start + 5, worked.stop + 6, [0.9 * one for one in _wander(worked, noise.slow("press", day), day)]
    )
    helped = _on(worked.start - WARM_UP, worked.stop + COOL_DOWN)
    hunting = noise.mixed("fan speed", day, 0.25, 0.10)
    return Drives(
        drum=drum,
        press=press,
        fan_hz=[on * (43.0 + 4.0 * load + wiggle) for on, load, wiggle in zip(helped, drum, hunting, strict=True)],
        pump=list(helped),
        rto=_on(worked.start - PREHEAT, worked.stop + COOL_DOWN),
        bag=list(helped),
        esp=list(helped),
        scr=list(helped),
        feed=[1.0] * DAY,
        bypass=[0.0] * DAY,
    )


def _on(first: int, last: int) -> list[float]:
    return [1.0 if first <= minute < last else 0.0 for minute in range(DAY)]


def _wander(worked: Shift, slow: list[float], day: int) -> list[float]:
    """Return the wanted load: it breathes over the shift, and goes down over noon."""
    swing = 0.012 * ((day * 5) % 7 - 3)
    return [
        min(0.795, max(0.605, worked.load + swing + 0.03 * one - (0.06 if 12 * 60 <= minute < 13 * 60 else 0.0)))
        for minute, one in enumerate(slow)
    ]


def _load(start: int, stop: int, wanted: list[float]) -> list[float]:
    return [
        load * min(1.0, (minute - start + 1) / RAMP) if start <= minute < stop else 0.0
        for minute, load in enumerate(wanted)
    ]
