"""PROJ: where the running hour, day or year is heading."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from agent.rules.kinds.part import MIN_COV, Part, brief, samples
from agent.rules.kinds.window import Sums

if TYPE_CHECKING:
    from agent.rules.rule import Moment

_DAY_MINUTES: Final = 1440


class Projected(Part):
    """Whether the running hour or day will come out above `limit`.

    `update(at, x)`: the mean (of "mean") or the amount (of "total") of one period of `step_s`, dated by its start.
    Ahead: the samples so far, missing ones taken as the mean of the known, and for the rest the mean of the `last`
    ones; with ``ahead=False`` only so far. Strict. Before `from_minute` of the hour or day: ``False``. ``None`` when
    fewer than 75 % of the samples so far, or of the last ones, are known, and while the calendar is not. Memory:
    `last` samples.
    """

    __slots__ = (
        "_ahead", "_found", "_from_minute", "_is_hour", "_known", "_last", "_limit", "_of", "_period", "_samples",
        "_step_s", "_sum",
    )  # fmt: skip
    KEPT: ClassVar[tuple[str, ...]] = ("_period", "_known", "_sum", "_last")

    def __init__(
        self,
        *,
        period: Literal["hour", "day"],
        limit: float,
        step_s: float,
        from_minute: int = 0,
        of: Literal["mean", "total"] = "mean",
        ahead: bool = True,
        last: int = 5,
    ) -> None:
        self._is_hour, self._limit, self._step_s, self._of = period == "hour", limit, step_s, of
        self._samples = samples(3600.0 if self._is_hour else 86400.0, step_s)
        self._from_minute, self._ahead = from_minute, ahead
        self._last = Sums(last)
        self._period: list[int] = []
        self._known = 0
        self._sum = 0.0
        self._found: float | None = None

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take a mean or an amount."""
        self._last.push(x)
        self._found = None
        if at.day is None or at.minute is None:
            return None
        period = [at.day, at.minute // 60 if self._is_hour else 0]
        if period != self._period:
            self._period, self._known, self._sum = period, 0, 0.0
        if x is not None:
            self._known += 1
            self._sum += x
        minute = at.minute % 60 if self._is_hour else at.minute
        passed = min(self._samples, int(minute * 60 / self._step_s) + 1)
        if passed * self._step_s < self._from_minute * 60:
            return False
        self._found = self._projected(passed)
        return None if self._found is None else self._found > self._limit

    def _projected(self, passed: int) -> float | None:
        """Return the mean or the amount of the whole period, or of what has passed of it; ``None``: not known."""
        if self._known < MIN_COV * passed:
            return None
        so_far = self._sum / self._known * passed
        if not self._ahead:
            return so_far / passed if self._of == "mean" else so_far
        last = self._last.mean()
        if passed < self._samples:
            if last is None:
                return None
            so_far += (self._samples - passed) * last
        return so_far / self._samples if self._of == "mean" else so_far

    def skip(self, count: int) -> None:
        """Missing samples: the calendar shows how many of this period."""
        self._last.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return what comes out, the limit, and how much of the period was known."""
        so_far = self._sum / self._known if self._known else None
        told = {"projected" if self._ahead else "so_far": brief(self._found), "limit": brief(self._limit)}
        return {**told, "mean_so_far": brief(so_far), "known": self._known, "of_samples": self._samples}


class Pace(Part):
    """Whether the year to date is more than the share of a year's `limit` that is due by now, and `tolerance` of it.

    `update(at, x)`: an amount, of which there are `a_day`; what is due goes by whole days, so that the last of each day
    is judged, and its answer stands until the next. ``False`` in the first `from_day` days of a year. Unknown amounts
    count as nothing, so that a sum above is certain; one not above is ``None`` when fewer than 75 % of those since the
    first day seen are known. ``None`` while the calendar is not known. Memory: a few numbers.
    """

    __slots__ = (
        "_a_day",
        "_answer",
        "_first",
        "_found",
        "_from_day",
        "_known",
        "_limit",
        "_sum",
        "_tolerance",
        "_year",
    )
    KEPT: ClassVar[tuple[str, ...]] = ("_year", "_first", "_known", "_sum", "_answer")

    def __init__(self, *, limit: float, tolerance: float = 0.1, from_day: int = 30, a_day: int = 1) -> None:
        self._limit, self._tolerance, self._from_day, self._a_day = limit, tolerance, from_day, a_day
        self._year: int | None = None
        self._first = self._known = 0
        self._sum = 0.0
        self._found: float | None = None
        self._answer: bool | None = None

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take an amount."""
        if at.day is None:
            return None
        day = date.fromordinal(at.day)
        if day.year != self._year:
            self._year, self._first, self._known, self._sum = day.year, at.day, 0, 0.0
        if x is not None:
            self._known += 1
            self._sum += x
        if at.minute is None or at.minute + _DAY_MINUTES // self._a_day >= _DAY_MINUTES:
            self._answer = self._judged(at.day, day)
        return self._answer

    def _judged(self, number: int, day: date) -> bool | None:
        start = date(day.year, 1, 1).toordinal()
        due = (number - start + 1) / (date(day.year + 1, 1, 1).toordinal() - start)
        self._found = self._limit * due * (1 + self._tolerance)
        if number - start < self._from_day:
            return False
        if self._sum > self._found:
            return True
        return None if self._known < MIN_COV * self._a_day * (number - self._first + 1) else False

    def evidence(self) -> dict[str, Any]:
        """Return the sum of the year, what was due by now with the tolerance, the limit of the year."""
        return {
            "value": brief(self._sum),
            "limit": brief(self._found),
            "year": brief(self._limit),
            "days": round(self._known / self._a_day, 1),
        }
