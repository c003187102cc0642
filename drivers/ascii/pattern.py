r"""The regular expressions of model files: which are allowed, and how long one may take. Pure.

Python's `re` tries again by giving back what a repetition took, and cannot be stopped while it does. So what a pattern
may say is limited to what keeps the tries few on any line:

- groups are named, ``(?P<name>…)``, or plain, ``(?:…)``; nothing looks ahead, looks back, or repeats another group;
- a group that is repeated holds nothing of varying length and no choice: ``(?:\d+ )+`` takes 2**n tries;
- at most `MOST_LOOSE` repetitions are loose, i.e. take characters that may also stand behind them, as in ``.*SO2=``:
  each multiplies the tries by the length of the line. ``[^,]*,`` and ``\d+ +`` are not loose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

MOST_PATTERN: Final = 500
MOST_LOOSE: Final = 3
MOST_CHOICES: Final = 18
"""Options and alternatives, each of which may double the tries."""
LOOSE_IN_CHOICES: Final = 6
"""A loose repetition costs as many of them: what remains takes less than half a second on a line of 512 bytes."""

_OTHERS: Final = frozenset("\ufffd")
_ALPHABET: Final = _OTHERS | frozenset(map(chr, range(128)))
_PIECE = re.compile(
    r"\\x[0-9a-fA-F]{2}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?(?:P<\w+>|:|.))?|\)|[*+?]|\{\d*,?\d*\}|.", re.DOTALL
)
_QUANTIFIER = re.compile(r"[*+?]|\{\d+\}|\{\d*,\d*\}")
_GROUP = re.compile(r"\(\?(?:P<\w+>|:)|\(")
_WIDTHLESS: Final = frozenset({"^", "$", r"\b", r"\B", r"\A", r"\Z"})


@dataclass(frozen=True, slots=True)
class _Atom:
    """What takes one character, or "|": `takes` which ones, `optional` whether it may be absent, `varies` in number.

    `options` are the optional things that begin with it.
    """

    takes: frozenset[str]
    optional: bool = False
    varies: bool = False
    is_choice: bool = False
    options: int = 0


class BadPattern(ValueError):
    """A regular expression that cannot be used; ``str`` says why."""


def compiled(pattern: str) -> re.Pattern[str]:
    """Return the pattern, compiled. Raises BadPattern."""
    if len(pattern) > MOST_PATTERN:
        raise BadPattern(f"{len(pattern)} characters, {MOST_PATTERN} at most")
    try:
        found = re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(str(error)) from error
    if not found.groupindex:
        raise BadPattern("no named group, so no field: write (?P<name>…)")
    _must_be_quick(_atoms(_PIECE.findall(pattern)))
    return found


def _must_be_quick(atoms: list[_Atom]) -> None:
    loose = sum(_is_loose(atoms, index) for index, atom in enumerate(atoms) if atom.varies)
    if loose > MOST_LOOSE:
        raise BadPattern(
            f"{loose} repetitions take characters that may also stand behind them, {MOST_LOOSE} at most: "
            "write [^,]* instead of .*"
        )
    choices = sum(atom.is_choice + atom.options for atom in atoms)
    most = MOST_CHOICES - LOOSE_IN_CHOICES * loose
    if choices > most:
        beside = f" beside {loose} repetitions that can end in several places" if loose else ""
        raise BadPattern(f"{choices} options and alternatives, {most} at most{beside}")


def _is_loose(atoms: list[_Atom], index: int) -> bool:
    """Whether the repetition at `index` can end in more than one place."""
    for behind in atoms[index + 1 :]:
        if behind.is_choice or behind.takes & atoms[index].takes:
            return True
        if not behind.optional:
            return False
    return False


def _atoms(pieces: list[str]) -> list[_Atom]:
    """Return the pieces that take characters, in order. Raises BadPattern for what is not allowed."""
    atoms: list[_Atom] = []
    begins: list[int] = []
    last = 0  # where the thing begins that a quantifier would apply to
    for piece in pieces:
        if piece == "|":
            atoms.append(_Atom(frozenset(), is_choice=True))
        elif piece == ")":
            last = begins.pop()
        elif piece.startswith("("):
            if not _GROUP.fullmatch(piece):
                raise BadPattern(f"{piece}…: only (?P<name>…) and (?:…) are allowed")
            begins.append(len(atoms))
        elif _QUANTIFIER.fullmatch(piece):
            atoms[last:] = _repeated(atoms[last:], *_counts(piece))
        elif piece not in _WIDTHLESS:
            last = len(atoms)
            atoms.append(_Atom(_takes(piece)))
    return atoms


def _repeated(atoms: list[_Atom], least: int, most: float) -> list[_Atom]:
    """Return what a quantifier makes of the atom or group it stands behind."""
    if most > 1 and any(atom.optional or atom.varies or atom.is_choice for atom in atoms):
        raise BadPattern("a repeated group that holds a choice or a repetition may take for ever: spell it out")
    if most > 1 and least != most and len(atoms) > 1:  # the group may end, or begin again, behind any of its atoms
        atoms = [replace(atom, takes=frozenset().union(*(one.takes for one in atoms))) for atom in atoms]
    varies = most > 1 and least != most
    if atoms and not (least or varies):
        atoms = [replace(atoms[0], options=atoms[0].options + 1), *atoms[1:]]
    return [replace(atom, optional=atom.optional or not least, varies=atom.varies or varies) for atom in atoms]


def _counts(quantifier: str) -> tuple[int, float]:
    plain = {"*": (0, float("inf")), "+": (1, float("inf")), "?": (0, 1.0)}
    if quantifier in plain:
        return plain[quantifier]
    least, comma, most = quantifier[1:-1].partition(",")
    return int(least or 0), float(most or "inf") if comma else float(least)


@cache
def _takes(piece: str) -> frozenset[str]:
    """Return the characters that a piece takes; one stands for all that are not ASCII. Raises BadPattern."""
    try:
        one = re.compile(piece, re.ASCII)
    except re.error:
        raise BadPattern(f"{piece}: write it otherwise; repeating what another group held is not allowed") from None
    return frozenset(filter(one.fullmatch, _ALPHABET)) | (frozenset() if piece.isascii() else _OTHERS)
