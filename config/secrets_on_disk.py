"""Files that a site file names: passwords, certificates, keys. They must be there, readable, and nobody else's.

Their content is looked at only as far as needed to tell an empty or wrong file; it never gets into a message.
"""

from __future__ import annotations

import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any

from config.problem import Mistake

if TYPE_CHECKING:
    from pathlib import Path

    from config.entry import Entry
    from config.findings import Findings
    from config.schema import DeviceTable, MqttTable

_MOST_BYTES = 256 * 1024
_PEM = {"ca_file": b"CERTIFICATE-----", "cert_file": b"CERTIFICATE-----", "key_file": b"PRIVATE KEY-----"}
_PRIVATE = ("password_file", "key_file", "sm4_key_file")
_SM4_KEY = re.compile(rb"\s*[0-9A-Fa-f]{32}\s*")


def check_files(mqtt: Entry[MqttTable], root: Path, findings: Findings) -> None:
    """Note every file of ``[uplink.mqtt]`` that could not be used; relative paths count from `root`."""
    for key in ("password_file", "ca_file", "cert_file", "key_file"):
        name = getattr(mqtt.table, key) if mqtt.given(key) else None
        if name is not None:
            _check(mqtt, (key,), name, root, findings)
    for number, name in enumerate(mqtt.table.platform_keys if mqtt.ok("platform_keys") else []):
        _check(mqtt, ("platform_keys", number), name, root, findings)


def check_sm4_key(device: Entry[DeviceTable], protocol: str, root: Path, findings: Findings) -> None:
    """Note a key of a device that does not encrypt, and one that could not be used."""
    if not device.given("sm4_key_file") or device.table.sm4_key_file is None:
        return
    if protocol != "hj212":
        what = f"sm4_key_file: has no meaning for {protocol}"
        findings.mistake(device.at("sm4_key_file"), device.where, what, hint="leave it out; only HJ 212 encrypts")
        return
    _check(device, ("sm4_key_file",), device.table.sm4_key_file, root, findings)


def _check(
    mqtt: Entry[MqttTable] | Entry[DeviceTable], place: tuple[str | int, ...], name: str, root: Path, findings: Findings
) -> None:
    key = str(place[0])
    try:
        content = _content(root / name, is_private=key in _PRIVATE)
        _check_content(key, content)
    except Mistake as mistake:
        findings.mistake(mqtt.at(*place), mqtt.where, f"{key}: {mistake}", value=name, hint=mistake.hint)


def _content(path: Path, *, is_private: bool) -> bytes:
    """Return what the file holds, or raise `Mistake` with what to do about it."""
    mode, content = _opened(path)
    if not stat.S_ISREG(mode):
        raise Mistake("is no ordinary file", f"looked at {path}; name the file itself")
    if not content.strip():
        raise Mistake("is empty or far too long", f"looked at {path}")
    if is_private and mode & 0o077 and not _is_credential(path):
        raise Mistake(f"others may read it (mode {stat.S_IMODE(mode):04o})", f"chmod 600 {path}")
    return content


def _opened(path: Path) -> tuple[int, bytes]:
    """Return mode and content of a file; no content of what is no ordinary file or is far too long."""
    try:
        status = path.stat()
        is_readable = stat.S_ISREG(status.st_mode) and status.st_size <= _MOST_BYTES
        return status.st_mode, path.read_bytes() if is_readable else b""
    except FileNotFoundError:
        raise Mistake("there is no such file", f"looked for {path}; relative paths count from the site file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise Mistake(f"cannot be read ({reason})", f"looked at {path}; let the agent's user read it") from None


def _is_credential(path: Path) -> bool:
    """Whether systemd handed the file over (systemd.exec, "LoadCredential="); it guards the folder, not the mode."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.absolute().is_relative_to(str(folder))


def _check_content(key: str, content: bytes) -> None:
    if key in _PEM and _PEM[key] not in content:
        kind = "private key" if key == "key_file" else "certificate"
        raise Mistake(f"holds no {kind} in PEM form", f"a PEM file has a line -----BEGIN {kind.upper()}-----")
    if key == "password_file" and b"\n" in content.strip(b"\r\n"):
        raise Mistake("has more than one line", "one line with the password and nothing else")
    if key == "sm4_key_file" and not _SM4_KEY.fullmatch(content):
        raise Mistake("holds no SM4 key", "one line of 32 hexadecimal digits and nothing else")
    if key == "platform_keys":
        _check_public_key(content)


def _check_public_key(content: bytes) -> None:
    """Refuse what is no public Ed25519 key as JWK (RFC 8037, section 2), a private one above all."""
    how = 'a public key as JWK: {"kty":"OKP","crv":"Ed25519","x":"…"}'
    try:
        key: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise Mistake("is no JSON", how) from None
    if isinstance(key, dict) and "d" in key:
        raise Mistake("holds a private key", "the platform's private key must never be here; ask for the public one")
    if not isinstance(key, dict) or key.get("kty") != "OKP" or key.get("crv") != "Ed25519" or "x" not in key:
        raise Mistake("is no Ed25519 public key", how)
