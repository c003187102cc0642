"""Addresses of devices: of the right form for the protocol, and one device for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from config.buses import is_modbus_tcp
from config.telegrams import upload_of

if TYPE_CHECKING:
    from config.buses import AnyBus
    from config.devices import DeviceEntry
    from config.entry import Entry
    from config.findings import Findings
    from config.schema import DeviceTable
    from config.tables import Document

_LINE_UNITS = range(1, 248)
_TCP_UNITS = range(256)
_METER_DIGITS = 12
_ANYBODY = "AAAAAAAAAAAA"
_EVERYBODY = "999999999999"
_MN = re.compile(r"[0-9A-Za-z]{1,24}")
_WHOLE_MN = re.compile(r"[0-9A-F]{24}")
_LONGEST_TEXT = 32


def check_addresses(document: Document, findings: Findings) -> None:
    """Note addresses that cannot be, and those that two devices of a bus share."""
    buses = {bus.table.name: bus for bus in document.buses if bus.ok("name")}
    for device in document.devices:
        entry = device.entry
        if entry.ok("address"):
            _check_form(device, buses.get(entry.table.bus) if entry.ok("bus") else None, findings)
    _check_twins(document.devices, findings)
    _check_wildcards(document.devices, findings)


def _check_form(device: DeviceEntry, bus: AnyBus | None, findings: Findings) -> None:
    family = family_of(device.protocol)
    if family == "modbus":
        is_direct = device.protocol == "modbus" and (bus is None or is_modbus_tcp(bus))
        _check_unit(device.entry, is_direct=is_direct, findings=findings)
    elif family == "dlt645":
        _check_meter(device.entry, findings)
    elif family == "hj212":
        _check_mn(device.entry, findings)
    elif family == "ascii":
        _check_text(device.entry, findings)


def family_of(protocol: str) -> str:
    """Return "modbus", "dlt645", "hj212", "ascii", or "" while the protocol is not known."""
    return protocol.partition("-")[0]


def _check_unit(device: Entry[DeviceTable], *, is_direct: bool, findings: Findings) -> None:
    """Note what is no unit number: 1 to 247 on a line, where 0 is a broadcast; a TCP host has 0 and 255 for itself.

    (MODBUS over Serial Line V1.02, section 2.2; MODBUS Messaging on TCP/IP V1.0b, section 4.4.2.)
    """
    units, address = (_TCP_UNITS if is_direct else _LINE_UNITS), device.table.address
    hint = f"{units[0]} to {units[-1]}" + ("" if is_direct else " on a line")
    if isinstance(address, str):
        digits = address.isascii() and address.isdigit() and len(address) < 4  # noqa: PLR2004
        better = f"write address = {int(address)}" if digits else f"a whole number, {hint}"
        _refuse(device, "must be a unit number", better, findings)
    elif address not in units:
        _refuse(device, "no unit number", hint, findings)


def _check_meter(device: Entry[DeviceTable], findings: Findings) -> None:
    """Note what is not the 12 digits printed on a DL/T 645 meter. 99…9 is everybody, whom nobody may ask."""
    address = str(device.table.address)
    digits = address.replace(" ", "").replace("-", "")
    if address == _EVERYBODY:
        _refuse(device, "the broadcast, which no meter answers", "the 12 digits printed on the meter", findings)
    elif digits.isascii() and digits.isdigit() and len(digits) <= _METER_DIGITS:
        whole = digits.zfill(_METER_DIGITS)
        if device.table.address != whole:
            _refuse(device, "a meter's address is a text of 12 digits", f'write address = "{whole}"', findings)
    elif address.upper() != _ANYBODY:
        hint = f'the digits printed on the meter, or "{_ANYBODY}" for the only meter on the line'
        _refuse(device, "a meter's address is a text of 12 digits", hint, findings)
    elif address != _ANYBODY:
        _refuse(device, "a meter's address is a text of 12 digits", f'write address = "{_ANYBODY}"', findings)


def _check_mn(device: Entry[DeviceTable], findings: Findings) -> None:
    """Note what is no MN; remark on one that is not as the 2017 edition wants it: 24 digits 0-9 A-F."""
    address = device.table.address
    if not isinstance(address, str):
        _refuse(device, "an MN is a text", f'write address = "{address}"', findings)
    elif not _MN.fullmatch(address):
        _refuse(device, "not an MN", "24 digits 0-9 A-F (older instruments: fewer)", findings)
    elif not _WHOLE_MN.fullmatch(address):
        findings.remark(
            f"{device.where}: its MN is not of 24 digits 0-9 A-F; it must be exactly as the instrument sends it"
        )


def _check_text(device: Entry[DeviceTable], findings: Findings) -> None:
    """Note what could not stand in a request of one line."""
    address = device.table.address
    if isinstance(address, str) and not (
        address.isascii() and address.isprintable() and 0 < len(address) <= _LONGEST_TEXT
    ):
        hint = f"1 to {_LONGEST_TEXT} letters, digits or signs, as the request has them; or a number"
        _refuse(device, "not an address in a line of text", hint, findings)
    elif isinstance(address, int) and not 0 <= address < 10**_LONGEST_TEXT:
        _refuse(device, "not an address in a line of text", "0 or more", findings)


def _refuse(device: Entry[DeviceTable], what: str, hint: str, findings: Findings) -> None:
    findings.mistake(device.at("address"), device.where, f"address: {what}", value=device.table.address, hint=hint)


def _check_twins(devices: tuple[DeviceEntry, ...], findings: Findings) -> None:
    """Note two devices that one request would reach.

    Of two protocols they may have one number: neither hears the other's. The uploads of an HJ 212 instrument are a
    device each, with one MN.
    """
    taken: dict[tuple[str, str, str, str], Entry[DeviceTable]] = {}
    for device in devices:
        entry = device.entry
        if not entry.ok("bus", "address"):
            continue
        upload = upload_of(device) or ""
        place = (entry.table.bus, family_of(device.protocol), str(entry.table.address), upload)
        twin = taken.setdefault(place, entry)
        if twin is not entry:
            what = f"address: {twin.where} on the same bus has it (line {findings.line(twin.at('address'))})"
            hint = "one device per bus and address; give all points to it"
            findings.mistake(entry.at("address"), entry.where, what, value=entry.table.address, hint=hint)


def _check_wildcards(devices: tuple[DeviceEntry, ...], findings: Findings) -> None:
    """Note a meter asked by the address that all answer to, where others would answer as well."""
    meters = [one for one in devices if family_of(one.protocol) == "dlt645" and one.entry.ok("bus", "address")]
    for device in meters:
        entry = device.entry
        others = [one for one in meters if one is not device and one.entry.table.bus == entry.table.bus]
        is_twin = any(one.entry.table.address == _ANYBODY for one in others)
        if entry.table.address == _ANYBODY and others and not is_twin:
            hint = "write the 12 digits printed on the meter"
            what = f"every meter on the line answers to it, {others[0].entry.where} too"
            _refuse(entry, what, hint, findings)
