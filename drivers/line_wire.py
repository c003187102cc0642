"""A line on which one device at a time is asked: silences, echoes, late answers, noise, and what to make of them.

One exchange, in this order:

1. Wait until the line has been silent for as long as the standard says, and the device asked before has had its
   turnaround. The wait ends at that moment, not at a tick.
2. What came unasked is dropped and counted.
3. Send. The transmission ends one character time per byte later.
4. The question, heard back at the beginning of the input, is an echo. It is taken off where an adapter is seen to do
   it. Where the site says so, it must come and be whole: an altered echo is a collision.
5. Whatever comes is looked at by the question, until the answer is found. Answers to something else are dropped.
6. The answer must begin within the time-out after the end of the transmission, and then has the time of its longest
   form. As many bytes as that, followed by a silence, and still no answer: nothing good will come.

7. Late answers. On a line answers carry no number. When a question got no answer, its answer may still come, and a
   later question of the same *shape* (`Question.shape`) would take it for its own. So an unanswered question is
   remembered as *owed* for some time (`drivers.owed`). One fact helps: a device answers in the order it was asked. So
   an answer pays the oldest debt of its shape, and with it all older ones of that device, whatever their shape. Hence

   - the same question again: whichever of the two answers comes, it is of the right register;
   - another question of that shape: it is asked once more for each answer owed. That many answers are dropped, and
     the one behind them can only be its own, however many of the owed ones came. Then the line is heard out, since
     now as many answers too many may come: until all of them have, or none has for two time-outs and for twice as long
     as the answers took. The debt is paid;
   - another question where more than `MOST_OWED` answers are owed: it is not asked until some debts are too old.

   This costs two time-outs after a lost answer and nothing else, and one register's value is never another's: not
   unless a device is much later a second time, while the first is being sorted out.
"""

from __future__ import annotations

import select
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from drivers.errors import BadFrame, DriverError, LinkDown, NoAnswer
from drivers.line_diagnosis import LineFacts, diagnosis
from drivers.owed import Debts
from drivers.serial_port import SerialPort
from drivers.spec import LineSettings
from drivers.tally import FRAMING, GARBLED, SILENT
from drivers.tcp_link import LinkClosed
from drivers.wire import Found

if TYPE_CHECKING:
    from drivers.reading import Clock
    from drivers.serial_port import LineFaults
    from drivers.stream import Stream
    from drivers.tally import Tally
    from drivers.wire import Question

T = TypeVar("T")

MOST_OWED: Final = 12
"""So many answers can be told apart by asking again; serial servers and radio links do keep several waiting."""
MOST_INPUT: Final = 600
"""Bytes looked at in one exchange (or twice the longest answer, where that is more)."""
MOST_STRAYS: Final = 64
"""Frames for somebody else within one exchange; a line that brings more is not answering us."""
LEAST_ECHO: Final = 4
"""A shorter question may well be how its own answer begins."""
LEAST_ANSWER: Final = 5
"""Bytes of the shortest answer there is, a Modbus exception: it is met at once."""
SPARE: Final = 8
"""Bytes an answer may fall short of its longest form without being met late: wake-up bytes that were left out."""
HOPELESS_S: Final = 0.02
"""Longer than an adapter holds bytes back: 16 ms is the default of the common ones."""
HOPELESS_CHARS: Final = 20
SLACK: Final = 1.1
"""An answer may take this much longer than its characters: gaps between them up to 1.5 (Serial Line V1.02, 2.5.1.1)."""
SERVER_SILENCE_NS: Final = 5_000_000
"""Through a serial server we do not see the line; it needs a moment between two requests."""
NOISE_WINDOW: Final = 8192


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a character and a silence take here, nanoseconds."""

    char_ns: int
    silence_ns: int


def pace_of(settings: LineSettings | None) -> Pace:
    """Return the pace of a line. Behind a serial server (``None``) 9600 8N1 is a guess that only prolongs deadlines."""
    if settings is None:
        return Pace(int(LineSettings().char_s * 1e9), SERVER_SILENCE_NS)
    return Pace(int(settings.char_s * 1e9), int(settings.silence_s * 1e9))


@dataclass(slots=True)
class _Exchange(Generic[T]):
    """What is known of the exchange that is going on. `late_ns` is what strays took of the device's time."""

    question: Question[T]
    timeout_s: float
    tally: Tally
    sent_ns: int = 0
    ends_ns: int = 0
    last_ns: int = 0
    late_ns: int = 0
    input: bytes = b""
    echoed: bool = False
    strays: int = 0
    stray: str = ""


class LineWire:
    """See `drivers.wire.Wire`. Used by one thread; the counts may be read by any."""

    def __init__(self, stream: Stream, clock: Clock, *, echo: bool = False) -> None:
        """Speak over `stream`, which somebody else opens and closes. With `echo` every question must be heard back."""
        self.char_ns_total = self.echoes = self.noise_bytes = 0
        self._stream = stream
        self._port = stream if isinstance(stream, SerialPort) else None
        self._clock = clock
        self._must_echo = echo
        self._settings: LineSettings | None = None
        self._pace = pace_of(None)
        self._turnaround_ns = 0
        self._free_ns = 0  # when the line has been silent long enough
        self._debts = Debts()
        self._connects = -1
        self._echoing: bool | None = None  # whether the adapter echoes, once that is known
        self._heard = False
        self._faults: LineFaults | None = None
        self._window = self._noise_window = 0

    def turn_to(self, settings: LineSettings | None, turnaround_s: float) -> None:
        """Make ready for a device: its line settings, and what it needs after its answers.

        A change of settings is made in a silence and followed by one. Raises LinkDown.
        """
        pace = pace_of(settings)
        if self._stream.connects != self._connects:
            self._begin(pace)
        try:
            if self._port is not None and settings is not None and settings != self._port.settings:
                self._sleep_until(self._free_ns)
                self._port.apply(settings)
                self._free_ns = self._clock.mono_ns() + pace.silence_ns
        except LinkClosed as error:
            raise self._gone(error) from error
        self._settings, self._pace, self._turnaround_ns = settings, pace, int(turnaround_s * 1e9)

    def lost(self) -> bool:
        """Whether the open stream turns out to be at its end. What came unasked is dropped and counted."""
        try:
            self._drop(self._stream.waiting())
        except LinkClosed:
            return True
        return False

    def ask(self, question: Question[T], timeout_s: float, tally: Tally) -> T:
        """Return the answer. Raises NoAnswer, BadFrame, LinkDown; the stream is then to be closed."""
        if not self._stream.is_open:
            raise LinkDown(f"{self._stream.where} is not open")
        began_ns = self._clock.mono_ns()
        try:
            return self._ask(question, timeout_s, tally, began_ns)
        except LinkClosed as error:
            raise self._gone(error) from error
        finally:
            tally.busy_ns += self._clock.mono_ns() - began_ns

    def diagnosis(self, recent: str, settings: LineSettings | None) -> str:
        """Return what seems to be wrong for a device with these outcomes and settings."""
        return diagnosis(
            LineFacts(
                settings=settings,
                recent=recent,
                heard=self._heard,
                echoes=bool(self._echoing) and not self._must_echo,
                noise_bytes=self._noise_window,
                received_bytes=self._window,
            )
        )

    # --- late answers (step 7) -------------------------------------------------------------------

    def _ask(self, question: Question[T], timeout_s: float, tally: Tally, began_ns: int) -> T:
        owed = self._debts.like(question, began_ns) if self._debts else []
        doubtful = any(debt.frame != question.frame for debt in owed)
        if doubtful:
            self._ask_again(question, timeout_s, tally, len(owed))
        exchange = _Exchange(question, timeout_s, tally)
        answer = self._exchange(exchange)
        tally.answered(exchange.sent_ns, exchange.last_ns)
        if doubtful:
            self._hear_out(question, len(owed), 2 * max(timeout_s, (exchange.last_ns - began_ns) / 1e9), tally)
            self._debts.forgive(question.whom)
        return answer

    def _ask_again(self, question: Question[T], timeout_s: float, tally: Tally, times: int) -> None:
        """Ask, and drop the answers: they may be those owed. Raises NoAnswer when these are too many."""
        if times > MOST_OWED:
            raise NoAnswer(f"{times} answers of {question.whom} are still due: raise its timeout of {timeout_s:g} s")
        for _ in range(times):
            self._exchange(_Exchange(question, timeout_s, tally))
            tally.strays += 1

    def _hear_out(self, question: Question[T], most: int, silent_s: float, tally: Tally) -> None:
        """Drop answers too many, at most `most`, until none has come for `silent_s`."""
        with suppress(TimeoutError, BadFrame):
            for _ in range(most):
                rest = _Exchange(question, silent_s, tally, ends_ns=self._clock.mono_ns(), echoed=True)
                self._await(rest)
                tally.strays += 1

    # --- one exchange ----------------------------------------------------------------------------

    def _exchange(self, exchange: _Exchange[T]) -> T:
        """Return the answer, from whichever question of its shape. Raises NoAnswer, BadFrame, LinkClosed."""
        exchange.tally.requests += 1
        try:
            self._settle(exchange)
            self._send(exchange)
            found = self._await(exchange)
        except TimeoutError:
            error = self._silence(exchange)
        except BadFrame as bad:
            error = bad
        else:
            self._understood(exchange, found)
            return found.answer
        raise self._failed(exchange, error)

    def _settle(self, exchange: _Exchange[T]) -> None:
        """Wait for the silence before a question; drop what comes until then (steps 1 and 2)."""
        give_up_ns = self._clock.mono_ns() + int(exchange.timeout_s * 1e9)
        unasked = 0
        while True:
            data = self._stream.waiting()
            now_ns = self._clock.mono_ns()
            if data:
                unasked += len(data)
                self._drop(data)
                self._free_ns = max(self._free_ns, now_ns + self._pace.silence_ns)
                if now_ns > give_up_ns:
                    raise BadFrame(f"the line is never silent: {unasked} bytes that nobody asked for")
            elif now_ns >= self._free_ns:
                break
            self._sleep_until(self._free_ns)
        if unasked:
            exchange.tally.strays += 1
            exchange.tally.received_bytes += unasked

    def _send(self, exchange: _Exchange[T]) -> None:
        frame = exchange.question.frame
        exchange.sent_ns = self._clock.mono_ns()
        self._stream.send(frame)
        exchange.tally.sent_bytes += len(frame)
        exchange.ends_ns = self._clock.mono_ns() + len(frame) * self._pace.char_ns
        self._free_ns = exchange.ends_ns + self._pace.silence_ns

    def _await(self, exchange: _Exchange[T]) -> Found[T]:
        """Return the answer. Raises BadFrame, LinkClosed, and TimeoutError at the deadline."""
        while True:
            data = self._receive(self._deadline(exchange), exchange.tally)
            exchange.last_ns = self._clock.mono_ns()
            exchange.input += data
            found = self._look(exchange)
            if found is not None:
                return found
            self._let_it_come(exchange)

    def _let_it_come(self, exchange: _Exchange[T]) -> None:
        """Sleep while the half of what may be missing travels.

        Every character would wake us, and nothing can be done with one. What is missing is known at most; `SPARE` bytes
        of it may never come, and the last few are waited for one by one. So an answer is met in time.
        """
        missing = exchange.question.longest - len(exchange.input) - SPARE
        if self._settings is not None and len(exchange.input) >= LEAST_ANSWER and missing > 1:
            self._sleep_until(exchange.last_ns + missing // 2 * self._pace.char_ns)

    def _receive(self, deadline_ns: int, tally: Tally) -> bytes:
        data = self._stream.receive(deadline_ns)
        tally.received_bytes += len(data)
        self._window += len(data)
        self._free_ns = max(self._free_ns, self._clock.mono_ns() + self._pace.silence_ns)
        return data

    def _deadline(self, exchange: _Exchange[T]) -> int:
        """Return until when to wait for the next byte (step 6)."""
        pace, longest = self._pace, exchange.question.longest
        deadline_ns = exchange.ends_ns + exchange.late_ns + int(exchange.timeout_s * 1e9)
        if exchange.input:
            deadline_ns += int(longest * pace.char_ns * SLACK)
        if len(exchange.input) >= longest:
            deadline_ns = min(deadline_ns, exchange.last_ns + max(int(HOPELESS_S * 1e9), HOPELESS_CHARS * pace.char_ns))
        return deadline_ns

    def _look(self, exchange: _Exchange[T]) -> Found[T] | None:
        """Return the answer if it is in the input. Raises BadFrame when there is no point in going on."""
        if not exchange.echoed:
            self._take_off_echo(exchange)
        while exchange.input and (exchange.echoed or not self._must_echo):
            found = exchange.question.take(exchange.input)
            if found is None:
                break
            found_in, exchange.input = exchange.input, exchange.input[found.used :]
            if self._is_echo(exchange, found_in[: found.used]):
                continue
            if isinstance(found, Found):
                return self._without_echo(exchange, found, found_in)
            self._pass_by(exchange, found.used, found.what)
        if len(exchange.input) > max(MOST_INPUT, 2 * exchange.question.longest):
            raise BadFrame(f"{exchange.question.whom}: noise, {len(exchange.input)} bytes that are no answer")
        return None

    def _take_off_echo(self, exchange: _Exchange[T]) -> None:
        """Take the question off the beginning of the input, where it is an echo (step 4)."""
        frame, heard = exchange.question.frame, exchange.input[: len(exchange.question.frame)]
        if self._must_echo and not frame.startswith(heard):
            raise BadFrame(
                f"{exchange.question.whom}: collision or broken adapter: sent {frame.hex(' ')}, heard {heard.hex(' ')}"
                " (an adapter that does not echo: remove `echo = true`)"
            )
        may_be = self._must_echo or (self._echoing is not False and len(frame) >= LEAST_ECHO)
        if may_be and heard == frame:
            exchange.echoed = True
            exchange.input = exchange.input[len(frame) :]
            self.echoes += 1

    def _is_echo(self, exchange: _Exchange[T], found: bytes) -> bool:
        """Whether what was found is our question, heard back behind noise. Even in the form of an answer it is none."""
        frame = exchange.question.frame
        if len(frame) < LEAST_ECHO or not found.endswith(frame):
            return False
        self.echoes += not exchange.echoed
        exchange.echoed = True
        return True

    def _without_echo(self, exchange: _Exchange[T], found: Found[T], found_in: bytes) -> Found[T]:
        """Return `found`, with an echo that came behind a byte of noise told from the noise."""
        frame = exchange.question.frame
        if exchange.echoed or len(frame) < LEAST_ECHO or frame not in found_in[: found.noise]:
            return found
        exchange.echoed = True
        self.echoes += 1
        return Found(found.used, found.answer, found.noise - len(frame))

    def _pass_by(self, exchange: _Exchange[T], used: int, what: str) -> None:
        """Count an answer to something else. While it was on the line, the device could not begin."""
        exchange.tally.strays += 1
        exchange.strays, exchange.stray = exchange.strays + 1, what
        exchange.late_ns += used * self._pace.char_ns
        if exchange.strays > MOST_STRAYS:
            raise BadFrame(f"{exchange.strays} answers to other questions, the last: {what}")

    # --- what came of it -------------------------------------------------------------------------

    def _understood(self, exchange: _Exchange[T], found: Found[T]) -> None:
        pace, question = self._pace, exchange.question
        self._heard = True
        if self._debts:
            self._debts.pay(question, exchange.sent_ns, exchange.timeout_s)
        if len(question.frame) >= LEAST_ECHO:
            self._echoing = exchange.echoed
        self._free_ns = exchange.last_ns + max(pace.silence_ns, self._turnaround_ns)
        self.char_ns_total += (len(question.frame) + found.used - found.noise) * pace.char_ns + 2 * pace.silence_ns
        noise = found.noise + len(exchange.input)
        if noise:
            exchange.tally.bad_frames += found.noise > 0
            self._noise(noise)

    def _silence(self, exchange: _Exchange[T]) -> DriverError:
        """Return what a time-out means. Raises LinkClosed when our question has not even left."""
        question = exchange.question
        if exchange.input:
            return BadFrame(f"{question.whom}: {question.blame(exchange.input)}")
        if self._must_echo and not exchange.echoed:
            return BadFrame(f"{question.whom}: collision or broken adapter: nothing of what was sent was heard back")
        if self._port is not None and (stuck := self._port.unsent()):
            raise LinkClosed(f"the adapter does not send, {stuck} bytes wait in it")
        if exchange.echoed:
            self._echoing = True
        instead = f", but answer of another device came: {exchange.stray}" if exchange.stray else ""
        return NoAnswer(f"no answer from {question.whom} within {exchange.timeout_s:g} s{instead}")

    def _failed(self, exchange: _Exchange[T], error: DriverError) -> DriverError:
        """Count, remember the answer as owed, and return the error with a diagnosis where there is one."""
        tally, silent = exchange.tally, isinstance(error, NoAnswer)
        tally.timeouts += silent
        tally.bad_frames += not silent
        self.noise_bytes += len(exchange.input)
        tally.came(FRAMING if self._framing_errors() else SILENT if silent and not exchange.strays else GARBLED)
        if exchange.sent_ns and len(exchange.input) < exchange.question.longest:  # else it came, mutilated
            self._debts.add(exchange.question, exchange.sent_ns, exchange.timeout_s)
        self._free_ns = max(self._free_ns, self._clock.mono_ns() + self._pace.silence_ns)
        words = self.diagnosis(tally.recent, self._settings)
        return type(error)(f"{error}; {words}") if words else error

    def _framing_errors(self) -> bool:
        """Whether the port has counted framing or parity errors since this was last asked."""
        before, self._faults = self._faults, self._port.faults() if self._port else None
        if before is None or self._faults is None:
            return False
        return (self._faults.frame, self._faults.parity) != (before.frame, before.parity)

    def _drop(self, data: bytes) -> None:
        self._window += len(data)
        self._noise(len(data))

    def _noise(self, count: int) -> None:
        """Count bytes around the frames. Their share is that of the last `NOISE_WINDOW` bytes or so."""
        self.noise_bytes += count
        self._noise_window += count
        if self._window > NOISE_WINDOW:
            self._window //= 2
            self._noise_window //= 2

    # --- the stream ------------------------------------------------------------------------------

    def _begin(self, pace: Pace) -> None:
        """Forget what was known of another opening: it may be another adapter."""
        self._connects = self._stream.connects
        self._settings = self._echoing = None
        self._heard = False
        self._faults = self._port.faults() if self._port else None
        self._free_ns = self._clock.mono_ns() + pace.silence_ns

    def _sleep_until(self, moment_ns: int) -> None:
        left_ns = moment_ns - self._clock.mono_ns()
        if left_ns > 0:
            select.select((), (), (), left_ns / 1e9)  # exact to some 0.1 ms; `poll` counts whole ones

    def _gone(self, error: LinkClosed) -> LinkDown:
        return LinkDown(f"{self._stream.where} is gone: {error}")
