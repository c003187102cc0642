"""What a driver must be told about a line, a device and a point. Frozen; made by `config`, read by drivers.

All addresses are zero-based as they travel on the wire. All times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

_LONGEST_SILENCE_BAUD = 19200
_FIXED_SILENCE_S = 0.00175


def silence_s(baudrate: int, char_s: float) -> float:
    """Return the silence that frames a message: 3.5 characters, fixed above 19200 Bd (Serial Line V1.02, 2.5.1.1)."""
    return _FIXED_SILENCE_S if baudrate > _LONGEST_SILENCE_BAUD else 3.5 * char_s


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

    @property
    def is_number(self) -> bool:
        """Whether the reading is a number (else a truth value or a text)."""
        return not self.type.startswith(("bit", "bool", "string"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSpec:
    """One wanted value of a DL/T 645 meter.

    `item` is the data identifier as people write it, DI3 DI2 DI1 DI0: 8 hexadecimal digits (2007 edition) or 4 (1997).
    `format` ("XXXXXX.XX") and `signed` are those of the standard's table unless given. `scale` carries the transformer
    ratios: a meter tells secondary values.
    """

    name: str
    item: str
    format: str | None = None
    signed: bool | None = None
    scale: float = 1.0
    offset: float = 0.0
    decimals: int | None = None
    range: tuple[float, float] | None = None
    unit: str = ""
    is_number: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorSpec:
    """One wanted value of an instrument that speaks HJ 212: `field` ("Rtd", "Avg", "ZsRtd" …) of a `factor` code."""

    name: str
    factor: str
    field: str = "Rtd"
    scale: float = 1.0
    offset: float = 0.0
    decimals: int | None = None
    range: tuple[float, float] | None = None
    unit: str = ""
    is_number: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One wanted value of an instrument that sends lines of text: the group `field` of the model's pattern.

    `unavailable` are texts that mean "no value" ("----", "OVER"). A text that should be a number and is none is bad.
    """

    name: str
    field: str
    unavailable: tuple[str, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    decimals: int | None = None
    range: tuple[float, float] | None = None
    unit: str = ""
    is_number: bool = True


AnyPoint = PointSpec | ItemSpec | FactorSpec | FieldSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSpec:
    """What one point of a device says about the quality of the others: a fault, maintenance, calibration, stopped.

    `point` is the index of the status point among the device's points. It applies when its value (after ``& mask``
    where a mask is given) is one of `when`. Then the points at the indices `decides` get the letter `flag`, unless
    they have a worse one; with `void` they have no value either (a device that sends 0 while it does not measure).
    While the status itself is not known, neither is what it decides about.
    """

    point: int
    when: tuple[int | bool | str, ...]
    flag: str
    decides: tuple[int, ...]
    mask: int | None = None
    void: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AsciiSpec:
    """How an instrument that speaks in lines of text does it. Declared in the device's model file.

    `mode` "ask": `request` is sent (with ``{address}`` replaced) and one line comes back; "listen": lines come by
    themselves. A line is `start` (may be empty), text, checksum, `terminator`. `checksum` is "none", "xor", "sum" or
    "crc16" over the bytes between `start` and the checksum, written in hexadecimal behind `separator`. `pattern` is a
    regular expression that the text must match as a whole; its named groups are the fields.
    """

    mode: str
    pattern: str
    request: bytes = b""
    start: bytes = b""
    terminator: bytes = b"\r\n"
    checksum: str = "none"
    separator: bytes = b""
    longest: int = 256


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How characters travel on a serial line. `parity` is "N", "E" or "O"."""

    baudrate: int = 9600
    bytesize: int = 8
    parity: str = "N"
    stopbits: int = 1

    @property
    def char_s(self) -> float:
        """Seconds one character takes: start bit, data, parity, stop bits."""
        return (1 + self.bytesize + (self.parity != "N") + self.stopbits) / self.baudrate

    @property
    def silence_s(self) -> float:
        """The silence that frames a message."""
        return silence_s(self.baudrate, self.char_s)

    def __str__(self) -> str:
        """Return it as people write it: ``9600 8N1``."""
        return f"{self.baudrate} {self.bytesize}{self.parity}{self.stopbits}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """One instrument: where it is and what is wanted of it.

    `address` is a unit id; for DL/T 645 the 12 digits printed on the meter ("AAAAAAAAAAAA" asks whoever is there); for
    HJ 212 the MN. `settings` are the line's, unless the device differs; ``None`` where there is no serial line of
    ours. `turnaround_s` is what the device needs between its answer and the next request to anybody. `timeout_s` is
    how long an answer may take to begin; for an instrument that sends by itself, how long it may be silent. `barriers`
    are (table, address) pairs: no read may span from below the address to it or above.

    `sm4_key_file` is where the key of an HJ 212-2025 instrument that encrypts is kept, 32 hexadecimal digits.
    """

    name: str
    bus: str
    protocol: str
    address: int | str
    timeout_s: float
    points: tuple[AnyPoint, ...]
    max_registers: int = 125
    max_bits: int = 2000
    barriers: frozenset[tuple[Table, int]] = field(default_factory=frozenset)
    settings: LineSettings | None = None
    turnaround_s: float = 0.0
    statuses: tuple[StatusSpec, ...] = ()
    ascii: AsciiSpec | None = None
    sm4_key_file: str | None = None

    @property
    def unit(self) -> int:
        """The unit id of a Modbus device, 0..255."""
        return int(self.address)

    @property
    def registers(self) -> tuple[PointSpec, ...]:
        """The points of a Modbus device."""
        return tuple(point for point in self.points if isinstance(point, PointSpec))

    @property
    def sends(self) -> bool:
        """Whether the instrument sends by itself, so that it is listened to and never asked."""
        return self.protocol == "hj212" or (self.ascii is not None and self.ascii.mode == "listen")


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpBusSpec:
    """A host that speaks Modbus TCP (`framing` "tcp") or passes the bytes of a serial line through (`framing` "rtu").

    With `listen` it is the instrument that connects: to `port` of this box, where `host` is the address listened on.
    """

    name: str
    host: str
    port: int
    framing: str
    listen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialBusSpec:
    """A serial line of this box.

    `direction` is "adapter" (the adapter switches RS-485 between sending and receiving by itself) or "rts" (the driver
    raises RTS while it sends). `echo`: everything sent is heard back, and must be; what is not is a collision.
    """

    name: str
    port: str
    settings: LineSettings = LineSettings()
    direction: str = "adapter"
    echo: bool = False


BusSpec = TcpBusSpec | SerialBusSpec
"""What a bus can be."""
