"""Who vouches for the host's wall clock: systemd-timesyncd, the kernel, or chrony.

Three witnesses, asked in this order, because each is blind somewhere:

- **timesyncd** touches a file at each synchronisation. The file stays when the service is stopped, so only a fresh one
  counts. Works inside our sandbox.
- **the kernel** knows through adjtimex(2), whoever disciplines it. Our unit's ProtectClock= forbids the call even for
  reading, so it answers outside the sandbox only; a refusal is no statement.
- **chrony** answers `chronyc tracking`. The question costs a process, so it is asked once a minute and its answer is
  collected later: nothing here ever waits.
"""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

TIMESYNCD_FLAG: Final = Path("/run/systemd/timesync/synchronized")
CHRONYC: Final = Path("/usr/bin/chronyc")

FRESH_S: Final = 3 * 2048
"""timesyncd synchronises at least every 2048 s (timesyncd.conf(5), PollIntervalMaxSec); three misses are a loss."""
AHEAD_S: Final = 5
"""A flag further in the future than this was set by another reckoning: the clock has been set back since."""
CHRONY_EVERY_NS: Final = 60_000_000_000

_TIME_ERROR: Final = 5
"""adjtimex(2): the clock is not synchronised to a server."""
_TIMEX_BYTES: Final = 512
"""struct timex is 208 bytes on 64-bit Linux; zeroed, its `modes` member asks for reading only."""
_CHRONY_FIELDS: Final = 14
_CHRONY_LOCAL: Final = "7F7F0101"
"""Reference id of a chronyd that serves its own free-running clock."""


class TimeServices:
    """The three witnesses of this machine."""

    def __init__(
        self,
        flag: Path = TIMESYNCD_FLAG,
        kernel: Callable[[], int | None] | None = None,
        chronyc: Path = CHRONYC,
    ) -> None:
        self._flag = flag
        self._kernel = kernel or adjtimex
        self._chrony = Chrony(chronyc)

    def vouched_by(self, wall_ms: int, mono_ns: int) -> str | None:
        """Return the first witness that says the clock is synchronised, or ``None``. Never blocks."""
        if timesyncd_is_fresh(_modified_ms(self._flag), wall_ms):
            return "timesyncd"
        if kernel_is_synchronised(self._kernel()):
            return "kernel"
        if self._chrony.is_synchronised(mono_ns):
            return "chrony"
        return None


def _modified_ms(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns // 1_000_000
    except OSError:
        return None


def timesyncd_is_fresh(modified_ms: int | None, wall_ms: int) -> bool:
    """Whether a flag file of that age is a statement about now."""
    return modified_ms is not None and -AHEAD_S * 1000 <= wall_ms - modified_ms <= FRESH_S * 1000


def adjtimex() -> int | None:
    """Return the kernel's clock state (0..5), or ``None`` where the call is forbidden or missing."""
    try:
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError):
        return None
    return state if state >= 0 else None


def kernel_is_synchronised(state: int | None) -> bool:
    """Whether a clock state of adjtimex(2) means synchronised: all but TIME_ERROR do (leap seconds included)."""
    return state is not None and state != _TIME_ERROR


def chrony_is_synchronised(report: str) -> bool:
    """Whether a line of `chronyc -c tracking` says that the clock follows somebody else's."""
    fields = report.strip().split(",")
    return len(fields) >= _CHRONY_FIELDS and fields[0] != _CHRONY_LOCAL and fields[-1] != "Not synchronised"


class Chrony:
    """Asks chronyc now and then, without ever waiting for it."""

    def __init__(self, chronyc: Path) -> None:
        self._chronyc = chronyc
        self._asked_ns: int | None = None
        self._question: subprocess.Popen[str] | None = None
        self._synchronised = False

    def is_synchronised(self, mono_ns: int) -> bool:
        """Return the last answer; collect a finished one, and ask again when it is time."""
        self._collect()
        if self._asked_ns is None or mono_ns - self._asked_ns >= CHRONY_EVERY_NS:
            self._asked_ns = mono_ns
            self._ask()
        return self._synchronised

    def _collect(self) -> None:
        if self._question is None or self._question.poll() is None:
            return
        report = self._question.communicate()[0]
        self._synchronised = self._question.returncode == 0 and chrony_is_synchronised(report)
        self._question = None

    def _ask(self) -> None:
        if self._question is not None:  # a minute without an answer is none
            self._question.kill()
            self._question.communicate()
            self._question, self._synchronised = None, False
        if not self._chronyc.exists():
            return
        try:
            self._question = subprocess.Popen(  # noqa: S603  a fixed program with fixed arguments
                [str(self._chronyc), "-n", "-c", "tracking"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError:
            self._synchronised = False
