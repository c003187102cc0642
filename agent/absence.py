"""When a device that does not answer is asked again.

A dead device on a shared connection holds up the others for one time-out per probe. So the first retry comes soon (most
failures are passing ones), and from the second failure on the device may cost the bus at most `SHARE` of its time:
with a time-out of 0.5 s that is one probe in 10 s, later one a minute. Pure: time and chance are arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drivers.spec import SerialBusSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.spec import BusSpec

FIRST_S: Final = 0.5
MOST_S: Final = 60.0
MOST_LINK_S: Final = 10.0
"""A link that is down holds nobody up (a bus has a thread of its own), so it is tried more often than a dead device."""
MOST_PORT_S: Final = 2.0
"""A port of this box costs next to nothing to try: after an adapter is plugged in again it is read within seconds."""
SHARE: Final = 0.05
LOST_AFTER: Final = 2
"""Failed visits in a row after which a device counts as lost: one is noise, two are a fact."""


def link_probe_s(bus: BusSpec) -> float:
    """Return how often at least to see whether a link is back: a port of this box is quickly tried, a host is not."""
    return MOST_PORT_S if isinstance(bus, SerialBusSpec) or bus.listen else MOST_LINK_S


class Absence:
    """The failures in a row of one device, or of one link."""

    __slots__ = ("_most_s", "_share", "failures")

    def __init__(self, *, most_s: float = MOST_S, share: float | None = None) -> None:
        """Probe at most every `most_s`; `share` is the part of the bus's time the probes may take, ``None`` for any."""
        self.failures = 0
        self._most_s = most_s
        self._share = share

    def failed(self, spent_s: float, chance: Callable[[], float]) -> float:
        """Count a failed visit that took `spent_s` and return the seconds until the next one.

        `chance` gives 0 <= x < 1 and spreads the delay by a quarter, so that boxes and devices do not probe in step.
        """
        self.failures += 1
        delay = min(self._most_s, FIRST_S * 2.0 ** min(self.failures - 1, 16))
        if self._share is not None and self.failures > 1:
            delay = max(delay, spent_s * (1 / self._share - 1))
        return delay * (0.875 + 0.25 * chance())

    def answered(self) -> None:
        """Forget the failures."""
        self.failures = 0
