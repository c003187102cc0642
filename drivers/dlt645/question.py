"""What is put to a meter, and how its answer is known. Pure; see `drivers.wire.Question`.

    11H  identifier 4              91H  identifier 4 | data        D1H  error byte      (1997: 01H, 2 bytes; 81H; C1H)
    12H  identifier 4 | part 1     92H  identifier 4 | data | part 1     D2H  error byte      (1997: 02H, no part)
    13H                            93H  address 6

A refusal names no identifier: of two questions to one meter with one function it may answer either. So that is all
the `shape` of a question says, and whoever asks after a time-out has to wait for what is late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drivers.dlt645 import frame
from drivers.dlt645.frame import ANYBODY, SHORTEST, WAKE_UP, Edition, Frame, Reads, Sound
from drivers.wire import Found, Question, Stray

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_DATA: Final = 255
_ADDRESS_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """What a meter said: `data` behind the identifier, low byte first, or the `error` byte of a refusal.

    `address` is the meter's own, also when anybody was asked. `more`: the data goes on in another part.
    """

    address: str
    data: bytes = b""
    more: bool = False
    error: int | None = None


def read(edition: Edition, address: str, item: str, size: int = MOST_DATA) -> Question[Answer]:
    """Ask for one item or block, whose data has at most `size` bytes. Raises BadRequest."""
    return _data_question(Reads.DATA if edition is Edition.OF_2007 else Reads.DATA_1997, address, item, None, size)


def read_more(edition: Edition, address: str, item: str, part: int, size: int = MOST_DATA) -> Question[Answer]:
    """Ask for the next part of an answer that goes on. `part` counts from 1; 1997 has no numbers. Raises BadRequest."""
    if edition is Edition.OF_1997:
        return _data_question(Reads.MORE_1997, address, item, None, size)
    return _data_question(Reads.MORE, address, item, part % 256, size)


def read_address(address: str = ANYBODY) -> Question[Answer]:
    """Ask for the address of the meter, or of the one whose low digits are given (2007 only). Raises BadRequest."""
    full = frame.full_address(address)

    def answer_of(found: Frame) -> Answer | str:
        if found.is_error:
            return _refusal(found)
        if len(found.data) != _ADDRESS_BYTES:
            return f"answer with {len(found.data)} bytes where an address has {_ADDRESS_BYTES}"
        told = frame.printed(found.data)
        return Answer(told) if told.isdecimal() else f"answer with the address {told}"

    return _question(Reads.ADDRESS, full, frame.encode(Reads.ADDRESS, full), answer_of, _ADDRESS_BYTES)


def _data_question(function: Reads, address: str, item: str, part: int | None, size: int) -> Question[Answer]:
    full = frame.full_address(address)
    head = bytes.fromhex(item)[::-1]
    tail = b"" if part is None else bytes((part,))

    def answer_of(found: Frame) -> Answer | str:
        if found.is_error:
            return _refusal(found)
        if len(found.data) < len(head) + len(tail) or not found.data.startswith(head):
            return f"answer to {found.data[: len(head)][::-1].hex().upper() or 'nothing'}"
        if not found.data.endswith(tail):
            return f"answer with part {found.data[-1]} of {item}"
        return Answer(found.address, found.data[len(head) : len(found.data) - len(tail)], found.more_follows)

    request = frame.encode(function, full, item, part)
    return _question(function, full, request, answer_of, len(head) + size + len(tail))


def _refusal(found: Frame) -> Answer:
    return Answer(found.address, error=found.data[0] if found.data else 0)


def _question(
    function: Reads, address: str, request: bytes, answer_of: Callable[[Frame], Answer | str], size: int
) -> Question[Answer]:
    """Return the question; `answer_of` a frame of the right meter and function is the answer, or words why not."""

    def judge(found: Frame) -> Answer | str:
        if not found.from_meter:
            return f"a request to meter {found.address}"
        if not frame.matches(address, found.address):
            return f"answer of meter {found.address}"
        if found.function != function:
            return f"answer to function {found.function:02X}H"
        return answer_of(found)

    return Question(
        whom=f"meter {address}",
        frame=request,
        take=lambda data: _take(data, judge),
        blame=lambda data: _blame(data, judge),
        longest=WAKE_UP + SHORTEST + min(size, MOST_DATA),
        shape=("dlt645", address, function),
    )


def _take(data: bytes, judge: Callable[[Frame], Answer | str]) -> Found[Answer] | Stray | None:
    """Return the answer, or the first frame if it is for something else.

    While an earlier frame is unfinished, what is found may be a part of its data. Only the answer itself is believed
    then (its address, function and identifier all match); a frame for something else waits until that is settled.
    """
    start, is_doubtful = 0, False
    while isinstance(sound := frame.find(data, start), Sound):
        judged = judge(sound.frame)
        if isinstance(judged, Answer):
            return Found(sound.end, judged, sound.lead)
        is_doubtful = is_doubtful or sound.hidden
        if not is_doubtful:
            return Stray(sound.end, judged)
        start = sound.end
    return None


def _blame(data: bytes, judge: Callable[[Frame], Answer | str]) -> str:
    """Say why there is no answer in `data`: the frames that are there, else what is wrong with the bytes."""
    sound = frame.find(data)
    if isinstance(sound, Sound):
        return str(judge(sound.frame))
    return frame.blame(data)
