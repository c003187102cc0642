"""A DL/T 645 meter in memory and a line to it. Builds its frames by itself, so that the codec is not tested by itself.

The line is the least of a `drivers.wire.Wire`: it sends, and hands everything that comes to the question.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from drivers.errors import BadFrame, NoAnswer
from drivers.wire import Found, Question, Stray

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.tally import Tally

T = TypeVar("T")
NO_SUCH_DATA = b"\x02"


class JumpingClock:
    """A clock that stands still until it is pushed."""

    def __init__(self) -> None:
        self.now_ns = 10**9

    def wall_ms(self) -> int:
        """Return some time of 2026, ms."""
        return 1_790_000_000_000 + self.now_ns // 10**6

    def mono_ns(self) -> int:
        """Return the time, ns."""
        return self.now_ns

    def push(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * 1e9)


def framed(address: str, control: int, data: bytes) -> bytes:
    """Return a frame. `address` as printed, `data` without the 33H."""
    body = bytes([0x68]) + bytes(int(address[at : at + 2], 16) for at in range(10, -1, -2)) + bytes([0x68, control])
    body += bytes([len(data)]) + bytes((byte + 0x33) % 256 for byte in data)
    return body + bytes([sum(body) % 256, 0x16])


def digits(text: str) -> bytes:
    """Return digits as they lie on the wire, low byte first."""
    return bytes.fromhex(text)[::-1]


@dataclass
class SimulatedMeter:
    """A meter with `items`: identifier to data as it lies on the wire. Blocks are items like others.

    What is in `mute` it never answers, what is in `errors` it refuses with that byte, and what it does not have with
    "no such data". Longer data than `part_bytes` goes out in parts. `lead` comes before each answer.
    """

    address: str
    items: dict[str, bytes] = field(default_factory=dict)
    errors: dict[str, bytes] = field(default_factory=dict)
    mute: set[str] = field(default_factory=set)
    part_bytes: int = 196
    lead: bytes = b"\xfe\xfe\xfe\xfe"
    answers_as: str = ""
    dead: bool = False
    asked: list[str] = field(default_factory=list)

    def hear(self, request: bytes) -> bytes:
        """Return what goes back to a request."""
        body = request.lstrip(b"\xfe")
        wanted = body[6:0:-1].hex().upper()
        if self.dead or any(
            pair not in ("AA", mine) for pair, mine in zip(_pairs(wanted), _pairs(self.address), strict=True)
        ):
            return b""
        function = body[8]
        data = bytes((byte - 0x33) % 256 for byte in body[10:-2])
        return self.lead + self._answer(function, data) if self._answers(function, data) else b""

    def _answers(self, function: int, data: bytes) -> bool:
        item = self._item(function, data)
        self.asked.append(f"{function:02X} {item}".strip())
        return item not in self.mute

    def _item(self, function: int, data: bytes) -> str:
        return data[: 4 if function > 2 else 2][::-1].hex().upper()

    def _answer(self, function: int, data: bytes) -> bytes:
        address = self.answers_as or self.address
        if function == 0x13:
            return framed(address, 0x93, digits(self.address))
        item = self._item(function, data)
        if item in self.errors or item not in self.items:
            return framed(address, function | 0xC0, self.errors.get(item, NO_SUCH_DATA))
        part = data[4] if function == 0x12 else 0
        chosen = self.items[item][part * self.part_bytes :]
        more = 0x20 if len(chosen) > self.part_bytes else 0
        head = data[: len(item) // 2]
        tail = bytes([part]) if function == 0x12 else b""
        return framed(address, function | 0x80 | more, head + chosen[: self.part_bytes] + tail)


def _pairs(address: str) -> list[str]:
    return [address[at : at + 2] for at in range(0, 12, 2)]


class SimulatedLine:
    """A line with one or more meters. `script` entries replace what comes back: bytes, or what to make of them."""

    def __init__(self, *meters: SimulatedMeter) -> None:
        self.meters = meters
        self.sent: list[bytes] = []
        self.script: deque[Callable[[bytes], bytes]] = deque()

    def ask(self, question: Question[T], timeout_s: float, tally: Tally) -> T:
        """Put a question as the real line does, without its times."""
        self.sent.append(question.frame)
        tally.requests += 1
        input_ = b"".join(meter.hear(question.frame) for meter in self.meters)
        if self.script:
            input_ = self.script.popleft()(input_)
        for end in range(1, len(input_) + 1):  # byte by byte, as it comes
            taken: Any = question.take(input_[:end])
            if isinstance(taken, Found):
                tally.answers += 1
                answer: T = taken.answer
                return answer
            if isinstance(taken, Stray):
                tally.strays += 1
                return self._rest(question, input_[taken.used :], tally)
        return self._failed(question, input_, tally)

    def _rest(self, question: Question[T], input_: bytes, tally: Tally) -> T:
        taken = question.take(input_)
        if isinstance(taken, Found):
            tally.answers += 1
            return taken.answer
        return self._failed(question, b"", tally)

    @staticmethod
    def _failed(question: Question[T], input_: bytes, tally: Tally) -> T:
        if input_:
            tally.bad_frames += 1
            raise BadFrame(f"{question.blame(input_)} from {question.whom}")
        tally.timeouts += 1
        raise NoAnswer(f"no answer from {question.whom}")
