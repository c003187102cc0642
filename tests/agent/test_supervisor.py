"""Start, watch, stop."""

from __future__ import annotations

import signal
from threading import Event, get_ident
from typing import TYPE_CHECKING, Any

import pytest

from agent.clock import SystemClock
from agent.supervisor import STALLED_S, Crew, Supervisor, block_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Ear:
    """What systemd hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def ready(self, status: str = "") -> bool:
        """Hear READY."""
        self.heard.append("ready")
        return True

    def alive(self, status: str = "") -> bool:
        """Hear WATCHDOG."""
        self.heard.append("alive")
        return True

    def stopping(self) -> bool:
        """Hear STOPPING."""
        self.heard.append("stopping")
        return True

    def reloading(self, mono_ns: int) -> bool:
        """Hear RELOADING."""
        self.heard.append("reloading")
        return True


class Body:
    """A worker that does what the test says."""

    name = "body"

    def __init__(self, act: Callable[[Body], None], progress_ns: int) -> None:
        self.stopped = Event()
        self._act = act
        self.at_ns = progress_ns

    def progress(self) -> int:
        """Return when it last moved."""
        return self.at_ns

    def run(self) -> None:
        """Act."""
        self._act(self)


class Scene:
    """A supervisor with one worker."""

    def __init__(self, act: Callable[[Body], None], health_every_s: float = 300) -> None:
        self.clock = SystemClock()
        self.ear = Ear()
        self.supervisor = Supervisor(self.clock, self.ear, health_every_s)  # type: ignore[arg-type]
        self.crew = Crew(self.supervisor.died)
        self.body = Body(act, self.clock.mono_ns())
        self.told: list[Mapping[str, Any]] = []
        self.reloads = 0

    def start(self) -> None:
        """Start the worker."""
        self.crew.start(self.body)

    def stop(self) -> None:
        """Stop it in good order."""
        self.crew.dismiss(self.body)
        self.body.stopped.set()
        assert self.crew.leave(self.body, 5)

    def reload(self) -> None:
        """Count reloads, then ask for the end."""
        self.reloads += 1
        signal.pthread_kill(get_ident(), signal.SIGTERM)

    def health(self) -> Mapping[str, Any]:
        """Return a draft, then ask for the end."""
        signal.pthread_kill(get_ident(), signal.SIGTERM)
        return {"kind": "health"}

    def tell(self, draft: Mapping[str, Any]) -> None:
        """Remember the draft."""
        self.told.append(draft)

    def status(self) -> str:
        """Return a line."""
        return "fine"

    def run(self) -> int:
        """Run with signals blocked, as the program does."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        block_signals()
        try:
            return self.supervisor.run(self)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def wait(body: Body) -> None:
    """Work until told to stop."""
    body.stopped.wait(30)


def test_sigterm_stops_in_order_with_exit_code_0() -> None:
    """READY first, STOPPING when asked, 0 at the end."""
    scene = Scene(wait)
    os_kill_after_ready(scene)

    assert scene.run() == 0
    assert scene.ear.heard[0] == "ready"
    assert scene.ear.heard[-1] == "stopping"


def os_kill_after_ready(scene: Scene) -> None:
    """Send SIGTERM as soon as READY was said; it is blocked, so it waits for the main thread."""
    ready = scene.ear.ready

    def said(status: str = "") -> bool:
        signal.pthread_kill(get_ident(), signal.SIGTERM)
        return ready(status)

    scene.ear.ready = said  # type: ignore[method-assign]


@pytest.mark.parametrize("how", ["raises", "returns unasked"])
def test_a_dead_thread_ends_the_process_with_a_non_zero_code(how: str) -> None:
    """A thread that raises, or just ends, is not survived silently."""

    def die(_: Body) -> None:
        if how == "raises":
            raise RuntimeError("broken")

    assert Scene(die).run() == 1


def test_the_watchdog_is_not_fed_while_a_thread_is_stuck() -> None:
    """WATCHDOG=1 means progress of every thread, not that the main thread lives."""
    scene = Scene(wait, health_every_s=1.2)
    scene.body.at_ns -= int((STALLED_S + 1) * 1e9)

    assert scene.run() == 0
    assert "alive" not in scene.ear.heard


def test_the_watchdog_is_fed_and_health_is_told_while_all_is_well() -> None:
    """Progress feeds the watchdog; health comes in its period."""
    scene = Scene(wait, health_every_s=0.6)

    assert scene.run() == 0
    assert "alive" in scene.ear.heard
    assert scene.told == [{"kind": "health"}]


def test_sighup_reloads_and_goes_on() -> None:
    """RELOADING and READY frame a reload; the process stays."""
    scene = Scene(wait)
    ready = scene.ear.ready
    said = iter([True])

    def on_first_ready(status: str = "") -> bool:
        if next(said, False):
            signal.pthread_kill(get_ident(), signal.SIGHUP)
        return ready(status)

    scene.ear.ready = on_first_ready  # type: ignore[method-assign]

    assert scene.run() == 0
    assert scene.reloads == 1
    assert scene.ear.heard.index("reloading") < len(scene.ear.heard) - 1


def test_a_process_that_was_stopped_and_goes_on_is_not_asked_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython hands out a structure of noise when SIGCONT comes after the time-out; it names none of our signals."""
    noise = iter([signal.struct_siginfo((0, 0, 0, 0, 0, 0, 0)), None, signal.struct_siginfo([signal.SIGTERM] * 7)])
    monkeypatch.setattr(signal, "sigtimedwait", lambda *_: next(noise))
    scene = Scene(wait)

    assert scene.run() == 0
    assert scene.ear.heard.count("alive") == 2
    assert scene.reloads == 0
