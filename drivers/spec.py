"""What a driver must be told about a line, a device and a point. Frozen; made by `config`, read by drivers.

All addresses are zero-based as they travel on the wire. All times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Table(StrEnum):
    """The four Modbus tables (MODBUS Application Protocol V1.1b3, section 4.3)."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"

    @property
    def is_bits(self) -> bool:
        """Whether an address of this table holds one bit (else 16)."""
        return self in (Table.COIL, Table.DISCRETE)

    @property
    def function(self) -> int:
        """The only function code we ever use for this table: 1, 2, 3 or 4 (section 6)."""
        return {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpec:
    """One wanted value of a Modbus device.

    `type` is one of the site contract: bit bool int8h int8l uint8h uint8l int16 uint16 int32 uint32 int64 uint64
    float16 float32 float64 bcd16 bcd32, ``string:N`` (N registers) or ``bit:K`` (bit K of a register, 0 = least
    significant). `order` is the bytes as they lie on the wire. The reading is ``raw * scale + offset``, rounded to
    `decimals` where given. `unavailable` are raw register values (unsigned, big-endian after `order`) that mean
    "no value". Outside `range` the value keeps its number and gets flag T.
    """

    name: str
    table: Table
    at: int
    type: str
    order: str = ""
    scale: float = 1.0
    offset: float = 0.0
    decimals: int | None = None
    unavailable: tuple[int, ...] = ()
    range: tuple[float, float] | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """One instrument: where it is and what is wanted of it.

    `barriers` are (table, address) pairs: no read may span from below the address to it or above.
    """

    name: str
    bus: str
    protocol: str
    address: int
    timeout_s: float
    points: tuple[PointSpec, ...]
    max_registers: int = 125
    max_bits: int = 2000
    barriers: frozenset[tuple[Table, int]] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpBusSpec:
    """A host that speaks Modbus TCP (`framing` "tcp") or passes RTU frames through (`framing` "rtu")."""

    name: str
    host: str
    port: int
    framing: str


BusSpec = TcpBusSpec
"""What a bus can be. Serial lines join here."""
