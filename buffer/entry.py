"""The nouns of the outbox: a record, a place in the chain, and what is missing from it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from binascii import a2b_base64
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, NamedTuple

ID_BYTES = 32
"""A record's id is a SHA-256 digest."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One sealed record. `id` is base64url of 32 bytes; `wire` is what leaves the box, byte for byte.

    `urgent` is everything but readings: alarms, events, configuration, clock and gap records. Urgent records overtake
    readings and are never dropped.
    """

    seq: int
    id: str
    urgent: bool
    wire: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """Where the chain stands: the next record gets ``seq + 1`` and names `id` as its predecessor.

    `chain` is the id of the genesis record. Everything is empty and 0 before it.
    """

    chain: str
    seq: int
    id: str


NOWHERE = Position("", 0, "")


class Run(NamedTuple):
    """Sequence numbers `first` to `last`, both included, that are missing. `id` is that of record `last`, if known."""

    first: int
    last: int
    id: str | None


Why = Literal["capacity", "age", "bit-rot"]


@dataclass(frozen=True, slots=True)
class Drop:
    """What has to go. `delivered` are ranges whose readings may go silently; `undelivered` must be signed for first.

    `count` records and about `size` bytes are freed. An empty drop means that nothing may go.
    """

    reason: Why
    delivered: tuple[tuple[int, int], ...] = ()
    undelivered: tuple[Run, ...] = ()
    count: int = 0
    size: int = 0

    def __bool__(self) -> bool:
        """Return whether anything goes."""
        return bool(self.delivered or self.undelivered)


@dataclass(frozen=True, slots=True)
class Hole:
    """Sequence numbers that are lost or were never used; waits to be signed in a gap record."""

    reason: Literal["damage", "older-store"]
    runs: tuple[Run, ...]

    @property
    def count(self) -> int:
        """How many sequence numbers are missing."""
        return sum(run.last - run.first + 1 for run in self.runs)


def packed(identity: str) -> bytes:
    """Return the 32 bytes of an id. Raises `ValueError` for anything else (RFC 4648 section 5, without padding)."""
    raw = a2b_base64(identity.replace("-", "+").replace("_", "/") + "=", strict_mode=True)
    if len(raw) != ID_BYTES:
        raise ValueError(f"a record id is {ID_BYTES} bytes in base64url, not {identity!r}")
    return raw


def unpacked(raw: bytes) -> str:
    """Return the text of an id."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def checksum(chain: bytes, seq: int, identity: bytes, wire: bytes) -> bytes:
    """Return the store's own short hash of a record (BLAKE2b, RFC 7693, 8 bytes).

    The chain is the key, so that a page of another box's store never passes for ours.
    """
    return blake2b(seq.to_bytes(8, "big") + identity + wire, digest_size=8, key=chain).digest()
