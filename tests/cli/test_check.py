"""``plantgate check`` as a person and as a script see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from typer.testing import CliRunner

from agent.cli.check import check
from tests.config.sites import site

if TYPE_CHECKING:
    from pathlib import Path

application = typer.Typer()
application.command()(check)


def run(*arguments: str) -> tuple[int, str]:
    """Run the verb and return exit code and output."""
    result = CliRunner().invoke(application, list(arguments))
    return result.exit_code, result.output


def keep(folder: Path, text: str) -> str:
    """Write a site file and return its path."""
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return str(folder / "site.toml")


BROKEN = site({"[gateway]": ['id = "Ä"'], "[[device]]": ['poll = "5"', "slave = 3"]})


def test_a_good_file_says_what_is_in_it_and_ends_with_0(tmp_path: Path) -> None:
    """One line with counts, after the remarks."""
    code, output = run(keep(tmp_path, site({"[uplink.mqtt]": ["-"]})))

    assert code == 0
    assert output.splitlines() == [
        "note: uplink: none, so records are kept on this box and sent nowhere",
        "site.toml: fine (1 bus, 1 device, 1 point, 1 limit)",
    ]


def test_mistakes_are_one_line_each_with_a_count_and_end_with_1(tmp_path: Path) -> None:
    """File and line first, as editors and people look for it."""
    code, output = run(keep(tmp_path, BROKEN))

    assert code == 1
    lines = output.splitlines()
    assert lines[0].startswith("site.toml:5: gateway: id: not a name (")
    assert lines[1].startswith('site.toml:23: device "boiler": ')
    assert [line.startswith("site.toml:") for line in lines] == [True, True, True, False, False]
    assert lines[-1].startswith("3 mistakes in ")


def test_json_carries_every_part_of_a_problem(tmp_path: Path) -> None:
    """For scripts: ok, problems with all their members, notices."""
    code, output = run(keep(tmp_path, BROKEN), "--json")
    verdict = json.loads(output)

    assert code == 1
    assert set(verdict) == {"ok", "problems", "notices"}
    assert verdict["ok"] is False
    assert [set(problem) for problem in verdict["problems"]] == [{"file", "line", "where", "what", "value", "hint"}] * 3
    assert verdict["problems"][0]["line"] == 5
    assert verdict["notices"] == []


def test_json_of_a_good_file(tmp_path: Path) -> None:
    """Ok, no problems, the remarks."""
    code, output = run(keep(tmp_path, site({"[uplink.mqtt]": ["-"]})), "--json")

    assert code == 0
    assert json.loads(output) == {
        "ok": True,
        "problems": [],
        "notices": ["uplink: none, so records are kept on this box and sent nowhere"],
    }


def test_a_missing_file_is_a_finding_and_a_missing_argument_is_wrong_use(tmp_path: Path) -> None:
    """1 for what is wrong with the file, 2 for what is wrong with the command."""
    assert run(str(tmp_path / "none.toml"))[0] == 1
    assert "there is no such file" in run(str(tmp_path / "none.toml"))[1]
    assert run()[0] == 2
    assert run("a", "--jsn")[0] == 2


def test_help_says_when_to_use_it() -> None:
    """A newcomer learns the moment, the promise and the exit codes."""
    _, output = run("--help")

    assert "after every edit" in output
    assert "Exit code" in output
