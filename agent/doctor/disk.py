"""The disk or card under the state directory: room, kind, health, and whether it can be written at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.doctor.finding import find, size
from buffer.place import UNFIT, filesystem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.doctor.case import Case
    from agent.doctor.finding import Finding
    from agent.doctor.machine import Machine

LITTLE: Final = 0.10
VERY_LITTLE: Final = 0.03
LITTLE_BYTES: Final = 64 * 2**20
LITTLE_INODES: Final = 0.05
_WORN: Final = 9
"""eMMC, JESD84-B51, DEVICE_LIFE_TIME_EST: in steps of 10 %; 0x0B means that the life is over."""
_OVER: Final = 11
_ESCAPES: Final = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFacts:
    """One file system. `wanted` is what the store may take beyond what it has, 0 where no store is on it.

    `wear` is the larger of the two life times of an eMMC (0 where it tells none), `end_of_life` its warning (1 is
    normal). `errors` counts what ext4 has found wrong with itself since it was last checked.
    """

    where: Path
    kind: str
    free: int
    total: int
    inodes_free: int = 0
    inodes: int = 0
    read_only: bool = False
    device: str = ""
    errors: int = 0
    wear: int = 0
    end_of_life: int = 0
    wanted: int = 0
    holds_state: bool = False
    may_be_volatile: bool = False


def read(case: Case) -> list[DiskFacts]:
    """Look at the file system of the state directory, and at the root's where that is another."""
    folders = [case.machine.root]
    if case.site is not None:
        folders.insert(0, _nearest(case.site.gateway.state_dir))
    facts = [_disk(case, folder, holds_state=case.site is not None and not at) for at, folder in enumerate(folders)]
    return facts[:1] if len(facts) > 1 and facts[0].device and facts[0].device == facts[1].device else facts


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest above it that there is."""
    return next((one for one in (folder, *folder.parents) if os.path.lexists(one)), Path("/"))


def _disk(case: Case, folder: Path, *, holds_state: bool) -> DiskFacts:
    machine, real = case.machine, folder.resolve()
    room = os.statvfs(real)
    mounts = machine.text("/proc/self/mountinfo") or ""
    numbers, read_only = mounted(real, mounts)
    block = machine.at(f"/sys/dev/block/{numbers}").resolve() if numbers else machine.root
    buffer = case.site.buffer if case.site is not None and holds_state else None
    return DiskFacts(
        where=real,
        kind=filesystem(real, mounts),
        free=room.f_bavail * room.f_frsize,
        total=room.f_blocks * room.f_frsize,
        inodes_free=room.f_favail,
        inodes=room.f_files,
        read_only=read_only or bool(room.f_flag & os.ST_RDONLY),
        device=block.name if numbers else "",
        errors=machine.number(f"/sys/fs/ext4/{block.name}/errors_count") or 0,
        wear=_life(machine, block),
        end_of_life=_end_of_life(machine, block),
        wanted=max(0, buffer.max_size - _taken(real)) if buffer else 0,
        holds_state=holds_state,
        may_be_volatile=buffer is not None and buffer.allow_volatile,
    )


def mounted(folder: Path, mounts: str) -> tuple[str, bool]:
    """Return "major:minor" of the device under `folder`, and whether it is mounted read-only (proc(5), mountinfo)."""
    best, numbers, read_only = -1, "", False
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        words, tail = left.split(" "), right.split(" ")
        text = words[4]
        for code, character in _ESCAPES:
            text = text.replace(code, character)
        point = Path(text)
        if (folder == point or point in folder.parents) and len(point.parts) >= best:
            best, numbers = len(point.parts), words[2]
            read_only = "ro" in words[5].split(",") or "ro" in tail[-1].split(",")
    return numbers, read_only


def _taken(folder: Path) -> int:
    try:
        return (folder / "outbox.db").stat().st_size
    except OSError:
        return 0


def _life(machine: Machine, block: Path) -> int:
    """Return the larger of an eMMC's life times ("0x01 0x02"); a partition's device is the folder above it."""
    words = (machine.text(block.parent / "device/life_time") or machine.text(block / "device/life_time") or "").split()
    return max((int(word, 16) for word in words), default=0)


def _end_of_life(machine: Machine, block: Path) -> int:
    return machine.number(block.parent / "device/pre_eol_info") or machine.number(block / "device/pre_eol_info") or 0


def judge(facts: DiskFacts) -> list[Finding]:
    """Return what is to be said of one file system."""
    troubles = [*_kind(facts), *_room(facts), *_health(facts)]
    if any(trouble.is_trouble for trouble in troubles):
        return troubles
    told = {"free": size(facts.free), "total": size(facts.total), "kind": facts.kind or "?"}
    return [find("disk-fine", facts.where, **told), *troubles]


def _kind(facts: DiskFacts) -> Iterator[Finding]:
    if facts.holds_state and facts.kind in UNFIT:
        name = "disk-volatile-allowed" if facts.may_be_volatile else "disk-volatile"
        yield find(name, facts.where, kind=facts.kind, why=UNFIT[facts.kind])
    if facts.read_only and facts.holds_state:
        yield find("disk-read-only", facts.where)


def _room(facts: DiskFacts) -> Iterator[Finding]:
    told = {"free": size(facts.free), "total": size(facts.total)}
    if facts.read_only or not facts.total:
        return
    if facts.free < VERY_LITTLE * facts.total or facts.free < LITTLE_BYTES:
        yield find("disk-full", facts.where, **told)
    elif facts.free < LITTLE * facts.total:
        yield find("disk-nearly-full", facts.where, **told)
    if facts.inodes and facts.inodes_free < LITTLE_INODES * facts.inodes:
        yield find("disk-no-inodes", facts.where, left=facts.inodes_free)
    if facts.wanted > facts.free:
        yield find("disk-too-small", facts.where, wanted=size(facts.wanted), **told)


def _health(facts: DiskFacts) -> Iterator[Finding]:
    if facts.errors:
        yield find("disk-errors", facts.where, count=facts.errors, device=facts.device)
    if facts.wear >= _OVER or facts.end_of_life > 1:
        yield find("disk-worn-out", facts.where, device=facts.device)
    elif facts.wear >= _WORN:
        yield find("disk-worn", facts.where, device=facts.device, share=f"{facts.wear * 10} %")


def look(case: Case) -> list[Finding]:
    """Read and judge each."""
    return [finding for facts in read(case) for finding in judge(facts)]
