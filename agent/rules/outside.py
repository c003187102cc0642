"""What rules look at that no instrument tells: orders, marks and declarations of people, and the state of the box.

Two protocols, so that rules know neither how orders are stored nor what the box is made of. Times asked about are
believed wall time in ms; ``None`` stands for time that is not known, and an answer that hangs on it is ``None`` too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.rules.rule import Number


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What the orders in force demand of one line at one moment. Without any, the defaults."""

    is_any: bool = False
    is_stop: bool = False
    is_staggered: bool = False
    reduction: float = 0.0
    """The fraction by which to reduce; 0 when none is ordered."""
    elapsed_s: float = 0.0
    remaining_s: float | None = None
    minimum_kw: float | None = None
    is_allowed: bool | None = None
    """Whether this moment is within the hours that an order allows; ``None`` when none says anything about hours."""


NOTHING: Final = InForce()


class Plan(Protocol):
    """Orders, marks, declarations and tasks. Answers are asked for about once a second and kept for as long."""

    def order(self, line: str, wall_ms: int | None) -> InForce | None:
        """Return what is demanded of a line; ``None`` while that cannot be known."""

    def is_marked(self, kind: str, names: Sequence[str], wall_ms: int | None) -> bool | None:
        """Whether a mark of this kind is in force on one of the objects `names` (facility, lines, outlet)."""

    def declared_s(self, names: Sequence[str], wall_ms: int | None) -> float | None:
        """Return seconds since (negative: until) the nearest declared start or stop; ``None``: none within a day."""

    def is_declaring(self, names: Sequence[str], wall_ms: int | None) -> bool | None:
        """Whether a declaration, mark or order was ever entered for one of the objects."""

    def renewed_ms(self, facility: str) -> int | None:
        """Return when consumables of a facility were last declared as changed."""

    def overdue(self, wall_ms: int | None) -> int | None:
        """Return how many inspection tasks are overdue."""


class NoPlan:
    """No orders, no marks: what a site has until somebody enters one."""

    def order(self, *_: object) -> InForce | None:
        """Return that nothing is demanded."""
        return NOTHING

    def is_marked(self, *_: object) -> bool | None:
        """Return that nothing is marked."""
        return False

    def is_declaring(self, *_: object) -> bool | None:
        """Return that nothing was ever entered."""
        return False

    def declared_s(self, *_: object) -> float | None:
        """Return that nothing is declared."""
        return None

    def renewed_ms(self, *_: object) -> int | None:
        """Return that nothing was changed."""
        return None

    def overdue(self, *_: object) -> int | None:
        """Return that nothing is overdue."""
        return 0


class Box(Protocol):
    """The state of the box itself; ``None`` for what is not known."""

    def host_clock_s(self) -> Number:
        """Return by how much the host's clock departs from believed time, in seconds."""

    def starts(self) -> Number:
        """Return how often the agent has been started."""

    def orderly(self) -> Number:
        """Return 1 when the run before this one was stopped in order, 0 when it broke off, ``None`` at the first."""

    def meaning(self) -> Number:
        """Return how often what gives readings their meaning (the site file) has changed."""

    def backlog_age_s(self) -> Number:
        """Return the age of the oldest undelivered record."""

    def disk_share(self) -> Number:
        """Return the share of the store's cap that is in use, 0 to 1."""


class NoBox:
    """A box nothing is known of: for looking at a site file without a running agent."""

    def host_clock_s(self) -> Number:
        """Return that it is not known."""
        return None

    starts = orderly = meaning = backlog_age_s = disk_share = host_clock_s
