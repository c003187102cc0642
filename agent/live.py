"""How things stand at this moment: what each device said last, how old it is, what went wrong, how busy the lines are.

For people who look (`plantgate watch`, `plantgate read`), never for the record: these are snapshots of what the bus
threads hold, taken when somebody asks.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from agent.clock import ts
from agent.columns import flagged
from agent.counts import by_device
from agent.record import readings
from config.visits import visits
from drivers.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.poller import Poller
    from config.site import Device
    from drivers.bus import BusCounters, Counters
    from drivers.reading import Clock, Scan

Told = dict[str, Any]

SHARE_NS: Final = 5_000_000_000
"""How busy a bus is, is told over so long: a slow device's whole round should be in it."""
STEP_NS: Final = 900_000_000
"""Counters are remembered no more often than this."""

_NOTHING_YET: Final = "nothing was heard of it yet"


def report(device: Device, scan: Scan) -> Told:
    """Return what one device said: values by point, the flags that are not N, why something is missing, and when.

    `ts` is by the host's clock, believed or not.
    """
    names = tuple(info.name for info in device.info)
    return {
        "values": dict(zip(names, readings(scan.values), strict=True)),
        "flags": flagged(names, scan.flags),
        "error": scan.fault,
        "ts": ts(scan.wall_ms),
    }


def unanswered(device: Device, reason: str) -> Told:
    """Return the report of a device that was not even asked, and why."""
    names = [info.name for info in device.info]
    flags = dict.fromkeys(names, Quality.NO_COMMUNICATION.value)
    return {"values": dict.fromkeys(names), "flags": flags, "error": reason, "ts": None}


def joined(device: Device, told: Sequence[Told]) -> Told:
    """Return one report of a device out of those of its visits, with the points in the device's order.

    What was read in the slow visit is as old as that: `slow` says which points these are, and tells its own `ts` and
    whatever else is told of that visit.
    """
    if len(told) == 1:
        return told[0]
    fast, slow = told
    names = [info.name for info in device.info]
    source = {name: fast if name in fast["values"] else slow for name in names}
    errors = dict.fromkeys(one["error"] for one in told if one["error"])
    return {
        **fast,
        "values": {name: one["values"][name] for name, one in source.items()},
        "flags": {name: one["flags"][name] for name, one in source.items() if name in one["flags"]},
        "error": "; ".join(errors) or None,
        "slow": {
            "points": [name for name, one in source.items() if one is slow],
            **{key: member for key, member in slow.items() if key not in ("values", "flags")},
        },
    }


class View:
    """Looks at pollers. Used by one thread."""

    def __init__(self, pollers: Callable[[], Sequence[Poller]], clock: Clock) -> None:
        """`pollers` returns those that run now: a reload brings others."""
        self._pollers = pollers
        self._clock = clock
        self._before: deque[tuple[int, Mapping[str, BusCounters]]] = deque()

    def line(self) -> Told:
        """Return how everything stands now."""
        now_ns = self._clock.mono_ns()
        pollers = self._pollers()
        counters = {poller.name: poller.bus.counters() for poller in pollers}
        before = self._remember(now_ns, counters)
        counts = {name: counted for bus in counters.values() for name, counted in by_device(bus).items()}
        return {
            "ts": ts(self._clock.wall_ms()),
            "buses": {poller.name: _bus(poller, counters[poller.name], before.get(poller.name)) for poller in pollers},
            "devices": {
                device.spec.name: _device(poller, device, counts.get(device.spec.name), now_ns)
                for poller in pollers
                for device in poller.devices
            },
        }

    def _remember(self, now_ns: int, counters: Mapping[str, BusCounters]) -> Mapping[str, BusCounters]:
        """Keep the counters for later lines; return those to compare with, about `SHARE_NS` old at most."""
        while self._before and now_ns - self._before[0][0] > SHARE_NS + STEP_NS:
            self._before.popleft()
        oldest = self._before[0][1] if self._before else {}
        if not self._before or now_ns - self._before[-1][0] >= STEP_NS:
            self._before.append((now_ns, counters))
        return oldest


def _bus(poller: Poller, now: BusCounters, before: BusCounters | None) -> Told:
    """Return one bus. `busy` is the share of time something was under way, `line` that of characters and silences."""
    status = poller.status()
    return {
        "busy": _share(now, before, "busy_s"),
        "line": _share(now, before, "char_s_total"),
        "connects": now.connects,
        "link_failures": now.link_failures,
        "overruns": status.overruns,
        "absent": list(status.absent),
        "echoes": now.echoes,
        "noise_bytes": now.noise_bytes,
        "diagnosis": now.diagnosis,
    }


def _share(now: BusCounters, before: BusCounters | None, what: str) -> float | None:
    """Return the share of time between two snapshots; ``None`` when there are no two, or the bus was opened anew."""
    if before is None or now.at_ns <= before.at_ns:
        return None
    spent_s = getattr(now, what) - getattr(before, what)
    return None if spent_s < 0 else round(min(1.0, spent_s / ((now.at_ns - before.at_ns) / 1e9)), 3)


def _device(poller: Poller, device: Device, counts: Counters | None, now_ns: int) -> Told:
    mine = visits(device)
    faults = [fault for visit in mine if (fault := poller.last_fault(visit.spec.name)) is not None]
    fault = max(faults, key=lambda scan: scan.mono_ns, default=None)
    return {
        "bus": poller.name,
        **joined(device, [_visit(visit, poller.latest(visit.spec.name), now_ns) for visit in mine]),
        "last_fault": None if fault is None else {"reason": fault.fault, "ago_s": _ago_s(fault.mono_ns, now_ns)},
        **({} if counts is None else tallied(counts)),
    }


def _visit(visit: Device, scan: Scan | None, now_ns: int) -> Told:
    """Return what was said in the last such visit, and how long ago."""
    if scan is None:
        return {**unanswered(visit, _NOTHING_YET), "age_s": None}
    return {**report(visit, scan), "age_s": _ago_s(scan.mono_ns, now_ns)}


def computed(device: Device, scan: Scan | None, now_ns: int) -> Told:
    """Return a derived device as `View` returns an instrument: there is no bus to it, and it never fails by itself."""
    return {"bus": device.spec.protocol, **_visit(device, scan, now_ns), "last_fault": None}


def tallied(counts: Counters) -> Told:
    """Return what people see of a device's counters."""
    return {
        "requests": counts.requests,
        "answers": counts.answers,
        "timeouts": counts.timeouts,
        "bad_frames": counts.bad_frames,
        "strays": counts.strays,
        "exceptions": {str(code): count for code, count in sorted(counts.exceptions.items())},
        "latency_ms": round(counts.latency_s * 1e3, 2),
    }


def _ago_s(then_ns: int, now_ns: int) -> float:
    return round(max(0, now_ns - then_ns) / 1e9, 1)
