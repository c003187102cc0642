"""What the demo shows: one screen that is drawn again and again on a terminal, or plain lines elsewhere.

Everything is drawn from a `Story` and a `Now`; nothing is decided here. The screen fits 80 columns by 24 rows and uses
more where there is more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from agent.cli.demo_story import Alarm, Seen, Story, Summary, Told
    from agent.verify.verdict import Report
    from config.site import Device, PointInfo, Site
    from drivers.sim.modbus_server import Exchange

_BARS = "▁▂▃▄▅▆▇█"
_LABEL = 10
_LONG = re.compile(r"[A-Za-z0-9_.-]{40,}")
"""What is too long for a small screen: ids, hashes, signatures."""
_ROOMY = 34
"""From this many rows on a record is shown at length."""
_GOOD, _BAD, _DIM, _HEAD, _WARN = "green", "bold red", "bright_black", "bold cyan", "yellow"
_CODES = {"green": ("绿", _GOOD), "yellow": ("黄", "bold yellow"), "red": ("红", _BAD)}


@dataclass(frozen=True, slots=True)
class Now:
    """The moment to draw. Seconds count from the beginning; `until_s` is ``None`` when nobody said how long.

    `stored` is how many records wait in the gateway's store, ``None`` when that cannot be seen; `shown` is a frame and
    the record it became; `panel` says where the panel is, empty while there is none.
    """

    at_s: float
    until_s: float | None
    is_up: bool
    stored: int | None
    shown: tuple[Exchange, Seen] | None
    refused_v5: int
    report: Report
    ending: bool = False
    panel: str = ""


class Screen:
    """One frame of the demo, for rich's `Live`: it asks for its size when it is drawn."""

    def __init__(self, site: Site, story: Story, now: Now) -> None:
        self._site, self._story, self._now = site, story, now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.height or console.height
        top = [*self._title(width), *self._frame(width, roomy=height >= _ROOMY)]
        bottom = [*self._alarms(width, most=1 if height < _ROOMY else 3), *self._link(width), *self._verdict(width)]
        room = max(3, height - len(top) - len(bottom) - 5)
        readings = list(self._readings(width, room))
        said = list(self._said(width, max(2, height - len(top) - len(bottom) - len(readings) - 1)))
        for line in (*top, *readings, *bottom, *said)[: height - 1]:
            line.truncate(width)
            yield line

    def _title(self, width: int) -> Iterator[Text]:
        name, now = self._site.gateway.name, self._now
        until = f" / {now.until_s:.0f} s" if now.until_s else " s   Ctrl-C ends"
        left = Text.assemble(("plantgate demo", _HEAD), f"  {name.zh} {name.en}")
        yield _spread(left, Text("ending…" if now.ending else f"{now.at_s:.0f}{until}", style=_DIM), width)
        if now.panel:
            yield Text.assemble((" panel 面板 ", _DIM), now.panel)

    # --- one frame and the record it became ---

    def _frame(self, width: int, *, roomy: bool) -> Iterator[Text]:
        yield _heading("报文 → 签名记录", "one frame → the signed record it became", width)
        exchange, last = self._now.shown or (None, None)
        room = width - _LABEL
        yield from _rows("request", _wrapped(exchange.request.hex(" ") if exchange else "…", room - room % 3, 1), _DIM)
        answer = exchange.answer.hex(" ") if exchange else "…"
        yield from _rows("answer", _wrapped(answer, room - room % 3, 2 if roomy else 1), _DIM)
        record = last.wire.decode() if last else "…"
        yield from _rows(
            "record", _wrapped(record if roomy else _LONG.sub(_shortened, record), room, 7 if roomy else 3)
        )

    # --- readings ---

    def _readings(self, width: int, room: int) -> Iterator[Text]:
        yield _heading("读数", "readings", width)
        columns = max(1, width // 40)
        cell = width // columns
        cells = [self._cell(device, index, cell) for device, index in self._wanted(columns * room)]
        rows = -(-len(cells) // columns)
        for row in range(rows):
            yield Text.assemble(*(cells[at] for at in range(row, len(cells), rows)))

    def _wanted(self, most: int) -> list[tuple[Device, int]]:
        """Return the points to show: when not all fit, the first of each device, then the second, and so on."""
        devices = (*self._site.devices, *(derived.device for derived in self._site.derived))
        ranked = [(index, place, device) for place, device in enumerate(devices) for index in range(len(device.info))]
        chosen = sorted(ranked, key=lambda item: item[:2])[:most]
        return [(device, index) for index, place, device in sorted(chosen, key=lambda item: (item[1], item[0]))]

    def _cell(self, device: Device, index: int, width: int) -> Text:
        point, seen = device.info[index], self._story.readings.get(device.spec.name)
        value, style = _value(seen, point)
        label = f" {point.label.zh} {point.label.en}"
        text = Text(set_cell_size(label, max(4, width - cell_len(value) - 4)) + " ")
        text.stylize(_DIM, 1 + len(point.label.zh), len(text))
        return text.append(value, style).append("   ")

    # --- health code and alarms, link, verdict ---

    def _alarms(self, width: int, most: int) -> Iterator[Text]:
        """Draw the health code, and the last alarms in two lines each, those that are active first."""
        yield self._code(width)
        alarms = sorted(self._story.alarms, key=lambda alarm: (alarm.cleared_s is None, alarm.raised_s))[
            : -most - 1 : -1
        ]
        for alarm in alarms:
            yield from _alarm(alarm, width)
        if not alarms:
            yield Text(" none yet 尚无", style=_DIM)
            yield Text()

    def _code(self, width: int) -> Text:
        """Return the heading of the alarms with the health code of the plant and each of its lines behind it."""
        shown = Text.assemble((" 健康码 ", _HEAD), ("health code ", _DIM))
        code = self._story.code
        if code is None:
            return _heading("报警", "alarms", width, shown.append("… unknown 未知", _DIM))
        zh, style = _CODES[code["plant"]]
        shown.append(f"● {code['plant']} {zh}", style)
        for line in self._site.plant.lines:
            colour = code["lines"].get(line.name, "")
            shown.append(f" {line.label.zh}", _DIM).append("●", _CODES[colour][1] if colour in _CODES else _DIM)
        return _heading("报警", "alarms", width, shown)

    def _link(self, width: int) -> Iterator[Text]:
        now, story = self._now, self._story
        yield _heading("上行链路", "link: records arriving per second", width)
        yield Text(" " + _sparkline(story, now.at_s, width - 2), style="cyan")
        state = ("● up 正常", _GOOD) if now.is_up else ("● DOWN 中断", _BAD)
        parts = Text.assemble(" ", state, f"  MQTT 3.1.1{' (5 refused)' if now.refused_v5 else ''}")
        if now.stored is not None:
            parts.append(f"  in store {now.stored} waiting 待传", _WARN if now.stored > 5 else _DIM)  # noqa: PLR2004
        if caught_up := sum(outage.caught_up for outage in story.outages):
            parts.append(f"  {caught_up} caught up 已补传", _GOOD)
        yield parts

    def _verdict(self, width: int) -> Iterator[Text]:
        yield _heading("验签", "verdict", width)
        yield _verdict(self._now.report, self._story.missing())

    # --- what was told ---

    def _said(self, width: int, room: int) -> Iterator[Text]:
        yield _heading("经过", "what happened", width)
        for told in list(self._story.told)[-(room - 1) :]:
            yield Text.assemble((f"{told.at_s:6.1f} ", _DIM), told_text(told))


def _alarm(alarm: Alarm, width: int) -> Iterator[Text]:
    """Return an alarm in two lines: which rule, since when and until when, and what is wrong in both languages."""
    over = alarm.cleared_s is not None
    style = _GOOD if over else _BAD
    moments = [f"raised {alarm.raised_s:.1f}"]
    moments += [f"escalated {alarm.escalated_s:.1f}"] if alarm.escalated_s is not None else []
    moments += [f"cleared 恢复 {alarm.cleared_s:.1f} s" if over else "ACTIVE 报警中"]
    right = " · ".join(moments)
    left = Text.assemble((" ○ " if over else " ● ", style), (f"{alarm.rule} " if alarm.rule else "", _HEAD))
    room = max(8, width - left.cell_len - cell_len(right) - 1)
    left.append(set_cell_size(alarm.text.get("zh", alarm.key), room) + " ")
    yield left.append(right, style)
    yield Text(f"   {alarm.text.get('en', '')}", style=_DIM)


_LOUD = {"alarm raised", "escalated", "health red", "broker down", "gap", "strange"}


def told_text(told: Told) -> Text:
    """Return one line of what happened, without its moment."""
    style = _BAD if told.what in _LOUD else _WARN if told.what == "health yellow" else _GOOD
    return Text.assemble((f"{told.what:<14}", style if told.what != "event" else _DIM), told.words, f"  {told.zh}")


def first_lines(now: Now) -> Iterator[str]:
    """Return one frame and the record it became, at full length."""
    if now.shown:
        exchange, seen = now.shown
        yield f"request       {exchange.request.hex(' ')}"
        yield f"answer        {exchange.answer.hex(' ')}"
        yield f"record        {seen.wire.decode()}"


def status_lines(site: Site, story: Story, now: Now) -> Iterator[str]:
    """Return how things stand: the first reading of each device, and the verdict so far."""
    parts = []
    for device in site.devices:
        point = device.info[0]
        value, _ = _value(story.readings.get(device.spec.name), point)
        parts.append(f"{point.label.zh} {value}")
    yield f"readings      {' · '.join(parts)}"
    stored = "" if now.stored is None or now.is_up else f"  {now.stored} wait in the store 待传"
    yield f"so far       {_verdict(now.report, story.missing()).plain}{stored}"


def summary_lines(summary: Summary) -> Iterator[str]:
    """Return the end of the demo in words."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.kinds.items(), key=lambda item: -item[1]))
    yield f"{summary.records} records in {summary.seconds:.0f} s ({kinds})"
    yield f"alarms     {summary.raised} raised, {summary.escalated} escalated, {summary.cleared} cleared"
    yield f"outages    {summary.outages}, {summary.caught_up} records caught up, {summary.missing} lost"
    if summary.waiting:
        yield f"in store   {summary.waiting} committed after the last delivery; they go out at the next start"
    yield f"gaps       {summary.gaps}"
    yield f"key        {summary.key} (enrolled)"
    yield from (f"not reached: {words}" for words in summary.unreached if summary.ok)
    yield from (f"PROBLEM: {words}" for words in summary.problems)
    yield "verdict    everything verified 全部验证通过" if summary.ok else "verdict    NOT verified 验证未通过"


def _verdict(report: Report, on_their_way: int) -> Text:
    wrong = {verdict: count for verdict, count in report.counts.items() if verdict != "missing"}
    if wrong:
        return Text(" ✘ " + ", ".join(f"{count} × {verdict}" for verdict, count in wrong.items()), style=_BAD)
    if not report.chains:
        return Text(" … waiting for the first record", style=_DIM)
    chain = report.chains[0]
    text = Text.assemble((" ✔ ", _GOOD), f"{report.records} records", (f"  {chain.first}…{chain.last}", _DIM))
    text.append("  signatures 签名 ✔  chain 链 ✔  ", _GOOD)
    return text.append(*((f"{on_their_way} on their way", _WARN) if on_their_way else ("none missing 无缺失", _GOOD)))


def _value(seen: Seen | None, point: PointInfo) -> tuple[str, str]:
    """Return a reading in words and the style to write it in. What is not known is never written as a number."""
    if seen is None:
        return "…", _DIM
    value = seen.members["values"].get(point.name)
    flag = seen.members.get("flags", {}).get(point.name, "")
    if value is None:
        return f"no value {flag}", _WARN
    return f"{_number(value, point.decimals)} {point.unit}".rstrip() + (
        f" {flag}" if flag else ""
    ), _WARN if flag else "bold"


def _number(value: Any, decimals: int | None) -> str:
    if isinstance(value, bool):
        return "on 开" if value else "off 关"
    return f"{value:,.{decimals or 0}f}" if isinstance(value, int | float) else str(value)


def _sparkline(story: Story, at_s: float, width: int) -> str:
    """Return one bar per second of records that arrived, the present second last."""
    seconds = range(max(0, int(at_s) - width + 1), int(at_s) + 1)
    counts = [story.arrivals[second] for second in seconds]
    most = max([*counts, 1])
    return "".join(_BARS[0] if not count else _BARS[-(-count * 7 // most)] for count in counts)


def _heading(zh: str, en: str, width: int, right: Text | None = None) -> Text:
    text, right = Text.assemble((f"{zh} ", _HEAD), (f"{en} ", _DIM)), right or Text()
    return text.append("─" * max(0, width - text.cell_len - right.cell_len), _DIM).append_text(right)


def _row(label: str, content: Text) -> Text:
    return Text.assemble((f" {label:<{_LABEL - 1}}", _DIM), content)


def _rows(label: str, lines: Sequence[str], style: str = "") -> Iterable[Text]:
    for number, line in enumerate(lines):
        yield _row("" if number else label, Text(line, style=style))


def _wrapped(content: str, width: int, most: int) -> list[str]:
    """Cut `content` into at most `most` lines; when it is longer, its middle goes, for both ends are worth seeing."""
    if len(content) > width * most:
        tail = width * most // 3
        content = content[: width * most - tail - 3] + " … " + content[-tail:]
    return [content[at : at + width] for at in range(0, len(content), width)] or [""]


def _shortened(found: re.Match[str]) -> str:
    """Return a hash or signature as its beginning and end."""
    return f"{found[0][:6]}…{found[0][-4:]}"


def _spread(left: Text, right: Text, width: int) -> Text:
    return left.append(" " * max(1, width - left.cell_len - right.cell_len)).append_text(right)
