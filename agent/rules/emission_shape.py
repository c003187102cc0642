"""Emission (E): E13 to E17, series that are cut off, repeat themselves, are too smooth, or jump up and down.

As in `emission_series`: measured concentrations, mostly in steady production; they flag, nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.rules.emission_series import tiny
from agent.rules.kinds import (
    AllJump,
    AllOf,
    AnyOf,
    Away,
    Deviation,
    Not,
    Of,
    Outside,
    Periodic,
    ShareAt,
    Spikes,
    Takes,
    While,
)
from agent.rules.operation import (
    RECOVER,
    RESTING,
    SERVICED,
    SETTLE,
    UNDISTURBED,
    WHERE_TOLD,
    Running,
    in_production,
    undisturbed,
)
from agent.rules.quantity import (
    CONCENTRATION,
    CONCENTRATIONS,
    LIMIT,
    LINE_LOAD,
    O2,
    PRODUCTION,
    RANGE,
    Span,
)
from agent.rules.rule import HOUR_S, MINUTE_S, Evaluator, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.rule import Facts, Values


_LOAD_S: Final = 600.0
"""What the load does shows in the gas within these minutes [P]."""


def _clipped(p: Values, f: Facts) -> Evaluator:
    """E13: many minutes at the same highest value, or the end of the range."""
    cut = ShareAt(share=p["share"], window_s=p["window"], step_s=MINUTE_S, above=tiny(p, f), dominance=p["dominance"])
    full = Outside(high=p["full"] * f["range"][1], inclusive=True)
    return Of(Running(step_s=MINUTE_S, is_needed=False), While((1,), AnyOf(full, cut), outside="restart"), takes=1)


def _periodic(p: Values) -> Evaluator:
    """E14: the series repeats itself, and the oxygen does not."""
    repeats = [
        Takes(
            which, Periodic(peak=p["peak"], from_s=p["from"], to_s=p["to"], step_s=MINUTE_S, periods=int(p["periods"]))
        )
        for which in (0, 1)
    ]
    return in_production(p, AllOf(repeats[0], Not(repeats[1]), optional=True), stands=True)


def _spikes(p: Values, f: Facts) -> Evaluator:
    """E16: up and down again and again, by more than noise at next to nothing."""
    floor = p["floor"] * f["limit"]
    spikes = Spikes(pairs=int(p["pairs"]), rel=p["rel"], window_s=p["window"], step_s=MINUTE_S, floor=floor)
    return undisturbed(p, spikes)


def _together(p: Values) -> Evaluator:
    """E17: nearly all factors jump in one minute, and not because the load did."""
    jump = AllJump(share=p["share"], rel=p["rel"], sd_factor=p["sd_factor"], window_s=p["window"], step_s=MINUTE_S)
    restless = Of(Deviation(window_s=_LOAD_S, step_s=MINUTE_S), Outside(high=p["quiet"]))
    return undisturbed(p, AllOf(Takes(0, jump), Takes(1, Not(restless)), optional=True))


RULES: Final = (
    Rule(
        id="E13",
        group=Group.EMISSION,
        kind=Kind.SHAPE,
        name=Text("超量程/设限值", "clipped or over range"),
        means=Text(
            "一小时内一成以上的分钟值等于同一个最大值,像被设了上限;或已到量程的99%。",
            "A tenth of an hour's minutes share one highest value, as if cut off; or the range is at its end.",
        ),
        check=Text(
            "核对分析仪与数采仪的量程、上限设置和4-20mA换算;看原始数据。",
            "Compare range, upper bounds and 4-20 mA scaling of analyzer and logger; look at the raw data.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(WHERE_TOLD, CONCENTRATION.minute),
        build=_clipped,
        facts=(RANGE,),
        params={
            "share": Param(0.1, "", "P", "of the minutes equal the highest"),
            "dominance": Param(6.0, "", "P", "times as many as other values have: coarse steps make chance ties"),
            "window": Param(HOUR_S, "s", "P", "minutes looked at"),
            "full": Param(0.99, "", "P", "of the range: its end"),
            "tiny": Param(0.02, "", "P", "share of the limit up to which a highest value says nothing"),
        },
        muted=Mutes(marks=SERVICED, rules=("E9",)),
        source="S13",
    ),
    Rule(
        id="E14",
        group=Group.EMISSION,
        kind=Kind.SHAPE,
        name=Text("周期性变化", "periodic series"),
        means=Text(
            "浓度按固定周期(5至120分钟)几乎原样重复三次以上,而含氧量没有这种周期。",
            "The concentration repeats itself every 5 to 120 minutes, three times and more, and the oxygen does not.",
        ),
        check=Text(
            "比对分析仪屏幕与数采数据,查看是否为回放或模拟数据;核对工艺是否确有周期。",
            "Compare display and data for a replay or simulation; see whether the process really is periodic.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, CONCENTRATION.minute, O2.over(Span.MINUTE, optional=True)),
        build=lambda p, _f: _periodic(p),
        params={
            "peak": Param(0.9, "", "P", "autocorrelation from which it repeats itself"),
            "from": Param(300.0, "s", "P", "shortest period"),
            "to": Param(7200.0, "s", "P", "longest period"),
            "periods": Param(3.0, "", "P", "repeated so often"),
            "settle": SETTLE,
        },
        muted=Mutes(marks=RESTING, rules=("E9",)),
        source="S13, CN112381697A",
    ),
    Rule(
        id="E15",
        group=Group.EMISSION,
        kind=Kind.BASE,
        name=Text("小幅波动", "too little noise"),
        means=Text(
            "六小时内的波动不到相近负荷下平常的三成:数据可能被平滑或人为生成。",
            "For six hours the values moved less than a third of what is usual at this load: smoothed, or made up.",
        ),
        check=Text(
            "核对滤波、平均和响应时间设置,比对分析仪原始信号。",
            "Check filter, averaging and response settings; compare the analyzer's raw signal.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(*UNDISTURBED, CONCENTRATION.minute, LINE_LOAD.over(Span.MINUTE, optional=True)),
        build=lambda p, _f: undisturbed(
            p,
            Of(Deviation(window_s=p["window"], step_s=MINUTE_S), Away(low=p["low"]), takes=1),
            stands=True,
        ),
        params={
            "low": Param(0.3, "", "P", "of the usual standard deviation"),
            "window": Param(6 * HOUR_S, "s", "P", "minutes that the deviation is taken of"),
            "settle": SETTLE,
            "recover": RECOVER,
        },
        muted=Mutes(marks=RESTING, rules=("E9", "E10", "E11")),
        learns_days=14,
        source="CN112381697A",
    ),
    Rule(
        id="E16",
        group=Group.EMISSION,
        kind=Kind.JUMP,
        name=Text("陡升陡降", "train of spikes"),
        means=Text(
            "一小时内浓度三次以上成对地陡升陡降,幅度超过一半,且不在反吹期间。",
            "More than three times in an hour the concentration shot up and fell by over half, and not in blow back.",
        ),
        check=Text(
            "检查信号线干扰、接地和采样电磁阀;核对是否人为插拔或切换样气。",
            "Check wiring, earthing and sample valves; see whether somebody switches the sample.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(*UNDISTURBED, CONCENTRATION.minute),
        build=_spikes,
        facts=(LIMIT,),
        params={
            "pairs": Param(3.0, "", "P", "more pairs of up and down than this"),
            "rel": Param(0.5, "", "P", "change, as a share of the minute before"),
            "window": Param(HOUR_S, "s", "P", "minutes looked at"),
            "floor": Param(0.1, "", "P", "share of the limit; values below are taken to be this"),
            "settle": SETTLE,
            "recover": RECOVER,
        },
        muted=Mutes(marks=RESTING, rules=("E17",)),
        source="S13",
    ),
    Rule(
        id="E17",
        group=Group.EMISSION,
        kind=Kind.JUMP,
        name=Text("满屏跳", "all factors jump together"),
        means=Text(
            "稳定生产中,八成以上的因子在同一分钟内一起突变:多半不是烟气的变化。",
            "In steady production four fifths of the factors jumped in one minute: hardly the gas itself.",
        ),
        check=Text(
            "检查分析仪与数采仪供电、通讯和公共采样管路;查看是否切换了数据源。",
            "Check power, communication and the common sample line; see whether the source of data was switched.",
        ),
        over=Scope.OUTLET,
        grain=Grain.MINUTE,
        reads=(*UNDISTURBED, CONCENTRATIONS.minute, LINE_LOAD.over(Span.MINUTE, optional=True)),
        build=lambda p, _f: _together(p),
        params={
            "share": Param(0.8, "", "P", "of the factors"),
            "rel": Param(0.5, "", "P", "change, as a share of the minute before"),
            "sd_factor": Param(5.0, "", "P", "and so many standard deviations of the window"),
            "window": Param(HOUR_S, "s", "P", "minutes that the deviation is taken of"),
            "quiet": Param(5.0, "%", "P", "not when the load of the last ten minutes deviated by more than this"),
            "settle": SETTLE,
            "recover": RECOVER,
        },
        muted=Mutes(marks=RESTING),
        is_momentary=True,
        source="S13",
    ),
)
