"""The panel's real process on a port of its own, over a scripted agent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

from tests.agent.panel.scripted_door import ScriptedDoor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Panel:
    """A running process. `state` is its folder."""

    process: subprocess.Popen[bytes]
    port: int
    state: Path
    door: ScriptedDoor

    @property
    def url(self) -> str:
        """Return where it serves."""
        return f"http://localhost:{self.port}"

    def connect(self) -> socket.socket:
        """Return a connection on which nothing has been said."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def rss(self) -> int:
        """Return the bytes of memory it has."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def log(self) -> str:
        """Return what it has logged."""
        return (self.state.parent / "log").read_text()

    def connections(self) -> int:
        """Return how many descriptors it has for visitors (proc_pid_net(5): local port, state 01 is established)."""
        lines = Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]
        rows = [line.split() for line in lines]
        return sum(row[1].endswith(f":{self.port:04X}") and row[9] != "0" and row[3] != "0A" for row in rows)

    def eventually(self, is_so: Callable[[], bool], tries: int = 100) -> bool:
        """Whether something comes to be so, within twenty seconds."""
        for _ in range(tries):
            if is_so():
                return True
            sleep(0.2)
        return False


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    folder: Path,
    more: str = "",
    environment: Mapping[str, str] | None = None,
    inherited: socket.socket | None = None,
    deadline_s: float | None = None,
) -> Iterator[Panel]:
    """Yield a panel that serves.

    `more` are lines of ``[panel]``; `inherited` is a socket as systemd hands it over; `deadline_s` is how long a head,
    a form, or reading nothing may take, to save time.
    """
    port = free_port()
    site = folder / "site.toml"
    site.write_text(f'[gateway]\nid = "jn-0417"\n[panel]\nlisten = "127.0.0.1:{port}"\n{more}', encoding="utf-8")
    words = [str(site), str(folder / "state"), str(folder / "panel.sock"), "logfmt", "info"]
    command = [sys.executable, "-P", "-m", "agent.panel.serve", *words]
    if deadline_s is not None:
        hurry = "import runpy; from agent.panel import gate, guard; "
        hurry += f"gate.HEADER_S = gate.UNREAD_S = gate.KEEP_ALIVE_S = guard.BODY_S = {deadline_s}; "
        command = [sys.executable, "-c", hurry + "runpy.run_module('agent.panel.serve', run_name='__main__')", *words]
    if inherited is not None:  # as systemd does: descriptor 3, and the number of the very process that is started
        os.set_inheritable(inherited.fileno(), True)
        become = f"import os,sys; os.dup2({inherited.fileno()}, 3); os.environ['LISTEN_PID'] = str(os.getpid()); "
        become += "os.execv(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-c", become, *command]
    ours = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})} | ({"LISTEN_FDS": "1"} if inherited else {})
    fds = [] if inherited is None else [inherited.fileno()]
    reached = port if inherited is None else inherited.getsockname()[1]
    with ScriptedDoor(folder / "panel.sock") as door, (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=ours, stderr=log, pass_fds=fds)
        try:
            _wait(process, reached, folder / "log")
            yield Panel(process, port, folder / "state", door)
        finally:
            process.terminate()
            try:
                process.wait(15)
            finally:
                process.kill()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        if "event=serving" in log.read_text():
            return
        sleep(0.05)
    raise AssertionError(f"no panel on port {port}: {log.read_text()}")
