"""Devices by model: which points they have, how a file changes them, and what is wrong with a model."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from config.apart import load_apart
from config.load import load
from drivers.library import BUILT_IN, find, names
from drivers.spec import LineSettings, PointSpec, StatusSpec, Table
from tests.config.plants import HEAD, device, line, loaded
from tests.config.sites import marked_lines, problems_of

if TYPE_CHECKING:
    from pathlib import Path

    from config.site import Device

METER = """
[model]
name = "own-meter"
maker = "Own"
kind = "power-meter-3p"
title = { zh = "电表", en = "Meter" }
protocols = ["modbus", "modbus-ascii"]
grade = "C"
max_registers = 20
max_bits = 16
turnaround = "30ms"
timeout = "2s"
no_sentinel = "It has none."
barriers = { input = [40] }
[[source]]
document = "a manual"
confidence = "C"
[plausible]
points = ["voltage_a"]
[points]
register = "input"
type = "int16"
[[point]]
name = "voltage_a"
at = 0
unit = "V"
scale = 0.1
range = [0, 500]
nominal = 230
ratio = "pt"
[[point]]
name = "current_a"
at = 1
unit = "A"
scale = 0.01
range = [-6, 6]
ratio = "ct"
[[point]]
name = "energy_import"
at = 2
type = "uint32"
order = "CDAB"
unit = "kWh"
ratio = "ct*pt"
direction = "import"
[[point]]
name = "energy_export"
at = 4
type = "uint32"
unit = "kWh"
ratio = "ct*pt"
direction = "import"
label = { zh = "反向电能", en = "Exported energy" }
[[sample]]
origin = "manual"
frames = [["00", "00"]]
readings = { voltage_a = 230.1, current_a = -1.2, energy_import = 7, energy_export = 8 }
"""

ANALYZER = """
[model]
name = "own-analyzer"
maker = "Own"
kind = "gas-analyzer"
title = { zh = "分析仪", en = "Analyzer" }
protocols = ["modbus"]
grade = "A"
primary = true
no_sentinel = "It has none."
[[source]]
document = "a manual"
page = "7"
confidence = "A"
[plausible]
points = ["so2"]
[[point]]
at = { so2 = 0, nox = 2, o2 = 4 }
register = "input"
type = "float32"
unit = "mg/m3"
range = [0, 300]
nominal = 20
[[point]]
at = { fault = 0, calibration = 1 }
register = "discrete"
[[point]]
name = "hold"
at = 2
register = "discrete"
label = { zh = "保持", en = "Measuring" }
[[status]]
point = "fault"
when = [true]
flag = "D"
[[status]]
point = "calibration"
when = [true]
flag = "C"
decides = ["so2", "nox"]
[[status]]
point = "hold"
when = [false]
flag = "M"
decides = ["o2"]
void = true
[[sample]]
origin = "manual"
frames = [["00", "00"]]
readings = { so2 = 1.5, nox = 2.5, o2 = 20.9, fault = false, calibration = false, hold = true }
"""

LINES = """
[model]
name = "own-dust"
maker = "Own"
kind = "gas-analyzer"
title = { zh = "粉尘仪", en = "Dust" }
protocols = ["ascii"]
grade = "B"
no_sentinel = "It has none."
[[source]]
document = "a manual"
confidence = "B"
[plausible]
points = ["dust"]
[ascii]
mode = "listen"
pattern = '(?P<dust>[0-9.]+) (?P<state>[A-Z]+)'
terminator = "\\r\\n"
[[point]]
name = "dust"
field = "dust"
unit = "mg/m3"
range = [0, 100]
nominal = 5
[[point]]
name = "state"
field = "state"
type = "text"
label = { zh = "状态", en = "State" }
[[status]]
point = "state"
when = ["FAULT"]
flag = "D"
[[sample]]
origin = "manual"
frames = [["", { text = "1.5 OK\\r\\n" }], ["", { text = "2.5 OK\\r\\n" }]]
readings = { dust = 1.5, state = "OK" }
[[sample]]
origin = "manual"
frames = [["", { text = "2.5 OK\\r\\n" }]]
readings = { dust = 2.5, state = "OK" }
"""

OWN = HEAD.replace('id = "box-1"', 'id = "box-1"\nmodels = "models"') + line()
MODEL = 'model = "own-meter"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder for a site file, with models of its own."""
    (tmp_path / "models").mkdir()
    for name, text in {"own-meter": METER, "own-analyzer": ANALYZER, "own-dust": LINES}.items():
        (tmp_path / "models" / f"{name}.toml").write_text(text.replace('"import"\nlabel', '"export"\nlabel'), "utf-8")
    return tmp_path


def only(folder: Path, *lines: str, points: str = "") -> Device:
    """Return the device of a site that has one, at address 3."""
    (one,) = loaded(folder, OWN + device("address = 3", *lines, points=points)).devices
    return one


def point(name: str, *lines: str) -> str:
    """Return a point of a device."""
    return "\n".join(["[[device.point]]", f'name = "{name}"', *lines, "", ""])


def test_a_model_gives_points_and_limits(folder: Path) -> None:
    """Nothing but the model's name is needed: points, labels, barriers, times, lengths; protocol the model's first."""
    one = only(folder, MODEL)

    assert [name.name for name in one.spec.points] == ["voltage_a", "current_a", "energy_import", "energy_export"]
    assert one.spec.points[2] == PointSpec(
        name="energy_import", table=Table.INPUT, at=2, type="uint32", order="CDAB", unit="kWh"
    )
    assert [(info.unit, info.label.en) for info in one.info][-1] == ("kWh", "Exported energy")
    assert one.model == "own-meter"
    assert one.spec.protocol == "modbus"
    assert (one.spec.timeout_s, one.spec.turnaround_s) == (2.0, 0.03)
    assert (one.spec.max_registers, one.spec.max_bits) == (20, 16)
    assert one.spec.barriers == {(Table.INPUT, 40)}


def test_what_the_device_says_goes_before_the_model(folder: Path) -> None:
    """Times, lengths, barriers and one of the model's protocols."""
    said = ['timeout = "300ms"', 'turnaround = "0s"', "max_registers = 8", "barriers = {}", 'protocol = "modbus-ascii"']

    spec = only(folder, MODEL, *said).spec

    assert (spec.timeout_s, spec.turnaround_s, spec.max_registers, spec.barriers) == (0.3, 0.0, 8, frozenset())
    assert (spec.protocol, spec.max_bits) == ("modbus-ascii", 16)


def test_ratios_are_the_model_s_and_reach_the_range(folder: Path) -> None:
    """A range is of what the meter tells: behind transformers it is as many times wider."""
    spec = only(folder, MODEL, "ct = 40.0", "pt = 10.0").spec

    points = {one.name: one for one in spec.points}
    assert [one.scale for one in spec.points] == [1.0, 0.4, 400.0, 400.0]
    assert [points[name].range for name in ("voltage_a", "current_a")] == [(0.0, 5000.0), (-240.0, 240.0)]


def test_a_point_of_the_same_name_changes_only_what_it_writes(folder: Path) -> None:
    """Another label, limit of belief or order; what is not written stays the model's, the place among points too."""
    changes = point("current_a", 'label = "电流"', "range = [-300.0, 300.0]") + point("energy_import", 'order = "ABCD"')

    one = only(folder, MODEL, "ct = 40.0", points=changes + point("extra", 'register = "coil"', "at = 9"))

    changed = one.spec.points[1]
    assert [name.name for name in one.spec.points][1:3] == ["current_a", "energy_import"]
    assert (changed.scale, changed.range, changed.unit) == (0.4, (-300.0, 300.0), "A")
    assert one.info[1].label.zh == "电流"
    assert one.spec.points[2].order == "ABCD"  # type: ignore[union-attr]
    assert one.spec.points[4] == PointSpec(name="extra", table=Table.COIL, at=9, type="bit")


def test_another_scale_takes_the_model_s_range_away(folder: Path) -> None:
    """A range in other units would flag every reading."""
    assert only(folder, MODEL, points=point("current_a", "scale = 1.0")).spec.points[1].range is None


def test_a_device_may_read_some_points_only(folder: Path) -> None:
    """In the model's order; points of the file's own are read in any case."""
    own = point("extra", 'register = "coil"', "at = 9")

    spec = only(folder, MODEL, 'points = ["energy_import", "voltage_a"]', points=own).spec

    assert [one.name for one in spec.points] == ["voltage_a", "energy_import", "extra"]


def test_status_points_decide_about_others_by_their_places(folder: Path) -> None:
    """One that names no point decides about all values, those of the file's own too, but about no other status."""
    spec = only(folder, 'model = "own-analyzer"', points=point("door", 'register = "discrete"', "at = 9")).spec

    assert [one.name for one in spec.points] == ["so2", "nox", "o2", "fault", "calibration", "hold", "door"]
    assert spec.statuses == (
        StatusSpec(point=3, when=(True,), flag="D", decides=(0, 1, 2, 6)),
        StatusSpec(point=4, when=(True,), flag="C", decides=(0, 1)),
        StatusSpec(point=5, when=(False,), flag="M", decides=(2,), void=True),
    )


def test_status_points_of_chosen_points_are_kept(folder: Path) -> None:
    """Whoever chooses SO2 gets what says whether it counts, and nothing about oxygen."""
    spec = only(folder, 'model = "own-analyzer"', 'points = ["so2"]').spec

    assert [one.name for one in spec.points] == ["so2", "fault", "calibration"]
    assert spec.statuses == (
        StatusSpec(point=1, when=(True,), flag="D", decides=(0,)),
        StatusSpec(point=2, when=(True,), flag="C", decides=(0,)),
    )


def test_an_instrument_of_lines_takes_everything_from_its_model(folder: Path) -> None:
    """How lines look, what is a text, that it sends by itself; the meaning says it all."""
    site = loaded(folder, OWN + device("address = 1", 'model = "own-dust"', points=""))

    (one,) = site.devices
    assert one.spec.ascii is not None
    assert (one.spec.protocol, one.spec.sends, one.spec.timeout_s) == ("ascii", True, 180.0)
    assert [dust.is_number for dust in one.spec.points] == [True, False]
    assert site.meaning["devices"]["m1"]["statuses"] == {
        "state": [{"when": ["FAULT"], "flag": "D", "decides": ["dust"]}]
    }
    assert site.meaning["devices"]["m1"]["lines"]["pattern"] == "(?P<dust>[0-9.]+) (?P<state>[A-Z]+)"
    assert site.meaning["devices"]["m1"]["model"] == "own-dust"
    assert site.notices == ()
    assert pickle.loads(pickle.dumps(site)) == site


def test_references_see_the_points_of_models(folder: Path) -> None:
    """Limits, facilities, outlets and formulas may name any point that is read."""
    text = OWN + device("address = 1", 'model = "own-analyzer"', points="")
    plant = '[[limit]]\npoint = "m1.so2"\nhigh = 35.0\ndeadband = 1.0\n'
    plant += '[[facility]]\nname = "rto"\nrole = "treatment"\nrunning = "m1.hold"\n'
    plant += '[[outlet]]\nname = "stack"\nmedium = "air"\no2 = "m1.o2"\n'
    plant += '[[outlet.factor]]\ncode = "a21026"\npoint = "m1.so2"\n'
    plant += '[[derived]]\nname = "stack.nox"\nformula = "m1.nox * 12 / (21 - m1.o2)"\n'

    assert loaded(folder, text + plant).limits[0].point == "so2"


A = device("address = 3", MODEL, points="")

MISTAKES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no such model": (
        device("address = 3", 'model = "own-metre" #!', points=""),
        ('no such model ("own-metre")', '"own-meter"'),
    ),
    "no such model, far from all": (
        device("address = 3", 'model = "zzzzzz" #!', points=point("power", 'register = "input"')),
        ("no such model", "plantgate models lists"),
    ),
    "a model that is no name": (device("address = 3", 'model = "../own-meter" #!', points=""), ("model: not a name",)),
    "a protocol it does not speak": (
        device("address = 3", MODEL, 'protocol = "hj212" #!', points=""),
        ('model "own-meter" does not speak it', "modbus, modbus-ascii"),
    ),
    "a chosen point it does not have": (
        device("address = 3", MODEL, 'points = ["voltage_a", "curent_a"] #!', points=""),
        ('has no such point ("curent_a")', 'did you mean "current_a"?'),
    ),
    "a changed point that is not read": (
        device("address = 3", MODEL, 'points = ["voltage_a"]', points=point("current_a", "decimals = 1")).replace(
            'name = "current_a"', 'name = "current_a" #!'
        ),
        ("that is not read", 'add "current_a" to points'),
    ),
    "nothing chosen": (
        device("address = 3", MODEL, "points = []", points="").replace("[[device]]", "[[device]] #!"),
        ("has nothing to read",),
    ),
    "a new point without its place": (
        device("address = 3", MODEL, points=point("curent_a", "scale = 2.0").replace("]]", "]] #!")),
        ('needs the key "register"',),
    ),
    "a changed order that cannot be": (
        device("address = 3", MODEL, points=point("current_a", 'order = "ABCD" #!')),
        ("order: impossible for int16",),
    ),
    "a new point within a model's": (
        device("address = 3", MODEL, points=point("x", 'register = "input"', "at = 3 #!", 'type = "uint16"')),
        ('overlap device "m1" point "energy_import"',),
    ),
    "an earlier new point, too": (
        device("address = 3", MODEL, points=point("x", 'register = "input"', "at = 1 #!", 'type = "uint32"')),
        ("overlap",),
    ),
    "a new point across the model's barrier": (
        device("address = 3", MODEL, points=point("x", 'register = "input"', "at = 39 #!", 'type = "uint32"')),
        ("barrier at 40",),
    ),
    "a new point longer than the model's reads": (
        device("address = 3", MODEL, points=point("x", 'register = "input"', "at = 100", 'type = "string:30" #!')),
        ("max_registers = 20",),
    ),
    "ct without a current": (
        device("address = 3", MODEL, "ct = 40.0 #!", 'points = ["voltage_a"]', points=""),
        ("ct: no point uses it",),
    ),
    "a field its lines do not have": (
        device("address = 3", 'model = "own-dust"', points=point("x", 'field = "dusk" #!')),
        ("have no such field", 'did you mean "dust"?'),
    ),
    "a limit on a point that is not read": (
        device("address = 3", MODEL, 'points = ["voltage_a"]', points="")
        + '[[limit]]\npoint = "m1.current_a" #!\nhigh = 3.0\ndeadband = 1.0\n',
        ('has no point "current_a"',),
    ),
    "a limit on a model's text": (
        device("address = 3", 'model = "own-dust"', points="")
        + '[[limit]]\npoint = "m1.state" #!\nhigh = 3.0\ndeadband = 1.0\n',
        ("this is text",),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_around_a_model_is_one_on_its_line(folder: Path, name: str) -> None:
    """The marked line, what is wrong, what to write; nothing else is said of the device."""
    text, words = MISTAKES[name]
    text = OWN + text

    problems = problems_of(folder, text)

    assert {problem.line for problem in problems} == set(marked_lines(text)), [str(one) for one in problems]
    assert all(word in str(problems[0]) for word in words), str(problems[0])
    assert all(problem.hint for problem in problems)


def test_a_model_that_is_wrong_is_told_once_with_all_its_mistakes(folder: Path) -> None:
    """On the line that names it first, with the model's file; the points of its devices are not missed."""
    spoilt = METER.replace('unit = "V"', 'unit = "Volt"').replace("max_bits = 16", 'max_bits = "many"')
    (folder / "models" / "own-meter.toml").write_text(spoilt, "utf-8")
    second = device("address = 4", MODEL, name="m2", points="")
    text = OWN + device("address = 3", f"{MODEL} #!", points="") + second
    text += '[[limit]]\npoint = "m1.voltage_a"\nhigh = 3.0\ndeadband = 1.0\n'

    problems = problems_of(folder, text)

    assert {problem.line for problem in problems} == set(marked_lines(text))
    assert {"max_bits", "unit"} <= {word.strip(":") for problem in problems for word in problem.what.split()}
    assert all(problem.what.startswith("model: own-meter.toml: ") for problem in problems)


def test_a_model_of_one_s_own_must_pass_its_lint(folder: Path) -> None:
    """A well-formed file without evidence is no model."""
    without = METER.replace("current_a = -1.2, ", "")
    (folder / "models" / "own-meter.toml").write_text(without.replace('"import"\nlabel', '"export"\nlabel'), "utf-8")

    problems = problems_of(folder, OWN + A)

    assert any("samples" in problem.what for problem in problems)


def test_a_folder_of_models_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """Named with the path that was looked at."""
    text = OWN.replace('models = "models"', 'models = "modells" #!') + device("address = 3")

    (problem,) = problems_of(tmp_path, text)

    assert problem.line == marked_lines(text)[0]
    assert str(tmp_path / "modells") in problem.hint


def test_an_unverified_model_is_said_to_be_one(folder: Path) -> None:
    """Grade C: one file of one third party."""
    notices = loaded(folder, OWN + A).notices

    assert sum('model "own-meter" is unverified' in notice for notice in notices) == 1


def test_a_ratio_on_top_of_the_meter_s_own_is_said(tmp_path: Path) -> None:
    """A meter that applies its ratios may stand at 1:1; then the file's are right, and else every value is wrong."""
    text = HEAD + line() + device("address = 3", 'model = "eastron-sdm630"', "ct = 40.0", points="")

    site = loaded(tmp_path, text)

    assert sum("multiplies once more" in notice for notice in site.notices) == 1
    scales = {one.name: one.scale for one in site.devices[0].spec.points}
    assert (scales["power"], scales["current_a"], scales["voltage_a"]) == (40.0, 40.0, 1.0)


@pytest.mark.parametrize("name", names())
def test_every_model_of_the_library_can_be_put_into_a_site(tmp_path: Path, name: str) -> None:
    """With its name and an address, on a line at its factory settings; loaded here and in another process alike."""
    model = find(name)
    addresses = {"dlt645": '"012345678901"', "hj212": '"010000A8900016F000169DC0"'}
    address = addresses.get(model.protocols[0].split("-")[0], "1")
    settings = next(iter(model.settings), LineSettings())
    said = [f"baudrate = {settings.baudrate}", f'parity = "{settings.parity}"', f"stopbits = {settings.stopbits}"]
    text = HEAD + line(*said) + device(f"address = {address}", f'model = "{name}"', points="")

    (one,) = loaded(tmp_path, text).devices

    assert [spec.name for spec in one.spec.points] == [known.spec.name for known in model.points]
    assert one.spec.settings == settings
    assert all(info.label.zh and info.label.en for info in one.info)


def test_a_site_with_models_comes_whole_out_of_the_other_process(folder: Path) -> None:
    """Loading apart gives the same site."""
    loaded(folder, OWN + A + device("address = 4", 'model = "own-analyzer"', name="m2", points=""))

    assert repr(load_apart(folder / "site.toml")) == repr(load(folder / "site.toml"))


def test_the_site_s_own_model_goes_before_ours(folder: Path) -> None:
    """A corrected copy under the same name is the one that is used."""
    ours = (BUILT_IN / "eastron-sdm630.toml").read_text("utf-8")
    (folder / "models" / "eastron-sdm630.toml").write_text(ours.replace("voltage_avg = 0x2A", "voltage_avg = 0x2C"))

    points = only(folder, 'model = "eastron-sdm630"').spec.registers

    assert next(one.at for one in points if one.name == "voltage_avg") == 0x2C
