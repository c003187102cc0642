"""A TCP proxy that keeps what a client sends, for tests that ask what ever went on the wire."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Sniffer:
    """Passes every byte on to `target` (a port on 127.0.0.1) and keeps those of the client, per connection."""

    target: int
    sent: list[bytearray] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
        for end in self._ends:
            end.close()

    def cut(self) -> None:
        """End every connection there is."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self._ends += [client, server]
                self.sent.append(bytearray())
                for source, sink, kept in ((client, server, self.sent[-1]), (server, client, bytearray())):
                    self._threads.append(threading.Thread(target=_pass, args=(source, sink, kept), daemon=True))
                    self._threads[-1].start()


def _pass(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            kept += data
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)
