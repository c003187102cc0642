"""The panel's process: ``python -m agent.panel.serve SITE.toml STATE SOCKET STYLE LEVEL`` ("" for the usual).

It needs the tables [gateway], [panel] and [annunciator] of the site file, a folder of its own, and the agent's socket
for panels.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from agent.clock import SystemClock
from agent.log import Style, configure, get
from agent.notify import Notifier
from agent.panel.accounts import Accounts
from agent.panel.addresses import Names
from agent.panel.agency import Agency
from agent.panel.app import application
from agent.panel.gate import Server
from agent.panel.house import House
from agent.panel.limits import Lockout
from agent.panel.sessions import Sessions
from agent.panel.settings import NoPanel, settings_of
from agent.panel.tls import Certificate, NoCertificate
from agent.panel.tower import Tower
from agent.panel.words import Words
from config.apart import load_front_apart
from config.problem import SiteProblems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.panel.settings import Settings
    from config.site import Front, Panel

STATE: Final = Path("/var/lib/plantgate-panel")
RUNTIME: Final = Path("/run/plantgate")
SOCKET: Final = "panel.sock"
BACKLOG: Final = 128
RENEW_EVERY_NS: Final = 3600 * 10**9
_FIRST_FD: Final = 3
"""SD_LISTEN_FDS_START (sd_listen_fds(3))."""

log = get("agent.panel.serve")  # not `__name__`: this is the main module


def serve(site: Path, state: Path | None, agent: Path | None, style: Style, level: str) -> int:
    """Serve until asked to stop; return the exit code: 0 asked to stop, 1 refused or died."""
    try:
        front = load_front_apart(site)
        settings = settings_of(front)
    except (SiteProblems, NoPanel) as problems:
        return refused(problems)
    clock = SystemClock()
    lines = configure(clock.mono_ns, style=style, level=level)
    try:
        folder = folder_of(state, os.environ)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        house = built(settings, folder, agent or socket_of(front), clock)
        return run(house, Notifier(), sockets(settings.panel, os.environ), certificate(settings.panel, folder, clock))
    except (OSError, ValueError, NoCertificate) as problem:
        return refused(problem)
    finally:
        lines.close()


def built(settings: Settings, folder: Path, agent: Path, clock: SystemClock) -> House:
    """Return the panel's parts."""
    accounts = Accounts(folder, clock)
    return House(
        settings=settings,
        agency=Agency(agent, clock.mono_ns),
        accounts=accounts,
        sessions=Sessions(accounts, settings.panel.idle_s),
        lockout=Lockout(clock.mono_ns),
        words=Words(),
        mono_ns=clock.mono_ns,
        wall_ms=clock.wall_ms,
        is_ours=Names(settings.panel, clock.mono_ns).is_ours,
        tower=None if settings.annunciator is None else Tower(settings.annunciator),
    )


def run(house: House, notifier: Notifier, listening: list[socket.socket], tls: Certificate | None) -> int:
    """Serve a house on sockets, and tell the service manager how it goes."""
    looked_ns, is_ready = house.mono_ns(), False

    def beat() -> None:
        nonlocal looked_ns, is_ready
        if not is_ready:
            is_ready = notifier.ready("serving") or True
        notifier.alive("serving" if house.agency.live.board else "serving; the agent is away")
        if tls is not None and house.mono_ns() - looked_ns > RENEW_EVERY_NS:
            looked_ns = house.mono_ns()
            renew(tls, house.wall_ms())

    panel = house.settings.panel
    log.info("serving", host=panel.host, port=panel.port, tls=panel.tls)
    server = Server(application(house), listening, None if tls is None else tls.context, beat)
    asyncio.run(server.serve())
    notifier.stopping()
    return 0 if is_ready else 1


def renew(tls: Certificate, now_ms: int) -> None:
    """Renew the certificate when it is time; what goes wrong leaves the old one in use."""
    try:
        if tls.renew(now_ms):
            log.info("a new certificate", fingerprint=tls.fingerprint())
    except NoCertificate as problem:
        log.warning("the certificate could not be renewed", reason=str(problem))


def certificate(panel: Panel, folder: Path, clock: SystemClock) -> Certificate | None:
    """Return the certificate, where the panel speaks TLS. Raises NoCertificate."""
    if not panel.tls:
        return None
    found = Certificate(panel, folder, Names(panel, clock.mono_ns).all())
    found.load(clock.wall_ms())
    return found


def sockets(panel: Panel, environment: Mapping[str, str]) -> list[socket.socket]:
    """Return what to listen on: what systemd opened for us (sd_listen_fds(3)), else the site's address.

    Raises OSError.
    """
    if environment.get("LISTEN_PID") == str(os.getpid()):
        count = int(environment.get("LISTEN_FDS", "0"))
        return [socket.socket(fileno=number) for number in range(_FIRST_FD, _FIRST_FD + count)]
    try:
        family, _, _, _, address = socket.getaddrinfo(panel.host, panel.port, type=socket.SOCK_STREAM)[0]
        is_everything = panel.host == "::"
        return [socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=is_everything)]
    except OSError as error:
        raise OSError(f"cannot listen on {panel.host} port {panel.port}: {error.strerror}") from None


def folder_of(chosen: Path | None, environment: Mapping[str, str]) -> Path:
    """Return the panel's own folder: the chosen one, systemd's, or the usual."""
    return chosen or Path(environment.get("STATE_DIRECTORY", str(STATE)))


def socket_of(front: Front) -> Path:
    """Return the agent's socket for panels: where systemd has it made, else in the agent's folder."""
    return (RUNTIME if RUNTIME.is_dir() else front.gateway.state_dir) / SOCKET


def refused(problem: Exception) -> int:
    """Say why it does not start."""
    sys.stderr.write(f"plantgate: {problem}\n")
    return 1


if __name__ == "__main__":
    _site, _state, _agent, _style, _level = sys.argv[1:]
    sys.exit(
        serve(
            Path(_site),
            Path(_state) if _state else None,
            Path(_agent) if _agent else None,
            cast("Style", _style),
            _level,
        )
    )
