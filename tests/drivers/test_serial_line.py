"""One line with its devices: visits, other settings, unplugging and coming back, listening, counters."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from threading import Timer
from typing import TYPE_CHECKING

import pytest

from drivers.errors import BadFrame, DriverError, LinkDown, NoAnswer
from drivers.reading import Scan
from drivers.serial_line import SerialLine
from drivers.serial_port import SerialPort
from drivers.spec import DeviceSpec, FieldSpec, LineSettings, SerialBusSpec, StatusSpec, TcpBusSpec
from drivers.tally import Tally
from drivers.tcp_ear import TcpEar
from drivers.tcp_link import TcpLink
from tests.drivers.pty_peer import PtyPeer, answer_to, asking, question
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from drivers.bus import RefusedPoint
    from drivers.stream import Stream
    from drivers.wire import Instrument, Sender, Wire
    from tests.drivers.pty_peer import Deed

CLOCK = HostClock()
FAST = LineSettings(115200)


def device(name: str, unit: int = 1, *, settings: LineSettings | None = None, points: int = 1) -> DeviceSpec:
    """Return a device of the tests' protocol; its second point decides about the first."""
    return DeviceSpec(
        name=name,
        bus="line-1",
        protocol="ascii",
        address=unit,
        timeout_s=0.2,
        points=tuple(FieldSpec(name=f"p{index}", field="x") for index in range(points)),
        settings=settings,
        statuses=(StatusSpec(point=1, when=(1,), flag="M", decides=(0,)),) if points > 1 else (),
    )


@dataclass
class Meter:
    """An instrument whose points are the registers from 10 on."""

    spec: DeviceSpec
    tally: Tally = field(default_factory=Tally)
    restored: int = 0

    def visit(self, wire: Wire) -> Scan:
        """Read every point."""
        values = tuple(
            wire.ask(question(10 + index, unit=self.spec.unit), self.spec.timeout_s, self.tally)[0] // (9 * index + 1)
            for index in range(len(self.spec.points))
        )
        return Scan(self.spec.name, CLOCK.wall_ms(), CLOCK.mono_ns(), values, "N" * len(values))

    def refused(self) -> list[RefusedPoint]:
        """Refuse nothing."""
        return []

    def restore(self) -> None:
        """Count."""
        self.restored += 1


@dataclass
class Analyzer:
    """A sender: every byte equal to its unit is a scan, every question mark is answered."""

    spec: DeviceSpec
    tally: Tally = field(default_factory=Tally)
    silences: list[Scan] = field(default_factory=list)

    def hear(self, data: bytes) -> tuple[list[Scan], bytes]:
        """Take what arrived."""
        scan = Scan(self.spec.name, CLOCK.wall_ms(), CLOCK.mono_ns(), (self.spec.unit,), "N")
        return [scan] * data.count(self.spec.unit), b"!" * data.count(b"?")

    def news(self) -> list[str]:
        """Tell which it is."""
        return [f"unit {self.spec.unit}"]

    def silent(self) -> Scan | None:
        """Return what the test has prepared."""
        return self.silences.pop() if self.silences else None


def line_of(
    path: str, *meters: Instrument, senders: Iterable[Sender] = (), settings: LineSettings = FAST
) -> SerialLine:
    """Return a line on a port."""
    spec = SerialBusSpec(name="line-1", port=path, settings=settings)
    return SerialLine(spec, SerialPort(path, CLOCK), list(meters), list(senders), CLOCK)


@pytest.fixture(name="peer")
def _peer() -> Iterator[PtyPeer]:
    with PtyPeer() as peer:
        yield peer


# --- asking ------------------------------------------------------------------------------------------


def test_nothing_is_opened_before_the_first_visit(peer: PtyPeer) -> None:
    """A line that nobody visits leaves its port alone; a visit opens it once."""
    line = line_of(peer.path, Meter(device("a")), Meter(device("b", 2)))
    assert line.counters().connects == 0

    assert [line.visit(name).values for name in ("a", "b", "a")] == [(10,)] * 3
    assert line.counters().connects == 1
    assert not line.listens
    line.close()


def test_each_device_is_asked_with_its_own_settings(peer: PtyPeer) -> None:
    """The line's settings are the default; a device with others gets them, and the next one the line's again."""
    meters = Meter(device("a")), Meter(device("b", 2, settings=LineSettings(2400, 8, "E", 1)))
    port = SerialPort(peer.path, CLOCK)
    line = SerialLine(SerialBusSpec(name="line-1", port=peer.path, settings=FAST), port, meters, [], CLOCK)

    seen = []
    for name in ("a", "b", "a"):
        line.visit(name)
        seen.append(str(port.settings))
    assert seen == ["115200 8N1", "2400 8E1", "115200 8N1"]
    line.close()


def test_a_device_with_impossible_settings_costs_the_others_nothing(peer: PtyPeer) -> None:
    """The line stays up; the device alone is bad."""
    line = line_of(peer.path, Meter(device("a")), Meter(device("b", 2, settings=LineSettings(12345))))

    with pytest.raises(DriverError, match="12345 baud") as caught:
        line.visit("b")
    assert not isinstance(caught.value, LinkDown)
    assert line.visit("a").values == (10,)
    assert line.counters().link_failures == 0
    line.close()


def test_the_device_s_status_judges_its_values(peer: PtyPeer) -> None:
    """Register 11 reads 1 here, which says maintenance: the value keeps its number and gets the flag."""
    line = line_of(peer.path, Meter(device("a", points=2)))

    scan = line.visit("a")
    assert (scan.values, scan.flags) == ((10, 1), "MN")
    line.close()


def test_a_silent_device_does_not_close_the_line(peer: PtyPeer) -> None:
    """NoAnswer passes to the caller, and the port stays open for the others."""
    peer.script = lambda asked: () if asked[1] == 2 else (answer_to(asked),)
    line = line_of(peer.path, Meter(device("a")), Meter(device("b", 2)))

    line.visit("a")
    with pytest.raises(NoAnswer, match="no answer from unit 2"):
        line.visit("b")
    assert line.visit("a").values == (10,)
    assert line.counters().connects == 1
    line.close()


# --- unplugging --------------------------------------------------------------------------------------


def test_s1_s2_a_line_comes_back_by_its_stable_name_at_the_first_visit(tmp_path: Path) -> None:
    """Pulled out in mid-frame: LinkDown, then "not there"; plugged in under another name: the next visit reads."""
    name = tmp_path / "line"
    with PtyPeer() as second, PtyPeer() as first:
        first.link_from(name)
        line = line_of(str(name), Meter(device("a")))
        line.visit("a")
        first.script = lambda asked: (answer_to(asked)[:3], None)
        with pytest.raises(LinkDown, match=f"{name} is gone: unplugged"):
            line.visit("a")
        name.unlink()
        with pytest.raises(LinkDown, match=f"cannot open {name}: it is not there"):
            line.visit("a")
        second.link_from(name)

        assert line.visit("a").values == (10,)
        assert (line.counters().connects, line.counters().link_failures) == (2, 2)
        line.close()


def test_an_adapter_exchanged_between_two_visits_is_nobody_s_fault(tmp_path: Path) -> None:
    """What broke while the line was idle is opened anew within the visit."""
    name = tmp_path / "line"
    with PtyPeer() as second, PtyPeer() as first:
        first.link_from(name)
        line = line_of(str(name), Meter(device("a")))
        line.visit("a")
        first.unplug()
        second.link_from(name)

        assert line.visit("a").values == (10,)
        assert line.counters().link_failures == 0
        line.close()


def test_s3_a_line_held_by_another_process_is_down_in_words(peer: PtyPeer) -> None:
    """The lock is found at the first visit; once it is gone, the next visit reads."""
    other = SerialPort(peer.path, CLOCK)
    other.open()
    line = line_of(peer.path, Meter(device("a")))

    with pytest.raises(LinkDown, match="held by another process"):
        line.visit("a")
    other.close()
    assert line.visit("a").values == (10,)
    line.close()


# --- through a serial server -------------------------------------------------------------------------


def test_a_line_behind_a_serial_server_works_alike() -> None:
    """The same wire over a TCP connection, which may be closed and made again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        spec = TcpBusSpec(name="line-1", host="127.0.0.1", port=server.getsockname()[1], framing="rtu")
        stream: Stream = TcpLink(spec.host, spec.port, CLOCK)
        line = SerialLine(spec, stream, [Meter(device("a", settings=FAST))], [], CLOCK)
        stream.open()
        host, _ = server.accept()
        host.sendall(answer_to(asking(1, 10)))  # unasked: not taken for an answer
        with host, pytest.raises(NoAnswer):
            line.visit("a")
        assert line.counters().noise_bytes == 6
        line.close()


# --- listening ---------------------------------------------------------------------------------------


def test_every_sender_hears_everything_and_is_answered(peer: PtyPeer) -> None:
    """Bytes go to all senders, equal replies go out once, and the scans come back as soon as there is one."""
    peer.script = lambda _: [b"\x01\x02?"]
    line = line_of(peer.path, senders=[Analyzer(device("a", 1)), Analyzer(device("b", 2))])
    assert line.listens
    assert line.listen(0) == []
    peer.say(b"\x02?????\x01")

    heard: list[str] = []
    while len(heard) < 4:
        heard += [scan.device for scan in line.listen(CLOCK.mono_ns() + int(5e9))]
    assert sorted(heard[:2]) == ["a", "b"]
    assert peer.frames[0] == b"!!!!!"
    assert line.news() == (("a", "unit 1"), ("b", "unit 2"))
    line.close()


def test_a_reply_waits_for_the_silence_behind_the_message(peer: PtyPeer) -> None:
    """A line end that comes 50 ms behind the message, within 3.5 characters at 110 baud, does not collide with it."""
    settings = LineSettings(110)
    line = line_of(peer.path, senders=[Analyzer(device("a"))], settings=settings)
    line.listen(0)
    said_ns: list[int] = []

    def line_end() -> None:
        said_ns.append(CLOCK.mono_ns())
        peer.say(b"\r\n")

    peer.say(b"?????\x01")
    Timer(0.05, line_end).start()
    assert len(line.listen(CLOCK.mono_ns() + int(5e9))) == 1
    while not peer.asked:
        line.listen(CLOCK.mono_ns() + int(1e7))

    assert peer.asked[0][0] - said_ns[0] >= settings.silence_s * 1e9
    line.close()


def test_a_sender_that_is_silent_gives_unknowns(peer: PtyPeer) -> None:
    """What a sender has to say about its silence comes back although no byte came."""
    analyzer = Analyzer(device("a"))
    analyzer.silences.append(Scan.unanswered("a", 1, CLOCK, "nothing heard"))
    line = line_of(peer.path, senders=[analyzer])

    assert [scan.flags for scan in line.listen(CLOCK.mono_ns() + int(1e7))] == ["B"]
    assert line.listen(CLOCK.mono_ns() + int(1e7)) == []
    line.close()


def test_a_line_that_is_listened_to_may_be_unplugged_too(tmp_path: Path) -> None:
    """The hang-up is a LinkDown that counts; with a new adapter listening goes on."""
    name = tmp_path / "line"
    with PtyPeer() as second, PtyPeer() as first:
        first.link_from(name)
        line = line_of(str(name), senders=[Analyzer(device("a"))])
        line.listen(0)
        first.unplug()
        name.unlink()
        with pytest.raises(LinkDown, match="it is not there"):
            line.listen(CLOCK.mono_ns() + int(5e9))
        second.link_from(name)
        line.listen(0)
        second.say(b"\x01")

        assert len(line.listen(CLOCK.mono_ns() + int(5e9))) == 1
        assert line.counters().link_failures == 1
        line.close()


def test_an_instrument_that_hangs_up_after_each_message_is_heard_again() -> None:
    """The next connection is taken at once; while nobody is connected the ear stays open for who comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    spec = TcpBusSpec(name="line-1", host="127.0.0.1", port=port, framing="rtu", listen=True)
    line = SerialLine(spec, TcpEar(spec.host, port, CLOCK), [], [Analyzer(device("a"))], CLOCK)
    with pytest.raises(LinkDown, match="nobody has connected"):
        line.listen(0)

    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as instrument:
            instrument.sendall(b"\x01")
        assert len(line.listen(CLOCK.mono_ns() + int(5e9))) == 1
    line.close()


# --- counters ----------------------------------------------------------------------------------------


def test_counters_say_how_the_line_was_used(peer: PtyPeer) -> None:
    """Characters and standard silences of what was answered: 5 + 6 characters and two silences an exchange."""
    line = line_of(peer.path, Meter(device("a")), settings=LineSettings(9600))
    for _ in range(3):
        line.visit("a")

    counters = line.counters()
    one = 11 * LineSettings(9600).char_s + 2 * LineSettings(9600).silence_s
    assert counters.char_s_total == pytest.approx(3 * one, rel=1e-6)
    assert counters.devices["a"].answers == 3
    assert counters.diagnosis == ""
    line.close()


def garbage(_: bytes) -> Iterable[Deed]:
    """Answer as a line at another baud rate does."""
    return (b"\xf8\x00\x1c\xe0\x9f\x03\xfc",)


def test_s8_the_diagnosis_names_who_suffers(peer: PtyPeer) -> None:
    """All devices: it is the line. One of two: it is named."""
    line = line_of(peer.path, Meter(device("a")), Meter(device("b", 2)))

    def visit(name: str, times: int = 5) -> None:
        for _ in range(times):
            with pytest.raises(BadFrame):
                line.visit(name)

    peer.script = garbage
    visit("a")
    assert line.counters().diagnosis.startswith("garbage at 115200 8N1: wrong baud rate or parity, or A and B swapped")
    peer.script = lambda asked: (answer_to(asked),) if asked[1] == 1 else garbage(asked)
    line.visit("a")
    visit("b")
    assert line.counters().diagnosis.startswith("b: garbage at 115200 8N1")
    line.close()


def test_restore_reaches_the_instrument(peer: PtyPeer) -> None:
    """A device that is back is asked for everything again; there is nothing to restore on a sender."""
    meter = Meter(device("a"))
    line = line_of(peer.path, meter)
    line.restore("a")

    assert meter.restored == 1
    assert line.refused() == ()
    line_of(peer.path, senders=[Analyzer(device("a"))]).restore("a")
