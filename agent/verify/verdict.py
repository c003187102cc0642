"""What a verifier can say: the verdict words, a finding, and the report. Plain records; no judgement here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(StrEnum):
    """The words of docs/wire-format.md, shared with verifiers in other languages."""

    MALFORMED = "malformed"
    WRONG_HEADER = "wrong-header"
    UNKNOWN_KEY = "unknown-key"
    BAD_SIGNATURE = "bad-signature"
    FORK = "fork"
    BROKEN_CHAIN = "broken-chain"
    MISSING = "missing"
    CLOCK_BACK = "clock-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong. `line` counts from 1. `last` ends a range of numbers that begins at `seq`."""

    verdict: Verdict
    text: str
    gw: str | None = None
    chain: str | None = None
    seq: int | None = None
    last: int | None = None
    line: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the finding with every member, unknown ones null."""
        return {
            "verdict": self.verdict.value,
            "gw": self.gw,
            "chain": self.chain,
            "seq": self.seq,
            "last": self.last,
            "line": self.line,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """One chain of one gateway: what was there, and who vouches for it.

    `explained` is how many of the missing records signed gaps account for. `key_source` is "enrolled" (given by the
    verifying person), "asserted" (named by the chain's own genesis record) or "none" (nothing could be checked).
    """

    gw: str
    chain: str
    first: int | None
    last: int | None
    records: int
    gaps: int
    explained: int
    genesis: bool
    keys: tuple[str, ...]
    key_source: str

    def as_json(self) -> dict[str, Any]:
        """Return the report's members as they are named here."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The verdict so far. `records` are the distinct ones that verified; `others` are lines that claim to be no record.

    `counts` counts all findings; `findings` lists the first ones of each verdict.
    """

    lines: int
    records: int
    duplicates: int
    others: int
    chains: tuple[ChainReport, ...]
    findings: tuple[Finding, ...]
    counts: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether nothing at all was found."""
        return not self.counts

    def as_json(self) -> dict[str, Any]:
        """Return what ``plantgate verify --json`` prints."""
        return {
            "ok": self.ok,
            "records": self.records,
            "duplicates": self.duplicates,
            "others": self.others,
            "lines": self.lines,
            "chains": [chain.as_json() for chain in self.chains],
            "counts": self.counts,
            "findings": [finding.as_json() for finding in self.findings],
        }


class Findings:
    """A list of findings that cannot grow without bound: all are counted, the first of each verdict are kept."""

    MOST_KEPT = 1000

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.kept: list[Finding] = []

    def add(self, findings: Iterable[Finding]) -> None:
        """Take in `findings`."""
        for finding in findings:
            self.counts[finding.verdict.value] += 1
            if self.counts[finding.verdict.value] <= self.MOST_KEPT:
                self.kept.append(finding)

    def copy(self) -> Findings:
        """Return a copy to go on with."""
        other = Findings()
        other.counts, other.kept = self.counts.copy(), self.kept.copy()
        return other
