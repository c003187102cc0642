"""The signed record: *the* definition of the wire format (docs/wire-format.md says the same for other languages).

    body = {"v":1,"gw":…,"chain":…,"seq":n,"prev":id of record n-1,"kind":…,"ts":…,"clk":{…},"cfg":…, …}
    B    = JCS(body)                                                     RFC 8785
    H    = base64url(JCS({"alg":"EdDSA","kid":…,"typ":"plantgate+json"}))  RFC 7515, kid after RFC 7638
    S    = base64url(Ed25519(H + "." + base64url(B)))                    RFC 8037, a detached JWS (RFC 7515 appendix F)
    wire = B[:-1] + ',"sig":"' + H + '..' + S + '"}'
    id   = base64url(SHA-256(H + "." + base64url(B)))

What holds: the published bytes are the signed bytes; nothing is serialised twice; what cannot be written exactly is
refused, never rounded. Pure: no clock, no file, no socket. It knows signatures, not what a record means.
"""

from __future__ import annotations

import math
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from operator import is_
from typing import Any, Final, Protocol

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Value = float | int | bool | str | None

VERSION: Final = 1
ALGORITHM: Final = "EdDSA"
TYPE: Final = "plantgate+json"
KINDS: Final = ("readings", "alarm", "event", "clock", "config", "gap", "key", "hello", "result", "health")
LARGEST: Final = 2**53 - 1
"""The largest integer that every JSON implementation reads exactly (RFC 8785 section 3.2.2.3, RFC 7493 section 2.2)."""

_TOO_LARGE: Final = float(LARGEST + 1)
_OWN_MEMBERS: Final = frozenset({"v", "gw", "chain", "seq", "prev", "sig"})
_SIG: Final = b',"sig":"'


class RecordError(Exception):
    """Something that cannot be a record: a value that cannot be written exactly, or bytes that are not one."""


class WrongHeader(RecordError):
    """The protected header is not the one this key must use. Never believed, so never a way to choose an algorithm."""


class BadSignature(RecordError):
    """The signature does not belong to these bytes and this key."""


# --- canonical JSON ----------------------------------------------------------------------------------------------

_FAST: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_DATACLASS
_OPTIONS: Final = _FAST | orjson.OPT_PASSTHROUGH_DATETIME
# The only texts orjson may write for a number that ECMAScript writes differently (or that we refuse): integral floats
# "1.0", one decade of small numbers "1e-6", and everything from 1e16 up. A string may look alike: that costs time only.
_INTEGRAL: Final = re.compile(rb"\.0[,}\]]")
_EXPONENT: Final = re.compile(rb"e(?:-6|\+?[0-9]+)[,}\]]")


def canonical(value: object) -> bytes:
    """Return the RFC 8785 (JCS) bytes of `value`.

    Tuples are arrays. Numbers are written as ECMAScript does: 1.0 as ``1``, -0.0 as ``0``, 1e-6 as ``0.000001``.
    Raises `RecordError` for NaN, infinities, numbers of 2^53 and more, keys that are not ASCII text, lone surrogates,
    and anything that is not JSON.
    """
    try:
        text = orjson.dumps(value, option=_OPTIONS)
        if _is_exact(text, value):
            return text
        return orjson.dumps(_exact(value), option=_OPTIONS)
    except (TypeError, RecursionError) as error:  # orjson's JSONEncodeError is a TypeError
        raise RecordError(f"not writable as canonical JSON: {error}") from error


def _is_exact(text: bytes, value: object) -> bool:
    """Whether orjson wrote `text` canonically. A null may be a NaN, and only ASCII names sort as JCS wants."""
    if text[-1:] not in b"}]" or not text.isascii() or _INTEGRAL.search(text) or _EXPONENT.search(text):
        return False
    nulls = text.count(b"null")
    return nulls == 0 or nulls == _nones(value)


def _nones(value: object) -> int:
    """Count the ``None`` in JSON-like data: as many as there are nulls in its text, unless one of those was a NaN."""
    if value is None:
        return 1
    members: Any = value.values() if isinstance(value, dict) else value
    return sum([_nones(member) for member in members if member.__class__ in _COUNTED])


_COUNTED: Final = frozenset({dict, list, tuple, type(None)})


def _exact(value: object) -> object:
    """Return `value` with every number as orjson must be given it; raise `RecordError` for what has no exact text."""
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        for key in value:
            if not (isinstance(key, str) and key.isascii()):
                raise RecordError(f"a member name must be ASCII text: {key!r}")
        return {key: _exact(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    return value


def _number(value: float) -> int | float | orjson.Fragment:
    """Return a float as something orjson writes like ECMAScript's Number::toString (ECMA-262 section 6.1.6.1.20)."""
    if not -_TOO_LARGE < value < _TOO_LARGE:  # NaN fails both
        raise RecordError(f"not a number for the wire: {value!r}")
    if value.is_integer():
        return int(value)
    if 1e-6 <= abs(value) < 1e-5:  # noqa: PLR2004 - positional from 1e-6 up; orjson only from 1e-5
        return orjson.Fragment(format(Decimal(repr(value)), "f").encode())
    return value


def reading(value: Value) -> Value:
    """Return one reading as the wire can carry it, or ``None``: NaN, infinities, 2^53 and more are no readings.

    Integral floats become integers, text that is not Unicode loses what is not.
    """
    if isinstance(value, float):
        if not -_TOO_LARGE < value < _TOO_LARGE:
            return None
        return int(value) if value.is_integer() else value
    if isinstance(value, int):
        return value if -LARGEST <= value <= LARGEST else None
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return value


def readings(values: Iterable[Value]) -> list[Value]:
    """Return `reading` of each value, at a few hundredths of a microsecond for a float."""
    low, high = -_TOO_LARGE, _TOO_LARGE
    return [
        (int(value) if value.is_integer() else value)
        if isinstance(value, float) and low < value < high
        else reading(value)
        for value in values
    ]


def expressible(value: object) -> Any:
    """Return any JSON-like data as the wire can carry it: integers of 2^53 and more as decimal text, NaN as null.

    For configuration (sentinels such as 0xFFFFFFFFFFFFFFFF) and counters; readings go through `readings`. Not a copy
    where nothing has to change, and what is shared stays shared: a large configuration is not there twice.
    """
    return _expressible(value, {})


def _expressible(value: object, done: dict[int, Any]) -> Any:
    if isinstance(value, Mapping | list | tuple):
        if id(value) not in done:
            done[id(value)] = _with_expressible_members(value, done)
        return done[id(value)]
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        return str(value)
    if isinstance(value, float) and math.isfinite(value) and abs(value) > LARGEST:
        return repr(value)
    return reading(value) if isinstance(value, float | str) else value


def _with_expressible_members(value: Mapping[Any, Any] | Sequence[Any], done: dict[int, Any]) -> Any:
    if isinstance(value, Mapping):
        named = {str(key): _expressible(member, done) for key, member in value.items()}
        is_same = isinstance(value, dict) and named.keys() == value.keys()
        return value if is_same and all(map(is_, named.values(), value.values())) else named
    items = [_expressible(item, done) for item in value]
    return value if isinstance(value, list) and all(map(is_, items, value)) else items


def digest(value: object) -> str:
    """Return base64url(SHA-256(JCS(value))): the `cfg` of a configuration. Equal digests, equal meaning."""
    return b64(sha256(canonical(expressible(value))).digest())


# --- base64url without padding (RFC 7515 section 2) --------------------------------------------------------------


def b64(data: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: bytes | str) -> bytes:
    """Return the bytes of strict base64url: no padding, no other characters, no stray bits. Raises `RecordError`."""
    raw = text.encode() if isinstance(text, str) else text
    try:
        data = urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except ValueError as error:
        raise RecordError("not base64url") from error
    if urlsafe_b64encode(data).rstrip(b"=") != raw:
        raise RecordError("not strict base64url")
    return data


# --- keys --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An enrolled Ed25519 key (RFC 8037). It fixes the algorithm: a header can only agree, by either name."""

    x: bytes
    kid: str = field(init=False)
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.x))
        except ValueError as error:
            raise RecordError("an Ed25519 public key has 32 bytes") from error
        object.__setattr__(self, "kid", b64(sha256(canonical(self.jwk)).digest()))  # RFC 7638 section 3

    @classmethod
    def from_jwk(cls, jwk: object) -> PublicKey:
        """Return the key of a public JWK. Raises `RecordError`, also for a private key handed over by mistake."""
        if not isinstance(jwk, Mapping):
            raise RecordError("a JWK is a JSON object")
        if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or not isinstance(jwk.get("x"), str):
            raise RecordError('not an Ed25519 public key: want {"kty":"OKP","crv":"Ed25519","x":"…"}')
        if "d" in jwk:
            raise RecordError("this JWK holds a private key; give the public one only, and change that key")
        if jwk.get("alg", ALGORITHM) not in _ALGORITHMS:
            raise RecordError(f"the JWK's alg must be EdDSA or Ed25519, not {jwk['alg']!r}")
        return cls(unb64(jwk["x"]))

    @property
    def jwk(self) -> dict[str, str]:
        """The JWK with exactly the members RFC 7638 hashes (section 3.2, RFC 8037 section 2)."""
        return {"crv": "Ed25519", "kty": "OKP", "x": b64(self.x)}

    def is_signature(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is this key's over `message`."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


_ALGORITHMS: Final = (ALGORITHM, "Ed25519")  # RFC 9864 renames EdDSA; libraries do not follow yet


class Signer(Protocol):
    """What a sealer needs of a private key (`agent.keys.SigningKey` in the product)."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of `message`, 64 bytes."""


# --- sealing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Position:
    """The last record of a chain: its `seq` and its id (`head`). ``Position("", 0, "")`` is before any record."""

    chain: str
    seq: int
    head: str


BEGINNING: Final = Position("", 0, "")


@dataclass(frozen=True, slots=True)
class Sealed:
    """One record, signed: `wire` is what is stored and published, byte for byte."""

    seq: int
    id: str
    kind: str
    wire: bytes


class Sealer:
    """Turns drafts into records of one gateway. Holds no position: that is passed in, and what comes out committed."""

    __slots__ = ("_header", "_key", "gw", "kid")

    def __init__(self, gw: str, key: Signer) -> None:
        self.gw = gw
        self.kid = key.public.kid
        self._key = key
        self._header = _header(ALGORITHM, self.kid)

    def seal(self, at: Position, draft: Mapping[str, Any]) -> tuple[Sealed, Position]:
        """Return `draft` as the record after `at`, and the position after it.

        `draft` holds every member but v, gw, chain, seq, prev. The first record of a chain must be a ``hello``; its id
        is the chain. Raises `RecordError`, and then nothing has happened.
        """
        kind = draft.get("kind")
        if at.seq == 0 and (kind != "hello" or at != BEGINNING):
            raise RecordError("a chain begins with a hello at the beginning of everything")
        if kind not in KINDS:
            raise RecordError(f"no such kind of record: {kind!r}")
        if not _OWN_MEMBERS.isdisjoint(draft):
            raise RecordError(f"members only a sealer may write: {sorted(_OWN_MEMBERS & draft.keys())}")
        seq = at.seq + 1
        body = canonical({**draft, "v": VERSION, "gw": self.gw, "chain": at.chain, "seq": seq, "prev": at.head})
        message = self._header + b"." + urlsafe_b64encode(body).rstrip(b"=")
        signature = urlsafe_b64encode(self._key.sign(message)).rstrip(b"=")
        wire = b"".join((body[:-1], _SIG, self._header, b"..", signature, b'"}'))
        own_id = b64(sha256(message).digest())
        return Sealed(seq, own_id, kind, wire), Position(at.chain or own_id, seq, own_id)


def _header(algorithm: str, kid: str) -> bytes:
    """Return H. `typ` binds the kind of thing that is signed into what is signed (RFC 8725 section 3.11)."""
    return b64(canonical({"alg": algorithm, "kid": kid, "typ": TYPE})).encode()


# --- opening -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signed:
    """A record taken apart: `body` is B; `header` (H) and `signature` (S) are base64url as they stand."""

    body: bytes
    header: bytes
    signature: bytes

    @property
    def message(self) -> bytes:
        """What was signed: the JWS signing input (RFC 7515 section 5.1)."""
        return self.header + b"." + urlsafe_b64encode(self.body).rstrip(b"=")

    @property
    def id(self) -> str:
        """The record's name; `prev` of the next one."""
        return b64(sha256(self.message).digest())

    @property
    def kid(self) -> str:
        """The key the record says it was signed with. Raises `WrongHeader`."""
        try:
            header = orjson.loads(unb64(self.header))
        except (RecordError, ValueError) as error:
            raise WrongHeader("the header is not base64url JSON") from error
        if not isinstance(header, dict) or header.keys() != {"alg", "kid", "typ"} or not isinstance(header["kid"], str):
            raise WrongHeader("the header must have exactly the members alg, kid and typ")
        return header["kid"]


def split(wire: bytes) -> Signed:
    """Take a record's own bytes apart, the byte-exact way: cut at the last ``,"sig":"``. Raises `RecordError`."""
    at = wire.rfind(_SIG)
    if at < 0 or not wire.endswith(b'"}'):
        raise RecordError('no "sig" as the last member')
    header, dots, signature = wire[at + len(_SIG) : -2].partition(b"..")
    if not dots:
        raise RecordError('"sig" is not a detached JWS')
    return Signed(wire[:at] + b"}", header, signature)


def restore(members: Mapping[str, Any]) -> Signed:
    """Take a parsed record apart, whatever spacing and member order it travelled in. Raises `RecordError`."""
    sig = members.get("sig")
    if not isinstance(sig, str):
        raise RecordError('no "sig"')
    header, dots, signature = sig.partition("..")
    if not dots or not sig.isascii():
        raise RecordError('"sig" is not a detached JWS')
    body = canonical({name: member for name, member in members.items() if name != "sig"})
    return Signed(body, header.encode(), signature.encode())


def verify(signed: Signed, key: PublicKey) -> None:
    """Check a signature with an enrolled key. Raises `WrongHeader` or `BadSignature`."""
    if signed.header not in {_header(algorithm, key.kid) for algorithm in _ALGORITHMS}:
        raise WrongHeader("the header's alg, kid or typ is not what this key must use")
    try:
        signature = unb64(signed.signature)
    except RecordError as error:
        raise BadSignature("the signature is not base64url") from error
    if not key.is_signature(signature, signed.message):
        raise BadSignature("the signature does not belong to these bytes")
