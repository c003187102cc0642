"""Whether the links of a chain hold, and whether signed gaps account for every number that is not there.

The rule (docs/wire-format.md, "Links and gaps"): record n names record n-1. Where n-1 is missing, the runs of signed
gaps must cover the hole; the run that ends at n-1 says what n must name: the id it carries, or, when it carries none
because those numbers were never used, the record before the run.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from agent.verify.chain import NO_ID, Chain, Run, short
from agent.verify.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Range = tuple[int, int]


def judge(chain: Chain) -> Iterator[Finding]:
    """Yield what is wrong with the chain's links and numbers, in the order of numbers."""
    gaps = _Gaps(chain)
    before: int | None = None
    for seq, row in chain.rows():
        if before is not None and seq > before + 1:
            yield from _missing(chain, gaps, (before + 1, seq - 1))
        wanted = gaps.wanted(seq)
        if wanted and row.prev not in wanted:
            text = f"names {short(row.prev)} as the record before it, but that is {short(min(wanted))}"
            yield chain.finding(Verdict.BROKEN_CHAIN, seq, text, line=row.line)
        before = seq
    yield from gaps.contradictions()


def _missing(chain: Chain, gaps: _Gaps, hole: Range) -> Iterator[Finding]:
    """Yield the parts of a hole that neither a gap nor a line already complained about accounts for."""
    for first, last in gaps.uncovered(hole):
        for start, end in _without(chain.refused, first, last):
            what = f"record {start} is" if start == end else f"records {start} to {end} are"
            yield chain.finding(Verdict.MISSING, start, f"{what} not here, and no signed gap says why", last=end)


def _without(refused: set[int], first: int, last: int) -> Iterator[Range]:
    """Yield the ranges of `first` to `last` that hold no refused number."""
    for number in sorted(number for number in refused if first <= number <= last):
        if first < number:
            yield first, number - 1
        first = number + 1
    if first <= last:
        yield first, last


class _Gaps:
    """The runs of all signed gaps of a chain, ready to be asked."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._ending: dict[int, list[Run]] = {}
        for run in chain.runs:
            self._ending.setdefault(run.last, []).append(run)
        self._covered = _merged((run.first, run.last) for run in chain.runs)
        self._starts = [first for first, _ in self._covered]

    def wanted(self, seq: int) -> set[bytes]:
        """Return the ids any of which record `seq` may name; empty when that cannot be known."""
        if seq == 1:
            return {NO_ID}
        if known := self._known(seq - 1):
            return known
        unused = [run for run in self._ending.get(seq - 1, ()) if run.id is None]
        return set().union(*(self._known(run.first - 1) for run in unused))

    def _known(self, seq: int) -> set[bytes]:
        """Return the ids of record `seq`: seen, or carried by a gap."""
        return self._chain.ids(seq) or {run.id for run in self._ending.get(seq, ()) if run.id is not None}

    def uncovered(self, hole: Range) -> Iterator[Range]:
        """Yield the parts of a hole that no run covers."""
        first, last = hole
        for start, end in self._covered[max(bisect_right(self._starts, first) - 1, 0) :]:
            if start > last:
                break
            if first < start:
                yield first, start - 1
            first = max(first, end + 1)
        if first <= last:
            yield first, last

    def contradictions(self) -> Iterator[Finding]:
        """Yield gaps that carry an id other than that of the record which is here after all."""
        for last, runs in sorted(self._ending.items()):
            seen = self._chain.ids(last)
            if seen and any(run.id is not None and run.id not in seen for run in runs):
                text = f"a signed gap names another record {last} than the one that is here"
                yield self._chain.finding(Verdict.BROKEN_CHAIN, last, text)


def _merged(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges that may overlap as sorted ones that do not."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
