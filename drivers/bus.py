"""What a bus is to the poller: visit a device or listen to it, say how it goes. Every transport looks like this.

A bus is visited by one thread only. Counters are snapshots: any thread may ask for them and keep them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivers.reading import Scan
    from drivers.spec import DeviceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What happened between us and one device since the bus was opened.

    `timeouts` are requests nobody answered, `bad_frames` answers with a wrong checksum, byte count or shape, `strays`
    answers that belonged to no request of ours (late, or for somebody else). `exceptions` counts the device's
    refusals by Modbus exception code, `deviations` what was tolerated in its telegrams though the standard says it
    differently, by name. `last_answer_ns` is monotonic, ``None`` before the first answer. `latency_s` is a moving
    average (one eighth of each new answer), `busy_s` the time spent waiting for this device.
    """

    requests: int
    answers: int
    timeouts: int
    bad_frames: int
    strays: int
    exceptions: Mapping[int, int]
    last_answer_ns: int | None
    latency_s: float
    latency_max_s: float
    busy_s: float
    sent_bytes: int
    received_bytes: int
    deviations: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusCounters:
    """What happened on a bus: `devices` by name, the sums are the caller's to make.

    `connects` counts connections made, `link_failures` those refused, lost or not to be had. The share of time the
    bus was busy between two snapshots is the difference of `busy_s` over that of `at_ns` (monotonic nanoseconds).
    On a line, the share that went into characters and the silences of the standard, and could not be less, is that of
    `char_s_total`. `echoes` counts questions heard back, `noise_bytes` what belonged to no frame, and `diagnosis` is
    what seems to be wrong with the line, in words.
    """

    bus: str
    at_ns: int
    connects: int
    link_failures: int
    busy_s: float
    devices: Mapping[str, Counters]
    char_s_total: float = 0.0
    echoes: int = 0
    noise_bytes: int = 0
    diagnosis: str = ""


@dataclass(frozen=True, slots=True)
class RefusedPoint:
    """A point its device will not give: dropped from the plan, told once."""

    device: str
    point: str
    code: int
    reason: str


class Bus(Protocol):
    """A line or a host with its devices. Opening one never touches the network; the first visit does."""

    @property
    def name(self) -> str:
        """Return the bus's name in the site file."""

    @property
    def listens(self) -> bool:
        """Return whether the devices on it send by themselves: then it is listened to, and `visit` is not for it."""

    def listen(self, until_ns: int) -> list[Scan]:
        """Wait for what comes by itself, at most until `until_ns`; return as soon as a scan is complete.

        A device that has been silent for too long gives a scan of unknowns. Raises LinkDown.
        """

    def visit(self, device: str) -> Scan:
        """Read every point of `device` once.

        What could not be had is ``None`` with a flag, and `Scan.fault` says why. Raises DriverError when the device
        said nothing at all.
        """

    def refused(self) -> tuple[RefusedPoint, ...]:
        """Return the points found refused since the last call."""

    def news(self) -> tuple[tuple[str, str], ...]:
        """Return (device, words) of what was tolerated for the first time since the last call: for the log."""

    def look(self, spec: DeviceSpec) -> Scan:
        """Visit a device that the site does not describe, once. Raises DriverError when it gave nothing."""

    def restore(self, device: str) -> None:
        """Give the device's refused points another chance: it may have been repaired or replaced."""

    def counters(self) -> BusCounters:
        """Return a snapshot."""

    def close(self) -> None:
        """Let go of the line or host. A later visit opens it again."""
