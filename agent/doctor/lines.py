"""The health of lines and devices, as the running agent sees it: faults, load, who is away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent.doctor.finding import find, part, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.doctor.case import Case
    from agent.doctor.finding import Finding

ENOUGH: Final = 50
"""So many questions must have been asked before a share of failures says something."""
MOST_FAILURES: Final = 0.02
MOST_BUSY: Final = 0.95


def judge(watch: dict[str, Any]) -> list[Finding]:
    """Return what is to be said of one line of `watch` (`agent.live`)."""
    found: list[Finding] = []
    for name, bus in part(watch, "buses").items():
        devices = {one: told for one, told in part(watch, "devices").items() if part(told).get("bus") == name}
        troubles = [*_of_bus(name, part(bus))]
        for device, told in devices.items():
            troubles += _of_device(device, told, part(bus))
        found += troubles or [find("line-fine", name, devices=len(devices), busy=_percent(part(bus).get("busy")))]
    return found


def _of_bus(name: str, bus: dict[str, Any]) -> Iterator[Finding]:
    if bus.get("diagnosis"):
        yield find("line-diagnosis", name, diagnosis=bus["diagnosis"])
    busy, overruns = bus.get("busy"), bus.get("overruns") or 0
    if isinstance(busy, float | int) and busy >= MOST_BUSY and overruns:
        yield find("line-overloaded", name, busy=_percent(busy), overruns=overruns)


def _of_device(name: str, told: dict[str, Any], bus: dict[str, Any]) -> Iterator[Finding]:
    fault = part(told, "last_fault")
    if name in (bus.get("absent") or ()):
        ago = fault.get("ago_s")
        since = span(ago) if isinstance(ago, float | int) else "—"
        yield find("device-absent", name, reason=fault.get("reason") or "—", since=since)
        return
    requests = told.get("requests") or 0
    failures = sum(told.get(word) or 0 for word in ("timeouts", "bad_frames"))
    if requests >= ENOUGH and failures > MOST_FAILURES * requests:
        share = _percent(failures / requests)
        told_of = {"timeouts": told.get("timeouts") or 0, "frames": told.get("bad_frames") or 0}
        yield find("device-errors", name, share=share, requests=requests, **told_of)
    if told.get("exceptions"):
        codes = ", ".join(f"{code}: {count}" for code, count in told["exceptions"].items())
        yield find("device-refuses", name, codes=codes)


def _percent(share: object) -> str:
    return f"{share:.1%}" if isinstance(share, float | int) else "—"


def look(case: Case) -> list[Finding]:
    """Judge what the agent answered."""
    if case.answers.watch is None:
        return [find("lines-unseen")] if case.site is not None else []
    return judge(case.answers.watch)
