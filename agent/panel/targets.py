"""The figures of the alarm system against their targets (docs/alarms.md, Figures). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from agent.panel.edition import NONE

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict = Literal["good", "warn", "bad", "unknown"]


class Target(NamedTuple):
    """A figure of verb ``alarms``: `fine` is met up to there, beyond `most` it is bad; as number or share."""

    name: str
    fine: float
    most: float
    is_share: bool = False


class Row(NamedTuple):
    """One figure for people. `name` is the word's last part; `target` is written as a number."""

    name: str
    value: str
    target: str
    verdict: Verdict


TARGETS: Final = (
    Target("per_hour", 6, 12),
    Target("per_day", 150, 300),
    Target("per_10min", 1, 2),
    Target("peak_10min", 10, 10),
    Target("share_10min_above_10", 0.01, 0.05, is_share=True),
    Target("share_hours_above_30", 0.01, 0.05, is_share=True),
    Target("share_10min_in_flood", 0.01, 0.05, is_share=True),
    Target("share_top", 0.05, 0.2, is_share=True),
    Target("chattering", 0, 5),
    Target("fleeting", 0, 5),
    Target("stale_most", 4, 10),
)
"""ISA-18.2, IEC 62682 and EEMUA 191 as reported in trade literature; where they name one number only, `most` of a share
and of a count is ours."""
_FEW: Final = 20
"""Of so few alarms, shares of the most frequent say nothing."""


def rows(figures: Mapping[str, Any]) -> list[Row]:
    """Return the figures in the order of their table."""
    return [_row(target, figures) for target in TARGETS]


def _row(target: Target, figures: Mapping[str, Any]) -> Row:
    value = figures.get(target.name)
    limit = f"{target.fine:.0%}" if target.is_share else f"{target.fine:g}"
    if value is None:
        return Row(target.name, NONE, limit, "unknown")
    shown = f"{value:.1%}" if target.is_share else f"{value:.3g}"
    if target.name == "share_top" and figures.get("annunciated", 0) < _FEW:
        return Row(target.name, shown, limit, "unknown")
    return Row(target.name, shown, limit, "good" if value <= target.fine else "warn" if value <= target.most else "bad")
