"""What every page of the panel can reach: `house(request)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from agent.panel.accounts import Accounts
    from agent.panel.agency import Agency
    from agent.panel.limits import Lockout
    from agent.panel.sessions import Sessions
    from agent.panel.settings import Settings
    from agent.panel.tower import Tower
    from agent.panel.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The panel's parts. `mono_ns` is time since boot, `wall_ms` what the host's clock says.

    `is_ours` says whether a Host header names this panel. `tower` is light and horn, where the site has them.
    """

    settings: Settings
    agency: Agency
    accounts: Accounts
    sessions: Sessions
    lockout: Lockout
    words: Words
    mono_ns: Callable[[], int]
    wall_ms: Callable[[], int]
    is_ours: Callable[[str], bool]
    tower: Tower | None = None


def house(request: Request) -> House:
    """Return the house a request came to."""
    found: House = request.app.state.house
    return found
