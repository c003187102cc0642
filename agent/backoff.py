"""Jittered delays: how long to wait before trying again, so that ten thousand boxes do not try at the same moment.

Built on tenacity's wait strategies, with the source of randomness handed in. Nothing here sleeps: a delay is a number
of seconds, and the caller decides what to do meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_exponential

if TYPE_CHECKING:
    from random import Random

    from tenacity.wait import wait_base


class FullJitter(wait_exponential):
    """A delay drawn evenly from `shortest_s` up to a window that doubles from `first_s` to `longest_s`.

    The "full jitter" of the literature: tenacity's own `wait_random_exponential`, but with a `Random` that a test can
    seed.
    """

    def __init__(self, *, first_s: float, longest_s: float, random: Random, shortest_s: float = 0.0) -> None:
        """Remember the window's first and longest size and the shortest delay, seconds."""
        if not 0 <= shortest_s <= first_s <= longest_s:
            raise ValueError("delays must grow: shortest_s <= first_s <= longest_s")
        super().__init__(multiplier=first_s, max=longest_s, min=shortest_s)
        self._random = random

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the delay in seconds after attempt number `retry_state.attempt_number` (counted from 1)."""
        return self._random.uniform(self.min, super().__call__(retry_state))


class Backoff:
    """A ladder of delays: each step is longer, until `reset`."""

    def __init__(self, strategy: wait_base) -> None:
        """Start at the bottom of the ladder that `strategy` describes."""
        self._strategy = strategy
        self._state = RetryCallState(Retrying(), None, (), {})
        self._steps = 0

    @property
    def steps(self) -> int:
        """How many delays were given since the last reset."""
        return self._steps

    def next_s(self) -> float:
        """Climb one step and return its delay, seconds."""
        self._steps += 1
        self._state.attempt_number = self._steps
        return float(self._strategy(self._state))

    def reset(self) -> None:
        """Go back to the bottom."""
        self._steps = 0
