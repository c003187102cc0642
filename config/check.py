"""What must fit together in a site file, beyond the shape of each table: every rule, run on whatever could be read.

Order of one check: names, references, uplink and files, buses and devices, points, limits, what this version cannot do.
Rules never stop at a mistake and never look at a value that is itself one (`Entry.ok`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from config.points import check_points
from config.references import check_names, check_references, points_by_name
from config.secrets_on_disk import check_files
from config.thresholds import check_limits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from config.findings import Findings
    from config.schema import DeviceTable, MqttTable, RuleTable, SerialBusTable, TcpBusTable
    from config.tables import DeviceEntry, Document, Entry

_DAY_S = 86400
_RTU_UNITS = range(1, 248)
_TCP_UNITS = range(256)
_ONLY = "this version speaks Modbus TCP only"
_BY_SERVER = 'a serial server reaches the line: type = "tcp", framing = "rtu"'


def check(document: Document, root: Path, findings: Findings) -> None:
    """Note everything in `document` that does not fit together. Relative paths in it count from `root`."""
    check_names(document, findings)
    check_references(document, findings)
    if document.mqtt:
        check_files(document.mqtt, root, findings)
        _check_uplink(document.mqtt, findings)
    _check_lines_to_hosts(document, findings)
    for device in document.devices:
        _check_reporting(device.entry, findings)
        _check_protocol(device, findings)
        check_points(device, findings)
    _check_addresses(document, findings)
    check_limits(document.limits, points_by_name(document.devices), findings)
    _check_rules(document.rule, findings)
    _say_what_waits(document, findings)


def _check_uplink(mqtt: Entry[MqttTable], findings: Findings) -> None:
    """Note credentials that do not go together, and the acknowledgement this version cannot give."""
    written = mqtt.written
    for key, other in (("cert_file", "key_file"), ("key_file", "cert_file"), ("password_file", "username")):
        if key in written and other not in written:
            findings.mistake(mqtt.at(key), mqtt.where, f"{key}: without {other}", hint=f"write {other} = … as well")
    if mqtt.ok("url") and not mqtt.table.url.tls:
        for key in sorted(written & {"ca_file", "cert_file", "key_file"}):
            what = f"{key}: has no meaning without TLS"
            findings.mistake(mqtt.at(key), mqtt.where, what, hint='write url = "mqtts://…", or leave it out')
        if "password_file" in written:
            findings.remark("uplink.mqtt: the password travels in clear text (mqtt://); mqtts:// hides it")
    if mqtt.ok("ack") and mqtt.table.ack == "platform":
        what = "ack: this version takes the broker's acknowledgement only"
        findings.mistake(mqtt.at("ack"), mqtt.where, what, value="platform", hint='write ack = "broker"')


def _check_lines_to_hosts(document: Document, findings: Findings) -> None:
    """Note buses this version cannot open; remark on idle ones and on hosts that are connected to twice."""
    used = {device.entry.table.bus for device in document.devices if device.entry.ok("bus")}
    hosts: dict[tuple[str, int], str] = {}
    for bus in document.buses:
        if _is_serial(bus):
            findings.mistake(bus.at("type"), bus.where, f"type: {_ONLY}", value="serial", hint=_BY_SERVER)
            continue
        tcp = cast("Entry[TcpBusTable]", bus)
        if tcp.given("listen") and tcp.table.listen:
            what = f"listen: {_ONLY}, and connects by itself"
            findings.mistake(tcp.at("listen"), tcp.where, what, value=True, hint="leave it out")
        if tcp.ok("name") and tcp.table.name not in used:
            findings.remark(f"{tcp.where}: no device uses it")
        if tcp.ok("host", "port"):
            twin = hosts.setdefault((tcp.table.host, tcp.table.port), tcp.where)
            if twin != tcp.where:
                findings.remark(f"{tcp.where}: the same host and port as {twin}; many devices take one connection only")


def _is_serial(bus: Entry[TcpBusTable] | Entry[SerialBusTable]) -> bool:
    return "baudrate" in type(bus.table).model_fields


def _check_reporting(device: Entry[DeviceTable], findings: Findings) -> None:
    """Note reporting periods that no reading falls into or that no day can be divided by."""
    table = device.table
    if device.ok("poll", "report") and isinstance(table.report, float):
        period, poll = table.report, table.poll
        if period < poll:
            key = "report" if device.given("report") else "poll"
            what = f"{key}: a report period of {_seconds(period)} is shorter than poll, so periods would be empty"
            hint = f'write a report of at least "{_seconds(poll)}", or "on-scan"'
            findings.mistake(device.at(key), device.where, what, value=_seconds(getattr(table, key)), hint=hint)
        if period % 1 or _DAY_S % period:
            what = "report: does not divide a day, so periods could not begin at midnight"
            findings.mistake(
                device.at("report"),
                device.where,
                what,
                value=_seconds(period),
                hint=f'write "{_near_divisor(period)}s"',
            )
        elif period >= poll and abs(period / poll - round(period / poll)) > 1e-9:  # noqa: PLR2004
            findings.remark(
                f"{device.where}: report is no multiple of poll, so periods differ in their number of readings"
            )
    if device.given("heartbeat") and device.ok("report") and table.report != "on-change":
        what = 'heartbeat: has a meaning with report = "on-change" only'
        findings.mistake(device.at("heartbeat"), device.where, what, hint="leave it out")
    if device.ok("heartbeat", "poll", "report") and table.report == "on-change" and table.heartbeat < table.poll:
        what = "heartbeat: shorter than poll"
        findings.mistake(
            device.at("heartbeat"),
            device.where,
            what,
            value=_seconds(table.heartbeat),
            hint=f'at least "{_seconds(table.poll)}"',
        )


def _seconds(seconds: float) -> str:
    return f"{seconds:.15g}s"


def _near_divisor(period: float) -> int:
    """Return the whole number of seconds nearest to `period` that divides a day."""
    return min((one for one in range(1, _DAY_S + 1) if _DAY_S % one == 0), key=lambda one: abs(one - period))


def _check_protocol(device: DeviceEntry, findings: Findings) -> None:
    """Note what this version cannot speak, and what a device behind a TCP host cannot have."""
    entry = device.entry
    if entry.ok("protocol") and entry.table.protocol != "modbus":
        what = f"protocol: {_ONLY}"
        hint = "take the device out for now"
        findings.mistake(entry.at("protocol"), entry.where, what, value=entry.table.protocol, hint=hint)
    if "model" in entry.written:
        what = "model: this version has no device library"
        findings.mistake(
            entry.at("model"), entry.where, what, value=entry.table.model, hint="describe the points: [[device.point]]"
        )
    elif not device.points:
        findings.mistake(entry.path, entry.where, "has nothing to read", hint="describe its points: [[device.point]]")


def _check_addresses(document: Document, findings: Findings) -> None:
    """Note unit numbers that cannot be, that two devices of a bus share, and serial settings on a TCP bus."""
    buses = {bus.table.name: bus for bus in document.buses if bus.ok("name")}
    taken: dict[tuple[str, int | str], DeviceEntry] = {}
    for device in document.devices:
        entry = device.entry
        if entry.ok("protocol", "address") and entry.table.protocol == "modbus":
            bus = buses.get(entry.table.bus) if entry.ok("bus") else None
            is_serial = bus is not None and (_is_serial(bus) or getattr(bus.table, "framing", "") == "rtu")
            _check_unit(entry, is_direct=not is_serial, findings=findings)
            if bus is not None and not _is_serial(bus):
                _refuse_serial_keys(entry, findings)
        if entry.ok("bus", "address"):
            twin = taken.setdefault((entry.table.bus, entry.table.address), device).entry
            if twin is not entry:
                what = f"address: {twin.where} on the same bus has it (line {findings.line(twin.at('address'))})"
                hint = "one device per bus and address; give all points to it"
                findings.mistake(entry.at("address"), entry.where, what, value=entry.table.address, hint=hint)


def _check_unit(device: Entry[DeviceTable], *, is_direct: bool, findings: Findings) -> None:
    """Note what is no unit number: 1 to 247 on a line, where 0 is a broadcast; a TCP host has 0 and 255 for itself.

    (MODBUS over Serial Line V1.02, section 2.2; MODBUS Messaging on TCP/IP V1.0b, section 4.4.2.)
    """
    units, address = (_TCP_UNITS if is_direct else _RTU_UNITS), device.table.address
    hint = f"{units[0]} to {units[-1]}" + ("" if is_direct else " on a line behind a serial server")
    if isinstance(address, str):
        digits = address.isascii() and address.isdigit() and len(address) < 4  # noqa: PLR2004
        better = f"write address = {int(address)}" if digits else f"a whole number, {hint}"
        findings.mistake(
            device.at("address"), device.where, "address: must be a unit number", value=address, hint=better
        )
    elif address not in units:
        findings.mistake(device.at("address"), device.where, "address: no unit number", value=address, hint=hint)


def _refuse_serial_keys(device: Entry[DeviceTable], findings: Findings) -> None:
    for key in sorted(device.written & {"baudrate", "bytesize", "parity", "stopbits"}):
        what = f"{key}: has no meaning on a tcp bus"
        findings.mistake(
            device.at(key), device.where, what, hint="leave it out; the serial server has its own settings"
        )


def _check_rules(rules: Iterable[Entry[RuleTable]], findings: Findings) -> None:
    """Note a rule that is changed twice for the same object."""
    first: dict[str, Entry[RuleTable]] = {}
    for rule in rules:
        if rule.ok("id", "line", "facility", "outlet"):
            twin = first.setdefault(rule_key(rule.table), rule)
            if twin is not rule:
                what = f"id: changed twice for the same object (first on line {findings.line(twin.path)})"
                findings.mistake(rule.at("id"), rule.where, what, value=rule.table.id, hint="write it once")


def rule_key(rule: RuleTable) -> str:
    """Return what a ``[[rule]]`` is about: the rule, and the object if it is for one."""
    objects = [f"{key}:{getattr(rule, key)}" for key in ("line", "facility", "outlet") if getattr(rule, key)]
    return "@".join([rule.id, *objects])


def _say_what_waits(document: Document, findings: Findings) -> None:
    """Remark once on each kind of table that is checked and kept, but not acted on yet; and on what is not there."""
    waiting = {
        "derived": (document.derived, "not computed"),
        "facility": (document.facilities, "not judged"),
        "line": (document.lines, "not judged"),
        "outlet": (document.outlets, "not judged"),
        "rules": (document.rules, "not judged"),
        "rule": (document.rule, "not judged"),
        "panel": (document.panel, "not served"),
    }
    for name, (tables, fate) in waiting.items():
        if tables:
            findings.remark(f"{name}: described, {fate} by this version")
    if document.mqtt is None:
        findings.remark("uplink: none, so records are kept on this box and sent nowhere")
    elif document.mqtt.ok("platform_keys") and document.mqtt.table.platform_keys:
        findings.remark("uplink.mqtt platform_keys: checked, but this version obeys no commands")
    if not document.devices:
        findings.remark("device: none, so nothing is read")
