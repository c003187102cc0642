"""One request, one answer, over a TCP connection that may lie, stall, drip, flood or vanish.

Invariants:
- An answer is returned only when every field of it matches its request (`drivers.modbus_frames`).
- What answers something else is dropped and counted, and the exchange goes on until its deadline.
- After anything that makes the stream doubtful (a malformed or cut frame, noise; without numbers also a time-out) the
  connection is closed, so the next exchange starts clean. Without numbers it also starts with a short silence, since a
  serial server hands what comes late from its line to whoever is connected then.
- With numbers a time-out keeps the connection: the late answer will be known by its number. But a host that has never
  answered on this connection, or let `SILENT` requests in a row pass, gets a new one.
- A host that closed an idle connection is nobody's fault: one fresh connection is tried at once.
- No more than `MOST_INPUT` bytes plus one chunk are ever held.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from drivers.errors import BadFrame, DriverError, LinkDown, NoAnswer, Refused
from drivers.modbus_frames import EXCEPTIONS, Answer, Framing, Request, only_reads
from drivers.tcp_link import LinkClosed, TcpLink

if TYPE_CHECKING:
    from drivers.cost import Read
    from drivers.reading import Clock
    from drivers.tally import Tally

SILENT: Final = 3
QUIET_S: Final = 0.1
MOST_INPUT: Final = 600
"""Two frames at their longest (260 bytes) and some noise."""
MOST_STRAYS: Final = 64
"""Frames for somebody else within one exchange; a host that sends more is not answering us."""
NUMBERS: Final = 65535
GATEWAY_SAYS_NOBODY: Final = (10, 11)
"""A gateway speaks, but for a unit that does not (Application Protocol V1.1b3, section 7)."""


class TcpExchange:
    """Asks the units behind one host, one at a time."""

    def __init__(self, link: TcpLink, framing: Framing, clock: Clock) -> None:
        """Take the link over; it is opened when first needed."""
        self.link_failures = 0
        self._link = link
        self._framing = framing
        self._clock = clock
        self._requests: dict[tuple[int, Read], Request] = {}
        self._number = 0
        self._input = b""
        self._stray = ""  # the last answer to something else within this exchange
        self._doubtful = False  # whether something late may still come, with no number to know it by
        self._silent = 0  # requests in a row that nobody answered on this connection
        self._talked = False  # whether this connection has brought an answer
        self._talked_before = False  # whether the one before it had

    def read(self, unit: int, read: Read, timeout_s: float, tally: Tally) -> bytes:
        """Return the block's data as it lies on the wire.

        Waits at most `timeout_s` for the answer, and `tcp_link.CONNECT_S` for a connection where one is needed.
        Raises LinkDown, NoAnswer, BadFrame, Refused; BadRequest before anything is sent.
        """
        request = self._requests.get((unit, read))
        if request is None:
            request = self._framing.request(unit, read.table, read.address, read.count)
            self._requests[unit, read] = request
        began_ns = self._clock.mono_ns()
        tally.requests += 1
        try:
            answer = self._ask(request, timeout_s, tally)
        except BadFrame:
            tally.bad_frames += 1
            self._doubtful = not self._framing.numbered
            self._hang_up()
            raise
        except NoAnswer:
            tally.timeouts += 1
            self._doubtful = not self._framing.numbered
            raise
        finally:
            tally.busy_ns += self._clock.mono_ns() - began_ns
        if answer.code:
            tally.exceptions[answer.code] += 1
            raise refusal(unit, answer.code)
        return answer.data

    def close(self) -> None:
        """Hang up. The next read connects again."""
        self._hang_up()

    def _ask(self, request: Request, timeout_s: float, tally: Tally) -> Answer:
        """Ask on the connection there is, and once more on a fresh one if that turns out to be closed."""
        if self._alive(tally):
            try:
                return self._once(request, timeout_s, tally)
            except LinkClosed:
                self._hang_up()
        self._connect()
        try:
            self._let_late_ones_pass(tally)
            return self._once(request, timeout_s, tally)
        except LinkClosed as error:
            only_this_unit = self._talked_before
            self._hang_up()
            if only_this_unit:  # the others were answered until now: a unit that makes its host hang up
                raise NoAnswer(f"{self._link.where} hangs up when unit {request.unit} is asked") from error
            self.link_failures += 1
            raise LinkDown(f"{self._link.where} hangs up: {error}") from error

    def _alive(self, tally: Tally) -> bool:
        """Whether the connection is still there. Takes what came unasked since the last exchange."""
        if not self._link.is_open:
            return False
        try:
            late = self._link.waiting()
        except LinkClosed:
            self._hang_up()
            return False
        tally.received_bytes += len(late)
        if self._framing.numbered:  # stays in the stream: whole frames will be told by their numbers
            self._input += late
        elif late or self._input:
            self._input = b""
            tally.strays += 1
        return True

    def _let_late_ones_pass(self, tally: Tally) -> None:
        """After a time-out without numbers, drop what comes within `QUIET_S`."""
        if not self._doubtful:
            return
        self._doubtful = False
        until_ns = self._clock.mono_ns() + int(QUIET_S * 1e9)
        with suppress(TimeoutError):
            while data := self._link.receive(until_ns):
                tally.received_bytes += len(data)
                tally.strays += 1

    def _once(self, request: Request, timeout_s: float, tally: Tally) -> Answer:
        self._number = self._number % NUMBERS + 1
        sent_ns = self._clock.mono_ns()
        self._transmit(self._framing.number(request, self._number), tally)
        deadline_ns = sent_ns + int(timeout_s * 1e9)
        try:
            answer = self._await(request, deadline_ns, tally)
        except TimeoutError:
            raise self._silence(request, timeout_s) from None
        except LinkClosed:
            if not self._input:
                raise
            raise BadFrame(f"the connection ended {len(self._input)} bytes into an answer") from None
        self._silent = 0
        self._talked = True
        tally.answered(sent_ns, self._clock.mono_ns())
        return answer

    def _transmit(self, frame: bytes, tally: Tally) -> None:
        """Send. The only place that does, and nothing passes but a read."""
        self._link.send(only_reads(frame, self._framing.function_at))
        tally.sent_bytes += len(frame)

    def _await(self, request: Request, deadline_ns: int, tally: Tally) -> Answer:
        """Return the answer. Raises BadFrame, LinkClosed, and TimeoutError at the deadline."""
        strays, self._stray = 0, ""
        while True:
            found = self._framing.take(self._input, request, self._number) if self._input else None
            if found is None:
                if len(self._input) > MOST_INPUT:
                    raise BadFrame(f"noise: {len(self._input)} bytes that are no answer")
                data = self._link.receive(deadline_ns)
                tally.received_bytes += len(data)
                self._input += data
                continue
            self._input = self._input[found.used :]
            if isinstance(found, Answer):
                return found
            tally.strays += 1
            strays, self._stray = strays + 1, found.what
            if strays > MOST_STRAYS:
                raise BadFrame(f"{strays} answers to other requests, the last from {found.what}")

    def _silence(self, request: Request, timeout_s: float) -> DriverError:
        """Return what a time-out means, and decide about the connection."""
        if self._input:
            return BadFrame(f"only {len(self._input)} bytes of an answer from unit {request.unit} in {timeout_s:g} s")
        self._silent += 1
        if not self._framing.numbered or not self._talked or self._silent >= SILENT:
            self._hang_up()
        instead = f", but something else came: {self._stray}" if self._stray else ""
        return NoAnswer(f"unit {request.unit} does not answer within {timeout_s:g} s{instead}")

    def _connect(self) -> None:
        try:
            self._link.open()
        except LinkDown:
            self.link_failures += 1
            raise

    def _hang_up(self) -> None:
        if self._link.is_open:
            self._talked_before = self._talked
        self._link.close()
        self._input = b""
        self._silent = 0
        self._talked = False


def refusal(unit: int, code: int) -> DriverError:
    """Return what an exception means, on every transport."""
    words = EXCEPTIONS.get(code, "unknown reason")
    if code in GATEWAY_SAYS_NOBODY:
        return NoAnswer(f"unit {unit} is not reached: {words} (exception {code})")
    return Refused(code, f"unit {unit} refuses: {words} (exception {code})")
