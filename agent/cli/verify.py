"""``plantgate verify``: what an outsider can prove about a file of records, or about an exported bundle of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, NoReturn
from zipfile import is_zipfile

import typer

from agent.proof.check import Checked, NoBundle, check
from agent.record import PublicKey, RecordError
from agent.verify.verifier import Verifier

if TYPE_CHECKING:
    from agent.proof.bundle import By
    from agent.verify.verdict import ChainReport, Finding, Report

MOST_LISTED: Final = 50
_PROGRESS_EVERY: Final = 2000
_FIRST_OF_AN_ARCHIVE: Final = b"PK\x03\x04"

RecordFile = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="Records, one on a line; - reads standard input. Or an exported bundle (.zip)."
    ),
]
KeyFiles = Annotated[
    list[Path] | None,
    typer.Option("--key", metavar="JWK-FILE", help="A gateway's public JWK, or a set of them. May be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the verdict as one JSON object.")]


def verify(file: RecordFile, key: KeyFiles = None, as_json: AsJson = False) -> None:
    """Check signatures, chain, gaps and clock of records. Use it on what a subscriber or a database kept.

    Records may come in any order, more than once, re-serialised, from several gateways, and after their topic
    (mosquitto_sub -v). Without --key the key each chain's genesis record asserts is used, which proves that the records
    agree with each other, not who made them.

    Of a bundle that `plantgate export` made, the files and the signature of their list are checked as well.

    Exit 0 when all is well, 1 on findings, 2 when there was nothing to check or a file cannot be read.
    """
    keys = [one for path in key or () for one in _keys(path)]
    if file != "-" and _is_archive(file):
        _verify_bundle(Path(file), keys, as_json=as_json)
    verifier = Verifier(keys)
    try:
        with _opened(file) as lines, suppress(KeyboardInterrupt):  # Ctrl-C on a live stream asks for the verdict
            for number, line in enumerate(lines, 1):
                verifier.feed(line)
                if number % _PROGRESS_EVERY == 0:
                    _progress(f"{number} lines")
    except OSError as error:
        _refuse(f"{file}: {error.strerror}")
    _progress("")
    report = verifier.report()
    if not report.records and report.ok:
        _refuse(f"{file}: no records in it; want one JSON record on each line")
    print(json.dumps(report.as_json(), ensure_ascii=False) if as_json else "\n".join(_told(report)))
    raise typer.Exit(0 if report.ok else 1)


def _is_archive(file: str) -> bool:
    """Whether a file is an archive, or was the beginning of one."""
    if is_zipfile(file):
        return True
    with suppress(OSError), Path(file).open("rb") as stream:
        return Path(file).is_file() and stream.read(len(_FIRST_OF_AN_ARCHIVE)) == _FIRST_OF_AN_ARCHIVE
    return False


def _verify_bundle(path: Path, keys: list[PublicKey], *, as_json: bool) -> NoReturn:
    """Print the verdict on a bundle and end the verb."""
    try:
        checked = check(path, keys, _count_lines)
    except NoBundle as reason:
        _refuse(f"{path}: {reason}")
    _progress("")
    words = json.dumps(checked.as_json(), ensure_ascii=False) if as_json else "\n".join(_told_bundle(checked))
    print(words)
    raise typer.Exit(0 if checked.ok else 1)


def _count_lines(number: int) -> None:
    if number and number % _PROGRESS_EVERY == 0:
        _progress(f"{number} lines")


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with Path(file).open("rb") as stream:
        yield stream


def _keys(path: Path) -> Iterator[PublicKey]:
    """Yield the keys of a JWK, of a JWK set (RFC 7517 section 5), or of what ``plantgate key show --json`` prints."""
    try:
        found = json.loads(path.read_text())
        if isinstance(found, dict) and isinstance(found.get("jwk"), dict):
            found = found["jwk"]
        jwks: list[Any] = found["keys"] if isinstance(found, dict) and isinstance(found.get("keys"), list) else [found]
        if not jwks:
            _refuse(f"{path}: a key set without keys")
        for jwk in jwks:
            yield PublicKey.from_jwk(jwk)
    except OSError as error:
        _refuse(f"{path}: {error.strerror}")
    except RecordError as error:
        _refuse(f"{path}: {error}")
    except ValueError:
        _refuse(f"{path}: not JSON; want a public JWK, as printed by: plantgate key show SITE.toml --json")


def _refuse(words: str) -> NoReturn:
    print(f"plantgate: {words}", file=sys.stderr)
    raise typer.Exit(2)


def _progress(words: str) -> None:
    """Show how far we are, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _told(report: Report) -> Iterator[str]:
    """Yield the verdict for people, the verdict itself first."""
    chains = _count(len(report.chains), "chain")
    if report.ok:
        yield f"clean: {_count(report.records, 'record')} in {chains}, every signature, link and number accounted for"
    else:
        words = ", ".join(f"{count} {verdict}" for verdict, count in report.counts.items())
        yield f"NOT CLEAN: {words}; {_count(report.records, 'record')} in {chains} verified"
    for chain in report.chains:
        yield from _chain(chain)
    if report.duplicates:
        yield f"{_count(report.duplicates, 'identical copy', 'identical copies')} of records"
    if report.others:
        yield f"{_count(report.others, 'line that claims', 'lines that claim')} to be no record (status, meta)"
    for finding in sorted(report.findings, key=lambda one: one.verdict)[:MOST_LISTED]:
        yield _finding(finding)
    more = sum(report.counts.values()) - MOST_LISTED
    if more > 0:
        yield f"and {more} more"


def _told_bundle(checked: Checked) -> Iterator[str]:
    """Yield the verdict on a bundle for people."""
    if checked.faults:
        yield f"NOT AS IT WAS MADE: {_count(len(checked.faults), 'fault')} of the bundle's files"
        yield from (f"{fault.word}: {fault.file}: {fault.text}" for fault in checked.faults[:MOST_LISTED])
    else:
        signed = _SIGNED_BY[checked.signed_by]
        yield f"as it was made: every file is the one its list names, and the list is signed {signed}"
    if checked.seq is not None:
        yield f"  the signature is record {checked.seq} of the chain"
    yield from _told(checked.report)


_SIGNED_BY: Final[Mapping[By, str]] = {
    "chain": "in the gateway's chain",
    "key": "with the gateway's key (the agent did not run)",
    "nobody": "by nobody",
}


def _chain(chain: ChainReport) -> Iterator[str]:
    yield f"gateway {chain.gw}, chain {chain.chain}: records {chain.first} to {chain.last}"
    if not chain.genesis:
        yield f"  starts at {chain.first}: what came before is not here and was not judged"
    if chain.gaps:
        yield f"  {_count(chain.gaps, 'signed gap')}, {_count(chain.explained, 'missing record')} accounted for"
    for kid in chain.keys:
        source = "given with --key" if chain.key_source == "enrolled" else _ASSERTED
        yield f"  key {kid}: {source}"


_ASSERTED: Final = "asserted by the records themselves: proves consistency, not origin (give it with --key)"


def _finding(finding: Finding) -> str:
    line = f"line {finding.line}: " if finding.line is not None else ""
    place = f"{finding.gw or '?'} record {finding.seq}: " if finding.seq is not None else ""
    return f"{finding.verdict}: {line}{place}{finding.text}"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
