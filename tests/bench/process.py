"""What a process costs, as the kernel counts it; and letting processes take turns."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TICKS = os.sysconf("SC_CLK_TCK")
SETTLE_S = 1.5
"""After its turn has begun a process catches up with what it missed; that is not measured."""


def cpu_s(pid: int) -> float:
    """Return user and system time so far, all threads (proc(5), stat fields 14 and 15)."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS


@dataclass(frozen=True)
class Memory:
    """Resident memory, MiB: now, and the most there ever was."""

    now: float
    peak: float


def memory(pid: int) -> Memory:
    """Return what a process has resident (proc(5), VmRSS and VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = {name: int(rest.split()[0]) for name, rest in (line.split(":", 1) for line in lines) if name[:2] == "Vm"}
    return Memory(kib["VmRSS"] / 1024, kib["VmHWM"] / 1024)


@dataclass
class Turns:
    """A process's turns: CPU seconds each, and when they were (wall clock seconds)."""

    cpu: list[float] = field(default_factory=list)
    spans: list[tuple[float, float]] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The median share of a core."""
        return median(cpu / (end - begin) for cpu, (begin, end) in zip(self.cpu, self.spans, strict=True))


def take_turns(pids: Mapping[str, int], *, turn_s: float, turns: int) -> dict[str, Turns]:
    """Let each process run alone for `turn_s`, one after the other, `turns` times; the others are stopped meanwhile.

    What the machine does besides hits all of them alike.
    """
    done = {name: Turns() for name in pids}
    for pid in pids.values():
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(turns):
            for name, pid in pids.items():
                os.kill(pid, signal.SIGCONT)
                time.sleep(SETTLE_S)
                before, begin = cpu_s(pid), time.time()
                time.sleep(turn_s)
                done[name].spans.append((begin, time.time()))
                done[name].cpu.append(cpu_s(pid) - before)
                os.kill(pid, signal.SIGSTOP)
    finally:
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)
    return done
