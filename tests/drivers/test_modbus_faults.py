"""Hosts that lie, stall, drip, flood or vanish (fault catalogue M1 to M7), over real sockets.

The names of the cases say which fault of the catalogue they are. After every fault the same question is asked: does
the next honest answer arrive, and is it the right one?
"""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from drivers.cost import Read
from drivers.errors import BadFrame, BadRequest, DriverError, LinkDown, NoAnswer, Refused
from drivers.modbus_exchange import MOST_INPUT, MOST_STRAYS, TcpExchange
from drivers.modbus_frames import Framing, RtuFraming, TcpFraming, only_reads
from drivers.spec import Table
from drivers.tally import Tally
from drivers.tcp_link import CHUNK, TcpLink
from tests.peers.clock import HostClock
from tests.peers.faulty_modbus import (
    Asked,
    Deed,
    FaultyModbus,
    HangUp,
    Kind,
    Manner,
    Wait,
    dripping,
    first,
    honest,
    late,
    refusing,
    silent,
    with_crc,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 0.15
DESCRIPTORS = Path("/proc/self/fd")
BLOCK = Read(Table.HOLDING, 100, 4)
DATA = struct.pack(">4H", 100, 101, 102, 103)
FRAMINGS: dict[Kind, type[Framing]] = {"tcp": TcpFraming, "rtu": RtuFraming}
BOTH: tuple[Kind, ...] = ("tcp", "rtu")
TCP: tuple[Kind, ...] = ("tcp",)
RTU: tuple[Kind, ...] = ("rtu",)


@pytest.fixture(autouse=True)
def _nothing_leaks() -> Iterator[None]:
    """No test leaves a descriptor or a thread behind."""
    before = len(list(DESCRIPTORS.iterdir())), threading.active_count()
    yield
    assert (len(list(DESCRIPTORS.iterdir())), threading.active_count()) == before


@dataclass
class Client:
    """An exchange with a server of the tests, and its counts."""

    server: FaultyModbus
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        clock = HostClock()
        self.link = TcpLink("127.0.0.1", self.server.port, clock)
        self.exchange = TcpExchange(self.link, FRAMINGS[self.server.kind](), clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.exchange.close()

    def read(self, read: Read = BLOCK, unit: int = 1, timeout_s: float = TIMEOUT_S) -> bytes:
        """Read one block."""
        return self.exchange.read(unit, read, timeout_s, self.tally)


@dataclass(frozen=True)
class Case:
    """One fault: what the server does, and what must come of it."""

    name: str
    manner: Manner
    outcome: bytes | type[DriverError]
    kinds: tuple[Kind, ...] = BOTH
    strays: int = 0
    bad_frames: int = 0
    timeouts: int = 0
    words: str = ""
    keeps_connection: bool | None = None


def said(*parts: Deed) -> Manner:
    """Do the same thing whatever is asked."""
    return lambda asked: parts


def answered(data: bytes | None = None, **changed: int) -> Manner:
    """Answer with something changed."""
    return lambda asked: [asked.answer(data, **changed)]


def stray_then_right(**changed: int) -> Manner:
    """Answer somebody else first and then us, in one segment."""
    return lambda asked: [asked.answer(bytes(8), **changed) + asked.answer()]


def cut(at: int, then: Deed) -> Manner:
    """Send the first bytes of the right answer, then do something else."""
    return lambda asked: [asked.answer()[:at], then]


def wrong_crc(asked: Asked) -> list[Deed]:
    """Answer with one bit of the data turned."""
    frame = bytearray(asked.answer())
    frame[4] ^= 1
    return [bytes(frame)]


def echoing(asked: Asked) -> list[Deed]:
    """Send the request back before the answer, as a two-wire line without echo suppression does."""
    return [asked.frame + asked.answer()]


def half_a_kilobyte_of_strays(asked: Asked) -> list[Deed]:
    """Answer other requests without end."""
    return [asked.answer(number=9999) for _ in range(MOST_STRAYS + 10)]


JUNK = bytes(range(1, 256)) * 4000

CASES = [
    *[
        Case(f"M1 exception {code}", refusing(code), Refused, keeps_connection=True, words=f"exception {code}")
        for code in (1, 2, 3, 4, 5, 6, 8, 255)
    ],
    *[Case(f"M1 gateway exception {code}", refusing(code), NoAnswer, keeps_connection=True) for code in (10, 11)],
    Case("M2 wrong unit, then right", stray_then_right(unit=9), DATA, strays=1, keeps_connection=True),
    Case("M2 wrong unit only", answered(unit=9), NoAnswer, strays=1, timeouts=1, words="something else came: unit 9"),
    Case("M2 wrong function, then right", stray_then_right(function=4), DATA, strays=1, keeps_connection=True),
    Case("M2 wrong function only", answered(function=4), NoAnswer, strays=1, timeouts=1),
    Case("M2 exception for another function", answered(b"", function=0x84, size=2), NoAnswer, strays=1, timeouts=1),
    Case("M2 wrong number, then right", stray_then_right(number=77), DATA, TCP, strays=1, keeps_connection=True),
    Case("M2 wrong number only", answered(number=77), NoAnswer, TCP, strays=1, timeouts=1),
    Case("M2 wrong protocol id", answered(protocol=1), BadFrame, TCP, bad_frames=1, words="protocol id 1"),
    Case("M2 not Modbus at all", said(b"HTTP/1.1 400 Bad Request\r\n\r\n"), BadFrame, TCP, bad_frames=1),
    Case("M3 fewer registers than asked", answered(bytes(6)), BadFrame, bad_frames=1, words="instead of 8"),
    Case("M3 more registers than asked", answered(bytes(10)), BadFrame, bad_frames=1, words="instead of 8"),
    Case("M3 no register at all", answered(b""), BadFrame, bad_frames=1, words="instead of 8"),
    Case("M3 byte count larger than the data", answered(size=10), BadFrame, bad_frames=1),
    Case("M3 byte count smaller than the data", answered(size=6), BadFrame, bad_frames=1),
    Case("M3 byte count as asked, less data", answered(bytes(6), size=8), BadFrame, bad_frames=1),
    Case("M3 byte count as asked, more data", answered(bytes(10), size=8), BadFrame, bad_frames=1),
    *[
        Case(f"M3 length {length}", answered(length=length), BadFrame, TCP, bad_frames=1, words=f"of {length} bytes")
        for length in (0, 1, 2, 255, 32768, 65535)
    ],
    Case("M3 exception without a code", lambda asked: [asked.exception(0)], BadFrame, bad_frames=1),
    Case("M3 exception too long", lambda a: [a.frame_of(b"\x83\x02\x00")], BadFrame, TCP, bad_frames=1),
    Case("M3 cut, then closed", cut(9, HangUp()), BadFrame, bad_frames=1, words="ended"),
    Case("M3 cut, then reset", cut(9, HangUp(reset=True)), BadFrame, bad_frames=1, words="ended"),
    Case("M3 cut inside the header", cut(3, HangUp()), BadFrame, bad_frames=1),
    Case("M3 half a frame, then silence", cut(9, Wait(0)), BadFrame, bad_frames=1, words="only 9 bytes"),
    Case("M3 one byte, then silence", cut(1, Wait(0)), BadFrame, bad_frames=1, words="only 1 bytes"),
    Case("M4 one byte at a time", dripping(), DATA, keeps_connection=True),
    Case("M4 cut in two", lambda a: [a.answer()[:7], Wait(0.02), a.answer()[7:]], DATA, keeps_connection=True),
    Case("M4 twice in one segment", lambda asked: [asked.answer() * 2], DATA, keeps_connection=True),
    Case("M5 silence", silent, NoAnswer, timeouts=1, keeps_connection=False),
    Case("M7 much too late", late(10), NoAnswer, timeouts=1, keeps_connection=False),
    Case("wrong checksum", wrong_crc, BadFrame, RTU, bad_frames=1, words="checksum"),
    Case("echo of the request", echoing, DATA, RTU, strays=1, keeps_connection=True),
    Case("echo only", lambda a: [a.frame], NoAnswer, RTU, strays=1, timeouts=1, words="an echo of the request"),
    Case("noise before the answer", lambda a: [b"\0\xff" + a.answer()], DATA, RTU, strays=1, keeps_connection=True),
    Case("a flood of noise", said(JUNK), BadFrame, bad_frames=1),
    Case("a flood of zeros", said(bytes(1_000_000)), BadFrame, bad_frames=1),
    Case("a flood of strays", half_a_kilobyte_of_strays, BadFrame, TCP, bad_frames=1, strays=MOST_STRAYS + 1),
]
TABLE = [pytest.param(case, kind, id=f"{case.name} ({kind})") for case in CASES for kind in case.kinds]


@pytest.mark.parametrize(("case", "kind"), TABLE)
def test_fault(case: Case, kind: Kind) -> None:
    """Each fault has its own outcome and its own count, and the next honest answer arrives and is the right one."""
    with FaultyModbus(case.manner, kind=kind) as server, Client(server) as client:
        if isinstance(case.outcome, bytes):
            assert client.read() == case.outcome
        else:
            with pytest.raises(case.outcome, match=case.words or None) as caught:
                client.read()
            assert type(caught.value) is case.outcome
        counts = client.tally.snapshot()
        assert (counts.strays, counts.bad_frames, counts.timeouts) == (case.strays, case.bad_frames, case.timeouts)
        assert case.keeps_connection in {None, client.link.is_open}
        assert client.link.is_open or case.outcome is not BadFrame or server.connections == 1

        server.manner = honest

        assert client.read(Read(Table.HOLDING, 7, 2)) == b"\x00\x07\x00\x08"


def test_bad_stream_is_left() -> None:
    """After a malformed frame nothing more is taken from that connection, not even a right answer behind it."""

    def rubbish_before_the_answer(asked: Asked) -> list[Deed]:
        bad = asked.answer(bytes(6), protocol=3)
        return [bad, asked.answer()]

    with FaultyModbus(rubbish_before_the_answer) as server, Client(server) as client:
        with pytest.raises(BadFrame):
            client.read()

        assert not client.link.is_open


@pytest.mark.parametrize("kind", BOTH)
def test_late_answer_is_never_taken_for_the_next(kind: Kind) -> None:
    """An answer that comes after its time-out does not become the answer to the next request, though it looks alike."""
    manner = first(1, honest, before=late(TIMEOUT_S * 1.3))
    with FaultyModbus(manner, kind=kind) as server, Client(server) as client:
        with pytest.raises(NoAnswer):
            client.read(Read(Table.HOLDING, 500, 4))

        assert client.read(timeout_s=1.0) == DATA


def test_late_answer_that_outlives_its_connection() -> None:
    """A serial server hands a late answer to whoever is connected by then; it is not taken for the next one."""
    with FaultyModbus(silent, kind="rtu") as server, Client(server) as client:
        with pytest.raises(NoAnswer):
            client.read(Read(Table.HOLDING, 500, 4))
        server.greeting = server.asked[0].answer()
        server.manner = honest

        assert client.read() == DATA
        assert client.tally.strays == 1


def test_late_answers_are_told_by_their_number() -> None:
    """On a connection that has been answering, a late answer costs nothing but itself: the connection stays."""
    with FaultyModbus(units={2: late(TIMEOUT_S * 1.2)}) as server, Client(server) as client:
        client.read()
        with pytest.raises(NoAnswer):
            client.read(unit=2)
        threading.Event().wait(TIMEOUT_S)

        assert client.read() == DATA
        assert (client.tally.strays, server.connections) == (1, 1)


def test_number_that_stays_wrong_gets_a_new_connection() -> None:
    """A host that keeps answering with other numbers is hung up on: on a fresh connection it may find its place."""
    off_by_one: Manner = lambda asked: [asked.answer(number=asked.number - 1)]  # noqa: E731
    confused = first(1, lambda asked: honest(asked) if asked.connection else off_by_one(asked), before=honest)
    with FaultyModbus(confused) as server, Client(server) as client:
        client.read()
        for _ in range(3):
            with pytest.raises(NoAnswer):
                client.read()

        assert client.read() == DATA
        assert server.connections == 2


def test_one_dead_unit_does_not_cost_the_others_their_connection() -> None:
    """With one of two units silent, the other is answered on the same connection throughout."""
    with FaultyModbus(units={2: silent}) as server, Client(server) as client:
        for _ in range(5):
            assert client.read() == DATA
            with pytest.raises(NoAnswer):
                client.read(unit=2, timeout_s=0.02)

        assert server.connections == 1


def test_everybody_silent_gets_a_new_connection() -> None:
    """When three requests in a row pass unanswered, whoever was asked, the connection is made anew."""
    with FaultyModbus() as server, Client(server) as client:
        client.read()
        server.manner = silent
        for unit in (1, 2, 3):
            assert client.link.is_open
            with pytest.raises(NoAnswer):
                client.read(unit=unit, timeout_s=0.02)

        assert not client.link.is_open


@pytest.mark.parametrize("kind", BOTH)
def test_idle_connection_closed_by_the_host(kind: Kind) -> None:
    """A host that closes idle connections is asked again on a fresh one, and no fault is counted."""
    with FaultyModbus(kind=kind) as server, Client(server) as client:
        for round_ in range(3):
            assert client.read() == DATA, round_
            server.hang_up()
            threading.Event().wait(0.02)

        counts = client.tally.snapshot()
        assert (counts.requests, counts.answers, counts.timeouts, counts.bad_frames) == (3, 3, 0, 0)
        assert client.exchange.link_failures == 0
        assert server.connections == 3


@pytest.mark.parametrize("reset", [False, True])
def test_closed_at_the_moment_of_asking(*, reset: bool) -> None:
    """A host that closes the connection on our request instead of before it gets the same second chance."""

    def one_answer_per_connection(asked: Asked) -> list[Deed]:
        return [asked.answer()] if asked.turn == 0 else [HangUp(reset=reset)]

    with FaultyModbus(one_answer_per_connection) as server, Client(server) as client:
        assert [client.read() for _ in range(3)] == [DATA] * 3
        assert client.exchange.link_failures == 0


@pytest.mark.parametrize("kind", BOTH)
def test_unit_that_makes_its_host_hang_up(kind: Kind) -> None:
    """When only one unit's requests end the connection, that unit is missing, not the link."""
    with FaultyModbus(units={2: said(HangUp())}, kind=kind) as server, Client(server) as client:
        client.read()
        with pytest.raises(NoAnswer, match="hangs up when unit 2 is asked"):
            client.read(unit=2)

        assert client.read() == DATA


def test_host_that_accepts_and_hangs_up() -> None:
    """A host that closes every connection without a word is a link that is down."""
    with FaultyModbus(said(HangUp())) as server, Client(server) as client:
        with pytest.raises(LinkDown, match="hangs up"):
            client.read()
        assert client.exchange.link_failures == 1


def test_second_client_is_not_wanted() -> None:
    """M6: where a host serves one client only, the second finds the link down, and comes in when the first has left."""
    with FaultyModbus(at_a_time=1) as server, Client(server) as ours, Client(server) as theirs:
        assert theirs.read() == DATA
        with pytest.raises(LinkDown):
            ours.read()
        theirs.exchange.close()
        threading.Event().wait(0.05)

        assert ours.read() == DATA


def test_host_refuses_after_a_while() -> None:
    """M6: one connection serves all; when no more are taken, doubt falls first on the unit, then on the link."""
    with FaultyModbus(accept=2) as server, Client(server) as client:
        for _ in range(20):
            client.read()
        assert server.connections == 1
        server.hang_up()
        threading.Event().wait(0.02)
        assert client.read() == DATA
        server.hang_up()
        threading.Event().wait(0.02)

        with pytest.raises(NoAnswer):
            client.read()
        with pytest.raises(LinkDown):
            client.read()


@pytest.mark.parametrize(
    ("host", "words"),
    [
        pytest.param("127.0.0.1", "connection refused", id="nobody listens"),
        pytest.param("no-such-host.invalid", "host name not found", id="no such name"),
    ],
)
def test_host_that_cannot_be_had(host: str, words: str) -> None:
    """A host that refuses or has no address is a link that is down, with the reason in words."""
    with FaultyModbus() as server:
        port = server.port
    exchange = TcpExchange(TcpLink(host, port, HostClock()), TcpFraming(), HostClock())

    with pytest.raises(LinkDown, match=words):
        exchange.read(1, BLOCK, TIMEOUT_S, Tally())


@pytest.mark.parametrize("kind", BOTH)
def test_silent_host_leaks_nothing(kind: Kind) -> None:
    """M5: forty time-outs on a host that never answers leave as many descriptors as there were (see the fixture)."""
    with FaultyModbus(silent, kind=kind) as server, Client(server) as client:
        for _ in range(40):
            with pytest.raises(NoAnswer):
                client.read(timeout_s=0.005)

        assert server.connections == 40


def test_dripping_does_not_stretch_the_deadline() -> None:
    """An answer that drips one byte at a time is cut at the deadline, however busy the line is."""
    with FaultyModbus(dripping(0.02)) as server, Client(server) as client:
        began = HostClock().mono_ns()
        with pytest.raises(BadFrame, match="only"):
            client.read(timeout_s=0.1)
        spent_s = (HostClock().mono_ns() - began) / 1e9

        assert client.tally.received_bytes < len(DATA) + 9
        assert spent_s < 1.0


@pytest.mark.parametrize("kind", BOTH)
def test_flood_costs_no_memory(kind: Kind) -> None:
    """Of a megabyte of noise no more is taken in than a frame and one chunk."""
    with FaultyModbus(said(JUNK), kind=kind) as server, Client(server) as client:
        with pytest.raises(BadFrame):
            client.read()

        assert client.tally.received_bytes <= MOST_INPUT + CHUNK


def test_only_reads_pass_the_gate() -> None:
    """Of all function codes only 1 to 4, 17 and 43/14 can leave the program, whatever the frame around them."""
    passed = set()
    for function in range(256):
        for kind in range(256):
            frame = bytes(7) + bytes((function, kind, 0, 0))
            try:
                only_reads(frame, TcpFraming.function_at)
            except BadRequest:
                continue
            passed.add(function if function != 43 else (43, kind))

    assert passed == {1, 2, 3, 4, 17, (43, 14)}


@pytest.mark.parametrize(
    ("unit", "read"),
    [
        pytest.param(1, Read(Table.HOLDING, 65535, 2), id="beyond the last register"),
        pytest.param(1, Read(Table.HOLDING, 0, 126), id="more than 125 registers"),
        pytest.param(1, Read(Table.COIL, 0, 2001), id="more than 2000 bits"),
        pytest.param(1, Read(Table.COIL, 0, 0), id="nothing"),
        pytest.param(256, Read(Table.COIL, 0, 1), id="no such unit"),
        pytest.param(1, Read(Table.COIL, -1, 1), id="before the first"),
    ],
)
def test_impossible_request(unit: int, read: Read) -> None:
    """What no frame can carry is refused before anything is sent."""
    with FaultyModbus() as server, Client(server) as client:
        with pytest.raises(BadRequest):
            client.read(read, unit)

        assert not server.connections


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("read", "data"),
    [
        pytest.param(Read(Table.HOLDING, 0, 1), b"\x00\x00", id="first"),
        pytest.param(Read(Table.INPUT, 65535, 1), b"\xff\xff", id="last"),
        pytest.param(Read(Table.HOLDING, 300, 125), struct.pack(">125H", *range(300, 425)), id="longest"),
        pytest.param(Read(Table.COIL, 0, 10), b"\x49\x02", id="bits"),
        pytest.param(Read(Table.DISCRETE, 63536, 2000), None, id="most bits, to the last"),
    ],
)
def test_honest_host(kind: Kind, read: Read, data: bytes | None) -> None:
    """Blocks at both ends of the address space and of the longest size come back as they lie on the wire."""
    with FaultyModbus(kind=kind) as server, Client(server) as client:
        got = client.read(read)

        assert got == (server.asked[0].data if data is None else data)


def test_checksum_agrees() -> None:
    """The RTU frame we send carries the checksum of the standard's own bitwise rule."""
    request = RtuFraming().request(17, Table.HOLDING, 0x006B, 3)

    assert request.frame == with_crc(bytes.fromhex("11 03 00 6B 00 03"))
