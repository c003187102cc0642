"""What leaves the box has no secrets in it: by shape, and by value."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.doctor.redact import forms_of, redacted
from agent.keys import SigningKey

SHAPES = {
    "toml": ('password = "geheim"', 'password = "***"'),
    "toml, multi-line": ('token = """ge\nheim"""', 'token = "***"'),
    "single quotes": ("secret = 'geheim'", "secret = '***'"),
    "no quotes": ("mqtt_password=geheim next", "mqtt_password=*** next"),
    "yaml": ("api_key: geheim\nx: 1", "api_key: ***\nx: 1"),
    "json": ('{"sm4_key": "geheim", "a": 1}', '{"sm4_key": "***", "a": 1}'),
    "a comment": ("# old passwd: geheim", "# old passwd: ***"),
    "in an address": ("mqtt://jn:geheim@host:1883", "mqtt://***@host:1883"),
    "an address with marks in the password": ("mqtt://b:h@nter2/x@host", "mqtt://***@host"),
    "a Chinese name": ('"密码" = "geheim"', '"密码" = "***"'),
    "the path of a file stays": ('password_file = "mqtt.password"', 'password_file = "mqtt.password"'),
    "words stay": ("look at the password and the token", "look at the password and the token"),
    "a private key": (
        "a\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\nb",
        "a\n(private key taken out)\nb",
    ),
    "half a private key": ("x -----BEGIN EC PRIVATE KEY-----\nAAAA", "x (private key taken out)"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_secrets_are_known_by_their_shape(name: str) -> None:
    """A table of texts and what is left of them."""
    text, left = SHAPES[name]

    assert redacted(text) == left


PASSWORD = b"h4rd+to/gue ss\n"


@pytest.mark.parametrize("form", sorted(forms_of(PASSWORD)))
def test_a_known_password_is_taken_out_in_every_form(form: str) -> None:
    """As it is, in a URL, in base64, in hex: nothing of it is left."""
    assert form not in redacted(f"log: said {form} to the broker", [PASSWORD])


def test_the_bytes_of_a_key_are_taken_out_however_they_are_written() -> None:
    """The seed of an Ed25519 key in hex, upper-case hex and base64; the lines of its file."""
    seed = bytes(range(32))
    pem = pem_of(seed)
    b64 = pem.decode().splitlines()[1]
    texts = [seed.hex(), seed.hex().upper(), b64, b64[-20:] and pem.decode()]

    for text in texts:
        assert text not in redacted(f"x {text} y", [pem])


def pem_of(seed: bytes) -> bytes:
    """Return the file of a key."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = SigningKey.from_seed(seed)._private
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@given(st.text(string.ascii_letters + string.digits + "+/=._- ", min_size=6, max_size=40), st.text(max_size=60))
def test_no_password_survives(password: str, around: str) -> None:
    """Whatever it is and whatever stands around it."""
    left = redacted(f"{around}{password.strip()}{around}", [password.encode()])

    assert len(password.strip()) < 4 or password.strip() not in left.replace("***", "") or password.strip() in around


def test_json_stays_json() -> None:
    """Masking breaks no document: findings, status and records stay readable."""
    told = {
        "password": "geheim",
        "note": "password: geheim, or token=x",
        "n": [1, {"secret": None, "token": 7}],
        "id": "broker-password",
    }

    assert json.loads(redacted(json.dumps(told)))["password"] == "***"


def test_a_long_line_is_no_trouble() -> None:
    """Megabytes without a blank take moments, not minutes."""
    text = "passw" * 200_000

    assert redacted(text) == text
