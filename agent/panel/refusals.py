"""What the agent answers when it will not, in the viewer's language: its words are English. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[..., str]

_KNOWN: Final = (
    (r"it is acknowledged already", "acknowledged"),
    (r"there is nothing to acknowledge", "nothing"),
    (r"its condition still holds", "holds"),
    (r"it does not wait for a reset", "no_reset"),
    (r"acknowledge it first", "first"),
    (r"it is out of service already, by (?P<who>.*)", "already_out"),
    (r"it is out of service", "out"),
    (r"it can be shelved for (?P<hours>\S+) h at most", "longest"),
    (r"shelve it for some time", "some_time"),
    (r"it is not active: there is no once to shelve it for", "no_once"),
    (r"it is not shelved", "not_shelved"),
    (r"it is in service", "in_service"),
    (r"there is no alarm .*", "unknown"),
)
"""What `agent.lifecycle` and `agent.alarms` refuse with, and the end of the key of its words."""
_PLACES: Final = tuple((re.compile(rf"(?:\S+: )?{words}"), f"alarms.refused.{key}") for words, key in _KNOWN)


def refused(reason: object, say: Say) -> str:
    """Return a refusal in words; one that is not known as the agent said it."""
    for pattern, key in _PLACES:
        if found := pattern.fullmatch(str(reason)):
            return say(key, **found.groupdict())
    return str(reason)
