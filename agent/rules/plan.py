"""Emergency and staggered-production plans, R1 to R10: whether what was ordered is done.

Orders are entered per line, with start, end and exemptions; an exempt line is under no order, and a mark `exempt` with
a reason keeps these rules still for the time of an approved exception. The rules of closed hours and days see an order
as it stood just before the end of that hour or day (`agent.rules.quantity.Span`), so that the last hour of an order is
judged and an hour of which the order took only a part is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.plant import State
from agent.rules import kinds
from agent.rules.quantity import (
    ANSWER,
    ORDER_ALLOWED,
    ORDER_ANY,
    ORDER_ELAPSED,
    ORDER_MINIMUM,
    ORDER_REDUCTION,
    ORDER_STAGGERED,
    ORDER_STOP,
    PRODUCTION,
    PRODUCTION_ENERGY,
    PRODUCTION_POWER,
    TREATMENT,
    Span,
)
from agent.rules.rule import DAY_S, HOUR_S, MINUTE_S, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.rule import Evaluator, Facts, Values

_READY: Final = Param(7 * DAY_S, "s", "P", "of which so many must be there")
_LEAST: Final = 0.001
"""A reduction by less is none."""
_NOT_DUE: Final = 1e-6
_JUST_BEFORE_S: Final = 1.0
"""An order is seen as it stood just before the end of a period; one of just that long has been in force all of it."""
_EXEMPT: Final = Mutes(marks=("exempt",))


def _build_r2(p: Values, f: Facts) -> Evaluator:
    """Judge hours that lie wholly behind the grace. While a stop is ordered, R1 judges, and nothing is learnt.

    What machines draw at rest cannot be cut: at night an hour of it is no missed reduction.
    """
    kept = kinds.Reduction(step_s=HOUR_S, by="hour", least_order=_LEAST, is_whole=True, **_baseline(p))
    works = kinds.Takes(2, kinds.Outside(high=p["least"] * (f.get("rated") or 0.0)))
    return kinds.While((0,), kinds.AllOf(works, kinds.Of(_ordered(p["grace"] + HOUR_S), kept, takes=2)))


def _build_r10(p: Values, _f: Facts) -> Evaluator:
    """Judge days all of which the order was in force. A stop is an order of 100 %."""
    kept = kinds.Reduction(
        step_s=DAY_S, by="day", keep=p["keep"], least_order=p["order"], is_whole=True, **_baseline(p)
    )
    return kinds.Of(_ordered(DAY_S), kept, takes=3)


def _baseline(p: Values) -> dict[str, int]:
    """Return of how many days a baseline is made, and how many of them it needs."""
    return {"days": round(p["days"] / DAY_S), "ready_days": round(p["ready"] / DAY_S)}


def _ordered(since_s: float) -> kinds.Reckoned:
    """Return the measure of (fraction, …, elapsed): the largest fraction ordered, next to nothing until `since_s` old.

    So a period that lies in the order, or behind its grace, only in part is neither judged nor learnt.
    """

    def fraction(*given: float) -> float:
        *orders, elapsed = given
        return max(orders) if elapsed + _JUST_BEFORE_S >= since_s or not any(orders) else _NOT_DUE

    return kinds.Reckoned(fraction)


R1: Final = Rule(
    id="R1",
    group=Group.PLAN,
    kind=Kind.ORDER,
    name=Text("停产指令未响应", "stop order ignored"),
    means=Text(
        "停产指令生效并超过宽限时间后,生产线仍在运行。",
        "A stop order is in force, its time of grace is over, and the line still runs.",
    ),
    check=Text(
        "立即确认指令是否送达当班班长并安排停机;属豁免范围的,补录豁免及依据。",
        "Make sure that the shift has the order, and stop the line now. If it is exempt, enter the exemption and its "
        "ground.",
    ),
    over=Scope.LINE,
    grain=Grain.NOW,
    reads=(ORDER_STOP.now, ORDER_ELAPSED.now, PRODUCTION.now),
    build=lambda p, _f: kinds.StopIgnored(grace_s=p["grace"]),
    params={"grace": Param(HOUR_S, "s", "P", "time to stop in")},
    priority="high",
    muted=Mutes(marks=("exempt",), rules=("R4",)),
    source="S14, Jining",
)
R2: Final = Rule(
    id="R2",
    group=Group.PLAN,
    kind=Kind.ORDER,
    name=Text("限产未达标", "reduction missed"),
    means=Text(
        "限产期间的小时用电高于指令要求:减得不够。",
        "Under an order to reduce, an hour took more energy than the order leaves: not enough was cut.",
    ),
    check=Text(
        "对照限产方案看应停的设备是否都已停下,当班追加减产;基准期内开工不正常的,向管理部门说明。",
        "Go through the reduction plan: do all machines stand that should? Cut more within the shift. If the "
        "weeks before were no ordinary ones, say so to the authority.",
    ),
    over=Scope.LINE,
    grain=Grain.HOUR,
    reads=(ORDER_STOP.now, ORDER_REDUCTION.now, ORDER_ELAPSED.now, PRODUCTION_ENERGY.total),
    build=_build_r2,
    params={
        "grace": Param(HOUR_S, "s", "P", "time to reduce in; the first hour is never judged"),
        "least": Param(0.05, "", "P", "hours above this share of an hour at rated power (where stated) are judged"),
        "days": Param(14 * DAY_S, "s", "P", "baseline: median of the same hours of so many days before the order"),
        "ready": _READY,
    },
    priority="high",
    muted=_EXEMPT,
    learns_days=7,
    source="S14",
)
R3: Final = Rule(
    id="R3",
    group=Group.PLAN,
    kind=Kind.LAG,
    name=Text("响应滞后", "late response"),
    means=Text(
        "生产线已按指令停下,但晚于宽限时间。",
        "The line has stopped as ordered, but later than the time of grace.",
    ),
    check=Text(
        "查指令收到、传达和停机各在几点,把拖延的环节写进应急预案。",
        "Find out when the order came, was passed on and carried out, and mend the step that took long.",
    ),
    over=Scope.LINE,
    grain=Grain.NOW,
    reads=(ORDER_STOP.now, ORDER_ELAPSED.now, PRODUCTION.now),
    build=lambda p, _f: kinds.LateStop(grace_s=p["grace"], most_s=p["most"]),
    params={
        "grace": Param(HOUR_S, "s", "P", "time to stop in"),
        "most": Param(4 * HOUR_S, "s", "P", "a stop later than this is no response any more: R1 stands for it"),
    },
    priority="low",
    muted=_EXEMPT,
    is_momentary=True,
)
R4: Final = Rule(
    id="R4",
    group=Group.PLAN,
    kind=Kind.ORDER,
    name=Text("提前恢复", "early restart"),
    means=Text(
        "停产指令尚未结束,已停下的生产线又恢复运行。",
        "The line had stopped under the order, and runs again before the order has ended.",
    ),
    check=Text(
        "确认是否收到解除通知:未解除的立即停机;已解除的,补录指令的实际结束时间。",
        "Was the order lifted? If not, stop at once; if so, enter when it really ended.",
    ),
    over=Scope.LINE,
    grain=Grain.NOW,
    reads=(ORDER_STOP.now, PRODUCTION.now),
    build=lambda _p, _f: kinds.Restarted(),
    priority="high",
    muted=_EXEMPT,
)
R5: Final = Rule(
    id="R5",
    group=Group.PLAN,
    kind=Kind.PAIR,
    name=Text("错峰生产违规", "staggered plan broken"),
    means=Text(
        "错峰生产计划规定本线停产,生产线却在运行。",
        "The staggered-production plan has this line stand now, and it runs.",
    ),
    check=Text(
        "对照本周期错峰计划表确认停产线别和时段,安排停机;计划有调整的,更新计划。",
        "Look at this period's plan for the lines and hours, and stop the line. If the plan was changed, enter the "
        "new one.",
    ),
    over=Scope.LINE,
    grain=Grain.NOW,
    reads=(ORDER_STAGGERED.now, PRODUCTION.now),
    build=lambda _p, _f: kinds.Pair(1, State.RUN),
    params={"hold": Param(15 * MINUTE_S, "s")},
    priority="high",
    muted=_EXEMPT,
    source="Jining",
)
R6: Final = Rule(
    id="R6",
    group=Group.PLAN,
    kind=Kind.PAIR,
    name=Text("轮停/限时段违规", "outside the allowed hours"),
    means=Text(
        "指令只允许在规定时段生产,生产线在时段之外运行。",
        "The order allows work within certain hours only, and the line runs outside of them.",
    ),
    check=Text(
        "核对允许时段和班次安排,到点停机;收尾工序确需延长的,提前申请。",
        "Compare the allowed hours with the shift plan and stop on time. If finishing takes longer, ask for it "
        "beforehand.",
    ),
    over=Scope.LINE,
    grain=Grain.NOW,
    reads=(ORDER_ANY.now, ORDER_ALLOWED.now, PRODUCTION.now),
    build=lambda _p, _f: kinds.While((1,), kinds.Pair(0, State.RUN)),
    params={"hold": Param(15 * MINUTE_S, "s")},
    muted=_EXEMPT,
)
R7: Final = Rule(
    id="R7",
    group=Group.PLAN,
    kind=Kind.PAIR,
    name=Text("响应期治污停运", "treatment off during a response"),
    means=Text(
        "应急或错峰响应期间,生产在运行而治污设施停着。",
        "While an order is in force, production runs and treatment stands.",
    ),
    check=Text(
        "先停产或立即恢复治污设施,再查其跳闸、故障和检修记录;响应期内此类情况从严处理。",
        "Stop production or bring treatment back at once, then look for trips, faults or repairs. It weighs double "
        "now.",
    ),
    over=Scope.LINE,
    grain=Grain.NOW,
    reads=(ORDER_ANY.now, PRODUCTION.now, TREATMENT.now),
    build=lambda _p, _f: kinds.Pair(1, State.RUN, State.OFF),
    params={"hold": Param(MINUTE_S, "s", "P", "time of grace")},
    priority="high",
)
R8: Final = Rule(
    id="R8",
    group=Group.PLAN,
    kind=Kind.LIM,
    name=Text("响应期保障负荷超量", "more than the guaranteed load"),
    means=Text(
        "响应期间只保留最低保障负荷,实际负荷超出了允许值。",
        "The order leaves a minimum load for what must go on, and the line draws more than that.",
    ),
    check=Text(
        "逐台核对保障清单,停下清单之外的设备;保障负荷核定偏低的,申请调整。",
        "Go through the list of what may run and stop everything else. If the minimum was set too low, apply for "
        "another.",
    ),
    over=Scope.LINE,
    grain=Grain.MINUTE,
    reads=(ORDER_ANY.now, ORDER_MINIMUM.now, PRODUCTION_POWER.minute),
    build=lambda _p, _f: kinds.While(
        (1,), kinds.Of(kinds.Reckoned(lambda minimum, power: power - minimum), kinds.Outside(high=0.0))
    ),
    params={"hold": Param(30 * MINUTE_S, "s")},
    muted=_EXEMPT,
)
R9: Final = Rule(
    id="R9",
    group=Group.PLAN,
    kind=Kind.COV,
    name=Text("响应期数据中断", "data lost during a response"),
    means=Text(
        "响应期间本线有监测仪表长时间没有数据,无法证明已按指令执行。",
        "While an order is in force, an instrument of the line has given nothing for long: nobody can prove that it "
        "is kept.",
    ),
    check=Text(
        "找出失联的仪表,检查其供电、通讯线和地址;恢复之前用人工抄表和照片留存证据。",
        "Check the device's supply, wiring and address. Until it is back, keep meter readings and photographs as "
        "evidence.",
    ),
    over=Scope.LINE,
    grain=Grain.NOW,
    reads=(ORDER_ANY.now, ANSWER.over(Span.AGE)),
    build=lambda p, _f: kinds.While((1,), kinds.Stale(age_s=p["age"]), outside="see"),
    params={"age": Param(15 * MINUTE_S, "s", "C", "since the last answer")},
    priority="high",
    source="S14",
)
R10: Final = Rule(
    id="R10",
    group=Group.PLAN,
    kind=Kind.ORDER,
    name=Text("响应期电量未降", "energy not down in a response"),
    means=Text(
        "指令要求减产三成以上,全天用电却几乎没有下降。",
        "The order asks for a cut of 30 % or more, and the day's energy is hardly less than before.",
    ),
    check=Text(
        "按分表逐台比较响应前后的日电量,找出没有减下来的设备。",
        "Compare the sub-meters' days before and during the order, and find the machines that did not cut.",
    ),
    over=Scope.LINE,
    grain=Grain.DAY,
    reads=(ORDER_STOP.now, ORDER_REDUCTION.now, ORDER_ELAPSED.now, PRODUCTION_ENERGY.total),
    build=_build_r10,
    params={
        "keep": Param(0.9, "", "P", "share of the usual day's energy"),
        "order": Param(0.3, "", "P", "judged from this reduction on"),
        "days": Param(14 * DAY_S, "s", "P", "baseline: median of so many days before the order"),
        "ready": _READY,
    },
    priority="high",
    muted=_EXEMPT,
    learns_days=7,
    source="S14",
)

RULES: Final = (R1, R2, R3, R4, R5, R6, R7, R8, R9, R10)
"""The rules of emergency plans, in the order of the catalogue."""
