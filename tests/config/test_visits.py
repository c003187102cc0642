"""Slow points: which visits a device is read in, what a file may say of them, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.visits import is_slow, name_of, specs, visits
from drivers.spec import StatusSpec
from tests.config.plants import FACTOR, HEAD, REGISTER, analyzer, device, line, loaded, meter
from tests.config.sites import marked_lines, problems_of

if TYPE_CHECKING:
    from pathlib import Path

    from config.site import Device, Site

SDM630 = ("address = 3", 'model = "eastron-sdm630"', 'points = ["power", "energy_import", "frequency"]')
COUNTER = '[[device.point]]\nname = "total"\nregister = "input"\nat = 342\ntype = "float32"\nperiod = "slow"\n'
ANALYZER = """
[model]
name = "own-analyzer"
maker = "Own"
kind = "gas-analyzer"
title = { zh = "分析仪", en = "Analyzer" }
protocols = ["modbus"]
grade = "A"
no_sentinel = "It has none."
[[source]]
document = "a manual"
page = "7"
confidence = "A"
[plausible]
points = ["so2"]
[[point]]
at = { so2 = 0, o2 = 2 }
register = "input"
type = "float32"
unit = "mg/m3"
range = [0, 300]
nominal = 20
[[point]]
name = "dust"
at = 4
register = "input"
type = "float32"
unit = "mg/m3"
range = [0, 300]
nominal = 20
period = "slow"
[[point]]
at = { fault = 0, calibration = 1 }
register = "discrete"
[[status]]
point = "fault"
when = [true]
flag = "D"
[[status]]
point = "calibration"
when = [true]
flag = "C"
decides = ["so2"]
[[sample]]
origin = "manual"
frames = [["00", "00"]]
readings = { so2 = 1.5, o2 = 20.9, dust = 2.5, fault = false, calibration = false }
"""


def one(folder: Path, *lines: str, points: str = "") -> Device:
    """Return the device of a site that has one."""
    (found,) = loaded(folder, HEAD + line() + device(*lines, points=points)).devices
    return found


def split(found: Device) -> list[tuple[str, float, list[str]]]:
    """Return the visits in short: key, period, points."""
    return [(visit.spec.name, visit.poll_s, [info.name for info in visit.info]) for visit in visits(found)]


def test_without_slow_every_visit_reads_every_point(tmp_path: Path) -> None:
    """The model's word alone changes nothing: one visit, which is the device itself."""
    found = one(tmp_path, *SDM630)

    assert found.slow_s is None
    assert visits(found) == (found,)


def test_with_slow_the_counters_are_read_in_a_visit_of_their_own(tmp_path: Path) -> None:
    """One instrument, one device; two visits with a key each, which lead back to its one name."""
    found = one(tmp_path, *SDM630, 'poll = "1s"', 'slow = "1m"')

    assert [info.name for info in found.info] == ["power", "frequency", "energy_import"]
    assert split(found) == [("m1", 1.0, ["power", "frequency"]), ("m1/slow", 60.0, ["energy_import"])]
    assert [(name_of(spec.name), spec.address, spec.bus) for spec in specs([found])] == [("m1", 3, "line1")] * 2
    assert [is_slow(visit) for visit in visits(found)] == [False, True]
    assert all(
        [point.name for point in visit.spec.points] == [info.name for info in visit.info] for visit in visits(found)
    )


@pytest.mark.parametrize(
    ("lines", "points", "expected"),
    [
        ([], COUNTER, {"slow": ["energy_import", "total"]}),
        ([], COUNTER.replace('"slow"', '"fast"'), {"slow": ["energy_import"]}),
        ([], '[[device.point]]\nname = "frequency"\nperiod = "slow"\n', {"slow": ["frequency", "energy_import"]}),
        ([], '[[device.point]]\nname = "energy_import"\nperiod = "fast"\n', {}),
        (['points = ["power"]'], "", {}),
        (['slow = "5s"'], "", {}),
    ],
    ids=["a point more", "a fast point more", "a point made slow", "a point made fast", "none slow", "as often"],
)
def test_the_file_has_the_last_word_on_what_is_slow(
    tmp_path: Path, lines: list[str], points: str, expected: dict[str, list[str]]
) -> None:
    """Its own points and the model's; where nothing is slow, or slow is as often, there is one visit."""
    keys = {one.split(" ")[0] for one in lines}
    told = [one for one in (*SDM630, 'slow = "1m"') if one.split(" ")[0] not in keys]
    found = split(one(tmp_path, *told, *lines, points=points))

    assert {key.partition("/")[2]: points for key, _, points in found[1:]} == expected


def test_where_all_points_are_slow_there_is_one_visit_at_their_pace(tmp_path: Path) -> None:
    """It means the same as a poll of that length."""
    lines = [*SDM630[:2], 'points = ["energy_import"]']
    (tmp_path / "other").mkdir()

    found = one(tmp_path, *lines, 'slow = "1m"')

    assert split(found) == [("m1", 60.0, ["energy_import"])]
    assert found == one(tmp_path / "other", *lines, 'poll = "1m"')


def test_a_status_is_read_together_with_what_it_decides_about(tmp_path: Path) -> None:
    """In both visits if need be, by its place in each; nothing is decided about points of the other visit."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "own-analyzer.toml").write_text(ANALYZER, "utf-8")
    text = HEAD.replace('id = "box-1"', 'id = "box-1"\nmodels = "models"') + line()
    site = loaded(tmp_path, text + device("address = 3", 'model = "own-analyzer"', 'slow = "1m"', points=""))
    fast, slow = visits(site.devices[0])

    assert [point.name for point in fast.spec.points] == ["so2", "o2", "fault", "calibration"]
    assert fast.spec.statuses == (
        StatusSpec(point=2, when=(True,), flag="D", decides=(0, 1)),
        StatusSpec(point=3, when=(True,), flag="C", decides=(0,)),
    )
    assert [point.name for point in slow.spec.points] == ["dust", "fault"]
    assert slow.spec.statuses == (StatusSpec(point=1, when=(True,), flag="D", decides=(0,)),)
    assert site.meaning["devices"]["m1"]["statuses"]["fault"][0]["decides"] == ["dust", "o2", "so2"]


@pytest.mark.parametrize(
    ("report", "periods"),
    [('report = "on-scan"', (5.0, 60.0)), ('report = "on-change"', (600.0, 600.0)), ('report = "5m"', (300.0, 300.0))],
)
def test_each_visit_is_reported_like_the_device(tmp_path: Path, report: str, periods: tuple[float, float]) -> None:
    """On every scan the period is the visit's own; heartbeat and statistics are those of the device."""
    found = visits(one(tmp_path, *SDM630, 'slow = "1m"', report))

    assert tuple(visit.report.period_s for visit in found) == periods


def test_the_meaning_has_one_device_with_all_its_points(tmp_path: Path) -> None:
    """A difference says what became slower, and nothing else."""

    def meaning(*lines: str) -> Site:
        return loaded(tmp_path, HEAD + line() + device(*SDM630, *lines, points=""))

    plain, slow = (site.meaning["devices"]["m1"] for site in (meaning(), meaning('slow = "1m"')))

    assert slow.pop("slow_s") == 60.0
    assert slow["points"]["energy_import"].pop("period") == "slow"
    assert slow == plain


MISTAKES: dict[str, tuple[str, tuple[str, ...]]] = {
    "shorter than poll": (
        device(*SDM630, 'poll = "10s"', 'slow = "5s" #!', points=""),
        ('slow: shorter than poll ("5s")', 'at least "10s"'),
    ),
    "no duration": (device(*SDM630, "slow = 60 #!", points=""), ("slow: ", "60")),
    "periods without a slow reading": (
        device(*SDM630, 'slow = "5m"', 'report = "1m" #!', points=""),
        ("report: a report period of 60s is shorter than slow", 'at least "300s"'),
    ),
    "periods without a slow reading, by default": (
        device(*SDM630, 'slow = "5m" #!', points=""),
        ("slow: a report period of 60s is shorter than slow",),
    ),
    "silence that is too short": (
        device(*SDM630, 'slow = "5m"', 'report = "on-change"', 'heartbeat = "1m" #!', points=""),
        ("heartbeat: shorter than slow", 'at least "300s"'),
    ),
    "no such period": (
        device("address = 3", 'slow = "1m"', points=COUNTER.replace('"slow"', '"rare" #!')),
        ("period: not a choice", "fast, slow"),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_on_its_line(tmp_path: Path, name: str) -> None:
    """With what is wrong and what to write instead."""
    more, words = MISTAKES[name]
    text = HEAD + line() + more

    problems = problems_of(tmp_path, text)

    assert [problem.line for problem in problems] == marked_lines(text)
    assert all(word in str(problems[0]) for word in words), str(problems[0])


REMARKS: dict[str, tuple[str, str]] = {
    "nothing slow": (device("address = 3", 'slow = "1m"'), 'device "m1": slow has no meaning, none of its points'),
    "a slow point without a period": (
        device("address = 3", points=REGISTER + COUNTER),
        'point "total": period has no meaning, its device has no slow',
    ),
    "one that sends": (
        analyzer('slow = "1m"', points=FACTOR + 'period = "slow"\n'),
        "slow has no meaning, it tells all its points at once",
    ),
    "uneven periods": (device(*SDM630, 'slow = "45s"', points=""), "report is no multiple of slow"),
}


@pytest.mark.parametrize("name", REMARKS)
def test_what_has_no_effect_is_said(tmp_path: Path, name: str) -> None:
    """It is no mistake, and changes nothing."""
    more, words = REMARKS[name]
    site = loaded(tmp_path, HEAD + line() + more)

    assert sum(words in notice for notice in site.notices) == 1, site.notices


def test_a_meter_of_another_protocol_has_slow_points_too(tmp_path: Path) -> None:
    """What matters is that it can be asked for some of its points."""
    points = '[[device.point]]\nname = "voltage_a"\nitem = "02010100"\n'
    points += '[[device.point]]\nname = "energy_import"\nitem = "00010000"\nperiod = "slow"\n'
    (found,) = loaded(tmp_path, HEAD + line() + meter('slow = "1m"', points=points)).devices

    assert split(found) == [("e1", 5.0, ["voltage_a"]), ("e1/slow", 60.0, ["energy_import"])]
