"""Event drafts about the uplink, without a storm: the same complaint once per period, with how often it occurred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Complaints:
    """Drafts of `event` records, handed to the pipeline by `report`."""

    def __init__(self, report: Callable[[dict[str, Any]], None], every_s: float) -> None:
        """`every_s` is the quiet time after a complaint."""
        self._report = report
        self._every_ns = int(every_s * 1e9)
        self._last: dict[str, tuple[int, int]] = {}

    def tell(self, event: str, **details: Any) -> None:
        """Report an event."""
        self._report({"kind": "event", "event": event, **details})

    def complain(self, event: str, key: str, now_ns: int, **details: Any) -> None:
        """Report an event unless one with this `key` was just reported; `count` says how many it stands for."""
        told_ns, silent = self._last.get(key, (None, 0))
        if told_ns is not None and now_ns - told_ns < self._every_ns:
            self._last[key] = (told_ns, silent + 1)
            return
        self._last[key] = (now_ns, 0)
        self.tell(event, **details, count=silent + 1)
