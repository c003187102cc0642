"""What is usual: one value a day for every hour of the day and load bin, over the days kept. See `base`."""

from __future__ import annotations

from array import array
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from agent.rules.kinds.part import Part

if TYPE_CHECKING:
    from agent.rules.rule import Moment

BINS: Final = 6
"""Load bins: 0-20, 20-40, 40-60, 60-80, 80 % and above, and the one without a load."""
NO_LOAD: Final = 5
_BIN_PERCENT: Final = 20.0
_HEARD_S: Final = 900.0
"""A value of a day rests on at least this much of its hour (or day) in that bin [P]: one minute is no sample."""
_DAY_S: Final = 86400.0


def bin_of(load: float | None) -> int:
    """Return the load bin; load in % of rated, ``None``: without."""
    return NO_LOAD if load is None else min(4, max(0, int(load / _BIN_PERCENT)))


class Baseline(Part):
    """Learns and tells what is usual. Values come with `add`, after `turn` has closed what the moment leaves behind.

    With `expires`, values of more than `days` days ago are no longer usual; without, the last `days` values of a cell
    are, however old.
    """

    __slots__ = (
        "_by_hour", "_cells", "_days", "_expires", "_heard", "_is_spoilt", "_known", "_open", "_period", "_ready_days",
        "_seen",
    )  # fmt: skip

    def __init__(
        self, *, days: int, ready_days: int, step_s: float, by_hour: bool = True, expires: bool = True
    ) -> None:
        if not 0 < ready_days <= days:
            raise ValueError(f"ready after {ready_days} of {days} days")
        self._days, self._ready_days, self._by_hour, self._expires = days, ready_days, by_hour, expires
        self._heard = max(1, round(_HEARD_S / step_s))
        self._cells: dict[int, tuple[array[int], array[float]]] = {}
        self._open: dict[int, list[float]] = {}
        self._period: tuple[int, int] | None = None
        self._is_spoilt = False
        self._seen: deque[int] = deque(maxlen=days)
        self._known: dict[int, tuple[float, float] | None] = {}

    def turn(self, day: int, minute: int) -> None:
        """Go to the hour (or day) of a moment; what was collected in another one becomes its value of that day."""
        period = (day, minute // 60 if self._by_hour else 0)
        if period == self._period:
            return
        if self._period is not None:
            for load_bin, (count, total) in self._open.items():
                if count >= self._heard:
                    self._keep(self._period, load_bin, float(f"{total / count:.6g}"))
        self._open, self._known, self._is_spoilt = {}, {}, False
        self._period = period

    def add(self, load_bin: int, value: float) -> None:
        """Collect a value of the hour turned to."""
        if self._is_spoilt:
            return
        found = self._open.get(load_bin)
        if found is None:
            self._open[load_bin] = [1, value]
        else:
            found[0] += 1
            found[1] += value

    def spoil(self) -> None:
        """Learn nothing from the hour turned to."""
        self._open, self._is_spoilt = {}, True

    def usual(self, load_bin: int) -> tuple[float, float] | None:
        """Return median and MAD for the hour turned to, ``None`` with fewer than `ready_days` values."""
        if load_bin not in self._known:
            self._known[load_bin] = self._reckoned(load_bin)
        return self._known[load_bin]

    def _reckoned(self, load_bin: int) -> tuple[float, float] | None:
        assert self._period is not None
        day, hour = self._period
        kept = self._cells.get(hour * BINS + load_bin)
        if kept is None:
            return None
        values = [value for when, value in zip(*kept, strict=True) if not self._expires or 0 < day - when <= self._days]
        if len(values) < self._ready_days:
            return None
        middle = median(values)
        return middle, median([abs(value - middle) for value in values])

    def _keep(self, period: tuple[int, int], load_bin: int, value: float) -> None:
        """Keep the value of a day. Later days (the clock was wrong) go; a second value of a day is not taken."""
        day, hour = period
        kept = self._cells.get(hour * BINS + load_bin, (array("q"), array("d")))
        pairs = [(when, old) for when, old in zip(*kept, strict=True) if when <= day]
        if self._expires:
            pairs = [(when, old) for when, old in pairs if day - when < self._days]
        if not pairs or pairs[-1][0] < day:
            pairs = [*pairs, (day, value)][-self._days :]
        self._cells[hour * BINS + load_bin] = _columns(pairs)
        if day not in self._seen:
            self._seen.append(day)

    def ready_in_s(self) -> float:
        """Return the days still to be learnt, in seconds."""
        latest = max(self._seen, default=0)
        recent = sum(1 for day in self._seen if not self._expires or latest - day < self._days)
        return max(0, self._ready_days - recent) * _DAY_S

    def snapshot(self) -> dict[str, Any]:
        """Return all cells and what is being collected."""
        return {
            "cells": [[key, list(days), list(values)] for key, (days, values) in self._cells.items()],
            "open": [[load_bin, *found] for load_bin, found in self._open.items()],
            "period": None if self._period is None else list(self._period),
            "spoilt": self._is_spoilt,
            "seen": list(self._seen),
        }

    def restore(self, state: Any) -> None:
        """Continue with the cells of a snapshot."""
        self._cells = {int(key): (array("q", days), array("d", values)) for key, days, values in state["cells"]}
        self._open = {int(load_bin): [count, total] for load_bin, count, total in state["open"]}
        self._period = None if state["period"] is None else (int(state["period"][0]), int(state["period"][1]))
        self._is_spoilt = bool(state["spoilt"])
        self._seen = deque(state["seen"], self._days)
        self._known = {}


def _columns(pairs: list[tuple[int, float]]) -> tuple[array[int], array[float]]:
    return array("q", [when for when, _ in pairs]), array("d", [value for _, value in pairs])


def median(values: list[float]) -> float:
    """Return the median of at least one value."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def place(at: Moment) -> tuple[int, int] | None:
    """Return day and minute of a moment, ``None`` while the calendar is not known."""
    return None if at.day is None or at.minute is None else (at.day, at.minute)
