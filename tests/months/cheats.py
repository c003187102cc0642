"""One cheat or violation of every kind, each with the rules that must see it.

A cheat *acts* on the plant (a fan turned down is a fan that takes less power and moves less gas) or *tampers* with what
instruments tell (a value held constant), on its days; some need a paper: an order, a mark, a declaration. All are laid
into one month so that they do not hide each other: those that only a baseline shows come from the fourth week on. Days
count from 0, a Monday.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Final, Literal

from tests.months.plant import GAS, Day
from tests.months.restless import DAY
from tests.months.shifts import Drives, shift

Act = Callable[[Drives], None]
Tamper = Callable[[Day], None]
SEED: Final = 1
"""The month whose shifts the cheats that shift a start or a stop were laid for."""


def clock(text: str) -> int:
    """Return "09:30" in minutes of the day."""
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def span(first: str, last: str) -> range:
    """Return the minutes from "10:00" to "12:00"."""
    return range(clock(first), clock(last))


@dataclass(frozen=True, slots=True)
class Paper:
    """What people entered: an order or a mark on the line or an object, from and to in minutes of the month."""

    kind: Literal["stop", "reduce", "staggered", "hours", "stopped", "producing", "declared"]
    object: str
    first: int
    last: int
    reduction: float = 0.0
    allowed: str = ""
    """Local hours within which the order allows work."""
    minimum_kw: float | None = None


def paper(
    kind: Literal["stop", "reduce", "staggered", "hours", "stopped", "producing", "declared"],
    day: int,
    first: str,
    last: str,
    object: str = "board",  # noqa: A002 - the word of orders and marks
    *,
    to_day: int | None = None,
    reduction: float = 0.0,
    allowed: str = "",
    minimum_kw: float | None = None,
) -> Paper:
    """Return a paper from a time of a day to a time of that or another day."""
    until = (day if to_day is None else to_day) * DAY + clock(last)
    return Paper(kind, object, day * DAY + clock(first), until, reduction, allowed, minimum_kw)


@dataclass(frozen=True, slots=True)
class Cheat:
    """A cheat: what it is called, on which days, the rules it must raise, and what it does."""

    name: str
    rules: frozenset[str]
    days: range
    acts: Act | None = None
    tampers: Tamper | None = None
    papers: tuple[Paper, ...] = ()

    def act(self, number: int, drives: Drives) -> None:
        """Do it to the machines."""
        if self.acts is not None and number in self.days:
            self.acts(drives)

    def tamper(self, number: int, day: Day) -> None:
        """Do it to the data."""
        if self.tampers is not None and number in self.days:
            self.tampers(day)


def on(day: int, last: int | None = None) -> range:
    """Return one day, or the days up to and with `last`."""
    return range(day, (day if last is None else last) + 1)


def _cheat(
    name: str,
    rules: str,
    days: range,
    *,
    acts: Act | None = None,
    tampers: Tamper | None = None,
    papers: tuple[Paper, ...] = (),
) -> Cheat:
    return Cheat(name, frozenset(rules.split()), days, acts, tampers, papers)


# --- ways to tamper ------------------------------------------------------------------------------------------------


def change(point: str, when: range, how: Callable[[float], float], digits: int = 1) -> Tamper:
    """Return what changes each value of a point."""

    def tamper(day: Day) -> None:
        column = day[point]
        for minute in when:
            value = column[minute]
            if value is not None:
                column[minute] = round(how(value), digits)

    return tamper


def put(point: str, when: range, value: float) -> Tamper:
    """Return what writes one value over a point."""
    return change(point, when, lambda _: value, 3)


def gas(factor: str, when: range, how: Callable[[float], float]) -> Tamper:
    """Return what changes a concentration in the analyzer: it is converted and passed on as if it were true."""

    def tamper(day: Day) -> None:
        change(f"cems.{factor}", when, how)(day)
        day.convert((factor,))
        day.log((factor,))

    return tamper


def all_of(*tampers: Tamper) -> Tamper:
    """Return what does all of these."""

    def tamper(day: Day) -> None:
        for one in tampers:
            one(day)

    return tamper


def silent(device: str, when: range) -> Tamper:
    """Return what takes a device off."""
    return lambda day: day.silence(device, when)


def slower(meter: str, when: range, by: float) -> Tamper:
    """Return what makes a counter count a share of what it should, and stay behind for the rest of the day."""

    def tamper(day: Day) -> None:
        point = f"{meter}.energy_import"
        known = day.known(point)
        used = [later - earlier for earlier, later in pairwise(known)]
        behind, column = 0.0, day[point]
        for minute in range(1, DAY):
            behind += (1.0 - by) * used[minute - 1] if minute in when else 0.0
            column[minute] = round(known[minute] - behind, 2)

    return tamper


def _copied(day: Day) -> None:
    column = day["cems.nox"]
    column[clock("15:00") : clock("16:00")] = column[clock("13:00") : clock("14:00")]
    day.convert(("nox",))
    day.log(("nox",))


def _replayed(day: Day) -> None:
    column, first = day["cems.nox"], clock("10:00")
    for minute in span("10:23", "19:00"):
        column[minute] = column[first + (minute - first) % 23]
    day.convert(("nox",))
    day.log(("nox",))


def _spiky(day: Day) -> None:
    for minute in span("14:00", "15:30"):
        if minute % 7 == 0:
            gas("dust", range(minute, minute + 1), lambda value: value * 2.5)(day)


def _diluted(day: Day) -> None:
    change("cems.o2", span("14:00", "16:30"), lambda o2: o2 + 0.45 * (20.9 - o2), 2)(day)
    for factor in GAS:
        gas(factor, span("14:00", "16:30"), lambda value: 0.55 * value)(day)


def _made_up(day: Day) -> None:
    """Write what a generator of numbers makes: it knows no load."""
    rng, value = Random(day.number), 26.0
    for minute in span("06:50", "19:40"):
        value += 0.06 * (26.0 - value) + rng.gauss(0.0, 1.0)
        day["cems.nox"][minute] = round(value, 1)
    day.convert(("nox",))
    day.log(("nox",))


def _smooth(day: Day) -> None:
    rng = Random(day.number)
    for minute in span("07:20", "19:10"):
        day["cems.dust"][minute] = round(3.8 + 0.06 * rng.gauss(0.0, 1.0), 1)
    day.convert(("dust",))
    day.log(("dust",))


def _excused(day: Day) -> None:
    """Let the value come near the limit, and flag it as calibration from there on."""
    for first in (clock("10:30"), clock("13:00"), clock("15:30")):
        gas("dust", range(first - 8, first), lambda value: value * 2.2)(day)
        when = range(first, first + 110)
        day.flag(("cems.dust", "cems.dust_converted", "logger.dust"), when, "C")


def _after_service(day: Day) -> None:
    gas("so2", span("09:50", "19:40"), lambda value: 0.4 * value)(day)


def _burnt_at_night(day: Day) -> None:
    """A furnace without a meter: the stack shows it, and so does the main meter."""
    when = span("01:00", "04:00")
    for point in ("cems.o2", "cems.temperature", "cems.so2", "cems.nox", "cems.dust"):
        source, first = list(day[point]), clock("10:00")
        for minute in when:
            day[point][minute] = source[first + minute - when.start]
    day.convert()
    day.log()


def _unmetered(day: Day) -> None:
    change("main.power", range(DAY), lambda kw: 1.45 * kw, 3)(day)
    slower("main", range(DAY), 1.45)(day)


def _away(day: Day) -> None:
    day.silence("fan", [minute for minute in span("13:00", "16:00") if minute % 5 < 2])


def _twin(day: Day) -> None:
    for minute in range(DAY):
        day["cems.nox"][minute] = day["cems.so2"][minute]
    day.convert(("nox",))
    day.log(("nox",))


def _shorted(day: Day) -> None:
    when = span("13:00", "14:00")
    all_of(put("press.current_b", when, 0.0), put("press.power_b", when, 0.0))(day)
    change("press.power", when, lambda kw: 0.67 * kw, 3)(day)


def _reversed(day: Day) -> None:
    when = span("15:00", "15:45")
    change("press.power_c", when, lambda kw: -kw, 3)(day)
    change("press.power", when, lambda kw: 0.33 * kw, 3)(day)


def _phase_lost(day: Day) -> None:
    for name in ("voltage_a", "current_a", "power_a"):
        put(f"press.{name}", span("09:00", "09:20"), 0.0)(day)


def _dead(day: Day) -> None:
    for phase in "abc":
        for name in ("voltage", "current", "power"):
            put(f"fan.{name}_{phase}", span("16:30", "17:15"), 0.0)(day)
    put("fan.power", span("16:30", "17:15"), 0.0)(day)


def _taken_off(day: Day) -> None:
    """The current transformers were taken off: nothing flows, says the meter, and the press works."""
    for phase in "abc":
        for name in ("current", "power"):
            put(f"press.{name}_{phase}", span("16:00", "16:40"), 0.0)(day)
    put("press.power", span("16:00", "16:40"), 0.0)(day)


def _over_range(day: Day) -> None:
    for phase in "abc":
        change(f"drum.current_{phase}", span("15:00", "15:20"), lambda amperes: amperes * 1.9, 2)(day)


def _halved(day: Day) -> None:
    """Let the product counter count half."""
    known = day.known("dcs.output")
    day.put("dcs.output", (known[0] + 0.5 * (one - known[0]) for one in known), 3)


# --- ways to act ---------------------------------------------------------------------------------------------------


def drive(name: str, when: range, how: Callable[[float], float]) -> Act:
    """Return what changes a drive."""

    def act(drives: Drives) -> None:
        column: list[float] = getattr(drives, name)
        column[when.start : when.stop] = [how(value) for value in column[when.start : when.stop]]

    return act


def acting(*acts: Act) -> Act:
    """Return what does all of these."""

    def act(drives: Drives) -> None:
        for one in acts:
            one(drives)

    return act


def working(when: range, load: float = 0.7) -> Act:
    """Return what makes drum and press work."""
    return acting(drive("drum", when, lambda _: load), drive("press", when, lambda _: 0.9 * load))


def helped(when: range) -> Act:
    """Return what makes all treatment run."""
    wanted = [drive(name, when, lambda _: 1.0) for name in ("pump", "bag", "esp", "scr", "rto")]
    return acting(drive("fan_hz", when, lambda _: 45.8), *wanted)


def stopped(when: range) -> Act:
    """Return what stops drum and press."""
    return acting(drive("drum", when, lambda _: 0.0), drive("press", when, lambda _: 0.0))


def _toggling(drives: Drives) -> None:
    for minute in span("10:00", "11:30"):
        if minute % 8 < 4:
            drives.press[minute] = 0.0


def _night_shift(drives: Drives) -> None:
    working(span("00:00", "06:00"))(drives)
    helped(span("00:00", "06:30"))(drives)
    stopped(span("08:00", "22:00"))(drives)
    working(span("22:00", "24:00"))(drives)
    helped(span("21:45", "24:00"))(drives)


_LONG = range(DAY)
_MORNING, _EVENING = shift(SEED, 2).start, shift(SEED, 3).stop

CHEATS: Final[tuple[Cheat, ...]] = (
    # --- the series of the stack ---
    _cheat("constant value", "E9", on(1), tampers=gas("nox", span("13:00", "16:00"), lambda _: 23.4)),
    _cheat("clipped value", "E13", on(2), tampers=gas("so2", span("12:30", "16:00"), lambda value: min(value, 19.2))),
    _cheat("tiny value", "E10", on(3), tampers=gas("nox", span("13:00", "16:00"), lambda value: 0.02 * value)),
    _cheat("zero", "E11", on(3), tampers=gas("dust", span("13:00", "15:00"), lambda _: 0.0)),
    _cheat("negative", "E12", on(3), tampers=gas("so2", span("17:00", "17:30"), lambda _: -4.2)),
    _cheat("copied hour", "Q11", on(4), tampers=_copied),
    _cheat("replay", "E14", on(7), tampers=_replayed),
    _cheat("jump", "E7", on(8), tampers=gas("so2", span("11:00", "12:00"), lambda value: 0.35 * value)),
    _cheat("spikes", "E16", on(8), tampers=_spiky),
    _cheat(
        "all screens jump",
        "E17",
        on(12),
        tampers=all_of(*(gas(factor, span("11:00", "11:40"), lambda value: 0.3 * value) for factor in GAS)),
    ),
    _cheat("dilution by air", "E18", on(21), tampers=_diluted),
    _cheat(
        "steady low",
        "E8",
        on(23, 28),
        tampers=gas("so2", _LONG, lambda value: 2.6 + 0.02 * value if value > 5 else value),
    ),
    _cheat("numbers made up", "E19", on(23, 25), tampers=_made_up),
    _cheat("smoothed", "E15", on(22), tampers=_smooth),
    _cheat("flags before exceedance", "E22", on(9, 11), tampers=_excused),
    _cheat("lower after service", "E23", on(10), tampers=_after_service),
    _cheat(
        "flow without fan",
        "E20",
        on(11),
        tampers=all_of(change("fan.power", span("14:00", "16:00"), lambda kw: 1.5 * kw, 3)),
    ),
    _cheat("furnace without meter", "E21", on(14), tampers=_burnt_at_night),
    _cheat(
        "near the limit for days",
        "E4 E6",
        on(15, 17),
        tampers=gas("nox", _LONG, lambda value: 38.0 + 0.05 * value if value > 15 else value),
    ),
    _cheat(
        "hour over the limit", "E1 E2 E3", on(14), tampers=gas("so2", span("13:00", "15:10"), lambda value: 2.6 * value)
    ),
    _cheat(
        "mass over the permit",
        "E5 E1",
        on(25, 29),
        tampers=gas("dust", _LONG, lambda value: 8.0 * value if value > 1.5 else value),
    ),
    _cheat("wrong formula", "E24", on(16), tampers=lambda day: day.convert(("so2",), 11.5)),
    _cheat(
        "two values of one thing",
        "E25",
        on(17),
        tampers=change("logger.so2", span("12:00", "14:00"), lambda value: 0.7 * value),
    ),
    _cheat("slope changed", "E26", on(17, 29), tampers=put("cems.slope", span("17:00", "24:00"), 0.8)),
    _cheat(
        "impossible humidity",
        "E27",
        on(18),
        tampers=change("cems.humidity", span("13:00", "14:00"), lambda value: value + 45.0),
    ),
    _cheat(
        "cold sample line",
        "E28",
        on(18),
        tampers=change("cems.sample_line", span("15:00", "16:00"), lambda value: value - 60.0),
    ),
    # --- treatment ---
    _cheat("treatment off by day", "T1 T22", on(1), acts=drive("fan_hz", span("17:00", "17:40"), lambda _: 0.0)),
    _cheat("treatment started late", "T2", on(2), acts=drive("fan_hz", range(_MORNING + 14), lambda _: 0.0)),
    _cheat("treatment stopped early", "T3", on(3), acts=drive("bag", range(_EVENING - 20, DAY), lambda _: 0.0)),
    _cheat("lowered fan frequency", "T4 T6 T8", on(24), acts=drive("fan_hz", _LONG, lambda hz: 0.78 * hz)),
    _cheat("treatment idling", "T5", on(4), acts=drive("fan_hz", span("10:00", "10:40"), lambda _: 26.0)),
    _cheat("feeder dead", "T7", on(4), tampers=_dead),
    _cheat("flat power", "T9", on(7), tampers=put("fan.power", span("13:00", "16:30"), 36.5)),
    _cheat("pump off", "T10 T22", on(8), acts=drive("pump", span("16:00", "16:40"), lambda _: 0.0)),
    _cheat("bypass open", "T11", on(9), acts=drive("bypass", span("14:00", "14:30"), lambda _: 35.0)),
    _cheat("sour slurry", "T12", on(9), tampers=change("dcs.ph", span("15:00", "16:30"), lambda value: value - 1.2, 2)),
    _cheat("no ammonia", "T13", on(22), acts=drive("feed", span("15:00", "16:00"), lambda _: 0.3)),
    _cheat(
        "bag torn",
        "T14",
        on(10),
        tampers=change("dcs.bag_pressure_drop", span("14:00", "14:40"), lambda pa: 0.3 * pa, 0),
    ),
    _cheat(
        "fields off",
        "T15",
        on(10),
        tampers=all_of(
            *(change(f"dcs.field_voltage_{one}", span("15:00", "15:40"), lambda kv: 0.2 * kv) for one in "12")
        ),
    ),
    _cheat(
        "oxidiser cold",
        "T16",
        on(11),
        tampers=change("dcs.rto_temperature", span("10:30", "11:30"), lambda value: value - 160.0),
    ),
    _cheat(
        "furnace cold",
        "T17",
        on(11),
        tampers=change("dcs.furnace_temperature", span("15:30", "16:30"), lambda value: value - 140.0),
    ),
    _cheat(
        "ammonia into the cold",
        "T18",
        on(14),
        tampers=change("dcs.scr_temperature", span("15:30", "16:00"), lambda value: value - 90.0),
    ),
    _cheat(
        "ammonia slip",
        "T19",
        on(15),
        tampers=change("dcs.ammonia_slip", span("14:00", "15:00"), lambda value: value + 4.0, 2),
    ),
    _cheat(
        "little removed",
        "T20",
        on(15),
        tampers=change("dcs.so2_inlet", span("10:00", "13:00"), lambda value: 0.06 * value, 0),
    ),
    _cheat("fault and no stop", "T21", on(16), tampers=put("dcs.fault", span("10:00", "15:00"), 1.0)),
    _cheat("treatment ran too short", "T24", on(16), acts=drive("esp", span("15:00", "17:30"), lambda _: 0.0)),
    # --- production ---
    _cheat("night work", "P1", on(2), acts=acting(working(span("00:30", "02:00")), helped(span("00:20", "02:20")))),
    _cheat("night work without treatment", "P1 T1", on(9), acts=working(span("01:00", "02:30"))),
    _cheat("day and night exchanged", "P2 P3", on(28), acts=_night_shift),
    _cheat(
        "marked as stopped",
        "P4",
        on(18),
        papers=(paper("stopped", 18, "09:00", "12:00", "drum"),),
    ),
    _cheat(
        "undeclared work", "P5", on(13), acts=acting(working(span("16:30", "18:00")), helped(span("16:15", "18:30")))
    ),
    _cheat(
        "over rated load", "P6", on(19), tampers=change("drum.power", span("10:00", "12:00"), lambda kw: 1.75 * kw, 3)
    ),
    _cheat(
        "long shift",
        "P7",
        on(17),
        acts=acting(
            working(span("19:00", "22:00"), 0.79),
            helped(span("19:00", "22:20")),
            working(span("05:00", "07:30"), 0.79),
            helped(span("04:40", "07:30")),
        ),
    ),
    _cheat(
        "idling for show",
        "P8",
        on(20),
        acts=drive("press", span("10:00", "12:00"), lambda _: 0.05),
        papers=(paper("producing", 20, "08:00", "13:00", "press"),),
    ),
    _cheat("chain broken", "P9", on(19), acts=drive("press", span("12:30", "13:30"), lambda _: 0.0)),
    _cheat("starts and stops", "P10", on(18), acts=_toggling),
    _cheat("energy and no product", "P11", on(24), tampers=_halved),
    _cheat(
        "load understated", "P12", on(16), tampers=change("dcs.load", span("17:30", "18:40"), lambda value: 0.5 * value)
    ),
    _cheat("unmetered use", "P13", on(20), tampers=_unmetered),
    _cheat("start after a long stop", "P14 P9", on(4, 12), acts=drive("press", _LONG, lambda _: 0.0)),
    # --- meters ---
    _cheat("main meter slowed", "W1", on(21), tampers=slower("main", span("10:00", "12:00"), 0.6)),
    _cheat("phase lost", "W2", on(1), tampers=_phase_lost),
    _cheat(
        "voltage high",
        "W3",
        on(1),
        tampers=change("pump.voltage_a", span("12:00", "12:30"), lambda volts: volts + 20.0),
    ),
    _cheat("CT shorted", "W4", on(2), tampers=_shorted),
    _cheat(
        "phases unequal",
        "W5",
        on(14),
        tampers=change("press.current_a", span("10:00", "11:00"), lambda amperes: 0.35 * amperes, 2),
    ),
    _cheat("CT reversed", "W6", on(3), tampers=_reversed),
    _cheat(
        "counter set back", "W7", on(15, 29), tampers=change("press.energy_import", _LONG, lambda kwh: kwh - 800.0, 2)
    ),
    _cheat("counter slowed", "W8", on(14), tampers=slower("fan", span("10:00", "15:00"), 0.7)),
    _cheat(
        "power factor", "W9", on(15), tampers=change("drum.power_factor", span("16:00", "17:00"), lambda _: 0.22, 3)
    ),
    _cheat("CTs taken off", "W10", on(14), tampers=_taken_off),
    _cheat("meter programmed", "W11", on(18, 29), tampers=put("drum.program_count", _LONG, 5.0)),
    _cheat("CT too small", "W12", on(22), tampers=_over_range),
    # --- data ---
    _cheat("offline", "Q1", on(22), tampers=silent("cems", span("16:00", "16:40"))),
    _cheat("long offline", "Q2 Q1 Q3", on(26, 29), tampers=silent("logger", _LONG)),
    _cheat("half the data", "Q3", on(22), tampers=_away),
    _cheat(
        "link failing",
        "Q4",
        on(21),
        tampers=lambda day: day.silence("logger", [minute for minute in span("10:00", "13:00") if minute % 10 < 4]),
    ),
    _cheat("door open", "Q9", on(23), tampers=put("dcs.door", span("11:00", "11:20"), 1.0)),
    _cheat("one source for two points", "Q12", on(29), tampers=_twin),
    # --- orders ---
    _cheat("stop order ignored", "R1", on(19), papers=(paper("stop", 19, "08:00", "17:00"),)),
    _cheat(
        "reduction missed", "R2 R10", on(23), papers=(paper("reduce", 23, "00:00", "00:00", to_day=24, reduction=0.4),)
    ),
    _cheat(
        "late response",
        "R3",
        on(25),
        acts=stopped(span("12:00", "24:00")),
        papers=(paper("stop", 25, "10:00", "23:00"),),
    ),
    _cheat(
        "early restart",
        "R4",
        on(21),
        acts=stopped(span("08:30", "13:00")),
        papers=(paper("stop", 21, "08:20", "18:00"),),
    ),
    _cheat("staggered plan broken", "R5", on(27), papers=(paper("staggered", 27, "00:00", "23:00"),)),
    _cheat("outside the hours", "R6", on(22), papers=(paper("hours", 22, "00:00", "23:59", allowed="12:00-18:00"),)),
    _cheat(
        "treatment off in a response",
        "R7",
        on(23),
        acts=drive("bag", span("16:00", "16:20"), lambda _: 0.0),
    ),
    _cheat(
        "over the minimum load",
        "R8",
        on(24),
        papers=(paper("reduce", 24, "08:00", "18:00", reduction=0.5, minimum_kw=60.0),),
    ),
    _cheat("data lost in a response", "R9", on(24), tampers=silent("drum", span("13:00", "13:40"))),
)
"""Those that scans can show. Clocks, restarts, configuration, backlog and age (Q5 Q6 Q7 Q8 Q10 T23) are the box's."""


def declarations(seed: int, days: int) -> tuple[Paper, ...]:
    """Return what an honest plant declares: every start and stop of its shifts, to the minute."""
    found = []
    for day in range(days):
        worked = shift(seed, day)
        found += [Paper("declared", "board", day * DAY + at, day * DAY + at) for at in (worked.start, worked.stop)]
    return tuple(found)


def rules_seen() -> frozenset[str]:
    """Return all rules that some cheat must raise."""
    return frozenset(rule for cheat in CHEATS for rule in cheat.rules)
