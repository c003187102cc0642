"""How much one address, or one account, may ask: a bounded table of who asked lately. Pure; time is passed in.

- `Rates` lets `burst` requests through at once and `per_s` a second after that.
- `Attempts` counts attempts to log in: some are free, then each costs a wait that doubles. An attempt counts from its
  beginning, so that many at once gain nothing; success forgets them.

When a table is full, whoever asked longest ago is forgotten.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_KEPT: Final = 4096
MOST_FAMILIAR: Final = 256
LONGEST_NAME: Final = 64
FIRST_WAIT_S: Final = 30.0
LONGEST_WAIT_S: Final = 900.0
FORGOTTEN_AFTER_NS: Final = 3600 * 10**9
"""Attempts so long ago count no more."""
_HOST_PREFIX: Final = 64


def who(address: str) -> str:
    """Return what stands for an address: of IPv6 its network, since one machine has many addresses in it."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, _HOST_PREFIX), strict=False))
    return str(ip)


class Rates:
    """How often each may ask."""

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str, now_ns: int) -> bool:
        """Return whether one more is let through now."""
        left, since_ns = self._left.pop(key, (self._burst, now_ns))
        left = min(self._burst, left + (now_ns - since_ns) / 1e9 * self._per_s)
        is_let = left >= 1.0
        self._left[key] = (left - 1.0 if is_let else left, now_ns)
        while len(self._left) > MOST_KEPT:
            self._left.popitem(last=False)
        return is_let


@dataclass(frozen=True, slots=True)
class Tries:
    """How many in a row, and until when the next must wait."""

    count: int
    last_ns: int
    free_from_ns: int


class Attempts:
    """Failed attempts in a row, by account or by address."""

    def __init__(self, free: int) -> None:
        """`free` attempts come before the first wait."""
        self._free = free
        self._tries: OrderedDict[str, Tries] = OrderedDict()

    def wait_s(self, key: str, now_ns: int) -> float:
        """Return how long the next attempt must wait, seconds; 0 when it may come now."""
        tries = self._tries.get(key)
        return 0.0 if tries is None else max(0.0, (tries.free_from_ns - now_ns) / 1e9)

    def begin(self, key: str, now_ns: int) -> bool:
        """Count an attempt; return whether the next one has to wait because of it."""
        before = self._tries.pop(key, None)
        count = 1 if before is None or now_ns - before.last_ns > FORGOTTEN_AFTER_NS else before.count + 1
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(count - self._free, 10)) if count >= self._free else 0.0
        self._tries[key] = Tries(count, now_ns, now_ns + round(wait_s * 1e9))
        while len(self._tries) > MOST_KEPT:
            self._tries.popitem(last=False)
        return wait_s > 0.0

    def succeeded(self, key: str) -> None:
        """Forget the attempts."""
        self._tries.pop(key, None)


class Lockout:
    """Who may try to log in now: attempts by account and by address.

    Where somebody logged in before, only the address's own attempts count: strangers who guess at an account lock
    themselves out, and not its owner.
    """

    def __init__(self, mono_ns: Callable[[], int]) -> None:
        self._mono_ns = mono_ns
        self._by_account = Attempts(free=5)
        self._by_address = Attempts(free=10)
        self._familiar: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_s(self, user: str, address: str) -> float:
        """Return how long an attempt must wait, seconds; 0 when it may come now."""
        now_ns = self._mono_ns()
        return max(self._by_address.wait_s(address, now_ns), self._by_account.wait_s(self._key(user, address), now_ns))

    def begin(self, user: str, address: str) -> bool:
        """Count an attempt; return whether it is one of those after which there is a wait."""
        now_ns = self._mono_ns()
        by_address = self._by_address.begin(address, now_ns)
        return self._by_account.begin(self._key(user, address), now_ns) or by_address

    def succeeded(self, user: str, address: str) -> None:
        """Forget the attempts that led to this one."""
        self._by_address.succeeded(address)
        self._by_account.succeeded(self._key(user, address))
        self._familiar[user[:LONGEST_NAME], address] = None
        while len(self._familiar) > MOST_FAMILIAR:
            self._familiar.popitem(last=False)

    def _key(self, user: str, address: str) -> str:
        user = user[:LONGEST_NAME]
        return f"{user} {address}" if (user, address) in self._familiar else user
