"""What the panel knows of the site file: the box's name, ``[panel]`` and ``[annunciator]``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from config import apart

if TYPE_CHECKING:
    from pathlib import Path

    from agent.panel.words import Language
    from config.site import Annunciator, Front, Panel


class NoPanel(Exception):
    """The site file describes no panel: ``str`` says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings. `gateway` is the box's id, `name` how people call it, the last two are the tables called so."""

    gateway: str
    name: dict[Language, str]
    language: Language
    timezone: str
    panel: Panel
    annunciator: Annunciator | None = None


def settings_of(front: Front) -> Settings:
    """Return the settings of a site. Raises NoPanel."""
    gateway, panel = front.gateway, front.panel
    if panel is None:
        raise NoPanel('the site file has no [panel]; write [panel] with listen = "127.0.0.1:8080"')
    return Settings(
        gateway=gateway.id,
        name={"zh": gateway.name.zh, "en": gateway.name.en},
        language=gateway.language,
        timezone=gateway.timezone,
        panel=panel,
        annunciator=front.annunciator,
    )


def read_settings(path: Path) -> Settings:
    """Return the settings in a site file, read in a process of its own. Raises SiteProblems, NoPanel."""
    return settings_of(apart.load_front_apart(path))
