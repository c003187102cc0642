"""Every device read straight from its line, for an acceptance report while no agent runs: several rounds, counted.

Buses side by side, each by one thread, as the agent would; nothing is kept or judged.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from agent.counts import by_device
from agent.live import joined, report, tallied
from config.visits import specs, visits
from drivers.errors import DriverError, LinkDown
from drivers.kinds import open_bus
from drivers.reading import Scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.live import Told
    from config.site import Device, Site
    from drivers.bus import Bus, BusCounters, Counters
    from drivers.reading import Clock

ROUNDS: Final = 5
"""How often each device is visited: enough to see a line that fails now and then."""
_LISTEN_NS: Final = 1_000_000_000


def read_directly(site: Site, clock: Clock) -> tuple[dict[str, Told], Told]:
    """Return what each device said last, as the local door's `read` tells it, and the counters as its `status` does."""
    on_bus = [(bus, [one for one in site.devices if one.spec.bus == bus.name]) for bus in site.buses]
    busy = [(bus, devices) for bus, devices in on_bus if devices]
    scans: dict[str, Scan] = {}
    quality: Told = {"buses": {}, "devices": {}}
    with ThreadPoolExecutor(max(1, len(busy))) as threads:
        for found, counters, lasted_s in threads.map(
            lambda one: _rounds(open_bus(one[0], specs(one[1]), clock), one[1], clock), busy
        ):
            scans |= found
            quality["buses"][counters.bus] = _bus(counters, lasted_s)
            quality["devices"] |= {name: _device(counts) for name, counts in by_device(counters).items()}
    said = {
        one.spec.name: joined(one, [report(visit, scans[visit.spec.name]) for visit in visits(one)])
        for one in site.devices
    }
    return said, quality


def _rounds(bus: Bus, devices: Sequence[Device], clock: Clock) -> tuple[dict[str, Scan], BusCounters, float]:
    """Visit every device on a bus so many times; return the last scans, the counters, and the seconds it took."""
    each = [visit for device in devices for visit in visits(device)]
    began_ns = clock.mono_ns()
    try:
        scans = _heard(bus, each, clock) if bus.listens else _visited(bus, each, clock)
        return scans, bus.counters(), (clock.mono_ns() - began_ns) / 1e9
    finally:
        bus.close()


def _visited(bus: Bus, each: Iterable[Device], clock: Clock) -> dict[str, Scan]:
    scans: dict[str, Scan] = {}
    for _ in range(ROUNDS):
        for visit in each:
            try:
                scans[visit.spec.name] = bus.visit(visit.spec.name)
            except DriverError as error:
                scans[visit.spec.name] = Scan.unanswered(visit.spec.name, len(visit.spec.points), clock, str(error))
    return scans


def _heard(bus: Bus, each: Iterable[Device], clock: Clock) -> dict[str, Scan]:
    """Wait until each device has sent something, or has been silent for its time-out."""
    missing = {visit.spec.name: visit for visit in each}
    scans: dict[str, Scan] = {}
    while missing:
        try:
            heard = bus.listen(clock.mono_ns() + _LISTEN_NS)
        except LinkDown as error:
            heard = [Scan.unanswered(name, len(one.spec.points), clock, str(error)) for name, one in missing.items()]
        for scan in heard:
            if missing.pop(scan.device, None) is not None:
                scans[scan.device] = scan
    return scans


def _bus(counters: BusCounters, lasted_s: float) -> Told:
    return {
        "busy": round(min(1.0, counters.busy_s / lasted_s), 3) if lasted_s > 0 else None,
        "link_failures": counters.link_failures,
        "noise_bytes": counters.noise_bytes,
        "echoes": counters.echoes,
        "diagnosis": counters.diagnosis,
    }


def _device(counts: Counters) -> Told:
    return {**tallied(counts), "latency_max_ms": round(counts.latency_max_s * 1e3, 2)}
