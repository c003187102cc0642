"""Data and equipment, Q1 to Q12: whether readings come, in order and at the right time, and are the plant's own.

These rules look at the devices and the box, so most of them never see a value. Gating and muting:

- A device that is silent is Q1's: Q3, Q4 and Q6 are about devices that do answer, and muted while it is active.
- Q4 does not judge the hour in which the agent was started: how much of it the instrument answered is not known.
- Only Q1 accepts a reason that people declared (``communication``, ``maintenance``); after 24 hours Q2 does not.
- Q2 is a notice at 24 hours; at 72 hours it is escalated: its ladder is 48 hours long.
- A change of the configuration (Q8) is told with or without a work order; an open cabinet (Q9) only without one.
- Q11 and Q12 are about measured series that move by themselves. An hour with fewer than ten different minute values
  proves nothing: zeros, setpoints, states and coarse readings are alike in any two hours. Twins are counted only in
  minutes in which one of the two moved, with sixty such minutes a day at least. Counters, setpoints and derived values
  are not among the `COLUMNS`, and a point that several facilities are told by is one column, not two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from agent.rules import kinds
from agent.rules.quantity import (
    ANSWER,
    BACKLOG_AGE,
    BROKEN,
    CABINET,
    COLUMNS,
    CONCENTRATION,
    DISK_SHARE,
    HOST_CLOCK,
    INSTRUMENT_CLOCK,
    MEANING,
    ORDERLY,
    POLL,
    POWER_GOOD,
    READINGS,
    STARTS,
    TIMESTAMP,
    WORK_ORDER,
    Span,
)
from agent.rules.rule import DAY_S, HOUR_S, MINUTE_S, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.rule import Evaluator, Facts, Given, Moment, Number, Values

_SILENT: Final = Mutes(rules=("Q1",))
_SHOWN: Final = Param(10 * MINUTE_S, "s", "P", "how long the event is shown")


class Start(kinds.Rises):
    """Whether the agent was started again: ``True`` for `shown_s`. A run that broke off is told apart.

    `update(at, starts, orderly)`: how often it was started, and whether the run before ended in order (1, 0, ``None``
    not known). Without `tells_orderly`, a start after an orderly end is ``False``.
    """

    __slots__ = ("_orderly", "_tells_orderly")
    KEPT: ClassVar[tuple[str, ...]] = (*kinds.Rises.KEPT, "_orderly")

    def __init__(self, *, shown_s: float, tells_orderly: bool) -> None:
        super().__init__(shown_s=shown_s)
        self._tells_orderly = tells_orderly
        self._orderly: Given = None

    def update(self, at: Moment, x: Given, excuse: Number = None) -> bool | None:
        """Take the count of starts, and how the run before this one ended."""
        self._orderly = excuse
        started = super().update(at, x)
        return False if started and excuse == 1 and not self._tells_orderly else started

    def evidence(self) -> dict[str, Any]:
        """Return the counts before and after, and whether the run before ended in order."""
        return {**super().evidence(), "orderly": self._orderly}


def _build_q1(p: Values, f: Facts) -> Evaluator:
    """Allow for slow polls: a device that is read once an hour is not offline after fifteen minutes."""
    return kinds.Stale(age_s=max(p["age"], p["polls"] * f["poll"]))


def _build_q3(p: Values, _f: Facts) -> Evaluator:
    def cover(window_s: float, least: float) -> Evaluator:
        return kinds.Coverage(window_s=window_s, step_s=HOUR_S, least=least)

    return kinds.AnyOf(cover(HOUR_S, p["hour"]), cover(DAY_S, p["day"]))


def _build_q5(p: Values, _f: Facts) -> Evaluator:
    return kinds.AnyOf(
        kinds.Takes(0, kinds.Outside(low=-p["host"], high=p["host"])),
        kinds.Takes(1, kinds.Members(low=-p["instrument"], high=p["instrument"])),
        optional=True,
    )


def _build_q6(p: Values, f: Facts) -> Evaluator:
    gap_s = max(p["least"], p["periods"] * f["poll"])
    return kinds.TimeOrder(gap_s=gap_s, shown_s=p["shown"])


def _build_q7(p: Values, _f: Facts) -> Evaluator:
    started = kinds.Takes((0, 1), Start(shown_s=p["shown"], tells_orderly=p["orderly"]))
    on_reserve = kinds.Takes(2, kinds.Is(0))
    return kinds.AnyOf(started, on_reserve, optional=True)


def _build_q10(p: Values, _f: Facts) -> Evaluator:
    too_old = kinds.Takes(0, kinds.Outside(high=p["age"]))
    too_full = kinds.Takes(1, kinds.Outside(high=p["disk"]))
    return kinds.AnyOf(too_old, too_full, optional=True)


def _build_q12(p: Values, f: Facts) -> Evaluator:
    names = f.get("columns", ())
    return kinds.Twin(share=p["share"], window_s=p["window"], step_s=MINUTE_S, moves=int(p["moves"]), names=names)


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        id="Q1",
        group=Group.DATA,
        kind=Kind.COV,
        name=Text("设备离线", "device offline"),
        means=Text(
            "这台仪表已超过15分钟没有任何应答,它所测的一切此刻都不清楚。",
            "This instrument has not answered for more than 15 minutes: nothing it measures is known now.",
        ),
        check=Text(
            "看仪表有没有电、通讯线和接头、地址与波特率是否被改动;同一总线上其他设备若也离线,先查总线。",
            "See whether it has power, then cable and plugs, then whether address or baud rate were changed. If others "
            "on the bus are gone too, begin with the bus.",
        ),
        over=Scope.DEVICE,
        grain=Grain.NOW,
        reads=(ANSWER.over(Span.AGE),),
        facts=(POLL,),
        build=_build_q1,
        params={
            "age": Param(15 * MINUTE_S, "s", "C", "since the last answer"),
            "polls": Param(3.0, "", "P", "and more polls missed than this"),
        },
        muted=Mutes(marks=("communication", "maintenance")),
        source="S14",
    ),
    Rule(
        id="Q2",
        group=Group.DATA,
        kind=Kind.COV,
        name=Text("长期脱机", "long offline"),
        means=Text(
            "这台仪表已超过24小时没有应答;满72小时将上报,即使已经说明过原因。",
            "This instrument has not answered for more than 24 hours; at 72 hours it is escalated, whatever was "
            "declared.",
        ),
        check=Text(
            "安排维修或更换并明确完成时间;已拆除的设备从配置中删除,否则会一直报缺数。",
            "Have it repaired or replaced, with a date. If it was removed, take it out of the site file, or its data "
            "stay missing.",
        ),
        over=Scope.DEVICE,
        grain=Grain.NOW,
        reads=(ANSWER.over(Span.AGE),),
        build=lambda p, _f: kinds.Stale(age_s=p["age"]),
        params={
            "age": Param(DAY_S, "s", "P", "since the last answer"),
            "escalate_after": Param(2 * DAY_S, "s", "C", "24 h and this make the 72 h of deployed applications"),
        },
        priority="low",
        source="Ningbo, S14",
    ),
    Rule(
        id="Q3",
        group=Group.DATA,
        kind=Kind.COV,
        name=Text("数据缺失", "data missing"),
        means=Text(
            "最近一小时收到的数据不到应有的75%,或最近24小时不到90%,统计值可能无效。",
            "Of the readings due, less than 75 % came in the last hour, or less than 90 % in the last 24: its means "
            "may be invalid.",
        ),
        check=Text(
            "看通讯质量(超时、校验错误计数)、线路干扰和终端电阻;采集周期过短的适当放长。",
            "Look at its time-outs and checksum errors, interference and terminating resistors. If it is polled too "
            "fast, slow down.",
        ),
        over=Scope.DEVICE,
        grain=Grain.HOUR,
        reads=(READINGS.over(Span.COUNT), READINGS.over(Span.EXPECTED)),
        build=_build_q3,
        params={
            "hour": Param(0.75, "", "C", "received over expected in an hour"),
            "day": Param(0.9, "", "C", "received over expected in 24 hours"),
        },
        muted=_SILENT,
        source="S1, S16",
    ),
    Rule(
        id="Q4",
        group=Group.DATA,
        kind=Kind.SHAPE,
        name=Text("分析仪通讯故障", "instrument link failing"),
        means=Text(
            "一小时内超过四分之一的数据带通讯故障标志(B):仪表时断时续。",
            "More than a quarter of an hour's readings carry the flag B, no communication: the instrument comes and "
            "goes.",
        ),
        check=Text(
            "检查分析仪通讯板、接线端子和转换器供电;看故障是否与某台大设备启停同时发生。",
            "Check the analyzer's interface, terminals and the converter's supply. Does it fail whenever some big "
            "machine starts?",
        ),
        over=Scope.DEVICE,
        grain=Grain.HOUR,
        reads=(BROKEN.hour,),
        build=lambda p, _f: kinds.Outside(high=p["share"]),
        params={"share": Param(0.25, "", "P", "of the readings of an hour")},
        muted=_SILENT,
        source="S1",
    ),
    Rule(
        id="Q5",
        group=Group.DATA,
        kind=Kind.DIFF,
        name=Text("时钟偏差", "clock offset"),
        means=Text(
            "主机时钟偏差超过30秒,或某台仪表的时钟偏差超过120秒,数据的时间不可靠。",
            "The host's clock is more than 30 s off, or an instrument's more than 120 s: times cannot be relied upon.",
        ),
        check=Text(
            "主机查授时服务是否可达、是否有人改过时间;仪表由有权限的人按规程校时。",
            "Host: is its time service reached, did anybody set the clock? Instrument: have it set by those who may.",
        ),
        over=Scope.SITE,
        grain=Grain.NOW,
        reads=(HOST_CLOCK.now, INSTRUMENT_CLOCK.over(Span.NOW, optional=True)),
        build=_build_q5,
        params={
            "host": Param(30.0, "s", "P", "offset of the host, either way"),
            "instrument": Param(120.0, "s", "P", "offset of an instrument, either way"),
            "hold": Param(0.0, "s", "P", "at once: a step of the host's clock is seen only once"),
        },
        source="S8, S13",
    ),
    Rule(
        id="Q6",
        group=Group.DATA,
        kind=Kind.SEQ,
        name=Text("时间倒退/重复", "time order broken"),
        means=Text(
            "数据时间倒退或出现空档:时钟被往回拨、数据被重放,或采集中断过。",
            "Readings went back in time or left a gap: a clock was set back, data were replayed, or reading was "
            "interrupted.",
        ),
        check=Text(
            "先看时钟记录和是否有人改过时间,再看该设备这段时间的通讯记录。",
            "See the clock records and whether anybody set the time, then this device's communication at that moment.",
        ),
        over=Scope.DEVICE,
        grain=Grain.NOW,
        reads=(TIMESTAMP.now,),
        facts=(POLL,),
        build=_build_q6,
        params={
            "periods": Param(2.0, "", "P", "a gap of more polls than this"),
            "least": Param(MINUTE_S, "s", "P", "and longer than this: single lost polls are Q3's"),
            "shown": _SHOWN,
        },
        priority="low",
        muted=_SILENT,
        is_momentary=True,
    ),
    Rule(
        id="Q7",
        group=Group.DATA,
        kind=Kind.EVENT,
        name=Text("断电/重启", "power loss or restart"),
        means=Text(
            "采集主机重新启动过,或正由备用电源供电;证据中注明上次是正常停止还是突然中断。",
            "The gateway was started again, or runs on its reserve. The evidence says whether its last run was stopped "
            "in order or broke off.",
        ),
        check=Text(
            "突然中断的查供电、空开和插头,以及当时谁在现场;计划内的重启核对工单。",
            "If it broke off: supply, breaker, plug, and who was there. If it was planned, compare with the work "
            "order.",
        ),
        over=Scope.SITE,
        grain=Grain.NOW,
        reads=(STARTS.now, ORDERLY.over(Span.NOW, optional=True), POWER_GOOD.over(Span.NOW, optional=True)),
        build=_build_q7,
        params={
            "orderly": Param(default=True, says="a restart in order is told as well"),
            "shown": _SHOWN,
        },
        priority="low",
        is_momentary=True,
        source="S1 2081",
    ),
    Rule(
        id="Q8",
        group=Group.DATA,
        kind=Kind.EVENT,
        name=Text("参数/程序被改", "configuration changed"),
        means=Text(
            "决定数据含义的配置(测点、系数、限值、规则)被修改,前后差异已记入签名记录。",
            "What gives readings their meaning was changed: points, factors, limits or rules. The difference is in a "
            "signed record.",
        ),
        check=Text(
            "核对是谁、依据哪张工单改的;没有依据的恢复原配置并追查。",
            "See who changed it and by which work order. Without one, put the old file back and find out.",
        ),
        over=Scope.SITE,
        grain=Grain.NOW,
        reads=(MEANING.now,),
        build=lambda p, _f: kinds.Changed(shown_s=p["shown"]),
        params={"shown": _SHOWN},
        is_momentary=True,
        source="S13",
    ),
    Rule(
        id="Q9",
        group=Group.DATA,
        kind=Kind.EVENT,
        name=Text("门禁/箱体打开", "cabinet opened"),
        means=Text(
            "没有工单,却有人打开了机柜、表箱或站房的门。",
            "A cabinet, meter box or analyzer room was opened, and no work order says so.",
        ),
        check=Text(
            "到现场看谁在操作、动了什么;属于检修的补开工单,否则检查接线、铅封并调看录像。",
            "Go and see who is there and what was touched. For a repair, enter the work order; else check wiring and "
            "seals and look at the video.",
        ),
        over=Scope.DEVICE,
        grain=Grain.NOW,
        reads=(CABINET.now, WORK_ORDER.now),
        build=lambda p, _f: kinds.Pair(p["open"], 0),
        params={"open": Param(1.0, "", "P", "what the input says when it is open; 0 for a contact that opens")},
        source="S1",
    ),
    Rule(
        id="Q10",
        group=Group.DATA,
        kind=Kind.LIM,
        name=Text("补传积压", "backlog"),
        means=Text(
            "最早一条未送出的数据已超过24小时,或存储占用超过80%:再不恢复,最旧的数据将被舍弃。",
            "The oldest record not yet delivered is more than 24 hours old, or the store is more than 80 % full: if "
            "this goes on, the oldest data will be dropped.",
        ),
        check=Text(
            "看网络、SIM卡流量和平台是否可达;网络正常的,联系平台确认是否在接收。",
            "Look at the network, the data plan and whether the platform is reached. If so, ask the platform whether "
            "it accepts.",
        ),
        over=Scope.SITE,
        grain=Grain.NOW,
        reads=(BACKLOG_AGE.now, DISK_SHARE.now),
        build=_build_q10,
        params={
            "age": Param(DAY_S, "s", "P", "of the oldest undelivered record"),
            "disk": Param(0.8, "", "P", "share of the store in use"),
        },
        source="S3",
    ),
    Rule(
        id="Q11",
        group=Group.DATA,
        kind=Kind.SHAPE,
        name=Text("整点全部相同", "copied hour"),
        means=Text(
            "这一小时的分钟数据与此前某一小时几乎逐点相同,真实测量不会如此,数据可能是复制的。",
            "This hour's minute values are, one by one, those of an earlier hour. Real measurements never are: they "
            "may have been copied.",
        ),
        check=Text(
            "封存现场,核对分析仪内部存储与数采数据;查数采软件、PLC程序和远程登录记录。",
            "Leave everything as it is. Compare the analyzer's own memory with what it sent; look at logger software, "
            "PLC program and remote logins.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(CONCENTRATION.minute,),
        build=lambda p, _f: kinds.Copied(share=p["share"], hours=int(p["hours"]), distinct=int(p["distinct"])),
        params={
            "share": Param(0.95, "", "R", "of the minutes of an hour equal to those of an earlier one"),
            "hours": Param(48.0, "", "P", "earlier hours looked at"),
            "distinct": Param(10.0, "", "P", "different values that an hour must have to prove anything"),
        },
        priority="high",
        muted=_SILENT,
        source="R",
    ),
    Rule(
        id="Q12",
        group=Group.DATA,
        kind=Kind.SHAPE,
        name=Text("多点同源", "twin points"),
        means=Text(
            "两个本应各自测量的点,一天里变化几乎完全相同,它们可能来自同一个信号。",
            "Two points that should measure different things moved alike all day: they may come from one signal.",
        ),
        check=Text(
            "到现场核对这两块表或探头的接线、互感器和地址;两个点确为同一测点的,在配置中合为一个。",
            "Check wiring, transformers and addresses of both meters or probes. If it is one point by right, make it "
            "one in the site file.",
        ),
        over=Scope.SITE,
        grain=Grain.MINUTE,
        reads=(COLUMNS.minute,),
        build=_build_q12,
        params={
            "share": Param(0.99, "", "R", "of the minutes in which either moved"),
            "window": Param(DAY_S, "s", "R", "judged day by day"),
            "moves": Param(60.0, "", "P", "minutes in which either moved, to be judged at all"),
        },
        priority="high",
        source="R",
    ),
)
"""All rules about data and equipment, in the catalogue's order."""
