"""What a model file says of one kind of meter or analyzer.

Frozen records; `drivers.library` reads, lints and finds them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from drivers.reading import Value
    from drivers.spec import AnyPoint, AsciiSpec, LineSettings, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPoint:
    """One value the device can give.

    `spec` is what its driver wants, before transformer ratios (its range too). `nominal` is what a healthy device
    shows (volts, hertz). `period` is "fast" (power) or "slow" (energy): slow points need not be asked as often.
    `ratio` is "none", "ct", "pt" or "ct*pt". `direction` ("import", "export", "net", "total", "") and `wrap` (the
    number at which a counter starts again at 0; ``None`` where nobody says) describe counters. `alias`: reads
    registers another point has, on purpose. `note`: why something about it is unusual.
    """

    spec: AnyPoint
    label_zh: str
    label_en: str
    nominal: float | None = None
    period: str = "fast"
    ratio: str = "none"
    code: str | None = None
    direction: str = ""
    wrap: float | None = None
    alias: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """See `drivers.spec.StatusSpec`; points by name. Where the file names none, `decides` is all that are no status."""

    point: str
    when: tuple[int | bool | str, ...]
    flag: str
    decides: tuple[str, ...] = ()
    mask: int | None = None
    void: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A register (or item) that tells this model from others: it reads one of `equals`, or lies within `between`."""

    spec: AnyPoint
    equals: tuple[Value, ...] = ()
    between: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the facts come from.

    `confidence` is A (manual's page seen), B (maintained open project) or C (one file).
    """

    document: str
    page: str = ""
    firmware: str = ""
    confidence: str = "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A conversation, and the readings it must give.

    `frames` are pairs of request and answer; a sender's request is empty.
    `readings` are by point; ``None`` means "not available". `origin` is "captured", "manual", "published" or "derived".
    """

    frames: tuple[tuple[bytes, bytes], ...]
    readings: dict[str, Value]
    origin: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Trap:
    """What has cost others a day, in both languages. `about` sorts it: "reads", "scale", "sign" and so on."""

    about: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One kind of device.

    `protocols` are those it speaks ("modbus", "modbus-ascii", "dlt645-2007", …). `grade` is that of its weakest source
    for a point, A to C; grade C is *unverified*. `settings` are the line settings it leaves the factory with, most
    likely first. `marks` all hold for a device of this model; where there are none, `plausible` names points whose
    values must be near `ModelPoint.nominal` or in range. `primary`: the device applies transformer ratios by itself.
    `no_holes`: it refuses reads over registers that hold nothing; `barriers` keep reads out of them. `no_sentinel`:
    why no sample shows "not available". `no_probe`: why nothing tells it from other devices, so that no scan names it.
    """

    name: str
    path: Path
    maker: str
    title_zh: str
    title_en: str
    kind: str
    protocols: tuple[str, ...]
    grade: str
    points: tuple[ModelPoint, ...]
    settings: tuple[LineSettings, ...]
    units: tuple[int, ...] = (1,)
    max_registers: int = 125
    max_bits: int = 2000
    barriers: frozenset[tuple[Table, int]] = field(default_factory=frozenset)
    turnaround_s: float = 0.0
    timeout_s: float | None = None
    marks: tuple[Mark, ...] = ()
    plausible: tuple[str, ...] = ()
    primary: bool = False
    no_holes: bool = False
    no_sentinel: str = ""
    no_probe: str = ""
    statuses: tuple[ModelStatus, ...] = ()
    ascii: AsciiSpec | None = None
    sources: tuple[Source, ...] = ()
    traps: tuple[Trap, ...] = ()
    samples: tuple[Sample, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether more than one third party's word stands behind it."""
        return self.grade != "C"
