"""Modbus frames on a serial line: examples worked out elsewhere, every cut of them, noise around them, and rubbish."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerAscii, FramerRTU

from drivers import rtu_frames
from drivers.cost import Read
from drivers.modbus_crc import crc
from drivers.rtu_frames import (
    MOST_STRAYS,
    Answer,
    Wanted,
    ascii_blame,
    ascii_question,
    ascii_take,
    lrc,
    rtu_blame,
    rtu_question,
    rtu_take,
)
from drivers.spec import Table
from drivers.wire import Found, Stray

TAKES = {"rtu": rtu_take, "ascii": ascii_take}
BLAMES = {"rtu": rtu_blame, "ascii": ascii_blame}
MODES = tuple(TAKES)


def framed(mode: str, body: bytes) -> bytes:
    """Put the mode's frame around a body, with the check sums of pymodbus."""
    if mode == "rtu":
        return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
    return b":" + (body + bytes([FramerAscii.compute_LRC(body)])).hex().upper().encode() + b"\r\n"


def begins_by_chance(data: bytes, until: int) -> bool:
    """Whether a sound RTU frame begins before `until`: of 65 536 that look like one, one is."""
    for start in range(min(until, len(data) - 4)):
        size = 5 if data[start + 1] & 0x80 else 5 + data[start + 2]
        frame = data[start : start + size]
        if len(frame) == size and FramerRTU.compute_CRC(frame[:-2]).to_bytes(2, "big") == frame[-2:]:
            return True
    return False


@dataclass(frozen=True)
class Vector:
    """What is wanted, and a frame that gives it (or the exception `code`)."""

    mode: str
    wanted: Wanted
    frame: bytes
    code: int = 0


VECTORS = {
    "three registers of unit 17": Vector("rtu", Wanted(17, 3, 6), bytes.fromhex("11 03 06 AE41 5652 4340 49AD")),
    "37 coils of unit 17": Vector("rtu", Wanted(17, 1, 5), bytes.fromhex("11 01 05 CD6BB20E1B 45E6")),
    "a float, 220.2": Vector("rtu", Wanted(1, 3, 4), bytes.fromhex("01 03 04 43 5C 33 33 7B 40")),
    "a marker, -32768": Vector("rtu", Wanted(1, 3, 2), bytes.fromhex("01 03 02 80 00 D9 84")),
    "an exception": Vector("rtu", Wanted(10, 1, 1), bytes.fromhex("0A 81 02 B0 53"), code=2),
    "ASCII registers": Vector("ascii", Wanted(17, 3, 6), b":110306AE4156524340CC\r\n"),
    "ASCII, lower case": Vector("ascii", Wanted(17, 3, 6), b":110306ae4156524340cc\r\n"),
    "ASCII coils": Vector("ascii", Wanted(17, 1, 5), b":110105CD6BB20E1BD6\r\n"),
    "ASCII exception": Vector("ascii", Wanted(10, 1, 1), b":0A810273\r\n", code=2),
}
vectors = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
both_modes = pytest.mark.parametrize("mode", MODES)


# --- the answer ----------------------------------------------------------------------------------


@vectors
def test_the_answer_is_found(vector: Vector) -> None:
    """A frame with the wanted unit, function and size and a good check sum is the answer; an exception is one too."""
    found = TAKES[vector.mode](vector.wanted, vector.frame)

    assert found == Found(len(vector.frame), Answer(vector.frame, vector.code))


@vectors
def test_an_answer_that_comes_byte_by_byte_is_found_with_its_last_byte(vector: Vector) -> None:
    """Nothing is decided before the frame is whole."""
    looks = [TAKES[vector.mode](vector.wanted, vector.frame[:cut]) for cut in range(len(vector.frame))]

    assert looks == [None] * len(vector.frame)


@vectors
@settings(deadline=None)
@given(noise=st.binary(min_size=1, max_size=60))
def test_noise_before_an_answer_is_counted_and_stepped_over(vector: Vector, noise: bytes) -> None:
    """The answer begins at the first sound frame; all before it is noise."""
    assume(not begins_by_chance(noise + vector.frame, len(noise)))

    found = TAKES[vector.mode](vector.wanted, noise + vector.frame)

    assert found == Found(len(noise + vector.frame), Answer(vector.frame, vector.code), noise=len(noise))


@vectors
@settings(deadline=None)
@given(rubbish=st.binary(min_size=1, max_size=60))
def test_what_comes_behind_an_answer_is_left_alone(vector: Vector, rubbish: bytes) -> None:
    """`used` ends with the frame."""
    found = TAKES[vector.mode](vector.wanted, vector.frame + rubbish)

    assert found == Found(len(vector.frame), Answer(vector.frame, vector.code))


def test_a_colon_begins_a_new_frame() -> None:
    """In ASCII a frame that was broken off costs only itself (section 2.5.2.1)."""
    vector = VECTORS["ASCII registers"]

    found = ascii_take(vector.wanted, b":110306AE" + vector.frame)

    assert found == Found(9 + len(vector.frame), Answer(vector.frame, 0), noise=9)


@both_modes
def test_of_two_answers_the_first_counts(mode: str) -> None:
    """The second is left for the line, which knows what to think of it."""
    first, second = framed(mode, b"\x03\x03\x02\x00\x01"), framed(mode, b"\x03\x03\x02\x00\x02")

    assert TAKES[mode](Wanted(3, 3, 2), first + second) == Found(len(first), Answer(first, 0))


# --- frames for somebody else --------------------------------------------------------------------

STRAYS = {
    "another unit": (b"\x04\x03\x02\x00\x01", "unit 4, function 3"),
    "another function": (b"\x03\x04\x02\x00\x01", "unit 3, function 4"),
    "another size": (b"\x03\x03\x04\x00\x01\x00\x02", "unit 3, function 3, 4 bytes of data"),
    "an exception of another unit": (b"\x04\x83\x02", "unit 4, function 3, exception 2"),
    "an exception to another function": (b"\x03\x84\x02", "unit 3, function 4, exception 2"),
    "an exception without a code": (b"\x03\x83\x00", "unit 3, function 3, exception 0"),
}


@both_modes
@pytest.mark.parametrize(("body", "words"), STRAYS.values(), ids=STRAYS)
def test_a_sound_frame_for_somebody_else_is_a_stray(mode: str, body: bytes, words: str) -> None:
    """It is named, taken away with the noise before it, and the answer behind it is found by the next look."""
    wanted, stray, answer = Wanted(3, 3, 2), framed(mode, body), framed(mode, b"\x03\x03\x02\x00\x01")
    data = b"\xff\x00" + stray + answer

    first = TAKES[mode](wanted, data)

    assert first == Stray(2 + len(stray), words)
    assert TAKES[mode](wanted, data[first.used :]) == Found(len(answer), Answer(answer, 0))


@both_modes
def test_a_frame_inside_a_stray_is_not_the_answer(mode: str) -> None:
    """What another unit's data happen to contain was not said to us: the frame that begins first counts."""
    inner = framed(mode, b"\x03\x03\x02\x00\x01")
    stray = framed(mode, b"\x04\x03" + bytes([len(inner)]) + inner)

    assert TAKES[mode](Wanted(3, 3, 2), stray) == Stray(len(stray), "unit 4, function 3")


def test_nothing_in_an_answer_that_is_still_coming_is_a_stray() -> None:
    """Data may look like a frame by chance; the answer around them must survive being looked at before it is whole."""
    wanted, lookalike = Wanted(3, 3, 20), framed("rtu", b"\x04\x03\x02\x00\x01")
    answer = framed("rtu", wanted.head + lookalike + bytes(20 - len(lookalike)))

    looks = [rtu_take(wanted, answer[:cut]) for cut in range(len(answer))]

    assert looks == [None] * len(answer)
    assert rtu_take(wanted, answer) == Found(len(answer), Answer(answer, 0))


def test_noise_that_looks_like_our_head_does_not_hide_a_stray_for_ever() -> None:
    """Once the answer it announced can no longer be, what lies behind it is seen."""
    wanted, stray = Wanted(3, 3, 2), framed("rtu", b"\x04\x03\x02\x00\x01")
    answer = framed("rtu", b"\x03\x03\x02\x00\x01")
    data = wanted.head + stray + answer

    assert rtu_take(wanted, data) == Stray(3 + len(stray), "unit 4, function 3")
    assert rtu_take(wanted, data[3 + len(stray) :]) == Found(len(answer), Answer(answer, 0))


def test_an_ascii_frame_whose_byte_count_is_wrong_is_a_stray() -> None:
    """Its check sum is right, yet it does not say what it says it does."""
    frame = framed("ascii", b"\x03\x03\x02\x00\x01\x00\x02")

    assert ascii_take(Wanted(3, 3, 2), frame) == Stray(len(frame), "unit 3, function 3, 4 bytes of data")


# --- in words ------------------------------------------------------------------------------------

GOOD = {mode: framed(mode, b"\x03\x03\x04\x43\x5c\x33\x33") for mode in MODES}
BLAMED = {
    "RTU, a wrong byte": ("rtu", GOOD["rtu"][:5] + b"\x00" + GOOD["rtu"][6:], "CRC error in the answer"),
    "RTU, a wrong exception": ("rtu", b"\x03\x83\x02\x00\x00", "CRC error in the answer"),
    "RTU, cut": ("rtu", GOOD["rtu"][:5], "only 5 of 9 bytes of an answer"),
    "RTU, cut behind noise": ("rtu", b"\xff" + GOOD["rtu"][:5], "only 5 of 9 bytes of an answer"),
    "RTU, one byte": ("rtu", b"\x03", "only 1 of 9 bytes of an answer"),
    "RTU, garbage": ("rtu", b"\xff" * 17, "garbage: 17 bytes that are no frame"),
    "ASCII, a wrong digit": ("ascii", GOOD["ascii"].replace(b"5C", b"5D"), "LRC error in the answer"),
    "ASCII, a wrong exception": ("ascii", b":03830279\r\n", "LRC error in the answer"),
    "ASCII, cut": ("ascii", GOOD["ascii"][:9], "only 9 of 19 bytes of an answer"),
    "ASCII, a colon": ("ascii", b"\xff:", "only 1 of 19 bytes of an answer"),
    "ASCII, garbage": ("ascii", b"\xff" * 17, "garbage: 17 bytes that are no frame"),
    "ASCII, cut of another": ("ascii", b":0403", "garbage: 5 bytes that are no frame"),
}


@pytest.mark.parametrize(("mode", "data", "words"), BLAMED.values(), ids=BLAMED)
def test_what_is_wrong_is_said_in_words(mode: str, data: bytes, words: str) -> None:
    """A wrong check sum, a cut answer and garbage have different causes, so they have different names."""
    assert TAKES[mode](Wanted(3, 3, 4), data) is None
    assert BLAMES[mode](Wanted(3, 3, 4), data) == words


# --- a question ----------------------------------------------------------------------------------


def test_a_question_knows_its_answer() -> None:
    """Whom, how long, and all that an answer tells of its question."""
    read = Read(Table.INPUT, 10, 2)

    rtu, in_ascii = rtu_question(3, read, b"rtu"), ascii_question(3, read, b"ascii")

    assert (rtu.whom, rtu.frame, rtu.longest, rtu.shape) == ("unit 3", b"rtu", 9, ("rtu", 3, 4))
    assert (in_ascii.frame, in_ascii.longest, in_ascii.shape) == (b"ascii", 19, ("ascii", 3, 4))
    assert isinstance(rtu.take(framed("rtu", b"\x03\x04\x04abcd")), Found)
    assert isinstance(in_ascii.take(framed("ascii", b"\x03\x04\x04abcd")), Found)
    assert rtu.blame(b"?") == in_ascii.blame(b"?") == "garbage: 1 bytes that are no frame"


# --- any bytes -----------------------------------------------------------------------------------

bodies = st.one_of(
    st.builds(
        lambda unit, function, data: bytes((unit, function, len(data))) + data,
        st.integers(0, 255),
        st.integers(1, 4),
        st.binary(max_size=250),
    ),
    st.builds(lambda *fields: bytes(fields), st.integers(0, 255), st.integers(0x81, 0x84), st.integers(0, 255)),
)
LOOKALIKES = (0x03, 0x04, 0x83, 0xFA)
rubbish_of_lookalikes = st.lists(st.sampled_from(LOOKALIKES), max_size=600).map(bytes)


@both_modes
@settings(deadline=None)
@given(body=bodies, before=st.binary(max_size=40), behind=st.binary(max_size=40), wanted_too=st.booleans())
def test_an_answer_counts_only_when_it_matches_in_every_field(
    mode: str, body: bytes, before: bytes, behind: bytes, wanted_too: bool
) -> None:
    """Whatever comes, what is found is whole, sound, and from the wanted unit, with its function and size."""
    assume(not begins_by_chance(before + framed(mode, body) + behind, len(before)))
    size = body[2] if wanted_too and body[1] < 0x80 else 4
    wanted = Wanted(body[0], body[1] & 0x7F, size) if wanted_too else Wanted(3, 3, size)

    found = TAKES[mode](wanted, before + framed(mode, body) + behind)

    assert found is not None
    if isinstance(found, Stray):
        assert not wanted_too or body[2] == 0
        return
    raw = bytes.fromhex(found.answer.frame[1:-4].decode()) if mode == "ascii" else found.answer.frame[:-2]
    assert framed(mode, raw).upper() == found.answer.frame.upper()
    if found.answer.code:
        assert raw == bytes((wanted.unit, wanted.function | 0x80, found.answer.code))
    else:
        assert raw[:3] == bytes((wanted.unit, wanted.function, wanted.size))
        assert len(raw) == wanted.size + 3


@both_modes
@settings(deadline=None)
@given(data=st.one_of(st.binary(max_size=600), rubbish_of_lookalikes, st.text("0123:\r\nAf", max_size=600)))
def test_rubbish_never_raises(mode: str, data: bytes | str) -> None:
    """Any bytes get an outcome and words, and no more is used than there is."""
    data = data.encode() if isinstance(data, str) else data

    found = TAKES[mode](Wanted(3, 3, 4), data)

    assert found is None or 0 < found.used <= len(data)
    assert BLAMES[mode](Wanted(3, 3, 4), data)


@settings(deadline=None)
@given(body=bodies, bit=st.integers(0))
def test_a_single_wrong_bit_is_never_an_answer(body: bytes, bit: int) -> None:
    """The CRC sees every error of one bit."""
    frame = bytearray(framed("rtu", body))
    frame[bit // 8 % len(frame)] ^= 1 << bit % 8

    found = rtu_take(Wanted(body[0], body[1] & 0x7F, body[2]), bytes(frame))

    assert not isinstance(found, Found)


@settings(deadline=None)
@given(data=rubbish_of_lookalikes, size=st.sampled_from([3, 4, 250]))
def test_the_work_is_bounded_whatever_comes(data: bytes, size: int) -> None:
    """Rubbish made to look like heads of frames costs a few check sums, not one for each of its bytes."""
    steps = 0

    def counted(frame: bytes) -> int:
        nonlocal steps
        steps += len(frame)
        return crc(frame)

    wanted = Wanted(3, 3, size)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rtu_frames, "crc", counted)
        rtu_take(wanted, data)

    ours = data.count(wanted.refusal) * 5 + sum(data.startswith(wanted.head, at) for at in range(len(data))) * (
        size + 5
    )
    assert steps <= MOST_STRAYS * 255 + ours


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_check_sums_agree_with_those_of_others(data: bytes) -> None:
    """CRC and LRC are those that pymodbus computes; over a frame with its own check sum they are zero."""
    assert crc(data) == int.from_bytes(FramerRTU.compute_CRC(data).to_bytes(2, "big"), "little")
    assert lrc(data) == FramerAscii.compute_LRC(data)
    assert crc(data + crc(data).to_bytes(2, "little")) == lrc(data + bytes([lrc(data)])) == 0
