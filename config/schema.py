"""The tables of a site file and their keys, types and defaults: what may be written, table by table.

Only the shape is said here; what must fit together is in `config.check`. Each table is validated on its own
(`config.tables`), so that one bad value hides no other mistake. `docs/site.md` describes every key; a test compares.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from config import values
from config.site import FacilityType, Pack, Priority, Role, Text, Total
from config.values import Broker, duration, size
from drivers.spec import Table  # noqa: TC001  (pydantic looks the type up when the program runs)

Name = Annotated[str, AfterValidator(values.name("a-z0-9_-", 64))]
GatewayId = Annotated[str, AfterValidator(values.name("a-z0-9-", 32))]
Label = Annotated[Text, PlainValidator(values.text)]
Filled = Annotated[str, Field(min_length=1, max_length=500)]
Short = Annotated[str, Field(min_length=1, max_length=32)]
Number = Annotated[float, AfterValidator(values.number)]
Range = Annotated[tuple[float, float], PlainValidator(values.pair)]
Delay = Annotated[float, BeforeValidator(duration("0s", "1d"))]
Hold = Annotated[float, BeforeValidator(duration("0s", "1h"))]
Fraction = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(gt=0, le=1e12)]
Percent = Annotated[float, Field(gt=0, le=100)]
Points = dict[str, Annotated[tuple[str, ...], PlainValidator(values.point_or_points)]]
Ratio = Annotated[float, Field(gt=0, le=1_000_000)]
Address = Annotated[int, Field(ge=0, le=65535)]
Pin = Annotated[str, AfterValidator(values.pin)]
TcpPort = Annotated[int, Field(ge=1, le=65535)]

Protocol = Literal["modbus", "modbus-ascii", "dlt645-2007", "dlt645-1997", "hj212", "ascii"]
Parity = Literal["N", "E", "O"]
Pace = Literal["fast", "slow"]


class SiteTable(BaseModel):
    """A table of the file. Strict: a text is no number, an unknown key is a mistake. Keys can be set one at a time."""

    model_config = ConfigDict(
        strict=True, extra="forbid", validate_assignment=True, allow_inf_nan=False, protected_namespaces=()
    )


class GatewayTable(SiteTable):
    """``[gateway]``."""

    id: GatewayId
    name: Label | None = None
    timezone: Annotated[str, AfterValidator(values.timezone)] = "Asia/Shanghai"
    language: Literal["zh", "en"] = "zh"
    state_dir: Filled = "/var/lib/plantgate"
    clock: Literal["auto", "trusted"] = "auto"
    models: Filled | None = None


class MqttTable(SiteTable):
    """``[uplink.mqtt]``."""

    url: Annotated[Broker, PlainValidator(values.broker)]
    prefix: Annotated[str, AfterValidator(values.topic_prefix)] = "plantgate"
    username: Filled | None = None
    password_file: Filled | None = None
    ca_file: Filled | None = None
    cert_file: Filled | None = None
    key_file: Filled | None = None
    keepalive: Annotated[float, BeforeValidator(duration("5s", "18h"))] = 30.0
    nobody_listens: Literal["hold", "deliver"] = "hold"
    ack: Literal["broker", "platform"] = "broker"
    platform_keys: list[Filled] = []


class BufferTable(SiteTable):
    """``[buffer]``."""

    commit_every: Annotated[float, BeforeValidator(duration("0s", "1m"))] = 1.0
    keep: Annotated[float, BeforeValidator(duration("1h", "36500d"))] = 400 * 86400.0
    max_size: Annotated[int, BeforeValidator(size("4MiB", "16TiB"))] = 4 * 2**30
    allow_volatile: bool = False


class PanelTable(SiteTable):
    """``[panel]``."""

    listen: Annotated[str, AfterValidator(values.listen_address)]
    open: bool = False
    hosts: list[Annotated[str, AfterValidator(values.host)]] = []
    tls: bool | None = None
    cert_file: Filled | None = None
    key_file: Filled | None = None
    idle: Annotated[float, BeforeValidator(duration("1m", "12h"))] = 1800.0


class AnnunciatorTable(SiteTable):
    """``[annunciator]``."""

    light: Pin | None = None
    horn: Pin | None = None
    silence: Pin | None = None
    active_low: bool = False
    command: list[Filled] = []
    horn_from: Priority = "high"


class TcpBusTable(SiteTable):
    """``[[bus]]`` with ``type = "tcp"``."""

    name: Name
    type: Literal["tcp", "serial"]  # "serial" never stays here: its table is SerialBusTable
    host: Annotated[str, AfterValidator(values.host)]
    port: TcpPort = 502
    framing: Literal["tcp", "rtu"] = "tcp"
    listen: bool = False


class SerialBusTable(SiteTable):
    """``[[bus]]`` with ``type = "serial"``."""

    name: Name
    type: Literal["serial"]
    port: Filled
    baudrate: Annotated[int, Field(ge=300, le=4_000_000)] = 9600
    bytesize: Literal[7, 8] = 8
    parity: Parity = "N"
    stopbits: Literal[1, 2] = 1
    direction: Literal["adapter", "rts"] = "adapter"
    echo: bool = False


class DeviceTable(SiteTable):
    """``[[device]]``, its points apart."""

    name: Name
    label: Label | None = None
    bus: Filled
    protocol: Protocol = "modbus"
    address: Annotated[int | str, PlainValidator(values.device_address)]
    model: Name | None = None
    points: list[Name] | None = None
    poll: Annotated[float, BeforeValidator(duration("10ms", "1d"))] = 5.0
    slow: Annotated[float, BeforeValidator(duration("10ms", "1d"))] | None = None
    report: Annotated[float | Literal["on-scan", "on-change"], PlainValidator(values.report_when)] = 60.0
    heartbeat: Annotated[float, BeforeValidator(duration("1s", "1d"))] = 600.0
    timeout: Annotated[float, BeforeValidator(duration("10ms", "2h"))] | None = None
    turnaround: Annotated[float, BeforeValidator(duration("0s", "10s"))] | None = None
    sm4_key_file: Filled | None = None
    ct: Ratio = 1.0
    pt: Ratio = 1.0
    max_registers: Annotated[int, Field(ge=1, le=125)] = 125
    max_bits: Annotated[int, Field(ge=1, le=2000)] = 2000
    barriers: dict[Literal["coil", "discrete", "input", "holding"], list[Address]] = {}
    baudrate: Annotated[int, Field(ge=300, le=4_000_000)] | None = None
    bytesize: Literal[7, 8] | None = None
    parity: Parity | None = None
    stopbits: Literal[1, 2] | None = None


class PointTable(SiteTable):
    """What points of every protocol have."""

    name: Name
    scale: Number = 1.0
    offset: Number = 0.0
    unit: Annotated[str, Field(max_length=32)] = ""
    decimals: Annotated[int, Field(ge=0, le=15)] | None = None
    range: Range | None = None
    code: Short | None = None
    label: Label | None = None
    ratio: Literal["none", "ct", "pt", "ct*pt"] | None = None
    period: Pace = "fast"
    total: Total | None = None


class ModbusPointTable(PointTable):
    """``[[device.point]]`` of a Modbus device."""

    # In the file the key is "register", a name that classes have taken already.
    table: Annotated[Table, Field(strict=False, alias="register")]
    at: Address
    type: str | None = None
    order: str | None = None
    unavailable: list[Annotated[int, Field(le=2**64 - 1)]] = []


class TelegramPointTable(PointTable):
    """What points that come in telegrams have: a number, unless it is said to be a text."""

    type: Literal["text"] | None = None


class Dlt645PointTable(TelegramPointTable):
    """``[[device.point]]`` of a DL/T 645 meter."""

    item: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{4}([0-9A-Fa-f]{4})?$")]
    format: Annotated[str, AfterValidator(values.item_format)] | None = None
    signed: bool | None = None


class Hj212PointTable(TelegramPointTable):
    """``[[device.point]]`` of an instrument that speaks HJ 212."""

    factor: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,32}$")]
    field: Short = "Rtd"


class AsciiPointTable(TelegramPointTable):
    """``[[device.point]]`` of an instrument that speaks in lines of text."""

    field: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
    unavailable: list[Short] = []


class LimitTable(SiteTable):
    """``[[limit]]``."""

    point: Filled
    high_high: Number | None = None
    high: Number | None = None
    low: Number | None = None
    low_low: Number | None = None
    deadband: Annotated[float, Field(ge=0, le=1e15)] = 0.0
    on_delay: Delay = 0.0
    off_delay: Delay = 0.0
    priority: Priority = "medium"
    escalate_after: Annotated[float, BeforeValidator(duration("0s", "30d"))] = 5400.0
    latch: bool = False


class DerivedTable(SiteTable):
    """``[[derived]]``."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]+\.[a-z0-9_-]+$", max_length=129)]
    formula: Filled
    unit: Annotated[str, Field(max_length=32)] = ""
    decimals: Annotated[int, Field(ge=0, le=15)] | None = None
    range: Range | None = None
    code: Short | None = None
    label: Label | None = None
    total: Total | None = None


class FacilityTable(SiteTable):
    """``[[facility]]``."""

    name: Name
    label: Label | None = None
    role: Role
    power: Filled | None = None
    current: Filled | None = None
    running: Filled | None = None
    rated: Amount | None = None
    type: FacilityType | None = None
    on_fraction: Annotated[float, Field(gt=0, le=1)] = 0.15
    off_fraction: Fraction = 0.08
    on_hold: Hold = 60.0
    off_hold: Hold = 60.0
    points: Points = {}
    rated_voltage: Amount | None = None
    rated_current: Amount | None = None
    life: Annotated[float, BeforeValidator(duration("1h", "36500d"))] | None = None
    design_removal: Percent | None = None
    permit_energy: Amount | None = None


class LineTable(SiteTable):
    """``[[line]]``."""

    name: Name
    label: Label | None = None
    production: list[Filled] = []
    treatment: list[Filled] = []
    outlet: Filled | None = None
    chain: list[Filled] = []
    co_run: list[Filled] = []
    grade: Annotated[str, Field(pattern=r"^[A-Za-z0-9+-]{1,16}$")] | None = None
    permit_energy: Amount | None = None


class OutletTable(SiteTable):
    """``[[outlet]]``, its factors apart."""

    name: Name
    label: Label | None = None
    medium: Literal["air", "water"]
    o2: Filled | None = None
    reference_o2: Annotated[float, Field(ge=0, lt=21)] | None = None
    points: Points = {}


class FactorTable(SiteTable):
    """``[[outlet.factor]]``."""

    code: Short
    point: Filled
    limit: Annotated[float, Field(ge=0, le=1e15)] | None = None
    range: Range | None = None
    unit: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    label: Label | None = None
    converted: Filled | None = None
    inlet: Filled | None = None
    second: Filled | None = None
    permit: Amount | None = None
    detection_limit: Amount | None = None
    design_removal: Percent | None = None


class RulesTable(SiteTable):
    """``[rules]``."""

    packs: list[Pack] | None = None


class RuleTable(SiteTable):
    """``[[rule]]``. Its further keys are parameters of the rule, which its catalogue knows (`config.judging`)."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(pattern=r"^[A-Z]+[0-9]+$", max_length=8)]
    line: Filled | None = None
    facility: Filled | None = None
    outlet: Filled | None = None
    enabled: bool = True
    __pydantic_extra__: dict[str, Any]
