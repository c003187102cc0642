"""The datagrams systemd gets, against a fake $NOTIFY_SOCKET."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from agent.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Manager:
    """The other end: a datagram socket that keeps what it got."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(20)

    def heard(self) -> dict[str, str]:
        """Return the next message's members."""
        lines = self.socket.recv(4096).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """Give a listening service manager."""
    found = Manager(str(tmp_path / "notify"))
    yield found
    found.socket.close()


@pytest.fixture
def notifier(manager: Manager) -> Iterator[Notifier]:
    """Give a notifier that talks to it."""
    found = Notifier({"NOTIFY_SOCKET": str(manager.socket.getsockname())})
    yield found
    found.close()


def test_the_life_of_a_service(manager: Manager, notifier: Notifier) -> None:
    """Ready with a status, alive, reloading, stopping: each one datagram in the words of sd_notify(3)."""
    assert notifier.extend(90.0)
    assert notifier.ready("polling 3 devices")
    assert notifier.alive("polling 3 devices")
    assert notifier.status("2 records wait")
    assert notifier.reloading(123_456_789)
    assert notifier.stopping()

    assert [manager.heard() for _ in range(6)] == [
        {"EXTEND_TIMEOUT_USEC": "90000000"},
        {"READY": "1", "STATUS": "polling 3 devices"},
        {"WATCHDOG": "1"},
        {"STATUS": "2 records wait"},
        {"RELOADING": "1", "MONOTONIC_USEC": "123456"},
        {"STOPPING": "1"},
    ]


def test_a_status_is_told_when_it_changes(manager: Manager, notifier: Notifier) -> None:
    """The watchdog is fed twice a second; the same words need not be repeated."""
    for status in ("a", "a", "b", ""):
        notifier.alive(status)

    assert [manager.heard().get("STATUS") for _ in range(4)] == ["a", None, "b", None]


def test_a_status_cannot_smuggle_in_other_members(manager: Manager, notifier: Notifier) -> None:
    """Line breaks in a status become spaces: nobody says STOPPING through a device's name."""
    notifier.status("lost\nSTOPPING=1\r\n press")

    assert manager.heard() == {"STATUS": "lost STOPPING=1 press"}


def test_the_abstract_namespace() -> None:
    """A leading @ means a name in the abstract namespace."""
    manager = Manager("")  # the kernel picks an abstract name
    name = manager.socket.getsockname()
    notifier = Notifier({"NOTIFY_SOCKET": "@" + name[1:].decode()})

    assert notifier.ready()
    assert manager.heard() == {"READY": "1"}
    notifier.close()
    manager.socket.close()


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_a_manager_nothing_happens(environment: dict[str, str]) -> None:
    """Outside systemd every call is a silent no."""
    notifier = Notifier(environment)

    assert not notifier.ready("x")
    assert not notifier.alive()
    assert notifier.unsent == 0


def test_a_manager_that_has_gone_is_survived_and_counted(manager: Manager, notifier: Notifier) -> None:
    """An error of the socket never reaches the caller."""
    manager.socket.close()

    assert not notifier.alive("x")
    assert notifier.unsent == 1


def test_a_manager_that_does_not_read_holds_nobody_up(manager: Manager, notifier: Notifier) -> None:
    """When the socket is full the datagram is counted, not waited for."""
    sent = 0
    while notifier.alive() and sent < 100_000:
        sent += 1

    assert notifier.unsent == 1


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "77"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdogs_interval(environment: dict[str, str], expected: float | None) -> None:
    """Seconds, and only when it is meant for this process."""
    assert Notifier(environment, pid=77).watchdog_s == expected
