"""What the pipeline shows to those who follow: facilities, lines, alarms and orders at one moment.

Taken once a second while somebody follows (`agent.board`), whole and never changed afterwards, so any thread may read
it. Pure: judgement and time are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.rules.binding import alarm_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from agent.alarm_case import Standing
    from agent.book.orders import Order
    from agent.plant import State
    from agent.rules.states import FacilityState, States
    from config.site import Device, Facility, Line
    from drivers.reading import Scan

Told = dict[str, Any]

_TICKING: Final = ("active_s", "escalates_in_s", "escalated_s", "shelf_left_s")
_UNKNOWN: Final = "unknown"
_KEPT: Final[Mapping[str, str]] = {"stop": "R1", "staggered": "R5", "hours": "R6", "reduce": "R2"}
"""By what an order asks for: the rule that judges it. Quiet with an answer, it says that the order is kept."""
_BROKEN: Final[Mapping[str, tuple[str, ...]]] = {"stop": ("R4",), "reduce": ("R10",), "minimum": ("R8",)}
"""Further rules whose alarm says that it is not."""
PLAN_RULES: Final = (*_KEPT.values(), *(rule for rules in _BROKEN.values() for rule in rules))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One moment (`mono_ns`). `alarms` are those that are not normal; `version` is another whenever they are others."""

    mono_ns: int
    facilities: Mapping[str, Told]
    lines: Mapping[str, Told]
    version: int
    alarms: Sequence[Told]
    orders: Sequence[Told]
    tasks_overdue: int
    derived: Sequence[tuple[Device, Scan | None]]


def version_of(rows: Sequence[Told], mono_ns: int, before: Sight | None) -> int:
    """Return the version of a list of alarms: that of the list before, unless more has changed than ages.

    It is the millisecond since boot at which the list was new, so that a restart of the agent repeats none.
    """
    if before is not None and list(map(_still, before.alarms)) == list(map(_still, rows)):
        return before.version
    return max(mono_ns // 1_000_000, 0 if before is None else before.version + 1)


def _still(row: Told) -> Told:
    return {name: value for name, value in row.items() if name not in _TICKING}


def facilities(
    plant: Iterable[Facility], states: Mapping[str, FacilityState], wall_of: Callable[[int], int | None]
) -> dict[str, Told]:
    """Return what each facility does, and since when (ms since 1970; ``None`` where state or time is not known)."""
    found: dict[str, Told] = {}
    for facility in plant:
        one = states.get(facility.name)
        state = None if one is None else one.state
        since_ms = None if one is None or state is None else wall_of(one.seen.since_ns)
        found[facility.name] = {"state": _word(state), "since_ms": since_ms}
    return found


def lines(plant: Iterable[Line], states: States) -> dict[str, Told]:
    """Return what each line's production and treatment do."""
    return {
        line.name: {
            "production": _word(states.production[line.name].state),
            "treatment": _word(states.treatment[line.name].state),
        }
        for line in plant
    }


def _word(state: State | None) -> str:
    return _UNKNOWN if state is None else state.name.lower()


def orders(
    by_line: Mapping[str, Iterable[Order]],
    wall_ms: int | None,
    standing: Mapping[str, Standing],
    conditions: Mapping[str, bool | None],
) -> list[Told]:
    """Return a row for each order in force and each line that it concerns; none while the time is not known."""
    if wall_ms is None:
        return []
    return [
        {
            "id": order.id,
            "line": line,
            "kind": order.sort,
            "start_ms": order.start_ms,
            "until_ms": order.end_ms,
            "reduce": None if order.reduce is None else round(order.reduce * 100, 6),
            "stop": order.is_stop,
            "complies": complies(order, line, standing, conditions),
        }
        for line, mine in by_line.items()
        for order in mine
        if order.is_in_force(wall_ms)
    ]


def complies(
    order: Order, line: str, standing: Mapping[str, Standing], conditions: Mapping[str, bool | None]
) -> bool | None:
    """Whether a line keeps an order, as the rules about orders see it; ``None``: they cannot tell.

    `standing` are the active alarms, `conditions` what the rules answered last, both by alarm. An alarm that is
    suppressed (a mark says that the line is exempt) or out of service tells neither.
    """
    asks = _asks(order)
    kept = [alarm_id(_KEPT[what], line) for what in asks if what in _KEPT]
    broken = [alarm_id(rule, line) for what in asks for rule in _BROKEN.get(what, ())]
    active = [standing[alarm] for alarm in (*kept, *broken) if alarm in standing]
    if any(not alarm.is_discounted for alarm in active):
        return False
    is_known = bool(kept) and all(conditions.get(alarm) is False for alarm in kept)
    return True if is_known and not active else None


def _asks(order: Order) -> list[str]:
    """Return what an order asks for."""
    asks = []
    if order.is_stop:
        asks.append("staggered" if order.sort == "staggered" else "stop")
    elif order.reduce is not None:
        asks.append("reduce")
    if order.hours is not None:
        asks.append("hours")
    if order.minimum_kw is not None:
        asks.append("minimum")
    return asks
