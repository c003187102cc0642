"""Treatment, T1 to T24: whether what cleans runs whenever what pollutes does, and runs as it usually does.

This file: running and energy, T1 to T11. Process values follow in `treatment_process` (T12 to T20), faults, sets and
wear in `treatment_upkeep` (T21 to T24); `RULES` joins the three.

Most of these are over a treatment facility on one of its lines (``paint/fan-1``), so that an alarm names the machine to
go to. Gating and muting, so that ordinary work is silent and no excuse is taken for granted:

- Nothing is judged while production does not run. Baselines (T4, T6, T8) learn only while it does.
- A mark says what people declare. Here only ``exempt``, a declared exemption, keeps a rule still. ``stopped`` on the
  production is no excuse when it runs (P4 tells that), and neither ``fault`` nor ``maintenance`` of the treatment is:
  it is then off all the same, and how long production may go on is T21. ``starting`` does not help either: treatment
  starts first and stops last.
- Treatment that is off (T1) is also late, low, slow and without pump: while T1 is active those rules are muted. A late
  start (T2) is told when the treatment has come and T1 has gone. T3 is there before T1 and not muted by it.
- Of a low power only the rule that names the reason speaks: idling (T5) or lowered speed (T6) mute low load (T4).
- A standby machine that is off by right makes T1 fire. Put it in no line, or switch its rule off for that facility.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.plant import State
from agent.rules import kinds, treatment_process, treatment_upkeep
from agent.rules.quantity import (
    BYPASS,
    BYPASS_OPEN,
    ENERGY,
    FAN,
    FREQUENCY,
    LINE_LOAD,
    LINE_RUNTIME,
    POWER,
    PRODUCTION,
    PRODUCTION_ENERGY,
    PRODUCTION_VOLTAGE,
    PUMP,
    RATED_VOLTAGE,
    STATE,
    VOLTAGE_A,
    VOLTAGE_B,
    VOLTAGE_C,
    Span,
)
from agent.rules.rule import DAY_S, HOUR_S, MINUTE_S, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.quantity import Quantity, Read
    from agent.rules.rule import Evaluator, Facts, Values

_EXEMPT: Final = ("exempt",)


def _if_any(quantity: Quantity, span: Span) -> Read:
    return quantity.over(span, optional=True)


def _build_t6(p: Values, _f: Facts) -> Evaluator:
    """Frequency where the drive tells it, and power by the cube law of fans: at 0.8 of its speed one draws 0.51."""
    by_frequency = kinds.Takes((1, 2), kinds.Away(low=p["speed"]))
    by_power = kinds.Takes((0, 2), kinds.Away(low=p["speed"] ** 3))
    return kinds.While((State.RUN,), kinds.AnyOf(by_frequency, by_power, optional=True))


def _build_t7(p: Values, f: Facts) -> Evaluator:
    dead = kinds.AllOf(
        *(kinds.Takes(phase, kinds.Outside(low=p["dead"] * f["rated_voltage"])) for phase in range(3)), optional=True
    )
    return kinds.AllOf(dead, kinds.Takes(3, kinds.Outside(high=p["alive"] * f["rated_voltage"])))


def _build_t8(p: Values, _f: Facts) -> Evaluator:
    """Judge, and learn from, days on which production really ran: on others standby would rule the ratio."""

    def ratio(ran_s: float, treatment: float, production: float) -> float | None:
        return treatment / production if ran_s > p["ran"] else None

    worked = kinds.Takes(0, kinds.Outside(high=p["ran"]))
    return kinds.AllOf(
        worked, kinds.Of(kinds.Reckoned(ratio), kinds.Away(low=p["low"], step_s=DAY_S, by_hour=False, by_load=False))
    )


def _build_t9(p: Values, _f: Facts) -> Evaluator:
    """Anew after each stop: two hours of one run are judged, not what was before and after it."""
    flat = kinds.Flat(window_s=p["window"], step_s=MINUTE_S, cv=p["cv"], n_min=int(p["n"]))
    return kinds.While((State.RUN,), flat, outside="restart")


def _build_t11(p: Values, _f: Facts) -> Evaluator:
    is_open = kinds.AnyOf(kinds.Takes(0, kinds.Outside(high=p["degrees"])), kinds.Takes(1, kinds.Is(1)), optional=True)
    return kinds.While((State.RUN,), is_open)


_RUNNING: Final = (
    Rule(
        id="T1",
        group=Group.TREATMENT,
        kind=Kind.PAIR,
        name=Text("产污开治污未开", "treatment not on"),
        means=Text(
            "产污设施在生产,这台治污设施却没有开:废气或废水正未经处理排放。",
            "Production runs while this treatment is off: what it gives off leaves untreated.",
        ),
        check=Text(
            "马上到现场看设备是跳闸、故障还是没有开,先开治污再生产;开不起来就停产。90分钟内未恢复将上报。",
            "Go there now: tripped, broken or never switched on? Start it, or stop production. After 90 minutes the "
            "regulator is told.",
        ),
        over=Scope.SERVING,
        grain=Grain.NOW,
        reads=(PRODUCTION.now, STATE.now),
        build=lambda p, _f: kinds.Lasting(kinds.Pair(State.RUN, State.OFF), for_s=p["grace"]),
        params={"grace": Param(5 * MINUTE_S, "s", "P", "production may run this long without it")},
        priority="high",
        muted=Mutes(marks=_EXEMPT),
        source="S14, S15, Ningbo",
    ),
    Rule(
        id="T2",
        group=Group.TREATMENT,
        kind=Kind.LAG,
        name=Text("治污滞后开启", "treatment started late"),
        means=Text(
            "生产开始后,治污设施过了允许的时间才投入运行,开工阶段的排放没有得到处理。",
            "Production began and the treatment followed later than allowed: what was given off at the start went "
            "untreated.",
        ),
        check=Text(
            "看开机顺序和联锁:应先开治污、后开生产;查治污启动按钮、变频器和延时设置。",
            "Look at the order of starting and the interlock: treatment first. Check its start button, drive and "
            "timers.",
        ),
        over=Scope.SERVING,
        grain=Grain.NOW,
        reads=(PRODUCTION.now, STATE.now),
        build=lambda p, _f: kinds.Late(lag_s=p["lag"], edge="on"),
        params={"lag": Param(5 * MINUTE_S, "s", "P", "from the start of production to that of treatment")},
        muted=Mutes(marks=_EXEMPT, rules=("T1",)),
        is_momentary=True,
        source="S14",
    ),
    Rule(
        id="T3",
        group=Group.TREATMENT,
        kind=Kind.LAG,
        name=Text("治污提前关闭", "treatment stopped early"),
        means=Text(
            "治污设施在生产停下之前,或停产后还没处理完余气时就关闭了。",
            "The treatment stopped before production did, or too soon after it to clean what was left.",
        ),
        check=Text(
            "问当班是谁、为什么先停了治污;检查停机顺序和延时停机设置,停产后应再运行十分钟以上。",
            "Ask who stopped it first and why. Check the order of stopping and the delay: it should run on for ten "
            "minutes.",
        ),
        over=Scope.SERVING,
        grain=Grain.NOW,
        reads=(PRODUCTION.now, STATE.now),
        build=lambda p, _f: kinds.Early(tail_s=p["tail"]),
        params={"tail": Param(10 * MINUTE_S, "s", "P", "treatment runs on this long after production")},
        muted=Mutes(marks=_EXEMPT),
        is_momentary=True,
        source="S15",
    ),
    Rule(
        id="T4",
        group=Group.TREATMENT,
        kind=Kind.BASE,
        name=Text("治污低负荷", "treatment at low load"),
        means=Text(
            "生产照常,治污设施的功率却低于近30天同时段、同负荷常值的六成,处理能力可能不足。",
            "Production runs as usual, but the treatment draws less than 0.6 of what it drew at this hour and load for "
            "30 days: it may not clean enough.",
        ),
        check=Text(
            "看风门、阀门和变频给定有没有被调小,皮带是否打滑,并联设备是否只开了一部分;再查电表互感器。",
            "Look for closed dampers and valves, a lowered set value, a slipping belt, or units in parallel that are "
            "off; then at the meter's transformers.",
        ),
        over=Scope.SERVING,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, POWER.minute, _if_any(LINE_LOAD, Span.MINUTE)),
        build=lambda p, _f: kinds.While((State.RUN,), kinds.Away(low=p["low"])),
        params={
            "low": Param(0.6, "", "P", "share of the usual power"),
            "hold": Param(15 * MINUTE_S, "s"),
        },
        muted=Mutes(marks=_EXEMPT, rules=("T1", "T5", "T6")),
        learns_days=14,
        source="S15",
    ),
    Rule(
        id="T5",
        group=Group.TREATMENT,
        kind=Kind.PAIR,
        name=Text("治污空转", "treatment idling"),
        means=Text(
            "生产在进行,治污设施通着电但只是空转,几乎没有处理作用。",
            "Production runs, and the treatment is switched on but only idles: it cleans next to nothing.",
        ),
        check=Text(
            "到现场看风机、水泵是否真正带载:叶轮、皮带、阀门和进风口;设备正常的,核对额定功率配置。",
            "See whether fan and pumps really work: impeller, belt, valves, intake. If they do, check the configured "
            "rating.",
        ),
        over=Scope.SERVING,
        grain=Grain.NOW,
        reads=(PRODUCTION.now, STATE.now),
        build=lambda _p, _f: kinds.Pair(State.RUN, State.IDLE),
        params={"hold": Param(15 * MINUTE_S, "s")},
        priority="high",
        muted=Mutes(marks=_EXEMPT, rules=("T1",)),
        source="S15",
    ),
    Rule(
        id="T6",
        group=Group.TREATMENT,
        kind=Kind.BASE,
        name=Text("降频运行", "treatment slowed down"),
        means=Text(
            "生产在进行,治污风机或水泵的转速(按频率,或由功率按立方关系折算)不到常值的八成,风量或水量明显减少。",
            "Production runs, but the treatment's fan or pump turns at less than 0.8 of its usual speed, by its "
            "frequency or by the cube law from its power: it moves less air or water.",
        ),
        check=Text(
            "看变频器的频率给定和运行方式,是谁、何时调低的;没有变频器的,检查风门和皮带。",
            "Look at the drive's set frequency and mode, and who lowered it when. Without a drive, see dampers and "
            "belt.",
        ),
        over=Scope.SERVING,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, *(_if_any(quantity, Span.MINUTE) for quantity in (POWER, FREQUENCY, LINE_LOAD))),
        either=(POWER, FREQUENCY),
        types=("fan", "pump"),
        build=_build_t6,
        params={
            "speed": Param(0.8, "", "P", "share of the usual speed; of power its cube, 0.51"),
            "hold": Param(15 * MINUTE_S, "s"),
        },
        muted=Mutes(marks=_EXEMPT, rules=("T1", "T5")),
        learns_days=14,
        source="S15; cube law of fans",
    ),
    Rule(
        id="T7",
        group=Group.TREATMENT,
        kind=Kind.PAIR,
        name=Text("治污停电", "treatment feeder dead"),
        means=Text(
            "治污设施的供电回路没有电压,而生产设施供电正常:治污被单独断电。",
            "The treatment's feeder has no voltage while production has: it alone was cut off.",
        ),
        check=Text(
            "到配电柜看治污回路的断路器、熔断器和隔离开关,弄清是跳闸还是人为断开,恢复供电。",
            "At the switchboard, look at the treatment's breaker, fuses and isolator: tripped or opened by hand? "
            "Restore it.",
        ),
        over=Scope.SERVING,
        grain=Grain.NOW,
        reads=(VOLTAGE_A.now, _if_any(VOLTAGE_B, Span.NOW), _if_any(VOLTAGE_C, Span.NOW), PRODUCTION_VOLTAGE.now),
        facts=(RATED_VOLTAGE,),
        build=_build_t7,
        params={
            "dead": Param(0.1, "", "P", "of the rated voltage: all phases of the treatment below this"),
            "alive": Param(0.8, "", "P", "of the rated voltage: production above this"),
            "hold": Param(MINUTE_S, "s"),
        },
        priority="high",
        muted=Mutes(marks=_EXEMPT),
        source="S15",
    ),
    Rule(
        id="T8",
        group=Group.TREATMENT,
        kind=Kind.RATIO,
        name=Text("治污/生产电量比低", "little treatment energy for the production"),
        means=Text(
            "这一天治污用电与生产用电之比低于近30天常值的七成,治污可能开得少或开得小。",
            "The day's energy of the treatment, over that of production, is below 0.7 of its usual value of 30 days: "
            "it ran less, or with less.",
        ),
        check=Text(
            "对照当天治污与生产的功率曲线,找出治污停开或降负荷的时段;产品或工艺变化引起的,写入日志。",
            "Lay the day's power curves of both side by side and find when treatment was off or low. A change of "
            "product is worth a note.",
        ),
        over=Scope.SERVING,
        grain=Grain.DAY,
        reads=(LINE_RUNTIME.total, ENERGY.total, PRODUCTION_ENERGY.total),
        build=_build_t8,
        params={
            "low": Param(0.7, "", "P", "share of the usual ratio"),
            "ran": Param(4 * HOUR_S, "s", "P", "days on which production ran longer than this are judged"),
        },
        muted=Mutes(marks=_EXEMPT),
        learns_days=14,
    ),
    Rule(
        id="T9",
        group=Group.TREATMENT,
        kind=Kind.FLAT,
        name=Text("治污功率恒定", "treatment power too steady"),
        means=Text(
            "治污设施运行中的功率两小时几乎不变,真实的电机负荷不会如此,数据可能是模拟或固定的。",
            "The treatment's power has hardly moved for two hours of running. A real motor's does: the values may be "
            "made or frozen.",
        ),
        check=Text(
            "到现场把电表显示与平台数值比对,动一下负荷看数值是否跟着变;电表分辨率过粗的,调整本规则的参数。",
            "Compare the meter's own display, and change the load a little: do the values follow? If the meter is too "
            "coarse, change this rule's parameters.",
        ),
        over=Scope.TREATMENT,
        grain=Grain.MINUTE,
        reads=(STATE.now, POWER.minute),
        build=_build_t9,
        params={
            "cv": Param(0.002, "", "P", "standard deviation over mean below this"),
            "window": Param(2 * HOUR_S, "s", "P", "of running without a stop"),
            "n": Param(100.0, "", "P", "minutes of it known"),
        },
        muted=Mutes(marks=_EXEMPT, rules=("Q1",)),
        source="S13",
    ),
    Rule(
        id="T10",
        group=Group.TREATMENT,
        kind=Kind.PAIR,
        name=Text("循环泵/喷淋未开", "circulation or spray pump off"),
        means=Text(
            "生产和引风机都在运行,循环泵或喷淋泵却没有开,废气只是穿过塔体而没有被洗涤。",
            "Production and fan run but the circulation or spray pump is off: the gas passes the tower without being "
            "washed.",
        ),
        check=Text(
            "看泵是否跳闸、水箱是否缺液、喷头和滤网是否堵塞;启动备用泵。",
            "See whether the pump tripped, the tank is empty, nozzles or strainer are blocked. Start the standby pump.",
        ),
        over=Scope.LINE,
        grain=Grain.NOW,
        reads=(PRODUCTION.now, FAN.now, PUMP.now),
        build=lambda _p, _f: kinds.Pair(State.RUN, State.RUN, State.OFF),
        params={"hold": Param(5 * MINUTE_S, "s")},
        priority="high",
        muted=Mutes(marks=_EXEMPT, rules=("T1",)),
        source="S13, S1 codes",
    ),
    Rule(
        id="T11",
        group=Group.TREATMENT,
        kind=Kind.LIM,
        name=Text("旁路开启", "bypass open"),
        means=Text(
            "生产运行时旁路挡板打开,烟气可能绕过治理设施直接排放。",
            "The bypass damper is open while production runs: gas may leave without passing the treatment.",
        ),
        check=Text(
            "立即到现场确认挡板的实际位置并关闭;属安全泄放的,记录时间和原因并申报;位置不符的检查反馈信号。",
            "Go and see where the damper stands, and close it. If it opened for safety, note when and why and declare "
            "it. If it is shut, check its position signal.",
        ),
        over=Scope.SERVING,
        grain=Grain.NOW,
        reads=(PRODUCTION.now, _if_any(BYPASS, Span.NOW), _if_any(BYPASS_OPEN, Span.NOW)),
        either=(BYPASS, BYPASS_OPEN),
        build=_build_t11,
        params={
            "degrees": Param(2.0, "deg", "P", "opening above this; where there is only a bit: open"),
            "hold": Param(MINUTE_S, "s"),
        },
        priority="high",
        muted=Mutes(marks=_EXEMPT),
        source="S1 codes",
    ),
)

RULES: Final[tuple[Rule, ...]] = (*_RUNNING, *treatment_process.RULES, *treatment_upkeep.RULES)
"""All rules about treatment, in the catalogue's order."""
