"""``plantgate doctor`` as a person and a script see it: languages, screen, JSON, exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from agent.cli import doctor as verb
from agent.cli.doctor import SIGNS
from agent.cli.main import application
from agent.doctor.examination import Field
from agent.doctor.finding import Severity, find
from config.site import Text
from tests.e2e.harness import Site, bus, device

if TYPE_CHECKING:
    from pathlib import Path

    from agent.doctor.case import Case
    from agent.doctor.finding import Finding

FINE = [find("units-none"), find("disk-fine", "/", free="1 GiB", total="2 GiB", kind="ext4")]
BAD = [find("port-held", "line1: /dev/ttyUSB0", pid=5, command="minicom", unit=""), find("clock-alone", now="now")]


def run(*words: str) -> tuple[int, str]:
    """Return exit code and standard output."""
    done = CliRunner().invoke(application(["doctor"]), ["doctor", *words], env={"COLUMNS": "80", "LANG": "C"})
    return done.exit_code, done.stdout


def only(monkeypatch: pytest.MonkeyPatch, found: list[Finding]) -> None:
    """Have one field that finds just this."""

    def look(_: Case) -> list[Finding]:
        return found

    field = Field(name="ports", words=Text("串口", "serial ports"), look=look)
    monkeypatch.setattr(verb, "fields", lambda _: (field,))


@pytest.mark.parametrize(("found", "code"), [(FINE, 0), (BAD, 1), (FINE + BAD, 1), ([], 0)])
def test_the_exit_code_says_whether_something_is_to_be_done(
    monkeypatch: pytest.MonkeyPatch, found: list[Finding], code: int
) -> None:
    """Notes and fine things are 0, warnings and serious findings 1."""
    only(monkeypatch, found)

    assert run()[0] == code
    assert run("--json")[0] == code


def test_each_finding_says_how_bad_what_where_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shape and words beside colour; the command on one line; the id for the page."""
    only(monkeypatch, FINE + BAD)

    english, chinese = run("--lang", "en")[1], run("--lang", "zh")[1]

    assert "◆ serious  line1: /dev/ttyUSB0  held by another program: process 5" in english
    assert "     → sudo kill 5\n" in english
    assert "[port-held]" in english
    assert "  ● /  1 GiB free of 2 GiB (ext4)\n" in english
    assert "◆ 1 serious  ▲ 1 warning  ○ 1 note  ● 1 fine" in english
    assert "◆ 严重  line1: /dev/ttyUSB0  被其他程序占用" in chinese
    assert max(map(len, english.splitlines())) <= 80


def test_json_tells_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """One object: whether all is well, the counts, and every finding in both languages."""
    only(monkeypatch, FINE + BAD)

    told: dict[str, Any] = json.loads(run("--json")[1])

    assert (told["ok"], told["site"]) == (False, None)
    assert told["counts"] == {"note": 1, "fine": 1, "serious": 1, "warning": 1}
    assert [one["id"] for one in told["findings"]] == ["units-none", "disk-fine", "port-held", "clock-alone"]
    assert told["findings"][2]["mend"] == "sudo kill 5"
    assert set(told["findings"][2]["what"]) == {"zh", "en"}


def test_the_site_chooses_the_language_unless_somebody_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chinese for a Chinese site, English where nobody says."""
    only(monkeypatch, FINE)
    path = str(Site(buses=[bus(1)], devices=[device("meter")]).write(tmp_path))

    assert "一切正常" in run(path)[1]
    assert "nothing needs to be done" in run(path, "--lang", "en")[1]
    assert "nothing needs to be done" in run()[1]


def test_a_site_with_mistakes_is_still_a_box(tmp_path: Path) -> None:
    """Its mistakes are findings, and the box is looked at all the same; wrong usage is 2."""
    path = tmp_path / "site.toml"
    path.write_text("[gateway]\nid = 'BAD ID'\n", encoding="utf-8")

    told = json.loads(run(str(path), "--json")[1])
    fields = {one["field"] for one in told["findings"]}

    assert "site-mistake" in {one["id"] for one in told["findings"]}
    assert {"clock", "disk", "board"} <= fields
    assert run("--lang", "fr")[0] == 2
    assert run(str(tmp_path / "none.toml"))[0] == 1


def test_every_severity_has_a_sign_of_its_own() -> None:
    """Never colour alone."""
    assert len({sign for sign, *_ in SIGNS.values()}) == len(Severity)
