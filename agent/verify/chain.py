"""One chain of one gateway: what is kept of each verified record, and whether the links hold.

Records arrive in any order, so nothing is judged on arrival but a fork. Each record is kept as 96 bytes (about 250 with
the dictionary's share): a million of them fit where a platform's verifier runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agent.record import RecordError, b64, unb64
from agent.verify.verdict import ChainReport, Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.verify.line import Claim

_ROW: Final = Struct("<32s32sQqqIIB")
_NO_TIME: Final = -(2**63)
NO_ID: Final = bytes(32)


class Row(NamedTuple):
    """What is kept of a record. `voice` numbers the device whose readings (or periods) it holds, else it is 0."""

    id: bytes
    prev: bytes
    line: int
    ts_ms: int | None
    up_ms: int
    boot: int
    voice: int
    is_step: bool
    is_period: bool


class Run(NamedTuple):
    """Missing numbers `first` to `last` that a signed gap accounts for; `id` is that of record `last`, where known."""

    first: int
    last: int
    id: bytes | None


@dataclass(frozen=True, slots=True)
class Name:
    """Which chain: a gateway may have begun several."""

    gw: str
    chain: str


class Chain:
    """The verified records of one chain. Mutable; its verifier's own."""

    def __init__(self, name: Name) -> None:
        self.name = name
        self.duplicates = 0
        self.gaps = 0
        self.kids: set[str] = set()
        self.runs: list[Run] = []
        self.refused: set[int] = set()
        """Numbers claimed by lines that did not verify: reported once, not as missing too."""
        self.forks: dict[int, set[bytes]] = {}
        self._rows: dict[int, bytes] = {}
        self._voices: dict[tuple[str, bool], int] = {}

    def add(self, claim: Claim, line: int) -> Iterator[Finding]:
        """Take in a record whose signature was verified."""
        seq, own_id = claim.members["seq"], unb64(claim.signed.id)
        self.kids.add(claim.signed.kid)
        known = self._rows.get(seq)
        if known is None:
            self._rows[seq] = self._pack(claim, own_id, line)
        elif own_id in {known[:32], *self.forks.get(seq, ())}:
            self.duplicates += 1
            return
        else:
            self.forks.setdefault(seq, set()).add(own_id)
            first = _unpack(known).line
            yield self.finding(Verdict.FORK, seq, f"another record {seq} is in line {first}", line=line)
        if claim.members["kind"] == "gap":
            yield from self._add_gap(claim.members, line)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield every record by its number, in the order of numbers."""
        for seq in sorted(self._rows):
            yield seq, _unpack(self._rows[seq])

    def ids(self, seq: int) -> set[bytes]:
        """Return the ids seen for a number; more than one is a fork."""
        row = self._rows.get(seq)
        return set() if row is None else {row[:32], *self.forks.get(seq, ())}

    def finding(
        self, verdict: Verdict, seq: int | None, text: str, *, last: int | None = None, line: int | None = None
    ) -> Finding:
        """Return a finding about this chain."""
        return Finding(
            verdict=verdict, gw=self.name.gw, chain=self.name.chain, seq=seq, last=last, line=line, text=text
        )

    def report(self, key_source: str, missing: int) -> ChainReport:
        """Return what there was; `missing` is how many numbers nothing accounts for."""
        first, last = min(self._rows, default=None), max(self._rows, default=None)
        absent = 0 if first is None or last is None else last - first + 1 - len(self._rows)
        return ChainReport(
            gw=self.name.gw,
            chain=self.name.chain,
            first=first,
            last=last,
            records=len(self._rows),
            gaps=self.gaps,
            explained=absent - missing,
            genesis=1 in self._rows,
            keys=tuple(sorted(self.kids)),
            key_source=key_source,
        )

    def _pack(self, claim: Claim, own_id: bytes, line: int) -> bytes:
        members = claim.members
        voice = 0
        if members["kind"] == "readings":
            voice = self._voices.setdefault((str(members.get("device")), "period" in members), len(self._voices) + 1)
        is_step = members["kind"] == "clock" and members.get("why") == "step"
        return _ROW.pack(
            own_id,
            unb64(members["prev"]) if members["prev"] else NO_ID,
            line,
            _NO_TIME if claim.ts_ms is None else claim.ts_ms,
            claim.up_ms,
            int(members["clk"]["boot"], 16),
            voice,
            is_step | ("period" in members) << 1,
        )

    def _add_gap(self, members: dict[str, Any], line: int) -> Iterator[Finding]:
        """Take in a signed gap. Runs must lie below the gap's own number: nothing is explained in advance."""
        self.gaps += 1
        try:
            self.runs.extend(_runs(members.get("runs"), members["seq"]))
        except (RecordError, ValueError, TypeError):
            yield self.finding(Verdict.MALFORMED, members["seq"], _BAD_RUNS, line=line)


_BAD_RUNS: Final = '"runs" must be [first, last, id or null] triples below the gap\'s own number'


def _runs(value: Any, below: int) -> list[Run]:
    """Return the runs of a gap. Raises `ValueError`, `TypeError` or `RecordError` when any is not one."""
    runs = [Run(first, last, None if name is None else unb64(name)) for first, last, name in value]
    for run in runs:
        if not (type(run.first) is int and type(run.last) is int and 1 <= run.first <= run.last < below):
            raise ValueError
        if run.id is not None and len(run.id) != len(NO_ID):
            raise ValueError
    return runs


def _unpack(packed: bytes) -> Row:
    own_id, prev, line, ts_ms, up_ms, boot, voice, flags = _ROW.unpack(packed)
    time = None if ts_ms == _NO_TIME else ts_ms
    return Row(own_id, prev, line, time, up_ms, boot, voice, bool(flags & 1), bool(flags & 2))


def short(name: bytes) -> str:
    """Return an id as it stands in findings: enough of it to search for."""
    return b64(name)[:12] + "…"
