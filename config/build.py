"""Checked tables to the typed `Site`: defaults resolved, ratios folded into scales, paths made absolute."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from config import ratio
from config.meaning import meaning_of
from config.points import type_of
from config.site import (
    BufferLimits,
    Device,
    Gateway,
    Limit,
    MqttUplink,
    PointInfo,
    Report,
    Site,
    Text,
)
from drivers.registers import orders_for
from drivers.spec import DeviceSpec, PointSpec, Table, TcpBusSpec

if TYPE_CHECKING:
    from pathlib import Path

    from config.schema import DeviceTable, GatewayTable, LimitTable, MqttTable, TcpBusTable
    from config.tables import DeviceEntry, Document, Entry, ModbusPoint


def build_site(document: Document, path: Path, notices: tuple[str, ...]) -> Site:
    """Return the site that a document without mistakes describes. Relative paths in it count from the file's folder."""
    assert document.gateway is not None, "a document without [gateway] has a mistake"
    root = path.parent
    buses = tuple(_bus(cast("TcpBusTable", bus.table)) for bus in document.buses)
    devices = tuple(_device(device) for device in document.devices)
    limits = tuple(_limit(limit.table) for limit in document.limits)
    buffer = document.buffer.table
    return Site(
        path=path,
        gateway=_gateway(document.gateway.table, root),
        uplink=_uplink(document.mqtt.table, root) if document.mqtt else None,
        buffer=BufferLimits(
            commit_every_s=buffer.commit_every,
            keep_s=buffer.keep,
            max_size=buffer.max_size,
            allow_volatile=buffer.allow_volatile,
        ),
        buses=buses,
        devices=devices,
        limits=limits,
        meaning=meaning_of(buses, devices, limits, document, document.gateway.table.timezone),
        notices=notices,
    )


def _gateway(table: GatewayTable, root: Path) -> Gateway:
    return Gateway(
        id=table.id,
        name=table.name or Text(table.id, table.id),
        timezone=table.timezone,
        language=table.language,
        state_dir=root / table.state_dir,
        clock=table.clock,
    )


def _uplink(table: MqttTable, root: Path) -> MqttUplink:
    def absolute(name: str | None) -> Path | None:
        return None if name is None else root / name

    return MqttUplink(
        host=table.url.host,
        port=table.url.port,
        tls=table.url.tls,
        prefix=table.prefix,
        username=table.username,
        password_file=absolute(table.password_file),
        ca_file=absolute(table.ca_file),
        cert_file=absolute(table.cert_file),
        key_file=absolute(table.key_file),
        keepalive_s=table.keepalive,
        nobody_listens=table.nobody_listens,
    )


def _bus(table: TcpBusTable) -> TcpBusSpec:
    return TcpBusSpec(name=table.name, host=table.host, port=table.port, framing=table.framing)


def _device(device: DeviceEntry) -> Device:
    table = device.entry.table
    spec = DeviceSpec(
        name=table.name,
        bus=table.bus,
        protocol=table.protocol,
        address=int(table.address),
        timeout_s=table.timeout,
        points=tuple(_point(device.entry, point) for point in device.modbus),
        max_registers=table.max_registers,
        max_bits=table.max_bits,
        barriers=frozenset((Table(name), at) for name, all_at in table.barriers.items() for at in all_at),
    )
    info = tuple(_info(point) for point in device.modbus)
    label = table.label or Text(table.name, table.name)
    return Device(spec=spec, label=label, poll_s=table.poll, report=_report(table), info=info)


def _report(table: DeviceTable) -> Report:
    """Return when the device reports; on every scan there is no period but the poll's own."""
    if isinstance(table.report, float):
        return Report(kind="period", period_s=table.report)
    return Report(kind=table.report, period_s=table.heartbeat if table.report == "on-change" else table.poll)


def _point(device: Entry[DeviceTable], point: Entry[ModbusPoint]) -> PointSpec:
    table, kind = point.table, type_of(point)
    assert kind is not None, "a point without a type has a mistake"
    by = ratio.factor(device, point)
    orders = () if table.table.is_bits else orders_for(kind)
    return PointSpec(
        name=table.name,
        table=table.table,
        at=table.at,
        type=kind,
        order=table.order or (orders[0] if orders else ""),
        scale=ratio.scaled(table.scale, by),
        offset=ratio.scaled(table.offset, by),
        decimals=table.decimals,
        unavailable=tuple(table.unavailable),
        range=table.range,
        unit=table.unit,
    )


def _info(point: Entry[ModbusPoint]) -> PointInfo:
    table = point.table
    return PointInfo(
        name=table.name, unit=table.unit, label=table.label or Text(table.name, table.name), code=table.code
    )


def _limit(table: LimitTable) -> Limit:
    device, _, point = table.point.partition(".")
    return Limit(
        device=device,
        point=point,
        high_high=table.high_high,
        high=table.high,
        low=table.low,
        low_low=table.low_low,
        deadband=table.deadband,
        on_delay_s=table.on_delay,
        off_delay_s=table.off_delay,
        priority=table.priority,
    )
