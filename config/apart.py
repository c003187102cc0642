"""Load a site file in a process of its own, so that what reading it takes is not kept for a year.

The models, the text and the line index of a large site take several times the memory of the `Site` itself, and the
allocator does not give it back. A child reads and checks; only the finished `Site`, or the problems, come back.

    python -m config.apart SITE.toml [MODULE:FUNCTION]      the child: writes the pickled answer to standard output
    python -m config.apart --front SITE.toml                the same for the box and its panel only

The function is what knows the catalogue of rules (`config.judging.JudgeRules`), named by whoever has it.
"""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.problem import Problem, SiteProblems
from config.thrift import thrifty

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from config.judging import JudgeRules, Objection
    from config.site import Front, Plant, RuleChange, Site


def load_apart(path: Path, judge_rules: str | None = None) -> Site:
    """Return what `config.load.load` returns. Raises `SiteProblems` likewise, also when the child does not survive.

    `judge_rules` names the function that knows the catalogue of rules, as "module:function".
    """
    site: Site = _answered(path, str(path), *([judge_rules] if judge_rules else []))
    return site


def load_front_apart(path: Path) -> Front:
    """Return what `config.load.load_front` returns. Raises `SiteProblems` likewise."""
    front: Front = _answered(path, "--front", str(path))
    return front


def _answered(path: Path, *words: str) -> Any:
    """Return what the child answers. Raises `SiteProblems`."""
    child = subprocess.run(  # noqa: S603  our own interpreter, our own module
        [sys.executable, "-P", "-m", "config.apart", *words],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if child.returncode != 0:
        what = f"the process that reads it ended with {child.returncode}"
        raise SiteProblems([Problem(file=path.name, line=None, where="", what=what, hint="is there enough memory?")])
    answer: Any = pickle.loads(child.stdout)  # noqa: S301  written by ourselves
    if isinstance(answer, list):
        raise SiteProblems(answer)
    return answer


def _answer(path: Path, judge_rules: JudgeRules | None) -> bytes:
    from config.load import load  # noqa: PLC0415  the parent must not pay for what only the child needs

    answer: Site | list[Problem]
    try:
        answer = thrifty(load(path, judge_rules))
    except SiteProblems as refused:
        answer = list(refused.problems)
    return pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL)


def _front(path: Path) -> bytes:
    from config.load import load_front  # noqa: PLC0415  as above

    answer: Front | list[Problem]
    try:
        answer = load_front(path)
    except SiteProblems as refused:
        answer = list(refused.problems)
    return pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL)


def _main(words: list[str]) -> bytes:
    if words[0] == "--front":
        return _front(Path(words[1]))
    return _answer(Path(words[0]), _named(words[1]) if words[1:] else None)


def _named(function: str) -> JudgeRules:
    """Return the function "module:function"; its module is imported only when there is something to judge."""
    module, _, name = function.partition(":")

    def judge(changes: Sequence[RuleChange], plant: Plant | None) -> Iterable[Objection]:
        knows: JudgeRules = getattr(importlib.import_module(module), name)
        return knows(changes, plant)

    return judge


if __name__ == "__main__":
    sys.stdout.buffer.write(_main(sys.argv[1:]))
