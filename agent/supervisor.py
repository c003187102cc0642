"""Start, watch, stop. The main thread's work while the others do theirs.

Promises: READY only when everything runs; the watchdog is fed only while every thread makes progress; a thread that
dies ends the process with a non-zero code (systemd starts it again, the store continues the chain); SIGTERM stops in
under 5 seconds with everything committed; SIGHUP takes over what may change while running and refuses the rest by name.
"""

from __future__ import annotations

import signal
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Protocol

from agent.log import get

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.notify import Notifier
    from drivers.reading import Clock

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ENDING: Final = (signal.SIGTERM, signal.SIGINT)
TURN_S: Final = 0.5
"""How often the main thread looks."""
HEALTH_S: Final = 300.0
"""How often a `health` record is made."""
STALLED_S: Final = 45.0
"""A thread that has not turned round for this long is stuck: no visit, commit or time-out of ours takes longer."""

log = get(__name__)


class Worker(Protocol):
    """One of our threads: what it does and whether it moves."""

    @property
    def name(self) -> str:
        """Return what to call the thread."""

    def progress(self) -> int:
        """Return when it last went round its loop, monotonic nanoseconds. From any thread."""

    def run(self) -> None:
        """Be the thread's body; return only when told to stop."""


def block_signals() -> None:
    """Leave SIGTERM, SIGINT and SIGHUP to the main thread, which waits for them; call before any thread is started.

    Handlers would run between two instructions of whatever the main thread is doing; waiting has no such surprises.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def waited_for() -> int | None:
    """Wait a turn for one of our signals; return which came.

    The number may be any: when a stopped process goes on (SIGCONT, a debugger, a laptop waking up) after its time-out
    has passed, CPython up to 3.13 returns a structure that the kernel never filled in.
    """
    asked = signal.sigtimedwait(SIGNALS, TURN_S)
    return None if asked is None else asked.si_signo


class Crew:
    """Threads that are started together and watched. A body that raises, or returns unasked, is a death."""

    def __init__(self, died: Callable[[str, BaseException | None], None]) -> None:
        self._threads: dict[Worker, Thread] = {}
        self._died = died
        self._leaving: set[Worker] = set()

    def start(self, worker: Worker) -> None:
        """Start a thread for `worker`."""
        thread = Thread(target=self._body, args=(worker,), name=worker.name, daemon=True)
        self._threads[worker] = thread
        thread.start()

    def _body(self, worker: Worker) -> None:
        try:
            worker.run()
        except BaseException as error:  # noqa: BLE001  whatever it is, it ends the process
            self._died(worker.name, error)
        else:
            if worker not in self._leaving:
                self._died(worker.name, None)

    def dismiss(self, worker: Worker) -> None:
        """Expect the end of a worker from now on. Call it before the worker is told to stop."""
        self._leaving.add(worker)

    def leave(self, worker: Worker, within_s: float) -> bool:
        """Wait for a dismissed worker; return whether it has ended in time."""
        thread = self._threads.get(worker)
        if thread is None:
            return True
        thread.join(within_s)
        if thread.is_alive():
            return False
        del self._threads[worker]
        self._leaving.discard(worker)
        return True

    def stalled(self, now_ns: int) -> list[str]:
        """Return the names of threads that have not turned round lately."""
        return [
            worker.name
            for worker in self._threads
            if worker not in self._leaving and now_ns - worker.progress() > STALLED_S * 1e9
        ]


class Running(Protocol):
    """What the supervisor runs: the assembled agent."""

    crew: Crew

    def start(self) -> None:
        """Start every thread."""

    def stop(self) -> None:
        """Stop in order: pollers, pipeline, publisher, store."""

    def reload(self) -> None:
        """Take over a changed site file, or say why not."""

    def health(self) -> Mapping[str, Any]:
        """Return the `health` draft: counters of everything."""

    def tell(self, draft: Mapping[str, Any]) -> None:
        """Have a draft signed and kept."""

    def status(self) -> str:
        """Return one line for people: what is going on."""


class Supervisor:
    """Runs an agent until a signal or a death ends it."""

    def __init__(self, clock: Clock, notifier: Notifier, health_every_s: float = HEALTH_S) -> None:
        self._clock = clock
        self._notifier = notifier
        self._health_every_ns = int(health_every_s * 1e9)
        self._death: str | None = None

    def died(self, name: str, error: BaseException | None) -> None:
        """Note that a thread has ended by itself. Called on that thread."""
        self._death = f"{name}: {error!r}" if error else f"{name}: ended unasked"
        log.error("thread died", thread=name, error=repr(error), exc_info=error)

    def run(self, agent: Running) -> int:
        """Run `agent` to its end; return the exit code: 0 asked to stop, 1 something died."""
        agent.start()
        self._notifier.ready(agent.status())
        health_due_ns = self._clock.mono_ns() + self._health_every_ns
        while self._death is None:
            asked = waited_for()
            if asked in ENDING:
                break
            now_ns = self._clock.mono_ns()
            self._watch(agent, now_ns)
            if asked == signal.SIGHUP:
                self._reload(agent)
            if now_ns >= health_due_ns:
                health_due_ns = now_ns + self._health_every_ns
                agent.tell(agent.health())
        self._notifier.stopping()
        agent.stop()  # also after a death: what the other threads hold is committed
        return 0 if self._death is None else 1

    def _watch(self, agent: Running, now_ns: int) -> None:
        stalled = agent.crew.stalled(now_ns)
        if stalled:
            log.error("no progress; the watchdog is not fed", threads=",".join(stalled))
            return
        self._notifier.alive(agent.status())

    def _reload(self, agent: Running) -> None:
        self._notifier.reloading(self._clock.mono_ns())
        agent.reload()
        self._notifier.ready(agent.status())
