"""What the scans of one device become: news of the device itself, and readings when the site wants them reported.

Times are on the scan and in the stamp; nothing here asks for them. One desk per device; all of them belong to the
pipeline's thread. A device that is read in two visits has two: each tells its own values, and only that of the fast
visit tells whether the device is there.

Statistics of a period are `agent.aggregate.Period`'s. A report of one minute needs none of its own: its minutes are
those that `agent.statistics` closes for every device, and the desk is handed them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent.absence import LOST_AFTER
from agent.aggregate import RECONFIGURED, STARTED, Period
from agent.change import OnChange
from agent.columns import flagged
from agent.record import readings
from config.visits import is_slow, name_of
from drivers.reading import Quality, Scan

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from agent.aggregate import Closed
    from agent.clock import Stamp
    from config.site import Device

Draft = dict[str, Any]

SILENT_NS: Final = 60_000_000_000
"""A device that stays away is told again as unknown once a minute; in between its records would say nothing new."""
_MINUTE_S: Final = 60.0


class Desk:
    """Takes the scans of one device, or of one of its two visits."""

    def __init__(
        self, device: Device, zone: ZoneInfo, *, lost: bool, reloaded: bool, has_minutes: bool = False
    ) -> None:
        """Start with an empty desk. `lost` is what the chain was last told of the device.

        With `has_minutes` somebody else keeps the device's minutes and hands each of them over when it is closed.
        """
        report = device.report
        self._names = tuple(info.name for info in device.info)
        self._normal = Quality.NORMAL.value * len(self._names)
        self._device = name_of(device.spec.name)
        self._has_presence = not is_slow(device)
        self._failures = 0
        self.lost = lost
        self.width = len(self._names)
        self.period: Period | None = None
        self._minutely: Period | None = None
        self._tells: Callable[[Scan], bool] = EveryScan().tells
        if report.kind == "period":
            period = Period(device, zone, begun=RECONFIGURED if reloaded else STARTED)
            if has_minutes and report.period_s == _MINUTE_S:
                self._minutely = period
            else:
                self.period = period
        elif report.kind == "on-change":
            self._tells = OnChange(report.period_s).tells

    def presence(self, scan: Scan) -> Draft | None:
        """Return the `event` when the device is lost (two visits in a row gave nothing) or back."""
        if not self._has_presence:
            return None
        if is_answered(scan):
            self._failures = 0
            if not self.lost:
                return None
            self.lost = False
            return {"kind": "event", "event": "device-back", "device": self._device}
        self._failures += 1
        if self.lost or self._failures < LOST_AFTER:
            return None
        self.lost = True
        return {"kind": "event", "event": "device-lost", "device": self._device, "reason": scan.fault}

    def minute(self, closed: Closed | None) -> Draft | None:
        """Return the `readings` draft of a minute that was closed, if that is what this desk reports."""
        return None if self._minutely is None else self._minutely.told(closed)

    def report(self, scan: Scan, stamp: Stamp, closed: Closed | None = None) -> Draft | None:
        """Return the `readings` draft that this scan gives, if any: its own, or that of a period that it closes.

        `closed` is the minute that it closed, where somebody else keeps those.
        """
        if self._minutely is not None:
            return self._minutely.told(closed)
        if self.period is not None:
            return self.period.add(scan, stamp.wall_ms)
        return self._told(scan, stamp) if self._tells(scan) else None

    def _told(self, scan: Scan, stamp: Stamp) -> Draft:
        draft: Draft = {
            "kind": "readings",
            "ts": stamp.ts,
            "clk": stamp.clk,
            "device": self._device,
            "values": dict(zip(self._names, readings(scan.values), strict=True)),
        }
        if scan.flags != self._normal:
            draft["flags"] = flagged(self._names, scan.flags)
        if scan.fault is not None:
            draft["fault"] = scan.fault
        return draft


def is_answered(scan: Scan) -> bool:
    """Whether the visit gave anything at all."""
    return scan.fault is None or any(value is not None for value in scan.values)


class EveryScan:
    """``on-scan``: every scan is told, but a device that stays away only now and then."""

    def __init__(self) -> None:
        self._silence_told_ns: int | None = None

    def tells(self, scan: Scan) -> bool:
        """Whether this scan is told."""
        if is_answered(scan):
            self._silence_told_ns = None
            return True
        if self._silence_told_ns is not None and scan.mono_ns - self._silence_told_ns < SILENT_NS:
            return False
        self._silence_told_ns = scan.mono_ns
        return True
