"""The restlessness of real instruments: slow wandering (AR(1)) and white noise, out of two pools made once.

A channel walks through a pool of its own place in it, day after day, so that there is no seam at midnight and nothing
repeats itself within a month; which channel is where is decided by its name and the seed.
"""

from __future__ import annotations

import math
from functools import lru_cache
from random import Random
from zlib import crc32

DAY = 1440
"""Minutes."""
_SIZE = 1 << 17
_REMEMBERS = 20.0
"""Minutes after which slow noise has forgotten where it was."""


class Restless:
    """Noise of unit variance, minute by minute."""

    def __init__(self, seed: int) -> None:
        gauss = Random(seed).gauss
        self._white = [gauss(0.0, 1.0) for _ in range(_SIZE)]
        keep = math.exp(-1.0 / _REMEMBERS)
        fresh, slow = math.sqrt(1.0 - keep * keep), [0.0]
        for _ in range(_SIZE - 1):
            slow.append(keep * slow[-1] + fresh * gauss(0.0, 1.0))
        self._slow = slow

    def white(self, channel: str, day: int) -> list[float]:
        """Return a day of white noise."""
        return _walk(self._white, f"white {channel}", day)

    def slow(self, channel: str, day: int) -> list[float]:
        """Return a day of slow noise."""
        return _walk(self._slow, f"slow {channel}", day)

    def mixed(self, channel: str, day: int, slow: float, white: float) -> list[float]:
        """Return a day of both, each by its size."""
        return [slow * a + white * b for a, b in zip(self.slow(channel, day), self.white(channel, day), strict=True)]


def _walk(pool: list[float], channel: str, day: int) -> list[float]:
    first = (crc32(channel.encode()) + day * DAY) % _SIZE
    found = pool[first : first + DAY]
    return found + pool[: DAY - len(found)]


@lru_cache(maxsize=4)
def restless(seed: int) -> Restless:
    """Return the noise of a seed; the pools take a while to fill."""
    return Restless(seed)
