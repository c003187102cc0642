"""The host's clocks, for tests that talk to real sockets."""

from __future__ import annotations

import time


class HostClock:
    """What `drivers.reading.Clock` asks for."""

    def wall_ms(self) -> int:
        """Return the wall clock, milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000

    def mono_ns(self) -> int:
        """Return the monotonic clock, nanoseconds."""
        return time.monotonic_ns()
