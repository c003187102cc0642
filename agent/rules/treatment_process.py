"""Treatment, process values (T12 to T20): slurry, reagent, filters, fields, temperatures, slip and removal.

Most of these hold for one type of facility only, which the site file states (``type = "rto"``); for others they do not
apply. The numbers are those of usual plants, not of a standard: those marked R are rules of thumb, and what a plant was
designed for goes into a ``[[rule]]``. Marks: maintenance and calibration keep what a single probe says still (T12 to
T15, T18, T19), for then it says nothing of the process; that the facility runs at all is T1's matter, which they do not
touch. Warming up is not excused in T16: production waits until the chamber is hot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from agent.plant import State
from agent.rules import kinds
from agent.rules.furnace import BLOCK, LowBlocks
from agent.rules.kinds.part import Part
from agent.rules.operation import Running
from agent.rules.quantity import (
    CONCENTRATION,
    DESIGN_REMOVAL,
    FAN,
    FEED,
    FIELD_CURRENTS,
    FIELD_VOLTAGES,
    INLET,
    INLET_CONCENTRATION,
    LINE_LOAD,
    LINE_RUNTIME,
    MARK_FAULT,
    MARK_START_STOP,
    MARK_STOPPED,
    PH,
    PRESSURE_DROP,
    PRODUCTION,
    SLIP,
    STATE,
    TEMPERATURE,
    TYPE,
    Span,
)
from agent.rules.rule import HOUR_S, MINUTE_S, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.rule import Evaluator, Facts, Moment, Number, Values

_EXEMPT: Final = ("exempt",)
_PROBED: Final = ("exempt", "maintenance", "calibration")
"""Marks under which what a probe says is not the process."""


class FeedPerLoad(Part):
    """A measure: feed over load, once production has been running for `settle_s`.

    ``take(at, production, feed, load)``: ``None`` before: into a catalyst that is still cold nothing is fed, and that
    is as it should be. Memory: that of `Running`.
    """

    __slots__ = ("_running",)
    KEPT: ClassVar[tuple[str, ...]] = ("_running",)

    def __init__(self, *, settle_s: float) -> None:
        self._running = Running(step_s=MINUTE_S, settle_s=settle_s)

    def take(self, at: Moment, production: Number, feed: Number, load: Number) -> Number:
        """Take a minute."""
        is_settled = self._running.take(at, production)
        return feed / load if is_settled and load and feed is not None else None


def _build_t13(p: Values, _f: Facts) -> Evaluator:
    """Feed for its load against what is usual; and where the limit is stated, no feed at all although it is needed."""
    usual = kinds.Away(low=1 - p["away"], high=1 + p["away"], by_hour=False, by_load=False)
    judged: Evaluator = kinds.Takes(0, usual)
    if p["limit"] is not None:
        none = kinds.Takes(1, kinds.Outside(low=p["none"], inclusive=True))
        needed = kinds.Takes(2, kinds.Outside(high=p["needed"] * p["limit"]))
        judged = kinds.AnyOf(kinds.AllOf(none, needed), judged, optional=True)
    produced = kinds.Takes((1, 0, 2, 3), kinds.While((State.RUN,), judged))  # production; per load, feed, inlet
    return kinds.Takes((0, 1, 2, 0, 1, 3), kinds.Of(FeedPerLoad(settle_s=p["settle"]), produced, takes=3))


def _build_t15(p: Values, _f: Facts) -> Evaluator:
    if p["rated"] is None:
        weak: Evaluator = kinds.Takes(0, kinds.Members(low=p["voltage"], more_than=int(p["fields"])))
    else:
        weak = kinds.Members(low=(p["voltage"], p["current"] * p["rated"]), more_than=int(p["fields"]))
    return kinds.While((State.RUN,), weak)


def _build_t16(p: Values, f: Facts) -> Evaluator:
    return kinds.While((State.RUN,), kinds.Outside(low=p[f["type"]]))


def _build_t17(p: Values, _f: Facts) -> Evaluator:
    """Three marks first, any of which is an excuse, then the state: only a furnace that burns has to be hot."""
    now = kinds.AnyOf(
        kinds.Outside(low=p["low"]),
        kinds.Lasting(kinds.Outside(high=p["high"]), for_s=p["high_for"]),
        kinds.Outside(high=p["too_high"]),
    )
    mean = kinds.Of(kinds.Mean(window_s=BLOCK * MINUTE_S, step_s=MINUTE_S), now)
    judged = kinds.AnyOf(
        kinds.While((State.RUN,), mean, outside="restart"),
        kinds.While((State.RUN,), LowBlocks(low=p["low"], more_than=int(p["times"]))),
    )
    return kinds.Of(kinds.Reckoned(lambda *marks: max(marks)), kinds.While((0,), judged), takes=3)


def _build_t18(p: Values, _f: Facts) -> Evaluator:
    """Too cold and injecting, whatever the boiler does; or hot enough, the boiler burning, and not injecting."""
    feeds, feeds_not = kinds.Outside(high=p["feeding"]), kinds.Outside(low=p["feeding"], inclusive=True)
    too_cold = kinds.AllOf(kinds.Takes(1, kinds.Outside(low=p["cold"])), kinds.Takes(2, feeds))
    idle = kinds.AllOf(
        kinds.Takes(0, kinds.Is(State.RUN)), kinds.Takes(1, kinds.Outside(high=p["hot"])), kinds.Takes(2, feeds_not)
    )
    return kinds.AnyOf(too_cold, idle)


def _build_t20(p: Values, f: Facts) -> Evaluator:
    """Only hours in which production ran throughout: a start is not what the removal was designed for."""
    removal = kinds.Of(
        kinds.Reckoned(lambda before, after: 100 * (1 - after / before)),
        kinds.Outside(low=f["design_removal"] - p["below"], high=p["above"]),
    )
    return kinds.AllOf(
        kinds.Takes(0, kinds.Outside(high=p["ran"])),
        kinds.Takes(1, kinds.Outside(high=p["inlet"])),
        kinds.Takes((1, 2), removal),
    )


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        id="T12",
        group=Group.TREATMENT,
        kind=Kind.LIM,
        name=Text("浆液pH异常", "slurry pH abnormal"),
        means=Text(
            "脱硫浆液pH偏离正常范围:偏低脱硫效率下降,偏高则结垢、石膏品质变差。",
            "The slurry's pH has left its range: too low removes less SO2, too high scales and spoils the gypsum.",
        ),
        check=Text(
            "看供浆泵和调节阀、石灰石浆液密度;用便携pH计比对,电极脏了先清洗标定。",
            "Look at the slurry feed pump and valve and the limestone density. Compare with a hand-held meter; clean "
            "and calibrate the electrode.",
        ),
        over=Scope.TREATMENT,
        grain=Grain.MINUTE,
        reads=(STATE.now, PH.minute),
        types=("fgd",),
        build=lambda p, _f: kinds.While((State.RUN,), kinds.Outside(low=p["low"], high=p["high"])),
        params={
            "low": Param(5.0, "", "R", "limestone slurry, in operation"),
            "high": Param(6.2, "", "R", "limestone slurry, in operation"),
            "hold": Param(30 * MINUTE_S, "s"),
        },
        muted=Mutes(marks=_PROBED, rules=("T1",)),
        source="R",
    ),
    Rule(
        id="T13",
        group=Group.TREATMENT,
        kind=Kind.BASE,
        name=Text("药剂/氨投加异常", "reagent feed abnormal"),
        means=Text(
            "单位负荷的药剂或氨投加量偏离常值一半以上,或入口浓度很高却没有投加。",
            "Reagent or ammonia for its load is more than half away from what is usual, or nothing is fed although the "
            "inlet is high.",
        ),
        check=Text(
            "看储罐液位、计量泵和喷枪是否堵塞,投加量与采购用量能否对上;再查流量计。",
            "Look at the tank's level, dosing pump and lances, and whether use agrees with what was bought; then at "
            "the flow meter.",
        ),
        over=Scope.SERVING,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, FEED.minute, LINE_LOAD.minute, INLET.over(Span.MINUTE, optional=True)),
        types=("fgd", "scr", "sncr"),
        build=_build_t13,
        params={
            "away": Param(0.5, "", "P", "of the usual feed per load, up or down"),
            "limit": Param(None, "mg/m3", "P", "emission limit of what is removed; not stated: no feed is not judged"),
            "needed": Param(1.2, "", "P", "of that limit: above it at the inlet, feed is needed"),
            "none": Param(0.0, "", "P", "feed up to this, in its own unit, is none"),
            "settle": Param(1800.0, "s", "P", "feed per load is judged when production has been running this long"),
            "hold": Param(15 * MINUTE_S, "s"),
        },
        muted=Mutes(marks=_PROBED, rules=("T1",)),
        learns_days=14,
    ),
    Rule(
        id="T14",
        group=Group.TREATMENT,
        kind=Kind.LIM,
        name=Text("布袋压差异常", "bag filter pressure drop abnormal"),
        means=Text(
            "风机运行时布袋压差过低(可能破袋、漏风或走旁路)或过高(可能糊袋、清灰失效)。",
            "With the fan running, the drop over the bags is too low (torn bags, leaks, bypass) or too high (blinded "
            "bags, no cleaning).",
        ),
        check=Text(
            "过低先查破袋、旁路和压差取样管;过高先查脉冲喷吹气压和卸灰。",
            "Too low: look for torn bags, the bypass and blocked pressure taps. Too high: pulse air and dust "
            "discharge.",
        ),
        over=Scope.SERVING,
        grain=Grain.MINUTE,
        reads=(FAN.now, PRESSURE_DROP.minute),
        types=("bag",),
        build=lambda p, _f: kinds.While((State.RUN,), kinds.Outside(low=p["low"], high=p["high"])),
        params={
            "low": Param(500.0, "Pa", "C", "one operator's rule file"),
            "high": Param(2000.0, "Pa", "C", "one operator's rule file"),
            "hold": Param(10 * MINUTE_S, "s"),
        },
        muted=Mutes(marks=_PROBED, rules=("T1",)),
        source="S20",
    ),
    Rule(
        id="T15",
        group=Group.TREATMENT,
        kind=Kind.LIM,
        name=Text("电除尘电场异常", "precipitator fields weak"),
        means=Text(
            "电除尘有多个电场的二次电压或二次电流过低,除尘能力明显下降。",
            "More than one field of the precipitator has too little secondary voltage or current: it holds back far "
            "less dust.",
        ),
        check=Text(
            "看高压控制柜报警、是否短路跳闸、灰斗是否积满,振打是否正常;停运的电场尽快投入。",
            "Look at the high-voltage cabinets, short circuits, full hoppers and rapping. Bring fields that are off "
            "back.",
        ),
        over=Scope.SERVING,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, FIELD_VOLTAGES.minute, FIELD_CURRENTS.over(Span.MINUTE, optional=True)),
        types=("esp",),
        build=_build_t15,
        params={
            "voltage": Param(30.0, "kV", "R", "secondary voltage below this is weak"),
            "rated": Param(None, "mA", "P", "rated secondary current of a field; not stated: currents are not judged"),
            "current": Param(0.1, "", "R", "of the rated current: below this is weak"),
            "fields": Param(1.0, "", "R", "more weak fields than this"),
            "hold": Param(10 * MINUTE_S, "s"),
        },
        muted=Mutes(marks=_PROBED, rules=("T1",)),
        source="R",
    ),
    Rule(
        id="T16",
        group=Group.TREATMENT,
        kind=Kind.LIM,
        name=Text("RTO/RCO温度不足", "oxidizer too cold"),
        means=Text(
            "生产在进行,蓄热燃烧或催化燃烧的温度却没有达到要求,有机废气没有被充分氧化。",
            "Production runs but the oxidizer's chamber or catalyst is not hot enough: organic gases are not burnt "
            "out.",
        ),
        check=Text(
            "看燃烧器是否点着、燃气压力和助燃风机;先升到温度再进废气,升不上去就停产。",
            "See whether the burner is lit, gas pressure and combustion air. Heat first, then let gas in; if it will "
            "not heat, stop production.",
        ),
        over=Scope.SERVING,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, TEMPERATURE.minute),
        facts=(TYPE,),
        types=("rto", "rco"),
        build=_build_t16,
        params={
            "rto": Param(760.0, "Cel", "R", "chamber of a thermal oxidizer below this"),
            "rco": Param(300.0, "Cel", "R", "catalyst of a catalytic oxidizer below this"),
            "hold": Param(10 * MINUTE_S, "s"),
        },
        priority="high",
        muted=Mutes(marks=_EXEMPT, rules=("T1",)),
        source="R",
    ),
    Rule(
        id="T17",
        group=Group.TREATMENT,
        kind=Kind.LIM,
        name=Text("焚烧炉温不足", "incinerator temperature"),
        means=Text(
            "炉膛五分钟均温低于850℃(当日超过五次则当日一直保持报警),或长时间高于1200℃,或高于1300℃。",
            "The furnace's five-minute mean is below 850 C (after more than five times the alarm stays for the day), "
            "or above 1200 C for long, or above 1300 C.",
        ),
        check=Text(
            "偏低先投助燃、减给料并查垃圾热值,启停炉请先做标记;偏高减助燃、加二次风;再比对热电偶。",
            "Too cold: support burners on, less waste; mark starts and stops beforehand. Too hot: less fuel, more "
            "secondary air. Then compare the thermocouples.",
        ),
        over=Scope.FACILITY,
        grain=Grain.MINUTE,
        reads=(MARK_START_STOP.now, MARK_STOPPED.now, MARK_FAULT.now, STATE.now, TEMPERATURE.minute),
        types=("incinerator",),
        build=_build_t17,
        params={
            "low": Param(850.0, "Cel", "C", "five-minute mean below this, outside marked starts and stops"),
            "times": Param(5.0, "", "R", "more five-minute means a day than this: the alarm stays until midnight"),
            "high": Param(1200.0, "Cel", "C", "above this for long: slag, damage"),
            "high_for": Param(30 * MINUTE_S, "s", "P", "for so long"),
            "too_high": Param(1300.0, "Cel", "C", "above this at once"),
        },
        priority="high",
        # starting and stopping are read, so that such minutes are not counted either; drying has no read of its own
        muted=Mutes(marks=("exempt", "drying")),
        source="S20; count R; CN 2111 S3",
    ),
    Rule(
        id="T18",
        group=Group.TREATMENT,
        kind=Kind.PAIR,
        name=Text("SCR温度不足喷氨", "SCR temperature against injection"),
        means=Text(
            "脱硝入口温度过低仍在喷氨(堵塞催化剂、氨逃逸),或温度足够、锅炉在烧却没有喷氨。",
            "Ammonia is injected into a catalyst that is too cold (it clogs, ammonia slips), or the boiler burns, it "
            "is hot enough, and none is injected.",
        ),
        check=Text(
            "温度低:停喷氨并提温(省煤器旁路、负荷)。没喷氨:看氨区供应、喷氨阀和联锁。",
            "Too cold: stop injecting and raise the temperature (economizer bypass, load). Not injecting: see ammonia "
            "supply, valve, interlock.",
        ),
        over=Scope.SERVING,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, TEMPERATURE.minute, FEED.minute),
        types=("scr",),
        build=_build_t18,
        params={
            "cold": Param(280.0, "Cel", "R", "no injection below this"),
            "hot": Param(320.0, "Cel", "R", "injection is expected above this"),
            "feeding": Param(0.1, "", "P", "feed above this, in its own unit, is injection"),
            "hold": Param(10 * MINUTE_S, "s"),
        },
        muted=Mutes(marks=_PROBED),
        source="R",
    ),
    Rule(
        id="T19",
        group=Group.TREATMENT,
        kind=Kind.LIM,
        name=Text("氨逃逸", "ammonia slip"),
        means=Text(
            "脱硝后氨浓度偏高:喷氨过量或催化剂老化,会堵塞空预器并造成二次污染。",
            "Too much ammonia behind the catalyst: overdosed or worn out; it clogs the air heater and pollutes by "
            "itself.",
        ),
        check=Text(
            "看喷氨量与出口NOx是否匹配、喷氨格栅是否均匀;减氨后仍高的检查催化剂。",
            "Compare feed with NOx at the outlet and the grid's balance. If less ammonia does not help, test the "
            "catalyst.",
        ),
        over=Scope.TREATMENT,
        grain=Grain.MINUTE,
        reads=(SLIP.minute,),
        build=lambda p, _f: kinds.Outside(high=p["high"]),
        params={
            "high": Param(2.3, "mg/m3", "R", "3 ppm"),
            "hold": Param(30 * MINUTE_S, "s"),
        },
        muted=Mutes(marks=_PROBED),
        source="R",
    ),
    Rule(
        id="T20",
        group=Group.TREATMENT,
        kind=Kind.RATIO,
        name=Text("去除率异常", "removal abnormal"),
        means=Text(
            "进出口浓度算出的去除率比设计低15个百分点以上,或高得不真实(超过99.95%)。",
            "The removal reckoned from inlet and outlet is more than 15 points below design, or too good to be true, "
            "above 99.95 %.",
        ),
        check=Text(
            "偏低查投加、喷淋和旁路;过高查出口采样是否漏气、量程是否合适,进出口仪表是否接反。",
            "Too low: reagent, spray, bypass. Too good: leaks in the outlet's sample line, its range, inlet and outlet "
            "mixed up.",
        ),
        over=Scope.FACTOR,
        grain=Grain.HOUR,
        reads=(LINE_RUNTIME.total, INLET_CONCENTRATION.hour, CONCENTRATION.hour),
        facts=(DESIGN_REMOVAL,),
        build=_build_t20,
        params={
            "below": Param(15.0, "%", "P", "points below design"),
            "above": Param(99.95, "%", "P", "better than this is not believed"),
            "inlet": Param(10.0, "mg/m3", "P", "hours with more than this at the inlet are judged"),
            "ran": Param(3540.0, "s", "P", "hours in which production ran longer than this are judged"),
            "hold": Param(HOUR_S, "s"),
        },
        muted=Mutes(marks=_PROBED, rules=("T1",)),
        source="S13",
    ),
)
"""The rules T12 to T20."""
