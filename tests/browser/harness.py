"""The panel as a process beside a real agent, people with accounts, and browsers that are watched.

    Meters -> agent (a process) -> panel (a process) -> Chromium

`Works` sets up the plant of `tests.browser.plant` with all of that. A `Visitor` is somebody with a browser window of
their own; `Visitor.trouble` holds whatever a page must not do: errors on the console, requests that fail, and requests
to anybody but the panel.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import httpx2
from playwright.sync_api import expect, sync_playwright

from agent.clock import SystemClock
from agent.control_client import NoAnswer, Visit
from agent.panel.accounts import Accounts, Cost
from agent.panel.person import Role
from tests.agent.panel.running import free_port
from tests.browser.plant import DEVICES, GATEWAY, LIMITS, PLANT, at_work, fan
from tests.e2e.harness import ROOT, Stage, mqtt
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, WebError

INSTALLER: Final = ("wang.fang", "amber-kettle-417")
OPERATOR: Final = ("li.wei", "copper-lantern-22")
VIEWER: Final = ("guest", "quiet-harbour-8")
PHONE: Final = {"width": 390, "height": 844}
DESK: Final = {"width": 1280, "height": 900}
WALL: Final = {"width": 1920, "height": 1080}
PATIENCE_MS: Final = 20_000
"""Generous: for a machine that does other things as well."""
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
"""Chromium does not speak to its makers, and runs as root."""


# --- the panel -------------------------------------------------------------------------------------------------------


def plantgate(*words: str, state: Path, socket: Path) -> str:
    """Run a verb of ``plantgate panel`` as people do; return what it printed."""
    command = [sys.executable, "-m", "agent.cli.main", "panel", *words, "--state", str(state), "--socket", str(socket)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Panel:
    """The panel's process; its log goes to `log`, its accounts and certificate are in `state`."""

    def __init__(self, site: Path, agent: Path, port: int, scheme: str = "http") -> None:
        """`agent` is the socket of the agent's door for panels."""
        self.port = port
        self.url = f"{scheme}://localhost:{port}"
        self.site, self.agent = site, agent
        self.state = site.parent / "panel"
        self.log = site.parent / "panel.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """The log so far."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def start(self) -> Self:
        """Start it and wait until it serves."""
        words = ["panel", "serve", str(self.site), "--state", str(self.state), "--socket", str(self.agent)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "agent.cli.main", *words, "--log", "logfmt"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        assert eventually(lambda: "event=serving" in self.said or self._process is None or self._process.poll()), "late"
        assert "event=serving" in self.said, self.said
        return self

    def setup_code(self) -> str:
        """Return a setup code, as the verb prints it."""
        found = re.search(r"setup code +(\S+)", plantgate("setup", str(self.site), state=self.state, socket=self.agent))
        assert found is not None
        return found[1]

    def people(self) -> None:
        """Make an account for each role, with passwords that cost little to check."""
        accounts = Accounts(self.state, SystemClock(), Cost(n=2**4))

        async def made() -> None:
            for (user, password), role in (
                (INSTALLER, Role.INSTALLER),
                (OPERATOR, Role.OPERATOR),
                (VIEWER, Role.VIEWER),
            ):
                await accounts.add(user, role, password)

        with ThreadPoolExecutor(1) as apart:  # this thread has the event loop of the browser
            apart.submit(asyncio.run, made()).result()

    def stop(self) -> int | None:
        """Stop it in order; return the exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.terminate()
        try:
            return process.wait(20)
        finally:
            process.kill()


class Clerk:
    """Somebody who speaks HTTP by hand: for what a test needs and does not test."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self.client = httpx2.Client(base_url=panel.url, headers={"Origin": panel.url}, timeout=30, verify=False)

    def send(self, path: str, **fields: str) -> httpx2.Response:
        """Send a form, with the token that pages carry; it must be taken."""
        found = re.search(r'name="csrf" content="([^"]*)"', self.client.get("/login", follow_redirects=True).text)
        assert found is not None
        answer = self.client.post(path, data={"csrf": found[1], **fields})
        assert answer.status_code == 303, answer.text
        return answer

    def log_in(self, person: tuple[str, str]) -> dict[str, str]:
        """Log in; return the cookies of the session."""
        self.send("/login", user=person[0], password=person[1])
        return dict(self.client.cookies)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()


# --- everything ------------------------------------------------------------------------------------------------------


class Works:
    """The plant, its agent, its panel."""

    def __init__(self, stage: Stage, panel: Panel) -> None:
        self.stage, self.panel = stage, panel

    def ask(self, do: str, **said: Any) -> dict[str, Any]:
        """Ask the agent at the door for people of this machine. Raises NoAnswer."""
        with Visit(self.stage.state) as visit:
            return visit.ask({"do": do, **said})

    def alarms(self) -> dict[str, str]:
        """Return the status of each alarm that is not normal."""
        return {row["alarm"]: row["status"] for row in self.ask("alarms", all=False)["alarms"]}

    def fan(self, *, runs: bool) -> None:
        """Switch the exhaust fan on or off."""
        fan(self.stage.meters, runs=runs)

    def calm(self) -> None:
        """Let the plant run as it should, and nothing ask for anybody."""
        at_work(self.stage.meters)
        for alarm, status in self.alarms().items():
            if status == "shelved":
                self.ask("unshelve", alarm=alarm)

        def is_calm() -> bool:
            with suppress(NoAnswer):  # there may be nothing to acknowledge
                self.ask("acknowledge", alarm="all")
            return not self.alarms()

        assert eventually(is_calm), self.alarms()


def panel_table(port: int, *more: str) -> str:
    """Return the table of the site file that has the panel listen on a port of this machine."""
    return "\n".join(["[panel]", f'listen = "127.0.0.1:{port}"', *more, ""])


@contextmanager
def works(
    directory: Path,
    *more: str,
    devices: Sequence[dict[str, Any]] = DEVICES,
    plant: str = PLANT,
    limits: Sequence[dict[str, Any]] = LIMITS,
    gateway: dict[str, Any] = GATEWAY,
    uplink: dict[str, Any] | None = None,
    before: Callable[[Path], None] = lambda _: None,
    people: bool = True,
) -> Iterator[Works]:
    """Yield a plant at work with its agent and its panel.

    `more` are lines of ``[panel]``, `uplink` further keys of ``[uplink.mqtt]``; `before` is done to the state directory
    before the agent starts.
    """
    port = free_port()
    with Stage(directory) as stage, ExitStack() as closing:
        at_work(stage.meters)
        before(stage.state)
        stage.run(
            uplink=mqtt(stage.link.port, **(uplink or {})),
            devices=devices,
            plant=f"{plant}\n{panel_table(port, *more)}",
            limits=limits,
            gateway=gateway,
            packs=["treatment", "plan"],
        )
        panel = Panel(stage.agent.site, stage.state / "panel.sock", port)
        closing.callback(panel.stop)
        panel.start()
        if people:
            panel.people()
        yield Works(stage, panel)


# --- browsers --------------------------------------------------------------------------------------------------------


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield Debian's Chromium with nothing in it."""
    expect.set_options(timeout=PATIENCE_MS)
    program = shutil.which("chromium")
    assert program, "chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class Trouble:
    """Something that a page must not do. `status` is that of an answer that the console complains of."""

    what: str
    status: int | None = None


class Visitor:
    """A browser window of its own, with a session or without one."""

    def __init__(
        self,
        browser: Browser,
        panel: Panel,
        person: tuple[str, str] | None = None,
        *,
        language: str = "en",
        theme: str = "light",
        size: dict[str, int] = DESK,
    ) -> None:
        self.panel = panel
        self._trouble: list[Trouble] = []
        is_phone = size is PHONE
        self.context = browser.new_context(
            base_url=panel.url,
            viewport={"width": size["width"], "height": size["height"]},
            is_mobile=is_phone,
            has_touch=is_phone,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            ignore_https_errors=panel.url.startswith("https"),
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.looks(language, theme)
        if person is not None:
            with Clerk(panel) as clerk:
                self._keep(clerk.log_in(person))
        self.context.on("console", self._heard)
        self.context.on("weberror", self._broke)
        self.context.on("request", self._asked)
        self.context.on("requestfailed", self._failed)
        self.page: Page = self.context.new_page()

    def looks(self, language: str, theme: str) -> None:
        """Choose language and theme."""
        self._keep({"language": language, "theme": theme})

    def go(self, path: str) -> Page:
        """Open a page of the panel."""
        self.page.goto(path, wait_until="load")
        return self.page

    def trouble(self, *expected: int) -> list[str]:
        """Return what went wrong so far, but for answers of a status that was `expected`; forget it."""
        found, self._trouble = self._trouble, []
        return [one.what for one in found if one.status not in expected]

    def close(self) -> None:
        """Close the window."""
        self.context.close()

    def _keep(self, cookies: dict[str, str]) -> None:
        self.context.add_cookies([{"name": name, "value": cookies[name], "url": self.panel.url} for name in cookies])

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            status = re.search(r"status of (\d+)", message.text)
            said = f"console: {message.text} ({message.location})"
            self._trouble.append(Trouble(said, int(status[1]) if status else None))

    def _broke(self, error: WebError) -> None:
        self._trouble.append(Trouble(f"script: {error.error}"))

    def _asked(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme != "data" and f"{where.scheme}://{where.netloc}" != self.panel.url:
            self._trouble.append(Trouble(f"a request to another host: {request.url}"))

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # which is a page that was left, or a download
            self._trouble.append(Trouble(f"failed: {request.url} {request.failure}"))
