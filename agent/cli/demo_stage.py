"""The demo from curtain to curtain: who is started when, what happens to them, and that nobody is left behind.

One asyncio loop holds the broker, the subscriber, the script and the screen; the instruments have a thread, agent and
panel a process each. Moments are seconds since the beginning, by the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Protocol

from agent.cli import demo_store
from agent.cli.demo_broker import Platform
from agent.cli.demo_screen import Now
from agent.cli.demo_story import OUTAGE_EVERY_S, OUTAGE_FOR_S, OUTAGE_FROM_S, Ending, Seen, Story, Summary
from agent.clock import SystemClock
from agent.keys import SigningKey, key_path
from agent.sites import load_site
from drivers.sim.instruments import plant_units
from drivers.sim.modbus_server import Exchange, ModbusServer
from drivers.sim.plant import EVENTFUL
from drivers.sim.serial_plant import plant_lines
from drivers.sim.serial_server import SerialServer

if TYPE_CHECKING:
    from agent.cli.demo_panel import Panel
    from agent.verify.verdict import Report
    from config.site import Site

_TEMPLATE = Path(__file__).with_name("demo_site.toml")
_RTU_LINES = ("stack",)
_SERIAL_LINE = "rs485"
_SHOWN = ("dcs", 1)
_SHOWN_DEVICE = "boiler-dcs"
"""The line and unit whose frames are shown, and its name in the site file."""
_FRESH_S = 0.3
"""A record this young was made from the device's last answer; it is asked every half second."""
_TICK_S = 0.25
_STOP_WITHIN_S = 10.0
_SETTLE_S = 0.5
_CATCH_UP_S = 5.0
"""An outage begins only when this long is left after it."""


class Show(Protocol):
    """Whoever shows the demo to people."""

    def show(self, site: Site, story: Story, now: Now) -> None:
        """Show this moment."""


class Stage:
    """One performance. Call `perform` once."""

    def __init__(self, directory: Path, until_s: float | None, show: Show) -> None:
        self._directory = directory
        self._state_dir = directory / "state"
        self._site_file = directory / "site.toml"
        self._log = directory / "agent.log"
        self._until_s = until_s
        self._show = show
        self._clock = SystemClock(trusted=True)
        self._zero_ns = self._clock.mono_ns()
        self._over = asyncio.Event()
        old = demo_store.look(self._state_dir)
        self._story = Story(self._zero_ns / 1e9, self._enrol().public, first=None if old else 1)
        self._platform = Platform("plantgate/demo/#", self._hear)
        self._plant = ModbusServer(self._clock)
        self._lines = SerialServer(self._clock)
        self._port = directory / "dev" / _SERIAL_LINE
        self._panel_port = _free_port()
        self._panel = ""
        self._shown: tuple[Exchange, Seen] | None = None
        self._site: Site | None = None
        self._report: Report | None = None
        self._report_due_s = 0.0

    def _enrol(self) -> SigningKey:
        """Make the gateway's key as `plantgate key make` does, and take its public half as a platform does."""
        self._state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SigningKey.load_or_create(key_path(self._state_dir), may_create=True)

    async def perform(self) -> Summary:
        """Play until the time is up, somebody interrupts, or the agent ends by itself; return how it went."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._over.set)
        agent: asyncio.subprocess.Process | None = None
        presenting: asyncio.Task[None] | None = None
        try:
            await self._set_up()
            agent = await self._start_agent()
            presenting = asyncio.create_task(self._present())
            await self._play(agent)
        finally:
            if presenting:
                presenting.cancel()
            code = await self._stop_agent(agent) if agent else None
            if presenting:
                await asyncio.wait([presenting])
            await self._platform.stop()
            self._plant.close()
            self._lines.close()
        stored = demo_store.look(self._state_dir)
        ending = Ending(stored.committed if stored else None, stored.waiting if stored else frozenset(), code)
        return self._story.end(self._at_s(), ending)

    def _at_s(self) -> float:
        return (self._clock.mono_ns() - self._zero_ns) / 1e9

    def _hear(self, topic: str, wire: bytes) -> None:
        self._story.hear(topic, wire, self._at_s())
        seen, exchange = self._story.readings.get(_SHOWN_DEVICE), self._plant.last(*_SHOWN)
        if seen and exchange and seen.wire == wire and self._at_s() + self._zero_ns / 1e9 - seen.up_s < _FRESH_S:
            self._shown = (exchange, seen)

    # --- setting up and striking ---

    async def _set_up(self) -> None:
        """Open every port, then write the site file that names them; the plant's time begins."""
        born_ns, units = self._clock.mono_ns(), plant_units(EVENTFUL)
        self._lines.offer(_SERIAL_LINE, plant_lines(EVENTFUL, born_ns)[_SERIAL_LINE], self._port)
        ports = {line: self._plant.listen(line, on, framing=_framing(line)) for line, on in units.items()}
        await self._platform.start()
        text = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
            ports, mqtt=self._platform.port, rs485=self._port, panel=self._panel_port
        )
        self._site_file.write_text(text, encoding="utf-8")
        self._site = load_site(self._site_file)
        for unit in (unit for on in units.values() for unit in on.values()):
            unit.start(born_ns)
        self._plant.start()
        self._lines.start()

    async def _start_agent(self) -> asyncio.subprocess.Process:
        """Start the real agent. A session of its own keeps Ctrl-C from it: it is stopped in order, as by systemd."""
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "agent.cli.main",
                "run",
                "--allow-root",
                str(self._site_file),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _stop_agent(self, agent: asyncio.subprocess.Process) -> int:
        """End the agent as systemd would, hear its last words, and return its exit code."""
        with suppress(ProcessLookupError):
            agent.terminate()
        try:
            code = await asyncio.wait_for(agent.wait(), _STOP_WITHIN_S)
        except TimeoutError:
            self._story.tell(self._at_s(), "strange", f"the agent did not stop within {_STOP_WITHIN_S:.0f} s")
            agent.kill()
            code = await agent.wait()
        await asyncio.sleep(_SETTLE_S)
        return code

    async def _present(self) -> None:
        """Have the panel served until cancelled; without it the demo goes on."""
        try:
            from agent.cli.demo_panel import Panel  # noqa: PLC0415 - an optional extra, as the broker

            await self._serve(Panel(self._directory, self._panel_port))
        except ImportError as missing:
            words = f"not installed ({missing.name} is missing); get it with: pip install 'plantgate[panel]'"
            self._story.tell(self._at_s(), "panel", words, "未安装面板")
        except (OSError, ValueError) as problem:
            self._story.tell(self._at_s(), "strange", f"there is no panel: {problem}")
        finally:
            self._panel = ""

    async def _serve(self, panel: Panel) -> None:
        """Say where the panel is as soon as it answers, and that it ended if it does so by itself."""
        code = panel.setup_code(self._clock)
        await panel.invited()
        async with panel.served() as process:
            if await panel.answers(process):
                self._panel = f"{panel.url} · to act: set-up code {code}"
                self._story.tell(self._at_s(), "panel", f"look at it: {self._panel}", "本机面板")
            await process.wait()
        words = f"the panel ended by itself with exit code {process.returncode}: {panel.last_words()}"
        self._story.tell(self._at_s(), "strange", words)

    # --- the play ---

    async def _play(self, agent: asyncio.subprocess.Process) -> None:
        """Draw four times a second and let the broker go down and up, until it is over."""
        gone = asyncio.create_task(agent.wait())
        while not self._over.is_set() and not gone.done() and not self._is_time_up():
            await self._script()
            self._draw()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), _TICK_S)
        if gone.done():
            words = f"the agent ended by itself with exit code {gone.result()}: {self._last_words()}"
            self._story.tell(self._at_s(), "strange", words)
            self._story.died = words
        gone.cancel()
        if not self._platform.is_up and self._story.outages:
            await self._platform.start()
            self._story.broker_up(self._at_s())
        self._draw(ending=True)

    def _is_time_up(self) -> bool:
        return self._until_s is not None and self._at_s() >= self._until_s

    async def _script(self) -> None:
        """Take the broker down, or up again, when it is time to."""
        at_s = self._at_s()
        since_s = (at_s - OUTAGE_FROM_S) % OUTAGE_EVERY_S
        left_s = float("inf") if self._until_s is None else self._until_s - at_s
        due = at_s >= OUTAGE_FROM_S and since_s < OUTAGE_FOR_S
        if due and self._platform.is_up and left_s > OUTAGE_FOR_S - since_s + _CATCH_UP_S:
            await self._platform.stop()
            self._story.broker_down(self._at_s())
        elif not due and not self._platform.is_up:
            await self._platform.start()
            self._story.broker_up(self._at_s())

    def _draw(self, *, ending: bool = False) -> None:
        if self._site is None:
            return
        stored = demo_store.look(self._state_dir)
        now = Now(
            at_s=self._at_s(),
            until_s=self._until_s,
            is_up=self._platform.is_up,
            stored=len(stored.waiting) if stored else None,
            shown=self._shown,
            refused_v5=self._platform.refused_v5,
            report=self._verdict(),
            panel=self._panel,
            ending=ending,
        )
        self._show.show(self._site, self._story, now)

    def _verdict(self) -> Report:
        """Return the verdict, at most a second old; older in a demo of hours, for it looks at every record again."""
        if self._report is None or self._at_s() >= self._report_due_s:
            self._report = self._story.report()
            self._report_due_s = self._at_s() + max(1.0, self._report.records / 2000)
        return self._report

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " / ".join(lines[-3:]) or "it said nothing"


def _free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _framing(line: str) -> str:
    return "rtu" if line in _RTU_LINES else "tcp"
