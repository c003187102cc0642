"""DL/T 645 frames: the published ones in every way they can arrive, and what may never be sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlt645.frame import (
    ANYBODY,
    BROADCAST,
    Edition,
    Frame,
    Reads,
    Sound,
    Unfinished,
    blame,
    encode,
    error_words,
    find,
    full_address,
    matches,
    only_reads,
)
from drivers.errors import BadRequest
from tests.drivers.dlt645.simulated import framed

SAMPLES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "frames.json").read_text(encoding="utf-8"))
GOOD = [sample for sample in SAMPLES if sample["expect"] == "accept"]
BAD = [sample for sample in SAMPLES if sample["expect"] == "reject"]
RUBBISH = (b"", b"\x00", b"\x16\x16", b"\x68", b"\x68\x68", b"\xfe\x68\x16\xfe", bytes(range(256)), b"\x68" * 30)

each_good = pytest.mark.parametrize("sample", GOOD, ids=[sample["hex_or_text"] for sample in GOOD])
each_bad = pytest.mark.parametrize("sample", BAD, ids=[sample["hex_or_text"] for sample in BAD])


def on_the_wire(sample: dict[str, Any]) -> bytes:
    """Return the bytes of a sample."""
    return bytes.fromhex(sample["hex_or_text"])


def meant(sample: dict[str, Any]) -> Frame:
    """Return what a sample says, by its description."""
    data = bytes.fromhex(sample["item"])[::-1] + bytes.fromhex(sample["data"])
    return Frame(sample["address"], int(sample["control"], 16), data)


def sound(data: bytes, start: int = 0) -> Sound:
    """Return the first sound frame, which must be there."""
    found = find(data, start)
    assert isinstance(found, Sound), found
    return found


@each_good
def test_a_published_frame_says_what_its_description_says(sample: dict[str, Any]) -> None:
    """Address, control, identifier and data of every sample are those of its meaning."""
    data = on_the_wire(sample)
    found = sound(data)

    assert found.frame == meant(sample)
    assert (found.lead, found.end) == (0, len(data))


@each_good
def test_a_frame_is_found_with_its_last_byte_and_not_before(sample: dict[str, Any]) -> None:
    """Byte by byte, a frame is unfinished until its last byte, and nothing behind it is touched."""
    data = on_the_wire(sample)
    for cut in range(data.index(0x68) + 1, len(data)):
        assert isinstance(find(data[:cut]), Unfinished), cut
    for behind in RUBBISH:
        assert sound(data + behind).end == len(data)


@each_good
@pytest.mark.parametrize("before", RUBBISH, ids=lambda rubbish: rubbish[:4].hex())
def test_rubbish_before_a_frame_does_not_hide_it(sample: dict[str, Any], before: bytes) -> None:
    """Whatever came before, false starts and ends included, the frame is found where it is."""
    data = on_the_wire(sample)
    found = sound(before + data)

    assert (found.frame, found.end) == (meant(sample), len(before) + len(data))


@each_bad
def test_a_frame_with_a_wrong_sum_is_none(sample: dict[str, Any]) -> None:
    """The samples to reject are rejected, whole and in pieces, and the reason is the checksum."""
    data = on_the_wire(sample)

    assert not any(isinstance(find(data[:cut]), Sound) for cut in range(len(data) + 1))
    assert blame(data) == "checksum error"


@each_good
def test_every_turned_bit_is_noticed(sample: dict[str, Any]) -> None:
    """With any one bit turned there is no frame, but for bits in the wake-up bytes."""
    data = on_the_wire(sample)
    first = data.index(0x68)
    for place in range(first * 8, len(data) * 8):
        turned = bytearray(data)
        turned[place // 8] ^= 1 << place % 8
        assert not isinstance(find(bytes(turned)), Sound), place


@given(st.binary(max_size=80), st.binary(max_size=255), st.integers(0, 255), st.binary(max_size=20))
def test_noise_before_a_frame_hides_it_only_by_beginning_a_frame(
    noise: bytes, content: bytes, control: int, behind: bytes
) -> None:
    """The first sound frame is the one that was sent, unless the noise itself begins one that ends in it."""
    data = noise + framed("000000000161", control, content) + behind
    found = sound(data)

    assert found.start <= len(noise)
    if found.start == len(noise):
        assert found.frame == Frame("000000000161", control, content)


@given(st.binary(max_size=600), st.integers(0, 600))
def test_any_bytes_have_one_of_three_outcomes(data: bytes, start: int) -> None:
    """Nothing is raised, and what is told lies within the input."""
    found = find(data, start)

    assert blame(data)
    if isinstance(found, Sound):
        assert start <= found.lead <= found.start < found.end <= len(data)
    elif isinstance(found, Unfinished):
        assert start <= found.start < len(data) < found.end


@given(
    st.lists(st.sampled_from([b"\x68", b"\x16", b"\xfe", b"\x00", b"\x68\x00\x00\x00\x00\x00\x00\x68"]), max_size=90)
)
def test_bytes_made_of_false_starts_have_one_of_three_outcomes(parts: list[bytes]) -> None:
    """Also input that looks like frames everywhere is searched without an exception."""
    data = b"".join(parts)
    found = find(data)

    assert found is None or isinstance(found, Sound | Unfinished)
    assert found is not None or b"\x68" not in data[-7:]


def test_every_byte_of_data_survives_the_33h() -> None:
    """All 256 values go through, those below and above the turn as well."""
    assert sound(framed("000000000161", 0x91, bytes(range(255)))).frame.data == bytes(range(255))
    assert sound(framed("000000000161", 0x91, b"\xff\xcd\xcc\x00")).frame.data == b"\xff\xcd\xcc\x00"


def test_a_frame_inside_an_unfinished_one_says_so() -> None:
    """A sound frame behind an unfinished beginning is marked: it may be a part of that one's data."""
    inner = framed("000000000161", 0x91, b"\x01")
    false_start = bytes.fromhex("68 00 00 00 00 00 00 68 91 C8")

    assert not sound(inner).hidden
    assert sound(false_start + inner).hidden


def test_several_frames_come_out_one_by_one() -> None:
    """Frames back to back are found each from the end of the one before."""
    frames = [framed(f"{number:012}", 0x91, bytes([number])) for number in range(5)]
    data, at, seen = b"\xfe\xfe".join(frames), 0, []
    while isinstance(found := find(data, at), Sound):
        seen.append(found.frame.data[0])
        at = found.end

    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("control", "said"),
    [
        (0x11, "request"),
        (0x91, "answer"),
        (0xB1, "answer, more follows"),
        (0xD1, "answer, error"),
        (0x81, "answer"),
        (0xC1, "answer, error"),
    ],
)
def test_the_control_byte(control: int, said: str) -> None:
    """Bit 7 is the direction, bit 6 an error, bit 5 says that more follows; the rest is the function."""
    frame = Frame("000000000161", control, b"")

    assert frame.function == control & 0x1F
    assert frame.from_meter == said.startswith("answer")
    assert frame.is_error == said.endswith("error")
    assert frame.more_follows == said.endswith("follows")


@pytest.mark.parametrize(
    ("code", "edition", "words"),
    [
        (0x02, Edition.OF_2007, "no such data"),
        (0x04, Edition.OF_2007, "password wrong or right missing"),
        (0x01, Edition.OF_2007, "other error"),
        (0x01, Edition.OF_1997, "illegal data"),
        (0x03, Edition.OF_2007, "other error and no such data"),
        (0x00, Edition.OF_2007, "refused without a reason"),
    ],
)
def test_error_bits_in_words(code: int, edition: Edition, words: str) -> None:
    """Each set bit has its words."""
    assert error_words(code, edition) == words


# --- requests ------------------------------------------------------------------------------------

REQUESTS = [sample for sample in GOOD if int(sample["control"], 16) in (0x11, 0x12, 0x13, 0x01)]


@pytest.mark.parametrize("sample", REQUESTS, ids=[sample["hex_or_text"] for sample in REQUESTS])
def test_requests_are_encoded_as_published(sample: dict[str, Any]) -> None:
    """Our requests are byte for byte the published ones, but for the mixed dialect, which cannot be sent."""
    wanted = on_the_wire(sample)
    function, part = Reads(int(sample["control"], 16)), int(sample["data"] or "0", 16) or None
    wake_up = len(wanted) - len(wanted.lstrip(b"\xfe"))
    if sample["kind"] == "mixed dialect":
        with pytest.raises(BadRequest, match="does not take 2 bytes"):
            encode(function, sample["address"], sample["item"])
    else:
        assert encode(function, sample["address"], sample["item"], part, wake_up=wake_up) == wanted


def test_four_wake_up_bytes_go_before_a_request() -> None:
    """Up to four FE rouse the meter; more cannot be sent."""
    assert encode(Reads.ADDRESS, ANYBODY).startswith(b"\xfe\xfe\xfe\xfe\x68")
    with pytest.raises(BadRequest):
        encode(Reads.ADDRESS, ANYBODY, wake_up=5)


@given(st.integers(0, 255), st.binary(max_size=60), st.integers(0, 10**12 - 1))
def test_nothing_passes_the_gate_but_reads(control: int, data: bytes, address: int) -> None:
    """Of all frames with a right sum only the five reading requests, with their own data, may be sent."""
    frame = framed(f"{address:012}", control, data)
    sizes = {0x11: 4, 0x12: 5, 0x13: 0, 0x01: 2, 0x02: 2}
    if sizes.get(control) == len(data) and address != int(BROADCAST):
        assert only_reads(frame) == frame
    else:
        with pytest.raises(BadRequest):
            only_reads(frame)


@pytest.mark.parametrize(
    "control", [0x14, 0x15, 0x08, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x04, 0x0A, 0x0C, 0x0F, 0x10]
)
@pytest.mark.parametrize("size", [0, 2, 4, 5, 6, 12])
def test_no_function_that_changes_anything_passes(control: int, size: int) -> None:
    """Writing, setting the address, time, baud rate or password, freezing and clearing are stopped."""
    with pytest.raises(BadRequest, match="no reading request"):
        only_reads(framed("000000000161", control, bytes(size)))


def test_nothing_is_sent_to_everybody() -> None:
    """Not even a read passes with the broadcast address."""
    with pytest.raises(BadRequest, match=f"to {BROADCAST} is no reading request"):
        only_reads(framed(BROADCAST, 0x11, bytes(4)))


def test_the_enumeration_holds_reads_only() -> None:
    """There is no name under which anything else could be encoded."""
    assert {int(function) for function in Reads} == {0x11, 0x12, 0x13, 0x01, 0x02}


@given(st.binary(max_size=40))
def test_the_gate_lets_no_other_bytes_pass(data: bytes) -> None:
    """What is not one whole frame is never sent, two frames or something behind one included."""
    good = framed("000000000161", 0x11, bytes(4))
    with pytest.raises(BadRequest):
        only_reads(data.replace(b"\x68", b""))
    with pytest.raises(BadRequest):
        only_reads(good + (data or good))


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "full"),
    [
        ("161", "000000000161"),
        ("000000000161", "000000000161"),
        ("138000130754", "138000130754"),
        ("aaaaaaaaaaaa", ANYBODY),
        ("AAAAAAAAAA61", "AAAAAAAAAA61"),
        ("AA9999999999", "AA9999999999"),
    ],
)
def test_addresses_are_written_as_printed(given_: str, full: str) -> None:
    """Twelve digits, shorter ones filled with zeros, AA in the high bytes for any."""
    assert full_address(given_) == full


@pytest.mark.parametrize(
    "wrong", [BROADCAST, "1234567890123", "00000000016A", "0000000001AA", "AAA000000161", "x", "-1"]
)
def test_what_is_no_address_of_one_meter_is_refused(wrong: str) -> None:
    """The broadcast address, wildcards below digits, and other characters cannot be asked."""
    with pytest.raises(BadRequest):
        full_address(wrong)


@pytest.mark.parametrize(
    ("asked", "answered", "may"),
    [
        ("000000000161", "000000000161", True),
        ("000000000161", "000000000162", False),
        ("AAAAAAAAAA61", "000000000161", True),
        ("AAAAAAAAAA61", "000000000162", False),
        (ANYBODY, "138000130754", True),
        ("000000000161", ANYBODY, False),
        (ANYBODY, ANYBODY, True),
    ],
)
def test_who_may_answer(asked: str, answered: str, may: bool) -> None:
    """An answer comes from the address asked, or from one that the wildcard allows."""
    assert matches(asked, answered) is may


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\x12\x99", "garbage: 3 bytes without a frame"),
        (framed("000000000161", 0x91, bytes(8))[:-3], "the answer breaks off after 17 of 20 bytes"),
        (framed("000000000161", 0x91, bytes(8))[:-1] + b"\x17", "garbage where the frame should end"),
        (framed("000000000161", 0x91, bytes(8)).replace(b"\x61", b"\x62"), "checksum error"),
    ],
)
def test_what_is_wrong_is_said_in_words(data: bytes, words: str) -> None:
    """An installer can tell a cut answer from noise and from a disturbed one."""
    assert blame(data).startswith(words)
