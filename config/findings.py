"""Where the mistakes and remarks of one check are gathered. Lives from the first byte of a file to its verdict."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from config.lines import index
from config.problem import Problem, SiteProblems, shown

if TYPE_CHECKING:
    from config.lines import LineIndex, Path

_NO_VALUE = object()
_MOST = 1000
"""More mistakes than this are no help to anybody, and take long to find."""


class Findings:
    """All that was found in one file so far. Adding stops nothing; `verdict` does, at the end."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self._problems: list[Problem] = []
        self._notices: dict[str, None] = {}

    def mistake(self, path: Path, where: str, what: str, *, value: Any = _NO_VALUE, hint: str = "") -> None:
        """Note a mistake at `path`, with the value as the file has it. The thousandth is the last (`SiteProblems`)."""
        words = [_one_line(text) for text in (where, what, hint)]
        said = "" if value is _NO_VALUE else shown(value, str(path[-1]) if path else "")
        self._problems.append(
            Problem(file=self._file, line=self.line(path), where=words[0], what=words[1], value=said, hint=words[2])
        )
        if len(self._problems) == _MOST:
            what, hint = f"has {_MOST} mistakes and perhaps more", "is it a site file at all? mend these first"
            self._problems.append(Problem(file=self._file, line=None, where="", what=what, hint=hint))
            self.verdict()

    def remark(self, notice: str) -> None:
        """Note something honest that is no mistake. The same words are kept once."""
        self._notices[notice] = None

    def line(self, path: Path) -> int:
        """Return the line of `path`, to name it in the message about another place."""
        return self._lines.line(path)

    @cached_property
    def _lines(self) -> LineIndex:
        """Where everything stands; made for the first mistake, since a good file has no use for it."""
        return index(self._text)

    @property
    def has_mistakes(self) -> bool:
        """Whether there was any so far."""
        return bool(self._problems)

    @property
    def notices(self) -> tuple[str, ...]:
        """The remarks, in the order they were made."""
        return tuple(self._notices)

    def verdict(self) -> None:
        """Raise `SiteProblems` with every mistake, in the order of the file, when there is any."""
        if self._problems:
            raise SiteProblems(sorted(self._problems, key=_in_file))


def _one_line(text: str) -> str:
    """Return `text` without line breaks and control characters, which names in a broken file may hold."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "·" for one in text)


def _in_file(problem: Problem) -> tuple[bool, int]:
    """Return the order of problems: by line, and what concerns the whole file last."""
    return problem.line is None, problem.line or 0
