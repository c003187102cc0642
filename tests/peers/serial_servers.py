"""Modbus units written by others on a serial line of pseudo-terminals, each in a process of its own.

`serve(peer, image)` runs one and gives the line to it. An image is four tables of {address: value}; what is not named
is zero. Holding registers and coils exist at every address, input registers and discrete inputs below `INPUTS`. A peer
that cannot be had is an error.

    the box -- pseudo-terminal -- a thread that passes bytes on and remembers the box's -- pseudo-terminal -- the peer
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from drivers.spec import LineSettings, Table

HERE = Path(__file__).parent
START_S = 60.0
"""Generous: a peer is waited for only until it says that it listens."""
SETTINGS = LineSettings()
"""What the peers are set to. Pseudo-terminals carry bytes as fast as they come, whatever the rate."""

Image = Mapping[Table, Mapping[int, int]]

RTU_PEERS = ("pymodbus-rtu", "modbus_tk-rtu")
ASCII_PEERS = ("pymodbus-ascii",)
UNIT = 7
"""The one unit that the peers answer for."""
INPUTS = 1000


@dataclass
class Line:
    """The box's end of the line: the name of its port, and all that the box has sent."""

    port: str
    sent: bytearray = field(default_factory=bytearray)


@contextmanager
def serve(peer: str, image: Image) -> Iterator[Line]:
    """Run the unit of that name and yield the line to it."""
    library, _, mode = peer.partition("-")
    whole = {table.value: {str(at): value for at, value in image.get(table, {}).items()} for table in Table}
    with _null_modem() as (line, far_end):
        script = str(HERE / f"serve_{library}_serial.py")
        command = [sys.executable, script, far_end, mode, str(SETTINGS.baudrate), str(UNIT), str(INPUTS)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdin is not None
                process.stdin.write(json.dumps(whole).encode() + b"\n")
                process.stdin.flush()
                _wait_until_listening(peer, process)
                yield line
            finally:
                process.kill()


def _wait_until_listening(peer: str, process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    if not ready or process.stdout.readline() != b"listening\n":
        raise RuntimeError(f"{peer} does not listen (ended with {process.poll()})")


@contextmanager
def _null_modem() -> Iterator[tuple[Line, str]]:
    """Yield the box's end and the name of the peer's port."""
    ends = [os.openpty(), os.openpty()]
    names = [os.ttyname(slave) for _, slave in ends]
    os.close(ends[0][1])  # nobody but the box holds its end: it asks for it exclusively
    near, far, line = ends[0][0], ends[1][0], Line(names[0])
    over = threading.Event()
    passing_on = threading.Thread(target=_pass_on, args=(near, far, line, over))
    passing_on.start()
    try:
        yield line, names[1]
    finally:
        over.set()
        passing_on.join()
        for end in (near, far, ends[1][1]):
            os.close(end)


def _pass_on(near: int, far: int, line: Line, over: threading.Event) -> None:
    while not over.is_set():
        for end in select.select([near, far], [], [], 0.02)[0]:
            try:
                data = os.read(end, 4096)
            except OSError:  # nobody has the other end open
                over.wait(0.005)
                continue
            if end == near:
                line.sent += data
            with suppress(OSError):
                os.write(far if end == near else near, data)
