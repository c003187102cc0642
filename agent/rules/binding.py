"""Which rules apply to a site, on which objects, with which parameters; and why the others do not.

A rule applies to an object when its pack is chosen, the site file does not switch it off, and everything that it must
read or know of the object is there. What is missing is named, so that an installer can add it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from agent.lifecycle import Definition
from agent.rules import parameters, sources_outlet, sources_plan, sources_plant
from agent.rules.parameters import Wrong, is_enabled, values
from agent.rules.rule import Scope
from agent.rules.sources import Asked, Source, World, find
from config.site import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent.rules.places import Place
    from agent.rules.quantity import Read
    from agent.rules.rule import Evaluator, Rule
    from config.site import Plant, RuleChange, Site

FINDERS: Final[Mapping[str, Any]] = {**sources_plant.TABLE, **sources_outlet.TABLE, **sources_plan.TABLE}
"""Finders of what the agent reckons itself, by the quantity's name."""

OBJECTS: Final[Mapping[Scope, Text]] = {
    Scope.SITE: Text("现场", "the site"),
    Scope.LINE: Text("生产线", "line"),
    Scope.FACILITY: Text("设施", "facility"),
    Scope.PRODUCTION: Text("产污设施", "production facility"),
    Scope.TREATMENT: Text("治理设施", "treatment facility"),
    Scope.SERVING: Text("生产线的治理设施", "treatment facility of a line"),
    Scope.METERED: Text("装有电表的设施", "metered facility"),
    Scope.OUTLET: Text("排放口", "outlet"),
    Scope.FACTOR: Text("排放因子", "factor of an outlet"),
    Scope.DEVICE: Text("仪表", "device"),
}
"""What a rule is over, in words."""

PACK_OFF: Final = Text("规则组未启用", "the pack is not chosen")
SWITCHED_OFF: Final = Text("现场文件已关闭", "switched off in the site file")
_NS: Final = 1e9


def alarm_id(rule: str, key: str) -> str:
    """Return the id of a rule's alarm about one object."""
    return f"rule.{rule}.{key.replace('/', '.')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One rule on one object: all that is needed to judge it."""

    rule: Rule
    place: Place
    params: Mapping[str, Any]
    facts: Mapping[str, Any]
    sources: tuple[Source | None, ...]
    """One for each read, in order; ``None`` where an optional one has nothing."""

    @property
    def id(self) -> str:
        """The id of its alarm."""
        return alarm_id(self.rule.id, self.place.key)

    def evaluator(self) -> Evaluator:
        """Return a new evaluator."""
        return self.rule.build(self.params, self.facts)

    def definition(self) -> Definition:
        """Return how its alarm behaves. What is about a line groups with it, for the first one out."""
        rule, place = self.rule, self.place
        own = place.label
        return Definition(
            id=self.id,
            priority=self.params["priority"],
            text=Text(f"{own.zh} {rule.name.zh}", f"{own.en}: {rule.name.en}"),
            group=_group(place),
            on_delay_ns=round(self.params["hold"] * _NS),
            off_delay_ns=round(self.params["clear_hold"] * _NS),
            latch=self.params["latch"],
            escalate_after_ns=round(self.params["escalate_after"] * _NS) or None,
            remind_ns=round(self.params["remind"] * _NS) or None,
            members={"rule": rule.id, "object": place.key},
        )


def _group(place: Place) -> str | None:
    """Return where an alarm may be the first one out: its line, else what it is about."""
    if place.scope is Scope.SITE:
        return None
    return place.lines[0].name if place.lines else place.key.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule that does not apply to an object: what is missing for it, or another reason."""

    rule: Rule
    place: Place
    missing: tuple[Text, ...] = ()
    reason: Text | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """The catalogue on one site: bindings, refusals, and the rules that are off or have no object at all."""

    world: World
    rules: tuple[Rule, ...]
    bindings: tuple[Binding, ...]
    refusals: tuple[Refusal, ...]
    off: Mapping[str, Text]
    """By rule id: why it applies to nothing, whatever the site has."""

    def definitions(self) -> tuple[Definition, ...]:
        """Return the alarms of all bindings."""
        return tuple(binding.definition() for binding in self.bindings)


def bound(site: Site, rules: Sequence[Rule] | None = None) -> Bound:
    """Bind the rules (the whole catalogue, when not given) to a site."""
    chosen = _catalogue() if rules is None else tuple(rules)
    world = World.of(site)
    bindings: list[Binding] = []
    refusals: list[Refusal] = []
    off: dict[str, Text] = {}
    for rule in chosen:
        places = world.places.of(rule.over)
        if rule.group.value not in site.plant.packs:
            off[rule.id] = PACK_OFF
            continue
        if not places:
            thing = OBJECTS[rule.over]
            off[rule.id] = Text(f"现场没有{thing.zh}", f"the site has no {thing.en}")
        for place in places:
            one = _bind(world, rule, place, site.plant.changes)
            if isinstance(one, Binding):
                bindings.append(one)
            else:
                refusals.append(one)
    return Bound(world, chosen, tuple(bindings), tuple(refusals), off)


def problems(changes: Sequence[RuleChange], plant: Plant | None = None) -> list[Wrong]:
    """Return every mistake in the ``[[rule]]`` tables of a site file, against the whole catalogue."""
    return parameters.problems(changes, _catalogue(), plant)


def _catalogue() -> tuple[Rule, ...]:
    from agent.rules.catalogue import RULES  # noqa: PLC0415  a hundred declarations: only for who needs them

    return RULES


def _bind(world: World, rule: Rule, place: Place, changes: Sequence[RuleChange]) -> Binding | Refusal:
    if not is_enabled(rule, place, changes):
        return Refusal(rule, place, reason=SWITCHED_OFF)
    if rule.types and not any(one in rule.types for one in _types(world, place)):
        types = ", ".join(rule.types)
        return Refusal(rule, place, reason=Text(f"只适用于设施类型 {types}", f"only for facilities of type {types}"))
    facts = world.places.facts(place)
    found = tuple(find(Asked(world, read, place, rule.grain), FINDERS) for read in rule.reads)
    facts |= {read.quantity.name: one.names for read, one in zip(rule.reads, found, strict=True) if one and one.names}
    missing = dict.fromkeys(chain(_missing_reads(rule, found), _missing_facts(rule, facts)))
    if missing:
        return Refusal(rule, place, tuple(missing))
    params = values(rule, place, changes)
    return Binding(rule=rule, place=place, params=params, facts=facts, sources=found)


def _types(world: World, place: Place) -> list[str | None]:
    """Return the types of the object's facility, or of the facilities on its lines."""
    if place.facility is not None:
        return [place.facility.type]
    names = chain.from_iterable((*line.production, *line.treatment) for line in place.lines)
    return [world.places.facilities[name].type for name in names]


def _missing_reads(rule: Rule, found: Sequence[Source | None]) -> Iterator[Text]:
    """Yield the labels of the reads that must be there and are not."""
    pairs: list[tuple[Read, Source | None]] = list(zip(rule.reads, found, strict=True))
    for read, source in pairs:
        if source is None and not read.optional:
            yield read.quantity.label
    if rule.either:
        has = {read.quantity.name for read, source in pairs if source is not None}
        if not has & {quantity.name for quantity in rule.either}:
            labels = [quantity.label for quantity in rule.either]
            yield Text("或".join(one.zh for one in labels), " or ".join(one.en for one in labels))
    elif pairs and all(source is None for _, source in pairs):
        yield from (read.quantity.label for read, _ in pairs)


def _missing_facts(rule: Rule, facts: Mapping[str, Any]) -> Iterator[Text]:
    return (fact.label for fact in rule.facts if facts.get(fact.name) is None)
