"""Asking the agent to do something, in the name of who is logged in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from agent.panel.agency import Refused
from agent.panel.book_refusals import refused
from agent.panel.house import house
from agent.panel.page import t
from agent.panel.person import person_of
from agent.panel.spoken import zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from starlette.requests import Request


async def ask_for(request: Request, words: Mapping[str, Any]) -> str | None:
    """Have something done; return why the agent would not, ``None`` when it has. Raises Away."""
    person = person_of(request)
    assert person is not None, "what is done has somebody who does it"
    try:
        await house(request).agency.ask({**words, "user": person.user})
    except Refused as reason:
        zone = zone_of(await house(request).agency.site())
        return refused(str(reason), partial(t, request), zone)
    return None
