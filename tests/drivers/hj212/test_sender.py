"""The instrument that sends by itself: what becomes of each packet, what is answered, what silence means."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.hj212.content import message_of
from drivers.hj212.dialect import Deviation
from drivers.hj212.sender import PARTS_S, PAUSE_S, Hj212Sender
from drivers.hj212.uploads import MixedUploads
from drivers.spec import DeviceSpec, FactorSpec
from tests.drivers.hj212.frames import FRAMES, GOOD, Frame, cut, framed, named

MN = "010000A8900016F000169DC0"
TIMEOUT_S = 180.0
PH = FactorSpec(name="ph", factor="w01001", unit="")
COD = FactorSpec(name="cod", factor="w01018", unit="mg/L")


@dataclass
class StoppedClock:
    """A clock that a test puts forward."""

    now_s: float = 1000.0

    def wall_ms(self) -> int:
        """Return the wall clock, ms."""
        return int(self.now_s * 1000) + 1_700_000_000_000

    def mono_ns(self) -> int:
        """Return the monotonic clock, ns."""
        return int(self.now_s * 1e9)


@pytest.fixture(name="clock")
def _clock() -> StoppedClock:
    """A clock at rest."""
    return StoppedClock()


def spec(*points: FactorSpec, mn: str = MN) -> DeviceSpec:
    """Return a device with `points`."""
    return DeviceSpec(name="cod-1", bus="b", protocol="hj212", address=mn, timeout_s=TIMEOUT_S, points=points)


def upload(number: int, content: str, *, cn: str = "2011", flag: int = 5, extra: str = "", mn: str = MN) -> bytes:
    """Return upload `number` of the instrument."""
    head = f"QN=20260101000000{number:03d};ST=32;CN={cn};PW=123456;MN={mn};Flag={flag};{extra}"
    return framed(f"{head}CP=&&DataTime=20260101000000;{content}&&")


def test_an_upload_becomes_a_scan_and_is_acknowledged(clock: StoppedClock) -> None:
    """Values, flags and our own moment of arrival; and 9014 with the QN of the upload."""
    sender = Hj212Sender(spec(PH, COD), clock)
    frame = named("22 2017 upload CN 2011").wire
    (scan,), reply = sender.hear(frame)

    assert (scan.device, scan.values, scan.flags, scan.fault) == ("cod-1", (7.1, 2.2), "NN", None)
    assert (scan.wall_ms, scan.mono_ns) == (clock.wall_ms(), clock.mono_ns())
    assert reply == named("data answer CN 9014").wire
    counts = sender.tally.snapshot()
    assert (counts.answers, counts.received_bytes, counts.sent_bytes) == (1, len(frame), len(reply))
    assert (counts.bad_frames, counts.strays, counts.last_answer_ns) == (0, 0, clock.mono_ns())
    assert sender.news() == []


def test_byte_by_byte_nothing_changes(clock: StoppedClock) -> None:
    """However the packet arrives, it is one scan and one answer."""
    sender = Hj212Sender(spec(PH, COD), clock)
    heard = [sender.hear(bytes([byte])) for byte in named("22 2017 upload CN 2011").wire]

    assert [scan.values for scans, _ in heard for scan in scans] == [(7.1, 2.2)]
    assert b"".join(reply for _, reply in heard) == named("data answer CN 9014").wire


@pytest.mark.parametrize(
    ("kind", "point", "value"),
    [
        ("17 upload CN 2051", FactorSpec(name="cod", factor="w01018", field="Avg"), 40.1),
        ("17 upload CN 2061", FactorSpec(name="cod", factor="w01018", field="hour:Cou"), 63.0),
        ("17 upload CN 2031", FactorSpec(name="cod", factor="w01018", field="day:Cou"), 2142.0),
        ("upload CN 2021", FactorSpec(name="pump", factor="SB1", field="RS"), 1),
        ("upload CN 2041", FactorSpec(name="hours", factor="SB1", field="RT"), 1.1),
        ("ST 44", FactorSpec(name="voltage", factor="d20105"), 220.2),
    ],
)
def test_each_kind_of_upload_reaches_the_device_that_wants_it(
    clock: StoppedClock, kind: str, point: FactorSpec, value: float
) -> None:
    """And only that one: of all the good frames just those of its kind, with its factor, become scans."""
    sender = Hj212Sender(spec(point), clock)
    (scan,), _ = sender.hear(named(kind).wire)
    others = [one.wire for one in GOOD if one.wire != named(kind).wire and f"CN={kind[-4:]}".encode() not in one.wire]

    assert scan.values == (value,)
    assert kind == "ST 44" or sender.hear(b"".join(others))[0] == []


def test_points_of_different_uploads_are_refused(clock: StoppedClock) -> None:
    """One device, one kind of upload."""
    with pytest.raises(MixedUploads):
        Hj212Sender(spec(PH, replace(COD, field="Avg")), clock)


def test_what_is_missing_in_the_packet_is_unknown(clock: StoppedClock) -> None:
    """Never the last good value: a factor left out of a packet is unknown, flag B, and named."""
    sender = Hj212Sender(spec(PH, COD), clock)
    sender.hear(upload(1, "w01001-Rtd=7;w01018-Rtd=2"))
    (scan,), _ = sender.hear(upload(2, "w01018-Rtd=3,w01018-Flag=C"))

    assert (scan.values, scan.flags) == ((None, 3), "BC")
    assert scan.fault == "missing in the packet: ph"


def test_packets_without_any_wanted_factor_are_no_scan(clock: StoppedClock) -> None:
    """They are acknowledged; and when nothing else comes, silence says what came instead."""
    sender = Hj212Sender(spec(PH), clock)
    scans, reply = sender.hear(upload(1, "w00000-Rtd=1,w00000-Flag=N"))
    clock.now_s += TIMEOUT_S
    silence = sender.silent()

    assert (scans, bool(reply)) == ([], True)
    assert silence
    assert silence.fault == (
        "nothing usable from the instrument for 180 s, but: none of the wanted factors in CN 2011; it has w00000-Rtd"
    )


def test_an_upload_sent_again_is_acknowledged_but_not_told_twice(clock: StoppedClock) -> None:
    """An instrument repeats what it saw no acknowledgement for."""
    sender = Hj212Sender(spec(PH), clock)
    first, second = sender.hear(upload(1, "w01001-Rtd=7")), sender.hear(upload(1, "w01001-Rtd=7"))
    third = sender.hear(upload(2, "w01001-Rtd=7"))

    assert [len(scans) for scans, _ in (first, second, third)] == [1, 0, 1]
    assert first[1] == second[1] != b""
    assert sender.repeats == 1


def test_without_qn_and_time_nothing_is_taken_for_a_repetition(clock: StoppedClock) -> None:
    """Two like packets may be two like measurements."""
    wire = framed(f"ST=32;CN=2011;PW=123456;MN={MN};CP=&&w01001-Rtd=7&&")
    scans, reply = Hj212Sender(spec(PH), clock).hear(wire + wire)

    assert (len(scans), reply) == (2, b"")


def test_backfill_is_acknowledged_and_counted_but_not_live(clock: StoppedClock) -> None:
    """RF=1 is about the past; a scan is about now."""
    sender = Hj212Sender(spec(replace(PH, factor="a21026", field="hour:Avg")), clock)
    scans, reply = sender.hear(named("backfill").wire)

    assert (scans, sender.backfills, sender.tally.answers) == ([], 1, 1)
    assert message_of(cut(reply)[0].data).cn == "9014"


def test_the_packets_of_others_are_strays(clock: StoppedClock) -> None:
    """Another MN is counted, told once, and never answered: its own host does that."""
    sender = Hj212Sender(spec(PH), clock)
    foreign = [upload(number, "w01001-Rtd=7", mn="888888888888888888888888") for number in range(3)]

    assert sender.hear(b"".join(foreign)) == ([], b"")
    assert sender.tally.strays == 3
    assert sender.news() == [f"packets of MN 888888888888888888888888 came, MN {MN} is wanted"]


def test_its_own_name_in_small_letters_is_its_own(clock: StoppedClock) -> None:
    """The letters of an MN are hexadecimal digits: a-f is tolerated, counted, and answered in the same letters."""
    sender = Hj212Sender(spec(PH), clock)
    scans, reply = sender.hear(upload(1, "w01001-Rtd=7.5", mn=MN.lower()))

    assert [scan.values for scan in scans] == [(7.5,)]
    assert sender.deviations[Deviation.MN_IN_OTHER_CASE] == 1
    assert message_of(cut(reply)[0].data).mn == MN.lower()


def test_what_a_stranger_calls_itself_is_made_fit_for_a_log(clock: StoppedClock) -> None:
    """A sound packet may still name itself anything."""
    sender = Hj212Sender(spec(PH), clock)
    sender.hear(upload(1, "w01001-Rtd=7", mn="a\nb\x1b[2J" + "c" * 100))

    assert sender.news() == [f"packets of MN ab[2J{'c' * 25} came, MN {MN} is wanted"]


def test_a_heartbeat_is_answered_with_9013(clock: StoppedClock) -> None:
    """And is no upload: it does not break the silence of the values."""
    sender = Hj212Sender(spec(PH), clock)
    clock.now_s += TIMEOUT_S
    scans, reply = sender.hear(named("heartbeat").wire)

    assert scans == []
    assert message_of(cut(reply)[0].data).cn == "9013"
    assert sender.tally.answers == 0
    assert sender.silent()


@pytest.mark.parametrize("frame", [one for one in GOOD if "request" in one.kind], ids=lambda one: one.kind)
def test_what_a_host_says_is_not_for_us(clock: StoppedClock, frame: Frame) -> None:
    """On a shared line the commands of another host are heard; we neither obey nor answer them."""
    sender = Hj212Sender(spec(PH), clock)

    assert sender.hear(frame.wire) == ([], b"")
    assert sender.ignored == 1


def test_deviations_are_counted_by_name_and_told_once(clock: StoppedClock) -> None:
    """An operator reads the first of each; the counter has them all."""
    sender = Hj212Sender(spec(replace(PH, factor="ele01"), mn="NJGDKYYC202101q0001w0001"), clock)
    wire = named("no QN, no Flag").wire
    scans, reply = sender.hear(wire + wire.replace(b"003817000", b"003817000"))

    assert ([scan.values for scan in scans], reply) == ([(1,)], b"")
    assert sender.deviations == {"CRC in lower case": 2, "time with milliseconds": 2, "no Flag": 2, "no QN": 2}
    assert sorted(sender.news()) == [f"tolerated: {name}" for name in sorted(sender.deviations)]
    assert sender.news() == []


@pytest.mark.parametrize(
    ("kind", "counter", "words"),
    [
        ("wrong CRC", "CRC", "CRC error"),
        ("Modbus CRC", "Modbus CRC", "CRC is the Modbus one, not that of HJ 212"),
        ("SM4 wire", "encrypted", "encrypted: give its key"),
    ],
)
def test_what_is_dropped_is_counted_and_explains_the_silence(
    clock: StoppedClock, kind: str, counter: str, words: str
) -> None:
    """A packet with a wrong CRC gets no answer; the silence that follows says what came."""
    sender = Hj212Sender(spec(PH), clock)
    heard = sender.hear(named(kind).wire)
    clock.now_s += TIMEOUT_S
    silence = sender.silent()

    assert heard == ([], b"")
    assert sender.rejected == {counter: 1}
    assert sender.tally.bad_frames == 1
    assert sender.news() == [f"dropped: {words}"]
    assert silence
    assert silence.fault == f"nothing usable from the instrument for 180 s, but: {words}"


def test_an_instrument_that_encrypts_is_read_with_its_key(clock: StoppedClock) -> None:
    """The printed example, and a packet that comes in the clear although a key is given."""
    points = [FactorSpec(name=f"p{number}", factor=f"a0101{number}", field="Avg") for number in (1, 4)]
    sender = Hj212Sender(spec(*points), clock, b"0" * 16)
    sealed, _ = sender.hear(named("SM4 wire").wire)

    assert [scan.values for scan in sealed] == [(1.35, 3.2)]
    assert not sender.deviations
    sender.hear(upload(1, "a01011-Avg=1", cn="2051"))
    assert sender.deviations["not encrypted although a key is given"] == 1


# --- silence ---------------------------------------------------------------------------------------


def test_silence_is_told_when_it_is_due_and_again(clock: StoppedClock) -> None:
    """After the time-out every value is unknown, and as long after that once more."""
    sender = Hj212Sender(spec(PH, COD), clock)
    told = []
    for _ in range(8):
        clock.now_s += TIMEOUT_S / 4
        told.append(sender.silent())

    assert [scan is not None for scan in told] == [False, False, False, True] * 2
    (last,) = told[-1:]
    assert last
    assert (last.values, last.flags) == ((None, None), "BB")
    assert last.fault == "nothing usable from the instrument for 180 s"
    assert sender.tally.timeouts == 2


def test_an_upload_breaks_the_silence(clock: StoppedClock) -> None:
    """The time counts from the last upload that became a scan."""
    sender = Hj212Sender(spec(PH), clock)
    clock.now_s += TIMEOUT_S - 1
    sender.hear(upload(1, "w01001-Rtd=7"))
    clock.now_s += TIMEOUT_S - 1

    assert sender.silent() is None
    clock.now_s += 1
    assert sender.silent()


def test_half_a_packet_does_not_wait_for_the_next_one(clock: StoppedClock) -> None:
    """What is incomplete after a pause stays so: it is dropped, and the next packet is whole by itself."""
    sender = Hj212Sender(spec(PH), clock)
    sender.hear(upload(1, "w01001-Rtd=7")[:100])
    clock.now_s += PAUSE_S + 1
    (scan,), _ = sender.hear(upload(2, "w01001-Rtd=8"))

    assert scan.values == (8,)
    assert sender.rejected == {"cut short": 1}


# --- split uploads ---------------------------------------------------------------------------------


def part(number: int, pno: int, content: str, *, pnum: int = 2) -> bytes:
    """Return one packet of a split upload; each has a QN of its own."""
    return upload(number, content, flag=7, extra=f"PNUM={pnum};PNO={pno};")


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_split_upload_is_one_scan(clock: StoppedClock, order: tuple[int, int]) -> None:
    """Each part is acknowledged, the last one makes the scan."""
    sender = Hj212Sender(spec(PH, COD), clock)
    parts = {1: part(1, 1, "w01001-Rtd=7"), 2: part(2, 2, "w01018-Rtd=2")}
    none, first = sender.hear(parts[order[0]])
    (scan,), second = sender.hear(parts[order[1]])

    assert none == []
    assert (scan.values, scan.flags, scan.fault) == ((7, 2), "NN", None)
    assert first
    assert second
    assert first != second


def test_a_part_that_never_comes_is_given_up(clock: StoppedClock) -> None:
    """After its time what came is told, the rest is unknown."""
    sender = Hj212Sender(spec(PH, COD), clock)
    sender.hear(part(1, 1, "w01001-Rtd=7"))
    came_ns = clock.mono_ns()
    clock.now_s += PARTS_S + 1
    scan = sender.silent()

    assert scan
    assert (scan.values, scan.flags, scan.mono_ns) == ((7, None), "NB", came_ns)
    assert scan.fault == "1 of 2 packets of the upload came; missing in the packet: cod"
    assert sender.silent() is None


def test_another_upload_ends_the_wait_for_the_parts_of_the_first(clock: StoppedClock) -> None:
    """Part 1 again, or a whole one, means that part 2 will not come: each upload is told as it came."""
    sender = Hj212Sender(spec(PH, COD), clock)
    sender.hear(part(1, 1, "w01001-Rtd=7"))
    scans, _ = sender.hear(part(2, 1, "w01001-Rtd=8") + part(3, 2, "w01018-Rtd=2"))

    assert [scan.values for scan in scans] == [(7, None), (8, 2)]
    scans, _ = sender.hear(part(4, 1, "w01001-Rtd=9") + upload(5, "w01001-Rtd=1;w01018-Rtd=1"))
    assert [scan.values for scan in scans] == [(9, None), (1, 1)]


def test_a_repeated_part_changes_nothing(clock: StoppedClock) -> None:
    """The same part sent again for want of an acknowledgement is no new upload."""
    sender = Hj212Sender(spec(PH, COD), clock)
    one, two = part(1, 1, "w01001-Rtd=7"), part(2, 2, "w01018-Rtd=2")
    scans, _ = sender.hear(one + one + two + two)

    assert [scan.values for scan in scans] == [(7, 2)]
    assert sender.repeats == 2


def test_a_part_repeated_under_another_qn_changes_nothing(clock: StoppedClock) -> None:
    """Each packet of a split upload has a QN of its own, and some peers give a repetition another."""
    sender = Hj212Sender(spec(PH, COD), clock)
    one, again, two = part(1, 1, "w01001-Rtd=7"), part(3, 1, "w01001-Rtd=7"), part(2, 2, "w01018-Rtd=2")
    scans, reply = sender.hear(one + again + two)

    assert [(scan.values, scan.fault) for scan in scans] == [((7, 2), None)]
    assert sender.repeats == 1
    assert reply.count(b"CN=9014") == 3


@pytest.mark.parametrize(
    "data", ["CN=2011;MN={mn};CP=&DataTime=20260801085857;w01001-Rtd=7&&", "CN=3021;MN={mn};CP=&&&&"]
)
def test_packets_without_data_explain_the_silence(clock: StoppedClock, data: str) -> None:
    """An instrument whose content cannot be found, or a host's command heard: the silence says which came."""
    sender = Hj212Sender(spec(PH), clock)
    heard = sender.hear(framed(data.format(mn=MN)))
    clock.now_s += TIMEOUT_S
    silence = sender.silent()

    assert heard == ([], b"")
    assert silence
    assert silence.fault == f"nothing usable from the instrument for 180 s, but: {data[:2]} {data[3:7]} without data"


def test_an_upload_in_too_many_parts_is_told_as_it_comes(clock: StoppedClock) -> None:
    """A peer cannot make us wait for 9999 parts."""
    sender = Hj212Sender(spec(PH, COD), clock)
    scans, _ = sender.hear(part(1, 1, "w01001-Rtd=7", pnum=9999))

    assert [scan.values for scan in scans] == [(7, None)]
    assert sender.deviations["split into too many packets, not put together"] == 1


# --- anything --------------------------------------------------------------------------------------

pieces = st.one_of(
    st.binary(max_size=80),
    st.sampled_from([frame.wire for frame in FRAMES]),
    st.sampled_from([frame.wire[:150] for frame in FRAMES]),
    st.builds(
        lambda head, content: framed(f"QN=20260101000000000;MN={MN};CN=20{head}CP=&&{content}&&".encode()[:9000]),
        st.text(alphabet="1356;FlagPNUMO=RF,24789", max_size=40),
        st.text(alphabet="w01018-Rtd=7;,FlagNDx.DataTime2", max_size=60),
    ),
)


@settings(max_examples=200)
@given(st.lists(st.tuples(pieces, st.sampled_from([0.0, 1.0, 15.0, 200.0])), max_size=12))
def test_whatever_is_heard_nothing_raises_and_only_acknowledgements_are_said(heard: list[tuple[bytes, float]]) -> None:
    """Scans are aligned with the points, and all that ever leaves is 9013 and 9014."""
    clock = StoppedClock()
    sender = Hj212Sender(spec(PH, COD), clock, b"0" * 16)
    for data, pause_s in heard:
        clock.now_s += pause_s
        scans, reply = sender.hear(data)
        silence = sender.silent()
        for scan in [*scans, *([silence] if silence else [])]:
            assert len(scan.values) == len(scan.flags) == 2
        said = cut(reply)
        assert sum(packet.size for packet in said) == len(reply)
        assert {message_of(packet.data).cn for packet in said} <= {"9013", "9014"}
    assert len(sender.news()) < 60
