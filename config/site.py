"""The typed site: what one site file says, checked, with every duration in seconds and every path absolute.

Frozen records, made by `config.load` only. Reading parts (buses, devices, points) are `drivers.spec` records, so that a
driver never sees a site.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from drivers.spec import BusSpec, DeviceSpec

Priority = Literal["low", "medium", "high", "critical"]


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
class Report:
    """When a device's readings become records: on every scan, when something changed, or as statistics of a period.

    `period_s` is the statistics period, or for "on-change" the heartbeat: the longest silence.
    """

    kind: Literal["on-scan", "on-change", "period"]
    period_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PointInfo:
    """What people and the platform want to know of a point, aligned with `DeviceSpec.points`.

    `is_slow` points are those that `Device.slow_s` is about, where the device has it.
    """

    name: str
    unit: str
    label: Text
    code: str | None
    is_slow: bool = False


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
