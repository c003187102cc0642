"""What an acceptance report says of an installation: what was read, how good the lines are, what is still open. Pure.

The answers of the agent's door, or of reading directly, come in as they were given; what is not known stays not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from config.site import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent.live import Told
    from config.site import Device, PointInfo, Site

Mark = Literal["good", "flagged", "missing"]
"""Of a point: it was read and is normal; it was read and its quality is not N; it was not read."""

MOST_FAILURES: Final = 0.01
"""Share of requests without a good answer, beyond which a line is not as it should be [P]."""
_FULLEST: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of the installation, as it answered.

    `devices` and `quality` are as the door tells them (`read`, `status`, `watch`), `rules` the rows of
    `agent.rules.listing`. `status` and `alarms` are ``None`` while no agent runs. `clock` is the clock's quality.
    """

    devices: Mapping[str, Told]
    quality: Told
    rules: Sequence[Mapping[str, Any]]
    clock: str
    status: Told | None = None
    alarms: Sequence[Mapping[str, Any]] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the agent runs, and was asked."""
        return self.status is not None


@dataclass(frozen=True, slots=True)
class PointRead:
    """One point: its value with its flag, and what that is worth."""

    info: PointInfo
    value: Any
    flag: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class DeviceRead:
    """One device and its points. `error` is why something is missing."""

    device: Device
    points: tuple[PointRead, ...]
    error: str | None

    @property
    def is_whole(self) -> bool:
        """Whether every point was read."""
        return all(point.mark != "missing" for point in self.points)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An installation as it is now. `open` are findings that somebody should see to."""

    devices: tuple[DeviceRead, ...]
    asked: Asked
    open: tuple[Text, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every point of every device was read."""
        return all(device.is_whole for device in self.devices)

    def summary(self) -> dict[str, int]:
        """Return what the signed record says of it."""
        points = [point for device in self.devices for point in device.points]
        rules = self.asked.rules
        return {
            "devices": len(self.devices),
            "devices_read": sum(device.is_whole for device in self.devices),
            "points": len(points),
            "points_read": sum(point.mark != "missing" for point in points),
            "points_flagged": sum(point.mark == "flagged" for point in points),
            "rules_active": sum(bool(row["active"]) for row in rules),
            "rules_not_ready": sum(bool(row["not_ready"]) for row in rules),
            "findings": len(self.open),
        }


def gather(site: Site, asked: Asked) -> Acceptance:
    """Return an installation as it answered."""
    devices = tuple(_device(one, asked.devices.get(one.spec.name)) for one in site.devices)
    return Acceptance(devices, asked, tuple(_open(site, asked, devices)))


def _device(device: Device, told: Told | None) -> DeviceRead:
    if told is None:
        reason = "the running agent does not know this device: systemctl reload plantgate"
        return DeviceRead(device, tuple(PointRead(info, None, "", "missing") for info in device.info), reason)
    points = tuple(
        _point(info, told["values"].get(info.name), told["flags"].get(info.name, "")) for info in device.info
    )
    return DeviceRead(device, points, told["error"])


def _point(info: PointInfo, value: Any, flag: str) -> PointRead:
    return PointRead(info, value, flag, "missing" if value is None else "flagged" if flag else "good")


# --- what is open ----------------------------------------------------------------------------------------------------


def _open(site: Site, asked: Asked, devices: Sequence[DeviceRead]) -> Iterator[Text]:
    """Yield what is not as it should be, most urgent first."""
    for one in devices:
        missing = [point.info.name for point in one.points if point.mark == "missing"]
        if missing:
            name, reason = one.device.spec.name, f": {one.error}" if one.error else ""
            yield Text(
                f"设备 {name} 未读到 {', '.join(missing)}{reason}", f"{name} does not give {', '.join(missing)}{reason}"
            )
    if not asked.is_running:
        yield Text("网关程序未运行", "the agent does not run")
    yield from _lines(asked)
    yield from _house(site, asked)
    for row in asked.alarms or ():
        text = row.get("text") or {}
        yield Text(f"报警: {text.get('zh', row.get('alarm'))}", f"alarm: {text.get('en', row.get('alarm'))}")


def _lines(asked: Asked) -> Iterator[Text]:
    for name, counts in asked.quality["devices"].items():
        failed = counts["timeouts"] + counts["bad_frames"]
        if counts["requests"] and failed > MOST_FAILURES * counts["requests"]:
            share = f"{100 * failed / counts['requests']:.1f} %"
            yield Text(
                f"设备 {name}: {share} 的请求没有正确应答", f"{name}: {share} of the requests got no good answer"
            )
    for name, bus in asked.quality["buses"].items():
        if bus.get("diagnosis"):
            yield Text(f"线路 {name}: {bus['diagnosis']}", f"line {name}: {bus['diagnosis']}")
        if bus.get("busy") is not None and bus["busy"] > _FULLEST and asked.is_running:
            yield Text(f"线路 {name} 占用率 {bus['busy']:.0%}", f"line {name} is {bus['busy']:.0%} busy")


def _house(site: Site, asked: Asked) -> Iterator[Text]:
    """Yield what is open about clock, platform and store."""
    if asked.clock != "sync":
        yield Text(f"时钟未同步 ({asked.clock})", f"the clock is not synchronised ({asked.clock})")
    if site.uplink is None:
        yield Text("未配置平台", "no platform is configured")
    if asked.status is None:
        return
    uplink, outbox = asked.status["health"]["uplink"], asked.status["health"]["outbox"]
    if uplink is not None and not uplink["connected"]:
        reason = uplink.get("reason") or uplink["state"]
        yield Text(f"未连接平台: {reason}", f"not connected to the platform: {reason}")
    for kind in (uplink or {}).get("held") or ():
        yield Text(f"平台不接收 {kind} 记录", f"nobody at the platform takes {kind} records")
    if outbox["level"]:
        yield Text(
            f"未送达记录已占存储 {outbox['level']} %", f"undelivered records take {outbox['level']} % of the store"
        )
