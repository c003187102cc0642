"""Every time and size of the uplink in one place, so that a test can shrink them. Seconds, records, bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ladder:
    """Delays of one back-off: full jitter from `shortest_s` up to a window growing from `first_s` to `longest_s`."""

    shortest_s: float
    first_s: float
    longest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How patient, how fast, how much. The reasons are in docs/decisions/0004-reconnect.md."""

    start_within_s: float = 2.0
    """The first attempt after a start comes at a random moment within this."""
    resolve_s: float = 5.0
    connect_s: float = 4.0
    handshake_s: float = 5.0
    connack_s: float = 5.0
    quick: Ladder = Ladder(0.2, 0.5, 2.0)
    """Nothing answers at TCP level."""
    normal: Ladder = Ladder(1.0, 2.0, 300.0)
    """Something answers, but it does not work."""
    slow: Ladder = Ladder(30.0, 60.0, 300.0)
    """The broker does not want us."""
    healthy_s: float = 60.0
    """A connection that lived this long sets every ladder back."""

    window: int = 20
    puback_s: float = 20.0
    live_rows: int = 2_000
    live_bytes: int = 4 * 1024 * 1024
    fetch_rows: int = 64
    fetch_bytes: int = 256 * 1024

    nobody_first_s: float = 0.5
    nobody_longest_s: float = 5.0
    nobody_report_s: float = 60.0
    refused_first_s: float = 10.0
    refused_longest_s: float = 600.0
    refused_in_a_row: int = 20
    """So many refusals of one kind without a success between them hold the kind back."""
    most_parked: int = 10_000
    sweep_s: float = 600.0
    """How often parked records are tried again."""
    report_every_s: float = 3_600.0
    """A repeated complaint is reported once in this time."""

    turn_s: float = 1.0
    will_delay_s: int = 60
