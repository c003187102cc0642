"""`report = "on-change"`: a scan becomes a record when it says something new, or when nothing was told for too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivers.reading import Scan


class OnChange:
    """The last scan of one device that was told."""

    __slots__ = ("_heartbeat_ns", "_told")

    def __init__(self, heartbeat_s: float) -> None:
        """Be silent for at most `heartbeat_s`, as long as scans come."""
        self._heartbeat_ns = round(heartbeat_s * 1e9)
        self._told: Scan | None = None

    def tells(self, scan: Scan) -> bool:
        """Whether `scan` must become a record: the first one, any other value or flag, or the heartbeat is due."""
        told = self._told
        news = (
            told is None
            or scan.values != told.values
            or scan.flags != told.flags
            or scan.mono_ns - told.mono_ns >= self._heartbeat_ns
        )
        if news:
            self._told = scan
        return news
