"""The plant as the site file describes it, at this moment: which facility runs, which line produces. Pure.

**A facility** is judged by its power, its current or a running signal:

- RUN when the reading has been at `Manner.on` or above for `on_hold_ns`, OFF when it has been at `off` or below for
  `off_hold_ns`. IDLE is what is left: no longer OFF (above `off` for `on_hold_ns`), or no longer RUN (below `on` for
  `off_hold_ns`), and not the other. So a load that swings about a threshold never keeps a machine OFF.
- Unknown (``None``) at a reading that cannot be believed, and when no reading came for too long. A visit without an
  answer is no reading: what was known stays until it is too old (`agent.rules.tracks` says when).
- After a gap no longer than the hold, the state before it is taken up by the first reading that agrees; after a longer
  one, and at the start, a state has to be held like any other.

**A line** produces (RUN) when any of its production facilities runs, and is OFF when all are. Its treatment is OFF when
any of its treatment facilities is, and RUN when all run. One unknown facility makes a line unknown only where it could
change the answer. Not knowing satisfies nothing, and it is never OFF.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.site import Facility

_NS: Final = 1_000_000_000
_HALF: Final = 0.5


class State(IntEnum):
    """What a facility does. Not knowing is ``None``: it satisfies nothing, and it is never OFF."""

    OFF = 0
    IDLE = 1
    RUN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the readings of a facility become its state; `on` and `off` are in the unit of the readings."""

    on: float
    off: float
    on_hold_ns: int
    off_hold_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a facility. Times are monotonic.

    `state` holds since `since_ns`. While it is ``None``, `before` is what was known until `since_ns`. The two edges say
    on which side of a threshold the readings are and since when; ``None`` when there is no reading to go by.
    """

    state: State | None = None
    since_ns: int = 0
    before: State | None = None
    is_on: bool | None = None
    on_edge_ns: int = 0
    is_off: bool | None = None
    off_edge_ns: int = 0


UNSEEN: Final = Seen()


def manner(facility: Facility, unit_share: float = 1.0) -> Manner | None:
    """Return how to judge a facility; ``None`` when it is judged by power or current and no rated value is given.

    `unit_share` is how many of the rated value's unit (kW, A) one unit of the readings is: 0.001 for watts.
    """
    holds = {"on_hold_ns": round(facility.on_hold_s * _NS), "off_hold_ns": round(facility.off_hold_s * _NS)}
    if facility.running is not None:
        return Manner(on=_HALF, off=_HALF, **holds)
    if facility.rated is None:
        return None
    rated = facility.rated / unit_share
    return Manner(on=facility.on_fraction * rated, off=facility.off_fraction * rated, **holds)


def step(manner: Manner, seen: Seen, value: float | None, mono_ns: int) -> Seen:
    """Take one reading (``None``: there is none to believe); return what is known then, `seen` itself if the same."""
    if value is None:
        return _lost(seen, mono_ns)
    is_on, is_off = value >= manner.on, value <= manner.off
    if is_on != seen.is_on or is_off != seen.is_off:
        seen = replace(
            seen,
            is_on=is_on,
            is_off=is_off,
            on_edge_ns=seen.on_edge_ns if is_on == seen.is_on else mono_ns,
            off_edge_ns=seen.off_edge_ns if is_off == seen.is_off else mono_ns,
        )
    state = _resumed(manner, seen, mono_ns) if seen.state is None else None
    state = _held(manner, seen, mono_ns) if state is None else state
    if state is None or state is seen.state:
        return seen
    return replace(seen, state=state, since_ns=mono_ns, before=None)


def _lost(seen: Seen, mono_ns: int) -> Seen:
    if seen.state is None and seen.is_on is None:
        return seen
    before, since_ns = (seen.before, seen.since_ns) if seen.state is None else (seen.state, mono_ns)
    return Seen(state=None, since_ns=since_ns, before=before)


def _resumed(manner: Manner, seen: Seen, mono_ns: int) -> State | None:
    """Return the state before a short gap when the reading after it agrees."""
    shows = State.RUN if seen.is_on else State.OFF if seen.is_off else State.IDLE
    hold_ns = manner.off_hold_ns if shows is State.OFF else manner.on_hold_ns
    return shows if shows is seen.before and mono_ns - seen.since_ns <= hold_ns else None


def _held(manner: Manner, seen: Seen, mono_ns: int) -> State | None:
    """Return the state that the readings have shown for long enough; ``None`` when none has."""
    on_ns, off_ns = mono_ns - seen.on_edge_ns, mono_ns - seen.off_edge_ns
    if seen.is_on and on_ns >= manner.on_hold_ns:
        return State.RUN
    if seen.is_off and off_ns >= manner.off_hold_ns:
        return State.OFF
    if seen.state is not State.RUN and not seen.is_off and off_ns >= manner.on_hold_ns:
        return State.IDLE
    if seen.state is not State.OFF and not seen.is_on and on_ns >= manner.off_hold_ns:
        return State.IDLE
    return None


def production(states: Sequence[State | None]) -> State | None:
    """Return the state of a line's production: RUN when any runs, OFF when all are off."""
    if State.RUN in states:
        return State.RUN
    if None in states or not states:
        return None
    return State.IDLE if State.IDLE in states else State.OFF


def treatment(states: Sequence[State | None]) -> State | None:
    """Return the state of a line's treatment: OFF when any is off, RUN when all run."""
    if State.OFF in states:
        return State.OFF
    if None in states or not states:
        return None
    return State.IDLE if State.IDLE in states else State.RUN
