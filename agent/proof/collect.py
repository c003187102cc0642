"""Takes a period out of a store and writes it down: every record as it lies there, and beside it what a reader needs.

One pass over the records, whatever their number: each is written, judged and put into the story while it passes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from agent.proof.bundle import CHAIN, ELSEWHERE, RECORDS
from agent.proof.story import Story
from agent.proof.walk import Held, Walk, Walked
from agent.record import PublicKey, RecordError, verify
from agent.verify.line import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from agent.proof.bundle import Binder
    from agent.proof.survey import Found, Range, Survey
    from agent.verify.line import Claim
    from buffer.evidence import Evidence, Kept

MOST_RUNS: Final = 10_000
"""Runs of absent numbers that are listed one by one."""


class NoKey(Exception):
    """The public key cannot be told: the chain's first record is not in the store."""


@dataclass(slots=True)
class Absent:
    """Numbers that are not in the store, by why: ``signed-away``, ``let-go``, ``decayed``, ``unknown``."""

    runs: list[tuple[int, int, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Collected:
    """What came out: the verdict, the story, what was absent; first and last are those of the file."""

    walked: Walked
    story: Story
    absent: Absent
    first: Held
    last: Held


def public_key(evidence: Evidence) -> PublicKey:
    """Return the key that the chain's first record names. Raises `NoKey`."""
    genesis = evidence.at_or_after(1)
    if genesis is None or genesis.seq != 1 or not genesis.whole:
        raise NoKey("the first record of the chain, which names its key, is not in the store")
    return PublicKey.from_jwk(json.loads(genesis.wire).get("key"))


class Collection:
    """The records of a period, on their way into a bundle."""

    def __init__(
        self,
        evidence: Evidence,
        known: Survey,
        found: Found,
        keys: Iterable[PublicKey],
        progress: Callable[[int], None],
    ) -> None:
        self._evidence = evidence
        self._known = known
        self._found = found
        self._keys = {key.kid: key for key in keys}
        self._progress = progress
        self._settled = evidence.settled()
        before, after = evidence.before(found.first), evidence.at_or_after(found.last + 1)
        self.first = found.first if before is None else before.seq
        self.last = found.last if after is None else after.seq
        self._gap_runs = sorted((*run, gap.seq) for gap in known.gaps for run in gap.runs if self._touches(run))

    def _touches(self, run: Range) -> bool:
        return run[0] <= self.last and run[1] >= self.first

    def into(self, binder: Binder) -> Collected:
        """Write records.jsonl, elsewhere.jsonl and chain.json. Raises `StoreFailed`."""
        story, absent = Story(self._known.date), Absent()

        def take(claim: Claim) -> None:
            if self._found.first <= claim.members["seq"] <= self._found.last:
                story.add(claim.members)

        elsewhere = list(self._elsewhere())
        walk = Walk(self._keys.values(), elsewhere=list(self._signed_gaps(elsewhere)), take=take)
        with binder.file(RECORDS) as write:
            walked = walk.judge(self._passing(write, absent))
        with binder.file(ELSEWHERE) as write:
            for kept in elsewhere:
                write(kept.wire + b"\n")
        assert walked.first is not None, "a period that was found has a record"
        assert walked.last is not None, "a period that was found has a record"
        collected = Collected(walked, story, absent, walked.first, walked.last)
        with binder.file(CHAIN) as write:
            self._write_chain(write, collected)
        return collected

    def _passing(self, write: Callable[[bytes], None], absent: Absent) -> Iterator[bytes]:
        """Yield each record's bytes when they are written; note what is not there."""
        expected = self.first
        for kept in self._evidence.span(self.first, self.last):
            self._progress(kept.seq)
            self._note(absent, expected, kept.seq - 1)
            expected = kept.seq + 1
            if not kept.whole:
                self._count(absent, kept.seq, kept.seq, "decayed")
                continue
            write(kept.wire + b"\n")
            yield kept.wire
        self._note(absent, expected, self.last)

    # --- what is not there ---------------------------------------------------------------------------------------

    def _note(self, absent: Absent, first: int, last: int) -> None:
        """Note the numbers `first` to `last` as absent, piece by piece with the reason."""
        while first <= last:
            until, why = self._reason(first, last)
            self._count(absent, first, until, why)
            first = until + 1

    def _reason(self, first: int, last: int) -> tuple[int, str]:
        """Return why number `first` is absent, and up to which number that holds."""
        covering = [run for run in self._gap_runs if run[0] <= first <= run[1]]
        if covering:
            return min(last, max(run[1] for run in covering)), "signed-away"
        last = min([last, *(run[0] - 1 for run in self._gap_runs if run[0] > first)])
        gap = next(iter(self._settled.gaps(first, last)), None)
        if gap is None:
            return last, "let-go"
        return (min(last, gap[1]), "unknown") if gap[0] <= first else (gap[0] - 1, "let-go")

    @staticmethod
    def _count(absent: Absent, first: int, last: int, why: str) -> None:
        absent.counts[why] = absent.counts.get(why, 0) + last - first + 1
        if len(absent.runs) < MOST_RUNS:
            absent.runs.append((first, last, why))

    # --- the other files -----------------------------------------------------------------------------------------

    def _elsewhere(self) -> Iterator[Kept]:
        """Yield records of other places that are needed: the first of the chain, and gaps about these numbers."""
        wanted = {1, *(seq for _, _, seq in self._gap_runs)}
        for seq in sorted(wanted):
            kept = None if self.first <= seq <= self.last else self._evidence.at_or_after(seq)
            if kept is not None and kept.seq == seq and kept.whole:
                yield kept

    def _signed_gaps(self, elsewhere: Iterable[Kept]) -> Iterator[Claim]:
        for kept in elsewhere:
            claim = signed_gap(kept.wire, self._keys)
            if claim is not None:
                yield claim

    def _write_chain(self, write: Callable[[bytes], None], collected: Collected) -> None:
        """Write chain.json; what was dropped is written run by run, since there may be many ids."""
        absent = collected.absent
        told: dict[str, Any] = {
            "chain": self._evidence.chain,
            "first": _place(collected.first),
            "last": _place(collected.last),
            "period": {"first": self._found.first, "last": self._found.last},
            "records": collected.walked.report.records,
            "head": self._evidence.head,
            "undated": [{"first": one.first, "last": one.last, "boot": one.boot} for one in self._found.undated],
            "absent": [{"first": one, "last": two, "why": why} for one, two, why in absent.runs],
            "absent_counts": absent.counts,
            "checkpoints": [],
        }
        write(json.dumps(told, ensure_ascii=False, indent=1).encode()[:-2] + b',\n "dropped": [')
        for at, run in enumerate(self._evidence.dropped(self.first, self.last)):
            members = {"first": run.first, "last": run.last, "ids": run.ids}
            write((b",\n  " if at else b"\n  ") + json.dumps(members).encode())
        write(b"]\n}\n")


def signed_gap(line: bytes, keys: Mapping[str, PublicKey]) -> Claim | None:
    """Return the gap record of a line when it is one and its signature holds."""
    try:
        claim = read(line)
        if claim is None or claim.members["kind"] != "gap":
            return None
        verify(claim.signed, keys[claim.signed.kid])
    except (RecordError, KeyError):
        return None
    return claim


def _place(held: Held) -> dict[str, Any]:
    return {"seq": held.seq, "id": held.id}
