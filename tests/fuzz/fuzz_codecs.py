"""Every codec against any bytes: no exception, nothing used that is not there, bounded memory.

With a coverage-guided fuzzer, for as long as you like (atheris is not among the dependencies; install it by hand)::

    python -m tests.fuzz.fuzz_codecs hj212 corpus/ -max_len=600 -max_total_time=600

The targets are the keys of `TARGETS`; what follows are libFuzzer's options, a folder for its corpus among them.
`CORPUS` is put there first: real frames to begin with reach twice as far. The tests run each target over `CORPUS`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from drivers.ascii.instruments import AsciiSender
from drivers.ascii.text_line import CHECKSUMS, TextLines
from drivers.dlt645.frame import Edition
from drivers.dlt645.question import read, read_more
from drivers.dlt645.search import address_question
from drivers.hj212.content import message_of
from drivers.hj212.packet import LONGEST_DATA, Splitter
from drivers.hj212.sender import Hj212Sender
from drivers.rtu_frames import Wanted, ascii_blame, ascii_take, rtu_blame, rtu_take
from drivers.spec import DeviceSpec, FactorSpec
from drivers.wire import Found, Stray
from tests.drivers.ascii.lines import ASKED, PLAIN, HandClock, line, talking
from tests.drivers.hj212.frames import framed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drivers.wire import Sender

WANTED: Final = Wanted(unit=1, function=3, size=4)
DLT645: Final = (
    read(Edition.OF_2007, "000000000161", "00010000", 4),
    read_more(Edition.OF_2007, "000000000161", "00010000", 1, 4),
    read(Edition.OF_1997, "000000000161", "9010", 4),
    address_question(),
)
STATION: Final = DeviceSpec(
    name="station",
    bus="line",
    protocol="hj212",
    address="1",
    timeout_s=60.0,
    points=(FactorSpec(name="so2", factor="a21026"), FactorSpec(name="ph", factor="w01001")),
)


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut `data` as a line may: the first byte of each piece decides how long it is."""
    while data:
        size = 1 + data[0] % 64
        yield data[:size]
        data = data[size:]


def answer(take: Callable[[bytes], Found[Any] | Stray | None], blame: Callable[[bytes], str], data: bytes) -> None:
    """Take everything out of `data`, as a line does."""
    while (found := take(data)) is not None:
        assert 0 < found.used <= len(data), found
        if isinstance(found, Found):
            assert 0 <= found.noise < found.used, found
        data = data[found.used :]
    assert isinstance(blame(data), str)


def stream(sender: Sender, data: bytes) -> None:
    """Let a sender hear `data` in pieces."""
    for piece in pieces(data):
        for scan in sender.hear(piece)[0]:
            assert len(scan.values) == len(scan.flags) == len(sender.spec.points)


def rtu(data: bytes) -> None:
    """The answer to a read in a Modbus RTU stream."""
    answer(lambda rest: rtu_take(WANTED, rest), lambda rest: rtu_blame(WANTED, rest), data)


def modbus_ascii(data: bytes) -> None:
    """The answer to a read in a Modbus ASCII stream."""
    answer(lambda rest: ascii_take(WANTED, rest), lambda rest: ascii_blame(WANTED, rest), data)


def ascii_answer(data: bytes) -> None:
    """The line that answers, under every kind of checksum."""
    for kind in CHECKSUMS:
        lines = TextLines(replace(ASKED, checksum=kind), 7)
        answer(lines.take, lines.blame, data)


def ascii_stream(data: bytes) -> None:
    """Lines that come by themselves, with and without a start."""
    for start in (b"", b"$"):
        sender = AsciiSender(talking(replace(PLAIN, start=start)), HandClock())
        stream(sender, data)
        assert len(sender._rest) <= PLAIN.longest


def dlt645(data: bytes) -> None:
    """Answers of meters, to four kinds of question."""
    for question in DLT645:
        answer(question.take, question.blame, data)


def hj212(data: bytes) -> None:
    """Packets in a stream: cut, understood, and told by a device."""
    splitter = Splitter()
    for piece in pieces(data):
        splitter.feed(piece)
        assert splitter.held <= LONGEST_DATA + 64
    message_of(data)
    stream(Hj212Sender(STATION, HandClock()), data)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "rtu": rtu,
    "modbus-ascii": modbus_ascii,
    "dlt645": dlt645,
    "hj212": hj212,
    "ascii-answer": ascii_answer,
    "ascii-stream": ascii_stream,
}

CORPUS: Final[tuple[bytes, ...]] = (
    b"",
    bytes(range(256)),
    b"\xff" * 600,
    b"\x68" * 600,
    b"##" * 300,
    b":" * 600,
    b"\r\n" * 300,
    bytes.fromhex("01 03 04 00 00 00 7B BA 10"),
    b":010304000A0001ED\r\n",
    bytes.fromhex("FEFEFEFE 68 610100000000 68 91 08 33333433 59333333 8A 16"),
    framed("QN=20160801085857223;ST=31;CN=2011;PW=123456;MN=1;Flag=5;CP=&&a21026-Rtd=1.5,a21026-Flag=N&&") * 2,
    framed("ST=31;CN=2011;MN=1;Flag=11;PNUM=2;PNO=1;CP=&&DataTime=20160801085857;w01001-Rtd=7.1&&"),
    line(b"7,123,OK") * 5,
    b"\n 12.5 mg RUN\n13 mg\n$14 mg\n",
)
"""Where to begin: sound messages, and what has broken codecs before: floods of their own delimiters."""


def main() -> None:
    """Fuzz the target the command line names."""
    atheris: Any = import_module("atheris")
    name = sys.argv.pop(1)
    for folder in [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]:
        for number, frame in enumerate(CORPUS):
            (folder / f"frame-{number}").write_bytes(frame)
    atheris.instrument_all()
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
