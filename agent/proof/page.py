"""The page of a bundle that people read: what, when, who, the verdict, what happened. Chinese and English at once.

It explains the records and proves nothing itself; what proves is in the files beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from agent.report.sheet import (
    Content,
    Html,
    facts,
    heading,
    lines,
    mono,
    page,
    paragraph,
    table,
    unbroken,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent.proof.story import Alarm, Entry, Outage, Rows, Story, When
    from agent.verify.verdict import Report

_LONGEST: Final = 300
_MOST_FINDINGS: Final = 50
_ALL: Final = "全部见 records.jsonl; all of them are in records.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the page is about. `signed` and `absent` are sentences in both languages; times are `ts`."""

    gateway: str
    name: Mapping[str, str]
    chain: str
    timezone: str
    since: str
    until: str
    made: str
    software: str
    who: str
    reason: str
    key: str
    fingerprint: str
    signed: Sequence[str]
    absent: Sequence[str]
    first: int
    last: int


def report(about: About, story: Story, judged: Report) -> bytes:
    """Return the page as an HTML file."""
    title = f"{about.gateway} {about.since} – {about.until}"
    return page("zh-CN", f"记录导出 Records {title}", _Writer(about, story, judged).content())


class _Writer:
    """Writes one page."""

    def __init__(self, about: About, story: Story, judged: Report) -> None:
        self._about = about
        self._story = story
        self._judged = judged
        self._zone = ZoneInfo(about.timezone)

    def content(self) -> Iterator[Html]:
        """Yield the page from top to bottom."""
        yield heading(1, f"{self._about.name['zh']}  {self._about.name['en']}")
        yield paragraph("签名记录导出报告  Report on exported signed records")
        yield self._verdict()
        yield self._what()
        yield from self._findings()
        yield from self._alarms()
        yield from self._outages()
        yield from self._gaps()
        yield from self._clocks()
        yield from self._configs()
        yield from self._entries("人员操作 What people did", self._story.people)
        yield from self._entries("其他事件 Other events", self._story.others)
        yield from self._readings()

    def _verdict(self) -> Html:
        count = self._judged.records
        if self._judged.ok:
            words = (
                f"{count} 条记录: 签名、链接和编号全部无误. {count} records: every signature, link and number holds."
            )
            return verdict(words, good=True)
        found = ", ".join(f"{number} {word}" for word, number in self._judged.counts.items())
        words = f"发现问题 Findings: {found}. {count} 条记录已验证 records verified."
        return verdict(words, good=False)

    def _what(self) -> Html:
        about, story = self._about, self._story
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(story.kinds.items()))
        return facts(
            [
                ("网关 Gateway", about.gateway),
                ("期间 Period", lines([f"{self._local(about.since)} – {self._local(about.until)}", about.timezone])),
                ("记录 Records", lines([f"{about.first} – {about.last}", kinds])),
                ("无时间的记录 Undated", story.undated),
                ("链 Chain", mono(about.chain)),
                ("公钥指纹 Key", lines([mono(about.fingerprint), mono(about.key)])),
                ("签名 Signature", lines(about.signed)),
                ("缺失 Not here", lines(about.absent)),
                ("导出 Exported", f"{self._local(about.made)}, {about.who}"),
                ("原因 Reason", about.reason or None),
                ("软件 Software", about.software),
            ]
        )

    def _findings(self) -> Iterator[Html]:
        if self._judged.ok:
            return
        yield heading(2, "验证发现 Findings of the verifier")
        rows = [(one.verdict.value, one.seq, one.text) for one in self._judged.findings[:_MOST_FINDINGS]]
        yield table(["判定 Verdict", "编号 Record", "说明 What"], rows, "", figures={1})

    def _alarms(self) -> Iterator[Html]:
        yield heading(2, "报警 Alarms")
        head = ["开始 Raised", "结束 Cleared", "报警 Alarm", "级别 Priority", "确认 Acknowledged", "升级 Escalated"]
        yield table(head, map(self._alarm, self._story.alarms.kept), "期间没有报警. No alarms in this period.")
        yield from self._more(self._story.alarms)

    def _alarm(self, one: Alarm) -> Sequence[Content]:
        said = lines([str(one.text.get("zh", "")), str(one.text.get("en", "")), mono(one.alarm)])
        acknowledged = lines([self.when(one.acknowledged), one.by]) if one.acknowledged else None
        begun = self.when(one.begun) if one.begun else "此前 before"
        return (begun, self.when(one.ended), said, one.priority, acknowledged, self.when(one.escalated))

    def _outages(self) -> Iterator[Html]:
        yield heading(2, "中断 Outages")
        head = ["自 From", "至 To", "对象 What", "原因 Reason"]
        yield table(head, map(self._outage, self._story.outages.kept), "期间没有中断. No outages in this period.")
        yield from self._more(self._story.outages)

    def _outage(self, one: Outage) -> Sequence[Content]:
        what = f"{_WHAT[one.what]} {one.which}".strip()
        reason = _HOW.get(one.reason, one.reason) if one.what == "agent" else one.reason
        since = self.when(one.since) if one.since else "此前 before"
        return (since, self.when(one.until) if one.until else "未结束 not over", what, _cut(reason))

    def _gaps(self) -> Iterator[Html]:
        yield heading(2, "缺口记录 Signed gaps")
        head = ["记录时间 Signed", "编号 Record", "原因 Reason", "缺少 Missing", "条数 Count"]
        rows = [self._gap(one) for one in self._story.gaps.kept]
        yield table(head, rows, "期间没有缺口记录. No gap was signed in this period.", figures={1, 4})
        yield from self._more(self._story.gaps)

    def _gap(self, one: Entry) -> Sequence[Content]:
        fact = one.facts
        which = f"{fact['first']} – {fact['last']}" if fact["first"] is not None else f"{fact['from']} – {fact['to']}"
        return (self.when(one.when), one.when.seq, one.what, which, fact["count"])

    def _clocks(self) -> Iterator[Html]:
        yield heading(2, "时钟 Clock")
        head = ["记录时间 Told", "编号 Record", "原因 Why", "来源 Source", "校前 Before", "校后 After", "差 Step (s)"]
        rows = [
            (
                self.when(one.when),
                one.when.seq,
                _WHY.get(one.what, one.what),
                one.facts["source"],
                self._moment(one.facts["before"]),
                self._moment(one.facts["after"]),
                one.facts["step_s"],
            )
            for one in self._story.clocks.kept
        ]
        yield table(head, rows, "期间时钟没有跳变. The clock was not set in this period.", figures={1, 6})
        yield from self._more(self._story.clocks)

    def _configs(self) -> Iterator[Html]:
        yield heading(2, "配置变更 Changes of configuration")
        rows = [(self.when(one.when), one.when.seq, _changes(one.facts)) for one in self._story.configs.kept]
        head = ["时间 Time", "编号 Record", "变更 What changed"]
        yield table(head, rows, "期间配置没有变更. The configuration did not change in this period.", figures={1})
        yield from self._more(self._story.configs)

    def _entries(self, title: str, entries: Rows[Entry]) -> Iterator[Html]:
        yield heading(2, title)
        rows = [(self.when(one.when), one.when.seq, unbroken(one.what), _said(one.facts)) for one in entries.kept]
        yield table(["时间 Time", "编号 Record", "事件 Event", "说明 Details"], rows, "无. None.", figures={1})
        yield from self._more(entries)

    def _readings(self) -> Iterator[Html]:
        yield heading(2, "读数统计 Statistics of readings")
        for name, device in sorted(self._story.readings.items()):
            assert device.first is not None
            assert device.last is not None
            span = f"{self._told(device.first)} – {self._told(device.last)}"
            yield heading(3, f"{name}: {device.records} 条记录 records, {span}")
            rows = [
                (point, one.n or one.words, one.missing, one.flagged, one.least, one.mean, one.most)
                for point, one in sorted(device.points.items())
            ]
            yield table(_OF_POINTS, rows, "", figures=range(1, len(_OF_POINTS)))
        if not self._story.readings:
            yield paragraph("期间没有读数. No readings in this period.", "note")
        if self._story.series_left_out:
            yield paragraph(f"部分测点未列出. Not all points are listed. {_ALL}", "note")

    def _more(self, rows: Rows[Any]) -> Iterator[Html]:
        if rows.more:
            yield paragraph(f"另有 {rows.more} 行. And {rows.more} more. {_ALL}", "note")

    # --- time ----------------------------------------------------------------------------------------------------

    def when(self, moment: When | None) -> Html | None:
        """Return a moment in the site's own time; what a clock record dates has a sign for about."""
        return None if moment is None else unbroken(self._told(moment))

    def _told(self, moment: When) -> str:
        if moment.at_ms is None:
            return f"记录 record {moment.seq}, 开机 boot {moment.boot} + {moment.up_s:.0f} s"
        told = datetime.fromtimestamp(moment.at_ms / 1000, UTC).astimezone(self._zone)
        return f"{'≈ ' if moment.reckoned else ''}{told:%Y-%m-%d %H:%M:%S}"

    def _local(self, ts: str) -> str:
        return f"{datetime.fromisoformat(ts).astimezone(self._zone):%Y-%m-%d %H:%M:%S}"

    def _moment(self, ts: str | None) -> Html | None:
        return None if ts is None else unbroken(self._local(ts))


_OF_POINTS: Final = ["测点 Point", "数值 Values", "缺失 Missing", "非正常 Flagged", "最小 Min", "平均 Mean", "最大 Max"]
_WHAT: Final = {
    "agent": "网关程序 agent",
    "device": "设备 device",
    "uplink": "平台连接 link to the platform",
    "store": "存储 store",
    "clock": "时间同步 time synchronisation",
}
_HOW: Final = {
    "stop": "正常停止 stopped in order",
    "reboot": "断电或重启, 未正常停止 power cut or reboot without an orderly stop",
    "crash": "异常中止 ended without an orderly stop",
}
_WHY: Final = {"first": "获知时间 time became known", "step": "跳变 set"}


def _changes(told: Mapping[str, Any]) -> Html:
    if told["previous"] is None:
        return lines([mono(str(told["hash"])), f"首次配置 first configuration ({told['count']})"])
    rows = [f"{one.get('path')}: {_json(one.get('old'))} → {_json(one.get('new'))}" for one in told["diff"]]
    more = told["count"] - len(rows)
    return lines([mono(str(told["hash"])), *rows, *([f"… {more} 项 more"] if more > 0 else [])])


def _said(told: Mapping[str, Any]) -> str:
    return _cut(
        "; ".join(f"{name}: {value if isinstance(value, str) else _json(value)}" for name, value in told.items())
    )


def _json(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} …"
