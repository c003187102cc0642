"""Whether a bundle is what a gateway made: each file as its manifest says, the manifest signed, every record in place.

Anybody may have made the archive: nothing in it is believed or unpacked to disk, and it is read piece by piece.
A bundle that is not all right has faults (about files) or findings (about records); one without any is proof.
"""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from hashlib import sha256
from os import SEEK_END
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

import orjson

from agent.proof.bundle import ELSEWHERE, KEY, KIND, LISTED, MANIFEST, RECORDS, SIGNATURE, By, unsealed
from agent.proof.collect import signed_gap
from agent.proof.walk import Walk, Walked
from agent.record import PublicKey, RecordError, verify
from agent.verify.line import Claim, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from agent.verify.verdict import Report

MOST_SMALL: Final = 4 * 1024 * 1024
"""Bytes of a file that is read as a whole."""
MOST_ELSEWHERE: Final = 256 * 1024 * 1024
MOST_LINE: Final = 16 * 1024 * 1024
MOST_GROWTH: Final = 100
"""So many times its own size an archive may unpack to; a bundle, full of signatures, unpacks to a few times [P]."""
SHORTEST_RECORD: Final = 100
"""Bytes; the signature alone has 86 characters."""
MOST_SHORT: Final = 10_000
"""Lines too short for a record, after which no more are read: a megabyte of blank lines fits into a kilobyte."""
_PIECE: Final = 1 << 20
_UNREADABLE: Final = (
    BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)
"""What `zipfile` raises for archives that were tampered with."""


class Word(StrEnum):
    """What can be wrong with a bundle's files."""

    MISSING = "file-missing"
    ADDED = "file-added"
    CHANGED = "file-changed"
    MANIFEST = "manifest-changed"
    KEY = "wrong-key"
    UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a file."""

    word: Word
    file: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The verdict on a bundle. `signed_by` is who vouches for the manifest; `seq` of the record that does."""

    report: Report
    faults: tuple[Fault, ...]
    manifest: dict[str, Any]
    signed_by: By
    seq: int | None

    @property
    def ok(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.faults and self.report.ok

    def as_json(self) -> dict[str, Any]:
        """Return what ``plantgate verify --json`` prints of a bundle."""
        bundle = {name: self.manifest.get(name) for name in ("gateway", "chain", "period", "reason", "made")}
        faults = [{**asdict(fault), "word": fault.word.value} for fault in self.faults]
        about = {"signed_by": self.signed_by, "signed_in": self.seq, "faults": faults, **bundle}
        return {**self.report.as_json(), "ok": self.ok, "bundle": about}


class NoBundle(Exception):
    """The archive holds no bundle: ``str`` says why."""


@dataclass(slots=True)
class _Bench:
    """What is found out about one archive."""

    archive: ZipFile
    enrolled: dict[str, PublicKey]
    progress: Callable[[int], None]
    faults: list[Fault] = field(default_factory=list)
    seq: int | None = None

    def fault(self, word: Word, file: str, text: str) -> None:
        self.faults.append(Fault(word, file, text))


def check(
    file: Path | IO[bytes], enrolled: Iterable[PublicKey], progress: Callable[[int], None] = lambda _: None
) -> Checked:
    """Return the verdict. With no `enrolled` keys the bundle's own is used: that proves consistency, not origin.

    Raises `NoBundle`. `progress` is told the number of lines done.
    """
    try:
        archive = ZipFile(file)
    except _UNREADABLE as error:
        raise NoBundle(f"cannot be read as an archive: {error}") from error
    with archive:
        _refuse_strange(archive, file.stat().st_size if isinstance(file, Path) else file.seek(0, SEEK_END))
        return _checked(archive, enrolled, progress)


def _refuse_strange(archive: ZipFile, size: int) -> None:
    """Refuse what would take memory or time without end, before anything is unpacked. Raises `NoBundle`."""
    listed = archive.infolist()
    if any(one.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for one in listed):
        raise NoBundle("is packed as no bundle is; want stored or deflated files")
    if sum(one.file_size for one in listed) > MOST_GROWTH * size:
        raise NoBundle(f"unpacks to more than {MOST_GROWTH} times its size, which no bundle does")


def _checked(archive: ZipFile, enrolled: Iterable[PublicKey], progress: Callable[[int], None]) -> Checked:
    bench = _Bench(archive, {key.kid: key for key in enrolled}, progress)
    manifest_bytes, manifest = _manifest(bench)
    _names(bench)
    keys = bench.enrolled or _own_key(bench)
    walked = _walk(bench, keys, manifest)
    _compare(bench, manifest)
    signed_by = _signature(bench, manifest_bytes, manifest, keys)
    _place(bench, manifest, walked)
    return Checked(
        report=walked.report, faults=tuple(bench.faults), manifest=manifest, signed_by=signed_by, seq=bench.seq
    )


# --- the archive -----------------------------------------------------------------------------------------------------


def _manifest(bench: _Bench) -> tuple[bytes, dict[str, Any]]:
    if MANIFEST not in bench.archive.namelist():
        raise NoBundle(f"no {MANIFEST} in it; want what plantgate export makes")
    try:
        data = _small(bench, MANIFEST)
        manifest = orjson.loads(data)
    except _UNREADABLE as error:
        raise NoBundle(f"{MANIFEST} cannot be read: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("type") != KIND or manifest.get("v") != 1:
        raise NoBundle(f'{MANIFEST} is not that of an export: want "type" {KIND} and "v" 1')
    return data, manifest


def _names(bench: _Bench) -> None:
    """Find files that are not there, that do not belong there, and that come twice."""
    names = bench.archive.namelist()
    for name in LISTED:
        if name not in names:
            bench.fault(Word.MISSING, name, "this file is not in the bundle")
    for name in dict.fromkeys(names):
        if name not in (*LISTED, MANIFEST, SIGNATURE):
            bench.fault(Word.ADDED, _shown(name), "this file is none of a bundle's")
        elif names.count(name) > 1:
            bench.fault(Word.ADDED, name, "this file comes more than once")
    if bench.archive.comment or any(one.comment for one in bench.archive.infolist()):
        bench.fault(Word.ADDED, "the archive", "has a comment, which no bundle has")
    if min(one.header_offset for one in bench.archive.infolist()) > 0:
        bench.fault(Word.ADDED, "the archive", "has something before its first file")


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) < 100 else repr(name[:100])  # noqa: PLR2004 -- enough to search for


def _compare(bench: _Bench, manifest: dict[str, Any]) -> None:
    """Compare each file with its hash in the manifest."""
    listed = manifest.get("files")
    said = listed if isinstance(listed, dict) else {}
    for name in sorted({*said} - {*LISTED}):
        bench.fault(Word.MANIFEST, MANIFEST, f"lists a file that no bundle has: {_shown(str(name))}")
    for name in LISTED:
        if name not in bench.archive.namelist():
            continue
        about = said.get(name)
        with _told(bench, name):
            wanted = (about.get("sha256"), about.get("bytes")) if isinstance(about, dict) else None
            if _hashed(bench, name) != wanted:
                bench.fault(Word.CHANGED, name, "is not the file that the manifest names (SHA-256)")


def _hashed(bench: _Bench, name: str) -> tuple[str, int]:
    digest, size = sha256(), 0
    with bench.archive.open(name) as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def _small(bench: _Bench, name: str) -> bytes:
    """Return a whole file. Raises `ValueError` when it is too large to be what it should be."""
    with bench.archive.open(name) as stream:
        data = stream.read(MOST_SMALL + 1)
    if len(data) > MOST_SMALL:
        raise ValueError(f"more than {MOST_SMALL} bytes")
    return data


@contextmanager
def _told(bench: _Bench, name: str) -> Iterator[None]:
    """Make a fault of a file that cannot be read."""
    try:
        yield
    except _UNREADABLE as error:
        bench.fault(Word.CHANGED, name, f"cannot be read: {error}")


# --- the key ---------------------------------------------------------------------------------------------------------


def _own_key(bench: _Bench) -> dict[str, PublicKey]:
    """Return the key that the bundle names."""
    key = _key_file(bench)
    return {} if key is None else {key.kid: key}


def _key_file(bench: _Bench) -> PublicKey | None:
    try:
        return PublicKey.from_jwk(orjson.loads(_small(bench, KEY)))
    except KeyError:
        return None  # told already: the file is missing
    except (RecordError, *_UNREADABLE) as error:
        bench.fault(Word.KEY, KEY, f"is no public key: {error}")
        return None


# --- the records -----------------------------------------------------------------------------------------------------


def _walk(bench: _Bench, keys: dict[str, PublicKey], manifest: dict[str, Any]) -> Walked:
    """Judge the records, with the gaps that lie elsewhere in the chain."""
    gaps: list[Claim] = []
    with _told(bench, ELSEWHERE):
        gaps = list(_elsewhere(bench, keys, manifest))
    walk = Walk(keys.values(), enrolled=bool(bench.enrolled), elsewhere=gaps)
    return walk.judge(_lines(bench, RECORDS))


def _lines(bench: _Bench, name: str) -> Iterator[bytes]:
    if name not in bench.archive.namelist():
        return
    with _told(bench, name), bench.archive.open(name) as stream:
        short = 0
        for at, line in enumerate(iter(lambda: _line(stream), b"")):
            bench.progress(at)
            short += len(line) < SHORTEST_RECORD
            if short > MOST_SHORT:
                raise ValueError(f"more than {MOST_SHORT} lines that are too short for a record")
            yield line


def _line(stream: IO[bytes]) -> bytes:
    line = stream.readline(MOST_LINE)
    if len(line) == MOST_LINE:
        raise ValueError("a line that is too long for a record")
    return line


def _elsewhere(bench: _Bench, keys: dict[str, PublicKey], manifest: dict[str, Any]) -> Iterator[Claim]:
    """Yield the gaps that lie elsewhere; every record there must be of this chain and signed."""
    if ELSEWHERE not in bench.archive.namelist():
        return
    if bench.archive.getinfo(ELSEWHERE).file_size > MOST_ELSEWHERE:
        raise ValueError(f"more than {MOST_ELSEWHERE} bytes")
    for line in _lines(bench, ELSEWHERE):
        claim = _of_this_chain(bench, line, keys, manifest)
        if claim is not None and claim.is_genesis:
            _compare_key(bench, claim, keys)
        gap = None if claim is None else signed_gap(line, keys)
        if gap is not None:
            yield gap


def _of_this_chain(bench: _Bench, line: bytes, keys: dict[str, PublicKey], manifest: dict[str, Any]) -> Claim | None:
    try:
        claim = read(line)
        if claim is None or (claim.members["gw"], claim.chain) != (manifest.get("gateway"), manifest.get("chain")):
            raise RecordError("holds something that is no record of this chain")  # noqa: TRY301 -- told like the others
        verify(claim.signed, keys[claim.signed.kid])
    except (RecordError, KeyError) as error:
        words = "signed with a key that was not given" if isinstance(error, KeyError) else str(error)
        bench.fault(Word.CHANGED, ELSEWHERE, words)
        return None
    return claim


def _compare_key(bench: _Bench, genesis: Claim, keys: dict[str, PublicKey]) -> None:
    """Compare the key that the chain's first record names, whose hash is the chain's id, with those we check with."""
    try:
        named = PublicKey.from_jwk(genesis.members.get("key"))
    except RecordError as error:
        bench.fault(Word.KEY, ELSEWHERE, f"the first record of the chain names no key: {error}")
        return
    if named.kid not in keys:
        bench.fault(Word.KEY, ELSEWHERE, "the first record of the chain names another key")


def _place(bench: _Bench, manifest: dict[str, Any], walked: Walked) -> None:
    """Compare the records with what the manifest says of them: nothing may be missing at either end."""
    said = manifest.get("records")
    found = {
        "count": walked.report.records,
        "first": None if walked.first is None else {"seq": walked.first.seq, "id": walked.first.id},
        "last": None if walked.last is None else {"seq": walked.last.seq, "id": walked.last.id},
    }
    if said != found:
        bench.fault(Word.CHANGED, RECORDS, "is not from the first to the last record that the manifest names")
    chains = [(chain.gw, chain.chain) for chain in walked.report.chains]
    if chains != [(manifest.get("gateway"), manifest.get("chain"))]:
        bench.fault(Word.CHANGED, RECORDS, "is of another gateway or chain than the manifest says")
    if bench.enrolled:
        own = _key_file(bench)
        if own is not None and own.kid not in bench.enrolled:
            bench.fault(Word.KEY, KEY, "is another key than the one that was given")


# --- the signature of the manifest -----------------------------------------------------------------------------------


def _signature(bench: _Bench, data: bytes, manifest: dict[str, Any], keys: dict[str, PublicKey]) -> By:
    """Check who vouches for the manifest, and return who it is."""
    if SIGNATURE not in bench.archive.namelist():
        bench.fault(Word.UNSIGNED, SIGNATURE, _why_unsigned(manifest))
        return "nobody"
    try:
        line = _small(bench, SIGNATURE)
        members = orjson.loads(line)
        if isinstance(members, dict) and "protected" in members:
            _sealed_by_one_of(data, members, keys)
            return "key"
        bench.seq = _exported(line, data, manifest, keys)
    except (RecordError, *_UNREADABLE) as error:
        bench.fault(Word.MANIFEST, SIGNATURE, str(error))
        return "nobody"
    return "chain"


def _why_unsigned(manifest: dict[str, Any]) -> str:
    signature = manifest.get("signature")
    why = signature.get("why") if isinstance(signature, dict) and signature.get("by") == "nobody" else None
    if isinstance(why, str) and why.isprintable():
        return f"nobody signed the list of files ({why}); only what the records themselves prove is proved"
    return "the signature of the manifest is not in the bundle, so files may have been exchanged or cut"


def _sealed_by_one_of(data: bytes, members: dict[str, Any], keys: dict[str, PublicKey]) -> None:
    """Check a signature by the key alone. Raises `RecordError` when no key made it."""
    reason: RecordError = RecordError("there is no key to check it with")
    for key in keys.values():
        try:
            unsealed(data, members, key)
        except RecordError as error:
            reason = error
        else:
            return
    raise reason


def _exported(line: bytes, data: bytes, manifest: dict[str, Any], keys: dict[str, PublicKey]) -> int:
    """Check that a record ``exported`` of this chain names the manifest; return its number. Raises `RecordError`."""
    claim = read(line)
    if claim is None or claim.members.get("event") != "exported":
        raise RecordError("is neither a record of an export nor a signature")
    if claim.signed.kid not in keys:
        raise RecordError(f"signed with key {claim.signed.kid}, which was not given")
    verify(claim.signed, keys[claim.signed.kid])
    if (claim.members["gw"], claim.chain) != (manifest.get("gateway"), manifest.get("chain")):
        raise RecordError("is a record of another gateway or chain")
    if claim.members.get("sha256") != sha256(data).hexdigest():
        raise RecordError(f"names another {MANIFEST} than the one that is here (SHA-256)")
    seq: int = claim.members["seq"]
    return seq
