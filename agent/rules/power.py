"""Power and meters, W1 to W12: whether what the meters say can be true at all.

Everything of the plant's work rests on power meters, so a wire taken off, a transformer shorted or a counter turned
back must show here, whether it was done or just happened. Most of these rules compare quantities that physics ties
together. Gating, so that ordinary meters are silent:

- Small currents and powers are left out: at 3 % of its range no transformer is exact (W4, W5, W6, W9).
- Counters are coarse behind transformers (0.01 kWh times a ratio of 100 is 1 kWh a step): W1 and W8 want a difference
  in kWh beside the relative one, W7 gives 15 minutes, and no counter falls that passes the end of its register.
- Phase voltages of a feeder that is switched off are not out of band (W3): that is W2's and T7's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.rules import kinds
from agent.rules import quantity as q
from agent.rules.energy_counter import EnergyCounter
from agent.rules.quantity import Span
from agent.rules.rule import HOUR_S, MINUTE_S, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.quantity import Quantity, Read
    from agent.rules.rule import Evaluator, Facts, Values


def _minutes_if_any(*quantities: Quantity) -> tuple[Read, ...]:
    return tuple(one.over(Span.MINUTE, optional=True) for one in quantities)


_VOLTAGES: Final = (q.VOLTAGE_A.minute, q.VOLTAGE_B.minute, q.VOLTAGE_C.minute)
_CURRENTS: Final = (q.CURRENT_A.minute, q.CURRENT_B.minute, q.CURRENT_C.minute)
_ANY_CURRENTS: Final = _minutes_if_any(q.CURRENT, q.CURRENT_A, q.CURRENT_B, q.CURRENT_C)
"""Of a meter that tells one current, or of one that tells them by phase."""
_POWERS: Final = _minutes_if_any(q.POWER_A, q.POWER_B, q.POWER_C)
_REVERSED_BIT: Final = 4
"""Of status word 1: total active power flows backwards (DL/T 645-2007, as read in a library)."""
_PLANT_MATTER: Final = Param(0.0, "s", "P", "never: a matter of the plant's own")
_AT_WORK: Final = Mutes(marks=("work-order", "maintenance"))


def _build_w1(p: Values, _f: Facts) -> Evaluator:
    excess = kinds.Reckoned(lambda main, subs: sum(subs) - main)
    in_kwh = kinds.Of(kinds.Total(window_s=p["window"], step_s=MINUTE_S), kinds.Outside(high=p["slack"]))
    in_share = kinds.SumOver(window_s=p["window"], step_s=MINUTE_S, high=p["ratio"])
    return kinds.AllOf(in_share, kinds.Of(excess, in_kwh))


def _build_w2(p: Values, f: Facts) -> Evaluator:
    return kinds.AllOf(
        kinds.Of(kinds.Reckoned(min), kinds.Outside(low=p["low"] * f["rated_voltage"])),
        kinds.Of(kinds.Reckoned(max), kinds.Outside(high=p["high"] * f["rated_voltage"])),
    )


def _build_w3(p: Values, f: Facts) -> Evaluator:
    dead, low, high = (p[name] * f["rated_voltage"] for name in ("dead", "low", "high"))
    sag = (kinds.Takes(phase, kinds.Inside(low=dead, high=low)) for phase in range(3))
    swell = (kinds.Takes(phase, kinds.Outside(high=high)) for phase in range(3))
    return kinds.AnyOf(*sag, *swell, optional=True)


def _mean_of_others(*currents: float) -> float:
    """Return the mean of all phases but the weakest."""
    return (sum(currents) - min(currents)) / (len(currents) - 1)


def _build_w4(p: Values, f: Facts) -> Evaluator:
    weakest = kinds.Reckoned(lambda *currents: min(currents) / _mean_of_others(*currents))
    return kinds.AllOf(
        kinds.Of(kinds.Reckoned(_mean_of_others), kinds.Outside(high=p["least"] * f["rated_current"])),
        kinds.Of(weakest, kinds.Outside(low=p["lost"])),
    )


def _build_w5(p: Values, f: Facts) -> Evaluator:
    unbalance = kinds.Reckoned(lambda *currents: (max(currents) - min(currents)) / max(currents))
    return kinds.AllOf(
        kinds.Of(kinds.Reckoned(max), kinds.Outside(high=p["least"] * f["rated_current"])),
        kinds.Of(unbalance, kinds.Outside(high=p["unbalance"])),
    )


def _build_w6(p: Values, f: Facts) -> Evaluator:
    backwards = (kinds.Takes(which, kinds.Outside(low=-p["reverse"] * f["rated"])) for which in range(4))
    told = kinds.Of(kinds.Reckoned(lambda word: int(word) >> _REVERSED_BIT & 1), kinds.Is(1))
    return kinds.AnyOf(*backwards, kinds.Takes(4, told), optional=True)


def _build_w7(p: Values, f: Facts) -> Evaluator:
    rated = f.get("rated")
    most = None if rated is None else p["rate"] * rated  # of a main meter: then only falls can be told
    return EnergyCounter(rate_per_h=most, resolution=(most or 0.0) * p["slack"] / HOUR_S)


def _build_w9(p: Values, f: Facts) -> Evaluator:
    loaded = kinds.Of(kinds.Reckoned(abs), kinds.Outside(high=p["least"] * f["rated"]))
    poor = kinds.Of(kinds.Reckoned(abs), kinds.Outside(low=p["factor"]))
    impossible = kinds.Of(
        kinds.Reckoned(lambda power, apparent: abs(power) / apparent), kinds.Outside(high=p["excess"])
    )
    return kinds.AllOf(
        kinds.Takes(0, loaded),
        kinds.AnyOf(kinds.Takes(1, poor), kinds.Takes((0, 2), impossible), optional=True),
    )


def _build_w10(p: Values, f: Facts) -> Evaluator:
    none = (kinds.Takes(which, kinds.Outside(low=p["current"] * f["rated_current"])) for which in range(2, 6))
    return kinds.AllOf(
        kinds.Takes(0, kinds.Is(1)),
        kinds.Takes(1, kinds.Outside(high=p["voltage"] * f["rated_voltage"])),
        kinds.AllOf(*none, optional=True),
    )


def _build_w12(p: Values, f: Facts) -> Evaluator:
    over = (kinds.Takes(which, kinds.Outside(high=p["high"] * f["rated_current"])) for which in range(4))
    return kinds.AnyOf(*over, optional=True)


W1: Final = Rule(
    id="W1",
    group=Group.POWER,
    kind=Kind.RATIO,
    name=Text("分表之和大于总表", "sub-meters sum to more than the main meter"),
    means=Text(
        "各分表电量之和大于总表,这在物理上不可能:某只表的倍率、接线或归属有误。",
        "The sub-meters count more than the main meter, which cannot be: a ratio, wire or assignment is wrong.",
    ),
    check=Text(
        "先核对总表与各分表的CT/PT倍率,再看是否有分表重复计入,或某路由自备电源供电。",
        "Compare all transformer ratios first. Then look for a meter counted twice, or a feeder with its own supply.",
    ),
    over=Scope.SITE,
    grain=Grain.MINUTE,
    reads=(q.MAIN_ENERGY.total, q.SUB_ENERGY.total),
    build=_build_w1,
    params={
        "ratio": Param(1.05, "", "P", "sum of the sub-meters over the main meter"),
        "window": Param(15 * MINUTE_S, "s", "C", "energies of this long"),
        "slack": Param(2.0, "kWh", "P", "and by more than this, for coarse counters"),
        "hold": Param(15 * MINUTE_S, "s", "P", "two windows in a row"),
    },
    source="S14",
)
W2: Final = Rule(
    id="W2",
    group=Group.POWER,
    kind=Kind.LIM,
    name=Text("失压/缺相", "phase voltage lost"),
    means=Text(
        "电表有一相失压而其他相正常,该相电量不再计入。",
        "One phase of the meter has lost its voltage while another has it: that phase is no longer counted.",
    ),
    check=Text(
        "检查电表电压端子、熔断器和接线盒连片有无松脱或被断开;母线确实缺相时停机保护电机。",
        "Look for a loose or open voltage terminal, fuse or link. If the bus itself lost a phase, stop the motors.",
    ),
    over=Scope.METERED,
    grain=Grain.MINUTE,
    reads=_VOLTAGES,
    facts=(q.RATED_VOLTAGE,),
    build=_build_w2,
    params={
        "low": Param(0.6, "", "R", "of the rated voltage: one phase below this"),
        "high": Param(0.8, "", "R", "of the rated voltage: another above this"),
        "hold": Param(MINUTE_S, "s", "R"),
    },
    priority="high",
    muted=_AT_WORK,
    source="R",
)
W3: Final = Rule(
    id="W3",
    group=Group.POWER,
    kind=Kind.LIM,
    name=Text("电压越限", "voltage out of band"),
    means=Text(
        "供电电压长时间偏离额定值,设备可能过热、欠载或跳闸。",
        "The supply has been away from its rated voltage for long: machines may overheat, fall short or trip.",
    ),
    check=Text(
        "用万用表复测母线电压,看变压器分接头和无功补偿;额定相电压配置有误的,改正配置。",
        "Measure the bus, look at transformer tap and capacitors. Correct the configured rated voltage if it is wrong.",
    ),
    over=Scope.METERED,
    grain=Grain.MINUTE,
    reads=(q.VOLTAGE_A.minute, *_minutes_if_any(q.VOLTAGE_B, q.VOLTAGE_C)),
    facts=(q.RATED_VOLTAGE,),
    build=_build_w3,
    params={
        "low": Param(0.90, "", "R", "of the rated voltage"),
        "high": Param(1.07, "", "R", "of the rated voltage"),
        "dead": Param(0.6, "", "P", "below this share it is lost or switched off, not low"),
        "hold": Param(10 * MINUTE_S, "s", "R"),
        "escalate_after": _PLANT_MATTER,
    },
    priority="low",
    source="R",
)
W4: Final = Rule(
    id="W4",
    group=Group.POWER,
    kind=Kind.DIFF,
    name=Text("失流/CT短接", "phase current lost"),
    means=Text(
        "一相几乎没有电流而另两相有负荷:可能断相,也可能电流互感器二次被短接或拆除。",
        "One phase has next to no current and the others carry load: a broken phase, or a transformer shorted.",
    ),
    check=Text(
        "用钳形表在一次侧复测该相电流;一次侧有电流的,检查互感器二次接线和试验端子短接片。",
        "Clamp that phase. If current flows, check the transformer's wiring and the shorting links of the test block.",
    ),
    over=Scope.METERED,
    grain=Grain.MINUTE,
    reads=_CURRENTS,
    facts=(q.RATED_CURRENT,),
    build=_build_w4,
    params={
        "lost": Param(0.05, "", "R", "of the mean of the other phases"),
        "least": Param(0.1, "", "R", "of the rated current: their mean must be above this"),
        "hold": Param(10 * MINUTE_S, "s", "R"),
    },
    priority="high",
    muted=_AT_WORK,
    source="R",
)
W5: Final = Rule(
    id="W5",
    group=Group.POWER,
    kind=Kind.LIM,
    name=Text("三相不平衡", "unbalanced phases"),
    means=Text(
        "三相电流相差很大,可能是单相负荷分配不当、加热元件损坏或一相计量失准。",
        "The currents differ widely: single-phase loads, a burnt heater, or a phase that is metered wrongly.",
    ),
    check=Text(
        "用钳形表逐相复测并与电表读数比对,再查电机绕组、加热元件和互感器变比。",
        "Clamp each phase and compare with the meter, then look at windings, heaters and the transformers' ratios.",
    ),
    over=Scope.METERED,
    grain=Grain.MINUTE,
    reads=_CURRENTS,
    facts=(q.RATED_CURRENT,),
    build=_build_w5,
    params={
        "unbalance": Param(0.5, "", "R", "(largest - smallest) / largest"),
        "least": Param(0.2, "", "R", "of the rated current: the largest must be above this"),
        "hold": Param(30 * MINUTE_S, "s", "R"),
        "escalate_after": _PLANT_MATTER,
    },
    priority="low",
    muted=Mutes(marks=("work-order", "maintenance"), rules=("W4",)),
    source="R",
)
W6: Final = Rule(
    id="W6",
    group=Group.POWER,
    kind=Kind.LIM,
    name=Text("反向功率/接反", "reversed power"),
    means=Text(
        "功率为负:互感器或电压线接反,电量被少计或倒扣。",
        "Power is negative: a transformer or a voltage wire is the wrong way round, and energy is counted too low.",
    ),
    check=Text(
        "检查该相互感器P1/P2、S1/S2方向和电压相序;有光伏或能量回馈的回路,对该设施停用本规则。",
        "Check that transformer's direction and the phase order. With solar or regenerating drives, switch this off.",
    ),
    over=Scope.METERED,
    grain=Grain.MINUTE,
    reads=(q.POWER.minute, *_POWERS, q.STATUS_WORD.over(Span.NOW, optional=True)),
    facts=(q.RATED,),
    build=_build_w6,
    params={
        "reverse": Param(0.02, "", "P", "of the rated power, total or of one phase"),
        "hold": Param(10 * MINUTE_S, "s", "P"),
    },
    muted=_AT_WORK,
    source="DL/T 645 (status word)",
)
W7: Final = Rule(
    id="W7",
    group=Group.POWER,
    kind=Kind.SEQ,
    name=Text("电量倒走/跳变", "energy counter runs back or jumps"),
    means=Text(
        "电能表底数变小,或在短时间内增加了不可能的电量:换表、清零、改倍率或读数错误。",
        "The counter fell, or rose by more than can be drawn: another meter or ratio, a clearing, or a misreading.",
    ),
    check=Text(
        "抄录电表现场底数与平台数据比对;换表或改倍率的,补录工单并写明新旧底数。",
        "Read the counter at the meter. If meter or ratio was changed, enter the work order with both readings.",
    ),
    over=Scope.METERED,
    grain=Grain.MINUTE,
    reads=(q.ENERGY.now,),
    build=_build_w7,
    params={
        "rate": Param(1.2, "", "P", "of the rated power, since the last reading"),
        "slack": Param(15 * MINUTE_S, "s", "P", "and so much time more: readings are late, counters coarse"),
    },
    priority="high",
    muted=_AT_WORK,
    is_momentary=True,
)
W8: Final = Rule(
    id="W8",
    group=Group.POWER,
    kind=Kind.DIFF,
    name=Text("功率-电量不符", "power against energy"),
    means=Text(
        "按功率积分得到的电量与电表走字对不上,功率和电量至少有一个不真实。",
        "The energy that the power makes in an hour is not what the counter says: at least one of them is not true.",
    ),
    check=Text(
        "核对功率与电量两个点的倍率、单位和寄存器地址,再查采集周期内是否漏采。",
        "Compare the ratios, units and registers of the two points, then look whether readings were missed.",
    ),
    over=Scope.METERED,
    grain=Grain.HOUR,
    reads=(q.ENERGY.total, q.POWER.hour),
    facts=(q.RATED,),
    build=lambda p, f: kinds.Apart(rel=p["apart"], abs=p["least"] * f["rated"]),
    params={
        "apart": Param(0.05, "", "P", "of the larger of both, in an hour"),
        "least": Param(0.02, "", "P", "and more than this share of an hour at rated power, for coarse counters"),
        "hold": Param(HOUR_S, "s", "P", "two hours in a row"),
    },
    source="idea of S16",
)
W9: Final = Rule(
    id="W9",
    group=Group.POWER,
    kind=Kind.DIFF,
    name=Text("功率因数异常", "power factor implausible"),
    means=Text(
        "带负荷时功率因数过低,或有功大于视在功率:电压与电流的相别很可能接错。",
        "Power factor far too low under load, or active above apparent power: voltage and current of unlike phases.",
    ),
    check=Text(
        "核对电表各相电压、电流是否同相,再看补偿柜是否过补或退出。",
        "Check that each voltage goes with the current of its phase, then whether the capacitors are as they should.",
    ),
    over=Scope.METERED,
    grain=Grain.MINUTE,
    reads=(q.POWER.minute, q.POWER_FACTOR.minute, q.APPARENT.over(Span.MINUTE, optional=True)),
    facts=(q.RATED,),
    build=_build_w9,
    params={
        "factor": Param(0.3, "", "R", "power factor below this"),
        "least": Param(0.2, "", "R", "at a power above this share of the rated power"),
        "excess": Param(1.02, "", "P", "active over apparent power above this; 1 and the meter's own rounding"),
        "hold": Param(30 * MINUTE_S, "s", "R"),
        "escalate_after": _PLANT_MATTER,
    },
    muted=_AT_WORK,
    source="R",
)
W10: Final = Rule(
    id="W10",
    group=Group.POWER,
    kind=Kind.PAIR,
    name=Text("有电压无电流但设备运行", "running without current"),
    means=Text(
        "控制系统或振动信号表明设备在运行,电表却有电压而几乎没有电流:互感器可能被拆除或短接。",
        "Another signal says it runs, the meter has voltage and no current: its transformers are off or shorted.",
    ),
    check=Text(
        "到现场听看设备是否在转,用钳形表复测一次电流,再查互感器是否仍套在该设备电缆上。",
        "See whether it turns, clamp its cable, and look whether the transformers still sit on that cable.",
    ),
    over=Scope.METERED,
    grain=Grain.MINUTE,
    reads=(q.RUNNING.now, q.VOLTAGE_A.minute, *_ANY_CURRENTS),
    either=(q.CURRENT, q.CURRENT_A),
    facts=(q.RATED_CURRENT, q.RATED_VOLTAGE),
    build=_build_w10,
    params={
        "current": Param(0.02, "", "P", "of the rated current: less is none"),
        "voltage": Param(0.8, "", "P", "of the rated voltage: more is there"),
        "hold": Param(10 * MINUTE_S, "s", "P"),
    },
    priority="high",
    muted=_AT_WORK,
    source="CT removed",
)
W11: Final = Rule(
    id="W11",
    group=Group.POWER,
    kind=Kind.EVENT,
    name=Text("电表清零/编程/开盖", "meter cleared, programmed or opened"),
    means=Text(
        "电表的清零、编程或开盖次数增加,或表号、倍率改变:有人动过电表。",
        "Another clearing, programming or opening, or another number or ratio: somebody was at the meter.",
    ),
    check=Text(
        "查看铅封是否完好、当日有无供电部门或维保人员作业;有作业的补录工单。",
        "Look at the seals and ask who worked on the meter today. If it was planned, enter the work order.",
    ),
    over=Scope.METERED,
    grain=Grain.MINUTE,
    reads=(q.METER_EVENTS.now,),
    build=lambda _p, _f: kinds.Changed(),
    priority="high",
    muted=_AT_WORK,
    is_momentary=True,
    source="DL/T 645",
)
W12: Final = Rule(
    id="W12",
    group=Group.POWER,
    kind=Kind.LIM,
    name=Text("超短期负荷异常 CT过载", "current above the transformer's range"),
    means=Text(
        "电流超过额定值较多,电机可能过载,互感器也可能饱和而少计电量。",
        "The current is well above its rating: the motor is overloaded, and a saturated transformer counts too little.",
    ),
    check=Text(
        "看设备是否卡料或堵转,核对互感器变比与实际负荷;长期偏大的更换大变比互感器。",
        "Is the machine jammed? Compare the transformer's ratio with the load, and fit a larger one if it stays.",
    ),
    over=Scope.METERED,
    grain=Grain.MINUTE,
    reads=_ANY_CURRENTS,
    either=(q.CURRENT, q.CURRENT_A),
    facts=(q.RATED_CURRENT,),
    build=_build_w12,
    params={
        "high": Param(1.2, "", "R", "of the rated current"),
        "hold": Param(5 * MINUTE_S, "s", "R"),
        "escalate_after": _PLANT_MATTER,
    },
    source="R",
)

RULES: Final = (W1, W2, W3, W4, W5, W6, W7, W8, W9, W10, W11, W12)
"""The rules of power and meters, in the order of the catalogue."""
