"""Parameters of rules: the defaults of the catalogue, and what ``[[rule]]`` tables of the site file change of them.

A table may name a line, a facility or an outlet; then it is about the objects that belong to it. Where several tables
give the same parameter, the one that names more counts: a facility beats an outlet, that beats a line, and that beats a
table for everywhere; of equals, the later one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from agent.rules.rule import SHARED, Param, Rule, Scope
from config.problem import Mistake, instead
from config.site import Priority
from config.values import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agent.rules.places import Place
    from config.site import Plant, RuleChange

_HOURS: Final = re.compile(
    r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)"
    r"(,([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00))*"
)

_OF_FACILITIES: Final = (Scope.FACILITY, Scope.PRODUCTION, Scope.TREATMENT, Scope.SERVING, Scope.METERED)
_OF_OUTLETS: Final = (Scope.OUTLET, Scope.FACTOR)
_ROLES: Final[Mapping[Scope, tuple[str, ...]]] = {
    Scope.PRODUCTION: ("production", "combined"),
    Scope.TREATMENT: ("treatment", "combined"),
    Scope.SERVING: ("treatment", "combined"),
}


def params_of(rule: Rule) -> dict[str, Param]:
    """Return all parameters of a rule: its own first, then those every rule has."""
    own = dict(rule.params)
    return own | {name: param for name, param in SHARED.items() if name not in own}


def values(rule: Rule, place: Place, changes: Iterable[RuleChange]) -> dict[str, Any]:
    """Return the parameters of a rule for one object. Changes that `problems` refuses are left out."""
    params = params_of(rule)
    told = {name: param.default for name, param in params.items()} | {"priority": rule.priority}
    for change in _about(rule, place, changes):
        for name, value in change.params.items():
            if name in params:
                try:
                    told[name] = read(params[name], name, value)
                except Mistake:
                    continue
    return told


def is_enabled(rule: Rule, place: Place, changes: Iterable[RuleChange]) -> bool:
    """Whether the site file leaves the rule on for this object."""
    return next((change.enabled for change in reversed(_about(rule, place, changes))), True)


def _about(rule: Rule, place: Place, changes: Iterable[RuleChange]) -> list[RuleChange]:
    """Return the changes to this rule that are about this object, the most general first."""
    mine = [change for change in changes if change.id == rule.id and _fits(change, place)]
    return sorted(mine, key=lambda one: (one.facility is not None, one.outlet is not None, one.line is not None))


def _fits(change: RuleChange, place: Place) -> bool:
    return (
        (change.line is None or change.line in [line.name for line in place.lines])
        and (change.facility is None or (place.facility is not None and change.facility == place.facility.name))
        and (change.outlet is None or (place.outlet is not None and change.outlet == place.outlet.name))
    )


def read(param: Param, name: str, value: Any) -> Any:
    """Return a parameter's value as rules take it.

    Raises:
        Mistake: it is none for this parameter.
    """
    if name == "priority":
        return _one_of(value, get_args(Priority))
    if param.unit == "s":
        return seconds_of(value)
    if isinstance(param.default, bool):
        return _typed(value, bool, "true or false")
    if isinstance(param.default, str):
        return _text(param.default, value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Mistake("must be a number", f"such as {param.default}")
    return float(value)


def _one_of(value: Any, choices: Sequence[str]) -> str:
    if value not in choices:
        raise Mistake("not a priority", instead(value, choices))
    return str(value)


def _typed(value: Any, kind: type, how: str) -> Any:
    if not isinstance(value, kind):
        raise Mistake(f"must be {how}", f"write {how} without quotes")
    return value


def _text(default: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Mistake("must be a text", f'such as "{default}"')
    if _HOURS.fullmatch(default) and not _HOURS.fullmatch(value):
        raise Mistake("not hours of the day", f'such as "{default}", several with a comma between')
    return value


# --- what is wrong with the changes of a site file -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wrong:
    """A mistake in the `number`-th ``[[rule]]`` (from 0), at `key`, with what to write instead."""

    number: int
    key: str
    what: str
    value: Any
    hint: str


def problems(changes: Sequence[RuleChange], rules: Sequence[Rule], plant: Plant | None = None) -> list[Wrong]:
    """Return every mistake in the ``[[rule]]`` tables of a site; with its `plant`, also of objects a rule is not for.

    That the named line, facility or outlet exists is `config.check`'s business.
    """
    by_id = {rule.id: rule for rule in rules}
    found: list[Wrong] = []
    for number, change in enumerate(changes):
        rule = by_id.get(change.id)
        if rule is None:
            hint = instead(change.id, by_id, what="the catalogue is in `plantgate rules`; one of")
            found.append(Wrong(number, "id", "no such rule", change.id, hint))
            continue
        found += _wrong_objects(number, change, rule, plant)
        found += _wrong_params(number, change, rule)
    return found


def _wrong_params(number: int, change: RuleChange, rule: Rule) -> Iterator[Wrong]:
    params = params_of(rule)
    for name, value in change.params.items():
        if name not in params:
            yield Wrong(number, name, f"rule {rule.id} has no such parameter", value, instead(name, params))
            continue
        try:
            read(params[name], name, value)
        except Mistake as mistake:
            yield Wrong(number, name, str(mistake), value, mistake.hint)


def _wrong_objects(number: int, change: RuleChange, rule: Rule, plant: Plant | None) -> Iterator[Wrong]:
    about = {
        "line": (change.line, rule.over not in (Scope.SITE, Scope.DEVICE)),
        "facility": (change.facility, rule.over in _OF_FACILITIES),
        "outlet": (change.outlet, rule.over in _OF_OUTLETS),
    }
    for key, (name, is_meant) in about.items():
        if name is not None and not is_meant:
            what = f"rule {rule.id} is not one to change by {key}: it is over each {rule.over.value}"
            yield Wrong(number, key, what, name, f"leave {key} out")
    facility = None if plant is None else next((one for one in plant.facilities if one.name == change.facility), None)
    roles = _ROLES.get(rule.over, ())
    if facility is not None and roles and facility.role not in roles:
        what = f"rule {rule.id} is for facilities of role {' or '.join(roles)}, and this one is {facility.role}"
        yield Wrong(number, "facility", what, facility.name, "name another facility, or leave it out")
