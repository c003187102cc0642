"""Why a connection ended, or never began: one exception, and the one place that says what each reason code means.

MQTT 5.0 section 2.4 lists the reason codes; MQTT 3.1.1 section 3.2.2.3 the older return codes of CONNACK.
"""

from __future__ import annotations

from enum import Enum


class Cause(Enum):
    """What ended it, named by what to do next."""

    UNREACHABLE = "unreachable"  # nothing answered at TCP level: probe quickly, a probe is one packet
    UNTRUSTED = "untrusted"  # the certificate, ours or theirs, was refused
    DROPPED = "dropped"  # the broker or the network ended it
    CLOSED = "closed"  # the broker ended it without a word
    SILENT = "silent"  # the link is up but answers stopped
    BUSY = "busy"  # the broker asks for patience
    DENIED = "denied"  # the broker does not want us: credentials, client id, ban
    OLD_PROTOCOL = "old protocol"  # the broker does not speak MQTT 5
    NO_RETAIN = "no retain"  # the broker refuses a retained will
    TAKEN_OVER = "taken over"  # somebody else connected with our client id
    MISFIT = "misfit"  # the broker works, but cannot give what we need
    LOCAL = "local"  # a file of ours cannot be read
    STOPPED = "stopped"  # we were asked to stop


class EndedError(Exception):
    """A connection is over. ``str(error)`` is the reason in words, fit for an operator."""

    def __init__(self, cause: Cause, words: str, code: int | None = None) -> None:
        """Keep the `cause`, and the MQTT reason `code` where the broker gave one."""
        super().__init__(words)
        self.cause = cause
        self.code = code


SUCCESS = 0x00
NOBODY_LISTENS = 0x10
UNSUPPORTED_PROTOCOL = 0x84
RECEIVE_MAXIMUM_EXCEEDED = 0x93
PACKET_TOO_LARGE = 0x95
QUOTA_EXCEEDED = 0x97
SLOW_DOWN = frozenset({RECEIVE_MAXIMUM_EXCEEDED, 0x96, QUOTA_EXCEEDED})
ABOUT_A_PACKET = frozenset({0x81, 0x82, 0x90, PACKET_TOO_LARGE, 0x99, 0x9A, 0x9B})
"""DISCONNECT codes by which a broker says that it disliked something we sent."""

_CAUSES = {
    0x84: Cause.OLD_PROTOCOL,
    0x85: Cause.DENIED,
    0x86: Cause.DENIED,
    0x87: Cause.DENIED,
    0x88: Cause.BUSY,
    0x89: Cause.BUSY,
    0x8A: Cause.DENIED,
    0x8B: Cause.DROPPED,
    0x8C: Cause.DENIED,
    0x8E: Cause.TAKEN_OVER,
    0x93: Cause.BUSY,
    0x96: Cause.BUSY,
    0x97: Cause.BUSY,
    0x98: Cause.DENIED,
    0x9A: Cause.NO_RETAIN,
    0x9B: Cause.MISFIT,
    0x9F: Cause.BUSY,
}

_WORDS = {
    0x10: "no matching subscribers",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "session taken over",
    0x90: "topic name invalid",
    0x91: "packet identifier in use",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x99: "payload format invalid",
    0x9A: "retain not supported",
    0x9B: "QoS not supported",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9F: "connection rate exceeded",
    0xA0: "maximum connect time",
}


def words_of(code: int) -> str:
    """Return a reason code in words, with its number."""
    return f"{_WORDS.get(code, 'reason code')} (0x{code:02x})"


def cause_of(code: int) -> Cause:
    """Return what a CONNACK or DISCONNECT reason code asks for."""
    return _CAUSES.get(code, Cause.DROPPED)
