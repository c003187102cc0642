"""Answers from a file: every mistake at once with its own line, and what a scan finds put in where it was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.setup.fleet import completed, mistakes, parse, site_of, wishes
from agent.setup.site_text import site_text
from agent.setup.words import Words
from agent.sites import load_site
from config.problem import SiteProblems
from tests.agent.setup.people import FIND

if TYPE_CHECKING:
    from pathlib import Path

    from agent.setup.document import Document

HEAD = '[gateway]\nid = "jn-1"\nstate_dir = "state"\n\n[uplink.mqtt]\nurl = "mqtt://127.0.0.1"\nprefix = "x"\n'
SCAN = '\n[[scan]]\nbus = "line1"\nplace = "/dev/ttyUSB0"\n'
PRESS = '\n[[device]]\nname = "press-1"\nbus = "line1"\naddress = 3\nreport = "on-scan"\n'


def made(directory: Path, text: str, *, results: dict[str, Document] | None = None) -> Any:
    """Return the site of answers, and the document noted aside."""
    answers = parse(text, "box.toml")
    full, noted = completed(answers, results or {})
    found = mistakes(full, text, "box.toml", directory, missed=tuple(results or {}))
    if found:
        raise SiteProblems(found)
    document, aside = site_of(full)
    path = directory / "site.toml"
    path.write_text(site_text({**document, "noted": [*aside, *noted]}, Words("en"), "site.toml"), encoding="utf-8")
    return load_site(path), [one["name"] for one in (*aside, *noted)]


def test_answers_may_leave_out_what_a_scan_finds(tmp_path: Path) -> None:
    """Protocol, model, line settings; a name that is given stays, others are proposed; the unknown are noted."""
    site, noted = made(tmp_path, HEAD + SCAN + PRESS, results={"line1": FIND})

    assert [(one.spec.name, one.model) for one in site.devices] == [
        ("press-1", "eastron-sdm630"),
        ("meter-4", "chint-dtsu666"),
    ]
    assert site.devices[0].report.kind == "on-scan"
    assert site.buses[0].name == "line1"
    assert noted == ["unit-5"]


OTHERS = {"keep": (["press-1", "meter-4"], ["unit-5"]), "comment": (["press-1"], ["meter-4", "unit-5"])} | {
    "out": (["press-1"], [])
}


@pytest.mark.parametrize(("others", "devices", "noted"), [(key, *row) for key, row in OTHERS.items()], ids=OTHERS)
def test_devices_that_nobody_named(tmp_path: Path, others: str, devices: list[str], noted: list[str]) -> None:
    """A fleet decides whether they are read, noted, or left."""
    site, aside = made(tmp_path, f'{HEAD}{SCAN}others = "{others}"\n{PRESS}', results={"line1": FIND})

    assert ([one.spec.name for one in site.devices], aside) == (devices, noted)


def test_what_was_not_wanted_is_not_written(tmp_path: Path) -> None:
    """An answers file keeps such decisions of a conversation, so that a scan does not bring the device back."""
    unwanted = PRESS.replace('"press-1"', '"fan"').replace("3", "4") + 'take = "out"\nprotocol = "modbus"\n'
    noted = PRESS.replace('"press-1"', '"x"').replace("3", "5") + 'take = "comment"\nprotocol = "modbus"\n'
    site, aside = made(tmp_path, HEAD + SCAN + PRESS + unwanted + noted, results={"line1": FIND})

    assert ([one.spec.name for one in site.devices], aside) == (["press-1"], ["x"])


def test_line_settings_are_those_that_were_found(tmp_path: Path) -> None:
    """A device that differs from the line as the answers write it says so."""
    bus = '\n[[bus]]\nname = "line1"\nport = "/dev/ttyUSB0"\nbaudrate = 19200\n'
    site, _ = made(tmp_path, HEAD + bus + '[[scan]]\nbus = "line1"\nothers = "out"\n' + PRESS, results={"line1": FIND})

    assert site.devices[0].spec.settings.baudrate == 9600


MISTAKES: dict[str, tuple[str, list[tuple[int, str]]]] = {
    "all at once, each with its line": (
        '[gateway]\nid = "JN 1"\ntimezone = "Mars"\n\n[uplink.mqtt]\nurl = "http://x"\nprefix = "x"\n',
        [(2, "not a name"), (3, "unknown time zone"), (6, "must begin with mqtt")],
    ),
    "unknown table": (HEAD + "\n[platform]\nurl = 1\n", [(9, 'unknown table or key "platform"')]),
    "a scan of no line": (HEAD + '\n[[scan]]\nbus = "line9"\n', [(10, "there is no such bus")]),
    "a scan without a line": (HEAD + '\n[[scan]]\nunits = "1-3"\n', [(9, 'needs the key "bus"')]),
    "a scan as nobody can": (
        HEAD + SCAN + 'units = "0"\nsettings = "fast"\nothers = "burn"\nspeed = 1\n',
        [(12, "units: 0?"), (13, "settings: fast?"), (14, "others: burn?"), (15, "speed: unknown key")],
    ),
    "behind a device that is not written": (
        HEAD + SCAN + PRESS + 'take = "out"\n' + PRESS.replace("3", "4") + 'protocol = "x"\n',
        [(25, "protocol: ")],
    ),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_every_mistake_has_its_line_in_the_answers(tmp_path: Path, text: str, expected: list[tuple[int, str]]) -> None:
    """And a remedy."""
    found = mistakes(parse(text, "box.toml"), text, "box.toml", tmp_path, is_whole=False)

    assert [one.line for one in found] == [line for line, _ in expected]
    assert all(words in one.what for one, (_, words) in zip(found, expected, strict=True))
    assert all(one.hint and one.file == "box.toml" for one in found)


def test_a_device_that_the_scan_did_not_find_is_told(tmp_path: Path) -> None:
    """With the line of its table, and where to look."""
    with pytest.raises(SiteProblems) as refused:
        made(tmp_path, HEAD + SCAN + PRESS.replace("3", "9"), results={"line1": FIND})

    assert 'box.toml:13: device "press-1": was not found on line1 — look at its wires' in str(refused.value)


def test_no_toml_is_told_with_its_line() -> None:
    """Before anything is looked at."""
    with pytest.raises(SiteProblems) as refused:
        parse("[gateway]\nid = jn\n", "box.toml")

    assert str(refused.value).startswith("box.toml:2: is no TOML")


def test_which_lines_are_looked_at() -> None:
    """Those with a [[scan]]; with --scan all; with --no-scan none; a line can be excepted."""
    text = HEAD + SCAN + '\n[[bus]]\nname = "host1"\nhost = "h"\n\n[[bus]]\nname = "b2"\nport = "/dev/x"\n'
    text += '[[scan]]\nbus = "b2"\nsettings = "no"\n'
    answers = parse(text, "box.toml")

    assert [one.bus for one in wishes(answers, scans=None)] == ["line1"]
    assert {(one.bus, one.place) for one in wishes(answers, scans=True)} == {
        ("line1", "/dev/ttyUSB0"),
        ("host1", "h:502"),
    }
    assert wishes(answers, scans=False) == []


STRANGE = {
    "a scan of a list": '[[scan]]\nbus = ["line1"]\nplace = "/dev/x"\n',
    "a scan of a table": "[[scan]]\nbus = {}\nplace = []\n",
    "a line with a list for a name": '[[bus]]\nname = ["x"]\nhost = "h"\n',
    "a port that is a word": '[[bus]]\nname = "x"\nhost = "h"\nport = "http"\n',
    "a port that is a list": '[[bus]]\nname = "x"\nhost = "h"\nport = [1]\n',
    "a host that is a number": '[[bus]]\nname = "x"\nhost = 7\n',
}


@pytest.mark.parametrize("tables", STRANGE.values(), ids=STRANGE)
def test_whatever_stands_in_an_answer_is_told_as_a_mistake(tmp_path: Path, tables: str) -> None:
    """Before any line is looked at, and also when all are to be looked at."""
    text = HEAD + tables
    answers = parse(text, "box.toml")
    assert wishes(answers, scans=True)
    full, _ = completed(answers, {})

    assert mistakes(full, text, "box.toml", tmp_path, is_whole=False)
