"""Instruments that speak in lines of text: those that are asked, and those that send by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drivers.ascii.fields import Columns
from drivers.ascii.text_line import BadLine, Fields, TextLines
from drivers.reading import Scan
from drivers.spec import FieldSpec
from drivers.tally import Tally
from drivers.wire import Question

if TYPE_CHECKING:
    from drivers.bus import RefusedPoint
    from drivers.reading import Clock
    from drivers.spec import AsciiSpec, DeviceSpec
    from drivers.wire import Wire

GAP_S: Final = 0.4
"""A pause within a line after which the rest belongs to another: the port was away, or the instrument restarted.

Longer than a lost TCP segment takes to come again, shorter than a port is left alone before it is opened again.
"""


class AsciiAsked:
    """See `drivers.wire.Instrument`: a request is sent and one line comes back."""

    def __init__(self, spec: DeviceSpec, clock: Clock) -> None:
        """Compile the line. Raises `text_line.BadLine`."""
        declared, lines = _lines_of(spec)
        self.spec = spec
        self.tally = Tally()
        self._clock = clock
        self._columns = Columns(_fields_of(spec))
        self._question: Question[Fields] = Question(
            whom=spec.name,
            frame=declared.request.replace(b"{address}", str(spec.address).encode()),
            take=lines.take,
            blame=lines.blame,
            longest=lines.longest,
            shape=("ascii", spec.address),
        )

    def visit(self, wire: Wire) -> Scan:
        """Read every point once. Raises DriverError."""
        fields = wire.ask(self._question, self.spec.timeout_s, self.tally)
        return _scan(self.spec, self._columns, fields, self._clock)

    def refused(self) -> list[RefusedPoint]:
        """Return nothing: a line has all its fields or is none."""
        return []

    def restore(self) -> None:
        """Do nothing: nothing is ever refused."""


class AsciiSender:
    """See `drivers.wire.Sender`: lines come by themselves.

    Where no start is declared, nothing tells a whole line from the end of one that we came too late for: then only
    what follows the end of a line is believed, at the beginning and after every pause within a line.
    """

    def __init__(self, spec: DeviceSpec, clock: Clock) -> None:
        """Compile the line. Raises `text_line.BadLine`."""
        declared, self._lines = _lines_of(spec)
        self.spec = spec
        self.tally = Tally()
        self._clock = clock
        self._columns = Columns(_fields_of(spec))
        self._start = declared.start
        self._rest = b""
        self._is_aligned = bool(self._start)
        self._heard_ns = self._good_ns = clock.mono_ns()
        self._fault = ""

    def hear(self, data: bytes) -> tuple[list[Scan], bytes]:
        """Take what arrived; return a scan for each whole line. Nothing is ever sent back."""
        if not data:
            return [], b""
        now_ns = self._clock.mono_ns()
        if self._rest and now_ns - self._heard_ns > GAP_S * 1e9:
            self._drop(self._rest, "a line broke off")
        self._heard_ns = now_ns
        self.tally.received_bytes += len(data)
        scans, self._rest = self._read(self._rest + data, now_ns)
        if len(self._rest) > self._lines.longest:
            self._drop(self._rest, self._lines.blame(self._rest))
        return scans, b""

    def news(self) -> list[str]:
        """Return nothing: a line of text fits its pattern or does not."""
        return []

    def silent(self) -> Scan | None:
        """Return a scan of unknowns when no line of ours has come for the device's time-out, else ``None``."""
        now_ns = self._clock.mono_ns()
        if now_ns - self._good_ns <= self.spec.timeout_s * 1e9:
            return None
        self._good_ns = now_ns
        self.tally.timeouts += 1
        fault = f"no line from {self.spec.name} within {self.spec.timeout_s:g} s"
        if self._fault:
            fault, self._fault = f"{fault}, but: {self._fault}", ""
        return Scan.unanswered(self.spec.name, len(self.spec.points), self._clock, fault)

    def _read(self, data: bytes, now_ns: int) -> tuple[list[Scan], bytes]:
        """Return the scans in `data` and what is left behind the last end of a line."""
        scans: list[Scan] = []
        at = 0
        while (line := self._lines.first(data, at)) is not None:
            at += line.used
            if not self._is_aligned:
                self._is_aligned = True
            elif line.fields is None:
                self._blame(line.fault)
            elif not self._lines.is_ours(line.fields):
                self.tally.strays += 1
            else:
                self._blame("noise before a line" if line.noise else "")
                self._answered(now_ns)
                scans.append(_scan(self.spec, self._columns, line.fields, self._clock))
        return scans, data[at:]

    def _answered(self, now_ns: int) -> None:
        self.tally.answered(now_ns, now_ns)
        self._good_ns = now_ns
        self._fault = ""

    def _blame(self, fault: str) -> None:
        if fault:
            self.tally.bad_frames += 1
            self._fault = fault

    def _drop(self, rest: bytes, fault: str) -> None:
        """Forget an incomplete line; go on at the next start, or behind the next end."""
        self._blame(fault)
        begins = rest.rfind(self._start, 1) if self._start else -1
        self._rest = rest[begins:] if begins > 0 and len(rest) - begins < self._lines.longest else b""
        self._is_aligned = bool(self._start)


def _lines_of(spec: DeviceSpec) -> tuple[AsciiSpec, TextLines]:
    """Return how the device speaks. Raises BadLine when nothing says so, or a point wants a field there is not."""
    if spec.ascii is None:
        raise BadLine(f"{spec.name}: the model says nothing of its lines")
    lines = TextLines(spec.ascii, spec.address)
    strange = [point.field for point in _fields_of(spec) if point.field not in lines.names]
    if strange:
        raise BadLine(f"{spec.name}: the pattern has no group {', '.join(strange)}")
    return spec.ascii, lines


def _fields_of(spec: DeviceSpec) -> list[FieldSpec]:
    return [point for point in spec.points if isinstance(point, FieldSpec)]


def _scan(spec: DeviceSpec, columns: Columns, fields: Fields, clock: Clock) -> Scan:
    values, flags = columns.read(fields)
    return Scan(spec.name, clock.wall_ms(), clock.mono_ns(), values, flags)
