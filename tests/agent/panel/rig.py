"""The panel on a bench: the real application over a scripted agent, and a browser's manners.

def test_something(rig: Rig) -> None:               # the fixture is in conftest.py
    rig.login("operator")
    page = rig.get("/alarms")
    rig.post("/alarms/acknowledge", alarm="all")
    assert rig.door.asked("acknowledge")[-1]["user"] == "operator"
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from starlette.testclient import TestClient

from agent.panel.accounts import Accounts, Cost
from agent.panel.addresses import Names
from agent.panel.agency import Agency
from agent.panel.app import application
from agent.panel.house import House
from agent.panel.limits import Lockout
from agent.panel.person import Role
from agent.panel.sessions import Sessions
from agent.panel.settings import Settings
from agent.panel.tower import Tower
from agent.panel.words import Words
from config.site import Panel
from tests.agent.panel.believable import NOW_MS
from tests.agent.panel.scripted_door import ScriptedDoor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from config.site import Annunciator

HOST: Final = "panel.local"
PASSWORD: Final = "correct horse battery"
CHEAP: Final = Cost(n=16, r=1, p=1)
"""A hash that costs nothing: tests make many."""


class HandClock:
    """Time that only moves by hand."""

    boot = "b0"

    def __init__(self) -> None:
        self.ns = 10**12
        self.ms = NOW_MS

    def mono_ns(self) -> int:
        """Return the time since boot."""
        return self.ns

    def wall_ms(self) -> int:
        """Return the host's clock."""
        return self.ms

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.ns += round(seconds * 1e9)
        self.ms += round(seconds * 1e3)


class Rig:
    """A panel, the agent behind it, and a browser in front. `clock` moves by hand."""

    def __init__(self, client: TestClient, door: ScriptedDoor, house: House, clock: HandClock) -> None:
        self.client, self.door, self.house, self.clock = client, door, house, clock

    def get(self, path: str, **headers: str) -> Any:
        """Open a page; redirections are not followed."""
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, **fields: str) -> Any:
        """Send a form as a browser does from a page of ours: with the CSRF token, and where it comes from."""
        data = {"csrf": self.csrf()} | fields
        return self.client.post(path, data=data, headers={"origin": str(self.client.base_url).rstrip("/")})

    def csrf(self) -> str:
        """Return the token that pages carry now."""
        page: str = self.client.get("/no-such-page").text  # every page has it, also this one
        return page.partition('name="csrf" content="')[2].partition('"')[0]

    def account(self, user: str, role: Role) -> None:
        """Make an account, with `PASSWORD`."""
        asyncio.run(self.house.accounts.add(user, role, PASSWORD))

    def login(self, role: str) -> None:
        """Log in as somebody of this role, who is called like it."""
        if self.house.accounts.get(role) is None:
            self.account(role, Role[role.upper()])
        answer = self.post("/login", user=role, password=PASSWORD)
        assert answer.status_code == 303, answer.text

    def board(self) -> dict[str, Any]:
        """Return the board, once the agent has told one."""
        self.wait_for(lambda: self.house.agency.live.board is not None)
        assert self.house.agency.live.board is not None
        return self.house.agency.live.board

    def hand_on(self) -> None:
        """Have the agent told at once what is to be recorded."""
        assert self.client.portal is not None
        self.client.portal.call(self.house.agency._bell.set)
        self.wait_for(lambda: not self.house.agency.unrecorded)

    def wait_for(self, is_so: Any) -> None:
        """Wait until something is so, at most ten seconds."""
        for _ in range(1000):
            if is_so():
                return
            asyncio.run(asyncio.sleep(0.01))
        raise AssertionError("it did not happen")


def settings(**panel: Any) -> Settings:
    """Return settings: Workshop 1, Chinese, nobody may look without logging in, no TLS."""
    table: dict[str, Any] = {"host": "127.0.0.1", "port": 8080, "open": False, "hosts": (HOST,), "tls": False}
    table |= {"cert_file": None, "key_file": None, "idle_s": 1800.0}
    return Settings(
        gateway="jn-0417",
        name={"zh": "一号车间", "en": "Workshop 1"},
        language="zh",
        timezone="Asia/Shanghai",
        panel=Panel(**(table | panel)),
    )


@contextmanager
def rigged(
    folder: Path, *, is_agent_there: bool = True, annunciator: Annunciator | None = None, **panel: Any
) -> Iterator[Rig]:
    """Yield a running panel. `panel` are members of ``[panel]`` that differ from `settings`."""
    clock, chosen = HandClock(), replace(settings(**panel), annunciator=annunciator)
    (state := folder / "panel").mkdir(mode=0o700, exist_ok=True)
    accounts = Accounts(state, clock, CHEAP)
    house = House(
        settings=chosen,
        agency=Agency(folder / "panel.sock", clock.mono_ns),
        accounts=accounts,
        sessions=Sessions(accounts, chosen.panel.idle_s),
        lockout=Lockout(clock.mono_ns),
        words=Words(),
        mono_ns=clock.mono_ns,
        wall_ms=clock.wall_ms,
        is_ours=Names(chosen.panel, clock.mono_ns, own=lambda: ["box"]).is_ours,
        tower=None if annunciator is None else Tower(annunciator),
    )
    door = ScriptedDoor(folder / "panel.sock")
    scheme = "https" if chosen.panel.tls else "http"
    client = TestClient(
        application(house), base_url=f"{scheme}://{HOST}", follow_redirects=False, raise_server_exceptions=False
    )
    if is_agent_there:
        door.open()
    try:
        with client:
            rig = Rig(client, door, house, clock)
            if is_agent_there:
                rig.board()
            yield rig
    finally:
        door.close()
