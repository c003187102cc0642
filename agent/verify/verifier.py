"""The verdict machine: lines in, in any order and as often as you like; the verdict so far out, whenever you ask.

Two ways to know a key. *Enrolled* keys are given by the verifying person; then a record proves its origin. Without any,
the key that a chain's own genesis record asserts is used: that proves only that the chain is consistent with itself.
Records that arrive before their genesis are held until it comes.

Pure: no file, no clock. The memory it takes is said in `agent.verify.chain`; what is held is limited too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.record import BadSignature, PublicKey, RecordError, WrongHeader, verify
from agent.verify import clocks, links
from agent.verify.chain import Chain, Name
from agent.verify.line import Claim, Malformed, read
from agent.verify.verdict import Finding, Findings, Report, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Said = tuple[str | None, str | None, int | None]
"""Gateway, chain and number as a line gives them; nothing vouches for it."""
MOST_HELD: Final = 256 * 1024 * 1024
"""Bytes of records that may wait for their genesis record."""


class Verifier:
    """Judges the records of any number of gateways. Give it `keys`, then lines."""

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._enrolled = {key.kid: key for key in keys}
        self._asserted: dict[Name, PublicKey] = {}
        self._chains: dict[Name, Chain] = {}
        self._refused: dict[Name, set[int]] = {}
        self._held: dict[Name, list[tuple[int, bytes]]] = {}
        self._held_bytes = 0
        self._findings = Findings()
        self._lines = 0
        self._others = 0

    def feed(self, line: bytes) -> None:
        """Take in one line."""
        self._lines += 1
        self._findings.add(self._take(line, self._lines))

    def report(self) -> Report:
        """Return the verdict on everything so far; more may be fed afterwards."""
        found = self._findings.copy()
        reports = []
        found.add(self._unvouched())
        for name, chain in sorted(self._chains.items(), key=lambda item: (item[0].gw, item[0].chain)):
            chain.refused = self._refused.get(name, set())
            broken = list(links.judge(chain))
            found.add(broken)
            found.add(clocks.judge(chain))
            missing = sum(f.last - f.seq + 1 for f in broken if f.seq is not None and f.last is not None)
            reports.append(chain.report("enrolled" if self._enrolled else "asserted", missing))
        return Report(
            lines=self._lines,
            records=sum(chain.records for chain in reports),
            duplicates=sum(chain.duplicates for chain in self._chains.values()),
            others=self._others,
            chains=tuple(reports),
            findings=tuple(found.kept),
            counts=dict(found.counts),
        )

    def _take(self, line: bytes, number: int) -> Iterator[Finding]:
        try:
            claim = read(line)
        except Malformed as error:
            said = (error.gw, error.chain, error.seq)
            yield self._refuse(Verdict.MALFORMED, str(error), number, said)
            return
        if claim is None:
            self._others += bool(line.strip())
            return
        name = Name(claim.members["gw"], claim.chain)
        if self._must_wait(claim, name):
            yield from self._hold(name, number, line)
        else:
            yield from self._judge(claim, name, number)

    def _must_wait(self, claim: Claim, name: Name) -> bool:
        """Whether the key of this chain may still come."""
        return not self._enrolled and not claim.is_genesis and name not in self._asserted

    def _hold(self, name: Name, number: int, line: bytes) -> Iterator[Finding]:
        if self._held_bytes + len(line) > MOST_HELD:
            yield Finding(verdict=Verdict.UNKNOWN_KEY, text=_TOO_MANY_HELD, gw=name.gw, chain=name.chain, line=number)
            return
        self._held_bytes += len(line)
        self._held.setdefault(name, []).append((number, line))

    def _judge(self, claim: Claim, name: Name, number: int) -> Iterator[Finding]:
        """Check the signature; take the record into its chain, or refuse it."""
        try:
            key = self._key_for(claim, name)
            verify(claim.signed, key)
        except RecordError as error:
            verdict = _VERDICTS.get(type(error), Verdict.UNKNOWN_KEY)
            yield self._refuse(verdict, str(error), number, (name.gw, name.chain, claim.members["seq"]))
            return
        if name not in self._chains:
            self._chains[name] = Chain(name)
        yield from self._chains[name].add(claim, number)
        if claim.is_genesis and not self._enrolled:
            self._asserted[name] = key
            yield from self._release(name)

    def _key_for(self, claim: Claim, name: Name) -> PublicKey:
        """Return the key this record must be signed with. Raises `RecordError`; `WrongHeader` for no proper header."""
        kid = claim.signed.kid
        if self._enrolled:
            if kid not in self._enrolled:
                raise RecordError(f"signed with key {kid}, which was not given")
            return self._enrolled[kid]
        return PublicKey.from_jwk(claim.members.get("key")) if claim.is_genesis else self._asserted[name]

    def _release(self, name: Name) -> Iterator[Finding]:
        """Judge what waited for the genesis record that has just come."""
        for number, line in self._held.pop(name, ()):
            self._held_bytes -= len(line)
            claim = read(line)
            if claim is not None:
                yield from self._judge(claim, name, number)

    def _refuse(self, verdict: Verdict, text: str, number: int, said: Said) -> Finding:
        """Return a finding about a line that is not taken in; its number is not reported as missing as well."""
        gw, chain, seq = said
        if gw is not None and chain is not None and seq is not None:
            self._refused.setdefault(Name(gw, chain), set()).add(seq)
        return Finding(verdict=verdict, text=text, gw=gw, chain=chain, seq=seq, line=number)

    def _unvouched(self) -> Iterator[Finding]:
        """Yield one finding for each chain whose genesis has not come."""
        for name, held in self._held.items():
            text = f"{len(held)} records, but not the genesis that names their key; give the key with --key"
            yield Finding(verdict=Verdict.UNKNOWN_KEY, text=text, gw=name.gw, chain=name.chain, line=held[0][0])


_VERDICTS: Final = {WrongHeader: Verdict.WRONG_HEADER, BadSignature: Verdict.BAD_SIGNATURE}
_TOO_MANY_HELD: Final = "too many records before the genesis that names their key; give the key with --key"
