"""SHAPE of series: periodic ones, hours copied from earlier hours, points that are another one's twin."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

import math
from array import array
from collections import deque
from itertools import accumulate, chain, combinations, pairwise
from operator import mul
from typing import TYPE_CHECKING, Any, ClassVar, Final

from agent.rules.kinds.baseline import place
from agent.rules.kinds.part import MIN_COV, Part, brief, samples
from agent.rules.kinds.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.rules.rule import Moment

_LEAST_S: Final = 7200.0
"""Even a short period must show over this long [P]: ten pairs of values are alike by chance."""
_HOUR_S: Final = 3600.0
_HOUR_MINUTES: Final = 60
_PAIRS: Final = 4096
"""Pairs of columns that `Twin` follows at a time."""
_CROWD: Final = 16
"""More columns than this that move to one value in one sample are not compared each with each."""
_TIDY_EVERY: Final = 60


class Periodic(Part):
    """Whether a value repeats itself with a period between `from_s` and `to_s`.

    `update(at, x)`. Worked out once an hour: over the last `periods` lengths of each lag (at least two hours), the
    values are correlated with themselves that lag earlier. A period is a lag with a correlation above `peak` that is
    a local maximum, after a shorter lag where it was below `trough`: slow values are alike at every short lag and
    periodic at none. The answer stands until it is worked out again. A missing sample counts as the one before;
    ``None`` when fewer than 75 % of `periods` times `to_s` are known. Memory: one window.

    Once an hour rather than at each sample: 120 lags take about 1 ms then, 16 µs per sample; sums kept up for each lag
    would take 40 µs at every sample.
    """

    __slots__ = (
        "_answer", "_every", "_found", "_from", "_least", "_peak", "_periods", "_step_s", "_to", "_trough", "_until",
        "_window",
    )  # fmt: skip
    KEPT: ClassVar[tuple[str, ...]] = ("_window", "_until", "_answer", "_found")

    def __init__(
        self,
        *,
        peak: float = 0.9,
        trough: float = 0.5,
        from_s: float = 300.0,
        to_s: float = 7200.0,
        step_s: float = 60.0,
        periods: int = 3,
    ) -> None:
        self._from, self._to = samples(from_s, step_s), samples(to_s, step_s)
        self._least, self._every = samples(_LEAST_S, step_s), samples(_HOUR_S, step_s)
        self._peak, self._trough, self._periods, self._step_s = peak, trough, periods, step_s
        self._window = Window(max(self._least, periods * self._to))
        self._until = 0
        self._answer: bool | None = None
        self._found: list[float] = []

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take a value."""
        self._window.push(x)
        self._until -= 1
        if self._until <= 0:
            self._answer, self._found = None, []
            if self._window.is_covered():
                self._until = self._every
                self._find()
        return self._answer

    def _find(self) -> None:
        """Look for the strongest period."""
        likeness = self._likeness(_filled(self._window.values()))
        self._answer, lowest = False, 1.0
        for lag in range(1, self._to + 1):
            here = likeness[lag]
            is_top = here >= likeness[lag - 1] and here >= likeness[lag + 1]
            if lag >= self._from and is_top and here > self._peak and lowest < self._trough:
                self._answer = True
                if not self._found or here > self._found[1]:
                    self._found = [lag * self._step_s, here]
            lowest = min(lowest, here)

    def _likeness(self, values: list[float]) -> list[float]:
        """Return the correlation of the values with themselves, by lag from 0 to one beyond the longest."""
        middle = math.fsum(values) / len(values)
        level = [value - middle for value in values]
        sums = list(accumulate(level, initial=0.0))
        squares = list(accumulate(map(mul, level, level), initial=0.0))
        found = [1.0]
        for lag in range(1, self._to + 2):
            start = max(0, len(level) - max(self._periods * lag, self._least))
            found.append(_correlation(level, sums, squares, start, lag))
        return found

    def skip(self, count: int) -> None:
        """Missing samples."""
        self._window.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the period found, its correlation, and the bound."""
        return {**dict(zip(("period_s", "correlation"), brief(self._found), strict=False)), "peak": self._peak}

    def ready_in_s(self) -> float:
        """Until the window is covered, if nothing is missing from now on."""
        return max(0.0, (MIN_COV * self._window.size - self._window.held) * self._step_s)


def _filled(values: list[float | None]) -> list[float]:
    """Return the samples with missing ones as the one before; the first ones as the first known."""
    last = next(value for value in values if value is not None)
    found = []
    for value in values:
        last = last if value is None else value
        found.append(last)
    return found


def _correlation(level: list[float], sums: list[float], squares: list[float], start: int, lag: int) -> float:
    """Return the correlation of the values from `start` on with those `lag` later, 0 when either does not vary."""
    end = len(level)
    count = end - start - lag
    if count <= 1:
        return 0.0
    early, late = sums[end - lag] - sums[start], sums[end] - sums[start + lag]
    of_early = squares[end - lag] - squares[start] - early * early / count
    of_late = squares[end] - squares[start + lag] - late * late / count
    whole = squares[end] - squares[start]
    if min(of_early, of_late) <= 1e-9 * whole:
        return 0.0
    together = sum(map(mul, level[start : end - lag], level[start + lag :])) - early * late / count
    return float(together / math.sqrt(of_early * of_late))


class Copied(Part):
    """Whether the values of a clock hour are those of an earlier one: more than `share` of its minutes are equal.

    `update(at, x)`: the mean of a minute. Compared are whole hours when they end, with the `hours` before; the answer
    stands until the next one ends. An hour with fewer than `distinct` different values proves nothing: ``False``.
    ``None`` for an hour of which fewer than 75 % of the minutes are known, before the first one has ended, and in a
    minute that is not known itself. One without a calendar is not. Memory: `hours` x 60 values.
    """

    __slots__ = ("_answer", "_distinct", "_earlier", "_found", "_hour", "_minutes", "_share")

    def __init__(self, *, share: float = 0.95, hours: int = 48, distinct: int = 10) -> None:
        self._share, self._distinct = share, distinct
        self._earlier: deque[tuple[int, array[float]]] = deque(maxlen=hours)
        self._hour: int | None = None
        self._minutes = _unknown_hour()
        self._answer: bool | None = None
        self._found: list[int] = []

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take the mean of a minute."""
        where = place(at)
        if where is not None:
            hour = where[0] * 24 + where[1] // _HOUR_MINUTES
            if hour != self._hour:
                self._end_hour()
                self._hour = hour
            self._minutes[where[1] % _HOUR_MINUTES] = math.nan if x is None else x
        return None if x is None else self._answer

    def _end_hour(self) -> None:
        """Judge the hour that ended and keep it."""
        if self._hour is None:
            return
        known = [(at, value) for at, value in enumerate(self._minutes) if value == value]  # noqa: PLR0124 - not NaN
        self._answer, self._found = None, []
        if len(known) >= MIN_COV * _HOUR_MINUTES:
            self._answer = len({value for _, value in known}) >= self._distinct and self._is_copy(known)
            self._earlier.append((self._hour, self._minutes))
        self._minutes = _unknown_hour()

    def _is_copy(self, known: list[tuple[int, float]]) -> bool:
        """Look for an earlier hour alike; a comparison ends as soon as too much differs."""
        needed = self._share * len(known)
        for hour, earlier in reversed(self._earlier):
            differing = 0
            for at, value in known:
                if earlier[at] != value:
                    differing += 1
                    if len(known) - differing <= needed:
                        break
            else:
                assert self._hour is not None
                self._found = [len(known) - differing, len(known), self._hour - hour]
                return True
        return False

    def evidence(self) -> dict[str, Any]:
        """Return how many minutes were equal, of how many, to those how many hours earlier."""
        return {**dict(zip(("equal", "of", "hours_before"), self._found, strict=False)), "share": self._share}

    def ready_in_s(self) -> float:
        """Until there is an hour to compare with."""
        return 0.0 if self._earlier else _HOUR_S

    def snapshot(self) -> dict[str, Any]:
        """Return the hours kept and the one that runs."""
        return {
            "earlier": [[hour, _told(minutes)] for hour, minutes in self._earlier],
            "hour": self._hour,
            "minutes": _told(self._minutes),
            "answer": self._answer,
            "found": list(self._found),
        }

    def restore(self, state: Any) -> None:
        """Continue with the hours of a snapshot."""
        self._earlier = deque(((hour, _taken(told)) for hour, told in state["earlier"]), self._earlier.maxlen)
        self._hour, self._minutes = state["hour"], _taken(state["minutes"])
        self._answer, self._found = state["answer"], list(state["found"])


def _unknown_hour() -> array[float]:
    return array("d", [math.nan]) * _HOUR_MINUTES


def _told(minutes: array[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in minutes]


def _taken(told: list[float | None]) -> array[float]:
    if len(told) != _HOUR_MINUTES:
        raise ValueError(f"an hour of {len(told)} minutes")
    return array("d", [math.nan if value is None else value for value in told])


class Twin(Part):
    """Whether two of several columns tell the same: they move together, to equal values.

    `update(at, columns)`: a tuple, or two numbers. A move is a change from the last known value. A pair are twins
    when they moved together to equal values in more than `share` of the moves of that one of them that moved more
    often, at least `moves` times; so constants are twins of nothing. Judged for windows of `window_s` one after the
    other; the answer stands until the next one ends. ``None`` in the first, and after one of which fewer than 75 % of
    the samples were taken. `names` of the columns are for the evidence.

    Any number of columns, in time and memory that grow with it and not with its square: pairs are followed from the
    first move they make together, where more than 16 columns make the same one (a plant that stops: all fall to 0)
    only neighbours, and forgotten when they have missed too many moves to be twins within the window. At most 4096
    pairs are followed; where thousands of columns are alike by chance, new ones wait till others are forgotten. Memory:
    two numbers for each column, and a count for each pair followed.
    """

    __slots__ = (
        "_alike", "_answer", "_found", "_last", "_least", "_most_missed", "_moved", "_names", "_share", "_size",
        "_step_s", "_taken", "_turn",
    )  # fmt: skip

    def __init__(
        self,
        *,
        share: float = 0.99,
        window_s: float = 86400.0,
        step_s: float = 60.0,
        moves: int = 60,
        names: Sequence[str] = (),
    ) -> None:
        self._share, self._least, self._size = share, moves, samples(window_s, step_s)
        self._most_missed = (1.0 - share) * self._size
        self._step_s, self._names = step_s, tuple(names)
        self._last: list[float | None] = []
        self._moved: list[int] = []
        self._alike: dict[tuple[int, int], int] = {}
        self._turn = self._taken = 0
        self._answer: bool | None = None
        self._found: list[int] = []

    def update(
        self, at: Moment, columns: tuple[float | None, ...] | float | None, other: float | None = None
    ) -> bool | None:
        """Take the values of all columns."""
        row = columns if isinstance(columns, tuple) else (columns, other)
        if len(row) != len(self._last):
            self._last = [None] * len(row)
            self._begin()
        self._turn += 1
        self._taken += any(value is not None for value in row)
        self._note(row)
        if self._turn >= self._size:
            self._end()
        elif self._turn % _TIDY_EVERY == 0 or len(self._alike) >= _PAIRS:
            self._tidy()
        return self._answer

    def _begin(self) -> None:
        """Begin a window."""
        self._moved, self._alike = [0] * len(self._last), {}
        self._turn = self._taken = 0

    def _note(self, row: tuple[float | None, ...]) -> None:
        """Count the moves of this sample, and the pairs that moved to equal values."""
        together: dict[float, list[int]] = {}
        last = self._last
        for at, value in enumerate(row):
            if value is not None and value != last[at]:
                if last[at] is not None:
                    together.setdefault(value, []).append(at)
                last[at] = value
        for columns in together.values():
            for at in columns:
                self._moved[at] += 1
        for columns in together.values():
            self._count(columns)

    def _count(self, columns: list[int]) -> None:
        """Count a move that columns made together."""
        alike = self._alike
        pairs: Iterable[tuple[int, int]] = combinations(columns, 2)
        if len(columns) > _CROWD:
            crowd = set(columns)
            pairs = chain((pair for pair in alike if crowd.issuperset(pair)), pairwise(columns))
        for pair in dict.fromkeys(pairs):
            if pair in alike:
                alike[pair] += 1
            elif len(alike) < _PAIRS and self._most_moves(pair) - 1 <= self._most_missed:
                alike[pair] = 1

    def _tidy(self) -> None:
        """Forget the pairs that can be no twins in this window any more."""
        most = self._most_missed
        for pair in [pair for pair, alike in self._alike.items() if self._most_moves(pair) - alike > most]:
            del self._alike[pair]

    def _most_moves(self, pair: tuple[int, int]) -> int:
        """Return how often that one of two columns moved that moved more often."""
        return max(self._moved[pair[0]], self._moved[pair[1]])

    def _end(self) -> None:
        """Judge the window and begin the next one."""
        self._answer, self._found = None, []
        if self._taken >= MIN_COV * self._size:
            self._answer = False
            for pair, alike in self._alike.items():
                most = self._most_moves(pair)
                if most >= self._least and alike > self._share * most:
                    self._answer, self._found = True, [*pair, alike, most]
                    break
        self._begin()

    def skip(self, count: int) -> None:
        """Note samples not taken."""
        self._turn += count
        if self._last and self._turn >= self._size:
            self._end()

    def evidence(self) -> dict[str, Any]:
        """Return which columns are twins (by name, else by number from 0), in how many moves of how many."""
        told: dict[str, Any] = {"share": self._share}
        if self._found:
            first, second, equal, of = self._found
            told |= {"first": self._name(first), "second": self._name(second), "equal": equal, "of": of}
        return told

    def _name(self, column: int) -> str | int:
        return self._names[column] if column < len(self._names) else column

    def ready_in_s(self) -> float:
        """Until the first window is over."""
        return 0.0 if self._answer is not None else max(0, self._size - self._turn) * self._step_s

    def snapshot(self) -> dict[str, Any]:
        """Return the counts."""
        return {
            "last": list(self._last),
            "moved": list(self._moved),
            "alike": [[one, two, alike] for (one, two), alike in self._alike.items()],
            "turn": [self._turn, self._taken],
            "answer": self._answer,
            "found": list(self._found),
        }

    def restore(self, state: Any) -> None:
        """Continue with the counts of a snapshot."""
        if len(state["last"]) != len(state["moved"]):
            raise ValueError("not the state of a Twin")
        self._last, self._moved = list(state["last"]), list(state["moved"])
        self._alike = {(int(one), int(two)): alike for one, two, alike in state["alike"]}
        self._turn, self._taken = state["turn"]
        self._answer, self._found = state["answer"], list(state["found"])
