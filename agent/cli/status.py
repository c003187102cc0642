"""``plantgate status``: one screen that says whether all is well."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from agent.cli.alarms_screen import CODES
from agent.cli.devices import loaded
from agent.cli.door import AsJson, SitePath, printed
from agent.clock import SystemClock
from agent.control_client import NoAnswer, NobodyThere, Visit
from agent.doctor.finding import part, plain, size, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from config.site import Site

EVERY_S: Final = 2.0
CODE_SIGNS: Final = {"green": "●", "yellow": "▲", "red": "◆"}
"""Shape beside colour: the same as on the panel."""
CLOCKS: Final = {
    "sync": ("已同步", "synchronised", "green"),
    "hold": ("自走（曾同步）", "free-running (was synchronised)", "yellow"),
    "unsync": ("未同步，记录暂无日期", "not synchronised: records carry no date yet", "yellow"),
}
_GOOD, _BAD, _WARN, _DIM, _HEAD = "green", "bold red", "yellow", "bright_black", "bold cyan"
_TITLE_CELLS: Final = 12

Follow = Annotated[bool, typer.Option("--follow", help="Show it anew every two seconds, until Ctrl-C.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand: the agent's answers, or why there are none (`away`). Bytes and seconds; ``None``: not known."""

    status: Mapping[str, Any]
    alarms: Mapping[str, Any]
    away: str = ""
    up_s: float | None = None
    free: int | None = None
    total: int | None = None

    @property
    def code(self) -> str | None:
        """The plant's health code, ``None`` while it is not known."""
        code = part(self.status, "code").get("plant")
        return code if code in CODES else None

    @property
    def is_well(self) -> bool:
        """Whether the agent runs and its code is known and not red: what the exit code says."""
        return not self.away and self.code in ("green", "yellow")


def status(site: SitePath, json: AsJson = False, follow: Follow = False) -> None:
    """Show on one screen how the agent, its lines, its alarms and its link to the platform are.

    Use it first, every day. Exit code 0: the agent runs and the health code is green or yellow; 1: red, not known, or
    the agent does not run; 2: wrong use of this command.
    """
    checked, clock = loaded(site), SystemClock()
    standing = asked(checked, clock)
    if json:
        printed(as_json(standing))
    elif follow:
        standing = _followed(checked, clock, standing)
    else:
        Console(highlight=False).print(Screen(standing, checked))
    if not standing.is_well:
        raise typer.Exit(1)


def asked(site: Site, clock: SystemClock) -> Standing:
    """Ask the running agent, and the machine about it."""
    try:
        with Visit(site.gateway.state_dir) as visit:
            told, alarms = visit.ask({"do": "status"}), asked_for(visit, "alarms")
    except (NobodyThere, NoAnswer) as reason:
        return Standing(status={}, alarms={}, away=str(reason))
    free, total = _room(site.gateway.state_dir)
    return Standing(status=told, alarms=alarms, up_s=up_s(told.get("pid"), clock.mono_ns()), free=free, total=total)


def asked_for(visit: Visit, do: str) -> dict[str, Any]:
    """Return the answer to a verb that may be refused (the pipeline is busy): then nothing is known of it."""
    try:
        return visit.ask({"do": do})
    except NoAnswer:
        return {}


def up_s(pid: object, mono_ns: int, processes: Path = Path("/proc")) -> float | None:
    """Return for how long a process has run (proc(5), stat: field 22, ticks since boot)."""
    try:
        told = (processes / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        ticks = int(told.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
    return max(0.0, mono_ns / 1e9 - ticks / os.sysconf("SC_CLK_TCK"))


def _room(folder: Path) -> tuple[int, int] | tuple[None, None]:
    try:
        room = os.statvfs(folder)
    except OSError:
        return None, None
    return room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize


def as_json(standing: Standing) -> dict[str, Any]:
    """Return it for scripts; what is not known is null."""
    known = {"running": not standing.away, "well": standing.is_well, "reason": standing.away or None}
    rows = standing.alarms.get("alarms")
    active = None if rows is None else sum(bool(row.get("active")) for row in rows)
    machine = {"up_s": standing.up_s, "disk_free": standing.free, "disk_total": standing.total}
    return {**known, "alarms_active": active, **machine, "status": dict(standing.status) or None}


def _followed(site: Site, clock: SystemClock, standing: Standing) -> Standing:
    """Show it again and again; return what was shown last."""
    console, pause = Console(highlight=False), Event()
    try:
        with Live(Screen(standing, site), console=console, auto_refresh=False, screen=console.is_terminal) as live:
            while not pause.wait(EVERY_S):
                standing = asked(site, clock)
                live.update(Screen(standing, site), refresh=True)
    except KeyboardInterrupt:
        pass
    return standing


class Screen:
    """The screen, for rich. A row is a title and what stands behind it."""

    _below: Final = "\n" + " " * _TITLE_CELLS

    def __init__(self, standing: Standing, site: Site) -> None:
        self._now, self._site = standing, site
        self._zh = site.gateway.language == "zh"

    def __rich__(self) -> Text:
        return Text("\n").join([self._head(), *self._rows()])

    def _word(self, zh: str, en: str) -> str:
        return zh if self._zh else en

    def _head(self) -> Text:
        gateway = self._site.gateway
        told = self._now.status
        name = self._word(gateway.name.zh, gateway.name.en)
        known = f"  {gateway.id}" if gateway.id != name else ""
        return Text.assemble((name, _HEAD), known, (f"  {plain(told.get('software') or '')}", _DIM))

    def _row(self, zh: str, en: str, *said: str | tuple[str, str]) -> Text:
        title = Text(f" {self._word(zh, en)} ", style=_DIM)
        title.append(" " * max(0, _TITLE_CELLS - title.cell_len))
        return title.append_text(Text.assemble(*said))

    def _rows(self) -> Iterator[Text]:
        if self._now.away:
            yield self._row("状态", "state", (self._word("没有运行", "not running"), _BAD), f"  {self._now.away}")
            return
        health = part(self._now.status, "health")
        yield self._code()
        yield from self._lines()
        yield self._alarms()
        yield self._devices(part(health, "buses"), part(health, "devices"))
        yield self._link(part(health, "uplink"))
        yield self._backlog(part(health, "outbox"))
        yield self._clock()
        yield self._disk(part(health, "outbox"))
        yield self._process(part(health, "process"))

    def _code(self) -> Text:
        return self._row("健康码", "health", self._coloured(self._now.code))

    def _coloured(self, code: object) -> tuple[str, str]:
        if code not in CODES:
            return "—", _DIM
        return f"{CODE_SIGNS[str(code)]} {self._word(*CODES[str(code)])}", f"bold {code}"

    def _lines(self) -> Iterator[Text]:
        labels = {line.name: line.label for line in self._site.plant.lines}
        for name, code in part(self._now.status, "code", "lines").items():
            label = labels.get(name)
            shown = plain(name) if label is None else self._word(label.zh, label.en)
            yield self._row("产线", "line", self._coloured(code), f"  {shown}")

    def _alarms(self) -> Text:
        rows = self._now.alarms.get("alarms")
        if rows is None:
            return self._row("报警", "alarms", ("—", _DIM))
        counts = Counter(row.get("status") for row in rows)
        active, new = sum(bool(row.get("active")) for row in rows), counts["unacknowledged"] + counts["returned"]
        escalated = sum(bool(row.get("escalated")) for row in rows)
        said: list[str | tuple[str, str]] = [(f"{active} {self._word('条', 'active')}", _WARN if active else _GOOD)]
        if new:
            said.append((f"  {new} {self._word('条未确认', 'not acknowledged')}", _BAD))
        if escalated:
            said.append((f"  {escalated} {self._word('条已升级', 'escalated')}", _BAD))
        return self._row("报警", "alarms", *said)

    def _devices(self, buses: dict[str, Any], devices: dict[str, Any]) -> Text:
        absent = [plain(name) for bus in buses.values() for name in part(bus).get("absent") or ()]
        answering = len(devices) - len(absent)
        said: list[str | tuple[str, str]] = [f"{answering} / {len(devices)} {self._word('台应答', 'answer')}"]
        if absent:
            said.append((f"  ◆ {self._word('无应答', 'absent')}: {', '.join(absent)}", _BAD))
        troubles = [f"{plain(name)}: {plain(part(bus)['diagnosis'])}" for name, bus in buses.items() if _sick(bus)]
        said += [(f"{self._below}▲ {trouble}", _WARN) for trouble in troubles]
        return self._row("设备", "devices", *said)

    def _link(self, uplink: dict[str, Any]) -> Text:
        if not uplink:
            none = self._word("未配置", "none in the site file") if self._site.uplink is None else "—"
            return self._row("平台", "link", (none, _DIM))
        said: list[str | tuple[str, str]] = [(f"● {self._word('已连接', 'connected')}", _GOOD)]
        if not uplink.get("connected"):
            said = [(f"◆ {self._word('未连接', 'not connected')}", _BAD), f"  {plain(uplink.get('state') or '—')}"]
            said += [f"{self._below}{plain(uplink['reason'])}"] if uplink.get("reason") else []
        if isinstance(uplink.get("rtt_s"), float | int):
            said.append((f"  {uplink['rtt_s'] * 1000:.0f} ms", _DIM))
        if uplink.get("held"):
            kinds = ", ".join(map(plain, uplink["held"]))
            said.append((f"{self._below}▲ {self._word('无人订阅', 'nobody listens to')}: {kinds}", _WARN))
        return self._row("平台", "link", *said)

    def _backlog(self, outbox: dict[str, Any]) -> Text:
        waiting, share = outbox.get("waiting"), outbox.get("waiting_share")
        if not isinstance(waiting, int):
            return self._row("待传", "backlog", ("—", _DIM))
        style = _BAD if outbox.get("squeezed") or (outbox.get("level") or 0) else _GOOD if self._site.uplink else _DIM
        shown = f"  {share:.1%} {self._word('的存储', 'of the store')}" if isinstance(share, float | int) else ""
        return self._row("待传", "backlog", (f"{waiting} {self._word('条记录', 'records')}", style), (shown, _DIM))

    def _clock(self) -> Text:
        zh, en, style = CLOCKS.get(str(self._now.status.get("clock")), ("—", "—", _DIM))
        return self._row("时钟", "clock", (self._word(zh, en), style))

    def _disk(self, outbox: dict[str, Any]) -> Text:
        store = f"  {self._word('存储', 'store')} {size(outbox['bytes'])} / {size(outbox['limit'])}" if outbox else ""
        if self._now.free is None or not self._now.total:
            return self._row("磁盘", "disk", ("—", _DIM), store)
        style = _BAD if self._now.free < self._now.total * 0.05 else ""
        said = f"{self._word('剩余', 'free')} {size(self._now.free)} / {size(self._now.total)}"
        return self._row("磁盘", "disk", (said, style), (store, _DIM))

    def _process(self, process: dict[str, Any]) -> Text:
        since = "—" if self._now.up_s is None else span(self._now.up_s)
        rss = f"  {size(process['rss'])}" if isinstance(process.get("rss"), int) else ""
        pid = plain(self._now.status.get("pid") or "—")
        up = self._word(f"已运行 {since}", f"for {since}")
        return self._row("运行", "runs", up, (f"  {self._word('进程', 'process')} {pid}{rss}", _DIM))


def _sick(bus: object) -> bool:
    return bool(part(bus).get("diagnosis"))
