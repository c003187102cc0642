"""What must hold for buses, and for the devices on one: ports and hosts, line settings, who can share a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from config.schema import SerialBusTable, TcpBusTable
from drivers.spec import LineSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from config.devices import DeviceEntry
    from config.entry import Entry
    from config.findings import Findings
    from config.schema import DeviceTable
    from config.tables import Document

    AnyBus = Entry[TcpBusTable] | Entry[SerialBusTable]

_SETTINGS = ("baudrate", "bytesize", "parity", "stopbits")
_USUAL_BAUDS = frozenset(300 * 2**power for power in range(8)) | frozenset(14_400 * 2**power for power in range(7))
_SEVEN_BITS = ("modbus-ascii", "ascii")
"""Protocols whose characters fit into seven bits. (Modbus RTU: MODBUS over Serial Line V1.02, section 2.5.1.)"""
_LINES_ONLY = ("modbus-ascii", "dlt645-2007", "dlt645-1997")
_STABLE = 'write its stable name: port = "/dev/serial/by-path/…" (ls /dev/serial/by-path)'
_UNSTABLE = ("/dev/ttyUSB", "/dev/ttyACM")


def is_serial(bus: AnyBus) -> bool:
    """Whether the bus is a line of this box."""
    return isinstance(bus.table, SerialBusTable)


def is_modbus_tcp(bus: AnyBus) -> bool:
    """Whether Modbus devices on the bus speak Modbus TCP, so that there is no line that we know of."""
    return isinstance(bus.table, TcpBusTable) and bus.table.framing == "tcp"


def settings_of(line: SerialBusTable, device: DeviceTable) -> LineSettings:
    """Return how characters travel to and from a device: as on its line, where it does not say otherwise."""
    own = {key: getattr(device, key) for key in _SETTINGS}
    return LineSettings(**{key: getattr(line, key) if value is None else value for key, value in own.items()})


def check_buses(document: Document, findings: Findings) -> None:
    """Note buses that cannot be opened as described, and devices that cannot be where they are."""
    _check_places(document.buses, findings)
    for bus in document.buses:
        if not bus.ok("name"):
            continue
        name = bus.table.name
        mine = [one for one in document.devices if one.entry.ok("bus") and one.entry.table.bus == name]
        if not mine:
            findings.remark(f"{bus.where}: no device uses it")
        for device in mine:
            _check_transport(bus, device, findings)
        _check_company(bus, [one for one in mine if one.protocol], findings)
        if is_serial(bus):
            _check_line(cast("Entry[SerialBusTable]", bus), mine, findings)
        else:
            for device in mine:
                _refuse_settings(device.entry, findings)


def _check_places(buses: Iterable[AnyBus], findings: Findings) -> None:
    """Note ports and hosts that cannot be or that two buses want; remark on names that wander."""
    taken: dict[tuple[str, int], AnyBus] = {}
    for bus in buses:
        if isinstance(bus.table, SerialBusTable):
            if bus.ok("port") and _is_port(bus, bus.table.port, findings):
                _check_twin(bus, taken.setdefault((bus.table.port, 0), bus), findings, is_shared=False)
        elif bus.ok("host", "port", "listen"):
            place = ("", bus.table.port) if bus.table.listen else (bus.table.host, bus.table.port)
            _check_twin(bus, taken.setdefault(place, bus), findings, is_shared=not bus.table.listen)


def _is_port(bus: AnyBus, port: str, findings: Findings) -> bool:
    if not port.startswith("/"):
        findings.mistake(bus.at("port"), bus.where, "port: not the path of a port", value=port, hint=_STABLE)
        return False
    if port.startswith(_UNSTABLE):
        findings.remark(
            f"{bus.where}: {port} may be another adapter after a restart; a name in /dev/serial/by-path stays"
        )
    return True


def _check_twin(bus: AnyBus, twin: AnyBus, findings: Findings, *, is_shared: bool) -> None:
    if twin is bus:
        return
    if is_shared:
        findings.remark(f"{bus.where}: the same host and port as {twin.where}; many devices take one connection only")
        return
    what = f"port: {twin.where} has it (line {findings.line(twin.at('port'))})"
    hint = "one [[bus]] for one port; its devices may differ in protocol, baudrate and parity"
    findings.mistake(bus.at("port"), bus.where, what, value=bus.table.port, hint=hint)


def _check_transport(bus: AnyBus, device: DeviceEntry, findings: Findings) -> None:
    """Note a device whose protocol does not go over this kind of bus."""
    entry, table = device.entry, bus.table
    if not isinstance(table, TcpBusTable) or not device.protocol or not bus.ok("framing", "listen"):
        return
    if table.listen and not device.sends:
        what = f"bus: {bus.where} waits for instruments to connect, and this one wants to be asked"
        hint = "leave listen out of the bus, so that the box connects"
        findings.mistake(entry.at("bus"), entry.where, what, value=table.name, hint=hint)
    elif table.framing == "tcp" and device.protocol in _LINES_ONLY and not table.listen:
        place = "protocol" if "protocol" in entry.written else "bus"
        what = f"{place}: {device.protocol} needs a line, and {bus.where} has the framing of Modbus TCP"
        hint = 'framing = "rtu" in the bus, if it is a serial server that passes bytes through'
        findings.mistake(entry.at(place), entry.where, what, value=device.protocol, hint=hint)


def _check_company(bus: AnyBus, devices: Sequence[DeviceEntry], findings: Findings) -> None:
    """Note the first device that cannot share its bus with the one before all others."""
    for device in devices[1:]:
        first, entry = devices[0], device.entry
        if device.sends != first.sends:
            asked, sending = (first, device) if device.sends else (device, first)
            what = f"bus: {sending.entry.where} sends by itself, and {asked.entry.where} is asked"
        elif is_modbus_tcp(bus) and (device.protocol == "modbus") != (first.protocol == "modbus"):
            what = f"bus: {first.entry.where} on it speaks {first.protocol}, this one {device.protocol}"
        else:
            continue
        hint = "they cannot share a connection; give it a bus of its own"
        findings.mistake(entry.at("bus"), entry.where, what, value=entry.table.bus, hint=hint)
        return


def _check_line(line: Entry[SerialBusTable], devices: Sequence[DeviceEntry], findings: Findings) -> None:
    """Note settings with which nothing could be understood; remark on odd ones."""
    if not line.ok(*_SETTINGS):
        return
    _check_baud(line, findings)
    is_told = False
    for device in devices:
        entry = device.entry
        if not device.protocol or not entry.ok(*_SETTINGS):
            continue
        _check_baud(entry, findings)
        settings = settings_of(line.table, entry.table)
        if settings.bytesize == 7 and device.protocol not in _SEVEN_BITS:  # noqa: PLR2004
            is_told = _refuse_seven(line, device, findings, is_told=is_told)
        if device.protocol.startswith("dlt645") and settings.parity != "E":
            findings.remark(f'{entry.where}: read at {settings}; DL/T 645 meters have even parity: parity = "E"')
    _check_one_setting(line, [one for one in devices if one.sends], findings)


def _check_baud(entry: Entry[SerialBusTable] | Entry[DeviceTable], findings: Findings) -> None:
    if entry.given("baudrate") and entry.table.baudrate not in _USUAL_BAUDS:
        findings.remark(f"{entry.where}: {entry.table.baudrate} is an unusual baudrate")


def _refuse_seven(line: Entry[SerialBusTable], device: DeviceEntry, findings: Findings, *, is_told: bool) -> bool:
    """Note seven data bits where eight are needed: at the device that says so, else once at the line."""
    spoken = "Modbus RTU" if device.protocol == "modbus" else device.protocol
    entry = device.entry
    if entry.given("bytesize"):
        what = f"bytesize: {spoken} needs 8 data bits"
        findings.mistake(entry.at("bytesize"), entry.where, what, value=7, hint="write 8, or leave it out")
    elif not is_told:
        what = f"bytesize: {entry.where} on it speaks {spoken}, which needs 8 data bits"
        findings.mistake(line.at("bytesize"), line.where, what, value=7, hint="write 8 here, or in the device")
        return True
    return is_told


def _check_one_setting(line: Entry[SerialBusTable], senders: Sequence[DeviceEntry], findings: Findings) -> None:
    """Note instruments that send by themselves with settings of their own: a line listens with one."""
    for device in senders[1:]:
        first, entry = senders[0].entry, device.entry
        if not entry.ok(*_SETTINGS) or not first.ok(*_SETTINGS):
            continue
        ours, theirs = settings_of(line.table, entry.table), settings_of(line.table, first.table)
        for key in _SETTINGS:
            if getattr(ours, key) != getattr(theirs, key):
                place = entry.at(key) if key in entry.written else entry.path
                what = f"{key}: {first.where} on the same line sends at {theirs}, this one at {ours}"
                findings.mistake(place, entry.where, what, hint="a line that is listened to has one setting")
                break


def _refuse_settings(device: Entry[DeviceTable], findings: Findings) -> None:
    for key in sorted(device.written.intersection(_SETTINGS)):
        what = f"{key}: has no meaning on a tcp bus"
        hint = "leave it out; the serial server has its own settings"
        findings.mistake(device.at(key), device.where, what, hint=hint)
