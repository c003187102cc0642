"""Telling systemd how we are: one datagram to $NOTIFY_SOCKET (sd_notify(3)). Outside systemd nothing happens.

Nothing here ever waits or raises: a service manager that does not listen must not stop the plant's evidence. What could
not be sent is counted.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_STATUS: Final = 500


class Notifier:
    """The service manager's ear. `watchdog_s` is how long we may be silent, ``None`` for ever."""

    def __init__(self, environment: Mapping[str, str] | None = None, pid: int | None = None) -> None:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from `environment` (the process's own by default)."""
        found = os.environ if environment is None else environment
        self._address = _address(found.get("NOTIFY_SOCKET", ""))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._address else None
        self._status = ""
        self.watchdog_s = _watchdog_s(found, os.getpid() if pid is None else pid)
        self.unsent = 0

    def ready(self, status: str = "") -> bool:
        """Say that everything runs, at start and again after a reload."""
        return self._send({"READY": "1", **self._news(status)})

    def alive(self, status: str = "") -> bool:
        """Feed the watchdog, and tell the status when it has changed. Call it only when there is real progress."""
        return self._send({"WATCHDOG": "1", **self._news(status)})

    def status(self, status: str) -> bool:
        """Tell one line for `systemctl status`, when it has changed."""
        news = self._news(status)
        return self._send(news) if news else True

    def reloading(self, mono_ns: int) -> bool:
        """Say that the site file is being read again; `ready` ends it. Only Type=notify-reload looks at the time."""
        return self._send({"RELOADING": "1", "MONOTONIC_USEC": str(mono_ns // 1000)})

    def stopping(self) -> bool:
        """Say that the end has begun."""
        return self._send({"STOPPING": "1"})

    def extend(self, more_s: float) -> bool:
        """Ask for `more_s` seconds from now before start or stop counts as hung: to salvage a damaged store."""
        return self._send({"EXTEND_TIMEOUT_USEC": str(round(more_s * 1e6))})

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _news(self, status: str) -> dict[str, str]:
        line = " ".join(status.split())[:_MOST_STATUS]
        if not line or line == self._status:
            return {}
        self._status = line
        return {"STATUS": line}

    def _send(self, members: Mapping[str, str]) -> bool:
        if self._socket is None or self._address is None:
            return False
        message = "\n".join(f"{name}={value}" for name, value in members.items())
        try:
            self._socket.sendto(message.encode("utf-8", "replace"), socket.MSG_DONTWAIT, self._address)
        except OSError:
            self.unsent += 1
            return False
        return True


def _address(path: str) -> str | None:
    """Return the socket's address: a path, or a name in the abstract namespace written with a leading @."""
    if path.startswith("@"):
        return "\0" + path[1:]
    return path if path.startswith("/") else None


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float | None:
    """Return the watchdog's interval, unless it is meant for another process (sd_watchdog_enabled(3))."""
    usec, meant = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not (usec.isascii() and usec.isdecimal()) or int(usec) == 0 or (meant and meant != str(pid)):
        return None
    return int(usec) / 1e6
