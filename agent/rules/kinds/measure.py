"""Measures: one number made of given values, for `Of` to hand to an evaluator."""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

import math
from operator import add, sub
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from agent.rules.kinds.compose import hours_of, is_within
from agent.rules.kinds.part import MIN_COV, Part, brief, samples
from agent.rules.kinds.window import Spread, Sums, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.rules.rule import Moment


_STILL: Final = 1e-9


class Measure(Protocol):
    """Makes one number of what it is given, ``None``: not known. The rest is as for an evaluator."""

    def take(self, at: Moment, *given: Any) -> float | None:
        """Take values; return the number."""

    def skip(self, count: int) -> None:
        """Note that `count` evaluations did not take place."""

    def evidence(self) -> dict[str, Any]:
        """Return what the number was made of."""

    def ready_in_s(self) -> float:
        """Return how much more history is needed, in seconds."""

    def snapshot(self) -> Any:
        """Return the state as plain JSON-able data."""

    def restore(self, state: Any) -> None:
        """Continue where `snapshot` was taken."""


class Reckoned(Part):
    """What a pure function makes of the values given just now. No memory.

    ``None`` when any value is unknown, also one in a tuple, when the function answers ``None``, divides by zero or
    leaves the domain of its mathematics, or when the result is not finite.
    """

    __slots__ = ("_given", "_reckon")

    def __init__(self, reckon: Callable[..., float | None]) -> None:
        self._reckon = reckon
        self._given: tuple[Any, ...] = ()

    def take(self, at: Moment, *given: Any) -> float | None:
        """Take the arguments of the function."""
        self._given = given
        if None in given or any(isinstance(one, tuple) and None in one for one in given):
            return None
        try:
            found = self._reckon(*given)
        except (ZeroDivisionError, ValueError, OverflowError):
            return None
        return found if found is not None and math.isfinite(found) else None

    def evidence(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"of": brief(list(self._given))}


class Windowed(Part):
    """A measure over a window of `window_s`, one sample every `step_s`. Memory: see `window`."""

    __slots__ = ("_found", "_min_cov", "_step_s", "_window", "_window_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_window",)
    _window: Window

    def __init__(self, window_s: float, step_s: float, min_cov: float) -> None:
        self._window_s, self._step_s, self._min_cov = window_s, step_s, min_cov
        self._found: float | None = None
        if not 0 < min_cov <= 1:
            raise ValueError(f"a coverage of {min_cov}")

    def skip(self, count: int) -> None:
        """Missing samples."""
        self._window.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the window and how much of it was known."""
        return {"window_s": self._window_s, "known": self._window.known, "of_samples": self._window.size}

    def ready_in_s(self) -> float:
        """Until the window is covered, if nothing is missing from now on."""
        return max(0.0, (self._min_cov * self._window.size - self._window.held) * self._step_s)


class Mean(Windowed):
    """The mean of the last `window_s` seconds. `take(at, x)`. ``None`` when fewer than `min_cov` samples are known."""

    __slots__ = ()
    _window: Sums

    def __init__(self, *, window_s: float, step_s: float, min_cov: float = MIN_COV) -> None:
        super().__init__(window_s, step_s, min_cov)
        self._window = Sums(samples(window_s, step_s))

    def take(self, at: Moment, x: float | None) -> float | None:
        """Take a value."""
        self._window.push(x)
        return self._window.mean(self._min_cov)


class Total(Mean):
    """The sum of the last `window_s` seconds, missing samples made up for by the mean of the known. `take(at, x)`."""

    __slots__ = ()

    def take(self, at: Moment, x: float | None) -> float | None:
        """Take an amount."""
        mean = super().take(at, x)
        return None if mean is None else mean * self._window.size


class Deviation(Windowed):
    """The (population) standard deviation of the last `window_s` seconds, in the unit of x. `take(at, x)`."""

    __slots__ = ()
    _window: Spread

    def __init__(self, *, window_s: float, step_s: float, min_cov: float = MIN_COV) -> None:
        super().__init__(window_s, step_s, min_cov)
        self._window = Spread(samples(window_s, step_s))

    def take(self, at: Moment, x: float | None) -> float | None:
        """Take a value."""
        self._window.push(x)
        moments = self._window.moments() if self._window.is_covered(self._min_cov) else None
        return None if moments is None else moments[1]


class Quotient(Part):
    """sum(a) / sum(b) of the last `window_s` seconds, over the samples where both are known. `take(at, a, b)`.

    ``None`` when fewer than `min_cov` samples are, or when sum(b) is not above `floor`: a quotient of next to nothing
    says nothing. Memory: two windows.
    """

    __slots__ = ("_floor", "_lower", "_min_cov", "_step_s", "_upper", "_window_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_upper", "_lower")

    def __init__(self, *, window_s: float, step_s: float, floor: float = 0.0, min_cov: float = MIN_COV) -> None:
        size = samples(window_s, step_s)
        self._upper, self._lower = Sums(size), Sums(size)
        self._window_s, self._step_s, self._floor, self._min_cov = window_s, step_s, floor, min_cov

    def take(self, at: Moment, a: float | None, b: float | None) -> float | None:
        """Take two amounts of one period."""
        sums = self.sums(a, b)
        return None if sums is None or sums[1] <= self._floor or not sums[1] else sums[0] / sums[1]

    def sums(self, a: float | None, b: float | None) -> tuple[float, float] | None:
        """Take two amounts; return both sums, ``None`` when too little is known."""
        if a is None or b is None:
            a = b = None
        self._upper.push(a)
        self._lower.push(b)
        return (self._upper.total, self._lower.total) if self._upper.is_covered(self._min_cov) else None

    def skip(self, count: int) -> None:
        """Missing samples."""
        self._upper.skip(count)
        self._lower.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return both sums and the window."""
        sums = {"upper": brief(self._upper.total), "lower": brief(self._lower.total)}
        return {**sums, "window_s": self._window_s}

    def ready_in_s(self) -> float:
        """Until the window is covered, if nothing is missing from now on."""
        return max(0.0, (self._min_cov * self._upper.size - self._upper.held) * self._step_s)


class Split(Part):
    """The amount inside local `hours` over the amount outside them, of the last `days` whole days. `take(at, x)`.

    x is the amount of one period (kWh), dated by its start. ``None`` when fewer than `min_cov` samples are known, the
    amount inside is not above `floor` or that outside not above zero, or the calendar is not known. Memory: two windows
    of `days`.
    """

    __slots__ = ("_floor", "_hours", "_inside", "_min_cov", "_outside", "_step_s", "_text")
    KEPT: ClassVar[tuple[str, ...]] = ("_inside", "_outside")

    def __init__(
        self, *, hours: str, step_s: float, days: int = 1, floor: float = 0.0, min_cov: float = MIN_COV
    ) -> None:
        size = samples(days * 86400.0, step_s)
        self._text, self._hours = hours, hours_of(hours)
        self._inside, self._outside = Sums(size), Sums(size)
        self._step_s, self._floor, self._min_cov = step_s, floor, min_cov

    def take(self, at: Moment, x: float | None) -> float | None:
        """Take the amount of a period."""
        if at.minute is None:
            x = None
        is_inside = at.minute is not None and is_within(self._hours, at.minute)
        self._inside.push(x if is_inside else None)
        self._outside.push(None if is_inside else x)
        inside, outside = self._inside.total, self._outside.total
        if at.minute is None or self._inside.known + self._outside.known < self._min_cov * self._inside.size:
            return None
        return inside / outside if inside > self._floor and outside > 0 else None

    def skip(self, count: int) -> None:
        """Missing samples."""
        self._inside.skip(count)
        self._outside.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the hours and both amounts."""
        amounts = {"inside": brief(self._inside.total), "outside": brief(self._outside.total)}
        return {"hours": self._text, **amounts}

    def ready_in_s(self) -> float:
        """Until the window is covered, if nothing is missing from now on."""
        return max(0.0, (self._min_cov * self._inside.size - self._inside.held) * self._step_s)


class Correlation(Part):
    """Pearson's correlation of the last `window_s` seconds, over samples where both are known. `take(at, a, b)`.

    ``None`` when fewer than `min_cov` are, or when either does not vary (by 1e-9 of its mean). The covariance is a
    quarter of var(a + b) - var(a - b), so four windows do. Memory: those.
    """

    __slots__ = ("_a", "_b", "_difference", "_min_cov", "_step_s", "_sum", "_window_s")
    KEPT: ClassVar[tuple[str, ...]] = ("_a", "_b")

    def __init__(self, *, window_s: float, step_s: float, min_cov: float = MIN_COV) -> None:
        size = samples(window_s, step_s)
        self._a, self._b, self._sum, self._difference = Spread(size), Spread(size), Spread(size), Spread(size)
        self._window_s, self._step_s, self._min_cov = window_s, step_s, min_cov

    def take(self, at: Moment, a: float | None, b: float | None) -> float | None:
        """Take a pair."""
        if a is None or b is None:
            self._push(None, None, None, None)
        else:
            self._push(a, b, a + b, a - b)
        return self._found() if self._a.is_covered(self._min_cov) else None

    def restore(self, state: Any) -> None:
        """Continue from a snapshot; sums and differences follow from the pairs."""
        super().restore(state)
        a, b = state["a"], state["b"]
        self._sum.restore(_paired(a, b, add))
        self._difference.restore(_paired(a, b, sub))

    def _push(self, *values: float | None) -> None:
        for window, value in zip((self._a, self._b, self._sum, self._difference), values, strict=True):
            window.push(value)

    def _found(self) -> float | None:
        of_a, of_b = self._a.moments(), self._b.moments()
        both, apart = self._sum.moments(), self._difference.moments()
        if of_a is None or of_b is None or both is None or apart is None or not (_varies(of_a) and _varies(of_b)):
            return None
        found = (both[1] ** 2 - apart[1] ** 2) / (4 * of_a[1] * of_b[1])
        return max(-1.0, min(1.0, found))

    def skip(self, count: int) -> None:
        """Missing samples."""
        for window in (self._a, self._b, self._sum, self._difference):
            window.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the window and how much of it was known."""
        return {"window_s": self._window_s, "known": self._a.known, "of_samples": self._a.size}

    def ready_in_s(self) -> float:
        """Until the window is covered, if nothing is missing from now on."""
        return max(0.0, (self._min_cov * self._a.size - self._a.held) * self._step_s)


def _paired(a: dict[str, Any], b: dict[str, Any], join: Callable[[float, float], float]) -> dict[str, Any]:
    """Return the state of a window of what two windows, known and missing together, come to sample by sample."""
    blocks = {
        block: [None if one is None else join(one, two) for one, two in zip(a[block], b[block], strict=True)]
        for block in ("old", "new")
    }
    return {**blocks, "full": a["full"]}


def _varies(moments: tuple[float, float]) -> bool:
    """Whether a deviation is more than the noise of reckoning."""
    return moments[1] > _STILL * abs(moments[0])
