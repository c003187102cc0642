"""What the agent answers when it does not take an entry, in the viewer's language: its words are English. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agent.panel import moments

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    Say = Callable[..., str]

_TS: Final = r"[0-9T:.\-]+Z"
_KNOWN: Final = (
    (
        rf"line '(?P<line>.*?)' has order (?P<id>\S+) from (?P<start>{_TS}) to (?P<end>{_TS}) already; .*",
        "refused.order",
    ),
    (rf"(?P<object>.+) is marked \S+ from (?P<start>{_TS}) .*\((?P<id>\w+)\); end that one first .*", "refused.mark"),
    (rf"(?:order|mark) (?P<id>\S+) has ended already \((?P<end>{_TS})\)", "refused.ended"),
    (rf"task (?P<id>\S+) is answered already \((?P<end>{_TS})\)", "refused.answered"),
    (r"task (?P<id>\S+) is (?:withdrawn|not open any more)", "refused.withdrawn"),
    (r"there is no (?:order|mark|task) '(?P<id>.*?)'; .*", "refused.none"),
    (r"every line it names has a grade that it exempts, so it would order nothing", "refused.exempt"),
    (r".*the box does not know the time yet.*", "refused.time"),
    (r".*is more than ten years away", "refused.far"),
    (r"the pipeline is .*", "refused.busy"),
)
"""What `agent.book` and `agent.local_verbs` refuse with, and the key of its words."""
_PLACES: Final = tuple((re.compile(words, re.DOTALL), key) for words, key in _KNOWN)


def refused(reason: str, say: Say, zone: ZoneInfo) -> str:
    """Return a refusal in words, moments by the site's clock; one that is not known as the agent said it."""
    for pattern, key in _PLACES:
        if found := pattern.fullmatch(reason):
            fields = found.groupdict()
            for name in fields.keys() & {"start", "end"}:
                fields[name] = moments.local(moments.of_record(fields[name]), zone) or fields[name]
            return say(key, **fields)
    return reason
