"""What must hold for the times of a device: how often it is read, how long it may be silent, when it is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.devices import DeviceEntry
    from config.entry import Entry
    from config.findings import Findings
    from config.schema import DeviceTable

_DAY_S = 86400
_ASKED_S = 0.5
_SILENT_S = 180.0
_LONGEST_ANSWER_S = 60.0
_SHORTEST_SILENCE_S = 1.0


def timeout_s(device: DeviceEntry) -> float:
    """Return how long an answer may take to begin, or how long an instrument that sends by itself may be silent."""
    written, model = device.entry.table.timeout, device.model
    if written is not None:
        return written
    if model and model.timeout_s is not None:
        return model.timeout_s
    return _SILENT_S if device.sends else _ASKED_S


def paces_s(device: DeviceEntry) -> tuple[float, float | None]:
    """Return how often the device is read, and its slow points where that is another visit.

    One that sends by itself is read as often as it may be silent. Where all points are slow, they are read together.
    """
    table = device.entry.table
    if device.sends:
        return timeout_s(device), None
    slow = device.slow
    if table.slow is None or device.comes_whole or not slow:
        return table.poll, None
    if len(slow) == len(device.points):
        return table.slow, None
    return table.poll, table.slow if table.slow > table.poll else None


def check_reporting(device: DeviceEntry, findings: Findings) -> None:
    """Note times that do not go together."""
    entry = device.entry
    _check_timeout(device, findings)
    if device.sends:
        for key in sorted(entry.written & {"poll", "turnaround"}):
            findings.remark(f"{entry.where}: {key} has no meaning, it sends by itself")
    _check_slow(device, findings)
    paces = {} if device.sends else _paces(device)
    if entry.ok("report") and isinstance(entry.table.report, float):
        _check_period(entry, entry.table.report, paces, findings)
    if entry.given("heartbeat") and entry.ok("report") and entry.table.report != "on-change":
        what = 'heartbeat: has a meaning with report = "on-change" only'
        findings.mistake(entry.at("heartbeat"), entry.where, what, hint="leave it out")
    if entry.ok("heartbeat", "report") and entry.table.report == "on-change":
        _check_heartbeat(entry, paces, findings)


def _check_timeout(device: DeviceEntry, findings: Findings) -> None:
    entry = device.entry
    if not entry.given("timeout") or entry.table.timeout is None or not device.protocol:
        return
    timeout = entry.table.timeout
    if not device.sends and timeout > _LONGEST_ANSWER_S:
        what, hint = "timeout: too long", 'at most "1m"'
    elif device.sends and timeout < _SHORTEST_SILENCE_S:
        what, hint = (
            "timeout: too short for one that sends by itself",
            'at least "1s"; it sends every few seconds or minutes',
        )
    else:
        return
    findings.mistake(entry.at("timeout"), entry.where, what, value=_seconds(timeout), hint=hint)


def _check_slow(device: DeviceEntry, findings: Findings) -> None:
    """Note a period of slow points that is none, and remark on one that nothing comes of."""
    entry = device.entry
    if "slow" not in entry.written:
        for point in device.points:
            if point.given("period") and point.table.period == "slow":
                findings.remark(f"{point.where}: period has no meaning, its device has no slow")
        return
    if device.comes_whole:
        findings.remark(f"{entry.where}: slow has no meaning, it tells all its points at once")
    elif device.is_known and not device.slow:
        findings.remark(f'{entry.where}: slow has no meaning, none of its points has period = "slow"')
    slow = entry.table.slow if entry.ok("slow", "poll") else None
    if slow is not None and slow < entry.table.poll:
        hint = f'at least "{_seconds(entry.table.poll)}"; poll is for the points that are read more often'
        findings.mistake(entry.at("slow"), entry.where, "slow: shorter than poll", value=_seconds(slow), hint=hint)


def _paces(device: DeviceEntry) -> dict[str, float]:
    """Return how often points of a device that is asked are read, by the key that says it."""
    entry = device.entry
    paces = {"poll": entry.table.poll} if entry.ok("poll") else {}
    if entry.ok("slow") and entry.table.slow is not None and device.slow and not device.comes_whole:
        paces["slow"] = entry.table.slow
    return paces


def _check_period(device: Entry[DeviceTable], period: float, paces: Mapping[str, float], findings: Findings) -> None:
    """Note reporting periods that no reading falls into or that no day can be divided by."""
    for pace, every in paces.items():
        if period < every:
            _refuse_period(device, period, pace, every, findings)
    if period % 1 or _DAY_S % period:
        what = "report: does not divide a day, so periods could not begin at midnight"
        hint = f'write "{_near_divisor(period)}s"'
        findings.mistake(device.at("report"), device.where, what, value=_seconds(period), hint=hint)
        return
    for pace, every in paces.items():
        if period >= every and abs(period / every - round(period / every)) > 1e-9:  # noqa: PLR2004
            differ = "so periods differ in their number of readings"
            findings.remark(f"{device.where}: report is no multiple of {pace}, {differ}")


def _refuse_period(device: Entry[DeviceTable], period: float, pace: str, every: float, findings: Findings) -> None:
    key = "report" if device.given("report") else pace
    what = f"{key}: a report period of {_seconds(period)} is shorter than {pace}, so periods would be empty"
    hint = f'write a report of at least "{_seconds(every)}", or "on-scan"'
    findings.mistake(device.at(key), device.where, what, value=_seconds(getattr(device.table, key)), hint=hint)


def _check_heartbeat(device: Entry[DeviceTable], paces: Mapping[str, float], findings: Findings) -> None:
    heartbeat = device.table.heartbeat
    for pace, every in paces.items():
        if heartbeat < every:
            what, hint = f"heartbeat: shorter than {pace}", f'at least "{_seconds(every)}"'
            findings.mistake(device.at("heartbeat"), device.where, what, value=_seconds(heartbeat), hint=hint)


def _seconds(seconds: float) -> str:
    return f"{seconds:.15g}s"


def _near_divisor(period: float) -> int:
    """Return the whole number of seconds nearest to `period` that divides a day."""
    return min((one for one in range(1, _DAY_S + 1) if _DAY_S % one == 0), key=lambda one: abs(one - period))
