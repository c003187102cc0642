"""One line with the devices on it: several protocols, baud rates and parities on one pair of wires.

The line owns its stream (a port of this box, or a connection through a serial server or from the instrument): opened
when first needed, let go of at once when it breaks, opened anew by the next visit. A device's settings are applied
before its visit. What a device's status says about its values is applied to every scan, whatever the protocol.

A line is either asked (`visit`) or listened to (`listen`): where devices send when they like, questions would collide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drivers.bus import BusCounters, RefusedPoint
from drivers.errors import LinkDown
from drivers.line_wire import LineWire
from drivers.spec import SerialBusSpec
from drivers.status import judged
from drivers.tcp_link import LinkClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivers.reading import Clock, Scan
    from drivers.spec import BusSpec, DeviceSpec, LineSettings
    from drivers.stream import Stream
    from drivers.wire import Instrument, Sender

ATTENTION_NS: Final = 1_000_000_000
"""Who sends by itself is missed no later than this after its time."""


class SerialLine:
    """See `drivers.bus.Bus`."""

    def __init__(
        self,
        spec: BusSpec,
        stream: Stream,
        instruments: Sequence[Instrument],
        senders: Sequence[Sender],
        clock: Clock,
        *,
        meet: Callable[[DeviceSpec], Instrument] | None = None,
    ) -> None:
        """Take the stream over. Nothing is opened before the first visit. `meet` makes an instrument for `look`."""
        assert not (instruments and senders), "a line is asked or listened to"
        self.name = spec.name
        self._settings = spec.settings if isinstance(spec, SerialBusSpec) else None
        self._stream = stream
        self._meet = meet
        self._clock = clock
        self._wire = LineWire(stream, clock, echo=isinstance(spec, SerialBusSpec) and spec.echo)
        self._instruments = {instrument.spec.name: instrument for instrument in instruments}
        self._senders = {sender.spec.name: sender for sender in senders}
        self._refused: list[RefusedPoint] = []
        self._link_failures = 0

    @property
    def listens(self) -> bool:
        """Whether the devices on this line send by themselves."""
        return bool(self._senders)

    def visit(self, device: str) -> Scan:
        """Read every point of `device` once. Raises DriverError when it gave nothing."""
        instrument = self._instruments[device]
        try:
            return self._visit(instrument)
        finally:
            self._refused += instrument.refused()

    def look(self, spec: DeviceSpec) -> Scan:
        """Visit a device that the site does not describe, once. Raises DriverError when it gave nothing."""
        assert self._meet is not None, "a line that is listened to asks nobody"
        return self._visit(self._meet(spec))

    def listen(self, until_ns: int) -> list[Scan]:
        """Wait for what the devices send, at most until `until_ns`; return as soon as a scan is complete.

        Every device hears everything: each knows its own by the address. An instrument may hang up after each message;
        the next connection is taken at once. Raises LinkDown.
        """
        try:
            try:
                return self._listen(until_ns)
            except LinkClosed:
                self._stream.hang_up()
                return self._listen(until_ns)
        except LinkClosed as error:
            self._let_go()
            raise LinkDown(f"{self._stream.where} is gone: {error}") from error
        except LinkDown:
            self._let_go()
            raise

    def refused(self) -> tuple[RefusedPoint, ...]:
        """Return the points found refused since the last call."""
        points, self._refused = tuple(self._refused), []
        return points

    def news(self) -> tuple[tuple[str, str], ...]:
        """Return (device, words) of what was tolerated for the first time since the last call."""
        return tuple((name, words) for name, sender in self._senders.items() for words in sender.news())

    def restore(self, device: str) -> None:
        """Give the device's refused points another chance."""
        if device in self._instruments:
            self._instruments[device].restore()

    def counters(self) -> BusCounters:
        """Return a snapshot. Any thread may ask."""
        devices = {name: device.tally.snapshot() for name, device in (self._instruments | self._senders).items()}
        return BusCounters(
            bus=self.name,
            at_ns=self._clock.mono_ns(),
            connects=self._stream.connects,
            link_failures=self._link_failures,
            busy_s=sum(counts.busy_s for counts in devices.values()),
            devices=devices,
            char_s_total=self._wire.char_ns_total / 1e9,
            echoes=self._wire.echoes,
            noise_bytes=self._wire.noise_bytes,
            diagnosis=self._diagnosis(),
        )

    def close(self) -> None:
        """Let go of the line. A later visit opens it again."""
        self._stream.close()

    def _visit(self, instrument: Instrument) -> Scan:
        try:
            if self._stream.is_open and self._wire.lost():  # broke while it was idle: nobody's fault, opened again
                self._stream.hang_up()
            self._open(instrument.spec)
            scan = instrument.visit(self._wire)
        except LinkDown:
            self._let_go()
            raise
        return judged(scan, instrument.spec.statuses)

    def _open(self, spec: DeviceSpec) -> None:
        """Have the stream open and set for a device."""
        if not self._stream.is_open:
            self._stream.open()
        self._wire.turn_to(self._settings_of(spec), spec.turnaround_s)

    def _let_go(self) -> None:
        self._link_failures += 1
        self._stream.hang_up()

    def _settings_of(self, spec: DeviceSpec) -> LineSettings | None:
        return self._settings and (spec.settings or self._settings)

    def _listen(self, until_ns: int) -> list[Scan]:
        scans: list[Scan] = []
        self._open(next(iter(self._senders.values())).spec)
        while not scans:
            now_ns = self._clock.mono_ns()
            try:
                data = self._stream.receive(min(until_ns, now_ns + ATTENTION_NS))
            except TimeoutError:
                scans = self._missed()
                if now_ns >= until_ns:
                    break
            else:
                scans = self._hear(data) + self._missed()
        return scans

    def _hear(self, data: bytes) -> list[Scan]:
        """Let every sender hear `data`. Replies wait for the silence behind it: sooner they would collide with it."""
        scans: list[Scan] = []
        replies: dict[bytes, None] = {}  # one instrument described as two devices is answered once
        give_up_ns = self._clock.mono_ns() + ATTENTION_NS
        while data:
            for sender in self._senders.values():
                complete, reply = sender.hear(data)
                scans += [judged(scan, sender.spec.statuses) for scan in complete]
                if reply:
                    replies[reply] = None
            data = self._rest(give_up_ns) if replies else b""
        for reply in replies:
            self._stream.send(reply)
        return scans

    def _rest(self, give_up_ns: int) -> bytes:
        """Return what follows without a silence (behind a packet comes its line end), ``b""`` when nothing does."""
        settings = self._settings_of(next(iter(self._senders.values())).spec)
        if settings is None:
            return b""
        try:
            return self._stream.receive(min(give_up_ns, self._clock.mono_ns() + int(settings.silence_s * 1e9)))
        except TimeoutError:
            return b""

    def _missed(self) -> list[Scan]:
        return [scan for sender in self._senders.values() if (scan := sender.silent()) is not None]

    def _diagnosis(self) -> str:
        """Return what seems to be wrong, and with whom where not all on the line suffer from it."""
        words: dict[str, list[str]] = {}
        asked = [instrument for instrument in self._instruments.values() if instrument.tally.recent]
        for instrument in asked:
            found = self._wire.diagnosis(instrument.tally.recent, self._settings_of(instrument.spec))
            words.setdefault(found, []).append(instrument.spec.name)
        return "; ".join(
            cause if len(names) == len(asked) else f"{', '.join(names)}: {cause}"
            for cause, names in words.items()
            if cause
        )
