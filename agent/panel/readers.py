"""Who reads alarms to a viewer: the words of the catalogue, which change only with the configuration, are kept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from agent.panel.agency import Refused
from agent.panel.cards import Reader, names_of
from agent.panel.house import house
from agent.panel.page import language
from agent.panel.spoken import now_ms, zone_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from agent.panel.cards import Rules

Kept = tuple[Any, "Rules"]
"""Of which configuration the rules are, and the rules by id."""


async def reader(request: Request) -> Reader:
    """Return the reader of alarms for a viewer, now. Raises Away, Refused."""
    found = house(request)
    site = await found.agency.site()
    reads = language(request)
    return Reader(
        say=partial(found.words.said, reads),
        language=reads,
        zone=zone_of(site),
        now_ms=now_ms(request),
        rules=await _rules(request, site.get("cfg")),
        names=names_of(site),
    )


async def _rules(request: Request, cfg: Any) -> Rules:
    kept: Kept | None = getattr(request.app.state, "catalogue", None)
    if kept is not None and kept[0] == cfg:
        return kept[1]
    try:
        told = await house(request).agency.ask({"do": "rules"})
    except Refused:
        return {}
    rules = {rule["rule"]: rule for rule in told["rules"]}
    request.app.state.catalogue = (cfg, rules)
    return rules
