"""The listening end of a TCP connection, over real sockets; and an instrument that talks HJ 212 through it."""

from __future__ import annotations

import socket
import struct
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drivers.errors import LinkDown
from drivers.hj212.content import message_of
from drivers.hj212.packet import Packet, Splitter
from drivers.hj212.sender import Hj212Sender
from drivers.serial_line import SerialLine
from drivers.spec import DeviceSpec, FactorSpec, TcpBusSpec
from drivers.tcp_ear import TcpEar
from drivers.tcp_link import CHUNK, LinkClosed, TcpLink
from tests.drivers.hj212.frames import framed, named
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOCK = HostClock()
PATIENCE_S = 10.0
DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture(autouse=True)
def _nothing_leaks() -> Iterator[None]:
    """No test leaves a descriptor behind."""
    before = len(list(DESCRIPTORS.iterdir()))
    yield
    assert len(list(DESCRIPTORS.iterdir())) == before


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def listening() -> Iterator[tuple[TcpEar, int]]:
    """Give an ear that listens already, and its port."""
    port = free_port()
    ear = TcpEar("127.0.0.1", port, CLOCK)
    with pytest.raises(LinkDown):
        ear.open()
    try:
        yield ear, port
    finally:
        ear.close()
        ear.close()


@contextmanager
def calling(port: int) -> Iterator[socket.socket]:
    """Give the instrument's end of a connection to `port`."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as instrument:
        yield instrument


def fill(ear: TcpEar) -> None:
    """Send more than any buffer holds."""
    for _ in range(10_000):
        ear.send(bytes(10_000))


def soon(seconds: float = PATIENCE_S) -> int:
    """Return a deadline."""
    return CLOCK.mono_ns() + int(seconds * 1e9)


def test_nobody_there_is_said_in_words() -> None:
    """Before the first connection the line is down, and the words say where we listen."""
    port = free_port()
    ear = TcpEar("127.0.0.1", port, CLOCK)
    with closing(ear), closing(ear), pytest.raises(LinkDown) as raised:
        ear.open()

    assert str(raised.value) == f"nobody has connected to 127.0.0.1:{port} yet"
    assert not ear.is_open
    assert ear.connects == 0


def test_bytes_go_both_ways() -> None:
    """What the instrument sends is received, what we send reaches it."""
    with listening() as (ear, port), calling(port) as instrument:
        ear.open()
        instrument.sendall(b"hello")

        assert ear.receive(soon()) == b"hello"
        ear.send(b"well")
        assert instrument.recv(10) == b"well"
        assert ear.waiting() == b""
        assert ear.connects == 1


def test_an_instrument_that_came_before_open_is_taken() -> None:
    """It connects when it likes; what it sent meanwhile is there."""
    with listening() as (ear, port), calling(port) as instrument:
        instrument.sendall(b"early")
        ear.open()

        assert ear.is_open
        assert ear.receive(soon()) == b"early"


def test_a_deadline_is_a_deadline() -> None:
    """Nothing comes: TimeoutError, and the connection stays."""
    with listening() as (ear, port), calling(port):
        ear.open()
        with pytest.raises(TimeoutError):
            ear.receive(soon(0.02))

        assert ear.is_open


def test_a_flood_is_handed_over_in_pieces() -> None:
    """At most so many bytes at a time."""
    with listening() as (ear, port), calling(port) as instrument:
        ear.open()
        instrument.sendall(bytes(10 * CHUNK))

        assert len(ear.receive(soon())) <= CHUNK


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
def test_the_end_of_a_connection_is_told_and_the_next_is_taken(is_reset: bool) -> None:
    """The port is listened on throughout: the instrument can come back at once."""
    with listening() as (ear, port):
        with calling(port) as instrument:
            ear.open()
            if is_reset:
                instrument.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with pytest.raises(LinkClosed):
            ear.receive(soon())
        assert not ear.is_open
        with calling(port) as instrument:
            ear.open()
            instrument.sendall(b"back")

            assert ear.receive(soon()) == b"back"
            assert ear.connects == 2


def test_after_a_lost_connection_nobody_is_there_again() -> None:
    """The words tell a lost instrument from one that never came."""
    with listening() as (ear, port):
        with calling(port):
            ear.open()
        with pytest.raises(LinkClosed):
            ear.receive(soon())
        with pytest.raises(LinkDown, match="again yet"):
            ear.open()


def test_the_newest_connection_wins() -> None:
    """An instrument that lost its network connects anew while the old connection still looks alive."""
    with listening() as (ear, port), calling(port) as old:
        ear.open()
        with calling(port) as new:
            new.sendall(b"new")

            assert ear.receive(soon()) == b"new"
            assert old.recv(10) == b"", "the old one is hung up"
            assert ear.connects == 2


def test_what_the_old_connection_still_brings_comes_first() -> None:
    """An instrument that connects for every upload loses none."""
    with listening() as (ear, port), calling(port) as old:
        ear.open()
        old.sendall(b"old")
        with calling(port) as new:
            new.sendall(b"new")

            assert [ear.receive(soon()), ear.receive(soon())] == [b"old", b"new"]


def test_many_connections_cost_one_descriptor() -> None:
    """However often somebody connects, one connection is held."""
    with listening() as (ear, port):
        with calling(port):
            ear.open()
            before = len(list(DESCRIPTORS.iterdir()))
            for _ in range(50):
                with calling(port) as instrument:
                    instrument.sendall(b"x")
                    assert ear.receive(soon()) == b"x"
            assert len(list(DESCRIPTORS.iterdir())) <= before
        assert ear.connects == 51


def test_a_taken_port_is_said_in_words() -> None:
    """Two programs cannot listen on one port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ear = TcpEar("127.0.0.1", port, CLOCK)
        with pytest.raises(LinkDown) as raised:
            ear.open()

    assert str(raised.value) == (
        f"cannot listen on 127.0.0.1:{port}: another program has taken the port, or another bus of this box"
    )


@pytest.mark.parametrize(
    ("host", "words"),
    [("192.0.2.1", "no such address"), ("no such host.invalid", "cannot listen on")],
)
def test_an_address_that_is_not_ours_is_said_in_words(host: str, words: str) -> None:
    """The site file may name an address this box does not have."""
    with pytest.raises(LinkDown, match=words):
        TcpEar(host, 9000, CLOCK).open()


def test_hanging_up_keeps_listening() -> None:
    """A bus hangs up whenever its stream fails. The instrument is not refused because nobody is trying just then."""
    with listening() as (ear, port):
        ear.hang_up()
        with calling(port) as instrument:
            ear.open()
            instrument.close()
            with pytest.raises(LinkClosed):
                ear.receive(soon())
            ear.hang_up()
        with calling(port) as instrument:
            instrument.sendall(b"back")
            ear.open()

            assert ear.receive(soon()) == b"back"


def test_close_gives_everything_back_and_can_be_repeated() -> None:
    """After `close` nobody listens; `open` begins anew on the same port at once."""
    with listening() as (ear, port), calling(port):
        ear.open()
        ear.close()
        ear.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        with pytest.raises(LinkDown, match="again yet"):
            ear.open()
        with calling(port):
            ear.open()

            assert ear.is_open


def test_sending_into_a_dead_connection_is_told() -> None:
    """An instrument that takes nothing does not block us."""
    with listening() as (ear, port), calling(port):
        ear.open()
        with pytest.raises(LinkClosed):
            fill(ear)

        assert not ear.is_open


# --- HJ 212 over TCP, either side listening ------------------------------------------------------

UPLOAD = named("22 2017 upload CN 2011")
POINTS = (FactorSpec(name="ph", factor="w01001"), FactorSpec(name="cod", factor="w01018"))
DEVICE = DeviceSpec(
    name="cod-1", bus="b", protocol="hj212", address="010000A8900016F000169DC0", timeout_s=180.0, points=POINTS
)


def listened(stream: TcpEar | TcpLink, instrument: socket.socket) -> tuple[object, bytes]:
    """Let the instrument send its upload in two pieces; return the scan's values and what it gets back."""
    sender = Hj212Sender(DEVICE, CLOCK)
    scans: list[object] = []
    for piece in (UPLOAD.wire[:50], UPLOAD.wire[50:]):
        instrument.sendall(piece)
        while not scans:
            found, reply = sender.hear(stream.receive(soon()))
            scans += [scan.values for scan in found]
            if reply:
                stream.send(reply)
            if piece == UPLOAD.wire[:50]:
                break
    return scans, instrument.recv(1000)


def acknowledged(reply: bytes) -> str:
    """Return what the instrument was told."""
    (packet,) = Splitter().feed(reply)
    assert isinstance(packet, Packet)
    return message_of(packet.data).cn


def test_an_instrument_that_connects_to_us() -> None:
    """Its upload is a scan here, and our acknowledgement is there."""
    with listening() as (ear, port), calling(port) as instrument:
        ear.open()
        scans, reply = listened(ear, instrument)

    assert scans == [(7.1, 2.2)]
    assert acknowledged(reply) == "9014"


def test_an_instrument_that_is_connected_to() -> None:
    """The other way round the same: the instrument listens, we connect."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = TcpLink("127.0.0.1", server.getsockname()[1], CLOCK)
        link.open()
        instrument, _ = server.accept()
        with closing(link), instrument:
            scans, reply = listened(link, instrument)

    assert scans == [(7.1, 2.2)]
    assert acknowledged(reply) == "9014"


# --- as a line's stream ----------------------------------------------------------------------------


def test_a_line_hears_an_instrument_that_comes_and_goes() -> None:
    """It connects late, hangs up after each upload and comes back; closing the line frees the port."""
    port = free_port()
    line = SerialLine(
        TcpBusSpec(name="b", host="127.0.0.1", port=port, framing="rtu", listen=True),
        TcpEar("127.0.0.1", port, CLOCK),
        [],
        [Hj212Sender(DEVICE, CLOCK)],
        CLOCK,
    )
    for _ in range(2):
        with pytest.raises(LinkDown, match="nobody has connected"):
            line.listen(soon(0))
    heard = []
    for number in range(3):
        with calling(port) as instrument:
            instrument.sendall(framed(UPLOAD.data.replace(b"QN=20160801", b"QN=2016080%d" % number)))
            heard += line.listen(soon())
    line.close()

    assert [scan.values for scan in heard] == [(7.1, 2.2)] * 3
    with socket.create_server(("127.0.0.1", port)):
        pass
