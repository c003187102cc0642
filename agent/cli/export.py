"""``plantgate export``: the signed records of a period as a bundle that somebody else can check."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import typer

from agent import __version__
from agent.cli.devices import loaded
from agent.clock import SystemClock, ts
from agent.control_client import NoAnswer, NobodyThere, Visit
from agent.keys import KeyProblem, SigningKey, key_path
from agent.local_verbs import user
from agent.proof.bundle import sealed
from agent.proof.collect import NoKey, public_key
from agent.proof.make import Order, Seal, make
from agent.proof.survey import Found, find, survey
from buffer.errors import OutboxError
from buffer.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.proof.collect import Collected
    from agent.proof.survey import Survey
    from agent.record import PublicKey
    from config.site import Site

_EVERY: Final = 500
_SECOND_NS: Final = 1_000_000_000
_LONGEST_REASON: Final = 500

SitePath = Annotated[Path, typer.Argument(metavar="SITE.toml", help="The site file of the gateway.")]
Since = Annotated[
    str, typer.Option("--from", metavar="WHEN", help='Its start: "2026-11-01" (local) or "2026-11-01T08:00:00Z".')
]
Until = Annotated[str, typer.Option("--to", metavar="WHEN", help="Its end, not included: one day is D to D + 1.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE.zip", help="Where to; a file that exists is not touched.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the bundle and in the chain.")]


def export(site: SitePath, since: Since, until: Until, out: Out = None, reason: Reason = "") -> None:
    """Export the signed records of a period as one file, for an auditor or a court.

    The bundle holds the records byte for byte, the public key, what is missing and why, a report to read, and how to
    check all of it with and without this program. The running agent signs the list of its files as a record of its own
    chain. Check a bundle with: plantgate verify FILE.zip

    Exit 0, or 1 when there is nothing to export, when a record does not verify, or when the list could not be signed.
    """
    checked = loaded(site)
    if len(reason) > _LONGEST_REASON or not reason.isprintable():
        raise typer.BadParameter(f"--reason: want one line of at most {_LONGEST_REASON} characters")
    since_ms, until_ms = _period(since, until, checked.gateway.timezone)
    order = _order(checked, since_ms, until_ms, reason)
    path = new_file(out or Path(_name(order)))
    try:
        with Evidence.opened(checked.gateway.state_dir) as evidence:
            collected, seal = _exported(checked, evidence, order, path)
    except OutboxError as problem:
        _refuse(str(problem))
    except NoKey as problem:
        _refuse(f"{problem}; is a store that was set aside beside it? then that one has to be exported")
    except NoAnswer as problem:
        _refuse(f"the agent did not sign the list of files: {problem}; nothing was written, try again")
    _tell(path, collected, seal)
    raise typer.Exit(0 if collected.walked.report.ok and seal.by != "nobody" else 1)


def _exported(site: Site, evidence: Evidence, order: Order, path: Path) -> tuple[Collected, Seal]:
    """Find the period and write the bundle."""
    progress = Progress()
    key = public_key(evidence)
    known = survey(evidence, progress.of("looking through", evidence.head))
    found = find(evidence, known, order.since_ms, order.until_ms, progress.of("looking for the period", evidence.head))
    if found is None:
        progress.end()
        _refuse(_nothing(evidence, known, order))
    seal = _seal(site, order, key)
    with _whole(path) as file, ZipFile(file, "w") as archive:
        collected = _made(archive, evidence, known, found, order, key, seal, progress)
    progress.end()
    return collected, seal


def _made(
    archive: ZipFile,
    evidence: Evidence,
    known: Survey,
    found: Found,
    order: Order,
    key: PublicKey,
    seal: Seal,
    progress: Progress,
) -> Collected:
    count = progress.of(f"exporting records {found.first} to {found.last}:", found.last)
    return make(archive, evidence, known, found, order, key, seal, count)


# --- the period ------------------------------------------------------------------------------------------------------


def _period(since: str, until: str, timezone: str) -> tuple[int, int]:
    zone = ZoneInfo(timezone)
    since_ms, until_ms = _moment("--from", since, zone), _moment("--to", until, zone)
    if until_ms <= since_ms:
        raise typer.BadParameter(f"--to: {until} is not after {since}; one whole day is --from D --to the day after")
    return since_ms, until_ms


def _moment(option: str, text: str, zone: ZoneInfo) -> int:
    try:
        told = datetime.fromisoformat(text)
        at_ms = round((told if told.tzinfo else told.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError):
        at_ms = -1
    if ts(at_ms) is None:
        raise typer.BadParameter(
            f'{option}: {text!r} is no moment; write "2026-11-01", "2026-11-01 08:00" (local) or "2026-11-01T00:00:00Z"'
        )
    return at_ms


def _order(site: Site, since_ms: int, until_ms: int, reason: str) -> Order:
    gateway = site.gateway
    return Order(
        gateway=gateway.id,
        name={"zh": gateway.name.zh, "en": gateway.name.en},
        timezone=gateway.timezone,
        since_ms=since_ms,
        until_ms=until_ms,
        made_ms=SystemClock().wall_ms(),
        software=f"plantgate {__version__}",
        who=user(os.getuid()),
        uid=os.getuid(),
        reason=reason.strip(),
        set_aside=_set_aside(gateway.state_dir),
    )


def _set_aside(state_dir: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(path.name for path in state_dir.glob("damaged-*.db")))
    except OSError:
        return ()  # what may not be looked into is told when the store is opened


def _nothing(evidence: Evidence, known: Survey, order: Order) -> str:
    """Return why nothing was found, with what there is."""
    there = [one for one in known.stretches if one.offset_ms is not None]
    if not evidence.head or not there:
        return "no record of that period: the store holds none that has a date"
    since, until = ts(min(one.since_ms for one in there)), ts(max(one.until_ms for one in there))
    return f"no record from {ts(order.since_ms)} to {ts(order.until_ms)}; the store has records from {since} to {until}"


# --- who vouches -----------------------------------------------------------------------------------------------------


def _seal(site: Site, order: Order, key: PublicKey) -> Seal:
    """Decide who signs the list of files: the running agent in its chain, else its key, else nobody."""
    try:
        with Visit(site.gateway.state_dir) as visit:
            visit.ask({"do": "status"})
    except NobodyThere as reason:
        return _seal_without_agent(site, key, str(reason))
    return Seal("chain", "", lambda manifest, records: _by_the_agent(site, order, manifest, records))


def _by_the_agent(site: Site, order: Order, manifest: bytes, records: int) -> bytes:
    """Have the running agent sign. Raises `NoAnswer`."""
    words: dict[str, Any] = {"do": "exported", "sha256": sha256(manifest).hexdigest(), "records": records}
    words |= {"from": ts(order.since_ms), "to": ts(order.until_ms), "reason": order.reason}
    try:
        with Visit(site.gateway.state_dir) as visit:
            answer = visit.ask(words)
    except NobodyThere as reason:
        raise NoAnswer(str(reason)) from None
    wire = answer.get("wire")
    if not isinstance(wire, str):
        raise NoAnswer("the store does not take records at the moment")
    return wire.encode() + b"\n"


def _seal_without_agent(site: Site, key: PublicKey, why: str) -> Seal:
    try:
        private = SigningKey.load(key_path(site.gateway.state_dir))
    except KeyProblem as problem:
        return Seal("nobody", f"{why}; {problem.what}", lambda _manifest, _records: None)
    if private.kid != key.kid:
        return Seal("nobody", f"{why}; the key here is not that of the chain", lambda _manifest, _records: None)
    return Seal("key", why, lambda manifest, _records: sealed(manifest, private))


# --- files and words -------------------------------------------------------------------------------------------------


def _name(order: Order) -> str:
    """Return the file's name where none is given: gateway and period."""
    zone = ZoneInfo(order.timezone)
    since, until = (datetime.fromtimestamp(at / 1000, zone) for at in (order.since_ms, order.until_ms))
    return f"records-{order.gateway}-{since:%Y%m%dT%H%M}-{until:%Y%m%dT%H%M}.zip"


def new_file(path: Path) -> Path:
    """Return `path` when nothing is there yet and something can be, else end the verb: a document is never replaced."""
    if os.path.lexists(path):
        print(f"plantgate: {path} exists already; name another file with --out", file=sys.stderr)
        raise typer.Exit(2)
    if not os.access(path.parent, os.W_OK):
        print(f"plantgate: nothing can be written into {path.parent}; name another with --out", file=sys.stderr)
        raise typer.Exit(2)
    return path


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Yield where to write; at the end of the block the file is at `path`, complete, or nowhere."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield aside
        _on_disk(aside)
        new_file(path)
        aside.rename(path)  # a link would refuse to replace, but sticks that documents are carried away on have none
    except OSError as error:
        _refuse(f"{path}: {error.strerror or error}")
    finally:
        aside.unlink(missing_ok=True)


def _on_disk(path: Path) -> None:
    """Wait until a file is on the disk, which may be a stick that is pulled out next."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _tell(path: Path, collected: Collected, seal: Seal) -> None:
    report = collected.walked.report
    print(f"{path}: {report.records} records, {collected.first.seq} to {collected.last.seq}")
    print("  every record verifies" if report.ok else f"  findings: {_counted(report.counts)}; see report.html in it")
    for why, count in sorted(collected.absent.counts.items()):
        print(f"  {count} not here: {why}")
    print(f"  list of files signed by: {_BY[seal.by]}{f' ({seal.why})' if seal.why else ''}")
    print(f"  check it with: plantgate verify {path}")


_BY: Final = {
    "chain": "the running agent, as a record of its chain",
    "key": "the gateway's key alone",
    "nobody": "NOBODY",
}


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _refuse(words: str) -> NoReturn:
    print(f"plantgate: {words}", file=sys.stderr)
    raise typer.Exit(1)


class Progress:
    """Shows on a terminal how far something is that takes more than a second."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._next_ns = self._clock.mono_ns() + _SECOND_NS
        self._calls = 0
        self._shown = False

    def of(self, what: str, end: int) -> Callable[[int], None]:
        """Return what is told the number reached; `end` is the last."""

        def reached(number: int) -> None:
            self._calls += 1
            if self._calls % _EVERY == 0:
                self._show(f"{what} {number} / {end}")

        return reached

    def end(self) -> None:
        """Leave a clean line behind."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _show(self, words: str) -> None:
        now_ns = self._clock.mono_ns()
        if now_ns >= self._next_ns and sys.stderr.isatty():
            self._next_ns = now_ns + _SECOND_NS // 4
            self._shown = True
            print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)
