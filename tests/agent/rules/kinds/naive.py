"""How evaluators are tested: fed step by step, and compared with what a naive judge says of the whole history."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from agent.rules.rule import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.rules.rule import Evaluator

DAY = 738_000
"""The local day on which time begins here, at midnight."""
UNKNOWN = None
SMALL = st.one_of(st.none(), st.integers(-3, 12))
"""Few different values, so that equal ones and borders are met often."""
SKIPPED = "skipped"


def moment(minute: float, *, calendar: bool = True) -> Moment:
    """Return the moment so many minutes after the first midnight."""
    mono_ns = round(minute * 60_000_000_000)
    if not calendar:
        return Moment(mono_ns=mono_ns)
    whole = int(minute // 1)
    day = DAY + whole // 1440
    wall_ms = 1_700_000_000_000 + round(minute * 60_000)
    return Moment(mono_ns=mono_ns, wall_ms=wall_ms, day=day, minute=whole % 1440, weekday=day % 7)


@dataclass
class Feed:
    """An evaluator fed one step after another. `letters`: T true, f false, dot not known."""

    evaluator: Evaluator
    step_s: float = 60.0
    minute: float = 0.0
    calendar: bool = True
    answers: list[bool | None] = field(default_factory=list)

    def __call__(self, *given: Any) -> bool | None:
        """Take one step."""
        answer = self.evaluator.update(moment(self.minute, calendar=self.calendar), *given)
        self.minute += self.step_s / 60
        self.answers.append(answer)
        return answer

    def each(self, *rows: Any) -> str:
        """Take a step for each row (a tuple of what is given, or the one value); return the answers as letters."""
        return "".join(letter(self(*(row if isinstance(row, tuple) else (row,)))) for row in rows)

    def skip(self, count: int) -> None:
        """Let `count` steps pass without an evaluation."""
        self.evaluator.skip(count)
        self.minute += count * self.step_s / 60

    def restart(self, fresh: Evaluator) -> None:
        """Go on with a fresh evaluator that is told the state of this one, by way of JSON."""
        fresh.restore(json.loads(json.dumps(self.evaluator.snapshot(), allow_nan=False)))
        self.evaluator = fresh


def letter(answer: bool | None) -> str:
    """Return an answer as a letter."""
    return "." if answer is None else "T" if answer else "f"


def steps(*values: st.SearchStrategy[Any], most: int = 60) -> st.SearchStrategy[list[Any]]:
    """Draw a history: what is given at each step, or how many were skipped."""
    return st.lists(st.one_of(st.tuples(*values), st.tuples(*values), st.integers(0, 15)), max_size=most)


def agree(
    make: Callable[[], Evaluator],
    judge: Callable[[Sequence[tuple[Any, ...]]], bool | None],
    history: list[Any],
    width: int = 1,
) -> None:
    """Compare, at every step, an evaluator with the naive judge, who gets everything so far (skipped: all ``None``)."""
    feed, seen = Feed(make()), list[tuple[Any, ...]]()
    for step in history:
        if isinstance(step, int):
            feed.skip(step)
            seen += [(None,) * width] * step
        else:
            seen.append(step)
            assert feed(*step) is judge(seen), (step, seen)


def known(seen: Sequence[tuple[Any, ...]], size: int, at: int = 0) -> list[Any]:
    """Return the known values of one column in the last `size` steps."""
    return [row[at] for row in seen[-size:] if row[at] is not None]
