"""Visits to Modbus devices: against servers written by others, and against one that misbehaves on request."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.errors import BadFrame, LinkDown, NoAnswer
from drivers.kinds import open_bus
from drivers.modbus_visit import MOST_LESSONS
from drivers.spec import DeviceSpec, PointSpec, Table, TcpBusSpec
from tests.peers.clock import HostClock
from tests.peers.faulty_modbus import (
    Asked,
    Deed,
    FaultyModbus,
    HangUp,
    Kind,
    Manner,
    dripping,
    first,
    honest,
    refusing,
    silent,
    with_hole,
)
from tests.peers.modbus_servers import RTU_PEERS, TCP_PEERS, serve
from tests.peers.sniffer import Sniffer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from drivers.bus import Bus

TIMEOUT_S = 0.2
DESCRIPTORS = Path("/proc/self/fd")
KINDS: tuple[Kind, ...] = ("tcp", "rtu")


@pytest.fixture(autouse=True)
def _nothing_leaks() -> Iterator[None]:
    """No test leaves a descriptor or a thread behind."""
    before = len(list(DESCRIPTORS.iterdir())), threading.active_count()
    yield
    assert (len(list(DESCRIPTORS.iterdir())), threading.active_count()) == before


class SteppedClock(HostClock):
    """The host's clock, which a test may put forward."""

    ahead_ns = 0

    def mono_ns(self) -> int:
        """Return monotonic nanoseconds, ahead by as much as told."""
        return super().mono_ns() + self.ahead_ns


def word(at: int, table: Table = Table.HOLDING, name: str = "") -> PointSpec:
    """Return a point of one register (or bit) that should read as its own address."""
    return PointSpec(name=name or f"p{at}", table=table, at=at, type="bit" if table.is_bits else "uint16")


def device(
    points: Sequence[PointSpec], *, name: str = "d1", address: int = 1, timeout_s: float = TIMEOUT_S
) -> DeviceSpec:
    """Return a device on the bus of the tests."""
    return DeviceSpec(
        name=name, bus="bus", protocol="modbus", address=address, timeout_s=timeout_s, points=tuple(points)
    )


@contextmanager
def bus_to(port: int, *devices: DeviceSpec, framing: str = "tcp", clock: HostClock | None = None) -> Iterator[Bus]:
    """Open the bus to a port on this machine, close it in the end."""
    spec = TcpBusSpec(name="bus", host="127.0.0.1", port=port, framing=framing)
    bus = open_bus(spec, devices, clock or HostClock())
    try:
        yield bus
    finally:
        bus.close()


# --- peers written by others ---------------------------------------------------------------------

REGISTERS = {
    0: 0x0102,
    1: 0x0304,
    10: 0x42F6,
    11: 0xE979,
    12: 0xFFFE,
    20: 0x4142,
    21: 0x4300,
    40: 0xE979,
    41: 0x42F6,
    65534: 7,
    65535: 0x8001,
}
IMAGE = {
    Table.COIL: {0: 1, 9: 1, 65535: 1},
    Table.DISCRETE: {1: 1, 65534: 1},
    Table.INPUT: REGISTERS,
    Table.HOLDING: REGISTERS,
}
WANTED = [
    *[
        (PointSpec(name=f"{table}-{name}", table=table, at=at, type=kind, order=order, scale=scale, decimals=2), value)
        for table in (Table.INPUT, Table.HOLDING)
        for name, at, kind, order, scale, value in (
            ("first", 0, "uint16", "", 1.0, 258),
            ("wide", 0, "uint32", "ABCD", 1.0, 0x01020304),
            ("float", 10, "float32", "ABCD", 1.0, 123.46),
            ("swapped", 40, "float32", "CDAB", 1.0, 123.46),
            ("negative", 12, "int16", "", 0.1, -0.2),
            ("zero", 500, "uint16", "", 1.0, 0),
            ("last", 65535, "uint16", "", 1.0, 0x8001),
            ("last-wide", 65534, "int32", "ABCD", 1.0, 0x00078001),
        )
    ],
    *[
        (PointSpec(name=f"{table}-{at}", table=table, at=at, type="bit"), value)
        for table, at, value in (
            (Table.COIL, 0, True),
            (Table.COIL, 1, False),
            (Table.COIL, 9, True),
            (Table.COIL, 65535, True),
            (Table.DISCRETE, 0, False),
            (Table.DISCRETE, 1, True),
            (Table.DISCRETE, 65534, True),
            (Table.DISCRETE, 65535, False),
        )
    ],
    (PointSpec(name="bit", table=Table.HOLDING, at=65535, type="bit:15"), True),
    (PointSpec(name="text", table=Table.INPUT, at=20, type="string:2"), "ABC"),
]


@pytest.mark.parametrize("peer", [*TCP_PEERS, *RTU_PEERS])
def test_peers_agree(peer: str) -> None:
    """The same points read the same through every peer: four tables, both ends of the address space."""
    with serve(peer, IMAGE) as port:
        framing = "rtu" if peer in RTU_PEERS else "tcp"
        unit = device([point for point, _ in WANTED], timeout_s=5.0)
        with bus_to(port, unit, framing=framing) as bus:
            scans = [bus.visit("d1") for _ in range(3)]

        for scan in scans:
            read = dict(zip((point.name for point, _ in WANTED), scan.values, strict=True))
            assert read == {point.name: value for point, value in WANTED}
            assert scan.flags == "N" * len(WANTED)
            assert scan.fault is None
        assert scans[0].mono_ns < scans[1].mono_ns < scans[2].mono_ns


@pytest.mark.parametrize("peer", TCP_PEERS)
def test_connection_to_a_peer_is_cut(peer: str) -> None:
    """A connection cut between two visits costs neither; a peer that is gone is a link that is down."""
    unit = device([word(12)], timeout_s=5.0)
    with serve(peer, IMAGE) as port:
        with Sniffer(port) as wire, bus_to(wire.port, unit) as bus:
            assert bus.visit("d1").values == (0xFFFE,)
            wire.cut()
            assert bus.visit("d1").values == (0xFFFE,)
            assert bus.counters().connects == 2
        with bus_to(wire.port, unit) as bus, pytest.raises(LinkDown):
            bus.visit("d1")


# --- what a visit keeps --------------------------------------------------------------------------

FAR_APART = [word(0), word(1), word(1000), word(2000), word(3000)]
"""Four blocks, at 0, 1000, 2000 and 3000."""


def at_block(address: int, manner: Manner) -> Manner:
    """Behave in that manner when the block at `address` is asked, honestly otherwise."""
    return lambda asked: (manner if asked.address == address else honest)(asked)


def wrong_size(asked: Asked) -> list[Deed]:
    """Answer with two registers too many."""
    return [asked.answer(asked.data + bytes(4))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("manner", "flags", "values", "words"),
    [
        pytest.param(honest, "NNNNN", (0, 1, 1000, 2000, 3000), None, id="everything"),
        pytest.param(at_block(1000, wrong_size), "NNBNN", (0, 1, None, 2000, 3000), "instead of 2", id="bad block"),
        pytest.param(at_block(1000, refusing(4)), "NNDNN", (0, 1, None, 2000, 3000), "device failure", id="failure"),
        pytest.param(at_block(1000, refusing(6)), "NNDNN", (0, 1, None, 2000, 3000), "busy", id="busy block"),
        pytest.param(at_block(1000, refusing(2)), "NNDNN", (0, 1, None, 2000, 3000), "refuses p1000", id="refused"),
        pytest.param(at_block(2000, silent), "NNNBB", (0, 1, 1000, None, None), "does not answer", id="silent then"),
        pytest.param(at_block(2000, refusing(11)), "NNNBB", (0, 1, 1000, None, None), "gateway", id="gateway says no"),
        pytest.param(
            at_block(2000, lambda asked: [HangUp()]), "NNNBB", (0, 1, 1000, None, None), "hangs up", id="hung up"
        ),
    ],
)
def test_partial_visit(
    kind: Kind, manner: Manner, flags: str, values: tuple[int | None, ...], words: str | None
) -> None:
    """What was answered is kept; what was not is unknown, with the flag and the words that say why."""
    with FaultyModbus(manner, kind=kind) as server, bus_to(server.port, device(FAR_APART), framing=kind) as bus:
        before = HostClock().mono_ns()
        scan = bus.visit("d1")

        assert (scan.flags, scan.values) == (flags, values)
        assert scan.fault is None if words is None else words in str(scan.fault)
        assert before < scan.mono_ns < HostClock().mono_ns()


@pytest.mark.parametrize(
    ("manner", "error"),
    [
        pytest.param(silent, NoAnswer, id="silence"),
        pytest.param(refusing(11), NoAnswer, id="gateway says nobody"),
        pytest.param(wrong_size, BadFrame, id="nothing but bad frames"),
        pytest.param(lambda asked: [HangUp()], LinkDown, id="hung up"),
    ],
)
def test_visit_that_gives_nothing(manner: Manner, error: type[Exception]) -> None:
    """A device that says nothing usable at all raises the reason."""
    with (
        FaultyModbus(manner) as server,
        bus_to(server.port, device(FAR_APART)) as bus,
        pytest.raises(error),
    ):
        bus.visit("d1")


def test_dead_device_costs_one_time_out() -> None:
    """A visit ends with the first block that goes unanswered; the others are not even asked for."""
    with FaultyModbus(silent) as server, bus_to(server.port, device(FAR_APART)) as bus:
        with pytest.raises(NoAnswer):
            bus.visit("d1")

        assert len(server.asked) == 1


def test_half_frame_costs_one_time_out() -> None:
    """A device that stalls in the middle of every answer costs no more than a silent one."""
    with FaultyModbus(lambda a: [a.answer()[:8]]) as server, bus_to(server.port, device(FAR_APART)) as bus:
        with pytest.raises(BadFrame):
            bus.visit("d1")

        assert len(server.asked) == 1


def test_one_dead_unit_of_twenty() -> None:
    """The other nineteen on the connection are read whole and on one connection, and each counts for itself."""
    devices = [device([word(7)], name=f"d{unit}", address=unit, timeout_s=0.05) for unit in range(1, 21)]
    with FaultyModbus(units={13: silent}) as server, bus_to(server.port, *devices) as bus:
        for _ in range(3):
            for each in devices:
                if each.address == 13:
                    with pytest.raises(NoAnswer):
                        bus.visit("d13")
                else:
                    assert bus.visit(each.name).values == (7,)

        counts = bus.counters()
        assert server.connections == counts.connects == 1
        assert [name for name, each in counts.devices.items() if each.timeouts] == ["d13"]
        assert counts.devices["d13"].timeouts == 3
        assert counts.devices["d13"].last_answer_ns is None
        assert all(each.answers == 3 for name, each in counts.devices.items() if name != "d13")
        assert counts.busy_s >= 3 * 0.05


def test_drip_feeds_a_visit() -> None:
    """Answers that come one byte at a time make whole scans."""
    with FaultyModbus(dripping()) as server, bus_to(server.port, device(FAR_APART)) as bus:
        assert bus.visit("d1").flags == "NNNNN"


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", [1, 2, 3])
def test_hole_is_found_and_remembered(kind: Kind, code: int) -> None:
    """A refused block is split until only the missing register is dropped, within one visit, and told once."""
    points = [word(at) for at in range(100, 140)]
    manner = with_hole(117, code=code)
    with FaultyModbus(manner, kind=kind) as server, bus_to(server.port, device(points), framing=kind) as bus:
        scan = bus.visit("d1")
        asked_first = len(server.asked)
        again = bus.visit("d1")

        assert scan.values == tuple(None if point.at == 117 else point.at for point in points)
        assert scan.flags == "".join("D" if point.at == 117 else "N" for point in points)
        assert "p117" in str(scan.fault)
        assert (again.values, again.flags) == (scan.values, scan.flags)
        assert len(server.asked) - asked_first < asked_first
        assert [(point.device, point.point, point.code) for point in bus.refused()] == [("d1", "p117", code)]
        assert bus.refused() == ()
        assert bus.counters().devices["d1"].exceptions[code] <= MOST_LESSONS


def test_bridged_hole_is_found() -> None:
    """A device that refuses the unwanted registers between two wanted ones gives both, and nothing is told."""
    points = [word(100), word(110)]
    with FaultyModbus(with_hole(105)) as server, bus_to(server.port, device(points)) as bus:
        scan = bus.visit("d1")

        assert server.asked[0].count == 11
        assert (scan.values, scan.flags, scan.fault) == ((100, 110), "NN", None)
        assert bus.refused() == ()


def test_lessons_are_bounded() -> None:
    """A device full of holes is not pressed: each visit follows up so many refusals, and in the end all is known."""
    holes = range(0, 100, 2)
    points = [word(at) for at in range(100)]
    with FaultyModbus(with_hole(*holes)) as server, bus_to(server.port, device(points)) as bus:
        for _ in range(40):
            before = len(server.asked)
            scan = bus.visit("d1")
            assert len(server.asked) - before <= 2 * MOST_LESSONS + 55

        assert scan.values == tuple(None if at in holes else at for at in range(100))
        assert len(bus.refused()) == len(holes)


def test_refused_point_comes_back() -> None:
    """A register refused once is asked for again after a while, and after a restore, and then read as any other."""
    clock = SteppedClock()
    points = [word(100), word(101)]
    with FaultyModbus(with_hole(101)) as server, bus_to(server.port, device(points), clock=clock) as bus:
        assert bus.visit("d1").flags == "ND"
        server.manner = honest
        assert [bus.visit("d1").flags for _ in range(2)] == ["ND", "ND"]
        clock.ahead_ns = int(601e9)
        assert [bus.visit("d1").flags for _ in range(2)] == ["ND", "NN"]

        server.manner = with_hole(101)
        assert bus.visit("d1").flags == "ND"
        server.manner = honest
        bus.restore("d1")
        assert [bus.visit("d1").flags for _ in range(2)] == ["ND", "NN"]
        assert [point.point for point in bus.refused()] == ["p101", "p101"]


@pytest.mark.parametrize(
    "manner", [silent, refusing(4), lambda asked: [HangUp()]], ids=["silence", "failure", "hung up"]
)
def test_probe_gone_wrong_costs_nothing(manner: Manner) -> None:
    """A register that was refused and now does worse when it is asked for again does not take the others with it."""

    def moody(asked: Asked) -> Iterable[Deed]:
        return manner(asked) if (asked.address, asked.count) == (101, 1) else with_hole(101)(asked)

    with FaultyModbus(with_hole(101)) as server, bus_to(server.port, device([word(100), word(101)])) as bus:
        bus.visit("d1")
        server.manner = moody
        for _ in range(3):
            bus.restore("d1")
            scan = bus.visit("d1")
            assert (scan.flags, scan.values) == ("ND", (100, None))


def test_refused_point_is_told_once() -> None:
    """A register that stays refused through probes and restores is told only the first time."""
    with FaultyModbus(with_hole(101)) as server, bus_to(server.port, device([word(100), word(101)])) as bus:
        bus.visit("d1")
        for _ in range(3):
            bus.restore("d1")
            assert bus.visit("d1").flags == "ND"

        assert len(bus.refused()) == 1


def test_device_that_refuses_everything() -> None:
    """It is there, so it is no missing device: every point has flag D, one probe a visit, and it recovers by itself."""
    with FaultyModbus(refusing(2)) as server, bus_to(server.port, device(FAR_APART)) as bus:
        assert bus.visit("d1").flags == "DDDDD"
        before = len(server.asked)
        assert bus.visit("d1").flags == "DDDDD"
        assert len(server.asked) == before + 1

        server.manner = silent
        with pytest.raises(NoAnswer):
            bus.visit("d1")
        server.manner = honest
        assert bus.visit("d1").flags == "NNNNN"


@pytest.mark.parametrize("code", [5, 6])
def test_busy_device_is_asked_twice(code: int) -> None:
    """A busy device is asked once more in the same visit; one that stays busy is not pressed again."""
    with (
        FaultyModbus(first(1, honest, before=refusing(code))) as server,
        bus_to(server.port, device(FAR_APART)) as bus,
    ):
        assert bus.visit("d1").flags == "NNNNN"
        server.manner = refusing(code)
        before = len(server.asked)
        assert bus.visit("d1").flags == "DDDDD"
        assert len(server.asked) == before + 5


# --- what is never sent --------------------------------------------------------------------------

TYPES = {
    1: ("uint16", "int16", "bcd16", "float16", "bit:3", "uint8h"),
    2: ("float32", "uint32"),
    4: ("float64", "int64"),
}
POINTS = st.one_of(
    st.builds(
        lambda table, at: (table, at, "bit"),
        st.sampled_from([Table.COIL, Table.DISCRETE]),
        st.integers(0, 65535),
    ),
    st.sampled_from([(width, kind) for width, kinds in TYPES.items() for kind in kinds]).flatmap(
        lambda pair: st.tuples(
            st.sampled_from([Table.INPUT, Table.HOLDING]), st.integers(0, 65536 - pair[0]), st.just(pair[1])
        )
    ),
)
MANNERS: list[Manner] = [
    honest,
    *(refusing(code) for code in (1, 2, 3, 4, 11)),
    wrong_size,
    with_hole(*range(0, 65536, 5)),
]


@pytest.mark.parametrize("kind", KINDS)
def test_only_reads_travel(kind: Kind) -> None:
    """M15: whatever is configured and whatever a device answers, only functions 1 to 4 ever leave, in whole frames."""
    with FaultyModbus(kind=kind) as server, Sniffer(server.port) as sniffer:

        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            st.lists(POINTS, min_size=1, max_size=12),
            st.integers(0, 255),
            st.sampled_from(MANNERS),
            st.sampled_from(MANNERS),
        )
        def fuzz(wanted: list[tuple[Table, int, str]], unit: int, one: Manner, other: Manner) -> None:
            points = [
                PointSpec(name=f"p{index}", table=table, at=at, type=kind_)
                for index, (table, at, kind_) in enumerate(wanted)
            ]
            with bus_to(sniffer.port, device(points, address=unit), framing=kind) as bus:
                for server.manner in (one, other, honest):
                    try:
                        bus.visit("d1")
                    except (NoAnswer, BadFrame):
                        continue

        fuzz()
        streams = [bytes(stream) for stream in sniffer.sent]

    size, place = (12, 7) if kind == "tcp" else (8, 1)
    functions = {stream[at + place] for stream in streams for at in range(0, len(stream), size)}
    assert functions == {1, 2, 3, 4}
    assert all(len(stream) % size == 0 for stream in streams)


def test_no_write_is_written_down() -> None:
    """No file of the drivers names a way to build or send anything but a read."""
    drivers = Path(__file__).parents[2] / "drivers"
    text = "".join(path.read_text() for path in drivers.glob("*.py"))

    assert "Write" not in text
    assert text.count("_link.send(") == 1
