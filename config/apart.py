"""Load a site file in a process of its own, so that what reading it takes is not kept for a year.

The models, the text and the line index of a large site take several times the memory of the `Site` itself, and the
allocator does not give it back. A child reads and checks; only the finished `Site`, or the problems, come back.

    python -m config.apart SITE.toml [MODULE:FUNCTION]      the child: writes the pickled answer to standard output

The function is what knows the catalogue of rules (`config.judging.JudgeRules`), named by whoever has it.
"""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from config.problem import Problem, SiteProblems
from config.thrift import thrifty

if TYPE_CHECKING:
    from config.judging import JudgeRules
    from config.site import Site


def load_apart(path: Path, judge_rules: str | None = None) -> Site:
    """Return what `config.load.load` returns. Raises `SiteProblems` likewise, also when the child does not survive.

    `judge_rules` names the function that knows the catalogue of rules, as "module:function".
    """
    child = subprocess.run(  # noqa: S603  our own interpreter, our own module
        [sys.executable, "-P", "-m", "config.apart", str(path), *([judge_rules] if judge_rules else [])],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if child.returncode != 0:
        what = f"the process that reads it ended with {child.returncode}"
        raise SiteProblems([Problem(file=path.name, line=None, where="", what=what, hint="is there enough memory?")])
    answer: Site | list[Problem] = pickle.loads(child.stdout)  # noqa: S301  written by ourselves
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


def _named(function: str) -> JudgeRules:
    """Return the function "module:function"."""
    module, _, name = function.partition(":")
    judge: JudgeRules = getattr(importlib.import_module(module), name)
    return judge


if __name__ == "__main__":
    sys.stdout.buffer.write(_answer(Path(sys.argv[1]), _named(sys.argv[2]) if sys.argv[2:] else None))
