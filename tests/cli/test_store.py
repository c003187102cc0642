"""`plantgate store`: what the stores on disk are, and the way back for an older program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from agent.cli.main import application
from buffer import migrate, opening, store
from buffer.migrate import Step
from tests.buffer.chain import filled

if TYPE_CHECKING:
    from pathlib import Path

STEP = Step(
    "a table more", up=lambda db: db.execute("CREATE TABLE more (a)"), down=lambda db: db.execute("DROP TABLE more")
)


def said(*words: str) -> tuple[int, str]:
    """Run the verb; return its exit code and all it printed."""
    done = CliRunner().invoke(application(["store"]), ["store", *words])
    return done.exit_code, done.output


@pytest.fixture
def raised_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a store of version 1, be the program that writes version 2, and open it once."""
    filled(tmp_path, 5).close()
    monkeypatch.setattr(migrate, "OUTBOX", (STEP,))
    monkeypatch.setattr(store, "VERSION", 2)
    opening.begin(tmp_path, max_pages=10_000, now_ms=0, suspect=False, progress=lambda: None).db.close()
    return tmp_path


def test_show_tells_what_is_there_and_what_the_program_writes(raised_store: Path) -> None:
    """For people and for scripts; a store that is not there has no version."""
    assert said("show", str(raised_store)) == (
        0,
        "outbox   version 2, this program writes 2\nhistory  version —, this program writes 1\n",
    )
    assert json.loads(said("show", str(raised_store), "--json")[1])["outbox"] == {"found": 2, "writes": 2}


def test_down_brings_a_store_to_what_an_older_program_knows(raised_store: Path) -> None:
    """It says from where to where; a second time there is nothing to do."""
    assert said("down", str(raised_store), "--outbox", "1", "--history", "1") == (0, "outbox   version 1, was 2\n")
    assert said("down", str(raised_store), "--outbox", "1") == (0, "outbox   version 1, as it was\n")


def test_down_is_refused_while_an_agent_runs(tmp_path: Path) -> None:
    """With the agent's process number."""
    outbox = filled(tmp_path, 5)
    code, words = said("down", str(tmp_path), "--outbox", "1")
    outbox.close()

    assert code == 1
    assert "another instance" in words


@pytest.mark.parametrize("words", [[], ["--outbox", "0"]], ids=["no version", "a version that never was"])
def test_down_without_a_version_that_can_be_is_wrong_usage(tmp_path: Path, words: list[str]) -> None:
    """Exit code 2, and nothing is opened."""
    assert said("down", str(tmp_path), *words)[0] == 2
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Exit code 1, and its name."""
    code, words = said("show", str(tmp_path / "nowhere"))

    assert (code, "nowhere: No such file or directory" in words) == (1, True)
