"""One exchange on a line, step by step, and what must never happen: a value that is another register's.

Over real pseudo-terminals with a peer that misbehaves by script (faults S5 to S9); the rule about late answers also
against a simulated device with a latency of its own, in virtual time.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Self
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.cost import Read
from drivers.errors import BadFrame, DriverError, LinkDown, NoAnswer
from drivers.line_diagnosis import LineFacts, diagnosis
from drivers.line_wire import MOST_INPUT, MOST_OWED, MOST_STRAYS, LineWire, pace_of
from drivers.owed import LATEST_S
from drivers.rtu_frames import rtu_question
from drivers.serial_port import CHUNK, LineFaults, SerialPort
from drivers.spec import LineSettings, Table
from drivers.tally import Tally
from drivers.tcp_link import LinkClosed
from tests.drivers.pty_peer import Deed, PtyPeer, Script, answer_to, asking, honest, question, sealed
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from drivers.wire import Found, Stray

CLOCK = HostClock()
FAST = LineSettings(115200)
SLOW = LineSettings(300)
TIMEOUT_S = 0.2


@dataclass
class Line:
    """A wire on a port with a peer at its other end."""

    peer: PtyPeer
    echo: bool = False
    settings: LineSettings = FAST
    turnaround_s: float = 0.0
    tally: Tally = field(default_factory=Tally)

    def __enter__(self) -> Self:
        self.port = SerialPort(self.peer.path, CLOCK)
        self.wire = LineWire(self.port, CLOCK, echo=self.echo)
        self.port.open()
        self.wire.turn_to(self.settings, self.turnaround_s)
        return self

    def __exit__(self, *_: object) -> None:
        self.port.close()
        self.peer.unplug()

    def ask(self, register: int = 7, *, unit: int = 1, count: int = 2, timeout_s: float = TIMEOUT_S) -> bytes:
        """Return the data of a register."""
        return self.wire.ask(question(register, unit=unit, count=count), timeout_s, self.tally)

    def counts(self) -> dict[str, int]:
        """Return what was counted for the device, without zeros."""
        names = ("requests", "answers", "timeouts", "bad_frames", "strays")
        return {name: value for name in names if (value := getattr(self.tally, name))}


def scripted(*deeds: Deed | Callable[[bytes], Deed]) -> Script:
    """Return a script; what is callable is given the question."""
    return lambda asked: [deed(asked) if callable(deed) else deed for deed in deeds]


def in_turn(*scripts: Script) -> Script:
    """Return a script for the first question, the second …; the last goes on for ever."""
    left = list(scripts)

    def script(asked: bytes) -> Iterable[Deed]:
        return (left.pop(0) if len(left) > 1 else left[0])(asked)

    return script


def pieces(asked: bytes) -> list[Deed]:
    """Answer byte by byte, with pauses."""
    return [deed for byte in answer_to(asked) for deed in (bytes([byte]), 0.004)]


def echo(asked: bytes) -> bytes:
    """Return what an adapter gives back of what it is told to send."""
    return asked


def broken(asked: bytes) -> bytes:
    """Return the answer with a wrong check byte."""
    return answer_to(asked)[:-1] + b"\xee"


def of_unit_9(asked: bytes) -> bytes:
    """Return a sound answer of another device."""
    return sealed(bytes([0x41, 9, 2, 1, 1]))


def silent(_: bytes) -> Iterable[Deed]:
    """Say nothing."""
    return ()


# --- the order of one exchange -----------------------------------------------------------------------

GOOD: dict[str, tuple[Script, dict[str, int]]] = {
    "an honest answer": (honest, {}),
    "S6 the answer in pieces of one byte": (pieces, {}),
    "an answer just before the deadline": (scripted(TIMEOUT_S / 2, answer_to), {}),
    "S5 noise before the answer": (scripted(b"\xff\x00\x41", answer_to), {"bad_frames": 1}),
    "S5 noise after the answer": (scripted(lambda asked: answer_to(asked) + b"\xff\x00"), {}),
    "S5 a broken answer, then a sound one": (scripted(broken, answer_to), {"bad_frames": 1}),
    "the answer of another device first": (scripted(of_unit_9, answer_to), {"strays": 1}),
    "as many foreign answers as are borne": (scripted(of_unit_9, of_unit_9, of_unit_9, answer_to), {"strays": 3}),
    "S9 an echo before the answer": (scripted(echo, answer_to), {}),
    "S9 an echo in pieces": (scripted(b"\x51", 0.01, lambda asked: asked[1:] + answer_to(asked)), {}),
    "S9 an echo behind a byte of noise": (scripted(b"\x00", echo, answer_to), {}),
}


@pytest.mark.parametrize("case", GOOD)
def test_the_answer_is_found(case: str) -> None:
    """The right value comes back, what was around it is counted, and the next exchange is clean."""
    script, extra = GOOD[case]
    with Line(PtyPeer(in_turn(script, honest))) as line:
        assert line.ask(7) == b"\x07\x07"
        counted = line.counts()
        counted.pop("bad_frames" if case.endswith("byte of noise") else "", None)
        assert counted == {"requests": 1, "answers": 1, **extra}
        assert line.ask(8) == b"\x08\x08"


BAD: dict[str, tuple[Script, type[DriverError], str, dict[str, int]]] = {
    "silence": (silent, NoAnswer, r"^no answer from unit 1 within 0.2 s$", {"timeouts": 1}),
    "an answer after the deadline": (scripted(2 * TIMEOUT_S, answer_to), NoAnswer, "no answer", {"timeouts": 1}),
    "only the answer of another device": (
        scripted(of_unit_9),
        NoAnswer,
        "no answer from unit 1 within 0.2 s, but answer of another device came: unit 9",
        {"timeouts": 1, "strays": 1},
    ),
    "a wrong check byte": (scripted(broken), BadFrame, "^unit 1: check error in 6 bytes$", {"bad_frames": 1}),
    "half an answer": (scripted(b"\x41\x01\x02"), BadFrame, "check error in 3 bytes", {"bad_frames": 1}),
    "S5 only garbage": (scripted(bytes(range(100, 180))), BadFrame, "check error in 80 bytes", {"bad_frames": 1}),
    "S9 only an echo": (
        scripted(echo),
        NoAnswer,
        "no answer from unit 1 within 0.2 s; the adapter echoes what is sent: switch that off or write `echo = true`",
        {"timeouts": 1},
    ),
    "more than an answer can be": (
        scripted(bytes(1000)),
        BadFrame,
        "noise, 1000 bytes that are no answer",
        {"bad_frames": 1},
    ),
    "foreign answers without end": (
        scripted(lambda asked: of_unit_9(asked) * (MOST_STRAYS + 5)),
        BadFrame,
        "65 answers to other questions, the last: unit 9",
        {"bad_frames": 1, "strays": 65},
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_no_answer_is_told_from_a_bad_one(case: str) -> None:
    """The error says what came instead; after it, the same question gets its answer."""
    script, error, words, counted = BAD[case]
    with Line(PtyPeer(in_turn(script, honest))) as line:
        with pytest.raises(error, match=words):
            line.ask(7)
        assert line.counts() == {"requests": 1, **counted}
        assert line.ask(7) == b"\x07\x07"


def test_hopeless_input_is_not_waited_for() -> None:
    """As many bytes as the longest answer and then silence: the rest of a long time-out is not spent on it."""
    with Line(PtyPeer(in_turn(scripted(b"\xaa" * 20), honest))) as line:
        with pytest.raises(BadFrame):
            line.ask(7, timeout_s=30)
        assert line.tally.busy_ns < 10e9


def test_a_line_that_is_never_silent_is_not_talked_into() -> None:
    """Where somebody talks without end, nothing is sent, and the device is told bad within its time-out."""
    with Line(PtyPeer()) as line:
        port = line.port
        port.waiting = lambda: b"\x55"  # type: ignore[method-assign]
        with pytest.raises(BadFrame, match=r"the line is never silent: \d+ bytes that nobody asked for"):
            line.ask(7, timeout_s=0.05)
        assert line.tally.sent_bytes == 0


def test_what_comes_unasked_is_dropped_and_counted() -> None:
    """Input before the question is no answer to it, be it ever so sound."""
    with Line(PtyPeer()) as line:
        line.ask(7)
        line.peer.say(answer_to(asking(1, 99)))
        while not line.wire.noise_bytes:
            assert not line.wire.lost()

        assert line.ask(8) == b"\x08\x08"
        assert line.wire.noise_bytes == 6


# --- silences ----------------------------------------------------------------------------------------


def gaps(peer: PtyPeer) -> list[float]:
    """Return the seconds between each answer and the next question."""
    return [(asked - answered) / 1e9 for answered, (asked, _) in zip(peer.answered_ns, peer.asked[1:], strict=False)]


def test_the_standard_s_silence_lies_between_two_exchanges() -> None:
    """3.5 characters at 300 Bd are 117 ms: no question comes earlier after an answer."""
    with Line(PtyPeer(), settings=SLOW) as line:
        for register in range(3):
            line.ask(register)

        assert min(gaps(line.peer)) >= 0.99 * SLOW.silence_s - 0.002


def test_a_device_gets_its_turnaround_whoever_is_next() -> None:
    """What a device needs after its answer counts for the next device too, and only then."""
    with Line(PtyPeer(), turnaround_s=0.15) as line:
        line.ask(1)
        line.wire.turn_to(FAST, 0.0)
        line.ask(2)
        line.ask(3)

        first, second = gaps(line.peer)
        assert first >= 0.147
        assert second < first


def test_a_change_of_settings_lies_between_two_silences() -> None:
    """The old settings' silence comes before the change, the new settings' after it."""
    with Line(PtyPeer()) as line:
        line.ask(1)
        line.wire.turn_to(SLOW, 0.0)
        line.ask(2)
        line.wire.turn_to(FAST, 0.0)
        line.ask(3)

        assert min(gaps(line.peer)) >= 0.99 * SLOW.silence_s - 0.002


def test_a_slow_answer_has_the_time_of_its_characters() -> None:
    """At 300 Bd 40 bytes take 1.3 s: the time-out is for the beginning of an answer, not for its end."""
    with Line(PtyPeer(lambda asked: [answer_to(asked)[:20], 0.6, answer_to(asked)[20:]]), settings=SLOW) as line:
        assert line.ask(7, count=36) == b"\x07" * 36


def test_behind_a_serial_server_there_are_no_settings() -> None:
    """Without settings the silence is fixed and characters only prolong deadlines."""
    assert pace_of(None).silence_ns == 5_000_000
    assert pace_of(LineSettings(9600)).silence_ns == pytest.approx(3.5 * 10 / 9600 * 1e9, abs=1)
    assert pace_of(LineSettings(115200)).silence_ns == 1_750_000


# --- echoes ------------------------------------------------------------------------------------------


def test_s9_an_echo_is_recognised_counted_and_named() -> None:
    """The values are right without any setting, and the diagnosis offers the setting."""
    with Line(PtyPeer(scripted(echo, answer_to))) as line:
        assert [line.ask(register) for register in (5, 6)] == [b"\x05\x05", b"\x06\x06"]
        assert line.wire.echoes == 2
        assert "write `echo = true`" in line.wire.diagnosis(line.tally.recent, FAST)


def test_s9_an_echo_in_the_form_of_an_answer_is_no_value() -> None:
    """The read of 24 coils from address 0300H is, heard back, a sound answer of three bytes, once and ever again."""
    asked = bytes.fromhex("01 01 03 00 00 18 3C 44")
    answer = bytes.fromhex("01 01 03 CD 6B 05 42 82")
    coils = rtu_question(1, Read(Table.COIL, 0x0300, 24), asked)
    with Line(PtyPeer(scripted(b"\x00", asked, 0.02, answer))) as line:
        assert line.wire.ask(coils, TIMEOUT_S, line.tally).frame == answer
        assert line.wire.echoes == 1
    with Line(PtyPeer(in_turn(honest, scripted(asked, asked, 0.02, answer)))) as line:
        line.ask()  # now the adapter is known not to echo
        assert line.wire.ask(coils, TIMEOUT_S, line.tally).frame == answer


def test_a_declared_echo_is_expected() -> None:
    """With `echo = true` the echo is taken off and nothing is complained of."""
    with Line(PtyPeer(scripted(echo, 0.01, answer_to)), echo=True) as line:
        assert line.ask(5) == b"\x05\x05"
        assert line.wire.diagnosis(line.tally.recent, FAST) == ""


COLLISIONS: dict[str, tuple[Script, str]] = {
    "altered": (scripted(lambda asked: asked[:3] + b"\x00" + asked[4:], answer_to), "sent 51 01 07 02 55, heard 51 01"),
    "missing, the answer came": (honest, "sent 51 01 07 02 55, heard 41 01 02 07 07"),
    "missing, nothing came": (silent, "nothing of what was sent was heard back"),
}


@pytest.mark.parametrize("case", COLLISIONS)
def test_a_declared_echo_that_is_not_whole_is_a_collision(case: str) -> None:
    """No value is believed when what was on the line is not what we sent."""
    script, words = COLLISIONS[case]
    with Line(PtyPeer(script), echo=True) as line:
        with pytest.raises(BadFrame, match=f"unit 1: collision or broken adapter: {words}"):
            line.ask(7)
        assert line.counts() == {"requests": 1, "bad_frames": 1}


def test_where_nothing_is_echoed_an_answer_may_begin_like_its_question() -> None:
    """Once the adapter is known not to echo, what looks like an echo is left to the question to judge."""
    with Line(PtyPeer()) as line:
        line.ask(7)
        line.peer.script = scripted(echo, answer_to)

        assert line.ask(7) == b"\x07\x07"


# --- late answers ------------------------------------------------------------------------------------


def test_s7_a_late_answer_is_never_the_next_register_s() -> None:
    """The answer to register 7 arrives while register 8 is asked, in the shape of its answer: it is not taken."""
    late = scripted(TIMEOUT_S + 0.05, answer_to)
    with Line(PtyPeer(in_turn(late, honest))) as line:
        with pytest.raises(NoAnswer):
            line.ask(7)

        assert line.ask(8) == b"\x08\x08"
        assert line.ask(9) == b"\x09\x09"
        assert line.tally.strays >= 1


def test_s7_a_device_that_drops_what_it_is_asked_while_busy_gives_no_wrong_value() -> None:
    """The late answer to register 7 comes, the question for register 8 is lost: 8 is asked once more."""
    late = scripted(TIMEOUT_S + 0.05, answer_to)
    with Line(PtyPeer(in_turn(late, silent, honest))) as line:
        with pytest.raises(NoAnswer):
            line.ask(7)

        assert line.ask(8) == b"\x08\x08"
        assert line.peer.frames == [asking(1, 7), asking(1, 8), asking(1, 8)]


def test_the_same_question_again_costs_nothing() -> None:
    """Whichever answer comes, it is of the right register."""
    with Line(PtyPeer(in_turn(silent, honest))) as line:
        with pytest.raises(NoAnswer):
            line.ask(7)
        assert line.ask(7) == b"\x07\x07"
        assert line.counts() == {"requests": 2, "answers": 1, "timeouts": 1}


@pytest.mark.parametrize("between", ["another count", "another unit only"])
def test_an_answer_of_another_shape_pays_the_debt_of_its_device(between: str) -> None:
    """A device answers in order: once it has answered something else, nothing old will come. Others prove nothing."""
    with Line(PtyPeer(in_turn(silent, honest))) as line:
        with pytest.raises(NoAnswer):
            line.ask(7)
        line.ask(9, count=4) if between == "another count" else line.ask(9, unit=2)
        line.ask(8)

        repeated = line.peer.frames.count(asking(1, 8)) - 1
        assert repeated == (between == "another unit only")


@dataclass
class VirtualLine:
    """A clock, a stream and a device in one: it answers in order, sometimes late, and forgets what it cannot keep.

    The n-th question takes `usual_s`, or `late_s` where n is in `late`; those in `lost` are not understood. Unless it
    `is_busy` with a question, the way to it is as long, and questions and answers follow each other on it.
    """

    usual_s: float
    late_s: float
    late: set[int]
    lost: set[int]
    sent: int = 0
    keeps: int = 2
    is_busy: bool = True
    now_ns: int = 0
    busy_until_ns: int = 0
    on_the_way: list[tuple[int, bytes]] = field(default_factory=list)
    where: str = "virtual"
    connects: int = 1
    is_open: bool = True

    def wall_ms(self) -> int:
        """Return a wall clock nobody asks."""
        return 0

    def mono_ns(self) -> int:
        """Return the virtual time."""
        return self.now_ns

    def open(self) -> None:
        """Be open."""
        self.is_open = True

    def hang_up(self) -> None:
        """Be closed."""
        self.close()

    def close(self) -> None:
        """Be closed."""
        self.is_open = False

    def send(self, data: bytes) -> None:
        """Take a question."""
        self.sent += 1
        if len(self.on_the_way) >= self.keeps or self.sent in self.lost:
            return
        latency_s = self.late_s if self.sent in self.late else self.usual_s
        begins_ns = max(self.busy_until_ns, self.now_ns) if self.is_busy else self.now_ns
        self.busy_until_ns = max(self.busy_until_ns, begins_ns + int(latency_s * 1e9))
        self.on_the_way.append((self.busy_until_ns, answer_to(data)))

    def waiting(self) -> bytes:
        """Return what has arrived."""
        self.now_ns += 200_000
        return b"".join(self._arrived())

    def receive(self, deadline_ns: int) -> bytes:
        """Return what arrives, or let time pass."""
        if not self.on_the_way or self.on_the_way[0][0] > deadline_ns:
            self.now_ns = max(self.now_ns, deadline_ns)
            raise TimeoutError
        self.now_ns = max(self.now_ns, self.on_the_way[0][0])
        return b"".join(self._arrived())

    def sleep(self, seconds: float) -> None:
        """Let time go by."""
        self.now_ns += int(seconds * 1e9)

    def _arrived(self) -> Iterator[bytes]:
        while self.on_the_way and self.on_the_way[0][0] <= self.now_ns:
            yield self.on_the_way.pop(0)[1]


NOW_AND_THEN = st.lists(st.integers(20, 40), max_size=3).map(lambda gaps: set(accumulate(gaps, initial=1)))
"""Numbers of questions, far enough apart that one is over and sorted out before the next begins."""


@settings(max_examples=300, deadline=None)
@given(
    usual_s=st.one_of(st.floats(0.001, 0.09), st.floats(0.001, 0.45)),
    late_s=st.floats(0.1, 0.6),
    late=NOW_AND_THEN,
    lost=st.one_of(NOW_AND_THEN, st.sets(st.integers(1, 40), max_size=12)),
    asked=st.lists(st.tuples(st.integers(1, 3), st.sampled_from([0.0, 0.05, 0.3])), min_size=2, max_size=48),
)
def test_nobody_s_value_is_ever_another_register_s(
    usual_s: float, late_s: float, late: set[int], lost: set[int], asked: list[tuple[int, float]]
) -> None:
    """Whatever is late or lost: an answer that is returned is that of the register asked for."""
    virtual = VirtualLine(usual_s, late_s, late, lost)
    wire = LineWire(virtual, virtual)
    wire.turn_to(FAST, 0.0)
    with patch("drivers.line_wire.select.select", lambda *to_wait: virtual.sleep(to_wait[3])):
        for register, pause_s in asked:
            with suppress(NoAnswer, BadFrame):
                assert wire.ask(question(register), 0.1, Tally()) == bytes([register] * 2)
            virtual.sleep(pause_s)


@settings(max_examples=300, deadline=None)
@given(
    latency_s=st.floats(0.05, 0.95),
    keeps=st.integers(1, 20),
    asked=st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from([2, 4]), st.sampled_from([0.0, 0.05, 0.3])), min_size=9
    ),
)
def test_a_way_longer_than_the_time_out_gives_no_wrong_value(
    latency_s: float, keeps: int, asked: list[tuple[int, int, float]]
) -> None:
    """Every answer comes up to ten time-outs late, many of them on the way at a time, as behind a slow radio link."""
    virtual = VirtualLine(latency_s, latency_s, set(), set(), keeps=keeps, is_busy=False)
    wire = LineWire(virtual, virtual)
    wire.turn_to(FAST, 0.0)
    with patch("drivers.line_wire.select.select", lambda *to_wait: virtual.sleep(to_wait[3])):
        for register, count, pause_s in asked:
            with suppress(NoAnswer, BadFrame):
                assert wire.ask(question(register, count=count), 0.1, Tally()) == bytes([register] * count)
            virtual.sleep(pause_s)


def test_where_too_many_answers_are_owed_nothing_more_is_asked_for_a_while() -> None:
    """They could not be told apart. When they are too old to come, the device is asked as if nothing had been."""
    virtual = VirtualLine(usual_s=99.0, late_s=99.0, late=set(), lost=set())
    wire = LineWire(virtual, virtual)
    wire.turn_to(FAST, 0.0)
    with patch("drivers.line_wire.select.select", lambda *to_wait: virtual.sleep(to_wait[3])):
        for register in range(MOST_OWED + 1):
            with pytest.raises(NoAnswer):
                wire.ask(question(register), 0.1, Tally())
        sent = virtual.sent
        with pytest.raises(NoAnswer, match="13 answers of unit 1 are still due: raise its timeout"):
            wire.ask(question(99), 0.1, Tally())
        assert virtual.sent == sent

        virtual.sleep(LATEST_S)
        virtual.on_the_way.clear()
        virtual.usual_s = virtual.busy_until_ns = 0
        assert wire.ask(question(99), 0.1, Tally()) == bytes([99, 99])


# --- diagnosis ---------------------------------------------------------------------------------------


def test_s8_wrong_settings_give_a_diagnosis() -> None:
    """Bytes to every question and never a sound frame: the error says so after a few."""
    noise = random.Random(8)
    with Line(PtyPeer(lambda _: [noise.randbytes(12)])) as line:
        for _ in range(5):
            with pytest.raises(BadFrame) as caught:
                line.ask(7)

    assert "garbage at 115200 8N1: wrong baud rate or parity, or A and B swapped" in str(caught.value)


def test_s8_framing_errors_are_named_where_the_port_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Growing counts of framing errors are proof, even when no byte gets through."""
    counts = iter(range(100))
    monkeypatch.setattr(SerialPort, "faults", lambda _: LineFaults(next(counts), 0, 0, 0))
    with Line(PtyPeer(silent)) as line:
        for _ in range(5):
            with pytest.raises(NoAnswer) as caught:
                line.ask(7, timeout_s=0.02)

    assert "; constant framing errors at 115200 8N1: wrong baud rate" in str(caught.value)


def facts(recent: str, *, heard: bool = False, echoes: bool = False, noise: int = 0, received: int = 0) -> LineFacts:
    """Return facts of a line at 9600 8N1."""
    return LineFacts(
        settings=LineSettings(),
        recent=recent,
        heard=heard,
        echoes=echoes,
        noise_bytes=noise,
        received_bytes=received,
    )


DIAGNOSES: dict[str, tuple[LineFacts, str]] = {
    "all is well": (facts("aaaa", heard=True), ""),
    "too early to say": (facts("ggg"), ""),
    "garbage only": (
        facts("gggg"),
        "garbage at 9600 8N1: wrong baud rate or parity, or A and B swapped",
    ),
    "garbage and now and then nothing": (facts("gsgggggg"), "garbage at 9600 8N1: wrong baud"),
    "framing errors": (facts("ffsf"), "constant framing errors at 9600 8N1: wrong baud"),
    "garbage now, answers before that": (facts("aaaagggggggg", heard=True), "garbage at 9600 8N1"),
    "one answer among garbage": (facts("ggagg", heard=True), ""),
    "nobody has ever answered": (facts("ssss"), "nothing on this line has answered yet at 9600 8N1: wrong baud"),
    "this device is silent, others are not": (facts("ssss", heard=True), ""),
    "an echo": (facts("aaaa", heard=True, echoes=True), "the adapter echoes what is sent"),
    "noise": (facts("aaaa", heard=True, noise=50, received=1000), "noise: 50 of the last 1000 bytes belong to no"),
    "hardly any noise": (facts("aaaa", heard=True, noise=50, received=8000), ""),
}


@pytest.mark.parametrize("case", DIAGNOSES)
def test_the_diagnosis_follows_from_the_facts(case: str) -> None:
    """Each cause has its words, and no words are made without a cause."""
    given_facts, words = DIAGNOSES[case]

    assert diagnosis(given_facts).startswith(words)
    assert bool(diagnosis(given_facts)) == bool(words)


# --- whatever comes ----------------------------------------------------------------------------------


class Babble:
    """A stream that brings given pieces, ends when told, and times out when there is nothing more."""

    where = "babble"
    connects = 1
    is_open = True

    def __init__(self, pieces: Sequence[bytes | None]) -> None:
        self.pieces = list(pieces)

    def open(self) -> None:
        """Be open."""

    def hang_up(self) -> None:
        """Be closed."""

    def close(self) -> None:
        """Be closed."""

    def send(self, data: bytes) -> None:
        """Take a question."""

    def waiting(self) -> bytes:
        """Return what has arrived."""
        return b""

    def receive(self, deadline_ns: int) -> bytes:
        """Return what arrives, or let time pass."""
        if not self.pieces:
            raise TimeoutError
        piece = self.pieces.pop(0)
        if piece is None:
            raise LinkClosed("unplugged")
        return piece[:CHUNK] or b"\x00"


PIECE = st.one_of(
    st.binary(max_size=40),
    st.just(answer_to(asking(1, 7))),
    st.just(asking(1, 7)),
    st.just(sealed(bytes([0x41, 9, 1, 1]))),
    st.binary(min_size=300, max_size=CHUNK),
    st.none(),
)


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(PIECE, max_size=12), must_echo=st.booleans())
def test_no_bytes_make_anything_but_a_driver_error(pieces: list[bytes | None], must_echo: bool) -> None:
    """Random bytes end in the true answer or a DriverError in words; what is looked at stays small."""
    seen = [0]
    asked = question(7)

    def take(data: bytes) -> Found[bytes] | Stray | None:
        seen.append(len(data))
        return asked.take(data)

    wire = LineWire(Babble(pieces), CLOCK, echo=must_echo)
    wire.turn_to(FAST, 0.0)
    watched = replace(asked, take=take)
    for _ in range(3):
        with suppress(DriverError):
            assert wire.ask(watched, 0.01, Tally()) == b"\x07\x07"
    assert max(seen) <= MOST_INPUT + CHUNK


def test_s1_an_adapter_pulled_out_in_mid_answer_is_a_link_down() -> None:
    """The reason names the port, and the port is let go of."""
    with Line(PtyPeer(scripted(b"\x41\x01", None))) as line:
        with pytest.raises(LinkDown, match=f"{line.peer.path} is gone: unplugged"):
            line.ask(7, timeout_s=5)
        assert not line.port.is_open
        with pytest.raises(LinkDown, match="is not open"):
            line.ask(7)


def test_an_adapter_that_does_not_send_is_a_link_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the driver still holds our question at the deadline, no device is to blame."""
    monkeypatch.setattr(SerialPort, "unsent", lambda _: 5)
    with Line(PtyPeer(silent)) as line, pytest.raises(LinkDown, match="the adapter does not send, 5 bytes wait"):
        line.ask(7, timeout_s=0.02)
