"""As much of MQTT as it takes to ask "would you let us in?": CONNECT out, CONNACK in. Codec only, no socket.

    10 len | 00 04 M Q T T | level | flags | keep-alive | [00] | client id | [user name] | [password]     CONNECT
    20 len | flags | code | …                                                                             CONNACK

MQTT 5.0 sections 3.1 and 3.2, MQTT 3.1.1 sections 3.1 and 3.2. No will, a clean session, and nothing is published, so
that nobody notices. The running agent's own connection is `agent.uplink.mqtt`.
"""

from __future__ import annotations

from typing import Final, Literal

Level = Literal[4, 5]
DISCONNECT: Final = b"\xe0\x00"
_CLEAN, _USER, _PASSWORD = 0x02, 0x80, 0x40
_KEEPALIVE_S: Final = 15
_CONNACK: Final = 0x20
_OLD_CODES: Final = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}
"""Return codes of MQTT 3.1.1 (table 3.1) as the reason codes of MQTT 5 (0x80 and above) that mean the same."""
_MOST_LENGTH: Final = 4


class NotMqtt(Exception):
    """Whoever answers there does not speak MQTT."""


def connect(client_id: str, level: Level, username: str | None = None, password: bytes | None = None) -> bytes:
    """Return a CONNECT packet."""
    flags = _CLEAN | (_USER if username is not None else 0) | (_PASSWORD if password is not None else 0)
    body = _text(b"MQTT") + bytes((level, flags)) + _KEEPALIVE_S.to_bytes(2, "big")
    body += b"\x00" if level == 5 else b""  # noqa: PLR2004 -- MQTT 5 has properties: none
    body += _text(client_id.encode())
    body += _text(username.encode()) if username is not None else b""
    body += _text(password) if password is not None else b""
    return b"\x10" + _length(len(body)) + body


def connack(data: bytes) -> int | None:
    """Return the reason code (of MQTT 5) once enough of the answer is here, else ``None``. Raises NotMqtt."""
    if data[:1] and data[0] != _CONNACK:
        raise NotMqtt
    start = next((at + 1 for at in range(1, min(len(data), 1 + _MOST_LENGTH)) if not data[at] & 0x80), None)
    if start is None:
        if len(data) > _MOST_LENGTH:
            raise NotMqtt
        return None
    if len(data) < start + 2:
        return None
    code = data[start + 1]
    return _OLD_CODES.get(code, code)


def _text(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def _length(value: int) -> bytes:
    """Return the remaining length: seven bits a byte, the lowest first (section 2.1.4)."""
    coded = b""
    while True:
        value, low = value >> 7, value & 0x7F
        coded += bytes((low | (0x80 if value else 0),))
        if not value:
            return coded
