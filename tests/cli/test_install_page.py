"""The installer's page: its commands exist, its head and a scan's tables are a site file, its transcript is of them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from agent.cli.main import VERBS, application
from agent.cli.site_blocks import Named, blocks
from config.load import load
from drivers.finding.naming import Naming
from drivers.finding.sweep import Found
from drivers.library import find
from drivers.spec import LineSettings

PAGE = Path(__file__).parents[2] / "docs" / "install"
README = (PAGE / "README.md").read_text(encoding="utf-8")
TRANSCRIPT = (PAGE / "transcript.txt").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
OURS = [shlex.split(line.partition(" > ")[0])[1:] for line in COMMANDS if line.startswith("plantgate ")]


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_every_command_exists(words: list[str]) -> None:
    """The verb is one of ours and takes these options."""
    assert words[0] in VERBS
    command = get_command(application([words[0]]))

    context = command.make_context("plantgate", list(words), resilient_parsing=False)
    _, verb, rest = command.resolve_command(context, list(words))  # type: ignore[attr-defined]
    if hasattr(verb, "commands"):
        assert rest[0] in verb.commands
    else:
        verb.make_context(words[0], list(rest))


def test_the_page_goes_from_scan_to_run() -> None:
    """No step is left out."""
    verbs = list(dict.fromkeys(words[0] for words in OURS))

    assert verbs == ["scan", "init", "check", "plan", "read", "identify", "key", "run", "watch"]


def test_the_head_and_the_tables_of_a_scan_are_a_site_file(tmp_path: Path) -> None:
    """What the page says to paste together passes `check`."""
    (head,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    meter = Found(protocol="modbus", address=3, settings=LineSettings())
    tables = blocks(
        "/tmp/field/rs485", [Named(found=meter, naming=Naming(model=find("eastron-sdm630"), how="identity"))]
    )
    (tmp_path / "site.toml").write_text(head + tables, encoding="utf-8")

    assert [one.model for one in load(tmp_path / "site.toml").devices] == ["eastron-sdm630"]


def test_the_transcript_is_of_this_page() -> None:
    """Each command that was recorded stands on the page, all that was found is there, and no machine's paths."""
    typed = [line[2:] for line in TRANSCRIPT.splitlines() if line.startswith("$ plantgate ")]
    on_page = [line.split()[1] for line in COMMANDS if line.startswith("plantgate ")]

    assert {line.split()[1] for line in typed} == set(on_page)
    assert "found Modbus unit 3 at 9600 8N1: eastron-sdm630 (by identity)" in TRANSCRIPT
    assert "found DL/T 645 meter 202600000417 at 2400 8E1: dlt645-three-phase (by plausible)" in TRANSCRIPT
    assert "site.toml: fine" in TRANSCRIPT
    assert re.findall(r"/(?:home|root|usr|var)/|/tmp/(?!field)", TRANSCRIPT) == []
