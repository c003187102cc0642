"""The acceptance report as a page that prints on A4, in one language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal
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
    signatures,
    table,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent.report.gather import Acceptance, PointRead
    from config.site import Site, Text

Language = Literal["zh", "en"]
_DAY_S: Final = 86_400
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What stands on the page beside the findings. `made` is `ts`; `fingerprint` is empty where it cannot be read."""

    lang: Language
    installer: str
    made: str
    software: str
    cfg: str
    fingerprint: str


def acceptance_page(site: Site, found: Acceptance, paper: Paper) -> bytes:
    """Return the page as an HTML file."""
    writer = _Writer(site, found, paper)
    name = getattr(site.gateway.name, paper.lang)
    title = f"{writer.say('验收报告', 'Acceptance report')} {name}"
    return page("zh-CN" if paper.lang == "zh" else "en", title, writer.content(title))


class _Writer:
    """Writes one page."""

    def __init__(self, site: Site, found: Acceptance, paper: Paper) -> None:
        self._site = site
        self._found = found
        self._paper = paper

    def say(self, zh: str, en: str) -> str:
        """Return the words in the page's language."""
        return zh if self._paper.lang == "zh" else en

    def text(self, text: Text) -> str:
        """Return a text of the site in the page's language."""
        return text.zh if self._paper.lang == "zh" else text.en

    def of(self, both: Mapping[str, str]) -> str:
        """Return a text of the agent in the page's language."""
        return both[self._paper.lang]

    def content(self, title: str) -> Iterator[Html]:
        """Yield the page from top to bottom."""
        yield heading(1, title)
        yield self._head()
        yield self._verdict()
        yield from self._open()
        yield from self._devices()
        yield from self._quality()
        yield from self._rules()
        yield from self._house()
        yield paragraph(self._record(), "note")
        names = self.say("安装单位", "Installer"), self.say("企业", "Plant")
        when = self.say("签字 / 日期", "signature, date")
        yield signatures([f"{names[0]}: {self._paper.installer} ({when})", f"{names[1]} ({when})"])

    def _head(self) -> Html:
        paper, gateway, say = self._paper, self._site.gateway, self.say
        made = datetime.fromisoformat(paper.made).astimezone(ZoneInfo(gateway.timezone))
        through = say("经运行中的网关程序读取", "read through the running agent")
        directly = say("网关程序未运行, 直接读取", "read directly, the agent does not run")
        return facts(
            [
                (say("网关", "Gateway"), gateway.id),
                (say("时间", "Time"), f"{made:%Y-%m-%d %H:%M:%S} ({gateway.timezone})"),
                (say("安装人", "Installer"), paper.installer),
                (say("读取方式", "How"), through if self._found.asked.is_running else directly),
                (say("软件", "Software"), paper.software),
                (say("配置摘要", "Configuration hash"), mono(paper.cfg)),
                (say("公钥指纹", "Key fingerprint"), mono(paper.fingerprint) if paper.fingerprint else None),
            ]
        )

    def _verdict(self) -> Html:
        told = self._found.summary()
        words = self.say(
            f"读到 {told['points_read']} / {told['points']} 个测点, "
            f"{told['devices_read']} / {told['devices']} 台设备完整; {told['findings']} 项待处理",
            f"{told['points_read']} of {told['points']} points read, "
            f"{told['devices_read']} of {told['devices']} devices whole; {told['findings']} open findings",
        )
        return verdict(words, good=self._found.is_whole)

    def _open(self) -> Iterator[Html]:
        yield heading(2, self.say("待处理", "Open findings"))
        rows = [(number, self.text(one)) for number, one in enumerate(self._found.open, 1)]
        yield table(["", self.say("事项", "What")], rows, self.say("无.", "None."), figures={0})

    # --- devices -------------------------------------------------------------------------------------------------

    def _devices(self) -> Iterator[Html]:
        yield heading(2, self.say("设备和测点", "Devices and points"))
        say = self.say
        head = [
            say("测点", "Point"),
            say("名称", "Name"),
            say("数值", "Value"),
            say("单位", "Unit"),
            say("质量", "Quality"),
            say("判定", "Verdict"),
        ]
        for one in self._found.devices:
            spec = one.device.spec
            model = f", {one.device.model}" if one.device.model else ""
            address = f"{spec.bus} {spec.address}".strip()
            yield heading(3, f"{spec.name}  {self.text(one.device.label)} ({spec.protocol}, {address}{model})")
            yield table(head, map(self._point, one.points), say("没有测点.", "No points."), figures={2})
            if one.error:
                yield paragraph(one.error, "note")
        if not self._found.devices:
            yield paragraph(say("没有设备.", "There are no devices."), "note")

    def _point(self, one: PointRead) -> Sequence[Content]:
        marks = {
            "good": self.say("✔ 正常", "✔ read"),
            "flagged": self.say("△ 读到, 非正常", "△ read, not normal"),
            "missing": self.say("✘ 未读到", "✘ not read"),
        }
        flag = one.flag or ("N" if one.mark == "good" else "")
        return (one.info.name, self.text(one.info.label), _value(one), one.info.unit, flag, marks[one.mark])

    def _quality(self) -> Iterator[Html]:
        say, quality = self.say, self._found.asked.quality
        yield heading(2, say("线路质量", "Line quality"))
        head = [
            say("线路", "Line"),
            say("占用率", "Utilisation"),
            say("连接失败", "Link failures"),
            say("杂散字节", "Noise bytes"),
            say("诊断", "Diagnosis"),
        ]
        rows = [
            (name, _share(bus.get("busy")), bus.get("link_failures"), bus.get("noise_bytes"), bus.get("diagnosis"))
            for name, bus in sorted(quality["buses"].items())
        ]
        yield table(head, rows, say("没有线路.", "There are no lines."), figures={1, 2, 3})
        counts = map(_counts, sorted(quality["devices"].items()))
        yield table(self._of_devices(), counts, say("无.", "None."), figures={1, 2, 3, 4, 6, 7})

    def _of_devices(self) -> list[str]:
        say = self.say
        return [
            say("设备", "Device"),
            say("请求", "Requests"),
            say("应答", "Answers"),
            say("超时", "Time-outs"),
            say("校验错", "Bad frames"),
            say("异常码", "Exceptions"),
            say("时延 ms", "Latency ms"),
            say("最大 ms", "Longest ms"),
        ]

    # --- rules ---------------------------------------------------------------------------------------------------

    def _rules(self) -> Iterator[Html]:
        say, rows = self.say, self._found.asked.rules
        active = [row for row in rows if row["active"]]
        yield heading(
            2, say(f"规则: {len(rows)} 条中启用 {len(active)} 条", f"Rules: {len(active)} of {len(rows)} active")
        )
        head = [say("规则", "Rule"), say("名称", "Name")]
        objects = [(row["rule"], self.of(row["name"]), ", ".join(row["active"]), self._wait(row)) for row in active]
        yield table([*head, say("对象", "On"), say("数据积累", "Ready")], objects, say("无.", "None."))
        yield heading(3, say("不适用", "Not applicable"))
        resting = [(row["rule"], self.of(row["name"]), self._why(row)) for row in rows if not row["active"]]
        yield table([*head, say("原因", "Why")], resting, say("无.", "None."))

    def _wait(self, row: Mapping[str, Any]) -> str:
        if not row["not_ready"]:
            return self.say("就绪", "ready")
        longest_s = max(row["not_ready"].values())
        if longest_s < _DAY_S:
            return self.say(f"还需 {longest_s / 3600:.1f} 小时", f"needs {longest_s / 3600:.1f} h")
        return self.say(f"还需 {row['not_ready_days']} 天", f"needs {row['not_ready_days']} days")

    def _why(self, row: Mapping[str, Any]) -> Html:
        if row["off"] is not None:
            return lines([self.of(row["off"])])
        lacks = self.say("缺少", "missing")
        missing = [f"{name}: {lacks} {', '.join(map(self.of, texts))}" for name, texts in row["missing"].items()]
        unfit = [f"{name}: {self.of(text)}" for name, text in row["unfit"].items()]
        return lines([*missing, *unfit] or [self.say("现场没有此类对象", "nothing of the kind at this site")])

    # --- the box -------------------------------------------------------------------------------------------------

    def _house(self) -> Iterator[Html]:
        say, status = self.say, self._found.asked.status
        yield heading(2, say("平台、时钟、存储", "Platform, clock, store"))
        uplink = self._site.uplink
        where = say("未配置", "none configured") if uplink is None else f"{uplink.host}:{uplink.port}"
        health = status["health"] if status is not None else {"uplink": None, "outbox": None}
        yield facts(
            [
                (say("平台", "Platform"), where),
                (say("连接", "Link"), self._link(health["uplink"])),
                (say("时钟", "Clock"), self._found.asked.clock),
                (say("存储", "Store"), self._store(health["outbox"])),
            ]
        )

    def _link(self, uplink: Mapping[str, Any] | None) -> Content:
        if uplink is None:
            return None
        state = self.say("已连接", "connected") if uplink["connected"] else str(uplink.get("reason") or uplink["state"])
        acked = self.say(f"已送达 {uplink['acked']} 条记录", f"{uplink['acked']} records delivered")
        return f"{state}; MQTT {uplink['protocol']}; {acked}"

    def _store(self, outbox: Mapping[str, Any] | None) -> Content:
        if outbox is None:
            return None
        used, limit = outbox["bytes"] / _MIB, outbox["limit"] / _MIB
        waiting = self.say(f"{outbox['waiting']} 条待送达", f"{outbox['waiting']} waiting")
        return f"{used:.0f} / {limit:.0f} MiB; {self.say('记录', 'record')} {outbox['head']}; {waiting}"

    def _record(self) -> str:
        if not self._found.asked.is_running:
            return self.say(
                "网关程序未运行, 本报告没有对应的签名记录.",
                "The agent does not run, so no signed record vouches for this page.",
            )
        return self.say(
            "本文件的 SHA-256 记于网关签名链中的 commissioned 记录; 用 sha256sum 比较.",
            "The SHA-256 of this file stands in a record commissioned of the gateway's chain; compare with sha256sum.",
        )


def _value(one: PointRead) -> Content:
    if one.value is None or isinstance(one.value, str):
        return None if one.value is None else str(one.value)
    if isinstance(one.value, bool):
        return "true" if one.value else "false"
    if one.info.decimals is not None and isinstance(one.value, int | float):
        return f"{one.value:.{one.info.decimals}f}"
    value: float = one.value
    return value


def _share(share: float | None) -> Content:
    return None if share is None else f"{share:.1%}"


def _counts(told: tuple[str, Mapping[str, Any]]) -> Sequence[Content]:
    name, counts = told
    exceptions = ", ".join(f"{code}: {count}" for code, count in counts.get("exceptions", {}).items())
    asked = tuple(counts.get(key) for key in ("requests", "answers", "timeouts", "bad_frames"))
    latency = tuple(counts.get(key) if counts.get("answers") else None for key in ("latency_ms", "latency_max_ms"))
    return (name, *asked, exceptions, *latency)
