"""The rig: one rule in virtual time, fed with given values at the rule's grain, its alarm told by its own holds.

A rule's specification is one `Cases`: stories of rows "for so long, these values", from which `EachRule` makes the
required tests. A test module of a group is then a table::

    class TestPower(EachRule):
        rules = power.RULES
        table = (
            Cases(
                rule=BY_ID["W3"],
                facts={"rated_voltage": 230.0},
                fires=(row("12m", 250.0, 230.0, 230.0),),
                border=(row("12m", 246.1, 207.0, 230.0),),
                clears=(row("2m", 230.0, 230.0, 230.0),),
                unknown=(row("1h", None, 230.0, 230.0),),
                quiet={"high": 1.2, "hold": 3600.0},
                loud={"low": 0.95},
            ),
        )

What every `Cases` must show, each story after `lead` (the history that the rule needs):

- `fires` raises the alarm; `border` does not, being as near to it as is right.
- `fires` then `clears` raises and clears it.
- `fires` then `unknown` neither clears it nor raises it again; `unknown` alone raises nothing.
- the same answers come when the evaluator is put away and restored (through JSON) in the middle of any row.
- every parameter of the rule matters: with one of `quiet`, `fires` is silent; with one of `loud`, `border` raises.

Time is virtual and local to Asia/Shanghai. Rules of grain NOW are evaluated every `NOW_S` seconds here.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final
from zoneinfo import ZoneInfo

from agent.rules.rule import SHARED, Grain, Moment, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pytest

    from agent.rules.rule import Given

OFF: Final = 0
IDLE: Final = 1
RUN: Final = 2

ZONE: Final = ZoneInfo("Asia/Shanghai")
MONDAY: Final = "2026-03-02 00:00"
NOW_S: Final = 10
STEP_S: Final = {Grain.NOW: NOW_S, Grain.MINUTE: 60, Grain.HOUR: 3600, Grain.DAY: 86400}
_NS: Final = 1_000_000_000
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BOOT_NS: Final = 1000 * _NS


def seconds(text: str) -> float:
    """Return "90s", "30m", "2h" or "15d" in seconds."""
    return float(text[:-1]) * _UNIT_S[text[-1]]


def moment(local: str, after_s: float = 0.0) -> Moment:
    """Return the moment `after_s` seconds after `local` ("2026-03-02 06:00") in Shanghai; monotonic time likewise."""
    when = datetime.fromisoformat(local).replace(tzinfo=ZONE) + timedelta(seconds=after_s)
    return Moment(
        mono_ns=_BOOT_NS + round(after_s * _NS),
        wall_ms=round(when.timestamp() * 1000),
        day=when.toordinal(),
        minute=when.hour * 60 + when.minute,
        weekday=when.weekday(),
    )


def timeless(at: Moment) -> Moment:
    """Return the same moment of a box that does not know the time."""
    return Moment(mono_ns=at.mono_ns)


@dataclass(frozen=True, slots=True)
class Row:
    """For `for_s` seconds, these values: one per read of the rule. A function of the moment gives moving values."""

    for_s: float
    given: tuple[Any, ...]

    def at(self, when: Moment) -> tuple[Given, ...]:
        """Return the values at that moment."""
        return tuple(value(when) if callable(value) else value for value in self.given)


Story = tuple[Row, ...]


def row(span: str, *given: Any) -> Row:
    """Return the row that lasts `span` ("30m")."""
    return Row(seconds(span), given)


def wave(middle: float, swing: float, period_minutes: float = 7.3) -> Callable[[Moment], float]:
    """Return a lively signal: it moves around `middle` by `swing`, with a slower wave on top."""

    def value(at: Moment) -> float:
        minutes = at.mono_ns / 60e9
        return middle + swing * (0.6 * math.sin(minutes / period_minutes) + 0.4 * math.sin(minutes * 1.7))

    return value


def by_hour(inside: str, there: float, elsewhere: float) -> Callable[[Moment], float]:
    """Return a value that is `there` within "22-6" (hours, may pass midnight) of every day, `elsewhere` otherwise."""
    first, last = (int(hour) * 60 for hour in inside.split("-"))

    def value(at: Moment) -> float:
        assert at.minute is not None
        minute = at.minute
        is_in = first <= minute < last if first < last else (minute >= first or minute < last)
        return there if is_in else elsewhere

    return value


def by_id(rules: tuple[Rule, ...]) -> dict[str, Rule]:
    """Return the rules of a group by id."""
    return {rule.id: rule for rule in rules}


def defaults(rule: Rule, **params: Any) -> dict[str, Any]:
    """Return the rule's parameters, shared ones included, with `params` over the defaults."""
    known = {name: param.default for name, param in {**SHARED, **rule.params}.items()}
    unknown = set(params) - set(known)
    assert not unknown, f"{rule.id} has no parameter {unknown}"
    return known | params


@dataclass(slots=True)
class Alarm:
    """On-delay and off-delay over conditions: counted between agreeing known evaluations, frozen by unknown ones."""

    hold_s: float
    clear_hold_s: float
    active: bool = False
    _counted_s: float = 0.0
    _last_s: float | None = None
    _counting: bool = False

    def weigh(self, condition: bool | None, now_s: float) -> str | None:
        """Take one answer; return "raised" or "cleared" when it makes the alarm so."""
        if condition is None:
            self._last_s = None
            return None
        if condition == self.active:
            self._counting, self._counted_s, self._last_s = False, 0.0, None
            return None
        if self._counting and self._last_s is not None:
            self._counted_s += now_s - self._last_s
        self._counting, self._last_s = True, now_s
        if self._counted_s < (self.clear_hold_s if self.active else self.hold_s):
            return None
        self.active = not self.active
        self._counting, self._counted_s, self._last_s = False, 0.0, None
        return "raised" if self.active else "cleared"


class Rig:
    """One rule bound to nothing: its evaluator, its alarm and the virtual clock.

    `answers` are all conditions so far, `told` what the alarm said: ("raised", seconds since the start).
    """

    def __init__(
        self, rule: Rule, facts: Mapping[str, Any] | None = None, start: str = MONDAY, step_s: float = 0, **params: Any
    ) -> None:
        self.rule = rule
        self.values = defaults(rule, **params)
        self.facts = dict(facts or {})
        self.start = start
        self.step_s: float = step_s or STEP_S[rule.grain]
        self.evaluator = rule.build(self.values, self.facts)
        self.alarm = Alarm(self.values["hold"], self.values["clear_hold"])
        self.answers: list[bool | None] = []
        self.told: list[tuple[str, float]] = []
        self.now_s = 0.0
        self._clock = _clock(start, self.step_s)

    @property
    def changes(self) -> list[str]:
        """What the alarm said, without times."""
        return [what for what, _ in self.told]

    def feed(self, *rows: Row, restart: bool = False, timeless: bool = False) -> bool | None:
        """Live through `rows`, with `restart` in the middle of each; return the last condition."""
        for part in rows:
            count = round(part.for_s / self.step_s)
            for index in range(count):
                if restart and index == count // 2:
                    self.restart()
                self._step(part, timeless=timeless)
        return self.answers[-1] if self.answers else None

    def _step(self, part: Row, *, timeless: bool) -> None:
        at = next(self._clock)
        given = part.at(at)
        assert len(given) == len(self.rule.reads), f"{self.rule.id} reads {len(self.rule.reads)} values"
        answer = self.evaluator.update(Moment(at.mono_ns) if timeless else at, *given)
        assert answer is None or isinstance(answer, bool), f"{self.rule.id} answered {answer!r}"
        self.answers.append(answer)
        change = self.alarm.weigh(answer, self.now_s)
        if change is not None:
            self.told.append((change, self.now_s))
        self.now_s += self.step_s

    def restart(self) -> None:
        """Put the evaluator away as JSON and go on with a new one."""
        kept = json.dumps(self.evaluator.snapshot(), allow_nan=False)
        self.evaluator = self.rule.build(self.values, self.facts)
        self.evaluator.restore(json.loads(kept))


def _clock(start: str, step_s: float) -> Iterator[Moment]:
    """Yield the moments from `start` on; Shanghai has no summer time, so arithmetic will do."""
    first = moment(start)
    assert first.wall_ms is not None
    assert first.day is not None
    assert first.minute is not None
    count = 0
    while True:
        minutes = first.minute + int(count * step_s // 60)
        days, minute = divmod(minutes, 1440)
        day = first.day + days
        yield Moment(
            mono_ns=first.mono_ns + round(count * step_s * _NS),
            wall_ms=first.wall_ms + round(count * step_s * 1000),
            day=day,
            minute=minute,
            weekday=(day - 1) % 7,
        )
        count += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """One rule's specification in stories; see the module's beginning. `name` tells several of one rule apart."""

    rule: Rule
    fires: Story
    border: Story
    clears: Story
    unknown: Story
    lead: Story = ()
    name: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    start: str = MONDAY
    step_s: float = 0
    quiet: Mapping[str, Any] = field(default_factory=dict)
    """Parameter values each of which alone keeps `fires` silent."""
    loud: Mapping[str, Any] = field(default_factory=dict)
    """Parameter values each of which alone makes `border` raise."""
    comes_back: bool = True
    """Whether `clears` ends the alarm. False only for rules whose condition cannot pass within a story."""

    def rig(self, **params: Any) -> Rig:
        """Return a fresh rig of this rule, with `params` over those of the cases."""
        return Rig(self.rule, self.facts, self.start, self.step_s, **{**self.params, **params})

    def tell(self, *stories: Story, restart: bool = False, **params: Any) -> Rig:
        """Return a rig that has lived through `lead` and then `stories`."""
        rig = self.rig(**params)
        for story in (self.lead, *stories):
            rig.feed(*story, restart=restart)
        return rig

    def __str__(self) -> str:
        return f"{self.rule.id}{'-' if self.name else ''}{self.name}"


class EachRule:
    """The required tests of every rule of a group. A subclass gives `table` and the group's `rules`."""

    rules: ClassVar[tuple[Rule, ...]] = ()
    table: ClassVar[tuple[Cases, ...]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test per row of the table."""
        if "cases" in metafunc.fixturenames:
            metafunc.parametrize("cases", self.table, ids=str)

    def test_every_rule_has_its_cases(self) -> None:
        """No rule of the group is without a specification, and the file is in the catalogue's order."""
        told = {cases.rule.id for cases in self.table}
        ids = [rule.id for rule in self.rules]
        assert [one for one in ids if one not in told] == []
        assert ids == sorted(ids, key=lambda one: int(one[1:]))

    def test_every_parameter_is_shown_to_matter(self) -> None:
        """Each parameter of each rule is turned once in the table, to silence the rule or to wake it."""
        missing = [
            f"{rule.id}.{name}"
            for rule in self.rules
            for name in rule.params
            if name not in {"clear_hold", "escalate_after", "remind", "priority"}
            and not any(name in {**one.quiet, **one.loud} for one in self.table if one.rule.id == rule.id)
        ]
        assert missing == []

    def test_fires(self, cases: Cases) -> None:
        """The alarm is raised by what the rule is there for, once, and not by the history before."""
        assert cases.tell().changes == []
        assert cases.tell(cases.fires).changes == ["raised"]

    def test_keeps_still_at_the_border(self, cases: Cases) -> None:
        """What comes as near as is right raises nothing."""
        rig = cases.tell(cases.border)
        assert rig.changes == []
        assert False in rig.answers[-2:], "the border is known not to hold; it is not merely unknown"

    def test_clears(self, cases: Cases) -> None:
        """The alarm goes when the cause has gone."""
        assert cases.tell(cases.fires, cases.clears).changes == ["raised", "cleared"][: 1 + cases.comes_back]

    def test_unknown_input_freezes(self, cases: Cases) -> None:
        """Input that is not known raises nothing and clears nothing, however long."""
        assert cases.tell(cases.fires, cases.unknown).changes == ["raised"]
        assert cases.tell(cases.unknown).changes == []

    def test_survives_restart(self, cases: Cases) -> None:
        """Put away and restored in the middle of each row, the rule gives the same answers at the same times."""
        story = (cases.fires, cases.unknown, cases.clears)
        straight, broken = cases.tell(*story), cases.tell(*story, restart=True)
        assert broken.answers == straight.answers
        assert broken.told == straight.told

    def test_each_parameter_matters(self, cases: Cases) -> None:
        """Turned one way a parameter keeps the rule silent, turned the other way it wakes it."""
        for name, value in cases.quiet.items():
            assert cases.tell(cases.fires, **{name: value}).changes == [], f"{name} = {value} keeps it silent"
        for name, value in cases.loud.items():
            assert cases.tell(cases.border, **{name: value}).changes[:1] == ["raised"], f"{name} = {value} wakes it"

    def test_evidence_is_plain_data(self, cases: Cases) -> None:
        """What travels in the alarm is JSON without NaN, and says something."""
        evidence = cases.tell(cases.fires).evaluator.evidence()
        assert evidence
        assert json.loads(json.dumps(evidence, allow_nan=False))
