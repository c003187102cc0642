"""What can go wrong with one unit or one line, on request and while it is being asked.

A `FaultBoard` is the only thing shared between the thread that serves and whoever wants mischief; each entry is
replaced as a whole, so that no lock is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from drivers.sim.wire import Framing, Request, exception

if TYPE_CHECKING:
    from collections.abc import Mapping

_JUNK = bytes.fromhex("deadbeef00ff55aa0badf00d")

Address = int | str
"""A unit id; on a serial line also the 12 digits of a DL/T 645 meter, the MN of a station, the name of a probe."""

Kind = Literal[
    "dead",
    "late",
    "refuse",
    "reset",
    "half",
    "wrong-id",
    "wrong-unit",
    "junk",
    "frozen",
    "nan",
    "checksum",
    "collision",
    "settings",
    "noise",
    "dropped",
    "echo",
]
"""
Of a unit:

- dead: takes the request and never answers; an instrument that sends by itself falls silent
- late: answers `seconds` later
- refuse: answers with exception `code`, or a DL/T 645 meter with error bits `code`
- reset: resets the TCP connection in place of an answer (a serial line has none: no answer)
- half: sends the first half of the answer and falls silent
- wrong-id: answers with another transaction id (where there is none: with a broken checksum)
- wrong-unit: answers in the name of the next unit
- junk: sends bytes that are no frame
- frozen: keeps answering with what it measured when the fault began
- nan: every register reads 0xFFFF, which is NaN in a float of any width and order; a meter sends FF, others no value
- checksum: sends a frame with a broken checksum
- collision: another unit of the same address answers at the same time (serial lines only)
- settings: has the line settings `settings` in place of its own (serial lines only)

Of a whole serial line, any of them at once:

- noise: `rate` characters a second come from nowhere; those that hit a character of a frame spoil it
- dropped: each character is lost with the probability `rate`
- echo: the box hears what it sends
"""

LINE_KINDS = ("noise", "dropped", "echo")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `seconds` matters to late, `code` (1..255) to refuse, `rate` and `settings` to serial lines."""

    kind: Kind
    seconds: float = 0.0
    code: int = 4
    rate: float = 0.0
    settings: str = "9600 8N1"

    @classmethod
    def parse(cls, wish: Mapping[str, Any]) -> Fault:
        """Return the fault a control line asks for: ``{"fault": kind, "seconds": …, "code": …, …}``.

        Raises:
            ValueError: unknown kind, or a number that is none.

        """
        kind = wish["fault"]
        if kind not in get_args(Kind):
            raise ValueError(f"unknown fault {kind!r}; there are: {', '.join(get_args(Kind))}")
        numbers = float(wish.get("seconds", 0.0)), int(wish.get("code", 4)), float(wish.get("rate", 0.0))
        return cls(kind, *numbers, str(wish.get("settings", "9600 8N1")))


class FaultBoard:
    """The faults in force: per line and unit. Any thread may write, the serving thread reads."""

    def __init__(self) -> None:
        """Begin with everything in order."""
        self._faults: dict[tuple[str, Address], Fault] = {}
        self._of_lines: dict[tuple[str, str], Fault] = {}

    def put(self, line: str, unit: Address, fault: Fault | None) -> None:
        """Let `unit` of `line` have `fault` from its next request on; ``None`` mends it."""
        if fault is None:
            self._faults.pop((line, unit), None)
        else:
            self._faults[line, unit] = fault

    def put_on_line(self, line: str, fault: Fault | None) -> None:
        """Let the whole `line` have `fault`, beside others; ``None`` mends it.

        Raises:
            ValueError: only a unit can have this fault.

        """
        if fault is None:
            for kind in LINE_KINDS:
                self._of_lines.pop((line, kind), None)
        elif fault.kind in LINE_KINDS:
            self._of_lines[line, fault.kind] = fault
        else:
            raise ValueError(f"a whole line has no fault {fault.kind!r}: say which unit; lines have {LINE_KINDS}")

    def mend(self) -> None:
        """Mend everything."""
        self._faults.clear()
        self._of_lines.clear()

    def of(self, line: str, unit: Address) -> Fault | None:
        """Return the fault in force, if any."""
        return self._faults.get((line, unit))

    def of_line(self, line: str, kind: str) -> Fault | None:
        """Return the fault of that kind that the whole line has, if it has."""
        return self._of_lines.get((line, kind))


def spoil(fault: Fault, framing: Framing, request: Request, pdu: bytes) -> bytes:
    """Return the frame that goes out in place of the answer `pdu` of a Modbus unit; empty for none at all.

    Faults that are not about the frame (late, frozen, nan) leave it whole.
    """
    frame = framing.wrap(request, pdu)
    match fault.kind:
        case "refuse":
            return framing.wrap(request, exception(request.function, fault.code))
        case "wrong-id":
            return framing.foreign(request, pdu)
        case "wrong-unit":
            return framing.wrap(replace(request, unit=(request.unit + 1) & 0xFF), pdu)
        case _:
            return mangle(fault, frame, framing.broken(frame))


def mangle(fault: Fault | None, frame: bytes, broken: bytes) -> bytes:
    """Return what goes out in place of `frame`, in any protocol; `broken` is the frame with a wrong checksum."""
    match fault.kind if fault else None:
        case "dead" | "reset":
            return b""
        case "half":
            return frame[: len(frame) // 2]
        case "junk":
            return _JUNK
        case "checksum":
            return broken
        case _:
            return frame
