"""A DL/T 645 meter: finds requests to it in what it hears, and answers them. Editions 2007 and 1997.

::

    FE.. 68 A0..A5 68 C L DATA CS 16

Addresses and values travel low byte first, every data byte plus 33H, and CS is the sum of all before it. A meter keeps
its values as the bytes it sends (`Items`), so that what it cannot measure is FF and what it never heard of is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from drivers.sim.faults import Fault, mangle
from drivers.sim.serial_units import Asked
from drivers.sim.uart import OF_METERS, Uart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from drivers.reading import Clock

Items = dict[str, bytes]
"""Per data identifier, written DI3..DI0 in hexadecimal: the value as it travels, before 33H is added."""

_START, _END, _WAKE, _MASK = 0x68, 0x16, 0xFE, 0x33
_ANYBODY, _EVERYBODY = 0xAA, bytes.fromhex("999999999999")
_OVERHEAD_BYTES = 12
_FROM_METER, _REFUSED, _MORE = 0x80, 0x40, 0x20
_NO_SUCH_DATA = 0x02
_READ = {2007: 0x11, 1997: 0x01}
_FOLLOW = {2007: 0x12, 1997: 0x02}
_READ_ADDRESS = 0x13
_TELL_ADDRESS = (2007,)
_DI_BYTES = {2007: 4, 1997: 2}


def bcd(form: str, value: float | None, *, signed: bool = False) -> bytes:
    """Return `value` in the format `form` ("XXX.X") as it travels; ``None`` is FF in every byte.

    A negative value has the highest bit of its highest byte set (`signed`). Counters begin again at zero.
    """
    digits = form.count("X")
    if value is None:
        return b"\xff" * ((digits + 1) // 2)
    number = round(abs(value) * 10 ** len(form.partition(".")[2])) % 10**digits
    laid = bytearray.fromhex(f"{number:0{digits + digits % 2}d}")[::-1]
    if signed and value < 0:
        laid[-1] |= 0x80
    return bytes(laid)


def frame(address: bytes, control: int, data: bytes, wake: int = 0) -> bytes:
    """Return a frame; `address` and `data` low byte first, `wake` wake-up bytes before it."""
    masked = bytes((byte + _MASK) & 0xFF for byte in data)
    content = bytes((_START, *address, _START, control, len(data))) + masked
    return bytes((_WAKE,)) * wake + content + bytes((sum(content) & 0xFF, _END))


class Request(NamedTuple):
    """What somebody asks; `address` and `data` low byte first, 33H taken off."""

    address: bytes
    control: int
    data: bytes


def requests(heard: bytes) -> list[Request]:
    """Return the sound frames in what was heard, whatever stands between them."""
    found, at = [], 0
    while at + _OVERHEAD_BYTES <= len(heard):
        end = at + _OVERHEAD_BYTES + heard[at + 9]
        piece = heard[at:end]
        is_frame = piece[0] == piece[7] == _START and len(piece) == end - at and piece[-1] == _END
        if is_frame and sum(piece[:-2]) & 0xFF == piece[-2]:
            data = bytes((byte - _MASK) & 0xFF for byte in piece[10:-2])
            found.append(Request(piece[1:7], piece[8], data))
            at = end
        else:
            at += 1
    return found


class Meter(Asked):
    """One meter. `address` is the 12 digits printed on it.

    `measure` gives its items at a moment. `wake` is how many wake-up bytes it puts before its answers, `longest` the
    data bytes of one frame: what is longer is sent in parts.
    """

    def __init__(
        self,
        address: str,
        measure: Callable[[Clock], Mapping[str, bytes]],
        uart: Uart = OF_METERS,
        *,
        edition: int = 2007,
        delay_s: float = 0.0,
        wake: int = 0,
        longest: int = 200,
    ) -> None:
        super().__init__(address, uart, delay_s)
        self._own = bytes.fromhex(address)[::-1]
        self._measure = measure
        self._edition = edition
        self._wake = wake
        self._longest = longest
        self._frozen: Mapping[str, bytes] | None = None
        self._parts: tuple[bytes, list[bytes]] | None = None

    def answer(self, heard: bytes, clock: Clock, fault: Fault | None) -> bytes:
        """See `LineUnit.answer`."""
        said = b""
        for request in requests(heard):
            if request.address == _EVERYBODY:
                self.writes_seen += 1
            elif self._is_meant(request.address):
                self.requests += 1
                said = self._reply(request, clock, fault)
        return said

    def _is_meant(self, address: bytes) -> bool:
        """Whether a request is for this meter; AA stands for any two digits."""
        return all(byte in (own, _ANYBODY) for byte, own in zip(address, self._own, strict=True))

    def _reply(self, request: Request, clock: Clock, fault: Fault | None) -> bytes:
        control, di = request.control, request.data[: _DI_BYTES[self._edition]]
        if fault and fault.kind == "refuse":
            return self._frame(control | _REFUSED, bytes((fault.code,)), fault)
        if control == _READ_ADDRESS:
            return self._frame(control, self._own, fault) if self._edition in _TELL_ADDRESS else b""
        if control == _READ[self._edition]:
            return self._read(control, di, clock, fault)
        if control == _FOLLOW[self._edition]:
            return self._follow(control, request.data, fault)
        self.writes_seen += 1
        return self._frame(control | _REFUSED, bytes((0x04,)), fault)

    def _read(self, control: int, di: bytes, clock: Clock, fault: Fault | None) -> bytes:
        value = self._items(clock, fault).get(di[::-1].hex().upper())
        if value is None:
            return self._frame(control | _REFUSED, bytes((_NO_SUCH_DATA,)), fault)
        size = self._longest - len(di)
        parts = [value[at : at + size] for at in range(0, len(value), size)]
        self._parts = (di, parts[1:]) if parts[1:] else None
        return self._frame(control | (_MORE if parts[1:] else 0), di + parts[0], fault)

    def _follow(self, control: int, data: bytes, fault: Fault | None) -> bytes:
        """Send the next part of a long item; edition 2007 counts them, the second is 1.

        That the count stands behind the data in the answer is recalled.
        """
        size = _DI_BYTES[self._edition]
        di, number = data[:size], data[size:]
        if self._parts is None or self._parts[0] != di:
            return self._frame(control | _REFUSED, bytes((_NO_SUCH_DATA,)), fault)
        at = number[0] - 1 if number else 0
        if not 0 <= at < len(self._parts[1]):
            return self._frame(control | _REFUSED, bytes((_NO_SUCH_DATA,)), fault)
        part, left = self._parts[1][at], len(self._parts[1]) - at - 1
        if not number:
            self._parts = (di, self._parts[1][1:])
        return self._frame(control | (_MORE if left else 0), di + part + number, fault)

    def _items(self, clock: Clock, fault: Fault | None) -> Mapping[str, bytes]:
        kind = fault.kind if fault else None
        items = self._frozen if kind == "frozen" and self._frozen else self._measure(clock)
        self._frozen = items if kind == "frozen" else None
        return {di: b"\xff" * len(value) for di, value in items.items()} if kind == "nan" else items

    def _frame(self, control: int, data: bytes, fault: Fault | None) -> bytes:
        own = self._own
        if fault and fault.kind == "wrong-unit":
            own = bytes(((own[0] + 1) & 0xFF,)) + own[1:]
        said = frame(own, control | _FROM_METER, data, self._wake)
        broken = said[:-2] + bytes((said[-2] ^ 0xFF, _END))
        return broken if fault and fault.kind == "wrong-id" else mangle(fault, said, broken)
