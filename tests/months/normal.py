"""What is asked of a month in which nobody cheats: no rule that flags cheating, alarms that people can live with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FALSIFICATION: Final = (
    *("P4", "P8", "P12", "P13"),  # what is declared, told by the control system or measured does not agree
    *("T7", "T9", "T20"),  # treatment cut off by itself, its power made up, removal too good to be true
    *("E6", "E7", "E8", "E9", "E10", "E11", "E12", "E13", "E14", "E15", "E16", "E17"),  # series that no gas makes
    *("E18", "E19", "E20", "E21", "E22", "E23", "E24", "E25", "E26"),  # diluted, excused, altered, against the plant
    *("W1", "W2", "W4", "W6", "W7", "W8", "W9", "W10", "W11"),  # meters that were tampered with
    *("Q5", "Q6", "Q8", "Q9", "Q11", "Q12"),  # clocks, dates, settings, doors, copies
)
"""The rules that flag cheating, or what cheating looks like. The others tell of work against the permit, the order or
the limit (P1 to P3, P5 to P7, P9 to P11, P14, most of T, E1 to E5, R), of worn or disturbed machines and instruments
(T12 to T19, T21, T23, E27, E28, W3, W5, W12), and of missing data (Q1 to Q4, Q7, Q10)."""

MOST_PER_HOUR, MOST_PER_DAY = 6, 150
MOST_PER_10_MIN = 10
MOST_STALE = 4
MOST_SHARE = 0.01


def outside_targets(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alarm-system figures that miss their targets.

    Those are of ISA-18.2, IEC 62682 and EEMUA 191, as trade literature reports them. Two are left out: the share of the
    ten most frequent alarms and the spread over priorities say nothing of a handful of alarms.
    """
    most = {
        "per_hour": MOST_PER_HOUR,
        "per_day": MOST_PER_DAY,
        "peak_10min": MOST_PER_10_MIN,
        "share_10min_above_10": MOST_SHARE,
        "share_hours_above_30": MOST_SHARE,
        "share_10min_in_flood": MOST_SHARE,
        "chattering": 0,
        "fleeting": 0,
        "stale_most": MOST_STALE,
    }
    return {name: figures[name] for name, bound in most.items() if figures[name] > bound}
