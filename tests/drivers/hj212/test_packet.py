"""Cutting streams: every frame whole, in pieces, among rubbish; and what is said about what is dropped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.hj212.crc import crc16
from drivers.hj212.dialect import Deviation
from drivers.hj212.packet import CRC_DIGITS, HEAD, LONGEST_DATA, Packet, Rejected, Splitter, Wrong
from tests.drivers.hj212.frames import BAD, FRAMES, GOOD, PRINTED_KEY, Frame, cut, framed, named

MOST_HELD = HEAD + LONGEST_DATA + CRC_DIGITS
NEXT = named("heartbeat")
RUBBISH = [
    pytest.param(b"\x00\xff\x7f\r\nhello", id="noise"),
    pytest.param(b"#", id="a hash"),
    pytest.param(b"##00", id="half an opening"),
    pytest.param(b"##0000", id="an empty packet"),
    pytest.param(b"##9999QN=", id="a huge length"),
    pytest.param(b"##0100QN=20160801085857223;ST=32;CN=2011;PW=", id="a packet cut short"),
    pytest.param(BAD[0].wire, id="a damaged packet"),
    pytest.param(b"##0012##0012##0012", id="openings only"),
    pytest.param(b"a &&CRLF\r\n&&\r\n", id="delimiters"),
]
bits = st.sampled_from(
    [b"#", b"##", b"##0012", b"##0087QN=", b"##9999a", b"&&", b"CP=&&", b"\r\n", b"FFFF", b"\xe6\xb8"]
)
rubbish = st.lists(st.one_of(bits, st.binary(max_size=12), st.sampled_from([one.wire[:60] for one in FRAMES]))).map(
    b"".join
)


def pieces(data: bytes, size: int) -> list[bytes]:
    """Return `data` in pieces of `size`."""
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("frame", GOOD, ids=lambda one: one.kind)
@pytest.mark.parametrize("size", [1, 7, 5000], ids=["byte by byte", "seven bytes", "whole"])
def test_every_good_frame_is_cut_out(frame: Frame, size: int) -> None:
    """A good frame gives one packet, however it arrives, and nothing is left."""
    splitter = Splitter(PRINTED_KEY)
    (packet,) = [found for piece in pieces(frame.wire, size) for found in splitter.feed(piece)]

    assert isinstance(packet, Packet)
    assert packet.data == (PRINTED_KEY.opened_data(frame.data) if packet.sealed else frame.data)
    assert packet.size == len(frame.wire)
    assert splitter.held == 0


@pytest.mark.parametrize("frame", GOOD, ids=lambda one: one.kind)
def test_a_packet_is_told_before_its_line_end(frame: Frame) -> None:
    """Nothing is waited for behind the CRC, and CR LF that comes later is no noise."""
    splitter = Splitter(PRINTED_KEY)

    assert len(splitter.feed(frame.wire[:-2])) == 1
    assert splitter.feed(frame.wire[-2:]) == []
    assert splitter.held == 0


@pytest.mark.parametrize("frame", BAD, ids=lambda one: one.kind)
@pytest.mark.parametrize("size", [1, 5000], ids=["byte by byte", "whole"])
def test_no_bad_frame_is_and_it_is_blamed_once(frame: Frame, size: int) -> None:
    """A bad frame gives one rejection; the good one behind it is found."""
    splitter = Splitter(PRINTED_KEY)
    first, *others = [found for piece in pieces(frame.wire + NEXT.wire, size) for found in splitter.feed(piece)]

    assert isinstance(first, Rejected)
    assert others == [Packet(NEXT.data, len(NEXT.wire))]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [("wrong CRC", Wrong.CRC), ("Modbus CRC", Wrong.MODBUS_CRC), ("wrong length", Wrong.LENGTH)],
)
def test_what_is_wrong_is_said(kind: str, wrong: Wrong) -> None:
    """Each kind of bad frame has a counter of its own."""
    first, *_ = Splitter().feed(named(kind).wire)

    assert isinstance(first, Rejected)
    assert first.kind == wrong


def test_the_modbus_crc_is_recognised_with_its_bytes_in_either_order() -> None:
    """Peers print the Modbus CRC high byte first, or as it travels in Modbus."""
    frame = named("Modbus CRC").wire
    swapped = frame[:-6] + frame[-4:-2] + frame[-6:-4] + frame[-2:]

    assert Splitter().feed(swapped) == [Rejected(Wrong.MODBUS_CRC, "CRC is the Modbus one, not that of HJ 212")]


@pytest.mark.parametrize("size", [1, 5000], ids=["byte by byte", "whole"])
@pytest.mark.parametrize("before", RUBBISH)
@pytest.mark.parametrize("frame", [GOOD[0], named("CN 3020 with Chinese"), named("SM4 wire")], ids=lambda one: one.kind)
def test_rubbish_before_a_frame_costs_nothing_but_a_line(frame: Frame, before: bytes, size: int) -> None:
    """The frame behind rubbish is found as soon as it is whole, and the rubbish is told."""
    splitter = Splitter(PRINTED_KEY)
    found = [one for piece in pieces(before + frame.wire[:-2], size) for one in splitter.feed(piece)]

    assert isinstance(found[-1], Packet)
    assert all(isinstance(one, Rejected) for one in found[:-1])
    assert len(found) > 1


@pytest.mark.parametrize("behind", RUBBISH)
def test_rubbish_behind_a_frame_costs_nothing_either(behind: bytes) -> None:
    """A frame is not spoilt by what follows it, and the one after that is found."""
    packets = cut(GOOD[0].wire + behind + NEXT.wire)

    assert [packet.data for packet in packets] == [GOOD[0].data, NEXT.data]


def test_all_frames_in_one_stream() -> None:
    """Good and bad frames one after the other: every good one is found, in order."""
    stream = b"".join(frame.wire for frame in FRAMES)

    assert len(cut(stream)) == len(GOOD)


@given(st.lists(st.tuples(rubbish, st.sampled_from(GOOD)), max_size=4), st.integers(1, 300))
def test_whatever_comes_the_next_good_frame_is_found(parts: list[tuple[bytes, Frame]], size: int) -> None:
    """Rubbish and good frames in turn, cut into pieces anywhere: the good ones are found, and memory is bounded."""
    splitter = Splitter(PRINTED_KEY)
    stream = b"".join(noise + frame.wire for noise, frame in parts)
    found: list[Packet | Rejected] = []
    for piece in pieces(stream, size):
        found += splitter.feed(piece)
        assert splitter.held <= MOST_HELD

    opened = [PRINTED_KEY.opened_data(one.data) if "wire bytes" in one.kind else one.data for _, one in parts]
    assert [packet.data for packet in found if isinstance(packet, Packet)] == opened


@given(st.binary(max_size=3000))
def test_nothing_raises_on_any_bytes(data: bytes) -> None:
    """Whatever the bytes are, the splitter takes them."""
    splitter = Splitter(PRINTED_KEY)
    splitter.feed(data)

    assert splitter.held <= MOST_HELD


@given(st.sampled_from([one for one in GOOD if "wire bytes" not in one.kind]), st.data())
def test_a_frame_damaged_anywhere_is_not_delivered_as_another(frame: Frame, data: st.DataObject) -> None:
    """One wrong byte in the data segment: nothing comes out. In a ciphertext it would garble a block."""
    place = data.draw(st.integers(HEAD, HEAD + len(frame.data) - 1))
    damaged = bytearray(frame.wire)
    damaged[place] ^= data.draw(st.integers(1, 255))

    assert cut(bytes(damaged), key=None) == []


def test_digits_that_happen_to_be_the_crc_do_not_make_a_packet() -> None:
    """A packet cut short may claim bytes of the next one up to digits that are its CRC: it does not end with &&."""
    claimed = b"ST=91;CN=1001;PW=123456;MN=1" + NEXT.wire[:9]
    crc = b"%04X" % crc16(claimed)

    (rejected,) = Splitter().feed(b"##%04d%b%b" % (len(claimed), claimed, crc))

    assert rejected == Rejected(Wrong.LENGTH, "no && and CRC at the end of the 37 bytes that the length announces")


def test_a_flood_without_a_packet_is_not_kept() -> None:
    """A megabyte of noise leaves a few bytes and one line."""
    splitter = Splitter()

    assert splitter.feed(b"no packet " * 100_000) == [Rejected(Wrong.NOISE, "noise: bytes that belong to no packet")]
    assert splitter.held < 10


def test_a_flood_of_openings_is_bounded() -> None:
    """Even where every few bytes may be the beginning of the longest packet, what is kept is bounded."""
    splitter = Splitter()
    for _ in range(20):
        splitter.feed(b"##9999a" * 1000)

    assert splitter.held <= MOST_HELD


def test_a_packet_cut_short_does_not_delay_the_next() -> None:
    """The rest of a packet never came: the next sound packet proves it, and is told at once."""
    half = GOOD[1].wire[:120]

    first, second = Splitter().feed(half + NEXT.wire)

    assert first == Rejected(Wrong.CUT_SHORT, f"packet cut short: 120 of {len(GOOD[1].wire) - 2} bytes came")
    assert second == Packet(NEXT.data, len(NEXT.wire))


def test_what_stays_incomplete_can_be_forgotten() -> None:
    """Told to forget, the splitter says what was missing and starts anew."""
    splitter = Splitter()
    splitter.feed(GOOD[1].wire[:120])

    (rejected,) = splitter.forget()

    assert rejected.kind == Wrong.CUT_SHORT
    assert splitter.held == 0
    assert splitter.forget() == []
    assert len(splitter.feed(NEXT.wire)) == 1


@pytest.mark.parametrize(
    ("wire", "deviation"),
    [
        (GOOD[0].wire[:-6] + b"2200".lower() + b"\r\n", None),
        (framed("ST=31;CN=2011;CP=&&&&")[:-6] + framed("ST=31;CN=2011;CP=&&&&")[-6:].lower(), Deviation.LOWER_CASE_CRC),
        (framed("ST=31;CN=2011;CP=&&a=" + "1" * 1100 + "&&"), Deviation.LONG_DATA),
    ],
    ids=["upper case", "lower case", "long"],
)
def test_tolerated_deviations_are_named(wire: bytes, deviation: Deviation | None) -> None:
    """A packet that is not quite by the standard is taken, with the name of what is wrong."""
    (packet,) = cut(wire)

    assert packet.deviations == ((deviation,) if deviation else ())


@pytest.mark.parametrize("size", [1, 5000], ids=["byte by byte", "whole"])
def test_a_length_that_counts_characters_is_accepted(size: int) -> None:
    """Chinese text takes three bytes a character; a peer may count characters (the standard can be read so)."""
    frame = named("CN 3020 with Chinese")
    characters = len(frame.data.decode())
    wire = b"##%04d%b" % (characters, frame.wire[6:])
    splitter = Splitter()
    (packet,) = [found for piece in pieces(wire, size) for found in splitter.feed(piece)]

    assert characters < len(frame.data)
    assert packet == Packet(frame.data, len(wire), deviations=(Deviation.COUNTS_CHARACTERS,))
    assert splitter.held == 0


def test_a_missing_line_end_is_told_with_the_next_packet() -> None:
    """Packets without CR LF behind them are taken at once; that it is missing shows when the next begins."""
    bare = NEXT.wire[:-2]
    splitter = Splitter()
    found = [one for _ in range(3) for one in splitter.feed(bare)]

    assert [one.deviations for one in found if isinstance(one, Packet)] == [
        (),
        (Deviation.NO_LINE_END,),
        (Deviation.NO_LINE_END,),
    ]
    assert len(found) == 3


def test_a_missing_line_end_is_told_after_a_pause_too() -> None:
    """An instrument that sends rarely is found out as well."""
    splitter = Splitter()
    splitter.feed(NEXT.wire[:-2])
    splitter.forget()
    (packet,) = splitter.feed(NEXT.wire)

    assert isinstance(packet, Packet)
    assert packet.deviations == (Deviation.NO_LINE_END,)


def test_delimiters_inside_a_packet_do_not_cut_it() -> None:
    """CR LF, && and even ## within the data segment belong to it."""
    data = b"ST=31;CN=3020;MN=1;CP=&&i11001-Info=a\r\n&&##0012 b&&c&&"

    assert cut(framed(data)) == [Packet(data, len(data) + 12)]
