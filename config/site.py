"""The typed site: what one site file says, checked, with every duration in seconds and every path absolute.

Frozen records, made by `config.load` only. Reading parts (buses, devices, points) are `drivers.spec` records, so that a
driver never sees a site.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from config.formula import Formula
    from drivers.spec import BusSpec, DeviceSpec

Priority = Literal["low", "medium", "high", "critical"]
Total = Literal["none", "counter", "per-hour", "per-second"]
"""What the amount of a period is: nothing, the increase of a counter, or the integral of a rate per hour or second."""
Role = Literal["production", "treatment", "combined", "main"]
FacilityType = Literal[
    "fan",
    "pump",
    "scrubber",
    "fgd",
    "scr",
    "sncr",
    "esp",
    "bag",
    "cyclone",
    "rto",
    "rco",
    "carbon",
    "uv",
    "plasma",
    "wastewater",
    "boiler",
    "furnace",
    "kiln",
    "incinerator",
    "oven",
    "dryer",
    "mill",
    "crusher",
    "reactor",
    "press",
    "spray-booth",
    "other",
]
"""What a facility is. Rules for one kind of treatment look at it (`agent.rules`)."""
Pack = Literal["production", "treatment", "emission", "power", "data", "plan"]
PACKS: tuple[Pack, ...] = ("production", "treatment", "emission", "power", "data", "plan")
"""The groups of rules. All of them apply unless ``[rules]`` chooses."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text for plant staff, in both languages. A missing one falls back to the other."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The box. `clock` is "auto" (ask kernel and time services) or "trusted" (another keeps the host's clock).

    `models` is the site's own folder of device models.
    """

    id: str
    name: Text
    timezone: str
    language: Literal["zh", "en"]
    state_dir: Path
    clock: Literal["auto", "trusted"]
    models: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttUplink:
    """The platform's broker. Secrets are paths; they are read when a connection is made.

    `nobody_listens` says whether a record that the broker threw away, because nobody subscribes to its topic, counts as
    delivered.
    """

    host: str
    port: int
    tls: bool
    prefix: str
    username: str | None
    password_file: Path | None
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    keepalive_s: float
    nobody_listens: Literal["hold", "deliver"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferLimits:
    """What the store may cost. `commit_every_s` 0 means every scan commits at once; `max_size` is bytes."""

    commit_every_s: float
    keep_s: float
    max_size: int
    allow_volatile: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The local web panel. `open` lets people look without logging in.

    `hosts` are the names it answers to besides those of the box; `cert_file` and `key_file` are ``None`` where it makes
    its certificate itself; `idle_s` is how long somebody logged in may do nothing.
    """

    host: str
    port: int
    open: bool
    hosts: tuple[str, ...]
    tls: bool
    cert_file: Path | None
    key_file: Path | None
    idle_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Annunciator:
    """Light and horn of the panel: pins by their BCM names ("GPIO17"), a command and its arguments, or both.

    `silence` is a push button to ground that quiets the horn; `active_low` says that a relay board switches on at low;
    `horn_from` is the lowest priority the horn sounds for.
    """

    light: str | None = None
    horn: str | None = None
    silence: str | None = None
    active_low: bool = False
    command: tuple[str, ...] = ()
    horn_from: Priority = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What whoever serves people must know of a site file, and all they may."""

    gateway: Gateway
    panel: Panel | None
    annunciator: Annunciator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """When a device's readings become records: on every scan, when something changed, or as statistics of a period.

    `period_s` is the statistics period, or for "on-change" the heartbeat: the longest silence.
    """

    kind: Literal["on-scan", "on-change", "period"]
    period_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PointInfo:
    """What people and the platform want to know of a point, aligned with `DeviceSpec.points`.

    `is_slow` points are those that `Device.slow_s` is about, where the device has it. `total` is the amount of a period
    (`config.amounts`).
    """

    name: str
    unit: str
    label: Text
    code: str | None
    is_slow: bool = False
    is_number: bool = True
    decimals: int | None = None
    total: Total = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One instrument: how to read it (`spec`), how often, and when to tell.

    Of an instrument that sends by itself, `poll_s` is how long it may be silent. `slow_s` is how often its slow points
    are read; ``None`` where all points are read on every visit (`config.visits`). `model` names its entry in the device
    library.
    """

    spec: DeviceSpec
    label: Text
    poll_s: float
    report: Report
    info: tuple[PointInfo, ...]
    model: str | None = None
    slow_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Plain thresholds on one point. Strict: a value equal to a limit is no violation."""

    device: str
    point: str
    high_high: float | None
    high: float | None
    low: float | None
    low_low: float | None
    deadband: float
    on_delay_s: float
    off_delay_s: float
    priority: Priority
    escalate_after_s: float = 5400.0
    latch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Points computed by formula. Those of one name before the dot make one `device`, which is told like any other.

    `formulas` and `ranges` (believable results, outside: flag T; empty: none has any) are aligned with `device.info`,
    in an order in which each can be computed after those it names; `device.spec.points` is empty and its protocol
    "derived". They are computed at each scan of the visit `paced_by` (`config.visits`: its key is the device's name
    where the device has only one), the slowest of those that their inputs come from in the end.
    """

    device: Device
    formulas: tuple[Formula, ...]
    paced_by: str
    ranges: tuple[tuple[float, float] | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """A machine with a role. Exactly one of `power`, `current` and `running` ("device.point") tells its state.

    RUN from `on_fraction` of `rated` held for `on_hold_s`, OFF up to `off_fraction` for `off_hold_s`, IDLE between.
    `rated` is kW, with `current` A; only a facility with `running`, or of role main, may have none. `points` are its
    further points by quantity (`config.quantities`), `facts` what the file states, by the names of
    `agent.rules.quantity`: type, rated (kW, so not with `current`), rated_current (A, also from `rated` with
    `current`), rated_voltage (V), life_hours (h), permit_energy (kWh a day), design_removal (%). What is not stated is
    not there.
    """

    name: str
    label: Text
    role: Role
    type: FacilityType | None
    power: str | None
    current: str | None
    running: str | None
    rated: float | None
    on_fraction: float = 0.15
    off_fraction: float = 0.08
    on_hold_s: float = 60.0
    off_hold_s: float = 60.0
    points: dict[str, tuple[str, ...]]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Production paired with the treatment of what it gives off.

    `chain` names facilities along the process, `co_run` those that run together or not at all. `facts`: grade (the
    exemption grade in plans, a text such as "A"), permit_energy (kWh a day).
    """

    name: str
    label: Text
    production: tuple[str, ...]
    treatment: tuple[str, ...]
    outlet: str | None
    chain: tuple[str, ...] = ()
    co_run: tuple[str, ...] = ()
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One pollutant of an outlet. `point`, `converted`, `inlet` and `second` are "device.point".

    `unit` is the factor's, or that of its point. `facts`: limit, range (low, high), unit, detection_limit (in `unit`),
    permit_mass (kg a year), design_removal (%).
    """

    code: str
    label: Text
    point: str
    unit: str
    converted: str | None
    inlet: str | None
    second: str | None
    limit: float | None
    range: tuple[float, float] | None
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """A stack or a drain. `points` are its further points by quantity; `facts`: medium, reference_o2 (%)."""

    name: str
    label: Text
    medium: Literal["air", "water"]
    o2: str | None
    reference_o2: float | None
    factors: tuple[Factor, ...]
    points: dict[str, tuple[str, ...]]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """A ``[[rule]]``: parameters of one rule of the catalogue, everywhere or for one object.

    `params` are as written: texts (durations such as "3m" too), numbers, truth values. The catalogue judges them.
    """

    id: str
    line: str | None
    facility: str | None
    outlet: str | None
    enabled: bool
    params: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """What the site describes beyond registers."""

    facilities: tuple[Facility, ...] = ()
    lines: tuple[Line, ...] = ()
    outlets: tuple[Outlet, ...] = ()
    packs: tuple[Pack, ...] = PACKS
    changes: tuple[RuleChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A whole site file, checked.

    `meaning` is everything that gives readings their meaning (points, scaling, limits, rules) as plain JSON-able data;
    its hash is the `cfg` of every record, its diff the `config` record. `notices` are honest remarks, not mistakes:
    tables this version accepts but does not act on yet.
    """

    path: Path
    gateway: Gateway
    uplink: MqttUplink | None
    buffer: BufferLimits
    buses: tuple[BusSpec, ...]
    devices: tuple[Device, ...]
    limits: tuple[Limit, ...]
    meaning: dict[str, Any]
    notices: tuple[str, ...]
    derived: tuple[Derived, ...] = ()
    plant: Plant = Plant()
    panel: Panel | None = None
    annunciator: Annunciator | None = None
