"""What to try on a line, in the order of likelihood, and how long that takes. Pure.

A stage is one setting of the line. In each: listen, for an instrument that sends by itself; ask by wildcard for a DL/T
645 meter, and search for several; ask every Modbus unit id. The order of settings is what meters leave the factory
with (registered in the device library) and what installers use: 9600 8N1 first, 2400 8E1 for DL/T 645 meters soon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drivers.spec import LineSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

SETTINGS: Final = (
    LineSettings(9600, 8, "N", 1),
    LineSettings(2400, 8, "E", 1),
    LineSettings(9600, 8, "E", 1),
    LineSettings(19200, 8, "E", 1),
    LineSettings(4800, 8, "N", 1),
    LineSettings(2400, 8, "N", 1),
    LineSettings(1200, 8, "N", 1),
    LineSettings(1200, 8, "E", 1),
    LineSettings(4800, 8, "E", 1),
    LineSettings(19200, 8, "N", 1),
    LineSettings(38400, 8, "N", 1),
    LineSettings(115200, 8, "N", 1),
    LineSettings(57600, 8, "N", 1),
    LineSettings(9600, 8, "O", 1),
    LineSettings(9600, 8, "N", 2),
)
AGAIN: Final = 2
"""So often is asked again what was answered by garbage: noise passes, a collision stays."""
PAUSE_S: Final = 0.05
"""… but not before the line is silent: what disturbs may last longer than a few questions."""
UNITS: Final = tuple(range(1, 248))
"""MODBUS over Serial Line V1.02, section 2.2."""
TIMEOUT_S: Final = 0.1
DLT645_TIMEOUT_S: Final = 0.6
"""A meter may take its time: half a second is what is commonly said."""
LISTEN_S: Final = 1.0
PATIENCE_S: Final = 65.0
"""How much longer to listen where something was heard that nobody asked for: HJ 212 instruments send every minute."""
HOST_TIMEOUT_S: Final = 1.0
"""A gateway waits for its own devices before it says that they are silent; who asks sooner makes it queue."""
ANY_UNIT: Final = (247, 246, 1)
"""Nobody has devices at all three: a host where all answer does not look at the unit id."""
DIRECT_UNIT: Final = 255
"""What a Modbus TCP device of its own may want to be called (MODBUS Messaging on TCP/IP V1.0b, section 4.4.2)."""

_MODBUS_REQUEST = 8
_DLT645_REQUEST = 16
_EDITIONS = 2
"""A meter of 1997 does not know the question of 2007; so there are two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to try. `settings` is empty behind a TCP host, whose line is not ours to set."""

    settings: tuple[LineSettings, ...] = SETTINGS
    units: tuple[int, ...] = UNITS
    modbus: bool = True
    dlt645: bool = True
    timeout_s: float = TIMEOUT_S
    listen_s: float = LISTEN_S
    patience_s: float = PATIENCE_S


def narrowed(
    settings: Iterable[LineSettings], *, baudrates: tuple[int, ...] = (), parities: tuple[str, ...] = ()
) -> tuple[LineSettings, ...]:
    """Return those of `settings` with one of the baud rates and parities; a rate not among them with each parity."""
    known = tuple(settings)
    rates = {one.baudrate for one in known}
    extra = [LineSettings(rate, 8, parity, 1) for rate in baudrates if rate not in rates for parity in parities or "NE"]
    chosen = [one for one in known if not baudrates or one.baudrate in baudrates]
    return tuple(one for one in (*chosen, *extra) if not parities or one.parity in parities)


def stage_s(settings: LineSettings | None, wanted: Wanted) -> float:
    """Return how long one setting takes when nobody answers, seconds."""
    seconds = wanted.listen_s
    if wanted.dlt645:
        seconds += _EDITIONS * (exchange_s(settings, _DLT645_REQUEST) + max(DLT645_TIMEOUT_S, wanted.timeout_s))
    return seconds + units_s(settings, wanted, len(wanted.units))


def units_s(settings: LineSettings | None, wanted: Wanted, units: int) -> float:
    """Return how long it takes to ask so many unit ids in vain, seconds."""
    return units * (exchange_s(settings, _MODBUS_REQUEST) + wanted.timeout_s) if wanted.modbus else 0.0


def exchange_s(settings: LineSettings | None, request: int) -> float:
    """Return how long a request of so many bytes and the silence behind it take; nothing on a line that is not ours."""
    return 0.0 if settings is None else request * settings.char_s + settings.silence_s


def sweep_s(wanted: Wanted) -> float:
    """Return how long everything takes when nobody answers, seconds. Every device found makes it shorter or longer."""
    return sum(stage_s(settings, wanted) for settings in wanted.settings or (None,))
