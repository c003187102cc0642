"""What a rule is: a declaration of inputs, parameters and an evaluator, with its words. No rule judges by itself.

A rule is *over* a kind of object (`Scope`); on a site it is bound to every such object that has all of its inputs. Each
binding gets an evaluator of its own (`Rule.build`), which is given the values of `Rule.reads`, in that order, each time
the rule's `grain` passes, and answers whether the condition holds: ``True``, ``False``, or ``None`` for "cannot be
known". Holds, dead times, acknowledgement and escalation are not its business: they are the alarm's (`agent.alarms`).

Sources of numbers are marked as in the docs: C confirmed in a named source, K checked by running code, I inferred, R a
rule of thumb from memory (never a requirement of a standard), P a default of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from agent.rules.quantity import Fact, Quantity, Read
    from config.site import FacilityType, Priority, Text

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
DAY_S: Final = 86400.0

Number = float | None
"""What an evaluator is given for one read: ``None`` is "not known". States (`agent.plant`) and bits are numbers too."""
Given = Number | tuple[Number, ...]
"""A read of many (all sub-meters, all factors of an outlet) gives a tuple."""


class Group(StrEnum):
    """The six groups of the catalogue; the values are the packs of the site file, the letters begin the rules' ids."""

    PRODUCTION = "production"
    TREATMENT = "treatment"
    EMISSION = "emission"
    POWER = "power"
    DATA = "data"
    PLAN = "plan"

    @property
    def letter(self) -> str:
        """The first letter of the ids: P T E W Q R."""
        return "PTEWQR"[list(Group).index(self)]


class Kind(StrEnum):
    """The fourteen kinds of evaluators."""

    LIM = "LIM"
    PAIR = "PAIR"
    LAG = "LAG"
    FLAT = "FLAT"
    JUMP = "JUMP"
    RATIO = "RATIO"
    DIFF = "DIFF"
    PROJ = "PROJ"
    BASE = "BASE"
    COV = "COV"
    SEQ = "SEQ"
    ORDER = "ORDER"
    SHAPE = "SHAPE"
    EVENT = "EVENT"


class Scope(Enum):
    """What one alarm of a rule is about.

    PRODUCTION, TREATMENT and METERED are facilities: of role production (or combined), of role treatment (or combined),
    with a power meter that tells electrical quantities. SERVING is a treatment facility on one line it belongs to.
    """

    SITE = "site"
    LINE = "line"
    FACILITY = "facility"
    PRODUCTION = "production"
    TREATMENT = "treatment"
    SERVING = "serving"
    METERED = "metered"
    OUTLET = "outlet"
    FACTOR = "factor"
    DEVICE = "device"


class Grain(IntEnum):
    """When a rule is evaluated.

    NOW: at every tick (a second), and at once when a state or bit changes. The others: when a local minute, hour or day
    has been closed.
    """

    NOW = 0
    MINUTE = 1
    HOUR = 2
    DAY = 3


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment of an evaluation. `mono_ns` never steps; what hangs on the calendar is ``None`` while time is unknown.

    For a closed minute, hour or day, the wall time is that of its start. `minute` counts from local midnight (0..1439),
    `day` is the local date as a proleptic ordinal (0001-01-01 is 1), `weekday` 0 is Monday.
    """

    mono_ns: int
    wall_ms: int | None = None
    day: int | None = None
    minute: int | None = None
    weekday: int | None = None


class Evaluator(Protocol):
    """Judges one condition from what it is given, in constant time per call (amortised) and bounded memory."""

    def update(self, at: Moment, *given: Any) -> bool | None:
        """Take the values of the rule's reads; return whether the condition holds, ``None``: not known."""

    def skip(self, count: int) -> None:
        """Note that `count` evaluations did not take place (the box was off): what they would have seen is missing."""

    def evidence(self) -> dict[str, Any]:
        """Return what the last answer rests on: values, limit, window, as plain JSON-able data."""

    def ready_in_s(self) -> float:
        """Return how much more history is needed before the condition can be known, 0 when none; in seconds."""

    def snapshot(self) -> Any:
        """Return the state as plain JSON-able data, for `restore`."""

    def restore(self, state: Any) -> None:
        """Continue where `snapshot` was taken. Raises ValueError, KeyError or TypeError when it is none of this one."""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a rule: its default, its unit ("s" durations, "" plain numbers, text or bool without unit).

    `source` marks where the default comes from; `says` explains it in a few English words.
    """

    default: float | str | bool | None
    unit: str = ""
    source: Literal["C", "K", "I", "R", "P"] = "P"
    says: str = ""


Values = Mapping[str, Any]
"""A rule's parameters for one object: durations in seconds, numbers, texts, truth values."""
Facts = Mapping[str, Any]
"""What the site file says of the object, by the name of the `Fact`: rated, limit, range …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutes:
    """When a rule keeps still although its condition holds (suppressed by design).

    `marks` are kinds of condition marks on the object or its line; `flags` are quality letters of the read values that
    make them count as unknown *in addition to* those without a value (only N is good unless `flags_read` says so);
    `rules` are ids of stronger rules: while one of them is active on the same object or its line, this one is muted.
    """

    marks: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


NEVER: Final = Mutes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the catalogue. Every rule also has the shared parameters of `SHARED`."""

    id: str
    group: Group
    kind: Kind
    name: Text
    means: Text
    """What it means when it fires, for plant staff: one or two sentences."""
    check: Text
    """What to check first: one or two sentences."""
    over: Scope
    grain: Grain
    reads: tuple[Read, ...]
    build: Callable[[Values, Facts], Evaluator]
    facts: tuple[Fact, ...] = ()
    """What the site file must say for the rule to apply."""
    types: tuple[FacilityType, ...] = ()
    """Types of facilities that it applies to, and to no other, nor to one without a stated type. Empty: to all."""
    either: tuple[Quantity, ...] = ()
    """Of these quantities, whose reads are optional, the object must have at least one."""
    params: Mapping[str, Param] = field(default_factory=dict)
    """Its own parameters, and those of `SHARED` whose default it changes."""
    priority: Priority = "medium"
    """low: a notice; medium: a warning; high: an alarm; critical: danger."""
    muted: Mutes = NEVER
    learns_days: int = 0
    """Days of history without which the rule says "not ready"; 14 where a 30-day baseline is used [P]."""
    is_momentary: bool = False
    """Whether the condition is an event that passes at once: its alarm comes back by itself, unacknowledged."""
    source: str = ""
    """Where the rule comes from, as in the catalogue."""


SHARED: Final[Mapping[str, Param]] = {
    "hold": Param(0.0, "s", "P", "the condition must hold this long (on-delay)"),
    "clear_hold": Param(60.0, "s", "P", "it must be gone this long (off-delay)"),
    "escalate_after": Param(5400.0, "s", "C", "active this long, it is escalated to the regulator; 0s: never"),
    "remind": Param(1800.0, "s", "P", "an acknowledged alarm still active becomes unacknowledged again; 0s: never"),
    "latch": Param(False, "", "P", "gone, the alarm stays until it is reset"),
    "priority": Param(None, "", "P", "low | medium | high | critical"),
}
"""Parameters of every rule; a rule's own declaration may give one another default."""
