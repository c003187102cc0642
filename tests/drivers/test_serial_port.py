"""A serial port opens, locks, reads, changes its settings and dies in words (faults S1 to S4)."""

from __future__ import annotations

import errno
import os
import select
import termios
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from drivers.errors import BadRequest, LinkDown
from drivers.serial_port import CHUNK, ICOUNTER, LineFaults, SerialPort
from drivers.spec import LineSettings
from drivers.tcp_link import LinkClosed
from tests.drivers.pty_peer import PtyPeer, answer_to, asking
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLOCK = HostClock()
DESCRIPTORS = Path("/proc/self/fd")


def soon(seconds: float = 5.0) -> int:
    """Return a deadline."""
    return CLOCK.mono_ns() + int(seconds * 1e9)


@pytest.fixture(name="peer")
def _peer() -> Iterator[PtyPeer]:
    with PtyPeer() as peer:
        yield peer


@pytest.fixture(name="port")
def _port(peer: PtyPeer) -> Iterator[SerialPort]:
    port = SerialPort(peer.path, CLOCK)
    port.open()
    yield port
    port.close()


def attributes(port: SerialPort) -> list[int]:
    """Return the terminal's attributes as the kernel has them."""
    return [int(value) for value in termios.tcgetattr(port._fd)[:6] if isinstance(value, int)]


# --- bytes -------------------------------------------------------------------------------------------


def test_bytes_go_out_and_come_back(port: SerialPort) -> None:
    """What is sent reaches the peer, and its answer is received."""
    port.send(asking(1, 7))

    assert port.receive(soon()) == answer_to(asking(1, 7))
    assert port.waiting() == b""


def test_every_byte_value_passes_unchanged(peer: PtyPeer, port: SerialPort) -> None:
    """No byte is taken for an end of line, a flow control or an interrupt."""
    peer.say(bytes(range(256)))

    got = b""
    while len(got) < 256:
        got += port.receive(soon())
    assert got == bytes(range(256))


def test_nothing_in_time_is_a_time_out(port: SerialPort) -> None:
    """`receive` ends at its deadline, and at once when that is past."""
    with pytest.raises(TimeoutError):
        port.receive(soon(0.02))
    with pytest.raises(TimeoutError):
        port.receive(0)
    assert port.is_open


def test_a_flood_is_handed_over_in_bounded_chunks(peer: PtyPeer, port: SerialPort) -> None:
    """However much is there, `CHUNK` bytes at most come at a time."""
    peer.say(bytes(3 * CHUNK))

    sizes = [len(port.receive(soon())) for _ in range(3)]
    assert max(sizes) <= CHUNK


def test_what_the_driver_does_not_take_closes_the_port(port: SerialPort) -> None:
    """A whole write or none: a port that takes only a part is given up."""
    with pytest.raises(LinkClosed, match="does not take our bytes"):
        port.send(bytes(1 << 20))
    assert not port.is_open


# --- opening -----------------------------------------------------------------------------------------


def test_s3_a_second_opener_is_told_who_is_in_the_way(peer: PtyPeer, port: SerialPort) -> None:
    """The port is ours alone; the second opener gets the reason and the remedy, and the first goes on."""
    with pytest.raises(LinkDown, match=rf"cannot open {peer.path}: held by another process: `sudo fuser"):
        SerialPort(peer.path, CLOCK).open()

    port.send(asking(1, 7))
    assert port.receive(soon()) == answer_to(asking(1, 7))


def test_a_closed_port_is_free_again(peer: PtyPeer, port: SerialPort) -> None:
    """Closing, twice too, gives lock and descriptor back; opening counts."""
    before = len(list(DESCRIPTORS.iterdir()))
    for _ in range(3):
        port.close()
        port.close()
        port.open()

    assert port.is_open
    assert port.connects == 4
    assert len(list(DESCRIPTORS.iterdir())) == before


OPENING_FAILS = {
    "missing": (errno.ENOENT, "it is not there: adapter unplugged\\? `ls -l /dev/serial/by-path`"),
    "S4 no permission": (errno.EACCES, "add the user to group dialout"),
    "held exclusively": (errno.EBUSY, "held by another process"),
    "no hardware": (errno.EIO, "no hardware behind it"),
    "anything else": (errno.EMFILE, "too many open files"),
}


@pytest.mark.parametrize("case", OPENING_FAILS)
def test_a_port_that_does_not_open_says_what_to_do(case: str, peer: PtyPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every refusal of the system becomes what, where and what to do; nothing leaks."""
    number, words = OPENING_FAILS[case]

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    before = len(list(DESCRIPTORS.iterdir()))
    monkeypatch.setattr("serial.serialposix.os.open", refuse)
    port = SerialPort(peer.path, CLOCK)
    with pytest.raises(LinkDown, match=f"cannot open {peer.path}: .*{words}"):
        port.open()
    monkeypatch.undo()

    assert not port.is_open
    assert len(list(DESCRIPTORS.iterdir())) == before


@pytest.mark.parametrize(("path", "words"), [("/dev/null", "no serial port"), ("/dev", "no serial port")])
def test_what_is_no_serial_port_is_called_so(path: str, words: str) -> None:
    """A file, a folder or another device is refused in words."""
    with pytest.raises(LinkDown, match=words):
        SerialPort(path, CLOCK).open()


def test_a_missing_port_is_found_missing_by_the_system_too(tmp_path: Path) -> None:
    """Without any patch: a name that leads nowhere."""
    with pytest.raises(LinkDown, match="not there: adapter unplugged"):
        SerialPort(str(tmp_path / "ttyUSB0"), CLOCK).open()


def test_a_driver_without_rs485_mode_says_so(peer: PtyPeer) -> None:
    """`direction = "rts"` on a port that cannot is refused with the alternative."""
    with pytest.raises(LinkDown, match='cannot switch RS-485 by RTS: write direction = "adapter"'):
        SerialPort(peer.path, CLOCK, direction="rts").open()


# --- dying -------------------------------------------------------------------------------------------


def test_s1_an_unplugged_adapter_is_let_go_of_at_once(peer: PtyPeer, port: SerialPort) -> None:
    """After the hang-up no descriptor is kept, so that the adapter may come back under its name."""
    fd = port._fd
    peer.unplug()

    with pytest.raises(LinkClosed, match="unplugged"):
        port.receive(soon())
    assert not port.is_open
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@pytest.mark.parametrize("call", ["waiting", "send", "apply"])
def test_every_call_on_a_dead_port_says_closed(call: str, peer: PtyPeer, port: SerialPort) -> None:
    """Whichever call comes first after the hang-up, it raises LinkClosed and nothing else."""
    peer.unplug()

    calls: dict[str, Callable[[], object]] = {
        "waiting": port.waiting,
        "send": lambda: port.send(b"x"),
        "apply": lambda: port.apply(LineSettings(19200)),
    }
    with pytest.raises(LinkClosed):
        calls[call]()
    assert not port.is_open


def test_ready_but_empty_means_gone_or_shared(peer: PtyPeer, port: SerialPort, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that promises bytes and has none is unplugged or read by another program."""
    peer.say(b"x")
    assert select.select([port._fd], [], [], 5)[0]
    monkeypatch.setattr("drivers.serial_port.os.read", lambda _fd, _size: b"")

    with pytest.raises(LinkClosed, match="another program reads from it"):
        port.receive(soon())


def test_s2_a_stable_name_is_followed_anew(tmp_path: Path) -> None:
    """A re-plugged adapter under another name is found by the stable one."""
    name = tmp_path / "meter-line"
    with PtyPeer() as second:
        with PtyPeer() as first:
            first.link_from(name)
            port = SerialPort(str(name), CLOCK)
            port.open()
        with pytest.raises(LinkClosed):
            port.receive(soon())
        second.link_from(name)
        port.open()
        port.send(asking(1, 9))

        assert port.receive(soon()) == answer_to(asking(1, 9))
        port.close()


# --- settings ----------------------------------------------------------------------------------------


def test_settings_are_applied_only_when_they_differ(port: SerialPort, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver is called once per change: a USB adapter takes milliseconds for each."""
    driver = Mock(side_effect=termios.tcsetattr)
    monkeypatch.setattr("drivers.serial_port.termios.tcsetattr", driver)

    changed = [port.apply(LineSettings(baud)) for baud in (9600, 9600, 2400, 2400)]
    assert changed == [True, False, True, False]
    assert driver.call_count == 2
    assert attributes(port)[4:6] == [termios.B2400, termios.B2400]


def test_reopening_forgets_the_settings(port: SerialPort) -> None:
    """After opening, whatever another program left there is replaced."""
    assert port.apply(LineSettings(2400))
    port.close()
    port.open()

    assert port.apply(LineSettings(2400))


def test_bytes_with_errors_are_not_taken_for_good(port: SerialPort) -> None:
    """INPCK without IGNPAR and PARMRK: the driver replaces a byte with a parity error by NUL."""
    port.apply(LineSettings(2400, 8, "E", 1))

    iflag = attributes(port)[0]
    assert iflag & termios.INPCK
    assert not iflag & (termios.IGNPAR | termios.PARMRK | termios.BRKINT)


CFLAGS = {
    "8N1": (LineSettings(9600, 8, "N", 1), termios.CS8),
    "8E1": (LineSettings(9600, 8, "E", 1), termios.CS8 | termios.PARENB),
    "8O1": (LineSettings(9600, 8, "O", 1), termios.CS8 | termios.PARENB | termios.PARODD),
    "7E2": (LineSettings(9600, 7, "E", 2), termios.CS7 | termios.PARENB | termios.CSTOPB),
}


@pytest.mark.parametrize("case", CFLAGS)
def test_data_parity_and_stop_bits_become_flags(case: str, port: SerialPort, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is handed to the driver says the settings (a pty itself knows only 8N)."""
    settings, wanted = CFLAGS[case]
    handed = []
    monkeypatch.setattr("drivers.serial_port.termios.tcsetattr", lambda *args: handed.append(args[2]))
    port.apply(LineSettings())
    port.settings = None
    port.apply(settings)

    mask = termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB
    assert handed[-1][2] & mask == wanted


@pytest.mark.parametrize("baudrate", [9601, 0])
def test_an_impossible_baud_rate_is_the_device_s_matter(baudrate: int, port: SerialPort) -> None:
    """No port does it: BadRequest, and the port stays open for the others."""
    with pytest.raises(BadRequest, match=f"{baudrate} baud"):
        port.apply(LineSettings(baudrate))

    assert port.is_open
    assert port.settings is None


def test_a_rate_the_adapter_did_not_take_is_noticed(port: SerialPort, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that silently keeps its old rate is found out by reading back."""
    port.apply(LineSettings(9600))
    monkeypatch.setattr("drivers.serial_port.termios.tcsetattr", lambda *_: None)

    with pytest.raises(BadRequest, match="cannot do 2400 baud"):
        port.apply(LineSettings(2400))


def test_settings_the_adapter_refuses_are_named(port: SerialPort, monkeypatch: pytest.MonkeyPatch) -> None:
    """EINVAL from the driver names the settings."""

    def refuse(*_: object) -> None:
        raise termios.error(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr("drivers.serial_port.termios.tcsetattr", refuse)
    with pytest.raises(BadRequest, match="cannot do 9600 7E1"):
        port.apply(LineSettings(9600, 7, "E", 1))


# --- what the driver counts --------------------------------------------------------------------------


def test_a_driver_that_counts_no_errors_says_nothing(port: SerialPort) -> None:
    """A pty has no counts; unknown is not zero. Nothing is unsent either."""
    assert port.faults() is None
    assert port.unsent() == 0


def test_the_counts_of_line_errors_are_read(port: SerialPort, monkeypatch: pytest.MonkeyPatch) -> None:
    """Framing, overrun, parity and breaks stand where linux/serial.h has them."""
    raw = ICOUNTER.pack(*range(20))
    monkeypatch.setattr("drivers.serial_port.fcntl.ioctl", lambda *_: raw)

    assert port.faults() == LineFaults(frame=6, parity=8, overrun=7, breaks=9)
