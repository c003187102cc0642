"""The site file: every mistake that `plantgate check` finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.doctor.finding import find

if TYPE_CHECKING:
    from agent.doctor.case import Case
    from agent.doctor.finding import Finding

MOST: Final = 20
"""More mistakes than this are counted: `plantgate check` shows them all."""


def judge(case: Case) -> list[Finding]:
    """Return what is to be said of the site file."""
    if case.path is None:
        return [find("site-none")]
    if case.site is None:
        shown = [find("site-mistake", case.path, problem=problem) for problem in case.problems[:MOST]]
        more = len(case.problems) - MOST
        return [*shown, *([find("site-more-mistakes", case.path, count=more)] if more > 0 else [])]
    notices = [find("site-notice", case.path, notice=notice) for notice in case.site.notices]
    counts = {"buses": len(case.site.buses), "devices": len(case.site.devices)}
    return [find("site-fine", case.path, **counts), *notices]
