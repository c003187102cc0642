"""What the devices of a document can tell: the points that facilities and outlets are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from drivers.library import ModelProblems, NoSuchModel, find
from drivers.spec import FactorSpec, PointSpec, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.setup.document import Document
    from drivers.model import ModelPoint

WATTS: Final = ("kW", "W", "MW")
AMPERES: Final = ("A", "mA")
CONCENTRATIONS: Final = ("mg/m3", "mg/Nm3", "ug/m3", "mg/L", "ppm", "ug/L")
OXYGEN: Final = "a19001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A point by its full name, ``device.point``."""

    name: str
    unit: str = ""
    code: str = ""
    label: dict[str, str] | None = None
    is_bit: bool = False

    @property
    def state_key(self) -> str:
        """Which key of a facility it can stand under: "power", "current", "running", or "" for none."""
        if self.is_bit:
            return "running"
        return "power" if self.unit in WATTS else "current" if self.unit in AMPERES else ""

    @property
    def is_factor(self) -> bool:
        """Whether it tells a pollutant as measured: by its code in HJ 212, or by its unit."""
        is_coded = self.code[:2] in ("a2", "a3", "a0") and self.unit in CONCENTRATIONS
        return (is_coded or self.code[:1] == "w" or self.unit in CONCENTRATIONS) and not self.is_converted

    @property
    def is_converted(self) -> bool:
        """Whether the instrument has converted it to reference oxygen."""
        return self.name.endswith("_converted")

    @property
    def is_oxygen(self) -> bool:
        """Whether it tells the oxygen of flue gas."""
        return self.code == OXYGEN or (self.name.endswith(".o2") and self.unit == "%")


def facts(devices: Sequence[Document]) -> list[Fact]:
    """Return the points of all devices, in order."""
    return [fact for device in devices for fact in _of(device)]


def _of(device: Document) -> Iterator[Fact]:
    written: list[dict[str, Any]] = device.get("point", [])
    own = {one["name"]: one for one in written}
    wanted = device.get("points")
    for point in _modelled(device):
        name = point.spec.name
        if wanted is None or name in wanted or name in own:
            yield _changed(_fact(device["name"], point), own.pop(name, {}))
    for name, one in own.items():
        yield _changed(Fact(name=f"{device['name']}.{name}", is_bit=_is_bit(one), code=one.get("factor", "")), one)


def _modelled(device: Document) -> Sequence[ModelPoint]:
    try:
        return find(device["model"]).points if "model" in device else ()
    except (NoSuchModel, ModelProblems):
        return ()


def _fact(device: str, point: ModelPoint) -> Fact:
    spec = point.spec
    factor = spec.factor if isinstance(spec, FactorSpec) else ""
    is_bit = isinstance(spec, PointSpec) and spec.table in (Table.COIL, Table.DISCRETE)
    return Fact(
        name=f"{device}.{spec.name}",
        unit=spec.unit,
        code=point.code or factor,
        label={"zh": point.label_zh, "en": point.label_en},
        is_bit=is_bit or (isinstance(spec, PointSpec) and spec.type.startswith(("bit", "bool"))),
    )


def _is_bit(point: dict[str, Any]) -> bool:
    return point.get("register") in ("coil", "discrete") or str(point.get("type", "")).startswith(("bit", "bool"))


def _changed(fact: Fact, written: dict[str, Any]) -> Fact:
    """Return the fact as the file's own point changes it."""
    return Fact(
        name=fact.name,
        unit=written.get("unit", fact.unit),
        code=written.get("code", fact.code),
        label=fact.label,
        is_bit=fact.is_bit,
    )


def main_power(device: Document, known: Sequence[Fact]) -> str | None:
    """Return the device's total power, ``None`` where it tells none."""
    of_it = [fact.name for fact in known if fact.name.startswith(f"{device['name']}.") and fact.unit in WATTS]
    plain = [name for name in of_it if name.endswith((".power", ".active_power", ".power_total"))]
    return next(iter(plain or of_it), None)
