"""HJ 212 packets: cutting them out of any stream of bytes. `drivers.hj212.build` writes them.

    ## | length, 4 digits | data segment, ends with && | CRC, 4 hexadecimal digits, high byte first | CR LF

Promises of the `Splitter`:
- A packet is cut by its length, never by a delimiter: CR LF and && may occur inside encrypted content.
- Nothing raises. At most `LONGEST_DATA` bytes and the little around them are kept, and a flood costs little time.
- After anything that is no packet, the next sound packet is found: every ``##dddd`` is followed up, also one that lies
  inside the claimed length of another. A sound packet there proves that the other's beginning was noise or was cut
  short, so a wrong length delays nothing.
- Nothing is waited for behind the CRC. Whether CR LF follows is noticed afterwards, and told with the next packet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from drivers.hj212.crc import fits
from drivers.hj212.dialect import Deviation
from drivers.hj212.sealed import is_clear, looks_sealed
from drivers.modbus_crc import crc as modbus_crc

if TYPE_CHECKING:
    from drivers.hj212.sealed import Sm4Key

LONGEST_DATA: Final = 9999
"""What four digits can say. The standard ends at `STANDARD_DATA`; some peers do not."""
STANDARD_DATA: Final = 1024
MOST_OPEN: Final = 16
"""Openings that wait for more input at a time; the newest do. So a flood of them costs some CRCs per byte, no more."""
HEAD: Final = 6
CRC_DIGITS: Final = 4
LINE_END: Final = b"\r\n"

_OPENING: Final = re.compile(rb"##(?!0000)\d{4}[A-Za-z]")
_OPENING_BYTES: Final = HEAD + 1
_CRC: Final = re.compile(rb"[0-9A-Fa-f]{4}")
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
_DATA_END: Final = b"&&"
_BLANK: Final = b"\r\n\t \0"
_PIECE: Final = 1024


class Wrong(StrEnum):
    """Kinds of input that is no packet, for counters."""

    NOISE = "noise"
    LENGTH = "length"
    CRC = "CRC"
    MODBUS_CRC = "Modbus CRC"
    SEALED = "encrypted"
    CUT_SHORT = "cut short"


@dataclass(frozen=True, slots=True)
class Packet:
    """A data segment whose CRC is right, in the clear. `size` is what the packet took on the wire, CR LF included."""

    data: bytes
    size: int
    sealed: bool = False
    deviations: tuple[Deviation, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """Input that was dropped. `reason` is in words, fit for plant staff."""

    kind: Wrong
    reason: str


@dataclass(slots=True)
class _Candidate:
    """A place where a packet may begin, and how much input it takes to tell. Both count from the input's beginning."""

    at: int
    needs: int


class Splitter:
    """Cuts one stream. Keeps what is incomplete. Used by one thread."""

    def __init__(self, key: Sm4Key | None = None) -> None:
        """Take the `key` of an instrument that encrypts (edition 2025)."""
        self._key = key
        self._input = b""
        self._searched = 0
        self._candidates: list[_Candidate] = []
        self._found: list[Packet | Rejected] = []
        self._blamed = False  # whether what was dropped since the last packet has been told
        self._line_end_due = False
        self._line_end_missed = False

    @property
    def held(self) -> int:
        """How many bytes are kept."""
        return len(self._input)

    def feed(self, data: bytes) -> list[Packet | Rejected]:
        """Return the packets that `data` completes, and what was dropped before and between them, in order."""
        for start in range(0, len(data), _PIECE):
            self._input += data[start : start + _PIECE]
            if self._line_end_due:
                self._expect_line_end()
            while self._cut_next():
                pass
            self._drop_noise()
        found, self._found = self._found, []
        return found

    def forget(self) -> list[Rejected]:
        """Drop what is incomplete: so long a pause came after it that the rest will not come."""
        first = self._candidates[0] if self._candidates else None
        told = [] if first is None else [_cut_short(len(self._input) - first.at, first.needs - first.at)]
        self._drop(len(self._input))
        self._line_end_missed |= self._line_end_due
        self._line_end_due, self._blamed = False, False
        return told

    def _cut_next(self) -> bool:
        """Cut out the first sound packet, if there is one. What was before it is told and dropped."""
        self._note_openings()
        have = len(self._input)
        for place, candidate in enumerate(self._candidates):
            while candidate.needs <= have:
                verdict = _examined(self._input, candidate.at, self._key)
                if isinstance(verdict, Packet):
                    self._take(place, verdict)
                    return True
                if isinstance(verdict, Rejected):
                    return self._refuse(place, verdict)
                candidate.needs = verdict
        return False

    def _note_openings(self) -> None:
        for match in _OPENING.finditer(self._input, self._searched):
            at = match.start()
            self._candidates.append(_Candidate(at, at + HEAD + int(self._input[at + 2 : at + HEAD]) + CRC_DIGITS))
        self._searched = max(self._searched, len(self._input) - _OPENING_BYTES + 1)

    def _refuse(self, place: int, rejected: Rejected) -> bool:
        """Drop a candidate. Only one that nothing before it may contain is worth telling."""
        del self._candidates[place]
        if place == 0:
            self._found.append(rejected)
            self._blamed = True
        return True

    def _take(self, place: int, packet: Packet) -> None:
        candidate = self._candidates[place]
        if place:
            first = self._candidates[0]
            self._found.append(_cut_short(candidate.at - first.at, first.needs - first.at))
            self._blamed = True
        self._tell_noise(candidate.at)
        if self._line_end_missed:
            packet = replace(packet, deviations=(*packet.deviations, Deviation.NO_LINE_END))
        self._found.append(packet)
        self._blamed = self._line_end_missed = False
        self._drop(candidate.at + packet.size - len(LINE_END))
        self._line_end_due = True
        self._expect_line_end()

    def _expect_line_end(self) -> None:
        """Take the CR LF behind a packet; note when something else is there."""
        got = self._input[: len(LINE_END)]
        if got != LINE_END and LINE_END.startswith(got):
            return
        self._line_end_due = False
        if got == LINE_END:
            self._drop(len(LINE_END))
        else:
            self._line_end_missed = True

    def _drop_noise(self) -> None:
        """Keep only what may still become a packet."""
        del self._candidates[:-MOST_OPEN]
        kept = self._candidates[0].at if self._candidates else max(0, len(self._input) - _OPENING_BYTES + 1)
        if self._line_end_due:
            return
        self._tell_noise(kept)
        self._drop(kept)

    def _tell_noise(self, end: int) -> None:
        if not self._blamed and self._input[:end].strip(_BLANK):
            self._found.append(Rejected(Wrong.NOISE, "noise: bytes that belong to no packet"))
            self._blamed = True

    def _drop(self, count: int) -> None:
        self._input = self._input[count:]
        self._searched = max(0, self._searched - count)
        self._candidates = [
            _Candidate(one.at - count, one.needs - count) for one in self._candidates if one.at >= count
        ]


def _examined(stream: bytes, at: int, key: Sm4Key | None) -> Packet | Rejected | int:
    """Judge the packet that may begin `at`. Return an offset when the stream must reach it first."""
    start, size = at + HEAD, int(stream[at + 2 : at + HEAD])
    verdict = _cut(stream, start, start + size, key)
    if isinstance(verdict, Packet):
        return verdict
    end = _end_by_characters(stream, start, size)
    if end is None:
        return verdict
    if end + CRC_DIGITS > len(stream):
        return end + CRC_DIGITS
    other = _cut(stream, start, end, key)
    if isinstance(other, Packet):
        return replace(other, deviations=(*other.deviations, Deviation.COUNTS_CHARACTERS))
    return verdict


def _cut(stream: bytes, start: int, end: int, key: Sm4Key | None) -> Packet | Rejected:
    """Judge the data segment from `start` to `end` by the CRC behind it."""
    data, printed = stream[start:end], stream[end : end + CRC_DIGITS]
    if not (_CRC.fullmatch(printed) and data.endswith(_DATA_END)):  # both: any digits can pass for a CRC, and some do
        return Rejected(Wrong.LENGTH, f"no && and CRC at the end of the {end - start} bytes that the length announces")
    crc = int(printed, 16)
    deviations = [Deviation.LONG_DATA] if end - start > STANDARD_DATA else []
    if printed != printed.upper():
        deviations.append(Deviation.LOWER_CASE_CRC)
    size = HEAD + len(data) + CRC_DIGITS + len(LINE_END)
    if is_clear(data) and fits(data, crc):
        return Packet(data, size, sealed=False, deviations=tuple(deviations))
    if key:
        opened = key.opened_data(data)
        if is_clear(opened) and fits(opened, crc):
            return Packet(opened, size, sealed=True, deviations=tuple(deviations))
    return _blame(data, crc, has_key=key is not None)


def _blame(data: bytes, crc: int, *, has_key: bool) -> Rejected:
    """Say what is wrong with a data segment that does not fit its CRC."""
    if looks_sealed(data):
        return Rejected(Wrong.SEALED, f"encrypted: {'the key given does not open it' if has_key else 'give its key'}")
    modbus = modbus_crc(data)
    if crc in (modbus, (modbus & 0xFF) << 8 | modbus >> 8):
        return Rejected(Wrong.MODBUS_CRC, "CRC is the Modbus one, not that of HJ 212")
    return Rejected(Wrong.CRC, "CRC error")


def _end_by_characters(stream: bytes, start: int, size: int) -> int | None:
    """Return where the data segment ends if `size` counts characters of UTF-8, ``None`` when it cannot.

    That offset may lie beyond the stream; then it is a lower bound.
    """
    data = stream[start : start + LONGEST_DATA]
    length = size
    while True:
        part = data[:length]
        longer = size + length - len(part.translate(None, _CONTINUATION)) if length <= len(data) else length
        if longer == length:
            break
        length = longer
    if length == size or length > LONGEST_DATA or not _is_utf8(data[:size]):
        return None
    return start + length


def _is_utf8(data: bytes) -> bool:
    """Whether `data` is UTF-8, but for a character cut in two at its end."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def _cut_short(came: int, needed: int) -> Rejected:
    return Rejected(Wrong.CUT_SHORT, f"packet cut short: {came} of {needed} bytes came")
