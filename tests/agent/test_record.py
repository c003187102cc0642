"""The record: canonical bytes, what a reading may be, sealing, and taking apart again."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from agent.keys import SigningKey
from agent.record import (
    BEGINNING,
    LARGEST,
    BadSignature,
    Position,
    PublicKey,
    RecordError,
    Sealer,
    Signed,
    WrongHeader,
    b64,
    canonical,
    digest,
    expressible,
    reading,
    readings,
    restore,
    split,
    unb64,
    verify,
)

KEY = SigningKey.from_seed(bytes(range(32)))
STAMP = {
    "ts": "2026-11-22T01:30:01.000Z",
    "clk": {"boot": "a6ebeace", "up": 1235.5, "q": "sync"},
    "cfg": "b2f1",
}
HELLO = {**STAMP, "kind": "hello", "software": "plantgate 0.1.0", "key": KEY.public.jwk, "reason": "enrolment"}
READINGS = {
    **STAMP,
    "kind": "readings",
    "device": "press-1",
    "values": {"power": 12.5, "running": True, "name": "压机"},
}

names = st.text(st.characters(max_codepoint=127), max_size=8)
numbers = (
    st.integers(-LARGEST, LARGEST)
    | st.floats(-LARGEST, LARGEST)
    | st.floats(1e-8, 1e-4)
    | st.floats(-1e-4, -1e-8)
    | st.integers(-1000, 1000).map(float)
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
documents = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(names, inner, max_size=5),
    max_leaves=30,
)


@given(documents)
@example({"a": 1e-06, "b": -0.0, "c": 9.999999999999999e-06, "d": 1e-07, "e": 0.00001})
@example({"text": "1.0,e-6]", "n": None, "x": 5.0})
@example({"value": "键", "a": [1.0]})
def test_canonical_bytes_are_those_of_an_rfc_8785_library(document: Any) -> None:
    """Over everything a record may hold, our fast way and a plain implementation write the same bytes."""
    assert canonical(document) == rfc8785.dumps(document)


@given(documents)
def test_canonical_bytes_do_not_depend_on_the_copy(document: Any) -> None:
    """Whatever JSON writer a copy went through, reading it and writing it canonically gives the signed bytes back."""
    assert canonical(json.loads(json.dumps(document, indent=3))) == canonical(document)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        {"a": [math.nan]},
        {"a": None, "b": math.inf},
        2**53,
        -(2**53),
        2.0**53,
        1e16,
        1e300,
        2**70,
        {"é": 1},
        {1: 2},
        {"a": "\ud800"},
        {"a": {1, 2}},
        {"a": b"bytes"},
    ],
    ids=repr,
)
def test_what_has_no_exact_text_is_refused(value: object) -> None:
    """A record never holds a rounded, guessed or unsortable value."""
    with pytest.raises(RecordError):
        canonical(value)
    with pytest.raises(RecordError):
        canonical({"inside": [value]})


def test_endless_nesting_is_refused() -> None:
    """A structure that contains itself ends in an error, not in a crash."""
    loop: list[Any] = [1.0]
    loop.append(loop)

    with pytest.raises(RecordError):
        canonical(loop)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (12.5, 12.5),
        (5.0, 5),
        (-0.0, 0),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        (2.0**53, None),
        (-(2.0**53), None),
        (2.0**53 - 1, LARGEST),
        (2**53, None),
        (LARGEST, LARGEST),
        (True, True),
        (None, None),
        ("压机", "压机"),
        ("bad \ud800", "bad ?"),
    ],
    ids=repr,
)
def test_a_reading_is_exact_or_nothing(value: Any, wanted: Any) -> None:
    """Integral floats become integers, minus zero zero; what the wire cannot carry becomes null."""
    assert repr(reading(value)) == repr(wanted)
    assert repr(readings([value, 1.5])) == repr([wanted, 1.5])


@given(st.lists(st.none() | st.booleans() | st.floats() | st.integers() | st.text()))
def test_readings_can_always_be_sealed(values: list[Any]) -> None:
    """Whatever an instrument says, its record can be written; the fast list and the single reading agree."""
    normal = readings(values)

    assert repr(normal) == repr([reading(value) for value in values])
    assert json.loads(canonical(normal)) == normal


def test_configuration_may_hold_larger_numbers_as_text() -> None:
    """A 64-bit sentinel is no reading, but it gives readings their meaning, so it must reach the hash."""
    assert expressible({"unavailable": (0xFFFFFFFFFFFFFFFF, 7), "offset": 1e20, "nan": math.nan}) == {
        "unavailable": ["18446744073709551615", 7],
        "offset": "1e+20",
        "nan": None,
    }


def test_configuration_is_copied_only_where_it_must_change() -> None:
    """A large configuration is not held twice, and what like devices share stays shared."""
    fine: dict[str, object] = {"unit": "kW", "at": 3, "list": [1.5, None, True]}
    wide: dict[str, object] = {"unavailable": 1 << 63, "fine": fine}
    said = expressible({"a": wide, "b": wide})

    assert expressible(fine) is fine
    assert said["a"] is said["b"]
    assert said["a"]["fine"] is fine
    assert wide["unavailable"] == 1 << 63, "what was given is not touched"


def test_the_digest_tells_configurations_apart() -> None:
    """Order of members does not matter; one changed scale factor does."""
    one = digest({"a": {"scale": 0.1, "unit": "kW"}})

    assert one == digest({"a": {"unit": "kW", "scale": 0.1}})
    assert one != digest({"a": {"unit": "kW", "scale": 0.2}})
    assert len(one) == 43


def test_the_algorithm_reproduces_a_known_record() -> None:
    """A record made by others with the same key and another `typ` comes out bit for bit."""
    body = {
        "box": "egw-7f3a", "cfg": "b2f1", "chain": "c1", "clk": {"boot": "a6ebeace", "q": "sync", "up": 1235.5},
        "kind": "readings", "prev": "A" * 43, "seq": 1,
        "r": [{"p": "stack1.so2", "q": 0, "v": 12.5}, {"p": "meter1.kw", "q": 0, "v": 3}],
        "ts": "2026-11-22T01:30:01.000Z", "v": 1,
    }  # fmt: skip
    header = b64(canonical({"alg": "EdDSA", "kid": KEY.kid, "typ": "egw-rec+json"}))
    message = f"{header}.{b64(canonical(body))}".encode()

    assert b64(KEY.sign(message)) == (
        "BVl2GsHEzyVQhqxfPwbzH-ykMoTui6qcrlt4KFxi52aQO0FYgvoXjmqr7NAEpcCZIIvSiZO_RV9p3TYK9i0eDA"
    )
    wire = canonical(body)[:-1] + f',"sig":"{header}..{b64(KEY.sign(message))}"}}'.encode()
    assert split(wire).id == "Im8NkkEtkRQCxYZTPOxo2LAXdqsuLq1IzJ5ZugRZiKA"


# --- sealing -----------------------------------------------------------------------------------------------------


def test_the_first_record_names_the_chain() -> None:
    """The genesis record holds no chain, since it cannot hold its own id; every later record holds that id."""
    sealer = Sealer("jn-0417", KEY)
    genesis, after = sealer.seal(BEGINNING, HELLO)
    second, at = sealer.seal(after, READINGS)

    assert json.loads(genesis.wire)["chain"] == json.loads(genesis.wire)["prev"] == ""
    assert after == Position(genesis.id, 1, genesis.id)
    assert at == Position(genesis.id, 2, second.id)
    body = json.loads(second.wire)
    assert (body["chain"], body["prev"], body["seq"], body["v"], body["gw"]) == (
        genesis.id,
        genesis.id,
        2,
        1,
        "jn-0417",
    )
    assert (second.seq, second.kind) == (2, "readings")


def test_the_signature_is_the_last_member_of_the_canonical_body() -> None:
    """The wire is the signed bytes, with the signature inside the last brace."""
    record, _ = Sealer("jn-0417", KEY).seal(Position("c" * 43, 7, "p" * 43), READINGS)
    members = json.loads(record.wire)
    sig = members.pop("sig")

    assert record.wire == canonical(members)[:-1] + f',"sig":"{sig}"}}'.encode()


def test_sealing_twice_gives_the_same_bytes() -> None:
    """A record sealed, lost before its commit and sealed again is the same record, not a fork."""
    sealer = Sealer("jn-0417", KEY)

    assert sealer.seal(BEGINNING, HELLO) == sealer.seal(BEGINNING, HELLO)


@pytest.mark.parametrize("name", ["v", "gw", "chain", "seq", "prev", "sig"])
def test_a_draft_cannot_set_what_the_sealer_sets(name: str) -> None:
    """Nobody upstream chooses a number, a chain or a signature."""
    with pytest.raises(RecordError, match=name):
        Sealer("jn-0417", KEY).seal(BEGINNING, {**HELLO, name: 1})


@pytest.mark.parametrize(
    ("at", "draft"),
    [
        (BEGINNING, READINGS),
        (Position("c", 0, ""), HELLO),
        (Position("c" * 43, 3, "p" * 43), {**READINGS, "kind": "gossip"}),
        (Position("c" * 43, 3, "p" * 43), STAMP),
        (Position("c" * 43, 3, "p" * 43), {**READINGS, "values": {"power": math.nan}}),
    ],
    ids=["no hello", "half a beginning", "unknown kind", "no kind", "not a number"],
)
def test_what_cannot_be_a_record_is_refused(at: Position, draft: dict[str, Any]) -> None:
    """Sealing fails as a whole, with nothing signed."""
    with pytest.raises(RecordError):
        Sealer("jn-0417", KEY).seal(at, draft)


# --- opening -----------------------------------------------------------------------------------------------------

WIRE = Sealer("jn-0417", KEY).seal(BEGINNING, HELLO)[0]


def test_both_ways_of_opening_agree() -> None:
    """Cutting the bytes and writing the parsed members canonically give the same signed bytes and the same id."""
    assert split(WIRE.wire) == restore(json.loads(WIRE.wire))
    assert split(WIRE.wire).id == WIRE.id
    verify(split(WIRE.wire), KEY.public)


@given(st.integers(0, len(WIRE.wire) - 1), st.integers(1, 255))
def test_no_changed_byte_passes(place: int, change: int) -> None:
    """Whatever byte is changed to whatever else, the record no longer verifies."""
    changed = bytearray(WIRE.wire)
    changed[place] ^= change

    with pytest.raises(RecordError):
        verify(split(bytes(changed)), KEY.public)


@pytest.mark.parametrize(
    "header",
    [
        b"not base64url!",
        b64(b"not JSON").encode(),
        b64(b"[]").encode(),
        b64(b'{"alg":"EdDSA","kid":7,"typ":"plantgate+json"}').encode(),
        b64(b'{"alg":"EdDSA","kid":"k"}').encode(),
        b64(b'{"alg":"EdDSA","crit":["exp"],"kid":"k","typ":"plantgate+json"}').encode(),
    ],
)
def test_a_header_has_three_members(header: bytes) -> None:
    """Nothing more (RFC 7515 section 4.1.11 lets a header change the rules) and nothing less."""
    with pytest.raises(WrongHeader):
        _ = Signed(b"{}", header, b"").kid


def test_another_key_does_not_verify() -> None:
    """The header must name the very key it is checked with."""
    with pytest.raises(WrongHeader):
        verify(split(WIRE.wire), SigningKey.from_seed(bytes(32)).public)


def test_a_signature_with_stray_bits_is_no_second_signature() -> None:
    """base64url has one text for one signature; a longer look-alike is refused."""
    signed = split(WIRE.wire)
    last = {"A": "B", "Q": "R", "g": "h", "w": "x"}[chr(signed.signature[-1])]
    other = type(signed)(signed.body, signed.header, signed.signature[:-1] + last.encode())

    with pytest.raises(BadSignature):
        verify(other, KEY.public)


@pytest.mark.parametrize("text", ["a", "AA==", "AB", "A+", "A A", "é"])
def test_base64url_is_strict(text: str) -> None:
    """No padding, no other alphabet, no stray bits."""
    with pytest.raises(RecordError):
        unb64(text)


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        {},
        {"kty": "EC", "crv": "P-256", "x": "", "y": ""},
        {**KEY.public.jwk, "d": "secret"},
        {**KEY.public.jwk, "x": "AAAA"},
        {**KEY.public.jwk, "x": 7},
        {**KEY.public.jwk, "alg": "ES256"},
    ],
    ids=str,
)
def test_only_an_ed25519_public_key_is_one(jwk: object) -> None:
    """Private keys, other algorithms and keys of the wrong length are refused."""
    with pytest.raises(RecordError):
        PublicKey.from_jwk(jwk)


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    """RFC 8037 appendix A.3 gives a key and its RFC 7638 thumbprint."""
    key = PublicKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})

    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
