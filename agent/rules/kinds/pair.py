"""PAIR: states that should not, or should, go together."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from agent.plant import State
from agent.rules.kinds.part import Part, brief

if TYPE_CHECKING:
    from agent.rules.rule import Moment


class Pair(Part):
    """Whether several states are all as wanted: ``Pair(State.RUN, State.OFF)``, ``Pair(1, (State.IDLE, State.RUN))``.

    `update(at, first, second, …)`: one state or bit for each wanted one (a state, or several that will do). Kleene's
    logic: one that is known to be otherwise decides ``False``, else an unknown one makes it ``None``. No memory.
    """

    __slots__ = ("_states", "_wanted")

    def __init__(self, *wanted: float | tuple[float, ...]) -> None:
        self._wanted = tuple(one if isinstance(one, tuple) else (one,) for one in wanted)
        self._states: tuple[float | None, ...] = ()

    def update(self, at: Moment, *states: float | None) -> bool | None:
        """Take the states."""
        self._states = states
        answer: bool | None = True
        for state, wanted in zip(states, self._wanted, strict=True):
            if state is None:
                answer = None
            elif state not in wanted:
                return False
        return answer

    def evidence(self) -> dict[str, Any]:
        """Return the states."""
        return {"states": brief(list(self._states))}


class Differ(Part):
    """Whether members that should run together do not: one runs and another is off (IDLE agrees with both).

    `update(at, members)`: a tuple of states. ``None`` while unknown members decide. No memory.
    """

    __slots__ = ("_members",)

    def __init__(self) -> None:
        self._members: tuple[float | None, ...] | None = ()

    def update(self, at: Moment, members: tuple[float | None, ...] | None) -> bool | None:
        """Take the states of the members."""
        self._members = members
        if not members:
            return None
        runs, is_off = State.RUN in members, State.OFF in members
        if runs and is_off:
            return True
        unknown = members.count(None)
        # with nothing known to run or be off, it takes two unknown members to differ
        return None if unknown and (runs or is_off or unknown > 1) else False

    def evidence(self) -> dict[str, Any]:
        """Return the states."""
        return {"states": brief(list(self._members or ()))}


class Chain(Part):
    """Whether in a chain of processes one runs and the next one is off. `update(at, states)`: upstream first.

    ``None`` while unknown states decide. No memory.
    """

    __slots__ = ("_states",)

    def __init__(self) -> None:
        self._states: tuple[float | None, ...] | None = ()

    def update(self, at: Moment, states: tuple[float | None, ...] | None) -> bool | None:
        """Take the states along the chain."""
        self._states = states
        if not states:
            return None
        answer: bool | None = False
        for here, there in pairwise(states):
            if here == State.RUN and there == State.OFF:
                return True
            if here in (None, State.RUN) and there in (None, State.OFF):
                answer = None
        return answer

    def evidence(self) -> dict[str, Any]:
        """Return the states."""
        return {"states": brief(list(self._states or ()))}
