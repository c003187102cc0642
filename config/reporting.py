"""What must hold for the times of a device: how often it is read, how long it may be silent, when it is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def check_reporting(device: DeviceEntry, findings: Findings) -> None:
    """Note times that do not go together."""
    entry = device.entry
    _check_timeout(device, findings)
    if device.sends:
        for key in sorted(entry.written & {"poll", "turnaround"}):
            findings.remark(f"{entry.where}: {key} has no meaning, it sends by itself")
    if entry.ok("report") and isinstance(entry.table.report, float):
        _check_period(entry, entry.table.report, findings, is_polled=not device.sends)
    if entry.given("heartbeat") and entry.ok("report") and entry.table.report != "on-change":
        what = 'heartbeat: has a meaning with report = "on-change" only'
        findings.mistake(entry.at("heartbeat"), entry.where, what, hint="leave it out")
    if entry.ok("heartbeat", "poll", "report") and entry.table.report == "on-change" and not device.sends:
        _check_heartbeat(entry, findings)


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


def _check_period(device: Entry[DeviceTable], period: float, findings: Findings, *, is_polled: bool) -> None:
    """Note reporting periods that no reading falls into or that no day can be divided by."""
    poll = device.table.poll if device.ok("poll") and is_polled else None
    if poll is not None and period < poll:
        key = "report" if device.given("report") else "poll"
        what = f"{key}: a report period of {_seconds(period)} is shorter than poll, so periods would be empty"
        hint = f'write a report of at least "{_seconds(poll)}", or "on-scan"'
        value = _seconds(getattr(device.table, key))
        findings.mistake(device.at(key), device.where, what, value=value, hint=hint)
    if period % 1 or _DAY_S % period:
        what = "report: does not divide a day, so periods could not begin at midnight"
        hint = f'write "{_near_divisor(period)}s"'
        findings.mistake(device.at("report"), device.where, what, value=_seconds(period), hint=hint)
    elif poll is not None and period >= poll and abs(period / poll - round(period / poll)) > 1e-9:  # noqa: PLR2004
        findings.remark(f"{device.where}: report is no multiple of poll, so periods differ in their number of readings")


def _check_heartbeat(device: Entry[DeviceTable], findings: Findings) -> None:
    heartbeat, poll = device.table.heartbeat, device.table.poll
    if heartbeat < poll:
        what, hint = "heartbeat: shorter than poll", f'at least "{_seconds(poll)}"'
        findings.mistake(device.at("heartbeat"), device.where, what, value=_seconds(heartbeat), hint=hint)


def _seconds(seconds: float) -> str:
    return f"{seconds:.15g}s"


def _near_divisor(period: float) -> int:
    """Return the whole number of seconds nearest to `period` that divides a day."""
    return min((one for one in range(1, _DAY_S + 1) if _DAY_S % one == 0), key=lambda one: abs(one - period))
