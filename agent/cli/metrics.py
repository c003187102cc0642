"""``plantgate metrics``: the agent's figures for Prometheus: printed, in a file for node_exporter, on a local port."""

from __future__ import annotations

import ipaddress
import os
import sys
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from socket import AF_INET, AF_INET6
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from agent.cli.devices import loaded
from agent.cli.door import SitePath  # noqa: TC001 -- typer looks it up
from agent.cli.status import asked_for
from agent.clock import SystemClock
from agent.control_client import NoAnswer, NobodyThere, Visit
from agent.metrics import CONTENT_TYPE, Answers, exposition

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from config.site import Site
    from drivers.reading import Clock

LEAST_NS: Final = 1_000_000_000
"""The agent is asked no more often than this, however often we are."""
MOST_AT_ONCE: Final = 8
SLOW_S: Final = 5.0
_LAST_PORT: Final = 65535
LINES: Final = 2
"""So many lines of `watch`, a second apart: how busy a bus is can only be told over a time."""

Textfile = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Write a file for node_exporter's textfile collector.")
]
Listen = Annotated[
    str | None, typer.Option(metavar="ADDRESS:PORT", help="Serve /metrics, such as on 127.0.0.1:9617, until Ctrl-C.")
]
Anywhere = Annotated[bool, typer.Option("--anywhere", help="Let --listen take an address that others can reach.")]
Values = Annotated[bool, typer.Option("--values", help="Also tell the last good value of every point.")]


def metrics(
    site: SitePath, textfile: Textfile = None, listen: Listen = None, anywhere: Anywhere = False, values: Values = False
) -> None:
    """Tell the agent's figures in the text format of Prometheus: print them, or --textfile, or --listen.

    Use it to watch many boxes from one place. While the agent does not run, plantgate_up is 0 and nothing else is
    told. Exit code 0: the agent answered; 1: it did not, or the file or port could not be used; 2: wrong use.
    """
    if textfile is not None and listen is not None:
        raise typer.BadParameter("choose one of --textfile and --listen")
    address = None if listen is None else parsed(listen, anywhere=anywhere)
    source = Source(loaded(site), SystemClock(), values=values)
    if address is not None:
        _serve(source, address)
        return
    text, answered = source.ask()
    if textfile is None:
        print(text, end="")
    else:
        _put(textfile, text)
    if not answered:
        raise typer.Exit(1)


class Source:
    """Asks the agent, for one scrape after the other, and keeps the last text for those who come too soon."""

    def __init__(self, site: Site, clock: Clock, *, values: bool) -> None:
        self._site, self._clock = site, clock
        names = ((device, info) for device in site.devices for info in device.info)
        self._units = {(device.spec.name, info.name): info.unit for device, info in names} if values else None
        self._lock = Lock()
        self._last: tuple[int, str] | None = None

    def text(self) -> str:
        """Return the text, at most a second old. From any thread."""
        with self._lock:
            now_ns = self._clock.mono_ns()
            if self._last is None or now_ns - self._last[0] >= LEAST_NS:
                self._last = (self._clock.mono_ns(), self.ask()[0])
            return self._last[1]

    def ask(self) -> tuple[str, bool]:
        """Return the text, and whether the agent answered."""
        gateway = self._site.gateway
        try:
            with Visit(gateway.state_dir) as visit:
                status, alarms = visit.ask({"do": "status"}), asked_for(visit, "alarms")
                watch = list(islice(visit.lines({"do": "watch"}), LINES))[-1]
        except (NobodyThere, NoAnswer) as reason:
            print(f"plantgate: {reason}", file=sys.stderr)
            return exposition(None, gateway.id), False
        return exposition(Answers(status=status, watch=watch, alarms=alarms), gateway.id, self._units), True


def _put(path: Path, text: str) -> None:
    """Write the file whole or not at all: node_exporter may read at any moment."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")  # node_exporter reads *.prom only
    try:
        aside.write_text(text, encoding="utf-8")
        aside.chmod(0o644)  # node_exporter runs as another user
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        print(f"plantgate: {path}: {error.strerror or error}", file=sys.stderr)
        raise typer.Exit(1) from None


# --- the port ----------------------------------------------------------------------------------------------------


def parsed(listen: str, *, anywhere: bool) -> tuple[str, int]:
    """Return address and port. Raises BadParameter; for an address that others can reach, unless that is meant."""
    host, _, port = listen.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]") if host != "localhost" else "127.0.0.1")
        number = int(port) if port.isascii() and port.isdigit() else -1
    except ValueError:
        address, number = ipaddress.IPv4Address(0), -1
    if not 0 <= number <= _LAST_PORT:
        raise typer.BadParameter(f"{listen!r} is no address; write 127.0.0.1:9617", param_hint="--listen")
    if not address.is_loopback and not anywhere:
        hint = "others could read it, without a password; if that is meant, add --anywhere"
        raise typer.BadParameter(f"{host} is not of this machine alone: {hint}", param_hint="--listen")
    return str(address), number


def _serve(source: Source, address: tuple[str, int]) -> None:
    try:
        server = Server(address, source.text)
    except OSError as error:
        print(f"plantgate: cannot listen on {address[0]}:{address[1]}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(1) from None
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    print(f"plantgate: http://{host}:{server.server_address[1]}/metrics; Ctrl-C ends", file=sys.stderr, flush=True)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


class Server(ThreadingHTTPServer):
    """Serves the text; never more than a few at once, and nobody for long."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], text: Callable[[], str]) -> None:
        """Listen. Raises OSError."""
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        self.text = text
        self._seats = BoundedSemaphore(MOST_AT_ONCE)
        super().__init__(address, Scrape)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a caller in, or hang up when too many are here."""
        if not self._seats.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a caller, and free the seat."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._seats.release()

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """Say nothing of callers that hang up."""


class Scrape(BaseHTTPRequestHandler):
    """One caller."""

    timeout = SLOW_S
    server: Server
    server_version = "plantgate"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer /metrics, and nothing else."""
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND, explain="the figures are at /metrics")
            return
        body = self.server.text().encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the library's
        """Log no scrapes."""
