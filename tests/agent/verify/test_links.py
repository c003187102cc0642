"""Links and gaps: every number is there or accounted for, in whatever order it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.verify.verifier import Verifier
from tests.independent.make_vectors import KEY, Writer, gap, values, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.verify.verdict import Report


def judged(lines: Iterable[bytes]) -> Report:
    """Return the verdict on `lines` with the key enrolled."""
    verifier = Verifier([KEY.public])
    for line in lines:
        verifier.feed(line)
    return verifier.report()


def found(report: Report) -> list[tuple[str, int | None, int | None]]:
    """Return verdict, number and end of range of every finding."""
    return [(finding.verdict.value, finding.seq, finding.last) for finding in report.findings]


TEN = written(10).lines


@given(st.permutations(TEN), st.lists(st.sampled_from(TEN), max_size=8))
def test_order_and_repetition_do_not_matter(lines: list[bytes], again: list[bytes]) -> None:
    """Alarms overtake, QoS 1 repeats: the verdict is the same."""
    report = judged(lines + again)

    assert report.ok
    assert (report.records, report.duplicates) == (10, len(again))


@given(st.sets(st.integers(2, 9)))
def test_every_hole_is_found_with_its_bounds(lost: set[int]) -> None:
    """What is missing between the first and the last record here is named exactly, and nothing else is."""
    report = judged(line for number, line in enumerate(TEN, 1) if number not in lost)
    named = {number for _, first, last in found(report) for number in range(first or 0, (last or 0) + 1)}

    assert named == lost
    assert set(report.counts) == ({"missing"} if lost else set())


@given(st.sets(st.integers(2, 9), min_size=1), st.randoms(use_true_random=False))
def test_signed_gaps_account_for_exactly_what_they_name(lost: set[int], random: st.random.Random) -> None:  # type: ignore[name-defined]
    """Dropped records with their ids in gaps, in any order of delivery, leave a clean chain; one less does not."""
    writer = written(10)
    ids = {record.seq: record.id for record in writer.sealed}
    runs = [(number, number, ids[number]) for number in sorted(lost)]
    writer.add(gap(*runs))
    kept = [record.wire for record in writer.sealed if record.seq not in lost]
    random.shuffle(kept)
    report = judged(kept)

    assert report.ok, report.findings
    assert report.chains[0].explained == len(lost)
    one_too_many = next(number for number in range(2, 11) if number not in lost)
    short = [line for line in kept if line != writer.sealed[one_too_many - 1].wire]
    assert found(judged(short)) == [("missing", one_too_many, one_too_many)] or one_too_many == 10


def test_a_hole_may_be_explained_in_pieces() -> None:
    """Several gaps together cover a hole; the part none covers is missing."""
    writer = written(10)
    ids = {record.seq: record.id for record in writer.sealed}
    writer.add(gap((3, 4, ids[4])))
    writer.add(gap((6, 8, ids[8])))
    kept = [record.wire for record in writer.sealed if not 3 <= record.seq <= 8]

    assert found(judged(kept)) == [("missing", 5, 5)]


def test_one_gap_does_not_widen_another_hole() -> None:
    """A hole behind one that is explained is named with its own bounds."""
    writer = written(9)
    writer.add(gap((3, 3, writer.sealed[2].id)))
    kept = [record.wire for record in writer.sealed if record.seq not in {3, 6}]

    assert found(judged(kept)) == [("missing", 6, 6)]


def test_numbers_never_used_link_to_the_record_before_them() -> None:
    """After damage the chain goes on above the mark from the last known record; a gap without id says so."""
    writer = written(3)
    writer.skip(1000)
    writer.add(gap((4, 1003, None), reason="damage"))
    writer.add(values(1.5))

    assert judged(writer.lines).ok


def test_a_record_before_unused_numbers_may_itself_be_dropped_later() -> None:
    """Then the id is in the other gap, and the link still holds."""
    writer = written(3)
    last = writer.sealed[2]
    writer.skip(1000)
    writer.add(gap((4, 1003, None), reason="damage"))
    writer.add(gap((3, 3, last.id)))

    assert judged(line for line in writer.lines if line != last.wire).ok


def test_a_resumed_chain_must_name_the_last_known_record() -> None:
    """Leaving out the true predecessor is seen even when the numbers are explained."""
    writer = written(3)
    wrong = Writer(at=writer.at.__class__(writer.at.chain, 1003, writer.sealed[1].id), up=200, wall_s=6000)
    wrong.add(gap((4, 1003, None), reason="damage"))

    assert found(judged(writer.lines + wrong.lines)) == [("broken-chain", 1004, None)]


def test_a_gap_may_speak_of_a_record_that_was_delivered_after_all() -> None:
    """The box dropped it, the platform has it: both are right, as long as they speak of the same record."""
    writer = written(4)
    writer.add(gap((3, 3, writer.sealed[2].id)))

    assert judged(writer.lines).ok


def test_a_gap_that_speaks_of_another_record_is_a_contradiction() -> None:
    """A gap with the wrong id for a record that is here."""
    writer = written(4)
    writer.add(gap((3, 3, writer.sealed[0].id)))

    assert found(judged(writer.lines)) == [("broken-chain", 3, None)]


def test_a_fork_is_reported_at_every_number_and_either_side_links() -> None:
    """A restored disk image: both branches are signed, and the links of both hold."""
    writer = written(3)
    other = Writer(at=writer.at, up=writer.up, wall_s=writer.wall_s)
    for power in (1.5, 2.5):
        writer.add(values(power))
        other.add(values(power + 10))
    writer.add(values(3.5))
    for lines in (writer.lines + other.lines, other.lines + writer.lines):
        assert [row[:2] for row in found(judged(lines + lines))] == [("fork", 4), ("fork", 5)]


@pytest.mark.parametrize(
    "runs",
    [
        None,
        "x",
        [[1]],
        [[2, 1, None]],
        [[0, 1, None]],
        [[1, 9, None]],
        [[4, 4, None]],
        [[1, 2, "short"]],
        [["1", 2, None]],
        [[1, 2, 3]],
    ],
    ids=str,
)
def test_a_gap_with_senseless_runs_is_malformed(runs: object) -> None:
    """It explains nothing, and says so."""
    writer = written(3)
    writer.add({"kind": "gap", "reason": "capacity", "first": 2, "last": 2, "count": 1, "runs": runs})

    assert found(judged(writer.lines)) == [("malformed", 4, None)]
