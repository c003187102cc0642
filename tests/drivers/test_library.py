"""The loader of model files: every mistake at once; the lint: what keeps a model from being a good one; the finder."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

from drivers import library
from drivers.library import ModelProblems, NoSuchModel
from drivers.model_file import read_model
from drivers.model_keys import REQUIRED, TABLES
from drivers.names import label_of
from drivers.spec import LineSettings, PointSpec, Table

DOCUMENT = Path(__file__).parents[2] / "docs" / "models.md"
EXAMPLE = DOCUMENT.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
"""The model of the documentation."""


def keep(folder: Path, text: str, name: str = "my-meter") -> Path:
    """Write a model file and return its path."""
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def complaints(path: Path) -> tuple[str, ...]:
    """Return what the loader says of a file, nothing when it is a model."""
    try:
        read_model(path)
    except ModelProblems as refused:
        return refused.problems
    return ()


def changed(*changes: tuple[str, str]) -> str:
    """Return the example with parts of it replaced; each must be there."""
    text = EXAMPLE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def problems_of(folder: Path, text: str) -> tuple[str, ...]:
    """Return what the loader says of a file."""
    with pytest.raises(ModelProblems) as refused:
        library.load_model(keep(folder, text))
    return refused.value.problems


# --- loading --------------------------------------------------------------------------------------


def test_the_example_of_the_documentation_is_a_model(tmp_path: Path) -> None:
    """What the page shows can be copied: it loads with all it says."""
    model = library.load_model(keep(tmp_path, EXAMPLE))

    assert [point.spec.name for point in model.points] == ["voltage_a", "voltage_b", "voltage_c", "frequency"]
    assert model.settings == (LineSettings(9600),)
    assert model.points[1].spec == PointSpec(
        name="voltage_b", table=Table.HOLDING, at=2, type="int32", order="CDAB", scale=0.1, range=(0, 500), unit="V"
    )
    assert (model.points[0].label_zh, model.points[0].nominal, model.verified) == ("A相电压", 230, True)


def test_the_example_of_the_documentation_is_a_good_model(tmp_path: Path) -> None:
    """The page obeys its own rules."""
    assert library.lint(library.load_model(keep(tmp_path, EXAMPLE))) == ()


def test_what_points_share_does_not_reach_where_it_cannot_be(tmp_path: Path) -> None:
    """A point of another width takes over no order, one of a bit table neither type nor order."""
    bit = '[[point]]\nname = "fault"\nat = 7\nregister = "discrete"\n'
    model = library.load_model(keep(tmp_path, changed(("[[sample]]", f"{bit}\n[[sample]]"))))
    frequency, fault = (point.spec for point in model.points[-2:])

    assert isinstance(frequency, PointSpec)
    assert isinstance(fault, PointSpec)
    assert (frequency.type, frequency.order) == ("uint16", "")
    assert (fault.type, fault.order) == ("bit", "")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Wrong types, unknown keys, units and names in one pass, each with file and table."""
    found = problems_of(
        tmp_path,
        changed(
            ('maker = "Somebody"', "maker = 5"),
            ("baudrate = 9600", "baud = 9600"),
            ('unit = "V"', 'unit = "Volt"'),
            ('type = "uint16"', 'type = "uint17"'),
            ('points = ["voltage_a", "frequency"]', 'points = ["voltage_a", "frequncy"]'),
            ("readings = { voltage_a = 230.4", "readings = { voltage_d = 230.4"),
            ('confidence = "A"', 'confidence = "D"'),
        ),
    )
    told = "\n".join(found)

    assert all(line.startswith("my-meter.toml: ") for line in found)
    assert "[model]: maker: must be a text" in told
    assert '[[line]] 1: baud: there is no such key; did you mean "baudrate"?' in told
    assert "[[line]] 1: needs the key baudrate" in told
    assert "[[point]] 1 (voltage_a): unit: is not 'Volt'" in told
    assert "[[point]] 2 (frequency): type: there is no type 'uint17'" in told
    assert "frequncy" in told
    assert "voltage_d" in told
    assert "[[source]] 1: confidence: is not 'D'" in told


MISTAKES = {
    "not TOML": (("[model]", "[model"), "is not TOML"),
    "unknown table": (("[[line]]", "[[lines]]"), '[lines]: there is no such table; did you mean "line"?'),
    "single table written as a list": (("[plausible]", "[[plausible]]"), "must be a table"),
    "list written as a table": (("[[source]]", "[source]"), "must be a list of tables"),
    "name is not the file's": (('name = "my-meter"', 'name = "meter"'), "name: must be that of the file"),
    "no place": (("at = 0x33\n", ""), "needs the key at"),
    "no type": (('type = "int32"\n', ""), "needs the key type"),
    "key of another protocol": (("at = 0x33", 'at = 0x33\nitem = "02800002"'), "item: has no meaning for modbus"),
    "impossible order": (('order = "CDAB"', 'order = "DACB"'), "order: int32"),
    "leaves the address space": (("voltage_c = 0x04", "voltage_c = 65535"), "at: int32 at 65535 leaves"),
    "pattern too wide": (('type = "uint16"', 'type = "uint16"\nunavailable = [0x10000]'), "uint16 never holds 0x10000"),
    "text pattern": (('type = "uint16"', 'type = "uint16"\nunavailable = ["x"]'), "must be raw register values"),
    "range turned round": (("range = [45, 65]", "range = [65, 45]"), "range: must be [low, high]"),
    "label missing": (('name = "frequency"', 'name = "tone"'), "needs a label"),
    "name twice": (('name = "frequency"', 'name = "voltage_a"'), "there is a point of this name already"),
    "label for several": (
        ("nominal = 230", 'nominal = 230\nlabel = { zh = "一", en = "one" }'),
        "have no meaning where",
    ),
    "counter without wrap": (
        ('type = "uint16"', 'type = "float32"\ndirection = "import"'),
        'needs the key wrap: the number at which the counter starts again, or "unknown"',
    ),
    "two families": (('["modbus"]', '["modbus", "hj212"]'), "write one file for each"),
    "ascii without pattern": (('protocols = ["modbus"]', 'protocols = ["ascii"]'), "[ascii]: belongs to models"),
    "bad hex": (('"01 03 00 33 00 01 74 05"', '"01 0"'), "must be a frame in hexadecimal"),
    "frames not in pairs": (('frames = [["', 'frames = ["", ["'), "must be pairs"),
    "mark without a value": (
        ("[plausible]", '[[mark]]\nregister = "holding"\nat = 1\ntype = "uint16"\n\n[plausible]'),
        "needs equals or between",
    ),
    "mark without a place": (("[plausible]", "[[mark]]\nequals = [1]\n\n[plausible]"), "needs register, at and type"),
    "status of nobody": (
        ("[[sample]]", '[[status]]\npoint = "live"\nwhen = [0]\nflag = "D"\n\n[[sample]]'),
        "there is no point 'live'",
    ),
    "duration without unit": (('grade = "A"', 'grade = "A"\ntimeout = 5'), "must be a duration"),
    "barrier in no table": (('grade = "A"', 'grade = "A"\nbarriers = { inputs = [3] }'), "must be lists of addresses"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_in_words(case: str, tmp_path: Path) -> None:
    """Each mistake has its message, with place and what to write."""
    change, words = MISTAKES[case]

    assert words in "\n".join(problems_of(tmp_path, changed(change)))


JUNK = (
    "5",
    "-1",
    "1.5",
    "nan",
    "true",
    '""',
    '"x"',
    "[]",
    "[1]",
    "[[1]]",
    "{}",
    "{ a = 1 }",
    '{ a = "x" }',
    "1979-05-27",
)


@pytest.mark.parametrize("name", ["sick-marsic300", "dlt645-single-phase", "hj212-cems", "generic-ascii-gas"])
def test_no_value_whatever_crashes_the_loader(name: str, tmp_path: Path) -> None:
    """Each value of a file replaced by each kind of junk: a model, or problems in words."""
    lines = (library.BUILT_IN / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    places = {line.split(" = ")[0]: at for at, line in enumerate(lines) if re.match(r"\w+ = .*[^\[]$", line)}
    for key, at in places.items():
        for junk in JUNK:
            path = keep(tmp_path, "\n".join([*lines[:at], f"{key} = {junk}", *lines[at + 1 :]]), name)
            assert all(problem.startswith(f"{name}.toml: ") for problem in complaints(path))


@pytest.mark.parametrize(
    ("protocol", "item", "words"),
    [
        ("dlt645-2007", "9010", "has 8 hexadecimal digits"),
        ("dlt645-1997", "00010000", "has 4 hexadecimal digits"),
        ("dlt645-2007", "0F0F0F0F", "is in none of our tables"),
    ],
)
def test_items_are_those_of_the_edition(protocol: str, item: str, words: str, tmp_path: Path) -> None:
    """An item that the codec cannot decode is a mistake in the file, not on site."""
    text = (
        f'[model]\nname = "my-meter"\nmaker = "x"\nkind = "power-meter-3p"\ntitle = {{ zh = "x", en = "x" }}\n'
        f'protocols = ["{protocol}"]\ngrade = "C"\n[[source]]\ndocument = "x"\nconfidence = "C"\n'
        f'[[point]]\nname = "frequency"\nitem = "{item}"\n'
    )

    assert words in "\n".join(problems_of(tmp_path, text))


def test_a_field_that_the_pattern_does_not_have_is_a_mistake(tmp_path: Path) -> None:
    """A typing error in the name of a group would otherwise be a value that is never there."""
    text = (library.BUILT_IN / "generic-ascii-dust.toml").read_text(encoding="utf-8")
    text = text.replace("generic-ascii-dust", "my-meter").replace('field = "dust"', 'field = "dsut"')

    assert "the pattern has no group 'dsut'; did you mean \"dust\"?" in "\n".join(problems_of(tmp_path, text))


def test_a_factor_is_its_own_code_in_hj_212() -> None:
    """What came as a21026 goes on as a21026; the converted value, which has the same factor, has no code."""
    codes = {point.spec.name: point.code for point in library.find("hj212-cems").points}

    assert (codes["so2"], codes["so2_converted"]) == ("a21026", None)


def test_a_status_decides_about_all_values_unless_it_says_which(tmp_path: Path) -> None:
    """Statuses do not decide about each other."""
    states = "".join(
        f'[[point]]\nname = "{name}"\nat = {at}\nregister = "discrete"\n\n[[status]]\npoint = "{name}"\nwhen = [true]\n'
        f'flag = "{flag}"\n\n'
        for name, at, flag in (("fault", 7, "D"), ("maintenance", 8, "M"))
    )
    model = library.load_model(keep(tmp_path, changed(("[[sample]]", f"{states}[[sample]]"))))

    assert [status.decides for status in model.statuses] == [("voltage_a", "voltage_b", "voltage_c", "frequency")] * 2


def test_holes_become_barriers(tmp_path: Path) -> None:
    """Where holes are refused, no read reaches from one point over nothing to the next."""
    model = library.load_model(keep(tmp_path, changed(('grade = "A"', 'grade = "A"\nno_holes = true'))))

    assert model.barriers == {(Table.HOLDING, 0x33)}


def test_a_whole_number_counter_wraps_where_its_registers_end(tmp_path: Path) -> None:
    """Unless the file knows better."""
    counter = (
        '[[point]]\nname = "energy_import"\nat = 9\ntype = "uint32"\nunit = "kWh"\nscale = 0.01\ndirection = "import"\n'
    )
    model = library.load_model(keep(tmp_path, changed(("[[sample]]", f"{counter}\n[[sample]]"))))

    assert model.points[-1].wrap == pytest.approx(42949672.96)
    assert model.points[-1].period == "slow"


# --- lint -----------------------------------------------------------------------------------------


LINT = {
    "phases at no distance": (("voltage_c = 0x04", "voltage_c = 0x05"), "voltage: its phases lie at [0, 2, 5]"),
    "width does not fit": (('type = "int32"\norder = "CDAB"', 'type = "int64"'), "reach into voltage_b"),
    "unit of something else": (('unit = "V"', 'unit = "A"'), "voltage_a: unit 'A' is none of a voltage"),
    "no nominal": (("nominal = 50\n", ""), "frequency: needs range and nominal"),
    "nominal out of range": (("nominal = 50\n", "nominal = 500\n"), "nominal 500 lies outside its range"),
    "too few samples": ((", frequency = 50.0", ""), "samples: show uint16 1 times"),
    "no negative sample": (("range = [0, 500]", "range = [-1, 500]"), "samples: none is negative"),
    "refused reads not declared": (
        ("[[sample]]", '[[trap]]\nabout = "reads"\ntext = { zh = "洞", en = "holes" }\n\n[[sample]]'),
        "declare barriers, no_holes or max_registers",
    ),
    "energy without direction": (
        ("[[sample]]", '[[point]]\nname = "energy_import"\nat = 9\nunit = "kWh"\n\n[[sample]]'),
        "energy_import: an energy needs a direction",
    ),
    "total not declared": (
        ("[[sample]]", '[[point]]\nname = "energy_total"\nat = 9\nunit = "kWh"\ndirection = "import"\n\n[[sample]]'),
        'only a counter with direction = "total"',
    ),
    "total not named": (
        ("[[sample]]", '[[point]]\nname = "energy_import"\nat = 9\nunit = "kWh"\ndirection = "total"\n\n[[sample]]'),
        'only a counter with direction = "total"',
    ),
    "nothing to recognise by": (('[plausible]\npoints = ["voltage_a", "frequency"]\n', ""), "needs a [[mark]]"),
    "plausible without evidence": (
        ('points = ["voltage_a", "frequency"]', 'points = ["voltage_a", "fault"]'),
        "fault: is to be plausible, and has no nominal value",
    ),
    "grade of no source": (('grade = "A"', 'grade = "B"'), "grade B is that of none of its sources"),
    "manual without page": (('page = "12-14"\n', ""), "confidence A needs the page"),
}


@pytest.mark.parametrize("case", LINT)
def test_the_lint_finds(case: str, tmp_path: Path) -> None:
    """Each rule has a model that breaks it."""
    change, words = LINT[case]
    bit = '[[point]]\nname = "fault"\nat = 7\nregister = "discrete"\n\n'
    text = changed(change).replace("[[sample]]", f"{bit}[[sample]]", 1)
    found = library.lint(library.load_model(keep(tmp_path, text)))

    assert words in "\n".join(found)
    assert all(line.startswith("my-meter: ") for line in found)


def test_the_lint_finds_a_ratio_that_two_apply(tmp_path: Path) -> None:
    """A meter that tells primary values and a ratio on top would be wrong by the ratio."""
    text = changed(('grade = "A"', 'grade = "A"\nprimary = true'), ("nominal = 230", 'nominal = 230\nratio = "pt"'))

    assert "has a ratio although primary" in "\n".join(library.lint(library.load_model(keep(tmp_path, text))))


def test_the_lint_wants_a_word_on_what_is_not_available(tmp_path: Path) -> None:
    """A sample that shows it, or the reason why there is none."""
    text = re.sub(r"no_sentinel = .*\n", "", EXAMPLE)

    assert 'none shows "not available"' in "\n".join(library.lint(library.load_model(keep(tmp_path, text))))


def test_a_device_that_nothing_tells_from_others_says_so(tmp_path: Path) -> None:
    """A reason instead of a probe: no scan will name it by chance."""
    text = changed(
        ('[plausible]\npoints = ["voltage_a", "frequency"]\n', ""), ('grade = "A"', 'grade = "A"\nno_probe = "x"')
    )

    assert library.lint(library.load_model(keep(tmp_path, text))) == ()


def test_an_alias_may_overlap_and_a_note_excuses_odd_phases(tmp_path: Path) -> None:
    """Exceptions are declared where they are."""
    text = changed(
        ("voltage_c = 0x04 }", 'voltage_c = 0x05 }\nnote = "so in the manual"'),
        (
            "[[sample]]",
            '[[point]]\nname = "voltage"\nat = 1\nalias = true\nunit = "V"\nnominal = 1\nrange = [0, 9]\n\n[[sample]]',
        ),
    )
    found = "\n".join(library.lint(library.load_model(keep(tmp_path, text))))

    assert "phases" not in found
    assert "reach into" not in found


# --- finding --------------------------------------------------------------------------------------


def test_names_are_those_of_all_folders(tmp_path: Path) -> None:
    """A site's own models stand beside ours."""
    keep(tmp_path, EXAMPLE)

    assert "my-meter" in library.names([tmp_path])
    assert set(library.names([tmp_path])) - {"my-meter"} == set(library.names())


def test_a_site_s_own_model_goes_before_ours(tmp_path: Path) -> None:
    """Whoever brings a better map for a meter need not rename it."""
    keep(tmp_path, EXAMPLE.replace("my-meter", "eastron-sdm630"), "eastron-sdm630")

    assert library.find("eastron-sdm630", [tmp_path]).maker == "Somebody"
    assert library.find("eastron-sdm630").maker == "Eastron"


def test_a_name_nobody_has_is_answered_with_the_nearest() -> None:
    """The message says what was probably meant."""
    with pytest.raises(NoSuchModel, match='did you mean "eastron-sdm630"'):
        library.find("eastron-sdm360")


@pytest.mark.parametrize("name", ["../models/eastron-sdm630", "", ".", "/etc/passwd"])
def test_a_name_is_no_path(name: str) -> None:
    """Only names of the list are looked up."""
    with pytest.raises(NoSuchModel):
        library.find(name)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A model is kept only while its file does not change."""
    path = keep(tmp_path, EXAMPLE)
    first = library.load_model(path)
    keep(tmp_path, EXAMPLE.replace("Somebody", "Other"))
    os.utime(path, ns=(1, 1))

    assert library.load_model(path).maker == "Other"
    assert first.maker == "Somebody"


def test_a_file_that_cannot_be_read_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    """Missing, or no text: one problem in words."""
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ModelProblems, match="cannot be read"):
        library.load_model(tmp_path / "x.toml")
    with pytest.raises(ModelProblems, match="cannot be read"):
        library.load_model(tmp_path / "missing.toml")


def test_all_models_come_together_and_the_problems_of_the_rest(tmp_path: Path) -> None:
    """A wrong model of the site's own is told by name; it does not silently disappear."""
    found, refused = library.usable()
    assert (len(found), refused) == (len(library.names()), {})
    keep(tmp_path, "[model]\n")

    still_found, refused = library.usable([tmp_path])
    assert still_found == found
    assert list(refused) == ["my-meter"]
    assert any(re.search(r"my-meter\.toml", problem) for problem in refused["my-meter"])


# --- names and paper ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("voltage_a", ("A相电压", "Voltage A")),
        ("power", ("总有功功率", "Active power")),
        ("energy_import", ("正向有功电能", "Imported active energy")),
        ("so2", ("二氧化硫", "Sulphur dioxide")),
        ("power_d", None),
        ("something", None),
    ],
)
def test_shared_names_have_labels(name: str, label: tuple[str, str] | None) -> None:
    """The field's own terms, in both languages."""
    assert label_of(name) == label


def test_every_key_of_every_table_is_documented() -> None:
    """The page has each key of the loader and no other, table by table."""
    page = DOCUMENT.read_text(encoding="utf-8")
    parts = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    documented: dict[str, set[str]] = {}
    for part in parts:
        rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", part, flags=re.MULTILINE)
        keys = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
        documented |= dict.fromkeys(re.findall(r"\[+(\w+)\]+", part.splitlines()[0]), keys)
    documented["points"] = documented["points"] - {"name"}

    assert documented == {table: set(keys) for table, keys in TABLES.items()}


def test_required_keys_are_documented_as_such() -> None:
    """What the loader asks for, the page calls required."""
    page = DOCUMENT.read_text(encoding="utf-8")
    for keys in REQUIRED.values():
        for key in keys:
            assert re.search(rf"^\| `{key}` \|.*\| required \|$", page, flags=re.MULTILINE), key


def test_the_models_are_written_as_toml_1_0() -> None:
    """They can be read by any TOML reader, and each begins with a word about the device."""
    for name in library.names():
        text = (library.BUILT_IN / f"{name}.toml").read_text(encoding="utf-8")

        assert text.startswith("# "), name
        assert tomllib.loads(text)["model"]["name"] == name
