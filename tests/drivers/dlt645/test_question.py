"""Questions: what is an answer, what only looks like one, and what is said of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlt645.frame import Edition, Reads, encode
from drivers.dlt645.question import Answer, read, read_address, read_more
from drivers.errors import BadRequest
from drivers.wire import Found, Question, Stray
from tests.drivers.dlt645.simulated import digits, framed

METER, OTHER = "000000000161", "000000000162"
VOLTAGE = "02010100"
ASK = read(Edition.OF_2007, METER, VOLTAGE, 2)
ASK_1997 = read(Edition.OF_1997, METER, "B611", 2)
GOOD = framed(METER, 0x91, digits(VOLTAGE) + b"\x01\x22")


@pytest.mark.parametrize(
    ("question", "answer", "wanted"),
    [
        (ASK, GOOD, Answer(METER, b"\x01\x22")),
        (ASK, framed(METER, 0xB1, digits(VOLTAGE) + b"\x01"), Answer(METER, b"\x01", more=True)),
        (ASK, framed(METER, 0xD1, b"\x02"), Answer(METER, error=2)),
        (ASK, framed(METER, 0xD1, b""), Answer(METER, error=0)),
        (ASK_1997, framed(METER, 0x81, digits("B611") + b"\x20\x02"), Answer(METER, b"\x20\x02")),
        (ASK_1997, framed(METER, 0xC1, b"\x02"), Answer(METER, error=2)),
        (
            read_more(Edition.OF_2007, METER, "0001FF00", 1),
            framed(METER, 0x92, digits("0001FF00") + b"\x07\x08\x01"),
            Answer(METER, b"\x07\x08"),
        ),
        (
            read_more(Edition.OF_1997, METER, "9010", 1),
            framed(METER, 0x82, digits("9010") + b"\x07\x08"),
            Answer(METER, b"\x07\x08"),
        ),
        (read_address(), framed(METER, 0x93, digits(METER)), Answer(METER)),
        (read_address("AAAAAAAAAA61"), framed(METER, 0x93, digits(METER)), Answer(METER)),
        (read(Edition.OF_2007, "AAAAAAAAAAAA", VOLTAGE, 2), GOOD, Answer(METER, b"\x01\x22")),
    ],
)
def test_an_answer_whole_cut_and_among_rubbish(question: Question[Answer], answer: bytes, wanted: Answer) -> None:
    """The answer is taken with its last byte and not before; what is before it is counted as noise, FE not."""
    for cut in range(len(answer)):
        assert question.take(answer[:cut]) is None, cut
    assert question.take(answer) == Found(len(answer), wanted)
    assert question.take(b"\xfe\xfe\xfe\xfe\xfe" + answer + b"\x68\x00") == Found(5 + len(answer), wanted)
    assert question.take(b"\x68\x16\x00\xfe" + answer) == Found(4 + len(answer), wanted, noise=3)
    assert len(answer) + 4 <= question.longest


@pytest.mark.parametrize(
    ("question", "frame", "words"),
    [
        (ASK, framed(OTHER, 0x91, digits(VOLTAGE) + b"\x01\x22"), "answer of meter 000000000162"),
        (ASK, framed(OTHER, 0xD1, b"\x02"), "answer of meter 000000000162"),
        (ASK, framed(METER, 0x91, digits("02010200") + b"\x01\x22"), "answer to 02010200"),
        (ASK, framed(METER, 0x91, b"\x00\x01"), "answer to 0100"),
        (ASK, framed(METER, 0x91, b""), "answer to nothing"),
        (ASK, framed(METER, 0x93, digits(METER)), "answer to function 13H"),
        (ASK, framed(METER, 0x81, digits("B611") + b"\x20\x02"), "answer to function 01H"),
        (ASK, framed("AAAAAAAAAAAA", 0x91, digits(VOLTAGE) + b"\x01\x22"), "answer of meter AAAAAAAAAAAA"),
        (ASK, ASK.frame, "a request to meter 000000000161"),
        (ASK, encode(Reads.DATA, OTHER, VOLTAGE), "a request to meter 000000000162"),
        (
            read_more(Edition.OF_2007, METER, "0001FF00", 2),
            framed(METER, 0x92, digits("0001FF00") + b"\x07\x08\x01"),
            "answer with part 1 of 0001FF00",
        ),
        (
            read_more(Edition.OF_2007, METER, "0001FF00", 1),
            framed(METER, 0xB1, digits("0001FF00") + b"\x07\x08\x01"),
            "answer to function 11H",
        ),
        (read_address("AAAAAAAAAA61"), framed(OTHER, 0x93, digits(OTHER)), "answer of meter 000000000162"),
        (read_address(), framed(METER, 0x93, b"\x00"), "answer with 1 bytes where an address has 6"),
        (read_address(), framed(METER, 0x93, b"\xff" * 6), "answer with the address FFFFFFFFFFFF"),
    ],
)
def test_a_sound_frame_for_something_else_is_a_stray(question: Question[Answer], frame: bytes, words: str) -> None:
    """Another meter, function, item or part, and requests heard back are no answers, and the words say which."""
    assert question.take(frame) == Stray(len(frame), words)
    assert question.take(frame + GOOD) == Stray(len(frame), words)
    assert question.blame(frame) == words


def test_the_answer_behind_a_stray_is_found_when_the_stray_is_dropped() -> None:
    """A late answer to another item does not cost the right one."""
    late = framed(METER, 0x91, digits("02010200") + b"\x01\x22")
    stray = ASK.take(late + GOOD)

    assert isinstance(stray, Stray)
    assert ASK.take((late + GOOD)[stray.used :]) == Found(len(GOOD), Answer(METER, b"\x01\x22"))


def test_an_answer_behind_a_false_start_is_found() -> None:
    """Noise that looks like the head of a long frame does not swallow the answer, nor make strays of its own data."""
    head = bytes.fromhex("68 12 34 56 78 90 12 68 91 C8")
    stray = framed(OTHER, 0x91, digits(VOLTAGE) + b"\x01\x22")

    assert ASK.take(head + GOOD) == Found(len(head + GOOD), Answer(METER, b"\x01\x22"), noise=len(head))
    assert ASK.take(head + stray) is None
    assert ASK.take(head + stray + GOOD) == Found(
        len(head + stray + GOOD), Answer(METER, b"\x01\x22"), noise=len(head + stray)
    )


@given(st.binary(max_size=100))
def test_noise_never_makes_an_answer_and_never_hides_one(noise: bytes) -> None:
    """Whatever comes before, the answer is found behind it or behind the frames that the noise itself begins."""
    taken, at = ASK.take(noise + GOOD), 0
    while isinstance(taken, Stray):
        at += taken.used
        taken = ASK.take((noise + GOOD)[at:])

    assert isinstance(taken, Found) or at > len(noise)
    assert not isinstance(ASK.take(noise), Found)
    assert ASK.blame(noise)


@given(st.binary(max_size=300))
def test_any_bytes_behind_a_right_head_have_an_outcome(body: bytes) -> None:
    """What a meter makes of a frame's data never raises."""
    for question in (ASK, ASK_1997, read_address(), read_more(Edition.OF_2007, METER, VOLTAGE, 1)):
        for control in (0x91, 0x92, 0x93, 0x81, 0xD1, 0xFF):
            frame = framed(METER, control, body[:255])
            assert isinstance(question.take(frame), Found | Stray)


def test_the_shape_is_all_that_a_refusal_tells() -> None:
    """A refusal names no item, so two items of one meter have one shape; another meter or function has its own."""
    shapes = {
        ASK.shape,
        read(Edition.OF_2007, METER, "02010200", 2).shape,
        read(Edition.OF_2007, OTHER, VOLTAGE, 2).shape,
        read_more(Edition.OF_2007, METER, VOLTAGE, 1).shape,
        ASK_1997.shape,
    }

    assert ASK.shape == read(Edition.OF_2007, METER, "02010200", 2).shape
    assert len(shapes) == 4


@pytest.mark.parametrize("address", ["999999999999", "0000000001AA", "12345678901234"])
def test_an_address_that_cannot_be_asked(address: str) -> None:
    """The broadcast address and what is no address raise before anything is sent."""
    with pytest.raises(BadRequest):
        read(Edition.OF_2007, address, VOLTAGE, 2)


def test_an_item_of_the_other_edition_cannot_be_asked() -> None:
    """The mixed dialect (11H with a 1997 item) is understood when heard and never spoken."""
    with pytest.raises(BadRequest):
        read(Edition.OF_2007, METER, "B611", 2)
    with pytest.raises(BadRequest):
        read(Edition.OF_1997, METER, VOLTAGE, 2)
