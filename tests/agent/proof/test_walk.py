"""Judging in one pass: the same verdict as the verifier's, and memory that does not grow with the records."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING

import pytest

from agent.proof.walk import Walk
from agent.record import PublicKey
from agent.verify.chain import Row
from agent.verify.line import Claim, read
from agent.verify.verifier import Verifier
from tests.independent.make_vectors import FOLDER, KEY, STRANGER, forge, gap, values, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.proof.walk import Walked

NOT_FOR_US = {
    "as-subscribed": "a status stands between the records",
    "asserted-key": "no key is given",
    "duplicates": "copies",
    "fork": "the second record with a number comes later",
    "gap-before-its-hole": "not in order",
    "no-key": "no key is given",
    "out-of-order": "not in order",
    "two-gateways": "two chains",
}
"""Vectors that are not one chain in order with its key; there the walk refuses what the verifier takes."""
VECTORS = sorted(path.stem for path in FOLDER.glob("*.txt") if path.stem not in NOT_FOR_US)


def vector(name: str) -> tuple[list[PublicKey], list[bytes]]:
    """Return keys and lines of a vector."""
    head, _, body = (FOLDER / f"{name}.txt").read_bytes().partition(b"\n\n")
    keys = [
        PublicKey.from_jwk(json.loads(line.partition(b": ")[2])) for line in head.splitlines() if line[:4] == b"key:"
    ]
    return keys, [line for line in body.split(b"\n") if line.strip()]


def walked(lines: list[bytes], **settings: object) -> Walked:
    """Judge lines with the gateway's key."""
    return Walk([KEY.public], **settings).judge(lines)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", VECTORS)
def test_the_same_words_as_the_verifier(name: str) -> None:
    """Of every published vector that is one chain in order."""
    keys, lines = vector(name)
    verifier = Verifier(keys)
    for line in lines:
        verifier.feed(line)
    expected = verifier.report()
    found = Walk(keys).judge(lines).report

    assert found.counts == expected.counts
    assert found.records == expected.records
    assert [(one.first, one.last, one.gaps, one.explained) for one in found.chains] == [
        (one.first, one.last, one.gaps, one.explained) for one in expected.chains
    ]


@pytest.mark.parametrize("name", NOT_FOR_US)
def test_what_is_no_chain_in_order_is_never_clean(name: str) -> None:
    """A bundle that is not what an export writes is refused, though a subscriber's file might be like that."""
    keys, lines = vector(name)

    assert not Walk(keys).judge(lines).report.ok


def test_findings_name_chain_number_and_line() -> None:
    """A finding is worth nothing without its place."""
    lines = written(6).lines
    report = walked([*lines[:3], *lines[4:]]).report
    (finding,) = report.findings

    assert (finding.verdict, finding.seq, finding.last, finding.gw) == ("missing", 4, 4, "jn-0417")


def test_time_that_goes_back_is_found_in_the_right_chain() -> None:
    """The judge of clocks sees every record."""
    writer = written(4)
    writer.wall_s -= 3600
    writer.add(values(1))
    (finding,) = walked(writer.lines).report.findings

    assert (finding.verdict, finding.seq, finding.gw, finding.line) == ("clock-back", 5, "jn-0417", 5)


@pytest.mark.parametrize("order", [[1, 0, 2], [0, 0, 1], [0, 1, 1]], ids=["exchanged", "first twice", "last twice"])
def test_what_is_not_in_order_is_refused(order: list[int]) -> None:
    """Copies and other orders are for files of subscribers; a bundle's records come once, in order."""
    lines = written(3).lines

    assert "malformed" in walked([lines[at] for at in order]).report.counts


def test_the_same_number_with_other_content_is_a_fork() -> None:
    """Two records with one number: the key or the disk exists twice."""
    lines = written(3).lines
    other = forge({**{name: one for name, one in json.loads(lines[2]).items() if name != "sig"}, "values": {"x": 1}})

    assert walked([*lines, other]).report.counts == {"fork": 1}


def test_a_record_of_another_chain_is_refused() -> None:
    """One file, one chain."""
    assert walked([*written(3).lines, written(2, gw="another").lines[1]]).report.counts == {"malformed": 1}


def test_a_record_of_an_unknown_key_is_refused_once() -> None:
    """Its number is not reported as missing as well."""
    lines = written(5).lines
    body = {name: one for name, one in json.loads(lines[2]).items() if name != "sig"}

    assert walked([*lines[:2], forge(body, STRANGER), *lines[3:]]).report.counts == {"unknown-key": 1}


def test_a_gap_from_elsewhere_accounts_for_a_hole() -> None:
    """And it names the record that the next one must name."""
    writer = written(8)
    dropped = writer.sealed[4]
    claim = read(writer.add(gap((4, 5, dropped.id))).wire)
    wrong = read(writer.add(gap((4, 5, writer.sealed[0].id))).wire)
    lines = [*writer.lines[:3], *writer.lines[5:8]]
    assert claim is not None
    assert wrong is not None

    assert walked(lines).report.counts == {"missing": 1}
    assert walked(lines, elsewhere=[claim]).report.ok
    assert walked(lines, elsewhere=[claim]).report.chains[0].explained == 2
    assert walked(lines, elsewhere=[wrong]).report.counts == {"broken-chain": 1}


def test_first_and_last_are_those_that_verified() -> None:
    """A bundle is compared with them."""
    writer = written(4)
    both = walked(writer.lines)

    assert both.first is not None
    assert both.last is not None
    assert (both.first.seq, both.first.id) == (1, writer.sealed[0].id)
    assert (both.last.seq, both.last.id) == (4, writer.sealed[3].id)
    assert walked([]).first is None


def test_memory_does_not_grow_with_the_records() -> None:
    """After many records no more of them is held than of a few."""
    held: list[int] = []

    def take(_: object) -> None:
        if len(held) in (20, 380):
            gc.collect()
        held.append(sum(type(one) in (Claim, Row) for one in gc.get_objects()) if len(held) in (20, 380) else 0)

    walk = Walk([KEY.public], take=take)

    assert walk.judge(written(400).lines).report.ok
    assert 0 < held[380] <= held[20]


def _passing(lines: list[bytes], seen: list[int]) -> Iterator[bytes]:
    for at, line in enumerate(lines):
        seen.append(at)
        yield line


def test_lines_are_taken_one_by_one() -> None:
    """Each is judged and handed on before the next is asked for."""
    seen: list[int] = []
    taken: list[int] = []
    lines = written(5).lines

    def take(claim: object) -> None:
        taken.append(len(seen))

    Walk([KEY.public], take=take).judge(_passing(lines, seen))
    assert taken == [1, 2, 3, 4, 5]
