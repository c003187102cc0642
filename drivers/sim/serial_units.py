"""Units on a serial line: what every one of them must be able to do, and the Modbus slaves among them.

The line (`drivers.sim.paced_line`) brings the time and the characters; a unit is given what it heard between two
silences and says what it answers. It never knows whether it was heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from drivers.sim.faults import Address, Fault, spoil
from drivers.sim.image import BIT_FUNCTIONS, WORD_FUNCTIONS, Image
from drivers.sim.uart import COMMON, Uart
from drivers.sim.wire import Framing, Request, answer

if TYPE_CHECKING:
    from drivers.reading import Clock
    from drivers.sim.instruments import Unit

_READS = frozenset((*BIT_FUNCTIONS, *WORD_FUNCTIONS, 0x11, 0x2B))
_EVERYBODY = 0
_ERASED = 0xFFFF


class LineUnit(Protocol):
    """One device on a serial line.

    `delay_s` is what it takes between a request and its answer, or the silence of the standard where that is longer.
    `requests` counts those it understood as its own, `writes_seen` those that wanted to change something.
    """

    address: Address
    uart: Uart
    delay_s: float
    requests: int
    writes_seen: int

    def answer(self, heard: bytes, clock: Clock, fault: Fault | None) -> bytes:
        """Return the answer to what was heard between two silences; empty for none."""

    def due_ns(self, clock: Clock) -> int | None:
        """Return when it will next speak by itself (monotonic), or ``None`` for never."""

    def speak(self, clock: Clock, fault: Fault | None) -> bytes:
        """Return what it says by itself now."""


class Asked:
    """A device that never speaks by itself."""

    def __init__(self, address: Address, uart: Uart, delay_s: float) -> None:
        self.address: Address = address
        self.uart = uart
        self.delay_s = delay_s
        self.requests = 0
        self.writes_seen = 0

    def due_ns(self, clock: Clock) -> int | None:  # noqa: ARG002 - others need it
        """See `LineUnit.due_ns`."""
        return None

    def speak(self, clock: Clock, fault: Fault | None) -> bytes:  # noqa: ARG002 - others need them
        """See `LineUnit.speak`."""
        return b""


class ModbusSlave(Asked):
    """A unit id that speaks RTU or ASCII, by its `framing`."""

    def __init__(
        self,
        address: int,
        unit: Unit,
        framing: Framing,
        uart: Uart = COMMON,
        *,
        delay_s: float = 0.0,
    ) -> None:
        super().__init__(address, uart, delay_s)
        self._unit = unit
        self._framing = framing
        self._frozen: Image | None = None

    def answer(self, heard: bytes, clock: Clock, fault: Fault | None) -> bytes:
        """See `LineUnit.answer`. Only a burst that is a request from its first to its last byte is one."""
        request, used = self._framing.cut(heard)
        if request is None or used != len(heard) or request.unit not in (self.address, _EVERYBODY):
            return b""
        self.requests += 1
        self.writes_seen += request.function not in _READS
        if request.unit == _EVERYBODY:
            return b""
        return self._answered(request, self._image(clock, fault), fault)

    def _answered(self, request: Request, image: Image, fault: Fault | None) -> bytes:
        pdu = answer(request, image)
        return spoil(fault, self._framing, request, pdu) if fault else self._framing.wrap(request, pdu)

    def _image(self, clock: Clock, fault: Fault | None) -> Image:
        """Return what the registers seem to hold."""
        kind = fault.kind if fault else None
        image = self._frozen if kind == "frozen" and self._frozen else self._unit.image(clock)
        self._frozen = image if kind == "frozen" else None
        return image.filled_with(_ERASED) if kind == "nan" else image
