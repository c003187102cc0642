"""Emission (E): E24 to E28, the instruments: conversion, two sources of one value, settings, gas conditions, sampling.

Two sources of one value have to agree, and settings do not change by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.rules.kinds import (
    AnyOf,
    Apart,
    Changed,
    Flat,
    Of,
    Outside,
    Reckoned,
    Takes,
)
from agent.rules.operation import REST_O2, RESTING, SERVICED, SETTLE, in_production
from agent.rules.quantity import (
    CONCENTRATION,
    CONVERTED_TOLD,
    COOLER,
    GAS_TEMPERATURE,
    HUMIDITY,
    O2,
    PRODUCTION,
    RANGE,
    REFERENCE_O2,
    SAMPLE_LINE,
    SECOND,
    SETTINGS,
    VELOCITY,
    WORK_ORDER,
    Span,
)
from agent.rules.rule import HOUR_S, MINUTE_S, Evaluator, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.quantity import Quantity, Read
    from agent.rules.rule import Facts, Values

AIR_O2: Final = 21.0
"""Oxygen of air in the conversion of HJ 212-2017 appendix D, percent."""


def _if_any(quantity: Quantity) -> Read:
    """Return the read of a minute mean that a site may lack."""
    return quantity.over(Span.MINUTE, optional=True)


def _converted(p: Values, f: Facts) -> Evaluator:
    """E24: the instrument's converted value against the standard's formula. In air there is nothing to convert."""
    reference = f["reference_o2"]

    def formula(concentration: float, o2: float) -> float | None:
        return None if o2 > p["rest_o2"] else concentration * (AIR_O2 - reference) / (AIR_O2 - o2)

    return Of(Reckoned(formula), Apart(abs=p["abs"], rel=p["rel"]), takes=2)


def _implausible(p: Values) -> Evaluator:
    """E27: a quantity of the gas outside of what is possible, or not moving at all."""

    def each(which: int, low: float, high: float) -> Evaluator:
        still = Flat(window_s=p["window"], step_s=MINUTE_S, eps=0.0)
        return Takes(which, AnyOf(Outside(low=low, high=high), still, optional=True))

    bands = (
        each(0, p["t_low"], p["t_high"]),
        each(1, p["x_low"], p["x_high"]),
        each(2, p["v_low"], p["v_high"]),
    )
    return in_production(p, AnyOf(*bands, optional=True))


def _sampling(p: Values) -> Evaluator:
    """E28: a cold sample line, or a cooler that is too warm or freezes."""
    line, cooler = Outside(low=p["line"]), Outside(low=p["cooler_low"], high=p["cooler_high"])
    return AnyOf(Takes(0, line), Takes(1, cooler), optional=True)


RULES: Final = (
    Rule(
        id="E24",
        group=Group.EMISSION,
        kind=Kind.DIFF,
        name=Text("折算公式不一致", "conversion differs"),
        means=Text(
            "仪表折算值与按实测浓度、含氧量和基准含氧量算得的值相差超过2%且超过1 mg/m3。",
            "The instrument's converted value is off the formula's by over 2 % and over 1 mg/m3.",
        ),
        check=Text(
            "核对仪表中的基准含氧量、折算公式和含氧量取值,以及本网关配置。",
            "Compare reference oxygen, formula and source of oxygen in the instrument with this box's site file.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(CONCENTRATION.now, O2.now, CONVERTED_TOLD.now),
        build=_converted,
        facts=(REFERENCE_O2,),
        params={
            "rel": Param(0.02, "", "P", "apart, as a share of the greater"),
            "abs": Param(1.0, "mg/m3", "P", "and apart by so much"),
            "rest_o2": Param(REST_O2, "%", "P", "not compared with more oxygen than this"),
            "hold": Param(600.0, "s", "P", "for so long"),
        },
        priority="high",
        muted=Mutes(marks=SERVICED),
        source="S13",
    ),
    Rule(
        id="E25",
        group=Group.EMISSION,
        kind=Kind.DIFF,
        name=Text("分析仪-数采仪-DCS不一致", "two sources differ"),
        means=Text(
            "同一因子两个来源(分析仪、数采仪、DCS)的数值相差超过5%且超过量程的1%。",
            "Two sources of one factor (analyzer, logger, DCS) are apart by over 5 % and over 1 % of the range.",
        ),
        check=Text(
            "核对各级量程与4-20mA换算、单位和修正系数,确认哪一级改动过。",
            "Compare ranges, 4-20 mA scaling, units and factors of each; find which one was changed.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(CONCENTRATION.minute, SECOND.minute),
        build=lambda p, f: Apart(abs=p["of_range"] * f["range"][1], rel=p["rel"]),
        facts=(RANGE,),
        params={
            "rel": Param(0.05, "", "P", "apart, as a share of the greater"),
            "of_range": Param(0.01, "", "P", "and apart by this share of the range"),
            "hold": Param(600.0, "s", "P", "for so long"),
        },
        muted=Mutes(marks=SERVICED),
        source="S13",
    ),
    Rule(
        id="E26",
        group=Group.EMISSION,
        kind=Kind.EVENT,
        name=Text("参数修改", "settings changed"),
        means=Text(
            "仪表的量程、斜率、截距等参数变了,而当时没有工单。",
            "A setting of the instrument (range, slope, intercept …) changed while no work order was in force.",
        ),
        check=Text(
            "查仪表操作日志,确认何人何时为何修改;恢复或补办工单。",
            "Read the instrument's log: who changed it, when and why; put it back or enter a work order.",
        ),
        over=Scope.OUTLET,
        grain=Grain.NOW,
        reads=(SETTINGS.now, WORK_ORDER.now),
        build=lambda p, _f: Changed(shown_s=p["shown"], excused=True),
        params={"shown": Param(600.0, "s", "P", "how long a change is shown")},
        priority="high",
        is_momentary=True,
        source="S13",
    ),
    Rule(
        id="E27",
        group=Group.EMISSION,
        kind=Kind.LIM,
        name=Text("湿度/温度/流速不合理", "gas conditions implausible"),
        means=Text(
            "生产期间烟温、湿度或流速超出合理范围,或两小时一点不变。",
            "In production temperature, humidity or velocity of the gas is impossible, or has not moved for two hours.",
        ),
        check=Text(
            "检查温度、湿度、压差变送器和皮托管反吹;看是否填了固定值。",
            "Check the transmitters and the pitot tube's purge; see whether a fixed value was entered.",
        ),
        over=Scope.OUTLET,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, _if_any(GAS_TEMPERATURE), _if_any(HUMIDITY), _if_any(VELOCITY)),
        either=(GAS_TEMPERATURE, HUMIDITY, VELOCITY),
        build=lambda p, _f: _implausible(p),
        params={
            "t_low": Param(10.0, "Cel", "R", "lowest temperature"),
            "t_high": Param(350.0, "Cel", "R", "highest temperature"),
            "x_low": Param(0.0, "%", "R", "lowest humidity"),
            "x_high": Param(40.0, "%", "R", "highest humidity"),
            "v_low": Param(0.0, "m/s", "R", "lowest velocity"),
            "v_high": Param(40.0, "m/s", "R", "highest velocity"),
            "window": Param(2 * HOUR_S, "s", "R", "not moving for so long"),
            "hold": Param(300.0, "s", "P", "for so long"),
            "settle": SETTLE,
        },
        muted=Mutes(marks=RESTING),
        source="R",
    ),
    Rule(
        id="E28",
        group=Group.EMISSION,
        kind=Kind.LIM,
        name=Text("伴热/冷凝温度异常", "sample line or cooler temperature"),
        means=Text(
            "伴热管低于120℃,或冷凝器不在2至6℃:样气中的水会带走污染物,读数偏低。",
            "The sample line is under 120 °C or the cooler not at 2 to 6 °C: water takes pollutants away.",
        ),
        check=Text("检查伴热带供电、温控和冷凝器排水。", "Check heating, its controller, and the cooler's drain."),
        over=Scope.OUTLET,
        grain=Grain.MINUTE,
        reads=(_if_any(SAMPLE_LINE), _if_any(COOLER)),
        either=(SAMPLE_LINE, COOLER),
        build=lambda p, _f: _sampling(p),
        params={
            "line": Param(120.0, "Cel", "R", "coldest sample line"),
            "cooler_low": Param(2.0, "Cel", "R", "coldest cooler"),
            "cooler_high": Param(6.0, "Cel", "R", "warmest cooler"),
            "hold": Param(900.0, "s", "R", "for so long"),
        },
        muted=Mutes(marks=SERVICED),
        source="R",
    ),
)
