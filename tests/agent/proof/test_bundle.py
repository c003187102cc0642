"""What a bundle holds, that a good one is accepted, and that nothing can be changed in it unseen."""

from __future__ import annotations

import json
import subprocess
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZipFile

import pytest

from agent.proof.bundle import (
    CHAIN,
    ELSEWHERE,
    HOWTO,
    KEY,
    LISTED,
    MANIFEST,
    RECORDS,
    REPORT,
    SIGNATURE,
    sealed,
    written,
)
from agent.proof.check import MOST_SHORT, NoBundle
from agent.proof.howto import WITH_OPENSSL
from agent.record import PublicKey
from agent.verify.verifier import Verifier
from buffer.outbox import Drop, Run
from tests.agent.proof.chains import DAY_MS, HOUR_MS, Gateway, gateway
from tests.agent.proof.chains import KEY as SIGNING_KEY
from tests.agent.proof.rig import BY_KEY, UNSIGNED, Files, bundle, by_chain, checked, files, records, words, zipped
from tests.independent.make_vectors import STRANGER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Gateway]:
    """Return a gateway with an hour before the day, the day, and an hour after it."""
    with gateway(tmp_path) as made:
        made.up_ms = DAY_MS - HOUR_MS
        made.event("start", software="plantgate 0.1.0")
        made.readings(26, HOUR_MS)
        yield made


def manifest_of(contents: Files) -> dict[str, Any]:
    """Return the manifest."""
    found: dict[str, Any] = json.loads(contents[MANIFEST])
    return found


def resigned(contents: Files, box: Gateway | None = None, **changes: Any) -> Files:
    """Return a bundle whose manifest was written anew to fit, signed by whoever has the key, or not at all."""
    told = manifest_of(contents) | changes
    told["files"] = {
        name: {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in contents.items()
        if name in LISTED
    }
    made = {**contents, MANIFEST: written(told)}
    made.pop(SIGNATURE, None)
    if box is not None:
        made[SIGNATURE] = by_chain(box).make(made[MANIFEST], told["records"]["count"]) or b""
    return made


# --- what it holds ---------------------------------------------------------------------------------------------------


def test_the_records_are_those_of_the_store_with_one_more_at_each_edge(box: Gateway) -> None:
    """Byte for byte, in order; the last before the period and the first after it show that nothing is missing."""
    contents = files(bundle(box))

    assert set(contents) == {*LISTED, MANIFEST, SIGNATURE}
    assert contents[RECORDS] == records([box.wires[seq] for seq in range(2, 28)])
    assert contents[ELSEWHERE] == records([box.wires[1]])
    assert PublicKey.from_jwk(json.loads(contents[KEY])) == SIGNING_KEY.public
    assert json.loads(contents[CHAIN])["period"] == {"first": 3, "last": 26}


def test_the_manifest_says_what_it_is(box: Gateway) -> None:
    """Gateway, period, software, who asked, why, and every file's hash."""
    told = manifest_of(files(bundle(box)))

    assert told["gateway"] == "jn-0417"
    assert told["period"] == {
        "from": "2026-10-31T16:00:00.000Z",
        "to": "2026-11-01T16:00:00.000Z",
        "timezone": "Asia/Shanghai",
    }
    assert told["asked_by"] == {"who": "wang", "uid": 1000}
    assert (told["reason"], told["software"]) == ("case 17", "plantgate 0.1.0")
    assert told["records"]["first"]["seq"] == 2
    assert told["records"]["last"]["seq"] == 27
    assert set(told["files"]) == set(LISTED)


def test_the_signature_is_a_record_of_the_chain(box: Gateway) -> None:
    """The bundle's own record carries the hash of the manifest."""
    contents = files(bundle(box))
    said = json.loads(contents[SIGNATURE])

    assert said["event"] == "exported"
    assert said["sha256"] == sha256(contents[MANIFEST]).hexdigest()
    assert contents[SIGNATURE] == box.sealed[-1].wire + b"\n"


@pytest.mark.parametrize("enrolled", [(), (SIGNING_KEY.public,)], ids=["its own key", "an enrolled key"])
def test_a_good_bundle_is_accepted(box: Gateway, enrolled: tuple[PublicKey, ...]) -> None:
    """Nothing is found, and the verdict says who vouches."""
    verdict = checked(bundle(box), *enrolled)

    assert words(verdict) == set()
    assert verdict.ok
    assert verdict.report.records == 26
    assert verdict.report.chains[0].key_source == ("enrolled" if enrolled else "asserted")
    assert (verdict.signed_by, verdict.seq) == ("chain", box.sealed[-1].seq)


def test_a_bundle_signed_by_the_key_alone(box: Gateway) -> None:
    """While the agent does not run its key may sign; the manifest says so."""
    data = bundle(box, BY_KEY)
    verdict = checked(data)

    assert verdict.ok
    assert verdict.signed_by == "key"
    assert manifest_of(files(data))["signature"] == {"by": "key", "why": "the agent does not run"}


def test_a_bundle_nobody_signed_is_never_all_right(box: Gateway) -> None:
    """Its records verify; that the list is complete nobody says, and the verdict says that."""
    verdict = checked(bundle(box, UNSIGNED))

    assert not verdict.ok
    assert words(verdict) == {"unsigned"}
    assert "nobody signed the list of files (the agent does not run)" in verdict.faults[0].text


def test_a_whole_chain(box: Gateway) -> None:
    """A period that begins before the first record and ends after the last has no edges to show."""
    from tests.agent.proof.rig import ORDER

    wide = type(ORDER)(
        **{name: getattr(ORDER, name) for name in ORDER.__slots__} | {"since_ms": 0, "until_ms": 2 * ORDER.until_ms}
    )
    before = len(box.sealed)
    data = bundle(box, order=wide)

    assert files(data)[RECORDS] == records([box.wires[seq] for seq in range(1, before + 1)])
    assert files(data)[ELSEWHERE] == b""
    assert checked(data).ok


# --- what is not there -----------------------------------------------------------------------------------------------


def test_dropped_readings_are_accounted_for_by_gaps_from_elsewhere(box: Gateway) -> None:
    """The gap that was signed long after the period comes with it; ids of what was dropped stand in chain.json."""
    dropped = [box.sealed[seq - 1] for seq in (8, 9, 10)]
    runs = (Run(8, 10, dropped[-1].id),)
    box.drop(Drop("capacity", (), runs, 3, 900), runs)
    data = bundle(box)
    told = json.loads(files(data)[CHAIN])
    verdict = checked(data)

    assert verdict.ok
    assert verdict.report.chains[0].explained == 3
    assert told["absent"] == [{"first": 8, "last": 10, "why": "signed-away"}]
    assert told["dropped"] == [{"first": 8, "last": 10, "ids": [one.id for one in dropped]}]
    assert files(data)[ELSEWHERE] == records([box.wires[1], box.wires[29]])


def test_delivered_readings_that_were_let_go_are_missing_and_said_to_be(box: Gateway) -> None:
    """No signature explains them: the platform has them, and the verdict does not call that complete."""
    box.let_go(8, 9)
    data = bundle(box)

    assert words(checked(data)) == {"missing"}
    assert json.loads(files(data)[CHAIN])["absent"] == [{"first": 8, "last": 9, "why": "let-go"}]
    assert "已送达平台" in files(data)[REPORT].decode()


def test_a_decayed_record_is_left_out_and_named(box: Gateway) -> None:
    """What no longer is what was written is no evidence."""
    assert box.outbox._db is not None
    box.outbox._db.execute("UPDATE reading SET wire = ? WHERE seq = 7", (b"{}",))
    data = bundle(box)

    assert json.loads(files(data)[CHAIN])["absent"] == [{"first": 7, "last": 7, "why": "decayed"}]
    assert words(checked(data)) == {"missing"}


# --- nothing can be changed unseen -----------------------------------------------------------------------------------


def _without(name: str) -> Callable[[Files], Files]:
    return lambda contents: {one: data for one, data in contents.items() if one != name}


def _changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Files], Files]:
    return lambda contents: {**contents, name: change(contents[name])}


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    return lambda data: b"".join(change(data.splitlines(keepends=True)))


FORGERIES: dict[str, tuple[Callable[[Files], Files], set[str]]] = {
    "a record changed": (_changed(RECORDS, lambda data: data.replace(b"13.5", b"13.4")), {"file-changed"}),
    "a record removed": (_changed(RECORDS, _lines(lambda rows: rows[:9] + rows[10:])), {"file-changed", "missing"}),
    "the first record removed": (_changed(RECORDS, _lines(lambda rows: rows[1:])), {"file-changed"}),
    "the last record removed": (_changed(RECORDS, _lines(lambda rows: rows[:-1])), {"file-changed"}),
    "a record twice": (_changed(RECORDS, _lines(lambda rows: rows[:3] + rows[2:])), {"file-changed", "malformed"}),
    "two records exchanged": (
        _changed(RECORDS, _lines(lambda rows: [rows[1], rows[0], *rows[2:]])),
        {"file-changed", "malformed"},
    ),
    "a blank line": (_changed(RECORDS, lambda data: b"\n" + data), {"file-changed", "malformed"}),
    "no records": (_changed(RECORDS, lambda _: b""), {"file-changed"}),
    "no file of records": (_without(RECORDS), {"file-missing", "file-changed"}),
    "no report": (_without(REPORT), {"file-missing"}),
    "another report": (_changed(REPORT, lambda data: data.replace("没有报警".encode(), b"")), {"file-changed"}),
    "another text": (_changed(HOWTO, lambda data: data + b"\n"), {"file-changed"}),
    "another chain.json": (_changed(CHAIN, lambda data: data.replace(b'"undated"', b'"undated "')), {"file-changed"}),
    "another key": (
        _changed(KEY, lambda _: written(STRANGER.public.jwk)),
        {"file-changed", "unknown-key", "manifest-changed"},
    ),
    "no key": (_changed(KEY, lambda _: b"{}"), {"file-changed", "wrong-key", "unknown-key", "manifest-changed"}),
    "a file more": (lambda contents: {**contents, "../x": b""}, {"file-added"}),
    "another reason": (_changed(MANIFEST, lambda data: data.replace(b"case 17", b"case 18")), {"manifest-changed"}),
    "a blank in the manifest": (_changed(MANIFEST, lambda data: data + b" "), {"manifest-changed"}),
    "no signature": (_without(SIGNATURE), {"unsigned"}),
    "a signature that is none": (_changed(SIGNATURE, lambda _: b"[]"), {"manifest-changed"}),
    "a record that is no export": (
        lambda contents: {**contents, SIGNATURE: contents[RECORDS].splitlines()[0]},
        {"manifest-changed"},
    ),
    "its list signed by a stranger": (
        lambda contents: {**contents, SIGNATURE: sealed(contents[MANIFEST], STRANGER)},
        {"manifest-changed"},
    ),
    "no first record": (_changed(ELSEWHERE, lambda _: b""), {"file-changed"}),
    "rubbish elsewhere": (_changed(ELSEWHERE, lambda data: data + b"{}\n"), {"file-changed"}),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_anybody_might_do_to_it_is_found(box: Gateway, name: str) -> None:
    """Every change has a word, whether the verifier was given the key or not."""
    forge, expected = FORGERIES[name]
    verdict = checked(zipped(forge(files(bundle(box)))))

    assert not verdict.ok
    assert expected <= words(verdict)
    assert not checked(zipped(forge(files(bundle(box)))), SIGNING_KEY.public).ok


def test_a_list_made_to_fit_needs_a_signature(box: Gateway) -> None:
    """Removing the last records and writing the manifest anew is found, since its hash stands in the chain."""
    contents = files(bundle(box))
    cut = _changed(RECORDS, _lines(lambda rows: rows[:-4]))(contents)
    told = manifest_of(contents)["records"]
    last = json.loads(cut[RECORDS].splitlines()[-1])
    fitting = {**told, "count": told["count"] - 4, "last": {"seq": last["seq"], "id": "x"}}
    forged = resigned(cut, records=fitting)

    assert {"unsigned"} <= words(checked(zipped(forged)))
    assert {"manifest-changed"} <= words(checked(zipped({**forged, SIGNATURE: contents[SIGNATURE]})))


def test_only_who_has_the_key_can_make_one_that_fits(box: Gateway) -> None:
    """The same with the gateway's own signature is accepted: what a signature proves is who signed."""
    contents = resigned(files(bundle(box)), box, reason="another")

    assert checked(zipped(contents)).ok


def test_another_gateways_records_do_not_pass(box: Gateway, tmp_path: Path) -> None:
    """Everything fits and is signed, but the records are those of another chain."""
    with gateway(tmp_path / "other") as other:
        other.up_ms = DAY_MS
        other.readings(5)
        foreign = files(bundle(other))
    mixed = resigned({**files(bundle(box)), RECORDS: foreign[RECORDS]}, box)

    assert "file-changed" in words(checked(zipped(mixed)))


def test_every_byte_matters(tmp_path: Path) -> None:
    """Whatever byte of the archive is changed, it is found, or what is read from it is what was there before."""
    with gateway(tmp_path) as box:
        box.up_ms = DAY_MS
        box.readings(2)
        data = bundle(box)
    good = files(data)
    harmless = 0
    for at in range(0, len(data), 7):
        changed = data[:at] + bytes([data[at] ^ 0x5A]) + data[at + 1 :]
        try:
            is_ok = checked(changed).ok
        except NoBundle:
            continue
        if is_ok:
            harmless += 1
            assert files(changed) == good
    assert harmless < len(data) // 7 // 10


def test_an_archive_that_is_no_bundle() -> None:
    """It is refused in words, not judged."""
    with pytest.raises(NoBundle, match=r"no manifest\.json in it"):
        checked(zipped({"a": b"b"}))
    with pytest.raises(NoBundle, match="not that of an export"):
        checked(zipped({MANIFEST: b"[]"}))
    with pytest.raises(NoBundle, match="cannot be read"):
        checked(zipped({MANIFEST: b"{"}))


def test_a_manifest_of_nonsense_is_not_believed(box: Gateway) -> None:
    """Wrong types in it are faults, never a crash."""
    contents = files(bundle(box))
    changes: tuple[dict[str, Any], ...] = (
        {"files": []},
        {"files": {RECORDS: 7}},
        {"records": None},
        {"signature": "x"},
        {"gateway": 5},
        {"gateway": ["jn-0417"]},
        {"chain": {}},
    )
    for change in changes:
        nonsense = {**contents, MANIFEST: written(manifest_of(contents) | change)}
        nonsense.pop(SIGNATURE)

        assert not checked(zipped(nonsense)).ok


def _repacked(contents: Files, change: Callable[[ZipFile], object], method: int = ZIP_DEFLATED) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w", method) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
        change(archive)
    return stream.getvalue()


def test_what_is_beside_the_files_is_found(box: Gateway) -> None:
    """A comment that a reader is shown, a programme in front of the archive: no list of files names them."""
    made = bundle(box)
    commented = _repacked(files(made), lambda archive: setattr(archive, "comment", b"the judge has seen it"))

    assert words(checked(commented)) == {"file-added"}
    assert words(checked(b"#!/bin/sh\n" + made)) == {"file-added"}


@pytest.mark.parametrize("method", [ZIP_BZIP2, ZIP_LZMA], ids=["bzip2", "lzma"])
def test_what_is_packed_otherwise_is_not_unpacked(box: Gateway, method: int) -> None:
    """A bundle has deflated files; other methods take as much memory as their maker likes."""
    with pytest.raises(NoBundle, match="packed as no bundle is"):
        checked(_repacked(files(bundle(box)), lambda _: None, method))


def test_what_unpacks_without_end_is_refused_at_once(box: Gateway) -> None:
    """By its own sizes, before it is unpacked; blank lines within that end the reading."""
    contents = files(bundle(box))
    with pytest.raises(NoBundle, match="100 times its size"):
        checked(_repacked({**contents, RECORDS: b"\n" * 20_000_000}, lambda _: None))
    blank = checked(zipped({**contents, RECORDS: b"\n" * 3 * MOST_SHORT}))

    assert blank.report.lines == MOST_SHORT
    assert "more than 10000 lines that are too short for a record" in " ".join(fault.text for fault in blank.faults)


def test_half_a_character_in_a_manifest_is_no_text(box: Gateway) -> None:
    """It could be told nowhere."""
    with pytest.raises(NoBundle, match="cannot be read"):
        checked(zipped({**files(bundle(box)), MANIFEST: b'{"type":"plantgate-export","v":1,"reason":"\\ud800"}'}))


# --- without our software --------------------------------------------------------------------------------------------


def test_the_records_alone_pass_the_ordinary_verifier(box: Gateway) -> None:
    """records.jsonl is what any subscriber could have kept."""
    verifier = Verifier([SIGNING_KEY.public])
    for line in files(bundle(box))[RECORDS].splitlines():
        verifier.feed(line)

    assert verifier.report().ok


def _by_openssl(folder: Path, data: bytes) -> subprocess.CompletedProcess[str]:
    with ZipFile(BytesIO(data)) as archive:
        archive.extractall(folder)
    return subprocess.run(
        ["/bin/bash", "-c", WITH_OPENSSL], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_openssl_and_a_shell_are_enough(tmp_path: Path) -> None:
    """The script of HOWTO.txt verifies every record, every link and the manifest's signature."""
    with gateway(tmp_path / "state") as box:
        box.up_ms = DAY_MS
        box.readings(4)
        data = bundle(box)
    folder = tmp_path / "unpacked"
    done = _by_openssl(folder, data)

    assert done.returncode == 0, done.stderr
    assert "records: every signature holds" in done.stdout
    assert "NOT AFTER" not in done.stdout
    assert "Signature Verified Successfully" in done.stdout
    hashes = sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert done.stdout.count(hashes) == 2


def test_openssl_finds_what_was_changed(tmp_path: Path) -> None:
    """A digit more, a record less: the script says so."""
    with gateway(tmp_path / "state") as box:
        box.up_ms = DAY_MS
        box.readings(4)
        contents = files(bundle(box))
    changed = zipped(_changed(RECORDS, lambda data: data.replace(b"12.5", b"12.4"))(contents))
    removed = zipped(_changed(RECORDS, _lines(lambda rows: rows[:2] + rows[3:]))(contents))

    assert "WRONG SIGNATURE" in _by_openssl(tmp_path / "one", changed).stdout
    assert "NOT AFTER THE ONE BEFORE" in _by_openssl(tmp_path / "two", removed).stdout
