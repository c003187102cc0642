"""The verdict machine: whose key, which chain, and the verdict so far."""

from __future__ import annotations

import json

import pytest

from agent.verify import verifier as machine
from agent.verify.verdict import Findings, Report
from agent.verify.verifier import Verifier
from tests.independent.make_vectors import KEY, STRANGER, body_of, forge, gap, written


def judged(lines: list[bytes], *keys: object) -> Report:
    """Return the verdict on `lines`."""
    verifier = Verifier([key.public for key in keys])  # type: ignore[attr-defined]
    for line in lines:
        verifier.feed(line)
    return verifier.report()


LINES = written(5).lines


@pytest.mark.parametrize(("keys", "source"), [((), "asserted"), ((KEY,), "enrolled"), ((STRANGER, KEY), "enrolled")])
def test_the_report_says_who_vouches(keys: tuple[object, ...], source: str) -> None:
    """Without enrolled keys the verdict rests on what the records say of themselves."""
    (chain,) = judged(LINES, *keys).chains

    assert (chain.key_source, chain.keys) == (source, (KEY.kid,))
    assert (chain.gw, chain.first, chain.last, chain.records, chain.genesis) == ("jn-0417", 1, 5, 5, True)


def test_an_enrolled_key_is_the_only_one_believed() -> None:
    """A chain that vouches for itself does not pass when keys are given."""
    report = judged(LINES, STRANGER)

    assert report.counts == {"unknown-key": 5}
    assert report.records == 0


def test_a_genesis_cannot_vouch_for_another_gateway() -> None:
    """A record that names the chain of one gateway and the name of another has no key."""
    forged = forge(body_of(LINES[4]) | {"gw": "jn-9999"})
    report = judged([*LINES, forged])

    assert report.counts == {"unknown-key": 1}
    assert report.records == 5


def test_a_genesis_signed_with_another_key_than_it_names_is_refused() -> None:
    """What it asserts must be what it was signed with."""
    report = judged([forge(body_of(LINES[0]), STRANGER)])

    assert report.counts == {"wrong-header": 1}


def test_a_new_chain_of_the_same_gateway_is_another_chain() -> None:
    """State lost, enrolled again: both chains are judged, each by itself."""
    other = written(3, wall_s=90 * 60 + 3600)
    report = judged(LINES + other.lines, KEY)

    assert report.ok
    assert [chain.records for chain in sorted(report.chains, key=lambda chain: -chain.records)] == [5, 3]


def test_the_verdict_can_be_asked_at_any_time() -> None:
    """A hole is missing until it is filled; asking changes nothing."""
    verifier = Verifier([KEY.public])
    for line in (LINES[0], LINES[3]):
        verifier.feed(line)
    assert verifier.report().counts == verifier.report().counts == {"missing": 1}
    for line in LINES[1:3]:
        verifier.feed(line)

    assert verifier.report().ok


def test_a_gap_explains_when_it_comes() -> None:
    """The hole is seen first, the signed gap arrives later."""
    writer = written(4)
    writer.add(gap((3, 3, writer.sealed[2].id)))
    verifier = Verifier()
    for line in (writer.lines[0], writer.lines[1], writer.lines[3]):
        verifier.feed(line)
    assert verifier.report().counts == {"missing": 1}
    verifier.feed(writer.lines[4])

    assert verifier.report().ok


def test_what_waits_for_its_genesis_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without genesis cannot fill the memory; it is told what to do."""
    monkeypatch.setattr(machine, "MOST_HELD", 2 * len(LINES[2]))
    report = judged(LINES[1:])

    assert report.counts == {"unknown-key": 3}
    assert all("--key" in finding.text for finding in report.findings)


def test_a_copy_with_a_damaged_signature_is_no_duplicate() -> None:
    """The same record again, but not the same signature: that copy is bad, the record is not missing."""
    damaged = LINES[2][:-10] + b'AAAAAAAA"}'
    report = judged([*LINES, damaged], KEY)

    assert report.counts == {"bad-signature": 1}
    assert report.records == 5


def test_a_record_that_does_not_verify_is_not_missing_too() -> None:
    """One fault, one finding."""
    assert judged([LINES[0], LINES[1], LINES[2].replace(b"13.5", b"13.6"), *LINES[3:]], KEY).counts == {
        "bad-signature": 1
    }


def test_findings_are_counted_beyond_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million wrong lines cost a counter."""
    monkeypatch.setattr(Findings, "MOST_KEPT", 3)
    report = judged([b"rubbish"] * 10)

    assert report.counts == {"malformed": 10}
    assert len(report.findings) == 3


def test_the_report_is_plain_json() -> None:
    """What a program reads has every figure and every finding."""
    told = json.loads(json.dumps(judged([*LINES[:3], LINES[4], LINES[4]], KEY).as_json()))

    assert (told["ok"], told["records"], told["duplicates"], told["others"], told["lines"]) == (False, 4, 1, 0, 5)
    assert told["chains"][0]["key_source"] == "enrolled"
    assert told["findings"] == [
        {
            "verdict": "missing",
            "gw": "jn-0417",
            "chain": json.loads(LINES[1])["chain"],
            "seq": 4,
            "last": 4,
            "line": None,
            "text": "record 4 is not here, and no signed gap says why",
        }
    ]
