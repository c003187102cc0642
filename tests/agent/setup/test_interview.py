"""All questions of a setup: whatever is answered, the site file that comes of it passes the check."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from agent.setup.site_text import site_text
from agent.setup.words import Words
from agent.sites import load_site
from tests.agent.setup.people import PLANT, Gone, Person, conversation

if TYPE_CHECKING:
    from pathlib import Path

    from agent.setup.document import Document
    from config.site import Site


def held(answers: dict[str, str | list[str]], memory: Document | None = None) -> tuple[Person, Document]:
    """Return the person and the document of a whole setup."""
    person = Person(answers)
    dialogue, _ = conversation(person, memory)
    return person, dialogue.run()


def loaded(directory: Path, document: Document) -> Site:
    """Return the site that a document describes."""
    path = directory / "site.toml"
    path.write_text(site_text(document, Words("zh"), "site.toml"), encoding="utf-8")
    return load_site(path)


def test_a_whole_plant(tmp_path: Path) -> None:
    """Machines from their meters, roles from their names, a line of both, an outlet with its factors."""
    person, document = held(PLANT)
    site = loaded(tmp_path, document)

    assert [one.spec.name for one in site.devices] == ["press-1", "fan-1", "cems"]
    assert [(one.name, one.role, one.rated) for one in site.plant.facilities] == [
        ("press-1", "production", 45.0),
        ("fan-1", "treatment", 22.0),
    ]
    (line,), (outlet,) = site.plant.lines, site.plant.outlets
    assert (line.production, line.treatment, line.outlet) == (("press-1",), ("fan-1",), "stack-1")
    assert (outlet.o2, outlet.reference_o2) == ("cems.o2", 9.0)
    assert [(one.code, one.limit, one.range, one.label.zh) for one in outlet.factors] == [
        ("a21026", 35.0, (0.0, 300.0), "二氧化硫"),
        ("a21002", 50.0, (0.0, 500.0), "氮氧化物"),
    ]
    assert document["device"][1]["ct"] == 40.0
    assert [one["name"] for one in document["noted"]] == ["unit-5"]
    assert person.refused == []


CASES: dict[str, tuple[dict[str, str | list[str]], tuple[int, int, int, int]]] = {
    "nothing but a name": ({"gateway.id": "jn", "broker.url": "-", "lines.places": "-"}, (0, 0, 0, 0)),
    "lines that are not looked at": (PLANT | {"lines.settings": ["no", "no"]}, (2, 0, 0, 0)),
    "a device by hand": (
        PLANT
        | {"lines.settings": ["no", "no"], "devices.more": "line1 modbus 3 eastron-sdm630", "devices.name": "press-1"},
        (2, 1, 1, 0),
    ),
    "devices not wanted": (PLANT | {"devices.take": ["out", "comment", "out"], "devices.name": []}, (2, 0, 0, 0)),
    "meters of no machine": (PLANT | {"facilities.role": ["none", "none"]}, (2, 3, 0, 0)),
    "a machine known by its current": (
        PLANT
        | {"facilities.role": ["none", "treatment"], "facilities.more": "press-1.current_a"}
        | {"facilities.rated_a": "90", "facilities.rated": "22"},
        (2, 3, 2, 1),
    ),
    "production alone": (PLANT | {"facilities.role": ["production", "production"]}, (2, 3, 2, 0)),
    "both in one machine": (PLANT | {"facilities.role": ["combined", "none"], "facilities.rated": "45"}, (2, 3, 1, 1)),
    "a main meter": (PLANT | {"facilities.role": ["main", "none"]}, (2, 3, 1, 0)),
    "a line without outlet": (PLANT | {"plant_lines.outlet": "-"}, (2, 3, 2, 1)),
    "an outlet without factors": (PLANT | {"outlets.factors": "-"}, (2, 3, 2, 1)),
    "some rules, no panel": (PLANT | {"rules.packs": "power, data", "panel.listen": "-"}, (2, 3, 2, 1)),
}


@pytest.mark.parametrize(("answers", "expected"), CASES.values(), ids=CASES)
def test_every_way_through_passes_check(
    tmp_path: Path, answers: dict[str, str | list[str]], expected: tuple[int, int, int, int]
) -> None:
    """Numbers of lines, devices, machines and production lines; and the text says what the document says."""
    _, document = held(answers)
    site = loaded(tmp_path, document)

    plant = site.plant
    assert (len(site.buses), len(site.devices), len(plant.facilities), len(plant.lines)) == expected
    written = tomllib.loads((tmp_path / "site.toml").read_text(encoding="utf-8"))
    assert written == {key: value for key, value in document.items() if key != "noted"}


WRONG: dict[str, tuple[str, str]] = {
    "gateway.id": ("Workshop 1", "not a name"),
    "gateway.timezone": ("Beijing", "unknown time zone"),
    "broker.url": ("http://x", "must begin with mqtt"),
    "lines.places": ("nowhere:x", "nowhere:x?"),
    "lines.settings": ("fast", "fast?"),
    "lines.units": ("0-300", "0-300?"),
    "devices.take": ("hj212-cems", "hj212-cems: hj212"),
    "devices.unknown": ("no-such-meter", "no-such-meter?"),
    "devices.name": ("1号", "not a name"),
    "devices.ct": ("0/5", "must be above 0"),
    "devices.poll": ("5", "not a duration"),
    "devices.more": ("line1 modbus 3 eastron-sdm630", "twice"),
    "facilities.role": ("boss", "boss?"),
    "facilities.rated": ("-3", "must be above 0"),
    "facilities.more": ("x.y", "x.y?"),
    "plant_lines.production": ("fan-1", "fan-1?"),
    "outlets.reference_o2": ("21", "0 … 21 %"),
    "outlets.limit": ("much", "not a number"),
    "outlets.range": ("300 0", "low is not below high"),
    "rules.packs": ("all", "all?"),
    "panel.listen": ("8080", "not an address to listen on"),
}


@pytest.mark.parametrize(("key", "typed", "words"), [(key, *row) for key, row in WRONG.items()], ids=WRONG)
def test_what_cannot_be_meant_is_refused_where_it_is_typed(key: str, typed: str, words: str) -> None:
    """The same question stays until the answer is one."""
    answers = {one: [text] if isinstance(text, str) else list(text) for one, text in PLANT.items()}
    answers[key] = [typed, *answers.get(key, [])]
    person, _ = held(dict(answers))

    assert any(said.startswith(f"{key}: ") and words in said for said in person.refused), person.refused


def test_a_broker_that_does_not_answer_can_be_tried_mended_or_kept() -> None:
    """Asked for again with the old answers proposed; going on without is possible."""
    answers: dict[str, str | list[str]] = PLANT | {
        "broker.url": ["mqtt://a", "mqtt://b"],
        "broker.then": ["again", "change", "keep"],
    }
    person = Person(answers, {"broker": {"ok": False, "words": "refused", "zh": "", "en": ""}})
    dialogue, _ = conversation(person)

    assert dialogue.run()["uplink"]["mqtt"]["url"] == "mqtt://b"
    assert person.done.count("broker") == 3
    assert person.proposals["broker.prefix"] == "plantgate"


QUESTIONS = sorted(set(held(PLANT)[0].asked))


@pytest.mark.parametrize("key", QUESTIONS)
def test_interrupted_anywhere_it_goes_on_to_the_same_file(key: str) -> None:
    """A dropped connection at any question: the next start asks from there, and the file is the same."""
    _, whole = held(PLANT)
    first = Person(PLANT)
    first.leaves_at = key
    dialogue, kept = conversation(first)
    with pytest.raises(Gone):
        dialogue.run()
    rest = {one: rest if isinstance(PLANT[one], list) else PLANT[one] for one, rest in first.answers.items()}
    second = Person(rest)
    again, _ = conversation(second, kept[-1] if kept else {})

    assert again.run(resume=True) == whole
    assert second.asked[0] == key


def test_what_no_question_is_about_survives_a_second_setup() -> None:
    """Limits, derived points, rules and keys that a hand has added are carried over, devices with them."""
    _, first = held(PLANT)
    memory = {**first, "limit": [{"point": "press-1.power", "high": 50.0}], "buffer": {"keep": "30d"}}
    memory["init"] = {"lines": ["/dev/ttyUSB0", "/dev/ttyUSB1"]}
    memory["device"][0]["timeout"] = "2s"
    memory["facility"][0]["permit_energy"] = 900.0
    person = Person({"lines.settings": ["no", "no"], "outlets.factors": "cems.so2 cems.nox", "broker.url": "-"})
    dialogue, _ = conversation(person, memory)
    second = dialogue.run()

    assert second["limit"] == memory["limit"]
    assert second["buffer"] == {"keep": "30d"}
    assert [one["name"] for one in second["device"]] == ["press-1", "fan-1", "cems"]
    assert second["device"][0]["timeout"] == "2s"
    assert second["facility"][0]["permit_energy"] == 900.0
    assert second["outlet"] == first["outlet"]
