"""What the last exchanges say about a line: wrong settings, an adapter that echoes, noise. Pure.

A time-out tells an installer nothing. That bytes come, but never a sound frame, tells that the wires are there and the
settings are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drivers.tally import ANSWERED, FRAMING, GARBLED, SILENT

if TYPE_CHECKING:
    from drivers.spec import LineSettings

ENOUGH: Final = 4
"""So many questions without an answer are no accident."""
LOOK_BACK: Final = 8
MOST_SHARE: Final = 0.75
"""Of the questions that failed, so many must have brought bytes before we speak of garbage."""
NOISE_BYTES: Final = 20
NOISE_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFacts:
    """What is known of a line and of one device on it.

    `recent` are the outcomes of the device's last questions (`drivers.tally`), the latest last. `heard`: whether any
    device on the line has been understood since it was opened. `echoes`: whether what we send is heard back although
    nobody has said that it would be. Of `received_bytes` lately, `noise_bytes` came before, between or behind frames.
    """

    settings: LineSettings | None
    recent: str
    heard: bool
    echoes: bool
    noise_bytes: int
    received_bytes: int


def diagnosis(facts: LineFacts) -> str:
    """Return what seems to be wrong and what to do about it, ``""`` when nothing does."""
    settings = _of_settings(facts)
    causes = [settings, "the adapter echoes what is sent: switch that off or write `echo = true`" * facts.echoes]
    if not settings:
        causes.append(_of_noise(facts.noise_bytes, facts.received_bytes))
    return "; ".join(filter(None, causes))


def _of_settings(facts: LineFacts) -> str:
    recent = facts.recent[-LOOK_BACK:]
    if len(recent) < ENOUGH or ANSWERED in recent:
        return ""
    at = f" at {facts.settings}" if facts.settings else " (serial server)"
    causes = "wrong baud rate or parity, or A and B swapped"
    framing, garbled = recent.count(FRAMING), recent.count(GARBLED)
    if framing >= len(recent) / 2:
        return f"constant framing errors{at}: {causes}"
    if framing + garbled >= MOST_SHARE * len(recent):
        return f"garbage{at}: {causes}"
    if recent == SILENT * len(recent) and not facts.heard:
        return f"nothing on this line has answered yet{at}: {causes}, a broken wire or no power"
    return ""


def _of_noise(noise_bytes: int, received_bytes: int) -> str:
    if noise_bytes < NOISE_BYTES or noise_bytes < NOISE_SHARE * received_bytes:
        return ""
    return f"noise: {noise_bytes} of the last {received_bytes} bytes belong to no frame: check shield and termination"
