"""Answers that may still come, though nobody waits for them any more. Pure: times are arguments, monotonic nanoseconds.

A device answers in the order it was asked. So an answer is that to the oldest question of its shape, and with it the
device is done with everything it was asked before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

    from drivers.wire import Question

LATEST_S: Final = 5.0
LATEST_TIMEOUTS: Final = 10
"""An answer later than both is none."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A question whose answer may still come, until `latest_ns`."""

    whom: str
    shape: Hashable
    frame: bytes
    latest_ns: int


class Debts:
    """What is owed on one line, the oldest first."""

    def __init__(self) -> None:
        self._owed: list[Owed] = []

    def __bool__(self) -> bool:
        return bool(self._owed)

    def like(self, question: Question[Any], now_ns: int) -> list[Owed]:
        """Return what may still come and looks like an answer to `question`."""
        self._owed = [debt for debt in self._owed if now_ns < debt.latest_ns]
        return [debt for debt in self._owed if debt.shape == question.shape]

    def add(self, question: Question[Any], sent_ns: int, timeout_s: float) -> None:
        """Remember that a question has got no answer yet."""
        latest_ns = sent_ns + int(max(LATEST_S, LATEST_TIMEOUTS * timeout_s) * 1e9)
        self._owed.append(Owed(question.whom, question.shape, question.frame, latest_ns))

    def pay(self, question: Question[Any], sent_ns: int, timeout_s: float) -> None:
        """Take an answer to `question` as that to the oldest of its shape: then its own may still come."""
        self.add(question, sent_ns, timeout_s)
        paid = next(place for place, debt in enumerate(self._owed) if debt.shape == question.shape)
        self._owed = [debt for place, debt in enumerate(self._owed) if place > paid or debt.whom != question.whom]

    def forgive(self, whom: str) -> None:
        """Forget what one device owes."""
        self._owed = [debt for debt in self._owed if debt.whom != whom]
