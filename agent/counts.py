"""The counters of a bus by device: those of its two visits together, where a device has two."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from config.visits import name_of
from drivers.bus import Counters

if TYPE_CHECKING:
    from drivers.bus import BusCounters


def by_device(bus: BusCounters) -> dict[str, Counters]:
    """Return the counters of the devices on a bus by name."""
    found: dict[str, Counters] = {}
    for visit, counters in bus.devices.items():
        name = name_of(visit)
        found[name] = _sum(found[name], counters) if name in found else counters
    return found


def _sum(one: Counters, two: Counters) -> Counters:
    """Return what happened in both. The average latency is that of whoever answered last."""
    latest = max(one, two, key=lambda counters: counters.last_answer_ns or 0)
    return Counters(
        requests=one.requests + two.requests,
        answers=one.answers + two.answers,
        timeouts=one.timeouts + two.timeouts,
        bad_frames=one.bad_frames + two.bad_frames,
        strays=one.strays + two.strays,
        exceptions=Counter(one.exceptions) + Counter(two.exceptions),
        last_answer_ns=latest.last_answer_ns,
        latency_s=latest.latency_s,
        latency_max_s=max(one.latency_max_s, two.latency_max_s),
        busy_s=one.busy_s + two.busy_s,
        sent_bytes=one.sent_bytes + two.sent_bytes,
        received_bytes=one.received_bytes + two.received_bytes,
        deviations=Counter(one.deviations) + Counter(two.deviations),
    )
