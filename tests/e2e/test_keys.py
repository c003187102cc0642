"""The signing key is missing, open to others, rubbish, or another's: nothing leaves the box under a wrong name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.keys import SigningKey
from tests.e2e.harness import Stage, arrived, stored
from tests.e2e.test_disk import caught_up, plant

if TYPE_CHECKING:
    from collections.abc import Callable

RESTORE = ("restore this file from a backup", "move the whole state directory away")


def replaced_by_a_directory(key: Path) -> None:
    """Put a directory where the key was."""
    key.unlink()
    key.mkdir(0o700)


def replaced_by_another(key: Path) -> None:
    """Put another gateway's key there."""
    key.unlink()
    SigningKey.create(key)


FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "missing": (Path.unlink, ("the signing key is missing", *RESTORE)),
    "readable by others": (lambda key: key.chmod(0o644), ("readable by others (mode 0644)", "chmod 600")),
    "cut short": (lambda key: os.truncate(key, 60), ("not a private key in PEM form", *RESTORE)),
    "unreadable": (replaced_by_a_directory, ("the signing key cannot be read: Is a directory",)),
    "another key": (replaced_by_another, ("did not sign the chain", "put the old key back")),
}


def refused(stage: Stage, words: tuple[str, ...]) -> None:
    """Start the agent: it must end with the file, the reason and what to do, publish nothing and leave the store."""
    assert stage.platform is not None
    heard, kept, said = len(stage.platform.messages), stage.stored(), len(stage.agent.said)
    stage.agent.start(ready=False)
    assert stage.agent.wait() == 1
    message = stage.agent.said[said:]
    assert str(stage.state / "signing-key.pem") in message
    assert not [word for word in words if word not in message], message
    assert "Traceback" not in message
    assert len(stage.platform.messages) == heard, "nothing is published"
    assert stored(stage.state, stage.directory) == kept, "the store stays as it is"


def test_a_key_is_made_at_the_first_start(tmp_path: Path) -> None:
    """The first start makes a key that only its owner can read, in a directory that only its owner can enter."""
    with Stage(tmp_path) as stage:
        stage.run(**plant())
        arrived(stage, lambda: stage.records("hello"))
        assert (stage.state / "signing-key.pem").stat().st_mode & 0o7777 == 0o600
        assert stage.state.stat().st_mode & 0o7777 == 0o700
        pem = (stage.state / "signing-key.pem").read_text().splitlines()[1]
        stage.finish()
        stage.judge(secrets=[pem])


def test_k1_k2_the_key_is_not_what_it_was(tmp_path: Path) -> None:
    """Whatever became of a chain's key, the agent refuses with what, where and what to do; restored, it goes on."""
    with Stage(tmp_path) as stage:
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 3)
        assert stage.agent.terminate() == 0
        key = stage.state / "signing-key.pem"
        good = key.read_bytes()
        for spoil, words in FAULTS.values():
            spoil(key)
            refused(stage, words)
            if key.is_dir():
                key.rmdir()
            key.unlink(missing_ok=True)
            key.touch(0o600)
            key.write_bytes(good)
        stage.agent.start()
        caught_up(stage)
        report = stage.finish()
        assert len(report.chains) == 1
        assert len(report.chains[0].keys) == 1


def test_k2_another_key_after_the_database_was_lost(tmp_path: Path) -> None:
    """Losing the database does not make the gateway forget whose chain it is."""
    with Stage(tmp_path) as stage:
        stage.run(**plant())
        arrived(stage, lambda: len(stage.counts()) >= 3)
        assert stage.agent.terminate() == 0
        (stage.state / "outbox.db").unlink()
        stage.agent.start()
        caught_up(stage)
        assert stage.agent.terminate() == 0
        key = stage.state / "signing-key.pem"
        good = key.read_bytes()
        key.unlink()
        SigningKey.create(key)
        refused(stage, ("did not sign the chain",))
        key.write_bytes(good)
        stage.agent.start()
        caught_up(stage)
        stage.finish()


@pytest.mark.parametrize("state", ["fresh", "begun"])
def test_a_key_from_the_service_manager(tmp_path: Path, state: str) -> None:
    """A key that comes as a credential is used, and none is made beside it."""
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    SigningKey.create(credentials / "signing-key")
    with Stage(tmp_path / "stage") as stage:
        stage.write(**plant())
        for _ in range(2 if state == "begun" else 1):
            stage.agent.start(environment={"CREDENTIALS_DIRECTORY": str(credentials)})
            caught_up(stage)
            if state == "begun" and len(stage.events("start")) < 2:
                assert stage.agent.terminate() == 0
        stage.finish()
        assert not (stage.state / "signing-key.pem").exists()
        assert stage.records("hello")[0]["key"]["x"] == SigningKey.load(credentials / "signing-key").public.jwk["x"]
