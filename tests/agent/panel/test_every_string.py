"""Hostile strings everywhere: each answer of the agent with every text in it poisoned, shown on every page there is."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
from starlette.routing import Route

from agent.panel.app import collected
from tests.agent.panel.believable import ANSWERS

if TYPE_CHECKING:
    from tests.agent.panel.rig import Rig

POISON: Final = '"><script>x</script><img src=x onerror=y>\u202e'
CLOCK: Final = frozenset({"ts", "timezone"})
"""Without these nothing is told at all."""
WORDS: Final = CLOCK | {"state", "status", "kind", "level", "priority", "regime", "flags", "name", "point", "power"}
"""The agent's own vocabulary, by which pages find what belongs together."""


def poisoned(answer: Any, kept: frozenset[str], name: str = "") -> Any:
    """Return an answer with the poison behind every text, but for members that are `kept`."""
    if isinstance(answer, dict):
        return {key: poisoned(one, kept, key) for key, one in answer.items()}
    if isinstance(answer, list):
        return [poisoned(one, kept, name) for one in answer]
    return answer + POISON if isinstance(answer, str) and name not in kept else answer


def pages() -> list[str]:
    """Return the address of every page, with things in it that there are."""
    alarm, task = ANSWERS["alarms"]["alarms"][0]["alarm"], ANSWERS["book"]["tasks"][0]
    fill = {"{alarm}": alarm, "{number}": task["id"], "{place:path}": task["place"], "/live": "/"}
    found = [route.path for route in collected() if isinstance(route, Route) and "GET" in (route.methods or ())]
    for name, value in fill.items():
        found = [path.replace(name, value if name == "/live" else quote(value, safe="")) for path in found]
    return [path + more for path in found for more in ("", "?part=1", "?p=press-1.power&q=a")]


@pytest.mark.parametrize("kept", [CLOCK, WORDS], ids=["all", "but its vocabulary"])
@pytest.mark.parametrize("verb", ["site", "follow", "alarms", "rules", "book", "journal"])
def test_no_text_of_the_agent_becomes_markup(rig: Rig, verb: str, kept: frozenset[str]) -> None:
    """Whatever instruments or colleagues call things: it is text on every page, or the page fails in words."""
    rig.login("installer")
    told = rig.house.agency.live.board
    rig.door.answers[verb] = poisoned(copy.deepcopy(ANSWERS[verb]), kept)
    rig.house.agency._site = None
    rig.wait_for(lambda: rig.house.agency.live.board is not told)
    for path in pages():
        answer = rig.get(path)
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert "<script>x" not in answer.text, path
            assert "<img src=x" not in answer.text, path
        assert "Internal Server Error" not in answer.text, path
