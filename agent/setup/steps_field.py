"""The field: which lines there are, what answers on them, and what each device is called and how often it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent.setup import readers
from agent.setup.dialogue import Ask, Do, Known, Tell
from agent.setup.document import which
from config import values
from config.problem import Mistake, instead
from drivers.finding.places import MODBUS_TCP_PORT, host_and_port, is_port, written
from drivers.library import find, names

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from agent.setup.dialogue import Event
    from agent.setup.document import Document, Which

    Step = Generator[Event, Any, Document]
    Steps = Generator[Event, Any, list[Document]]

IDENTITY: Final = ("bus", "protocol", "address")
UNWANTED: Final = ("out", "comment")
TOLD_OF_FIND: Final = "found"
_PARTS: Final = 4


def lines(ports: Sequence[str], holders: Sequence[str], *, scans: bool) -> Steps:
    """Ask which lines there are and look at them; return a result of each: its bus and what is on it."""
    yield Tell(key="step.lines", step=3)
    for number, port in enumerate(ports):
        yield Tell(key="lines.held" if holders[number] else "lines.free", fields=_port(number, port, holders[number]))
    if not ports:
        yield Tell(key="lines.no_ports")
    path = ("init", "lines")
    places = yield Ask(
        key="lines.places",
        path=path,
        read=readers.places(ports),
        proposal=[port for port, holder in zip(ports, holders, strict=True) if not holder and _is_adapter(port)]
        or None,
        optional=True,
    )
    found = []
    known = (yield Known(("bus",))) or []
    for name, place in _named(places or [], {place_of(one): str(one.get("name", "")) for one in known}):
        found.append((yield from _line(name, place, scans=scans)))
    return found


def _is_adapter(port: str) -> bool:
    """Whether somebody has plugged it in; a board's own port may be its console."""
    return "/by-" in port or "USB" in port or "ACM" in port


def _port(number: int, port: str, holder: str) -> dict[str, object]:
    return {"number": number + 1, "port": port, "holder": holder}


def place_of(bus: Document) -> str:
    """Return the place of a bus as people type it."""
    if "port" in bus and "host" not in bus:
        return str(bus["port"])
    return written(str(bus.get("host", "")), bus.get("port", MODBUS_TCP_PORT))


def _named(places: Sequence[str], known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give each place the name it is known by, or a short one: line1, line2 … for serial lines, host1 … for hosts."""
    taken = set(known.values())
    for place in places:
        normal = place if is_port(place) else written(*host_and_port(place))
        kind = "line" if is_port(place) else "host"
        free = (
            f"{kind}{number}" for number in range(1, len(places) + len(taken) + 1) if f"{kind}{number}" not in taken
        )
        name = known.get(normal) or next(free)
        taken.add(name)
        yield name, place


def _line(name: str, place: str, *, scans: bool) -> Step:
    """Look at one place as the person wants, until it is enough."""
    spot = ("scan", which(bus=name))
    before = [one for one in (yield Known(("device",))) or [] if one.get("bus") == name and "protocol" in one]
    how: Any = "no"
    if scans:
        how = yield Ask(
            key="lines.settings" if is_port(place) else "lines.host",
            path=(*spot, "settings"),
            read=readers.settings if is_port(place) else readers.one_of("quick", "no"),
            proposal="quick",
            choices=("quick", "all", "listen", "no") if is_port(place) else ("quick", "no"),
            fields={"name": name, "place": place},
        )
    if how == "no":
        bus = (yield Known(("bus", which(name=name)))) or _bus(name, place)
        return {"bus": bus, "device": before}
    units = "1-247"
    if how != "listen":
        units = yield Ask(
            key="lines.units",
            path=(*spot, "units"),
            read=readers.units,
            proposal="1-247" if is_port(place) else "1-32",
            fields={"name": name},
        )
    is_again = False
    while True:
        wants = {"place": place, "settings": how, "units": units}
        result: Document = yield Do(what="scan", wants=wants, path=(*spot, "result"), fresh=is_again)
        yield from _told(result)
        if not result.get("remarks") and result["device"]:
            break
        then = yield Ask(
            key="lines.then",
            read=readers.one_of("on", "again"),
            proposal="on",
            choices=("on", "again"),
            fresh=True,
        )
        if then == "on":
            break
        is_again = True
    silent = [
        one for one in before if not any(_identity(one, name) == _identity(two, name) for two in result["device"])
    ]
    return {"bus": _bus(name, place) | {**result["bus"], "name": name}, "device": [*result["device"], *silent]}


def _told(result: Document) -> Generator[Event, Any, None]:
    """Show what was found, and what is to be said of the line."""
    for device in result["device"]:
        yield Tell(key="lines.found", fields=sight(device))
    for line in result.get("strangers", []):
        yield Tell(key="lines.stranger", fields={"line": line})
    for remark in result.get("remarks", []):
        yield Tell(key="lines.remark", fields=remark)
    if not result["device"]:
        yield Tell(key="lines.nothing")


def _bus(name: str, place: str) -> Document:
    """Return a line that nobody has looked at, as lines usually are."""
    if is_port(place):
        return {"name": name, "type": "serial", "port": place, "baudrate": 9600, "parity": "N"}
    host, port = host_and_port(place)
    return {"name": name, "type": "tcp", "host": host, "port": port, "framing": "tcp"}


def sight(device: Document) -> dict[str, object]:
    """Return what is shown of a find."""
    found = device.get("found", {})
    by = f" ({found['by']})" if found.get("by") else ""
    also = f", ? {', '.join(found['also'])}" if found.get("also") else ""
    return {
        "what": f"{device['protocol']} {device['address']}",
        "at": found.get("at", ""),
        "model": device.get("model", "?") + by + also,
        "reads": found.get("reads", ""),
    }


# --- devices ----------------------------------------------------------------------------------------------------------


def devices(found: Sequence[Document]) -> Generator[Event, Any, tuple[list[Document], list[Document]]]:
    """Ask what each device is; return those to read, and those to keep as comments."""
    yield Tell(key="step.devices", step=4)
    kept: list[Document] = []
    noted: list[Document] = []
    for line in found:
        for device in line["device"]:
            told = {**device, "bus": line["bus"]["name"]}
            made = yield from _device(told, [one["name"] for one in kept])
            (noted if made.pop("take") == "comment" else kept).extend([made] if made else [])
    kept += yield from _by_hand(found, kept)
    if not kept:
        yield Tell(key="devices.none")
    return kept, noted


def _device(told: Document, taken: Sequence[str]) -> Step:
    """Ask about one device that was found."""
    yield Tell(key="devices.one", fields={**sight(told), "bus": told["bus"]})
    spot = ("device", _identity(told, told["bus"]))
    before = (yield Known(spot)) or {}
    is_described = "point" in told and (told["protocol"] == "hj212" or "found" not in told)
    needs_model = "model" not in told and not is_described
    proposal = told.get("model") or ("comment" if needs_model else "points")
    words = ("comment", "out") if needs_model or "model" in told else ("points", *UNWANTED)
    taking = yield Ask(
        key="devices.unknown" if needs_model else "devices.take",
        path=(*spot, "take"),
        read=_take(told["protocol"], words),
        proposal=before.get("model", proposal),
        choices=words,
    )
    if taking in UNWANTED:
        return {**told, "take": taking} if taking == "comment" else {"take": taking}
    told = {key: value for key, value in told.items() if key != "point" or taking == "points"}
    if taking != "points":
        told["model"] = taking
    answers = yield from _habits(told, spot, taken)
    return {**before, **told, **answers, "take": taking}


def _identity(device: Document, bus: str) -> Which:
    return which(bus=bus, **{key: device[key] for key in IDENTITY[1:]})


def _take(protocol: str, words: Sequence[str]) -> Callable[[str], str]:
    """Return a reader of the name of a model that speaks `protocol`, or one of `words`."""

    def read(typed: str) -> str:
        if typed in words:
            return typed
        known = names()
        if typed not in known:
            raise Mistake(f"{typed}?", instead(typed, (*known, *words)))
        if protocol not in (speaks := find(typed).protocols):
            raise Mistake(f"{typed}: {', '.join(speaks)}", f"{protocol}")
        return typed

    return read


def _habits(device: Document, spot: tuple[Any, ...], taken: Sequence[str]) -> Step:
    """Ask for name, label, ratio, and how often the device is read and told of."""
    number, proposal = 2, device.get("name") or "device"
    while proposal in taken:
        proposal = f"{device.get('name') or 'device'}-{number}"
        number += 1
    name = yield Ask(key="devices.name", path=(*spot, "name"), read=readers.free_name(taken), proposal=proposal)
    label = yield Ask(key="devices.label", path=(*spot, "label"), read=readers.label, optional=True)
    answers: Document = {"name": name, "label": label}
    if device.get("found", {}).get("asks_ct"):
        answers["ct"] = yield Ask(key="devices.ct", path=(*spot, "ct"), read=readers.ratio, optional=True)
    if device["protocol"] != "hj212" and "poll" in device:
        answers["poll"] = yield Ask(
            key="devices.poll", path=(*spot, "poll"), read=readers.poll, proposal=device["poll"]
        )
    answers["report"] = yield Ask(
        key="devices.report", path=(*spot, "report"), read=readers.report, proposal=device.get("report", "60s")
    )
    return {key: value for key, value in answers.items() if value is not None}


def _by_hand(found: Sequence[Document], kept: Sequence[Document]) -> Steps:
    """Ask for devices that nobody found: a line that could not be looked at, a device that is off today."""
    buses = [line["bus"]["name"] for line in found]
    added: list[Document] = []
    while buses:
        typed = yield Ask(
            key="devices.more",
            path=("init", f"device_{len(added) + 1}"),
            read=_checked_device(buses, [*kept, *added]),
            optional=True,
            fields={"buses": ", ".join(buses)},
        )
        if typed is None:
            break
        device = _typed(typed) | {"name": f"device-{len(added) + 1}", "poll": "10s"}
        spot = ("device", _identity(device, device["bus"]))
        taken = [one["name"] for one in (*kept, *added)]
        answers = yield from _habits(device, spot, taken)
        added.append({**((yield Known(spot)) or {}), **device, **answers})
    return added


def _typed(text: str) -> Document:
    """Return the device of "line1 modbus 3 eastron-sdm630"."""
    bus, protocol, address, model = text.split()
    is_number = protocol.startswith("modbus") or protocol == "ascii"
    return {"bus": bus, "protocol": protocol, "address": int(address) if is_number else address, "model": model}


def _checked_device(buses: Sequence[str], there: Sequence[Document]) -> Callable[[str], str]:
    def read(typed: str) -> str:
        words = typed.split()
        if len(words) != _PARTS:
            raise Mistake(f"{typed}?", f"{buses[0]} modbus 3 eastron-sdm630")
        if words[0] not in buses:
            raise Mistake(f"{words[0]}?", ", ".join(buses))
        _take(words[1], ())(words[3])
        try:
            device = _typed(typed)
        except ValueError:
            raise Mistake(f"{words[2]}?", "1-247") from None
        values.device_address(device["address"])
        if any(all(one[key] == device[key] for key in IDENTITY) for one in there):
            raise Mistake(f"{typed}: twice 重复", "")
        return " ".join(words)

    return read
