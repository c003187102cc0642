"""Modbus frames on a serial line: the answer to one read, found in whatever has arrived. Pure.

RTU (MODBUS over Serial Line V1.02, section 2.5.1; the CRC in 2.5.1.2 and appendix B, low byte first):

    answer      | unit 1 | function 1 | byte count 1 | data | CRC 2 |
    exception   | unit 1 | function + 80H 1 | code 1 | CRC 2 |

ASCII (section 2.5.2; the LRC in 2.5.2.2): the same bytes, each as two hexadecimal digits, between a colon and CR LF.

    answer      | : | unit 2 | function 2 | byte count 2 | data x 2 | LRC 2 | CR LF |
    exception   | : | unit 2 | function + 80H 2 | code 2 | LRC 2 | CR LF |

Only the silences around it tell where an RTU frame begins, and nobody can rely on those behind a USB adapter. So an
answer is looked for at every byte: the first frame with the shape of an answer and a good checksum counts, and what
lies before it is noise. When unit, function and byte count are those of the read it is *the* answer, else a stray.
While our own answer is coming in nothing inside it is a stray: of 65 536 pieces of data, one looks like a sound frame.

The work is bounded whatever comes. An RTU checksum is only tried where the head of our own answer stands, and in the
first `MOST_STRAYS` places where that of another could; a stray behind those is taken for noise, which costs nobody
anything. In ASCII every frame has its colon.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from drivers.modbus_crc import crc
from drivers.wire import Found, Question, Stray

if TYPE_CHECKING:
    from drivers.cost import Read

EXCEPTION: Final = 0x80
"""Added to the function code of an answer that is a refusal (Application Protocol V1.1b3, section 4.1)."""
EXCEPTION_SIZE: Final = 5
AROUND: Final = 5
"""Bytes of an RTU answer beside its data."""
ASCII_AROUND: Final = 11
"""Characters of an ASCII answer beside its data."""

MOST_STRAYS: Final = 16
"""Random noise offers about as many in the 600 bytes that a line keeps."""

_RTU_HEAD: Final = re.compile(rb"(?=.[\x01-\x04\x81-\x84].)", re.DOTALL)
"""Every place where the answer to a read could begin, overlapping ones too."""
_ASCII_FRAME: Final = re.compile(rb":((?:[0-9A-Fa-f]{2}){4,}+)\r\n")
"""A colon begins a new frame wherever it stands (section 2.5.2.1)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A sound answer: the whole `frame`, and the exception `code`, 0 when there is data."""

    frame: bytes
    code: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the answer to a read must say: who, what, and how many bytes of data."""

    unit: int
    function: int
    size: int

    @property
    def head(self) -> bytes:
        """The bytes its answer begins with."""
        return bytes((self.unit, self.function, self.size))

    @property
    def refusal(self) -> bytes:
        """The bytes an exception begins with."""
        return bytes((self.unit, self.function | EXCEPTION))


def rtu_question(unit: int, read: Read, frame: bytes) -> Question[Answer]:
    """Return what to ask and what to wait for. `frame` is the request as it is sent."""
    wanted = Wanted(unit, read.table.function, read.data_bytes)
    return Question(
        whom=f"unit {unit}",
        frame=frame,
        take=partial(rtu_take, wanted),
        blame=partial(rtu_blame, wanted),
        longest=AROUND + wanted.size,
        shape=("rtu", unit, wanted.function),  # an exception tells no size,
    )


def ascii_question(unit: int, read: Read, frame: bytes) -> Question[Answer]:
    """Return what to ask and what to wait for. `frame` is the request as it is sent."""
    wanted = Wanted(unit, read.table.function, read.data_bytes)
    return Question(
        whom=f"unit {unit}",
        frame=frame,
        take=partial(ascii_take, wanted),
        blame=partial(ascii_blame, wanted),
        longest=ASCII_AROUND + 2 * wanted.size,
        shape=("ascii", unit, wanted.function),
    )


# --- RTU -----------------------------------------------------------------------------------------


def rtu_take(wanted: Wanted, data: bytes) -> Found[Answer] | Stray | None:
    """Return the first sound frame in `data`: the answer, or one to something else. ``None``: not yet."""
    ours, strays = (wanted.head, wanted.refusal), MOST_STRAYS
    for head in _RTU_HEAD.finditer(data):
        start = head.start()
        end = start + _rtu_size(data, start)
        is_ours = data.startswith(ours, start)
        if end > len(data):
            strays = 0 if is_ours else strays  # our answer may be coming: what lies inside it is its own
            continue
        if not is_ours:
            strays -= 1
            if strays < 0:
                continue
        frame = data[start:end]
        if crc(frame) == 0:
            return _judged(wanted, frame[:-2], frame, start, end)
    return None


def rtu_blame(wanted: Wanted, data: bytes) -> str:
    """Say what is wrong with input in which no answer was found. Whose answer it should be, the line says."""
    for head, size in ((wanted.head, AROUND + wanted.size), (wanted.refusal, EXCEPTION_SIZE)):
        start = data.find(head)
        if start >= 0:
            have = len(data) - start
            return "CRC error in the answer" if have >= size else _cut(have, size)
    if wanted.head.startswith(data):
        return _cut(len(data), AROUND + wanted.size)
    return _garbage(data)


def _rtu_size(data: bytes, start: int) -> int:
    """Return the size of the answer that would begin here."""
    return EXCEPTION_SIZE if data[start + 1] & EXCEPTION else AROUND + data[start + 2]


# --- ASCII ---------------------------------------------------------------------------------------


def ascii_take(wanted: Wanted, data: bytes) -> Found[Answer] | Stray | None:
    """Return the first sound frame in `data`: the answer, or one to something else. ``None``: not yet."""
    for match in _ASCII_FRAME.finditer(data):
        body = _unhexed(match[1])
        if lrc(body) == 0:
            return _judged(wanted, body[:-1], match[0], match.start(), match.end())
    return None


def ascii_blame(wanted: Wanted, data: bytes) -> str:
    """Say what is wrong with input in which no answer was found. Whose answer it should be, the line says."""
    for match in _ASCII_FRAME.finditer(data):
        if _unhexed(match[1]).startswith((wanted.head, wanted.refusal)):
            return "LRC error in the answer"
    size = ASCII_AROUND + 2 * wanted.size
    start = data.rfind(b":")
    begun = data[start + 1 :].upper()
    head = wanted.head.hex().encode().upper()
    if start >= 0 and b"\n" not in begun and len(begun) < size and begun[: len(head)] == head[: len(begun)]:
        return _cut(1 + len(begun), size)
    return _garbage(data)


def _unhexed(digits: bytes) -> bytes:
    return bytes.fromhex(digits.decode("ascii"))


# --- both ----------------------------------------------------------------------------------------


def _judged(wanted: Wanted, body: bytes, frame: bytes, start: int, end: int) -> Found[Answer] | Stray:
    """Return what a sound frame is to us. `body` is unit, function and what follows, without the checksum."""
    if body[:3] == wanted.head and len(body) == wanted.size + 3:
        return Found(end, Answer(frame, 0), noise=start)
    if body[:2] == wanted.refusal and len(body) == 3 and body[2]:  # noqa: PLR2004 -- unit, function, code
        return Found(end, Answer(frame, body[2]), noise=start)
    return Stray(end, _whose(wanted, body))


def _whose(wanted: Wanted, body: bytes) -> str:
    """Say in words what a frame for somebody else is, in as much as it differs from what was wanted."""
    whose = f"unit {body[0]}, function {body[1] & ~EXCEPTION}"
    if body[1] & EXCEPTION:
        return f"{whose}, exception {body[2]}"
    return f"{whose}, {len(body) - 3} bytes of data" if body[:2] == wanted.head[:2] else whose


def _cut(have: int, size: int) -> str:
    return f"only {have} of {size} bytes of an answer"


def _garbage(data: bytes) -> str:
    return f"garbage: {len(data)} bytes that are no frame"


# --- checksum -----------------------------------------------------------------------------------


def lrc(data: bytes) -> int:
    """Return the LRC of section 2.5.2.2, the two's complement of the sum: 0 over a frame that ends in its own LRC."""
    return -sum(data) & 0xFF
