"""The outbox against a naive model: random actions on both, compared after each step."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from buffer.errors import StoreFull
from tests.buffer.chain import batch, contents, explain, forced, missing, opened

if TYPE_CHECKING:
    from buffer.outbox import Entry, Outbox

SMALL = 1024 * 1024
KINDS = st.lists(st.booleans(), min_size=1, max_size=12)


class Model(RuleBasedStateMachine):
    """Keeps what was acknowledged in dictionaries and expects the store to hold exactly that."""

    outbox: Outbox

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="outbox-model-"))
        self.place = 0
        self.waiting: dict[int, Entry] = {}
        self.unsaved: set[int] = set()
        self.delivered: dict[int, Entry] = {}
        self.state: dict[str, bytes] = {}

    @property
    def directory(self) -> Path:
        """Where the store lives now; a crash moves it."""
        return self.root / str(self.place)

    @initialize()
    def begin(self) -> None:
        """Open a fresh store and write the genesis record."""
        self.outbox = opened(self.directory, max_size=SMALL)
        self._note(forced(self.outbox, [True])[0])

    def _note(self, entries: list[Entry]) -> None:
        self.waiting |= {entry.seq: entry for entry in entries}
        self.unsaved.clear()

    @rule(kinds=KINDS, size=st.sampled_from([10, 400, 3000, 9000, 30_000]))
    def append(self, kinds: list[bool], size: int) -> None:
        """Write records; what had to go must be readings, oldest first, and is gone from the model too."""
        urgent = [kind and size < 3000 for kind in kinds]
        entries, drop = forced(self.outbox, urgent, size=size)
        for run in drop.undelivered:
            for seq in range(run.first, run.last + 1):
                entry = self.waiting.pop(seq, None) or self.delivered[seq]
                assert not entry.urgent
        self._note(entries)

    @rule(value=st.binary(max_size=50))
    def remember(self, value: bytes) -> None:
        """Write state alone."""
        self.outbox.write(state={"key": value})
        self.state["key"] = value
        self.unsaved.clear()

    @rule()
    def too_much(self) -> None:
        """Try a write that can never fit: it fails and changes nothing."""
        entries = batch(self.outbox.position, 2, size=SMALL)
        with pytest.raises(StoreFull) as full:
            self.outbox.write(entries, state={"key": b"never"})
        assert not full.value.disk

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """Deliver some waiting records, not yet durably."""
        if self.waiting:
            for seq in data.draw(st.sets(st.sampled_from(sorted(self.waiting)), max_size=30)):
                self.outbox.delivered([seq])
                self.delivered[seq] = self.waiting.pop(seq)
                self.unsaved.add(seq)

    @rule()
    def restart(self) -> None:
        """Stop in good order: everything is kept, deliveries included."""
        self.outbox.close()
        self.unsaved.clear()
        self._open()

    @rule()
    def crash(self) -> None:
        """Open the files as they are now elsewhere: only deliveries since the last write are forgotten."""
        old, self.place = self.directory, self.place + 1
        shutil.copytree(old, self.directory)
        self.outbox.close()
        self.waiting |= {seq: self.delivered.pop(seq) for seq in self.unsaved}
        self.unsaved.clear()
        self._open()

    @rule()
    def reopen(self) -> None:
        """Reopening without need changes nothing and forgets no delivery."""
        assert not self.outbox.reopen()
        assert self.outbox.opened.damage is None

    def _open(self) -> None:
        self.outbox = opened(self.directory, max_size=SMALL)
        assert self.outbox.opened.hole is None
        assert self.outbox.opened.damage is None

    @rule()
    def older_copy(self) -> None:
        """Put back a copy made two commits ago: no number comes twice, the hole names all that the copy lacks."""
        copy = self.root / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        self.outbox.close()
        copy.mkdir()
        shutil.copy2(self.directory / "outbox.db", copy)
        self.outbox = opened(self.directory, max_size=SMALL)
        before = dict(self.waiting)
        for _ in range(2):
            self.append([False, True], 400)
        head = self.outbox.position.seq
        self.outbox.close()
        shutil.copy2(copy / "outbox.db", self.directory)
        self.outbox = opened(self.directory, max_size=SMALL)

        assert self.outbox.opened.hole is not None
        lacking = missing([self.outbox.opened.hole])
        assert self.outbox.position.seq >= head
        assert set(self.waiting) - set(before) <= lacking
        assert not lacking & set(before)
        self.waiting = before
        self._note([explain(self.outbox, self.outbox.opened.hole)])

    @invariant()
    def same_as_the_model(self) -> None:
        """Readers get exactly the waiting records, byte for byte; counts and state agree."""
        assert contents(self.outbox) == self.waiting
        usage = self.outbox.usage()
        assert usage.waiting == len(self.waiting)
        assert usage.oldest_waiting == min(self.waiting, default=None)
        assert self.outbox.state("key") == self.state.get("key")
        assert usage.bytes <= SMALL

    def teardown(self) -> None:
        """Clean up."""
        if hasattr(self, "outbox"):
            self.outbox.close()
        shutil.rmtree(self.root)


Model.TestCase.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestModel = Model.TestCase
