"""All rules, bound to a plant that has everything: whatever comes in, they answer, and nothing unknown is taken as so.

The stories of each rule are in its group's tests; here none is spared what no story has: readings out of all reason,
gaps, stops and restarts in any order.
"""

from __future__ import annotations

import json
import math
import random
from typing import TYPE_CHECKING, Any

import pytest

from agent.judge import Judged, _link
from agent.record import LARGEST, canonical, expressible
from agent.rules.binding import bound
from agent.rules.catalogue import RULES
from agent.rules.quantity import Span
from agent.rules.rule import Grain, Moment
from tests.bench import large_site

if TYPE_CHECKING:
    from agent.rules.binding import Binding, Bound
    from agent.rules.quantity import Read
    from agent.rules.rule import Evaluator
    from config.site import Site

STEP_S = {Grain.NOW: 30, Grain.MINUTE: 60, Grain.HOUR: 3600, Grain.DAY: 86400}
FIRST_DAY = 738_000
LIMITS = (0.0, -0.0, 1.0, 2.0, -1.0, 0.5, 1e-12, 5e-324, -5e-324, float(LARGEST), -float(LARGEST), True, False, 2)
USUAL = (35.0, 34.9, 20.9, 21.0, 850.0, 100.0, 36.0, 0.95, 230.0, 1e6)
MOODS = ("garbage", "states", "steady", "lively", "silent", "anything")
each = pytest.mark.parametrize("rule", [rule.id for rule in RULES])


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A plant on which every rule of the catalogue finds what it needs."""
    return large_site.site(tmp_path_factory.mktemp("large"), "60s")


@pytest.fixture(scope="module")
def whole(plant: Site) -> Bound:
    """The catalogue on that plant."""
    return bound(plant)


@pytest.fixture(scope="module")
def bindings(whole: Bound) -> dict[str, Binding]:
    """The first object of every rule."""
    found: dict[str, Binding] = {}
    for binding in whole.bindings:
        found.setdefault(binding.rule.id, binding)
    return found


class Instruments:
    """Draws what a rule reads, in moods that last a while."""

    def __init__(self, binding: Binding) -> None:
        self._dice = random.Random(binding.rule.id)
        self._reads = binding.rule.reads
        self._last: dict[Any, Any] = {}
        self._mood = "lively"

    def say(self) -> list[Any]:
        """Return one value for each read."""
        if self._dice.random() < 0.03:
            self._mood = self._dice.choice(MOODS)
        return [self._read(place, read) for place, read in enumerate(self._reads)]

    def _read(self, place: int, read: Read) -> Any:
        if read.span is Span.FLAG:
            return float(ord(self._dice.choice("NNNNBDFMCST")))
        if read.quantity.is_many:
            return tuple(self._number((place, member)) for member in range(3))
        return self._number(place)

    def _number(self, key: Any) -> Any:
        mood = self._mood if self._mood != "anything" else self._dice.choice(MOODS[:5])
        if mood == "steady" and key in self._last and self._dice.random() < 0.95:
            return self._last[key]
        drawn: Any = self._dice.uniform(0, 120)
        if mood == "garbage":
            drawn = self._dice.choice((None, *LIMITS, *USUAL))
        elif mood == "states":
            drawn = float(self._dice.randrange(3))
        elif mood == "silent":
            drawn = None
        self._last[key] = drawn
        return drawn


def at(count: int, grain: Grain, *, calendar: bool = True) -> Moment:
    """Return the moment of the `count`-th evaluation."""
    seconds = count * STEP_S[grain]
    if not calendar:
        return Moment(seconds * 10**9)
    day = FIRST_DAY + seconds // 86400
    return Moment(seconds * 10**9, 1_772_000_000_000 + seconds * 1000, day, seconds // 60 % 1440, (day - 1) % 7)


def told(evaluator: Evaluator) -> str:
    """Return an evaluator's state as text."""
    return json.dumps(evaluator.snapshot(), allow_nan=False)


@each
def test_whatever_comes_it_answers(bindings: dict[str, Binding], rule: str) -> None:
    """No reading, gap, skip or restart makes a rule fail; its evidence and its state are plain data; nothing is lost.

    A twin that is put away and restored now and then says the same as one that is not.
    """
    binding = bindings[rule]
    grain, instruments, dice = binding.rule.grain, Instruments(binding), random.Random(rule)
    evaluator, other = binding.evaluator(), binding.evaluator()
    for count in range(1, 601):
        if dice.random() < 0.01:
            missed = dice.choice((1, 7, 3000))
            evaluator.skip(missed)
            other.skip(missed)
        if dice.random() < 0.05:
            kept = told(other)
            other = binding.evaluator()
            other.restore(json.loads(kept))
            assert told(other) == kept
        given, moment = instruments.say(), at(count, grain, calendar=dice.random() > 0.02)
        answer = evaluator.update(moment, *given)

        assert answer in {True, False, None}
        assert other.update(moment, *given) is answer
        wait_s = evaluator.ready_in_s()
        assert math.isfinite(wait_s)
        assert wait_s >= 0
        if answer or count % 50 == 0:
            evidence = evaluator.evidence()
            json.dumps(evidence, allow_nan=False)
            assert json.loads(canonical(expressible(evidence)))


@each
def test_what_is_never_known_is_never_so(bindings: dict[str, Binding], rule: str) -> None:
    """Rules that are given nothing find nothing, for as long as that lasts; only Q1 and Q2 are about just that."""
    binding = bindings[rule]
    evaluator, grain = binding.evaluator(), binding.rule.grain
    nothing = [(None, None, None) if read.quantity.is_many else None for read in binding.rule.reads]
    answers = {evaluator.update(at(count, grain), *nothing) for count in range(1, 3000)}
    assert (True in answers) is (rule in {"Q1", "Q2"})


def test_every_mute_finds_what_it_is_muted_by(whole: Bound) -> None:
    """A rule that is said to keep still while another one is active has that one about the same thing on this plant."""
    judged = [Judged(binding) for binding in whole.bindings]
    _link(judged, whole.world.places)
    linked = {(one.binding.rule.id, other.split(".")[1]) for one in judged for other in one.stronger}
    said = {(rule.id, stronger) for rule in RULES for stronger in rule.muted.rules}
    assert said - linked == set()
