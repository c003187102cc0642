"""The only module that knows every room: it opens, wires, starts and stops them in order.

Order of start: store, key, clock, pipeline, publisher, pollers: whatever takes comes before whatever gives; then the
two doors. Order of stop: doors, pollers, pipeline (everything taken is committed), publisher (a moment to send it),
store.
"""

from __future__ import annotations

import os
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, Final

from agent import __version__
from agent.absence import link_probe_s
from agent.board import Board, Sources
from agent.control import NAME, PANEL_NAME, Control, panel_folder
from agent.health import draft as health_draft
from agent.health import resident_bytes
from agent.intake import Intake, Reload, Rotten, Stop
from agent.judgement import devices_of
from agent.keys import SigningKey, key_path
from agent.ledger import Ledger
from agent.local_verbs import local_verbs
from agent.log import get
from agent.meta import meta
from agent.panel_verbs import looking, panel_verbs
from agent.pipeline import Pipeline
from agent.poller import Poller
from agent.queries import Queries
from agent.record import Sealer
from agent.site_view import site_view
from agent.sites import load_site_apart
from agent.supervisor import Crew
from agent.support import Subject, files
from agent.uplink.publisher import Publisher
from agent.uplink.status import About
from buffer.history import History
from buffer.journal import Journal
from config.diff import needs_restart
from config.problem import SiteProblems
from config.visits import specs
from drivers.kinds import open_bus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.clock import SystemClock
    from agent.control import Verb
    from buffer.outbox import Outbox
    from config.site import Device, Site

SOFTWARE: Final = f"plantgate {__version__}"
POLLERS_STOP_S: Final = 1.5
PIPELINE_STOP_S: Final = 2.0
PUBLISHER_STOP_S: Final = 1.0
CONTROL_STOP_S: Final = 0.5

log = get(__name__)


class Refusal(Exception):
    """Why the agent will not start: `str` says what, where, and what to do."""


class Agent:
    """A site's agent, assembled."""

    def __init__(
        self,
        site: Site,
        clock: SystemClock,
        outbox: Outbox,
        key: SigningKey,
        died: Callable[[str, BaseException | None], None],
    ) -> None:
        self.crew = Crew(died)
        self._site = site
        self._clock = clock
        self._outbox = outbox
        self._key = key
        self._random: Random = SystemRandom()
        self._intake = Intake()
        ledger = Ledger(Sealer(site.gateway.id, key), outbox, int(site.buffer.commit_every_s * 1e9))
        self._publisher = self._make_publisher(site)
        self._history = History(site.gateway.state_dir, now_ms=clock.wall_ms())
        about = enrolment(site, key)
        self._pipeline = Pipeline(site, outbox, ledger, clock, self._intake, about, self._history, self._announce)
        self._pollers = self._make_pollers(site)
        self._queries = Queries(clock)
        self._journal = Journal(site.gateway.state_dir)
        self._doors = self._make_doors(site)

    def start(self) -> None:
        """Start every thread."""
        self.crew.start(self._pipeline)
        if self._publisher is not None:
            self.crew.start(self._publisher)
        self._start_pollers()
        self.crew.start(self._queries)
        for door in self._doors:
            if door.open():
                self.crew.start(door)

    def stop(self) -> None:
        """Stop in order. What does not stop in time is left behind: the process is about to end anyway."""
        for visited in (*self._doors, self._queries):
            self.crew.dismiss(visited)
            visited.stop()
            self.crew.leave(visited, CONTROL_STOP_S)
        self._stop_pollers()
        self.crew.dismiss(self._pipeline)
        self._intake.tell(Stop())
        if not self.crew.leave(self._pipeline, PIPELINE_STOP_S):
            log.error("the pipeline did not stop in time")
        if self._publisher is not None:
            self.crew.dismiss(self._publisher)
            self._publisher.stop(PUBLISHER_STOP_S)
            self.crew.leave(self._publisher, PUBLISHER_STOP_S + 0.5)
        self._outbox.close()

    def reload(self) -> None:
        """Take over the changed site file, or tell why not and go on with the old one."""
        try:
            site = load_site_apart(self._site.path)
        except SiteProblems as problems:
            self._refuse_reload([str(problem) for problem in problems.problems])
            return
        if self._site.devices and not site.devices:
            self._refuse_reload(["no device is left; if that is meant, restart"])  # a file that was cut looks like this
            return
        fixed = needs_restart(self._site, site)
        if fixed:
            self._refuse_reload([f"{key} can only be changed by a restart" for key in fixed])
            return
        self._stop_pollers()
        self._site = site
        takeover = Reload(site)
        self._intake.tell(takeover)
        if not takeover.done.wait(PIPELINE_STOP_S):  # it keeps its place in the intake, before any new scan
            log.warning("the pipeline is busy; it takes the site file over when it gets to it", path=site.path)
        if self._publisher is not None:
            self._publisher.set_meta(meta(site, self._key, SOFTWARE))
        self._pollers = self._make_pollers(site)
        self._start_pollers()
        log.info("site file read again", path=site.path)

    def tell(self, draft: Mapping[str, Any]) -> None:
        """Have a draft signed and kept."""
        self._intake.tell(draft)

    def health(self) -> Mapping[str, Any]:
        """Return the `health` draft."""
        return health_draft(
            pollers=[(poller.status(), poller.bus.counters()) for poller in self._pollers],
            outbox=self._outbox.usage(),
            uplink=None if self._publisher is None else self._publisher.snapshot(),
            now_ns=self._clock.mono_ns(),
            code=self._pipeline.code,
        )

    def _announce(self, code: Mapping[str, Any]) -> None:
        """Show the health code to whoever looks at the status topic. Called on the pipeline's thread."""
        if self._publisher is not None:
            self._publisher.set_code(code)

    def status(self) -> str:
        """Return one line for people: devices, records, backlog, uplink."""
        absent = [name for poller in self._pollers for name in poller.status().absent]
        parts = [f"{len(self._site.devices)} devices"]
        if absent:
            parts.append(f"{len(absent)} absent")
        parts += [f"record {self._outbox.position.seq}", f"{self._outbox.usage().waiting} waiting"]
        if self._publisher is not None:
            parts.append(f"uplink {self._publisher.snapshot().state}")
        return ", ".join([*parts, f"{resident_bytes() >> 20} MiB"])

    def _standing(self) -> Mapping[str, Any]:
        """Return what the local door tells of the agent."""
        gateway, clock = self._site.gateway, self._clock
        return {
            "gateway": gateway.id,
            "name": {"zh": gateway.name.zh, "en": gateway.name.en},
            "software": SOFTWARE,
            "site": str(self._site.path),
            "pid": os.getpid(),
            "clock": clock.quality(),
            "status": self.status(),
            "code": self._pipeline.code,
            "health": self.health(),
        }

    def _uplink(self) -> Mapping[str, Any] | None:
        """Return how the uplink is, for people; ``None`` where the site has none."""
        to = self._site.uplink
        if to is None or self._publisher is None:
            return None
        now = self._publisher.snapshot()
        return {
            "state": now.state,
            "connected": now.connected,
            "since_s": round(max(0, self._clock.mono_ns() - now.since_ns) / 1e9),
            "reason": now.reason,
            "url": f"{'mqtts' if to.tls else 'mqtt'}://{to.host}:{to.port}",
        }

    def _support(self) -> dict[str, Any]:
        return {"files": files(Subject(site=self._site, standing=self._standing(), journal=self._journal))}

    # --- parts ---------------------------------------------------------------------------------------------------

    def _make_doors(self, site: Site) -> tuple[Control, Control]:
        """Return the door of this machine's people and that of the panel."""
        control = local_verbs(lambda: self._pollers, self._standing, self._clock, self._intake, self._looks(site))
        panel = panel_verbs(self._looks(site), self._intake, self._clock)
        folder = panel_folder(os.environ, site.gateway.state_dir)
        return (
            Control(site.gateway.state_dir / NAME, control, self._clock),
            Control(folder / PANEL_NAME, panel, self._clock, "panel door"),
        )

    def _looks(self, site: Site) -> dict[str, Verb]:
        """Return the verbs that only look, for one door."""
        sources = Sources(
            software=SOFTWARE,
            state_dir=site.gateway.state_dir,
            clock=self._clock,
            pollers=lambda: self._pollers,
            look=self._pipeline.window.look,
            cfg=lambda: self._pipeline.cfg,
            code=lambda: self._pipeline.code,
            usage=self._outbox.usage,
            uplink=self._uplink,
        )
        return looking(
            lambda: site_view(self._site, SOFTWARE, self._pipeline.cfg),
            Board(sources, self._journal, self._queries),
            lambda: devices_of(self._site),
            self._support,
            self._history,
            self._journal,
            self._queries,
        )

    def _make_publisher(self, site: Site) -> Publisher | None:
        if site.uplink is None:
            return None
        publisher = Publisher(
            site.uplink,
            site.gateway.id,
            self._outbox,
            clock=self._clock,
            random=self._random,
            report=self._intake.tell,
            about=About(
                boot=self._clock.boot, software=SOFTWARE, clock_known=lambda: self._clock.quality() != "unsync"
            ),
            nobody_listens=site.uplink.nobody_listens,
            rotten=lambda seqs: self._intake.tell(Rotten(seqs)),
        )
        publisher.set_meta(meta(site, self._key, SOFTWARE))
        return publisher

    def _make_pollers(self, site: Site) -> list[Poller]:
        by_bus: dict[str, list[Device]] = {bus.name: [] for bus in site.buses}
        for device in site.devices:
            by_bus[device.spec.bus].append(device)
        return [
            Poller(
                open_bus(bus, specs(by_bus[bus.name]), self._clock),
                by_bus[bus.name],
                self._clock,
                self._intake,
                self._random.random,
                spread=site.buffer.commit_every_s == 0,
                link_probe_s=link_probe_s(bus),
            )
            for bus in site.buses
            if by_bus[bus.name]
        ]

    def _start_pollers(self) -> None:
        for poller in self._pollers:
            self.crew.start(poller)

    def _stop_pollers(self) -> None:
        for poller in self._pollers:
            self.crew.dismiss(poller)
            poller.stop()
        until_ns = self._clock.mono_ns() + int(POLLERS_STOP_S * 1e9)
        late = [
            poller
            for poller in self._pollers
            if not self.crew.leave(poller, max(0.0, (until_ns - self._clock.mono_ns()) / 1e9))
        ]
        for poller in late:
            poller.abandon()
        if late:
            log.warning("still on a visit", buses=",".join(poller.name for poller in late))

    def _refuse_reload(self, reasons: list[str]) -> None:
        for reason in reasons:
            log.error("reload refused", reason=reason)
        self.tell({"kind": "event", "event": "config-refused", "reasons": reasons[:20]})


def enrolment(site: Site, key: SigningKey) -> Mapping[str, Any]:
    """Return the members of the first record of a chain: who this is."""
    name = site.gateway.name
    return {
        "site": {"zh": name.zh, "en": name.en},
        "software": SOFTWARE,
        "key": key.public.jwk,
        "reason": "enrolment",
    }


def assemble(
    site: Site, clock: SystemClock, outbox: Outbox, died: Callable[[str, BaseException | None], None]
) -> Agent:
    """Return a site's agent on an open store. Raises `KeyProblem`, or `Refusal` when the key is another chain's."""
    begun = outbox.position.seq > 0
    key = SigningKey.load_or_create(key_path(site.gateway.state_dir, os.environ), may_create=not begun)
    kid = outbox.state("kid")
    if kid is not None and kid.decode() != key.kid:
        raise Refusal(
            f"{key_path(site.gateway.state_dir, os.environ)}: this key ({key.kid}) did not sign the chain in "
            f"{site.gateway.state_dir} (that was {kid.decode()}) — put the old key back, or move the whole state "
            "directory away and enrol a new chain"
        )
    return Agent(site, clock, outbox, key, died)
