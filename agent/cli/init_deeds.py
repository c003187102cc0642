"""What `plantgate init` does itself: look at a line, try the broker. Wants in, plain data out."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agent.cli.init_survey import Begun, Survey
from agent.cli.ports import holder, stable_name
from agent.cli.site_blocks import Named
from agent.clock import SystemClock
from agent.setup import readers
from agent.setup.trial import Trial
from config.site import MqttUplink
from config.values import broker
from drivers.errors import LinkDown
from drivers.finding.likely import Wanted
from drivers.finding.places import is_port
from drivers.finding.sweep import Step
from drivers.finding.tap import taps
from drivers.library import usable

if TYPE_CHECKING:
    from agent.cli.init_survey import Happening
    from agent.setup.document import Document


class Teller(Protocol):
    """Somebody who can say how it goes."""

    def say(self, key: str, **fields: object) -> None:
        """Say something."""

    def raw(self, text: str) -> None:
        """Say a text as it is."""

    def progress(self, key: str, **fields: object) -> None:
        """Say how far it is."""


def look(wants: Document, teller: Teller) -> Document:
    """Look at a line or host; Ctrl-C ends it early and keeps what was found. Only reads.

    `wants` has ``place``, ``settings``, ``units``. Returns ``bus``, ``device``, ``strangers``, ``remarks``.
    """
    place, clock = wants["place"], SystemClock()
    ids = readers.unit_ids(wants["units"])
    settings = readers.line_settings(wants["settings"]) if is_port(place) else ()
    wanted = Wanted(settings=settings, units=ids, timeout_s=0.0)
    if wants["settings"] == "listen":
        wanted = replace(wanted, modbus=False, dlt645=False, listen_s=readers.LISTEN_S)
    survey = Survey(stable_name(place) if is_port(place) else place, taps(place, clock), wanted, usable()[0])
    trouble: list[dict[str, str]] = []
    try:
        with closing(survey.happenings()) as happenings:
            progress = _Progress(teller)
            for one in happenings:
                progress.hear(one)
    except KeyboardInterrupt:
        teller.say("lines.stopped")
    except LinkDown as error:
        said = f"{error}{holder(place) if is_port(place) else ''}"
        trouble = [{"zh": said, "en": said}]
    remarks = [{"zh": remark.zh, "en": remark.en} for remark in survey.remarks()]
    return {**survey.tables(), "remarks": trouble or remarks}


class _Progress:
    """Tells of a survey: how much of the estimate is over, what was found."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._most_s = 1.0
        self._found = 0

    def hear(self, happening: Happening) -> None:
        if isinstance(happening, Begun):
            self._most_s = max(1.0, happening.most_s)
            self._teller.say("lines.begun", place=happening.place, left=minutes(happening.most_s))
        elif isinstance(happening, Step):
            percent = round(100 * max(0.0, 1 - happening.left_s / self._most_s))
            at, left = happening.settings or "", minutes(happening.left_s)
            self._teller.progress(
                "lines.progress", at=at, what=happening.what, percent=percent, left=left, found=self._found
            )
        else:
            self._found += isinstance(happening, Named)
            found = happening.found if isinstance(happening, Named) else happening
            self._teller.progress("lines.naming", what=f"{found.protocol} {found.address}")


def minutes(seconds: float) -> str:
    """Return a time as people say it."""
    whole, rest = divmod(round(seconds), 60)
    return f"{whole} min {rest:02d} s" if whole else f"{rest} s"


def try_broker(wants: Document, teller: Teller, root: Path) -> Document:
    """Connect to the broker as the agent will, and subscribe. Relative paths count from `root`."""
    clock = SystemClock()
    clock.look()
    teller.say("broker.trying")
    trial = Trial(
        uplink_of(wants, root),
        wants["gateway"],
        clock=clock,
        clock_known=clock.quality() != "unsync",
        said=lambda text: teller.raw(f"  {text}"),
    )
    return asdict(trial.run())


def uplink_of(table: Document, root: Path) -> MqttUplink:
    """Return the uplink that ``[uplink.mqtt]`` describes, as far as a trial needs it."""
    address = broker(table["url"])
    files: dict[str, Any] = {
        key: root / table[key] if key in table else None
        for key in ("password_file", "ca_file", "cert_file", "key_file")
    }
    return MqttUplink(
        host=address.host,
        port=address.port,
        tls=address.tls,
        prefix=table.get("prefix", "plantgate"),
        username=table.get("username"),
        keepalive_s=30.0,
        nobody_listens="hold",
        **files,
    )
