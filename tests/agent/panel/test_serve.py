"""The panel's process: started as it is on a box."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from agent.panel.gate import Crowd
from agent.panel.serve import SOCKET, folder_of, sockets
from tests.agent.panel.rig import settings
from tests.agent.panel.running import free_port, running

if TYPE_CHECKING:
    from pathlib import Path

FORBIDDEN = (
    "sqlite3",
    "paho",
    "pydantic",
    "typer",
    "rich",
    "drivers",
    "buffer",
    "serial",
    "agent.keys",
    "agent.record",
)


def test_the_process_carries_nothing_of_the_agent() -> None:
    """Neither stores nor drivers nor the broker nor the signing key can be reached from the panel's code."""
    program = "import sys, agent.panel.serve; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()

    assert "agent.panel.app" in loaded
    assert [name for name in loaded if name in FORBIDDEN or name.startswith(("drivers.", "buffer."))] == []


def test_it_serves_tells_systemd_and_ends_when_asked(tmp_path: Path) -> None:
    """READY when it serves, WATCHDOG while it does, STOPPING at the end; exit code 0 on SIGTERM."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(20)
        with running(tmp_path, environment={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as panel:
            assert httpx.get(f"{panel.url}/login").status_code == 200
            panel.process.terminate()
            assert panel.process.wait(15) == 0
        told = [ear.recv(4096).decode() for _ in range(2)]
        while not told[-1].startswith("STOPPING"):
            told.append(ear.recv(4096).decode())

    assert told[0].startswith("READY=1")
    assert told[1].startswith("WATCHDOG=1")


def test_it_speaks_https_with_its_own_certificate(tmp_path: Path) -> None:
    """And tells those who forgot the s of https."""
    with running(tmp_path, "tls = true\n") as panel:
        trust = ssl.create_default_context(cafile=str(panel.state / "tls.pem"))
        answer = httpx.get(f"https://localhost:{panel.port}/login", verify=trust)
        clear = httpx.get(f"http://localhost:{panel.port}/login")

    assert answer.status_code == 200
    assert "__Host-plantgate-visit" in answer.headers["set-cookie"]
    assert clear.status_code == 400
    assert "https://" in clear.text


def test_it_takes_over_the_socket_that_systemd_opened(tmp_path: Path) -> None:
    """Socket activation: the address is systemd's, so that the panel may be started by the first visitor."""
    with socket.create_server(("127.0.0.1", 0)) as listening, running(tmp_path, inherited=listening) as panel:
        assert httpx.get(f"http://localhost:{listening.getsockname()[1]}/login").status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(panel.url)


REFUSED = {
    "no panel": ('[gateway]\nid = "x"\n', "has no [panel]"),
    "a mistake": ('[gateway]\nid = "x"\n[panel]\nlisten = "8080"\n', "not an address to listen on"),
    "a name that is not ours": ('[gateway]\nid = "x"\n[panel]\nlisten = "203.0.113.7:8080"\n', "cannot listen on"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_it_cannot_serve_it_refuses_in_words(tmp_path: Path, case: str) -> None:
    """Exit code 1, one message, no traceback."""
    text, words = REFUSED[case]
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "agent.panel.serve",
        str(tmp_path / "site.toml"),
        str(tmp_path / "state"),
        "",
        "logfmt",
        "info",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_its_folder_is_the_chosen_one_systemds_or_the_usual(tmp_path: Path) -> None:
    """In this order."""
    assert folder_of(tmp_path, {"STATE_DIRECTORY": "/s"}) == tmp_path
    assert str(folder_of(None, {"STATE_DIRECTORY": "/s"})) == "/s"
    assert str(folder_of(None, {})) == "/var/lib/plantgate-panel"
    assert SOCKET == "panel.sock"


def test_sockets_of_another_process_are_not_taken() -> None:
    """LISTEN_FDS is for whom LISTEN_PID names."""
    listening = sockets(settings(port=free_port()).panel, {"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1"})
    try:
        assert [one.getsockname()[0] for one in listening] == ["127.0.0.1"]
    finally:
        for one in listening:
            one.close()


def test_connections_are_counted_in_all_and_by_address() -> None:
    """Whoever leaves makes room, once."""
    crowd = Crowd(most=4, most_of_one=2)
    places = [crowd.enter("a") for _ in range(3)]
    assert [place is not None for place in places] == [True, True, False]
    assert crowd.enter("b")
    assert crowd.enter("c")
    assert crowd.enter("b") is None
    assert places[0] is not None
    places[0].leave()
    places[0].leave()
    assert crowd.enter("d")
    assert crowd.enter("a") is None
    assert crowd.turned_away == 3


def test_who_has_many_connections_gives_way_to_who_has_none() -> None:
    """A full house: the newest connection of the largest ends, until shares are even; then nobody gives way."""
    crowd = Crowd(most=6, most_of_one=6)
    ended: list[int] = []
    for number in range(6):
        place = crowd.enter("greedy")
        assert place is not None
        place.end = partial(ended.append, number)

    let_in = [crowd.enter("honest") is not None for _ in range(4)]

    assert let_in == [True, True, True, False]
    assert ended == [5, 4, 3]


def test_a_damaged_accounts_file_lets_nobody_in(tmp_path: Path) -> None:
    """Pages fail rather than treat the box as new."""
    with running(tmp_path) as panel:
        (panel.state / "accounts.json").write_text("{")
        assert httpx.get(f"{panel.url}/setup").status_code == 500
        assert httpx.get(f"{panel.url}/static/panel.css").status_code == 200
