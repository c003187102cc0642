"""Who may what: every route of the panel, tried by everybody. A route that is not in the table fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from starlette.routing import Route

from agent.panel.app import collected
from agent.panel.person import Role
from tests.agent.panel.rig import Rig, rigged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANYBODY: Final = None
NEEDED: Final[dict[str, Role | None]] = {
    "GET /login": ANYBODY,
    "POST /login": ANYBODY,
    "POST /logout": ANYBODY,
    "GET /setup": ANYBODY,
    "POST /setup": ANYBODY,
    "POST /look": ANYBODY,
    "GET /": Role.VIEWER,
    "GET /live": Role.VIEWER,
    "POST /live/silence": Role.VIEWER,
    "GET /alarms": Role.VIEWER,
    "GET /alarms/active": Role.VIEWER,
    "GET /alarms/shelved": Role.VIEWER,
    "GET /alarms/history": Role.VIEWER,
    "GET /alarms/figures": Role.VIEWER,
    "GET /alarms/{alarm}": Role.VIEWER,
    "GET /account": Role.VIEWER,
    "POST /account": Role.VIEWER,
    "GET /orders": Role.VIEWER,
    "GET /system": Role.VIEWER,
    "GET /system/audit": Role.VIEWER,
    "GET /tasks": Role.VIEWER,
    "GET /tasks/signs": Role.VIEWER,
    "GET /tasks/at/{place:path}": Role.VIEWER,
    "GET /tasks/{number}": Role.VIEWER,
    "GET /trends": Role.VIEWER,
    "GET /trends/table": Role.VIEWER,
    "GET /trends/data.json": Role.VIEWER,
    "GET /values": Role.VIEWER,
    "POST /alarms/acknowledge-all": Role.OPERATOR,
    "POST /alarms/{alarm}/acknowledge": Role.OPERATOR,
    "POST /alarms/{alarm}/shelve": Role.OPERATOR,
    "POST /alarms/{alarm}/unshelve": Role.OPERATOR,
    "POST /alarms/{alarm}/reset": Role.OPERATOR,
    "POST /orders": Role.OPERATOR,
    "POST /orders/{number}/end": Role.OPERATOR,
    "POST /marks": Role.OPERATOR,
    "POST /marks/{number}/end": Role.OPERATOR,
    "POST /tasks": Role.OPERATOR,
    "POST /tasks/{number}": Role.OPERATOR,
    "GET /trends/export.csv": Role.OPERATOR,
    "POST /alarms/{alarm}/take-out": Role.INSTALLER,
    "POST /alarms/{alarm}/put-back": Role.INSTALLER,
    "POST /tasks/{number}/withdraw": Role.INSTALLER,
    "POST /system/support": Role.INSTALLER,
    "GET /people": Role.INSTALLER,
    "POST /people/add": Role.INSTALLER,
    "POST /people/role": Role.INSTALLER,
    "POST /people/reset": Role.INSTALLER,
    "POST /people/remove": Role.INSTALLER,
    "POST /people/end-session": Role.INSTALLER,
}
ACTING: Final = {"acknowledge", "shelve", "unshelve", "reset", "order", "end-order", "mark", "end-mark", "task",
                 "answer-task", "withdraw-task", "take-out", "put-back", "support"}  # fmt: skip


def routes() -> Iterator[str]:
    """Yield method and path of every page."""
    for route in collected():
        assert isinstance(route, Route)
        yield from (f"{method} {route.path}" for method in route.methods or () if method != "HEAD")


def test_every_route_says_whom_it_is_for() -> None:
    """The table has all of them, and nothing else."""
    assert sorted(routes()) == sorted(NEEDED)


def tried(rig: Rig, route: str, more: str = "") -> int:
    """Return the status of a request, with everything in the path filled in."""
    method, _, path = route.partition(" ")
    for name, value in {"{alarm}": "rule.T1.paint", "{number}": "1", "{place:path}": "x"}.items():
        path = path.replace(name, value)
    answer = rig.get(path + more) if method == "GET" else rig.post(path + more)
    status: int = answer.status_code
    return 401 if status == 303 and answer.headers["location"].startswith("/login?next=") else status


WHO: Final = {"nobody": 0, "looker-on": 1, "viewer": 1, "operator": 2, "installer": 3}
MORE: Final = {"": 3, "?part=1": 3, "?kiosk": 1, "?kiosk=0&part=alarms": 1}
"""Additions to an address, and the most that anybody may with them: a screen on the wall only looks."""


@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize("who", WHO)
def test_nobody_may_more_than_the_least_role_allows(tmp_path: Path, who: str, more: str) -> None:
    """Who may not is sent to the login or refused, and the agent hears of nothing."""
    with rigged(tmp_path, open=who == "looker-on") as rig:
        if who.upper() in Role.__members__:
            rig.login(who)
        for route, needed in NEEDED.items():
            if needed is None or min(WHO[who], MORE[more]) >= needed:
                continue
            rig.clock.pass_s(1)
            status = tried(rig, route, more)
            assert status in (401, 403), (route, status)

        asked = {words["do"] for words in rig.door.heard}
        allowed = min(WHO[who], MORE[more])
        assert allowed == Role.INSTALLER or not asked & ACTING, asked


@pytest.mark.parametrize("who", ["viewer", "operator", "installer"])
def test_everybody_may_what_the_role_allows(rig: Rig, who: str) -> None:
    """No page is lost for those it is for. Streams never end, and a wrong password is refused to everybody."""
    rig.login(who)
    for route, needed in NEEDED.items():
        if needed is None or route in ("GET /live", "POST /account") or Role[who.upper()] < needed:
            continue
        rig.clock.pass_s(1)
        assert tried(rig, route) not in (401, 403, 405, 500), route
