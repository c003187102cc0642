"""A gateway that writes a believable chain into a real store, for bundles to be made of."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agent.clock import ts
from agent.keys import SigningKey
from agent.ledger import entry, gaps
from agent.record import Position, Sealer
from buffer.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.record import Sealed
    from buffer.outbox import Drop, Run

KEY = SigningKey.from_seed(bytes(range(32)))
GATEWAY = "jn-0417"
CFG = "b2f1c0de"
NAME = {"zh": "一号车间", "en": "Workshop 1"}
MIDNIGHT_MS = 1_793_462_400_000
"""2026-11-01 00:00 in Shanghai."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Gateway:
    """Writes records, each at the time its clock says. `up_ms` is since boot; `offset_ms` dates it, if it knows."""

    def __init__(self, directory: Path, *, begun_ms: int = MIDNIGHT_MS - DAY_MS, key: SigningKey = KEY) -> None:
        self.directory = directory
        self.outbox = Outbox.open(directory, max_size=16 * 1024 * 1024, allow_volatile=True)
        self.sealer = Sealer(GATEWAY, key)
        self.boot = "a6ebeace"
        self.up_ms = 60_000
        self.offset_ms: int | None = begun_ms
        self.sealed: list[Sealed] = []
        key_of_hello = key.public.jwk
        self.add({"kind": "hello", "site": NAME, "software": "plantgate 0.1.0", "key": key_of_hello, "reason": "new"})

    @property
    def now_ms(self) -> int | None:
        """Its time."""
        return None if self.offset_ms is None else self.offset_ms + self.up_ms

    @property
    def wires(self) -> dict[int, bytes]:
        """What it wrote, by number."""
        return {one.seq: one.wire for one in self.sealed}

    def add(self, draft: dict[str, Any], *, drop: Drop | None = None) -> Sealed:
        """Write one record now."""
        at = self.outbox.position
        clk = {"boot": self.boot, "up": self.up_ms / 1000, "q": "unsync" if self.offset_ms is None else "sync"}
        whole = {"ts": ts(self.now_ms), "clk": clk, "cfg": CFG, **draft}
        record, _ = self.sealer.seal(Position(at.chain, at.seq, at.id), whole)
        self.outbox.write([entry(record)], drop=drop)
        self.sealed.append(record)
        return record

    def event(self, event: str, **members: Any) -> Sealed:
        """Write an event."""
        return self.add({"kind": "event", "event": event, **members})

    def readings(self, count: int, every_ms: int = 600_000, device: str = "press-1", **more: Any) -> None:
        """Read a device so often, the clock going on."""
        for number in range(count):
            self.up_ms += every_ms
            self.add({"kind": "readings", "device": device, "values": {"power": 10.5 + number, "on": True}, **more})

    def reboot(self, *, knows_time: bool = True, after_ms: int = 0) -> None:
        """Begin another boot, with no time between or so much."""
        now_ms = self.now_ms
        self.boot = f"{int(self.boot, 16) + 1:08x}"
        self.up_ms = 5_000
        self.offset_ms = now_ms + after_ms if knows_time and now_ms is not None else None
        if self.offset_ms is not None:
            self.clock("first")
        self.event("start", software="plantgate 0.1.0")

    def learn_time(self, at_ms: int) -> None:
        """Get to know the time."""
        self.offset_ms = at_ms - self.up_ms
        self.clock("first")

    def clock(self, why: str, **members: Any) -> None:
        """Write a clock record."""
        self.add({"kind": "clock", "why": why, "source": "chrony", "wall": ts(self.now_ms), **members})

    def step(self, by_ms: int) -> None:
        """Have the clock set."""
        assert self.now_ms is not None
        assert self.offset_ms is not None
        before = ts(self.now_ms)
        self.offset_ms += by_ms
        self.clock("step", before=before, after=ts(self.now_ms), step_s=by_ms / 1000)

    def drop(self, drop: Drop, runs: tuple[Run, ...]) -> None:
        """Give up undelivered readings, and sign for it."""
        for draft in gaps("capacity", runs):
            self.add(draft, drop=drop)

    def let_go(self, first: int, last: int) -> None:
        """Let go of delivered readings, as an old store does."""
        from buffer.outbox import Drop

        self.outbox.delivered(range(first, last + 1))
        self.outbox.flush()
        self.outbox.write(drop=Drop("age", ((first, last),), (), last - first + 1, 1))


@contextmanager
def gateway(directory: Path, **settings: Any) -> Iterator[Gateway]:
    """Return a gateway whose store is closed in the end."""
    made = Gateway(directory, **settings)
    try:
        yield made
    finally:
        made.outbox.close()
