"""The standard formulas give the numbers that are worked out for them, and nothing where physics has nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import functions
from config.formula import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

PA, STATIC, T_CEL = 101000.0, -200.0, 130.0
WORKED: dict[str, tuple[Callable[..., float | None], tuple[float, ...], float, float]] = {
    "standard state": (functions.standard_state, (50, T_CEL, PA, STATIC), 74.194, 0.0005),
    "dry": (functions.dry, (100, 10), 111.111, 0.0005),
    "ppm of SO2": (functions.ppm_to_mg, (1, functions.MOLAR_MASSES["SO2"]), 2.857, 0.0005),
    "ppm of NO2": (functions.ppm_to_mg, (1, functions.MOLAR_MASSES["NO2"]), 2.054, 0.0005),
    "ppm of NO": (functions.ppm_to_mg, (1, functions.MOLAR_MASSES["NO"]), 1.339, 0.0005),
    "ppm of CO": (functions.ppm_to_mg, (1, functions.MOLAR_MASSES["CO"]), 1.25, 1e-9),
    "NOx": (functions.nox, (30, 4), 50, 1e-9),
    "converted, reference 9": (functions.converted, (111.111, 12, 9), 148.148, 0.0005),
    "converted, reference 6": (functions.converted, (111.111, 12, 6), 185.185, 0.0005),
    "converted at 20 %": (functions.converted, (1, 20, 9), 12, 1e-9),
    "converted at 20.9 %": (functions.converted, (1, 20.9, 9), 120, 1e-6),
    "excess air": (functions.excess_air, (12,), 21 / 9, 1e-9),
    "converted by air": (functions.converted_by_air, (111.111, 21 / 9, 21 / 12), 148.148, 0.0005),
    "velocity": (functions.velocity, (1.25, 10), 12.5, 1e-9),
    "working flow": (functions.flow_working, (3.2, 12.5), 144000, 1e-6),
    "standard dry flow": (functions.flow_standard_dry, (144000, T_CEL, PA, STATIC, 8), 89279.5, 0.05),
    "mass": (functions.mass_flow, (35, 89279.5), 3.1248, 0.00005),
    "volume of water": (functions.water_volume, (12.5, 600), 7.5, 1e-9),
    "mass in water": (functions.water_mass, (80, 7.5), 0.6, 1e-9),
    "mean concentration": (functions.mean_concentration, (0.6, 7.5), 80, 1e-9),
    "mean of two hours": (functions.mean_concentration, (0.6 + 0.2, 7.5 + 12.5), 40, 1e-9),
}


@pytest.mark.parametrize("name", WORKED)
def test_a_formula_gives_the_worked_number(name: str) -> None:
    """The numbers are those printed beside the formulas of HJ 212-2017, appendix D, in our notes."""
    function, given_numbers, expected, within = WORKED[name]

    assert function(*given_numbers) == pytest.approx(expected, abs=within)


IMPOSSIBLE: dict[str, tuple[Callable[..., float | None], tuple[float, ...]]] = {
    "oxygen of air": (functions.converted, (50, 21, 9)),
    "oxygen above that of air": (functions.converted, (50, 21.3, 9)),
    "oxygen below zero": (functions.converted, (50, -0.1, 9)),
    "reference of air": (functions.converted, (50, 12, 21)),
    "excess air of air": (functions.excess_air, (21,)),
    "less than no excess": (functions.converted_by_air, (50, 0.5, 1.75)),
    "nothing but moisture": (functions.dry, (50, 100)),
    "moisture below zero": (functions.dry, (50, -1)),
    "no pressure": (functions.standard_state, (50, 130, 100, -100)),
    "absolute zero": (functions.standard_state, (50, -273, 101325, 0)),
    "flow of no pressure": (functions.flow_standard_dry, (50, 130, 0, 0, 8)),
    "flow of moisture alone": (functions.flow_standard_dry, (50, 130, 101325, 0, 100)),
    "weightless gas": (functions.ppm_to_mg, (50, 0)),
    "mean of no water": (functions.mean_concentration, (0, 0)),
    "root": (functions.root, (-1,)),
    "clamp upside down": (functions.clamp, (1, 3, 2)),
    "half a decimal": (functions.rounded, (1.25, 0.5)),
    "negative decimals": (functions.rounded, (125, -1)),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_has_no_physical_meaning_has_no_result(name: str) -> None:
    """Never a negative or infinite number, and never an exception."""
    function, given_numbers = IMPOSSIBLE[name]

    assert function(*given_numbers) is None


@given(st.floats(0, 1e6), st.floats(-5, 30), st.floats(0, 20.9))
def test_a_converted_concentration_is_never_negative(concentration: float, o2: float, reference: float) -> None:
    """Whatever the oxygen: a number not below zero, the same by both forms of the formula, or none."""
    by_oxygen = functions.converted(concentration, o2, reference)
    alpha, alpha_s = functions.excess_air(o2), functions.excess_air(reference)

    if by_oxygen is None:
        assert not 0 <= o2 < 21
    else:
        assert by_oxygen >= 0
        assert alpha is not None
        assert alpha_s is not None
        assert functions.converted_by_air(concentration, alpha, alpha_s) == pytest.approx(by_oxygen, rel=1e-6)


def test_every_function_says_what_it_is() -> None:
    """Each has a docstring, and those that formulas call take the arguments that the language counts."""
    for name, one in FUNCTIONS.items():
        assert (one.run.__doc__ or "").strip(), name
        if one.run.__module__ == functions.__name__:
            most = one.run.__code__.co_argcount
            least = most - len(one.run.__defaults__ or ())

            assert (one.least, one.most) == (least, most), name
