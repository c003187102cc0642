"""What `plantgate watch` shows: each bus and how busy it is, each device with its errors, each point with its quality.

Everything is drawn from one line of `agent.live.View` and the site; nothing is decided here. It fits 80 columns; where
there are not rows enough the points stand side by side, and what still does not fit is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from drivers.reading import Quality
from drivers.spec import SerialBusSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from agent.live import Told
    from config.site import Device, PointInfo, Site
    from drivers.spec import BusSpec

WORDS: Final = {
    Quality.NORMAL: ("正常", "normal"),
    Quality.STOPPED: ("停运", "stopped"),
    Quality.MAINTENANCE: ("维护", "maintenance"),
    Quality.BY_HAND: ("手工", "set by hand"),
    Quality.FAULT: ("故障", "fault"),
    Quality.CALIBRATION: ("校准", "calibration"),
    Quality.OUT_OF_RANGE: ("超量程", "out of range"),
    Quality.NO_COMMUNICATION: ("无通讯", "no contact"),
}
ERRORS: Final = (
    ("timeouts", "超时", "time-outs"),
    ("bad_frames", "坏帧", "bad frames"),
    ("strays", "错帧", "strays"),
    ("refusals", "拒绝", "refusals"),
)
TROUBLES: Final = (
    ("link_failures", "断线", "link failures"),
    ("overruns", "漏采", "overruns"),
    ("noise_bytes", "噪声字节", "noise bytes"),
    ("echoes", "回波", "echoes"),
)

_GOOD, _BAD, _DIM, _HEAD, _WARN = "green", "bold red", "bright_black", "bold cyan", "yellow"
_INDENT, _VALUE, _UNIT, _QUALITY, _SHORT_QUALITY = 3, 12, 8, 21, 9
_NARROWEST: Final = 56
"""A column of points needs so many cells."""
_STALE_POLLS: Final = 3


@dataclass(frozen=True, slots=True)
class Now:
    """The moment to draw. `until_s` is ``None`` when nobody said how long; `through` says who asks the devices."""

    line: Told
    at_s: float
    until_s: float | None
    through: str


class Screen:
    """One frame, for rich: it asks for its size when it is drawn."""

    def __init__(self, site: Site, devices: Sequence[Device], now: Now) -> None:
        self._site, self._devices, self._now = site, devices, now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        height = options.height or (console.height if console.is_terminal else 10_000)
        top = [*self._title(width), *self._buses(width), _heading("设备", "devices", width)]
        room = height - len(top) - 1
        rows = list(self._rows(width, columns=1))
        if len(rows) > room and width >= 2 * _NARROWEST:
            rows = list(self._rows(width, columns=width // _NARROWEST))
        if len(rows) > room:
            left_out = len(rows) - room + 1
            rows = [*rows[: room - 1], Text(f" … {left_out} more lines 还有: name the devices to see", style=_WARN)]
        for line in (*top, *rows):
            line.truncate(width)
            yield line

    def _title(self, width: int) -> Iterator[Text]:
        name, now = self._site.gateway.name, self._now
        left = Text.assemble(("plantgate watch", _HEAD), f"  {name.zh}", "" if name.en == name.zh else f" {name.en}")
        until = f" / {now.until_s:.0f} s" if now.until_s else " s  Ctrl-C ends"
        yield _spread(left, Text(f"{now.through}  {now.at_s:.0f}{until}", style=_DIM), width)

    # --- buses ---

    def _buses(self, width: int) -> Iterator[Text]:
        yield _heading("线路", "buses", width)
        wanted = {device.spec.bus for device in self._devices}
        for spec in self._site.buses:
            told = self._now.line["buses"].get(spec.name)
            if spec.name in wanted and told is not None:
                yield from _bus(spec, told, width)

    # --- devices ---

    def _rows(self, width: int, columns: int) -> Iterator[Text]:
        for device in self._devices:
            told = self._now.line["devices"].get(device.spec.name)
            if told is None:
                yield Text(f" {device.spec.name}  the running agent does not know it: reload it", style=_BAD)
                continue
            yield _spread(_named(device), _age(told, device.poll_s), width)
            yield from _slow(told, device, width)
            yield _counted(told)
            yield from _fault(told)
            cells = [
                _point(info, spec.decimals, told, width // columns)
                for info, spec in zip(device.info, device.spec.points, strict=True)
            ]
            rows = -(-len(cells) // columns)
            for row in range(rows):
                yield Text.assemble(*(cells[at] for at in range(row, len(cells), rows)))


def _bus(spec: BusSpec, told: Told, width: int) -> Iterator[Text]:
    left = Text.assemble(" ", (spec.name, "bold"), f"  {_where(spec)}")
    right = Text.assemble(("占用 busy ", _DIM), _percent(told["busy"]))
    if isinstance(spec, SerialBusSpec):
        right.append("  字符 characters ", _DIM).append(_percent(told["line"]))
    yield _spread(left, right, width)
    troubles = [f"{zh} {en} {told[key]}" for key, zh, en in TROUBLES if told.get(key)]
    if troubles:
        yield Text(f"   {'  '.join(troubles)}", style=_WARN)
    if told.get("diagnosis"):
        yield Text(f"   ! {told['diagnosis']}", style=_BAD)


def _where(spec: BusSpec) -> str:
    if isinstance(spec, SerialBusSpec):
        return f"{spec.port}  {spec.settings}"
    return f"{spec.host}:{spec.port}" + ("  listens" if spec.listen else f"  {spec.framing}")


def _percent(share: float | None) -> str:
    return "…" if share is None else f"{share:.1%}"


def _named(device: Device) -> Text:
    label = device.label
    labels = "" if label.zh == device.spec.name else f"  {label.zh}"
    return Text.assemble(" ", (device.spec.name, "bold"), labels, "" if label.en == label.zh else f" {label.en}")


def _age(told: Told, poll_s: float) -> Text:
    """Return how long ago the device was heard, or failed to answer."""
    age_s = told["age_s"]
    if age_s is None:
        return Text("… nothing yet 尚无", style=_DIM)
    style = _BAD if told["error"] else _WARN if age_s > _STALE_POLLS * poll_s + 1 else _GOOD
    return Text(f"● {_ago(age_s)} ago 前", style=style)


def _slow(told: Told, device: Device, width: int) -> Iterator[Text]:
    """Yield how old the points are that are read less often, where there are such."""
    if device.slow_s is not None and "slow" in told:
        count = len(told["slow"]["points"])
        yield _spread(Text(f"   慢速点 slow points {count}", style=_DIM), _age(told["slow"], device.slow_s), width)


def _counted(told: Told) -> Text:
    """Return what was asked and answered, and the errors there were."""
    counts = {**told, "refusals": sum(told.get("exceptions", {}).values())}
    text = Text(f"   问 asked {counts.get('requests', 0)}  答 answers {counts.get('answers', 0)}", style=_DIM)
    errors = [f"  {zh} {en} {counts[key]}" for key, zh, en in ERRORS if counts.get(key)]
    return text.append("".join(errors) or "  无错误 no errors", _WARN if errors else _DIM)


def _fault(told: Told) -> Iterator[Text]:
    fault = told["last_fault"]
    if fault is not None:
        yield Text(f"   ! {_ago(fault['ago_s'])}: {fault['reason']}", style=_BAD if told["error"] else _WARN)


def _point(info: PointInfo, decimals: int | None, told: Told, width: int) -> Text:
    """Return one point in `width` cells: label, value, unit, quality."""
    value, flag = told["values"].get(info.name), told["flags"].get(info.name, Quality.NORMAL.value)
    style = "bold" if flag == Quality.NORMAL else _BAD if value is None else _WARN
    quality = _SHORT_QUALITY if width < _INDENT + _VALUE + _UNIT + _QUALITY + 24 else _QUALITY
    room = width - _INDENT - _VALUE - _UNIT - quality - 4
    english = "" if info.label.en == info.label.zh else f" {info.label.en}"
    text = Text(" " * _INDENT + set_cell_size(f"{info.label.zh}{english}", max(8, room)))
    text.stylize(_DIM, _INDENT + len(info.label.zh))
    shown = _shown(value, decimals)
    text.append(" " * max(1, _VALUE + 1 - cell_len(shown))).append(shown, style)
    text.append(f" {set_cell_size(info.unit, _UNIT)} ", _DIM)
    return text.append(set_cell_size(_quality(flag, english=quality == _QUALITY), quality + 1), _style_of(flag))


def _quality(flag: str, *, english: bool) -> str:
    zh, en = WORDS[Quality(flag)]
    return f"{flag} {zh} {en}" if english else f"{flag} {zh}"


def _style_of(flag: str) -> str:
    return {Quality.NORMAL: _GOOD, Quality.NO_COMMUNICATION: _BAD, Quality.FAULT: _BAD}.get(Quality(flag), _WARN)


def _shown(value: Any, decimals: int | None) -> str:
    """Return a value for people. What is not known is never written as a number."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "on 开" if value else "off 关"
    if isinstance(value, str):
        return value[:_VALUE]
    return f"{value:.10g}" if decimals is None else f"{value:.{decimals}f}"


def _ago(seconds: float) -> str:
    if seconds < 10:  # noqa: PLR2004 -- where a tenth still matters
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004


def _heading(zh: str, en: str, width: int) -> Text:
    text = Text.assemble((f"{zh} ", _HEAD), (f"{en} ", _DIM))
    return text.append("─" * max(0, width - text.cell_len), _DIM)


def _spread(left: Text, right: Text, width: int) -> Text:
    left.truncate(max(0, width - right.cell_len - 1))
    return left.append(" " * max(1, width - left.cell_len - right.cell_len)).append_text(right)
