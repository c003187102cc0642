"""The agent itself: whether it runs, on this site file, with this version, and whether what it makes is delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent import __version__
from agent.doctor.finding import find, part
from agent.record import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.doctor.case import Answers, Case
    from agent.doctor.finding import Finding

SOFTWARE: Final = f"plantgate {__version__}"
MUCH: Final = 70
"""Percent of the store that undelivered records take (`buffer.space.LEVELS`)."""


def judge(answers: Answers, cfg: str, *, has_systemd: bool) -> list[Finding]:
    """Return what is to be said of the agent; `cfg` is the digest of the site file as it is now."""
    if answers.status is None:
        if answers.is_shut:
            return [find("agent-door-shut", reason=answers.away)]
        return [find("agent-away" if has_systemd else "agent-away-here", reason=answers.away)]
    status = answers.status
    found = list(_versions(status, part(answers.site), cfg))
    found += _delivery(part(status, "health", "uplink"), part(status, "health", "outbox"))
    code = part(status, "code").get("plant")
    if code == "red":
        found.append(find("agent-code-red"))
    if not any(finding.is_trouble for finding in found):
        told = {"pid": status.get("pid", "—"), "status": status.get("status", "—"), "code": code or "—"}
        found.insert(0, find("agent-fine", **told))
    return found


def _versions(status: dict[str, Any], told: dict[str, Any], cfg: str) -> Iterator[Finding]:
    if status.get("software") not in (None, SOFTWARE):
        yield find("agent-other-version", running=status["software"], installed=SOFTWARE)
    runs = told.get("cfg") or status.get("cfg")
    if isinstance(runs, str) and cfg and runs != cfg:
        yield find("agent-other-site", status.get("site", ""))


def _delivery(uplink: dict[str, Any], outbox: dict[str, Any]) -> Iterator[Finding]:
    if uplink and not uplink.get("connected"):
        yield find("uplink-down", state=uplink.get("state") or "—", reason=uplink.get("reason") or "—")
    if uplink.get("held"):
        yield find("uplink-held", kinds=", ".join(map(str, uplink["held"])))
    if uplink.get("parked"):
        yield find("uplink-parked", count=uplink["parked"], reason=uplink.get("reason") or "—")
    if (outbox.get("level") or 0) >= MUCH:
        share = outbox.get("waiting_share")
        shown = f"{share:.0%}" if isinstance(share, float | int) else f"{outbox['level']} %"
        yield find("backlog-large", count=outbox.get("waiting", "—"), share=shown)
    if outbox.get("squeezed"):
        yield find("store-squeezed")


def look(case: Case) -> list[Finding]:
    """Judge what the agent answered."""
    if case.site is None:
        return []
    return judge(case.answers, digest(case.site.meaning), has_systemd=case.machine.is_systemd)
