"""What must never leave the box, taken out of texts that do. Pure.

Two nets, one behind the other: by shape (private keys, members named like a secret, passwords in addresses), and by
value (the secrets of this very site, in the forms in which they could appear).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK: Final = "***"
SHORTEST: Final = 4
"""A secret of fewer characters is not looked for by value: it would be found everywhere."""

_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_ADDRESS: Final = re.compile(r"(?<=://)[^\s\"']+(?=@)")
_NAME: Final = (
    r"(?:passw|passphrase|pwd|secret|token|credential|api_?key|private_?key|sm4_key|密码|口令|密钥|令牌)[\w.-]{0,64}+"
)
_MEMBER: Final = re.compile(
    rf"(?P<name>(?P<word>{_NAME})[\"']?\s*[=:]\s*)"
    r"(?P<value>\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\]|\\.)*\"|'[^'\n]*'|[^\s,;}\]\"']+)",
    re.IGNORECASE | re.DOTALL,
)
_PATH_NAME: Final = re.compile(r"_(file|files|path)$", re.IGNORECASE)
_NONE: Final = ("null", "true", "false", "None")
_KEY_BYTES: Final = 32


def redacted(text: str, secrets: Iterable[bytes] = ()) -> str:
    """Return the text without secrets; `secrets` are those known by value."""
    text = _PRIVATE_KEY.sub("(private key taken out)", text)
    text = _ADDRESS.sub(MASK, text)
    text = _MEMBER.sub(_masked, text)
    forms = {form for secret in secrets for form in forms_of(secret) if len(form) >= SHORTEST}
    for form in sorted(forms, key=len, reverse=True):
        text = re.sub(re.escape(form), MASK, text, flags=re.IGNORECASE if _is_hex(form) else 0)
    return text


def _masked(found: re.Match[str]) -> str:
    """Mask a value, unless it is only the path of a file (``password_file``) or says that there is none."""
    if _PATH_NAME.search(found["word"]) or found["value"] in _NONE:
        return found[0]
    is_json = '"' in found["name"]  # there a bare word would be no JSON any more
    quoted = found["value"][0] if found["value"][0] in "\"'" else '"' if is_json else ""
    return f"{found['name']}{quoted}{MASK}{quoted}"


def _is_hex(form: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32,}", form) is not None


def forms_of(secret: bytes) -> set[str]:
    """Return how a secret could appear in a text: as it is, in a URL, in base64 and hex; of a PEM file, its inside."""
    body = secret.strip()
    found = {line.decode("utf-8", "replace").strip() for line in body.splitlines()}
    found = {line for line in found if not line.startswith("-----")}
    raw = {body}
    inside = b"".join(line for line in body.splitlines() if not line.startswith(b"-----"))
    if body.startswith(b"-----"):
        raw = {inside}
        try:
            der = base64.b64decode(inside, validate=True)
        except (ValueError, binascii.Error):
            der = b""
        raw |= {der, der[-_KEY_BYTES:]} if der else set()  # PKCS #8 of Ed25519 ends with the seed (RFC 8410)
        found.add(inside.decode("ascii", "replace"))
    for one in raw:
        coded = {base64.b64encode(one).decode(), base64.urlsafe_b64encode(one).decode()}
        found |= coded | {text.rstrip("=") for text in coded} | {one.hex()}
    return {form for line in found for form in (line, quote(line, safe=""))}
