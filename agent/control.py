"""A local door: a Unix socket on which the running agent is asked, JSON lines in and out. There are two of them.

`control.sock` in the state directory is for people of this machine (`agent.local_verbs`), `panel.sock` for the panel's
process, which may do less (`agent.panel_verbs`). Each is a thread with callers of its own: whatever comes in at one
leaves the other alone.

Who may come in is decided by the file's permissions: the agent's user and group. One request at a time on a connection,
each a JSON object with its verb in ``do``; each gets one line, or one a second (`agent.caller.Repeated`). Whatever is
malformed gets ``{"error": "…"}``.

Promises: one thread, which waits for nobody (neither for a caller that does not read, nor for a bus); everything is
bounded: callers, the length of a request, what waits for a caller, the time a request may take. Whatever happens here,
the agent goes on.
"""

from __future__ import annotations

import os
import selectors
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import orjson

from agent.caller import MOST_LINE, Answer, Caller, Later, Repeated, Request
from agent.log import get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from drivers.reading import Clock

    Outcome = Answer | Later | Repeated
    """What comes of a request."""
    Verb = Callable[[Request], Outcome]
    """What a verb does with a request. Runs on the door's thread, so it must not wait. Raises Unwilling."""

NAME: Final = "control.sock"
PANEL_NAME: Final = "panel.sock"
MODE: Final = 0o660
MOST_CALLERS: Final = 16
EVERY_NS: Final = 1_000_000_000
"""How often a line is repeated."""
SOON_NS: Final = 50_000_000
"""How soon a line that was not ready is asked for again."""
PATIENCE_NS: Final = 60_000_000_000
"""How long a request may take, how long a caller may say nothing, and how long it may leave unread what it is told."""
LONGEST_WAIT_S: Final = 1.0

_Result = TypeVar("_Result")

log = get(__name__)


class Unwilling(Exception):
    """Why a request is not met: ``str`` says it in words."""


class Control:
    """The door. `run` is the thread's body."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb], clock: Clock, name: str = "control") -> None:
        """Know what can be asked; nothing is opened before `open`. `name` is the thread's."""
        self.path = path
        self.name = name
        self._verbs = verbs
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._callers: list[Caller] = []
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._bell, self._ear = socket.socketpair()
        self._inode = 0
        self._is_stopping = False
        self._progress_ns = clock.mono_ns()

    def open(self) -> bool:
        """Listen; return whether that worked. What a dead agent left behind is taken away, a living one's is not."""
        try:
            with near(self.path) as address:
                if _somebody_answers(address):
                    raise OSError("somebody else answers on it")  # noqa: TRY301 -- told like what the system says
                self.path.unlink(missing_ok=True)
                self._door.bind(address)
            self._inode = self.path.stat().st_ino
            self.path.chmod(MODE)
            self._door.listen(MOST_CALLERS)
        except OSError as error:
            log.warning("a door stays shut: nobody can ask this agent there", path=self.path, error=error)
            self._close()
            return False
        for ours in (self._door, self._bell, self._ear):
            ours.setblocking(False)
        self._selector.register(self._door, selectors.EVENT_READ)
        self._selector.register(self._ear, selectors.EVENT_READ)
        return True

    def stop(self) -> None:
        """Ask the thread to end. From any thread."""
        self._is_stopping = True
        self._ring()

    def progress(self) -> int:
        """Return when the thread last went round its loop, monotonic nanoseconds."""
        return self._progress_ns

    def run(self) -> None:
        """Serve until told to stop."""
        try:
            while not self._is_stopping:
                self._progress_ns = now_ns = self._clock.mono_ns()
                for key, events in self._selector.select(self._patience_s(now_ns)):
                    self._happened(key.fileobj, key.data, events)
                for caller in list(self._callers):
                    self._attend(caller, self._clock.mono_ns())
        finally:
            self._close()

    # --- what happens --------------------------------------------------------------------------------------------

    def _patience_s(self, now_ns: int) -> float:
        """Return until when nothing is due."""
        due_ns = (caller.due_ns for caller in self._callers if isinstance(caller.serving, Repeated) and caller.is_idle)
        return min(LONGEST_WAIT_S, max(0.0, (min(due_ns, default=now_ns + EVERY_NS * 60) - now_ns) / 1e9))

    def _happened(self, what: object, caller: Caller | None, events: int) -> None:
        if what is self._door:
            self._admit()
        elif caller is None:
            with suppress(BlockingIOError):
                self._ear.recv(4096)
        elif events & selectors.EVENT_READ:
            caller.hear()

    def _admit(self) -> None:
        try:
            connection, _ = self._door.accept()
        except OSError as error:  # it has left again, or there are no descriptors
            log.warning("a caller could not be let in", error=error)
            return
        caller = Caller(connection, self._clock.mono_ns())
        if len(self._callers) < MOST_CALLERS:
            self._callers.append(caller)
            return
        caller.tell({"error": f"{MOST_CALLERS} callers are here already"}, caller.since_ns)
        caller.close()

    # --- one caller ----------------------------------------------------------------------------------------------

    def _attend(self, caller: Caller, now_ns: int) -> None:
        """Do for a caller what can be done now."""
        caller.send(now_ns)
        is_late = now_ns - caller.since_ns > PATIENCE_NS
        if isinstance(caller.serving, Later) and (is_late or caller.serving.is_ready):
            self._answer_at_last(caller, caller.serving, now_ns)
        elif isinstance(caller.serving, Repeated) and caller.is_idle:
            self._repeat(caller, caller.serving, now_ns)
        elif is_late:
            caller.gone = True
        while (line := caller.request()) is not None:
            self._begin(caller, line, now_ns)
        if caller.is_done:
            self._let_go(caller)
        else:
            self._listen_to(caller)

    def _begin(self, caller: Caller, line: bytes, now_ns: int) -> None:
        caller.since_ns = caller.due_ns = now_ns
        outcome = self._safely(lambda: self._outcome(line, caller.uid))
        if isinstance(outcome, dict):
            caller.tell(outcome, now_ns)
            return
        caller.serving = outcome
        if isinstance(outcome, Repeated):
            self._repeat(caller, outcome, now_ns)
        else:
            for future in outcome.futures:
                future.add_done_callback(lambda _: self._ring())
            if outcome.is_ready:
                self._answer_at_last(caller, outcome, now_ns)

    def _answer_at_last(self, caller: Caller, later: Later, now_ns: int) -> None:
        caller.serving = None
        for future in later.futures:
            future.cancel()  # what is not done by now is not done at all
        answer = self._safely(later.answer)
        assert isinstance(answer, dict)
        caller.tell(answer, now_ns)

    def _repeat(self, caller: Caller, repeated: Repeated, now_ns: int) -> None:
        """Tell the next line, if it is due. A caller that was slow misses lines; they are not queued up."""
        if now_ns < caller.due_ns:
            return
        line = self._safely(repeated.line)
        if line is None:
            caller.due_ns = now_ns + SOON_NS
            return
        assert isinstance(line, dict)
        caller.due_ns = max(caller.due_ns + EVERY_NS, now_ns)
        caller.tell(line, now_ns)

    def _outcome(self, line: bytes, uid: int) -> Outcome:
        """Return what a verb makes of a request. Raises Unwilling."""
        if len(line) > MOST_LINE:
            raise Unwilling(f"a request of more than {MOST_LINE} bytes")
        try:
            words = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Unwilling(f"a request is one line of JSON: {error}") from error
        if not isinstance(words, dict):
            raise Unwilling('a request is a JSON object like {"do":"status"}')
        do = words.get("do")
        verb = self._verbs.get(do) if isinstance(do, str) else None
        if verb is None:
            raise Unwilling(f'"do" must be one of {", ".join(self._verbs)}')
        return verb(Request(words, uid))

    @staticmethod
    def _safely(work: Callable[[], _Result]) -> _Result | Answer:
        """Return what `work` returns, or the reason why not. A mistake of ours costs one answer, not the agent."""
        try:
            return work()
        except Unwilling as reason:
            return {"error": str(reason)}
        except Exception as error:
            log.error("a request failed", error=repr(error), exc_info=error)  # noqa: TRY400 -- it is our log
            return {"error": f"the agent could not do that: {error!r}"}

    # --- the socket ----------------------------------------------------------------------------------------------

    def _listen_to(self, caller: Caller) -> None:
        wanted = caller.wants
        key = self._selector.get_map().get(caller.socket)
        if key is not None and not wanted:
            self._selector.unregister(caller.socket)
        elif key is None and wanted:
            self._selector.register(caller.socket, wanted, caller)
        elif key is not None and key.events != wanted:
            self._selector.modify(caller.socket, wanted, caller)

    def _let_go(self, caller: Caller) -> None:
        self._callers.remove(caller)
        with suppress(KeyError):
            self._selector.unregister(caller.socket)
        caller.close()

    def _ring(self) -> None:
        """Wake the thread: from any thread, also when it has ended."""
        with suppress(OSError):
            self._bell.send(b"!")

    def _close(self) -> None:
        for caller in list(self._callers):
            self._let_go(caller)
        self._selector.close()
        with suppress(OSError):
            if self._inode and self.path.stat().st_ino == self._inode:
                self.path.unlink()
        for ours in (self._door, self._bell, self._ear):
            ours.close()


def panel_folder(environment: Mapping[str, str], state_dir: Path) -> Path:
    """Return where the panel's door is: in the unit's runtime directory (systemd.exec(5)), else beside the other."""
    first = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(first) if first else state_dir


@contextmanager
def near(path: Path) -> Iterator[str]:
    """Yield a short name of a socket's path: the system takes 107 bytes at most (unix(7)). Raises OSError."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _somebody_answers(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True
