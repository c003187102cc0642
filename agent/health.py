"""The `health` record: counters of everything, so that a platform sees a sick line or a filling store from afar."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.counts import by_device

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.poller import PollerStatus
    from agent.uplink.status import Snapshot
    from buffer.outbox import Usage
    from drivers.bus import BusCounters, Counters


def draft(
    pollers: Sequence[tuple[PollerStatus, BusCounters]],
    outbox: Usage,
    uplink: Snapshot | None,
    now_ns: int,
    code: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the draft. Everything in it was counted since the process started, unless its name says otherwise.

    `code` is the health code (`agent.health_code`) of the plant and its lines; empty while nothing is judged yet.
    """
    return {
        "kind": "health",
        **({"code": dict(code)} if code else {}),
        "buses": {status.bus: _bus(status, counters) for status, counters in pollers},
        "devices": {name: _device(counts, now_ns) for _, bus in pollers for name, counts in by_device(bus).items()},
        "outbox": asdict(outbox),
        "uplink": None if uplink is None else asdict(uplink),
        "process": {"rss": resident_bytes(), "cpu_s": round(sum(os.times()[:2]), 2)},
    }


def _bus(status: PollerStatus, counters: BusCounters) -> dict[str, Any]:
    return {
        "connects": counters.connects,
        "link_failures": counters.link_failures,
        "busy_s": round(counters.busy_s, 3),
        "overruns": status.overruns,
        "absent": list(status.absent),
        "noise_bytes": counters.noise_bytes,
        "echoes": counters.echoes,
        "diagnosis": counters.diagnosis,
    }


def _device(counters: Counters, now_ns: int) -> dict[str, Any]:
    last = counters.last_answer_ns
    return {
        "requests": counters.requests,
        "answers": counters.answers,
        "timeouts": counters.timeouts,
        "bad_frames": counters.bad_frames,
        "strays": counters.strays,
        "deviations": dict(sorted(counters.deviations.items())),
        "exceptions": {str(code): count for code, count in sorted(counters.exceptions.items())},
        "last_answer_ago_s": None if last is None else round((now_ns - last) / 1e9, 1),
        "latency_ms": round(counters.latency_s * 1e3, 2),
        "latency_max_ms": round(counters.latency_max_s * 1e3, 2),
    }


def resident_bytes() -> int:
    """Return the memory this process holds (proc(5), statm: resident pages)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
