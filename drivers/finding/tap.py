"""A line or host as a sweep uses it: devices that no site describes are visited, what comes unasked is overheard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from drivers.dlt645.frame import Edition
from drivers.dlt645.search import AddressSearch
from drivers.errors import BadFrame, LinkDown, NoAnswer
from drivers.finding.likely import AGAIN, DLT645_TIMEOUT_S, PAUSE_S
from drivers.finding.naming import remembering
from drivers.finding.places import host_and_port, is_port, written
from drivers.line_kinds import instrument_of
from drivers.line_wire import LineWire
from drivers.modbus_tcp import ModbusTcpBus
from drivers.serial_port import SerialPort
from drivers.spec import DeviceSpec, TcpBusSpec
from drivers.tally import Tally
from drivers.tcp_link import LinkClosed, TcpLink
from drivers.wire import Stray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.finding.naming import Look
    from drivers.finding.sweep import Found
    from drivers.model import Model
    from drivers.reading import Clock, Scan
    from drivers.spec import AnyPoint, LineSettings
    from drivers.stream import Stream
    from drivers.wire import Found as FoundAnswer
    from drivers.wire import Question

T = TypeVar("T")

EDITIONS: Final = {Edition.OF_2007: "dlt645-2007", Edition.OF_1997: "dlt645-1997"}
MOST_OVERHEARD: Final = 8192
SILENCE_S: Final = 0.3
"""What is being sent when listening ends is heard to its end: until the line is silent for so long."""
LONGEST_S: Final = 1.2
"""… but no longer than this: the longest packet of HJ 212, some 1000 characters, takes one at 9600 Bd."""
HOPELESS: Final = 24
"""So many garbled meter addresses in a row, and no meter found: that is noise, not meters."""
LOOK_TIMEOUT_S: Final = 0.5


class LineTap:
    """A serial line, or what a serial server makes of one."""

    def __init__(self, stream: Stream, clock: Clock, place: str = "") -> None:
        """Take the stream over; it is opened when first needed. `place` is what people call it."""
        self.place = place or stream.where
        self.strangers = 0
        self._stream = stream
        self._clock = clock
        self._wire = LineWire(stream, clock)

    @property
    def echoes(self) -> int:
        """Questions heard back."""
        return self._wire.echoes

    @property
    def noise(self) -> int:
        """Bytes that belonged to no answer."""
        return self._wire.noise_bytes

    def turn_to(self, settings: LineSettings | None) -> None:
        """Open the line and set it up. Raises LinkDown; BadRequest for what the adapter cannot do."""
        if not self._stream.is_open:
            self._stream.open()
        self._wire.turn_to(settings, 0.0)

    def look(self, spec: DeviceSpec) -> Scan:
        """Visit a device that no site describes. Raises DriverError."""
        self.turn_to(spec.settings)
        return instrument_of(spec, self._clock).visit(self)

    def ask(self, question: Question[T], timeout_s: float, tally: Tally) -> T:
        """See `drivers.wire.Wire`: what this line does, with an ear for answers of others."""

        def take(data: bytes) -> FoundAnswer[T] | Stray | None:
            answer = question.take(data)
            self.strangers += isinstance(answer, Stray)
            return answer

        return self._wire.ask(replace(question, take=take), timeout_s, tally)

    def overhear(self, settings: LineSettings | None, seconds: float) -> bytes:
        """Return what comes by itself within `seconds`, and what was being sent at their end. Raises LinkDown.

        On a line that is never silent it ends after some seconds more.
        """
        self.turn_to(settings)
        heard = b""
        until_ns = began_ns = self._clock.mono_ns()
        until_ns += int(seconds * 1e9)
        try:
            while len(heard) < MOST_OVERHEARD:
                heard += self._stream.receive(until_ns)
                settled_ns = self._clock.mono_ns() + int(SILENCE_S * 1e9)
                until_ns = min(max(until_ns, settled_ns), began_ns + int((seconds + LONGEST_S) * 1e9))
        except TimeoutError:
            pass
        except LinkClosed as error:
            raise LinkDown(f"{self.place} is gone: {error}") from error
        return heard

    def meters(self, settings: LineSettings | None) -> Iterator[tuple[str, str] | None]:
        """Search DL/T 645 meters of both editions: protocol and address of each, None after a fruitless question."""
        self.turn_to(settings)
        for edition, protocol in EDITIONS.items():
            found = 0
            for address in self._search(AddressSearch(edition=edition), settings):
                found += address is not None
                yield None if address is None else (protocol, address)
            if found:
                return

    def close(self) -> None:
        """Let go of the line."""
        self._stream.close()

    def _search(self, search: AddressSearch, settings: LineSettings | None) -> Iterator[str | None]:
        """Go on while there are questions. Where all are asked, garbage once may be noise; several meters stay."""
        garbled = 0
        while (question := search.question) is not None and garbled < HOPELESS:
            for _ in range(1 if search.asked else 1 + AGAIN):
                try:
                    answer = self._wire.ask(question, DLT645_TIMEOUT_S, Tally())
                except NoAnswer:
                    search = search.silent()
                    yield None
                except BadFrame:
                    self.overhear(settings, PAUSE_S)
                    yield None
                    continue
                else:
                    search, garbled = search.answered(answer.address), 0
                    yield answer.address
                break
            else:
                search = search.garbled()
                garbled += not search.found


class HostTap:
    """A host that speaks Modbus TCP: the units behind it."""

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        """Connect when first needed."""
        self.place = written(host, port)
        self.echoes = self.noise = self.strangers = 0
        self._bus = ModbusTcpBus(TcpBusSpec(name="", host=host, port=port, framing="tcp"), [], clock)

    def turn_to(self, settings: LineSettings | None) -> None:
        """Do nothing: its line is not ours to set."""
        assert settings is None, "its line is not ours to set"

    def look(self, spec: DeviceSpec) -> Scan:
        """Visit a device that no site describes. Raises DriverError."""
        return self._bus.look(spec)

    def overhear(self, settings: LineSettings | None, seconds: float) -> bytes:
        """Return nothing: a host that speaks Modbus TCP says nothing unasked."""
        self.turn_to(settings)
        assert seconds >= 0, "no time runs backwards"
        return b""

    def meters(self, settings: LineSettings | None) -> Iterator[tuple[str, str] | None]:
        """Yield nothing: DL/T 645 has no TCP form of its own."""
        self.turn_to(settings)
        return iter(())

    def close(self) -> None:
        """Hang up."""
        self._bus.close()


def look_at(tap: LineTap | HostTap, found: Found) -> Look:
    """Return a way to read points of a device that was found. What was read once is not asked for again."""
    return remembering(lambda model, points: tap.look(device_of(model, found, tuple(points))))


def device_of(model: Model, found: Found, points: tuple[AnyPoint, ...]) -> DeviceSpec:
    """Return what is to be visited: the device that was found, read the way this model wants to be."""
    return DeviceSpec(
        name=model.name,
        bus="",
        protocol=found.protocol,
        address=found.address,
        timeout_s=LOOK_TIMEOUT_S,
        points=points,
        max_registers=model.max_registers,
        max_bits=model.max_bits,
        barriers=model.barriers,
        settings=found.settings,
        turnaround_s=model.turnaround_s,
    )


def taps(place: str, clock: Clock) -> list[LineTap | HostTap]:
    """Return the ways to try `place`, likeliest first: a port; HOST[:PORT] as Modbus TCP, then as a serial server.

    Raises ValueError for what is neither.
    """
    if is_port(place):
        return [LineTap(SerialPort(place, clock), clock)]
    host, port = host_and_port(place)
    return [HostTap(host, port, clock), LineTap(TcpLink(host, port, clock), clock, written(host, port))]
