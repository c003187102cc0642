"""Answers from a file, for many boxes alike: what is wrong with them, what a scan must still find, and the site of it.

An answers file is a site file that may leave out what a scan finds. It has the site file's tables and keys, and beside
them ``[[scan]]`` (which lines to look at) and ``[init]`` (what a conversation remembers; nobody reads it here). A
device may say ``take = "out"`` or ``"comment"``, a facility ``role = "none"``: those are not written. Pure.

Mistakes are found by the site file's own check, on the answers themselves, so that each has the answers' own line.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.rules.binding import problems as judge_rules
from agent.setup import readers
from agent.setup.document import OWN
from config.check import check
from config.findings import Findings
from config.problem import Mistake, Problem, SiteProblems, instead
from config.tables import read_document
from drivers.finding.places import host_and_port, is_port, written

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Mapping

    from agent.setup.document import Document
    from config.lines import Path

SETTINGS: Final = ("baudrate", "bytesize", "parity", "stopbits")
USUAL: Final = {"baudrate": 9600, "bytesize": 8, "parity": "N", "stopbits": 1}
SCAN_KEYS: Final = ("bus", "place", "settings", "units", "others", "result")
OTHERS: Final = ("keep", "comment", "out")
ASIDE: Final = ("found", "take", "wants")
"""Keys of a device that no site file has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A line to look at. `others`: what becomes of devices that the answers do not name."""

    bus: str
    place: str
    settings: str | list[str]
    units: str
    others: str


def parse(text: str, file: str) -> Document:
    """Return the answers of a text. Raises SiteProblems when it is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"at line (\d+)", str(error))
        line = int(match[1]) if match else None
        hint = "check quotes, brackets and the equals sign"
        raise SiteProblems([Problem(file=file, line=line, where="", what=f"is no TOML: {error}", hint=hint)]) from None


# --- what to look at --------------------------------------------------------------------------------------------------


def wishes(answers: Document, *, scans: bool | None) -> list[Wish]:
    """Return the lines to look at: those with a ``[[scan]]``; with `scans` True all, with False none."""
    if scans is False:
        return []
    asked = {str(one.get("bus")): one for one in _tables(answers, "scan")}
    places = {str(one.get("name")): _place(one) for one in _tables(answers, "bus")}
    places |= {name: str(one["place"]) for name, one in asked.items() if "place" in one}
    names = [name for name, place in places.items() if place and (scans or name in asked)]
    return [_wish(name, places[name], asked.get(name, {})) for name in names if _wants(asked.get(name, {}))]


def _wants(table: Document) -> bool:
    return table.get("settings") != "no"


def _wish(name: str, place: str, table: Document) -> Wish:
    return Wish(
        bus=name,
        place=place,
        settings=table.get("settings", "quick"),
        units=table.get("units", "1-247"),
        others=table.get("others", "keep"),
    )


def _place(bus: Document) -> str:
    if "host" not in bus:
        return str(bus.get("port", ""))
    port = bus.get("port", 502)
    return written(str(bus["host"]), port if isinstance(port, int) else 0)  # 0 is refused, as the site file refuses it


def _tables(document: Document, key: str) -> list[Document]:
    """Return the tables of an array, whatever else a careless hand has put there left out."""
    value = document.get(key, [])
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# --- putting together -------------------------------------------------------------------------------------------------


def completed(answers: Document, results: Mapping[str, Document]) -> tuple[Document, list[Document]]:
    """Return the answers with what the scans found put in where nothing was answered, and what is to be noted only."""
    full: Document = {**answers, "bus": _buses(answers, results)}
    buses = {str(one.get("name")): one for one in full["bus"]}
    devices = [dict(one) for one in _tables(answers, "device")]
    noted: list[Document] = []
    others = {wish.bus: wish.others for wish in wishes(answers, scans=True)}
    for name, result in results.items():
        for device in result["device"]:
            found = {**device, "bus": name, **_differing(device, result["bus"], buses[name])}
            mine = next((one for one in devices if _is_same(one, found)), None)
            if mine is not None:
                _complete(mine, found)
            elif others.get(name, "keep") == "keep" and ("model" in found or found["protocol"] == "hj212"):
                devices.append(found | {"name": _free(found["name"], devices)})
            elif others.get(name, "keep") != "out":
                noted.append(found)
    full["device"] = devices
    return {key: value for key, value in full.items() if value != []}, noted


def _buses(answers: Document, results: Mapping[str, Document]) -> list[Document]:
    """Return all lines: those described, those only to be scanned, with what the scan found of their settings."""
    made = [dict(one) for one in _tables(answers, "bus")]
    named = [one.get("name") for one in made]
    made += [
        {"name": one.get("bus"), **_at(str(one["place"]))}
        for one in _tables(answers, "scan")
        if "place" in one and one.get("bus") not in named
    ]
    for bus in made:
        bus.setdefault("type", "tcp" if "host" in bus else "serial")
        found = results.get(str(bus.get("name")), {}).get("bus", {})
        for key in ("framing", *SETTINGS):
            if key in found:
                bus.setdefault(key, found[key])
    return made


def _at(place: str) -> Document:
    if is_port(place):
        return {"port": place}
    try:
        host, port = host_and_port(place)
    except ValueError:
        return {"host": place}
    return {"host": host, "port": port}


def _differing(device: Document, scanned: Document, bus: Document) -> Document:
    """Return the line settings of a device that differ from its bus as it will be written."""
    if "host" in bus:
        return {}
    real = {key: device.get(key, scanned.get(key, USUAL[key])) for key in SETTINGS}
    differing = {key: value for key, value in real.items() if value != bus.get(key, USUAL[key])}
    return dict.fromkeys(key for key in SETTINGS if key in device) | differing


def _is_same(device: Document, found: Document) -> bool:
    keys = ("bus", "address", *(("protocol",) if "protocol" in device else ()))
    return all(device.get(key) == found[key] for key in keys)


def _complete(device: Document, found: Document) -> None:
    for key, value in found.items():
        if key != "point" or not {"model", "point"} & device.keys():
            device.setdefault(key, value)


def _free(name: str, devices: list[Document]) -> str:
    taken = {one.get("name") for one in devices}
    more = (f"{name}-{number}" for number in range(2, len(devices) + 3))
    return name if name not in taken else next(one for one in more if one not in taken)


# --- the site of it ---------------------------------------------------------------------------------------------------


def site_of(full: Document) -> tuple[Document, list[Document]]:
    """Return the site's document, and devices that are only noted."""
    site, _ = _stripped(full)
    noted = [_plain(one) for one in _tables(full, "device") if one.get("take") == "comment"]
    return {key: value for key, value in site.items() if value not in ({}, [])}, noted


def _stripped(full: Document) -> tuple[Document, dict[str, list[int]]]:
    """Return the tables that a site file has, and where in the answers the elements of its arrays were."""
    origins: dict[str, list[int]] = {}
    site: Document = {}
    for key, value in full.items():
        if key in OWN:
            continue
        is_array = isinstance(value, list) and all(isinstance(one, dict) for one in value)
        if not is_array:
            site[key] = value
            continue
        kept = [(number, one) for number, one in enumerate(value) if not _is_out(key, one)]
        origins[key] = [number for number, _ in kept]
        site[key] = [_plain(one) if key == "device" else one for _, one in kept]
    return site, origins


def _is_out(key: str, table: Document) -> bool:
    is_out = key == "device" and table.get("take") in ("out", "comment")
    return is_out or (key == "facility" and table.get("role") == "none")


def _plain(device: Document) -> Document:
    return {key: value for key, value in device.items() if key not in ASIDE and value is not None}


# --- mistakes ---------------------------------------------------------------------------------------------------------


class _Moved(Findings):
    """Findings about a site's document, at the places that the answers have for it."""

    def __init__(self, file: str, text: str, origins: Mapping[str, list[int]]) -> None:
        super().__init__(file, text)
        self._origins = origins

    def mistake(self, path: Path, where: str, what: str, **more: Any) -> None:
        """See `Findings.mistake`."""
        super().mistake(self._home(path), where, what, **more)

    def line(self, path: Path) -> int:
        """See `Findings.line`."""
        return super().line(self._home(path))

    def _home(self, path: Path) -> Path:
        number = path[1] if len(path) > 1 else None
        origins = self._origins.get(str(path[0]), []) if path else []
        return (path[0], origins[number], *path[2:]) if isinstance(number, int) and number < len(origins) else path


def mistakes(
    full: Document, text: str, file: str, root: pathlib.Path, *, missed: tuple[str, ...] = (), is_whole: bool = True
) -> list[Problem]:
    """Return everything that is wrong with answers, in the order of their file.

    `text` is that file's; `missed` are lines that were looked at, so that an incomplete device on them was not found.
    Before a scan, with `is_whole` False, only the shape of each table is looked at.
    """
    site, origins = _stripped(full)
    findings = _Moved(file, text, origins)
    _check_scans(full, findings)
    document = read_document(site, root, findings)
    if is_whole:
        check(document, root, findings, judge_rules)
        _check_found(full, missed, findings)
    try:
        findings.verdict()
    except SiteProblems as refused:
        return list(refused.problems)
    return []


def _check_scans(full: Document, findings: Findings) -> None:
    buses = [str(one.get("name")) for one in _tables(full, "bus")]
    buses += [str(one["bus"]) for one in _tables(full, "scan") if "place" in one and "bus" in one]
    for number, table in enumerate(_tables(full, "scan")):
        where = f'scan of "{table.get("bus", "")}"'
        for key, value in table.items():
            try:
                _check_scan(key, value, buses)
            except Mistake as mistake:
                findings.mistake(("scan", number, key), where, f"{key}: {mistake}", value=value, hint=mistake.hint)
        if "bus" not in table:
            findings.mistake(("scan", number), where, 'needs the key "bus"', hint='write bus = "line1"')


def _check_scan(key: str, value: Any, buses: list[str]) -> None:
    """Raise Mistake for what a ``[[scan]]`` cannot mean."""
    if key not in SCAN_KEYS:
        raise Mistake("unknown key", instead(key, SCAN_KEYS))
    if key == "result":
        return
    if not isinstance(value, str) and not (key == "settings" and isinstance(value, list)):
        raise Mistake("must be a text", "in quotes")
    if key == "bus" and value not in buses:
        raise Mistake("there is no such bus", f"{instead(value, buses)} or write place as well")
    _READERS.get(key, str)(", ".join(map(str, value)) if isinstance(value, list) else value)


_READERS: Final[dict[str, Callable[[str], object]]] = {
    "settings": readers.settings,
    "units": readers.units,
    "others": readers.one_of(*OTHERS),
    "place": readers.places(()),
}


def _check_found(full: Document, missed: tuple[str, ...], findings: Findings) -> None:
    """Note devices that a scan should have completed."""
    for number, device in enumerate(_tables(full, "device")):
        is_incomplete = not {"model", "point"} & device.keys() and not _is_out("device", device)
        if is_incomplete and device.get("bus") in missed:
            where, bus = f'device "{device.get("name", "")}"', device.get("bus")
            hint = "look at its wires and address, or write its model"
            findings.mistake(("device", number), where, f"was not found on {bus}", hint=hint)
