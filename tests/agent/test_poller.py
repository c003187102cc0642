"""One thread per bus: who is visited when, and what a failure costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.absence import MOST_PORT_S
from agent.errands import MOST_WAITING, NoVisit
from agent.intake import Intake
from agent.poller import Poller
from drivers.bus import BusCounters, RefusedPoint
from drivers.errors import DriverError, LinkDown, NoAnswer
from drivers.reading import Scan
from tests.agent.plant import boiler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivers.spec import DeviceSpec

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
    listens = False

    def __init__(self, clock: HandClock, outcome: Callable[[str], DriverError | None], takes_s: float) -> None:
        self._clock = clock
        self._outcome = outcome
        self._takes_ns = int(takes_s * S)
        self.visits: list[tuple[str, float]] = []
        self.restored: list[str] = []
        self.closed = False
        self.refusals: list[RefusedPoint] = []

    def news(self) -> tuple[tuple[str, str], ...]:
        """Nothing is tolerated."""
        return ()

    def look(self, spec: DeviceSpec) -> Scan:
        """Nobody looks."""
        raise AssertionError(spec)

    def listen(self, until_ns: int) -> list[Scan]:
        """Never listened to."""
        raise AssertionError(until_ns)

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


class SendingBus(ScriptedBus):
    """A bus whose devices send every half second by themselves; `outcome` is asked once per listening."""

    listens = True

    def __init__(self, clock: HandClock, outcome: Callable[[str], DriverError | None], takes_s: float) -> None:
        super().__init__(clock, outcome, takes_s)
        self.next_ns = 0
        self.listened: list[tuple[float, float]] = []

    def listen(self, until_ns: int) -> list[Scan]:
        """Return what device a has sent, or nothing at `until_ns`."""
        self.listened.append((self._clock.now_ns / S, (until_ns - self._clock.now_ns) / S))
        error = self._outcome("")
        if error:
            self._clock.now_ns += self._takes_ns
            raise error
        if until_ns < self.next_ns:
            self._clock.now_ns = until_ns
            return []
        self._clock.now_ns = max(self._clock.now_ns, self.next_ns)
        self.next_ns = self._clock.now_ns + S // 2
        return [Scan("a", 0, self._clock.now_ns, (1.0, 2, "x", True), "NNNN")]


class Scene:
    """A poller, driven step by step in simulated time."""

    def __init__(
        self,
        names: Sequence[str],
        outcome: Callable[[str], DriverError | None],
        *,
        takes_s: float = 0.5,
        bus: type[ScriptedBus] = ScriptedBus,
        slow_s: float | None = None,
        **keys: Any,
    ) -> None:
        self.clock = HandClock()
        self.bus = bus(self.clock, outcome, takes_s)
        self.intake = Intake()
        devices = [boiler(name=name, poll_s=1.0, slow_s=slow_s) for name in names]
        self.poller = Poller(self.bus, devices, self.clock, self.intake, lambda: 0.5, **keys)
        self.poller._woken.wait = self._wait  # type: ignore[method-assign,assignment]
        self.poller._turn = self._turn  # type: ignore[method-assign]
        self._until_ns = 0

    def _turn(self) -> None:
        Poller._turn(self.poller)
        if self.clock.now_ns >= self._until_ns:
            self.poller.stop()

    def _wait(self, timeout_s: float) -> bool:
        self.clock.now_ns += max(1, int(timeout_s * S))
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


# --- slow points -----------------------------------------------------------------------------------------------------


def test_slow_points_are_visited_at_their_own_pace() -> None:
    """Two minutes at one second and at thirty: at once, and then in turns; told under the visit's key."""
    scene = Scene(["a", "b"], lambda _: None, slow_s=30.0).run(120)

    slow = {key: [int(at) for name, at in scene.bus.visits if name == key] for key in ("a/slow", "b/slow")}
    assert slow == {"a/slow": [0, 30, 60, 90], "b/slow": [0, 15, 45, 75, 105]}
    assert (scene.count("a"), scene.count("b")) == (120, 120)
    assert scene.poller.status().overruns == 0
    assert {scan.device for scan in scene.scans()} == {"a", "a/slow", "b", "b/slow"}


def test_a_dead_device_is_probed_by_its_fast_visit_alone() -> None:
    """Its slow points are told as unknown with the same reason, at no cost; one device is absent, not two."""
    scene = Scene(["a", "b"], lambda key: NoAnswer("no answer") if key.startswith("a") else None, slow_s=5.0).run(120)

    unknown = [scan for scan in scene.scans() if scan.device == "a/slow"]
    assert scene.count("a/slow") == 0
    assert len(unknown) >= 2
    assert {(scan.values, scan.flags, scan.fault) for scan in unknown} == {((None, None), "BB", "no answer")}
    assert scene.poller.status().absent == ("a",)
    assert scene.count("b") >= 0.95 * 120


def test_when_the_device_is_back_its_slow_points_are_read_at_once() -> None:
    """They are overdue, and the registers it refused get another chance in both visits."""
    scene = Scene(["a", "b"], lambda key: NoAnswer("-") if key.startswith("a") and now() < 100 else None, slow_s=60.0)

    def now() -> float:
        return scene.clock.now_ns / S

    scene.run(170)
    back = min(at for key, at in scene.bus.visits if key == "a" and at >= 100)
    slow = min(at for key, at in scene.bus.visits if key == "a/slow")

    assert 0 < slow - back < 0.1
    assert scene.bus.restored == ["a", "a/slow"]


def test_slow_points_that_do_not_answer_cost_the_fast_ones_little() -> None:
    """A meter that ignores questions for energy is neither absent nor held up."""
    scene = Scene(["a"], lambda key: NoAnswer("-") if key == "a/slow" else None, slow_s=5.0).run(120)

    assert scene.count("a") >= 0.95 * 120
    assert 3 <= scene.count("a/slow") <= 15
    assert scene.poller.status().absent == ()
    assert scene.bus.restored == []


def test_a_device_that_dies_at_its_slow_visit_costs_one_more_time_out() -> None:
    """Whoever finds it dead first: after that only the fast visit asks."""
    dead: set[str] = set()

    def outcome(key: str) -> DriverError | None:
        if key == "a/slow" and scene.clock.now_ns > 4 * S:
            dead.add("a")
        return NoAnswer("-") if key[0] in dead else None

    scene = Scene(["b", "a"], outcome, slow_s=5.0)
    scene.run(60)

    assert [at > 4 for key, at in scene.bus.visits if key == "a/slow"] == [False, False, True]
    assert scene.count("a") > 6


def test_a_dead_device_stays_put_off_when_the_link_is_back() -> None:
    """A link that returns makes everybody due, but not the slow points of one that does not answer."""

    def outcome(key: str) -> DriverError | None:
        if 20 <= scene.clock.now_ns / S < 40:
            return LinkDown("refused")
        return NoAnswer("-") if key.startswith("a") else None

    scene = Scene(["a", "b"], outcome, slow_s=5.0)
    scene.run(120)

    assert [at for key, at in scene.bus.visits if key == "a/slow" and not 20 <= at < 40] == []


def test_refused_slow_points_are_told_under_the_device_s_name() -> None:
    """What the platform hears of is a device, never a visit."""
    scene = Scene(["a"], lambda _: None, slow_s=5.0)
    scene.bus.refusals.append(RefusedPoint("a/slow", "so2", 2, "illegal data address"))
    scene.run(2)

    (told,) = [item for item in iter(lambda: scene.intake.take(0), None) if isinstance(item, dict)]
    assert (told["device"], told["point"]) == ("a", "so2")


# --- visits that people ask for --------------------------------------------------------------------------------------


def test_an_errand_is_made_at_once_and_told_only_to_who_asked() -> None:
    """Between two visits; nothing is recorded, and the rhythm stays."""
    scene = Scene(["a", "b"], lambda _: None)
    future = scene.poller.ask("b")
    scene.run(10)

    assert future.result(0).device == "b"
    assert scene.bus.visits[0] == ("b", 0.0)
    assert (scene.count("a"), scene.count("b")) == (10, 11)
    assert len(scene.scans()) == 20


def test_an_errand_to_a_dead_device_gives_unknowns_and_changes_nothing() -> None:
    """The reason is told; the device's back-off and the others stay as they were."""
    scene = Scene(["a", "b"], lambda name: NoAnswer("no answer within 0.5 s") if name == "b" else None)
    future = scene.poller.ask("b")
    scene.poller._turn()
    scan = future.result(0)

    assert (scan.values, scan.flags, scan.fault) == ((None,) * 4, "BBBB", "no answer within 0.5 s")
    assert scene.poller.status().absent == ()
    assert scene.scans() == []


def test_errands_do_not_keep_the_plant_from_being_read() -> None:
    """However many are waiting, what is due has every other turn."""
    scene = Scene(["a"], lambda _: None)
    futures = [scene.poller.ask("a") for _ in range(MOST_WAITING)]
    scene.run(5)

    assert all(future.done() for future in futures)
    assert len(scene.scans()) == 5


def test_more_errands_than_fit_are_refused_at_once() -> None:
    """Memory is bounded, and who asks is told."""
    scene = Scene(["a"], lambda _: None)
    futures = [scene.poller.ask("a") for _ in range(MOST_WAITING + 1)]

    with pytest.raises(NoVisit, match="too many"):
        futures[-1].result(0)


def test_nobody_waits_for_a_bus_that_was_closed() -> None:
    """Asked before or after the end: the answer is that there will be none."""
    scene = Scene(["a"], lambda _: None)
    before = scene.poller.ask("a")
    scene.poller.stop()
    scene.poller.run()

    for future in (before, scene.poller.ask("a"), scene.poller.ask("a")):
        with pytest.raises(NoVisit, match="being closed"):
            future.result(0)


def test_a_cancelled_errand_is_not_made() -> None:
    """Who has gone needs no answer, and the line is spared."""
    scene = Scene(["a"], lambda _: None)
    scene.poller.ask("a").cancel()
    scene.run(3)

    assert scene.count("a") == 3


def test_the_last_scan_and_the_last_fault_are_there_for_whoever_looks() -> None:
    """The fault stays when the device is well again."""
    scene = Scene(["a"], lambda _: NoAnswer("asleep") if scene.clock.now_ns < S else None)
    assert scene.poller.latest("a") is None
    scene.run(10)
    latest, fault = scene.poller.latest("a"), scene.poller.last_fault("a")

    assert latest is not None
    assert latest.fault is None
    assert fault is not None
    assert fault.fault == "asleep"


# --- buses that are listened to --------------------------------------------------------------------------------------


def test_what_comes_by_itself_is_handed_over_and_nobody_is_visited() -> None:
    """Each listening is short, so that stopping is quick."""
    scene = Scene(["a", "b"], lambda _: None, bus=SendingBus).run(10)
    assert isinstance(scene.bus, SendingBus)

    assert 19 <= len(scene.scans()) <= 21
    assert scene.bus.visits == []
    assert max(patience for _, patience in scene.bus.listened) <= 0.2


def test_an_errand_on_a_listening_bus_is_the_next_that_comes() -> None:
    """A device that sends cannot be asked."""
    scene = Scene(["a"], lambda _: None, bus=SendingBus)
    future = scene.poller.ask("a")
    scene.run(2)

    assert future.result(0).device == "a"


def test_an_errand_on_a_listening_bus_that_is_closed_is_told_so() -> None:
    """Nobody waits for ever for a device that said nothing."""
    scene = Scene(["a", "b"], lambda _: None, bus=SendingBus)
    future = scene.poller.ask("b")
    scene.run(2)

    with pytest.raises(NoVisit, match="being closed"):
        future.result(0)


@pytest.mark.parametrize("bus", [ScriptedBus, SendingBus])
def test_a_port_that_was_unplugged_is_read_again_within_five_seconds(bus: type[ScriptedBus]) -> None:
    """However long it was away: its port is tried often, for that costs next to nothing."""
    scene = Scene(
        ["a", "b"],
        lambda _: LinkDown("unplugged") if 5 * S <= scene.clock.now_ns < 300 * S else None,
        bus=bus,
        link_probe_s=MOST_PORT_S,
        takes_s=0.001,
    )
    scans = scene.run(320).scans()
    good = [scan.mono_ns / S for scan in scans if scan.fault is None]

    assert {scan.device for scan in scans if scan.fault == "unplugged"} == {"a", "b"}
    assert min(at for at in good if at >= 300) < 300 + 2.5
    assert len([at for at in good if at >= 304]) >= 15
