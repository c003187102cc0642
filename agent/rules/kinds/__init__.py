"""The fourteen kinds of evaluators, a file each, and what joins them. All implement `agent.rules.rule.Evaluator`.

Arguments are keyword-only unless they are evaluators or wanted states; durations are seconds; `step_s` is the time
between two evaluations (60 for MINUTE, 3600 for HOUR, 86400 for DAY) and turns a window into a number of samples.
Every kind judges by these laws:

- ``None`` is not known: it satisfies nothing and clears nothing. A window with fewer than `min_cov` (0.75) known
  samples of what it holds when full answers ``None``, so a window is also unknown until it is three quarters full.
- Comparisons are strict: exactly at a limit is no violation (`Outside` has `inclusive` for the others).
- Holds are the alarm's. `shown_s` is how long a passing event stays ``True``, so that an alarm can see it.

An evaluator is built from parts: a *measure* (`measure`) turns values into one number, `Of` gives it to an evaluator,
`While` judges only in some states, `Takes` picks which of the given values an evaluator gets, `AnyOf`, `AllOf`, `Not`
join answers. For example E15, "sd over 6 h below 0.3 of its usual value at like load", which reads (C minute, load)::

    Of(Deviation(window_s=21600, step_s=60), Away(low=0.3), takes=1)

Which rules use what (gates, joins and measures are everywhere: `compose`, `measure`):

======== ========== ===================================================================================================
limit    LIM        Outside P2 P4 P6 P7 P12 P13 T6 T7 T11 T12 T14 T16 T17 T18 T19 T20 T23 E1 E2 E8 E9 E12 E13 E17 E18
                    E19 E21 E27 E28 W1-W6 W9 W10 W12 Q4 Q5 Q10 R8; Inside E10 W3; Is P4 T11 T18 T21 E11 E21 W6 W10 Q7;
                    Members T15 Q5
pair     PAIR       Pair P1 P8 T1 T5 T10 Q9 R5 R6 R7; Differ T22; Chain P9
lag      LAG        Late T2; Early T3; Undeclared P5
flat     FLAT       Flat T9 E8 E9 E27
jump     JUMP       Jump E7; Spikes E16; AllJump E17
ratio    RATIO      Ratio T24; SumOver W1; the measures Quotient P11 and Split P3, judged by `Of`
diff     DIFF       Apart E24 E25 W8; Trend E20
proj     PROJ       Projected E3; Pace E5
base     BASE       Away P3 P11 P13 T4 T6 T8 T13 E8 E15 E18; Lost E19; Fall E23
cover    COV        Coverage Q3; Stale Q1 Q2 R9
seq      SEQ        Counter; Starts P10; TimeOrder Q6
order    ORDER      StopIgnored R1; LateStop R3; Restarted R4; Reduction R2 R10
shape    SHAPE      ShareInside E6; ShareAt E13
flags    SHAPE      FlagShare E22
repeats  SHAPE      Periodic E14; Copied Q11; Twin Q12
event    EVENT      Changed E26 W11 Q8; Rises; StartAfterRest P14
======== ========== ===================================================================================================
"""

from agent.rules.kinds.base import Away, Fall, Lost
from agent.rules.kinds.compose import AllOf, AnyOf, Between, Coarse, Lasting, Not, Of, Takes, While
from agent.rules.kinds.cover import Coverage, Stale
from agent.rules.kinds.diff import Apart, Trend
from agent.rules.kinds.event import Changed, Rises, StartAfterRest
from agent.rules.kinds.flags import FlagShare
from agent.rules.kinds.flat import Flat
from agent.rules.kinds.jump import AllJump, Jump, Spikes
from agent.rules.kinds.lag import Early, Late, Undeclared
from agent.rules.kinds.limit import Inside, Is, Members, Outside
from agent.rules.kinds.measure import Correlation, Deviation, Mean, Quotient, Reckoned, Split, Total
from agent.rules.kinds.order import LateStop, Reduction, Restarted, StopIgnored
from agent.rules.kinds.pair import Chain, Differ, Pair
from agent.rules.kinds.proj import Pace, Projected
from agent.rules.kinds.ratio import Ratio, SumOver
from agent.rules.kinds.repeats import Copied, Periodic, Twin
from agent.rules.kinds.seq import Counter, Starts, TimeOrder
from agent.rules.kinds.shape import ShareAt, ShareInside

__all__ = [
    "AllJump",
    "AllOf",
    "AnyOf",
    "Apart",
    "Away",
    "Between",
    "Chain",
    "Changed",
    "Coarse",
    "Copied",
    "Correlation",
    "Counter",
    "Coverage",
    "Deviation",
    "Differ",
    "Early",
    "Fall",
    "FlagShare",
    "Flat",
    "Inside",
    "Is",
    "Jump",
    "Lasting",
    "Late",
    "LateStop",
    "Lost",
    "Mean",
    "Members",
    "Not",
    "Of",
    "Outside",
    "Pace",
    "Pair",
    "Periodic",
    "Projected",
    "Quotient",
    "Ratio",
    "Reckoned",
    "Reduction",
    "Restarted",
    "Rises",
    "ShareAt",
    "ShareInside",
    "Spikes",
    "Split",
    "Stale",
    "StartAfterRest",
    "Starts",
    "StopIgnored",
    "SumOver",
    "Takes",
    "TimeOrder",
    "Total",
    "Trend",
    "Twin",
    "Undeclared",
    "While",
]
