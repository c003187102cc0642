"""What joins evaluators into one: gates, answers taken together, and what becomes of an answer over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from agent.rules.kinds.elapsed import Elapsed
from agent.rules.kinds.part import MIN_COV, Part, brief

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.rules.kinds.measure import Measure
    from agent.rules.rule import Evaluator, Moment

Meanwhile = Literal["pause", "see", "miss", "restart"]
"""What an evaluator behind a closed gate gets: nothing, as if that time were not (`pause`); the values, its answer
unheard (`see`); missing samples (`miss`); nothing, and it begins anew when the gate closes (`restart`)."""


class Gate(Part):
    """An evaluator that is asked only now and then. `While` and `Between` say when."""

    __slots__ = ("_blank", "_has_begun", "_inner", "_meanwhile")
    KEPT: ClassVar[tuple[str, ...]] = ("_inner",)

    def __init__(self, inner: Evaluator, outside: Meanwhile) -> None:
        self._inner, self._meanwhile = inner, outside
        self._blank = inner.snapshot() if outside == "restart" else None
        self._has_begun = True
        """Whether the inner evaluator may have seen anything since it began anew; after a restore nobody knows."""

    def restore(self, state: Any) -> None:
        """Continue from a snapshot."""
        super().restore(state)
        self._has_begun = True

    def _aside(self, at: Moment, given: tuple[Any, ...], *, is_known: bool) -> bool | None:
        """Let the inner evaluator have what it gets while its gate is not open; an unknown gate restarts nothing."""
        if self._meanwhile == "see":
            self._inner.update(at, *given)
        elif self._meanwhile == "miss":
            self._inner.skip(1)
        elif self._meanwhile == "restart" and is_known and self._has_begun:
            self._inner.restore(self._blank)
            self._has_begun = False
        return False if is_known else None

    def skip(self, count: int) -> None:
        """Missing for the inner evaluator as well, except one that stands still outside its gate."""
        if self._meanwhile != "pause":
            self._has_begun = True
            self._inner.skip(count)

    def ready_in_s(self) -> float:
        """As the inner evaluator."""
        return self._inner.ready_in_s()


class While(Gate):
    """The answer of `inner` while a state or bit is one of `states`.

    `update(at, gate, *given)`: gate in `states`: what `inner` answers to the rest; another known state: ``False``;
    ``None``: ``None``. What `inner` gets outside, `outside` says (`Meanwhile`); by default its windows stand still, so
    a baseline learns only inside. Memory: that of `inner`.
    """

    __slots__ = ("_gate", "_states")

    def __init__(self, states: Iterable[float], inner: Evaluator, *, outside: Meanwhile = "pause") -> None:
        super().__init__(inner, outside)
        self._states = frozenset(states)
        self._gate: float | None = None

    def update(self, at: Moment, gate: float | None, *given: Any) -> bool | None:
        """Take the gate and the values of the inner evaluator."""
        self._gate = gate
        if gate in self._states:
            self._has_begun = True
            return self._inner.update(at, *given)
        if self._meanwhile == "pause":
            return None if gate is None else False
        return self._aside(at, given, is_known=gate is not None)

    def evidence(self) -> dict[str, Any]:
        """Return the gate and the inner evidence."""
        return {"while": brief(self._gate), **self._inner.evidence()}


class Between(Gate):
    """The answer of `inner` within local hours such as ``"22:00-06:00"``, several parted by commas.

    `update(at, *given)`: inside the hours (start included, end not): what `inner` answers; outside: ``False``; while
    the calendar is not known: ``None``. `outside` as for `While`. Raises ValueError for hours that are none.
    """

    __slots__ = ("_hours", "_text")

    def __init__(self, hours: str, inner: Evaluator, *, outside: Meanwhile = "pause") -> None:
        super().__init__(inner, outside)
        self._text = hours
        self._hours = hours_of(hours)

    def update(self, at: Moment, *given: Any) -> bool | None:
        """Take the values of the inner evaluator."""
        if at.minute is not None and is_within(self._hours, at.minute):
            self._has_begun = True
            return self._inner.update(at, *given)
        return self._aside(at, given, is_known=at.minute is not None)

    def evidence(self) -> dict[str, Any]:
        """Return the hours and the inner evidence."""
        return {"hours": self._text, **self._inner.evidence()}


def hours_of(text: str) -> tuple[tuple[int, int], ...]:
    """Return local hours as minutes of the day, start and end. Raises ValueError for a text that is none."""
    return tuple(_span(one.strip()) for one in text.split(","))


def _span(text: str) -> tuple[int, int]:
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"hours are written 22:00-06:00, not {text!r}")
    return _minute(start), _minute(end)


def _minute(text: str) -> int:
    hour, colon, minute = text.strip().partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and int(hour) <= 24 and int(minute) < 60):  # noqa: PLR2004
        raise ValueError(f"a time of day is written 06:00, not {text!r}")
    return int(hour) * 60 + int(minute)


def is_within(hours: tuple[tuple[int, int], ...], minute: int) -> bool:
    """Whether a minute of the day is inside any of the hours, which may run over midnight."""
    return any(start <= minute < end if start < end else (minute >= start or minute < end) for start, end in hours)


class Takes(Part):
    """Gives `inner` some of the given values: ``Takes((2, 0), inner)`` the third and the first, ``Takes(1, inner)``."""

    __slots__ = ("_inner", "_which")
    KEPT: ClassVar[tuple[str, ...]] = ("_inner",)

    def __init__(self, which: int | tuple[int, ...], inner: Evaluator) -> None:
        self._which = (which,) if isinstance(which, int) else which
        self._inner = inner

    def update(self, at: Moment, *given: Any) -> bool | None:
        """Take all values."""
        return self._inner.update(at, *[given[one] for one in self._which])

    def skip(self, count: int) -> None:
        """As the inner evaluator."""
        self._inner.skip(count)

    def evidence(self) -> dict[str, Any]:
        """As the inner evaluator."""
        return self._inner.evidence()

    def ready_in_s(self) -> float:
        """As the inner evaluator."""
        return self._inner.ready_in_s()


class Coarse(Part):
    """Gives `inner` the means of every `count` samples, for what is looked at over long.

    `update(at, *numbers)`. A mean has six significant digits, and is ``None`` when fewer than 75 % of its samples are
    known. The answer stands until the next means, but is ``None`` while the first number is. `inner` is to be built for
    steps so much longer. Memory: that of `inner`, and a sum and a count for each number.
    """

    __slots__ = ("_answer", "_count", "_inner", "_known", "_sums", "_taken")
    KEPT: ClassVar[tuple[str, ...]] = ("_inner", "_taken", "_sums", "_known", "_answer")

    def __init__(self, count: int, inner: Evaluator) -> None:
        self._count, self._inner = count, inner
        self._taken = 0
        self._sums: list[float] = []
        self._known: list[int] = []
        self._answer: bool | None = None

    def update(self, at: Moment, *given: float | None) -> bool | None:
        """Take a sample of each number."""
        sums, known = self._sums or [0.0] * len(given), self._known or [0] * len(given)
        self._sums = [total if x is None else total + x for total, x in zip(sums, given, strict=True)]
        self._known = [count + (x is not None) for count, x in zip(known, given, strict=True)]
        self._taken += 1
        if self._taken >= self._count:
            self._answer = self._inner.update(at, *map(self._mean, self._sums, self._known))
            self._taken, self._sums, self._known = 0, [], []
        return None if given[0] is None else self._answer

    def _mean(self, total: float, known: int) -> float | None:
        return float(f"{total / known:.6g}") if known >= MIN_COV * self._count else None

    def skip(self, count: int) -> None:
        """Missing samples; of a mean under way only the part that is left counts."""
        passed, self._taken = divmod(self._taken + count, self._count)
        if passed:
            self._sums, self._known = [], []
            self._inner.skip(passed)

    def evidence(self) -> dict[str, Any]:
        """As the inner evaluator."""
        return self._inner.evidence()

    def ready_in_s(self) -> float:
        """As the inner evaluator."""
        return self._inner.ready_in_s()


class Joined(Part):
    """Several evaluators that are given the same values. `AnyOf` and `AllOf` say what their answers come to.

    Kleene's logic: one answer that decides is enough, whatever the unknown ones are; else unknown wins. With
    `optional`, an evaluator that has never yet had an answer is left out: the site has no such point (a read that is
    optional). One that has answered once and is unknown now counts as unknown. None with an answer: ``None``.
    """

    __slots__ = ("_answers", "_inners", "_optional", "_seen")
    KEPT: ClassVar[tuple[str, ...]] = ("_inners", "_seen")
    DECIDES: ClassVar[bool] = True

    def __init__(self, *inners: Evaluator, optional: bool = False) -> None:
        if not inners:
            raise ValueError("nothing to join")
        self._inners = inners
        self._optional = optional
        self._seen = [False] * len(inners)
        self._answers: list[bool | None] = [None] * len(inners)

    def update(self, at: Moment, *given: Any) -> bool | None:
        """Take the values of all."""
        self._answers = answers = [inner.update(at, *given) for inner in self._inners]
        if self.DECIDES in answers:
            self._note(answers)
            return self.DECIDES
        if None not in answers:
            self._note(answers)
            return not self.DECIDES
        if not self._optional:
            return None
        self._note(answers)
        held = [answer for answer, seen in zip(answers, self._seen, strict=True) if seen]
        return None if None in held or not held else not self.DECIDES

    def _note(self, answers: list[bool | None]) -> None:
        """Remember who has ever answered."""
        if self._optional and not all(self._seen):
            self._seen = [seen or answer is not None for seen, answer in zip(self._seen, answers, strict=True)]

    def skip(self, count: int) -> None:
        """As each of them."""
        for inner in self._inners:
            inner.skip(count)

    def ready_in_s(self) -> float:
        """As the slowest of them."""
        return max(inner.ready_in_s() for inner in self._inners)


class AnyOf(Joined):
    """Whether any of several evaluators says so. Each gets all given values (see `Takes`); see `Joined`."""

    __slots__ = ()

    def evidence(self) -> dict[str, Any]:
        """Return the evidence of the first that says so, of the first of all when none does."""
        first = self._answers.index(True) if True in self._answers else 0
        return self._inners[first].evidence()

    def ready_in_s(self) -> float:
        """As the quickest of them: it alone can already say so."""
        return min(inner.ready_in_s() for inner in self._inners)


class AllOf(Joined):
    """Whether all of several evaluators say so. Each gets all given values (see `Takes`); see `Joined`."""

    __slots__ = ()
    DECIDES: ClassVar[bool] = False

    def evidence(self) -> dict[str, Any]:
        """Return the evidence of all that have any."""
        return {"all": [told for inner in self._inners if (told := inner.evidence())]}


class Not(Part):
    """Whether `inner` says no; unknown stays unknown."""

    __slots__ = ("_inner",)
    KEPT: ClassVar[tuple[str, ...]] = ("_inner",)

    def __init__(self, inner: Evaluator) -> None:
        self._inner = inner

    def update(self, at: Moment, *given: Any) -> bool | None:
        """Take the values of the inner evaluator."""
        answer = self._inner.update(at, *given)
        return None if answer is None else not answer

    def skip(self, count: int) -> None:
        """As the inner evaluator."""
        self._inner.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the inner evidence, as that of a no."""
        return {"not": self._inner.evidence()}

    def ready_in_s(self) -> float:
        """As the inner evaluator."""
        return self._inner.ready_in_s()


class Lasting(Part):
    """Whether `inner` has been true for `for_s` at least, without a break.

    What counts is the time between evaluations in a row that were true; an unknown one freezes the count, a skip too.
    ``None`` while the inner answer is. Memory: that of `inner`.
    """

    __slots__ = ("_clock", "_counted_s", "_for_s", "_from_s", "_inner")
    KEPT: ClassVar[tuple[str, ...]] = ("_inner", "_clock", "_counted_s", "_from_s")

    def __init__(self, inner: Evaluator, *, for_s: float) -> None:
        self._inner, self._for_s = inner, for_s
        self._clock = Elapsed()
        self._counted_s = 0.0
        self._from_s: float | None = None

    def update(self, at: Moment, *given: Any) -> bool | None:
        """Take the values of the inner evaluator."""
        now_s = self._clock.advance(at)
        answer = self._inner.update(at, *given)
        if not answer:
            self._from_s = None
            self._counted_s = self._counted_s if answer is None else 0.0
            return answer
        if self._from_s is not None:
            self._counted_s += now_s - self._from_s
        self._from_s = now_s
        return self._counted_s >= self._for_s

    def skip(self, count: int) -> None:
        """Nobody knows whether it held meanwhile: that time does not count."""
        self._from_s = None
        self._inner.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the inner evidence and for how long it has been so."""
        return {**self._inner.evidence(), "for_s": round(self._counted_s), "at_least_s": self._for_s}

    def ready_in_s(self) -> float:
        """As the inner evaluator."""
        return self._inner.ready_in_s()


class Of(Part):
    """Judges a number that a measure makes of the given values.

    `update(at, *given)`: the first `takes` values (all by default) go to the measure; `inner` gets its number, ``None``
    when there is none, and the rest. Memory: that of both.
    """

    __slots__ = ("_inner", "_measure", "_takes")
    KEPT: ClassVar[tuple[str, ...]] = ("_measure", "_inner")

    def __init__(self, measure: Measure, inner: Evaluator, *, takes: int | None = None) -> None:
        self._measure, self._inner, self._takes = measure, inner, takes

    def update(self, at: Moment, *given: Any) -> bool | None:
        """Take the values of the measure and the rest for the evaluator."""
        if self._takes is None:
            return self._inner.update(at, self._measure.take(at, *given))
        return self._inner.update(at, self._measure.take(at, *given[: self._takes]), *given[self._takes :])

    def skip(self, count: int) -> None:
        """As both."""
        self._measure.skip(count)
        self._inner.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the evidence of both."""
        return {**self._measure.evidence(), **self._inner.evidence()}

    def ready_in_s(self) -> float:
        """As both, one after the other."""
        return self._measure.ready_in_s() + self._inner.ready_in_s()
