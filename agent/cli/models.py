"""``plantgate models``: the device library."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivers.library import ModelProblems, NoSuchModel, find, usable
from drivers.spec import ItemSpec, PointSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.model import Model, ModelPoint, ModelStatus
    from drivers.spec import AnyPoint

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show this model in full.", show_default=False)]
Folders = Annotated[
    list[Path] | None, typer.Option("--folder", help="A folder of models of your own; before ours.", metavar="DIR")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: a list of models, or one in full.")]

_VERIFIED = {True: "已核实 verified", False: "未核实 unverified"}
_ORIGINS = ("captured", "manual", "published", "derived")


def models(name: Name = None, folder: Folders = None, as_json: AsJson = False) -> None:
    """List the meters and analyzers that plantgate knows, or show one in full.

    Grade A: the manufacturer's manual was seen; B: a maintained open project uses the map in the field; C: one third
    party's word, unverified: compare with the display before anything is reported. Exit 0, or 1 when there is no such
    model or one of your own has mistakes.
    """
    folders = folder or []
    if name is not None:
        try:
            model, problems = find(name, folders), []
            print(json.dumps(_in_full(model), ensure_ascii=False, indent=2) if as_json else _page(model))
        except NoSuchModel as error:
            problems = [str(error)]
        except ModelProblems as refused:
            problems = list(refused.problems)
    else:
        found, left_out = usable(folders)
        problems = [problem for one in left_out.values() for problem in one]
        print(
            json.dumps([_in_brief(model) for model in found], ensure_ascii=False, indent=2)
            if as_json
            else _table(found)
        )
    if problems:
        print("\n".join(problems), file=sys.stderr)
        raise typer.Exit(1)


def _in_brief(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "maker": model.maker,
        "kind": model.kind,
        "protocols": list(model.protocols),
        "grade": model.grade,
        "verified": model.verified,
        "title": {"zh": model.title_zh, "en": model.title_en},
    }


def _in_full(model: Model) -> dict[str, Any]:
    """Return everything a model says, as JSON can hold it: frames in hexadecimal, tables by name."""
    told = asdict(model)
    told["barriers"] = sorted(f"{table.value} {address}" for table, address in model.barriers)
    told["verified"] = model.verified
    plain: dict[str, Any] = json.loads(json.dumps(told, default=_plain))
    return plain


def _plain(value: Any) -> Any:
    return value.hex(" ").upper() if isinstance(value, bytes) else str(value)


# --- for people ----------------------------------------------------------------------------------


def _table(found: Sequence[Model]) -> str:
    rows = [("NAME", "MAKER", "KIND", "PROTOCOL", "GRADE", "")]
    rows += [
        (model.name, model.maker, model.kind, ", ".join(model.protocols), model.grade, _VERIFIED[model.verified])
        for model in found
    ]
    unverified = sum(not model.verified for model in found)
    counts = f"{len(found)} models, {unverified} unverified; `plantgate models NAME` shows one in full"
    return "\n".join([*_columns(rows), "", counts])


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows with their columns below each other. Only the last column may hold Chinese."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _page(model: Model) -> str:
    settings = ", ".join(map(str, model.settings)) or "no serial line"
    parts = [
        [f"{model.name}  {model.title_zh}  {model.title_en}"],
        [
            f"{model.maker}, {model.kind}, {', '.join(model.protocols)}",
            f"grade {model.grade} {_VERIFIED[model.verified]}",
            f"line: {settings}; transformer ratios: {_ratios(model)}",
        ],
        _columns(
            [("POINT", "WHERE", "UNIT", "RANGE", "NOMINAL", "RATIO", "PERIOD", "LABEL"), *map(_row, model.points)]
        ),
        [_state(status, model) for status in model.statuses],
        [f"! {trap.zh}\n  {trap.en}" for trap in model.traps],
        [
            f"source ({source.confidence}): {source.document}{source.page and f', p. {source.page}'}"
            for source in model.sources
        ],
        [f"samples: {', '.join(_counts(model))}"],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _ratios(model: Model) -> str:
    if model.primary:
        return "applied by the device"
    return "given as ct, pt in the site file" if any(point.ratio != "none" for point in model.points) else "none"


def _row(point: ModelPoint) -> tuple[str, ...]:
    spec = point.spec
    believable = f"{spec.range[0]:g} … {spec.range[1]:g}" if spec.range else ""
    nominal = "" if point.nominal is None else f"{point.nominal:g}"
    ratio = "" if point.ratio == "none" else point.ratio
    period = "" if point.period == "fast" else point.period
    label = f"{point.label_zh}  {point.label_en}"
    return spec.name, _place(spec), spec.unit, believable, nominal, ratio, period, label


def _place(spec: AnyPoint) -> str:
    if isinstance(spec, PointSpec):
        scale = "" if spec.scale == 1 else f" x{spec.scale:g}"
        return f"{spec.table.value} {spec.at} {spec.type}{spec.order and f' {spec.order}'}{scale}"
    if isinstance(spec, ItemSpec):
        return f"item {spec.item}"
    return f"{spec.factor}-{spec.field}" if hasattr(spec, "factor") else f"field {spec.field}"


def _state(status: ModelStatus, model: Model) -> str:
    what = f"{status.point} & {status.mask:#x}" if status.mask else status.point
    values = " or ".join(json.dumps(value, ensure_ascii=False) for value in status.when)
    states = {one.point for one in model.statuses}
    is_all = {*status.decides} == {point.spec.name for point in model.points} - states
    who = "all values" if is_all else ", ".join(status.decides)
    return f"{what} = {values}: {who} {'unknown, ' if status.void else ''}flag {status.flag}"


def _counts(model: Model) -> list[str]:
    origins = [sample.origin for sample in model.samples]
    return [f"{origins.count(origin)} {origin}" for origin in _ORIGINS if origin in origins]
