"""What people hand in at the plant of the simulated months: papers become entries of the book."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.months.house import Entry
from tests.months.plant import START_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.months.cheats import Paper

BEFOREHAND = 30
"""Minutes that papers are handed in before they begin."""


def moment(minute: int) -> str:
    """Return a minute of the month as people write it."""
    return (datetime.fromtimestamp(START_MS / 1000, UTC) + timedelta(minutes=minute)).isoformat()


def entries(papers: Iterable[Paper]) -> list[Entry]:
    """Return the entries of papers: orders, marks, and declarations, which are marks of a minute."""
    return [_entry(paper) for paper in papers]


def _entry(paper: Paper) -> Entry:
    do, words = _words(paper)
    words |= {"start": moment(paper.first), "end": moment(max(paper.last, paper.first + 1)), "reason": paper.kind}
    return Entry(max(0, paper.first - BEFOREHAND), do, words)


def _words(paper: Paper) -> tuple[str, dict[str, Any]]:
    if paper.kind in ("stopped", "producing", "declared"):
        return "mark", {"kind": "producing" if paper.kind == "declared" else paper.kind, "object": paper.object}
    words: dict[str, Any] = {"kind": "staggered" if paper.kind == "staggered" else "emergency", "lines": [paper.object]}
    if paper.kind in ("stop", "staggered"):
        words["stop"] = True
    if paper.reduction:
        words["reduce"] = 100 * paper.reduction
    if paper.allowed:
        words["hours"] = paper.allowed
    if paper.minimum_kw is not None:
        words["minimum"] = paper.minimum_kw
    return "order", words
