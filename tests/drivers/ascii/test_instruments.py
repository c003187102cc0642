"""The devices that speak in lines: asked through a wire, or heard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ascii.instruments import GAP_S, AsciiAsked, AsciiSender
from drivers.ascii.text_line import BadLine
from drivers.errors import BadFrame
from drivers.spec import FieldSpec
from drivers.wire import Found
from tests.drivers.ascii.lines import ASKED, PLAIN, HandClock, asked, line, talking

if TYPE_CHECKING:
    from drivers.reading import Value
    from drivers.spec import DeviceSpec
    from drivers.tally import Tally
    from drivers.wire import Question

T = TypeVar("T")


class Deaf:
    """A wire on which a given answer comes to any question."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[bytes] = []

    def ask(self, question: Question[T], timeout_s: float, tally: Tally) -> T:
        """Return what the question makes of the answer."""
        self.asked.append(question.frame)
        found = question.take(self.answer)
        if not isinstance(found, Found):
            raise BadFrame(question.blame(self.answer))
        return found.answer


def test_a_question_carries_the_address_and_gets_its_line() -> None:
    """Values by point, exact, stamped with the moment of the answer."""
    wire, clock = Deaf(line(b"7,123,OK")), HandClock()
    scan = AsciiAsked(asked(), clock).visit(wire)

    assert wire.asked == [b"#7R\r"]
    assert (scan.values, scan.flags, scan.fault) == ((12.3, "OK"), "NN", None)
    assert (scan.wall_ms, scan.mono_ns) == (clock.wall_ms(), clock.mono_ns())


def test_a_wrong_checksum_gives_no_value() -> None:
    """The reason in words."""
    with pytest.raises(BadFrame, match="checksum error"):
        AsciiAsked(asked(), HandClock()).visit(Deaf(b":7,123,OK*00\r\n"))


def test_an_unavailable_value_is_null_with_a_flag() -> None:
    """The device answered: no fault, but no number either."""
    scan = AsciiAsked(asked(), HandClock()).visit(Deaf(line(b"7,OVER,CAL")))

    assert (scan.values, scan.flags, scan.fault) == ((None, "CAL"), "DN", None)


UNUSABLE = {
    "no lines declared": (replace(asked(), ascii=None), "says nothing of its lines"),
    "a field that no group has": (
        replace(asked(), points=(FieldSpec(name="o2", field="o2"),)),
        "the pattern has no group o2",
    ),
}


@pytest.mark.parametrize(("spec", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_device_that_cannot_be_read_is_refused(spec: DeviceSpec, words: str) -> None:
    """At start, not at the first line."""
    for kind in (AsciiAsked, AsciiSender):
        with pytest.raises(BadLine, match=words):
            kind(spec, HandClock())


def heard(sender: AsciiSender, *chunks: bytes) -> list[Value]:
    """Return the first value of each scan."""
    values = []
    for chunk in chunks:
        scans, answer = sender.hear(chunk)
        assert answer == b""
        values += [scan.values[0] for scan in scans]
    return values


def test_each_good_line_is_a_scan_however_it_arrives() -> None:
    """Whole, in pieces, several at once; a bad one is counted and stepped over."""
    sender = AsciiSender(talking(), HandClock())

    assert heard(sender, b"\n", b" 1", b"2.5 m", b"g\n13 mg RUN\nrubbish\n14 mg\n1") == [12.5, 13, 14]
    assert (sender.tally.answers, sender.tally.bad_frames) == (3, 1)


def test_without_a_start_the_first_piece_is_not_believed() -> None:
    """We may have come in the middle of a line: "2.5" of "112.5" is no reading."""
    assert heard(AsciiSender(talking(), HandClock()), b"2.5 mg\n112.5 mg\n") == [112.5]


def test_with_a_start_the_first_line_counts() -> None:
    """A start tells a whole line from the end of one."""
    sender = AsciiSender(talking(replace(PLAIN, start=b"$")), HandClock())

    assert heard(sender, b"2.5 mg\n$3.5 mg\n") == [3.5]


def test_a_line_that_broke_off_is_not_glued_to_the_next() -> None:
    """The port was away for a moment: "11" and "2.5 mg" are not 112.5."""
    clock = HandClock()
    sender = AsciiSender(talking(), clock)
    before = heard(sender, b"\n1 mg\n11")
    clock.on(GAP_S * 1.1)

    assert before == [1]
    assert heard(sender, b"2.5 mg\n3 mg\n") == [3]


def test_silence_is_told_once_per_time_out() -> None:
    """Unknown with the reason; a good line begins the count anew."""
    clock = HandClock()
    sender = AsciiSender(talking(), clock)
    clock.on(1.9)
    assert sender.silent() is None

    sender.hear(b"\nwhat?\n")
    clock.on(0.2)
    scan = sender.silent()

    assert scan is not None
    assert (scan.values, scan.flags) == ((None, None), "BB")
    assert scan.fault == "no line from dust within 2 s, but: a line of another form: 'what?'"
    assert sender.silent() is None
    sender.hear(b"5 mg\n")
    clock.on(1.9)
    assert sender.silent() is None
    assert sender.tally.timeouts == 1


def test_two_senders_on_one_line_are_told_apart_by_their_address() -> None:
    """Each hears everything; the other's lines are strays."""
    spec = replace(ASKED, mode="listen")
    seven, eight = (AsciiSender(asked(spec, address), HandClock()) for address in (7, 8))
    data = line(b"7,10,OK") + line(b"8,20,OK")

    assert heard(seven, data) == [1.0]
    assert heard(eight, data) == [2.0]
    assert seven.tally.strays == eight.tally.strays == 1


@given(
    chunks=st.lists(st.binary(max_size=100) | st.sampled_from([b"5 mg\n", b"\n", b"$"]), max_size=30),
    start=st.booleans(),
)
def test_any_stream_is_heard_in_bounded_memory_and_the_next_line_is_read(chunks: list[bytes], *, start: bool) -> None:
    """No exception; no more is kept than the longest line; two line ends later everything is as new."""
    spec = replace(PLAIN, start=b"$" if start else b"")
    sender = AsciiSender(talking(spec), HandClock())
    for chunk in chunks:
        sender.hear(chunk)
        assert len(sender._rest) <= spec.longest

    assert heard(sender, b"\n", spec.start + b"7.25 mg\n")[-1:] == [7.25]
