"""The simulated HJ 212 station: packets by themselves, the checksum of published ones, and patience."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from drivers.sim.faults import Fault
from drivers.sim.hj212_station import Factor, Station, checksum, packet
from drivers.sim.plant import Plant
from drivers.sim.ports import TcpPort
from drivers.sim.serial_plant import stack_factors
from drivers.sim.serial_server import SerialServer
from tests.peers.box_end import BoxEnd
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from drivers.reading import Clock

MN = "010000A8900016F000169DC0"
SECOND = 1_000_000_000


class Hands:
    """A clock that is turned by hand, beginning at 2026-01-01 08:00:00 in Beijing."""

    def __init__(self) -> None:
        self.ns = 0

    def mono_ns(self) -> int:
        """Return the time since the beginning."""
        return self.ns

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return 1_767_225_600_000 + self.ns // 1_000_000


def measured(clock: Clock) -> Sequence[Factor]:
    """Return one factor whose value is the time in seconds."""
    return [Factor("a21026", clock.mono_ns() / SECOND, decimals=1)]


def run(station: Station, clock: Hands, until_s: int, fault: Fault | None = None) -> list[str]:
    """Let the station speak whenever it wants to; return its packets."""
    said: list[str] = []
    while (due := station.due_ns(clock)) is not None and due <= until_s * SECOND:
        clock.ns = due
        said += re.findall(r"##.*?\r\n", station.speak(clock, fault).decode(), re.DOTALL)
    clock.ns = until_s * SECOND
    return said


# Published frames (HJ 212-2017 appendix A and C; GitHub liruoyu2008/HJ212Interpreter).
PUBLISHED = [
    "##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&1C80\r\n",
    "##0087QN=20160801085857223;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&&&3240\r\n",
    (
        "##0162QN=20231008123340461;ST=22;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;CP=&&"
        "DataTime=20231008123340;w01008-SampleTime=20231008123340,w01008-Rtd=123.456&&F441\r\n"
    ),
]


@pytest.mark.parametrize("text", PUBLISHED)
def test_published_packets(text: str) -> None:
    """A published segment is wrapped into the published packet: same length, same checksum."""
    assert packet(text[6:-6]) == text.encode()


@pytest.mark.parametrize(("data", "digits"), [(b"", b"FFFF"), (b"\0", b"4040"), (b"123456789", b"2F80")])
def test_checksum(data: bytes, digits: bytes) -> None:
    """The check values of the CRC that HJ 212 alone has."""
    assert checksum(data) == digits


def test_what_a_station_says() -> None:
    """A packet of real-time data, whole."""
    clock = Hands()
    (said,) = run(Station(MN, measured, interval_s=30), clock, 1)

    assert said[6:-6] == (
        f"QN=20260101080000500;ST=31;CN=2011;PW=123456;MN={MN};Flag=4;CP=&&DataTime=20260101080000;"
        "a21026-Rtd=0.5,a21026-Flag=N&&"
    )


def test_real_time_data_comes_regularly() -> None:
    """A packet every interval, and none in between."""
    said = run(Station(MN, measured, interval_s=10, minutes=False), Hands(), 95)

    assert len(said) == 10
    assert all("CN=2011" in packet_ for packet_ in said)


def test_minute_data_is_dated_by_its_beginning() -> None:
    """When a minute is over its least, mean and greatest value follow, dated by the minute's start."""
    said = run(Station(MN, measured, interval_s=20), Hands(), 65)
    (minute,) = [packet_ for packet_ in said if "CN=2051" in packet_]

    assert "DataTime=20260101080000;a21026-Min=0.5,a21026-Avg=20.5,a21026-Max=40.5,a21026-Flag=N" in minute
    assert len({packet_[:24] for packet_ in said}) == len(said)


def test_a_minute_of_bad_values_is_bad() -> None:
    """Less than three quarters of normal values make flag D."""
    station = Station(MN, lambda clock: [Factor("a34013", 1.0, "M" if clock.mono_ns() < 30 * SECOND else "N")])
    minute = next(packet_ for packet_ in run(station, Hands(), 65) if "CN=2051" in packet_)

    assert "a34013-Flag=D" in minute


def acknowledgement(said: str) -> bytes:
    """Build the answer to a packet."""
    return packet(f"{said[6:26]};ST=91;CN=9014;PW=123456;MN={MN};Flag=4;CP=&&&&")


def test_unacknowledged_packets_come_again() -> None:
    """Flag 5 wants an answer: without one the same packet comes three times more, every five seconds."""
    said = run(Station(MN, measured, interval_s=100, flag=5, minutes=False), Hands(), 90)

    assert len(said) == 4
    assert len(set(said)) == 1


def test_acknowledged_packets_do_not() -> None:
    """With the answer to its QN the station is content; the answer to another QN is none."""
    clock = Hands()
    station = Station(MN, measured, interval_s=100, flag=5, minutes=False)
    (said,) = run(station, clock, 1)
    station.answer(acknowledgement(said.replace("QN=2026", "QN=2025")), clock, None)
    assert station.acknowledged == 0

    station.answer(acknowledgement(said), clock, None)
    assert station.acknowledged == 1
    assert run(station, clock, 90) == []
    assert station.writes_seen == 0


def test_orders_are_counted() -> None:
    """Anything but an acknowledgement is an order, and counted."""
    station = Station(MN, measured)
    station.answer(PUBLISHED[0].encode(), Hands(), None)

    assert station.writes_seen == 1


FAULTS = {"dead": (Fault("dead"), 0), "checksum": (Fault("checksum"), 1), "nan": (Fault("nan"), 1)}


@pytest.mark.parametrize(("fault", "packets"), FAULTS.values(), ids=FAULTS)
def test_faults(fault: Fault, packets: int) -> None:
    """A dead station is silent; one without values says so; a broken checksum is broken."""
    said = run(Station(MN, measured, interval_s=50), Hands(), 1, fault)

    assert len(said) == packets
    for text in said:
        assert (checksum(text[6:-6].encode()) == text[-6:-2].encode()) is (fault.kind != "checksum")
        assert ("a21026-Flag=D" in text) is (fault.kind == "nan")


def test_dust_while_the_probe_is_purged() -> None:
    """While there is no reading the station sends 0 with flag M; the rest is converted to 9 % oxygen."""
    factors = {factor.code: factor for factor in stack_factors(Plant().at(39.0).stack)}

    assert (factors["a34013"].value, factors["a34013"].flag) == (0.0, "M")
    so2, o2 = factors["a21026"], factors["a19001"]
    assert so2.converted == pytest.approx(so2.value * 12 / (21 - o2.value))


def test_over_a_serial_line(tmp_path: Path) -> None:
    """On a line the packets come by themselves, at the line's pace, and are acknowledged."""
    server = SerialServer(HostClock())
    station = Station(MN, measured, interval_s=1, flag=5)
    server.offer("stack", [station], tmp_path / "stack")
    with server, BoxEnd(tmp_path / "stack") as box:
        said = b""
        while not said.endswith(b"\r\n"):
            said += box.hear(1)
        box.send(acknowledgement(said.decode()))
        box.hear(200)

    assert said.startswith(b"##")
    assert station.acknowledged == 1


@pytest.mark.parametrize("calls", [False, True], ids=["listens", "calls"])
def test_over_tcp(calls: bool) -> None:
    """Behind a serial server the station is a TCP server or a client, and its packets are the same."""
    ear = socket.create_server(("127.0.0.1", 0))
    ear.settimeout(20)
    port = TcpPort(port=ear.getsockname()[1] if calls else 0, calls=calls)
    station = Station(MN, measured, interval_s=1, flag=5)
    server = SerialServer(HostClock())
    server.add("stack", [station], port)
    with server, ear:
        sock = ear.accept()[0] if calls else socket.create_connection(port.address, timeout=20)
        sock.settimeout(20)
        with sock, sock.makefile("rb") as lines:
            said = lines.readline()
            sock.sendall(acknowledgement(said.decode()))
            lines.readline()

    assert said.startswith(b"##")
    assert station.acknowledged == 1
