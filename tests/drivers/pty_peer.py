"""The other end of a serial line in the tests: a pseudo-terminal, a thread that answers, and a protocol of nothing.

    question    | Q | unit 1 | register 1 | count 1 | exclusive or 1 |
    answer      | A | unit 1 | count 1 | data | exclusive or 1 |

Like in Modbus RTU an answer does not say which register it is of. The data of every byte *is* the register, so a test
sees at once when a value is another register's.
"""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial, reduce
from operator import xor
from typing import TYPE_CHECKING, Final, Self

from drivers.wire import Found, Question, Stray
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from pathlib import Path

ASKED: Final = 5
Deed = bytes | float | None
"""Bytes to send, seconds to wait, or ``None``: the adapter is pulled out."""
Script = Callable[[bytes], Iterable[Deed]]
"""What is done about one question."""


def sealed(body: bytes) -> bytes:
    """Return `body` with its check byte."""
    return body + bytes([reduce(xor, body)])


def asking(unit: int, register: int, count: int = 2) -> bytes:
    """Return a question's frame."""
    return sealed(bytes([0x51, unit, register, count]))


def answer_to(question: bytes) -> bytes:
    """Return the honest answer to a question's frame."""
    return sealed(bytes([0x41, question[1], question[3]]) + question[2:3] * question[3])


def _take(unit: int, count: int, data: bytes) -> Found[bytes] | Stray | None:
    for start in range(len(data)):
        size = 4 + data[start + 2] if start + 2 < len(data) else len(data)
        frame = data[start : start + size]
        if frame[0] == 0x41 and len(frame) == size > 3 and not reduce(xor, frame):
            if frame[1:3] == bytes([unit, count]):
                return Found(start + size, frame[3:-1], noise=start)
            return Stray(start + size, f"unit {frame[1]}")
    return None


def question(register: int, *, unit: int = 1, count: int = 2) -> Question[bytes]:
    """Return the question for `count` bytes of `register`."""
    return Question(
        whom=f"unit {unit}",
        frame=asking(unit, register, count),
        take=partial(_take, unit, count),
        blame=lambda data: f"check error in {len(data)} bytes",
        longest=4 + count,
        shape=(unit, count),
    )


def honest(asked: bytes) -> Iterable[Deed]:
    """Answer as one should."""
    return (answer_to(asked),)


class PtyPeer:
    """A pseudo-terminal whose far end answers by a script. `path` is the port; `asked` has (when ns, frame)."""

    def __init__(self, script: Script = honest) -> None:
        """Open it and begin to answer."""
        self.script = script
        self.asked: list[tuple[int, bytes]] = []
        self.answered_ns: list[int] = []
        self._clock = HostClock()
        self._far, self._near = os.openpty()  # the near end is kept open, else the far end ends with every close
        tty.setraw(self._near)
        self.path = os.ttyname(self._near)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    @property
    def frames(self) -> list[bytes]:
        """The questions that have come."""
        return [frame for _, frame in self.asked]

    def say(self, data: bytes) -> None:
        """Put `data` on the line unasked."""
        with suppress(OSError):
            os.write(self._far, data)

    def unplug(self) -> None:
        """Take the port away: what uses it sees a hang-up."""
        self._over.set()
        self._thread.join()

    def link_from(self, name: Path) -> None:
        """Make `name` the stable name of this port."""
        name.unlink(missing_ok=True)
        name.symlink_to(self.path)

    def _run(self) -> None:
        heard = b""
        while not self._over.is_set():
            if select.select([self._far], [], [], 0.01)[0]:
                heard += os.read(self._far, 512)
            while len(heard) >= ASKED:
                asked, heard = heard[:ASKED], heard[ASKED:]
                self.asked.append((self._clock.mono_ns(), asked))
                self._do(self.script(asked))
        os.close(self._far)
        os.close(self._near)

    def _do(self, deeds: Iterable[Deed]) -> None:
        for deed in deeds:
            if deed is None:
                self._over.set()
            elif isinstance(deed, bytes):
                self.say(deed)
            elif self._over.wait(deed):
                return
        self.answered_ns.append(self._clock.mono_ns())
