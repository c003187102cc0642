"""When to try again, and in which protocol. Decides only; nothing here waits or connects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.backoff import Backoff, FullJitter
from agent.uplink.endings import Cause

if TYPE_CHECKING:
    from random import Random

    from agent.uplink.endings import EndedError
    from agent.uplink.mqtt import Protocol
    from agent.uplink.tuning import Ladder, Tuning

_AT_ONCE = frozenset({Cause.OLD_PROTOCOL, Cause.NO_RETAIN})
_UNWANTED = frozenset({Cause.DENIED, Cause.TAKEN_OVER, Cause.MISFIT})
_CUT_OFF = frozenset({Cause.DROPPED, Cause.CLOSED})
_BREATH_S = 0.1
_CLOSED_BEFORE_FALLBACK = 2


class Retry:
    """Three ladders of delays: quick (nothing is there), normal (it does not work), slow (we are not wanted)."""

    def __init__(self, tuning: Tuning, random: Random) -> None:
        """Build the ladders at their bottom."""
        self._healthy_s = tuning.healthy_s
        self._quick = _ladder(tuning.quick, random)
        self._normal = _ladder(tuning.normal, random)
        self._slow = _ladder(tuning.slow, random)

    def after(self, ending: EndedError, *, lived_s: float, spent_s: float) -> float:
        """Return how long to wait, seconds.

        `lived_s` is how long the connection served (0 when it never did), `spent_s` how long the whole attempt took.
        While nothing answers, attempts are paced from start to start: one that timed out has waited already.
        """
        if lived_s >= self._healthy_s:
            self._reset()
            return self._quick.next_s() if ending.cause not in _UNWANTED else self._slow.next_s()
        if ending.cause is Cause.UNREACHABLE:
            return max(_BREATH_S, self._quick.next_s() - spent_s)
        self._quick.reset()
        if ending.cause in _AT_ONCE:
            return _BREATH_S
        return self._slow.next_s() if ending.cause in _UNWANTED else self._normal.next_s()

    def _reset(self) -> None:
        for ladder in (self._quick, self._normal, self._slow):
            ladder.reset()


def _ladder(ladder: Ladder, random: Random) -> Backoff:
    strategy = FullJitter(
        shortest_s=ladder.shortest_s, first_s=ladder.first_s, longest_s=ladder.longest_s, random=random
    )
    return Backoff(strategy)


class Dialect:
    """MQTT 5, or 3.1.1 for brokers that refuse 5, in words or by closing the connection twice.

    What worked is remembered. A closed connection is weak evidence (a broker that is starting does it too), so it never
    moves a box away from a protocol that has worked.
    """

    def __init__(self) -> None:
        """Begin with MQTT 5."""
        self.level: Protocol = 5
        self._worked = False
        self._closed = 0

    def worked(self) -> None:
        """Take note that the broker accepted CONNECT."""
        self._worked = True
        self._closed = 0

    def refused(self, ending: EndedError, *, connack_awaited: bool) -> bool:
        """Learn from an attempt that failed before CONNACK; return whether another protocol is to be tried at once."""
        if ending.cause is Cause.OLD_PROTOCOL and self.level == 5:  # noqa: PLR2004 - the protocol level of MQTT 5
            self._change(4)
            return True
        if not connack_awaited or ending.cause not in _CUT_OFF or self._worked:
            return False
        self._closed += 1
        if self._closed >= _CLOSED_BEFORE_FALLBACK:
            self._change(4 if self.level == 5 else 5)  # noqa: PLR2004
            return self.level == 4  # noqa: PLR2004
        return False

    def _change(self, level: Protocol) -> None:
        self.level = level
        self._worked = False
        self._closed = 0
