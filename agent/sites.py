"""A site file in, a `Site` out: everything `config` checks, and the parameters of rules by the catalogue.

`config` cannot know the catalogue, which is the agent's; here the two come together, so that every verb and the agent
itself find the same mistakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from config import apart

if TYPE_CHECKING:
    from pathlib import Path

    from config.site import Site

_JUDGE = "agent.rules.binding:problems"


def load_site(path: Path) -> Site:
    """Return the site that a file describes. Raises SiteProblems, with every mistake."""
    from agent.rules.binding import problems  # noqa: PLC0415 -- the running agent loads apart, and must not carry
    from config.load import load  # noqa: PLC0415 -- what reading a file takes

    return load(path, problems)


def load_site_apart(path: Path) -> Site:
    """Return the same, read in a process of its own (`config.apart`)."""
    return apart.load_apart(path, _JUDGE)
