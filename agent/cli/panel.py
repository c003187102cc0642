"""``plantgate panel``: the local web panel, and the accounts of those who may use it."""

from __future__ import annotations

import asyncio
import getpass
import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli.door import AsJson, printed
from agent.cli.run import HOME, Level, Style
from agent.clock import SystemClock
from agent.panel.accounts import AccountRefused, Accounts
from agent.panel.addresses import Names
from agent.panel.agency import Agency, Away, Refused
from agent.panel.serve import certificate, folder_of, socket_of
from agent.panel.settings import NoPanel, settings_of
from agent.panel.tls import NoCertificate
from agent.panel.words import Words
from config.load import load_front
from config.problem import SiteProblems

if TYPE_CHECKING:
    from config.site import Front, Panel

panel = typer.Typer(
    help="The local web panel: overview, alarms, values and trends in a browser; accounts of those who may use it.",
    no_args_is_help=True,
)
SitePath = Annotated[Path, typer.Argument(help="The site file.", metavar="SITE.toml")]
State = Annotated[Path | None, typer.Option(help="The panel's own folder (/var/lib/plantgate-panel).", metavar="DIR")]
Socket = Annotated[Path | None, typer.Option(help="The agent's socket for panels.", metavar="PATH")]


@panel.command()
def serve(
    site: SitePath,
    state: State = None,
    socket: Socket = None,
    log: Annotated[Style, typer.Option(help="How to log.")] = Style.AUTO,
    level: Annotated[Level, typer.Option(help="What to log.")] = Level.INFO,
) -> None:
    """Serve the panel on the address in [panel] of the site file. Ends on SIGTERM or Ctrl-C.

    Use it under systemd (systemd/plantgate-panel.service), or in a terminal beside `plantgate run`. It has no key and
    no records of its own: all it shows it asks the running agent.
    """
    words = [str(site), str(state or ""), str(socket or ""), log, level]
    command = [sys.executable, "-P", "-m", "agent.panel.serve", *words]
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": HOME})  # noqa: S606


@panel.command()
def setup(site: SitePath, state: State = None, socket: Socket = None) -> None:
    """Print a one-time setup code and where to open the panel: whoever has the code makes an installer account.

    Use it once when a box is set up, or when nobody knows an installer's password any more. The code lasts 24 hours;
    another one makes it void.
    """
    front = _front(site)
    try:
        settings = settings_of(front)
        folder = _folder(state)
        clock = SystemClock()
        code = Accounts(folder, clock).new_setup_code()
        tls = certificate(settings.panel, folder, clock)
    except (NoPanel, NoCertificate, OSError, ValueError) as problem:
        raise _ended(problem) from None
    print(f"setup code  {code}   (once, within 24 hours)")
    for address in addresses(settings.panel, Names(settings.panel, clock.mono_ns).all()):
        print(f"open        {address}/setup")
    if tls is not None:
        print(f"certificate SHA-256 {tls.fingerprint()}")
    _record(socket or socket_of(front), "setup", what="a setup code was made")


@panel.command()
def accounts(state: State = None, json: AsJson = False) -> None:
    """List who may log in to the panel, and with which role."""
    try:
        found = Accounts(_folder(state), SystemClock()).all()
    except (OSError, ValueError) as problem:
        raise _ended(problem) from None
    if json:
        printed([{"user": one.user, "role": one.role.word} for one in found])
        return
    for one in found:
        print(f"{one.user:<32}  {one.role.word}")
    if not found:
        print("no accounts; make the first with: plantgate panel setup SITE.toml")


@panel.command("reset-password")
def reset_password(
    user: Annotated[str, typer.Argument(help="Whose password.")], state: State = None, socket: Socket = None
) -> None:
    """Give an account another password, asked for twice (or one line of standard input). Its sessions end.

    Use it on the box when somebody has forgotten theirs and no installer is at hand.
    """
    try:
        Accounts(_folder(state), SystemClock()).reset_password(user, _password())
    except AccountRefused as why:
        raise _ended(Words().said("en", why.key, **why.fields)) from None
    except (OSError, ValueError) as problem:
        raise _ended(problem) from None
    print(f"the password of {user} is changed; its sessions have ended")
    _record(socket or _usual_socket(), "user-changed", account=user, what="password")


def addresses(panel: Panel, names: list[str]) -> list[str]:
    """Return where a browser finds the panel, what people can read first."""
    scheme = "https" if panel.tls else "http"
    if panel.host not in ("0.0.0.0", "::"):
        names = ["localhost" if _is_loopback(panel.host) else panel.host, *panel.hosts]
    ours = [name for name in dict.fromkeys(names) if _is_reachable(name, panel)]
    return [f"{scheme}://{f'[{name}]' if ':' in name else name}:{panel.port}" for name in sorted(ours, key=_by_looks)]


def _is_reachable(name: str, panel: Panel) -> bool:
    """Whether a name leads here from another machine too, unless only this machine may come."""
    return panel.host not in ("0.0.0.0", "::") or not (_is_loopback(name) or name.startswith("fe80:"))


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _by_looks(name: str) -> tuple[bool, str]:
    return ":" in name or name.replace(".", "").isdigit(), name


def _front(site: Path) -> Front:
    try:
        return load_front(site)
    except SiteProblems as problems:
        print(problems, file=sys.stderr)
        raise typer.Exit(1) from None


def _folder(chosen: Path | None) -> Path:
    """Return the panel's folder, made if need be. Raises OSError."""
    folder = folder_of(chosen, os.environ)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _password() -> str:
    """Return a new password, from a terminal asked twice."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("new password: ")
    if getpass.getpass("once more: ") != password:
        raise _ended("these are two different passwords")
    return password


def _usual_socket() -> Path:
    from agent.panel.serve import RUNTIME, SOCKET  # noqa: PLC0415 -- only here

    return RUNTIME / SOCKET


def _record(path: Path, event: str, **members: str) -> None:
    """Have the agent record what was done here; say so when it cannot."""
    clock = SystemClock()
    words = {"do": "audit", "event": event, "user": getpass.getuser(), "at": "the command line", **members}
    try:
        asyncio.run(Agency(path, clock.mono_ns).ask(words))
    except (Away, Refused) as reason:
        print(f"plantgate: not recorded: {reason}", file=sys.stderr)


def _ended(problem: object) -> typer.Exit:
    print(f"plantgate: {problem}", file=sys.stderr)
    return typer.Exit(1)
