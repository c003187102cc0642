"""One thread per bus: visit the devices that are due, or listen to those that send; hand over what they said.

Promises: a deadline is served once or counted, never queued up; a device that does not answer costs the others one
time-out per probe, ever more rarely (`agent.absence`); a link that is down is probed once for all its devices; every
failed visit becomes a scan of unknowns with the reason, so nothing stale is ever taken for good. A device may be read
in two visits, a fast and a slow one (`config.visits`): while the fast one fails the slow one is not made. Between two
visits it makes those that people ask for (`agent.errands`); these are told to whoever asked and to nobody else.
It refuses to know what a reading means.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from threading import Event, Lock
from typing import TYPE_CHECKING, Final

from agent.absence import LOST_AFTER, MOST_LINK_S, SHARE, Absence
from agent.desk import is_answered
from agent.errands import Errands, NoVisit
from agent.log import get
from agent.schedule import Schedule
from config.visits import name_of, visits
from drivers.errors import DriverError, LinkDown
from drivers.reading import Clock, Scan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from agent.errands import Errand
    from agent.intake import Intake
    from config.site import Device
    from drivers.bus import Bus, RefusedPoint
    from drivers.spec import DeviceSpec

SPREAD_NS: Final = 1_000_000_000
"""Within this (and the shortest period) devices take their turns when they are spread, so none starts later."""
LISTEN_S: Final = 0.2
"""How long a bus is listened to at a time: so long an order to stop may wait."""
LONGEST_WAIT_S: Final = 5.0
"""A poller with nothing to do still turns round this often, so that the watchdog sees it alive."""

log = get(__name__)


@dataclass(frozen=True, slots=True)
class PollerStatus:
    """A snapshot for `health` records."""

    bus: str
    overruns: int
    absent: tuple[str, ...]


class Poller:
    """Polls the devices of one bus. `run` is the thread's body."""

    def __init__(
        self,
        bus: Bus,
        devices: Sequence[Device],
        clock: Clock,
        intake: Intake,
        chance: Callable[[], float],
        *,
        spread: bool = False,
        link_probe_s: float = MOST_LINK_S,
    ) -> None:
        """Poll `devices` over `bus`, opened with their visits (`config.visits.specs`).

        With `spread` they take turns within the second, else one follows the other.
        A burst is cheaper when records are committed together; where each is committed by itself, it would only wait
        for its neighbours' commits. A link that is down is probed at least every `link_probe_s`.
        """
        self.name = bus.name
        self.bus = bus
        self._devices = tuple(devices)
        self._clock = clock
        self._intake = intake
        self._chance = chance
        self._visits = [visit for device in self._devices for visit in visits(device)]
        self._index = {visit.spec.name: index for index, visit in enumerate(self._visits)}
        self._firsts = [self._index[name_of(visit.spec.name)] for visit in self._visits]
        share = SHARE if len(self._visits) > 1 else None
        self._absences = [Absence(share=share) for _ in self._visits]
        self._link = Absence(most_s=link_probe_s)
        periods = [int(visit.poll_s * 1e9) for visit in self._visits]
        self._schedule = Schedule(periods, clock.mono_ns(), min(SPREAD_NS, *periods) if spread else 0)
        slow = [index for index, first in enumerate(self._firsts) if index != first]
        for turn, index in enumerate(slow):  # not all at once: that would be a long cycle now and then
            self._schedule.shift(index, periods[index] * turn // len(slow))
        self._latest: dict[str, Scan] = {}
        self._faults: dict[str, Scan] = {}
        self._errands = Errands()
        self._listeners: dict[str, list[Future[Scan]]] = {}
        self._was_errand = False
        self._is_stopping = False
        self._woken = Event()
        self._handing_over = Lock()
        self._abandoned = False
        self._progress_ns = clock.mono_ns()

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices on this bus."""
        return self._devices

    def stop(self) -> None:
        """Ask the thread to end after the visit it is on, whose scan is still handed over."""
        self._is_stopping = True
        self._woken.set()

    def ask(self, visit: str) -> Future[Scan]:
        """Ask for a visit of a device of this bus (of one that sends, for what it sends next). From any thread.

        The future gives the scan, or raises `agent.errands.NoVisit`. Nothing is recorded, and the schedule, the
        back-off and what counts as lost stay as they are.
        """
        future = self._errands.ask(visit)
        self._woken.set()
        return future

    def look(self, spec: DeviceSpec) -> Future[Scan]:
        """Ask for a visit of a device of this bus that reads other points than the site's. From any thread.

        The future gives the scan, or raises what `Bus.look` raises, or `agent.errands.NoVisit`. See `ask`.
        """
        future = self._errands.ask(spec)
        self._woken.set()
        return future

    def latest(self, visit: str) -> Scan | None:
        """Return what was said in the last such visit, ``None`` before the first. From any thread."""
        return self._latest.get(visit)

    def last_fault(self, visit: str) -> Scan | None:
        """Return the scan of the last such visit in which something was missing. From any thread."""
        return self._faults.get(visit)

    def abandon(self) -> None:
        """Take nothing more: the thread did not end in time, and the pipeline is about to be past this site."""
        with self._handing_over:
            self._abandoned = True

    def progress(self) -> int:
        """Return when the thread last went round its loop, monotonic nanoseconds."""
        return self._progress_ns

    def status(self) -> PollerStatus:
        """Return who is absent and how many deadlines were missed."""
        absences = {device.spec.name: self._absences[self._index[device.spec.name]] for device in self._devices}
        absent = tuple(name for name, absence in absences.items() if absence.failures >= LOST_AFTER)
        return PollerStatus(self.name, self._schedule.overruns, absent)

    def run(self) -> None:
        """Visit whoever is due, or listen, until told to stop."""
        try:
            while True:
                self._woken.clear()
                if self._is_stopping:
                    break
                self._turn()
        finally:
            self._errands.end("the bus is being closed")
            self._tell_listeners("the bus is being closed")
            self.bus.close()

    def _turn(self) -> None:
        """Do one thing: an errand, a visit, listening for a while, or waiting until there is something to do.

        When something is due, every other turn at most is an errand: nobody's questions keep the plant from being read.
        """
        self._progress_ns = now_ns = self._clock.mono_ns()
        due_ns, index = self._schedule.next()
        errand = None if self._was_errand and due_ns <= now_ns else self._errands.take()
        self._was_errand = errand is not None
        if errand is not None:
            self._run_errand(*errand)
        elif due_ns > now_ns:
            self._woken.wait(min((due_ns - now_ns) / 1e9, LONGEST_WAIT_S))
        elif self.bus.listens:
            self._listen(now_ns)
        else:
            self._visit(index, now_ns)

    def _visit(self, index: int, began_ns: int) -> None:
        try:
            scan = self.bus.visit(self._visits[index].spec.name)
        except LinkDown as error:
            self._link_down(str(error), began_ns)
        except DriverError as error:
            self._absent(index, str(error), began_ns)
        else:
            self._present(index, scan)
        self._tell_refusals()

    def _listen(self, began_ns: int) -> None:
        """Hear what comes by itself. While the link is up the devices are always due."""
        try:
            scans = self.bus.listen(began_ns + int(LISTEN_S * 1e9))
        except LinkDown as error:
            self._link_down(str(error), began_ns)
            return
        self._link.answered()
        for scan in scans:
            absence = self._absences[self._index[scan.device]]
            if is_answered(scan):
                absence.answered()
            else:
                absence.failures += 1
            self._hand_over(scan)
        for device, words in self.bus.news():
            log.warning("not as the standard says", device=device, what=words)

    # --- visits that people ask for ------------------------------------------------------------------------------

    def _run_errand(self, visit: Errand, future: Future[Scan]) -> None:
        """Make one visit and tell only who asked for it."""
        if not isinstance(visit, str):
            self._look(visit, future)
        elif visit not in self._index:
            future.set_exception(NoVisit(f"no device {visit!r} on this bus"))
        elif self.bus.listens:
            self._listeners.setdefault(visit, []).append(future)
        else:
            future.set_result(self._visited_once(visit))
            self._tell_refusals()

    def _look(self, spec: DeviceSpec, future: Future[Scan]) -> None:
        try:
            if self.bus.listens:
                raise NoVisit(f"{spec.name} sends by itself, so it cannot be asked")  # noqa: TRY301 -- told like the others
            future.set_result(self.bus.look(spec))
        except (DriverError, ValueError, NoVisit) as error:  # ValueError: points that cannot be read
            future.set_exception(error)

    def _visited_once(self, visit: str) -> Scan:
        try:
            return self.bus.visit(visit)
        except DriverError as error:
            points = len(self._visits[self._index[visit]].spec.points)
            return Scan.unanswered(visit, points, self._clock, str(error))

    def _tell_listeners(self, reason: str) -> None:
        for future in chain.from_iterable(self._listeners.values()):
            future.set_exception(NoVisit(reason))
        self._listeners.clear()

    # --- what a visit means for the next ones --------------------------------------------------------------------

    def _present(self, index: int, scan: Scan) -> None:
        self._hand_over(scan)
        self._schedule.visited(index, self._clock.mono_ns())
        if self._absences[index].failures:
            self._absences[index].answered()
            for one in (index, *self._after(index)):
                self.bus.restore(self._visits[one].spec.name)
        if self._link.failures:
            self._link.answered()
            self._everybody_due()

    def _absent(self, index: int, reason: str, began_ns: int) -> None:
        now_ns = self._clock.mono_ns()
        delay_s = self._absences[index].failed((now_ns - began_ns) / 1e9, self._chance)
        probe_ns = now_ns + int(delay_s * 1e9)
        self._schedule.postpone(index, probe_ns)
        self._hand_over_unknowns(index, reason)
        if self._link.failures:  # the link is up again, only this device is not
            self._link.answered()
            self._everybody_due(but=index)
        for slow in self._after(index):
            if self._schedule.due(slow) <= now_ns:
                self._hand_over_unknowns(slow, reason)
            self._schedule.postpone(slow, max(probe_ns, self._schedule.due(slow)))

    def _after(self, index: int) -> list[int]:
        """Return the visits that are not made while this one fails: after the fast one, the same device's slow one."""
        return [other for other, first in enumerate(self._firsts) if first == index != other]

    def _link_down(self, reason: str, began_ns: int) -> None:
        """Put every device off until the next probe of the link; tell of each, since none of them is known now."""
        now_ns = self._clock.mono_ns()
        delay_s = self._link.failed((now_ns - began_ns) / 1e9, self._chance)
        if self._link.failures == 1:
            log.warning("link down", bus=self.name, reason=reason)
        for index in range(len(self._visits)):
            self._schedule.postpone(index, now_ns + int(delay_s * 1e9))
            self._hand_over_unknowns(index, reason)

    def _everybody_due(self, but: int | None = None) -> None:
        now_ns = self._clock.mono_ns()
        for index, first in enumerate(self._firsts):
            if index != but and not self._absences[index].failures and not self._absences[first].failures:
                self._schedule.postpone(index, now_ns)

    def _hand_over_unknowns(self, index: int, reason: str) -> None:
        spec = self._visits[index].spec
        self._hand_over(Scan.unanswered(spec.name, len(spec.points), self._clock, reason))

    def _hand_over(self, scan: Scan) -> None:
        self._latest[scan.device] = scan
        if scan.fault is not None:
            self._faults[scan.device] = scan
        with self._handing_over:
            if not self._abandoned:
                self._intake.put(scan)
        if self._listeners:
            for future in self._listeners.pop(scan.device, ()):
                future.set_result(scan)

    def _tell_refusals(self) -> None:
        for refused in self.bus.refused():
            self._intake.tell(refusal(refused))


def refusal(point: RefusedPoint) -> dict[str, object]:
    """Return the `event` that says a device refuses a register for good."""
    return {
        "kind": "event",
        "event": "point-refused",
        "device": name_of(point.device),
        "point": point.point,
        "code": point.code,
        "reason": point.reason,
    }
