"""Files that a site file names: there, readable, of the right kind, and nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from config.load import load
from tests.config.sites import MARK, marked_lines, problems_of, site

if TYPE_CHECKING:
    from collections.abc import Callable

PEM = "-----BEGIN {0}-----\nMII=\n-----END {0}-----\n"
MQTTS = 'url = "mqtts://broker.example"'


def keep(folder: Path, name: str, content: str, mode: int = 0o600) -> None:
    """Write a file with the given rights."""
    (folder / name).write_text(content, encoding="utf-8")
    (folder / name).chmod(mode)


def tls_site(folder: Path) -> list[str]:
    """Write every file that an uplink can have and return the lines that name them."""
    keep(folder, "pw", "hunter2\n")
    keep(folder, "ca.pem", PEM.format("CERTIFICATE"), 0o644)
    keep(folder, "me.pem", PEM.format("CERTIFICATE"), 0o644)
    keep(folder, "me.key", PEM.format("PRIVATE KEY"))
    keep(folder, "platform.jwk", '{"kty":"OKP","crv":"Ed25519","x":"abc"}', 0o644)
    named = {"password_file": "pw", "ca_file": "ca.pem", "cert_file": "me.pem", "key_file": "me.key"}
    lines = [f'{key} = "{name}"' for key, name in named.items()]
    return [MQTTS, 'username = "me"', *lines, 'platform_keys = ["platform.jwk"]']


def test_good_files_are_accepted_and_resolved(tmp_path: Path) -> None:
    """Every file is there: the site has absolute paths, and keys that nobody obeys yet are remarked on."""
    (tmp_path / "site.toml").write_text(site({"[uplink.mqtt]": tls_site(tmp_path)}), encoding="utf-8")

    loaded = load(tmp_path / "site.toml")

    assert loaded.uplink is not None
    assert loaded.uplink.password_file == tmp_path / "pw"
    assert loaded.uplink.key_file == tmp_path / "me.key"
    assert [notice for notice in loaded.notices if "platform_keys" in notice]


CEMS = """
[[bus]]
name = "cems-line"
type = "serial"
port = "/dev/ttyS1"

[[device]]
name = "cems"
bus = "cems-line"
protocol = "hj212"
address = "010000A8900016F000169DC0"
model = "hj212-cems"
sm4_key_file = "cems.sm4"
"""


def test_the_key_of_an_instrument_that_encrypts_is_found(tmp_path: Path) -> None:
    """A file of 32 hexadecimal digits beside the site file is what the driver will read."""
    keep(tmp_path, "cems.sm4", "30" * 16 + "\n")
    (tmp_path / "site.toml").write_text(site(more=CEMS), encoding="utf-8")

    loaded = load(tmp_path / "site.toml")

    assert loaded.devices[-1].spec.sm4_key_file == str(tmp_path / "cems.sm4")


@pytest.mark.parametrize(
    ("content", "mode", "protocol", "words"),
    [
        ("30" * 15, 0o600, "hj212", "holds no SM4 key"),
        ("30" * 16, 0o644, "hj212", "others may read it"),
        ("30" * 16, 0o600, "modbus", "has no meaning for modbus"),
    ],
    ids=["too short", "for the world", "of a device that does not encrypt"],
)
def test_a_key_that_could_not_be_used_is_a_mistake(
    tmp_path: Path, content: str, mode: int, protocol: str, words: str
) -> None:
    """What is wrong with an instrument's key is said before anything runs."""
    keep(tmp_path, "cems.sm4", content, mode)
    text = CEMS.replace("hj212-cems", "eastron-sdm630") if protocol == "modbus" else CEMS
    text = text.replace('"010000A8900016F000169DC0"', "3") if protocol == "modbus" else text
    text = text.replace('"hj212"', f'"{protocol}"')

    assert any(words in str(problem) for problem in problems_of(tmp_path, site(more=text)))


SPOILED: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "missing password": ("password_file", lambda at: (at / "pw").unlink(), "there is no such file"),
    "missing authority": ("ca_file", lambda at: (at / "ca.pem").unlink(), "there is no such file"),
    "empty password": ("password_file", lambda at: keep(at, "pw", "\n"), "is empty"),
    "empty authority": ("ca_file", lambda at: keep(at, "ca.pem", ""), "is empty"),
    "password for the group": ("password_file", lambda at: (at / "pw").chmod(0o640), "others may read it (mode 0640)"),
    "password for the world": ("password_file", lambda at: (at / "pw").chmod(0o604), "chmod 600"),
    "key for the world": ("key_file", lambda at: (at / "me.key").chmod(0o644), "chmod 600"),
    "password of two lines": ("password_file", lambda at: keep(at, "pw", "a\nb\n"), "more than one line"),
    "authority that is a key": ("ca_file", lambda at: keep(at, "ca.pem", PEM.format("PRIVATE KEY")), "no certificate"),
    "certificate that is none": ("cert_file", lambda at: keep(at, "me.pem", "x"), "holds no certificate"),
    "key that is none": ("key_file", lambda at: keep(at, "me.key", PEM.format("CERTIFICATE")), "holds no private key"),
    "platform key no JSON": ("platform_keys", lambda at: keep(at, "platform.jwk", "x"), "is no JSON"),
    "platform key too deep": ("platform_keys", lambda at: keep(at, "platform.jwk", "[" * 100000), "is no JSON"),
    "platform key of another kind": (
        "platform_keys",
        lambda at: keep(at, "platform.jwk", '{"kty":"RSA"}'),
        "no Ed25519",
    ),
    "private platform key": (
        "platform_keys",
        lambda at: keep(at, "platform.jwk", '{"kty":"OKP","crv":"Ed25519","x":"a","d":"b"}'),
        "holds a private key",
    ),
    "huge file": ("ca_file", lambda at: keep(at, "ca.pem", "x" * 300_000), "far too long"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_file_that_cannot_be_used_is_reported_at_its_key(tmp_path: Path, name: str) -> None:
    """One message with the path that was looked at, and never with what is in it."""
    key, spoil, words = SPOILED[name]
    lines = [f"{line} {MARK}" if line.startswith(f"{key} ") else line for line in tls_site(tmp_path)]
    spoil(tmp_path)
    text = site({"[uplink.mqtt]": lines})

    (problem,) = problems_of(tmp_path, text)

    assert [problem.line] == marked_lines(text)
    assert words in str(problem)
    assert "hunter2" not in str(problem)


def test_a_directory_and_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there but cannot be read is told apart from what is missing."""
    lines = tls_site(tmp_path)
    (tmp_path / "pw").unlink()
    (tmp_path / "pw").mkdir()

    assert "is no ordinary file" in str(problems_of(tmp_path, site({"[uplink.mqtt]": lines}))[0])

    (tmp_path / "pw").rmdir()
    keep(tmp_path, "pw", "x")
    keep(tmp_path, "ca.pem", "x" * 10)

    def refuse(*args: Any, **kwargs: Any) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)

    problems = problems_of(tmp_path, site({"[uplink.mqtt]": lines}))

    assert len(problems) == 5
    assert all("cannot be read (Permission denied)" in str(problem) for problem in problems)


def test_a_credential_of_the_service_manager_is_guarded_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systemd hands credentials over with a group bit that means nothing; they are not refused for it."""
    lines = tls_site(tmp_path)
    (tmp_path / "pw").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "site.toml").write_text(site({"[uplink.mqtt]": lines}), encoding="utf-8")

    assert load(tmp_path / "site.toml").uplink is not None


@pytest.mark.parametrize(
    ("drop", "words"),
    [
        ("username", "password_file: without username"),
        ("key_file", "cert_file: without key_file"),
        ("cert_file", "key_file: without cert_file"),
    ],
)
def test_halves_of_a_pair_are_mistakes(tmp_path: Path, drop: str, words: str) -> None:
    """A password needs a user, a certificate its key, a key its certificate."""
    lines = [line for line in tls_site(tmp_path) if not line.startswith(f"{drop} ")]

    (problem,) = problems_of(tmp_path, site({"[uplink.mqtt]": lines}))

    assert words in str(problem)


def test_certificates_without_tls_are_mistakes(tmp_path: Path) -> None:
    """Somebody who names an authority believes the connection is safe; mqtt:// is not."""
    lines = [line for line in tls_site(tmp_path) if line != MQTTS]

    problems = problems_of(tmp_path, site({"[uplink.mqtt]": lines}))

    assert sorted(problem.what.split(":")[0] for problem in problems) == ["ca_file", "cert_file", "key_file"]


def test_a_password_in_clear_text_is_remarked_on(tmp_path: Path) -> None:
    """It works, and it should be known."""
    keep(tmp_path, "pw", "x")
    (tmp_path / "site.toml").write_text(
        site({"[uplink.mqtt]": ['username = "me"', 'password_file = "pw"']}), encoding="utf-8"
    )

    assert any("clear text" in notice for notice in load(tmp_path / "site.toml").notices)
