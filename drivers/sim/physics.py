"""Four small laws that make simulated quantities believable. Pure: the same moment always gives the same value.

Everything is written in closed form over the whole past, so that a quantity can be asked for at any moment without
stepping through the moments before it, and so that a counter is *exactly* the integral of the power beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate


@dataclass(frozen=True)
class Cycle:
    """A load that repeats: ``(seconds, level)`` steps, followed by a machine with inertia `lag_s`.

    The machine obeys ``lag * y' = x - y`` and has been repeating for ever, so it is in its periodic steady state.
    """

    steps: tuple[tuple[float, float], ...]
    lag_s: float

    @cached_property
    def period_s(self) -> float:
        """The length of one repetition, seconds."""
        return sum(seconds for seconds, _ in self.steps)

    @cached_property
    def mean(self) -> float:
        """The mean of the load over one repetition; inertia does not change it."""
        return sum(seconds * level for seconds, level in self.steps) / self.period_s

    @cached_property
    def _at_starts(self) -> tuple[float, ...]:
        """The machine's value at the start of each step: the fixed point of going round once."""
        round_gain, round_shift = 1.0, 0.0
        for seconds, level in self.steps:
            keep = math.exp(-seconds / self.lag_s)
            round_gain, round_shift = keep * round_gain, keep * round_shift + (1 - keep) * level
        first = round_shift / (1 - round_gain)
        return tuple(accumulate(self.steps, lambda y, step: self._move(y, step[1], step[0]), initial=first))

    def _move(self, value: float, level: float, seconds: float) -> float:
        return level + (value - level) * math.exp(-seconds / self.lag_s)

    def at(self, t: float) -> float:
        """Return the machine's value at `t` seconds."""
        left = t % self.period_s
        for start, (seconds, level) in zip(self._at_starts, self.steps, strict=False):
            if left < seconds:
                return self._move(start, level, left)
            left -= seconds
        return self._at_starts[0]

    def wanted(self, t: float) -> float:
        """Return the level the load asks for at `t`, before inertia."""
        left = t % self.period_s
        for seconds, level in self.steps:
            if left < seconds:
                return level
            left -= seconds
        return self.steps[0][1]

    def total(self, t: float) -> float:
        """Return the integral of the machine's value from 0 to `t`, in value-seconds.

        From ``lag * y' = x - y`` follows: integral of y = integral of x - lag * (y(t) - y(0)).
        """
        rounds, left = divmod(t, self.period_s)
        asked = rounds * self.mean * self.period_s
        for seconds, level in self.steps:
            asked += max(0.0, min(left, seconds)) * level
            left -= seconds
        return asked - self.lag_s * (self.at(t) - self.at(0.0))


_MIX = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1


def _hash(number: int) -> int:
    """Spread `number` over 64 bits (the finaliser of splitmix64, public domain)."""
    number = (number + _MIX) & _WORD
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _WORD
    return number ^ (number >> 31)


def noise(seed: int, channel: int, t: float, every_s: float = 0.2) -> float:
    """Return a number in -1..1 that stays for `every_s` seconds: the restlessness of one measuring channel.

    Two uniform numbers are averaged, so that small deviations are commoner than big ones.
    """
    bits = _hash(_hash(seed * 1000 + channel) ^ math.floor(t / every_s))
    return ((bits >> 40) + (bits & 0xFFFFFF)) / (1 << 24) - 1.0


def wave(t: float, period_s: float, phase: float = 0.0) -> float:
    """Return a slow swing in -1..1."""
    return math.sin(2 * math.pi * (t / period_s + phase))
