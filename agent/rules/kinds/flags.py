"""SHAPE of flags: marks and quality letters used too much, or when it suits."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Final

from agent.rules.kinds.part import MIN_COV, Part, brief

if TYPE_CHECKING:
    from agent.rules.rule import Moment

_DAY_MINUTES: Final = 1440
_SEEN, _FLAGGED, _SUITED = 1, 2, 3
"""Columns of a day after its date: minutes seen, flagged, and flagged in a spell that began when values were high."""


class FlagShare(Part):
    """Whether marks and flags are used too much, or just when values are high.

    `update(at, flag, marked, x)` (MINUTE): the flag letter (``ord``), 1 while marked, the value. A minute is flagged
    when its letter is in `flags` or it is marked. Over the last `days` days: ``True`` when more than `share` of the
    minutes seen are flagged, or when more than `begins` of the flagged minutes (at least `least` of them) belong to a
    spell that began when the last known value was above `level`. ``None`` before 75 % of a day has been seen, when
    flag or mark are unknown and the other one does not decide, and while the calendar is. Memory: three counts a day.
    """

    __slots__ = (
        "_begins", "_days", "_flags", "_is_flagged", "_least", "_level", "_past", "_rows", "_share", "_suits", "_x",
    )  # fmt: skip
    KEPT: ClassVar[tuple[str, ...]] = ("_rows", "_past", "_is_flagged", "_suits", "_x")

    def __init__(
        self,
        *,
        level: float,
        flags: str = "CMD",
        share: float = 0.1,
        begins: float = 0.6,
        least: int = 60,
        days: int = 30,
    ) -> None:
        self._level, self._share, self._begins, self._least, self._days = level, share, begins, least, days
        self._flags = frozenset(float(ord(letter)) for letter in flags)
        self._rows: deque[list[int]] = deque(maxlen=days)
        self._past = [0, 0, 0, 0]
        self._is_flagged = self._suits = False
        self._x: float | None = None

    def update(self, at: Moment, flag: float | None, marked: float | None, x: float | None) -> bool | None:
        """Take a minute."""
        is_flagged = self._of(flag, marked)
        if is_flagged is not None:
            if is_flagged and not self._is_flagged:
                self._suits = self._x is not None and self._x > self._level
            self._is_flagged = is_flagged
        if x is not None and not is_flagged:
            self._x = x
        if at.day is None or is_flagged is None:
            return None
        self._count(at.day, is_flagged=is_flagged)
        return self._judged()

    def _of(self, flag: float | None, marked: float | None) -> bool | None:
        """Return whether a minute is flagged."""
        if flag in self._flags or marked == 1:
            return True
        return None if flag is None or marked is None else False

    def _count(self, day: int, *, is_flagged: bool) -> None:
        """Count a minute to its day; a new day lets the oldest go."""
        if not self._rows or self._rows[-1][0] != day:
            kept = [row for row in self._rows if 0 < day - row[0] < self._days]
            self._rows = deque([*kept, [day, 0, 0, 0]], self._days)
            self._past = [sum(row[column] for row in kept) for column in range(4)]
        row = self._rows[-1]
        row[_SEEN] += 1
        row[_FLAGGED] += is_flagged
        row[_SUITED] += is_flagged and self._suits

    def _totals(self) -> tuple[int, int, int]:
        """Return the minutes seen, flagged, and flagged when it suited."""
        past, row = self._past, self._rows[-1]
        return past[_SEEN] + row[_SEEN], past[_FLAGGED] + row[_FLAGGED], past[_SUITED] + row[_SUITED]

    def _judged(self) -> bool | None:
        seen, flagged, suited = self._totals()
        if seen < MIN_COV * _DAY_MINUTES:
            return None
        return flagged > self._share * seen or (flagged >= self._least and suited > self._begins * flagged)

    def evidence(self) -> dict[str, Any]:
        """Return the minutes seen, flagged, flagged when it suited, and the bounds."""
        seen, flagged, suited = self._totals() if self._rows else (0, 0, 0)
        counts = {"minutes": seen, "flagged": flagged, "begun_high": suited, "days": len(self._rows)}
        return {**counts, "share": self._share, "begins": self._begins, "level": brief(self._level)}

    def ready_in_s(self) -> float:
        """Until 75 % of a day has been seen."""
        seen = self._totals()[0] if self._rows else 0
        return max(0.0, MIN_COV * _DAY_MINUTES - seen) * 60
