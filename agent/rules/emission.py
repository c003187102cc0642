"""Emission (E): limits and totals; `RULES` also joins what follows in other files.

What is wrong with a series stands in `emission_series` and `emission_shape`, what contradicts the plant in
`emission_process`, what the instruments have against them in `emission_instruments`.

What is judged against a limit is the converted value of a factor. While the stack shows air and production is off, it
is not judged (`agent.rules.operation`); too little data is neither a pass nor a violation. The marks for stopped,
starting and stopping keep a limit alarm still, no other does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.rules import emission_instruments, emission_process, emission_series, emission_shape
from agent.rules.kinds import Of, Outside, Pace, Projected, ShareInside, While
from agent.rules.operation import REST_O2, WHERE_TOLD, MeanSoFar, Measuring, WholeHour
from agent.rules.quantity import CONVERTED, LIMIT, LINE_RUNTIME, MASS, O2, PERMIT_MASS, Span
from agent.rules.rule import DAY_S, HOUR_S, MINUTE_S, Evaluator, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.kinds.compose import Meanwhile
    from agent.rules.rule import Values

AT_REST: Final = Mutes(marks=("stopped", "starting", "stopping"))

HOURS_A_DAY: Final = 24
_REST_O2: Final = Param(REST_O2, "%", "P", "with production off and more oxygen than this, limits are not judged")
_SETTLE: Final = Param(900.0, "s", "P", "with that much oxygen, production must have been running this long")

_BY_MINUTE: Final = (WHERE_TOLD, O2.over(Span.MINUTE, optional=True), CONVERTED.minute)
_BY_HOUR: Final = (
    LINE_RUNTIME.over(Span.TOTAL, optional=True),
    O2.over(Span.MOST, optional=True),
    CONVERTED.hour,
)


def _in_operation(p: Values, inner: Evaluator, outside: Meanwhile) -> Evaluator:
    """Judge the converted minute value, where there is something to judge."""
    gate = Measuring(step_s=MINUTE_S, settle_s=p["settle"], rest_o2=p["rest_o2"])
    return Of(gate, While((1,), inner, outside=outside), takes=2)


def _in_whole_hours(p: Values, inner: Evaluator, *, stands: bool = False) -> Evaluator:
    """Judge the converted hour value, where there is something to judge."""
    return Of(WholeHour(rest_o2=p["rest_o2"], stands=stands), While((1,), inner), takes=2)


LIMITS: Final = (
    Rule(
        id="E1",
        group=Group.EMISSION,
        kind=Kind.LIM,
        name=Text("小时超标", "hour over the limit"),
        means=Text(
            "该因子的小时均值(折算值)高于排放限值,且该小时有效数据不少于45分钟。",
            "The factor's hour mean, converted, is above its emission limit, with at least 45 valid minutes.",
        ),
        check=Text(
            "先看治理设施是否全部正常运行、药剂或氨是否够量,再看负荷和含氧量;按预案减负荷。",
            "See that all treatment is running and dosed, then load and oxygen; reduce load as the plan says.",
        ),
        over=Scope.FACTOR,
        grain=Grain.HOUR,
        reads=_BY_HOUR,
        build=lambda p, f: _in_whole_hours(p, Outside(high=p["share"] * f["limit"])),
        facts=(LIMIT,),
        params={"share": Param(1.0, "", "C", "of the limit; strictly above it"), "rest_o2": _REST_O2},
        priority="high",
        muted=AT_REST,
        source="S1, S5",
    ),
    Rule(
        id="E2",
        group=Group.EMISSION,
        kind=Kind.LIM,
        name=Text("分钟预警", "minute values near the limit"),
        means=Text(
            "最近六个分钟值中至少三个高于限值的九成,小时均值有超标的可能。",
            "At least three of the last six minute values are above nine tenths of the limit: the hour may exceed it.",
        ),
        check=Text(
            "检查脱硫剂、喷氨量、除尘压差和燃烧工况,趁小时均值尚未超标时调整。",
            "Look at reagent, ammonia, filter pressure and combustion while the hour can still be kept.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=_BY_MINUTE,
        build=lambda p, f: _in_operation(
            p,
            Outside(
                high=p["share"] * f["limit"], back=(p["share"] - p["clear"]) * f["limit"], of=(int(p["n"]), int(p["m"]))
            ),
            "restart",
        ),
        facts=(LIMIT,),
        params={
            "share": Param(0.9, "", "P", "of the limit"),
            "clear": Param(0.85, "", "P", "of the limit; a minute counts until it is below this"),
            "n": Param(3.0, "", "C", "so many of the last `m` minutes"),
            "m": Param(6.0, "", "C", "minutes looked at"),
            "settle": _SETTLE,
            "rest_o2": _REST_O2,
        },
        muted=Mutes(marks=AT_REST.marks, rules=("E1",)),
        source="S5",
    ),
    Rule(
        id="E3",
        group=Group.EMISSION,
        kind=Kind.PROJ,
        name=Text("小时预测超标", "hour projected over the limit"),
        means=Text(
            "按本小时已有分钟值,并以最近五分钟的水平推算剩余时间,小时均值将超过限值。",
            "With the minutes so far, and the rest at the level of the last five, the hour mean will exceed the limit.",
        ),
        check=Text(
            "立即加大治理力度或减负荷;本小时结束前还来得及。",
            "Raise treatment or reduce load now: there is still time before the hour ends.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=_BY_MINUTE,
        build=lambda p, f: _in_operation(
            p,
            Projected(
                period="hour",
                limit=p["share"] * f["limit"],
                step_s=MINUTE_S,
                from_minute=int(p["from_minute"]),
                last=int(p["last"]),
            ),
            "pause",
        ),
        facts=(LIMIT,),
        params={
            "share": Param(1.0, "", "P", "of the limit"),
            "from_minute": Param(15.0, "", "P", "not before this minute of the hour"),
            "last": Param(5.0, "", "P", "the rest of the hour is taken to be as these last minutes"),
            "settle": _SETTLE,
            "rest_o2": _REST_O2,
        },
        muted=AT_REST,
        source="S13",
    ),
    Rule(
        id="E4",
        group=Group.EMISSION,
        kind=Kind.PROJ,
        name=Text("日均预警/超标", "day mean near or over the limit"),
        means=Text(
            "当日已有小时均值的平均高于限值的九成,当日日均值有超标的可能。",
            "The mean of the day's hours so far is above nine tenths of the limit: the day mean may exceed it.",
        ),
        check=Text(
            "查看当日各小时均值,安排剩余时段降低排放;若已超过限值,按超标处置。",
            "Look at the day's hours and lower emission for the rest of it; above the limit, act as for a violation.",
        ),
        over=Scope.FACTOR,
        grain=Grain.HOUR,
        reads=_BY_HOUR,
        build=lambda p, f: _in_whole_hours(p, MeanSoFar(high=p["share"] * f["limit"], least=int(p["hours"]))),
        facts=(LIMIT,),
        params={
            "share": Param(0.9, "", "P", "of the limit"),
            "hours": Param(6.0, "", "P", "not before so many hours of the day were judged"),
            "rest_o2": _REST_O2,
        },
        muted=AT_REST,
        source="S13",
    ),
    Rule(
        id="E5",
        group=Group.EMISSION,
        kind=Kind.PROJ,
        name=Text("总量超许可", "emitted mass ahead of the permit"),
        means=Text(
            "本年累计排放量超过许可量按日期应占的份额一成以上,照此下去全年将超许可。",
            "This year's mass is over the permit's share by date by more than a tenth: the year will exceed it.",
        ),
        check=Text(
            "核对流量与浓度是否正常,再安排后续生产计划或治理提效;必要时申请调整许可。",
            "Check flow and concentration first, then plan production or better treatment for the rest of the year.",
        ),
        over=Scope.FACTOR,
        grain=Grain.HOUR,  # of a plant on day shift, a day's mean times its volume is half of what the hours come to
        reads=(MASS.total,),
        build=lambda p, f: Pace(
            limit=f["permit_mass"], tolerance=p["tolerance"], from_day=int(p["from_day"]), a_day=HOURS_A_DAY
        ),
        facts=(PERMIT_MASS,),
        params={
            "tolerance": Param(0.1, "", "P", "beyond the permit's share by date"),
            "from_day": Param(30.0, "", "P", "not before so many days of the year: a few busy ones say nothing"),
        },
        source="S13",
    ),
    Rule(
        id="E6",
        group=Group.EMISSION,
        kind=Kind.SHAPE,
        name=Text("贴限排放", "hugging the limit"),
        means=Text(
            "最近24个生产小时中,七成以上的小时均值落在限值的九成到限值之间,却无一超标,值得核查。",
            "Of the last 24 hours of production 70 % lie between 0.9 of the limit and the limit, and none above.",
        ),
        check=Text(
            "核对分析仪量程、参数与原始数据;若属实,说明治理裕量不足。",
            "Check the analyzer's range, settings and raw data; if it is so, treatment has no margin.",
        ),
        over=Scope.FACTOR,
        grain=Grain.HOUR,
        reads=_BY_HOUR,
        build=lambda p, f: _in_whole_hours(
            p,
            ShareInside(
                low=p["low"] * f["limit"], high=f["limit"], share=p["share"], window_s=p["window"], step_s=HOUR_S
            ),
            stands=True,
        ),
        facts=(LIMIT,),
        params={
            "low": Param(0.9, "", "P", "of the limit: from here to the limit"),
            "share": Param(0.7, "", "P", "of the hours lie there"),
            "window": Param(DAY_S, "s", "P", "hours of production looked at"),
            "rest_o2": _REST_O2,
        },
        priority="low",
        source="paper 2026",
    ),
)

RULES: Final = (
    *LIMITS,
    *emission_series.RULES,
    *emission_shape.RULES,
    *emission_process.RULES,
    *emission_instruments.RULES,
)
