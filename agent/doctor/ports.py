"""Serial ports: there, by a name that stays, held by nobody else, and open to the agent's user. No port is opened."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.doctor.case import group_name
from agent.doctor.finding import find
from drivers.spec import SerialBusSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agent.doctor.case import Case, Owner
    from agent.doctor.finding import Finding
    from agent.doctor.machine import Machine

STABLE: Final = ("/dev/serial/by-path", "/dev/serial/by-id")
_WANDERS: Final = re.compile(r"/dev/tty(USB|ACM)\d+")
"""Names that are given in the order of plugging in."""
_NO_SERIAL_NUMBER: Final = re.compile(r"by-id/usb-1a86_")
"""CH340 adapters have no serial number: two of them share one name under by-id."""
_UNIT: Final = re.compile(r"/([^/]+\.service)$", re.MULTILINE)
_PSEUDO: Final = range(136, 144)
"""Linux, devices.txt: pseudo-terminals, which are numbered anew in each mount of devpts."""
_PORT_UNKNOWN: Final = 0
"""Linux, serial_core.h: the type of a UART that is not there."""


Hardware = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has the port open; `unit` is its service, "" where it is none."""

    pid: int
    command: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFact:
    """One port of the site. `status` is ``None`` where there is none; `stable` is a better name, "" where it has it."""

    bus: str
    port: str
    status: os.stat_result | None
    stable: str = ""
    holders: tuple[Holder, ...] = ()
    is_console: bool = False
    is_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What was seen: the ports of the site, those that are plugged in, and how many processes could not be looked into.

    `agent` is the process of the running agent. `meddler` is a program that tries every modem-like port.
    """

    ports: tuple[PortFact, ...]
    present: tuple[str, ...]
    hidden: int
    agent: int | None
    meddler: bool


def read(case: Case) -> Ports:
    """Look at the ports of the site, and at those there are."""
    buses = [bus for bus in (case.site.buses if case.site else ()) if isinstance(bus, SerialBusSpec)]
    holders, hidden = _holders(case.machine, {hardware for bus in buses if (hardware := _hardware(Path(bus.port)))})
    consoles = {line.split()[0] for line in (case.machine.text("/proc/consoles") or "").splitlines() if line.strip()}
    return Ports(
        ports=tuple(_port(case.machine, bus, holders, consoles) for bus in buses),
        present=_present(case.machine),
        hidden=hidden if buses and case.machine.uid else 0,
        agent=(case.answers.status or {}).get("pid"),
        meddler=bool(buses) and _runs(case.machine, "ModemManager"),
    )


def _real(port: str) -> str:
    return os.path.realpath(port)


def _port(
    machine: Machine, bus: SerialBusSpec, holders: dict[Hardware, tuple[Holder, ...]], consoles: set[str]
) -> PortFact:
    try:
        status = Path(bus.port).stat()
    except OSError:
        return PortFact(bus=bus.name, port=bus.port, status=None)
    name = Path(_real(bus.port)).name
    return PortFact(
        bus=bus.name,
        port=bus.port,
        status=status,
        stable=_stable(machine, bus.port),
        holders=holders.get(_hardware(Path(bus.port)) or (0, 0), ()),
        is_console=name in consoles,
        is_empty=machine.number(f"/sys/class/tty/{name}/type") == _PORT_UNKNOWN,
    )


def _stable(machine: Machine, port: str) -> str:
    if not _WANDERS.fullmatch(port) and not _NO_SERIAL_NUMBER.search(port):
        return ""
    links = _links(machine, STABLE[:1])
    return next((link for link in links if _real(link) == _real(port)), "")


def _present(machine: Machine) -> tuple[str, ...]:
    """Return the ports there are: by where they are plugged in, else by what they are."""
    return tuple(next((links for folder in STABLE if (links := _links(machine, [folder]))), []))


def _links(machine: Machine, folders: Iterable[str]) -> list[str]:
    return [str(link) for folder in folders for link in sorted(machine.at(folder).glob("*"))]


def _runs(machine: Machine, name: str) -> bool:
    return any(machine.text(process / "comm") == f"{name}\n" for process in machine.at("/proc").glob("[0-9]*"))


def _hardware(path: Path) -> Hardware | None:
    """Return what a name stands for: containers have other names for one device, and one name for other terminals."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISCHR(status.st_mode):
        return None
    return (status.st_dev if os.major(status.st_rdev) in _PSEUDO else 0, status.st_rdev)


def _holders(machine: Machine, ports: set[Hardware]) -> tuple[dict[Hardware, tuple[Holder, ...]], int]:
    """Return who has each port open, and how many processes of others we may not look into."""
    found: dict[Hardware, tuple[Holder, ...]] = {}
    hidden = 0
    for process in machine.at("/proc").glob("[0-9]*") if ports else ():
        if process.name == str(os.getpid()):
            continue
        try:
            opened = {_hardware(link) for link in _devices(process)}
        except PermissionError:
            hidden += 1
            continue
        except OSError:  # it has ended meanwhile
            continue
        for port in ports & opened:
            found[port] = (*found.get(port, ()), _holder(machine, process))
    return found, hidden


def _devices(process: Path) -> list[Path]:
    """Return the descriptors of a process that are devices; files on a dead network share are not touched."""
    return [link for link in (process / "fd").iterdir() if str(link.readlink()).startswith("/dev/")]


def _holder(machine: Machine, process: Path) -> Holder:
    command = (machine.text(process / "cmdline") or "").replace("\0", " ").strip()
    unit = _UNIT.search(machine.text(process / "cgroup") or "")
    return Holder(pid=int(process.name), command=command, unit=unit[1] if unit else "")


def judge(facts: Ports, owner: Owner) -> list[Finding]:
    """Return what is to be said of the ports."""
    found = [finding for port in facts.ports for finding in _of_one(port, facts, owner)]
    if facts.hidden:
        found.append(find("port-holders-unseen", count=facts.hidden))
    if facts.meddler:
        found.append(find("port-modem-manager"))
    if not facts.ports:
        ports = ", ".join(facts.present) or "—"
        found.append(find("ports-none", ports=ports))
    return found


def _of_one(port: PortFact, facts: Ports, owner: Owner) -> Iterator[Finding]:
    where = f"{port.bus}: {port.port}"
    if port.status is None:
        yield find("port-missing", where, ports=", ".join(facts.present) or "—", port=port.port)
        return
    if not stat.S_ISCHR(port.status.st_mode):
        yield find("port-no-port", where)
        return
    troubles = [*_names(port, where), *_held(port, where, facts), *_denied(port, where, owner)]
    yield from troubles
    if not any(trouble.is_trouble for trouble in troubles):
        is_ours = any(holder.pid == facts.agent for holder in port.holders)
        yield find("port-fine-held" if is_ours else "port-fine", where)


def _names(port: PortFact, where: str) -> Iterator[Finding]:
    if port.is_empty:
        yield find("port-empty", where)
    if port.is_console:
        yield find("port-console", where, tty=Path(_real(port.port)).name)
    if port.stable:
        yield find("port-name-wanders", where, stable=port.stable)


def _held(port: PortFact, where: str, facts: Ports) -> Iterator[Finding]:
    for holder in port.holders:
        if holder.pid == facts.agent:
            continue
        told = {"pid": holder.pid, "command": holder.command or "?", "unit": holder.unit}
        yield find("port-held-by-unit" if holder.unit else "port-held", where, **told)


def _denied(port: PortFact, where: str, owner: Owner) -> Iterator[Finding]:
    assert port.status is not None
    if owner.may(port.status, 4) and owner.may(port.status, 2):
        return
    group = group_name(port.status.st_gid)
    yield find("port-denied", where, user=owner.name, group=group, mode=f"{stat.S_IMODE(port.status.st_mode):04o}")


def look(case: Case) -> list[Finding]:
    """Read and judge."""
    return judge(read(case), case.owner)
