"""One thread per bus: who is visited when, and what a failure costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.intake import Intake
from agent.poller import Poller
from drivers.bus import BusCounters, RefusedPoint
from drivers.errors import DriverError, LinkDown, NoAnswer
from drivers.reading import Scan
from tests.agent.plant import boiler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

S = 1_000_000_000


class HandClock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now_ns = 0

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return self.now_ns // 1_000_000

    def mono_ns(self) -> int:
        """Return the monotonic clock."""
        return self.now_ns


class ScriptedBus:
    """A bus whose visits take time and end as the test wants."""

    name = "dcs"

    def __init__(self, clock: HandClock, outcome: Callable[[str], DriverError | None], takes_s: float) -> None:
        self._clock = clock
        self._outcome = outcome
        self._takes_ns = int(takes_s * S)
        self.visits: list[tuple[str, float]] = []
        self.restored: list[str] = []
        self.closed = False
        self.refusals: list[RefusedPoint] = []

    def visit(self, device: str) -> Scan:
        """Answer after 2 ms, or fail after the time-out."""
        self.visits.append((device, self._clock.now_ns / S))
        error = self._outcome(device)
        self._clock.now_ns += self._takes_ns if error else 2_000_000
        if error:
            raise error
        return Scan(device, 0, self._clock.now_ns, (1.0, 2, "x", True), "NNNN")

    def refused(self) -> tuple[RefusedPoint, ...]:
        """Return what is new, once."""
        found, self.refusals = tuple(self.refusals), []
        return found

    def restore(self, device: str) -> None:
        """Remember who gets another chance."""
        self.restored.append(device)

    def counters(self) -> BusCounters:
        """Return nothing of interest."""
        return BusCounters(bus=self.name, at_ns=0, connects=0, link_failures=0, busy_s=0.0, devices={})

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class Scene:
    """A poller, driven step by step in simulated time."""

    def __init__(
        self, names: Sequence[str], outcome: Callable[[str], DriverError | None], *, takes_s: float = 0.5
    ) -> None:
        self.clock = HandClock()
        self.bus = ScriptedBus(self.clock, outcome, takes_s)
        self.intake = Intake()
        devices = [boiler(name=name, poll_s=1.0) for name in names]
        self.poller = Poller(self.bus, devices, self.clock, self.intake, lambda: 0.5)
        self.poller._stopping.wait = self._wait  # type: ignore[method-assign,assignment]
        self._until_ns = 0

    def _wait(self, timeout_s: float) -> bool:
        self.clock.now_ns += max(1, int(timeout_s * S))
        if self.clock.now_ns >= self._until_ns:
            self.poller.stop()
        return False

    def run(self, seconds: float) -> Scene:
        """Run for so many simulated seconds."""
        self._until_ns = int(seconds * S)
        self.poller.run()
        return self

    def count(self, name: str) -> int:
        """Return how often a device was visited."""
        return sum(1 for device, _ in self.bus.visits if device == name)

    def scans(self) -> list[Scan]:
        """Return what the pipeline got."""
        items = iter(lambda: self.intake.take(0), None)
        return [item for item in items if isinstance(item, Scan)]


def test_every_device_is_visited_once_a_period() -> None:
    """Ten seconds at one second are ten visits each, and no overrun."""
    scene = Scene(["a", "b", "c"], lambda _: None).run(10)

    assert {scene.count(name) for name in "abc"} == {10}
    assert scene.poller.status().overruns == 0
    assert scene.bus.closed


def test_one_dead_device_costs_the_others_less_than_five_percent() -> None:
    """Twenty devices on one connection, one of them dead: the others keep their rate."""
    names = [f"d{number}" for number in range(20)]
    scene = Scene(names, lambda name: NoAnswer("no answer in 500 ms") if name == "d7" else None).run(120)

    assert all(scene.count(name) >= 0.95 * 120 for name in names if name != "d7")
    assert 3 <= scene.count("d7") <= 15
    assert scene.poller.status().absent == ("d7",)


def test_every_failed_visit_is_a_scan_of_unknowns() -> None:
    """Nothing stale is ever taken for good: the pipeline hears of each failure, with the reason."""
    scans = Scene(["a"], lambda _: NoAnswer("no answer in 500 ms")).run(5).scans()

    assert scans
    assert {(scan.values, scan.flags, scan.fault) for scan in scans} == {((None,) * 4, "BBBB", "no answer in 500 ms")}


def test_a_link_that_is_down_is_probed_once_for_all_its_devices() -> None:
    """Two hundred devices behind a dead host cost one connection attempt per probe, not two hundred."""
    names = [f"d{number}" for number in range(200)]
    scene = Scene(names, lambda _: LinkDown("connection refused")).run(60)

    assert len(scene.bus.visits) <= 12
    assert {scan.device for scan in scene.scans()} == set(names)


def test_when_the_link_is_back_everybody_is_due_at_once() -> None:
    """A host that returns is read completely within a second, not at each device's own back-off."""
    down = {"until": 30.0}
    names = [f"d{number}" for number in range(20)]
    scene = Scene(names, lambda _: LinkDown("refused") if scene_time() < down["until"] else None)

    def scene_time() -> float:
        return scene.clock.now_ns / S

    scene.run(50)
    first = {name: min(at for device, at in scene.bus.visits if device == name and at >= 30) for name in names}

    assert max(first.values()) - min(first.values()) < 1.0
    assert min(first.values()) < 30 + 13


def test_a_device_that_is_back_gets_its_refused_registers_another_chance() -> None:
    """It may have been replaced or repaired meanwhile."""
    silent = {"until": 3.0}
    scene = Scene(["a", "b"], lambda name: NoAnswer("-") if name == "a" and now() < silent["until"] else None)

    def now() -> float:
        return scene.clock.now_ns / S

    scene.run(60)

    assert scene.bus.restored == ["a"]


def test_a_refused_register_is_told_as_an_event() -> None:
    """The chain hears once which point its device will not give."""
    scene = Scene(["a"], lambda _: None)
    scene.bus.refusals.append(RefusedPoint("a", "load", 2, "illegal data address"))
    scene.run(2)

    told = [item for item in iter(lambda: scene.intake.take(0), None) if isinstance(item, dict)]

    assert told == [
        {
            "kind": "event",
            "event": "point-refused",
            "device": "a",
            "point": "load",
            "code": 2,
            "reason": "illegal data address",
        }
    ]


def test_a_visit_that_outlasts_a_stop_is_still_handed_over() -> None:
    """The answer that is on its way when a reload or the end comes is not lost."""
    scene = Scene(["a"], lambda _: None)
    scene.poller.stop()
    scene.poller._visit(0, 0)

    assert len(scene.scans()) == 1


def test_an_abandoned_poller_hands_over_nothing_more() -> None:
    """A visit that outlasts even the patience of a reload does not reach the pipeline under the new site."""
    scene = Scene(["a"], lambda _: None)
    scene.poller.stop()
    scene.poller.abandon()
    scene.poller._visit(0, 0)

    assert scene.scans() == []


@pytest.mark.parametrize("stall_s", [5, 120])
def test_a_stall_is_followed_by_one_visit_not_by_a_burst(stall_s: int) -> None:
    """SIGSTOP for two minutes, then SIGCONT: each device is visited once and goes on in its rhythm."""
    scene = Scene(["a"], lambda _: None)
    stalled = iter([True])

    def outcome(_: str) -> None:
        if scene.clock.now_ns >= 10 * S and next(stalled, False):
            scene.clock.now_ns += stall_s * S

    scene.bus._outcome = outcome
    scene.run(20 + stall_s)

    assert 19 <= scene.count("a") <= 21
    assert scene.poller.status().overruns == stall_s
