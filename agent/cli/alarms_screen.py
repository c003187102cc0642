"""What `plantgate alarms` shows: each alarm with its state in words, how long it has stood, and the figures below.

Colour only repeats what the words say. The words are those of the site's language, the names of alarms are plain.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from agent import wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console, ConsoleOptions, RenderResult

    from config.site import Gateway

Row = dict[str, Any]

STATES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "unacknowledged": ("▲", "未确认", "UNACKNOWLEDGED", "bold red"),
    "acknowledged": ("△", "已确认", "acknowledged", "yellow"),
    "returned": ("▽", "已恢复未确认", "returned, unack.", "bold cyan"),
    "latched": ("◇", "已恢复待复位", "latched", "cyan"),
    "shelved": ("□", "已搁置", "shelved", "bright_black"),
    "suppressed": ("□", "设计抑制", "suppressed", "bright_black"),
    "out-of-service": ("×", "退出服务", "out of service", "bright_black"),
    "normal": ("·", "正常", "normal", "green"),
}
"""Mark, words and colour of each state."""
PRIORITIES: Final = {
    "critical": ("危急", "critical"),
    "high": ("高", "high"),
    "medium": ("中", "medium"),
    "low": ("低", "low"),
}
CODES: Final = {"green": ("绿", "green"), "yellow": ("黄", "yellow"), "red": ("红", "red")}
_DIM, _HEAD = "bright_black", "bold cyan"
_STATE_CELLS, _PRIORITY_CELLS = 16, 8


class Screen:
    """The list, for rich: it asks for its width when it is drawn."""

    def __init__(self, answer: dict[str, Any], gateway: Gateway) -> None:
        self._answer, self._language = answer, gateway.language
        self._zh = gateway.language == "zh"
        self._zone = ZoneInfo(gateway.timezone)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        for line in (*self._head(), *self._alarms(width), *self._figures()):
            line.no_wrap, line.overflow = True, "ellipsis"
            yield line

    def _word(self, zh: str, en: str) -> str:
        return zh if self._zh else en

    def _head(self) -> Iterator[Text]:
        code = self._answer.get("code", {}).get("plant")
        if code in CODES:
            shown = Text.assemble(
                (self._word("健康码 ", "health code "), _DIM), (self._word(*CODES[code]), f"bold {code}")
            )
            yield shown

    # --- alarms ---

    def _alarms(self, width: int) -> Iterator[Text]:
        if not self._answer["alarms"]:
            yield Text(self._word("无报警", "no alarms"), style="green")
        for row in self._answer["alarms"]:
            yield self._title(row, width)
            yield self._below(row)

    def _title(self, row: Row, width: int) -> Text:
        mark, zh, en, style = STATES[row["status"]]
        text = Text.assemble((f"{mark} ", style), (set_cell_size(self._word(zh, en), _STATE_CELLS), style), " ")
        text.append(set_cell_size(self._word(*PRIORITIES[row["priority"]]), _PRIORITY_CELLS)).append(" ")
        right = self._standing(row)
        room = max(8, width - text.cell_len - cell_len(right) - 1)
        said = row["text"][self._language]
        return text.append(set_cell_size(said, room) if right else said, "bold").append(f" {right}" if right else "")

    def _standing(self, row: Row) -> str:
        """Return for how long its condition has held."""
        return wording.lasting(row["active_s"]) if row["active"] and row["active_s"] is not None else ""

    def _marks(self, row: Row) -> Text:
        """Return what else must be seen at once."""
        marks = (
            (row["escalated"], "已升级", "ESCALATED", "bold red"),
            (row["first_out"] and row["status"] != "normal", "首出", "first out", "bold"),
            (row["chattering"], "抖动", "chattering", "yellow"),
        )
        shown = [(f"{self._word(zh, en)}  ", style) for is_shown, zh, en, style in marks if is_shown]
        return Text.assemble("  ", *shown)

    def _below(self, row: Row) -> Text:
        parts = [row["alarm"]]
        if row["since"]:
            began = datetime.fromisoformat(row["since"]).astimezone(self._zone)
            parts.append(f"{self._word('自', 'since')} {began:%m-%d %H:%M:%S}")
        if row["shelved_by"]:
            left = wording.lasting(row["shelf_left_s"])
            parts.append(self._by("搁置, 剩余", "shelved, left", row["shelved_by"], left))
        if row["out_by"]:
            parts.append(self._by("退出服务", "out of service", row["out_by"]))
        if row["suppressed_by"]:
            parts.append(f"{self._word('抑制于', 'suppressed by')} {', '.join(row['suppressed_by'])}")
        return self._marks(row).append("  ".join(parts), _DIM)

    def _by(self, zh: str, en: str, by: Mapping[str, Any], more: str = "") -> str:
        note = f": {by['note']}" if by.get("note") else ""
        return " ".join(part for part in (self._word(zh, en), more, f"({by['who']}{note})") if part)

    # --- figures ---

    def _figures(self) -> Iterator[Text]:
        figures = self._answer.get("figures")
        if not figures:
            return
        yield Text()
        title = self._word("报警系统指标", "alarm system figures")
        yield Text.assemble((title, _HEAD), (f"  {figures['observed_h']:g} h", _DIM))
        now = figures["now"]
        if now["flood"]:
            yield Text(self._word("▲ 报警泛滥", "▲ ALARM FLOOD"), style="bold red")
        shown = (
            ("每小时 (≤ 6)", "per hour (≤ 6)", _number(figures["per_hour"])),
            ("每日 (≤ 150)", "per day (≤ 150)", _number(figures["per_day"])),
            ("10 分钟峰值 (≤ 10)", "peak in 10 min (≤ 10)", str(figures["peak_10min"])),
            ("抖动", "chattering", str(figures["chattering"])),
            ("瞬时", "fleeting", str(figures["fleeting"])),
            ("陈旧 > 24 h (< 5)", "stale > 24 h (< 5)", str(now["stale"])),
        )
        for some in (shown[:3], shown[3:]):
            yield Text("  " + "   ".join(f"{self._word(zh, en)} {value}" for zh, en, value in some))
        for top in figures["top"][:3]:
            yield Text(f"  {top['count']:>5} × {top['alarm']}", style=_DIM)


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:g}"
