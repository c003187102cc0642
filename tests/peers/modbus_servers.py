"""Modbus servers written by others, each in a process of its own: what our driver must agree with.

`serve(peer, image)` runs one and gives its port. An image is four tables of {address: value}; what is not named is
zero, and every address from 0 to 65535 exists. Every unit is answered. A peer that cannot be had is an error.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from functools import cache
from pathlib import Path

from drivers.spec import Table

HERE = Path(__file__).parent
NODE = HERE / "node"
START_S = 60.0
"""Generous: a server is waited for only until it listens."""

Image = Mapping[Table, Mapping[int, int]]

TCP_PEERS = ("pymodbus", "pyModbusTCP", "modbus-serial")
"""Two in Python, one in JavaScript."""
RTU_PEERS = ("pymodbus-rtu",)
"""Those that take RTU frames over TCP."""


@contextmanager
def serve(peer: str, image: Image) -> Iterator[int]:
    """Run the server of that name and yield its port on 127.0.0.1."""
    port = _free_port()
    commands = {
        "pymodbus": [sys.executable, str(HERE / "serve_pymodbus.py"), str(port), "tcp"],
        "pymodbus-rtu": [sys.executable, str(HERE / "serve_pymodbus.py"), str(port), "rtu"],
        "pyModbusTCP": [sys.executable, str(HERE / "serve_pymodbustcp.py"), str(port)],
        "modbus-serial": ["node", str(NODE / "modbus-server.js"), str(port)],
    }
    if peer == "modbus-serial":
        install_node_packages()
    whole = {table.value: {str(at): value for at, value in image.get(table, {}).items()} for table in Table}
    with subprocess.Popen(commands[peer], stdin=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(whole).encode() + b"\n")
            process.stdin.flush()
            _wait_until_listening(peer, process, port)
            yield port
        finally:
            process.kill()


@cache
def install_node_packages() -> Path:
    """Install what `node/package.json` names, unless it is there, and return the folder. Raises when that fails."""
    wanted = json.loads((NODE / "package.json").read_text())["dependencies"]
    with (NODE / "package.json").open() as lock:
        flock(lock, LOCK_EX)
        if not all(_installed(name) == version for name, version in wanted.items()):
            quiet = ["--no-package-lock", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(["npm", "install", *quiet], cwd=NODE, check=True, timeout=300)
    return NODE


def _installed(name: str) -> str | None:
    package = NODE / "node_modules" / name / "package.json"
    return str(json.loads(package.read_text())["version"]) if package.exists() else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_until_listening(peer: str, process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{peer} ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{peer} does not listen")
