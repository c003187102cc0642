"""Lines of text: bytes in, fields out, as the device's model file declares (`drivers.spec.AsciiSpec`). Pure.

    | start | text | separator | checksum, hexadecimal | terminator |

`start`, separator and checksum may be absent. The checksum is over the text alone (as in NMEA 0183: neither the start
character nor the separator counts), its high digit first, letters in either case. The text must match the pattern as a
whole. A group named ``address`` must be the device's address: a line for somebody else is a stray.

Promises: never raises on any bytes. A line that is not sound in every respect is noise, stepped over, and named.
Where a start is declared, a line begins at the last start before its end: what was cut off before it is noise.
A line takes bounded time: it has at most `MOST_LONGEST` bytes, and `pattern` says what a pattern may not do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Final

from drivers.ascii.pattern import BadPattern, compiled
from drivers.modbus_crc import crc
from drivers.wire import Found, Stray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from drivers.spec import AsciiSpec

Fields = dict[str, str | None]
"""What the pattern's groups hold, by name; ``None`` for a group that took no part."""

MOST_LONGEST: Final = 512
"""A line is at most so many bytes: a display's worth of numbers, and less than a `drivers.wire.Question` may take."""
MOST_STARTS: Final = 4
"""How many starts before the end of a line are tried; a start may also be an ordinary character of the text."""
ADDRESS: Final = "address"
"""The group that must be the device's address."""

_SHOWN: Final = 40
_BLANK: Final = b"\r\n\0"
"""What stands around lines and means nothing."""


class BadLine(ValueError):
    """What a model file says of its lines cannot be used."""


@dataclass(frozen=True, slots=True)
class Line:
    """One terminated piece of the input: `used` bytes up to and with its end, the first `noise` of which are no line.

    `fields` is ``None`` when the piece holds no sound line; then `fault` says why, or is empty for an empty piece.
    """

    used: int
    noise: int
    fields: Fields | None
    fault: str = ""


class TextLines:
    """The lines of one device."""

    def __init__(self, spec: AsciiSpec, address: int | str) -> None:
        """Compile. Raises BadLine, with everything that is wrong."""
        wrong = problems(spec)
        if wrong:
            raise BadLine("; ".join(wrong))
        self.longest = spec.longest
        self._spec = spec
        self._address = str(address)
        self._pattern = compiled(spec.pattern)
        self.names = frozenset(self._pattern.groupindex)
        self._checksum = CHECKSUMS[spec.checksum]

    def first(self, data: bytes, at: int = 0) -> Line | None:
        """Return the first terminated piece of `data` from `at` on, sound or not; ``None`` when there is none yet."""
        end = data.find(self._spec.terminator, at)
        if end < 0:
            return None
        piece, used = data[at:end], end - at + len(self._spec.terminator)
        fault = ""
        for begin in self._beginnings(piece):
            fields, fault = self._read(piece[begin:], used - begin)
            if fields is not None:
                noise = begin - len(self._spec.start)
                return Line(used, noise if piece[:noise].strip(_BLANK) else 0, fields)
        fault = fault or self._no_start(piece)
        return Line(used, used if fault else 0, None, fault)

    def take(self, data: bytes) -> Found[Fields] | Stray | None:
        """Return the first sound line as an answer, or as a stray when it is another device's; see `wire.Question`."""
        at = noise = 0
        while (line := self.first(data, at)) is not None:
            at += line.used
            noise += line.noise
            if line.fields is None:
                continue
            if self.is_ours(line.fields):
                return Found(at, line.fields, noise)
            return Stray(at, f"a line of {_shown((line.fields[ADDRESS] or '').encode())}")
        return None

    def blame(self, data: bytes) -> str:
        """Return in words why there is no answer in `data`."""
        faults, at = [], 0
        while (line := self.first(data, at)) is not None:
            faults.append(line.fault)
            at += line.used
        rest = data[at:]
        if len(rest) > self.longest:
            faults.append(f"{len(rest)} bytes without the end of a line")
        elif rest.strip(_BLANK):
            faults.append(f"a line without its end: {_shown(rest)}")
        return next(filter(None, faults), "an empty line")

    def is_ours(self, fields: Fields) -> bool:
        """Whether the line's address, if it has one, is the device's."""
        address = (fields.get(ADDRESS) or "").strip()
        if ADDRESS not in fields or address == self._address:
            return True
        return address.isdecimal() and self._address.isdecimal() and int(address) == int(self._address)

    # --- one line ------------------------------------------------------------------------------------------------

    def _beginnings(self, piece: bytes) -> Iterator[int]:
        """Yield where the text may begin: behind each start, the last one first."""
        start = self._spec.start
        if not start:
            yield 0
            return
        at = len(piece)
        for _ in range(MOST_STARTS):
            at = piece.rfind(start, 0, at)
            if at < 0:
                return
            yield at + len(start)

    def _read(self, body: bytes, length: int) -> tuple[Fields | None, str]:
        """Return the fields of what stands between start and terminator, or why there are none."""
        if length + len(self._spec.start) > self.longest:
            return None, f"a line of more than {self.longest} bytes"
        text = body if self._checksum is None else self._checked(body, *self._checksum)
        if text is None:
            return None, "checksum error"
        words = text.decode(errors="replace").strip(_BLANK.decode())
        match = self._pattern.fullmatch(words)
        if match is not None:
            return match.groupdict(), ""
        return None, f"a line of another form: {_shown(text)}" if words else ""

    def _checked(self, body: bytes, digits: int, compute: Callable[[bytes], int]) -> bytes | None:
        """Return the text in front of the checksum, ``None`` when that is not right."""
        cut = len(body) - digits
        text, separator, written = body[: max(0, cut - len(self._spec.separator))], body[:cut], body[cut:]
        if cut < len(self._spec.separator) or not separator.endswith(self._spec.separator):
            return None
        return text if written.upper() == b"%0*X" % (digits, compute(text)) else None

    def _no_start(self, piece: bytes) -> str:
        return f"no start of a line: {_shown(piece)}" if piece.strip(_BLANK) and self._spec.start else ""


# --- checksums -------------------------------------------------------------------------------------------------------


def xored(text: bytes) -> int:
    """Return the exclusive or of all bytes (as NMEA 0183 has it)."""
    return reduce(xor, text, 0)


def summed(text: bytes) -> int:
    """Return the sum of all bytes, its low eight bits."""
    return sum(text) & 0xFF


CHECKSUMS: Final[Mapping[str, tuple[int, Callable[[bytes], int]] | None]] = {
    "none": None,
    "xor": (2, xored),
    "sum": (2, summed),
    "crc16": (4, crc),
}
"""Hexadecimal digits and computation of each kind; "crc16" is that of Modbus."""


# --- what a model file may not say -----------------------------------------------------------------------------------


def problems(spec: AsciiSpec) -> tuple[str, ...]:
    """Return everything that is wrong with a declaration, in words."""
    found = [
        (spec.mode not in ("ask", "listen"), f'mode {spec.mode!r}: write "ask" or "listen"'),
        (spec.mode == "ask" and not spec.request, 'mode "ask" needs a request'),
        (not spec.terminator, "a line needs a terminator"),
        (spec.checksum not in CHECKSUMS, f"checksum {spec.checksum!r}: there are {', '.join(CHECKSUMS)}"),
        (not 1 <= spec.longest <= MOST_LONGEST, f"longest {spec.longest}: must be 1 to {MOST_LONGEST} bytes"),
    ]
    return (*(words for is_wrong, words in found if is_wrong), *_pattern_problems(spec.pattern))


def _pattern_problems(pattern: str) -> list[str]:
    try:
        compiled(pattern)
    except BadPattern as error:
        return [f"pattern: {error}"]
    return []


def _shown(data: bytes) -> str:
    """Return the beginning of `data` for people."""
    text = data[:_SHOWN].decode(errors="replace")
    return repr(text + ("…" if len(data) > _SHOWN else ""))
