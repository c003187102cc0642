"""DL/T 645 frames: bytes to frames, and reading requests to bytes. Pure.

    FE 0..n | 68 | A0..A5 | 68 | C | L | data | CS | 16

    A     address, two decimal digits a byte, low byte first; AA = any digits, in the high bytes or in all
    C     bit 7 from the meter, bit 6 error, bit 5 more follows, bits 4..0 function
    L     bytes of data; reads have at most 200 [recalled], we take whatever fits in the byte
    data  each byte + 33H mod 256; numbers and identifiers low byte first
    CS    sum of all bytes from the first 68 to the last of the data, mod 256

68 and 16 may stand anywhere within a frame. So a frame is what has its second 68 seven bytes behind the first, and a
16 and the right sum where L says; where that fails, the search goes on one byte further, never at the next 16.

Only the functions in `Reads` can be encoded, and whatever is sent passes `only_reads` besides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from drivers.errors import BadRequest

ANYBODY: Final = "AAAAAAAAAAAA"
BROADCAST: Final = "999999999999"
WAKE_UP: Final = 4
"""FE bytes before a request: up to four rouse a meter's receiver."""
SHORTEST: Final = 12
LONGEST: Final = SHORTEST + 255

_START, _END, _ROUSE = 0x68, 0x16, 0xFE
_SECOND_START, _LENGTH = 7, 9  # places behind the first 68
_ADDRESS = re.compile(r"(?:AA){0,6}[0-9]*")
_COVER = bytes((byte + 0x33) % 256 for byte in range(256))
_UNCOVER = bytes((byte - 0x33) % 256 for byte in range(256))


class Edition(StrEnum):
    """The edition of the standard a meter speaks, named as the site file does."""

    OF_2007 = "dlt645-2007"
    OF_1997 = "dlt645-1997"

    @property
    def item_bytes(self) -> int:
        """Bytes of a data identifier."""
        return 4 if self is Edition.OF_2007 else 2


class Reads(IntEnum):
    """All the functions that can be sent."""

    DATA = 0x11
    MORE = 0x12
    ADDRESS = 0x13
    DATA_1997 = 0x01
    MORE_1997 = 0x02

    @property
    def data_bytes(self) -> int:
        """Bytes of data in a request: the identifier, and in 12H the number of the part."""
        return {Reads.DATA: 4, Reads.MORE: 5, Reads.ADDRESS: 0}.get(self, 2)


_ERRORS: Final = (
    "no such data",
    "password wrong or right missing",
    "baud rate cannot be changed",
    "too many year zones",
    "too many day slots",
    "too many tariffs",
    "reserved error bit",
)
"""Bits 1 to 7 of the error byte; public programs read the 1997 edition alike, but for bit 0."""
_BIT_0: Final = {Edition.OF_2007: "other error", Edition.OF_1997: "illegal data"}


@dataclass(frozen=True, slots=True)
class Frame:
    """A sound frame. `address` as it is printed on the meter, high digits first; `data` without the 33H."""

    address: str
    control: int
    data: bytes

    @property
    def function(self) -> int:
        """What was asked, or is answered."""
        return self.control & 0x1F

    @property
    def from_meter(self) -> bool:
        """Whether it is an answer; else it is a request, ours heard back or another master's."""
        return bool(self.control & 0x80)

    @property
    def is_error(self) -> bool:
        """Whether the meter refuses; the one byte of data says why."""
        return bool(self.control & 0x40)

    @property
    def more_follows(self) -> bool:
        """Whether the answer goes on in another frame, to be asked for."""
        return bool(self.control & 0x20)


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound frame in the input, from `lead` (its FE bytes) or `start` (its first 68) to before `end`.

    `hidden`: an unfinished frame begins before it. Either that is noise, or this is a part of its data.
    """

    lead: int
    start: int
    end: int
    frame: Frame
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Unfinished:
    """No sound frame yet. One may be growing from `start` on, to its `end` as far as can be told."""

    start: int
    end: int


# --- finding frames ------------------------------------------------------------------------------


def find(data: bytes, start: int = 0) -> Sound | Unfinished | None:
    """Return the first sound frame from `start` on; where a frame may begin without one; ``None`` for mere noise."""
    unfinished: Unfinished | None = None
    at = data.find(_START, start)
    while at >= 0:
        end = _end_of(data, at)
        if end > len(data):
            unfinished = unfinished or Unfinished(at, end)
        elif end:
            return Sound(_lead(data, at, start), at, end, _decoded(data, at, end), unfinished is not None)
        at = data.find(_START, at + 1)
    return unfinished


def _end_of(data: bytes, at: int) -> int:
    """Return where the frame at `at` ends, behind the input when it is not all there; 0 when there is none."""
    have = len(data) - at
    if have > _SECOND_START and data[at + _SECOND_START] != _START:
        return 0
    if have <= _LENGTH:
        return at + SHORTEST
    end = at + SHORTEST + data[at + _LENGTH]
    if end > len(data) or (data[end - 1] == _END and sum(data[at : end - 2]) & 0xFF == data[end - 2]):
        return end
    return 0


def _lead(data: bytes, at: int, start: int) -> int:
    while at > start and data[at - 1] == _ROUSE:
        at -= 1
    return at


def _decoded(data: bytes, at: int, end: int) -> Frame:
    return Frame(printed(data[at + 1 : at + 7]), data[at + 8], data[at + 10 : end - 2].translate(_UNCOVER))


def blame(data: bytes) -> str:
    """Say in words what is wrong with input in which no answer was found."""
    sighting = find(data)
    if isinstance(sighting, Sound):
        return "frames, but not the answer"
    for at in range(len(data)):
        if data[at] == _START and data[at + _SECOND_START : at + _SECOND_START + 1] == b"\x68":
            if sighting and sighting.start == at:
                return f"the answer breaks off after {len(data) - at} of {sighting.end - at} bytes"
            end = at + SHORTEST + data[at + _LENGTH]
            return "checksum error" if data[end - 1] == _END else "garbage where the frame should end"
    return f"garbage: {len(data)} bytes without a frame (baud rate, parity, or wires A and B exchanged?)"


def error_words(code: int, edition: Edition) -> str:
    """Return the error byte of a refusal in words, bit by bit."""
    names = (_BIT_0[edition], *_ERRORS)
    return " and ".join(name for bit, name in enumerate(names) if code >> bit & 1) or "refused without a reason"


# --- addresses -----------------------------------------------------------------------------------


def printed(address: bytes) -> str:
    """Return the six bytes of an address as printed on the meter: twelve digits, the high ones first."""
    return address[::-1].hex().upper()


def full_address(address: str) -> str:
    """Return an address with the zeros in front that complete twelve digits, AA for the unknown.

    Raises BadRequest for what is no address of one meter: the broadcast address, AA behind digits, other characters.
    """
    full = address.strip().upper().zfill(SHORTEST)
    if len(full) != SHORTEST or not _ADDRESS.fullmatch(full):
        raise BadRequest(f"{address!r} is no meter address: write the 12 digits printed on it, or {ANYBODY}")
    if full == BROADCAST:
        raise BadRequest(f"{BROADCAST} is the broadcast address: nobody answers it")
    return full


def matches(asked: str, answered: str) -> bool:
    """Whether the meter with the address `answered` may answer for `asked`; AA stands for any two digits."""
    known = asked.lstrip("A")
    return answered.endswith(known)


# --- requests ------------------------------------------------------------------------------------


def encode(function: Reads, address: str, item: str = "", part: int | None = None, *, wake_up: int = WAKE_UP) -> bytes:
    """Return the bytes of a request, `wake_up` FE bytes included.

    `item` is the data identifier as written (DI3 first), `part` the number of the part that function 12H asks for.
    Raises BadRequest when that is no reading request.
    """
    number = b"" if part is None else bytes((part % 256,))
    head = bytes((_START, *bytes.fromhex(full_address(address))[::-1], _START, function))
    body = (bytes.fromhex(item)[::-1] + number).translate(_COVER)
    frame = head + bytes((len(body),)) + body
    return only_reads(bytes((_ROUSE,)) * wake_up + frame + bytes((sum(frame) & 0xFF, _END)))


def only_reads(frame: bytes) -> bytes:
    """Return `frame` if it is one whole request that can only read. Raises BadRequest."""
    bare = frame.lstrip(b"\xfe")
    sound = find(bare)
    if not isinstance(sound, Sound) or (sound.start, sound.end) != (0, len(bare)) or len(frame) - len(bare) > WAKE_UP:
        raise BadRequest(f"not one DL/T 645 frame: {frame.hex(' ')}")
    request = sound.frame
    if request.control not in tuple(Reads) or request.address == BROADCAST:
        raise BadRequest(f"function {request.control:02X}H to {request.address} is no reading request")
    if len(request.data) != Reads(request.control).data_bytes:
        raise BadRequest(f"function {request.control:02X}H does not take {len(request.data)} bytes of data")
    return frame
