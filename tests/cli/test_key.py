"""``plantgate key``: what an installer needs to enrol a gateway, and never more."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from agent import __version__
from agent.cli.main import application
from agent.keys import SigningKey, fingerprint, published

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

SITE = """
[gateway]
id = "jn-0417"
name = { zh = "一号车间", en = "Workshop 1" }
timezone = "Asia/Shanghai"
language = "zh"
state_dir = "state"

[[bus]]
name = "dcs"
type = "tcp"
host = "192.0.2.5"
port = 502
framing = "tcp"

[[device]]
name = "boiler-dcs"
label = { zh = "锅炉", en = "Boiler" }
bus = "dcs"
protocol = "modbus"
address = 1
poll = "1s"
report = "on-scan"

  [[device.point]]
  name = "load"
  register = "holding"
  at = 100
  type = "uint16"
  label = { zh = "负荷", en = "Load" }
"""


def run(*arguments: object) -> Result:
    """Run ``plantgate key``."""
    return CliRunner(env={"CREDENTIALS_DIRECTORY": None}).invoke(application(["key"]), ["key", *map(str, arguments)])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a site file whose state directory does not exist yet."""
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return path


def test_showing_makes_nothing(site: Path) -> None:
    """Before the first run there is no key; exit 1 says how to get one."""
    done = run("show", site)

    assert done.exit_code == 1
    assert f"plantgate key make {site}" in done.stderr
    assert not (site.parent / "state").exists()


def test_make_then_show(site: Path) -> None:
    """An installer makes the key, enrols it, and sees the same key ever after."""
    made, shown = run("make", site), run("show", site)
    path = site.parent / "state" / "signing-key.pem"

    assert (made.exit_code, shown.exit_code) == (0, 0)
    assert made.stdout == shown.stdout == run("make", site).stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = SigningKey.load(path)
    assert fingerprint(key.public) in shown.stdout
    assert json.dumps(published(key.public)) in shown.stdout


def test_json_holds_the_public_half_only(site: Path) -> None:
    """Fingerprint, kid and JWK for a script; the private half is in no output."""
    run("make", site)
    path = site.parent / "state" / "signing-key.pem"
    key = SigningKey.load(path)
    told = json.loads(run("show", site, "--json").stdout)

    assert told == {
        "fingerprint": fingerprint(key.public),
        "kid": key.kid,
        "file": str(path),
        "jwk": published(key.public),
    }
    assert "d" not in told["jwk"]


def test_an_unusable_key_is_said(site: Path) -> None:
    """Exit 1 with the place and what to do; the file stays as it is."""
    run("make", site)
    path = site.parent / "state" / "signing-key.pem"
    path.chmod(0o644)
    done = run("show", site)

    assert done.exit_code == 1
    assert f"chmod 600 {path}" in done.stderr
    assert done.stdout == ""


def test_a_site_file_with_mistakes_is_refused(site: Path) -> None:
    """Where the state directory is cannot be known from a broken file."""
    site.write_text(SITE.replace('state_dir = "state"', "state_dir = 7"))
    done = run("show", site)

    assert done.exit_code == 1
    assert f"plantgate check {site}" in done.stderr


def test_the_program_says_which_version_it_is() -> None:
    """The first thing anybody is asked on the telephone."""
    result = CliRunner().invoke(application(["key"]), ["--version"])

    assert (result.exit_code, result.stdout) == (0, f"plantgate {__version__}\n")
