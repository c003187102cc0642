"""What an instrument said: values with a quality each, and the moment they were said.

The unit of flow is a `Scan`: one device, one visit. Time sits on the scan, not on each value, so that at
10 000 points per second there is no object per point.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Value = float | int | bool | str | None
"""One reading. ``None`` is "not known"; the flag says why. Never NaN, infinite, or the last good value."""


class Quality(StrEnum):
    """Quality of one value, by the one-letter data flags of HJ 212."""

    NORMAL = "N"
    STOPPED = "F"
    MAINTENANCE = "M"
    BY_HAND = "S"
    FAULT = "D"
    CALIBRATION = "C"
    OUT_OF_RANGE = "T"
    NO_COMMUNICATION = "B"


class Clock(Protocol):
    """The two times a driver may ask for. Handed in; nobody here calls `time`."""

    def wall_ms(self) -> int:
        """Return the host's wall clock, ms since 1970 UTC. Whether to believe it is not a driver's question."""

    def mono_ns(self) -> int:
        """Return a clock that never steps, nanoseconds."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One visit to one device.

    `values` and `flags` are aligned with the device's points; `flags` has one `Quality` letter per value.
    `wall_ms` and `mono_ns` are the moment of the (last) answer. `fault` says in words what is missing and why,
    or is ``None`` when every point was answered.
    """

    device: str
    wall_ms: int
    mono_ns: int
    values: tuple[Value, ...]
    flags: str
    fault: str | None = None

    @classmethod
    def unanswered(cls, device: str, points: int, clock: Clock, fault: str) -> Scan:
        """Return the scan of a visit that gave nothing: every value unknown, every flag B."""
        return cls(
            device, clock.wall_ms(), clock.mono_ns(), (None,) * points, Quality.NO_COMMUNICATION.value * points, fault
        )
