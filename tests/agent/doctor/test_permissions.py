"""Who owns the files, who can read them, and whether the agent's user gets there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.doctor.case import Case, Owner
from agent.doctor.machine import Machine
from agent.doctor.permissions import FileFact, judge, read
from config.load import load
from tests.agent.doctor import ids, silent
from tests.e2e.harness import Site, bus, device

if TYPE_CHECKING:
    from agent.doctor.finding import Finding

AGENT = Owner(name="plantgate", uid=900, groups=frozenset({900}))
ETC = Path("/etc/plantgate")


def file(
    role: str, mode: int, uid: int = 0, gid: int = 900, *, path: Path = ETC / "f", shut: Path | None = None
) -> FileFact:
    """Return one file."""
    kind = stat.S_IFDIR if role == "state" else stat.S_IFREG
    return FileFact(
        path=path, role=role, status=os.stat_result((kind | mode, 1, 1, 1, uid, gid, 0, 0, 0, 0)), shut=shut
    )


CASES: dict[str, tuple[list[FileFact], list[str]]] = {
    "a site file of root's, for the group": ([file("site", 0o640)], ["files-fine"]),
    "a site file the group may change": ([file("site", 0o660)], ["file-open-to-change"]),
    "a site file everybody may change": ([file("site", 0o646)], ["file-open-to-change"]),
    "a site file of a person's": ([file("site", 0o600, 1000)], ["file-unreadable"]),
    "a password of the agent's": ([file("secret", 0o600, 900)], ["files-fine"]),
    "a password others may read": ([file("secret", 0o644, 900)], ["secret-shared"]),
    "a password of root's": ([file("secret", 0o600)], ["file-unreadable"]),
    "a certificate everybody may read": ([file("public", 0o644)], ["files-fine"]),
    "in a home": ([file("secret", 0o600, 900, path=Path("/root/p"))], ["file-in-home"]),
    "behind a shut folder": ([file("public", 0o644, shut=ETC)], ["folder-shut"]),
    "missing": ([FileFact(path=ETC, role="secret", status=None)], ["file-missing"]),
    "unseen": ([FileFact(path=ETC, role="secret", status=None, unseen=True)], ["file-unseen"]),
    "no state yet": ([FileFact(path=ETC, role="state", status=None)], ["state-none"]),
    "a state of the agent's": ([file("state", 0o700, 900)], ["files-fine"]),
    "a state others may look into": ([file("state", 0o755, 900)], ["state-shared"]),
    "a state of root's": ([file("state", 0o700)], ["state-foreign"]),
    "files of root's in the state": (
        [file("state", 0o700, 900), file("inside", 0o600, 0), file("inside", 0o600, 900)],
        ["state-mixed"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_trouble_of_a_file_has_its_name(name: str) -> None:
    """A table of files and what is to be said of them."""
    facts, expected = CASES[name]

    assert ids(judge(facts, AGENT)) == expected


def test_the_commands_mend_it() -> None:
    """Mode and owner as they should be, in the command."""
    facts = [file("secret", 0o644, 900), file("state", 0o750, 900, path=ETC / "s"), file("inside", 0o600)]

    assert [finding.mend for finding in judge(facts, AGENT)] == [
        "sudo chmod 600 /etc/plantgate/f",
        "sudo chmod 700 /etc/plantgate/s",
        "sudo chown -R plantgate: /etc/plantgate/s",
    ]


def test_the_agent_of_a_trial_runs_as_whoever_starts_it() -> None:
    """Root reads everything; a file in a home is nobody's trouble then."""
    root = Owner(name="root", uid=0, groups=frozenset({0}))

    assert ids(judge([file("secret", 0o600, 900, path=Path("/root/p")), file("state", 0o700, 900)], root)) == [
        "files-fine"
    ]


def looked(folder: Path, secret_mode: int) -> list[Finding]:
    """Return what is said of a real site with a password."""
    secret = folder / "mqtt.password"
    secret.write_text("geheim")
    secret.chmod(0o600)
    site = Site(buses=[bus(1)], devices=[device("meter")])
    site.uplink = {"url": "mqtt://127.0.0.1:1", "username": "u", "password_file": "mqtt.password"}
    path = site.write(folder)
    path.chmod(0o644)
    (folder / "state").mkdir(mode=0o700, exist_ok=True)
    loaded = load(path)
    secret.chmod(secret_mode)
    case = Case(machine=Machine(run=silent), path=path, site=loaded)
    return judge(read(case), case.owner)


def test_the_reader_follows_the_site_file_to_everything_it_names(tmp_path: Path) -> None:
    """Site file, password and state directory of a real site."""
    [fine] = looked(tmp_path, 0o600)

    assert "files: 3" in fine.what.en
    assert ids(looked(tmp_path, 0o640)) == ["secret-shared"]
