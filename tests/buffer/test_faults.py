"""Killed processes and failing disks.

The child (`tests/buffer/child.py`) says what was acknowledged; it must all be there afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.buffer.chain import ROOT, contents, opened

if TYPE_CHECKING:
    from pathlib import Path

CHILD = [sys.executable, "-m", "tests.buffer.child"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
LAST = 10_000_000


def run(*command: str) -> list[list[str]]:
    """Run a command to its end and return its lines as words."""
    done = subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def check(directory: Path, lines: list[list[str]]) -> None:
    """Every acknowledged record is in the store or signed away; numbers and links have no gap that is not signed."""
    acknowledged: dict[int, str] = {}
    for word, *rest in lines:
        if word == "ok":
            assert acknowledged.setdefault(int(rest[0]), rest[1]) == rest[1], "one number, two records"
    gone = {seq for word, *rest in lines if word == "gone" for seq in range(int(rest[0]), int(rest[1]) + 1)}
    outbox = opened(directory)
    settled = {seq for seq in range(1, outbox.position.seq + 1) if not outbox._ledger.waits(seq)}
    kept = contents(outbox)

    assert outbox.opened.damage is None
    assert set(acknowledged) <= set(kept) | gone | settled
    assert {seq: entry.id for seq, entry in kept.items() if seq in acknowledged} == {
        seq: identity for seq, identity in acknowledged.items() if seq in kept
    }
    assert set(kept) | gone | settled == set(range(1, outbox.position.seq + 1))
    for seq, entry in kept.items():
        if seq - 1 in kept:
            assert json.loads(entry.wire)["prev"] == kept[seq - 1].id
    outbox.close()


def test_killed_again_and_again(tmp_path: Path) -> None:
    """P1: SIGKILL at random moments; nothing acknowledged is lost, no number is left out, no lock is left behind."""
    random, lines = Random(7), list[list[str]]()
    for _ in range(12):
        with subprocess.Popen(
            [*CHILD, "write", str(tmp_path), str(LAST)], env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            for _ in range(random.randrange(1, 120)):
                lines.append(child.stdout.readline().split())
            child.kill()
            lines += [line.split() for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]

    assert not any(word in {"gone", "failed"} for word, *_ in lines)
    check(tmp_path, lines)


def traced(inject: str, *command: str) -> list[list[str]]:
    """Run a command while the kernel's answers are tampered with."""
    return run("strace", "-f", "-qq", "-o", os.devnull, "-e", f"inject={inject}", *command)


@pytest.mark.parametrize("nth", range(1, 22))
def test_a_sync_fails(tmp_path: Path, nth: int) -> None:
    """D4: the N-th sync gives EIO, for every N: the store fails, is reopened, and nothing acknowledged is lost."""
    lines = traced(f"fsync,fdatasync:error=EIO:when={nth}", *CHILD, "write", str(tmp_path), "12")

    assert lines[-1] == ["end"]
    check(tmp_path, lines)


def test_a_failed_sync_is_noticed(tmp_path: Path) -> None:
    """D4: with every 23rd sync failing the child has to reopen, and still gets everything written."""
    lines = traced("fsync,fdatasync:error=EIO:when=20+23", *CHILD, "write", str(tmp_path), "30")

    assert ["failed"] in lines
    assert lines[-1] == ["end"]
    check(tmp_path, lines)


@pytest.mark.parametrize("nth", [*range(1, 40, 3), *range(40, 140, 10)])
def test_no_space_in_the_middle_of_a_write(tmp_path: Path, nth: int) -> None:
    """D3: the N-th write gives ENOSPC: rolled back, written again, no half record, the chain goes on."""
    lines = traced(f"pwrite64:error=ENOSPC:when={nth}", *CHILD, "write", str(tmp_path), "25")

    assert lines[-1] == ["end"]
    assert not any(word == "gone" for word, *_ in lines)
    check(tmp_path, lines)


@pytest.mark.parametrize("nth", range(20, 120, 20))
def test_a_write_fails(tmp_path: Path, nth: int) -> None:
    """A write that gives EIO: the store fails, is reopened, goes on."""
    lines = traced(f"pwrite64:error=EIO:when={nth}", *CHILD, "write", str(tmp_path), "25")

    assert ["failed"] in lines
    assert lines[-1] == ["end"]
    check(tmp_path, lines)


def test_others_fill_the_disk(tmp_path: Path) -> None:
    """D1: writing goes on without a pause on a full disk, oldest readings going against gaps; and recovers after."""
    directory = tmp_path / "disk" / "state"
    (tmp_path / "disk").mkdir()
    script = 'mount -t tmpfs -o size=6m none "$1" && shift && "$@" && cp -a "$0/." "$OUT"'
    out = tmp_path / "out"
    out.mkdir()
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    lines = run(
        *("env", f"OUT={out}", "unshare", *rights, "--mount", "sh", "-ec", script, str(directory)),
        *(str(tmp_path / "disk"), *CHILD, "squeezed", str(directory)),
    )

    assert [rest for word, *rest in lines if word == "full"] == [["False"], ["True"], ["False"]]
    assert any(word == "gone" for word, *_ in lines)
    assert lines[-1] == ["end"]
    check(out, lines)
