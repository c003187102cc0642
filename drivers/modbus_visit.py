"""One visit to one Modbus device: its reads in order, what can be had kept, refusals learned from.

Knows no transport: it is handed an `Ask`, which brings the data of one read or raises. What each outcome means:

    answer                        the values of that block
    BadFrame                      its points unknown, flag B; the visit goes on
    Refused 1, 2, 3               the block is split and asked again within the same visit (`MOST_LESSONS` times at
                                  most); a value refused alone is dropped from the plan, flag D
    Refused 5, 6 (busy)           asked once more after `BUSY_PAUSE_S`, then unknown for this visit, flag D
    Refused, other code           unknown for this visit, flag D
    NoAnswer, LinkDown, or what   ends the visit, the rest is unknown, flag B: a dead device costs one time-out
    took a whole time-out

Dropped values are asked for again every `PROBE_S`, alone, one value a visit, so that nothing is lost for good because a
controller was once in the wrong mode.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event
from typing import TYPE_CHECKING, Final

from drivers.bus import RefusedPoint
from drivers.cost import CostModel, Read
from drivers.errors import BadFrame, DriverError, Refused
from drivers.plan import PlanState, ReadPlan, compile_plan, dropped_points, plan_device, refused
from drivers.reading import Clock, Quality, Scan
from drivers.tally import Tally

if TYPE_CHECKING:
    from drivers.spec import DeviceSpec

ILLEGAL: Final = frozenset({1, 2, 3})
"""Illegal function, address, count: asking the same again is of no use (Application Protocol V1.1b3, section 7)."""
BUSY: Final = frozenset({5, 6})
BUSY_PAUSE_S: Final = 0.1
MOST_LESSONS: Final = 16
"""Enough to find one hole in a block of 125 registers and both ends of another."""
PROBE_S: Final = 600.0
MOST_NAMES: Final = 5

Ask = Callable[[Read], bytes]
"""Bring the data of one read, or raise DriverError."""


@dataclass(slots=True)
class _Visit:
    """What one visit has brought so far. `lost` says for each read without data which flag its points get."""

    data: dict[Read, bytes] = field(default_factory=dict)
    lost: dict[Read, Quality] = field(default_factory=dict)
    errors: list[DriverError] = field(default_factory=list)
    lessons: int = 0
    may_pause: bool = True
    over: bool = False
    wall_ms: int = 0
    mono_ns: int = 0

    def missed(self, read: Read, error: DriverError) -> None:
        """Note why there is no data."""
        self.lost[read] = Quality.FAULT if isinstance(error, Refused) else Quality.NO_COMMUNICATION
        self.errors.append(error)


class Station:
    """A device, what is known of how to read it, and its counts. Used by one thread."""

    def __init__(self, spec: DeviceSpec, cost: CostModel, clock: Clock) -> None:
        """Plan the reads under `cost`. Raises `drivers.plan.Unreadable` or `drivers.registers.BadPoint`."""
        self.spec = spec
        self.tally = Tally()
        self._clock = clock
        self._state: PlanState = plan_device(spec, cost)
        self._plan: ReadPlan = compile_plan(spec.registers, self._state.reads())
        self._told: set[int] = set()
        self._news: list[RefusedPoint] = []
        self._round: list[Read] = []  # dropped values still to be probed in this round
        self._next_probe_ns = 0

    def visit(self, ask: Ask) -> Scan:
        """Read every point once. Raises DriverError when the device gave nothing."""
        visit = _Visit()
        if not self._plan.reads:
            self._probe(ask, visit)
        plan = None
        while plan is not self._plan and not visit.over:  # learning makes a new plan: its missing reads are asked for
            plan = self._plan
            for block in plan.reads:
                if block.read not in visit.data and block.read not in visit.lost:
                    self._block(ask, block.read, visit)
                    if visit.over or self._plan is not plan:
                        break
        silent = [error for error in visit.errors if not isinstance(error, Refused)]
        if silent and not visit.data:
            raise silent[0]
        scan = self._scan(visit)
        if visit.data and not visit.over:
            self._probe(ask, _Visit())  # behind the scan, so that a probe gone wrong costs it nothing
        return scan

    def refused(self) -> list[RefusedPoint]:
        """Return the points dropped since the last call. A point is told again only if it had come back."""
        news, self._news = self._news, []
        return news

    def restore(self) -> None:
        """Ask for everything that was dropped once more, beginning behind the next visit."""
        self._round = []
        self._next_probe_ns = 0

    # --- one read --------------------------------------------------------------------------------

    def _block(self, ask: Ask, read: Read, visit: _Visit) -> None:
        """Ask for one read of the plan and note what came of it."""
        began_ns = self._clock.mono_ns()
        try:
            visit.data[read] = self._patiently(ask, read, visit)
        except Refused as error:
            if error.code in ILLEGAL and visit.lessons < MOST_LESSONS:
                visit.lessons += 1
                self._learn(read, error)
            else:
                visit.missed(read, error)
        except DriverError as error:
            visit.missed(read, error)
            spent_ns = self._clock.mono_ns() - began_ns
            visit.over = not isinstance(error, BadFrame) or spent_ns >= self.spec.timeout_s * 1e9
        else:
            visit.wall_ms, visit.mono_ns = self._clock.wall_ms(), self._clock.mono_ns()

    @staticmethod
    def _patiently(ask: Ask, read: Read, visit: _Visit) -> bytes:
        """Ask, and ask a busy device once more. A device that is still busy then is not pressed again this visit."""
        try:
            return ask(read)
        except Refused as error:
            if error.code not in BUSY or not visit.may_pause:
                raise
        Event().wait(BUSY_PAUSE_S)
        try:
            return ask(read)
        except Refused:
            visit.may_pause = False
            raise

    # --- learning --------------------------------------------------------------------------------

    def _learn(self, read: Read, error: Refused) -> None:
        """Plan anew without the refused read; tell of what had to be dropped."""
        self._adopt(refused(self._state, read))
        lost = [index for index in dropped_points(self._state) if index not in self._told]
        for index in lost:
            self._told.add(index)
            self._news.append(RefusedPoint(self.spec.name, self.spec.points[index].name, error.code, str(error)))
        if lost:
            self._put_off_probing()

    def _adopt(self, state: PlanState) -> None:
        self._state = state
        self._plan = compile_plan(self.spec.registers, state.reads())

    def _probe(self, ask: Ask, visit: _Visit) -> None:
        """Ask for one dropped value alone, when a round of them is due or there is nothing else to ask for.

        One that comes back is a sign that others may: then the next is asked at once, and a new round begins.
        """
        while self._state.dropped and (not self._plan.reads or self._clock.mono_ns() >= self._next_probe_ns):
            self._round = self._round or sorted(self._state.dropped)
            read = self._round.pop()
            if not self._round:
                self._put_off_probing()
            if not self._came_back(ask, read, visit):
                return
            self.restore()

    def _came_back(self, ask: Ask, read: Read, visit: _Visit) -> bool:
        try:
            ask(read)
        except Refused:
            return False
        except DriverError as error:
            visit.errors.append(error)
            visit.over = True
            return False
        self._adopt(replace(self._state, dropped=self._state.dropped - {read}))
        self._told &= set(dropped_points(self._state))
        return True

    def _put_off_probing(self) -> None:
        self._next_probe_ns = self._clock.mono_ns() + int(PROBE_S * 1e9)

    # --- the result ------------------------------------------------------------------------------

    def _scan(self, visit: _Visit) -> Scan:
        values, flags = self._plan.decode([visit.data.get(block.read) for block in self._plan.reads])
        if not visit.data:  # refusals only: they came just now
            visit.wall_ms, visit.mono_ns = self._clock.wall_ms(), self._clock.mono_ns()
        if not visit.errors and not self._plan.unread:
            return Scan(self.spec.name, visit.wall_ms, visit.mono_ns, values, flags)
        return Scan(self.spec.name, visit.wall_ms, visit.mono_ns, values, self._flags(flags, visit), self._fault(visit))

    def _flags(self, flags: str, visit: _Visit) -> str:
        """Return `flags` with D in place of B where the device did answer, but with a refusal."""
        letters = list(flags)
        for block in self._plan.reads:
            if block.read in visit.lost:
                for index in block.points:
                    letters[index] = visit.lost[block.read].value
        return "".join(letters)

    def _fault(self, visit: _Visit) -> str:
        reasons = list(dict.fromkeys(map(str, visit.errors)))
        names = [self.spec.points[index].name for index in self._plan.unread]
        if names:
            more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            reasons.append(f"the device refuses {', '.join(names[:MOST_NAMES])}{more}")
        return "; ".join(reasons)
