"""Emission (E): E7 to E12, minute and hour values that jump, stand still, or are next to nothing.

A real analyzer on a real stack is restless, and each factor in its own way. These rules look at the measured
(not the converted) concentration, and most only while production has been running for a while and the analyzer is not
blowing back: starts, stops and rest are not suspicious. They flag. Whether data were falsified is for the authority to
find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.rules.kinds import (
    AllOf,
    Away,
    Flat,
    Inside,
    Is,
    Jump,
    Mean,
    Of,
    Outside,
    Reckoned,
    While,
)
from agent.rules.operation import (
    FULL_HOUR_S,
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
    LIMIT,
    LINE_LOAD,
    LINE_RUNTIME,
    MEDIUM,
    PRODUCTION,
    RANGE,
    Span,
)
from agent.rules.rule import DAY_S, HOUR_S, MINUTE_S, Evaluator, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.rule import Facts, Values


def tiny(p: Values, f: Facts) -> float:
    """Return the concentration under which nothing is measured: the detection limit, at least a share of the limit.

    0 where the site states neither.
    """
    least: float = p["tiny"] * (f.get("limit") or 0.0)
    return max(f.get("detection_limit") or 0.0, least)


def _running_hours(inner: Evaluator) -> Evaluator:
    """Judge the hours that production ran through, given seconds of its run time first; the others change nothing."""
    return Of(Reckoned(lambda runtime: 1.0 if runtime >= FULL_HOUR_S else None), While((1,), inner), takes=1)


def _constant(p: Values, f: Facts) -> Evaluator:
    """E9: no change at all for an hour (gas) or a day (water), at a value that is more than next to nothing."""
    window_s = p["water"] if f["medium"] == "water" else p["gas"]
    flat = Flat(window_s=window_s, step_s=MINUTE_S, eps=p["eps"], gaps=False)
    gate = Running(step_s=MINUTE_S, is_needed=False)
    return Of(gate, While((1,), AllOf(flat, Outside(high=tiny(p, f))), outside="restart"), takes=1)


RULES: Final = (
    Rule(
        id="E7",
        group=Group.EMISSION,
        kind=Kind.JUMP,
        name=Text("分钟值突变", "jump of a minute value"),
        means=Text(
            "负荷没有明显变化,浓度却在一分钟内变化一半以上,并远超平时的波动。",
            "The concentration moved by over half in a minute, far beyond its noise, and the load did not.",
        ),
        check=Text(
            "查看分析仪日志、采样管路和反吹记录,再看同一时刻治理设施有无动作。",
            "See the analyzer's log, the sample line and blow back; then what treatment did at that moment.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(*UNDISTURBED, CONCENTRATION.minute, LINE_LOAD.over(Span.MINUTE, optional=True)),
        build=lambda p, f: undisturbed(
            p,
            Jump(
                abs=p["floor"] * f["limit"],
                rel=p["rel"],
                sd_factor=p["sd_factor"],
                window_s=p["window"],
                step_s=MINUTE_S,
                quiet=p["quiet"],
                shown_s=p["shown"],
            ),
        ),
        facts=(LIMIT,),
        params={
            "rel": Param(0.5, "", "P", "change, as a share of the minute before"),
            "sd_factor": Param(5.0, "", "P", "and so many standard deviations of the window"),
            "window": Param(HOUR_S, "s", "P", "minutes that the deviation is taken of"),
            "floor": Param(0.1, "", "P", "and at least this share of the limit"),
            "quiet": Param(0.1, "", "P", "not when the load changed by more than this share"),
            "shown": Param(600.0, "s", "P", "how long a jump is shown"),
            "settle": SETTLE,
            "recover": RECOVER,
        },
        priority="low",
        muted=Mutes(marks=RESTING, rules=("E16", "E17")),
        is_momentary=True,
        source="Ningbo",
    ),
    Rule(
        id="E8",
        group=Group.EMISSION,
        kind=Kind.FLAT,
        name=Text("时均值稳定低值", "steady low hour means"),
        means=Text(
            "最近24个生产小时的均值不到平常的五分之一,而且几乎不变。",
            "The last 24 hours of production average less than a fifth of the usual, and hardly move.",
        ),
        check=Text(
            "核对采样探头、管路是否脱落或稀释,零点和量程是否被改;通标气验证。",
            "See whether probe or line is off or diluted, zero and span changed; feed a test gas.",
        ),
        over=Scope.FACTOR,
        grain=Grain.HOUR,
        reads=(LINE_RUNTIME.total, CONCENTRATION.hour),
        build=lambda p, _f: _running_hours(
            AllOf(
                Of(Mean(window_s=p["window"], step_s=HOUR_S), Away(low=p["low"], step_s=HOUR_S)),
                Flat(window_s=p["window"], step_s=HOUR_S, cv=p["cv"]),
            )
        ),
        params={
            "low": Param(0.2, "", "P", "of the usual mean"),
            "cv": Param(0.05, "", "P", "deviation as a share of the mean"),
            "window": Param(DAY_S, "s", "P", "hours of production looked at"),
        },
        muted=Mutes(marks=RESTING, rules=("E9", "E10", "E11")),
        learns_days=14,
        source="Ningbo",
    ),
    Rule(
        id="E9",
        group=Group.EMISSION,
        kind=Kind.FLAT,
        name=Text("长期恒值", "constant for a long time"),
        means=Text(
            "在线且标志正常,数值却在整个窗口内一点不变(废气60分钟,废水24小时)。真实的分析仪总有波动。",
            "Online and flagged normal, yet not a digit moved for an hour (water: a day). Real analyzers are restless.",
        ),
        check=Text(
            "看分析仪屏幕与数采是否一致,有无保持、手动、模拟输出状态;通标气或换样验证。",
            "Compare the analyzer's display; look for hold, manual or simulated output; feed a test gas.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(WHERE_TOLD, CONCENTRATION.minute),
        build=_constant,
        facts=(MEDIUM,),
        params={
            "gas": Param(HOUR_S, "s", "P", "window for gas"),
            "water": Param(DAY_S, "s", "P", "window for water"),
            "eps": Param(0.0, "", "P", "highest less lowest value that still counts as constant"),
            "tiny": Param(0.02, "", "P", "share of the limit up to which a constant says nothing; see E10 and E11"),
        },
        muted=Mutes(marks=SERVICED, rules=("Q1",)),
        source="Ningbo, S13",
    ),
    Rule(
        id="E10",
        group=Group.EMISSION,
        kind=Kind.LIM,
        name=Text("极小值", "tiny values"),
        means=Text(
            "生产期间浓度连续一小时低于检出限或限值的百分之二,但又不是零。",
            "For an hour of production the value was under the detection limit or 2 % of the limit, yet not zero.",
        ),
        check=Text(
            "检查采样管路是否漏气、脱落,零点是否漂移或被调低;通标气验证。",
            "See whether the sample line leaks, whether the zero has drifted or was set low; feed a test gas.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, CONCENTRATION.minute),
        build=lambda p, f: in_production(p, Inside(low=0.0, high=tiny(p, f))),
        facts=(LIMIT,),
        params={
            "tiny": Param(0.02, "", "P", "share of the limit; the detection limit where it is higher"),
            "hold": Param(HOUR_S, "s", "P", "for so long"),
            "settle": SETTLE,
        },
        muted=Mutes(marks=RESTING),
        source="Ningbo",
    ),
    Rule(
        id="E11",
        group=Group.EMISSION,
        kind=Kind.LIM,
        name=Text("零值", "zero while producing"),
        means=Text(
            "生产期间浓度连续30分钟为零。停运期间为零属正常,不报警。",
            "For 30 minutes of production the concentration was exactly zero. At rest a zero is normal and not told.",
        ),
        check=Text(
            "看分析仪是否停机、断样或输出断线,采样泵和电磁阀是否动作。",
            "See whether the analyzer is off, without sample or its output broken; sample pump and valves.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, CONCENTRATION.minute),
        build=lambda p, _f: in_production(p, Is(0.0)),
        params={"hold": Param(1800.0, "s", "P", "for so long"), "settle": SETTLE},
        priority="high",
        muted=Mutes(marks=RESTING),
        source="S13",
    ),
    Rule(
        id="E12",
        group=Group.EMISSION,
        kind=Kind.LIM,
        name=Text("负值", "negative value"),
        means=Text(
            "浓度低于负的百分之一量程:零点漂移或信号故障。",
            "The concentration is below minus one percent of the range: a drifted zero or a faulty signal.",
        ),
        check=Text("校准零点,检查模拟输出和量程换算。", "Calibrate the zero; check the analog output and its scaling."),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(CONCENTRATION.minute,),
        build=lambda p, f: Outside(low=-p["share"] * f["range"][1]),
        facts=(RANGE,),
        params={
            "share": Param(0.01, "", "P", "of the measuring range below zero"),
            "hold": Param(300.0, "s", "P", "for so long"),
        },
        muted=Mutes(marks=SERVICED),
        source="S13",
    ),
)
