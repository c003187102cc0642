"""``plantgate support``: what is in the bundle, and above all what is not (X5)."""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from agent.cli.main import application
from agent.clock import SystemClock
from agent.control import NAME, Control, Unwilling
from agent.keys import SigningKey
from config.load import load
from tests.e2e.harness import Site, bus, device, mqtt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "Zx9!geheim+pass/word"
STRAY = "s3cr3t-in-a-comment"
SM4_KEY = "00112233445566778899aabbccddeeff"


class House:
    """A site with secrets everywhere, and a door whose `support` leaks them all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        secret = folder / "mqtt.password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
        site = Site(buses=[bus(1)], devices=[device("meter")])
        site.uplink = mqtt(1, username="jn", password_file="mqtt.password")
        self.path = site.write(folder)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f'\n# password:\n# {STRAY}\n\n# password = "{STRAY}"\n# mqtt://jn:{STRAY}@old-broker\n')
        self.state = load(self.path).gateway.state_dir
        self.state.mkdir(mode=0o700)
        SigningKey.create(self.state / "signing-key.pem")
        self.pem = (self.state / "signing-key.pem").read_bytes()
        self.der = base64.b64decode(b"".join(self.pem.splitlines()[1:-1]))
        self.files: Any = {
            "log.txt": f"connected as jn with {PASSWORD} to mqtts://jn:{STRAY}@host",
            "status.json": json.dumps({"password": PASSWORD, "seed": self.der[-32:].hex(), "all": PASSWORD}),
            "../../etc/passwd": "a name that wants out",
            "key.txt": self.pem.decode(),
            "base64.txt": base64.b64encode(PASSWORD.encode()).decode()
            + " "
            + base64.b64encode(self.der[-32:]).decode(),
        }
        verbs = {"support": self._support, "status": lambda _: {"software": "old"}}
        self.door = Control(self.state / NAME, verbs, SystemClock())

    def _support(self, _: object) -> dict[str, Any]:
        if self.files is None:
            raise Unwilling('"do" must be one of status')
        return {"files": self.files}

    @property
    def secrets(self) -> dict[str, bytes]:
        """Everything that must not be found, by what it is."""
        seed = self.der[-32:]
        return {
            "password": PASSWORD.encode(),
            "password in a URL": b"Zx9%21geheim",
            "password in base64": base64.b64encode(PASSWORD.encode()),
            "password of a comment": STRAY.encode(),
            "key file": self.pem.splitlines()[1],
            "seed": seed,
            "seed in hex": seed.hex().encode(),
            "seed in base64": base64.b64encode(seed).rstrip(b"="),
        }

    def run(self, target: Path) -> tuple[int, str, dict[str, bytes]]:
        """Return exit code, what was printed, and the files of the bundle."""
        done = CliRunner().invoke(application(["support"]), ["support", str(self.path), "--out", str(target)])
        if not target.is_file():
            return done.exit_code, done.output, {}
        with tarfile.open(target) as bundle:
            files = {one.name: bundle.extractfile(one) for one in bundle.getmembers()}
            return done.exit_code, done.output, {name: file.read() for name, file in files.items() if file}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Return a site with its door open."""
    made = House(tmp_path)
    assert made.door.open()
    thread = Thread(target=made.door.run, daemon=True)
    thread.start()
    yield made
    made.door.stop()
    thread.join(5)


def test_no_secret_is_in_the_bundle_nor_on_the_screen(house: House) -> None:
    """X5: known passwords and key bytes, in every form, planted where a careless hand could leave them."""
    code, printed, files = house.run(house.folder / "b.tar.gz")

    assert code == 0
    for what, secret in house.secrets.items():
        leaks = [name for name, content in files.items() if secret.lower() in content.lower()]
        assert not leaks, f"{what} leaks into {leaks}"
        assert secret.decode("latin-1") not in printed, what
    assert b"PRIVATE KEY" not in b"".join(files.values())


def test_the_bundle_tells_what_helps(house: House) -> None:
    """Findings, site file, versions, sizes, the agent's own files; a manifest that is right; names that stay inside."""
    _, printed, files = house.run(house.folder / "b.tar.gz")
    inside = {name.removeprefix("plantgate-support/"): content for name, content in files.items()}

    assert {"doctor.json", "doctor.txt", "site.toml", "versions.txt", "store.txt", "journal.txt"} <= set(inside)
    assert b"connected as jn with ***" in inside["agent/log.txt"]
    assert json.loads(inside["agent/status.json"])["password"] == "***"
    assert {one["field"] for one in json.loads(inside["doctor.json"])["findings"]} >= {"site", "disk"}
    assert b'password_file = "mqtt.password"' in inside["site.toml"]
    assert b"signing-key.pem" in inside["store.txt"]
    assert all(name.startswith("plantgate-support/") and ".." not in name.split("/") for name in files)
    assert "agent/log.txt" in printed
    for line in inside["MANIFEST.txt"].decode().splitlines():
        digest, size, name = line.split()
        assert (hashlib.sha256(inside[name]).hexdigest(), str(len(inside[name]))) == (digest, size)


def test_the_file_is_its_makers_alone(house: House) -> None:
    """Mode 0600, written whole, an older one replaced."""
    target = house.folder / "b.tar.gz"
    target.write_text("old")

    house.run(target)

    assert target.stat().st_mode & 0o777 == 0o600
    assert not list(house.folder.glob(".b.tar.gz*"))


def test_an_older_agent_at_least_tells_its_status(house: House) -> None:
    """It does not know the verb."""
    house.files = None

    files = house.run(house.folder / "b.tar.gz")[2]

    assert json.loads(files["plantgate-support/agent/status.json"]) == {"software": "old"}


@pytest.mark.parametrize("files", [[], "text", {"a": {"b": 1}}, {"": "x", "..": "y"}])
def test_an_agent_that_answers_oddly_spoils_nothing(house: House, files: Any) -> None:
    """Whatever it packs, the rest is there."""
    house.files = files

    code, _, inside = house.run(house.folder / "b.tar.gz")

    assert code == 0
    assert "plantgate-support/doctor.json" in inside


def test_without_an_agent_and_with_a_broken_site_it_still_works(tmp_path: Path) -> None:
    """When one needs help most."""
    away = House(tmp_path)
    away.path.write_text('[gateway\npassword = "geheim77"', encoding="utf-8")

    code, _, files = away.run(tmp_path / "b.tar.gz")

    assert code == 0
    assert b"site-mistake" in files["plantgate-support/doctor.json"]
    assert b"geheim77" not in b"".join(files.values())


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """In words, exit 1, no traceback."""
    code, printed, _ = House(tmp_path).run(tmp_path / "nowhere" / "b.tar.gz")

    assert code == 1
    assert "No such file or directory" in printed
