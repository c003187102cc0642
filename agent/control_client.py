"""The other side of the local door: how a verb of the command line asks the running agent."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final, Self

import orjson

from agent.control import NAME, PATIENCE_NS, near

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MOST_ANSWER: Final = 64 * 1024 * 1024
CONNECT_S: Final = 2.0
ANSWER_S: Final = PATIENCE_NS / 1e9 + 10.0
"""The agent answers within its own patience, whatever the lines do."""


class NobodyThere(Exception):
    """No agent runs on this state directory, or it lets us not in: ``str`` says which."""


class NoAnswer(Exception):
    """The agent refused, went away, or answered nonsense: ``str`` says which."""


class Visit:
    """A connection to the running agent."""

    def __init__(self, state_dir: Path) -> None:
        """Connect. Raises NobodyThere."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_S)
        try:
            with near(state_dir / NAME) as address:
                self._socket.connect(address)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            self._socket.close()
            raise NobodyThere("the agent does not run") from None
        except OSError as error:
            self._socket.close()
            reason = (error.strerror or str(error)).lower()
            raise NobodyThere(f"cannot ask the agent: {state_dir / NAME}: {reason}") from None
        self._socket.settimeout(ANSWER_S)
        self._input = self._socket.makefile("rb")

    def ask(self, words: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to one request. Raises NoAnswer."""
        try:
            self._socket.sendall(orjson.dumps(words) + b"\n")
            line = self._input.readline(MOST_ANSWER)
        except OSError as error:
            raise NoAnswer(f"the agent does not answer: {error}") from None
        return _understood(line)

    def lines(self, words: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield what comes until the agent ends. Raises NoAnswer."""
        yield self.ask(words)
        try:
            for line in iter(lambda: self._input.readline(MOST_ANSWER), b""):
                yield _understood(line)
        except OSError as error:
            raise NoAnswer(f"the agent does not answer: {error}") from None

    def close(self) -> None:
        """Hang up."""
        self._input.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _understood(line: bytes) -> dict[str, Any]:
    if not line.endswith(b"\n"):
        raise NoAnswer("the agent ended before it answered")
    try:
        answer = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise NoAnswer("the agent answers with something else than JSON") from None
    if not isinstance(answer, dict):
        raise NoAnswer("the agent answers with something else than an object")
    if "error" in answer:
        raise NoAnswer(str(answer["error"]))
    return answer
