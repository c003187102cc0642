"""Logs for people: one line per entry, key=value or JSON, limited in rate, never waiting for a slow reader.

    log = get(__name__)
    log.warning("device lost", device="press-1", reason="no answer in 500 ms")

    level=warning name=agent.poller event="device lost" device=press-1 reason="no answer in 500 ms"

Promises:
- One entry is one line, whatever is in it: control characters are escaped.
- The same message (same words, same device or bus) is written `BURST` times, then once a minute with ``suppressed=n``.
  A device that fails every 10 ms cannot fill the disk.
- A thread that logs never waits: lines go through a bounded queue to a writer of its own; what does not fit is counted.
- No secrets: members named like one, and passwords inside URLs, are masked.
- The last `MOST_KEPT` entries stay in memory, for whoever wants to know what happened just now (`recent`).

Logs explain; they are no evidence. What matters is a signed record.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections import OrderedDict, deque
from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from agent.clock import ts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Style = Literal["auto", "logfmt", "json"]

BURST: Final = 5
REFILL_NS: Final = 60_000_000_000
MOST_KEYS: Final = 1000
MOST_WAITING: Final = 1000
MOST_KEPT: Final = 500
LONGEST_KEPT: Final = 2000
"""Characters of an entry that stays in memory."""
FOREIGN: Final = ("pymodbus", "paho", "amqtt", "transitions", "asyncio")
"""Libraries that talk too much: only from WARNING on."""

_IDENTITY: Final = ("device", "bus", "thread", "path")
"""Members that make two messages with the same words different ones."""
_SECRET: Final = re.compile(r"passw|secret|token|credential|private|api_?key", re.IGNORECASE)
_USERINFO: Final = re.compile(r"(?<=://)[^/\s@]*:[^/\s@]*(?=@)")
_PLAIN: Final = re.compile(r"[^\s\"=\\\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PRIORITY: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""syslog(3) priorities, as sd-daemon(3) wants them in front of a line."""
_LEVELS: Final = tuple((getattr(logging, name.upper()), name) for name in ("critical", "error", "warning", "info"))
_BREAKS: Final = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000))}
"""What JSON leaves as it is, but a terminal or UTF-8 does not: C1 controls, separators, lone surrogates."""


class Log:
    """Where one module logs. Every method takes a few fixed words and members; never words with values in them."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, /, **members: object) -> None:
        """Log something only a developer wants to know."""
        self._log(logging.DEBUG, event, members)

    def info(self, event: str, /, **members: object) -> None:
        """Log something normal."""
        self._log(logging.INFO, event, members)

    def warning(self, event: str, /, **members: object) -> None:
        """Log something that is survived, but somebody may want to look at."""
        self._log(logging.WARNING, event, members)

    def error(self, event: str, /, **members: object) -> None:
        """Log something that somebody must look at."""
        self._log(logging.ERROR, event, members)

    def critical(self, event: str, /, **members: object) -> None:
        """Log that the process cannot go on."""
        self._log(logging.CRITICAL, event, members)

    def _log(self, level: int, event: str, members: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            error = members.pop("exc_info", None)
            info = (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None
            self._logger.log(level, "%s", event, exc_info=info, extra={"event": event, "members": members})


def get(name: str) -> Log:
    """Return the log of the module called `name`."""
    return Log(logging.getLogger(name))


class Limiter:
    """A token bucket per message: `BURST` at once, one more each `REFILL_NS`. The least used keys are forgotten."""

    def __init__(self, mono_ns: Callable[[], int]) -> None:
        self._mono_ns = mono_ns
        self._buckets: OrderedDict[object, tuple[int, int, int]] = OrderedDict()  # key: tokens, since, suppressed

    def admit(self, key: object) -> int | None:
        """Return how many like this were suppressed before it, or ``None`` to suppress this one too."""
        now = self._mono_ns()
        tokens, since, suppressed = self._buckets.pop(key, (BURST, now, 0))
        gained = (now - since) // REFILL_NS
        tokens, since = min(BURST, tokens + gained), since + gained * REFILL_NS
        admitted = tokens > 0
        self._buckets[key] = (tokens - 1, since, 0) if admitted else (0, since, suppressed + 1)
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        return suppressed if admitted else None


class Writer:
    """Writes lines on a thread of its own; whoever hands them over never waits. What does not fit is counted."""

    def __init__(self, stream: TextIO, confess: Callable[[int], str]) -> None:
        """Write to `stream`; `confess` makes the line that says how many others are missing."""
        self._stream = stream
        self._confess = confess
        self._queue: Queue[str | None] = Queue(MOST_WAITING)
        self._thread = Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        self.lost = 0

    def write(self, line: str) -> None:
        """Hand a line over, or count it as lost."""
        try:
            self._queue.put_nowait(line)
        except Full:
            self.lost += 1

    def close(self, within_s: float = 1.0) -> None:
        """Write what waits and end, or give up after `within_s`."""
        with suppress(Full):
            self._queue.put(None, timeout=within_s)
            self._thread.join(within_s)

    def _run(self) -> None:
        while (line := self._queue.get()) is not None:
            write(self._stream, line)
            if self.lost:
                lost, self.lost = self.lost, 0
                write(self._stream, self._confess(lost))


def write(stream: TextIO, line: str) -> None:
    """Write a line; a reader that has gone, or a closed stream, is nobody's problem here."""
    with suppress(OSError, ValueError):
        stream.write(line)
        stream.flush()


class Lines(logging.Handler):
    """The one handler: limits, formats, hands over."""

    def __init__(self, stream: TextIO, style: Style, mono_ns: Callable[[], int], *, threaded: bool) -> None:
        super().__init__()
        self._journal = is_journal(stream, os.environ)
        self._json = style == "json" or (style == "auto" and self._journal)
        self._limiter = Limiter(mono_ns)
        self._stream = stream
        self._writer = Writer(stream, self._confession) if threaded else None
        self.kept: deque[str] = deque(maxlen=MOST_KEPT)
        """The last entries as key=value, without a line break."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one entry, unless there were too many like it."""
        suppressed = self._limiter.admit(identity(record))
        if suppressed is None:
            return
        members = entry(record)
        if suppressed:
            members["suppressed"] = suppressed
        wall_ms = int(record.created * 1000)
        self.kept.append(render({"ts": ts(wall_ms), **members}, as_json=False)[:LONGEST_KEPT])
        line = self._line(members, wall_ms)
        if self._writer is not None:
            self._writer.write(line)
        else:
            write(self._stream, line)

    def _line(self, members: Mapping[str, Any], wall_ms: int) -> str:
        """Return a whole line: the journal wants a priority in front and dates it itself."""
        if self._journal:
            return f"<{_PRIORITY[members['level']]}>{render(members, as_json=self._json)}\n"
        return f"{render({'ts': ts(wall_ms), **members}, as_json=self._json)}\n"

    def _confession(self, lost: int) -> str:
        words = {"level": "warning", "name": __name__, "event": "log lines lost, the reader is too slow", "lines": lost}
        return f"{'<4>' if self._journal else ''}{render(words, as_json=self._json)}\n"

    def close(self) -> None:
        """Write what waits, and end."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        super().close()


def configure(
    mono_ns: Callable[[], int],
    *,
    style: Style = "auto",
    level: str = "info",
    stream: TextIO | None = None,
    threaded: bool = True,
) -> Lines:
    """Set up logging for the whole process, once; a second call replaces the first. `mono_ns` times the rate limit.

    "auto" means JSON into the journal and key=value everywhere else.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, Lines):
            root.removeHandler(handler)
            handler.close()
    lines = Lines(sys.stderr if stream is None else stream, style, mono_ns, threaded=threaded)
    root.addHandler(lines)
    root.setLevel(level.upper())
    for name in FOREIGN:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    return lines


def recent() -> list[str]:
    """Return the last entries of this process's log, oldest first; none when it was not configured."""
    handlers = (handler for handler in logging.getLogger().handlers if isinstance(handler, Lines))
    return [line for handler in handlers for line in handler.kept.copy()]


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether `stream` goes straight to the journal: JOURNAL_STREAM names its device and inode (systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def identity(record: logging.LogRecord) -> tuple[object, ...]:
    """Return what makes two entries the same message: module, level, words, and whom they are about."""
    members: Mapping[str, object] = getattr(record, "members", {})
    words = getattr(record, "event", record.msg)
    return (record.name, record.levelno, str(words), *(str(members.get(name, "")) for name in _IDENTITY))


def entry(record: logging.LogRecord) -> dict[str, Any]:
    """Return the members of an entry in their order, with secrets masked."""
    members: Mapping[str, object] = getattr(record, "members", {})
    event = getattr(record, "event", None) or record.getMessage()
    found: dict[str, Any] = {"level": _level(record.levelno), "name": record.name, "event": _USERINFO.sub("***", event)}
    for name, value in members.items():
        found[name if name not in found else f"{name}_"] = _shown(name, value)
    if record.exc_info and record.exc_info[1] is not None:
        found["traceback"] = _USERINFO.sub("***", "".join(traceback.format_exception(record.exc_info[1])))
    return found


def _level(number: int) -> str:
    names = (name for floor, name in _LEVELS if number >= floor)
    return next(names, "debug")


def _shown(name: str, value: object) -> object:
    if _SECRET.search(name):
        return "***"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _USERINFO.sub("***", str(value))


def render(members: Mapping[str, Any], *, as_json: bool) -> str:
    """Return one line without a line break, as JSON or key=value."""
    if as_json:
        return json.dumps(members, separators=(",", ":"), ensure_ascii=False).translate(_BREAKS)
    return " ".join(f"{name}={_value(value)}" for name, value in members.items())


def _value(value: object) -> str:
    text = "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False).translate(_BREAKS)
