"""The device library: one file per kind of meter or analyzer, found by name.

A file comes with the evidence: frames and the readings they must give. `load_model` reads one and refuses every
mistake in it at once; `lint` says what keeps it from being a good model; `find` looks in the site's own folders first,
then in ours. Loaded models are kept until their file changes.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from drivers.model_file import ModelProblems, read_model
from drivers.model_keys import near
from drivers.model_lint import lint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drivers.model import Model

__all__ = ["BUILT_IN", "ModelProblems", "NoSuchModel", "find", "lint", "load_model", "names", "usable"]

BUILT_IN = Path(__file__).with_name("models")
"""The folder of the models that come with the program."""


class NoSuchModel(LookupError):
    """No folder has a model of this name. ``str(error)`` says which names are near."""


def load_model(path: Path) -> Model:
    """Return the model of a file. Raises `ModelProblems` with every mistake in it."""
    try:
        changed_ns = path.stat().st_mtime_ns
    except OSError as error:
        raise ModelProblems((f"{path.name}: cannot be read: {error.strerror}",)) from None
    return _loaded(path, changed_ns)


@lru_cache(maxsize=64)
def _loaded(path: Path, _changed_ns: int) -> Model:
    return read_model(path)


def names(folders: Iterable[Path] = ()) -> tuple[str, ...]:
    """Return the names of all models, those in `folders` included, in order."""
    return tuple(
        sorted({path.stem for folder in (*folders, BUILT_IN) for path in folder.glob("*.toml") if path.is_file()})
    )


def usable(folders: Sequence[Path] = ()) -> tuple[tuple[Model, ...], dict[str, tuple[str, ...]]]:
    """Return the models that can be used, by name, and what is wrong with those that cannot."""
    found: list[Model] = []
    refused: dict[str, tuple[str, ...]] = {}
    for name in names(folders):
        try:
            found.append(find(name, folders))
        except ModelProblems as problems:
            refused[name] = problems.problems
    return tuple(found), refused


def find(name: str, folders: Sequence[Path] = ()) -> Model:
    """Return the model of this name, from the first of `folders` that has it, or ours.

    Raises `NoSuchModel`, or `ModelProblems` when there is one but it is wrong.
    """
    known = names(folders)
    if name not in known:
        raise NoSuchModel(f"there is no model {name!r}{near(name, known)}")
    return load_model(next(path for path in _places(name, folders) if path.is_file()))


def _places(name: str, folders: Iterable[Path]) -> list[Path]:
    return [folder / f"{name}.toml" for folder in (*folders, BUILT_IN)]
