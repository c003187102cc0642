"""``plantgate panel``: accounts and setup codes on the command line."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from agent.cli.main import application
from agent.cli.panel import addresses
from agent.clock import SystemClock
from agent.panel.accounts import Accounts, Cost
from agent.panel.person import Role
from tests.agent.panel.rig import PASSWORD, settings
from tests.agent.panel.scripted_door import ScriptedDoor

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

SITE = '[gateway]\nid = "jn-0417"\n[panel]\nlisten = "127.0.0.1:8080"\n'
NAMES = ["box", "box.local", "localhost", "127.0.0.1", "192.168.10.5", "fe80::1", "panel.local"]


def run(*words: str, typed: str | None = None) -> Result:
    """Run the verb."""
    return CliRunner().invoke(application(["panel"]), ["panel", *words], input=typed)


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    """Return the accounts in the folder ``state``: wang, an operator."""
    (tmp_path / "state").mkdir()
    found = Accounts(tmp_path / "state", SystemClock(), Cost(16, 1, 1))
    asyncio.run(found.add("wang", Role.OPERATOR, PASSWORD))
    return found


def written(folder: Path, more: str = "") -> str:
    """Return the path of a site file."""
    (folder / "site.toml").write_text(SITE + more, encoding="utf-8")
    return str(folder / "site.toml")


def test_setup_prints_a_code_that_is_good(tmp_path: Path, accounts: Accounts) -> None:
    """And where to open the panel; the agent records that a code was made."""
    with ScriptedDoor(tmp_path / "panel.sock") as door:
        words = ("--state", str(tmp_path / "state"), "--socket", str(tmp_path / "panel.sock"))
        done = run("setup", written(tmp_path), *words)

    assert done.exit_code == 0
    code = done.output.split()[2]
    assert asyncio.run(accounts.set_up(code, "boss", PASSWORD))
    assert "http://localhost:8080/setup" in done.output
    assert "certificate" not in done.output
    assert [one["event"] for one in door.asked("audit")] == ["setup"]


def test_with_tls_setup_prints_the_fingerprint(tmp_path: Path, accounts: Accounts) -> None:
    """Of the certificate that the panel will use."""
    done = run("setup", written(tmp_path, "tls = true\n"), "--state", str(tmp_path / "state"), "--socket", "/nowhere/s")

    assert "https://localhost:8080/setup" in done.output
    assert done.output.partition("SHA-256 ")[2].split()[0].count(":") == 31
    assert "not recorded" in done.output


def test_setup_without_a_panel_says_what_to_write(tmp_path: Path) -> None:
    """Exit code 1."""
    (tmp_path / "site.toml").write_text('[gateway]\nid = "x"\n', encoding="utf-8")
    done = run("setup", str(tmp_path / "site.toml"), "--state", str(tmp_path / "state"))

    assert done.exit_code == 1
    assert "[panel]" in done.output


def test_accounts_are_listed(tmp_path: Path, accounts: Accounts) -> None:
    """For people and for scripts, without anything secret."""
    plain = run("accounts", "--state", str(tmp_path / "state"))
    as_json = run("accounts", "--state", str(tmp_path / "state"), "--json")

    assert plain.output.split() == ["wang", "operator"]
    assert json.loads(as_json.output) == [{"user": "wang", "role": "operator"}]


def test_no_accounts_say_how_to_make_the_first(tmp_path: Path) -> None:
    """An empty list explains itself."""
    assert "panel setup" in run("accounts", "--state", str(tmp_path / "new")).output


def test_a_password_is_reset(tmp_path: Path, accounts: Accounts) -> None:
    """By a line of standard input; the agent records it, the password is shown nowhere."""
    with ScriptedDoor(tmp_path / "panel.sock") as door:
        words = ("--state", str(tmp_path / "state"), "--socket", str(tmp_path / "panel.sock"))
        done = run("reset-password", "wang", *words, typed="another password\n")

    assert done.exit_code == 0
    assert "another password" not in done.output
    assert asyncio.run(accounts.checked("wang", "another password"))
    (told,) = door.asked("audit")
    assert (told["event"], told["account"], told["what"]) == ("user-changed", "wang", "password")
    assert told["user"]
    assert "another password" not in str(told)


REFUSED = {"short": ("wang", "short\n", "12 to 256"), "nobody": ("nobody", f"{PASSWORD}\n", "no account nobody")}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_why(tmp_path: Path, accounts: Accounts, case: str) -> None:
    """Exit code 1, and nothing has changed."""
    user, typed, words = REFUSED[case]
    done = run("reset-password", user, "--state", str(tmp_path / "state"), typed=typed)

    assert done.exit_code == 1
    assert words in done.output
    assert asyncio.run(accounts.checked("wang", PASSWORD))


LISTEN = {
    "127.0.0.1": ["https://localhost:8080", "https://panel.local:8080"],
    "192.168.10.5": ["https://panel.local:8080", "https://192.168.10.5:8080"],
    "0.0.0.0": ["https://box:8080", "https://box.local:8080", "https://panel.local:8080", "https://192.168.10.5:8080"],
}


@pytest.mark.parametrize("host", LISTEN)
def test_addresses_to_open_are_reachable_ones(host: str) -> None:
    """Names before numbers; nothing that leads to the reader's own machine when the network is served."""
    assert addresses(settings(host=host, tls=True).panel, NAMES) == LISTEN[host]
