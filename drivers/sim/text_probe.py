"""An instrument that speaks in lines of text: by itself every so often, or when it is asked.

::

    start text separator checksum terminator

The checksum is over the text, in hexadecimal: "xor" and "sum" two digits, "crc16" (as Modbus computes it) four, high
byte first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

from drivers.sim.faults import Address, Fault, mangle
from drivers.sim.uart import COMMON, Uart
from drivers.sim.wire import crc16

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.reading import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFormat:
    """How the lines are laid out. `checksum` is "none", "xor", "sum" or "crc16"."""

    start: bytes = b""
    checksum: str = "none"
    separator: bytes = b""
    terminator: bytes = b"\r\n"

    def line(self, text: str, *, is_sound: bool = True) -> bytes:
        """Return `text` as it travels; unless `is_sound` with a wrong checksum, or where there is none, cut short."""
        data = text.encode("ascii")
        if self.checksum == "none":
            return self.start + (data if is_sound else data[:-2]) + self.terminator
        digits = _DIGITS[self.checksum](data if is_sound else data + b"?")
        return self.start + data + self.separator + digits + self.terminator


_DIGITS: dict[str, Callable[[bytes], bytes]] = {
    "xor": lambda data: b"%02X" % reduce(xor, data, 0),
    "sum": lambda data: b"%02X" % (sum(data) & 0xFF),
    "crc16": lambda data: crc16(data)[::-1].hex().upper().encode("ascii"),
}


class Probe:
    """A probe called `address`. With a `request` it answers that; else it sends a line every `interval_s`.

    `measure` gives the text at a moment; with its argument ``True``, the text of a probe without a value.
    """

    def __init__(
        self,
        address: str,
        measure: Callable[[Clock, bool], str],
        form: LineFormat,
        uart: Uart = COMMON,
        *,
        request: bytes = b"",
        interval_s: float = 1.0,
        delay_s: float = 0.0,
    ) -> None:
        self.address: Address = address
        self.uart = uart
        self.delay_s = delay_s
        self.requests = self.writes_seen = 0
        self._measure = measure
        self._form = form
        self._request = request
        self._interval_ns = round(interval_s * 1e9)
        self._next_ns: int | None = None
        self._frozen: str | None = None

    def answer(self, heard: bytes, clock: Clock, fault: Fault | None) -> bytes:
        """See `LineUnit.answer`."""
        if not self._request or self._request not in heard:
            self.writes_seen += bool(heard.strip()) and bool(self._request)
            return b""
        self.requests += 1
        return self._line(clock, fault)

    def due_ns(self, clock: Clock) -> int | None:
        """See `LineUnit.due_ns`."""
        if self._request:
            return None
        if self._next_ns is None:
            self._next_ns = clock.mono_ns() + self._interval_ns
        return self._next_ns

    def speak(self, clock: Clock, fault: Fault | None) -> bytes:
        """See `LineUnit.speak`."""
        if self._next_ns is None:
            return b""
        while self._next_ns <= clock.mono_ns():
            self._next_ns += self._interval_ns
        return self._line(clock, fault)

    def _line(self, clock: Clock, fault: Fault | None) -> bytes:
        kind = fault.kind if fault else None
        text = self._frozen if kind == "frozen" and self._frozen else self._measure(clock, kind == "nan")
        self._frozen = text if kind == "frozen" else None
        line = self._form.line(text)
        return mangle(fault, line, self._form.line(text, is_sound=False))
