"""LAG: one thing follows another too late, or leaves too early.

A facility *is on* from RUN until OFF; IDLE in between changes nothing, so that a state flickering around a threshold
makes no edges. An edge is one between known states; what was already so at the first sight has none. Times are when a
state was seen, so a gap in the data never makes a delay longer than was seen.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from agent.plant import State
from agent.rules.kinds.elapsed import Elapsed
from agent.rules.kinds.part import Part, brief

if TYPE_CHECKING:
    from agent.rules.rule import Moment

_EDGES = 8
"""Edges of a facility that may wait for a declaration at the same time; of more, the oldest is forgotten."""


def is_on(was: bool | None, state: float | None) -> bool | None:
    """Return whether a facility is on, after `was`: RUN begins it, OFF ends it, anything else leaves it."""
    if state == State.RUN:
        return True
    return False if state == State.OFF else was


class Late(Part):
    """Whether a follower comes later than `lag_s` after its leader.

    `update(at, leader, follower)`: two states. With edge "on": after the leader went on (RUN after OFF), ``True`` from
    the moment when the follower is still seen OFF more than `lag_s` later, until the leader is off or `shown_s` after
    the follower is no longer seen OFF (IDLE will do: idling is another rule's). With edge "off": after the leader went
    OFF, the same for a follower not yet OFF. ``None`` while either is unknown. Memory: a few numbers.
    """

    __slots__ = ("_clock", "_delay_s", "_edge", "_edge_s", "_is_on", "_lag_s", "_late_s", "_shown_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_clock", "_is_on", "_edge_s", "_late_s")

    def __init__(self, *, lag_s: float, edge: Literal["on", "off"] = "on", shown_s: float = 600.0) -> None:
        self._lag_s, self._edge, self._shown_s = lag_s, edge, shown_s
        self._clock = Elapsed()
        self._is_on: bool | None = None
        self._edge_s: float | None = None
        self._late_s: float | None = None
        self._delay_s: float | None = None

    def update(self, at: Moment, leader: float | None, follower: float | None) -> bool | None:
        """Take both states."""
        now_s = self._clock.advance(at)
        self._follow(leader, now_s)
        if leader is None or follower is None:
            return None
        if self._edge_s is None:
            return False
        self._delay_s = now_s - self._edge_s
        if self._is_missing(follower):
            if self._delay_s > self._lag_s:
                self._late_s = now_s
                return True
            return False
        if self._late_s is None or now_s - self._late_s >= self._shown_s:
            self._edge_s = self._late_s = None
            return False
        return True

    def _follow(self, leader: float | None, now_s: float) -> None:
        """Note the edges of the leader: the awaited one opens, the other one closes."""
        was, self._is_on = self._is_on, is_on(self._is_on, leader)
        if was is not None and self._is_on is not was:
            self._edge_s = now_s if self._is_on is (self._edge == "on") else None
            self._late_s = None

    def _is_missing(self, follower: float) -> bool:
        return follower == State.OFF if self._edge == "on" else follower != State.OFF

    def evidence(self) -> dict[str, Any]:
        """Return the delay so far and its bound."""
        return {"delay_s": brief(self._delay_s), "limit_s": self._lag_s}


class Early(Part):
    """Whether a follower goes off before its leader, or sooner than `tail_s` after it.

    `update(at, leader, follower)`: two states. When the follower is seen OFF after having been on, while the leader is
    on or went off less than `tail_s` ago: ``True`` for `shown_s`. ``None`` while either is unknown. Memory: a few
    numbers.
    """

    __slots__ = (
        "_ahead_s", "_clock", "_early_s", "_follower_on", "_leader_off_s", "_leader_on", "_shown_s", "_tail_s",
    )  # fmt: skip
    KEPT: ClassVar[tuple[str, ...]] = (
        "_clock", "_leader_on", "_follower_on", "_leader_off_s", "_early_s", "_ahead_s",
    )  # fmt: skip

    def __init__(self, *, tail_s: float, shown_s: float = 600.0) -> None:
        self._tail_s, self._shown_s = tail_s, shown_s
        self._clock = Elapsed()
        self._leader_on: bool | None = None
        self._follower_on: bool | None = None
        self._leader_off_s: float | None = None
        self._early_s: float | None = None
        self._ahead_s: float | None = None

    def update(self, at: Moment, leader: float | None, follower: float | None) -> bool | None:
        """Take both states."""
        now_s = self._clock.advance(at)
        leader_was, self._leader_on = self._leader_on, is_on(self._leader_on, leader)
        follower_was, self._follower_on = self._follower_on, is_on(self._follower_on, follower)
        if self._leader_on:
            self._leader_off_s = None
        elif leader_was:
            self._leader_off_s = now_s
        if follower_was and not self._follower_on and leader is not None:
            self._judge(now_s)
        if leader is None or follower is None:
            return None
        return self._early_s is not None and now_s - self._early_s < self._shown_s

    def _judge(self, now_s: float) -> None:
        """Judge the follower going off now."""
        if self._leader_on:
            self._early_s, self._ahead_s = now_s, None
        elif self._leader_off_s is not None and now_s - self._leader_off_s < self._tail_s:
            self._early_s, self._ahead_s = now_s, now_s - self._leader_off_s

    def evidence(self) -> dict[str, Any]:
        """Return how long the follower ran on, ``None`` when it went off first, and how long it should have."""
        return {"ran_on_s": brief(self._ahead_s), "limit_s": self._tail_s}


class Undeclared(Part):
    """Whether a facility starts or stops with no declaration within `within_s` before or after.

    `update(at, state, declared_s)`: the time since the nearest declared start or stop (negative: it is yet to come),
    ``None`` when there is none at all, which is an answer here and not the lack of one. An edge waits `within_s` for
    its declaration; then ``True`` for `shown_s`. An edge in a gap of the data may have been anywhere in it. ``None``
    while the state is unknown. Memory: at most 8 edges waiting.
    """

    __slots__ = ("_clock", "_edges", "_found_s", "_is_on", "_seen_s", "_shown_s", "_within_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_clock", "_is_on", "_seen_s", "_edges", "_found_s")

    def __init__(self, *, within_s: float, shown_s: float = 600.0) -> None:
        self._within_s, self._shown_s = within_s, shown_s
        self._clock = Elapsed()
        self._is_on: bool | None = None
        self._seen_s = 0.0
        self._edges: deque[list[float]] = deque(maxlen=_EDGES)
        self._found_s: float | None = None

    def update(self, at: Moment, state: float | None, declared_s: float | None) -> bool | None:
        """Take the state and the time since the nearest declaration."""
        now_s = self._clock.advance(at)
        if state is not None:
            self._note(state, now_s)
        if self._edges:
            self._settle(now_s, declared_s)
        if state is None:
            return None
        return self._found_s is not None and now_s - self._found_s < self._shown_s

    def _note(self, state: float, now_s: float) -> None:
        """Note an edge, with the time between which it must have been."""
        was, self._is_on = self._is_on, is_on(self._is_on, state)
        if was is not None and self._is_on is not was:
            self._edges.append([self._seen_s, now_s])
        self._seen_s = now_s

    def _settle(self, now_s: float, declared_s: float | None) -> None:
        """Drop the edges that are declared, and those whose time is over: they were not."""
        if declared_s is not None:
            due_s = now_s - declared_s
            declared = [edge for edge in self._edges if not self._is_declared(edge, due_s)]
            if len(declared) < len(self._edges):
                self._edges = deque(declared, _EDGES)
        while self._edges and now_s - self._edges[0][1] > self._within_s:
            self._edges.popleft()
            self._found_s = now_s

    def _is_declared(self, edge: list[float], due_s: float) -> bool:
        return edge[0] - self._within_s <= due_s <= edge[1] + self._within_s

    def evidence(self) -> dict[str, Any]:
        """Return within which time there was no declaration."""
        return {"within_s": self._within_s, "now": None if self._is_on is None else ("off", "on")[self._is_on]}
