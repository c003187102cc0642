"""What can go wrong with one unit, on request and while it is being asked.

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

Kind = Literal["dead", "late", "refuse", "reset", "half", "wrong-id", "wrong-unit", "junk", "frozen", "nan"]
"""
- dead: takes the request and never answers
- late: answers `seconds` later
- refuse: answers with exception `code`
- reset: resets the connection in place of an answer
- half: sends the first half of the answer and falls silent
- wrong-id: answers with another transaction id (on RTU framing, which has none: with a broken CRC)
- wrong-unit: answers in the name of the next unit
- junk: sends bytes that are no frame
- frozen: keeps answering with what the registers held when the fault began
- nan: every register reads 0xFFFF, which is NaN in a float of any width and order
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `seconds` matters to late, `code` (1..255) to refuse."""

    kind: Kind
    seconds: float = 0.0
    code: int = 4

    @classmethod
    def parse(cls, wish: Mapping[str, Any]) -> Fault:
        """Return the fault a control line asks for: ``{"fault": kind, "seconds": …, "code": …}``.

        Raises:
            ValueError: unknown kind, or a number that is none.

        """
        kind = wish["fault"]
        if kind not in get_args(Kind):
            raise ValueError(f"unknown fault {kind!r}; there are: {', '.join(get_args(Kind))}")
        return cls(kind, float(wish.get("seconds", 0.0)), int(wish.get("code", 4)))


class FaultBoard:
    """The faults in force: per line and unit. Any thread may write, the serving thread reads."""

    def __init__(self) -> None:
        """Begin with everything in order."""
        self._faults: dict[tuple[str, int], Fault] = {}

    def put(self, line: str, unit: int, fault: Fault | None) -> None:
        """Let `unit` of `line` have `fault` from its next request on; ``None`` mends it."""
        if fault is None:
            self._faults.pop((line, unit), None)
        else:
            self._faults[line, unit] = fault

    def mend(self) -> None:
        """Mend everything."""
        self._faults.clear()

    def of(self, line: str, unit: int) -> Fault | None:
        """Return the fault in force, if any."""
        return self._faults.get((line, unit))


def spoil(fault: Fault, framing: Framing, request: Request, pdu: bytes) -> bytes:
    """Return the frame that goes out in place of the answer `pdu`; empty for none at all.

    Faults that are not about the frame (late, reset, frozen, nan) leave it whole.
    """
    frame = framing.wrap(request, pdu)
    match fault.kind:
        case "dead":
            frame = b""
        case "refuse":
            frame = framing.wrap(request, exception(request.function, fault.code))
        case "half":
            frame = frame[: len(frame) // 2]
        case "wrong-id":
            frame = framing.foreign(request, pdu)
        case "wrong-unit":
            frame = framing.wrap(replace(request, unit=(request.unit + 1) & 0xFF), pdu)
        case "junk":
            frame = _JUNK
    return frame
