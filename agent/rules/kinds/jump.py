"""JUMP: a change that the process cannot make, or makes too often."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from agent.rules.kinds.part import MIN_COV, Part, brief, samples
from agent.rules.kinds.window import Spread, Sums

if TYPE_CHECKING:
    from agent.rules.rule import Moment

_LOADS = 5
"""Samples over which the load must have been quiet: what a process does to a value shows minutes later [P]."""


class Jump(Part):
    """Whether a value jumped from one sample to the next.

    `update(at, x, load=None)`: abs(x - previous) > max(abs, rel * abs(previous), sd_factor * sd of the samples of
    `window_s` before). With a load, ``False`` when the load of the last five samples changed by more than `quiet` of
    its largest; a load never known is left out, one unknown among the five makes a jump ``None``. ``None`` when x or
    the sample before is unknown, or (with `sd_factor`) more than 25 % of the window. With `shown_s` the answer stays
    ``True`` so long after a jump. Memory: one window, five loads.
    """

    __slots__ = (
        "_abs", "_found", "_has_load", "_left", "_loads", "_previous", "_quiet", "_rel", "_sd_factor", "_shown",
        "_window",
    )  # fmt: skip
    KEPT: ClassVar[tuple[str, ...]] = ("_window", "_previous", "_loads", "_has_load", "_left", "_found")

    def __init__(
        self,
        *,
        abs: float = 0.0,  # noqa: A002 - the catalogue's word
        rel: float = 0.0,
        sd_factor: float = 0.0,
        window_s: float = 3600.0,
        step_s: float = 60.0,
        quiet: float = 0.1,
        shown_s: float = 0.0,
    ) -> None:
        if abs <= 0 and rel <= 0 and sd_factor <= 0:
            raise ValueError("a jump is above abs, rel or sd_factor")
        self._abs, self._rel, self._sd_factor, self._quiet = abs, rel, sd_factor, quiet
        self._shown = round(shown_s / step_s)
        self._window = Spread(samples(window_s, step_s)) if sd_factor else None
        self._previous: float | None = None
        self._loads: deque[float | None] = deque(maxlen=_LOADS)
        self._has_load = False
        self._left = 0
        self._found: list[float] = []

    def update(self, at: Moment, x: float | None, load: float | None = None) -> bool | None:
        """Take a value and the load."""
        self._left = max(0, self._left - 1)
        self._loads.append(load)
        self._has_load = self._has_load or load is not None
        answer = self._judged(x)
        if self._window is not None:
            self._window.push(x)
        self._previous = x
        if answer:
            self._left = self._shown
        return True if self._left else answer

    def _judged(self, x: float | None) -> bool | None:
        previous = self._previous
        if x is None or previous is None:
            return None
        limit = max(self._abs, self._rel * abs(previous))
        change = abs(x - previous)
        if change <= limit:
            return False
        if self._window is not None:
            moments = self._window.moments() if self._window.is_covered() else None
            if moments is None:
                return None
            limit = max(limit, self._sd_factor * moments[1])
        if change <= limit:
            return False
        is_quiet = self._is_quiet()
        if is_quiet:
            self._found = [previous, x, limit]
        return is_quiet

    def _is_quiet(self) -> bool | None:
        """Whether the load kept still, ``None`` when that is not known."""
        if not self._has_load:
            return True
        known = [load for load in self._loads if load is not None]
        if known and max(known) - min(known) > self._quiet * max(map(abs, known)):
            return False
        return True if len(known) == len(self._loads) else None

    def skip(self, count: int) -> None:
        """Missing samples: the next one has none before it."""
        if count <= 0:
            return
        if self._window is not None:
            self._window.skip(count)
        self._previous = None
        self._loads.extend([None] * min(count, _LOADS))
        self._left = max(0, self._left - count)

    def evidence(self) -> dict[str, Any]:
        """Return the last jump: the value before, after, and what the change had to exceed."""
        return dict(zip(("from", "to", "limit"), brief(self._found), strict=False))


class Spikes(Part):
    """Whether a value went up and down again more than `pairs` times in the last `window_s` seconds.

    `update(at, x, excuse=None)`: up is by more than `rel` of the lowest value since the last way down, down is to below
    the highest since by the same factor; lows under `floor` count as `floor`. A sample with excuse 1 (blow back) is
    left out and ends what was on its way. ``None`` when fewer than 75 % of the samples were known (an excused one is).
    Memory: one window.
    """

    __slots__ = ("_floor", "_is_up", "_pairs", "_pivot", "_rel", "_step_s", "_window", "_window_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_window", "_pivot", "_is_up")

    def __init__(
        self, *, pairs: int = 3, rel: float = 0.5, window_s: float = 3600.0, step_s: float = 60.0, floor: float = 0.0
    ) -> None:
        self._pairs, self._rel, self._window_s, self._step_s, self._floor = pairs, rel, window_s, step_s, floor
        self._window = Sums(samples(window_s, step_s))
        self._pivot: float | None = None
        self._is_up = False

    def update(self, at: Moment, x: float | None, excuse: float | None = None) -> bool | None:
        """Take a value and what excuses it."""
        if excuse == 1:
            self._pivot, self._is_up = None, False
            self._window.push(0.0)
        else:
            self._window.push(None if x is None else float(self._ends_pair(max(x, self._floor))))
        return self._window.total > self._pairs if self._window.is_covered() else None

    def _ends_pair(self, x: float) -> bool:
        """Follow the value to its next turning point; return whether it has just come down again."""
        if self._pivot is None:
            self._pivot = x
        elif not self._is_up:
            self._is_up = x > self._pivot * (1 + self._rel)
            self._pivot = x if self._is_up else min(self._pivot, x)
        elif x * (1 + self._rel) < self._pivot:
            self._is_up, self._pivot = False, x
            return True
        else:
            self._pivot = max(self._pivot, x)
        return False

    def skip(self, count: int) -> None:
        """Missing samples."""
        self._window.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return how often it went up and down, the bound, the window."""
        return {"count": round(self._window.total), "more_than": self._pairs, "window_s": self._window_s}

    def ready_in_s(self) -> float:
        """Until the window is covered."""
        return max(0.0, (MIN_COV * self._window.size - self._window.held) * self._step_s)


class AllJump(Part):
    """Whether nearly all values of a group jumped in the same sample.

    `update(at, members)`: a tuple. ``True`` when at least `share` of those that could be judged jumped, as `Jump` has
    it. ``None`` when fewer than 75 % of the members, or fewer than `least`, could be. Memory: one `Jump` each.
    """

    __slots__ = ("_jumps", "_least", "_rel", "_sd_factor", "_share", "_step_s", "_told", "_window_s")

    def __init__(
        self,
        *,
        share: float = 0.8,
        rel: float = 0.5,
        sd_factor: float = 5.0,
        window_s: float = 3600.0,
        step_s: float = 60.0,
        least: int = 2,
    ) -> None:
        self._share, self._least = share, least
        self._rel, self._sd_factor, self._window_s, self._step_s = rel, sd_factor, window_s, step_s
        self._jumps: list[Jump] = []
        self._told = [0, 0]

    def _members(self, count: int) -> list[Jump]:
        return [
            Jump(rel=self._rel, sd_factor=self._sd_factor, window_s=self._window_s, step_s=self._step_s)
            for _ in range(count)
        ]

    def update(self, at: Moment, members: tuple[float | None, ...] | None) -> bool | None:
        """Take the values of all members."""
        if not members:
            self.skip(1)
            return None
        if len(members) != len(self._jumps):
            self._jumps = self._members(len(members))
        answers = [jump.update(at, x) for jump, x in zip(self._jumps, members, strict=True)]
        judged = len(answers) - answers.count(None)
        self._told = [answers.count(True), judged]
        if judged < self._least or judged < MIN_COV * len(answers):
            return None
        return answers.count(True) >= self._share * judged

    def skip(self, count: int) -> None:
        """Missing samples of each."""
        for jump in self._jumps:
            jump.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return how many jumped, of how many, and the share."""
        return {"jumped": self._told[0], "of": self._told[1], "share": self._share}

    def snapshot(self) -> dict[str, Any]:
        """Return the state of each member."""
        return {"members": [jump.snapshot() for jump in self._jumps]}

    def restore(self, state: Any) -> None:
        """Continue with the members of a snapshot, as many as there were."""
        jumps = self._members(len(state["members"]))
        for jump, told in zip(jumps, state["members"], strict=True):
            jump.restore(told)
        self._jumps = jumps
