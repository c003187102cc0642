"""How much of a day's work was done at night: the measure of rule P2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from agent.rules.kinds.compose import hours_of, is_within
from agent.rules.kinds.measure import Total
from agent.rules.kinds.part import Part, brief
from agent.rules.rule import DAY_S, HOUR_S

if TYPE_CHECKING:
    from agent.rules.rule import Moment

_DAY_MINUTES: Final = 1440
_COVERED: Final = 0.9


class NightWork(Part):
    """A measure: energy of the night hours over that of the others, of the last 24 hours.

    `take(at, x)`: the energy of an hour, dated by its start. What a night at `rated_kw` would take, times `least`, is
    the bound of what counts: a night of up to that much gives 0, "nobody worked", and a day below it is taken as just
    so much, so that a day without any energy still gives a number. ``None`` when more than two of the 24 hours are
    unknown (a plant around the clock would lack too much of its day), or the calendar is. Memory: two windows of 24.
    """

    __slots__ = ("_hours", "_least", "_night", "_told", "_whole")
    KEPT: ClassVar[tuple[str, ...]] = ("_night", "_whole")

    def __init__(self, *, hours: str, rated_kw: float, least: float) -> None:
        self._hours = hours_of(hours)
        night_h = sum((end - start) % _DAY_MINUTES for start, end in self._hours) / 60
        self._least = least * rated_kw * night_h
        self._night = Total(window_s=DAY_S, step_s=HOUR_S, min_cov=_COVERED)
        self._whole = Total(window_s=DAY_S, step_s=HOUR_S, min_cov=_COVERED)
        self._told: tuple[float | None, float | None] = (None, None)

    def take(self, at: Moment, x: float | None) -> float | None:
        """Take the energy of an hour."""
        known = x if at.minute is not None else None
        is_night = at.minute is not None and is_within(self._hours, at.minute)
        night = self._night.take(at, known if is_night or known is None else 0.0)
        whole = self._whole.take(at, known)
        self._told = (night, whole)
        if night is None or whole is None or at.minute is None:
            return None
        return night / max(whole - night, self._least) if night > self._least else 0.0

    def evidence(self) -> dict[str, Any]:
        """Return the energy of the night and of all 24 hours, and the bound, in kWh."""
        night, whole = self._told
        return {"night": brief(night), "whole": brief(whole), "least": brief(self._least)}

    def skip(self, count: int) -> None:
        """Missing hours."""
        self._night.skip(count)
        self._whole.skip(count)

    def ready_in_s(self) -> float:
        """Until enough of a day is known."""
        return self._whole.ready_in_s()
