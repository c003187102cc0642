"""A real agent's records, exported while it runs, checked, and exported again when it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from buffer.evidence import Evidence
from tests.e2e.harness import ROOT, Scene, device
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANY = 30
ALWAYS = ("--from", "2000-01-01", "--to", "2100-01-01")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Return a running agent with one meter."""
    with Scene(tmp_path, port=1) as made:
        made.run(uplink=None, devices=[device("meter")])
        yield made


def plantgate(scene: Scene, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a verb as a person does, in the scene's folder."""
    command = [sys.executable, "-m", "agent.cli.main", *map(str, words)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=scene.directory, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def exported(scene: Scene, name: str) -> dict[str, bytes]:
    """Export everything and return the bundle's files."""
    done = plantgate(scene, "export", scene.agent.site, *ALWAYS, "--reason", "inspection", "--out", name)
    assert done.returncode == 0, done.stdout + done.stderr
    with ZipFile(scene.directory / name) as archive:
        return {one: archive.read(one) for one in archive.namelist()}


def test_exported_while_it_runs_and_when_it_was_killed(scene: Scene) -> None:
    """The running agent signs in its chain; of a killed one the key does. Neither export disturbs it."""
    assert eventually(lambda: records_of(scene) > MANY, 30.0)
    contents = exported(scene, "running.zip")
    signed = json.loads(contents["manifest.sig.json"])
    scene.agent.kill()
    after = exported(scene, "killed.zip")
    scene.agent.start()
    again = exported(scene, "again.zip")
    verdicts = {name: verified(scene, f"{name}.zip") for name in ("running", "killed", "again")}
    assert scene.agent.terminate() == 0, scene.agent.said
    wires = scene.stored().wires

    assert verdicts["running"]["bundle"]["signed_by"] == "chain"
    assert verdicts["running"]["bundle"]["signed_in"] == signed["seq"]
    assert signed["sha256"] == sha256(contents["manifest.json"]).hexdigest()
    assert wires[signed["seq"]] + b"\n" == contents["manifest.sig.json"]
    assert verdicts["killed"]["bundle"]["signed_by"] == "key"
    assert contents["manifest.sig.json"] in after["records.jsonl"]
    assert again["records.jsonl"].startswith(after["records.jsonl"])
    assert all(wires[json.loads(line)["seq"]] == line for line in again["records.jsonl"].splitlines())
    assert "ended without an orderly stop" in again["report.html"].decode()


def records_of(scene: Scene) -> int:
    """Return how many records the store holds, looking as an export does."""
    with Evidence.opened(scene.state) as evidence:
        return evidence.head


def verified(scene: Scene, name: str) -> dict[str, Any]:
    """Verify a bundle; it must be all right."""
    done = plantgate(scene, "verify", name, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told
