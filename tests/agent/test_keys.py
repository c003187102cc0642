"""The signing key: made once, private, never replaced, and refused with words that help."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent import keys
from agent.keys import KeyProblem, SigningKey, fingerprint, key_path, published
from agent.record import PublicKey

if TYPE_CHECKING:
    from pathlib import Path


def made(directory: Path) -> Path:
    """Return the path of a fresh key."""
    path = directory / "state" / keys.FILE
    SigningKey.load_or_create(path, may_create=True)
    return path


def test_a_key_is_made_on_the_first_run(tmp_path: Path) -> None:
    """It lies in a directory of its own, both for its owner only, and nothing else is left behind."""
    path = made(tmp_path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----")


def test_the_second_run_finds_the_same_key(tmp_path: Path) -> None:
    """A key is made once."""
    path = made(tmp_path)
    before = path.read_bytes()
    again = SigningKey.load_or_create(path, may_create=True)

    assert again.kid == SigningKey.load_or_create(path, may_create=False).kid
    assert path.read_bytes() == before


def test_making_never_replaces_a_file(tmp_path: Path) -> None:
    """Whoever comes second, even in a race, gets the key that is there."""
    path = made(tmp_path)

    assert SigningKey.create(path).kid == SigningKey.load(path).kid
    assert list(path.parent.iterdir()) == [path]


def test_two_keys_differ(tmp_path: Path) -> None:
    """Every box has its own."""
    first, second = made(tmp_path / "a"), made(tmp_path / "b")

    assert SigningKey.load(first).kid != SigningKey.load(second).kid


def test_a_chain_that_has_begun_gets_no_new_key(tmp_path: Path) -> None:
    """When the file is gone and a chain exists, a person must decide; nothing is made."""
    path = tmp_path / keys.FILE

    with pytest.raises(KeyProblem, match="missing") as caught:
        SigningKey.load_or_create(path, may_create=False)
    assert caught.value.where == path
    assert "backup" in caught.value.hint
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A signature proves nothing when others can make it."""
    path = made(tmp_path)
    path.chmod(mode)

    with pytest.raises(KeyProblem, match=rf"readable by others \(mode {mode:04o}\).*chmod 600"):
        SigningKey.load_or_create(path, may_create=True)


def other_algorithm() -> bytes:
    """Return a P-256 key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a private key"),
        (b"\0" * 119, "not a private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a private key"),
        (other_algorithm(), "another kind.*Ed25519"),
    ],
    ids=["empty", "zeros", "cut", "another algorithm"],
)
def test_rubbish_is_refused_and_kept(tmp_path: Path, content: bytes, words: str) -> None:
    """A damaged file may still be what a person can save something from."""
    path = tmp_path / keys.FILE
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(KeyProblem, match=words):
        SigningKey.load_or_create(path, may_create=True)
    assert path.read_bytes() == content


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A directory in the key's place (unreadable for everybody, root too) is a problem with a place and a hint."""
    path = tmp_path / keys.FILE
    path.mkdir()

    with pytest.raises(KeyProblem, match="cannot be read") as caught:
        SigningKey.load_or_create(path, may_create=True)
    assert "uid" in caught.value.hint


def test_a_dangling_link_is_not_an_invitation(tmp_path: Path) -> None:
    """A link to a disk that is not mounted yet is a missing key, not a first run."""
    path = tmp_path / keys.FILE
    path.symlink_to(tmp_path / "not-mounted" / "key.pem")

    with pytest.raises(KeyProblem, match="missing"):
        SigningKey.load_or_create(path, may_create=True)


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """Where the state directory cannot be, the key says so."""
    (tmp_path / "file").write_text("")

    with pytest.raises(KeyProblem, match="cannot be written"):
        SigningKey.load_or_create(tmp_path / "file" / keys.FILE, may_create=True)


def test_a_directory_open_to_everybody_is_refused(tmp_path: Path) -> None:
    """Where anybody may rename files, anybody may swap the key."""
    tmp_path.chmod(0o777)

    with pytest.raises(KeyProblem, match="everybody may write"):
        SigningKey.load_or_create(tmp_path / keys.FILE, may_create=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_failure_while_making_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """A full disk or a power cut half-way leaves no half key that the next start would trust."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"agent.keys.os.{step}", fail)

    with pytest.raises(KeyProblem, match="No space left"):
        SigningKey.load_or_create(tmp_path / keys.FILE, may_create=True)
    assert list(tmp_path.iterdir()) == []


def test_the_service_manager_may_bring_the_key(tmp_path: Path) -> None:
    """A credential is preferred, and its access list, shown as group bits, is no fault; other people's bits are."""
    made(tmp_path).rename(tmp_path / keys.CREDENTIAL)
    credential = key_path(tmp_path / "state", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    credential.chmod(0o440)

    assert credential == tmp_path / keys.CREDENTIAL
    assert SigningKey.load(credential).kid
    credential.chmod(0o444)
    with pytest.raises(KeyProblem, match="readable by others"):
        SigningKey.load(credential)


@pytest.mark.parametrize("environment", [{}, {"CREDENTIALS_DIRECTORY": "/nowhere"}])
def test_without_a_credential_the_key_lies_in_the_state_directory(tmp_path: Path, environment: dict[str, str]) -> None:
    """A service without that credential uses its file."""
    assert key_path(tmp_path, environment) == tmp_path / "signing-key.pem"


def test_what_is_shown_is_public() -> None:
    """Fingerprint for people, JWK for the platform; the private half appears in no text form."""
    key = SigningKey.from_seed(bytes(range(32)))

    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", fingerprint(key.public))
    assert published(key.public) == {
        "crv": "Ed25519",
        "kty": "OKP",
        "x": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
        "kid": "1IG2tMH7J2wbJZnOf8LJzQitKf7LMvoAElsuDMVM54Y",
        "alg": "EdDSA",
        "use": "sig",
    }
    assert PublicKey.from_jwk(published(key.public)) == key.public
    assert "Ed25519PrivateKey" not in repr(key)
