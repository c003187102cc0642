"""Checked tables to the typed `Site`: defaults resolved, ratios folded into scales, paths made absolute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.amounts import total_by
from config.buses import settings_of
from config.derivation import derived_of
from config.meaning import meaning_of
from config.plant import labels_of, plant_of
from config.points import kind_of
from config.reporting import paces_s, timeout_s
from config.schema import Hj212PointTable, SerialBusTable, TcpBusTable
from config.site import (
    Annunciator,
    BufferLimits,
    Device,
    Front,
    Gateway,
    Limit,
    MqttUplink,
    Panel,
    PointInfo,
    Report,
    Site,
    Text,
)
from config.values import host_of, is_loopback
from config.wanted import point_of
from drivers.spec import DeviceSpec, LineSettings, SerialBusSpec, StatusSpec, TcpBusSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from config.devices import DeviceEntry
    from config.entry import Entry
    from config.schema import (
        AnnunciatorTable,
        DeviceTable,
        GatewayTable,
        LimitTable,
        MqttTable,
        PanelTable,
        PointTable,
    )
    from config.tables import Document, FrontTables
    from drivers.model import Model
    from drivers.spec import BusSpec


def build_site(document: Document, path: Path, notices: tuple[str, ...]) -> Site:
    """Return the site that a document without mistakes describes. Relative paths in it count from the file's folder."""
    assert document.gateway is not None, "a document without [gateway] has a mistake"
    root = path.parent
    buses = tuple(_bus(bus) for bus in document.buses)
    lines = {bus.table.name: bus.table for bus in document.buses if isinstance(bus.table, SerialBusTable)}
    devices = tuple(_device(device, lines, root) for device in document.devices)
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
        derived=derived_of([entry.table for entry in document.derived], devices, labels_of(document)),
        plant=plant_of(document),
        panel=_panel(document.panel.table, root) if document.panel else None,
        annunciator=_annunciator(document.annunciator.table) if document.annunciator else None,
    )


def build_front(front: FrontTables, root: Path) -> Front:
    """Return the box, its panel, and the light and horn that the panel drives."""
    assert front.gateway is not None, "a file without [gateway] has a mistake"
    return Front(
        gateway=_gateway(front.gateway.table, root),
        panel=_panel(front.panel.table, root) if front.panel else None,
        annunciator=_annunciator(front.annunciator.table) if front.annunciator else None,
    )


def _gateway(table: GatewayTable, root: Path) -> Gateway:
    return Gateway(
        id=table.id,
        name=table.name or Text(table.id, table.id),
        timezone=table.timezone,
        language=table.language,
        state_dir=root / table.state_dir,
        clock=table.clock,
        models=None if table.models is None else root / table.models,
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


def _panel(table: PanelTable, root: Path) -> Panel:
    host = host_of(table.listen)
    return Panel(
        host=host,
        port=int(table.listen.rpartition(":")[2]),
        open=table.open,
        hosts=tuple(name.lower() for name in table.hosts),
        tls=not is_loopback(host) if table.tls is None else table.tls,
        cert_file=None if table.cert_file is None else root / table.cert_file,
        key_file=None if table.key_file is None else root / table.key_file,
        idle_s=table.idle,
    )


def _annunciator(table: AnnunciatorTable) -> Annunciator:
    return Annunciator(
        light=table.light,
        horn=table.horn,
        silence=table.silence,
        active_low=table.active_low,
        command=tuple(table.command),
        horn_from=table.horn_from,
    )


def _bus(bus: Entry[TcpBusTable] | Entry[SerialBusTable]) -> BusSpec:
    table = bus.table
    if isinstance(table, TcpBusTable):
        return TcpBusSpec(name=table.name, host=table.host, port=table.port, framing=table.framing, listen=table.listen)
    settings = LineSettings(table.baudrate, table.bytesize, table.parity, table.stopbits)
    return SerialBusSpec(
        name=table.name, port=table.port, settings=settings, direction=table.direction, echo=table.echo
    )


def _device(device: DeviceEntry, lines: Mapping[str, SerialBusTable], root: Path) -> Device:
    table, model = device.entry.table, device.model
    line = lines.get(table.bus)
    points = tuple(point_of(device.entry, point) for point in device.points)
    turnaround_s = table.turnaround if table.turnaround is not None else model.turnaround_s if model else 0.0
    poll_s, slow_s = paces_s(device)
    spec = DeviceSpec(
        name=table.name,
        bus=table.bus,
        protocol=device.protocol,
        address=table.address,
        timeout_s=timeout_s(device),
        points=points,
        max_registers=device.max_registers,
        max_bits=device.max_bits,
        barriers=device.barriers,
        settings=settings_of(line, table) if line else None,
        turnaround_s=turnaround_s,
        statuses=tuple(_statuses(model, [point.name for point in points])) if model else (),
        ascii=model.ascii if model else None,
        sm4_key_file=str(root / table.sm4_key_file) if table.sm4_key_file else None,
    )
    return Device(
        spec=spec,
        label=table.label or Text(table.name, table.name),
        poll_s=poll_s,
        report=_report(table, poll_s),
        info=tuple(_info(point) for point in device.points),
        model=model.name if model else None,
        slow_s=slow_s,
    )


def _statuses(model: Model, names: Sequence[str]) -> Iterator[StatusSpec]:
    """Yield what status points decide, by index; of points that are not read, nothing is decided.

    A status that decides about every value the model has decides about those the file adds as well.
    """
    place = {name: index for index, name in enumerate(names)}
    states = {status.point for status in model.statuses}
    known = {point.spec.name for point in model.points} - states
    for status in model.statuses:
        about = [name for name in names if name not in states] if known <= {*status.decides} else status.decides
        decides = tuple(place[name] for name in about if name in place)
        if status.point in place and decides:
            yield StatusSpec(
                point=place[status.point],
                when=status.when,
                flag=status.flag,
                decides=decides,
                mask=status.mask,
                void=status.void,
            )


def _report(table: DeviceTable, poll_s: float) -> Report:
    """Return when the device reports; on every scan there is no period but the poll's own."""
    if isinstance(table.report, float):
        return Report(kind="period", period_s=table.report)
    return Report(kind=table.report, period_s=table.heartbeat if table.report == "on-change" else poll_s)


def _info(point: Entry[PointTable]) -> PointInfo:
    table = point.table
    code = table.factor if isinstance(table, Hj212PointTable) and table.code is None else table.code
    label = table.label or Text(table.name, table.name)
    is_number = kind_of(point) not in ("flag", "text")
    return PointInfo(
        name=table.name,
        unit=table.unit,
        label=label,
        code=code,
        is_slow=table.period == "slow",
        is_number=is_number,
        decimals=table.decimals if is_number else None,
        total=(table.total or total_by(table.unit)) if is_number else "none",
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
        escalate_after_s=table.escalate_after,
        latch=table.latch,
    )
