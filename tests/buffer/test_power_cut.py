"""D7: the power goes at any moment. A simulated disk loses, keeps or tears whatever was not synced at that moment.

The child runs once under strace, which records every change it makes to the disk with its bytes. From that record the
directory is rebuilt as it can be after a cut behind any system call: what was synced is there; each later write, one by
one, may be there or not. Names follow the order of ext4's journal. Then the store is opened like any other.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import pytest

from buffer.errors import OutboxError
from tests.buffer.chain import ROOT, contents, opened
from tests.buffer.test_faults import CHILD, ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

CALLS = "openat,close,pwrite64,write,ftruncate,fsync,fdatasync,rename,unlink"
LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")


@dataclass(slots=True)
class File:
    """What is certainly on the disk, and what happened since the last sync: (offset, bytes), or a length."""

    synced: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes] | int] = field(default_factory=list)

    def content(self, kept: list[bool]) -> bytes:
        """Return the file with the chosen ones of the writes since the last sync."""
        content = bytearray(self.synced)
        for keep, change in zip(kept, self.since, strict=True):
            if keep and isinstance(change, int):
                content[:] = content[:change].ljust(change, b"\0")
            elif keep and isinstance(change, tuple):
                offset, data = change
                content[:] = content.ljust(offset, b"\0")
                content[offset : offset + len(data)] = data
        return bytes(content)


class Disk:
    """The state directory as a sequence of recorded system calls makes it."""

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory)
        self._names: dict[str, File] = {}
        self._handles: dict[str, File] = {}
        self.acknowledged: dict[int, str] = {}

    def apply(self, call: str, arguments: str, result: int) -> bool:
        """Do what a recorded call did; return whether it was about the store or an acknowledgement."""
        if result < 0:
            return False
        words = arguments.split(", ")
        if call == "openat" and text(words[1]).startswith(self._directory + "/"):
            file = self._names.setdefault(text(words[1]), File())
            if "O_TRUNC" in arguments:
                file.since.append(0)
            self._handles[str(result)] = file
        elif call == "write" and words[0] == "1":
            self._acknowledge(text(words[1]))
        elif call == "close":
            self._handles.pop(words[0], None)
        elif call in {"rename", "unlink"} and text(words[0]) in self._names:
            file = self._names.pop(text(words[0]))
            if call == "rename":
                self._names[text(words[1])] = file
        elif words[0] in self._handles:
            self._change(call, self._handles[words[0]], words)
        else:
            return False
        return True

    def _change(self, call: str, file: File, words: list[str]) -> None:
        if call in {"fsync", "fdatasync"}:
            file.synced = bytearray(file.content([True] * len(file.since)))
            file.since.clear()
        elif call == "ftruncate":
            file.since.append(int(words[1]))
        elif call == "pwrite64":
            file.since.append((int(words[3]), data(words[1])))

    def _acknowledge(self, lines: str) -> None:
        for word, *rest in (line.split() for line in lines.splitlines()):
            if word == "ok":
                self.acknowledged[int(rest[0])] = rest[1]

    def cut(self, directory: Path, random: Random, chance: float) -> None:
        """Write the directory as a power cut now may leave it; each write since the last sync is there by `chance`."""
        directory.mkdir()
        for name, file in self._names.items():
            if not name.endswith(("-shm", "ballast")):  # the index lives in memory
                kept = [random.random() < chance for _ in file.since]
                directory.joinpath(name.rpartition("/")[2]).write_bytes(file.content(kept))


def data(quoted: str) -> bytes:
    r"""Return the bytes of strace's ``"\x00\x01"``."""
    return bytes.fromhex(quoted.strip('"').replace("\\x", ""))


def text(quoted: str) -> str:
    """Return the same as text."""
    return data(quoted).decode() if quoted.startswith('"') else ""


def recorded(directory: Path, log: Path, verb: str, commits: int) -> list[tuple[str, str, int]]:
    """Run the child and return its system calls."""
    strace = ["strace", "-f", "-qq", "-xx", "-s", "100000", "-o", str(log), "-e", f"trace={CALLS}"]
    command = [*strace, *CHILD, verb, str(directory), str(commits)]
    subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, check=True, timeout=90, capture_output=True)
    found = (LINE.match(line) for line in log.read_text().splitlines())
    return [(match[1], match[2], int(match[3])) for match in found if match]


def lost(directory: Path, acknowledged: dict[int, str]) -> set[int]:
    """Open what a cut left and return the acknowledged records that are not there as they were."""
    outbox = opened(directory)
    settled = {seq for seq in acknowledged if seq <= outbox.position.seq and not outbox._ledger.waits(seq)}
    kept = {seq: entry.id for seq, entry in contents(outbox).items()}
    sound = outbox.opened.damage is None and outbox.opened.hole is None
    outbox.close()
    missing = {seq for seq, identity in acknowledged.items() if kept.get(seq) != identity and seq not in settled}
    return missing if sound else missing | {0}


def cuts(tmp_path: Path, verb: str, *, commits: int, every: int) -> int:
    """Cut the power behind each `every`-th call, three ways each; return how many cuts lost something."""
    random, losses = Random(42), 0
    disk = Disk(tmp_path / "state")
    for count, call in enumerate(recorded(tmp_path / "state", tmp_path / "log", verb, commits)):
        if disk.apply(*call) and count % every == 0:
            for chance in (0.0, 0.5, 1.0):
                left = tmp_path / "left"
                disk.cut(left, random, chance)
                try:
                    losses += bool(lost(left, disk.acknowledged))
                except OutboxError:
                    losses += 1
                shutil.rmtree(left)
    assert disk.acknowledged
    return losses


@pytest.mark.parametrize(("commits", "every"), [(6, 3), (150, 31)], ids=["a start, closely", "a longer run"])
def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path, commits: int, every: int) -> None:
    """After a cut at any moment every acknowledged record is there, the store is sound, and there is no hole."""
    assert cuts(tmp_path, "write", commits=commits, every=every) == 0


def test_the_simulated_disk_tells_full_from_normal(tmp_path: Path) -> None:
    """The same cuts under `synchronous = NORMAL` do lose acknowledged records: the test above can fail."""
    assert cuts(tmp_path, "careless", commits=30, every=19) > 0
