"""A simulated serial line: paced at the real character time, deaf at wrong settings, and faulty exactly as asked."""

from __future__ import annotations

import errno
import os
import select
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest

from drivers.sim.__main__ import HostClock
from drivers.sim.faults import Fault, FaultBoard
from drivers.sim.image import Image, block, pack
from drivers.sim.paced_line import PacedLine
from drivers.sim.serial_server import SerialServer
from drivers.sim.serial_units import ModbusSlave
from drivers.sim.talk import Talk, collide
from drivers.sim.uart import Uart
from drivers.sim.wire import AsciiFraming, RtuFraming, crc16
from tests.peers.box_end import BoxEnd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drivers.reading import Clock


class Steady:
    """Holding registers 0..124 that count their own addresses, and 200.."""

    def image(self, clock: Clock) -> Image:
        """Return the same at any time."""
        return Image({"holding": (block(0, 125, [(n, pack("H", n)) for n in range(125)]),)})


def read(unit: int, count: int, address: int = 0) -> bytes:
    """Build an RTU request for holding registers."""
    frame = struct.pack(">BBHH", unit, 3, address, count)
    return frame + crc16(frame)


def values(unit: int, count: int) -> bytes:
    """Build the answer of a `Steady` unit."""
    frame = struct.pack(f">BBB{count}H", unit, 3, 2 * count, *range(count))
    return frame + crc16(frame)


LINES = {
    "slow": [ModbusSlave(1, Steady(), RtuFraming(), Uart(2400))],
    "line": [
        ModbusSlave(1, Steady(), RtuFraming()),
        ModbusSlave(2, Steady(), RtuFraming(), delay_s=0.2),
        ModbusSlave(7, Steady(), RtuFraming(), Uart(9600, "E")),
        ModbusSlave(8, Steady(), RtuFraming(), Uart(2400, "E")),
        ModbusSlave(9, Steady(), AsciiFraming()),
    ],
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SerialServer]:
    """Serve two lines under tmp_path."""
    server = SerialServer(HostClock())
    for line, units in LINES.items():
        server.offer(line, units, tmp_path / line, strict_parity=True)
    with server:
        yield server


@pytest.fixture
def box(server: SerialServer, tmp_path: Path) -> Iterator[BoxEnd]:
    """Hold the line at 9600 8N1."""
    with BoxEnd(tmp_path / "line") as box:
        yield box


def timed(box: BoxEnd, request: bytes, count: int) -> float:
    """Return the shortest time of three that a whole answer took."""
    times = []
    for _ in range(3):
        start = time.monotonic()
        assert len(box.ask(request, count, quiet_s=5)) == count
        times.append(time.monotonic() - start)
        time.sleep(0.02)
    return min(times)


def test_a_quarter_of_the_speed_takes_four_times_as_long(server: SerialServer, box: BoxEnd, tmp_path: Path) -> None:
    """The same exchange takes about four times as long at 2400 Bd as at 9600 Bd."""
    with BoxEnd(tmp_path / "slow", 2400) as slow:
        ratio = timed(slow, read(1, 60), 125) / timed(box, read(1, 60), 125)

    assert 3.2 < ratio < 4.5


def test_an_answer_takes_as_long_as_its_characters(box: BoxEnd) -> None:
    """An exchange lasts at least request, silence and answer in characters of 1.04 ms."""
    taken = timed(box, read(1, 60), 125)

    assert taken >= (8 + 3.5 + 125) * 10 / 9600


def test_characters_come_one_after_the_other(server: SerialServer, tmp_path: Path) -> None:
    """When half of a long answer's time is over, neither nothing nor everything has come."""
    with BoxEnd(tmp_path / "slow", 2400) as box:
        box.send(read(1, 120))
        early = box.hear(within_s=(8 + 3.5 + 122) * 10 / 2400, quiet_s=5)
        late = box.hear(245 - len(early))

    assert 0 < len(early) < 245
    assert early + late == values(1, 120)


def test_a_slow_device_takes_its_time(box: BoxEnd) -> None:
    """A unit with a delay of its own answers later than its neighbour by about that delay."""
    assert timed(box, read(2, 2), 9) - timed(box, read(1, 2), 9) > 0.15


def test_what_is_sent_in_pieces_is_one_request(box: BoxEnd) -> None:
    """A request written in two pieces without a silence between them is understood."""
    request = read(1, 3)
    box.send(request[:5])
    box.send(request[5:])

    assert box.hear(11) == values(1, 3)


SILENT = {
    "somebody else": read(3, 1),
    "broken CRC": read(1, 1)[:-1] + b"\0",
    "rubbish before": b"\0" + read(1, 1),
    "rubbish behind": read(1, 1) + b"\0",
    "broadcast": read(0, 1),
}


@pytest.mark.parametrize("request_", SILENT.values(), ids=SILENT)
def test_what_nobody_answers(box: BoxEnd, request_: bytes) -> None:
    """A slave answers a frame to itself that is right from the first character to the last, and nothing else."""
    assert box.ask(request_, quiet_s=0.15) == b""
    assert box.ask(read(1, 1), 7) == values(1, 1)


SETTINGS = {
    "another speed": (1, 2400, "N"),
    "no parity for even": (7, 9600, "N"),
    "odd for even": (7, 9600, "O"),
    "speed and parity": (8, 9600, "N"),
}


@pytest.mark.parametrize(("unit", "baud", "parity"), SETTINGS.values(), ids=SETTINGS)
def test_wrong_settings_are_not_understood(box: BoxEnd, unit: int, baud: int, parity: str) -> None:
    """At other settings than its own a device says nothing; at its own it answers."""
    box.set(baud, parity)
    assert box.ask(read(unit, 1), quiet_s=0.2) == b""

    box.set(2400 if unit == 8 else 9600, "N" if unit == 1 else "E")
    assert box.ask(read(unit, 1), 7) == values(unit, 1)


def test_parity_that_nobody_can_tell(tmp_path: Path) -> None:
    """A line for masters that do not say even parity believes it to be right; odd parity and speed still count."""
    server = SerialServer(HostClock())
    server.offer("line", LINES["line"], tmp_path / "easy")
    with server, BoxEnd(tmp_path / "easy") as box:
        assert box.ask(read(7, 1), 7) == values(7, 1)
        assert box.ask(read(8, 1), quiet_s=0.2) == b""
        box.set(9600, "O")
        assert box.ask(read(7, 1), quiet_s=0.2) == b""


def test_ascii_transmission(box: BoxEnd) -> None:
    """The standard's example of an ASCII frame: unit 9 is asked for two registers and gives 0 and 1."""
    assert box.ask(b":090300000002F2\r\n", 19) == b":09030400000001EF\r\n"


def test_two_devices_of_one_protocol_or_another(box: BoxEnd, server: SerialServer) -> None:
    """RTU and ASCII slaves on one line do not disturb each other, and the counters tell who was asked."""
    before = server.served().requests.get(("line", 9), 0)
    box.ask(read(1, 1), 7)
    box.ask(b":090300000002F2\r\n", 19)

    assert server.served().requests["line", 9] == before + 1
    assert server.served().writes_seen == 0


# --- faults of a unit ---

ANSWERS = {
    "dead": (Fault("dead"), b""),
    "reset": (Fault("reset"), b""),
    "refuse": (Fault("refuse", code=6), b"\x01\x83\x06\xc1\x32"),
    "half": (Fault("half"), values(1, 2)[:4]),
    "junk": (Fault("junk"), bytes.fromhex("deadbeef00ff55aa0badf00d")),
    "checksum": (Fault("checksum"), values(1, 2)[:-1] + bytes((values(1, 2)[-1] ^ 0xFF,))),
    "wrong id": (Fault("wrong-id"), values(1, 2)[:-1] + bytes((values(1, 2)[-1] ^ 0xFF,))),
    "wrong unit": (Fault("wrong-unit"), values(2, 2)),
    "nan": (Fault("nan"), b"\x01\x03\x04\xff\xff\xff\xff" + crc16(b"\x01\x03\x04\xff\xff\xff\xff")),
    "settings": (Fault("settings", settings="2400 8E1"), b""),
}


@pytest.mark.parametrize(("fault", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_faults_of_a_unit(server: SerialServer, box: BoxEnd, fault: Fault, expected: bytes) -> None:
    """Each fault shows on the wire as it is described, spares the neighbour, and can be mended."""
    server.faults.put("line", 1, fault)
    assert box.ask(read(1, 2), quiet_s=0.2) == expected
    assert box.ask(read(2, 1), 7) == values(2, 1)

    server.faults.mend()
    assert box.ask(read(1, 2), 9) == values(1, 2)


def test_late(server: SerialServer, box: BoxEnd) -> None:
    """A late answer comes when nobody expects it any more, whole."""
    server.faults.put("line", 1, Fault("late", seconds=0.4))

    assert box.ask(read(1, 2), quiet_s=0.2) == b""
    assert box.hear(9) == values(1, 2)


def test_two_devices_with_one_address(server: SerialServer, box: BoxEnd) -> None:
    """Where two answer at once, the box hears something as long as one answer that is none."""
    server.faults.put("line", 1, Fault("collision"))
    heard = box.ask(read(1, 20), quiet_s=0.2)

    assert 45 <= len(heard) <= 47
    assert heard[:45] != values(1, 20)


def test_asking_into_an_answer_spoils_it(server: SerialServer, box: BoxEnd) -> None:
    """Who speaks while somebody answers spoils the answer, and his own words are not understood."""
    before = server.served().requests.get(("line", 2), 0)
    box.send(read(1, 60))
    first = box.hear(30)
    box.send(read(2, 1))
    rest = box.hear(quiet_s=0.4)

    assert first + rest != values(1, 60)
    assert server.served().requests.get(("line", 2), 0) == before


# --- faults of a line ---


def test_echo(server: SerialServer, box: BoxEnd) -> None:
    """With an echo the box hears its own request, and then the answer."""
    server.faults.put_on_line("line", Fault("echo"))

    assert box.ask(read(1, 2), 17) == read(1, 2) + values(1, 2)


def test_noise_comes_from_nowhere(server: SerialServer, box: BoxEnd) -> None:
    """Noise makes characters on a line where nobody speaks, about as many as asked for."""
    server.faults.put_on_line("line", Fault("noise", rate=200))
    heard = box.hear(within_s=2.0)

    assert 100 < len(heard) < 700
    assert len(set(heard)) > 20


def test_noise_hits_frames(server: SerialServer, box: BoxEnd) -> None:
    """Noise spoils characters of frames without making them longer."""
    server.faults.put_on_line("line", Fault("noise", rate=400))
    box.hear(within_s=0.7)
    box.send(read(1, 100))

    assert values(1, 100) not in box.hear(within_s=0.6)


def test_dropped_characters(server: SerialServer, box: BoxEnd) -> None:
    """Lost characters shorten the answer; when all are lost nothing comes."""
    server.faults.put_on_line("line", Fault("dropped", rate=0.02))
    answers = [box.ask(read(1, 100), quiet_s=0.2) for _ in range(4)]
    assert any(0 < len(answer) < 205 for answer in answers)

    server.faults.put_on_line("line", Fault("dropped", rate=1.0))
    assert box.ask(read(1, 100), quiet_s=0.2) == b""


def test_line_faults_add_up_and_are_mended_together(server: SerialServer, box: BoxEnd) -> None:
    """A line may have several faults; ``None`` mends them all."""
    server.faults.put_on_line("line", Fault("echo"))
    server.faults.put_on_line("line", Fault("dropped", rate=1.0))
    assert box.ask(read(1, 2), quiet_s=0.2) == b""

    server.faults.put_on_line("line", None)
    assert box.ask(read(1, 2), 9) == values(1, 2)


def test_a_line_cannot_have_a_unit_s_fault(server: SerialServer) -> None:
    """A fault that needs a unit is refused for a whole line."""
    with pytest.raises(ValueError, match="say which unit"):
        server.faults.put_on_line("line", Fault("dead"))


# --- unplugging ---


def gone(path: Path) -> bool:
    """Return whether the name leads nowhere."""
    return not path.exists() and not path.is_symlink()


def test_unplugging(server: SerialServer, tmp_path: Path) -> None:
    """Unplugged, the name is gone and whoever has it open gets an error; plugged in, it is back, another device."""
    name = tmp_path / "line"
    before = name.resolve()
    fd = os.open(name, os.O_RDWR | os.O_NOCTTY)
    keeper = os.openpty()  # takes the freed number, so that the adapter comes back under another
    server.unplug("line")

    assert gone(name)
    assert select.select([fd], [], [], 5)[0]
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        os.write(fd, b"?")

    server.plug("line")
    assert name.is_symlink()
    with BoxEnd(name) as box:
        assert box.ask(read(1, 1), 7) == values(1, 1)
    os.close(fd)
    for end in keeper:
        os.close(end)
    assert before.parent == name.resolve().parent


def test_closing_takes_the_names_away(tmp_path: Path) -> None:
    """After the simulator nothing is left, also when it is closed twice or was never started."""
    server = SerialServer(HostClock())
    server.offer("line", LINES["line"], tmp_path / "sub" / "line")
    server.close()
    server.close()

    assert gone(tmp_path / "sub" / "line")


# --- to the nanosecond ---


class Desk:
    """A clock turned by hand, and a port where what is delivered stands with its moment."""

    def __init__(self, baud: int) -> None:
        self.ns = 0
        self.baud = baud
        self.sent = b""
        self.got: list[tuple[int, bytes]] = []

    def mono_ns(self) -> int:
        """Return the moment."""
        return self.ns

    def wall_ms(self) -> int:
        """Return no time in particular."""
        return 0

    def fds(self) -> list[int]:
        """Return nothing to wait for."""
        return []

    def receive(self) -> bytes:
        """Return what the box has sent."""
        data, self.sent = self.sent, b""
        return data

    def deliver(self, data: bytes) -> None:
        """Keep what the box hears."""
        self.got.append((self.ns, data))

    def settings(self, unit: Uart) -> Uart:
        """Believe the parity, like a line that cannot know it."""
        return Uart(self.baud, unit.parity)

    def look_after(self) -> None:
        """Do nothing."""

    def plug(self) -> None:
        """Do nothing."""

    def unplug(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(("baud", "unit", "bits"), [(9600, 1, 10), (2400, 8, 11)], ids=["9600 8N1", "2400 8E1"])
def test_every_character_at_its_moment(baud: int, unit: int, bits: int) -> None:
    """On a line of mixed settings every exchange has the pace of the settings in force: request, silence, answer."""
    desk = Desk(baud)
    line = PacedLine("line", LINES["line"], desk, desk, FaultBoard())
    desk.sent = read(unit, 1)
    line.take()
    while (due := line.due_ns()) is not None:
        desk.ns = due
        line.step()

    assert b"".join(data for _, data in desk.got) == values(unit, 1)
    expected = [(8 + 3.5 + n) * bits * 1e9 / baud for n in range(1, 8)]
    assert [ns for ns, _ in desk.got] == pytest.approx(expected, abs=100)


# --- talks ---


def test_talks_that_overlap_spoil_each_other() -> None:
    """Exactly the characters that are on the line together come out wrong."""

    class Dice:
        """Always one."""

        def randint(self, low: int, high: int) -> int:
            return 1

    dice: Any = Dice()
    first, second = Talk(0, 10, [0, 0, 0, 0]), Talk(25, 10, [0, 0, 0, 0])

    assert list(collide(second, first, dice)) == [0, 1]
    assert first.characters == [0, 0, 1, 1]
    assert second.characters == [1, 1, 0, 0]


def test_talks_that_touch_leave_each_other_alone() -> None:
    """Who begins when the other ends does not collide."""
    dice: Any = None
    first, second = Talk(0, 10, [1, 2]), Talk(20, 10, [3, 4])

    assert not collide(second, first, dice)
    assert not collide(first, second, dice)


def test_fast_characters_are_handed_over_together() -> None:
    """Characters of 0.1 ms come ten at a time, the last of them without waiting for a full piece."""
    talk = Talk(0, 100_000, list(range(23)))

    assert talk.tell(900_000) == b""
    assert talk.tell(1_000_000) == bytes(range(10))
    assert talk.tell(2_050_000) == bytes(range(10, 20))
    assert talk.due_ns == 2_300_000
    assert talk.tell(2_300_000) == bytes(range(20, 23))
    assert talk.is_told
