"""A publisher running in a thread, with short times, and what it reported."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

from agent.uplink.publisher import Publisher
from agent.uplink.status import About
from agent.uplink.tuning import Ladder, Tuning
from config.site import MqttUplink
from tests.peers.clock import HostClock
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from agent.uplink.store import Store

QUICK = Tuning(
    start_within_s=0.0,
    connect_s=1.0,
    handshake_s=2.0,
    connack_s=1.0,
    quick=Ladder(0.02, 0.05, 0.2),
    normal=Ladder(0.02, 0.05, 0.4),
    slow=Ladder(0.1, 0.2, 0.4),
    healthy_s=0.5,
    puback_s=0.6,
    nobody_first_s=0.02,
    nobody_longest_s=0.1,
    nobody_report_s=0.3,
    refused_first_s=0.1,
    refused_longest_s=0.4,
    sweep_s=60.0,
    turn_s=0.05,
    will_delay_s=0,
)
"""Real times divided by about thirty, so that a test of them takes a second."""


def uplink_to(port: int, **changes: Any) -> MqttUplink:
    """Return the site's uplink table for a broker on the loopback."""
    plain = MqttUplink(
        host="127.0.0.1",
        port=port,
        tls=False,
        prefix="plantgate/acme",
        username=None,
        password_file=None,
        ca_file=None,
        cert_file=None,
        key_file=None,
        keepalive_s=30.0,
        nobody_listens="hold",
    )
    return replace(plain, **changes)


class Running:
    """A publisher in a thread of its own; `with` stops it."""

    def __init__(
        self, uplink: MqttUplink | int, outbox: Store, tuning: Tuning = QUICK, gw: str = "jn-0417", **options: Any
    ) -> None:
        """Start at once."""
        self.events: list[dict[str, Any]] = []
        self.crash: BaseException | None = None
        self.publisher = Publisher(
            uplink_to(uplink) if isinstance(uplink, int) else uplink,
            gw,
            outbox,
            clock=HostClock(),
            random=Random(4),
            report=self.events.append,
            about=options.pop("about", About(boot="a6ebeace", software="plantgate 0.1.0")),
            tuning=tuning,
            **options,
        )
        self.thread = Thread(target=self._run, name="publisher", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.publisher.run()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.crash = error

    @property
    def state(self) -> str:
        """The state in words."""
        return self.publisher.snapshot().state

    def named(self, event: str) -> list[dict[str, Any]]:
        """Return the reported events of this name."""
        return [e for e in self.events if e["event"] == event]

    def connected(self, within_s: float = 10.0) -> bool:
        """Wait for a connection."""
        return eventually(lambda: self.publisher.snapshot().connected, within_s)

    def stop(self, deadline_s: float = 3.0) -> bool:
        """Stop; return whether the thread ended in time."""
        self.publisher.stop(deadline_s)
        self.thread.join(deadline_s + 1)
        return not self.thread.is_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _tb: TracebackType | None) -> None:
        assert self.stop(), "the publisher did not stop"
        assert self.crash is None, self.crash


def write(path: Path, text: str) -> Path:
    """Write a file and return its path."""
    path.write_text(text)
    return path
