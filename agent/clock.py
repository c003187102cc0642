"""What time it is, and how far to believe it. The only module that asks the machine for time.

Boxes have no battery clock, so three things are kept apart:

- *Monotonic time* (`mono_ns`, since boot, suspend included) never steps. Intervals, delays and time-outs use it alone.
- *The host's wall clock* (`wall_ms`) may be years wrong. It is only a candidate.
- *Believed wall time* (`stamp`, `wall_of`) is monotonic time plus an offset that somebody has vouched for
  (`agent.timesync`). While nobody has since boot, it is ``None``: never guessed.

Invariants:
- Believed time moves only in `look`. A step of the host's clock is therefore noticed, recorded and taken over at one
  place in the chain: every record before the `clock` record is dated by the old offset, every later one by the new.
- What was measured before time was known stays undated, even when it is stamped afterwards.
- Quality is ``sync`` while somebody vouches, ``hold`` when somebody did earlier in this boot, else ``unsync``.

`advance` is the whole judgement, a pure function; `SystemClock` is the thin edge to the machine.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from agent.timesync import TimeServices

if TYPE_CHECKING:
    from collections.abc import Mapping

ClockQuality = Literal["sync", "hold", "unsync"]
Draft = dict[str, Any]

STEP_NS: Final = 500_000_000
"""A departure of the wall clock from what the chain was last told, beyond which a `clock` record says so."""
ASK_EVERY_NS: Final = 5_000_000_000
"""How often the time services are asked at most."""
TORN_NS: Final = 10_000_000
"""Two clocks read further apart than this (the process was stopped in between) are read again."""

_BOOTTIME: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_YEAR_10000_MS: Final = 253_402_300_800_000
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def ts(wall_ms: int | None, q: ClockQuality = "sync") -> str | None:
    """Return ``YYYY-MM-DDTHH:MM:SS.mmmZ``, or ``None`` for time that is not known (or not in 1970 to 9999)."""
    if wall_ms is None or q == "unsync" or not 0 <= wall_ms < _YEAR_10000_MS:
        return None
    return f"{_second(wall_ms // 1000)}.{wall_ms % 1000:03d}Z"


class Stamp(NamedTuple):
    """The moment of a record: `ts` and `clk` as on the wire, `wall_ms` for arithmetic (``None`` while unknown)."""

    ts: str | None
    clk: dict[str, Any]
    wall_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """What is known about the clock of this boot.

    `offset_ns` is wall minus monotonic as believed now, `told_ns` the same as the last `clock` record told it.
    `known_from_ns` is the monotonic moment from which on time is known.
    """

    boot: str
    q: ClockQuality = "unsync"
    source: str = ""
    offset_ns: int = 0
    told_ns: int = 0
    known_from_ns: int = 0


def clk(state: ClockState, mono_ns: int) -> dict[str, Any]:
    """Return the `clk` member of a record about the moment `mono_ns`."""
    known = state.q != "unsync" and mono_ns >= state.known_from_ns
    return {"boot": state.boot, "up": round(mono_ns / 1e9, 3), "q": state.q if known else "unsync"}


def wall_of(state: ClockState, mono_ns: int) -> int | None:
    """Return the believed wall time (ms since 1970) of the moment `mono_ns`, or ``None`` while it is not known."""
    if state.q == "unsync" or mono_ns < state.known_from_ns:
        return None
    return (mono_ns + state.offset_ns) // 1_000_000


def advance(state: ClockState, wall_ns: int, mono_ns: int, source: str | None) -> tuple[ClockState, tuple[Draft, ...]]:
    """Judge one look at both clocks; `source` names who vouches for the wall clock, if anybody does.

    The drafts are at most a `clock` record (time is known for the first time, or has stepped) and an `event` (time has
    been lost, or is back). A slow slew is followed silently until it adds up to a step.
    """
    if state.q == "unsync":
        return (state, ()) if source is None else _first(state, wall_ns, mono_ns, source)
    offset = wall_ns - mono_ns
    after = replace(state, q="sync" if source else "hold", source=source or state.source, offset_ns=offset)
    drafts: tuple[Draft, ...] = ()
    if abs(offset - state.told_ns) > STEP_NS:
        after = replace(after, told_ns=offset)
        drafts = (_step(state, after, mono_ns, source),)
    if after.q != state.q:
        drafts += (_quality_changed(after, mono_ns),)
    return after, drafts


def _first(state: ClockState, wall_ns: int, mono_ns: int, source: str) -> tuple[ClockState, tuple[Draft, ...]]:
    offset = wall_ns - mono_ns
    after = replace(state, q="sync", source=source, offset_ns=offset, told_ns=offset, known_from_ns=mono_ns)
    return after, (_clock(after, mono_ns, {"why": "first", "source": source}),)


def _step(before: ClockState, after: ClockState, mono_ns: int, source: str | None) -> Draft:
    """Dates are those of one moment by the old and by the new reckoning: `step_s` = after - before."""
    members = {
        "why": "step",
        "source": source or "nobody",
        "before": ts((mono_ns + before.offset_ns) // 1_000_000),
        "after": ts((mono_ns + after.offset_ns) // 1_000_000),
        "step_s": round((after.offset_ns - before.offset_ns) / 1e9, 3),
    }
    return _clock(after, mono_ns, members)


def _clock(state: ClockState, mono_ns: int, members: Mapping[str, Any]) -> Draft:
    wall = ts(wall_of(state, mono_ns))
    return {"kind": "clock", "ts": wall, "clk": clk(state, mono_ns), "wall": wall, **members}


def _quality_changed(state: ClockState, mono_ns: int) -> Draft:
    event = "clock-sync" if state.q == "sync" else "clock-hold"
    stamp = {"ts": ts(wall_of(state, mono_ns)), "clk": clk(state, mono_ns)}
    return {"kind": "event", **stamp, "event": event, "source": state.source}


class Host(Protocol):
    """The machine's clocks, as far as we use them."""

    boot: str

    def wall_ns(self) -> int:
        """Return the host's wall clock, nanoseconds since 1970 UTC."""

    def mono_ns(self) -> int:
        """Return nanoseconds since boot."""

    def vouched_by(self, wall_ns: int, mono_ns: int) -> str | None:
        """Return who says that the wall clock is synchronised at present, if anybody does. Never blocks."""


class Machine:
    """The real host. CLOCK_BOOTTIME counts suspend; where it is missing CLOCK_MONOTONIC must do."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.boot = boot_id(os.environ if environment is None else environment)
        self._services = TimeServices()

    def wall_ns(self) -> int:
        """Return the host's wall clock."""
        return time.time_ns()

    def mono_ns(self) -> int:
        """Return nanoseconds since boot."""
        return time.clock_gettime_ns(_BOOTTIME)

    def vouched_by(self, wall_ns: int, mono_ns: int) -> str | None:
        """Ask the time services of this machine."""
        return self._services.vouched_by(wall_ns // 1_000_000, mono_ns)


def boot_id(environment: Mapping[str, str], path: Path = _BOOT_ID) -> str:
    """Return the first 8 hex digits of the kernel's boot id: from ``BOOT_ID`` (systemd's %b) or from `path`.

    Where neither is to be had the process invents one: then its uptimes compare with nobody else's, as they must.
    """
    candidates = [environment.get("BOOT_ID", "")]
    with suppress(OSError, ValueError):
        candidates.append(path.read_text(encoding="ascii"))
    found = (re.match(r"[0-9a-f]{8}", candidate.strip().lower()) for candidate in candidates)
    return next((match[0] for match in found if match), secrets.token_hex(4))


class SystemClock:
    """The clock everybody is handed. `look` is for the pipeline's thread; everything else may be called from any."""

    def __init__(self, *, trusted: bool = False, remembered: bytes | None = None, host: Host | None = None) -> None:
        """Start from what an earlier process of the same boot knew (`remembered`, made by `snapshot`).

        `trusted` is the site's word that somebody else keeps the host's clock right.
        """
        self._host: Host = host or Machine()
        self._trusted = trusted
        self._state = _restored(self._host.boot, remembered)
        self._source: str | None = None
        self._asked_ns: int | None = None

    @property
    def boot(self) -> str:
        """The first 8 hex digits of the boot id."""
        return self._state.boot

    def wall_ms(self) -> int:
        """Return the host's wall clock, ms since 1970 UTC, believed or not."""
        return self._host.wall_ns() // 1_000_000

    def mono_ns(self) -> int:
        """Return nanoseconds since boot; never steps."""
        return self._host.mono_ns()

    def quality(self) -> ClockQuality:
        """Return how far to believe the wall clock now."""
        return self._state.q

    def source(self) -> str:
        """Return who vouched last, or an empty string."""
        return self._state.source

    def clk(self, mono_ns: int) -> dict[str, Any]:
        """Return the `clk` member for the moment `mono_ns`."""
        return clk(self._state, mono_ns)

    def wall_of(self, mono_ns: int) -> int | None:
        """Return the believed wall time of the moment `mono_ns` in ms, or ``None`` while it is not known."""
        return wall_of(self._state, mono_ns)

    def stamp(self, mono_ns: int | None = None) -> Stamp:
        """Return `ts`, `clk` and believed wall time of the moment `mono_ns` (now, when not given)."""
        state = self._state
        moment = self._host.mono_ns() if mono_ns is None else mono_ns
        wall = wall_of(state, moment)
        return Stamp(ts(wall), clk(state, moment), wall)

    def look(self) -> tuple[Draft, ...]:
        """Compare the clocks, ask the time services when it is time to, and return what the chain must be told.

        Call it about once a second: a step is taken over here and nowhere else.
        """
        pair = self._read_both()
        if pair is None:
            return ()
        wall_ns, mono_ns = pair
        self._state, drafts = advance(self._state, wall_ns, mono_ns, self._vouched_by(wall_ns, mono_ns))
        return drafts

    def snapshot(self) -> bytes:
        """Return what the next process of this boot should remember."""
        return json.dumps(asdict(self._state), separators=(",", ":")).encode()

    def _vouched_by(self, wall_ns: int, mono_ns: int) -> str | None:
        if self._trusted:
            return "trusted"
        if self._asked_ns is None or mono_ns - self._asked_ns >= ASK_EVERY_NS:
            self._asked_ns = mono_ns
            self._source = self._host.vouched_by(wall_ns, mono_ns)
        return self._source

    def _read_both(self) -> tuple[int, int] | None:
        """Return wall and monotonic time of one moment, or ``None`` when the machine keeps interrupting us."""
        for _ in range(3):
            before = self._host.mono_ns()
            wall = self._host.wall_ns()
            after = self._host.mono_ns()
            if after - before <= TORN_NS:
                return wall, (before + after) // 2
        return None


def _restored(boot: str, remembered: bytes | None) -> ClockState:
    """Return the remembered state when it is of this boot and readable; the next look says whether it still holds."""
    fresh = ClockState(boot=boot)
    if remembered is None:
        return fresh
    try:
        state = ClockState(**json.loads(remembered))
    except (ValueError, TypeError):
        return fresh
    return state if state.boot == boot else fresh
