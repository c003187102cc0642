"""A line as a protocol sees it: put a question, get the answer that matches it in every field, or be told why not.

What a protocol brings is a `Question`: the bytes to send, and a pure function that finds the answer in what has
arrived. What the line brings (`drivers.serial_line`) are silences, time-outs, echoes, late answers and the counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from drivers.bus import RefusedPoint
    from drivers.reading import Scan
    from drivers.spec import DeviceSpec
    from drivers.tally import Tally

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Found(Generic[T_co]):
    """The answer. `used` bytes of the input, noise before it included, made it up; `noise` of them were no frame."""

    used: int
    answer: T_co
    noise: int = 0


@dataclass(frozen=True, slots=True)
class Stray:
    """A sound frame that answers something else (late, or for somebody else).

    `used` bytes of the input are done with.
    """

    used: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[T]):
    """What is asked of one device.

    `frame` is what is sent. `take` looks at all that has arrived since (at most some 600 bytes) and returns the
    answer, a stray, or ``None`` for "not yet"; it steps over noise by itself, finds the first sound frame behind it,
    and never raises. `blame` says in words what is wrong with input in which no answer was found in time ("CRC error",
    "garbage"). `longest` is the longest answer in bytes, for the time it takes. `shape` is all that an answer tells of
    its question: two questions of one shape cannot be told apart by their answers (Modbus RTU: unit and
    function, since an exception does not tell more).
    """

    whom: str
    frame: bytes
    take: Callable[[bytes], Found[T] | Stray | None]
    blame: Callable[[bytes], str]
    longest: int
    shape: Hashable


class Wire(Protocol):
    """A line, open and set to the device's baud rate and parity, during one visit."""

    def ask(self, question: Question[T], timeout_s: float, tally: Tally) -> T:
        """Return the answer. `timeout_s` is until it begins; the time the characters take comes on top.

        Counts the request, the answer, time-outs, bad frames and strays in `tally` (exceptions are the caller's).
        Raises NoAnswer, BadFrame, LinkDown.
        """


class Instrument(Protocol):
    """A device on a line that is asked. Used by the line's thread."""

    spec: DeviceSpec
    tally: Tally

    def visit(self, wire: Wire) -> Scan:
        """Read every point once. What is missing is ``None`` with a flag. Raises DriverError when nothing came."""

    def refused(self) -> list[RefusedPoint]:
        """Return the points dropped since the last call."""

    def restore(self) -> None:
        """Give refused points another chance."""


class Sender(Protocol):
    """A device on a line that sends by itself. Used by the line's thread."""

    spec: DeviceSpec
    tally: Tally

    def hear(self, data: bytes) -> tuple[list[Scan], bytes]:
        """Take what arrived; return the scans it completes and what is to be sent back (``b""`` for nothing).

        Never raises; keeps a bounded part of what is incomplete; counts in `tally`.
        """

    def news(self) -> list[str]:
        """Return what has been tolerated for the first time since the last call, in words."""

    def silent(self) -> Scan | None:
        """Return a scan of unknowns when nothing has come for `spec.timeout_s` (and again after as long), else None."""
