"""Whether the plant is working, so that what its stack shows can be judged: gates of the emission rules.

A stack at rest shows air: oxygen 20.9 %, and the conversion to reference oxygen multiplies the analyzer's own noise by
a hundred. Above 19.5 % with production off there is no limit judgement (facts/standards.md 1.10). When production has
just begun there is none either, until the gas has reached the analyzer; and while an analyzer blows back, and for some
minutes after, it does not measure the gas.

These are measures: 1 when it can be judged, 0 when not, ``None`` when that cannot be known. An input that has never
been known is one that the site does not have: it is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from agent.plant import State
from agent.rules.kinds import Of, While
from agent.rules.kinds.part import Part, brief
from agent.rules.quantity import BLOW_BACK, PRODUCTION, Span
from agent.rules.rule import MINUTE_S, Param

if TYPE_CHECKING:
    from agent.rules.rule import Evaluator, Moment, Number, Values

REST_O2: Final = 19.5
"""Above this percentage of oxygen a stack without production says nothing of limits [P]."""
FULL_HOUR_S: Final = 3540.0
"""Production that ran this long ran all the hour, as minutes are counted [P]."""


class _Input(Part):
    """A value that the site may not have at all: what it is, and whether it was ever known."""

    __slots__ = ("is_had", "value")
    KEPT: ClassVar[tuple[str, ...]] = ("is_had",)

    def __init__(self) -> None:
        self.value: Number = None
        self.is_had = False

    def note(self, value: Number) -> None:
        self.value = value
        self.is_had |= value is not None


class Running(Part):
    """Whether production has been running for `settle_s`, and the last blow back is over for `recover_s`.

    `take(at, production, blow_back=None)`: a state and a bit. A blow back is ``None``, not 0: what is being measured is
    not known, and no alarm ends by it; where the bit is not known it is left out. With `is_needed` False, production
    is left out too where it was never known. With `stands`, there is no 0 but ``None`` while it does not run: what was
    found of a day of production is neither confirmed nor gone when it stops for the night. Memory: three numbers.
    """

    __slots__ = ("_blown", "_is_needed", "_production", "_ran", "_recover", "_rests", "_settle")
    KEPT: ClassVar[tuple[str, ...]] = ("_production", "_ran", "_blown")

    def __init__(
        self,
        *,
        step_s: float,
        settle_s: float = 0.0,
        recover_s: float = 0.0,
        is_needed: bool = True,
        stands: bool = False,
    ) -> None:
        self._settle = round(settle_s / step_s)
        self._recover = round(recover_s / step_s)
        self._is_needed = is_needed
        self._rests: Number = None if stands else 0.0
        self._production = _Input()
        self._ran = 0
        self._blown = 0

    def take(self, _at: Moment, production: Number, blow_back: Number = None) -> Number:
        """Take one step."""
        self._production.note(production)
        self._blown = self._recover + 1 if blow_back else max(0, self._blown - 1)
        runs = self._runs(production)
        return None if self._blown else runs

    @property
    def is_told(self) -> bool:
        """Whether the state of production was ever known."""
        return self._production.is_had

    def _runs(self, production: Number) -> Number:
        if production is None:
            return None if self._is_needed or self._production.is_had else 1.0
        self._ran = min(self._ran + 1, self._settle + 1) if production == State.RUN else 0
        return 1.0 if self._ran > self._settle else self._rests


class Measuring(Part):
    """Whether a limit can be judged: the oxygen is not that of air, or production has been running for `settle_s`.

    `take(at, production, o2)`: a state and percent. Without production on the site it is the oxygen alone that tells;
    without oxygen (no conversion, no factor of a hundred) everything can be judged. Memory: three numbers.
    """

    __slots__ = ("_o2", "_rest_o2", "_running")
    KEPT: ClassVar[tuple[str, ...]] = ("_running", "_o2")

    def __init__(self, *, step_s: float, settle_s: float, rest_o2: float) -> None:
        self._running = Running(step_s=step_s, settle_s=settle_s)
        self._o2 = _Input()
        self._rest_o2 = rest_o2

    def take(self, _at: Moment, production: Number, o2: Number) -> Number:
        """Take one step."""
        self._o2.note(o2)
        runs = self._running.take(_at, production)
        if o2 is None:
            return runs if self._o2.is_had else 1.0
        if o2 <= self._rest_o2:
            return 1.0
        return runs if self._running.is_told else 0.0


class WholeHour(Part):
    """Whether a closed hour can be judged: air was never seen in it, or production ran all of it.

    `take(at, runtime, most_o2)`: seconds that production ran in the hour, and its highest oxygen. 0 for an hour at
    rest (with `stands`, as for `Running`, ``None``); ``None`` for one in which production started or stopped, for its
    mean is of both. Memory: two truth values.
    """

    __slots__ = ("_o2", "_rest_o2", "_rests", "_runtime")
    KEPT: ClassVar[tuple[str, ...]] = ("_runtime", "_o2")

    def __init__(self, *, rest_o2: float, stands: bool = False) -> None:
        self._rests: Number = None if stands else 0.0
        self._runtime, self._o2 = _Input(), _Input()
        self._rest_o2 = rest_o2

    def take(self, _at: Moment, runtime: Number, most_o2: Number) -> Number:
        """Take one hour."""
        self._runtime.note(runtime)
        self._o2.note(most_o2)
        if most_o2 is None and not self._o2.is_had:
            return 1.0
        if most_o2 is not None and most_o2 <= self._rest_o2:
            return 1.0
        return self._told(runtime)

    def _told(self, runtime: Number) -> Number:
        if runtime is None:
            return None if self._runtime.is_had else self._rests
        return 1.0 if runtime >= FULL_HOUR_S else self._rests if runtime == 0 else None


class MeanSoFar(Part):
    """Whether the mean of the day's hours so far is above `high`; ``False`` before there are `least` of them.

    `update(at, x)`: the mean of an hour, only of those that count: a plant on day shift has twelve of them, not 24.
    Strict. ``None`` while the calendar is not known. Memory: a day, a sum and a count.
    """

    __slots__ = ("_count", "_day", "_high", "_least", "_sum")
    KEPT: ClassVar[tuple[str, ...]] = ("_day", "_sum", "_count")

    def __init__(self, *, high: float, least: int) -> None:
        self._high, self._least = high, least
        self._day: int | None = None
        self._sum, self._count = 0.0, 0

    def update(self, at: Moment, x: Number) -> bool | None:
        """Take an hour."""
        if at.day is None or x is None:
            return None
        if at.day != self._day:
            self._day, self._sum, self._count = at.day, 0.0, 0
        self._sum += x
        self._count += 1
        return self._count >= self._least and self._sum / self._count > self._high

    def evidence(self) -> dict[str, Any]:
        """Return the mean, the hours it is of, and the limit."""
        mean = self._sum / self._count if self._count else None
        return {"mean": brief(mean), "hours": self._count, "high": brief(self._high)}


SERVICED: Final = ("maintenance", "calibration")
"""Marks under which an instrument says nothing of the stack."""
RESTING: Final = (*SERVICED, "stopped", "starting", "stopping")
"""Marks under which a factor's series says nothing of production."""

SETTLE: Final = Param(1800.0, "s", "P", "production must have been running this long")
RECOVER: Final = Param(300.0, "s", "P", "a blow back counts until this long after it")

WHERE_TOLD: Final = PRODUCTION.over(Span.NOW, optional=True)
"""The state of production, where the site has any."""
UNDISTURBED: Final = (PRODUCTION.now, BLOW_BACK.over(Span.NOW, optional=True))
"""What `undisturbed` looks at; a rule's own reads follow."""


def in_production(p: Values, inner: Evaluator, *, stands: bool = False, learns: bool = False) -> Evaluator:
    """Judge while production has been running for ``p["settle"]``.

    The first read is the state of production, `inner` gets the others, minute by minute. It begins anew after a rest:
    this morning has nothing to do with last night. What `stands` (see `Running`) or `learns` goes on where it was.
    """
    gate = Running(step_s=MINUTE_S, settle_s=p["settle"], stands=stands)
    return Of(gate, While((1,), inner, outside="pause" if stands or learns else "restart"), takes=1)


def undisturbed(p: Values, inner: Evaluator, *, stands: bool = False) -> Evaluator:
    """Judge as `in_production` does, and unless the analyzer blows back or did so within ``p["recover"]``.

    The first reads are `UNDISTURBED`, `inner` gets the others.
    """
    gate = Running(step_s=MINUTE_S, settle_s=p["settle"], recover_s=p["recover"], stands=stands)
    return Of(gate, While((1,), inner, outside="pause" if stands else "restart"), takes=2)
