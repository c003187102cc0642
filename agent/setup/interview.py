"""All that `plantgate init` asks, in the order of an installer's hour, and the site's document that comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.setup import steps_box, steps_field, steps_plant
from agent.setup.dialogue import Known
from agent.setup.points import facts

if TYPE_CHECKING:
    from collections.abc import Generator

    from agent.setup.dialogue import Event, Script
    from agent.setup.document import Document

STEPS: Final = 9
CARRIED: Final = ("buffer", "derived", "limit", "rule")
"""Tables that nobody is asked about; what an earlier file says in them stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of this box before anybody is asked.

    `ports` are its serial ports by their stable names, `holders` who holds each ("" for nobody). `state_dir` is where
    the store goes, ``None`` for the usual place.
    """

    timezone: str
    language: str
    host: str
    ports: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    state_dir: str | None = None
    scans: bool = True


def interview(machine: Machine) -> Script:
    """Ask everything; return the document of the site, as its file will say it."""
    gateway: Document = yield from steps_box.gateway(machine.timezone, machine.language, machine.host)
    if machine.state_dir is not None:
        gateway.setdefault("state_dir", machine.state_dir)
    mqtt: Document = yield from steps_box.broker(gateway["id"])
    found: list[Document] = yield from steps_field.lines(machine.ports, machine.holders, scans=machine.scans)
    devices, noted = yield from steps_field.devices(found)
    points = facts(devices)
    facilities: list[Document] = yield from steps_plant.facilities(devices, points)
    lines: list[Document] = yield from steps_plant.lines(facilities, points)
    outlets: list[Document] = yield from steps_plant.outlets(lines, points)
    rules: Document = yield from steps_box.packs()
    panel: Document = yield from steps_box.panel()
    carried: Document = yield from _carried()
    document: Document = {
        "gateway": gateway,
        "uplink": {"mqtt": mqtt} if mqtt else {},
        "panel": panel,
        **carried,
        "bus": [line["bus"] for line in found],
        "device": [_plain(device) for device in devices],
        "noted": [_plain(device) for device in noted],
        "facility": facilities,
        "line": lines,
        "outlet": outlets,
        "rules": rules,
    }
    return {key: value for key, value in document.items() if value}


def _carried() -> Generator[Event, Any, Document]:
    carried: Document = {}
    for key in CARRIED:
        carried[key] = (yield Known((key,))) or {}
    return carried


def _plain(device: Document) -> Document:
    """Return a device without what is said of how it was found."""
    return {key: value for key, value in device.items() if key not in ("found", "take", "wants")}
