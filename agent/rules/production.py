"""Production, P1 to P14: what runs, when it may run, and whether what is said of it agrees with what it draws.

Gating, so that ordinary work is silent:

- P1 to P3 know one night, ``22:00-06:00``. A plant that works nights by right says so once, with a `night-permit` mark.
- P2 and P3 look at the last 24 hours, at every full hour. A Monday that starts before dawn, or a week that ends, moves
  that ratio for less than a day; their holds are longer than that.
- P5 judges only a line for which declarations are in use (`DECLARING`): a plant that never declares is not told at each
  start that it did not.
- P7 does not go on counting at the present rate to midnight, which every one-shift plant would fail at noon. Its
  projected day is today so far plus what yesterday took after this hour: the last 24 hours.
- P13 judges days on which the main meter shows half of a usual day or more: on a holiday the offices are all there is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from agent.plant import State
from agent.rules import kinds
from agent.rules import quantity as q
from agent.rules.night import NightWork
from agent.rules.quantity import Span
from agent.rules.rule import DAY_S, HOUR_S, MINUTE_S, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.quantity import Quantity, Read
    from agent.rules.rule import Evaluator, Facts, Values

_NIGHT: Final = Param("22:00-06:00", "", "P", "local hours of night")
_PLANT_MATTER: Final = Param(0.0, "s", "P", "never: a matter of the plant's own")
_PERMITTED: Final = Mutes(marks=("night-permit",))


def _minute_if_any(quantity: Quantity) -> Read:
    return quantity.over(Span.MINUTE, optional=True)


def _build_p2(p: Values, f: Facts) -> Evaluator:
    ratio = NightWork(hours=p["hours"], rated_kw=f["rated"], least=p["least"])
    return kinds.Of(ratio, kinds.Outside(high=p["ratio"]))


def _build_p3(p: Values, _f: Facts) -> Evaluator:
    usual = kinds.Away(mad=p["mad"], points=p["change"], step_s=HOUR_S, by_load=False)
    return kinds.Of(kinds.Split(hours=p["hours"], step_s=HOUR_S, min_cov=0.9), usual)


def _above(share: float, f: Facts) -> Evaluator:
    """Return whether a power is above a share of the rated one; never for a machine whose rated power is not stated."""
    rated = f.get("rated")
    return kinds.Outside(high=math.inf if rated is None else share * rated)


def _build_p4(p: Values, f: Facts) -> Evaluator:
    """Energy convicts by itself; flue gas only where no other machine of the line explains it."""
    draws = kinds.Of(kinds.Mean(window_s=HOUR_S, step_s=MINUTE_S), _above(p["energy"], f))
    fumes = kinds.Reckoned(lambda line, o2, gas: line != State.RUN and o2 < p["o2"] and gas > p["velocity"])
    works = kinds.AnyOf(
        kinds.Takes(0, kinds.Is(State.IDLE, State.RUN)),
        kinds.Takes(2, draws),
        kinds.Takes((1, 3, 4), kinds.Of(fumes, kinds.Is(1))),
        optional=True,
    )
    return kinds.While((1,), works, outside="restart")


def _build_p6(p: Values, f: Facts) -> Evaluator:
    def mean(over: Evaluator) -> Evaluator:
        return kinds.Of(kinds.Mean(window_s=p["window"], step_s=MINUTE_S), over)

    by_power = kinds.Takes(0, mean(_above(p["load"], f)))
    by_control_system = kinds.Takes(1, mean(kinds.Outside(high=p["load"] * 100)))
    return kinds.AnyOf(by_power, by_control_system, optional=True)


def _build_p7(p: Values, f: Facts) -> Evaluator:
    over = kinds.Outside(high=p["share"] * f["permit_energy"])
    last_day = kinds.Of(kinds.Total(window_s=DAY_S, step_s=HOUR_S, min_cov=0.95), over)
    return kinds.Between(p["hours"], last_day, outside="see")


def _build_p11(p: Values, _f: Facts) -> Evaluator:
    usual = kinds.Away(low=1 - p["away"], high=1 + p["away"], step_s=HOUR_S, by_hour=False, by_load=False)
    per_tonne = kinds.Quotient(window_s=p["shift"], step_s=HOUR_S)
    return kinds.While((State.RUN,), kinds.Of(per_tonne, usual), outside="see")


def _build_p12(p: Values, f: Facts) -> Evaluator:
    apart = kinds.Reckoned(lambda load, power: load / 100 - power / f["rated"])
    return kinds.Of(apart, kinds.Outside(low=-p["apart"], high=p["apart"]))


def _build_p13(p: Values, _f: Facts) -> Evaluator:
    works = kinds.Away(high=p["usual"], step_s=DAY_S, by_hour=False, by_load=False)
    jumped = kinds.Away(points=p["jump"], side="above", step_s=DAY_S, by_hour=False, by_load=False)
    unmetered = kinds.Reckoned(lambda main, subs: (main - sum(subs)) / main)
    too_much = kinds.AnyOf(kinds.Outside(high=p["share"]), jumped)
    return kinds.AllOf(kinds.Takes(0, works), kinds.Of(unmetered, too_much))


P1: Final = Rule(
    id="P1",
    group=Group.PRODUCTION,
    kind=Kind.PAIR,
    name=Text("夜间生产", "night production"),
    means=Text(
        "夜间禁产时段内产污设施在运行,且没有有效的夜间生产许可。",
        "Polluting machines run within the closed night hours, and no permit for night work is in force.",
    ),
    check=Text(
        "先到现场确认是哪台设备在运行、由谁安排;确有许可或抢修的,立即补录夜间生产许可,否则停机并说明原因。",
        "Go and see which machine runs and who ordered it. If there is a permit, enter it; if not, stop and say why.",
    ),
    over=Scope.LINE,
    grain=Grain.NOW,
    reads=(q.PRODUCTION.now, q.PERMIT_NIGHT.now),
    build=lambda p, _f: kinds.Between(p["hours"], kinds.Pair(State.RUN, 0)),
    params={"hours": _NIGHT, "hold": Param(30 * MINUTE_S, "s", "P", "running this long")},
    source="Ningbo",
)
P2: Final = Rule(
    id="P2",
    group=Group.PRODUCTION,
    kind=Kind.RATIO,
    name=Text("峰谷电量比异常", "night to day energy ratio"),
    means=Text(
        "最近24小时夜间用电相对白天明显偏高,像是把生产挪到了夜间。",
        "For its day, the last night took far too much energy: work may have moved into the night.",
    ),
    check=Text(
        "对照夜间各分表电量和排班表,找出夜间用电的设备;属正常夜班的,请录入夜间生产许可。",
        "Find in the sub-meters and the shift plan what ran at night. If the night shift is lawful, enter its permit.",
    ),
    over=Scope.LINE,
    grain=Grain.HOUR,
    reads=(q.PRODUCTION_ENERGY.total,),
    facts=(q.RATED,),
    build=_build_p2,
    params={
        "hours": _NIGHT,
        "ratio": Param(0.6, "", "P", "night energy over day energy; round-the-clock work gives 0.5"),
        "least": Param(0.2, "", "P", "the night counts from this share of a night at rated power"),
        "hold": Param(8 * HOUR_S, "s", "P", "so long that a start before dawn is made up for by the day"),
    },
    muted=_PERMITTED,
    source="Ningbo",
)
P3: Final = Rule(
    id="P3",
    group=Group.PRODUCTION,
    kind=Kind.BASE,
    name=Text("昼夜负荷突变", "shift between day and night load"),
    means=Text(
        "昼夜用电比例与近30天同一时刻相比突然改变,并已持续数日,生产作息可能悄悄调整。",
        "For days now, night and day energy stand in another ratio than for 30 days: the working hours were moved.",
    ),
    check=Text(
        "核对近三天的班次安排和订单变化,确认作息调整是否已向环保部门报备。",
        "Check the shift plan and orders of the last three days, and whether the change of hours was reported.",
    ),
    over=Scope.LINE,
    grain=Grain.HOUR,
    reads=(q.PRODUCTION_ENERGY.total,),
    build=_build_p3,
    params={
        "hours": _NIGHT,
        "mad": Param(3.0, "", "P", "median absolute deviations from the median"),
        "change": Param(0.2, "", "P", "and by more than this, as a ratio"),
        "hold": Param(3 * DAY_S, "s", "P", "so long that the end and the beginning of a week are no shift"),
    },
    muted=_PERMITTED,
    learns_days=14,
    source="CN115375520A (idea)",
)
P4: Final = Rule(
    id="P4",
    group=Group.PRODUCTION,
    kind=Kind.ORDER,
    name=Text("标停未停", "marked as stopped, still running"),
    means=Text(
        "设施已标记停运,但用电量或烟气参数表明它仍在生产。",
        "The machine is marked as stopped, but its energy, or the oxygen and speed of the flue gas, say that it works.",
    ),
    check=Text(
        "现场确认设施是否真正停机;已恢复生产的立即结束停运标记,确已停机的检查电表接线和烟气测点。",
        "See whether it stands. If it works, end the mark now; if not, check its meter's wiring and the gas probes.",
    ),
    over=Scope.PRODUCTION,
    grain=Grain.MINUTE,
    reads=(
        q.MARK_STOPPED.now,
        q.STATE.now,
        q.PRODUCTION.now,
        _minute_if_any(q.POWER),
        _minute_if_any(q.O2),
        _minute_if_any(q.VELOCITY),
    ),
    build=_build_p4,
    params={
        "energy": Param(0.05, "", "P", "share of an hour at rated power, within an hour since the mark"),
        "o2": Param(18.0, "%", "P", "oxygen below this"),
        "velocity": Param(3.0, "m/s", "P", "together with gas faster than this: something burns"),
        "hold": Param(15 * MINUTE_S, "s"),
    },
    priority="high",
    source="paper 2026, S13",
)
P5: Final = Rule(
    id="P5",
    group=Group.PRODUCTION,
    kind=Kind.LAG,
    name=Text("未申报停产/开工", "undeclared stop or start"),
    means=Text(
        "生产线开工或停产,前后一小时内没有相应申报。",
        "The line started or stopped, and nobody declared it within an hour before or after.",
    ),
    check=Text(
        "问当班人员这次开停的时间和原因,并补录申报;计划内的开停应提前申报。",
        "Ask the shift when and why, and enter the declaration. Planned starts and stops are declared beforehand.",
    ),
    over=Scope.LINE,
    grain=Grain.NOW,
    reads=(q.DECLARING.now, q.PRODUCTION.now, q.DECLARED_AT.now),
    build=lambda p, _f: kinds.While((1,), kinds.Undeclared(within_s=p["within"]), outside="see"),
    params={"within": Param(HOUR_S, "s", "P", "before or after the edge")},
    is_momentary=True,
    source="S14",
)
P6: Final = Rule(
    id="P6",
    group=Group.PRODUCTION,
    kind=Kind.LIM,
    name=Text("超负荷生产", "production over rated load"),
    means=Text(
        "设施长时间超过额定负荷运行,产能和排放可能超出核定水平。",
        "The machine has worked above its rated load for long: output and emissions may exceed what was approved.",
    ),
    check=Text(
        "核对铭牌额定功率与配置是否一致,再看当班产量和投料;铭牌无误的应把负荷降到额定以内。",
        "Compare name plate and configured rating, then output and feed. If the rating is right, bring the load back.",
    ),
    over=Scope.PRODUCTION,
    grain=Grain.MINUTE,
    reads=(_minute_if_any(q.POWER), _minute_if_any(q.LOAD)),
    either=(q.POWER, q.LOAD),
    build=_build_p6,
    params={
        "load": Param(1.10, "", "P", "share of the rated load"),
        "window": Param(15 * MINUTE_S, "s", "P", "mean over this"),
        "hold": Param(HOUR_S, "s"),
    },
)
P7: Final = Rule(
    id="P7",
    group=Group.PRODUCTION,
    kind=Kind.PROJ,
    name=Text("日产能/电量超许可", "over the permit of a day"),
    means=Text(
        "按今天已用电量加昨天同时段之后的用电推算,全天将超过许可日电量。",
        "Today's energy so far, with what yesterday took after this hour, exceeds the permit of a day.",
    ),
    check=Text(
        "查看今天新增的订单和开机台数,当班安排减产,使全天电量回到许可之内。",
        "Look for orders and machines added today, and cut back within the shift to stay inside the permit.",
    ),
    over=Scope.LINE,
    grain=Grain.HOUR,
    reads=(q.PRODUCTION_ENERGY.total,),
    facts=(q.PERMIT_ENERGY,),
    build=_build_p7,
    params={
        "share": Param(1.05, "", "P", "of the permitted energy"),
        "hours": Param("12:00-24:00", "", "P", "projected within these local hours"),
    },
    muted=Mutes(marks=("exempt",)),
)
P8: Final = Rule(
    id="P8",
    group=Group.PRODUCTION,
    kind=Kind.LIM,
    name=Text("空载运行", "production idling"),
    means=Text(
        "申报为生产,但设备长时间空转,可能以空转掩盖停产或虚报工况。",
        "Declared as producing, but the machine has idled for long: power is drawn and nothing is made.",
    ),
    check=Text(
        "确认是否待料、换模或保温;不再生产的停机并申报停产。",
        "Does it wait for material or tools, or keep warm? If work has ended, stop it and declare that.",
    ),
    over=Scope.PRODUCTION,
    grain=Grain.NOW,
    reads=(q.STATE.now, q.MARK_PRODUCING.now),
    build=lambda _p, _f: kinds.Pair(State.IDLE, 1),
    params={"hold": Param(HOUR_S, "s"), "escalate_after": _PLANT_MATTER},
    priority="low",
    muted=Mutes(marks=("stopped", "starting", "stopping", "fault", "maintenance", "drying")),
    source="S15",
)
P9: Final = Rule(
    id="P9",
    group=Group.PRODUCTION,
    kind=Kind.PAIR,
    name=Text("上下工序不匹配", "process chain mismatch"),
    means=Text(
        "上道工序在运行,下道工序却停着:物料去向不明,或某台电表没有如实反映。",
        "A step runs while the next one stands: the material goes somewhere else, or a meter does not tell the truth.",
    ),
    check=Text(
        "到下道工序看设备是否真停;若在运行,检查其电表、互感器和通讯;若真停,问清物料去向。",
        "Go to the next step. If it runs, check its meter and link; if it stands, ask where the material goes.",
    ),
    over=Scope.LINE,
    grain=Grain.NOW,
    reads=(q.CHAIN.now,),
    build=lambda _p, _f: kinds.Chain(),
    params={"hold": Param(15 * MINUTE_S, "s")},
    muted=Mutes(marks=("starting", "stopping", "maintenance", "fault", "drying")),
    source="S14 (co-run)",
)
P10: Final = Rule(
    id="P10",
    group=Group.PRODUCTION,
    kind=Kind.SEQ,
    name=Text("频繁启停", "frequent starts"),
    means=Text(
        "设备一小时内反复启停,可能是控制回路异常、设备带病运行,或有意间歇生产。",
        "It starts again and again within an hour: a fault of its control, a trip that recurs, or work in bits.",
    ),
    check=Text(
        "查看跳闸和热保护记录、控制柜报警;工艺本身间歇运行的,调大启动次数参数。",
        "Look at trips, thermal protection and the cabinet's alarms. If the process works in bits, allow more starts.",
    ),
    over=Scope.PRODUCTION,
    grain=Grain.NOW,
    reads=(q.STATE.now,),
    build=lambda p, _f: kinds.Starts(more_than=int(p["starts"]), within_s=p["within"]),
    params={
        "starts": Param(6.0, "", "P", "more starts than this (a state needs 60 s to change at all)"),
        "within": Param(HOUR_S, "s", "P", "in so much time"),
        "escalate_after": _PLANT_MATTER,
    },
    priority="low",
    muted=Mutes(marks=("maintenance", "fault")),
)
P11: Final = Rule(
    id="P11",
    group=Group.PRODUCTION,
    kind=Kind.BASE,
    name=Text("单位产品电耗异常", "energy per tonne"),
    means=Text(
        "一个班次的单位产品电耗偏离近30天的常值,产量或电量有一方可能不真实。",
        "The energy per tonne of a shift has left its value of 30 days: output or energy is not what is told.",
    ),
    check=Text(
        "核对产量计数与过磅记录,再核对电表读数和倍率;换产品或原料引起的,在日志中说明。",
        "Compare the output with the weighbridge, then the meter's reading and ratio. Note a new product or material.",
    ),
    over=Scope.PRODUCTION,
    grain=Grain.HOUR,
    reads=(q.STATE.now, q.ENERGY.total, q.OUTPUT.total),
    build=_build_p11,
    params={
        "away": Param(0.3, "", "P", "share of the usual value, up or down"),
        "shift": Param(8 * HOUR_S, "s", "P", "sums over this"),
        "hold": Param(2 * HOUR_S, "s", "P", "so long that one batch counted late is no alarm"),
        "escalate_after": _PLANT_MATTER,
    },
    muted=Mutes(marks=("starting", "stopping", "drying", "fault", "maintenance")),
    learns_days=14,
)
P12: Final = Rule(
    id="P12",
    group=Group.PRODUCTION,
    kind=Kind.DIFF,
    name=Text("DCS负荷与电耗不符", "DCS load against power"),
    means=Text(
        "DCS上报的负荷与电表测得的功率对不上,两个来源中有一个不可信。",
        "The control system's load and the meter's power do not agree: one of the two sources is wrong.",
    ),
    check=Text(
        "比对DCS画面负荷与现场电流表;再查电表倍率、额定功率配置和DCS负荷量程。",
        "Compare the control screen with the ammeter, then the meter's ratio, the rating and the load signal's span.",
    ),
    over=Scope.PRODUCTION,
    grain=Grain.MINUTE,
    reads=(q.LOAD.minute, q.POWER.minute),
    facts=(q.RATED,),
    build=_build_p12,
    params={"apart": Param(0.25, "", "P", "of the rated load"), "hold": Param(30 * MINUTE_S, "s")},
    muted=Mutes(marks=("starting", "stopping", "maintenance")),
    source="Tangshan data set",
)
P13: Final = Rule(
    id="P13",
    group=Group.PRODUCTION,
    kind=Kind.RATIO,
    name=Text("未联网设备用电", "unmetered use"),
    means=Text(
        "总表电量中没有分表计量的部分过大或突然增加,可能有未接入监控的设备在生产。",
        "Too much energy passes no sub-meter, or suddenly more: machines that nobody watches may be at work.",
    ),
    check=Text(
        "逐路核对配电柜出线,找出没有分表的回路;若办公、照明等长期占比就高,调大允许份额。",
        "Find the feeders without a sub-meter. If offices and lighting always take so much, raise the allowed share.",
    ),
    over=Scope.SITE,
    grain=Grain.DAY,
    reads=(q.MAIN_ENERGY.total, q.SUB_ENERGY.total),
    build=_build_p13,
    params={
        "share": Param(0.2, "", "P", "of the main meter's energy of a day"),
        "jump": Param(0.1, "", "P", "or this much above its usual share"),
        "usual": Param(0.5, "", "P", "judged on days above this share of the main meter's usual day"),
    },
    learns_days=14,
    source="S14",
)
P14: Final = Rule(
    id="P14",
    group=Group.PRODUCTION,
    kind=Kind.EVENT,
    name=Text("生产设施长期停用后启动", "start after a long stop"),
    means=Text(
        "停用一周以上的生产设施重新启动。这是提示,不是违规。",
        "A machine that stood for more than a week has started. A notice, not a breach.",
    ),
    check=Text(
        "确认启动有计划;检查配套治理设施、在线仪表和药剂耗材是否已同时投用。",
        "See that the start is planned, and that treatment, analyzers, reagents and consumables came back with it.",
    ),
    over=Scope.PRODUCTION,
    grain=Grain.NOW,
    reads=(q.STATE.now,),
    build=lambda p, _f: kinds.StartAfterRest(rest_s=p["rest"]),
    params={
        "rest": Param(7 * DAY_S, "s", "P", "known to be off for longer than this"),
        "escalate_after": _PLANT_MATTER,
    },
    priority="low",
    is_momentary=True,
)

RULES: Final = (P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14)
"""The rules of production, in the order of the catalogue."""
