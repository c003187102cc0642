"""The encryption of HJ 212-2025 (6.4 and annex A.2): SM4 in ECB mode over the content of CP, no padding.

Every whole block of 16 bytes is encrypted, the last incomplete one stays in the clear, so the length does not change.
The CRC of the packet is taken over the plaintext. This hides a little and proves nothing: ECB with no authentication.
"""

from __future__ import annotations

import re
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK: Final = 16
_CP: Final = b"CP=&&"
_END: Final = b"&&"
_TEXT: Final = re.compile(rb"[\s;,]*[\w-]+=[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*", re.ASCII)
_NAME: Final = re.compile(rb"[\s;,]*[\w-]+=", re.ASCII)


class Sm4Key:
    """The key that an instrument and its host share. Used by one thread."""

    def __init__(self, key: bytes) -> None:
        """Take the 16 bytes.

        Raises ValueError for another number of them, UnsupportedAlgorithm where OpenSSL was built without SM4.
        """
        if len(key) != BLOCK:
            raise ValueError(f"an SM4 key has 16 bytes, not {len(key)}")
        self._cipher = Cipher(algorithms.SM4(key), modes.ECB())  # noqa: S305 - ECB is what the standard prescribes
        self.sealed(bytes(BLOCK))

    def sealed(self, content: bytes) -> bytes:
        """Return the content of CP with its whole blocks encrypted."""
        whole = len(content) // BLOCK * BLOCK
        return self._cipher.encryptor().update(content[:whole]) + content[whole:]

    def opened(self, content: bytes) -> bytes:
        """Return what `sealed` was given."""
        whole = len(content) // BLOCK * BLOCK
        return self._cipher.decryptor().update(content[:whole]) + content[whole:]

    def sealed_data(self, data: bytes) -> bytes:
        """Return the data segment with the content of its CP encrypted."""
        start, end = content_span(data)
        return data[:start] + self.sealed(data[start:end]) + data[end:]

    def opened_data(self, data: bytes) -> bytes:
        """Return the data segment with the content of its CP decrypted."""
        start, end = content_span(data)
        return data[:start] + self.opened(data[start:end]) + data[end:]


def content_span(data: bytes) -> tuple[int, int]:
    """Return where the content of CP begins and ends in a data segment; nothing at its end where there is no CP."""
    at = data.find(_CP)
    if at < 0:
        return len(data), len(data)
    start = at + len(_CP)
    return start, len(data) - len(_END) * data.endswith(_END, start)


def is_clear(data: bytes) -> bool:
    """Whether the content of CP can be plaintext: ``name=…`` without control characters.

    The CRC alone does not tell: one ciphertext in 256 has that of its plaintext. Of ciphertexts less than one in a
    thousand look like this, and both together happen to one in a million.
    """
    start, end = content_span(data)
    return end - start < BLOCK or _TEXT.fullmatch(data, start, end) is not None


def looks_sealed(data: bytes) -> bool:
    """Whether the content of CP rather is ciphertext than plaintext with a wrong character in it."""
    start, end = content_span(data)
    return end - start >= BLOCK and _NAME.match(data, start, end) is None
