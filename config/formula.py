"""The formulas of derived points: a small, safe expression language over points, checked when the site file is read.

    formula     = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]        1 where it holds, else 0
    sum         = product { ("+" | "-") product }
    product     = sign { ("*" | "/") sign }
    sign        = "-" sign | power
    power       = atom [ "**" sign ]                                         from right to left, as in 2 ** -1
    atom        = number | point | constant | function "(" formula { "," formula } ")" | "(" formula ")"
    point       = device.point as in the site file; its names may contain "-", so a minus needs spaces around it

There are the functions of `FUNCTIONS`, the constants of `config.functions.MOLAR_MASSES`, and nothing else: no
assignment, no text, no way out of the formula. Length and depth are bounded; nothing here is evaluated by Python.

**What is not known stays not known.** A formula has a result only when each of its points has a value, also of those
that an ``if`` does not choose: no formula makes a number of nothing. What cannot be computed (division by zero, oxygen
of 21 % and more, the root of a negative number, a number beyond all bounds on the way) has no result either, never an
infinite one; but where all points are known, what an ``if`` does not choose need not be computable. A division by
``(21 - x)`` is taken for what it is, a conversion by oxygen: at 21 % and more it has no result, not a negative one.
What flag goes with a result is said in `agent.derive`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence  # noqa: TC003  (`Function` looks it up when the program runs)
from dataclasses import dataclass
from typing import Final, NamedTuple

from config import functions

MOST_CHARACTERS: Final = 500
MOST_DEPTH: Final = 32
_MOST_ARGUMENTS: Final = 64


class Function(NamedTuple):
    """A function of the language, with the least and the most arguments it takes."""

    run: Callable[..., float | None]
    least: int
    most: int


FUNCTIONS: Final[dict[str, Function]] = {
    "min": Function(min, 2, _MOST_ARGUMENTS),
    "max": Function(max, 2, _MOST_ARGUMENTS),
    "abs": Function(abs, 1, 1),
    "sqrt": Function(functions.root, 1, 1),
    "round": Function(functions.rounded, 1, 2),
    "clamp": Function(functions.clamp, 3, 3),
    "if": Function(functions.either, 3, 3),
    "standard_state": Function(functions.standard_state, 4, 4),
    "dry": Function(functions.dry, 2, 2),
    "ppm_to_mg": Function(functions.ppm_to_mg, 2, 2),
    "nox": Function(functions.nox, 2, 2),
    "converted": Function(functions.converted, 3, 3),
    "excess_air": Function(functions.excess_air, 1, 1),
    "converted_by_air": Function(functions.converted_by_air, 3, 3),
    "velocity": Function(functions.velocity, 2, 2),
    "flow_working": Function(functions.flow_working, 2, 2),
    "flow_standard_dry": Function(functions.flow_standard_dry, 5, 5),
    "mass_flow": Function(functions.mass_flow, 2, 2),
    "water_volume": Function(functions.water_volume, 2, 2),
    "water_mass": Function(functions.water_mass, 2, 2),
    "mean_concentration": Function(functions.mean_concentration, 2, 2),
}
"""What may be called. `docs/site.md` lists them; a test compares."""

_OPERATORS: Final[dict[str, Callable[..., float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": math.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COMPARISONS: Final = ("<", "<=", ">", ">=", "==", "!=")
_NEGATE: Final = "negate"
_PER_OXYGEN: Final = "/ (21 - x)"
_CALLS: Final[dict[str, Callable[..., float | None]]] = (
    {name: one.run for name, one in FUNCTIONS.items()}
    | _OPERATORS
    | {_NEGATE: operator.neg, _PER_OXYGEN: functions.per_oxygen}
)

Step = float | int | tuple[str, int]
"""Of a program for a stack: push a number; push an input by its index; call by name with so many from the stack."""

Value = float | int | bool | str | None
"""As in `drivers.reading`."""


class BadFormula(ValueError):
    """A formula that cannot be understood: what is wrong, at which character (from 1), and what to write instead."""

    def __init__(self, what: str, at: int, hint: str) -> None:
        super().__init__(f"{what} (character {at})")
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that has been understood: its text and the points ("device.point") it names, in order of mention.

    Made by `parse`. Plain data, so that a site can be handed from one process to another.
    """

    text: str
    inputs: tuple[str, ...]
    program: tuple[Step, ...] = ()

    def evaluate(self, values: Sequence[Value]) -> float | None:
        """Return the finite result for the values of the inputs, in their order; bits count as 0 and 1."""
        try:
            numbers = [float(value) for value in values if value is not None and not isinstance(value, str)]
        except OverflowError:
            return None
        is_known = len(numbers) == len(values) and all(map(math.isfinite, numbers))
        return self._run(numbers) if is_known else None

    def _run(self, numbers: Sequence[float]) -> float | None:
        """Return what the program leaves; ``None`` where a step that decides it has no finite result."""
        stack: list[float | None] = []
        for step in self.program:
            if isinstance(step, float):
                stack.append(step)
            elif isinstance(step, int):
                stack.append(numbers[step])
            else:
                name, count = step
                stack[-count:] = (_called(name, stack[-count:]),)
        return None if stack[0] is None else stack[0] + 0.0  # 0 instead of -0, and a number instead of a truth value


def _called(name: str, arguments: Sequence[float | None]) -> float | None:
    """Return what one step makes of its arguments, as far as they are known."""
    if name == "if":
        condition, yes, no = arguments
        return None if condition is None else functions.either(condition, yes, no)
    if None in arguments:
        return None
    try:
        result = _CALLS[name](*arguments)
    except (ArithmeticError, ValueError):
        return None
    return result if result is not None and math.isfinite(result) else None


def parse(text: str) -> Formula:
    """Return the formula that `text` says; whether its points exist is not asked.

    Raises:
        BadFormula: it is none.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadFormula(
            "too long", MOST_CHARACTERS, f"at most {MOST_CHARACTERS} characters: derive a part of it first"
        )
    return _Parser(text).formula()


# --- words -----------------------------------------------------------------------------------------------------------

_SPACE: Final = re.compile(r"[ \t]*")
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_POINT: Final = re.compile(r"[a-z0-9_][a-z0-9_-]*\.[a-z0-9_][a-z0-9_-]*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIGN: Final = re.compile(r"\*\*|<=|>=|==|!=|[-+*/(),<>]")
_MEANT: Final = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "（": "(", "）": ")", "，": ",", "^": "**"} | {
    "=": "==", "&": "*", ";": ",", "[": "(", "]": ")", "{": "(", "}": ")", "≤": "<=", "≥": ">=", "≠": "!=",
}  # fmt: skip

_DOT: Final = 'points are device.point, in small letters; a name may contain "-", so a minus needs spaces around it'


class _Word(NamedTuple):
    """One word: "number", "point", "name", the sign itself, or "" at the end; where it begins, and its text."""

    kind: str
    at: int
    text: str


def _words(text: str) -> list[_Word]:
    """Return the words of a formula. Raises `BadFormula` at what is none."""
    words: list[_Word] = []
    at = _end(_SPACE, text, 0)
    while at < len(text):
        word = _word(text, at)
        words.append(word)
        at = _end(_SPACE, text, at + len(word.text))
    return [*words, _Word("", len(text), "the end")]


def _word(text: str, at: int) -> _Word:
    """Return the longest word that begins here. "21.5" is a number and "21.x" a point, as "21-cems.o2" is."""
    for kind, pattern in (("number", _NUMBER), ("point", _POINT), ("name", _NAME)):
        end = _end(pattern, text, at)
        if end > at and (kind != "number" or end >= _end(_POINT, text, at)):
            return _Word(kind, at, text[at:end])
    end = _end(_SIGN, text, at)
    if end > at:
        return _Word(text[at:end], at, text[at:end])
    if text[at] == ".":
        raise BadFormula("a dot without two names", at + 1, _DOT)
    hint = f'write "{_MEANT[text[at]]}"' if text[at] in _MEANT else "use numbers, points, functions and + - * / **"
    raise BadFormula(f'cannot be read at "{text[at]}"', at + 1, hint)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Return where the match of `pattern` at this place ends; the place itself when there is none."""
    match = pattern.match(text, at)
    return match.end() if match else at


# --- grammar ---------------------------------------------------------------------------------------------------------


class _Parser:
    """Reads one formula by recursive descent and writes its program, operands first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = _words(text)
        self._place = 0
        self._depth = 0
        self._inputs: dict[str, int] = {}
        self._program: list[Step] = []

    def formula(self) -> Formula:
        self._comparison()
        word = self._next
        if word.kind in _COMPARISONS:
            raise self._bad("a second comparison", "compare twice and multiply: (a < b) * (b < c)")
        if word.kind:
            hint = "brackets come in pairs" if word.kind == ")" else "an operator between the two: + - * / **"
            raise self._bad(f'"{word.text}" is not expected', hint)
        return Formula(self._text, tuple(self._inputs), tuple(self._program))

    @property
    def _next(self) -> _Word:
        return self._words[self._place]

    def _take(self) -> _Word:
        word = self._next
        self._place += word.kind != ""
        return word

    def _bad(self, what: str, hint: str) -> BadFormula:
        return BadFormula(what, self._next.at + 1, hint)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._bad("nested too deeply", f"at most {MOST_DEPTH} levels: derive a part of it first")

    def _comparison(self) -> None:
        self._deeper()
        self._chain(self._product, ("+", "-"))
        if self._next.kind in _COMPARISONS:
            sign = self._take()
            self._chain(self._product, ("+", "-"))
            self._program.append((sign.kind, 2))
        self._depth -= 1

    def _product(self) -> None:
        self._chain(self._signed, ("*", "/"))

    def _chain(self, operand: Callable[[], None], signs: tuple[str, ...]) -> None:
        """Read operands with signs between them, from left to right."""
        operand()
        while self._next.kind in signs:
            sign = self._take()
            begun = len(self._program)
            operand()
            is_oxygen = sign.kind == "/" and _is_oxygen(self._program[begun:])
            self._program.append((_PER_OXYGEN if is_oxygen else sign.kind, 2))

    def _signed(self) -> None:
        if self._next.kind != "-":
            self._power()
            return
        self._take()
        self._deeper()
        self._signed()
        self._depth -= 1
        self._program.append((_NEGATE, 1))

    def _power(self) -> None:
        self._atom()
        if self._next.kind == "**":
            self._take()
            self._deeper()
            self._signed()
            self._depth -= 1
            self._program.append(("**", 2))

    def _atom(self) -> None:
        word = self._next
        match word.kind:
            case "number":
                self._program.append(self._number(self._take()))
            case "point":
                self._take()
                self._program.append(self._inputs.setdefault(word.text, len(self._inputs)))
            case "name":
                self._named(self._take())
            case "(":
                self._take()
                self._comparison()
                self._close()
            case _:
                raise self._bad(f'"{word.text}" where a value is expected', "a number, a device.point or a bracket")

    def _number(self, word: _Word) -> float:
        number = float(word.text)
        if not math.isfinite(number):
            raise BadFormula(f'"{word.text[:20]}" is too large', word.at + 1, "a number that can be meant")
        return number

    def _named(self, word: _Word) -> None:
        """Read a constant, or a function with its arguments."""
        if word.text in functions.MOLAR_MASSES and self._next.kind != "(":
            self._program.append(functions.MOLAR_MASSES[word.text])
            return
        if word.text not in FUNCTIONS:
            is_call = self._next.kind == "("
            what = f'no function "{word.text[:40]}"' if is_call else f'"{word.text[:40]}" is no device.point'
            hint = f"there are: {', '.join(FUNCTIONS)}" if is_call else "write device.point, in small letters"
            raise BadFormula(what, word.at + 1, hint)
        if self._next.kind != "(":
            raise self._bad(f"{word.text} without its arguments", f"write {word.text}(…)")
        self._arguments(word)

    def _arguments(self, word: _Word) -> None:
        function, count = FUNCTIONS[word.text], 0
        while count == 0 or self._next.kind == ",":
            self._take()
            self._comparison()
            count += 1
        self._close()
        if not function.least <= count <= function.most:
            wanted = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
            what = f"{word.text} takes {wanted} arguments, not {count}"
            raise BadFormula(what, word.at + 1, "docs/site.md says what they are")
        self._program.append((word.text, count))

    def _close(self) -> None:
        if self._next.kind != ")":
            raise self._bad(f'"{self._next.text}" where a closing bracket is expected', "brackets come in pairs")
        self._take()


def _is_oxygen(program: Sequence[Step]) -> bool:
    """Whether this is ``21 - x``, and x names a point."""
    if not isinstance(program[0], float) or program[0] != functions.AIR_O2 or program[-1] != ("-", 2):
        return False
    depth = 1
    for step in program[1:-1]:
        depth += 1 if not isinstance(step, tuple) else 1 - step[1]
        if depth == 1:  # the 21 belongs to what comes before the last minus: (21 - x) - y
            return False
    return any(isinstance(step, int) for step in program)
