"""``plantgate models`` as an installer and as a script see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from typer.testing import CliRunner

from agent.cli.models import models
from drivers import library

if TYPE_CHECKING:
    from pathlib import Path

application = typer.Typer()
application.command()(models)


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the verb and return exit code, output and what went to standard error."""
    result = CliRunner().invoke(application, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_the_list_has_every_model_with_its_grade() -> None:
    """Name, maker, kind, protocol, grade, and in both languages whether it is verified."""
    code, output, _ = run()
    lines = {line.split()[0]: line for line in output.splitlines() if line}

    assert code == 0
    assert set(library.names()) <= set(lines)
    assert lines["chint-dtsu666-401e"].split()[1:] == ["Chint", "power-meter-3p", "modbus", "C", "未核实", "unverified"]
    assert lines["eastron-sdm630"].endswith("B      已核实 verified")


def test_one_model_is_shown_in_full() -> None:
    """Points with places and labels, states, traps, sources and how many samples are captured."""
    code, output, _ = run("sick-marsic300")

    assert code == 0
    assert "input 1000 float32" in output
    assert "二氧化硫  Sulphur dioxide" in output
    assert "live = false: all values unknown, flag M" in output
    assert "8017585, p. 90" in output
    assert "samples: 2 derived" in output


def test_every_model_can_be_shown_both_ways() -> None:
    """No model breaks the page or the JSON."""
    for name in library.names():
        assert run(name)[0] == 0
        assert json.loads(run(name, "--json")[1])["name"] == name


def test_the_list_as_json_is_for_scripts() -> None:
    """One object a model, with the verdict as a truth value."""
    _, output, _ = run("--json")
    by_name = {model["name"]: model for model in json.loads(output)}

    assert by_name["hj212-cems"]["protocols"] == ["hj212"]
    assert by_name["acrel-adl400"]["verified"] is False
    assert by_name["acrel-adl400"]["title"]["zh"] == "安科瑞 ADL400 三相电能表"


def test_a_model_in_full_as_json_has_its_frames() -> None:
    """Frames are hexadecimal text, "not available" is null."""
    told = json.loads(run("schneider-pm5000", "--json")[1])

    assert told["samples"][0]["frames"][0][0] == "01 03 0B B7 00 0C F7 CD"
    assert told["samples"][0]["readings"]["current_n"] is None


def test_a_name_that_does_not_exist_gets_the_nearest() -> None:
    """Exit 1, the hint on standard error, nothing on standard output."""
    code, output, complaint = run("eastron-sdm631")

    assert (code, output) == (1, "")
    assert 'did you mean "eastron-sdm630"?' in complaint


def test_a_folder_of_one_s_own_is_looked_into_first(tmp_path: Path) -> None:
    """Its good models are listed; its bad ones are told with every mistake, and the exit code is 1."""
    text = (library.BUILT_IN / "hach-3400sc.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.replace("hach-3400sc", "mine"), encoding="utf-8")
    (tmp_path / "broken.toml").write_text("[model]\n", encoding="utf-8")
    code, output, complaint = run("--folder", str(tmp_path))

    assert code == 1
    assert "mine " in output
    assert "broken.toml: [model]: needs the key name" in complaint
    assert run("mine", "--folder", str(tmp_path))[0] == 0
