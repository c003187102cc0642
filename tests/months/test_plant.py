"""The simulated plant: it is what the site file says, its relations hold, and cheats do what they are called."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from statistics import fmean, pstdev

import pytest

from config.load import load
from tests.months.cheats import CHEATS, SEED, declarations, rules_seen
from tests.months.plant import METERS, MINUTE_MS, MINUTE_NS, POINTS, START_MS, Column, Day, Plant, minutes
from tests.months.restless import DAY

SITE = Path(__file__).with_name("site.toml")
WEDNESDAY, SUNDAY = 2, 6
NOON, NIGHT = slice(11 * 60, 17 * 60), slice(0, 5 * 60)
BOX_ITSELF = {"Q5", "Q6", "Q7", "Q8", "Q10", "T23"}
"""Clocks, restarts, configuration, backlog, age: no scan shows them."""


@pytest.fixture(scope="module")
def week() -> list[Day]:
    """A week without cheats."""
    plant = Plant(SEED)
    return [plant.day(number) for number in range(7)]


def used(day: Day, meter: str) -> float:
    """Return the kWh of a day by the counter of a meter."""
    known = [value for value in day[f"{meter}.energy_import"] if value is not None]
    return known[-1] - known[0]


def test_points_are_those_of_the_site_file() -> None:
    """Every device has the points of the site file, in its order, and is read once a minute."""
    site = load(SITE)

    assert {device.spec.name: tuple(one.name for one in device.info) for device in site.devices} == POINTS
    assert {device.poll_s for device in site.devices} == {60.0}


def test_the_same_seed_is_the_same_month() -> None:
    """Nothing but the seed decides; another one is another month."""
    first, again, other = (list(islice(minutes(seed, 1), 800, 900)) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_minutes_go_on_over_midnight() -> None:
    """Wall and monotonic time go on by a minute, every device is there in each, and lengths fit."""
    month = list(minutes(SEED, 2))

    assert len(month) == 2 * DAY
    assert {later[0] - earlier[0] for earlier, later in pairwise(month)} == {MINUTE_MS}
    assert {later[1] - earlier[1] for earlier, later in pairwise(month)} == {MINUTE_NS}
    assert START_MS < month[0][0] < START_MS + MINUTE_MS
    for _, _, scans in month[::97]:
        assert [scan.device for scan in scans] == list(POINTS)
        assert all(len(scan.values) == len(scan.flags) == len(POINTS[scan.device]) for scan in scans)


def test_energy_is_the_integral_of_power(week: list[Day]) -> None:
    """Counters rise by what the power was, and never fall."""
    for day in week:
        for meter in METERS:
            power = [value for value in day[f"{meter}.power"] if value is not None]
            assert used(day, meter) == pytest.approx(fmean(power) * 24.0, rel=0.01)
            assert all(later >= earlier for earlier, later in pairwise(known(day, f"{meter}.energy_import")))


def known(day: Day, point: str) -> list[float]:
    """Return the values of a point that are there."""
    return [value for value in day[point] if value is not None]


def test_sub_meters_are_nearly_the_main_meter(week: list[Day]) -> None:
    """About 96 % on working days; light and offices weigh more on a Sunday."""
    shares = [sum(used(day, meter) for meter in METERS if meter != "main") / used(day, "main") for day in week]

    assert all(0.92 < share < 0.99 for share in shares)
    assert shares[SUNDAY] < shares[WEDNESDAY]


def test_the_stack_follows_the_load(week: list[Day]) -> None:
    """Concentrations rise with the load, oxygen falls, flow goes with the fan; at rest there is air."""
    day = week[WEDNESDAY]
    load, nox, o2 = (day[point][NOON] for point in ("dcs.load", "cems.nox", "cems.o2"))

    assert correlation(load, nox) > 0.6
    assert correlation(load, o2) < -0.6
    assert fmean(day.known("cems.flow")[NOON]) > 20.0 > fmean(day.known("cems.flow")[NIGHT])
    assert 20.5 < fmean(day.known("cems.o2")[NIGHT]) < 21.0
    assert 0.0 <= fmean(day.known("cems.so2")[NIGHT]) < 0.5


def correlation(a: Column, b: Column) -> float:
    """Return Pearson's correlation of what is known of both."""
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    left, right = ([pair[side] for pair in pairs] for side in (0, 1))
    mean_a, mean_b = fmean(left), fmean(right)
    together = fmean((x - mean_a) * (y - mean_b) for x, y in pairs)
    return together / (pstdev(left) * pstdev(right))


def test_instruments_are_calibrated_and_sometimes_silent(week: list[Day]) -> None:
    """Every day has its twelve minutes of flag C; a missing reading has flag B and no value."""
    flags = [day.flags["cems.so2"] for day in week]
    missing = [
        (day, point, minute)
        for day in week
        for point in day.columns
        for minute, letter in day.flags[point].items()
        if letter == "B"
    ]

    assert all(list(letters.values()).count("C") >= 10 for letters in flags)
    assert missing
    assert all(day[point][minute] is None for day, point, minute in missing)


def test_cheats_cover_what_scans_can_show() -> None:
    """Every rule of the catalogue has a cheat, but those about the box itself; names and days are proper."""
    wanted = {
        f"{letter}{number}"
        for letter, count in zip("PTEWQR", (14, 24, 28, 12, 12, 10), strict=True)
        for number in range(1, count + 1)
    }

    assert rules_seen() == wanted - BOX_ITSELF
    assert len({cheat.name for cheat in CHEATS}) == len(CHEATS)
    assert all(0 <= cheat.days.start < cheat.days.stop <= 30 for cheat in CHEATS)


def test_a_cheat_changes_its_days_and_no_others() -> None:
    """It makes a difference on its days only; what a counter or a warm wall carries over is the plant's own."""
    constant = next(cheat for cheat in CHEATS if cheat.name == "constant value")
    honest, cheating = Plant(SEED), Plant(SEED)
    days = [(honest.day(number), cheating.day(number, (constant,))) for number in range(3)]

    assert [one.columns == other.columns for one, other in days] == [number not in constant.days for number in range(3)]


def test_every_cheat_does_something() -> None:
    """It acts on the plant, tampers with the data, or comes with a paper that is not obeyed."""
    assert [cheat.name for cheat in CHEATS if not (cheat.acts or cheat.tampers or cheat.papers)] == []


def test_declarations_are_those_of_the_shifts() -> None:
    """Two a day: a start and a stop, in order."""
    told = declarations(SEED, 30)

    assert len(told) == 60
    assert all(earlier.first < later.first for earlier, later in pairwise(told))
