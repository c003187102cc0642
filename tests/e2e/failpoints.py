"""The agent with a weak spot: ``python -m tests.e2e.failpoints SITE.toml``.

The product knows nothing of this: named points of it are wrapped from outside before it starts.

    PLANTGATE_FAILPOINT="before_sign:3:kill"     at the third passing: kill (SIGKILL to itself), raise, or hang
    PLANTGATE_TUNING='{"puback_s": 1}'           other times for the uplink
    PLANTGATE_STALLED_S=2                        when a thread counts as stuck
    PLANTGATE_HEALTH_S=1                         how often a health record is made
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import agent.cli.serve
import agent.supervisor
import agent.uplink.publisher
from agent.alarms import Alarms
from agent.cli.serve import serve
from agent.poller import Poller
from agent.record import Sealer
from agent.supervisor import Supervisor
from agent.uplink.mqtt import Connection
from agent.uplink.publisher import Publisher
from agent.uplink.sender import Sender
from agent.uplink.tuning import Ladder, Tuning
from buffer import store
from buffer.outbox import Outbox
from drivers.modbus_tcp import ModbusTcpBus

if TYPE_CHECKING:
    from collections.abc import Callable


class Failure(Exception):
    """What `raise` raises: nothing in the product expects it."""


class Point:
    """Counts its passings and acts at one of them, on whatever thread passes."""

    def __init__(self, at: int, action: str) -> None:
        self._at = at
        self._action = {"kill": _kill, "raise": _fail, "hang": _hang}[action]
        self._passed = 0

    def __call__(self) -> None:
        """Pass."""
        self._passed += 1
        if self._passed == self._at:
            self._action()


def _kill() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()
    raise AssertionError("dead")


def _fail() -> NoReturn:
    raise Failure("as asked by PLANTGATE_FAILPOINT")


def _hang() -> NoReturn:
    threading.Event().wait()
    raise AssertionError("hanging")


# --- the points ------------------------------------------------------------------------------------------------------


def _before(owner: Any, name: str, reach: Point, *, when: Callable[..., object] = lambda *_, **__: True) -> None:
    whole = getattr(owner, name)

    @wraps(whole)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when(*args, **kwargs):
            reach()
        return whole(*args, **kwargs)

    setattr(owner, name, wrapped)


def _after(owner: Any, name: str, reach: Point, *, when: Callable[[Any], object] = lambda _: True) -> None:
    whole = getattr(owner, name)

    @wraps(whole)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = whole(*args, **kwargs)
        if when(result):
            reach()
        return result

    setattr(owner, name, wrapped)


def _before_puback(reach: Point) -> None:
    """Reach the point when a record has really been handed to the network."""
    handed_over, flush = Sender._hand_over, Connection.flush
    waiting: list[object] = []

    def hand_over(self: Sender, *args: Any) -> None:
        handed_over(self, *args)
        waiting.append(None)

    def flushed(self: Connection) -> None:
        flush(self)
        if waiting:
            waiting.clear()
            reach()

    _replace(Sender, "_hand_over", hand_over)
    _replace(Connection, "flush", flushed)


def _replace(owner: Any, name: str, new: object) -> None:
    setattr(owner, name, new)


def _entries(_self: Outbox, entries: object = (), **_: object) -> bool:
    return bool(entries)


POINTS: Final[dict[str, Callable[[Point], None]]] = {
    "before_poll": partial(_before, Poller, "_visit"),
    "after_decode": partial(_after, ModbusTcpBus, "visit"),
    "before_sign": partial(_before, Sealer, "seal"),
    "after_sign_before_commit": partial(_before, Outbox, "write", when=_entries),
    "after_commit_before_publish": partial(_before, Publisher, "_committed"),
    "after_publish_before_puback": _before_puback,
    "after_puback_before_mark": partial(_before, Outbox, "delivered"),
    "after_ack_before_trim": partial(_after, Outbox, "room", when=bool),
    "mid_trim": partial(_after, store, "delete"),
    "mid_config_apply": partial(_before, Alarms, "restore"),
}
"""`mid_trim` lies inside the transaction that trims; `mid_config_apply` behind the drafts that tell of the change."""


def install(environment: dict[str, str]) -> None:
    """Wrap what the environment asks for."""
    if told := environment.get("PLANTGATE_FAILPOINT"):
        name, at, action = told.split(":")
        POINTS[name](Point(int(at), action))
    if told := environment.get("PLANTGATE_TUNING"):
        wanted: dict[str, Any] = json.loads(told)
        times = {name: Ladder(*value) if isinstance(value, list) else value for name, value in wanted.items()}
        changed: Callable[[], Tuning] = partial(replace, Tuning(), **times)
        _replace(agent.uplink.publisher, "Tuning", changed)
    if told := environment.get("PLANTGATE_STALLED_S"):
        _replace(agent.supervisor, "STALLED_S", float(told))
    if told := environment.get("PLANTGATE_HEALTH_S"):
        often: Callable[..., Supervisor] = partial(Supervisor, health_every_s=float(told))
        _replace(agent.cli.serve, "Supervisor", often)


if __name__ == "__main__":
    install(dict(os.environ))
    sys.exit(serve(Path(sys.argv[1]), "logfmt", "info"))
