"""Emission (E): E18 to E23, what the stack shows against what the plant does, and against what it showed.

Oxygen, flow, temperature and load have to fit each other, two sources of one value have to agree, and settings do not
change by themselves. A contradiction is a contradiction; who is wrong is found on the spot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.plant import State
from agent.rules.kinds import (
    AllOf,
    AnyOf,
    Away,
    Coarse,
    Correlation,
    Deviation,
    Fall,
    FlagShare,
    Is,
    Lasting,
    Lost,
    Of,
    Outside,
    Reckoned,
    Takes,
    Trend,
)
from agent.rules.kinds.part import samples
from agent.rules.operation import RESTING, SERVICED, SETTLE, in_production
from agent.rules.quantity import (
    CONCENTRATION,
    CONVERTED,
    FAN_POWER,
    FLOW,
    GAS_TEMPERATURE,
    LIMIT,
    LINE_LOAD,
    MARK_MAINTENANCE,
    O2,
    PRODUCTION,
    REFERENCE_O2,
    VELOCITY,
    Span,
)
from agent.rules.rule import DAY_S, HOUR_S, MINUTE_S, Evaluator, Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text

if TYPE_CHECKING:
    from agent.rules.quantity import Quantity, Read
    from agent.rules.rule import Values

AIR_O2: Final = 21.0
"""Oxygen of air in the conversion of HJ 212-2017 appendix D, percent."""


def _if_any(quantity: Quantity) -> Read:
    """Return the read of a minute mean that a site may lack."""
    return quantity.over(Span.MINUTE, optional=True)


def _diluted(p: Values) -> Evaluator:
    """E18: more oxygen than is usual at this load, or nearly that of air."""
    unusual = Away(points=p["points"], side="above")
    return in_production(p, AnyOf(Takes(0, Outside(high=p["high"])), unusual, optional=True), learns=True)


def _uncorrelated(p: Values) -> Evaluator:
    """E19: concentration no longer follows load, or oxygen, though these moved and it always has.

    Of means over some minutes: what the load does takes that long to show in the gas, and a day of them is a fifth of
    a day of minutes to work through and to keep.
    """
    window_s, step_s = p["window"], p["step"]

    def lost(which: int, moves: float) -> Evaluator:
        return AllOf(
            Takes(which, Of(Deviation(window_s=window_s, step_s=step_s), Outside(high=moves))),
            Takes(
                (0, which),
                Of(
                    Correlation(window_s=window_s, step_s=step_s),
                    Lost(below=p["below"], usually=p["usually"], step_s=step_s),
                    takes=2,
                ),
            ),
        )

    either = AnyOf(lost(1, p["load_moves"]), lost(2, p["o2_moves"]), optional=True)
    return in_production(p, Coarse(samples(step_s, MINUTE_S), either), stands=True)


def _unmoved(p: Values) -> Evaluator:
    """E20: the fan's power moved and the gas did not, or the other way round."""

    def against(which: int) -> Evaluator:
        return Takes((0, which), Trend(window_s=p["window"], step_s=MINUTE_S, moves=p["moves"], still=p["still"]))

    return in_production(p, AnyOf(against(1), against(2), optional=True))


def _contradicting(p: Values) -> Evaluator:
    """E21: running for long and the stack is as at rest, or at rest for long and the stack is as running."""
    runs = Takes(0, Lasting(Is(State.RUN), for_s=p["after"]))
    rests = Takes(0, Lasting(Is(State.OFF), for_s=p["after"]))
    cold, air = Takes(2, Outside(low=p["cold"])), Takes(1, Outside(high=p["air"]))
    burnt = Takes(1, Outside(low=p["burnt"]))
    return AnyOf(AllOf(runs, air, cold), AllOf(rests, burnt))


def _serviced(flag: float, mark: float) -> float:
    """Return 1 while a value is flagged as calibration or maintenance, or marked so."""
    return float(chr(int(flag)) in "CM" or mark > 0)


RULES: Final = (
    Rule(
        id="E18",
        group=Group.EMISSION,
        kind=Kind.BASE,
        name=Text("含氧量偏高", "too much oxygen"),
        means=Text(
            "生产期间含氧量比相近负荷下平常高出3个百分点,或高于19%:烟气可能被空气稀释。",
            "In production the oxygen is 3 points over the usual at this load, or above 19 %: air may dilute the gas.",
        ),
        check=Text(
            "检查采样探头法兰、管路是否漏气,烟道人孔和旁路是否关闭,氧分析仪是否准确。",
            "See whether probe flange and sample line leak, manholes and bypass are shut, the oxygen cell is right.",
        ),
        over=Scope.OUTLET,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, O2.minute, _if_any(LINE_LOAD)),
        build=lambda p, _f: _diluted(p),
        facts=(REFERENCE_O2,),
        params={
            "points": Param(3.0, "%", "R", "above the usual"),
            "high": Param(19.0, "%", "R", "in any case"),
            "hold": Param(900.0, "s", "R", "for so long"),
            "settle": SETTLE,
        },
        muted=Mutes(marks=RESTING),
        source="R",
    ),
    Rule(
        id="E19",
        group=Group.EMISSION,
        kind=Kind.BASE,
        name=Text("关联度异常", "correlation broken"),
        means=Text(
            "该因子平常随负荷或含氧量变化,最近24个生产小时却毫无关联。",
            "The factor usually follows load or oxygen; over the last 24 hours of production it does not at all.",
        ),
        check=Text(
            "比对浓度、负荷与含氧量曲线,看哪一条不真实;核对数据源和治理设施运行。",
            "Lay concentration, load and oxygen over each other and see which is not real; check source and treatment.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, CONCENTRATION.minute, _if_any(LINE_LOAD), _if_any(O2)),
        build=lambda p, _f: _uncorrelated(p),
        params={
            "below": Param(0.2, "", "P", "correlation, either sign"),
            "usually": Param(0.6, "", "P", "its usual size"),
            "window": Param(DAY_S, "s", "P", "time of production it is taken of"),
            "step": Param(300.0, "s", "P", "of means over this"),
            "load_moves": Param(3.0, "%", "P", "deviation of the load from which it can tell anything"),
            "o2_moves": Param(0.3, "%", "P", "deviation of the oxygen likewise"),
            "hold": Param(HOUR_S, "s", "P", "for so long"),
            "settle": SETTLE,
        },
        muted=Mutes(marks=RESTING, rules=("E9",)),
        learns_days=14,
        source="S13",
    ),
    Rule(
        id="E20",
        group=Group.EMISSION,
        kind=Kind.DIFF,
        name=Text("流量与风机不符", "flow does not follow the fan"),
        means=Text(
            "风机功率变化两成以上,烟气流量或流速却几乎不变,或两者方向相反。",
            "The fan's power changed by over a fifth and the gas flow hardly did, or they moved against each other.",
        ),
        check=Text(
            "检查皮托管是否堵塞、流速参数是否被改,风机挡板和旁路位置。",
            "See whether the pitot tube is blocked or its factors changed; dampers and bypass.",
        ),
        over=Scope.OUTLET,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, FAN_POWER.minute, _if_any(FLOW), _if_any(VELOCITY)),
        build=lambda p, _f: _unmoved(p),
        params={
            "moves": Param(0.2, "", "R", "change that counts, as a share"),
            "still": Param(0.03, "", "R", "change that does not"),
            "window": Param(2 * HOUR_S, "s", "P", "change over this time"),
            "hold": Param(1800.0, "s", "R", "for so long"),
            "settle": SETTLE,
        },
        muted=Mutes(marks=RESTING),
        source="R",
    ),
    Rule(
        id="E21",
        group=Group.EMISSION,
        kind=Kind.PAIR,
        name=Text("排放与工况矛盾", "stack contradicts the plant"),
        means=Text(
            "生产已开一小时,烟气却又冷又像空气;或生产已停一小时,含氧量却仍低于15%。",
            "Production has run an hour and the gas is cold air; or it has been off an hour and oxygen is under 15 %.",
        ),
        check=Text(
            "现场确认是否在生产;检查采样是否接在烟道上,用电采集是否缺表。",
            "Look on the spot whether it produces; whether the probe is in the duct; whether a machine has no meter.",
        ),
        over=Scope.OUTLET,
        grain=Grain.MINUTE,
        reads=(PRODUCTION.now, O2.minute, _if_any(GAS_TEMPERATURE)),
        build=lambda p, _f: _contradicting(p),
        facts=(REFERENCE_O2,),
        params={
            "after": Param(HOUR_S, "s", "P", "production running or off for so long"),
            "cold": Param(40.0, "Cel", "P", "gas colder than this"),
            "air": Param(20.0, "%", "P", "oxygen above this while running"),
            "burnt": Param(15.0, "%", "P", "oxygen below this while off"),
            "hold": Param(300.0, "s", "P", "for so long"),
        },
        priority="high",
        muted=Mutes(marks=SERVICED),
        source="S13",
    ),
    Rule(
        id="E22",
        group=Group.EMISSION,
        kind=Kind.SHAPE,
        name=Text("标记/标志滥用", "flags and marks abused"),
        means=Text(
            "一个月内标记或标志(校准、维护、故障)的时间超过一成,或其中六成以上是在浓度接近限值时开始的。",
            "Over a tenth of the month is flagged or marked, or over 60 % of that began with the value near the limit.",
        ),
        check=Text(
            "逐条核对标记与运维台账、标气记录是否对应。",
            "Go through the marks one by one: is there an entry in the service book, a record of test gas?",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(CONCENTRATION.over(Span.FLAG), MARK_MAINTENANCE.now, CONVERTED.minute),
        build=lambda p, f: FlagShare(
            flags=p["flags"], share=p["share"], begins=p["begins"], level=p["level"] * f["limit"]
        ),
        facts=(LIMIT,),
        params={
            "flags": Param("CMD", "", "P", "flags that count"),
            "share": Param(0.1, "", "P", "of the month"),
            "begins": Param(0.6, "", "P", "of the flagged time begins above `level`"),
            "level": Param(0.8, "", "P", "of the limit"),
        },
        priority="low",
        source="2022 marks",
    ),
    Rule(
        id="E23",
        group=Group.EMISSION,
        kind=Kind.BASE,
        name=Text("维护后骤降", "fall after service"),
        means=Text(
            "校准或维护之后两小时的均值不到之前两小时的一半,而负荷相同。",
            "The two hours after a calibration or service average less than half of the two before, at the same load.",
        ),
        check=Text(
            "核对校准记录、斜率截距变化和标气浓度;必要时重新校准。",
            "Check the calibration record, slope and intercept, and the test gas; calibrate again if need be.",
        ),
        over=Scope.FACTOR,
        grain=Grain.MINUTE,
        reads=(
            PRODUCTION.now,
            CONCENTRATION.over(Span.FLAG),
            MARK_MAINTENANCE.now,
            CONCENTRATION.minute,
            _if_any(LINE_LOAD),
        ),
        build=lambda p, _f: in_production(
            p,
            Of(
                Reckoned(_serviced),
                Fall(
                    factor=p["factor"],
                    window_s=p["window"],
                    step_s=MINUTE_S,
                    load_change=p["load_change"],
                    shown_s=p["shown"],
                ),
                takes=2,
            ),
        ),
        params={
            "factor": Param(0.5, "", "R", "of the mean before"),
            "window": Param(2 * HOUR_S, "s", "R", "before and after"),
            "load_change": Param(0.2, "", "R", "not when the load changed by more than this share"),
            "shown": Param(HOUR_S, "s", "P", "how long a fall is shown"),
            "settle": SETTLE,
        },
        source="R",
    ),
)
