"""The bundle as a file: which files it holds, how each is hashed while it is written, and the two ways it is signed.

    records.jsonl  elsewhere.jsonl  key.jwk  chain.json  report.html  HOWTO.txt     what is proved
    manifest.json                                                                   their hashes, and what this is
    manifest.sig.json                                                               the gateway's word on the manifest

Signed by the *chain*: a record ``exported`` with the manifest's SHA-256, which stands in the chain itself, so that the
gateway cannot deny the export either. Signed by the *key*, while the agent does not run: a detached JWS over the bytes
of the manifest, with a `typ` of its own, so that neither can be taken for the other. Signed by *nobody*: no such file.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal
from zipfile import ZIP_DEFLATED, ZipInfo

from agent.record import ALGORITHM, BadSignature, PublicKey, RecordError, Signer, WrongHeader, b64, canonical, unb64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zipfile import ZipFile

RECORDS: Final = "records.jsonl"
ELSEWHERE: Final = "elsewhere.jsonl"
KEY: Final = "key.jwk"
CHAIN: Final = "chain.json"
REPORT: Final = "report.html"
HOWTO: Final = "HOWTO.txt"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig.json"
LISTED: Final = (RECORDS, ELSEWHERE, KEY, CHAIN, REPORT, HOWTO)
"""The files whose hashes stand in the manifest."""

KIND: Final = "plantgate-export"
MANIFEST_TYPE: Final = "plantgate-manifest+json"
By = Literal["chain", "key", "nobody"]
"""Who vouches for the manifest."""

Moment = tuple[int, int, int, int, int, int]
"""Year to second, as a zip file dates its files."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """What the manifest says of a file."""

    sha256: str
    bytes: int


class Binder:
    """Puts files into an archive and remembers the hash of each."""

    def __init__(self, archive: ZipFile, made: Moment) -> None:
        self._archive = archive
        self._made = made
        self.files: dict[str, Hashed] = {}

    @contextmanager
    def file(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Yield what appends to a new file. One file at a time."""
        info = ZipInfo(name, self._made)
        info.compress_type = ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        digest, size = sha256(), 0
        with self._archive.open(info, "w", force_zip64=True) as stream:

            def write(data: bytes) -> None:
                nonlocal size
                stream.write(data)
                digest.update(data)
                size += len(data)

            yield write
        self.files[name] = Hashed(digest.hexdigest(), size)

    def put(self, name: str, data: bytes) -> None:
        """Put in a whole file."""
        with self.file(name) as write:
            write(data)


def written(value: Any) -> bytes:
    """Return JSON that people can read as well."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


# --- a signature by the key alone ------------------------------------------------------------------------------------


def sealed(manifest: bytes, key: Signer) -> bytes:
    """Return a flattened JWS over the bytes of a manifest, without them (RFC 7515 section 7.2.2, appendix F)."""
    header = _header(key.public.kid)
    return written({"protected": header, "signature": b64(key.sign(_message(header, manifest)))})


def unsealed(manifest: bytes, jws: dict[str, Any], key: PublicKey) -> None:
    """Check such a signature. Raises `WrongHeader` or `BadSignature`."""
    if jws.get("protected") != _header(key.kid):
        raise WrongHeader("the header of the signature is not the one this key must use")
    try:
        signature = unb64(str(jws.get("signature")))
    except RecordError as error:
        raise BadSignature("the signature is not base64url") from error
    if not key.is_signature(signature, _message(_header(key.kid), manifest)):
        raise BadSignature("the signature does not belong to this manifest")


def _header(kid: str) -> str:
    return b64(canonical({"alg": ALGORITHM, "kid": kid, "typ": MANIFEST_TYPE}))


def _message(header: str, manifest: bytes) -> bytes:
    return f"{header}.{b64(manifest)}".encode()
