"""Looking at one line or host, as `plantgate scan` does, for an answer instead of a print. Only reads.

Progress is told by whoever calls: `survey` yields what happens, and returns plain data that a document can keep.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.cli.scan import fitting, naming
from agent.cli.site_blocks import Named, blocks
from drivers.finding.likely import Wanted, sweep_s
from drivers.finding.naming import Naming
from drivers.finding.overheard import text_line
from drivers.finding.sweep import Found, Stage, Step, sweep
from drivers.finding.tap import HostTap, LineTap
from drivers.finding.verdict import Remark, remarks

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from drivers.model import Model

    Tap = LineTap | HostTap

MOST_READS: Final = 2


@dataclass(frozen=True, slots=True)
class Begun:
    """A way to look has begun. It takes so long when nobody answers, seconds."""

    place: str
    most_s: float


Happening = Begun | Step | Found | Named
"""A find comes twice: when it answers, and when it has been named."""


class Survey:
    """What is at one place. `happenings` does the work; what was found so far can be asked at any time."""

    def __init__(self, place: str, ways: Sequence[Tap], wanted: Wanted, models: Sequence[Model]) -> None:
        """`ways` are tried one after the other until one finds something; `place` is written into the site file."""
        self._place, self._ways, self._wanted, self._models = place, ways, wanted, models
        self._named: list[Named] = []
        self._stages: list[Stage] = []
        self._framing = "rtu"
        self._echoes = 0

    def happenings(self) -> Generator[Happening, None, None]:
        """Look, and tell what happens. Raises LinkDown. Closing it early keeps what was found."""
        for way in self._ways:
            self._framing = "tcp" if isinstance(way, HostTap) else "rtu"
            self._stages.clear()
            try:
                yield from self._swept(way)
            finally:
                self._echoes = way.echoes
                way.close()
            if self._named:
                return

    def _swept(self, way: Tap) -> Iterator[Happening]:
        wanted = fitting(way, self._wanted)
        yield Begun(way.place, sweep_s(wanted))
        for event in sweep(way, wanted):
            if isinstance(event, Stage):
                self._stages.append(event)
            elif isinstance(event, Step):
                yield event
            else:
                yield event
                self._named.append(Named(found=event, naming=Naming()))  # kept, should naming be interrupted
                self._named[-1] = Named(found=event, naming=naming(event, way, self._models))
                yield self._named[-1]

    def remarks(self) -> list[Remark]:
        """Return what is to be said of the line."""
        return remarks(self._stages, [one.found for one in self._named], echoes=self._echoes)

    def tables(self) -> dict[str, Any]:
        """Return what was found as tables of a site file: ``bus``, ``device``, each device with how it was ``found``.

        What sends lines that no model knows is no device; its words are in ``strangers``.
        """
        said: dict[str, Any] = tomllib.loads(blocks(self._place, self._named, self._framing))
        strangers = [one for one in self._named if one.naming.model is None and one.found.protocol == "ascii"]
        described = [one for one in self._named if one not in strangers]
        devices = said.get("device", [])
        for device, one in zip(devices, described, strict=True):
            device["found"] = _how(one)
        return {
            "bus": said["bus"][0],
            "device": devices,
            "strangers": [text_line(one.found.heard) for one in strangers],
        }


def _how(one: Named) -> dict[str, Any]:
    """Return what a person should see of a find: how its model was known, which others fit, what it reads."""
    numbers = [reading for reading in one.naming.readings if isinstance(reading.value, (int, float))][:MOST_READS]
    model = one.naming.model
    return {
        "at": "" if one.found.settings is None else str(one.found.settings),
        "by": one.naming.how,
        "also": list(one.naming.also),
        "reads": ", ".join(f"{reading.value:.4g} {reading.unit}".strip() for reading in numbers),
        "asks_ct": model is not None and not model.primary and any("ct" in point.ratio for point in model.points),
    }
