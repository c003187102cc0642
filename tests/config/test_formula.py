"""The formula language: what it says, what it refuses and with which words, and that it computes as arithmetic does."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from config.formula import FUNCTIONS, BadFormula, Formula, parse

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

VALUES: dict[str, tuple[str, dict[str, float | bool | str | None], float | None]] = {
    "a number": ("2.5", {}, 2.5),
    "an exponent": ("1.5e-3 * 2E3", {}, 3.0),
    "multiplication first": ("1 + 2 * 3", {}, 7.0),
    "brackets first": ("(1 + 2) * 3", {}, 9.0),
    "from left to right": ("8 - 3 - 2", {}, 3.0),
    "division from left to right": ("8 / 4 / 2", {}, 1.0),
    "powers from right to left": ("2 ** 3 ** 2", {}, 512.0),
    "a power before a sign": ("-2 ** 2", {}, -4.0),
    "a negative power": ("2 ** -1", {}, 0.5),
    "two signs": ("3 - -2", {}, 5.0),
    "numbers without spaces": ("(21-9)/4", {}, 3.0),
    "a point": ("a.b * 2", {"a.b": 3.0}, 6.0),
    "a name with a minus": ("press-1.power-a - 1", {"press-1.power-a": 5.0}, 4.0),
    "a name that begins with a digit": ("1-a.2 + 0.5", {"1-a.2": 5.0}, 5.5),
    "a point named twice": ("a.b + a.b / a.c", {"a.b": 4.0, "a.c": 2.0}, 6.0),
    "a bit that is set": ("a.on * 7", {"a.on": True}, 7.0),
    "a bit that is not": ("a.on * 7", {"a.on": False}, 0.0),
    "zero is never negative": ("a.b * -1", {"a.b": 0.0}, 0.0),
    "a comparison that holds": ("a.b >= 3", {"a.b": 3.0}, 1.0),
    "one that does not": ("a.b + 1 < 3", {"a.b": 3.0}, 0.0),
    "if": ("if(a.on, a.b, 0)", {"a.on": True, "a.b": 5.0}, 5.0),
    "else": ("if(a.b != 5, 1, 2)", {"a.b": 5.0}, 2.0),
    "the least of three": ("min(a.b, 2, -1)", {"a.b": 5.0}, -1.0),
    "clamp and round": ("round(clamp(a.b, 0, 100), 1)", {"a.b": 12.34}, 12.3),
    "a gas": ("ppm_to_mg(a.b, SO2)", {"a.b": 7.0}, 20.0),
    "the contract's formula": ("c.n * (21 - 9) / (21 - c.o2)", {"c.n": 111.111, "c.o2": 12.0}, 148.148),
    "the function for it": ("converted(c.n, c.o2, 9)", {"c.n": 111.111, "c.o2": 12.0}, 148.148),
    "not known": ("a.b + a.c", {"a.b": 1.0, "a.c": None}, None),
    "times zero is not known either": ("a.b * 0", {"a.b": None}, None),
    "an if does not hide it": ("if(a.on, a.b, 1)", {"a.on": False, "a.b": None}, None),
    "an if guards a division by zero": ("if(a.b > 0, 6 / a.b, 0)", {"a.b": 0.0}, 0.0),
    "the chosen one must be computable": ("if(a.b > 0, 1, 6 / a.b)", {"a.b": 0.0}, None),
    "so must the condition": ("if(6 / a.b, 1, 2)", {"a.b": 0.0}, None),
    "a mean oxygen just below air": ("12 / (21 - (a.b + a.c) / 2)", {"a.b": 20.0, "a.c": 21.0}, 24.0),
    "a mean oxygen of air": ("12 / (21 - (a.b + a.c) / 2)", {"a.b": 21.0, "a.c": 21.0}, None),
    "a mean oxygen above air": ("12 / (21 - (a.b + a.c) / 2)", {"a.b": 21.0, "a.c": 22.0}, None),
    "a 21 that is no oxygen": ("12 / (21 - a.b - a.c)", {"a.b": 20.0, "a.c": 4.0}, -4.0),
    "a text": ("a.b + 1", {"a.b": "7"}, None),
    "NaN": ("min(a.b, 1)", {"a.b": math.nan}, None),
    "infinite": ("a.b > 1", {"a.b": math.inf}, None),
    "by zero": ("1 / a.b", {"a.b": 0.0}, None),
    "zero by zero": ("a.b / a.b", {"a.b": 0.0}, None),
    "the root of a negative number": ("sqrt(a.b)", {"a.b": -1.0}, None),
    "a power that is no real number": ("a.b ** 0.5", {"a.b": -1.0}, None),
    "zero to a negative power": ("a.b ** -1", {"a.b": 0.0}, None),
    "overflow": ("a.b * a.b", {"a.b": 1e200}, None),
    "overflow of a power": ("10 ** a.b", {"a.b": 400.0}, None),
    "overflow on the way": ("a.b * a.b > 1", {"a.b": 1e200}, None),
    "oxygen of 21 %": ("c.n * (21 - 9) / (21 - c.o2)", {"c.n": 5.0, "c.o2": 21.0}, None),
    "oxygen above 21 %": ("c.n * 12 / (21 - c.o2)", {"c.n": 5.0, "c.o2": 21.4}, None),
    "another number may become negative": ("12 / (20 - a.b)", {"a.b": 22.0}, -6.0),
    "a huge whole number": ("a.b + 1", {"a.b": 10**400}, None),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_formula_computes_what_it_says(name: str) -> None:
    """Precedence as in school and in Python; unknown, impossible and infinite are no result."""
    text, values, expected = VALUES[name]
    formula = parse(text)

    result = formula.evaluate([values[point] for point in formula.inputs])

    assert formula.text == text
    assert set(formula.inputs) == set(values)
    assert result == (expected if expected is None else pytest.approx(expected, rel=1e-5))
    assert result is None or type(result) is float
    assert str(result) != "-0.0"


REFUSED: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "nothing": ("", 1, ("where a value is expected",)),
    "half a sum": ("1 +", 4, ("the end",)),
    "an open bracket": ("(1 + 2", 7, ("closing bracket", "pairs")),
    "a bracket too many": ("1 + 2)", 6, ('")" is not expected', "pairs")),
    "two values": ("a.b a.c", 5, ('"a.c" is not expected', "an operator")),
    "a unit": ("2.5 kW", 5, ('"kW" is not expected',)),
    "a full-width sign": ("a.b × 2", 5, ("cannot be read", 'write "*"')),
    "a typographic minus": ("a.b − 2", 5, ('write "-"',)),
    "a caret": ("a.b ^ 2", 5, ('write "**"',)),
    "an assignment": ("a.b = 2", 5, ('write "=="',)),
    "a word": ("power * 2", 1, ('"power" is no device.point',)),
    "capital letters": ("Cems.o2 * 2", 5, ("small letters",)),
    "a minus between two points": ("cems.a-cems.b", 12, ("a minus needs spaces",)),
    "a function that is none": ("sin(a.b)", 1, ('no function "sin"', "there are: min, max")),
    "one of Python's": ("__import__(a.b)", 1, ("no function",)),
    "a function without arguments": ("sqrt * 2", 6, ("write sqrt(…)",)),
    "too few arguments": ("converted(a.b, a.c)", 1, ("takes 3 arguments, not 2",)),
    "too many arguments": ("sqrt(1, 2)", 1, ("takes 1 arguments, not 2",)),
    "no arguments": ("min()", 5, ("where a value is expected",)),
    "a text": ('"a" + 1', 1, ("cannot be read",)),
    "a chain of comparisons": ("1 < a.b < 3", 9, ("a second comparison", "(a < b) * (b < c)")),
    "a number beyond numbers": ("1e999", 1, ("too large",)),
    "deep brackets": ("(" * 40 + "1" + ")" * 40, 33, ("nested too deeply",)),
    "deep signs": ("-" * 600, 500, ("too long",)),
    "many signs": ("-" * 40 + "1", 33, ("nested too deeply",)),
    "many powers": ("2" + " ** 2" * 40, 161, ("nested too deeply",)),
    "too long": ("1" + " + 1" * 200, 500, ("too long", "at most 500")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_formula_is_refused_with_place_and_remedy(name: str) -> None:
    """The person sees the character and what to write instead."""
    text, at, words = REFUSED[name]

    with pytest.raises(BadFormula) as refused:
        parse(text)

    said = f"{refused.value} — {refused.value.hint}"
    assert f"(character {at})" in said
    assert all(word in said for word in words), said
    assert refused.value.hint


def test_a_formula_goes_from_one_process_to_another() -> None:
    """It is plain data, and computes there as here."""
    formula = parse("if(a.on, min(a.b, 3) / (21 - a.c), SO2 ** -1)")

    copy = pickle.loads(pickle.dumps(formula))

    assert copy == formula
    assert copy.evaluate([True, 5.0, 15.0]) == 0.5


# --- against Python's own arithmetic ----------------------------------------------------------------------------------

NAMES = ("a.b", "a-1.c", "d_2.e")
LEAVES = st.one_of(
    st.sampled_from(NAMES), st.integers(0, 50).map(str), st.floats(0, 100, allow_nan=False).map(lambda x: f"{x:.3f}")
)


def branches(inner: SearchStrategy[str]) -> SearchStrategy[str]:
    """Return formulas over formulas, in brackets or not."""
    operators = st.sampled_from(("+", "-", "*", "/"))
    functions = st.sampled_from(("min", "max"))
    return st.one_of(
        st.tuples(inner, operators, inner).map(" ".join),
        st.tuples(inner, operators, inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda one: f"-{one}"),
        st.tuples(functions, inner, inner).map(lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"),
        inner.map(lambda one: f"abs({one})"),
    )


FORMULAS = st.recursive(LEAVES, branches, max_leaves=10)
NUMBERS = st.one_of(st.none(), st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), st.integers(-100, 100), st.booleans())


def by_python(text: str, values: dict[str, float | None]) -> float | None:
    """Return what Python makes of a formula; ``None`` where it has no finite result, or a point is not known."""
    spoken = text
    for number, name in enumerate(NAMES):
        if name in text and values[name] is None:
            return None
        spoken = spoken.replace(name, f"v{number}")
    known = {f"v{number}": float(values[name] or 0) for number, name in enumerate(NAMES)}
    try:
        result = float(eval(spoken, {"__builtins__": {}, "min": min, "max": max, "abs": abs}, known))
    except ArithmeticError:
        return None
    return result if math.isfinite(result) else None


@settings(max_examples=400, deadline=None)
@given(FORMULAS, st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_a_formula_computes_as_python_does(text: str, numbers: tuple[float | None, ...]) -> None:
    """Any tree of operators and functions, over any values; the exception is the oxygen that conversion refuses."""
    values = dict(zip(NAMES, numbers, strict=True))
    assume(len(text) <= 500 and text.count("(") + text.count("-") < 30 and "(21 - " not in text)
    formula = parse(text)

    result = formula.evaluate([values[name] for name in formula.inputs])

    assert result == by_python(text, values)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text("0123456789.abe+-*/(),<>= ifSO2min", max_size=60)))
def test_rubbish_is_a_formula_or_refused(text: str) -> None:
    """Nothing else ever comes of a text, and what comes of a formula is a finite number or nothing."""
    formula, hint = Formula("0", (), (0.0,)), ""
    try:
        formula = parse(text)
    except BadFormula as bad:
        hint = bad.hint
    result = formula.evaluate([1.0] * len(formula.inputs))

    assert hint or formula.text == text
    assert result is None or math.isfinite(result)


@settings(max_examples=200, deadline=None)
@given(FORMULAS, st.tuples(*[st.floats()] * 3))
def test_any_numbers_give_a_finite_number_or_none(text: str, numbers: tuple[float, ...]) -> None:
    """Also those that no reading has."""
    try:
        formula = parse(text)
    except BadFormula:
        formula = Formula("0", (), (0.0,))

    result = formula.evaluate(numbers[: len(formula.inputs)])

    assert result is None or math.isfinite(result)


def test_every_function_can_be_called() -> None:
    """Each with the least number of arguments."""
    for name, one in FUNCTIONS.items():
        formula = parse(f"{name}({', '.join(['1.0'] * one.least)})")

        assert formula.program[-1] == (name, one.least)
