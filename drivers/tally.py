"""The counts of one device while they are being made. Written by the bus's thread, read by any through `snapshot`."""

from __future__ import annotations

from collections import Counter
from typing import Final

from drivers.bus import Counters

SMOOTHING = 0.125
"""What a new latency weighs in the average: the classic choice for round trips (RFC 6298, section 2)."""

ANSWERED: Final = "a"
SILENT: Final = "s"
"""Nothing came."""
GARBLED: Final = "g"
"""Something came, but no answer."""
FRAMING: Final = "f"
"""No answer came, and the port counted framing or parity errors."""
RECENT: Final = 16


class Tally:
    """Counts since the bus was opened. Times are monotonic nanoseconds. `recent` are the last outcomes, latest last."""

    __slots__ = (
        "answers",
        "bad_frames",
        "busy_ns",
        "deviations",
        "exceptions",
        "last_answer_ns",
        "latency_max_ns",
        "latency_ns",
        "received_bytes",
        "recent",
        "requests",
        "sent_bytes",
        "strays",
        "timeouts",
    )

    def __init__(self) -> None:
        """Start at nothing."""
        self.requests = self.answers = self.timeouts = self.bad_frames = self.strays = 0
        self.recent = ""
        self.exceptions: Counter[int] = Counter()
        self.deviations: Counter[str] = Counter()
        self.last_answer_ns: int | None = None
        self.latency_ns = 0.0
        self.latency_max_ns = self.busy_ns = self.sent_bytes = self.received_bytes = 0

    def answered(self, sent_ns: int, now_ns: int) -> None:
        """Count an answer at `now_ns` to what was asked at `sent_ns`."""
        latency = now_ns - sent_ns
        self.latency_ns += (latency - self.latency_ns) * (SMOOTHING if self.answers else 1.0)
        self.latency_max_ns = max(self.latency_max_ns, latency)
        self.last_answer_ns = now_ns
        self.answers += 1
        self.came(ANSWERED)

    def came(self, outcome: str) -> None:
        """Remember the outcome of one question, one letter."""
        self.recent = (self.recent + outcome)[-RECENT:]

    def snapshot(self) -> Counters:
        """Return the counts as they are now."""
        return Counters(
            requests=self.requests,
            answers=self.answers,
            timeouts=self.timeouts,
            bad_frames=self.bad_frames,
            strays=self.strays,
            exceptions=dict(self.exceptions),
            last_answer_ns=self.last_answer_ns,
            latency_s=self.latency_ns / 1e9,
            latency_max_s=self.latency_max_ns / 1e9,
            busy_s=self.busy_ns / 1e9,
            sent_bytes=self.sent_bytes,
            received_bytes=self.received_bytes,
            deviations=dict(self.deviations),
        )
