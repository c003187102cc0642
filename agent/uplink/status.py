"""What others may know of the uplink: the status topic's payload, and a snapshot for health and for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the status topic says of this run. `clock_known` tells whether the wall clock is to be believed now."""

    boot: str
    software: str
    clock_known: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How the uplink is. `state` is words; `since_ns` is monotonic; the counters count since the program's start.

    `reason` is why the last connection ended or failed. `held` are kinds nobody listens to, or the broker refuses, now.
    """

    state: str
    connected: bool
    since_ns: int
    protocol: int = 5
    published: int = 0
    acked: int = 0
    refused: int = 0
    too_large: int = 0
    strays: int = 0
    undelivered: int = 0
    outstanding: int = 0
    parked: int = 0
    held: tuple[str, ...] = ()
    connections: int = 0
    reconnects: int = 0
    rtt_s: float | None = None
    reason: str | None = None


def payload(
    gw: str,
    about: About,
    *,
    online: bool,
    wall_ms: int,
    connection: int,
    reason: str | None = None,
    code: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the JSON of `…/status`: advisory only, not signed. `since` is null while the clock is not known.

    `code` is the health code (`agent.health_code`) while online.
    """
    status: dict[str, Any] = {
        "gw": gw,
        "online": online,
        "boot": about.boot,
        "software": about.software,
        "since": _timestamp(wall_ms) if about.clock_known() else None,
        "connection": connection,
    }
    optional = {"reason": reason, "code": code}
    return orjson.dumps(status | {name: value for name, value in optional.items() if value is not None})


def _timestamp(wall_ms: int) -> str:
    """Return the wire format's time: UTC with milliseconds."""
    moment = datetime.fromtimestamp(wall_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
