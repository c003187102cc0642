"""Treatment, the rest: faults that production outlives, sets that run together, wear, and time run (T21 to T24)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.plant import State
from agent.rules import kinds
from agent.rules.quantity import (
    FAULT,
    HOURS,
    LIFE_HOURS,
    LINE_RUNTIME,
    MARK_FAULT,
    MEMBERS,
    PRODUCTION,
    RUNTIME,
    Span,
)
from agent.rules.rule import DAY_S, HOUR_S, MINUTE_S, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.rule import Evaluator, Facts, Values

_EXEMPT: Final = ("exempt",)


def _build_t21(_p: Values, _f: Facts) -> Evaluator:
    """Take a declared fault as the signal: both say that it does not clean."""
    at_fault = kinds.AnyOf(kinds.Takes(1, kinds.Is(1)), kinds.Takes(2, kinds.Is(1)), optional=True)
    return kinds.AllOf(kinds.Takes(0, kinds.Is(State.RUN)), at_fault)


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        id="T21",
        group=Group.TREATMENT,
        kind=Kind.PAIR,
        name=Text("治污故障未停产", "treatment at fault, production on"),
        means=Text(
            "治污设施报故障(或已标记故障)超过四小时,生产仍未停:故障不能成为长期带病排放的理由。",
            "The treatment has been at fault, by its signal or by a mark, for more than four hours and production goes "
            "on: a fault does not excuse it for long.",
        ),
        check=Text(
            "问维修进度和修复时间;短时间修不好的安排停产或切换备用设施,并按规定报告。",
            "Ask how far the repair is. If it will take longer, stop production or change to standby, and report it.",
        ),
        over=Scope.SERVING,
        grain=Grain.NOW,
        reads=(PRODUCTION.now, MARK_FAULT.now, FAULT.over(Span.NOW, optional=True)),
        build=_build_t21,
        params={"hold": Param(4 * HOUR_S, "s", "R", "fault and production together this long")},
        priority="high",
        muted=Mutes(marks=_EXEMPT),
    ),
    Rule(
        id="T22",
        group=Group.TREATMENT,
        kind=Kind.PAIR,
        name=Text("同开同停不一致", "co-run set broken"),
        means=Text(
            "规定同开同停的一组设施中,有的在运行、有的停着。",
            "Of a set of machines that must run together or not at all, some run and some are off.",
        ),
        check=Text(
            "找出与其他不一致的那台:是故障、检修还是没有开;不再属于这一组的,修改配置。",
            "Find the one that differs: broken, under repair or not started? If it left the set, change the site file.",
        ),
        over=Scope.LINE,
        grain=Grain.NOW,
        reads=(MEMBERS.now,),
        build=lambda _p, _f: kinds.Differ(),
        params={"hold": Param(10 * MINUTE_S, "s")},
        # T1 says the same of a pair of production and treatment, and which of them it is
        muted=Mutes(marks=_EXEMPT, rules=("T1",)),
        source="S14",
    ),
    Rule(
        id="T23",
        group=Group.TREATMENT,
        kind=Kind.LIM,
        name=Text("耗材超期", "consumable over its age"),
        means=Text(
            "活性炭、滤袋或催化剂等耗材的使用时间超过计划寿命,去除效果可能下降。",
            "Carbon, bags or catalyst have been in use for longer than planned: they may no longer hold back enough.",
        ),
        check=Text(
            "查更换台账:已更换的登记更换时间,未更换的安排更换,并保存采购和处置凭证。",
            "Look in the log: if it was changed, enter when; if not, plan the change, and keep the papers of both.",
        ),
        over=Scope.TREATMENT,
        grain=Grain.HOUR,
        reads=(HOURS.now,),
        facts=(LIFE_HOURS,),
        build=lambda p, f: kinds.Outside(high=p["share"] * f["life_hours"]),
        params={
            "share": Param(1.0, "", "P", "of the planned life"),
            "escalate_after": Param(0.0, "s", "P", "never: a matter of the plant's own"),
            "remind": Param(DAY_S, "s", "P", "a day: nobody changes carbon in half an hour"),
        },
        priority="low",
    ),
    Rule(
        id="T24",
        group=Group.TREATMENT,
        kind=Kind.RATIO,
        name=Text("运行时长不足", "treatment ran too short"),
        means=Text(
            "这一天治污设施的运行时长不到生产运行时长的95%,有一段生产没有治理。",
            "On this day the treatment ran for less than 0.95 of the time that production did: part of it went "
            "untreated.",
        ),
        check=Text(
            "对照当天的开停记录,找出生产开而治污停的时段并说明原因;检查联锁和开停顺序。",
            "Find in the day's starts and stops when production ran alone, and say why. Check interlock and order of "
            "starting.",
        ),
        over=Scope.SERVING,
        grain=Grain.DAY,
        reads=(RUNTIME.total, LINE_RUNTIME.total),
        build=lambda p, _f: kinds.Ratio(window_s=DAY_S, step_s=DAY_S, low=p["low"], floor=p["ran"]),
        params={
            "low": Param(0.95, "", "P", "run time of treatment over that of production"),
            "ran": Param(HOUR_S, "s", "P", "days on which production ran longer than this are judged"),
        },
        muted=Mutes(marks=_EXEMPT),
        source="S1 2041",
    ),
)
"""The rules T21 to T24."""
