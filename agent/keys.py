"""The gateway's signing key: made once, kept private, never overwritten.

What holds: the key file is born complete (written aside, synced, linked into place) and readable by its owner only; an
existing file is never replaced, whatever is in it; a key that others can read is refused, because then a signature
proves nothing. A chain that has begun never gets a second key silently: where the file is gone, a person must decide.
"""

from __future__ import annotations

import os
import secrets
import stat
from base64 import b32encode
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from agent.record import PublicKey, canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE: Final = "signing-key.pem"
CREDENTIAL: Final = "signing-key"
INSTALLED: Final = Path("/etc/plantgate/record.key")
"""Where the Debian package keeps the key, for root alone; the service gets it as its credential."""
SERVICE_STATE: Final = Path("/var/lib/plantgate")
"""The state directory that goes with it."""
_LARGEST_FILE: Final = 16_384


class KeyProblem(Exception):
    """The signing key cannot be used: `what` is wrong, `where`, and what a person can do about it (`hint`)."""

    def __init__(self, what: str, where: Path, hint: str) -> None:
        super().__init__(f"{where}: {what} — {hint}")
        self.what = what
        self.where = where
        self.hint = hint


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key. Its text forms show the public half only."""

    _private: Ed25519PrivateKey = field(repr=False, compare=False)
    public: PublicKey

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """Return the key of a 32-byte seed (RFC 8032 section 5.1.5); for test vectors."""
        return cls._of(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load_or_create(cls, path: Path, *, may_create: bool) -> SigningKey:
        """Return the key in `path`; where there is none and `may_create`, make one. Raises `KeyProblem`.

        Pass ``may_create=False`` as soon as a chain exists: its records name a key that cannot be made again.
        """
        if may_create and not os.path.lexists(path):
            return cls.create(path)
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Return the key in `path`, a PKCS #8 PEM file (RFC 7468 section 10). Raises `KeyProblem`."""
        try:
            private = load_pem_private_key(_private_bytes(path), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyProblem("not a private key in PEM form", path, _RESTORE) from error
        if not isinstance(private, Ed25519PrivateKey):
            kind = type(private).__name__.strip("_").removesuffix("PrivateKey")
            raise KeyProblem(f"a key of another kind ({kind}); records are signed with Ed25519", path, _RESTORE)
        return cls._of(private)

    @classmethod
    def create(cls, path: Path) -> SigningKey:
        """Make a key and write it to `path`, durably. An existing file is loaded instead, never replaced.

        Raises `KeyProblem`.
        """
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, parents=True)
            _refuse_shared(path.parent)
            _put(path, pem)
        except OSError as error:
            if path.exists():
                return cls.load(path)  # somebody else was first
            hint = "the state directory must be on a disk with room and belong to the user the gateway runs as"
            raise KeyProblem(f"the signing key cannot be written: {error.strerror}", path, hint) from error
        return cls._of(private)

    @classmethod
    def _of(cls, private: Ed25519PrivateKey) -> SigningKey:
        return cls(private, PublicKey(private.public_key().public_bytes_raw()))

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint that names this key in every record."""
        return self.public.kid

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of `message`. The same message always gives the same signature."""
        return self._private.sign(message)


_RESTORE: Final = "restore this file from a backup, or move the whole state directory away and enrol a new chain"


def key_path(state_dir: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the key is: the service's credential (systemd.exec, LoadCredential=) if it has one, else a file.

    People who ask about the service's own state directory mean the key that the service is given.
    """
    given = environment.get("CREDENTIALS_DIRECTORY")
    if given and (credential := Path(given) / CREDENTIAL).exists():
        return credential
    if state_dir == SERVICE_STATE and os.path.lexists(INSTALLED):
        return INSTALLED
    return state_dir / FILE


def fingerprint(key: PublicKey) -> str:
    """Return the key's name for people: eight groups of four letters and digits (no 0, 1, 8, 9), 160 bits."""
    letters = b32encode(sha256(canonical(key.jwk)).digest()[:20]).decode()
    return " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def published(key: PublicKey) -> dict[str, str]:
    """Return the public JWK as a platform wants it for enrolment, with what it is for."""
    return {**key.jwk, "kid": key.kid, "alg": "EdDSA", "use": "sig"}


def _private_bytes(path: Path) -> bytes:
    """Return the bytes of a file that nobody but its owner can read."""
    try:
        with path.open("rb") as file:
            _refuse_readable(path, os.fstat(file.fileno()))
            return file.read(_LARGEST_FILE)
    except FileNotFoundError as error:
        raise KeyProblem("the signing key is missing", path, _RESTORE) from error
    except OSError as error:
        hint = f"it must be readable by the user the gateway runs as (uid {os.geteuid()})"
        raise KeyProblem(f"the signing key cannot be read: {error.strerror}", path, hint) from error


def _refuse_readable(path: Path, status: os.stat_result) -> None:
    """Refuse a key that others can read. A credential's access list shows as group bits (0440); those may stay."""
    if not stat.S_ISREG(status.st_mode):
        raise KeyProblem("the signing key is not a file", path, _RESTORE)
    others = 0o007 if path.name == CREDENTIAL else 0o077
    if status.st_mode & others:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        hint = f"chmod 600 {path}, and ask who could have copied it: a copied key signs as this gateway"
        raise KeyProblem(f"the signing key is readable by others (mode {mode})", path, hint)


def _refuse_shared(directory: Path) -> None:
    """Refuse a directory in which anybody could swap the key for another."""
    mode = directory.stat().st_mode
    if mode & 0o002 and not mode & stat.S_ISVTX:
        raise KeyProblem("everybody may write to this directory", directory, f"chmod 700 {directory}")


def _put(path: Path, data: bytes) -> None:
    """Bring `path` into being with `data` and mode 0600, all or nothing, synced. Raises `OSError`."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, so that the mode is right from the first byte
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)  # unlike a rename, refuses to replace
    finally:
        aside.unlink()
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
