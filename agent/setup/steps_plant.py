"""The plant: which machines there are, which of them belong together, and where what they give off goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from agent.setup import readers
from agent.setup.dialogue import Ask, Known, Tell
from agent.setup.document import which
from agent.setup.points import main_power
from config.problem import Mistake
from config.site import FacilityType

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from agent.setup.dialogue import Event
    from agent.setup.document import Document
    from agent.setup.points import Fact

    Step = Generator[Event, Any, Document]
    Steps = Generator[Event, Any, list[Document]]

ROLES: Final = ("production", "treatment", "combined", "main", "none")
TYPES: Final = get_args(FacilityType)
_TREATING: Final = (
    "fan",
    "rto",
    "rco",
    "scrubber",
    "fgd",
    "scr",
    "bag",
    "treat",
    "风机",
    "除尘",
    "脱硫",
    "脱硝",
    "治理",
)
_MAIN: Final = ("main", "supply", "feeder", "total", "总", "进线")


def facilities(devices: Sequence[Document], known: Sequence[Fact]) -> Steps:
    """Ask what machine each meter stands for, then for machines that other points tell of."""
    yield Tell(key="step.facilities", step=5)
    made: list[Document] = []
    for device in devices:
        point = main_power(device, known)
        if point is not None:
            made += yield from _facility("power", point, device, made)
    rest = {fact.name: fact for fact in known if fact.state_key and not _used(fact.name, made)}
    while rest:
        number = len(made) + 1
        point = yield Ask(
            key="facilities.more",
            path=("init", f"machine_{number}"),
            read=_state_point(rest),
            optional=True,
        )
        if point is None:
            break
        owner = next(one for one in devices if point.startswith(f"{one['name']}."))
        more = yield from _facility(rest[point].state_key, point, owner, made)
        rest.pop(point)
        made += more
    return made


def _used(point: str, made: Sequence[Document]) -> bool:
    return any(one.get("power") == point for one in made)


def _state_point(known: dict[str, Fact]) -> Callable[[str], str]:
    def read(typed: str) -> str:
        if typed not in known:
            some = ", ".join(list(known)[:8])
            raise Mistake(f"{typed}?", some + (" …" if len(known) > 8 else ""))  # noqa: PLR2004  one line of them
        return typed

    return read


def _facility(source: str, point: str, device: Document, made: Sequence[Document]) -> Steps:
    """Ask about one machine; return it, or nothing when the point tells of none."""
    spot = ("facility", which(**{source: point}))
    role = yield Ask(
        key="facilities.role",
        path=(*spot, "role"),
        read=readers.one_of(*ROLES),
        proposal=_role(device),
        choices=ROLES,
        fields={"point": point, "label": _label(device)},
    )
    if role == "none":
        return []
    before: Document = (yield Known(spot)) or {}
    taken = [one["name"] for one in made]
    proposal = device["name"] if device["name"] not in taken else f"{device['name']}-{len(made) + 1}"
    table: Document = {**before, "role": role, source: point}
    table["name"] = yield Ask(
        key="facilities.name", path=(*spot, "name"), read=readers.free_name(taken), proposal=proposal
    )
    table["label"] = yield Ask(
        key="facilities.label",
        path=(*spot, "label"),
        read=readers.label,
        proposal=device.get("label"),
        optional=True,
    )
    if role != "main":
        table["type"] = yield Ask(
            key="facilities.type", path=(*spot, "type"), read=readers.one_of(*TYPES), choices=TYPES, optional=True
        )
    if source != "running" and role != "main":
        key = "facilities.rated_a" if source == "current" else "facilities.rated"
        table["rated"] = yield Ask(key=key, path=(*spot, "rated"), read=readers.positive)
    return [{key: value for key, value in table.items() if value is not None}]


def _role(device: Document) -> str:
    """Return the role that the device's names suggest."""
    words = f"{device['name']} {_label(device)}".lower()
    if any(sign in words for sign in _MAIN):
        return "main"
    return "treatment" if any(sign in words for sign in _TREATING) else "production"


def _label(device: Document) -> str:
    label = device.get("label", "")
    return " / ".join(label.values()) if isinstance(label, dict) else str(label)


# --- lines ------------------------------------------------------------------------------------------------------------


def lines(made: Sequence[Document], known: Sequence[Fact]) -> Steps:
    """Ask which production and which treatment belong together, until every machine has its line."""
    yield Tell(key="step.plant_lines", step=6)
    produce = [one["name"] for one in made if one["role"] in ("production", "combined")]
    treat = [one["name"] for one in made if one["role"] in ("treatment", "combined")]
    if not produce or not treat:
        yield Tell(key="plant_lines.needs_both")
        return []
    said: list[Document] = []
    has_outlet = any(fact.is_factor for fact in known)
    while rest := [name for name in (*produce, *treat) if not _is_in(name, said)]:
        line = yield from _line(len(said), produce, treat, rest, has_outlet=has_outlet)
        if not line:
            break
        said.append(line)
    return said


def _is_in(name: str, lines: Sequence[Document]) -> bool:
    return any(name in line["production"] or name in line["treatment"] for line in lines)


def _line(number: int, produce: list[str], treat: list[str], rest: list[str], *, has_outlet: bool) -> Step:
    spot = ("line", number)
    before: Document = (yield Known(spot)) or {}
    name = yield Ask(
        key="plant_lines.name" if number == 0 else "plant_lines.another",
        path=(*spot, "name"),
        read=readers.name,
        proposal=f"line-{number + 1}",
        optional=number > 0,
        fields={"rest": ", ".join(rest)},
    )
    if name is None:
        return {}
    label = yield Ask(key="plant_lines.label", path=(*spot, "label"), read=readers.label, optional=True)
    answers: Document = {"name": name, "label": label}
    for key, all_of_it in (("production", produce), ("treatment", treat)):
        answers[key] = yield Ask(
            key=f"plant_lines.{key}",
            path=(*spot, key),
            read=readers.several(all_of_it, least=1),
            proposal=[one for one in all_of_it if one in rest] or all_of_it,
            choices=tuple(all_of_it),
        )
    answers["outlet"] = yield Ask(
        key="plant_lines.outlet",
        path=(*spot, "outlet"),
        read=readers.name,
        proposal=f"stack-{number + 1}" if has_outlet else None,
        optional=True,
    )
    return {key: value for key, value in {**before, **answers}.items() if value is not None}


# --- outlets ----------------------------------------------------------------------------------------------------------


def outlets(said: Sequence[Document], known: Sequence[Fact]) -> Steps:
    """Ask what each outlet of the lines gives off, and what it may."""
    yield Tell(key="step.outlets", step=7)
    wanted = list(dict.fromkeys(line["outlet"] for line in said if "outlet" in line))
    candidates = [fact for fact in known if fact.is_factor]
    if not said and candidates:
        name = yield Ask(
            key="outlets.name", path=("init", "outlet"), read=readers.name, proposal="stack-1", optional=True
        )
        wanted = [] if name is None else [name]
    if not wanted:
        yield Tell(key="outlets.none")
    made = []
    for name in wanted:
        made += [(yield from _outlet(name, candidates, known))]
    return made


def _outlet(name: str, candidates: Sequence[Fact], known: Sequence[Fact]) -> Step:
    spot = ("outlet", which(name=name))
    before: Document = (yield Known(spot)) or {}
    label = yield Ask(
        key="outlets.label", path=(*spot, "label"), read=readers.label, optional=True, fields={"name": name}
    )
    medium = yield Ask(
        key="outlets.medium",
        path=(*spot, "medium"),
        read=readers.one_of("air", "water"),
        proposal="water" if any(fact.code.startswith("w") for fact in candidates) else "air",
        choices=("air", "water"),
    )
    table: Document = {**before, "name": name, "label": label, "medium": medium}
    if medium == "air":
        table |= yield from _oxygen(spot, known)
    names = [fact.name for fact in candidates]
    chosen: list[str] = []
    if names:
        chosen = yield Ask(
            key="outlets.factors",
            path=("init", f"factors_{name}"),
            read=readers.several(names),
            proposal=names,
            choices=tuple(names),
            optional=True,
        )
    factors = []
    for fact in [one for one in candidates if one.name in (chosen or [])]:
        factors += [(yield from _factor(spot, fact))]
    table["factor"] = factors or None
    return {key: value for key, value in table.items() if value is not None}


def _oxygen(spot: tuple[Any, ...], known: Sequence[Fact]) -> Step:
    """Ask for reference oxygen, where oxygen is measured."""
    points = [fact.name for fact in known if fact.is_oxygen]
    if not points:
        return {}
    point = yield Ask(
        key="outlets.o2",
        path=(*spot, "o2"),
        read=readers.one_point(points),
        proposal=points[0],
        choices=tuple(points),
        optional=True,
    )
    if point is None:
        return {"o2": None, "reference_o2": None}
    reference = yield Ask(key="outlets.reference_o2", path=(*spot, "reference_o2"), read=readers.oxygen, optional=True)
    return {"o2": point if reference is not None else None, "reference_o2": reference}


def _factor(outlet: tuple[Any, ...], fact: Fact) -> Step:
    """Ask what the emission standard and the data sheet say of one pollutant."""
    spot = (*outlet, "factor", which(point=fact.name))
    before: Document = (yield Known(spot)) or {}
    fields = {"point": fact.name, "unit": fact.unit}
    table: Document = {**before, "point": fact.name, "code": fact.code or None}
    if fact.label and "label" not in table:
        table["label"] = fact.label
    if not fact.code:
        table["code"] = yield Ask(key="outlets.code", path=(*spot, "code"), read=_code, fields=fields)
    if not fact.unit:
        table["unit"] = yield Ask(key="outlets.unit", path=(*spot, "unit"), proposal="mg/m3", fields=fields)
        fields["unit"] = table["unit"]
    table["limit"] = yield Ask(
        key="outlets.limit", path=(*spot, "limit"), read=readers.not_negative, optional=True, fields=fields
    )
    table["range"] = yield Ask(
        key="outlets.range", path=(*spot, "range"), read=readers.span, optional=True, fields=fields
    )
    order = ("code", "label", "point", "unit", "limit", "range")
    table = {key: table.get(key) for key in (*order, *(key for key in table if key not in order))}
    return {key: value for key, value in table.items() if value is not None}


def _code(typed: str) -> str:
    if not typed.isascii() or not typed.isalnum() or len(typed) > 32:  # noqa: PLR2004  the site file's own bound
        raise Mistake(f"{typed}?", "a21026 | w01018")
    return typed
