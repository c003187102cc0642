"""Where the box takes hold of a line: a pseudo-terminal under a steady name, or the TCP port of a serial server."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import termios
import tty
from typing import TYPE_CHECKING, Protocol

from drivers.sim.uart import Uart

if TYPE_CHECKING:
    from pathlib import Path

_BAUDS = {
    getattr(termios, f"B{baud}"): baud
    for baud in (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800)
}
_UNKNOWN_BAUD = 110
_RECEIVE_BYTES = 4096
_UNREAD_BYTES = 1024
"""More than this in the box's buffer means that nobody reads: a closed port keeps nothing, so neither do we."""


class Port(Protocol):
    """One end of a line, as the thread that serves it uses it."""

    def fds(self) -> list[int]:
        """Return what to wait for."""

    def receive(self) -> bytes:
        """Return what the box has sent. Never blocks, never raises."""

    def deliver(self, data: bytes) -> None:
        """Let the box hear `data`; what nobody takes is lost."""

    def settings(self, unit: Uart) -> Uart:
        """Return the settings of the box's end, as `unit` sees them."""

    def look_after(self) -> None:
        """Do what has to be done now and then."""

    def plug(self) -> None:
        """Be there (again)."""

    def unplug(self) -> None:
        """Be gone. Safe to call twice."""


class PtyPort:
    """A pseudo-terminal, offered under the symbolic link `link`, as udev offers an adapter.

    Unplugged it is gone at once and whoever has it open gets EIO. Plugged in again it is a new device under the same
    link. The kernel keeps the settings of the box's end where we can read them, but for two: a pseudo-terminal has
    neither 7-bit characters nor a parity. 7 bits are always believed. Of parity PARODD survives: odd is told from the
    rest, and whether the rest is none or even is believed too; with `strict_parity` INPCK tells (a box must then set it
    for even parity, and not for none).

    TIOCEXCL would outlive whoever set it, because we hold the box's end too, so it is lifted; a lock on the file holds.
    """

    def __init__(self, link: Path, *, strict_parity: bool = False) -> None:
        self.link = link
        self._strict = strict_parity
        self._ours = self._theirs = -1

    def fds(self) -> list[int]:
        """See `Port.fds`."""
        return [self._ours] if self._ours >= 0 else []

    def receive(self) -> bytes:
        """See `Port.receive`."""
        try:
            return os.read(self._ours, _RECEIVE_BYTES)
        except OSError:
            return b""

    def deliver(self, data: bytes) -> None:
        """See `Port.deliver`."""
        if self._ours < 0 or not data:
            return
        with contextlib.suppress(OSError):
            os.write(self._ours, data)

    def settings(self, unit: Uart) -> Uart:
        """See `Port.settings`."""
        if self._ours < 0:
            return unit
        iflag, _, cflag, _, _, speed, _ = termios.tcgetattr(self._ours)
        stopbits = 2 if cflag & termios.CSTOPB else 1
        if cflag & termios.PARODD:
            parity = "O"
        elif self._strict:
            parity = "E" if iflag & termios.INPCK else "N"
        else:
            parity = "N" if unit.parity == "O" else unit.parity
        return Uart(_BAUDS.get(speed, _UNKNOWN_BAUD), parity, stopbits, unit.databits)

    def look_after(self) -> None:
        """See `Port.look_after`."""
        if self._theirs < 0:
            return
        fcntl.ioctl(self._theirs, termios.TIOCNXCL)
        (unread,) = struct.unpack("i", fcntl.ioctl(self._theirs, termios.FIONREAD, bytes(4)))
        if unread > _UNREAD_BYTES:
            termios.tcflush(self._theirs, termios.TCIFLUSH)

    def plug(self) -> None:
        """See `Port.plug`. The line begins as 9600 8N1."""
        if self._ours >= 0:
            return
        self._ours, self._theirs = os.openpty()
        os.set_blocking(self._ours, False)
        tty.setraw(self._theirs)
        attributes = termios.tcgetattr(self._theirs)
        attributes[4] = attributes[5] = termios.B9600
        termios.tcsetattr(self._theirs, termios.TCSANOW, attributes)
        self._point_at(os.ttyname(self._theirs))

    def _point_at(self, device: str) -> None:
        """Move the link in one step: whoever opens it finds the old device or the new one."""
        self.link.parent.mkdir(parents=True, exist_ok=True)
        new = self.link.with_name(f".{self.link.name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(device)
        new.replace(self.link)

    def unplug(self) -> None:
        """See `Port.unplug`."""
        if self._ours >= 0:
            self.link.unlink(missing_ok=True)
            os.close(self._ours)
            os.close(self._theirs)
            self._ours = self._theirs = -1


class TcpPort:
    """A serial server that passes bytes through: it listens, or with `calls` it connects to the box. One connection."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, calls: bool = False) -> None:
        self.address = (host, port)
        self._calls = calls
        self._is_there = False
        self._listener: socket.socket | None = None
        self._connection: socket.socket | None = None

    def fds(self) -> list[int]:
        """See `Port.fds`."""
        return [sock.fileno() for sock in (self._listener, self._connection) if sock is not None]

    def receive(self) -> bytes:
        """See `Port.receive`. A new connection takes the place of the old one."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._take(self._listener.accept()[0])
        if self._connection is None:
            return b""
        try:
            data = self._connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._drop()
        return data

    def deliver(self, data: bytes) -> None:
        """See `Port.deliver`."""
        if self._connection is not None and data:
            try:
                self._connection.send(data)
            except BlockingIOError:
                pass
            except OSError:
                self._drop()

    def settings(self, unit: Uart) -> Uart:
        """See `Port.settings`: a serial server is set up for its device."""
        return unit

    def look_after(self) -> None:
        """See `Port.look_after`: call again when the connection is gone."""
        if self._calls and self._is_there and self._connection is None:
            with contextlib.suppress(OSError):
                self._take(socket.create_connection(self.address, timeout=1.0))

    def plug(self) -> None:
        """See `Port.plug`. Listening, the port number stays what it was."""
        self._is_there = True
        if not self._calls and self._listener is None:
            self._listener = socket.create_server(self.address)
            self._listener.setblocking(False)
            self.address = self._listener.getsockname()[:2]

    def unplug(self) -> None:
        """See `Port.unplug`."""
        self._is_there = False
        self._drop()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _take(self, connection: socket.socket) -> None:
        self._drop()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
