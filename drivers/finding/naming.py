"""Which model a device is: by the registers that identify it, else by readings that make sense for it.

A model whose marks all hold is *identified*; then those without marks are not looked at. A model without marks is
*plausible* when the points its file names read what a healthy device shows: voltages near a nominal voltage, a mains
frequency, everything in range. At least one reading must be *telling*: any register holds a number in range.

Where several fit, all their points are read and the one with more evidence wins: first who is contradicted least (a
number out of its range), then who explains more. The others are told as well, unless they know less of the device: more
points that give nothing, or only a part of what the winner describes. Nothing is asked but through `Look`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from drivers.errors import DriverError, LinkDown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.model import Mark, Model, ModelPoint
    from drivers.reading import Scan, Value
    from drivers.spec import AnyPoint

NOMINAL_VOLTS: Final = (57.7, 63.5, 100.0, 110.0, 120.0, 127.0, 220.0, 230.0, 240.0, 277.0, 380.0, 400.0, 415.0, 480.0)
NEAR: Final = 0.1
MAINS_HZ: Final = (45.0, 65.0)
GRADES: Final = "CBA"
OTHER_PHASES: Final = ("voltage_b", "voltage_c")
"""A three-phase meter has them, even where a wire is dead or missing; a single-phase meter has not."""


class Look(Protocol):
    """Read some points of the device in question."""

    def __call__(self, model: Model, points: Sequence[AnyPoint]) -> Scan:
        """Return values and flags aligned with `points`. Raises DriverError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value that spoke for a model."""

    point: str
    value: Value
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What a device seems to be. `how` is "identity", "plausible" or "" (unknown); `also` are other models that fit.

    `marks` is what its identity registers say, `readings` are values that spoke for the model.
    """

    model: Model | None = None
    how: str = ""
    also: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    marks: tuple[Value, ...] = ()


def named(models: Sequence[Model], look: Look) -> Naming:
    """Return what the device behind `look` is, of `models`. Raises LinkDown only."""
    fits = _fits([model for model in models if model.marks], look)
    how = "identity" if fits else "plausible"
    fits = fits or _fits([model for model in models if model.plausible and not model.marks], look)
    if not fits:
        return Naming()
    if len(fits) > 1:
        fits = sorted((_weighed(fit, look) for fit in fits), key=lambda fit: fit.rank, reverse=True)
    best = fits[0]
    also = tuple(fit.model.name for fit in fits[1:] if fit.rivals(best))
    return Naming(model=best.model, how=how, also=also, readings=best.readings, marks=best.marks)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """A model the device may be of: of its points, `sound` gave something believable, `wrong` an impossible number."""

    model: Model
    readings: tuple[Reading, ...]
    marks: tuple[Value, ...] = ()
    sound: int = 0
    wrong: int = 0

    @property
    def missing(self) -> int:
        """Points that gave nothing."""
        return len(self.model.points) - self.sound - self.wrong

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """Less contradiction before more, more evidence before less, better known before hearsay."""
        return -self.wrong, self.sound, -self.missing, GRADES.find(self.model.grade)

    def rivals(self, best: _Fit) -> bool:
        """Whether it explains the device as well as the best one does, and something else."""
        as_well = self.wrong <= best.wrong and self.missing <= best.missing
        return as_well and not _places(self.model) < _places(best.model)


def _fits(models: Sequence[Model], look: Look) -> list[_Fit]:
    return [fit for model in models if (fit := _fit(model, look)) is not None]


def _fit(model: Model, look: Look) -> _Fit | None:
    """Return how the device fits `model`, or None where anything contradicts it."""
    marks = _marks(model, look)
    shown = None if marks is None else _plausible(model, look)
    return None if marks is None or shown is None else _Fit(model=model, readings=shown, marks=marks)


def _weighed(fit: _Fit, look: Look) -> _Fit:
    """Return the fit with all points of the model looked at."""
    scan = _seen(fit.model, [point.spec for point in fit.model.points], look)
    if scan is None:
        return fit
    sound = sum(map(_is_believable, scan.values, scan.flags))
    return replace(fit, sound=sound, wrong=scan.flags.count("T"))


def _is_believable(value: Value, flag: str) -> bool:
    return value is not None and flag == "N"


def _places(model: Model) -> set[AnyPoint]:
    """Return where the model's values are, whatever they are called and believed to lie within."""
    return {replace(point.spec, name="", range=None, decimals=None) for point in model.points}


def _marks(model: Model, look: Look) -> tuple[Value, ...] | None:
    """Return what the marks read, or None where one does not hold."""
    if not model.marks:
        return ()
    scan = _seen(model, [mark.spec for mark in model.marks], look)
    return scan.values if scan is not None and all(map(_is_so, model.marks, scan.values)) else None


def _is_so(mark: Mark, value: Value) -> bool:
    if value is None:
        return False
    if mark.between is not None:
        return isinstance(value, (int, float)) and mark.between[0] <= value <= mark.between[1]
    said = value.strip() if isinstance(value, str) else value
    return said in mark.equals


def _plausible(model: Model, look: Look) -> tuple[Reading, ...] | None:
    """Return the readings that make sense, or None where one does not, or none is telling."""
    points = [point for point in model.points if point.spec.name in model.plausible]
    phases = [point for point in model.points if point.spec.name in OTHER_PHASES and point not in points]
    if not points:
        return ()
    asked = [*points, *phases]
    scan = _seen(model, [point.spec for point in asked], look)
    if scan is None or not all(map(makes_sense, points, scan.values, scan.flags)):
        return None
    if not all(map(_is_believable, scan.values, scan.flags)) or not (model.marks or any(map(is_telling, points))):
        return None
    return tuple(
        Reading(point=point.spec.name, value=value, unit=point.spec.unit)
        for point, value in zip(points, scan.values, strict=False)
    )


def is_telling(point: ModelPoint) -> bool:
    """Whether only some numbers make sense here, so that a chance register would not do."""
    return point.spec.unit in ("V", "kV", "Hz") or bool(point.nominal)


def makes_sense(point: ModelPoint, value: Value, flag: str) -> bool:
    """Whether a healthy device would say this."""
    if not isinstance(value, (int, float)) or flag != "N":
        return False
    if point.spec.unit in ("V", "kV"):
        volts = abs(value) * (1000 if point.spec.unit == "kV" else 1)
        return any(abs(volts - nominal) <= NEAR * nominal for nominal in NOMINAL_VOLTS)
    if point.spec.unit == "Hz":
        return MAINS_HZ[0] <= value <= MAINS_HZ[1]
    if point.nominal:
        return abs(value - point.nominal) <= NEAR * abs(point.nominal)
    return True


def _seen(model: Model, points: Sequence[AnyPoint], look: Look) -> Scan | None:
    try:
        return look(model, points)
    except LinkDown:
        raise
    except DriverError:
        return None


def remembering(look: Look) -> Look:
    """Return a look that asks nothing twice: many models look at the same registers."""
    seen: dict[tuple[AnyPoint, ...], Scan | DriverError] = {}

    def remembered(model: Model, points: Sequence[AnyPoint]) -> Scan:
        wanted = tuple(points)
        if wanted not in seen:
            try:
                seen[wanted] = look(model, wanted)
            except LinkDown:
                raise
            except DriverError as error:
                seen[wanted] = error
        result = seen[wanted]
        if isinstance(result, DriverError):
            raise result
        return result

    return remembered
