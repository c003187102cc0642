"""By which names the panel may be called: its Host allow-list, and what its certificate is made out to."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from config.site import Panel

_LOOK_AGAIN_NS: Final = 10 * 10**9
"""Addresses change (DHCP); the box's own are looked up again after so long, when an unknown one is asked for."""
_HOST: Final = re.compile(
    r"(?:(?P<name>[a-z0-9._-]{1,253})|\[(?P<ipv6>[0-9a-f:.]*:[0-9a-f:.]*)\])(?::[0-9]{0,5})?", re.ASCII | re.IGNORECASE
)
"""RFC 9110 7.2, without what no name of ours has: a colon is what tells an IPv6 address from another name."""


class Names:
    """The names and addresses of this box, as far as the panel listens on them."""

    def __init__(
        self, panel: Panel, mono_ns: Callable[[], int], own: Callable[[], Collection[str]] | None = None
    ) -> None:
        """`own` returns the names and addresses of this machine."""
        self._panel = panel
        self._mono_ns = mono_ns
        self._own = own or own_names
        self._known = self._gathered()
        self._looked_ns = mono_ns()

    def is_ours(self, host: str) -> bool:
        """Whether a Host header names this panel; its port does not matter."""
        name = bare(host)
        if name is None:
            return False
        if name not in self._known and self._mono_ns() - self._looked_ns > _LOOK_AGAIN_NS:
            self._known, self._looked_ns = self._gathered(), self._mono_ns()
        return name in self._known

    def all(self) -> list[str]:
        """Return all names and addresses."""
        return sorted(self._known)

    def _gathered(self) -> frozenset[str]:
        found = {"localhost", "127.0.0.1", "::1", *self._panel.hosts, self._panel.host, *self._own()}
        return frozenset(name for one in found if (name := plain(one)) not in ("0.0.0.0", "::"))


def bare(host: str) -> str | None:
    """Return the name or address in a Host header, ``None`` when it is none."""
    found = _HOST.fullmatch(host)
    return None if found is None else plain(found["name"] or found["ipv6"])


def plain(name: str) -> str:
    """Return a name or an address in the one way we write it."""
    name = name.lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        return name


def own_names() -> set[str]:
    """Return the names and addresses of this machine that need no name service."""
    host = socket.gethostname()
    short = host.partition(".")[0]
    return {host, short, f"{short}.local", *_own_addresses()}


def _own_addresses() -> set[str]:
    """Return the addresses of this machine's interfaces: those that the kernel's tables name."""
    return {*_ipv4(), *_ipv6()}


def _ipv4() -> set[str]:
    """Return IPv4 addresses: local hosts in the kernel's routing trie (proc(5): /proc/net/fib_trie)."""
    found, last = set(), ""
    for line in _lines("/proc/net/fib_trie"):
        words = line.split()
        if words[:1] == ["|--"]:
            last = words[1]
        elif words[:3] == ["/32", "host", "LOCAL"]:
            found.add(last)
    return found


def _ipv6() -> set[str]:
    """Return IPv6 addresses (proc(5): /proc/net/if_inet6)."""
    return {str(ipaddress.IPv6Address(bytes.fromhex(line.split()[0]))) for line in _lines("/proc/net/if_inet6")}


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 -- a file of the kernel's, no path of ours
            return file.read().splitlines()
    except OSError:
        return []
