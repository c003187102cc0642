"""A line as a table: what answers at which settings and address. Stands in for the wire in tests of what decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivers.errors import BadFrame, BadRequest, NoAnswer, Refused
from drivers.reading import Scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.spec import DeviceSpec, LineSettings


@dataclass
class TableTap:
    """`units` by (settings, address): "there", "refuses", "garbled", "noisy-once", "late"; others are silent.

    `unasked` is heard whenever somebody listens; `said_while_asking` is noise that falls between the questions.
    """

    units: dict[tuple[LineSettings | None, int], str] = field(default_factory=dict)
    dlt645: dict[LineSettings | None, list[tuple[str, str]]] = field(default_factory=dict)
    unasked: dict[LineSettings | None, bytes] = field(default_factory=dict)
    impossible: tuple[LineSettings, ...] = ()
    said_while_asking: int = 0
    asked: list[tuple[LineSettings | None, int | str]] = field(default_factory=list)
    listened_s: float = 0.0
    noise: int = 0
    strangers: int = 0

    def turn_to(self, settings: LineSettings | None) -> None:
        """Refuse what the adapter cannot do."""
        if settings in self.impossible:
            raise BadRequest(f"the adapter cannot do {settings}")

    def look(self, spec: DeviceSpec) -> Scan:
        """Answer as the table says."""
        self.asked.append((spec.settings, spec.address))
        manner = self.units.get((spec.settings, spec.unit), "silent")
        if manner == "noisy-once":
            self.units[spec.settings, spec.unit] = "there"
        if manner in ("garbled", "noisy-once"):
            raise BadFrame("CRC error")
        if manner == "refuses":
            raise Refused(2, "illegal address")
        if manner == "late" and spec.timeout_s < 1:
            self.strangers += 1
        if manner == "silent" or (manner == "late" and spec.timeout_s < 1):
            raise NoAnswer("no answer")
        return Scan(spec.name, 0, 0, (7,), "N")

    def overhear(self, settings: LineSettings | None, seconds: float) -> bytes:
        """Return what the table says comes by itself."""
        assert seconds > 0
        self.listened_s += seconds
        self.noise += self.said_while_asking
        return self.unasked.get(settings, b"")

    def meters(self, settings: LineSettings | None) -> Iterator[tuple[str, str] | None]:
        """Yield one fruitless question, then the meters."""
        yield None
        yield from self.dlt645.get(settings, [])
