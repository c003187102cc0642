"""BASE: against what is usual for this object, at this hour of the day and at this load.

A *baseline* keeps one value a day for every hour of the day and load bin (0-20-40-60-80-100 % of rated and above;
one more bin without a load): the mean of the samples of that hour in that bin, six significant digits. 30 days are
kept; usual is their median, and MAD the median absolute deviation from it, exact and worked out once an hour per bin.
A cell answers from 14 values on; which needs 14 days at least.

It goes on learning while its rule says ``True``: only then can a plant that was rebuilt come to rest again. A cheat
does not become usual quickly: the median of 30 values is moved by none less than half of them, so what began today is
judged against the time before for 15 days at least. A drift slower than that is not seen by any of these.

Memory: at most 30 values for each of 24 x 6 cells; about 12 bytes a value; a facility that runs at one load needs 24
cells. With the calendar unknown nothing is learnt and nothing is known.
"""

# ruff: noqa: ARG002 - a part takes the moment also when it does not look at it

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from agent.rules.kinds.baseline import NO_LOAD, Baseline, bin_of, place
from agent.rules.kinds.part import Part, brief, samples
from agent.rules.kinds.window import Sums

if TYPE_CHECKING:
    from agent.rules.rule import Moment


class Away(Part):
    """Whether a value is away from its usual one.

    `update(at, x, load=None)`: load in % of rated; a load never known is left out, one unknown now makes the answer
    ``None``. ``True`` when x < low * median, or x > high * median, or, when `mad` or `points` is given, when abs(x -
    median) > mad * MAD and > points (of both given, both; `side` "above" or "below" looks at one side only). Strict.
    ``False`` when the median is below `least`: next to nothing is no measure. By hour of the day unless
    ``by_hour=False`` (then the mean of the whole day in that bin), by load bin unless ``by_load=False``. ``None``
    when x is unknown or there is no usual value yet. Memory: a baseline.
    """

    __slots__ = (
        "_baseline", "_by_load", "_has_load", "_high", "_least", "_low", "_mad", "_points", "_side", "_usual", "_x",
    )  # fmt: skip
    KEPT: ClassVar[tuple[str, ...]] = ("_baseline", "_has_load")

    def __init__(
        self,
        *,
        low: float | None = None,
        high: float | None = None,
        mad: float | None = None,
        points: float | None = None,
        side: Literal["both", "above", "below"] = "both",
        least: float | None = None,
        step_s: float = 60.0,
        by_hour: bool = True,
        by_load: bool = True,
        days: int = 30,
        ready_days: int = 14,
    ) -> None:
        if low is None and high is None and mad is None and points is None:
            raise ValueError("away from the usual by what: low, high, mad or points")
        self._low, self._high, self._mad, self._points, self._side = low, high, mad, points, side
        self._least, self._by_load = least, by_load
        self._baseline = Baseline(days=days, ready_days=ready_days, step_s=step_s, by_hour=by_hour)
        self._has_load = False
        self._x: float | None = None
        self._usual: tuple[float, float] | None = None

    def update(self, at: Moment, x: float | None, load: float | None = None) -> bool | None:
        """Take a value and the load."""
        self._x, self._usual = x, None
        if load is not None:
            self._has_load = True
        where = place(at)
        if x is None or where is None:
            return None
        self._baseline.turn(*where)
        if self._by_load and self._has_load and load is None:
            return None
        load_bin = bin_of(load) if self._by_load else NO_LOAD
        self._usual = self._baseline.usual(load_bin)
        self._baseline.add(load_bin, x)
        return None if self._usual is None else self._is_away(x, *self._usual)

    def _is_away(self, x: float, usual: float, mad: float) -> bool:
        if self._least is not None and usual < self._least:
            return False
        if (self._low is not None and x < self._low * usual) or (self._high is not None and x > self._high * usual):
            return True
        if self._mad is None and self._points is None:
            return False
        apart = {"above": x - usual, "below": usual - x}.get(self._side, abs(x - usual))
        by_mad = self._mad is None or apart > self._mad * mad
        return by_mad and (self._points is None or apart > self._points)

    def evidence(self) -> dict[str, Any]:
        """Return the value, the usual one, its MAD, and the bounds."""
        usual, mad = self._usual or (None, None)
        given = {"low": self._low, "high": self._high, "mad_factor": self._mad, "points": self._points}
        bounds = {name: bound for name, bound in given.items() if bound is not None}
        return {"value": brief(self._x), "usual": brief(usual), "mad": brief(mad), **bounds}

    def ready_in_s(self) -> float:
        """Until the baseline has its days."""
        return self._baseline.ready_in_s()


class Lost(Part):
    """Whether something usually strong is gone: abs(x) < `below` where the median of abs(x) is above `usually`.

    `update(at, x)`: a correlation. ``None`` when x is unknown or there is no usual value yet. Memory: a baseline.
    """

    __slots__ = ("_baseline", "_below", "_usual", "_usually", "_x")
    KEPT: ClassVar[tuple[str, ...]] = ("_baseline",)

    def __init__(
        self,
        *,
        below: float = 0.2,
        usually: float = 0.6,
        step_s: float = 60.0,
        by_hour: bool = False,
        days: int = 30,
        ready_days: int = 14,
    ) -> None:
        self._below, self._usually = below, usually
        self._baseline = Baseline(days=days, ready_days=ready_days, step_s=step_s, by_hour=by_hour)
        self._x: float | None = None
        self._usual: tuple[float, float] | None = None

    def update(self, at: Moment, x: float | None) -> bool | None:
        """Take a value."""
        self._x, self._usual = x, None
        where = place(at)
        if x is None or where is None:
            return None
        self._baseline.turn(*where)
        self._usual = self._baseline.usual(NO_LOAD)
        self._baseline.add(NO_LOAD, abs(x))
        return None if self._usual is None else abs(x) < self._below and self._usual[0] > self._usually

    def evidence(self) -> dict[str, Any]:
        """Return the value, the usual strength, the bounds."""
        usual = None if self._usual is None else self._usual[0]
        return {"value": brief(self._x), "usual": brief(usual), "low": self._below, "usually_above": self._usually}

    def ready_in_s(self) -> float:
        """Until the baseline has its days."""
        return self._baseline.ready_in_s()


class Fall(Part):
    """Whether values after a spell (maintenance, calibration) are much below those before, at like load.

    `update(at, spell, x, load=None)`: spell 1 during it. When `window_s` after its end have passed: mean after <
    `factor` * mean before: ``True`` for `shown_s`; ``False`` when the mean load changed by more than `load_change` of
    the larger (a load never known is left out). A spell that begins within that time begins anew, with what was
    before the first. Both windows need 75 % known samples, else nothing is said of this spell. ``None`` while spell
    is unknown, that sample then being missing. Memory: two windows.
    """

    __slots__ = (
        "_after", "_before", "_factor", "_left", "_load", "_load_change", "_shown", "_stage", "_window_s", "_x",
    )  # fmt: skip
    KEPT: ClassVar[tuple[str, ...]] = ("_x", "_load", "_before", "_after", "_stage", "_left")

    def __init__(
        self,
        *,
        factor: float = 0.5,
        window_s: float = 7200.0,
        step_s: float = 60.0,
        load_change: float = 0.2,
        shown_s: float = 3600.0,
    ) -> None:
        size = samples(window_s, step_s)
        self._factor, self._load_change, self._window_s = factor, load_change, window_s
        self._shown = max(1, round(shown_s / step_s))
        self._x, self._load = Sums(size), Sums(size)
        self._before: list[float | None] = [None, None]
        self._after: list[float | None] = [None, None]
        self._stage: Literal["before", "during", "after"] = "before"
        self._left = 0

    def update(self, at: Moment, spell: float | None, x: float | None, load: float | None = None) -> bool | None:
        """Take whether the spell lasts, a value and the load."""
        self._left = max(0, self._left - 1)
        if spell == 1:
            if self._stage == "before":
                self._before = [self._x.mean(), self._load.mean()]
            self._stage = "during"
            return self._left > 0
        if spell is not None and self._stage == "during":
            self._x.skip(self._x.size)
            self._load.skip(self._load.size)
            self._stage = "after"
        self._x.push(None if spell is None else x)
        self._load.push(None if spell is None else load)
        if self._stage == "after" and self._x.held == self._x.size:
            self._stage, self._after = "before", [self._x.mean(), self._load.mean()]
            self._left = self._shown if self._has_fallen() else self._left
        return None if spell is None else self._left > 0

    def _has_fallen(self) -> bool:
        (before, load_before), (after, load_after) = self._before, self._after
        if before is None or after is None or (load_before is None) is not (load_after is None):
            return False
        if load_before is not None and load_after is not None:
            larger = max(abs(load_before), abs(load_after))
            if abs(load_after - load_before) > self._load_change * larger:
                return False
        return after < self._factor * before

    def skip(self, count: int) -> None:
        """Missing samples. A spell goes on; a window after one that was missed whole is not judged any more."""
        if self._stage == "after" and count >= self._x.size:
            self._stage = "before"
        if self._stage != "during":
            self._x.skip(count)
            self._load.skip(count)

    def evidence(self) -> dict[str, Any]:
        """Return the means before and after and the factor."""
        means = {"before": brief(self._before[0]), "after": brief(self._after[0])}
        return {**means, "factor": self._factor, "window_s": self._window_s}
