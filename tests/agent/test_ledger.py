"""Drafts in, the committed chain out, whatever the store does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from agent import ledger as ledger_module
from agent.keys import SigningKey
from agent.ledger import RETRY_NS, Ledger
from agent.record import Sealer
from agent.verify.verifier import Verifier
from buffer.outbox import Outbox, StoreFailed, StoreFull

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

S = 1_000_000_000
CLK = {"boot": "a6ebeace", "up": 1.0, "q": "unsync"}


def complete(draft: Mapping[str, Any]) -> dict[str, Any]:
    """Add what the pipeline adds."""
    return {"ts": None, "clk": CLK, "cfg": "b2f1", **draft}


def hello() -> dict[str, Any]:
    """Return the first draft of a chain."""
    key = SigningKey.from_seed(bytes(range(32))).public.jwk
    return complete(
        {"kind": "hello", "site": {"zh": "厂", "en": "Plant"}, "software": "t", "key": key, "reason": "enrolment"}
    )


def readings(number: int, width: int = 1) -> dict[str, Any]:
    """Return a draft of readings."""
    return complete({"kind": "readings", "device": "d", "values": {f"p{at}": number for at in range(width)}})


class Bench:
    """A ledger on a real store whose failures the test decides."""

    def __init__(self, directory: Path, max_size: int = 16 << 20) -> None:
        self.directory = directory
        self.outbox = Outbox.open(directory, max_size=max_size, allow_volatile=True)
        self.ledger = Ledger(Sealer("jn-0417", SigningKey.from_seed(bytes(range(32)))), self.outbox, 1 * S)
        self.ledger.begin(complete)
        self.told: list[bytes] = []
        self.outbox.listen(lambda entries: self.told.extend(entry.wire for entry in entries))

    def tell(self, *drafts: dict[str, Any], now_ns: int = 0) -> None:
        """Hand drafts over."""
        for draft in drafts:
            self.ledger.add(draft, now_ns)

    def records(self) -> list[dict[str, Any]]:
        """Return what was committed, in order."""
        return [orjson.loads(wire) for wire in self.told]

    def is_clean(self) -> bool:
        """Whether an outsider finds nothing wrong with what was committed."""
        verifier = Verifier([])
        for wire in self.told:
            verifier.feed(wire)
        return verifier.report().ok

    def break_write(self, monkeypatch: pytest.MonkeyPatch, times: int, *, durable: bool = False) -> None:
        """Make the next writes fail as a disk does; `durable`: the transaction is on the disk nevertheless."""
        left = iter(range(times))
        write, reopen = Outbox.write, Outbox.reopen
        failed = {"after": False}

        def failing(self: Outbox, *arguments: Any, **named: Any) -> None:
            if next(left, None) is None:
                write(self, *arguments, **named)
                return
            if durable:
                write(self, *arguments, **named)
            failed["after"] = durable
            raise StoreFailed("disk I/O error", where="outbox.db", hint="look at the card")

        def reopened(self: Outbox, now_ms: int = 0) -> bool:
            reopen(self, now_ms)
            return failed["after"]

        monkeypatch.setattr(Outbox, "write", failing)
        monkeypatch.setattr(Outbox, "reopen", reopened)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a fresh ledger."""
    made = Bench(tmp_path / "state")
    yield made
    made.outbox.close()


def test_readings_wait_and_alarms_do_not(bench: Bench) -> None:
    """A reading is due after commit_every, anything else at once and takes the readings with it."""
    bench.tell(readings(1), now_ns=5 * S)

    assert bench.ledger.due_ns() == 6 * S

    bench.tell(complete({"kind": "alarm"}), now_ns=5 * S + 1)

    assert bench.ledger.due_ns() == 5 * S + 1


def test_everything_that_waits_is_one_transaction_in_order(bench: Bench) -> None:
    """Records are numbered when they are committed, without a gap."""
    bench.tell(hello(), readings(1), readings(2))

    assert bench.told == []
    assert bench.ledger.commit(0)
    assert [record["seq"] for record in bench.records()] == [1, 2, 3]
    assert bench.ledger.due_ns() is None
    assert bench.is_clean()


def test_state_is_kept_with_the_records_it_belongs_to(bench: Bench) -> None:
    """What `keep` was given is there after the commit, and not before."""
    bench.ledger.keep("alarms", b"[1]")

    assert bench.outbox.state("alarms") is None

    bench.tell(hello())
    bench.ledger.commit(0)

    assert bench.outbox.state("alarms") == b"[1]"


def test_a_failed_commit_is_retried_with_the_same_readings(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk error costs nothing when reopening helps: same readings, no number lost or used twice, and it is told."""
    bench.tell(hello())
    bench.ledger.commit(0)
    bench.break_write(monkeypatch, times=1)
    bench.tell(readings(7))

    assert bench.ledger.commit(S)
    assert [record["kind"] for record in bench.records()] == ["hello", "readings", "event", "event"]
    assert [record.get("event") for record in bench.records()[2:]] == ["store-failed", "store-recovered"]
    assert bench.is_clean()


def test_a_commit_that_was_durable_after_all_is_not_repeated(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An fsync that failed over data that survived leaves one copy, not two."""
    bench.tell(hello())
    bench.ledger.commit(0)
    bench.break_write(monkeypatch, times=1, durable=True)
    bench.tell(readings(7))
    bench.ledger.commit(S)

    assert [record["kind"] for record in bench.records()].count("readings") == 1
    assert bench.is_clean()


def test_while_the_store_fails_alarms_stay_and_the_oldest_readings_are_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long failure costs the oldest readings only; the first record after it confesses how many."""
    monkeypatch.setattr(ledger_module, "MOST_WAITING_VALUES", 10)
    bench.tell(hello())
    bench.ledger.commit(0)
    bench.break_write(monkeypatch, times=1000)
    for turn in range(30):
        bench.tell(readings(turn), now_ns=turn * S)
        if turn == 3:
            bench.tell(complete({"kind": "alarm", "alarm": "a"}), now_ns=turn * S)

        assert not bench.ledger.commit(turn * S)
        assert bench.ledger.due_ns() == turn * S + RETRY_NS

    monkeypatch.undo()

    assert bench.ledger.commit(40 * S)
    after = bench.records()[1:]
    numbers = [record["values"]["p0"] for record in after if record["kind"] == "readings"]
    gap = after[0]

    assert (gap["kind"], gap["reason"], gap["first"], gap["runs"]) == ("gap", "storage-failure", None, [])
    assert gap["count"] + len(numbers) == 30
    assert numbers[-10:] == list(range(20, 30))
    assert [record["alarm"] for record in after if record["kind"] == "alarm"] == ["a"]
    assert bench.is_clean()


def test_a_full_store_confesses_what_it_drops_and_goes_on(tmp_path: Path) -> None:
    """At the cap the oldest readings go, a signed gap says exactly which, and no event is ever dropped."""
    bench = Bench(tmp_path / "small", max_size=1 << 20)
    bench.tell(hello())
    for turn in range(400):
        bench.tell(readings(turn, width=400))
        if turn % 40 == 0:
            bench.tell(complete({"kind": "event", "event": f"e{turn}"}))

        assert bench.ledger.commit(turn * S)

    gaps = [record for record in bench.records() if record["kind"] == "gap"]
    kept = [orjson.loads(row.wire) for row in bench.outbox.reader().urgent(0, 10_000)]
    readings_left = [row.seq for row in bench.outbox.reader().readings(0, 10_000, 1 << 30)]
    gone = {seq for gap in gaps for first, last, _ in gap["runs"] for seq in range(first, last + 1)}

    assert gaps
    assert {gap["reason"] for gap in gaps} == {"capacity"}
    assert gone.isdisjoint(readings_left)
    assert gone | set(readings_left) | {record["seq"] for record in kept} == set(range(1, bench.outbox.next_seq))
    assert sum(1 for record in kept if record["kind"] == "event") == 10
    bench.outbox.close()


def test_what_a_verifier_gets_of_a_full_store_is_clean(tmp_path: Path) -> None:
    """A platform that never saw the dropped records can still check every link over the gap."""
    bench = Bench(tmp_path / "small", max_size=1 << 20)
    bench.tell(hello())
    for turn in range(300):
        bench.tell(readings(turn, width=400))
        bench.ledger.commit(turn * S)
    reader = bench.outbox.reader()
    bench.told = [row.wire for row in (*reader.urgent(0, 10_000), *reader.readings(0, 10_000, 1 << 30))]

    assert len(bench.told) < 300
    assert bench.is_clean()
    bench.outbox.close()


def test_a_disk_filled_by_others_loses_nothing_once_there_is_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that finds no room and nothing to drop is tried again; the drafts wait."""
    write = Outbox.write
    full = {"is": True}

    def failing(self: Outbox, *arguments: Any, **named: Any) -> None:
        if full["is"]:
            raise StoreFull("no space left on device", where="outbox.db", hint="free the disk", disk=True)
        write(self, *arguments, **named)

    monkeypatch.setattr(Outbox, "write", failing)
    bench.tell(hello(), readings(1))

    assert not bench.ledger.commit(0)

    full["is"] = False

    assert bench.ledger.commit(RETRY_NS)
    assert [record["kind"] for record in bench.records()][:2] == ["hello", "readings"]
    assert bench.is_clean()
