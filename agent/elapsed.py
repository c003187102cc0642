"""How long ago something began, over restarts of the process and of the machine, and whatever the wall clock does.

Within a boot monotonic time alone counts, so a step of the clock changes nothing. A restart of the machine ends that
time: what had been counted up to the last snapshot is carried over, and once the wall clock is known in both boots, the
time in between is added. Where it never is, counting goes on from what was counted; it never begins again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Now(NamedTuple):
    """A moment: the boot (8 hex digits), nanoseconds since it, and believed wall time, ``None`` while not known."""

    boot: str
    mono_ns: int
    wall_ms: int | None = None


class Earlier(NamedTuple):
    """A moment of an earlier boot, by wall time, and what had been counted at it."""

    wall_ms: int
    counted_ns: int


@dataclass(frozen=True, slots=True)
class Since:
    """Something that began: at `mono_ns` of this boot `counted_ns` of it had passed already.

    `earlier` is there while it began in an earlier boot and the time is not known in this one.
    """

    mono_ns: int
    counted_ns: int = 0
    earlier: Earlier | None = None

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> Since:
        """Return what `dataclasses.asdict` wrote. Raises KeyError or TypeError."""
        earlier = state["earlier"]
        return cls(int(state["mono_ns"]), int(state["counted_ns"]), None if earlier is None else Earlier(*earlier))

    def elapsed_ns(self, mono_ns: int) -> int:
        """Return how long ago it began, as far as is known."""
        return self.counted_ns + max(0, mono_ns - self.mono_ns)

    def due_ns(self, after_ns: int) -> int:
        """Return the monotonic moment at which `after_ns` of it have passed."""
        return self.mono_ns + after_ns - self.counted_ns


def carried(since: Since, taken: Now, now: Now) -> Since:
    """Return what was remembered at `taken`, as it is to be counted from `now` on."""
    if taken.boot == now.boot:
        return dated(since, now)
    counted = since.elapsed_ns(taken.mono_ns)
    earlier = since.earlier if taken.wall_ms is None else Earlier(taken.wall_ms, counted)
    return dated(Since(now.mono_ns, counted, earlier), now)


def dated(since: Since, now: Now) -> Since:
    """Add the time between the boots, if it is known now. A clock that went back takes nothing away."""
    if since.earlier is None or now.wall_ms is None:
        return since
    by_wall = since.earlier.counted_ns + (now.wall_ms - since.earlier.wall_ms) * 1_000_000
    counted = max(by_wall, since.elapsed_ns(now.mono_ns))
    return replace(since, mono_ns=now.mono_ns, counted_ns=counted, earlier=None)
