"""People who look at the overview, as far as the panel sees them: streams of ``GET /live``, read by one thread."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from tests.browser.harness import Panel

MOST_KEPT = 1 << 20


class Audience:
    """So many viewers of one panel that may be looked at without logging in."""

    def __init__(self, panel: Panel, viewers: int) -> None:
        self._closing = ExitStack()
        self._told: dict[socket.socket, bytes] = {}
        self._selector = self._closing.enter_context(selectors.DefaultSelector())
        for _ in range(viewers):
            viewer = self._closing.enter_context(socket.create_connection(("127.0.0.1", panel.port), timeout=30))
            viewer.sendall(f"GET /live HTTP/1.1\r\nHost: localhost:{panel.port}\r\n\r\n".encode())
            viewer.setblocking(False)
            self._told[viewer] = b""
            self._selector.register(viewer, selectors.EVENT_READ)
        self._is_over = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def heard(self, word: str) -> int:
        """Return how many have been told this word, when all have or time is up."""
        wanted = word.encode()

        def count() -> int:
            return sum(wanted in told for told in tuple(self._told.values()))

        eventually(lambda: count() == len(self._told))
        return count()

    @property
    def bytes(self) -> int:
        """Return how much all of them keep of what they were told."""
        return sum(map(len, tuple(self._told.values())))

    def _read(self) -> None:
        while not self._is_over.is_set():
            for key, _ in self._selector.select(0.2):
                viewer = key.fileobj
                assert isinstance(viewer, socket.socket)
                if got := viewer.recv(65536):
                    self._told[viewer] = (self._told[viewer] + got)[-MOST_KEPT:]
                else:
                    self._selector.unregister(viewer)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._reader.join()
        self._closing.close()
