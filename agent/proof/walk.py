"""Judges the records of one chain as they come in the order of their numbers, in memory that does not grow with them.

The rules are those of `agent.verify`, and so are the judges: `clocks` looks at every record as it passes, `links` at
the places where something is not simply the next record (a hole, a gap, a wrong link). Whatever hangs together between
two such places is handed to it as one run that ends with the id it ends with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent.record import BadSignature, PublicKey, RecordError, WrongHeader, unb64, verify
from agent.verify import clocks, links
from agent.verify.chain import NO_ID, Chain, Name, Row, Run
from agent.verify.line import Claim, Malformed, read
from agent.verify.verdict import ChainReport, Finding, Findings, Report, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_VERDICTS: Final = {WrongHeader: Verdict.WRONG_HEADER, BadSignature: Verdict.BAD_SIGNATURE}


@dataclass(frozen=True, slots=True)
class Held:
    """A record that verified: its place in the chain."""

    seq: int
    id: str


@dataclass(frozen=True, slots=True)
class Walked:
    """The verdict, and the first and last records that verified."""

    report: Report
    first: Held | None
    last: Held | None


class Walk:
    """One pass over one chain. `elsewhere` are gap records of the same chain that lie outside what is walked."""

    def __init__(
        self,
        keys: Iterable[PublicKey],
        *,
        enrolled: bool = False,
        elsewhere: Sequence[Claim] = (),
        take: Callable[[Claim], None] = lambda _: None,
    ) -> None:
        """`take` is handed every record that verified, in order."""
        self._keys = {key.kid: key for key in keys}
        self._enrolled = enrolled
        self._elsewhere = elsewhere
        self._take = take
        self._findings = Findings()
        self._all = _Passing()
        self._line = self._records = self._gaps = 0
        self._kids: set[str] = set()
        self._voices: dict[tuple[str, bool], int] = {}
        self._edges: Chain | None = None
        self._first: Held | None = None
        self._last: Held | None = None
        self._since: int | None = None
        """Where the stretch begins that is not in `_edges` yet."""

    def judge(self, lines: Iterable[bytes]) -> Walked:
        """Take the lines one by one and return the verdict on all of them."""
        self._all.passing = self._passing(lines)
        self._findings.add(clocks.judge(self._all))
        chains = self._judged_links()
        report = Report(
            lines=self._line,
            records=self._records,
            duplicates=0,
            others=0,
            chains=tuple(chains),
            findings=tuple(self._findings.kept),
            counts=dict(self._findings.counts),
        )
        return Walked(report, self._first, self._last)

    # --- each line -----------------------------------------------------------------------------------------------

    def _passing(self, lines: Iterable[bytes]) -> Iterator[tuple[int, Row]]:
        for line in lines:
            self._line += 1
            claim = self._verified(line)
            if claim is None or not self._in_order(claim):
                continue
            self._keep(claim)
            self._take(claim)
            yield claim.members["seq"], self._row(claim)

    def _verified(self, line: bytes) -> Claim | None:
        """Return the record of a line, or note what is wrong with it."""
        try:
            claim = read(line)
        except Malformed as error:
            self._refuse(Verdict.MALFORMED, str(error), error.seq)
            return None
        if claim is None:
            self._refuse(Verdict.MALFORMED, "no record", None)
            return None
        try:
            kid = claim.signed.kid
            if kid not in self._keys:
                raise RecordError(f"signed with key {kid}, which was not given")  # noqa: TRY301 -- told like the others
            verify(claim.signed, self._keys[kid])
        except RecordError as error:
            self._refuse(_VERDICTS.get(type(error), Verdict.UNKNOWN_KEY), str(error), claim.members["seq"])
            return None
        self._kids.add(kid)
        return claim

    def _in_order(self, claim: Claim) -> bool:
        """Whether a record is of the same chain and has a higher number than the last one."""
        name, seq = Name(claim.members["gw"], claim.chain), claim.members["seq"]
        if self._edges is None:
            self._edges = Chain(name)
            self._all.name = name
        if name != self._edges.name:
            self._refuse(Verdict.MALFORMED, f"a record of another chain: {name.gw} {name.chain}", None)
            return False
        if self._last is not None and seq <= self._last.seq:
            is_other = seq == self._last.seq and claim.signed.id != self._last.id
            words = "another record with the number before" if is_other else "not in the order of numbers"
            self._refuse(Verdict.FORK if is_other else Verdict.MALFORMED, words, None)
            return False
        return True

    def _keep(self, claim: Claim) -> None:
        """Hand a record to the judge of links, or count it to the stretch that simply goes on."""
        assert self._edges is not None
        seq, prev, last = claim.members["seq"], claim.members["prev"], self._last
        self._records += 1
        self._gaps += claim.members["kind"] == "gap"
        simply_next = last is not None and seq == last.seq + 1 and prev == last.id
        if simply_next and claim.members["kind"] != "gap":
            self._since = seq if self._since is None else self._since
        else:
            self._close_stretch()
            self._findings.add(self._edges.add(claim, self._line))
        self._last = Held(seq, claim.signed.id)
        self._first = self._first or self._last

    def _close_stretch(self) -> None:
        if self._since is not None and self._last is not None and self._edges is not None:
            self._edges.runs.append(Run(self._since, self._last.seq, unb64(self._last.id)))
            self._since = None

    def _refuse(self, verdict: Verdict, text: str, seq: int | None) -> None:
        if self._edges is not None and seq is not None:
            self._edges.refused.add(seq)
        name = self._edges.name if self._edges is not None else Name("", "")
        self._findings.add([Finding(verdict=verdict, text=text, gw=name.gw or None, seq=seq, line=self._line)])

    def _row(self, claim: Claim) -> Row:
        """Return what the judge of clocks looks at; ids play no part there."""
        members = claim.members
        is_period, voice = "period" in members, 0
        if members["kind"] == "readings":
            voice = self._voices.setdefault((str(members.get("device")), is_period), len(self._voices) + 1)
        is_step = members["kind"] == "clock" and members.get("why") == "step"
        boot = int(members["clk"]["boot"], 16)
        return Row(NO_ID, NO_ID, self._line, claim.ts_ms, claim.up_ms, boot, voice, is_step, is_period)

    # --- the end -------------------------------------------------------------------------------------------------

    def _judged_links(self) -> Iterator[ChainReport]:
        """Judge the places where the chain does not simply go on; yield the report on the chain."""
        edges = self._edges
        if edges is None or self._first is None or self._last is None:
            return
        self._close_stretch()
        gaps_elsewhere = Chain(edges.name)
        for claim in self._elsewhere:
            list(gaps_elsewhere.add(claim, 0))
        edges.runs += gaps_elsewhere.runs
        broken = list(links.judge(edges))
        self._findings.add(broken)
        missing = sum(one.last - one.seq + 1 for one in broken if one.seq is not None and one.last is not None)
        first, last = self._first.seq, self._last.seq
        yield ChainReport(
            gw=edges.name.gw,
            chain=edges.name.chain,
            first=first,
            last=last,
            records=self._records,
            gaps=self._gaps,
            explained=max(0, last - first + 1 - self._records - missing),
            genesis=first == 1,
            keys=tuple(sorted(self._kids)),
            key_source="enrolled" if self._enrolled else "asserted",
        )


class _Passing(Chain):
    """A chain whose records pass by once."""

    def __init__(self) -> None:
        super().__init__(Name("", ""))
        self.passing: Iterator[tuple[int, Row]] = iter(())

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Return the records, each as it passes."""
        return self.passing
