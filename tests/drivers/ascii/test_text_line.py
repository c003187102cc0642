"""Lines of text in any bytes: the sound ones are found, the others are noise with a name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ascii.text_line import CHECKSUMS, MOST_LONGEST, BadLine, TextLines, problems
from drivers.wire import Found, Stray
from tests.drivers.ascii.lines import ASKED, PLAIN, line

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.spec import AsciiSpec

LINES = TextLines(ASKED, 7)
GOOD = line(b"7,123,OK")
FIELDS = {"address": "7", "so2": "123", "state": "OK"}
RUBBISH = {
    "nothing": b"",
    "line breaks": b"\r\n\r\n",
    "bytes": b"\x00\xff\x80",
    "a line cut off": b":7,99",
    "a line without its start": b"7,1,OK*55\r\n",
    "a wrong checksum": b":7,1,OK*00\r\n",
    "a start too many": b"::::",
    "an endless line": b"x" * 500,
}


@pytest.mark.parametrize("noise", RUBBISH.values(), ids=RUBBISH)
def test_a_line_is_found_behind_and_before_any_rubbish(noise: bytes) -> None:
    """Whole, byte by byte, with rubbish on both sides: the same fields, never anything else before."""
    data = noise + GOOD
    for end in range(len(data)):
        assert LINES.take(data[:end]) is None

    found = LINES.take(data + noise)

    assert isinstance(found, Found)
    assert (found.used, found.answer) == (len(data), FIELDS)
    assert found.noise == (len(noise) if noise.strip(b"\r\n") else 0)


BLAMES = {
    "checksum": (b":7,1,OK*00\r\n", "checksum error"),
    "no checksum": (b":7,1,OK\r\n", "checksum error"),
    "another form": (line(b"hello"), "a line of another form: 'hello'"),
    "no start": (b"7,1,OK\r\n", "no start of a line: '7,1,OK'"),
    "no end": (b":7,1", "a line without its end: ':7,1'"),
    "too long": (b":" + b"7" * 80 + b"\r\n", "a line of more than 64 bytes"),
    "flood": (b"U" * 300, "300 bytes without the end of a line"),
    "empty": (b"\r\n", "an empty line"),
    "first things first": (b"\r\n:7*00\r\n:7,1", "checksum error"),
}


@pytest.mark.parametrize(("data", "words"), BLAMES.values(), ids=BLAMES)
def test_what_is_no_answer_is_named(data: bytes, words: str) -> None:
    """Never an answer, and the reason in words."""
    assert LINES.take(data) is None
    assert LINES.blame(data) == words


def test_a_line_of_another_address_is_a_stray() -> None:
    """Nobody's value is ever another's; leading zeros do not make another device."""
    data = line(b"8,5,OK") + line(b"007,5,OK")
    stray = LINES.take(data)

    assert stray == Stray(len(line(b"8,5,OK")), "a line of '8'")
    assert isinstance(LINES.take(data[stray.used :]), Found)


PUBLISHED = {
    "NMEA 0183": ("xor", b"GPGLL,5057.970,N,00146.110,E,142451,A", b"27"),
    "sum": ("sum", b"123456789", b"DD"),
    "CRC-16/MODBUS": ("crc16", b"123456789", b"4B37"),
}


@pytest.mark.parametrize(("kind", "text", "digits"), PUBLISHED.values(), ids=PUBLISHED)
@pytest.mark.parametrize("case", [bytes.upper, bytes.lower], ids=["upper", "lower"])
def test_checksums_are_those_of_others(kind: str, text: bytes, digits: bytes, case: Callable[[bytes], bytes]) -> None:
    """Known values, digits in either case; one changed bit and the line is noise."""
    spec = replace(ASKED, checksum=kind, start=b"$", pattern="(?P<all>.+)")
    data = b"$" + text + b"*" + case(digits) + b"\r\n"

    assert TextLines(spec, 1).take(data) == Found(len(data), {"all": text.decode()})
    assert TextLines(spec, 1).take(data.replace(text[3:4], b"\x7e", 1)) is None


def test_the_last_start_begins_the_line() -> None:
    """A line that was cut off and begun again gives the second, not a mixture."""
    lines = TextLines(replace(ASKED, checksum="none", pattern="(?P<v>.+)"), 7)

    assert lines.take(b":12.:34.5\r\n") == Found(11, {"v": "34.5"}, 4)


WRONG: dict[str, tuple[AsciiSpec, str]] = {
    "mode": (replace(PLAIN, mode="talk"), 'write "ask" or "listen"'),
    "request": (replace(PLAIN, mode="ask"), "needs a request"),
    "terminator": (replace(PLAIN, terminator=b""), "a line needs a terminator"),
    "checksum": (replace(PLAIN, checksum="md5"), "there are none, xor, sum, crc16"),
    "longest": (replace(PLAIN, longest=MOST_LONGEST + 1), "must be 1 to 512 bytes"),
    "pattern": (replace(PLAIN, pattern="(?P<v>"), "pattern: "),
}


@pytest.mark.parametrize(("spec", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_declaration_is_refused_in_words(spec: AsciiSpec, words: str) -> None:
    """`problems` for the lint, `BadLine` where a device is made."""
    assert words in "; ".join(problems(spec))
    with pytest.raises(BadLine) as refused:
        TextLines(spec, 1)
    assert words in str(refused.value)


def test_sound_declarations_have_no_problems() -> None:
    """The lint does not cry wolf."""
    assert problems(ASKED) == problems(PLAIN) == ()


PIECES = st.lists(
    st.one_of(st.binary(max_size=40), st.sampled_from([GOOD, GOOD[:5], b":", b"\r\n", b"*"])), max_size=12
)


@given(pieces=PIECES, kind=st.sampled_from(sorted(CHECKSUMS)), start=st.sampled_from([b"", b":", b"::"]))
def test_any_bytes_give_a_line_or_none(pieces: list[bytes], kind: str, start: bytes) -> None:
    """Never an exception; what is used is there; a blame is always words."""
    data = b"".join(pieces)
    lines = TextLines(replace(ASKED, checksum=kind, start=start), 7)
    found = lines.take(data)

    assert lines.blame(data)
    assert found is None or 0 < found.used <= len(data)
    if isinstance(found, Found):
        assert 0 <= found.noise < found.used


@given(noise=st.binary(max_size=200))
def test_a_sound_line_is_found_behind_any_noise(noise: bytes) -> None:
    """Resynchronisation: at the next line at the latest, whatever came before."""
    data, lines = noise + GOOD, 0
    while (found := LINES.take(data)) is not None:
        lines += 1
        data = data[found.used :]

    assert lines >= 1
    assert data == b""
