"""How much may be on its way at once, and whose turn it is. No I/O, no clock: times are arguments.

The window is counted in records without a PUBACK. Its ceiling is what the broker allows (Receive Maximum, MQTT 5
section 3.3.4) and never more than `most`. It opens like TCP's slow start, one more per PUBACK, so that a new
connection meets a broker that has just restarted with one record, not with twenty.

A backlog gets a smaller window than live records: a few places are kept free, and when PUBACKs take much longer than
they could (the link is full, records queue on it), the backlog's share shrinks until they come promptly again.
Without this an alarm would wait behind twenty long records on a slow link.
"""

from __future__ import annotations

from enum import Enum

_CALM_NS = 300_000_000
_SMOOTHING = 0.125


class Turn(Enum):
    """Which queue the next record comes from."""

    URGENT = "urgent"
    LIVE = "live"
    BACKLOG = "backlog"


def whose_turn(*, urgent: bool, live: bool, backlog: bool, outstanding: int, window: Window) -> Turn | None:
    """Say whose turn it is: urgent before live before backlog, or nobody's while the window is full."""
    if outstanding >= window.open:
        return None
    if urgent:
        return Turn.URGENT
    if live:
        return Turn.LIVE
    if backlog and outstanding < window.for_backlog:
        return Turn.BACKLOG
    return None


class Window:
    """The sending window of one connection. Numbers of records; `rtt_s` is the smoothed time from PUBLISH to PUBACK."""

    def __init__(self, *, allowed: int, most: int, careful: int = 0) -> None:
        """Open with one record, and stay there for `careful` PUBACKs, to find out which record the broker dislikes."""
        self._ceiling = max(1, min(allowed, most))
        self._share = float(self._ceiling)
        self._careful = careful
        self._fastest_ns: int | None = None
        self.open = 1
        self.rtt_s: float | None = None

    @property
    def ceiling(self) -> int:
        """How far the window may open."""
        return self._ceiling

    @property
    def for_backlog(self) -> int:
        """How many records may be outstanding for another backlog record to leave."""
        reserved = self._ceiling // 10
        return max(1, min(self.open, int(self._share), self._ceiling - reserved))

    def acknowledged(self, took_ns: int) -> None:
        """Take note of a PUBACK that came `took_ns` after its PUBLISH."""
        self._measure(took_ns)
        if self._careful:
            self._careful -= 1
        elif self.open < self._ceiling:
            self.open += 1

    def refused_for_quota(self) -> None:
        """Shut down to one record: the broker said it is too much."""
        self.open = 1

    def _measure(self, took_ns: int) -> None:
        took_s = took_ns / 1e9
        self.rtt_s = took_s if self.rtt_s is None else self.rtt_s + _SMOOTHING * (took_s - self.rtt_s)
        self._fastest_ns = took_ns if self._fastest_ns is None else min(took_ns, self._fastest_ns)
        if took_ns > 2 * self._fastest_ns + _CALM_NS:
            self._share = max(1.0, self._share * 0.8)
        else:
            self._share = min(float(self._ceiling), self._share + 1 / self._share)
