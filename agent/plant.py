"""The plant as the site file describes it, at this moment: which facility runs, which line produces. Pure."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """What a facility does. Not knowing is ``None``: it satisfies nothing, and it is never OFF."""

    OFF = 0
    IDLE = 1
    RUN = 2
