"""What a device is taken for: by what identifies it, else by what it reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drivers.errors import LinkDown, NoAnswer
from drivers.finding.naming import makes_sense, named
from drivers.model import Mark, Model, ModelPoint
from drivers.reading import Scan
from drivers.spec import LineSettings, PointSpec, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivers.reading import Value
    from drivers.spec import AnyPoint


def point(name: str, at: int, unit: str) -> ModelPoint:
    """Return a float in an input register."""
    spec = PointSpec(name=name, table=Table.INPUT, at=at, type="float32", order="ABCD", unit=unit)
    return ModelPoint(spec=spec, label_zh=name, label_en=name)


def model(
    name: str,
    *,
    at: int = 0,
    mark: Mark | None = None,
    grade: str = "B",
    more: tuple[str, ...] = (),
    after: int = 100,
) -> Model:
    """Return a meter whose voltage lies at `at` and its frequency two registers on; `more` lie from `after` on."""
    return Model(
        name=name,
        path=Path(f"{name}.toml"),
        maker="nobody",
        title_zh=name,
        title_en=name,
        kind="power-meter-3p",
        protocols=("modbus",),
        grade=grade,
        points=(
            point("voltage_a", at, "V"),
            point("frequency", at + 2, "Hz"),
            *(point(one, after + 2 * place, "A") for place, one in enumerate(more)),
        ),
        settings=(LineSettings(),),
        marks=(mark,) if mark else (),
        plausible=("voltage_a", "frequency"),
    )


def device(registers: Mapping[int, Value]) -> object:
    """Return a look at a device that holds these values by address, and answers to no other."""

    def look(model: Model, points: Sequence[AnyPoint]) -> Scan:
        addresses = [one.at for one in points if isinstance(one, PointSpec)]
        if not any(at in registers for at in addresses):
            raise NoAnswer("no answer")
        values = tuple(registers.get(at) for at in addresses)
        return Scan(model.name, 0, 0, values, "".join("B" if value is None else "N" for value in values))

    return look


KIND = Mark(spec=PointSpec(name="model", table=Table.HOLDING, at=900, type="uint16"), equals=(1648,))
CASES: dict[str, tuple[list[Model], dict[int, Value], tuple[str | None, str, tuple[str, ...]]]] = {
    "a mark decides": ([model("a"), model("b", mark=KIND)], {0: 230.1, 2: 50.0, 900: 1648}, ("b", "identity", ())),
    "a wrong mark excludes": ([model("b", mark=KIND)], {0: 230.1, 2: 50.0, 900: 7}, (None, "", ())),
    "readings make sense": ([model("a"), model("b", at=10)], {0: 230.1, 2: 50.0}, ("a", "plausible", ())),
    "two that fit are both told": (
        [model("a", grade="C"), model("b")],
        {0: 230.1, 2: 50.0},
        ("b", "plausible", ("a",)),
    ),
    "more evidence wins": (
        [model("a"), model("b", more=("current_a", "power"))],
        {0: 230.1, 2: 50.0, 100: 3.1, 102: 700.0},
        ("b", "plausible", ()),
    ),
    "points that give nothing are no evidence": (
        [model("a", more=("current_a", "power")), model("b", more=("current_b", "power_b"), after=200)],
        {0: 230.1, 2: 50.0, 200: 3.1, 202: 700.0},
        ("b", "plausible", ()),
    ),
    "a three-phase meter has three phases": (
        [model("three", more=("voltage_b", "voltage_c")), model("single")],
        {0: 230.1, 2: 50.0},
        ("single", "plausible", ()),
    ),
    "a number in range is not telling": (
        [replace(model("a"), points=(point("voltage_a", 0, "A"), point("frequency", 2, "")))],
        {0: 230.1, 2: 50.0},
        (None, "", ()),
    ),
    "an unknown mark leaves the readings": (
        [model("a"), model("b", mark=KIND)],
        {0: 230.1, 2: 50.0},
        ("a", "plausible", ()),
    ),
    "scaled floats do not fit": ([model("a")], {0: 2300.0, 2: 5000.0}, (None, "", ())),
    "a dead register is no voltage": ([model("a")], {0: None, 2: 50.0}, (None, "", ())),
    "nothing answers": ([model("a")], {}, (None, "", ())),
}


@pytest.mark.parametrize(("models", "registers", "expected"), CASES.values(), ids=CASES)
def test_a_device_is_named(
    models: list[Model], registers: dict[int, Value], expected: tuple[str | None, str, tuple[str, ...]]
) -> None:
    """Identity before plausibility; one contradiction excludes; equals are all told."""
    naming = named(models, device(registers))  # type: ignore[arg-type]

    assert (naming.model.name if naming.model else None, naming.how, naming.also) == expected


def test_a_lost_line_is_not_an_unknown_device() -> None:
    """When the adapter is unplugged in the middle, that is what is told."""

    def gone(model: Model, points: Sequence[AnyPoint]) -> Scan:
        raise LinkDown("unplugged")

    with pytest.raises(LinkDown):
        named([model("a")], gone)


@pytest.mark.parametrize(
    ("unit", "value", "flag", "expected"),
    [
        ("V", 57.9, "N", True),
        ("V", 231.0, "N", True),
        ("kV", 0.4, "N", True),
        ("V", 2300.0, "N", False),
        ("V", 0.0, "N", False),
        ("Hz", 49.98, "N", True),
        ("Hz", 499.8, "N", False),
        ("A", 3.0, "N", True),
        ("A", 3.0, "T", False),
        ("A", None, "B", False),
    ],
)
def test_what_a_healthy_device_shows(unit: str, value: Value, flag: str, *, expected: bool) -> None:
    """A voltage is near a nominal one, a frequency is the mains', anything else is a number in range."""
    assert makes_sense(point("x", 0, unit), value, flag) is expected
