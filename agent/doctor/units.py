"""The units: enabled, running, not restarting; and the hardware watchdog's trap."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent.doctor.finding import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.doctor.case import Case
    from agent.doctor.finding import Finding
    from agent.doctor.machine import Machine

AGENT: Final = "plantgate.service"
PANEL: Final = "plantgate-panel.service"
MANY_RESTARTS: Final = 3
LONGEST_WATCHDOG_S: Final = 15.0
"""The counter of a Raspberry Pi's chip reaches no further. systemd then has *no* watchdog, or the box restarts for
ever (systemd issues 27427 and 21949)."""
_SHOWN: Final = ("LoadState", "ActiveState", "UnitFileState", "NRestarts", "Result", "NeedDaemonReload")
_UNITS_S: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFacts:
    """One unit as `systemctl show` tells it; ``""`` where it does not."""

    name: str
    load: str = ""
    active: str = ""
    enabled: str = ""
    restarts: int = 0
    result: str = ""
    is_stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What was seen. `watchdog_s` is systemd's RuntimeWatchdogSec= (0: off, ``None``: not known)."""

    has_systemd: bool
    units: tuple[UnitFacts, ...] = ()
    watchdog_s: float | None = None
    is_pi: bool = False


def read(case: Case) -> Units:
    """Ask systemd."""
    machine = case.machine
    if not machine.is_systemd:
        return Units(has_systemd=False, is_pi=machine.is_pi)
    said = machine.run(["systemctl", "show", "--property=RuntimeWatchdogUSec", "--value"])
    return Units(
        has_systemd=True,
        units=(_unit(machine, AGENT), _unit(machine, PANEL)),
        watchdog_s=seconds(said or ""),
        is_pi=machine.is_pi,
    )


def _unit(machine: Machine, name: str) -> UnitFacts:
    said = machine.run(["systemctl", "show", name, f"--property={','.join(_SHOWN)}"]) or ""
    told = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    restarts = told.get("NRestarts", "")
    return UnitFacts(
        name=name,
        load=told.get("LoadState", ""),
        active=told.get("ActiveState", ""),
        enabled=told.get("UnitFileState", ""),
        restarts=int(restarts) if restarts.isdigit() else 0,
        result=told.get("Result", ""),
        is_stale=told.get("NeedDaemonReload") == "yes",
    )


def seconds(said: str) -> float | None:
    """Return a span as systemd writes it ("1min 30s", "14s", "0", "infinity": it is off) in seconds."""
    text = said.strip()
    if text in ("0", "infinity", "off"):
        return 0.0
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|min|s|h|d|w)\b", text)
    return sum(float(count) * _UNITS_S[unit] for count, unit in parts) if parts else None


def judge(facts: Units) -> list[Finding]:
    """Return what is to be said of the units."""
    if not facts.has_systemd:
        return [find("units-none")]
    found = [finding for unit in facts.units for finding in _of_unit(unit)]
    return [*found, *_watchdog(facts)]


def _of_unit(unit: UnitFacts) -> Iterator[Finding]:
    if unit.load != "loaded":
        if unit.name == AGENT:
            yield find("unit-masked" if unit.load == "masked" else "unit-missing", unit.name)
        return
    troubles = list(_troubles(unit))
    yield from troubles or [find("unit-fine", unit.name, restarts=unit.restarts)]


def _troubles(unit: UnitFacts) -> Iterator[Finding]:
    if unit.active == "failed":
        yield find("unit-failed", unit.name, result=unit.result or "—")
    elif unit.active not in ("active", "reloading", "activating") and unit.name == AGENT:
        yield find("unit-stopped", unit.name, state=unit.active or "—")
    if unit.enabled == "disabled" and unit.name == AGENT:
        yield find("unit-disabled", unit.name)
    if unit.restarts >= MANY_RESTARTS:
        yield find("unit-restarts", unit.name, restarts=unit.restarts)
    if unit.is_stale:
        yield find("unit-stale", unit.name)


def _watchdog(facts: Units) -> Iterator[Finding]:
    if not facts.is_pi or facts.watchdog_s is None:
        return
    if facts.watchdog_s > LONGEST_WATCHDOG_S:
        yield find("watchdog-too-long", seconds=f"{facts.watchdog_s:.0f}")
    elif facts.watchdog_s == 0:
        yield find("watchdog-off")
    else:
        yield find("watchdog-fine", seconds=f"{facts.watchdog_s:.0f}")


def look(case: Case) -> list[Finding]:
    """Read and judge."""
    return judge(read(case))
